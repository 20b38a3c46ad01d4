/* test_host_groups.c - the group table of adjust: what it answers and refuses, what edits cost, whose
 * they are, and that every allocation may fail. That the edits mean what they should, and are written
 * down, is test_regroup.c's.
 */
#include <math.h>
#include <stdlib.h>

#include "passes/regroup.h"
#include "plugin/run.h"
#include "unit/resolve_case.h"

#define S(text) ((quire_string){text, sizeof(text) - 1})

/* Groups: 0: x a<-0 a<-1; 1: a b<-0 c<-0; 2: b; 3: c<-1; 4: ->0 */
static const char graph[] = MODEL "g (float[2] x) => (float[2] c) {\n"
                                  "a = Add (x, x) b = Relu (a) c = Add (a, b) }\n";
static const char requests[] = NOTE "x " A " by q !3\n"
                                    "a<-0 " A " by q\n"
                                    "a<-1 " A_HISTO " by q\n"
                                    "a " B " by q\n"
                                    "b<-0 " B " by q\n"
                                    "c<-0 " B " by r\n"
                                    "b i32 tensor symmetric zp=none derived bias(a, x) by q\n"
                                    "c<-1 " W " by q\n"
                                    "->0 float by q\n";

typedef struct groups_case {
    resolve_case r;
    quire_arena arena;
    quire_run_result result;
    quire_regroup *regroup;
    quire_host_view view;
    quire_group_api api;
} groups_case;

static void
open_case(groups_case *c)
{
    *c = (groups_case){0};
    resolve_case_read(&c->r, graph, requests);
    ck_assert_int_eq(resolve_case_resolve(&c->r, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c->r), "x a<-0 a<-1; a b<-0 c<-0; b; c<-1");
    ck_assert_int_eq(quire_regroup_start(&c->r.ctx, c->r.m, &c->r.r, &c->regroup), QUIRE_OK);
    quire_arena_init(&c->arena, c->r.ctx.alloc);
    c->view = (quire_host_view){.ctx = &c->r.ctx,
                                .m = c->r.m,
                                .who = "acme",
                                .result = &c->result,
                                .regroup = c->regroup,
                                .arena = &c->arena};
    c->api = quire_host_group_api(&c->view);
    quire_host_view_open(&c->view);
}

static void
close_case(groups_case *c)
{
    quire_host_view_close(&c->view);
    quire_regroup_destroy(&c->r.ctx, c->regroup);
    quire_arena_deinit(&c->arena);
    quire_run_result_deinit(&c->r.ctx, &c->result);
    ck_assert_uint_eq(c->r.log.n_errors, 0); /* the table keeps faults; it tells nothing */
    resolve_case_close(&c->r);
}

/* Another one is called, a child maybe, with the same groups. */
static void
next_editor(groups_case *c, const char *who)
{
    quire_host_view_close(&c->view);
    c->view.who = who;
    c->view.who_sym = (quire_sym){0};
    quire_host_view_open(&c->view);
}

static quire_place
place_of(groups_case *c, const char *text)
{
    quire_slot_reader reader;
    quire_slot slot;
    quire_bytes bytes = quire_bytes_of(text);
    ck_assert_int_eq(quire_slot_reader_init(&c->r.ctx, c->r.m, QUIRE_MISSING_REFUSED, &reader),
                     QUIRE_OK);
    ck_assert_int_eq(quire_slot_parse(&reader, NULL, &bytes, &slot), QUIRE_OK);
    quire_slot_reader_deinit(&reader);
    return (quire_place){slot.kind, slot.id};
}

static uint32_t
group_of(groups_case *c, const char *slot)
{
    uint32_t group = 77;
    ck_assert_int_eq(c->api.group_of(c->api.ctx, place_of(c, slot), &group), QUIRE_OK);
    return group;
}

