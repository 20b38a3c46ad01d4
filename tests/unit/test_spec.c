/* test_spec.c - canonical specs, and their text in both directions. Messages: tests/golden/text. */
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "base/real.h"
#include "graph/parse.h"
#include "graph/spec.h"
#include "support/fault.h"
#include "support/suite.h"

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
    quire_slot_reader reader;
} fixture;

static void
open_fixture(fixture *f)
{
    *f = (fixture){.log = {0}};
    f->ctx = fault_ctx(NULL, NULL, &f->log);
    ck_assert_int_eq(quire_model_parse(&f->ctx, quire_bytes_of(model_text), NULL, &f->m), QUIRE_OK);
    ck_assert_int_eq(quire_slot_reader_init(&f->ctx, f->m, QUIRE_MISSING_REFUSED, &f->reader),
                     QUIRE_OK);
}

static void
close_fixture(fixture *f)
{
    quire_slot_reader_deinit(&f->reader);
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
    ck_assert_msg(quire_spec_parse(&f->reader, NULL, &rest, &spec) == QUIRE_OK, "%s: %s", text,
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
        "u1 tensor affine zp=int",
        "i16 tensor symmetric zp=none range=-32767..32767",
        "u13 tensor affine zp=int range=0..1",
        "bf16 tensor symmetric zp=none scale=bf16",
        "f4e2m1 axis=1 block=16 symmetric zp=none scale=f8e4m3fn",
        "f6e2m3 axis=1 block=32 symmetric zp=none scale=f8e8m0",
        "i8 tensor symmetric zp=none range=-128..-1 scale=f64 dynamic",
        "u8 axis=2147483647 block=4294967295 affine zp=float",
        "u8 tensor affine zp=float fixed(0.5, -1.5)",
        "u8 tensor affine zp=int observer=a-b.c_1 fixed(1, 0)",
        "u8 tensor affine zp=int observer=\"two words\"(a=\"b\")",
        "u8 tensor affine zp=int observer=\"a:b\"(\")(\\x0a\")",
        "u8 tensor affine zp=int observer=m(\"\\x22\")",
        "u8 tensor affine zp=int observer=m(# by x; \\)",
        "i32 tensor symmetric zp=none dynamic derived \"my formula\"(x, ->0, y<-2)",
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
    check_spec(&f, "u3 tensor affine zp=int range=0..7", "u3 tensor affine zp=int");
    check_spec(&f, "i1 tensor affine zp=int range=-1..0", "i1 tensor affine zp=int");
    check_spec(&f, "i32 tensor affine zp=int range=-2147483648..2147483647",
               "i32 tensor affine zp=int");
    check_spec(&f, "u8 tensor affine zp=int observer=minmax()",
               "u8 tensor affine zp=int observer=minmax");
    check_spec(&f, "u8 tensor affine zp=int observer=\"minmax\"(\"\")",
               "u8 tensor affine zp=int observer=minmax");
    check_spec(&f, "u8 tensor affine zp=int observer=\"m\"(\"e=1\")",
               "u8 tensor affine zp=int observer=m(e=1)");
    check_spec(&f, "u8 tensor affine zp=float fixed(1e0,-0.0)",
               "u8 tensor affine zp=float fixed(1, 0)");
    check_spec(&f, "i8 tensor symmetric zp=none derived  f( x ,y<-00 )",
               "i8 tensor symmetric zp=none derived f(x, y<-0)");
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
    ck_assert_int_eq(quire_slot_parse(&f.reader, NULL, &text, &slot), QUIRE_OK);
    ck_assert_uint_eq(slot.kind, 1);
    ck_assert_uint_eq(quire_use_at(f.m, (quire_use){slot.id})->index, 1);
    ck_assert_int_eq(quire_spec_parse(&f.reader, NULL, &text, &spec), QUIRE_OK);
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

/* Whatever bytes a plugin gives for names and options: the text reads back to the same symbols. */
START_TEST(any_bytes_read_back)
{
    uint64_t random = 1;
    fixture f;
    open_fixture(&f);
    for (int i = 0; i < 3000; i++) {
        static uint8_t bytes[3000][3][8];
        static const char tempting[] = "()\"\\ #;,ab";
        quire_sym sym[3];
        for (int k = 0; k < 3; k++) {
            const size_t len = (size_t)(random >> 33) % 8 + 1;
            for (size_t j = 0; j < len; j++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                const uint8_t byte = (uint8_t)(random >> 40);
                bytes[i][k][j] = byte % 2 == 0 ? byte : (uint8_t)tempting[byte % 10];
            }
            const quire_bytes text = {bytes[i][k], len};
            ck_assert_int_eq(quire_syms_intern(&f.ctx, &f.m->syms, text, &sym[k]), QUIRE_OK);
        }
        quire_spec spec = {.kind = i % 2 == 0 ? QUIRE_SPEC_QUANTIZED : QUIRE_SPEC_DERIVED,
                           .dtype = QUIRE_DTYPE_UINT8,
                           .symmetric = 1,
                           .n_targets = 1,
                           .formula = sym[2],
                           .targets = {{QUIRE_SLOT_RESULT, 1}}};
        if (i % 2 == 0) {
            spec.observer = sym[0];
            spec.observer_options = sym[1];
        }
        quire_spec back;
        quire_writer w;
        quire_text out;
        ck_assert_int_eq(quire_spec_canonicalize(&f.ctx, &spec, NULL), QUIRE_OK);
        quire_writer_to_text(&w, &f.ctx, &out);
        quire_spec_print(&w, f.m, &spec);
        ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
        quire_bytes rest = {(const uint8_t *)out.ptr, out.len};
        ck_assert_msg(quire_spec_parse(&f.reader, NULL, &rest, &back) == QUIRE_OK, "%s: %s",
                      out.ptr, f.log.message);
        ck_assert_msg(rest.len == 0 && quire_spec_equal(&back, &spec), "%s", out.ptr);
        quire_text_free(&f.ctx, &out);
    }
    close_fixture(&f);
}
END_TEST

/* Texts that are no spec: where, and what is said. */
static const char *const refused[][3] = {
    {"", "column 1", "expected 'float'"},
    {"u9x tensor affine zp=int", "column 1", "expected 'float'"},
    {"u0 tensor affine zp=int", "column 1", "expected 'float'"},
    {"u17 tensor affine zp=int", "column 1", "expected 'float'"},
    {"u08 tensor affine zp=int", "column 1", "expected 'float'"},
    {"f32 tensor affine zp=int", "column 1",
     "dtype: found f32, which quantizes nothing; write float"},
    {"f64 tensor affine zp=int", "column 1", "dtype: found f64, which is no type of codes"},
    {"f8e8m0 tensor symmetric zp=none", "column 1", "dtype: found f8e8m0, which is no type of"},
    {"i64 tensor affine zp=int", "column 1", "dtype: found i64, which is no type of codes"},
    {"u64 tensor affine zp=int", "column 1", "dtype: found u64, which is no type of codes"},
    {"bool tensor affine zp=int", "column 1", "expected 'float'"},
    {"u8 affine zp=int", "column 4", "expected 'tensor' or 'axis=K'"},
    {"u8 axis=-1 affine zp=int", "column 11", "axis: found -1; allowed is 0 to 2147483647"},
    {"u8 axis=2147483648 affine zp=int", "column 19", "axis: found 2147483648"},
    {"u8 axis=0 block=0 affine zp=int", "column 18", "block: found 0"},
    {"u8 axis=0 block=4294967296 affine zp=int", "column 27", "block: found 4294967296"},
    {"u8 tensor affine zp=none", "column 1", "zp: found none; allowed are int and float"},
    {"u8 tensor symmetric zp=float", "column 1", "zp: found float; allowed is none"},
    {"f8e5m2 tensor affine zp=int", "column 1", "zp: found int"},
    {"u8 tensor affine zp=int range=0..256", "column 1", "range: found 0..256"},
    {"u8 tensor affine zp=int range=5..4", "column 1", "range: found 5..4; allowed is LO..HI"},
    {"u8 tensor affine zp=int range=0..0", "column 35", "range: found 0..0; allowed is LO..HI"},
    {"u8 tensor affine zp=int range=7..7", "column 1", "range: found 7..7"},
    {"i3 tensor affine zp=int range=-5..3", "column 1", "within -4..3 of i3"},
    {"u8 tensor affine zp=int range=0..9223372036854775808", "column 34", "64-bit integer"},
    {"f16 tensor symmetric zp=none range=1..2", "column 1", "codes of type f16 have none"},
    {"u8 tensor affine zp=int scale=u8", "column 1", "scale: found type u8"},
    {"u8 tensor affine zp=int scale=i3", "column 1", "scale: found type i3"},
    {"u8 tensor affine zp=int scale=x", "column 32", "scale: expected a type"},
    {"u8 tensor affine zp=int fixed(0, 0)", "column 1", "fixed: found scale 0"},
    {"u8 tensor affine zp=int fixed(-1, 0)", "column 1", "fixed: found scale -1"},
    {"u8 tensor affine zp=int fixed(nan, 0)", "column 31", "expected a finite number"},
    {"u8 tensor affine zp=int fixed(inf, 0)", "column 31", "expected a finite number"},
    {"u8 tensor affine zp=int fixed(1e999, 0)", "column 31", "expected a finite number"},
    {"u8 tensor affine zp=int fixed(1,5, 0)", "column 34", "expected ')'"},
    {"u8 tensor affine zp=int fixed(1, 256)", "column 1", "zero point 256; allowed is 0..255"},
    {"u8 tensor affine zp=int fixed(1, 0.5)", "column 35", "expected ')'"},
    {"u8 tensor symmetric zp=none fixed(1, 1)", "column 1", "allowed is 0 with zp=none"},
    {"u8 tensor affine zp=int observer=", "column 34", "expected the name of an observer"},
    {"u8 tensor affine zp=int observer=\"\"", "column 1", "observer: found an empty name"},
    {"u8 tensor affine zp=int observer=m(a", "column 37", "expected ')' after the options"},
    {"u8 tensor affine zp=int observer=m(\"a\"b)", "column 39", "expected ')'"},
    {"u8 tensor affine zp=int derived f()", "column 35", "expected the name of a value"},
    {"u8 tensor affine zp=int derived \"\"(x)", "column 1", "derived: found no formula"},
    {"u8 tensor affine zp=int derived f(x,x,x,x,x,x,x,x,x)", "column 51", "more than 8 sources"},
    {"= ", "column 3", "expected the name of a value"},
};

START_TEST(texts_that_are_no_spec_are_refused)
{
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        quire_bytes rest = quire_bytes_of(refused[i][0]);
        quire_spec spec;
        f.log.n_errors = 0;
        ck_assert_msg(quire_spec_parse(&f.reader, NULL, &rest, &spec) == QUIRE_E_INVALID, "%s",
                      refused[i][0]);
        ck_assert_uint_eq(f.log.n_errors, 1);
        ck_assert_msg(strcmp(f.log.path, refused[i][1]) == 0 &&
                          strstr(f.log.message, refused[i][2]) != NULL,
                      "%s: %s: %s", refused[i][0], f.log.path, f.log.message);
    }
    close_fixture(&f);
}
END_TEST

START_TEST(every_integer_has_its_range)
{
    for (int bits = 1; bits <= 16; bits++) {
        for (int sign = 0; sign < 2; sign++) {
            char text[QUIRE_SPEC_TYPE_ROOM], back[QUIRE_SPEC_TYPE_ROOM];
            int64_t min, max;
            snprintf(text, sizeof text, "%c%d", sign ? 'i' : 'u', bits);
            const int32_t dtype = quire_spec_type_find(quire_bytes_of(text));
            ck_assert_int_ne(dtype, 0);
            ck_assert_str_eq(quire_spec_type_text(dtype, back), text);
            ck_assert(quire_spec_type_range(dtype, &min, &max));
            ck_assert_int_eq(min, sign ? -(1 << (bits - 1)) : 0);
            ck_assert_int_eq(max, (1 << (bits - sign)) - 1);
        }
    }
    char text[QUIRE_SPEC_TYPE_ROOM];
    static const int32_t none[] = {0, -1, 99, QUIRE_SPEC_INTEGERS, QUIRE_SPEC_INTEGERS + 34};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_str_eq(quire_spec_type_text(none[i], text), "?");
    ck_assert_int_eq(quire_spec_type_find(quire_bytes_of("u4")), QUIRE_DTYPE_UINT4);
}
END_TEST

START_TEST(canonical_is_refused_field_by_field)
{
    const quire_spec good = {.kind = QUIRE_SPEC_QUANTIZED,
                             .dtype = QUIRE_DTYPE_UINT8,
                             .zero_point = QUIRE_ZERO_POINT_INT};
    static const double wrong[] = {0, -0.0, -1, INFINITY, NAN};
    quire_spec bad[17];
    static const char *const fields[] = {"kind",    "dtype",   "range",  "zp",    "granularity",
                                         "axis",    "scale",   "shared", "block", "observer",
                                         "derived", "derived", "fixed",  "fixed", "fixed",
                                         "fixed",   "fixed"};
    for (size_t i = 0; i < 17; i++)
        bad[i] = good;
    bad[0].kind = 77;
    bad[1].dtype = QUIRE_DTYPE_STRING;
    bad[2].qmin = 5;
    bad[3].zero_point = 9;
    bad[4].granularity = 9;
    bad[5].granularity = QUIRE_PER_AXIS;
    bad[5].axis = -1;
    bad[6].scale_type = QUIRE_DTYPE_INT8;
    bad[7].kind = QUIRE_SPEC_SHARED;
    bad[8].granularity = QUIRE_PER_BLOCK;
    bad[9].observer.id = QUIRE_SYM_EMPTY;
    bad[10].kind = bad[11].kind = QUIRE_SPEC_DERIVED;
    bad[11].n_targets = 9;
    for (size_t i = 0; i < 5; i++) {
        bad[12 + i].kind = QUIRE_SPEC_FIXED;
        memcpy(&bad[12 + i].fixed_scale, &wrong[i], sizeof wrong[i]);
    }
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

/* --- comparing -------------------------------------------------------------------------------- */

static quire_spec
spec_of(fixture *f, const char *text)
{
    quire_bytes rest = quire_bytes_of(text);
    quire_spec spec;
    ck_assert_msg(quire_spec_parse(&f->reader, NULL, &rest, &spec) == QUIRE_OK, "%s", text);
    return spec;
}

START_TEST(specs_agree_on_the_tuple)
{
    static const struct {
        const char *a, *b, *difference;
        bool agree;
    } rows[] = {
        {"u8 tensor affine zp=int", "u8 tensor affine zp=int range=0..255 scale=f32", NULL, true},
        {"u8 tensor affine zp=int", "u8 tensor affine zp=int observer=m", "observer", true},
        {"u8 tensor affine zp=int observer=m", "u8 tensor affine zp=int observer=m(x)",
         "observer options", true},
        {"u8 tensor affine zp=int", "i8 tensor affine zp=int", "dtype", false},
        {"u8 tensor affine zp=int", "u8 axis=0 affine zp=int", "granularity", false},
        {"u8 axis=1 affine zp=int", "u8 axis=0 affine zp=int", "axis", false},
        {"u8 axis=0 block=2 affine zp=int", "u8 axis=0 block=3 affine zp=int", "block", false},
        {"u8 tensor symmetric zp=none", "u8 tensor affine zp=int", "symmetric", false},
        {"u8 tensor affine zp=float", "u8 tensor affine zp=int", "zp", false},
        {"u8 tensor affine zp=int range=1..255", "u8 tensor affine zp=int", "range", false},
        {"u8 tensor affine zp=int scale=f16", "u8 tensor affine zp=int", "scale", false},
        {"u8 tensor affine zp=int dynamic", "u8 tensor affine zp=int", "dynamic", false},
        {"u8 tensor affine zp=int fixed(1, 0)", "u8 tensor affine zp=int", "kind", false},
        {"u8 tensor affine zp=int fixed(1, 0)", "u8 tensor affine zp=int fixed(1, 0)", NULL, true},
        {"u8 tensor affine zp=int fixed(1, 0)", "u8 tensor affine zp=int fixed(1, 1)", "fixed",
         false},
        {"u8 tensor affine zp=int fixed(1, 0)", "u8 tensor affine zp=int fixed(2, 0)", "fixed",
         false},
        {"float", "float", NULL, false},
        {"= x", "= x", NULL, false},
        {"= x", "= y", "target", false},
        {"u8 tensor affine zp=int derived f(x)", "u8 tensor affine zp=int derived f(x)", NULL,
         false},
        {"u8 tensor affine zp=int derived f(x)", "u8 tensor affine zp=int derived g(x)", "formula",
         false},
        {"u8 tensor affine zp=int derived f(x)", "u8 tensor affine zp=int derived f(x, x)",
         "sources", false},
    };
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const quire_spec a = spec_of(&f, rows[i].a), b = spec_of(&f, rows[i].b);
        for (int swap = 0; swap < 2; swap++) {
            const char *field = quire_spec_difference(swap ? &b : &a, swap ? &a : &b);
            ck_assert_msg(quire_spec_agrees(swap ? &b : &a, swap ? &a : &b) == rows[i].agree,
                          "%s, %s", rows[i].a, rows[i].b);
            if (rows[i].difference == NULL)
                ck_assert_ptr_null(field);
            else
                ck_assert_str_eq(field, rows[i].difference);
            ck_assert(quire_spec_equal(&a, &b) == (field == NULL));
        }
    }
    close_fixture(&f);
}
END_TEST

/* --- numbers ---------------------------------------------------------------------------------- */

static void
check_numbers(void)
{
    static const struct {
        double x;
        const char *text;
    } rows[] = {{0, "0"},
                {-0.0, "-0"},
                {1, "1"},
                {0.1, "0.1"},
                {1e-05, "1e-05"},
                {0.00390625, "0x1p-8"},
                {1.0 / 3, "0x1.5555555555555p-2"},
                {1e300, "1e+300"},
                {123456, "123456"},
                {1234567, "0x1.2d687p+20"},
                {5e-324, "5e-324"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[QUIRE_REAL_ROOM];
        double back;
        ck_assert_str_eq(quire_real_print(rows[i].x, text), rows[i].text);
        ck_assert(quire_real_parse(quire_bytes_of(text), &back));
        ck_assert(memcmp(&back, &rows[i].x, sizeof back) == 0);
    }
    uint64_t bits = 12345;
    for (int i = 0; i < 20000; i++) {
        char text[QUIRE_REAL_ROOM];
        double x, back;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) continue;
        quire_real_print(x, text);
        ck_assert_msg(quire_real_parse(quire_bytes_of(text), &back), "%s", text);
        ck_assert_msg(memcmp(&back, &x, sizeof x) == 0, "%s", text);
    }
    static const char *const wrong[] = {"",         " 1", "1 ",    "1,5",   "inf", "nan",
                                        "infinity", "0x", "1e999", "--1",   "1f",  "e5",
                                        "1e",       ".",  "0x1p",  "nan(1)"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double x;
        ck_assert_msg(!quire_real_parse(quire_bytes_of(wrong[i]), &x), "%s", wrong[i]);
    }
}

START_TEST(numbers_read_back_to_their_bits)
{
    check_numbers();
}
END_TEST

/* The host program may have any locale; skipped where the machine has none with a comma. */
START_TEST(numbers_do_not_depend_on_the_locale)
{
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                             "de_DE",       "ru_RU.UTF-8", "nl_NL.UTF-8"};
    for (size_t i = 0; i < sizeof with_comma / sizeof *with_comma; i++) {
        if (setlocale(LC_ALL, with_comma[i]) == NULL) continue;
        ck_assert_str_eq(localeconv()->decimal_point, ",");
        check_numbers();
        ck_assert_str_eq(localeconv()->decimal_point, ",");
        setlocale(LC_ALL, "C");
        return;
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
    tcase_add_test(all, any_bytes_read_back);
    tcase_add_test(all, texts_that_are_no_spec_are_refused);
    tcase_add_test(all, every_integer_has_its_range);
    tcase_add_test(all, canonical_is_refused_field_by_field);
    tcase_add_test(all, specs_agree_on_the_tuple);
    tcase_add_test(all, numbers_read_back_to_their_bits);
    tcase_add_test(all, numbers_do_not_depend_on_the_locale);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
