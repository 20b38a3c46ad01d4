/* test_resolve.c - which claims hold, what is wrong with requests as a whole, and what it costs. */
#include "passes/resolve.h"
#include "resolve_case.h"
#include "support/add_chain.h"

#define PAIR MODEL "g (float[2] x) => (float[2] o) { v = Relu (x) o = Neg (v) }\n"

/* --- who wins --------------------------------------------------------------------------------- */

/* The result's text without its first line, blanks as they come. */
static const char *
result_text(resolve_case *c)
{
    quire_writer w;
    quire_text_free(&c->ctx, &c->text);
    quire_writer_to_text(&w, &c->ctx, &c->text);
    for (size_t i = 0; i < c->r.n_annotations; i++) {
        const quire_annotation *a = &c->r.annotations[i];
        const quire_claim *claims = c->r.claims.ptr + a->claims;
        const quire_spec spec = quire_spec_of_ref(c->m, a->spec);
        quire_write_str(&w, i > 0 ? " | " : "");
        quire_slot_print(&w, c->m, a->slot);
        quire_write_str(&w, " ");
        quire_spec_print(&w, c->m, &spec);
        quire_write_str(&w, " ");
        quire_claim_print_sponsors(&w, c->m, claims, a->n_sponsors);
        for (uint32_t k = 0; k < a->n_losers; k++) {
            quire_write_str(&w, k > 0 ? ", " : " over ");
            quire_claim_print_sponsors(&w, c->m, claims + a->n_sponsors + k, 1);
        }
    }
    return resolve_case_end_text(c, &w);
}

static void
expect_result(const char *claims, const quire_resolve_options *options, const char *result)
{
    resolve_case c;
    char text[2048];
    snprintf(text, sizeof text, NOTE "%s", claims);
    resolve_case_read(&c, PAIR, text);
    const quire_status status = resolve_case_resolve(&c, options);
    ck_assert_msg(status == QUIRE_OK, "%s", c.r.message.ptr);
    ck_assert_str_eq(result_text(&c), result);
    resolve_case_close(&c);
}

#define U8  "u8 tensor affine zp=int"
#define I8  "i8 tensor affine zp=int"
#define U8F "u8 tensor affine zp=float"

START_TEST(the_highest_priority_holds)
{
    expect_result("v " U8 " by a\nv " I8 " by b !2\nv " U8F " by c !-3\n", NULL,
                  "v " I8 " by b !2 over by a, by c !-3");
    expect_result("v " U8 " by a !-2\nv " I8 " by b !-1\n", NULL,
                  "v " I8 " by b !-1 over by a !-2");
}
END_TEST

START_TEST(equal_claims_are_sponsors_of_one_annotation)
{
    expect_result("v " U8 " by c\nv " U8 " by a\nv " U8 " by b\n", NULL, "v " U8 " by a,b,c");
    expect_result("v = o<-0 by c\nv = o<-0 by a\no<-0 " U8 " by a\n", NULL,
                  "v = o<-0 by a,c | o<-0 " U8 " by a");
    /* A conflict below the top is none; nor are losers that differ. */
    expect_result("v " U8 " by c !1\nv " I8 " by a\nv " U8F " by b\n", NULL,
                  "v " U8 " by c !1 over by a, by b");
}
END_TEST

START_TEST(noshare_of_sponsors_is_joined_and_of_losers_lost)
{
    resolve_case c;
    resolve_case_read(&c, PAIR,
                      NOTE "v " U8 " by a\nv " U8 " by b noshare\n"
                           "o<-0 " U8 " by a !1\no<-0 " U8 " by b noshare\n");
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_uint_eq(c.r.n_annotations, 2);
    ck_assert_uint_eq(c.r.annotations[0].flags, QUIRE_CLAIM_NOSHARE);
    ck_assert_uint_eq(c.r.annotations[1].flags, 0);
    resolve_case_close(&c);
}
END_TEST

