/* test_selector.c - selectors through the library: every allocation failing, statuses and places
 * of mistakes, limits, and that the work grows with the model and not faster. What each atom
 * means is shown by tests/golden/select and checked by tests/conformance/test_selectors.py.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/parse.h"
#include "passes/pass.h"
#include "passes/selector.h"
#include "support/fault.h"
#include "support/suite.h"

static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (int64[N] i, bool c, float[N,4] x) => (float[N,4] y) <float[2,4] W = {1,2,3,4, 5,6,7,8}> {\n"
    "  e = Gather(W, i)\n"
    "  r = Relu(e)\n"
    "  y = If(c) <then_branch = t () => (a) { a = Add(r, x) },\n"
    "             else_branch = f () => (b) { b = Neg(r) }>\n"
    "}\n";

typedef struct found {
    char text[512]; /* slots, a blank behind each */
    size_t n;
} found;

static quire_model *
parse_model(quire_ctx *ctx, const char *text)
{
    quire_model *m = NULL;
    ck_assert_int_eq(quire_model_parse(ctx, quire_bytes_of(text), NULL, &m), QUIRE_OK);
    return m;
}

static quire_status
print_slots(quire_ctx *ctx, const quire_model *m, const quire_slot *slots, size_t n, found *out)
{
    quire_writer w;
    quire_text text = {0};
    quire_writer_to_text(&w, ctx, &text);
    for (size_t i = 0; i < n; i++) {
        quire_slot_print(&w, m, slots[i]);
        quire_write_str(&w, " ");
    }
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) snprintf(out->text, sizeof out->text, "%s", text.ptr);
    out->n = n;
    quire_text_free(ctx, &text);
    return status;
}

static quire_status
find_with(quire_ctx *ctx, const quire_selector *selector, const quire_model *m,
          const quire_slot_order *order, found *out)
{
    char why[400];
    quire_slot *slots;
    size_t n;
    QUIRE_TRY(quire_selector_find(ctx, selector, m, order, &slots, &n));
    quire_status status = print_slots(ctx, m, slots, n, out);
    quire_free(ctx->alloc, slots, n * sizeof *slots);
    if (status == QUIRE_OK && n == 0)
        status = quire_selector_tell_nearest(ctx, selector, m, order, why, sizeof why);
    if (status == QUIRE_OK && n == 0) snprintf(out->text, sizeof out->text, "%s", why);
    return status;
}

static quire_status
run(quire_ctx *ctx, const quire_model *m, const char *text, found *out)
{
    quire_selector *selector;
    quire_slot_order order;
    QUIRE_TRY(quire_selector_parse(ctx, quire_bytes_of(text), "rules.json:3:9", QUIRE_E_USAGE,
                                   &selector));
    quire_status status = quire_slot_order_make(ctx, m, &order);
    if (status == QUIRE_OK) {
        status = find_with(ctx, selector, m, &order, out);
        quire_slot_order_deinit(ctx, &order);
    }
    quire_selector_destroy(ctx, selector);
    return status;
}

static const struct {
    const char *selector, *slots;
} cases[] = {
    {"op:Gather", "e<-0 e<-1 "},
    {"re:\"^(r|e)$\" operand:0", "e<-0 r<-0 "},
    {"between:(op:Gather, op:Neg) and result", "e r y/else_branch/b "},
    {"in-body:y/* and op:re:d", "y/then_branch/a<-0 y/then_branch/a<-1 "},
    {"slot:\"y/else_branch/->0\" or not (operand or result or output or input)",
     "W y/else_branch/->0 "},
    {"consumer-of:op:Gather or producer-of:(output in-body:*)",
     "r<-0 y/then_branch/a<-0 y/then_branch/a<-1 y/else_branch/b<-0 "},
    {"tensor:ee", "tensor:ee is true of nothing; nearest names: \"e\", \"i\", \"c\""},
    {"slot:q", "slot:q is true of nothing; nearest names: \"i\", \"c\", \"x\""},
    {"in-body:then", "in-body:then is true of nothing; nearest names: \"y/then_branch\", "
                     "\"y/else_branch\""},
};