/* The first refused call told this, about this slot; all calls behind it get its status. */
static void
expect_fault(groups_case *c, quire_status status, const char *slot, const char *text)
{
    const quire_place *members;
    uint32_t n;
    ck_assert_str_eq(c->view.fault_text, text);
    ck_assert_str_eq(c->view.fault_path, slot);
    ck_assert_int_eq(c->view.fault, status);
    ck_assert_int_eq(c->view.ends, QUIRE_E_PLUGIN);
    ck_assert_int_eq(c->api.members(c->api.ctx, 0, &members, &n), status);
    ck_assert_int_eq(c->api.set_fixed(c->api.ctx, 0, 1, 0), status);
    ck_assert_uint_eq(c->api.n_groups(c->api.ctx), 0);
    next_editor(c, "acme"); /* forgets it */
    ck_assert_uint_eq(c->api.n_groups(c->api.ctx), quire_regroup_n_groups(c->regroup));
}

/* --- looking ---------------------------------------------------------------------------------- */

START_TEST(groups_are_those_of_the_resolution)
{
    groups_case c;
    const quire_place *members = NULL;
    uint32_t n = 0, group = 7;
    quire_qspec spec = {.size = sizeof spec};
    open_case(&c);
    ck_assert_uint_eq(c.api.n_groups(c.api.ctx), 4);
    ck_assert_int_eq(c.api.members(c.api.ctx, 0, &members, &n), QUIRE_OK);
    ck_assert_uint_eq(n, 3);
    const quire_place wanted[] = {place_of(&c, "x"), place_of(&c, "a<-0"), place_of(&c, "a<-1")};
    ck_assert_int_eq(memcmp(members, wanted, sizeof wanted), 0);
    ck_assert_int_eq(c.api.spec(c.api.ctx, 0, &spec), QUIRE_OK); /* that of x, of priority 3 */
    ck_assert_uint_eq(spec.kind, QUIRE_QSPEC_QUANTIZED);
    ck_assert_int_eq(memcmp(spec.observer.ptr, "minmax", spec.observer.len), 0);
    ck_assert_int_eq(c.api.spec(c.api.ctx, 2, &spec), QUIRE_OK);
    ck_assert_uint_eq(spec.kind, QUIRE_QSPEC_DERIVED);
    ck_assert_uint_eq(spec.n_targets, 2);
    ck_assert_int_eq(memcmp(&spec.targets[1], wanted, sizeof *wanted), 0);
    ck_assert_int_eq(c.api.group_of(c.api.ctx, place_of(&c, "->0"), &group), QUIRE_NONE);
    ck_assert_uint_eq(group, UINT32_MAX);
    ck_assert_int_eq(c.api.group_of(c.api.ctx, place_of(&c, "c"), NULL), QUIRE_NONE);
    ck_assert_int_eq(c.api.members(c.api.ctx, 1, NULL, NULL), QUIRE_OK);
    close_case(&c);
}
END_TEST

/* What a careless loop does: it edits the group whose members it reads. */
START_TEST(members_outlive_the_edits_of_the_loop_that_reads_them)
{
    groups_case c;
    const quire_place *members, *again;
    uint32_t n, n_again, made;
    open_case(&c);
    ck_assert_int_eq(c.api.members(c.api.ctx, 1, &members, &n), QUIRE_OK);
    quire_place first[3];
    ck_assert_uint_eq(n, 3);
    memcpy(first, members, sizeof first);
    for (uint32_t i = 0; i < n; i++) {
        ck_assert_uint_eq(members[i].id, first[i].id);
        ck_assert_int_eq(c.api.detach(c.api.ctx, members[i], &made), QUIRE_OK);
        ck_assert_uint_eq(made, i < 2 ? 4 + i : 1); /* the last one is alone already */
        ck_assert_int_eq(c.api.members(c.api.ctx, made, &again, &n_again), QUIRE_OK);
        ck_assert_uint_eq(n_again, 1);
        ck_assert_uint_eq(again[0].id, first[i].id);
    }
    ck_assert_int_eq(c.api.join(c.api.ctx, 5, 4), QUIRE_OK);
    ck_assert_int_eq(c.api.join(c.api.ctx, 5, 1), QUIRE_OK);
    ck_assert_int_eq(c.api.members(c.api.ctx, 5, &again, &n_again), QUIRE_OK);
    ck_assert_uint_eq(n_again, 3);
    ck_assert_int_eq(memcmp(again, first, sizeof first), 0);
    close_case(&c);
}
END_TEST