START_TEST(the_earliest_declared_claimant_takes_a_conflict)
{
    static const char *const declared[] = {"x", "c", "a"};
    const quire_resolve_options first = {QUIRE_CONFLICT_FIRST, declared, 3};
    const quire_resolve_options none = {.conflict = QUIRE_CONFLICT_FIRST};
    static const char claims[] = "v " U8 " by a\nv " I8 " by b\nv " U8F " by c\nv " U8F " by d\n";
    expect_result(claims, &first, "v " U8F " by c,d over by a, by b");
    expect_result(claims, &none, "v " U8 " by a over by b, by c, by d");
    expect_result("v " U8 " by a\nv " I8 " by b !1\n", &first, "v " I8 " by b !1 over by a");
}
END_TEST

/* As rules and quantizers make them: the text has no two lines by one claimant on one slot. */
START_TEST(the_last_claim_of_one_claimant_holds)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v " U8 " by a !1\nv " I8 " by b\nv " U8 " by c\n");
    const quire_sym a = c.claims.ptr[0].who;
    c.claims.ptr[1].who = c.claims.ptr[2].who = a;
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(result_text(&c), "v " U8 " by a over by a !1, by a");
    const quire_claim first = c.claims.ptr[0]; /* an equal one later: it counts once */
    ck_assert_int_eq(quire_claims_add(&c.ctx, &c.claims, &first), QUIRE_OK);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(result_text(&c), "v " U8 " by a !1 over by a, by a");
    ck_assert_uint_eq(c.r.claims.n, 3);
    resolve_case_close(&c);
}
END_TEST

START_TEST(what_has_lost_stays_a_loser)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v " U8 " by a\nv " I8 " by b !7\no " U8 " by a\n");
    c.claims.ptr[1].flags |= QUIRE_CLAIM_LOST;
    c.claims.ptr[2].flags |= QUIRE_CLAIM_LOST;
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(result_text(&c), "v " U8 " by a over by b !7");
    ck_assert_uint_eq(c.r.claims.n, 3);
    ck_assert_ptr_null(quire_resolved_at(&c.r, c.claims.ptr[2].slot));
    ck_assert_ptr_eq(quire_resolved_at(&c.r, c.claims.ptr[0].slot), &c.r.annotations[0]);
    resolve_case_close(&c);
}
END_TEST

START_TEST(no_claims_no_groups)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_uint_eq(c.r.n_annotations, 0);
    ck_assert_uint_eq(c.r.n_groups, 0);
    resolve_case_close(&c);
}
END_TEST

START_TEST(a_claim_on_a_slot_that_is_not_there_is_a_bug)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v " U8 " by a\n");
    c.claims.ptr[0].slot = (quire_slot){QUIRE_SLOT_NAMED, QUIRE_SYM_EMPTY};
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_E_INTERNAL);
    c.claims.ptr[0].slot = (quire_slot){QUIRE_SLOT_USE, UINT32_MAX};
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_E_INTERNAL);
    ck_assert_uint_eq(c.log.n_errors, 2);
    resolve_case_close(&c);
}
END_TEST

/* --- named errors ----------------------------------------------------------------------------- */

#define ADVICE_CONFLICT                                                                            \
    "; give one of them a higher priority (!N), or choose by declared order (--conflict first)"
#define ADVICE_CYCLE "; let one of these slots carry a spec of its own"

START_TEST(error_conflict)
{
    expect_error(PAIR, "o " U8 " by a\no " I8 " by b\nv " U8F " by b\nv " U8 " by a\n", "v",
                 "conflict at v: zp: \"" U8 "\" by a (line 5) against \"" U8F
                 "\" by b (line 4), both of priority 0" ADVICE_CONFLICT);
    expect_error(PAIR, "v " U8 " by a !3\nv " U8 " by b !3\nv " I8 " by c !3\n", "v",
                 "conflict at v: dtype: \"" U8 "\" by a !3 (line 2) against \"" I8
                 "\" by c !3 (line 4), two of several of priority 3" ADVICE_CONFLICT);
}
END_TEST

