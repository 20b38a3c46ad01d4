/* test_session.c - the life of quantizers in a run: the order of calls, what their failures become,
 * and that every allocation may fail.
 */
#include <check.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "passes/regroup.h"
#include "plugin/run.h"
#include "support/bytes.h"
#include "support/fault.h"
#include "support/suite.h"

static const char model_text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                                 "g (float[2] x) => (float[2] o) { v = Relu (x) o = Neg (v) }\n";

#define S(text) ((quire_string){text, sizeof(text) - 1})

/* --- a quantizer that records ---------------------------------------------------------------------- */

/* What the test tells the quantizers, and what they tell it. Options begin with the letter of the
 * instance: calls are recorded as `createA`. */
static struct play {
    char calls[256];
    char fails_in[32];    /* the call that fails, as it is recorded */
    quire_status status;  /* with this */
    const char *reported; /* and this message; NULL: none */
    bool rounds_down, keeps_tables;
    const quire_claim_api *kept_claims;
    const quire_graph_api *kept_graph;
    uint32_t severity; /* of the finding in validate; above 2: none */
    const quire_model *m;
    quire_status (*misbehaves)(const quire_graph_api *g, const quire_claim_api *c);
    quire_status (*edits)(const quire_graph_api *g, const quire_edit_api *e, char letter);
} play;

typedef struct toy {
    const quire_host *host;
    char letter;
    void *memory;
} toy;

/* Records the call; how it ends. */
static quire_status
act(const quire_host *host, const char *call, char letter)
{
    char text[32];
    snprintf(text, sizeof text, "%s%c", call, letter);
    const size_t used = strlen(play.calls);
    snprintf(play.calls + used, sizeof play.calls - used, "%s ", text);
    if (strcmp(play.fails_in, text) != 0) return QUIRE_OK;
    if (play.reported != NULL) {
        const quire_string message = {play.reported, strlen(play.reported)};
        host->report(host->ctx, QUIRE_ERROR, (quire_place){1, 1}, message);
    }
    return play.status;
}

static quire_status
toy_create(const quire_host *host, const void *options, void **out_self)
{
    const char letter = *(const char *)options;
    toy *t = host->realloc(host->ctx, NULL, 0, sizeof *t);
    if (t == NULL) return QUIRE_E_NOMEM;
    *t = (toy){.host = host, .letter = letter, .memory = host->realloc(host->ctx, NULL, 0, 100)};
    const quire_status status = t->memory == NULL ? QUIRE_E_NOMEM : act(host, "create", letter);
    if (status == QUIRE_OK) {
        *out_self = t;
        return QUIRE_OK;
    }
    if (t->memory != NULL) host->realloc(host->ctx, t->memory, 100, 0);
    host->realloc(host->ctx, t, sizeof *t, 0);
    return status;
}

static void
toy_destroy(void *self)
{
    toy *t = self;
    const quire_host *host = t->host;
    (void)act(host, "destroy", t->letter);
    host->realloc(host->ctx, t->memory, 100, 0);
    host->realloc(host->ctx, t, sizeof *t, 0);
}

/* Claims the result of every node, and says one thing more about the last. */
static quire_status
claim_all(const quire_graph_api *g, const quire_claim_api *c, char letter)
{
    quire_qspec spec = {.size = sizeof spec,
                        .kind = QUIRE_QSPEC_QUANTIZED,
                        .dtype = letter == 'A' ? 2 : 3,
                        .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                        .observer = S("minmax")};
    quire_node_id last = 0;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_value_view v = {.size = sizeof v};
        quire_value_id id;
        quire_status status = g->result(g->ctx, n, 0, &place, &id);
        if (status == QUIRE_OK) status = g->value(g->ctx, id, &v);
        if (status == QUIRE_OK)
            status = c->claim(c->ctx, place, &spec, letter == 'A', 0, S("all results"));
        if (status != QUIRE_OK) return status;
        last = n;
    }
    if (last == 0) return QUIRE_OK; /* an earlier refusal; it is the host's to tell */
    quire_place place;
    quire_string who;
    quire_status status = g->result(g->ctx, last, 0, &place, NULL);
    if (status == QUIRE_OK) status = c->claimed(c->ctx, place, 0, &who, &spec);
    if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    return c->skip(c->ctx, last, S("no-weights"), S("it has none"));
}