START_TEST(a_group_without_members_is_gone)
{
    groups_case c;
    const quire_place *members = (const quire_place *)&c;
    uint32_t n = 9, group = 9;
    quire_qspec spec = {.size = sizeof spec};
    open_case(&c);
    ck_assert_int_eq(c.api.remove(c.api.ctx, place_of(&c, "c<-1")), QUIRE_OK);
    ck_assert_int_eq(c.api.members(c.api.ctx, 3, &members, &n), QUIRE_NONE);
    ck_assert(members == NULL && n == 0);
    ck_assert_int_eq(c.api.spec(c.api.ctx, 3, &spec), QUIRE_NONE);
    ck_assert_int_eq(c.api.set_fixed(c.api.ctx, 3, 1, 0), QUIRE_NONE);
    ck_assert_int_eq(c.api.set_observer(c.api.ctx, 3, S("minmax"), S("")), QUIRE_NONE);
    ck_assert_int_eq(c.api.join(c.api.ctx, 3, 0), QUIRE_NONE);
    ck_assert_int_eq(c.api.join(c.api.ctx, 0, 3), QUIRE_NONE);
    ck_assert_int_eq(c.api.remove(c.api.ctx, place_of(&c, "c<-1")), QUIRE_NONE);
    ck_assert_int_eq(c.api.detach(c.api.ctx, place_of(&c, "->0"), &group), QUIRE_NONE);
    ck_assert_uint_eq(group, UINT32_MAX);
    ck_assert_int_eq(c.view.fault, QUIRE_OK);
    ck_assert_uint_eq(c.api.n_groups(c.api.ctx), 4);
    close_case(&c);
}
END_TEST

/* --- refusals ----------------------------------------------------------------------------------- */

START_TEST(numbers_places_and_strings_are_checked)
{
    static char large[(64 << 10) + 1];
    groups_case c;
    quire_qspec spec = {.size = 3};
    uint32_t group;
    open_case(&c);
#define NUMBER(function) function ": group: found number 4; there are 4 groups, from 0"
    (void)c.api.members(c.api.ctx, 4, NULL, NULL);
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("members"));
    (void)c.api.spec(c.api.ctx, 4, &spec);
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("spec"));
    (void)c.api.set_fixed(c.api.ctx, 4, 1, 0);
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("set_fixed"));
    (void)c.api.set_observer(c.api.ctx, 4, S("x"), S(""));
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("set_observer"));
    (void)c.api.join(c.api.ctx, 4, 0);
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("join"));
    (void)c.api.join(c.api.ctx, 0, 4);
    expect_fault(&c, QUIRE_E_USAGE, "", NUMBER("join"));
#define PLACE(function)                                                                            \
    function ": place {0, 4000000000} is no slot of this model, or of something that was erased"
    const quire_place nowhere = {0, 4000000000u};
    (void)c.api.group_of(c.api.ctx, nowhere, &group);
    expect_fault(&c, QUIRE_E_USAGE, "", PLACE("group_of"));
    (void)c.api.detach(c.api.ctx, nowhere, &group);
    expect_fault(&c, QUIRE_E_USAGE, "", PLACE("detach"));
    (void)c.api.remove(c.api.ctx, nowhere);
    expect_fault(&c, QUIRE_E_USAGE, "", PLACE("remove"));
    (void)c.api.set_observer(c.api.ctx, 1, (quire_string){large, sizeof large}, S(""));
    expect_fault(&c, QUIRE_E_USAGE, "a",
                 "set_observer: observer: found a string of 65537 bytes; allowed are 65536");
    (void)c.api.set_observer(c.api.ctx, 1, S("x"), (quire_string){NULL, 5});
    expect_fault(&c, QUIRE_E_USAGE, "a", "set_observer: options: found 5 bytes at NULL");
    (void)c.api.spec(c.api.ctx, 0, NULL);
    expect_fault(&c, QUIRE_E_USAGE, "", "spec: found no struct (NULL)");
    close_case(&c);
}
END_TEST

