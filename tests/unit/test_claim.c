/* test_claim.c - annotation texts in both directions. Expected texts are written by hand from
 * claim.h and docs/text-form.md.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/claim.h"
#include "graph/parse.h"
#include "support/fault.h"
#include "support/suite.h"

static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2] x, bool c) => (float[2] z, float[2] y) <float[2] \"w/1\" = {1,2}> {\n"
    "  y, u = F (x, \"w/1\", \"\")\n"
    "  z = If (c) <then_branch = b () => (p) { p = Neg (y) },\n"
    "              else_branch = e () => (q) { q = G (y, x) }>\n"
    "  by = Neg (y)\n"
    "}\n";

#define HEAD "quire-annotations 1\n"

typedef struct fixture {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
    quire_slot_reader reader;
    quire_claims claims;
} fixture;

static void
open_fixture(fixture *f, quire_slot_missing missing)
{
    *f = (fixture){.log = {0}};
    f->ctx = fault_ctx(NULL, NULL, &f->log);
    f->ctx.file = "model.onnx";
    ck_assert_int_eq(quire_model_parse(&f->ctx, quire_bytes_of(model_text), NULL, &f->m), QUIRE_OK);
    ck_assert_int_eq(quire_slot_reader_init(&f->ctx, f->m, missing, &f->reader), QUIRE_OK);
}

static void
close_fixture(fixture *f)
{
    quire_claims_deinit(&f->ctx, &f->claims);
    quire_slot_reader_deinit(&f->reader);
    quire_model_destroy(&f->ctx, f->m);
}

static quire_status
read_bytes(fixture *f, quire_bytes text)
{
    f->claims.n = 0;
    f->log.n_errors = 0;
    return quire_claims_parse(&f->reader, text, &f->claims);
}

static void
check_read(fixture *f, const char *text, size_t n)
{
    const quire_status status = read_bytes(f, quire_bytes_of(text));
    ck_assert_msg(status == QUIRE_OK, "%s: %s", f->log.path, f->log.message);
    ck_assert_uint_eq(f->claims.n, n);
}

static void
check_printed(fixture *f, const char *expected)
{
    quire_writer w;
    quire_text out;
    quire_writer_to_text(&w, &f->ctx, &out);
    quire_claims_print(&w, f->m, &f->claims);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(out.ptr, expected);
    quire_text_free(&f->ctx, &out);
}

static const char *
sym_text(const fixture *f, quire_sym sym)
{
    return sym.id == 0 ? "none" : (const char *)quire_sym_bytes(f->m, sym).ptr;
}

/* The text of docs/text-form.md, with everything a line can have. */
static const char result_text[] = HEAD
    "x                        u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12)     "
    "by pt2e-embedding\n"
    "\"w/1\"                    i8 tensor affine zp=int observer=histogram                 "
    "by static-int8 !10       # lost: u8 tensor affine zp=int by acme-npu\n"
    "y<-0                     = \"w/1\"                                                    "
    "by a,static-int8\n"
    "y<-1                     i8 axis=0 symmetric zp=none range=-127..127 observer=minmax by "
    "static-int8 noshare  # reason: \"because\"\n"
    "by<-0                    i32 axis=0 symmetric zp=none derived bias-of-conv(y<-0, y<-1) by "
    "b,c:d@e/f+1 !-3    # reason b: \"\\x22q\\x22 \\x0a; #\"; lost: float by z !-4 noshare reason: "
    "\"late\"; lost: = x by \"z z\" !-4\n"
    "z/then_branch/->0        float                                                      "
    "by rules.json:14\n";

