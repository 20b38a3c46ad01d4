/* test_composable.c - the quantizer `composable`: order, the rule between its children, and that every
 * callback reaches them. Rows are those of the peer's tests (docs/pt2e.md), whose graphs are written
 * here as ONNX and whose counts of quantize and dequantize nodes are counted on annotations.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "plugin/annotate_with.h"
#include "plugin/instance.h"
#include "plugin/options.h"
#include "support/fault.h"
#include "support/suite.h"

#define S(text) ((quire_string){text, sizeof(text) - 1})
#define TRY(call)                                                                                  \
    do {                                                                                           \
        const quire_status status_ = (call);                                                       \
        if (status_ != QUIRE_OK) return status_;                                                   \
    } while (0)

enum { FLOAT = 1, UINT8 = 2, INT8 = 3 };

/* --- quantizers in the manner of the peer's tests ----------------------------------------------- */

static quire_status
create(const quire_host *host, const void *options, void **out_self)
{
    (void)options;
    *out_self = host->realloc(host->ctx, NULL, 0, sizeof host);
    if (*out_self == NULL) return QUIRE_E_NOMEM;
    memcpy(*out_self, &host, sizeof host);
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    const quire_host *host;
    memcpy(&host, self, sizeof host);
    host->realloc(host->ctx, self, sizeof host, 0);
}

static bool
is(quire_string s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static quire_qspec
activation(bool dynamic)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = QUIRE_QSPEC_QUANTIZED,
                         .dtype = UINT8,
                         .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                         .dynamic = dynamic};
}

static quire_qspec
weight(bool per_channel, int32_t axis)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = QUIRE_QSPEC_QUANTIZED,
                         .dtype = INT8,
                         .symmetric = 1,
                         .granularity = per_channel ? QUIRE_QSPEC_PER_AXIS : QUIRE_QSPEC_PER_TENSOR,
                         .axis = axis};
}

typedef struct at_node {
    const quire_graph_api *g;
    const quire_claim_api *c;
    quire_node_id node;
    quire_node_view view;
} at_node;

static quire_place
place_of(const at_node *n, bool is_result, uint32_t k)
{
    quire_place place = {0, 0};
    (void)(is_result ? n->g->result : n->g->operand)(n->g->ctx, n->node, k, &place, NULL);
    return place;
}

static quire_status
ask(const at_node *n, bool is_result, uint32_t k, quire_qspec spec)
{
    return n->c->claim(n->c->ctx, place_of(n, is_result, k), &spec, 0, 0, S(""));
}

/* Calls `visit` for every node. */
static quire_status
each_node(const quire_graph_api *g, const quire_claim_api *c,
          quire_status (*visit)(const at_node *n))
{
    at_node n = {.g = g, .c = c, .view = {.size = sizeof n.view}};
    for (n.node = g->next_node(g->ctx, 0); n.node != 0; n.node = g->next_node(g->ctx, n.node)) {
        TRY(g->node(g->ctx, n.node, &n.view));
        TRY(visit(&n));
    }
    return QUIRE_OK;
}

static bool per_channel_linear;

static quire_status
ask_dynamic(const at_node *n)
{
    if (!is(n->view.op_type, "MatMul")) return QUIRE_OK;
    TRY(ask(n, false, 0, activation(true)));
    return ask(n, false, 1, weight(per_channel_linear, 1));
}

static quire_status
dynamic_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    return each_node(g, c, ask_dynamic);
}

/* As the peer's quantizers honour `_annotated`. */
static bool
is_taken(const at_node *n)
{
    return n->c->claimed(n->c->ctx, place_of(n, false, 0), 0, NULL, NULL) == QUIRE_OK;
}

