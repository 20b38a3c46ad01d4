/* test_ledger.c - ledger, why, dot and the comparison of annotations, with each allocation failing in
 * turn; and what a comparison takes for the same. What they print is in tests/golden.
 */
#include "passes/annotation_diff.h"
#include "passes/ledger.h"
#include "support/suite.h"
#include "unit/resolve_case.h"

#define GRAPH                                                                                      \
    MODEL "g (float[2] x, bool c) => (float[2] y) { a = Neg(x) b = Add(a, x) d = Shape(b)"         \
          " y = If (c) <then_branch = t () => (float[2] p) { p = Abs(b) },"                        \
          " else_branch = e () => (float[2] q) { q = Relu(b) }> }"
#define CLAIMS                                                                                     \
    NOTE "a<-0 " A " by q,r\na = a<-0 by q\nb<-0 " A_HISTO " by p !2\nb<-0 " W " by q\n"           \
         "b float by p # reason: \"wide\"\nx " A " by q\n"

typedef enum kind { LEDGER_TEXT, LEDGER_JSON, WHY_TEXT, WHY_JSON, DOT, DIFF, N_KINDS } kind;

/* --- failing allocations ---------------------------------------------------------------------- */

static quire_status
write_diff(quire_writer *w, const resolve_case *c)
{
    const quire_claims none = {0};
    quire_annotation_diff d;
    quire_json j = {.w = w};
    QUIRE_TRY(quire_annotation_diff_make(w->ctx, c->m, &c->r.order, &none, &c->claims, &d));
    quire_annotation_diff_write_text(w, c->m, &d);
    quire_json_begin(&j, '[');
    quire_annotation_diff_write_changes(&j, c->m, &d);
    quire_json_end(&j, ']');
    quire_annotation_diff_deinit(w->ctx, &d);
    return w->status;
}

static quire_status
write_kind(quire_writer *w, const resolve_case *c, kind k)
{
    const quire_annotations a = {.kind = QUIRE_FROM_TEXT, .resolved = c->r};
    const quire_slot slot = c->r.annotations[2].slot;
    switch (k) {
    case LEDGER_TEXT: return quire_ledger_write(w, c->m, &a, QUIRE_FORMAT_TEXT);
    case LEDGER_JSON: return quire_ledger_write(w, c->m, &a, QUIRE_FORMAT_JSON);
    case WHY_TEXT: return quire_why_write(w, c->m, &a, slot, NULL, QUIRE_FORMAT_TEXT);
    case WHY_JSON: return quire_why_write(w, c->m, &a, slot, NULL, QUIRE_FORMAT_JSON);
    case DOT: return quire_dot_write(w, c->m, &a);
    default: return write_diff(w, c);
    }
}

static quire_status
write_and_finish(quire_ctx *ctx, const resolve_case *c, kind k, quire_text *text)
{
    quire_writer w;
    quire_writer_to_text(&w, ctx, text);
    const quire_status status = write_kind(&w, c, k);
    const quire_status finished = quire_writer_finish(&w);
    return status != QUIRE_OK ? status : finished;
}