/* And nothing is different afterwards: the groups are the resolution's, and none was edited. */
START_TEST(what_a_group_does_not_allow_is_refused)
{
    groups_case c;
    open_case(&c);
    const quire_annotation *before = c.r.r.annotations;
    (void)c.api.set_fixed(c.api.ctx, group_of(&c, "c<-1"), 1, 0);
    expect_fault(&c, QUIRE_E_USAGE, "c<-1",
                 "set_fixed: the group is quantized per axis; allowed are groups that are "
                 "quantized per tensor");
    (void)c.api.set_fixed(c.api.ctx, 1, -0.0, 0);
    expect_fault(&c, QUIRE_E_INVALID, "a",
                 "set_fixed: fixed: found scale -0; allowed is a finite number above 0");
    (void)c.api.set_fixed(c.api.ctx, 1, NAN, 0);
    expect_fault(&c, QUIRE_E_INVALID, "a",
                 "set_fixed: fixed: found scale nan; allowed is a finite number above 0");
    (void)c.api.set_fixed(c.api.ctx, 1, INFINITY, 0);
    expect_fault(&c, QUIRE_E_INVALID, "a",
                 "set_fixed: fixed: found scale inf; allowed is a finite number above 0");
    (void)c.api.set_fixed(c.api.ctx, 1, 1, 128);
    expect_fault(&c, QUIRE_E_INVALID, "a",
                 "set_fixed: fixed: found zero point 128; allowed is -128..127");
    (void)c.api.set_observer(c.api.ctx, 2, S("minmax"), S(""));
    expect_fault(&c, QUIRE_E_USAGE, "b",
                 "set_observer: the group's spec is derived, and nothing observes it; allowed are "
                 "groups of kind quantized or fixed");
    (void)c.api.remove(c.api.ctx, place_of(&c, "x"));
    expect_fault(&c, QUIRE_E_USAGE, "x",
                 "remove: the spec of b is derived from this slot; remove that one first, or give "
                 "its group parameters (set_fixed)");
    (void)c.api.join(c.api.ctx, 2, 0);
    expect_fault(&c, QUIRE_E_USAGE, "b",
                 "join: the group is derived from that of x, and would derive from itself; join "
                 "them the other way round, or give one of them parameters (set_fixed)");
    ck_assert_int_eq(quire_regroup_finish(&c.r.ctx, c.regroup, &c.r.r, NULL), QUIRE_OK);
    ck_assert_ptr_eq(c.r.r.annotations, before); /* the very same */
    close_case(&c);
}
END_TEST

START_TEST(a_table_is_good_for_its_callback)
{
    groups_case c;
    open_case(&c);
    quire_host_view_close(&c.view);
    ck_assert_int_eq(c.api.set_fixed(c.api.ctx, 1, 1, 0), QUIRE_E_USAGE);
    ck_assert_ptr_nonnull(strstr(c.view.fault_text, "set_fixed was called through a table whose "
                                                    "callback is over"));
    close_case(&c);
}
END_TEST

/* --- what is written ----------------------------------------------------------------------------- */

/* The lines of the slots from `first` on. */
static const char *
text_from(groups_case *c, const char *first)
{
    quire_writer w;
    quire_text_free(&c->r.ctx, &c->r.text);
    quire_writer_to_text(&w, &c->r.ctx, &c->r.text);
    quire_claims_print(&w, c->r.m, &c->r.r.claims);
    const char *found = strstr(resolve_case_end_text(&c->r, &w), first);
    return found != NULL ? found : c->r.text.ptr;
}