static quire_status
ask_static(const at_node *n)
{
    const bool conv = is(n->view.op_type, "Conv");
    const bool same = is(n->view.op_type, "Transpose") || is(n->view.op_type, "Squeeze");
    quire_place before;
    quire_value_id value;
    quire_value_view v = {.size = sizeof v};
    if (is_taken(n)) return QUIRE_OK;
    if (conv || is(n->view.op_type, "MatMul")) {
        TRY(ask(n, false, 0, activation(false)));
        TRY(ask(n, false, 1, weight(true, conv ? 0 : 1)));
        return ask(n, true, 0, activation(false));
    }
    if (!same) return QUIRE_OK;
    TRY(n->g->operand(n->g->ctx, n->node, 0, NULL, &value));
    TRY(n->g->value(n->g->ctx, value, &v));
    if (v.producer == 0) return QUIRE_OK;
    TRY(n->g->result(n->g->ctx, v.producer, v.index, &before, NULL));
    const quire_qspec shared = {
        .size = sizeof shared, .kind = QUIRE_QSPEC_SHARED, .targets = &before, .n_targets = 1};
    at_node producer = *n;
    producer.node = v.producer;
    TRY(n->g->node(n->g->ctx, v.producer, &producer.view));
    if (is(producer.view.op_type, "Unsqueeze")) return QUIRE_OK; /* it has no output spec */
    TRY(ask(n, false, 0, shared));
    return ask(n, true, 0, shared);
}

static quire_status
static_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    return each_node(g, c, ask_static);
}

/* "Not annotated", at everything. */
static quire_status
ask_float(const at_node *n)
{
    return ask(n, false, 0, (quire_qspec){.size = sizeof(quire_qspec), .kind = QUIRE_QSPEC_FLOAT});
}

static quire_status
bad_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    return each_node(g, c, ask_float);
}

/* Asks otherwise, and in the end for the same, with the defaults written out. */
static quire_status
change_mind(const at_node *n)
{
    quire_qspec spec = activation(true);
    if (!is(n->view.op_type, "MatMul")) return QUIRE_OK;
    TRY(ask(n, false, 0, activation(false)));
    spec.qmax = 255;
    spec.scale_type = FLOAT;
    return ask(n, false, 0, spec);
}

static quire_status
fickle_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    return each_node(g, c, change_mind);
}

static quire_status
nothing(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    return QUIRE_OK;
}

/* Replaces every node of one operator by one of another. */
static quire_status
replace_ops(const quire_graph_api *g, const quire_edit_api *e, const char *from, const char *to)
{
    quire_node_id next;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = next) {
        quire_node_view v = {.size = sizeof v};
        quire_value_id operands[2], old, made;
        quire_node_id node;
        quire_string name;
        next = g->next_node(g->ctx, n);
        TRY(g->node(g->ctx, n, &v));
        if (!is(v.op_type, from)) continue;
        TRY(g->operand(g->ctx, n, 0, NULL, &operands[0]));
        TRY(g->operand(g->ctx, n, 1, NULL, &operands[1]));
        TRY(g->result(g->ctx, n, 0, NULL, &old));
        TRY(e->fresh_name(e->ctx, S("made"), &name));
        const quire_new_node new = {.size = sizeof new,
                                    .graph = v.graph,
                                    .before = n,
                                    .op_type = {to, strlen(to)},
                                    .operands = operands,
                                    .n_operands = 2,
                                    .results = &name,
                                    .n_results = 1};
        TRY(e->create_node(e->ctx, &new, &node));
        TRY(g->result(g->ctx, node, 0, NULL, &made));
        TRY(e->replace_uses(e->ctx, old, made));
        TRY(e->erase_node(e->ctx, n));
    }
    return QUIRE_OK;
}

static quire_status
add_to_mul(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    (void)self;
    return replace_ops(g, e, "Add", "Mul");
}

static quire_status
mul_to_sub(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    (void)self;
    return replace_ops(g, e, "Mul", "Sub");
}

static quire_status
complain(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    (void)self;
    (void)g;
    return r->finding(r->ctx, QUIRE_ERROR, (quire_place){0, 0}, S("not like this"));
}

static quire_status
fix_all(void *self, const quire_graph_api *g, const quire_group_api *groups)
{
    (void)self;
    (void)g;
    for (uint32_t k = 0; k < groups->n_groups(groups->ctx); k++) {
        quire_qspec spec = {.size = sizeof spec};
        TRY(groups->spec(groups->ctx, k, &spec));
        if (spec.granularity != QUIRE_QSPEC_PER_TENSOR || spec.symmetric) continue;
        TRY(groups->set_fixed(groups->ctx, k, 0.125, 42));
    }
    return QUIRE_OK;
}