static quire_status
toy_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    const toy *t = self;
    if (play.rounds_down) fesetround(FE_DOWNWARD);
    if (play.keeps_tables && t->letter == 'B') {
        (void)play.kept_graph->next_node(play.kept_graph->ctx, 0);
        (void)play.kept_claims->skip(play.kept_claims->ctx, 1, S("late"), S(""));
    }
    play.kept_claims = c;
    play.kept_graph = g;
    if (play.misbehaves != NULL && t->letter == 'B') return play.misbehaves(g, c);
    const quire_status status = claim_all(g, c, t->letter);
    return status == QUIRE_OK ? act(t->host, "annotate", t->letter) : status;
}

static quire_status
toy_validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    const toy *t = self;
    quire_place place;
    quire_qspec spec = {.size = sizeof spec};
    uint32_t group, n;
    const quire_place *members;
    quire_status status = g->result(g->ctx, g->next_node(g->ctx, 0), 0, &place, NULL);
    if (status == QUIRE_OK) status = r->spec(r->ctx, place, &spec, &group);
    if (status == QUIRE_OK && spec.dtype != 2) return QUIRE_E_INTERNAL; /* A has the priority */
    if (status == QUIRE_OK) status = r->group(r->ctx, group, &members, &n);
    if (status == QUIRE_OK && play.severity <= 2) {
        status = r->finding(r->ctx, (quire_severity)play.severity, place, S("narrow rows"));
    }
    return status == QUIRE_OK ? act(t->host, "validate", t->letter) : status;
}

static quire_status
toy_transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    const toy *t = self;
    const quire_status status = play.edits != NULL ? play.edits(g, e, t->letter) : QUIRE_OK;
    return status == QUIRE_OK ? act(t->host, "transform", t->letter) : status;
}

static quire_status
toy_adjust(void *self, const quire_graph_api *g, const quire_group_api *groups)
{
    const toy *t = self;
    if (g->next_node(g->ctx, 0) == 0 || groups->n_groups(groups->ctx) == 0) return QUIRE_E_INTERNAL;
    return act(t->host, "adjust", t->letter);
}

static const quire_quantizer toy_quantizer = {.size = QUIRE_SIZE_TO(quire_quantizer, adjust),
                                              .name = "toy",
                                              .summary = "records its calls",
                                              .create = toy_create,
                                              .destroy = toy_destroy,
                                              .annotate = toy_annotate,
                                              .validate = toy_validate};
static const quire_plugin toy_plugin = {.size = QUIRE_SIZE_TO(quire_plugin, get_interface),
                                        .abi_major = QUIRE_ABI_MAJOR,
                                        .id = "org.example.toy",
                                        .name = "Toys",
                                        .version = "1",
                                        .license = "Apache-2.0",
                                        .summary = "for tests"};
static const quire_known_plugin known_plugin = {.plugin = &toy_plugin};

/* --- a run ------------------------------------------------------------------------------------------ */

typedef struct run_case {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_log log;
    quire_model *m;
    quire_run_result result;
    bool changed;
} run_case;

static quire_status
validate_and_adjust(run_case *c, quire_session *session, quire_resolved *resolved)
{
    quire_regroup *groups;
    quire_status status = quire_session_validate(session, resolved, &c->result);
    if (status != QUIRE_OK || !quire_session_adjusts(session)) return status;
    status = quire_regroup_start(&c->ctx, c->m, resolved, &groups);
    if (status != QUIRE_OK) return status;
    status = quire_session_adjust(session, groups, &c->result);
    quire_regroup_destroy(&c->ctx, groups);
    return status;
}