START_TEST(results_read_back_as_they_were_printed)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    check_read(&f, result_text, 11);
    check_printed(&f, result_text);
    const quire_claim *const c = f.claims.ptr;
    ck_assert_str_eq(sym_text(&f, c[1].who), "static-int8");
    ck_assert_int_eq(c[1].priority, 10);
    ck_assert_uint_eq(c[1].line, 3);
    ck_assert_uint_eq(c[1].flags, 0);
    ck_assert_str_eq(sym_text(&f, c[2].who), "acme-npu");
    ck_assert_uint_eq(c[2].flags, QUIRE_CLAIM_LOST);
    ck_assert_int_eq(c[2].priority, 0);
    ck_assert(quire_slot_equal(c[2].slot, c[1].slot));
    ck_assert_uint_eq(c[3].spec.row, 0);
    ck_assert(quire_slot_equal(c[3].spec.target, c[1].slot));
    ck_assert(quire_spec_ref_equal(c[3].spec, c[4].spec));
    ck_assert_uint_eq(c[5].flags, QUIRE_CLAIM_NOSHARE);
    ck_assert_str_eq(sym_text(&f, c[5].reason), "because");
    ck_assert_str_eq(sym_text(&f, c[6].reason), "\"q\" \n; #");
    ck_assert_uint_eq(c[7].reason.id, 0);
    ck_assert_str_eq(sym_text(&f, c[7].who), "c:d@e/f+1");
    ck_assert_uint_eq(c[8].flags, QUIRE_CLAIM_NOSHARE | QUIRE_CLAIM_LOST);
    ck_assert_str_eq(sym_text(&f, c[8].reason), "late");
    ck_assert_str_eq(sym_text(&f, c[9].who), "z z");
    close_fixture(&f);
}
END_TEST

START_TEST(requests_come_in_any_spelling)
{
    static const char text[] = "quire-annotations  1 \t\r\n"
                               "\r\n"
                               "# by nobody # twice\r\n"
                               "\t\"w\\x2f1\"  float\tby\tb , what it is\r\n";
    static const char *const good[] = {
        "y float by b",
        "y float by b!3 noshare#x",
        "\"y\" = u by \"b\" !0\t# free; text \xc3\xa9",
        "by float by by",
        "y = by by by,noshare noshare",
        "y u8 tensor affine zp=int observer=o(#by) by b",
    };
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    ck_assert_int_eq(read_bytes(&f, quire_bytes_of(text)), QUIRE_E_INVALID);
    ck_assert_str_eq(f.log.path, "line 4: column 23"); /* no blank before the comma */
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char whole[200];
        snprintf(whole, sizeof whole, HEAD "%s", good[i]);
        check_read(&f, whole, i == 4 ? 2 : 1);
        ck_assert_uint_eq(f.claims.ptr[0].line, 2);
    }
    check_read(&f, "quire-annotations  1 \t\r\n\r\n # x\r\n\t\"w\\x2f1\"  float\tby\tb\r\n", 1);
    check_printed(&f, HEAD "\"w/1\"                    float                                  "
                           "                    by b\n");
    check_read(&f, "quire-annotations 1", 0);
    check_printed(&f, HEAD);
    close_fixture(&f);
}
END_TEST

START_TEST(other_comments_are_dropped)
{
    static const char *const comments[] = {
        "lost: u8 ... by acme",
        "lost: u8 tensor affine zp=int",
        "lost:",
        "reason: x",
        "reason: \"x\" and more",
        "reason: \"x\";",
        "reason b: \"x\"",
        "reason",
        "Reason: \"x\"",
        "reason: \"x\"; lost: = gone by c",
        "lost: float by c; todo",
        "reason: \"\\xzz\"",
    };
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        char text[200];
        snprintf(text, sizeof text, HEAD "y float by a # %s\n", comments[i]);
        check_read(&f, text, 1);
        ck_assert_uint_eq(f.claims.ptr[0].reason.id, 0);
        ck_assert_uint_eq(f.log.n_errors + f.log.n_others, 0);
    }
    close_fixture(&f);
}
END_TEST