START_TEST(every_editor_is_named)
{
    groups_case c;
    quire_account account = {0};
    open_case(&c);
    ck_assert_int_eq(c.api.set_observer(c.api.ctx, 3, S("mse"), S("steps=8")), QUIRE_OK);
    ck_assert_int_eq(c.api.set_observer(c.api.ctx, 3, S("entropy"), S("")), QUIRE_OK);
    next_editor(&c, "outer/1:inner");
    ck_assert_int_eq(c.api.set_observer(c.api.ctx, 3, S("minmax"), S("")), QUIRE_OK);
    ck_assert_int_eq(c.api.remove(c.api.ctx, place_of(&c, "b")), QUIRE_OK);
    ck_assert_int_eq(quire_regroup_finish(&c.r.ctx, c.regroup, &c.r.r, &account), QUIRE_OK);
    ck_assert_str_eq(
        text_from(&c, "\nc<-1") + 1,
        "c<-1                     i8 axis=0 symmetric zp=none observer=minmax                by "
        "outer/1:inner noshare # reason: \"adjust\"; lost: i8 axis=0 symmetric zp=none "
        "observer=entropy by acme noshare reason: \"adjust\"; lost: i8 axis=0 symmetric zp=none "
        "observer=minmax by q\n"
        "->0                      float                                                      by "
        "q\n");
    ck_assert_uint_eq(account.n_findings, 1);
    ck_assert_int_eq(account.findings[0].severity, QUIRE_NOTE);
    ck_assert(quire_bytes_equal(quire_sym_bytes(c.r.m, account.findings[0].who),
                                quire_bytes_of("outer/1:inner")));
    size_t n;
    const quire_slot b = {place_of(&c, "b").kind, place_of(&c, "b").id};
    ck_assert_ptr_null(quire_resolved_at(&c.r.r, b));
    const quire_claim *lost = quire_resolved_claims(&c.r.r, b, &n);
    ck_assert(n == 1 && (lost->flags & QUIRE_CLAIM_LOST) != 0);
    quire_account_deinit(&c.r.ctx, &account);
    close_case(&c);
}
END_TEST

/* A derived group that takes on its source's spec derives from nothing any more. */
START_TEST(a_derived_group_may_join_its_source)
{
    groups_case c;
    open_case(&c);
    ck_assert_int_eq(c.api.join(c.api.ctx, 0, 2), QUIRE_OK);
    ck_assert_int_eq(c.api.remove(c.api.ctx, place_of(&c, "x")), QUIRE_OK);
    ck_assert_int_eq(quire_regroup_finish(&c.r.ctx, c.regroup, &c.r.r, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c.r), "a<-0 a<-1 b; a b<-0 c<-0; c<-1");
    ck_assert_str_eq(resolve_case_spec(&c.r, "b"), A);
    close_case(&c);
}
END_TEST

/* --- faults -------------------------------------------------------------------------------------- */

static quire_status
adjust_all(quire_ctx *ctx, quire_regroup *g, groups_case *c)
{
    const quire_sym who = {1}; /* any symbol */
    uint32_t group;
    const quire_place b = place_of(c, "b<-0");
    const quire_slot slot = {b.kind, b.id};
    QUIRE_TRY(quire_regroup_set_fixed(ctx, g, 1, 0.125, 42, who));
    QUIRE_TRY(quire_regroup_detach(ctx, g, slot, (quire_sym){2}, &group));
    QUIRE_TRY(quire_regroup_join(ctx, g, 0, group, who));
    const quire_place gone = place_of(c, "c<-1");
    return quire_regroup_remove(ctx, g, (quire_slot){gone.kind, gone.id}, who);
}