START_TEST(error_cycle_of_shared)
{
    expect_error(PAIR, "o<-0 = o<-0 by a\n", "o<-0",
                 "cycle of shared: o<-0 = o<-0 by a (line 2)" ADVICE_CYCLE);
    expect_error(PAIR, "v<-0 = o by a\nv = o<-0 by a\no<-0 = v by b\no = o by b\n", "v o<-0",
                 "cycle of shared: v = o<-0 by a (line 3), o<-0 = v by b (line 4)" ADVICE_CYCLE);
    expect_error(PAIR, "v = o by a\no = v by a\n", "v o",
                 "cycle of shared: v = o by a (line 2), o = v by a (line 3)" ADVICE_CYCLE);
}
END_TEST

START_TEST(of_several_cycles_the_one_at_the_least_slot_is_told)
{
    expect_error(PAIR, "v = v by a\no = o by a\n", "v",
                 "cycle of shared: v = v by a (line 2)" ADVICE_CYCLE);
    expect_error(PAIR, "x = o by a\nv = v by a\no = o by a\n", "v",
                 "cycle of shared: v = v by a (line 3)" ADVICE_CYCLE);
    expect_error(PAIR, "v " U8 " derived f(v) by a\no " U8 " derived f(o) by a\n", "v",
                 "cycle of derived: v is derived from v by a (line 2); let one of these groups be "
                 "observed or fixed");
    expect_error(
        PAIR,
        "x " U8 " derived f(o) by a\nv " U8 " derived f(v) by a\no " U8 " derived f(o) by a\n", "v",
        "cycle of derived: v is derived from v by a (line 3); let one of these groups be "
        "observed or fixed");
}
END_TEST

START_TEST(a_long_cycle_is_told_in_part)
{
    resolve_case c;
    char model[1024] = MODEL "g (float[2] h0) => (float[2] h12) {\n";
    char claims[1024] = NOTE;
    for (int i = 1; i <= 12; i++) {
        snprintf(model + strlen(model), sizeof model - strlen(model), "h%d = Neg (h%d)\n", i,
                 i - 1);
        snprintf(claims + strlen(claims), sizeof claims - strlen(claims), "h%d = h%d by a\n", i,
                 i % 12 + 1);
    }
    strcat(model, "}\n");
    resolve_case_read(&c, model, claims);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_NONE);
    ck_assert_uint_eq(c.r.n_error_slots, 12);
    ck_assert_str_eq(c.r.message.ptr,
                     "cycle of shared: h1 = h2 by a (line 2), h2 = h3 by a (line 3), h3 = h4 by a "
                     "(line 4), h4 = h5 by a (line 5), h5 = h6 by a (line 6), h6 = h7 by a (line "
                     "7), h7 = h8 by a (line 8), h8 = h9 by a (line 9), ... (3 more), h12 = h1 by "
                     "a (line 13)" ADVICE_CYCLE);
    resolve_case_close(&c);
}
END_TEST

START_TEST(error_target_not_annotated)
{
    expect_error(PAIR, "o = o<-0 by a\nv = x by b !2\n", "v x",
                 "target not annotated at v: \"= x\" by b !2 (line 3) points at x, which nobody "
                 "annotates; annotate the target, or point elsewhere");
    expect_error(PAIR, "v = gone<-3 by b\n", "v gone<-3",
                 "target not annotated at v: \"= gone<-3\" by b (line 2) points at gone<-3, which "
                 "the model does not have; annotate the target, or point elsewhere");
    expect_error(PAIR, "v " U8 " derived f(v<-0, o) by b\no " U8 " by b\n", "v v<-0",
                 "target not annotated at v: \"" U8 " derived f(v<-0, o)\" by b (line 2) points at "
                 "v<-0, which nobody annotates; annotate the target, or point elsewhere");
}
END_TEST

START_TEST(error_target_float)
{
    expect_error(PAIR, "o = v by a\nv = o<-0 by b\no<-0 float by c\n", "v o<-0",
                 "target float at v: \"= o<-0\" by b (line 3) points at o<-0, which is \"float\" "
                 "by c (line 4); a float slot has nothing to share or derive from; point "
                 "elsewhere");
    expect_error(PAIR, "v " U8 " derived f(x, o) by b\no float by b\nx " U8 " by c\n", "v o",
                 "target float at v: \"" U8 " derived f(x, o)\" by b (line 2) points at o, which "
                 "is \"float\" by b (line 3); a float slot has nothing to share or derive from; "
                 "point elsewhere");
}
END_TEST