START_TEST(every_failed_allocation_is_told_and_leaves_nothing)
{
    const char *selector = cases[_i].selector;
    quire_ctx plain = fault_ctx(NULL, NULL, NULL);
    quire_model *m = parse_model(&plain, model_text);
    quire_status status = QUIRE_E_NOMEM;
    size_t n = 0;
    for (; status != QUIRE_OK && n < 1000; n++) {
        fault_alloc alloc;
        fault_log log = {0};
        found out = {{0}, 0};
        fault_alloc_init(&alloc, n + 1, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        status = run(&ctx, m, selector, &out);
        ck_assert(fault_alloc_is_clean(&alloc));
        if (status == QUIRE_OK) {
            ck_assert_str_eq(out.text, cases[_i].slots);
        } else {
            ck_assert_msg(status == QUIRE_E_NOMEM && log.n_errors == 1, "%s, allocation %zu: %s",
                          selector, n + 1, log.message);
        }
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_int_eq(status, QUIRE_OK);
    quire_model_destroy(&plain, m);
}
END_TEST

START_TEST(a_mistake_has_the_status_and_the_place_it_was_given)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_selector *selector;
    const quire_bytes text = quire_bytes_of("op:Gather and rows>x");
    ck_assert_int_eq(quire_selector_parse(&ctx, text, "rules.json:3:9", QUIRE_E_USAGE, &selector),
                     QUIRE_E_USAGE);
    ck_assert_str_eq(log.file, "rules.json:3:9");
    ck_assert_str_eq(log.message, "column 20: the number behind a comparison is missing: "
                                  "op:Gather and rows>^x");
    ck_assert_int_eq(quire_selector_parse(&ctx, text, NULL, QUIRE_E_INVALID, &selector),
                     QUIRE_E_INVALID);
    ck_assert_str_eq(log.file, "");
    ck_assert_uint_eq(log.n_errors, 2);
}
END_TEST

/* `n` times `part` between `first` and `last`; freed by the caller. */
static char *
repeated(const char *first, const char *part, size_t n, const char *last)
{
    const size_t step = strlen(part);
    char *text = malloc(strlen(first) + n * step + strlen(last) + 1);
    char *at = stpcpy(text, first);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, part);
    strcpy(at, last);
    return text;
}

static quire_status
parse_repeated(const char *first, const char *part, size_t n, const char *last)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_selector *selector = NULL;
    char *text = repeated(first, part, n, last);
    const quire_status status =
        quire_selector_parse(&ctx, quire_bytes_of(text), NULL, QUIRE_E_USAGE, &selector);
    if (status == QUIRE_OK) {
        ck_assert(quire_bytes_equal(quire_selector_text(selector), quire_bytes_of(text)));
        quire_selector_destroy(&ctx, selector);
    }
    free(text);
    return status;
}

START_TEST(depth_and_length_end_where_they_say)
{
    ck_assert_int_eq(parse_repeated("", "not ", 32, "input"), QUIRE_OK);
    ck_assert_int_eq(parse_repeated("", "not ", 33, "input"), QUIRE_E_USAGE);
    ck_assert_int_eq(parse_repeated("", "consumer-of:", 32, "input"), QUIRE_OK);
    ck_assert_int_eq(parse_repeated("", "consumer-of:", 33, "input"), QUIRE_E_USAGE);
    /* Alternatives do not nest. */
    ck_assert_int_eq(parse_repeated("input", " or input", 7281, ""), QUIRE_OK);
    ck_assert_int_eq(parse_repeated("op:", "x", 65536 - 3, ""), QUIRE_OK);
    ck_assert_int_eq(parse_repeated("op:", "x", 65536 - 2, ""), QUIRE_E_USAGE);
    ck_assert_int_eq(parse_repeated("", "(", 65536, ""), QUIRE_E_USAGE);
    ck_assert_int_eq(parse_repeated("between:(", "op:a or ", 8000, "op:b,op:c)"), QUIRE_OK);
}
END_TEST