/* Two instances, A and B, of `q`: everything, as far as it goes. */
static quire_status
run_quantizers(run_case *c, const quire_quantizer *q)
{
    quire_quantizer alpha = *q, beta = *q;
    const quire_known_quantizer known[] = {{.quantizer = &alpha, .plugin = &known_plugin},
                                           {.quantizer = &beta, .plugin = &known_plugin}};
    char a[] = "A", b[] = "B";
    const quire_request requests[] = {{.known = &known[0], .options = a},
                                      {.known = &known[1], .options = b}};
    quire_session *session = NULL;
    quire_resolved resolved;
    alpha.name = "alpha";
    beta.name = "beta";
    quire_status status = quire_session_open(&c->ctx, c->m, NULL, requests, 2, &session);
    if (status == QUIRE_OK) status = quire_session_transform(session, &c->changed);
    if (status == QUIRE_OK) status = quire_session_annotate(session, &c->result);
    if (status == QUIRE_OK) {
        status = quire_resolve_or_fail(&c->ctx, c->m, &c->result.claims, NULL, QUIRE_E_INVALID,
                                       &resolved);
        if (status == QUIRE_OK) {
            status = validate_and_adjust(c, session, &resolved);
            quire_resolved_deinit(&c->ctx, &resolved);
        }
    }
    if (status != QUIRE_OK && session != NULL) quire_session_undo(session);
    quire_session_close(session);
    return status;
}

/* The same with a model of its own, the fail_at-th allocation failing. */
static quire_status
run_fresh(run_case *c, const quire_quantizer *q, size_t fail_at)
{
    *c = (run_case){.m = NULL};
    play.calls[0] = '\0';
    fault_alloc_init(&c->alloc, fail_at, false);
    c->ctx = fault_ctx(&c->alloc, NULL, &c->log);
    quire_status status = quire_model_parse(&c->ctx, quire_bytes_of(model_text), NULL, &c->m);
    if (status == QUIRE_OK) status = run_quantizers(c, q);
    return status;
}

static void
end_run(run_case *c)
{
    quire_run_result_deinit(&c->ctx, &c->result);
    quire_model_destroy(&c->ctx, c->m);
    ck_assert(fault_alloc_is_clean(&c->alloc));
}

/* The run ends so, with exactly one error that holds `text` about `slot`; these were called. */
static void
expect_end(const quire_quantizer *q, quire_status status, const char *slot, const char *text,
           const char *calls)
{
    run_case c;
    const quire_status got = run_fresh(&c, q, 0);
    ck_assert_msg(got == status, "%s: %s", quire_status_name(got), c.log.message);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_int_eq(c.log.status, status);
    ck_assert_msg(strstr(c.log.message, text) != NULL, "%s\nis not\n%s", c.log.message, text);
    ck_assert_str_eq(c.log.path, slot);
    ck_assert_str_eq(play.calls, calls);
    end_run(&c);
    play = (struct play){.severity = 9};
}

static void
reset(void)
{
    play = (struct play){.severity = 9};
}

/* --- order ------------------------------------------------------------------------------------------ */

START_TEST(calls_come_in_the_stated_order)
{
    run_case c;
    const quire_status status = run_fresh(&c, &toy_quantizer, 0);
    ck_assert_msg(status == QUIRE_OK, "%s", c.log.message);
    ck_assert_str_eq(play.calls, "createA createB annotateA annotateB validateA validateB "
                                 "destroyB destroyA ");
    ck_assert_uint_eq(c.log.n_errors + c.log.n_others, 0);
    ck_assert_uint_eq(c.result.claims.n, 4);
    ck_assert_uint_eq(c.result.n_skips, 2);
    end_run(&c);
}
END_TEST

/* All callbacks: every transform before any annotate, every validate before any adjust. */
static quire_quantizer
full_quantizer(void)
{
    quire_quantizer q = toy_quantizer;
    q.transform = toy_transform;
    q.adjust = toy_adjust;
    return q;
}