#define ADVICE_DERIVED "; let one of these groups be observed or fixed"

START_TEST(error_cycle_of_derived)
{
    expect_error(PAIR, "v " U8 " derived f(o) by a\no " U8 " derived f(v) by b\n", "v o",
                 "cycle of derived: v is derived from o by a (line 2); o is derived from v by b "
                 "(line 3)" ADVICE_DERIVED);
    expect_error(PAIR, "v " U8 " derived f(o) by a\no = v by b\n", "v o",
                 "cycle of derived: v is derived from o by a (line 2), o shares with "
                 "v" ADVICE_DERIVED);
    /* Between groups: no slot is derived from itself. */
    expect_error(MODEL "g (float[2] x, float[2] y) => (float[2] o) {\n"
                       "a = Add (x, y) b = Add (y, x) o = Neg (a) }\n",
                 "o " U8 " derived f(a<-0, o<-0) by q\n"
                 "o<-0 " U8 " by q\n"
                 "a<-0 = a<-1 by q\n"
                 "a<-1 " U8 " derived f(o<-0, b<-0) by q\n"
                 "b<-0 = b<-1 by q\n"
                 "b<-1 " U8 " derived f(a<-0) by q\n",
                 "a<-1 b<-0 b<-1 a<-0",
                 "cycle of derived: a<-1 is derived from b<-0 by q (line 5), b<-0 shares with "
                 "b<-1; b<-1 is derived from a<-0 by q (line 7), a<-0 shares with "
                 "a<-1" ADVICE_DERIVED);
}
END_TEST

START_TEST(derived_from_derived_is_no_cycle)
{
    resolve_case c;
    resolve_case_read(&c, PAIR,
                      NOTE "x " U8 " derived f(v, o) by a\nv " U8 " derived f(o) by a\n"
                           "o " U8 " by a\no<-0 " U8 " derived f(x, v, o) by a\n");
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c), "x; v; o<-0; o");
    resolve_case_close(&c);
}
END_TEST

START_TEST(error_fixed_with_observer)
{
    resolve_case c;
    quire_sym minmax;
    resolve_case_read(&c, PAIR, NOTE "v " U8 " fixed(0.5, 3) by a\n");
    quire_spec spec = quire_spec_of_ref(c.m, c.claims.ptr[0].spec);
    ck_assert_int_eq(quire_syms_intern(&c.ctx, &c.m->syms, quire_bytes_of("minmax"), &minmax),
                     QUIRE_OK);
    spec.observer = minmax;
    ck_assert_int_eq(quire_spec_intern(&c.ctx, c.m, &spec, &c.claims.ptr[0].spec), QUIRE_OK);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_NONE);
    ck_assert_int_eq(c.r.error, QUIRE_NAMED_FIXED_OBSERVER);
    ck_assert_str_eq(resolve_case_error_slots(&c), "v");
    ck_assert_ptr_nonnull(strstr(c.r.message.ptr, "fixed with observer options at v: \"" U8));
    ck_assert_ptr_nonnull(strstr(c.r.message.ptr, "by a (line 2); nothing is observed"));
    resolve_case_close(&c);
}
END_TEST

#define CLIP MODEL "g (float[] x, float[] y) => (float[] o) { o = Clip (x, , y) p = Neg (o) }\n"

START_TEST(error_absent_operand)
{
    static const char advice[] = "; the node omits this operand; remove the line";
    char message[256];
    snprintf(message, sizeof message, "absent operand at o<-1: \"" U8 "\" by a (line 3)%s", advice);
    expect_error(CLIP, "p<-0 " U8 " by a\no<-1 " U8 " by a\no<-7 " U8 " by a\n", "o<-1", message);
    snprintf(message, sizeof message, "absent operand at o<-3: \"float\" by b (line 3)%s", advice);
    expect_error(CLIP, "p<-9 float by b\no<-3 float by b\n", "o<-3", message);
    /* Omitted operands are never the same tensor, and what points at one has the better error. */
    snprintf(message, sizeof message, "absent operand at o<-1: \"= o<-5\" by b (line 3)%s", advice);
    expect_error(CLIP, "o<-5 " U8 " by b\no<-1 = o<-5 by b\n", "o<-1", message);
    expect_error(CLIP, "o = o<-3 by b\n", "o o<-3",
                 "target not annotated at o: \"= o<-3\" by b (line 2) points at o<-3, which the "
                 "model does not have; annotate the target, or point elsewhere");
}
END_TEST