static quire_status
support_two(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row > 1) return QUIRE_NONE;
    out->op = row == 0 ? "MatMul" : "Gemm";
    out->index = 1;
    out->spec = weight(false, 0);
    return QUIRE_OK;
}

static quire_status
support_none(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    (void)row;
    (void)out;
    return QUIRE_NONE;
}

static quire_status
fail_silently(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    return QUIRE_E_LIMIT;
}

/* A foreign id: the host refuses it in the child's name. */
static quire_status
fail_at_graph(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_node_view v = {.size = sizeof v};
    (void)self;
    (void)c;
    return g->node(g->ctx, 4711, &v);
}

#define Q(label, support_fn, ...)                                                                  \
    {                                                                                              \
        .size = sizeof(quire_quantizer), .name = label, .summary = "of the tests",                 \
        .create = create, .destroy = destroy, .support = support_fn, __VA_ARGS__                   \
    }
static const quire_quantizer all[] = {
    Q("dynamic", support_two, .annotate = dynamic_annotate),
    Q("static", support_two, .annotate = static_annotate),
    Q("bad", support_none, .annotate = bad_annotate),
    Q("fickle", support_none, .annotate = fickle_annotate),
    Q("add-to-mul", support_none, .annotate = nothing, .transform = add_to_mul),
    Q("mul-to-sub", support_none, .annotate = nothing, .transform = mul_to_sub),
    Q("complain", support_none, .annotate = nothing, .validate = complain),
    Q("fix-all", support_none, .annotate = nothing, .adjust = fix_all),
    Q("silent", support_none, .annotate = fail_silently),
    Q("lost", support_none, .annotate = fail_at_graph),
};

static const void *
get_interface(const char *id, uint32_t index)
{
    const bool known = strcmp(id, QUIRE_QUANTIZER_1) == 0 && index < sizeof all / sizeof *all;
    return known ? &all[index] : NULL;
}

static const quire_plugin plugin = {
    sizeof plugin, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR, "org.example.peers", "peers",
    "1",           "MIT",           "of the tests",  get_interface};

/* --- a run ------------------------------------------------------------------------------------ */

typedef struct run_case {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_log log;
    quire_model *m;
    quire_registry registry;
    quire_annotations a;
    quire_status status;
} run_case;

static void
run_failing(run_case *c, const char *model, const char *const *quantizers, size_t n, size_t fail_at)
{
    const quire_annotators by = {.quantizers = quantizers, .n_quantizers = n};
    *c = (run_case){.m = NULL};
    fault_alloc_init(&c->alloc, 0, false);
    c->ctx = fault_ctx(&c->alloc, NULL, &c->log);
    const quire_status parsed = quire_model_parse(&c->ctx, quire_bytes_of(model), NULL, &c->m);
    ck_assert_msg(parsed == QUIRE_OK, "%s", c->log.message);
    ck_assert_int_eq(quire_registry_init(&c->ctx, &c->registry), QUIRE_OK);
    ck_assert_int_eq(quire_registry_add(&c->ctx, &c->registry, &plugin, NULL), QUIRE_OK);
    if (fail_at > 0) c->alloc.fail_at = c->alloc.n_calls + fail_at;
    c->status = quire_annotate_with(&c->ctx, c->m, &c->registry, &by, &c->a);
    c->alloc.fail_at = 0;
}

static void
run(run_case *c, const char *model, const char *quantizer)
{
    run_failing(c, model, &quantizer, 1, 0);
}

static void
end(run_case *c)
{
    if (c->status == QUIRE_OK) quire_annotations_deinit(&c->ctx, &c->a);
    quire_registry_deinit(&c->registry);
    quire_model_destroy(&c->ctx, c->m);
    ck_assert(fault_alloc_is_clean(&c->alloc));
}

static void
expect_ok(const run_case *c)
{
    ck_assert_msg(c->status == QUIRE_OK, "%s: %s", c->log.path, c->log.message);
}

