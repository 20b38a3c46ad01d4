/* test_spec.c - canonical specs, and their text in both directions. Messages: tests/golden/text. */
#include <check.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "graph/spec.h"
#include "support/fault.h"

static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2] x, bool c) => (float[2] z, float[2] y) <float[2] \"w/1\" = {1,2}> {\n"
    "  y, u = F (x, \"w/1\", \"\")\n"
    "  z = If (c) <then_branch = b () => (p) { p = Neg (y) },\n"
    "              else_branch = e () => (q) { q = G (y, x) }>\n"
    "}\n";

typedef struct fixture {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
} fixture;

static void
open_fixture(fixture *f)
{
    *f = (fixture){.log = {0}};
    f->ctx = fault_ctx(NULL, NULL, &f->log);
    ck_assert_int_eq(quire_model_parse(&f->ctx, quire_bytes_of(model_text), NULL, &f->m), QUIRE_OK);
}

static void
close_fixture(fixture *f)
{
    quire_model_destroy(&f->ctx, f->m);
}

/* Parses `text`, prints it, and compares with `expected`. */
static void
check_spec(fixture *f, const char *text, const char *expected)
{
    quire_bytes rest = quire_bytes_of(text);
    quire_spec spec;
    quire_writer w;
    quire_text out;
    ck_assert_msg(quire_spec_parse(&f->ctx, f->m, NULL, &rest, &spec) == QUIRE_OK, "%s: %s", text,
                  f->log.message);
    ck_assert_uint_eq(rest.len, 0);
    ck_assert_uint_eq(spec.size, sizeof spec);
    quire_writer_to_text(&w, &f->ctx, &out);
    quire_spec_print(&w, f->m, &spec);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(out.ptr, expected);
    quire_text_free(&f->ctx, &out);
}

START_TEST(specs_read_back_as_they_were_printed)
{
    /* The specs of docs/text-form.md, and one of every spelling. */
    static const char *const texts[] = {
        "u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12)",
        "i8 tensor affine zp=int observer=histogram",
        "= y<-0",
        "i8 axis=0 symmetric zp=none range=-127..127 observer=minmax",
        "i32 axis=0 symmetric zp=none derived bias(y<-0, y<-1)",
        "u8 tensor affine zp=int fixed(0x1p-8, 0)",
        "float",
        "u4 axis=1 block=32 affine zp=int scale=f16 dynamic observer=mse(a(b),c)",
        "i2 tensor symmetric zp=none",
        "f8e4m3fn tensor symmetric zp=none fixed(0.1, 0)",
        "u16 tensor affine zp=int fixed(1e-05, 65535)",
        "= z/then_branch/p<-0",
        "= \"w/1\"",
        "= ->1",
        "= z/else_branch/->0",
    };
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_spec(&f, texts[i], texts[i]);
    close_fixture(&f);
}
END_TEST

START_TEST(other_spellings_become_canonical)
{
    fixture f;
    open_fixture(&f);
    check_spec(&f, "u8  tensor\taffine zp=int range=0..255 scale=f32", "u8 tensor affine zp=int");
    check_spec(&f, "u8 tensor affine zp=int fixed( 0.00390625 ,0 )",
               "u8 tensor affine zp=int fixed(0x1p-8, 0)");
    check_spec(&f, "u8 tensor affine zp=int fixed(0x1.8p+1, 0)",
               "u8 tensor affine zp=int fixed(3, 0)");
    check_spec(&f, "=\"\\x77/1\"", "= \"w/1\"");
    close_fixture(&f);
}
END_TEST

START_TEST(parsing_stops_behind_the_spec)
{
    fixture f;
    quire_spec spec;
    quire_slot slot;
    open_fixture(&f);
    quire_bytes text = quire_bytes_of("y<-1 float by someone");
    ck_assert_int_eq(quire_slot_parse(&f.ctx, f.m, NULL, &text, &slot), QUIRE_OK);
    ck_assert_uint_eq(slot.is_use, 1);
    ck_assert_uint_eq(quire_use_at(f.m, (quire_use){slot.id})->index, 1);
    ck_assert_int_eq(quire_spec_parse(&f.ctx, f.m, NULL, &text, &spec), QUIRE_OK);
    ck_assert(quire_bytes_equal(text, quire_bytes_of(" by someone")));
    close_fixture(&f);
}
END_TEST

START_TEST(equal_specs_are_equal_bytes)
{
    fixture f;
    open_fixture(&f);
    quire_spec a = {.kind = QUIRE_SPEC_QUANTIZED,
                    .dtype = QUIRE_DTYPE_UINT8,
                    .zero_point = QUIRE_ZERO_POINT_INT};
    quire_spec b = a;
    b.qmax = 255; /* the default, said */
    b.axis = 3;   /* not used per tensor */
    b.n_targets = 2;
    b.fixed_zero_point = 9;
    b.scale_type = QUIRE_DTYPE_FLOAT;
    ck_assert_int_eq(quire_spec_canonicalize(&f.ctx, &a, NULL), QUIRE_OK);
    ck_assert_int_eq(quire_spec_canonicalize(&f.ctx, &b, NULL), QUIRE_OK);
    ck_assert(quire_spec_equal(&a, &b));
    b.dynamic = 1;
    ck_assert(!quire_spec_equal(&a, &b));
    close_fixture(&f);
}
END_TEST

START_TEST(canonical_is_refused_field_by_field)
{
    const quire_spec good = {.kind = QUIRE_SPEC_QUANTIZED,
                             .dtype = QUIRE_DTYPE_UINT8,
                             .zero_point = QUIRE_ZERO_POINT_INT};
    quire_spec bad[] = {good, good, good, good, good, good, good, good};
    static const char *const fields[] = {"kind",        "dtype", "range", "zp",
                                         "granularity", "axis",  "scale", "shared"};
    bad[0].kind = 77;
    bad[1].dtype = QUIRE_DTYPE_STRING;
    bad[2].qmin = 5;
    bad[3].zero_point = 9;
    bad[4].granularity = 9;
    bad[5].granularity = QUIRE_PER_AXIS;
    bad[5].axis = -1;
    bad[6].scale_type = QUIRE_DTYPE_INT8;
    bad[7].kind = QUIRE_SPEC_SHARED;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault_log log = {0};
        quire_ctx ctx = fault_ctx(NULL, NULL, &log);
        ck_assert_int_eq(quire_spec_canonicalize(&ctx, &bad[i], "here"), QUIRE_E_INVALID);
        ck_assert_uint_eq(log.n_errors, 1);
        ck_assert_str_eq(log.path, "here");
        ck_assert_msg(strncmp(log.message, fields[i], strlen(fields[i])) == 0, "%s: %s", fields[i],
                      log.message);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("spec");
    TCase *all = tcase_create("spec");
    tcase_add_test(all, specs_read_back_as_they_were_printed);
    tcase_add_test(all, other_spellings_become_canonical);
    tcase_add_test(all, parsing_stops_behind_the_spec);
    tcase_add_test(all, equal_specs_are_equal_bytes);
    tcase_add_test(all, canonical_is_refused_field_by_field);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