START_TEST(transforms_come_first_and_adjusts_last)
{
    const quire_quantizer q = full_quantizer();
    run_case c;
    const quire_status status = run_fresh(&c, &q, 0);
    ck_assert_msg(status == QUIRE_OK, "%s", c.log.message);
    ck_assert_str_eq(play.calls, "createA createB transformA transformB annotateA annotateB "
                                 "validateA validateB adjustA adjustB destroyB destroyA ");
    ck_assert(!c.changed);
    end_run(&c);
}
END_TEST

START_TEST(validate_may_be_missing)
{
    quire_quantizer q = toy_quantizer;
    run_case c;
    q.validate = NULL;
    ck_assert_int_eq(run_fresh(&c, &q, 0), QUIRE_OK);
    ck_assert_str_eq(play.calls, "createA createB annotateA annotateB destroyB destroyA ");
    end_run(&c);
}
END_TEST

START_TEST(findings_are_told_and_counted)
{
    for (uint32_t severity = 0; severity <= 2; severity++) {
        run_case c;
        play.severity = severity;
        ck_assert_int_eq(run_fresh(&c, &toy_quantizer, 0), QUIRE_OK);
        ck_assert_uint_eq(c.result.n_findings, 2);
        ck_assert_uint_eq(c.result.n_errors, severity == 2 ? 2 : 0);
        ck_assert_uint_eq(c.log.n_errors, severity == 2 ? 2 : 0);
        ck_assert_uint_eq(c.log.n_others, severity == 2 ? 0 : 2);
        ck_assert_str_eq(c.log.message, "quantizer \"beta\": narrow rows");
        ck_assert_str_eq(c.log.path, "v");
        end_run(&c);
    }
}
END_TEST

/* --- failures --------------------------------------------------------------------------------------- */

static void
fail_in(const char *call, quire_status status, const char *reported)
{
    snprintf(play.fails_in, sizeof play.fails_in, "%s", call);
    play.status = status;
    play.reported = reported;
}

#define ALPHA "plugin \"Toys\" (quantizer \"alpha\"), "
#define BETA  "plugin \"Toys\" (quantizer \"beta\"), "

START_TEST(failures_are_told_once_and_end_the_run)
{
    fail_in("createB", QUIRE_E_INVALID, NULL);
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "", BETA "create", "createA createB destroyA ");
    fail_in("annotateA", QUIRE_E_INVALID, NULL);
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "", ALPHA "annotate",
               "createA createB annotateA destroyB destroyA ");
    fail_in("annotateB", QUIRE_E_INVALID, "a reason");
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "v<-0", BETA "annotate: a reason",
               "createA createB annotateA annotateB destroyB destroyA ");
    fail_in("validateA", (quire_status)4711, NULL);
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "",
               ALPHA "validate returned 4711, which is no status",
               "createA createB annotateA annotateB validateA destroyB destroyA ");
    fail_in("annotateA", QUIRE_NONE, NULL);
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "", ALPHA "annotate: returned QUIRE_NONE",
               "createA createB annotateA destroyB destroyA ");
    fail_in("createA", QUIRE_E_USAGE, "rows and blocks exclude each other");
    expect_end(&toy_quantizer, QUIRE_E_USAGE, "v<-0", "rows and blocks", "createA ");
}
END_TEST

/* Also when the plugin does not mind the refusal, or reports it once more. */
static quire_status
claim_badly_and_go_on(const quire_graph_api *g, const quire_claim_api *c)
{
    const quire_qspec nan = {.size = sizeof nan,
                             .kind = QUIRE_QSPEC_FIXED,
                             .dtype = 2,
                             .symmetric = 1,
                             .fixed_scale = (double)__builtin_nanf("")};
    (void)g;
    for (int i = 0; i < 1000; i++)
        (void)c->claim(c->ctx, (quire_place){1, 1}, &nan, 0, 0, S(""));
    return QUIRE_OK;
}

static quire_status
ask_for_a_foreign_node(const quire_graph_api *g, const quire_claim_api *c)
{
    quire_node_view n = {.size = sizeof n};
    (void)c;
    return g->node(g->ctx, 999, &n);
}