/* One adjust run whose n-th allocation fails. */
static bool
run_failing(size_t fail_at)
{
    groups_case c;
    fault_alloc alloc;
    fault_log log;
    quire_regroup *g = NULL;
    quire_account account = {0};
    quire_resolved r;
    open_case(&c);
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    ck_assert_int_eq(quire_resolve(&ctx, c.r.m, &c.r.claims, NULL, &r), QUIRE_OK);
    const char *groups = "x a<-0 a<-1; a b<-0 c<-0; b; c<-1";
    alloc.n_calls = 0;
    alloc.fail_at = fail_at;
    quire_status status = quire_regroup_start(&ctx, c.r.m, &r, &g);
    if (status == QUIRE_OK) status = adjust_all(&ctx, g, &c);
    if (status == QUIRE_OK) status = quire_regroup_finish(&ctx, g, &r, &account);
    alloc.fail_at = 0;
    if (status == QUIRE_OK) groups = "x a<-0 a<-1 b<-0; a c<-0; b";
    ck_assert(status == QUIRE_OK || status == QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    const quire_resolved kept = c.r.r;
    c.r.r = r;
    ck_assert_str_eq(resolve_case_groups(&c.r), groups);
    c.r.r = kept;
    quire_regroup_destroy(&ctx, g);
    quire_account_deinit(&ctx, &account);
    quire_resolved_deinit(&ctx, &r);
    ck_assert_uint_eq(alloc.n_wrong, 0);
    close_case(&c);
    return alloc.n_failed > 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 1;
    while (run_failing(n))
        n++;
    ck_assert_uint_gt(n, 20);
}
END_TEST

/* The same through the table: the fault is the host's, and the run ends for it. */
START_TEST(out_of_memory_is_no_fault_of_the_plugin)
{
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        groups_case c;
        fault_alloc alloc;
        const quire_place *members;
        uint32_t n_members, group;
        open_case(&c);
        fault_alloc_init(&alloc, n, true);
        c.view.inner.alloc = &alloc.allocator;
        (void)c.api.set_observer(c.api.ctx, 1, S("a new name"), S("and=options"));
        (void)c.api.detach(c.api.ctx, place_of(&c, "c<-0"), &group);
        (void)c.api.members(c.api.ctx, 1, &members, &n_members);
        failed = alloc.n_failed > 0;
        ck_assert_int_eq(c.view.fault, failed ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_int_eq(c.view.ends, failed ? QUIRE_E_NOMEM : QUIRE_OK);
        c.view.inner.alloc = c.r.ctx.alloc;
        alloc.fail_at = 0;
        close_case(&c);
    }
}
END_TEST

/* --- costs --------------------------------------------------------------------------------------- */

/* A chain of n Relus, all operands and results annotated: n + 1 groups of two slots or one. */
static void
open_chain(groups_case *c, uint32_t n)
{
    char *model = malloc(100 + 40 * (size_t)n);
    char *text = malloc(100 + 120 * (size_t)n);
    char *m = model + sprintf(model, MODEL "g (float[2] v0) => (float[2] v%u) {\n", n);
    char *t = text + sprintf(text, NOTE);
    for (uint32_t i = 1; i <= n; i++) {
        m += sprintf(m, "v%u = Relu (v%u)\n", i, i - 1);
        t += sprintf(t, "v%u<-0 " A " by q\nv%u " A " by q\n", i, i);
    }
    sprintf(m, "}\n");
    *c = (groups_case){0};
    resolve_case_read(&c->r, model, text);
    ck_assert_int_eq(resolve_case_resolve(&c->r, NULL), QUIRE_OK);
    ck_assert_uint_eq(c->r.r.n_groups, n + 1);
    ck_assert_int_eq(quire_regroup_start(&c->r.ctx, c->r.m, &c->r.r, &c->regroup), QUIRE_OK);
    free(model);
    free(text);
}

static void
close_chain(groups_case *c)
{
    quire_regroup_destroy(&c->r.ctx, c->regroup);
    resolve_case_close(&c->r);
}

START_TEST(an_edit_costs_what_it_touches)
{
    groups_case c;
    uint32_t group;
    open_chain(&c, 20000);
    const quire_sym who = {1};
    uint64_t before = quire_regroup_work(c.regroup);
    ck_assert_int_eq(quire_regroup_set_fixed(&c.r.ctx, c.regroup, 100, 1, 0, who), QUIRE_OK);
    ck_assert_int_eq(quire_regroup_join(&c.r.ctx, c.regroup, 7, 19000, who), QUIRE_OK);
    const quire_slot slot = c.r.r.annotations[500].slot;
    ck_assert_int_eq(quire_regroup_detach(&c.r.ctx, c.regroup, slot, who, &group), QUIRE_OK);
    ck_assert_int_eq(quire_regroup_remove(&c.r.ctx, c.regroup, slot, who), QUIRE_OK);
    ck_assert_uint_le(quire_regroup_work(c.regroup) - before, 16);
    before = quire_regroup_work(c.regroup);
    ck_assert_int_eq(quire_regroup_finish(&c.r.ctx, c.regroup, &c.r.r, NULL), QUIRE_OK);
    ck_assert_uint_le(quire_regroup_work(c.regroup) - before, 100);
    close_chain(&c);
}
END_TEST

/* Joins all groups one by one, `into` the large one or the large one into a small one, takes all
 * apart again, and writes down; the work done. */
static uint64_t
work_of_joins(uint32_t n, bool into_large)
{
    groups_case c;
    uint32_t made, at = 0;
    quire_slot slot;
    const quire_sym who = {1};
    open_chain(&c, n);
    for (uint32_t k = 0; k < n; k++) {
        ck_assert_int_eq(quire_regroup_join(&c.r.ctx, c.regroup, into_large ? 0 : k + 1,
                                            into_large ? k + 1 : k, who),
                         QUIRE_OK);
    }
    const uint32_t all = into_large ? 0 : n;
    ck_assert_uint_eq(quire_regroup_n_members(c.regroup, all), 2 * n);
    uint32_t before = 0;
    for (; quire_regroup_next_member(c.regroup, all, &at, &slot); before = at)
        ck_assert_uint_gt(at, before);
    for (uint32_t i = 0; i < 2 * n; i++) {
        slot = c.r.r.annotations[i].slot;
        ck_assert_int_eq(quire_regroup_detach(&c.r.ctx, c.regroup, slot, who, &made), QUIRE_OK);
    }
    ck_assert_int_eq(quire_regroup_finish(&c.r.ctx, c.regroup, &c.r.r, NULL), QUIRE_OK);
    ck_assert_uint_eq(c.r.r.n_groups, 2 * n);
    const uint64_t work = quire_regroup_work(c.regroup);
    close_chain(&c);
    return work;
}

START_TEST(many_edits_cost_work_in_proportion)
{
    for (int into_large = 0; into_large < 2; into_large++) {
        const uint64_t once = work_of_joins(2000, into_large);
        const uint64_t twice = work_of_joins(4000, into_large);
        ck_assert_uint_ge(once, 2000);
        ck_assert_msg(10 * twice <= 23 * once, "%d: work %llu, of twice that %llu", into_large,
                      (unsigned long long)once, (unsigned long long)twice);
        ck_assert_uint_le(once, 2000 * 60);
    }
}
END_TEST

int
main(void)
{
    TCase *tcase = tcase_create("host_groups");
    tcase_add_test(tcase, groups_are_those_of_the_resolution);
    tcase_add_test(tcase, members_outlive_the_edits_of_the_loop_that_reads_them);
    tcase_add_test(tcase, a_group_without_members_is_gone);
    tcase_add_test(tcase, numbers_places_and_strings_are_checked);
    tcase_add_test(tcase, what_a_group_does_not_allow_is_refused);
    tcase_add_test(tcase, a_table_is_good_for_its_callback);
    tcase_add_test(tcase, every_editor_is_named);
    tcase_add_test(tcase, a_derived_group_may_join_its_source);
    tcase_add_test(tcase, every_allocation_may_fail);
    tcase_add_test(tcase, out_of_memory_is_no_fault_of_the_plugin);
    tcase_add_test(tcase, an_edit_costs_what_it_touches);
    tcase_add_test(tcase, many_edits_cost_work_in_proportion);
    return resolve_case_main(tcase, "host_groups");
}