/* What is wrong, where, and what the message says. */
static const char *const bad[][3] = {
    {"", "a.txt:1: column 1", "found \"\"; the first line of an annotation text is \"quire-ann"},
    {"\n", "a.txt:1: column 1", "the first line"},
    {"# x\nquire-annotations 1\n", "a.txt:1: column 1", "found \"# x\""},
    {"quire-annotations", "a.txt:1: column 1", "the first line"},
    {"quire-annotations one\n", "a.txt:1: column 19", "expected a 64-bit integer"},
    {"quire-annotations 2\n", "a.txt:1: column 20", "version 2; this quire reads version 1"},
    {"quire-annotations 1 # x\n", "a.txt:1: column 21", "the first line"},
    {"\xef\xbb\xbfquire-annotations 1\n", "a.txt:1: column 4", "byte order mark"},
    {"\xff\xfeq\0u\0", "a.txt:1: column 1", "the first line"},
    {HEAD "y\n", "a.txt:2: column 2", "expected 'float'"},
    {HEAD "y=x by a\n", "a.txt:2: column 2", "expected a blank behind the slot, found \"=x by a\""},
    {HEAD "y float\n", "a.txt:2: column 8", "expected 'by' and who asks, found \"\""},
    {HEAD "y float bye a\n", "a.txt:2: column 9", "found \"bye a\""},
    {HEAD "\ny float by\n", "a.txt:3: column 11", "expected the name of a claimant"},
    {HEAD "y float by #\n", "a.txt:2: column 12", "expected the name of a claimant"},
    {HEAD "y float by \xc3\xa9\n", "a.txt:2: column 12", "what is not ASCII is quoted"},
    {HEAD "y float by \"\"\n", "a.txt:2: column 14", "found an empty name"},
    {HEAD "y float by a,\n", "a.txt:2: column 14", "expected the name of a claimant"},
    {HEAD "y float by a !\n", "a.txt:2: column 15", "expected a 64-bit integer"},
    {HEAD "y float by a !2147483648\n", "a.txt:2: column 15",
     "allowed is -2147483648 to 2147483647"},
    {HEAD "y float by a noshare !1\n", "a.txt:2: column 22", "in this order, found \"!1\""},
    {HEAD "y float by a \xc3\xa9\n", "a.txt:2: column 14", "found \"\xc3\xa9\""},
    {HEAD "y float by a\rb\n", "a.txt:2: column 13", "found \"\\x0Db\""},
    {HEAD "gone float by a\n", "a.txt:2: column 1", "called \"gone\"; nearest: "},
    {HEAD "y = gone by a\n", "a.txt:2: column 5", "called \"gone\"; nearest: "},
    {HEAD "y = y<-z by a\n", "a.txt:2: column 8", "expected a 64-bit integer"},
    {HEAD "\xef\xbb\xbfy float by a\n", "a.txt:2: column 1", "expected the name of a value"},
    {HEAD "  y u8 tensor affine zp=int range=3..3 by a\n", "a.txt:2: column 5", "LO < HI"},
    {HEAD "y float by a\n\"y\" float by a\n", "a.txt:3",
     "\"a\" asks for y in line 2 and again in line 3"},
    {HEAD "y float by a\n\n\"\\x79\" = x by c,a\n", "a.txt:4", "in line 2 and again in line 4"},
    {HEAD "y<-7 float by a,a\n", "a.txt:2", "\"a\" asks for y<-7 in line 2 and again in line 2"},
};

START_TEST(mistakes_are_told_with_their_place)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    f.reader.origin = "a.txt";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(read_bytes(&f, quire_bytes_of(bad[i][0])) == QUIRE_E_INVALID, "%s",
                      bad[i][0]);
        ck_assert_uint_eq(f.log.n_errors, 1);
        ck_assert_msg(strcmp(f.log.path, bad[i][1]) == 0, "%s: %s: %s", bad[i][0], f.log.path,
                      f.log.message);
        ck_assert_str_eq(f.log.file, "");
        ck_assert_msg(strstr(f.log.message, bad[i][2]) != NULL, "%s: %s", bad[i][0], f.log.message);
    }
    f.reader.origin = NULL;
    ck_assert_int_eq(read_bytes(&f, quire_bytes_of(HEAD "y float")), QUIRE_E_INVALID);
    ck_assert_str_eq(f.log.path, "line 2: column 8");
    ck_assert_str_eq(f.log.file, "model.onnx");
    close_fixture(&f);
}
END_TEST