static void
expect_error(run_case *c, quire_status status, const char *path, const char *text)
{
    ck_assert_msg(c->status == status, "%s: %s", quire_status_name(c->status), c->log.message);
    ck_assert_uint_eq(c->log.n_errors, 1);
    ck_assert_msg(strcmp(c->log.path, path) == 0, "at \"%s\": %s", c->log.path, c->log.message);
    ck_assert_msg(strstr(c->log.message, text) != NULL, "%s\nis not\n%s", c->log.message, text);
    end(c);
}

/* Who asks for what holds at `slot` of a node's operand or result. */
static bool
is_asked_by(const run_case *c, const char *who)
{
    for (size_t k = 0; k < c->a.resolved.claims.n; k++) {
        if (quire_bytes_equal(quire_sym_bytes(c->m, c->a.resolved.claims.ptr[k].who),
                              quire_bytes_of(who)))
            return true;
    }
    return false;
}

/* --- row 15: transforms ------------------------------------------------------------------------- */

static const char add_text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                               "g (float[2] x, float[2] w) => (float[2] y) {\n"
                               "  s = Add(x, w)\n  y = Neg(s)\n}\n";

/* Operator type of the first node. */
static const char *
first_op(const quire_model *m)
{
    const quire_node n = quire_walk_next(m, (quire_node){0});
    static char text[40];
    const quire_bytes type = quire_sym_bytes(m, quire_op_at(m, quire_node_at(m, n)->op)->type);
    snprintf(text, sizeof text, "%.*s", (int)type.len, (const char *)type.ptr);
    return text;
}

START_TEST(row_15_transforms_run_in_order_each_on_the_result_before)
{
    run_case c;
    run(&c, add_text, "composable:of={add-to-mul;mul-to-sub}");
    expect_ok(&c);
    ck_assert_str_eq(first_op(c.m), "Sub");
    end(&c);
    run(&c, add_text, "composable:of={mul-to-sub;add-to-mul}");
    expect_ok(&c);
    ck_assert_str_eq(first_op(c.m), "Mul");
    end(&c);
    run(&c, add_text, "composable:of={composable:of=add-to-mul;mul-to-sub}");
    expect_ok(&c);
    ck_assert_str_eq(first_op(c.m), "Sub");
    end(&c);
}
END_TEST

/* --- row 16: no overwriting --------------------------------------------------------------------- */

#define CONV_LINEAR                                                                                \
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"                                                 \
    "g (float[1,1,4,4] x) => (float[1,4,4,2] y)\n"                                                 \
    "<float[1,1,1,1] K = {2}, float[1,2] M = {1,2}>\n"                                             \
    "{\n  conv = Conv(x, K)\n  t = Transpose<perm = [0, 2, 3, 1]>(conv)\n  y = MatMul(t, M)\n}\n"

START_TEST(row_16_a_later_child_may_not_overwrite_an_earlier_one)
{
    run_case c;
    run(&c, CONV_LINEAR, "composable:of={dynamic;bad}");
    expect_error(&c, QUIRE_E_USAGE, "y<-0",
                 "plugin \"quire\" (quantizer \"composable\"), annotate: composable/2:bad asks for "
                 "float, but composable/1:dynamic before it asked for u8 tensor affine zp=int "
                 "dynamic; of one composable");
    run(&c, CONV_LINEAR, "composable:of={bad;dynamic}");
    expect_error(&c, QUIRE_E_USAGE, "y<-0", "composable/2:dynamic asks for u8 tensor");
    /* The first of its slots in the order of its claims is told. */
    run(&c, CONV_LINEAR, "composable:of={static;dynamic;bad}");
    expect_error(&c, QUIRE_E_USAGE, "y<-0",
                 "composable/2:dynamic asks for u8 tensor affine zp=int dynamic, but "
                 "composable/1:static before it asked for u8 tensor affine zp=int;");
    run(&c, CONV_LINEAR, "composable:of={dynamic;composable:of={fix-all;composable:of=bad}}");
    expect_error(&c, QUIRE_E_USAGE, "y<-0",
                 "(quantizer \"composable\"), annotate: composable/2:composable/2:composable/1:bad "
                 "asks for float, but composable/1:dynamic before it");
    run(&c, CONV_LINEAR, "composable:of={composable:of=dynamic;static;composable:of={bad}}");
    expect_error(&c, QUIRE_E_USAGE, "conv<-0",
                 "composable/3:composable/1:bad asks for float, but composable/2:static before it");
}
END_TEST