START_TEST(refused_calls_end_the_run)
{
    static const char calls[] = "createA createB annotateA destroyB destroyA ";
    play.misbehaves = claim_badly_and_go_on;
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "v<-0",
               BETA "annotate: claim: fixed: found scale nan; allowed is a finite number above 0",
               calls);
    play.misbehaves = ask_for_a_foreign_node;
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "",
               BETA "annotate: node: node 999 is no id of this model", calls);
}
END_TEST

/* B uses the tables A got: A is told of. */
START_TEST(kept_tables_are_refused)
{
    play.keeps_tables = true;
    expect_end(&toy_quantizer, QUIRE_E_PLUGIN, "",
               ALPHA "annotate: next_node was called through a table whose callback is over",
               "createA createB annotateA annotateB destroyB destroyA ");
}
END_TEST

START_TEST(what_cannot_be_run_is_refused)
{
    quire_quantizer q = toy_quantizer;
    q.create = NULL;
    expect_end(&q, QUIRE_E_PLUGIN, "", "quantizer \"alpha\" has no create (NULL)", "");
    q = toy_quantizer;
    q.destroy = NULL;
    expect_end(&q, QUIRE_E_PLUGIN, "", "has no destroy (NULL)", "");
    q = toy_quantizer;
    q.annotate = NULL;
    expect_end(&q, QUIRE_E_PLUGIN, "", "has no annotate (NULL)", "");
}
END_TEST

/* --- transforms that fail ---------------------------------------------------------------------------- */

/* x -> one more Relu, named after the letter, behind everything that reads x. */
static quire_status
add_relu(const quire_graph_api *g, const quire_edit_api *e, char letter, quire_node_id *out_node)
{
    const quire_string name = {&letter, 1};
    quire_value_id x;
    quire_new_node n = {.size = sizeof n,
                        .graph = g->main_graph(g->ctx),
                        .before = g->next_node(g->ctx, 0),
                        .op_type = S("Relu"),
                        .operands = &x,
                        .n_operands = 1,
                        .results = &name,
                        .n_results = 1};
    quire_status status = g->input(g->ctx, n.graph, 0, NULL, &x);
    if (status == QUIRE_OK) status = e->create_node(e->ctx, &n, out_node);
    return status == QUIRE_OK ? e->interpose(e->ctx, x, *out_node) : status;
}

static quire_status
edit_well(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_id made;
    return add_relu(g, e, letter, &made);
}

/* A's is good; B's node reads its own result. */
static quire_status
make_a_cycle(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_id made;
    quire_value_id result;
    quire_status status = add_relu(g, e, letter, &made);
    if (status == QUIRE_OK) status = g->result(g->ctx, made, 0, NULL, &result);
    return status == QUIRE_OK && letter == 'B' ? e->set_operand(e->ctx, made, 0, result) : status;
}

static quire_status
put_in_wrong_order(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_id made;
    quire_status status = add_relu(g, e, letter, &made);
    return status == QUIRE_OK && letter == 'B' ? e->move_node(e->ctx, made, 0) : status;
}

static quire_status
use_what_was_erased(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_id made;
    quire_value_id x, result = 0;
    quire_status status = add_relu(g, e, letter, &made);
    if (letter != 'B' || status != QUIRE_OK) return status;
    status = g->result(g->ctx, made, 0, NULL, &result);
    if (status == QUIRE_OK) status = g->input(g->ctx, g->main_graph(g->ctx), 0, NULL, &x);
    if (status == QUIRE_OK) status = e->replace_uses(e->ctx, result, x);
    if (status == QUIRE_OK) status = e->erase_node(e->ctx, made);
    if (status == QUIRE_OK) status = e->set_operand(e->ctx, g->next_node(g->ctx, 0), 0, result);
    return status;
}

/* In the body of a Loop whose formal has a name of the main graph: what is read by that name there
 * is the formal. */