START_TEST(bytes_that_no_text_has)
{
    static const char nul_in_comment[] = HEAD "y float by a # \0\n";
    static const char nul_in_line[] = HEAD "y float\0by a\n";
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    ck_assert_int_eq(
        read_bytes(&f, (quire_bytes){(const uint8_t *)nul_in_comment, sizeof nul_in_comment - 1}),
        QUIRE_OK);
    ck_assert_int_eq(
        read_bytes(&f, (quire_bytes){(const uint8_t *)nul_in_line, sizeof nul_in_line - 1}),
        QUIRE_E_INVALID);
    ck_assert_str_eq(f.log.message, "expected 'by' and who asks, found \"\\x00by a\"");
    ck_assert_int_eq(read_bytes(&f, (quire_bytes){NULL, 0}), QUIRE_E_INVALID);
    close_fixture(&f);
}
END_TEST

START_TEST(one_slot_has_one_identity)
{
    fixture f;
    open_fixture(&f, QUIRE_NOTHING_IS_LOOKED_UP);
    check_read(&f,
               HEAD "\"a\"<-01 float by a\n"
                    "a<-1 float by b # lost: float by a; lost: float by a\n"
                    "\"\\x00\\x7f\\xff\\x20\\x22\\x5c#\"/\"\"/\"->0\" = \"a<-0\" by \" \"\n",
               5);
    check_printed(&f, HEAD
                  "a<-1                     float                                                "
                  "      by a,b                   # lost: float by a; lost: float by a\n"
                  "\"\\x00\\x7f\\xff \\x22\\x5c#\"/\"\"/\"->0\" = \"a<-0\"                        "
                  "             "
                  "     by \" \"\n");
    close_fixture(&f);
}
END_TEST

/* A name with every byte, twice: as the text says it, and as a value's name would be. */
START_TEST(every_byte_may_be_in_a_name)
{
    char text[3000] = HEAD "\"";
    fixture f;
    open_fixture(&f, QUIRE_NOTHING_IS_LOOKED_UP);
    for (int c = 0; c < 256; c++)
        sprintf(text + strlen(text), "\\x%02X", (unsigned)c);
    strcat(text, "\" float by a\n");
    check_read(&f, text, 1);
    const quire_bytes slot = quire_sym_bytes(f.m, (quire_sym){f.claims.ptr[0].slot.id});
    ck_assert_uint_eq(slot.len, 2 + 4 * (256 - 93) + 93); /* 95 printable, but for " and \ */
    for (size_t i = 0; i < slot.len; i++)
        ck_assert(slot.ptr[i] >= 0x20 && slot.ptr[i] <= 0x7e);
    close_fixture(&f);
}
END_TEST

/* 300,000 lines about as many slots, and a line of 1 MB: quick, so linear. */
START_TEST(long_texts)
{
    enum { N = 300000, MB = 1 << 20 };
    fixture f;
    open_fixture(&f, QUIRE_NOTHING_IS_LOOKED_UP);
    char *text = malloc((size_t)N * 40 + 2 * MB);
    char *p = text + sprintf(text, HEAD);
    for (int i = 0; i < N; i++)
        p += sprintf(p, "v%d u8 tensor affine zp=int by a\n", i);
    memset(p, 'n', MB);
    p += MB;
    p += sprintf(p, " float by a # ");
    memset(p, 'c', MB - 100);
    p[MB - 100] = '\0';
    check_read(&f, text, N + 1);
    ck_assert_uint_eq(quire_spec_rows(f.m), 2);
    free(text);
    close_fixture(&f);
}
END_TEST