START_TEST(equal_values_are_no_overwriting)
{
    run_case c;
    run(&c, CONV_LINEAR, "composable:of={dynamic;dynamic}");
    expect_ok(&c);
    end(&c);
    run(&c, CONV_LINEAR, "composable:of={dynamic;fickle;dynamic}");
    expect_ok(&c);
    ck_assert(is_asked_by(&c, "composable/2:fickle"));
    end(&c);
}
END_TEST

START_TEST(the_rule_is_within_one_composable)
{
    static const char *const two[] = {"composable:of={dynamic}", "composable:of={bad}"};
    run_case c;
    run_failing(&c, CONV_LINEAR, two, 2, 0);
    expect_error(&c, QUIRE_E_USAGE, "", "conflict at y<-0");
}
END_TEST

/* --- rows 17 and 18: counts --------------------------------------------------------------------- */

/* As the peer counts nodes after convert: quantize of a tensor, dequantize of each use of it, and of
 * each constant; dynamic ones apart. */
typedef struct counts {
    size_t q, dq, q_dynamic, dq_per_channel;
} counts;

static const quire_annotation *
of_tensor(const run_case *c, quire_value value)
{
    for (size_t k = 0; k < c->a.resolved.n_annotations; k++) {
        const quire_annotation *a = &c->a.resolved.annotations[k];
        const quire_spec *spec = quire_resolved_spec(c->m, &c->a.resolved, a);
        if (quire_slot_value(c->m, a->slot).id == value.id && !spec->dynamic) return a;
    }
    return NULL;
}

static void
count_tensor(const run_case *c, quire_value value, counts *out)
{
    const quire_annotation *a = of_tensor(c, value);
    if (a == NULL) return;
    const quire_spec *spec = quire_resolved_spec(c->m, &c->a.resolved, a);
    if (quire_value_constant(c->m, value, NULL).id != 0) {
        out->dq += spec->granularity == QUIRE_PER_TENSOR ? 1 : 0;
        out->dq_per_channel += spec->granularity == QUIRE_PER_TENSOR ? 0 : 1;
    } else {
        out->q++;
        out->dq += quire_value_at(c->m, value)->n_uses;
    }
}

static counts
count(const run_case *c)
{
    counts n = {0, 0, 0, 0};
    for (uint32_t v = 1; v < c->m->values.count; v++)
        count_tensor(c, (quire_value){v}, &n);
    for (size_t k = 0; k < c->a.resolved.n_annotations; k++) {
        const quire_annotation *a = &c->a.resolved.annotations[k];
        n.q_dynamic += quire_resolved_spec(c->m, &c->a.resolved, a)->dynamic ? 1 : 0;
    }
    return n;
}

/* The linear keeps what the dynamic quantizer asked for: q.tensor 1, q 3, dq 4, dq_pc 1. */
START_TEST(row_17_dynamic_before_static)
{
    run_case c;
    run(&c, CONV_LINEAR, "composable:of={dynamic;static}");
    expect_ok(&c);
    const counts n = count(&c);
    ck_assert_uint_eq(n.q_dynamic, 1);
    ck_assert_uint_eq(n.q, 3);
    ck_assert_uint_eq(n.dq, 4);
    ck_assert_uint_eq(n.dq_per_channel, 1);
    ck_assert(is_asked_by(&c, "composable/1:dynamic"));
    ck_assert(is_asked_by(&c, "composable/2:static"));
    end(&c);
}
END_TEST