START_TEST(no_prefix_or_damaged_text_does_harm)
{
    static const char text[] = "not (op:re:\"a\\\"b\" or between:(name:\"x y\", dtype:f32)) "
                               "rows >= 12 slot:\"\\\"q\\\"<-0\" output:3 in-body:\"\\x41*\"";
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    size_t n_good = 0;
    for (size_t len = 0; len < sizeof text; len++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char copy[sizeof text];
            quire_selector *selector = NULL;
            memcpy(copy, text, sizeof text);
            copy[len] = (char)byte;
            const quire_bytes damaged = {(const uint8_t *)copy, byte == 0 ? len : sizeof text - 1};
            const quire_status status =
                quire_selector_parse(&ctx, damaged, NULL, QUIRE_E_USAGE, &selector);
            ck_assert(status == QUIRE_OK || status == QUIRE_E_USAGE);
            if (status == QUIRE_OK) quire_selector_destroy(&ctx, selector);
            n_good += status == QUIRE_OK;
        }
    }
    ck_assert_uint_gt(n_good, 100);
}
END_TEST

/* A chain of n Relus, named as exporters name nodes. */
static quire_model *
chain(quire_ctx *ctx, size_t n)
{
    quire_text text = {0};
    quire_writer w;
    quire_model *m;
    quire_writer_to_text(&w, ctx, &text);
    quire_write_str(&w, "<ir_version: 8, opset_import: [\"\" : 17]>\ng (float[N,64] v0) => "
                        "(float[N,64] out) {\n");
    for (size_t i = 0; i < n; i++) {
        quire_writef(&w, "[\"/encoder/layer.%zu/Relu\"] v%zu = Relu(v%zu)\n", i, i + 1, i);
    }
    quire_writef(&w, "out = Identity(v%zu)\n}\n", n);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    m = parse_model(ctx, text.ptr);
    quire_text_free(ctx, &text);
    return m;
}

/* Allocated bytes of a run, which do not depend on the machine. */
static size_t
memory_of(const quire_model *m, const char *selector, found *out)
{
    fault_alloc alloc;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, NULL);
    ck_assert_int_eq(run(&ctx, m, selector, out), QUIRE_OK);
    return alloc.peak_size;
}

START_TEST(memory_grows_with_the_slots_and_no_faster)
{
    static const char *const selectors[] = {
        "re:\"layer\\.[0-9]*7/\"", "between:(name:v1, op:Identity)",
        "consumer-of:(producer-of:op:Relu) and not operand:1 and in-body:x or op:Relu"};
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *small = chain(&ctx, 10000);
    quire_model *large = chain(&ctx, 20000);
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        found a, b;
        const size_t less = memory_of(small, selectors[i], &a);
        const size_t more = memory_of(large, selectors[i], &b);
        ck_assert_uint_ge(b.n, 2 * a.n - 2);
        ck_assert_uint_gt(a.n, 900);
        ck_assert_msg(more < 2.2 * (double)less && more < 20000 * 100u, "%s: %zu and %zu bytes",
                      selectors[i], less, more);
    }
    quire_model_destroy(&ctx, small);
    quire_model_destroy(&ctx, large);
}
END_TEST

int
main(void)
{
    TCase *tcase = tcase_create("selector");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_failed_allocation_is_told_and_leaves_nothing, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, a_mistake_has_the_status_and_the_place_it_was_given);
    tcase_add_test(tcase, depth_and_length_end_where_they_say);
    tcase_add_test(tcase, no_prefix_or_damaged_text_does_harm);
    tcase_add_test(tcase, memory_grows_with_the_slots_and_no_faster);
    Suite *suite = suite_create("selector");
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