START_TEST(errors_are_looked_for_in_the_order_of_the_table)
{
    resolve_case c;
    static const char *const claims[] = {"o<-1 " U8 " by a\n",
                                         "x " U8 " derived f(p) by a\np " U8 " derived f(x) by a\n",
                                         "o<-2 = y by a\ny float by a\n",
                                         "p<-0 = p<-1 by a\n",
                                         "o<-0 = o<-0 by a\n",
                                         "o " U8 " by a\no " I8 " by b\n"};
    static const quire_named_error errors[] = {
        QUIRE_NAMED_ABSENT_OPERAND,       QUIRE_NAMED_DERIVED_CYCLE, QUIRE_NAMED_TARGET_FLOAT,
        QUIRE_NAMED_TARGET_NOT_ANNOTATED, QUIRE_NAMED_SHARED_CYCLE,  QUIRE_NAMED_CONFLICT};
    char text[1024] = NOTE;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        strcat(text, claims[i]);
        resolve_case_read(&c, CLIP, text);
        ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_NONE);
        ck_assert_int_eq(c.r.error, errors[i]);
        resolve_case_close(&c);
    }
}
END_TEST

START_TEST(a_named_error_may_be_a_failure)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v = v by a\n");
    ck_assert_int_eq(quire_resolve_or_fail(&c.ctx, c.m, &c.claims, NULL, QUIRE_E_INVALID, &c.r),
                     QUIRE_E_INVALID);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_str_eq(c.log.message, "cycle of shared: v = v by a (line 2)" ADVICE_CYCLE);
    resolve_case_close(&c);
}
END_TEST

START_TEST(observers_that_differ_are_noted)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v " A " by a\no<-0 " A_HISTO " by a\n");
    ck_assert_int_eq(quire_resolve_or_fail(&c.ctx, c.m, &c.claims, NULL, QUIRE_E_INVALID, &c.r),
                     QUIRE_OK);
    c.resolved = true;
    ck_assert_uint_eq(c.log.n_errors, 0);
    ck_assert_uint_eq(c.log.n_others, 1);
    ck_assert_str_eq(c.log.message, "observers differ in one group: \"" A_HISTO
                                    "\" of o<-0 holds for all, not \"" A "\" of v");
    resolve_case_close(&c);
}
END_TEST

/* --- JSON ------------------------------------------------------------------------------------- */

static void
expect_json(const char *claims, const char *json)
{
    resolve_case c;
    quire_writer w;
    resolve_case_read(&c, PAIR, claims);
    const quire_status status = resolve_case_resolve(&c, NULL);
    ck_assert(status == QUIRE_OK || status == QUIRE_NONE);
    quire_writer_to_text(&w, &c.ctx, &c.text);
    quire_resolved_write_json(&w, c.m, &c.r);
    ck_assert_str_eq(resolve_case_end_text(&c, &w), json);
    resolve_case_close(&c);
}