static const char embedding_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (int64[4] i) => (float[4,2,3] y)\n"
    "<float[8,4] E = {1,2,3,4, 5,6,7,8, 9,10,11,12, 13,14,15,16, 1,2,3,4, 5,6,7,8, 9,10,11,12,"
    " 13,14,15,16}, float[1,1,1,1] K = {2}, float[1,3] M = {1,2,3}, int64[2] axes = {0, 1},"
    " int64[1] front = {0}>\n"
    "{\n  e = Gather(E, i)\n  u = Unsqueeze(e, axes)\n  t = Transpose<perm = [0, 1, 3, 2]>(u)\n"
    "  conv = Conv(t, K)\n  p = Transpose<perm = [0, 2, 3, 1]>(conv)\n  s = Squeeze(p, front)\n"
    "  y = MatMul(s, M)\n}\n";

/* Embedding, dynamic, static: q 4, dq 4, tensor 1, dq_pc 3. */
START_TEST(row_18_embedding_dynamic_static_in_one_model)
{
    run_case c;
    per_channel_linear = true;
    run(&c, embedding_text, "composable:of={pt2e-embedding;dynamic;static}");
    per_channel_linear = false;
    expect_ok(&c);
    const counts n = count(&c);
    ck_assert_uint_eq(n.q, 4);
    ck_assert_uint_eq(n.dq, 4);
    ck_assert_uint_eq(n.q_dynamic, 1);
    ck_assert_uint_eq(n.dq_per_channel, 3);
    ck_assert(is_asked_by(&c, "composable/1:pt2e-embedding"));
    end(&c);
}
END_TEST

/* --- what the peer does not pass on ------------------------------------------------------------- */

START_TEST(validate_is_passed_on)
{
    run_case c;
    run(&c, CONV_LINEAR, "composable:of={dynamic;complain}");
    expect_ok(&c);
    ck_assert_uint_eq(c.a.account.n_errors, 1);
    ck_assert_str_eq(c.log.message, "quantizer \"composable/2:complain\": not like this");
    end(&c);
}
END_TEST

/* As row 19, through a composable: every group gets .125 and 42. */
START_TEST(adjust_is_passed_on)
{
    run_case c;
    run(&c, add_text, "composable:of={fix-all}");
    expect_ok(&c);
    end(&c);
    run(&c,
        "<ir_version: 8, opset_import: [\"\" : 17]>\n"
        "g (float[2,2] x, float[2,2] z) => (float[2,2] y) {\n  y = Conv(x, z)\n}\n",
        "composable:of={composable:of={fix-all}}");
    expect_ok(&c);
    end(&c);
    run(&c, CONV_LINEAR, "composable:of={fickle;fix-all}");
    expect_ok(&c);
    ck_assert_uint_eq(c.a.resolved.n_annotations, 1);
    const quire_spec *spec = quire_resolved_spec(c.m, &c.a.resolved, &c.a.resolved.annotations[0]);
    ck_assert_uint_eq(spec->kind, QUIRE_SPEC_FIXED);
    double scale;
    memcpy(&scale, &spec->fixed_scale, sizeof scale);
    ck_assert_double_eq(scale, 0.125);
    ck_assert_int_eq(spec->fixed_zero_point, 42);
    ck_assert(is_asked_by(&c, "composable/2:fix-all"));
    end(&c);
}
END_TEST

START_TEST(support_lists_the_rows_of_all_children)
{
    static const char *const wanted[] = {"MatMul", "Gemm", "Gather", "MatMul", "Gemm"};
    static const uint32_t orders[][6] = {
        {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 2, 4, 1}};
    const quire_bytes text = quire_bytes_of("of={dynamic;bad;pt2e-embedding;static}");
    const quire_known_quantizer *known;
    quire_instance *i;
    quire_arena arena;
    void *options;
    run_case c;
    run(&c, add_text, "composable:of=bad");
    expect_ok(&c);
    quire_arena_init(&arena, c.ctx.alloc);
    known = quire_registry_find(&c.registry, quire_bytes_of("composable"));
    ck_assert_int_eq(quire_options_parse(&c.ctx, known->quantizer, text, &arena, &options),
                     QUIRE_OK);
    ck_assert_int_eq(quire_instance_create(&c.ctx, c.m, &c.registry, known, options, NULL, &i),
                     QUIRE_OK);
    for (size_t k = 0; k < 3; k++) {
        for (size_t j = 0; j < 6; j++) {
            quire_support out = {.size = sizeof out, .spec.size = sizeof out.spec};
            const uint32_t row = orders[k][j];
            const quire_status status = i->quantizer->support(i->self, row, &out);
            ck_assert_int_eq(status, row < 5 ? QUIRE_OK : QUIRE_NONE);
            if (row < 5) ck_assert_str_eq(out.op, wanted[row]);
        }
    }
    quire_instance_destroy(i);
    quire_instance_free(i);
    quire_arena_deinit(&arena);
    end(&c);
}
END_TEST