START_TEST(specs_are_kept_once)
{
    fixture f;
    quire_spec spec = {.kind = QUIRE_SPEC_QUANTIZED, .dtype = QUIRE_DTYPE_UINT8, .symmetric = 1};
    quire_spec_ref ref, again;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    ck_assert_uint_eq(quire_spec_rows(f.m), 0);
    for (int32_t axis = 0; axis < 1000; axis++) {
        quire_spec s = spec;
        s.granularity = QUIRE_PER_AXIS;
        s.axis = axis;
        ck_assert_int_eq(quire_spec_canonicalize(&f.ctx, &s, NULL), QUIRE_OK);
        ck_assert_int_eq(quire_spec_intern(&f.ctx, f.m, &s, &ref), QUIRE_OK);
        ck_assert_int_eq(quire_spec_intern(&f.ctx, f.m, &s, &again), QUIRE_OK);
        ck_assert_uint_eq(ref.row, (uint32_t)axis + 1);
        ck_assert(quire_spec_ref_equal(ref, again));
        ck_assert_int_eq(quire_spec_at(f.m, ref.row)->axis, axis);
    }
    ck_assert_uint_eq(quire_spec_rows(f.m), 1000);
    quire_spec shared = {.kind = QUIRE_SPEC_SHARED, .n_targets = 1, .targets = {{1, 7}}};
    ck_assert_int_eq(quire_spec_canonicalize(&f.ctx, &shared, NULL), QUIRE_OK);
    ck_assert_int_eq(quire_spec_intern(&f.ctx, f.m, &shared, &ref), QUIRE_OK);
    ck_assert_uint_eq(ref.row, 0);
    const quire_spec back = quire_spec_of_ref(f.m, ref);
    ck_assert(quire_spec_equal(&back, &shared));
    close_fixture(&f);
}
END_TEST

/* Reads and prints with a model that allocates from the context. */
static quire_status
read_and_print(quire_ctx *ctx, quire_claims *claims)
{
    quire_model *m;
    quire_slot_reader reader;
    quire_writer w;
    quire_text out;
    QUIRE_TRY(quire_model_create(ctx, &m));
    quire_status status = quire_slot_reader_init(ctx, m, QUIRE_NOTHING_IS_LOOKED_UP, &reader);
    if (status == QUIRE_OK) {
        status = quire_claims_parse(&reader, quire_bytes_of(result_text), claims);
        quire_slot_reader_deinit(&reader);
    }
    if (status == QUIRE_OK) {
        quire_writer_to_text(&w, ctx, &out);
        quire_claims_print(&w, m, claims);
        status = quire_writer_finish(&w);
        if (status == QUIRE_OK) ck_assert_str_eq(out.ptr, result_text);
        quire_text_free(ctx, &out);
    }
    quire_claims_deinit(ctx, claims);
    quire_model_destroy(ctx, m);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    for (size_t n = 1;; n++) {
        fault_alloc alloc;
        fault_log log = {0};
        quire_claims claims = {0};
        fault_alloc_init(&alloc, n, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        const quire_status status = read_and_print(&ctx, &claims);
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_int_eq(status, alloc.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
        ck_assert_uint_eq(log.n_errors, alloc.n_failed == 0 ? 0 : 1);
        if (alloc.n_failed == 0) break;
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("claim");
    TCase *all = tcase_create("claim");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, results_read_back_as_they_were_printed);
    tcase_add_test(all, requests_come_in_any_spelling);
    tcase_add_test(all, other_comments_are_dropped);
    tcase_add_test(all, mistakes_are_told_with_their_place);
    tcase_add_test(all, bytes_that_no_text_has);
    tcase_add_test(all, one_slot_has_one_identity);
    tcase_add_test(all, every_byte_may_be_in_a_name);
    tcase_add_test(all, long_texts);
    tcase_add_test(all, specs_are_kept_once);
    tcase_add_test(all, every_allocation_may_fail);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