START_TEST(the_outcome_as_json)
{
    expect_json(NOTE "v " A " by a\no<-0 " A_HISTO " by a\nx float by a\nv<-0 float by b\n"
                     "o " A " by a\no " I8 " by \"b c\" !-2 noshare\n"
                     "o " I8 " by \"\\xff\" !-3\n",
                "{\n"
                "  \"format_version\": 1,\n"
                "  \"groups\": [\n"
                "    {\"slots\": [\"v\", \"o<-0\"], \"spec\": \"" A_HISTO
                "\", \"observers_differ\": [\"v\"]},\n"
                "    {\"slots\": [\"o\"], \"spec\": \"" A "\", \"observers_differ\": []}\n"
                "  ],\n"
                "  \"float\": [\n"
                "    \"x\",\n"
                "    \"v<-0\"\n"
                "  ],\n"
                "  \"losers\": [\n"
                "    {\"slot\": \"o\", \"spec\": \"" I8
                "\", \"by\": \"b c\", \"priority\": -2, \"noshare\": true},\n"
                "    {\"slot\": \"o\", \"spec\": \"" I8
                "\", \"by\": \"\\\\xff\", \"priority\": -3, \"noshare\": false}\n"
                "  ],\n"
                "  \"error\": null\n"
                "}\n");
    expect_json(NOTE "v = v by a\no float by a\n",
                "{\n"
                "  \"format_version\": 1,\n"
                "  \"groups\": [],\n"
                "  \"float\": [],\n"
                "  \"losers\": [],\n"
                "  \"error\": {\n"
                "    \"name\": \"cycle of shared\",\n"
                "    \"slots\": [\"v\"],\n"
                "    \"message\": \"cycle of shared: v = v by a (line 2)" ADVICE_CYCLE "\"\n"
                "  }\n"
                "}\n");
}
END_TEST

/* --- cost ------------------------------------------------------------------------------------- */

static uint64_t
work_of_chain(uint32_t n, add_chain_spelling spelling)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_claims claims = {0};
    quire_model *m;
    quire_resolved r;
    ck_assert_int_eq(add_chain_make(&ctx, n, &m), QUIRE_OK);
    ck_assert_int_eq(add_chain_claim(&ctx, m, n, spelling, &claims), QUIRE_OK);
    ck_assert_int_eq(quire_resolve(&ctx, m, &claims, NULL, &r), QUIRE_OK);
    if (spelling < CHAIN_N_SPELLINGS) {
        const size_t per_node = spelling == CHAIN_EXPLICIT ? 3 : 2;
        ck_assert_uint_eq(r.n_groups, 1);
        ck_assert_uint_eq(r.groups[0].n_members, per_node * n);
        ck_assert_uint_eq(r.n_links, per_node * n - 1);
    }
    const uint64_t work = r.work;
    quire_resolved_deinit(&ctx, &r);
    quire_claims_deinit(&ctx, &claims);
    quire_model_destroy(&ctx, m);
    return work;
}

START_TEST(chains_cost_work_in_proportion)
{
    static const uint32_t sizes[] = {1000, 10000};
    for (int spelling = 0; spelling <= CHAIN_FULL; spelling++) {
        for (int i = 0; i < 2; i++) {
            const uint64_t once = work_of_chain(sizes[i], (add_chain_spelling)spelling);
            const uint64_t twice = work_of_chain(2 * sizes[i], (add_chain_spelling)spelling);
            const char *text = add_chain_spelling_text((add_chain_spelling)spelling);
            ck_assert_msg(once >= sizes[i], "%s: work %llu", text, (unsigned long long)once);
            ck_assert_msg(10 * twice <= 21 * once, "%s of %u: work %llu, of twice that %llu", text,
                          sizes[i], (unsigned long long)once, (unsigned long long)twice);
            ck_assert_msg(once <= 60u * 3 * sizes[i], "%s: work %llu", text,
                          (unsigned long long)once);
        }
    }
}
END_TEST

START_TEST(many_claimants_on_one_slot_cost_work_in_proportion)
{
    uint64_t work[2];
    for (int i = 0; i < 2; i++) {
        resolve_case c;
        resolve_case_read(&c, PAIR, NOTE "v " U8 " by a\n");
        const quire_claim claim = c.claims.ptr[0];
        for (int k = 0; k < 4000 << i; k++) {
            quire_claim another = claim;
            another.priority = k % 100; /* of one claimant: the last holds */
            another.flags = k % 7 == 0 ? QUIRE_CLAIM_NOSHARE : 0;
            ck_assert_int_eq(quire_claims_add(&c.ctx, &c.claims, &another), QUIRE_OK);
        }
        ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
        ck_assert_int_eq(c.r.annotations[0].priority, 99);
        work[i] = c.r.work;
        resolve_case_close(&c);
    }
    ck_assert_uint_le(10 * work[1], 24 * work[0]); /* sorted: a little more than linear */
}
END_TEST