/* One run; the number of allocations that failed. */
static size_t
run_failing(const resolve_case *c, kind k, size_t fail_at)
{
    fault_alloc alloc;
    fault_log log = {0};
    quire_text text;
    fault_alloc_init(&alloc, fail_at, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    const quire_status status = write_and_finish(&ctx, c, k, &text);
    ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
    if (status == QUIRE_OK) ck_assert_uint_gt(text.len, 100);
    quire_text_free(&ctx, &text);
    ck_assert(fault_alloc_is_clean(&alloc));
    return alloc.n_failed;
}

START_TEST(every_allocation_fails_once)
{
    resolve_case c;
    resolve_case_read(&c, GRAPH, CLAIMS);
    ck_assert_int_eq(quire_resolve(&c.ctx, c.m, &c.claims, NULL, &c.r), QUIRE_OK);
    c.resolved = true;
    size_t n = 1;
    while (run_failing(&c, (kind)_i, n) > 0)
        n++;
    ck_assert_uint_gt(n, 1);
    resolve_case_close(&c);
}
END_TEST

/* --- comparing -------------------------------------------------------------------------------- */

static const struct {
    const char *before, *after;
    size_t changes, same;
} comparisons[] = {
    {"", "", 0, 0},
    {"a " A " by q\n", "a " A " by q\n", 0, 1},
    {"a " A " by q\n", "", 1, 0},
    {"", "a " A " by q\n", 1, 0},
    {"a " A " by q\nb " A " by q\n", "b " A " by q\na " A " by q\n", 0, 2}, /* order */
    {"a " A " by q # so\n", "a " A " by q\n", 0, 1},                        /* comments */
    {"a " A " by q # reason: \"x\"\n", "a " A " by q\n", 0, 1},
    {"a " A " by q,p\n", "a " A " by q\na " A " by p\n", 0, 1}, /* one line or two */
    {"a " A " by q\n", "a " A " by p\n", 1, 0},                 /* claimants */
    {"a " A " by q\n", "a " A " by q,p\n", 1, 0},
    {"a " A " by q\n", "a " A " by q !1\n", 1, 0},
    {"a " A " by q\n", "a " A " by q noshare\n", 1, 0},
    {"a " A " by q noshare\na " A " by p\n", "a " A " by p,q noshare\n", 0, 1}, /* or-ed */
    {"a " A " by q\n", "a " A_HISTO " by q\n", 1, 0},
    {"a " A " by q !1\na " W " by p\n", "a " A " by q !1\n", 0, 1}, /* losers do not count */
    {"a " A " by q !1 # lost: " W " by p\n", "a " A " by q !1\n", 0, 1},
    {"a = b by q\n", "a = b<-0 by q\n", 1, 0},
    {"a " A " by q\na " W " by p\n", "a " W " by p\na " A " by q\n", 0, 1}, /* contradictions */
    {"a " A " by q\na " W " by p\n", "a " W " by q\na " A " by p\n", 1, 0},
};

enum { N_COMPARISONS = sizeof comparisons / sizeof *comparisons };

static void
read_more(resolve_case *c, quire_slot_missing missing, const char *text, quire_claims *out)
{
    quire_slot_reader reader;
    char whole[512];
    snprintf(whole, sizeof whole, NOTE "%s", text);
    ck_assert_int_eq(quire_slot_reader_init(&c->ctx, c->m, missing, &reader), QUIRE_OK);
    const quire_status status = quire_claims_parse(&reader, quire_bytes_of(whole), out);
    ck_assert_msg(status == QUIRE_OK, "%s", c->log.message);
    quire_slot_reader_deinit(&reader);
}

static void
check_comparison(resolve_case *c, int i, bool by_graph)
{
    const quire_slot_missing missing = by_graph ? QUIRE_MISSING_NAMED : QUIRE_NOTHING_IS_LOOKED_UP;
    quire_claims before = {0};
    quire_claims after = {0};
    quire_slot_order order;
    quire_annotation_diff d;
    read_more(c, missing, comparisons[i].before, &before);
    read_more(c, missing, comparisons[i].after, &after);
    ck_assert_int_eq(quire_slot_order_make(&c->ctx, c->m, &order), QUIRE_OK);
    ck_assert_int_eq(
        quire_annotation_diff_make(&c->ctx, c->m, by_graph ? &order : NULL, &before, &after, &d),
        QUIRE_OK);
    ck_assert_uint_eq(d.n_changes, comparisons[i].changes);
    ck_assert_uint_eq(d.n_same, comparisons[i].same);
    quire_annotation_diff_deinit(&c->ctx, &d);
    quire_slot_order_deinit(&c->ctx, &order);
    quire_claims_deinit(&c->ctx, &before);
    quire_claims_deinit(&c->ctx, &after);
}

START_TEST(what_is_the_same)
{
    resolve_case c;
    resolve_case_read(&c, GRAPH, NOTE);
    check_comparison(&c, _i, true);
    check_comparison(&c, _i, false);
    resolve_case_close(&c);
}
END_TEST

START_TEST(gone_slots_have_the_nearest_of_all)
{
    resolve_case c;
    quire_claims before = {0};
    const quire_claims none = {0};
    quire_slot_order order;
    quire_annotation_diff d;
    resolve_case_read(&c, GRAPH, NOTE);
    read_more(&c, QUIRE_MISSING_NAMED, "y/then_branch/pp<-0 " A " by q\nb " A " by q\n", &before);
    ck_assert_int_eq(quire_slot_order_make(&c.ctx, c.m, &order), QUIRE_OK);
    ck_assert_int_eq(quire_annotation_diff_make(&c.ctx, c.m, &order, &before, &none, &d), QUIRE_OK);
    ck_assert_uint_eq(d.n_changes, 2);
    ck_assert(!d.changes[0].gone); /* those of the graph come first */
    ck_assert(d.changes[1].gone);
    ck_assert_uint_eq(d.changes[1].near.n, QUIRE_NEAREST);
    ck_assert_uint_eq(d.changes[1].near.distance[0], 1); /* y/then_branch/p<-0 */
    ck_assert_uint_eq(d.changes[1].near.slots[0].kind, QUIRE_SLOT_USE);
    quire_annotation_diff_deinit(&c.ctx, &d);
    quire_slot_order_deinit(&c.ctx, &order);
    quire_claims_deinit(&c.ctx, &before);
    resolve_case_close(&c);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *tests = tcase_create("ledger");
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, N_KINDS);
    tcase_add_loop_test(tests, what_is_the_same, 0, N_COMPARISONS);
    tcase_add_test(tests, gone_slots_have_the_nearest_of_all);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