static quire_status
capture_what_is_hidden(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_view n = {.size = sizeof n};
    quire_value_id x;
    quire_status status = g->input(g->ctx, g->main_graph(g->ctx), 0, NULL, &x);
    for (quire_node_id at = g->next_node(g->ctx, 0); at != 0 && status == QUIRE_OK;
         at = g->next_node(g->ctx, at)) {
        status = g->node(g->ctx, at, &n);
        if (status == QUIRE_OK && letter == 'B' && n.op_type.len == 3 &&
            memcmp(n.op_type.ptr, "Abs", 3) == 0)
            return e->set_operand(e->ctx, at, 0, x);
    }
    return status == QUIRE_OK && letter == 'A' ? edit_well(g, e, letter) : status;
}

static quire_status
let_a_body_read_what_comes_later(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_value_id o;
    quire_node_view n = {.size = sizeof n};
    if (letter != 'B') return edit_well(g, e, letter);
    quire_status status = g->output(g->ctx, g->main_graph(g->ctx), 0, NULL, &o);
    for (quire_node_id at = g->next_node(g->ctx, 0); at != 0 && status == QUIRE_OK;
         at = g->next_node(g->ctx, at)) {
        status = g->node(g->ctx, at, &n);
        if (status == QUIRE_OK && n.op_type.len == 3 && memcmp(n.op_type.ptr, "Abs", 3) == 0)
            return e->set_operand(e->ctx, at, 0, o);
    }
    return status;
}