/* --- memory that runs out
 * ----------------------------------------------------------------------- */

static const char rich_claims[] = NOTE "v " A " by a\nv " A " by b\nv " I8 " by c !-1\n"
                                       "o<-0 " A_HISTO " by a\n"
                                       "x " U8 " derived f(v) by a\n"
                                       "o = v by a\n"
                                       "v<-0 float by b\n";

/* Resolves with the n-th allocation failing; true once nothing failed. */
static bool
run_with_fault(size_t n, const char *text, bool sticky)
{
    resolve_case c;
    fault_alloc alloc;
    fault_log log = {0};
    quire_resolved r;
    quire_link *links = NULL;
    size_t n_links = 0;
    resolve_case_read(&c, PAIR, text);
    fault_alloc_init(&alloc, n, sticky);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_status status = quire_resolve(&ctx, c.m, &c.claims, NULL, &r);
    if (status == QUIRE_OK) {
        const uint32_t a = r.members[r.groups[1].members];
        const quire_status found = quire_resolved_chain(
            &ctx, &r, a, r.members[r.groups[1].members + r.groups[1].n_members - 1], &links,
            &n_links);
        quire_free(ctx.alloc, links, n_links * sizeof *links);
        quire_resolved_deinit(&ctx, &r);
        status = found;
    } else if (status == QUIRE_NONE) {
        quire_resolved_deinit(&ctx, &r);
    }
    ck_assert_int_eq(status == QUIRE_E_NOMEM, alloc.n_failed > 0);
    ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0 ? 1 : 0);
    ck_assert(fault_alloc_is_clean(&alloc));
    resolve_case_close(&c);
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    static const char *const texts[] = {rich_claims,
                                        NOTE "v " U8 " by a\nv " I8 " by b\n",
                                        NOTE "v = v by a\n",
                                        NOTE "v = o by a\n",
                                        NOTE "v " U8 " derived f(o) by a\no = v by a\n",
                                        NOTE "v<-3 float by a\nv<-4 float by a\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            size_t n = 1;
            while (!run_with_fault(n, texts[i], sticky != 0))
                n++;
            ck_assert_uint_gt(n, 5);
        }
    }
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("resolve");
    tcase_add_test(all, the_highest_priority_holds);
    tcase_add_test(all, equal_claims_are_sponsors_of_one_annotation);
    tcase_add_test(all, noshare_of_sponsors_is_joined_and_of_losers_lost);
    tcase_add_test(all, the_earliest_declared_claimant_takes_a_conflict);
    tcase_add_test(all, the_last_claim_of_one_claimant_holds);
    tcase_add_test(all, what_has_lost_stays_a_loser);
    tcase_add_test(all, no_claims_no_groups);
    tcase_add_test(all, a_claim_on_a_slot_that_is_not_there_is_a_bug);
    tcase_add_test(all, error_conflict);
    tcase_add_test(all, error_cycle_of_shared);
    tcase_add_test(all, of_several_cycles_the_one_at_the_least_slot_is_told);
    tcase_add_test(all, a_long_cycle_is_told_in_part);
    tcase_add_test(all, error_target_not_annotated);
    tcase_add_test(all, error_target_float);
    tcase_add_test(all, error_cycle_of_derived);
    tcase_add_test(all, derived_from_derived_is_no_cycle);
    tcase_add_test(all, error_fixed_with_observer);
    tcase_add_test(all, error_absent_operand);
    tcase_add_test(all, errors_are_looked_for_in_the_order_of_the_table);
    tcase_add_test(all, a_named_error_may_be_a_failure);
    tcase_add_test(all, observers_that_differ_are_noted);
    tcase_add_test(all, the_outcome_as_json);
    tcase_add_test(all, chains_cost_work_in_proportion);
    tcase_add_test(all, many_claimants_on_one_slot_cost_work_in_proportion);
    tcase_add_test(all, every_allocation_may_fail);
    return resolve_case_main(all, "resolve");
}