/* --- failures ----------------------------------------------------------------------------------- */

START_TEST(a_childs_failure_is_told_in_its_name)
{
    run_case c;
    run(&c, CONV_LINEAR, "composable:of={dynamic;silent}");
    expect_error(
        &c, QUIRE_E_PLUGIN, "",
        "plugin \"quire\" (quantizer \"composable\"), annotate: composable/2:silent failed "
        "with status 5 and reported nothing");
    run(&c, CONV_LINEAR, "composable:of={dynamic;composable:of=lost}");
    expect_error(&c, QUIRE_E_PLUGIN, "",
                 "plugin \"peers\" (quantizer \"composable/2:composable/1:lost\"), annotate: node: "
                 "node 4711 is no id of this model");
}
END_TEST

START_TEST(lists_may_be_quoted_in_any_depth)
{
    static const char *const same[] = {
        "composable:of={dynamic;bad}",
        "composable:of= {dynamic ; bad} ",
        "composable:of=\"dynamic;bad\"",
        "composable:of=dynamic;bad",
        "composable:of={{dynamic};{bad}}",
        "composable:of={;;dynamic:;{ bad };}",
        "composable:of={composable:of={dynamic};{composable:of={bad}}}",
        "composable:of=\"composable:of=\\\"dynamic\\\";composable:of={bad}\"",
        "composable:of={embedding:only=\"x;}\",min-elements=0;dynamic;bad}",
    };
    for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
        run_case c;
        run(&c, k < 8 ? CONV_LINEAR : embedding_text, same[k]);
        if (k < 8) {
            expect_error(&c, QUIRE_E_USAGE, "y<-0", " asks for float, but composable/1:");
        } else {
            expect_error(&c, QUIRE_E_USAGE, "", "only \"x\" matches the name of no table");
        }
    }
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    static const char *const quantizers[] = {
        "composable:of={pt2e-embedding;dynamic;composable:of={static;static};fix-all}",
        "composable:of={embedding:bits=2,min-elements=1,min-sqnr=30,select=op:Gather;dynamic}",
    };
    for (size_t k = 0; k < sizeof quantizers / sizeof *quantizers; k++) {
        size_t n_failed = 0;
        run_case c;
        for (size_t at = 1;; at++) {
            run_failing(&c, embedding_text, &quantizers[k], 1, at);
            if (c.alloc.n_failed == 0) break;
            ck_assert_msg(c.status == QUIRE_E_NOMEM, "%zu: %s", at, c.log.message);
            ck_assert_msg(c.log.n_errors == 1, "%zu: %zu errors, the last: %s", at, c.log.n_errors,
                          c.log.message);
            end(&c);
            n_failed++;
        }
        end(&c);
        ck_assert_uint_gt(n_failed, 50);
    }
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("composable");
    TCase *tests = tcase_create("composable");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, row_15_transforms_run_in_order_each_on_the_result_before);
    tcase_add_test(tests, row_16_a_later_child_may_not_overwrite_an_earlier_one);
    tcase_add_test(tests, equal_values_are_no_overwriting);
    tcase_add_test(tests, the_rule_is_within_one_composable);
    tcase_add_test(tests, row_17_dynamic_before_static);
    tcase_add_test(tests, row_18_embedding_dynamic_static_in_one_model);
    tcase_add_test(tests, validate_is_passed_on);
    tcase_add_test(tests, adjust_is_passed_on);
    tcase_add_test(tests, support_lists_the_rows_of_all_children);
    tcase_add_test(tests, a_childs_failure_is_told_in_its_name);
    tcase_add_test(tests, lists_may_be_quoted_in_any_depth);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    return suite_run(make_suite());
}