static const char loop_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2] x, int64 k, bool c) => (float[2] o) {\n"
    "  v = Loop (k, c, x) <body = b (int64 i, bool t, float[2] x) => (bool t2, float[2] r)"
    " { t2 = Identity (t) r = Abs (x) }>\n"
    "  o = Neg (v)\n}\n";

static const char hiding_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2] x, bool b) => (float[2] o) {\n"
    "  v = If (b) <then_branch = t () => (float[2] p) { h = Exp (x) p = Neg (h) },"
    " else_branch = e () => (float[2] q) { q = Exp (x) }>\n"
    "  h = Abs (x)\n  o = Add (h, v)\n}\n";

/* What the body calls so was not there yet where the body is held. */
static quire_status
move_a_name_before_its_double(const quire_graph_api *g, const quire_edit_api *e, char letter)
{
    quire_node_view n = {.size = sizeof n};
    const quire_node_id first = g->next_node(g->ctx, 0);
    quire_status status = QUIRE_OK;
    if (letter != 'B') return QUIRE_OK;
    for (quire_node_id at = first; at != 0 && status == QUIRE_OK; at = g->next_node(g->ctx, at)) {
        status = g->node(g->ctx, at, &n);
        if (status == QUIRE_OK && n.op_type.len == 3 && memcmp(n.op_type.ptr, "Abs", 3) == 0)
            return e->move_node(e->ctx, at, first);
    }
    return status;
}

typedef struct undo_case {
    const char *model;
    quire_status (*edits)(const quire_graph_api *g, const quire_edit_api *e, char letter);
    const char *path, *message;
} undo_case;

static const undo_case undo_cases[] = {
    {model_text, make_a_cycle, "graph.node[0] (Relu)", "left a graph that may not be: "},
    {model_text, put_in_wrong_order, "", "left a graph that may not be: "},
    {model_text, use_what_was_erased, "", "was erased"},
    {loop_text, capture_what_is_hidden, "",
     "left a graph that may not be: an operand reads a value whose name means another one here: "
     "\"x\"; it is undone"},
    {loop_text, let_a_body_read_what_comes_later, "", "left a graph that may not be: "},
    {hiding_text, move_a_name_before_its_double, "then_branch.node[0] (Exp)",
     "left a graph that may not be: a result hides a name of an enclosing graph: \"h\""},
};

/* The model is as it was before A's transform, which was good. */
START_TEST(what_breaks_the_graph_is_undone_and_named)
{
    const undo_case *u = &undo_cases[_i];
    const quire_quantizer q = full_quantizer();
    run_case c = {.m = NULL};
    size_t n_before, n_after;
    fault_alloc_init(&c.alloc, 0, false);
    c.ctx = fault_ctx(&c.alloc, NULL, &c.log);
    ck_assert_int_eq(quire_model_parse(&c.ctx, quire_bytes_of(u->model), NULL, &c.m), QUIRE_OK);
    uint8_t *before = support_bytes(c.m, &n_before);
    play.edits = u->edits;
    ck_assert_int_eq(run_quantizers(&c, &q), QUIRE_E_PLUGIN);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_msg(strncmp(c.log.message, BETA "transform: ", strlen(BETA "transform: ")) == 0 &&
                      strstr(c.log.message, u->message) != NULL,
                  "%s: %s", c.log.path, c.log.message);
    ck_assert_msg(strstr(c.log.path, u->path) != NULL, "%s", c.log.path);
    uint8_t *after = support_bytes(c.m, &n_after);
    ck_assert_uint_eq(n_before, n_after);
    ck_assert_mem_eq(before, after, n_before);
    free(before);
    free(after);
    end_run(&c);
}
END_TEST

/* Whatever fails later: the edits go, too. */
START_TEST(a_run_that_fails_later_leaves_the_model_as_it_was)
{
    static const char *const calls[] = {"transformB", "annotateB", "validateA", "adjustB"};
    const quire_quantizer q = full_quantizer();
    run_case c = {.m = NULL};
    size_t n_before, n_after;
    fault_alloc_init(&c.alloc, 0, false);
    c.ctx = fault_ctx(&c.alloc, NULL, &c.log);
    ck_assert_int_eq(quire_model_parse(&c.ctx, quire_bytes_of(model_text), NULL, &c.m), QUIRE_OK);
    uint8_t *before = support_bytes(c.m, &n_before);
    play.edits = edit_well;
    fail_in(calls[_i], QUIRE_E_INVALID, NULL);
    ck_assert_int_eq(run_quantizers(&c, &q), QUIRE_E_PLUGIN);
    ck_assert(c.changed);
    ck_assert_uint_eq(c.log.n_errors, 1);
    uint8_t *after = support_bytes(c.m, &n_after);
    ck_assert_uint_eq(n_before, n_after);
    ck_assert_mem_eq(before, after, n_before);
    free(before);
    free(after);
    end_run(&c);
}
END_TEST

/* Row 15: transforms run in order, each on what the one before left. */
START_TEST(row_15_each_transform_sees_what_the_one_before_made)
{
    const quire_quantizer q = full_quantizer();
    run_case c;
    play.edits = edit_well;
    const quire_status status = run_fresh(&c, &q, 0);
    ck_assert_msg(status == QUIRE_OK, "%s", c.log.message);
    ck_assert(c.changed);
    const quire_node first = quire_graph_at(c.m, c.m->main)->first;
    const quire_node second = quire_node_at(c.m, first)->next;
    ck_assert_mem_eq(quire_value_name(c.m, quire_node_result(c.m, first, 0)).ptr, "B", 1);
    ck_assert_mem_eq(quire_value_name(c.m, quire_node_result(c.m, second, 0)).ptr, "A", 1);
    ck_assert_uint_eq(quire_node_input(c.m, second, 0).id, quire_node_result(c.m, first, 0).id);
    ck_assert_uint_eq(c.result.claims.n, 8); /* annotate sees four nodes */
    end_run(&c);
}
END_TEST

START_TEST(every_allocation_may_fail_in_a_transform)
{
    const quire_quantizer q = full_quantizer();
    size_t n = 0, n_wanted, n_got;
    run_case c;
    ck_assert_int_eq(run_fresh(&c, &toy_quantizer, 0), QUIRE_OK);
    uint8_t *wanted = support_bytes(c.m, &n_wanted);
    end_run(&c);
    for (quire_status status = QUIRE_E_NOMEM; status != QUIRE_OK;) {
        play = (struct play){.severity = 9, .edits = edit_well};
        status = run_fresh(&c, &q, ++n);
        if (c.alloc.n_failed > 0) {
            ck_assert_msg(status == QUIRE_E_NOMEM, "allocation %zu: %s, %s", n,
                          quire_status_name(status), c.log.message);
            ck_assert_uint_eq(c.log.n_errors, 1);
        }
        if (c.m != NULL && status != QUIRE_OK) {
            uint8_t *got = support_bytes(c.m, &n_got);
            ck_assert_msg(n_got == n_wanted && memcmp(got, wanted, n_got) == 0, "allocation %zu",
                          n);
            free(got);
        }
        end_run(&c);
    }
    free(wanted);
    ck_assert_uint_gt(n, 60);
}
END_TEST

START_TEST(a_changed_rounding_mode_is_put_back_and_told)
{
    run_case c;
    play.rounds_down = true;
    ck_assert_int_eq(run_fresh(&c, &toy_quantizer, 0), QUIRE_OK);
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
    ck_assert_uint_eq(c.log.n_errors, 0);
    ck_assert_uint_eq(c.log.n_others, 2);
    ck_assert_str_eq(c.log.message,
                     BETA "annotate: the rounding mode was left changed; it was put back");
    end_run(&c);
}
END_TEST

START_TEST(a_canceled_run_stops_before_the_next_callback)
{
    const quire_known_quantizer known = {.quantizer = &toy_quantizer, .plugin = &known_plugin};
    char a[] = "A";
    const quire_request request = {.known = &known, .options = a};
    const volatile int canceled = 1;
    quire_session *session;
    run_case c;
    ck_assert_int_eq(run_fresh(&c, &toy_quantizer, 0), QUIRE_OK);
    play.calls[0] = '\0';
    ck_assert_int_eq(quire_session_open(&c.ctx, c.m, NULL, &request, 1, &session), QUIRE_OK);
    c.ctx.canceled = &canceled;
    ck_assert_int_eq(quire_session_annotate(session, &c.result), QUIRE_E_CANCELED);
    quire_session_close(session);
    ck_assert_str_eq(play.calls, "createA destroyA ");
    ck_assert_uint_eq(c.log.n_errors, 1);
    end_run(&c);
}
END_TEST

/* --- memory ----------------------------------------------------------------------------------------- */

START_TEST(every_allocation_may_fail)
{
    size_t n = 0;
    for (quire_status status = QUIRE_E_NOMEM; status != QUIRE_OK;) {
        run_case c;
        status = run_fresh(&c, &toy_quantizer, ++n);
        if (c.alloc.n_failed > 0) {
            ck_assert_msg(status == QUIRE_E_NOMEM, "allocation %zu: %s, %s", n,
                          quire_status_name(status), c.log.message);
            ck_assert_uint_eq(c.log.n_errors, 1);
        } else {
            ck_assert_int_eq(status, QUIRE_OK);
        }
        end_run(&c);
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("session");
    tcase_add_checked_fixture(all, reset, NULL);
    tcase_add_test(all, calls_come_in_the_stated_order);
    tcase_add_test(all, transforms_come_first_and_adjusts_last);
    tcase_add_test(all, validate_may_be_missing);
    tcase_add_test(all, findings_are_told_and_counted);
    tcase_add_test(all, failures_are_told_once_and_end_the_run);
    tcase_add_test(all, refused_calls_end_the_run);
    tcase_add_test(all, kept_tables_are_refused);
    tcase_add_test(all, what_cannot_be_run_is_refused);
    tcase_add_test(all, a_changed_rounding_mode_is_put_back_and_told);
    tcase_add_test(all, a_canceled_run_stops_before_the_next_callback);
    tcase_add_loop_test(all, what_breaks_the_graph_is_undone_and_named, 0,
                        sizeof undo_cases / sizeof *undo_cases);
    tcase_add_loop_test(all, a_run_that_fails_later_leaves_the_model_as_it_was, 0, 4);
    tcase_add_test(all, row_15_each_transform_sees_what_the_one_before_made);
    tcase_add_test(all, every_allocation_may_fail_in_a_transform);
    tcase_add_test(all, every_allocation_may_fail);
    Suite *suite = suite_create("session");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
