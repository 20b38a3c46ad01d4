/* test_host_tables.c - the tables handed to plugins: what they answer, and that nothing a plugin
 * passes in is believed. Answers are compared with the model's text.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/edit.h"
#include "graph/parse.h"
#include "plugin/run.h"
#include "support/fault.h"
#include "support/suite.h"

/* h as bits of float16: 0.5, -1, 2, 65504, 0.25 */
static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2,N] x, float lo, bool b) => (float[2,2] o, float[2,2] q)\n"
    "<float[3,2] w = {1, 2, 3, 4, 5, 6}, float16[5] h = {14336, 48128, 16384, 31743, 13312}, "
    "int64[2] i = {7, 8}>\n"
    "{\n"
    "  m = MatMul (x, w)\n"
    "  c = Clip (m, , lo)\n"
    "  o, \"\" = Split <k = 3, f = 1.5, s = \"abc\", l = [1, -2, 3]> (c, w)\n"
    "  q = If (b) <then_branch = t () => (float[2,2] p) { p = Neg (c) },"
    " else_branch = e () => (float[2,2] r) { r = Abs (c) }>\n"
    "}\n";

#define S(text) ((quire_string){text, sizeof(text) - 1})

typedef struct host_case {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
    quire_arena arena;
    quire_run_result result;
    quire_resolved resolved;
    bool is_resolved;
    quire_host_view view;
    quire_graph_api g;
    quire_claim_api c;
    quire_resolved_api r;
} host_case;

static void
open_case(host_case *h)
{
    *h = (host_case){.is_resolved = false};
    h->ctx = fault_ctx(NULL, NULL, &h->log);
    const quire_status status = quire_model_parse(&h->ctx, quire_bytes_of(model_text), NULL, &h->m);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", h->log.path, h->log.message);
    quire_arena_init(&h->arena, h->ctx.alloc);
    h->view = (quire_host_view){.ctx = &h->ctx,
                                .m = h->m,
                                .who = "acme",
                                .result = &h->result,
                                .resolved = &h->resolved,
                                .arena = &h->arena};
    h->g = quire_host_graph_api(&h->view);
    h->c = quire_host_claim_api(&h->view);
    h->r = quire_host_resolved_api(&h->view);
    quire_host_view_open(&h->view);
}

static void
close_case(host_case *h)
{
    quire_host_view_close(&h->view);
    if (h->is_resolved) quire_resolved_deinit(&h->ctx, &h->resolved);
    quire_run_result_deinit(&h->ctx, &h->result);
    quire_arena_deinit(&h->arena);
    quire_model_destroy(&h->ctx, h->m);
    ck_assert_uint_eq(h->log.n_errors, 0); /* the tables keep faults; they tell nothing */
}

/* Another one is called, with the same tables. */
static void
next_quantizer(host_case *h, const char *who)
{
    quire_host_view_close(&h->view);
    h->view.who = who;
    h->view.who_sym = (quire_sym){0};
    quire_host_view_open(&h->view);
}

static bool
is(quire_string s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

/* The node whose operator is `op`. */
static quire_node_id
node_of(host_case *h, const char *op)
{
    for (quire_node_id n = h->g.next_node(h->g.ctx, 0); n != 0; n = h->g.next_node(h->g.ctx, n)) {
        quire_node_view view = {.size = sizeof view};
        ck_assert_int_eq(h->g.node(h->g.ctx, n, &view), QUIRE_OK);
        if (is(view.op_type, op)) return n;
    }
    ck_abort_msg("no node %s", op);
    return 0;
}

static quire_place
operand_of(host_case *h, const char *op, uint32_t k)
{
    quire_place place;
    ck_assert_int_eq(h->g.operand(h->g.ctx, node_of(h, op), k, &place, NULL), QUIRE_OK);
    return place;
}

static quire_place
result_of(host_case *h, const char *op)
{
    quire_place place;
    ck_assert_int_eq(h->g.result(h->g.ctx, node_of(h, op), 0, &place, NULL), QUIRE_OK);
    return place;
}

static quire_value_id
initializer_of(host_case *h, uint32_t k)
{
    quire_value_id id;
    ck_assert_int_eq(h->g.initializer(h->g.ctx, h->g.main_graph(h->g.ctx), k, NULL, &id), QUIRE_OK);
    return id;
}

/* --- reading ---------------------------------------------------------------------------------- */

START_TEST(nodes_and_graphs_are_as_written)
{
    static const char *const ops[] = {"MatMul", "Clip", "Split", "If", "Neg", "Abs"};
    host_case h;
    size_t k = 0;
    open_case(&h);
    quire_graph_view main_view = {.size = sizeof main_view};
    ck_assert_int_eq(h.g.graph(h.g.ctx, h.g.main_graph(h.g.ctx), &main_view), QUIRE_OK);
    ck_assert(is(main_view.name, "g") && main_view.kind == 0 && main_view.owner == 0);
    ck_assert_uint_eq(main_view.n_inputs, 3);
    ck_assert_uint_eq(main_view.n_initializers, 3);
    ck_assert_uint_eq(main_view.n_outputs, 2);
    for (quire_node_id n = h.g.next_node(h.g.ctx, 0); n != 0; n = h.g.next_node(h.g.ctx, n), k++) {
        quire_node_view view = {.size = sizeof view};
        quire_graph_view graph = {.size = sizeof graph};
        ck_assert_int_eq(h.g.node(h.g.ctx, n, &view), QUIRE_OK);
        ck_assert_uint_lt(k, 6);
        ck_assert(is(view.op_type, ops[k]) && is(view.domain, ""));
        ck_assert_int_eq(h.g.graph(h.g.ctx, view.graph, &graph), QUIRE_OK);
        ck_assert_uint_eq(graph.kind, k < 4 ? 0 : 1);
        ck_assert_uint_eq(graph.owner, k < 4 ? 0 : node_of(&h, "If"));
    }
    ck_assert_uint_eq(k, 6);
    close_case(&h);
}
END_TEST

START_TEST(values_are_as_written)
{
    host_case h;
    quire_value_id id;
    quire_value_view v = {.size = sizeof v};
    open_case(&h);
    ck_assert_int_eq(h.g.value(h.g.ctx, initializer_of(&h, 0), &v), QUIRE_OK);
    ck_assert(is(v.name, "w") && v.producer == 0 && v.index == 0 && v.constant == 1);
    ck_assert(v.dtype == 1 && v.rank == 2 && v.dims[0] == 3 && v.dims[1] == 2 && v.n_uses == 2);
    ck_assert_int_eq(h.g.input(h.g.ctx, v.graph, 0, NULL, &id), QUIRE_OK);
    ck_assert_int_eq(h.g.value(h.g.ctx, id, &v), QUIRE_OK);
    ck_assert(is(v.name, "x") && v.dtype == 1 && v.dims[0] == 2 && v.dims[1] == -1 && !v.constant);
    ck_assert_int_eq(h.g.result(h.g.ctx, node_of(&h, "MatMul"), 0, NULL, &id), QUIRE_OK);
    ck_assert_int_eq(h.g.value(h.g.ctx, id, &v), QUIRE_OK);
    ck_assert(is(v.name, "m") && v.producer == node_of(&h, "MatMul") && v.rank == -1);
    ck_assert_ptr_null(v.dims);
    close_case(&h);
}
END_TEST

START_TEST(operands_results_and_their_absence)
{
    host_case h;
    quire_place place;
    quire_value_id id = 99;
    open_case(&h);
    ck_assert_int_eq(h.g.operand(h.g.ctx, node_of(&h, "Clip"), 1, &place, &id), QUIRE_OK);
    ck_assert_uint_eq(id, 0);
    ck_assert_int_eq(h.g.operand(h.g.ctx, node_of(&h, "Clip"), 3, &place, &id), QUIRE_NONE);
    ck_assert(place.kind == 0 && place.id == 0);
    ck_assert_int_eq(h.g.result(h.g.ctx, node_of(&h, "Split"), 1, &place, &id), QUIRE_OK);
    ck_assert(id == 0 && place.id == 0);
    ck_assert_int_eq(h.g.result(h.g.ctx, node_of(&h, "Split"), UINT32_MAX, NULL, NULL), QUIRE_NONE);
    ck_assert_int_eq(h.g.output(h.g.ctx, h.g.main_graph(h.g.ctx), 1, &place, &id), QUIRE_OK);
    quire_value_view v = {.size = sizeof v};
    ck_assert_int_eq(h.g.value(h.g.ctx, id, &v), QUIRE_OK);
    ck_assert(is(v.name, "q") && place.kind == 1);
    ck_assert_int_eq(h.g.input(h.g.ctx, h.g.main_graph(h.g.ctx), 3, &place, &id), QUIRE_NONE);
    ck_assert_int_eq(h.view.fault, QUIRE_OK);
    close_case(&h);
}
END_TEST

START_TEST(uses_are_all_found_once)
{
    host_case h;
    quire_place at = {0, 0};
    quire_node_id user;
    uint32_t index, n = 0, n_nested = 0;
    open_case(&h);
    quire_place c = result_of(&h, "Clip");
    while ((at = h.g.next_use(h.g.ctx, c.id, at, &user, &index)).id != 0) {
        quire_place place;
        n++;
        n_nested += user == node_of(&h, "Neg") || user == node_of(&h, "Abs");
        ck_assert_int_eq(h.g.operand(h.g.ctx, user, index, &place, NULL), QUIRE_OK);
        ck_assert(place.kind == at.kind && place.id == at.id);
    }
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(n_nested, 2);
    at = h.g.next_use(h.g.ctx, result_of(&h, "Split").id, at, &user, NULL);
    ck_assert(at.id != 0 && user == 0); /* the graph's output */
    ck_assert_int_eq(h.view.fault, QUIRE_OK);
    close_case(&h);
}
END_TEST

START_TEST(attributes_by_name)
{
    host_case h;
    quire_attribute a = {.size = sizeof a};
    open_case(&h);
    const quire_node_id split = node_of(&h, "Split");
    ck_assert_int_eq(h.g.attribute(h.g.ctx, split, "k", &a), QUIRE_OK);
    ck_assert(a.type == 2 && a.i == 3);
    ck_assert_int_eq(h.g.attribute(h.g.ctx, split, "f", &a), QUIRE_OK);
    ck_assert(a.type == 1 && a.f == 1.5F);
    ck_assert_int_eq(h.g.attribute(h.g.ctx, split, "s", &a), QUIRE_OK);
    ck_assert(a.type == 3 && is(a.s, "abc"));
    ck_assert_int_eq(h.g.attribute(h.g.ctx, split, "l", &a), QUIRE_OK);
    ck_assert(a.type == 7 && a.n_ints == 3 && a.ints[0] == 1 && a.ints[1] == -2 && a.ints[2] == 3);
    ck_assert_int_eq(h.g.attribute(h.g.ctx, split, "axis", &a), QUIRE_NONE);
    ck_assert_int_eq(h.g.attribute(h.g.ctx, node_of(&h, "If"), "else_branch", &a), QUIRE_OK);
    quire_graph_view body = {.size = sizeof body};
    ck_assert_int_eq(h.g.graph(h.g.ctx, a.graph, &body), QUIRE_OK);
    ck_assert(is(body.name, "e"));
    close_case(&h);
}
END_TEST

/* Typed and raw elements, forwards and back. */
START_TEST(weights_are_read_from_anywhere)
{
    static const float halves[] = {0.5F, -1, 2, 65504, 0.25F};
    host_case h;
    float out[6];
    open_case(&h);
    for (uint64_t first = 7; first-- > 0;) {
        for (size_t n = 0; first + n <= 6; n++) {
            ck_assert_int_eq(h.g.read_floats(h.g.ctx, initializer_of(&h, 0), first, n, out),
                             QUIRE_OK);
            for (size_t k = 0; k < n; k++)
                ck_assert(out[k] == (float)(first + k + 1));
        }
    }
    for (uint64_t first = 0; first < 5; first += 2) {
        ck_assert_int_eq(h.g.read_floats(h.g.ctx, initializer_of(&h, 1), first, 1, out), QUIRE_OK);
        ck_assert(out[0] == halves[first]);
    }
    ck_assert_int_eq(h.g.read_floats(h.g.ctx, initializer_of(&h, 1), 1, 4, out), QUIRE_OK);
    ck_assert(memcmp(out, halves + 1, 4 * sizeof *out) == 0);
    close_case(&h);
}
END_TEST

/* A struct of a later version: what is known is filled in, and its size says so. */
START_TEST(longer_structs_are_filled_as_far_as_known)
{
    struct {
        quire_node_view view;
        uint64_t later;
    } longer = {.view = {.size = sizeof longer}, .later = 77};
    host_case h;
    open_case(&h);
    ck_assert_int_eq(h.g.node(h.g.ctx, node_of(&h, "If"), &longer.view), QUIRE_OK);
    ck_assert_uint_eq(longer.view.size, QUIRE_SIZE_TO(quire_node_view, n_attributes));
    ck_assert_uint_eq(longer.later, 77);
    ck_assert_int_eq(h.view.fault, QUIRE_OK);
    close_case(&h);
}
END_TEST

/* --- claims ----------------------------------------------------------------------------------- */

static quire_qspec
u8_spec(void)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = QUIRE_QSPEC_QUANTIZED,
                         .dtype = 2,
                         .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                         .observer = {"minmax", 6}};
}

/* The last claim's spec as text. */
static void
expect_last(host_case *h, const char *text)
{
    quire_text out = {0};
    quire_writer w;
    ck_assert_uint_gt(h->result.claims.n, 0);
    const quire_claim *last = &h->result.claims.ptr[h->result.claims.n - 1];
    const quire_spec spec = quire_spec_of_ref(h->m, last->spec);
    quire_writer_to_text(&w, &h->ctx, &out);
    quire_spec_print(&w, h->m, &spec);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(out.ptr, text);
    quire_text_free(&h->ctx, &out);
}

static void
claim(host_case *h, quire_place place, const quire_qspec *spec, const char *text)
{
    ck_assert_int_eq(h->c.claim(h->c.ctx, place, spec, 3, 0, S("table 2")), QUIRE_OK);
    expect_last(h, text);
}

START_TEST(specs_of_every_kind)
{
    host_case h;
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0), w = operand_of(&h, "MatMul", 1);
    const quire_place m = result_of(&h, "MatMul");
    const quire_place sources[] = {x, w};
    quire_qspec s = u8_spec();
    claim(&h, x, &s, "u8 tensor affine zp=int observer=minmax");
    s.observer_options = S("eps=0x1p-12");
    s.granularity = QUIRE_QSPEC_PER_AXIS;
    s.axis = 1;
    claim(&h, w, &s, "u8 axis=1 affine zp=int observer=minmax(eps=0x1p-12)");
    s.granularity = QUIRE_QSPEC_PER_BLOCK;
    s.block = 32;
    s.dtype = h.c.type(h.c.ctx, S("i3"));
    s.symmetric = 1;
    s.zero_point = QUIRE_QSPEC_ZERO_POINT_NONE;
    s.scale_type = 10;
    claim(&h, w, &s, "i3 axis=1 block=32 symmetric zp=none scale=f16 observer=minmax(eps=0x1p-12)");
    s = u8_spec();
    s.kind = QUIRE_QSPEC_FIXED; /* its observer is a member this kind does not use */
    s.fixed_scale = 0.25;
    s.fixed_zero_point = 7;
    claim(&h, x, &s, "u8 tensor affine zp=int fixed(0.25, 7)");
    s = (quire_qspec){.size = sizeof s, .kind = QUIRE_QSPEC_FLOAT, .n_targets = 99};
    claim(&h, x, &s, "float");
    s = (quire_qspec){.size = sizeof s, .kind = QUIRE_QSPEC_SHARED, .targets = &x, .n_targets = 1};
    claim(&h, m, &s, "= m<-0");
    s = u8_spec();
    s.kind = QUIRE_QSPEC_DERIVED;
    s.dtype = 6;
    s.symmetric = 1;
    s.zero_point = QUIRE_QSPEC_ZERO_POINT_NONE;
    s.formula = S("bias");
    s.targets = sources;
    s.n_targets = 2;
    claim(&h, m, &s, "i32 tensor symmetric zp=none derived bias(m<-0, m<-1)");
    close_case(&h);
}
END_TEST

/* What is remembered is told apart by every member, and by the bytes of strings. */
START_TEST(remembered_specs_are_not_mixed_up)
{
    char observer[] = "minmax";
    host_case h;
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0);
    quire_qspec s = u8_spec();
    s.observer.ptr = observer;
    claim(&h, x, &s, "u8 tensor affine zp=int observer=minmax");
    observer[0] = 'M';
    claim(&h, x, &s, "u8 tensor affine zp=int observer=Minmax");
    s.observer.len = 3;
    claim(&h, x, &s, "u8 tensor affine zp=int observer=Min");
    for (int64_t most = 100; most < 120; most++) {
        char text[64];
        s.qmax = most;
        snprintf(text, sizeof text, "u8 tensor affine zp=int range=0..%d observer=Min", (int)most);
        claim(&h, x, &s, text);
    }
    s.qmax = 100;
    claim(&h, x, &s, "u8 tensor affine zp=int range=0..100 observer=Min");
    close_case(&h);
}
END_TEST

START_TEST(a_claim_is_recorded_whole)
{
    host_case h;
    const quire_qspec s = u8_spec();
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0);
    ck_assert_int_eq(h.c.claim(h.c.ctx, x, &s, -4, 1, S("rule")), QUIRE_OK);
    ck_assert_int_eq(h.c.claim(h.c.ctx, x, &s, INT32_MAX, 0, (quire_string){NULL, 0}), QUIRE_OK);
    ck_assert_uint_eq(h.result.claims.n, 2);
    const quire_claim *c = h.result.claims.ptr;
    ck_assert(c[0].slot.kind == x.kind && c[0].slot.id == x.id);
    ck_assert_uint_eq(c[0].flags, QUIRE_CLAIM_NOSHARE);
    ck_assert_int_eq(c[0].priority, -4);
    ck_assert_int_eq(c[1].priority, INT32_MAX);
    ck_assert(quire_bytes_equal(quire_sym_bytes(h.m, c[0].who), quire_bytes_of("acme")));
    ck_assert(quire_bytes_equal(quire_sym_bytes(h.m, c[0].reason), quire_bytes_of("rule")));
    ck_assert_uint_eq(c[1].reason.id, 0);
    ck_assert_int_eq(h.c.skip(h.c.ctx, node_of(&h, "If"), S("not-constant"), S("why")), QUIRE_OK);
    ck_assert_uint_eq(h.result.n_skips, 1);
    ck_assert_uint_eq(h.result.skips[0].node.id, node_of(&h, "If"));
    ck_assert_int_eq(h.c.type(h.c.ctx, S("u8")), 2);
    ck_assert_int_eq(h.c.type(h.c.ctx, S("u99")), 0);
    close_case(&h);
}
END_TEST

/* Only of those that ran before, and in their order. */
START_TEST(earlier_claims_can_be_asked_for)
{
    host_case h;
    quire_string who;
    quire_qspec s = u8_spec(), got = {.size = sizeof got};
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0), m = result_of(&h, "MatMul");
    const quire_place end = {1, quire_graph_at(h.m, h.m->main)->out.id + 1};
    claim(&h, x, &s, "u8 tensor affine zp=int observer=minmax");
    claim(&h, end, &s, "u8 tensor affine zp=int observer=minmax");
    s.dtype = 3;
    claim(&h, x, &s, "i8 tensor affine zp=int observer=minmax");
    ck_assert_int_eq(h.c.claimed(h.c.ctx, x, 0, &who, &got), QUIRE_NONE);
    next_quantizer(&h, "second");
    claim(&h, m, &s, "i8 tensor affine zp=int observer=minmax");
    ck_assert_int_eq(h.c.claimed(h.c.ctx, x, 0, &who, &got), QUIRE_OK);
    ck_assert(is(who, "acme") && got.dtype == 2 && is(got.observer, "minmax"));
    ck_assert_int_eq(h.c.claimed(h.c.ctx, end, 0, &who, &got), QUIRE_OK);
    ck_assert_int_eq(h.c.claimed(h.c.ctx, end, 1, &who, &got), QUIRE_NONE);
    ck_assert_int_eq(h.c.claimed(h.c.ctx, x, 1, &who, &got), QUIRE_OK);
    ck_assert(got.dtype == 3 && got.qmin == -128 && got.qmax == 127 && got.scale_type == 1);
    ck_assert_int_eq(h.c.claimed(h.c.ctx, x, 2, &who, &got), QUIRE_NONE);
    ck_assert_int_eq(h.c.claimed(h.c.ctx, m, 0, &who, &got), QUIRE_NONE);
    claim(&h, m, &got, "i8 tensor affine zp=int observer=minmax"); /* what came out goes in */
    close_case(&h);
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

/* A call that must be refused with `told` and a sentence that holds `text`; nothing is recorded,
 * and later calls get the same. */
static void
refused(host_case *h, quire_status got, quire_status told, const char *slot, const char *text)
{
    ck_assert_msg(got == told, "%s: told %d", text, (int)got);
    ck_assert_msg(strstr(h->view.fault_text, text) != NULL, "%s\nis not\n%s", h->view.fault_text,
                  text);
    ck_assert_str_eq(h->view.fault_path, slot);
    ck_assert_int_eq(h->view.ends, QUIRE_E_PLUGIN);
    const size_t n = h->result.claims.n;
    const quire_qspec s = u8_spec();
    quire_place x = {1, 1};
    ck_assert_int_eq(h->c.claim(h->c.ctx, x, &s, 0, 0, S("")), told);
    ck_assert_uint_eq(h->result.claims.n, n);
    ck_assert_uint_eq(h->g.next_node(h->g.ctx, 0), 0);
    ck_assert_uint_eq(h->g.main_graph(h->g.ctx), 0);
    ck_assert_msg(strstr(h->view.fault_text, text) != NULL, "another fault was kept");
    quire_host_view_close(&h->view);
    quire_host_view_open(&h->view);
}

#define U QUIRE_E_USAGE
#define I QUIRE_E_INVALID

START_TEST(foreign_ids_are_refused)
{
    static const uint32_t ids[] = {0, 1000, 4096, 1U << 20, UINT32_MAX};
    host_case h;
    quire_node_view n = {.size = sizeof n};
    quire_value_view v = {.size = sizeof v};
    quire_graph_view g = {.size = sizeof g};
    quire_attribute a = {.size = sizeof a};
    float f;
    open_case(&h);
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        const uint32_t id = ids[k];
        void *ctx = h.g.ctx;
        char text[64];
        snprintf(text, sizeof text, " %u is no id of this model", (unsigned)id);
        refused(&h, h.g.node(ctx, id, &n), U, "", text);
        refused(&h, h.g.value(ctx, id, &v), U, "", text);
        refused(&h, h.g.graph(ctx, id, &g), U, "", text);
        refused(&h, h.g.operand(ctx, id, 0, NULL, NULL), U, "", text);
        refused(&h, h.g.result(ctx, id, 0, NULL, NULL), U, "", text);
        refused(&h, h.g.input(ctx, id, 0, NULL, NULL), U, "", text);
        refused(&h, h.g.initializer(ctx, id, 0, NULL, NULL), U, "", text);
        refused(&h, h.g.output(ctx, id, 0, NULL, NULL), U, "", text);
        refused(&h, h.g.attribute(ctx, id, "k", &a), U, "", text);
        refused(&h, h.g.read_floats(ctx, id, 0, 1, &f), U, "", text);
        refused(&h, h.c.skip(ctx, id, S("a"), S("")), U, "", text);
        ck_assert_uint_eq(h.g.next_use(ctx, id, (quire_place){0, 0}, NULL, NULL).id, 0);
        refused(&h, h.view.fault, U, "", text);
        if (id == 0) continue;
        ck_assert_uint_eq(h.g.next_node(ctx, id), 0);
        refused(&h, h.view.fault, U, "", text);
    }
    close_case(&h);
}
END_TEST

START_TEST(foreign_places_are_refused)
{
    static const quire_place places[] = {{0, 0},          {1, 0},    {0, 1000}, {1, 1000},
                                         {0, UINT32_MAX}, {1, 4096}, {2, 1},    {UINT32_MAX, 1}};
    host_case h;
    const quire_qspec s = u8_spec();
    quire_string who;
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0);
    for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
        const quire_place p = places[k];
        quire_qspec shared = {
            .size = sizeof shared, .kind = QUIRE_QSPEC_SHARED, .targets = &p, .n_targets = 1};
        refused(&h, h.c.claim(h.c.ctx, p, &s, 0, 0, S("")), U, "", "claim: place {");
        refused(&h, h.c.claim(h.c.ctx, x, &shared, 0, 0, S("")), U, "", "claim: targets: place {");
        refused(&h, h.c.claimed(h.c.ctx, p, 0, &who, NULL), U, "", "claimed: place {");
        refused(&h, h.r.spec(h.r.ctx, p, NULL, NULL), U, "", "spec: place {");
        refused(&h, h.r.sponsor(h.r.ctx, p, 0, &who), U, "", "sponsor: place {");
        refused(&h, h.r.loser(h.r.ctx, p, 0, &who, NULL), U, "", "loser: place {");
        if (p.kind == 0 && p.id == 0) continue; /* of no slot, or the first use: allowed there */
        refused(&h, h.r.finding(h.r.ctx, 1, p, S("a")), U, "", "finding: place {");
        ck_assert_uint_eq(h.g.next_use(h.g.ctx, 1, p, NULL, NULL).id, 0);
        refused(&h, h.view.fault, U, "", "next_use: place {");
    }
    const quire_place other = operand_of(&h, "Clip", 0);
    ck_assert_uint_eq(h.g.next_use(h.g.ctx, initializer_of(&h, 0), other, NULL, NULL).id, 0);
    refused(&h, h.view.fault, U, "c<-0", "next_use: this place does not read value");
    close_case(&h);
}
END_TEST

START_TEST(what_was_erased_is_refused)
{
    host_case h;
    const quire_qspec s = u8_spec();
    quire_node_view n = {.size = sizeof n};
    quire_value_view v = {.size = sizeof v};
    quire_graph_view g = {.size = sizeof g};
    quire_attribute a = {.size = sizeof a};
    quire_value_id q;
    open_case(&h);
    const quire_node_id branch = node_of(&h, "If"), neg = node_of(&h, "Neg");
    const quire_place inner = operand_of(&h, "Neg", 0), cond = operand_of(&h, "If", 0);
    ck_assert_int_eq(h.g.result(h.g.ctx, branch, 0, NULL, &q), QUIRE_OK);
    ck_assert_int_eq(h.g.attribute(h.g.ctx, branch, "then_branch", &a), QUIRE_OK);
    const quire_graph_id body = a.graph;
    quire_place exit_of_body;
    ck_assert_int_eq(h.g.output(h.g.ctx, body, 0, &exit_of_body, NULL), QUIRE_OK);
    const quire_use out = {quire_graph_at(h.m, h.m->main)->out.id + 1};
    ck_assert_int_eq(quire_use_set(&h.ctx, h.m, out, (quire_value){result_of(&h, "Clip").id}),
                     QUIRE_OK);
    ck_assert_int_eq(quire_node_erase(&h.ctx, h.m, (quire_node){branch}), QUIRE_OK);
    refused(&h, h.g.node(h.g.ctx, branch, &n), U, "", "was erased");
    refused(&h, h.g.node(h.g.ctx, neg, &n), U, "", "was erased");
    refused(&h, h.g.value(h.g.ctx, q, &v), U, "", "was erased");
    refused(&h, h.g.graph(h.g.ctx, body, &g), U, "", "was erased");
    refused(&h, h.c.claim(h.c.ctx, inner, &s, 0, 0, S("")), U, "", "is no slot");
    refused(&h, h.c.claim(h.c.ctx, cond, &s, 0, 0, S("")), U, "", "is no slot");
    refused(&h, h.c.claim(h.c.ctx, exit_of_body, &s, 0, 0, S("")), U, "", "is no slot");
    refused(&h, h.c.claim(h.c.ctx, (quire_place){0, q}, &s, 0, 0, S("")), U, "", "is no slot");
    ck_assert_uint_eq(h.g.next_node(h.g.ctx, branch), 0);
    refused(&h, h.view.fault, U, "", "was erased");
    close_case(&h);
}
END_TEST

START_TEST(structs_of_wrong_size_are_refused)
{
    static const uint32_t sizes[] = {0, 4, 11, 4097, UINT32_MAX};
    host_case h;
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0);
    const quire_node_id split = node_of(&h, "Split");
    const quire_graph_id main_id = h.g.main_graph(h.g.ctx);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        quire_node_view n = {.size = sizes[k]};
        quire_value_view v = {.size = sizes[k]};
        quire_graph_view g = {.size = sizes[k]};
        quire_attribute a = {.size = sizes[k]};
        quire_qspec s = u8_spec();
        char text[40];
        s.size = sizes[k];
        snprintf(text, sizeof text, ": found size %u; allowed", (unsigned)sizes[k]);
        refused(&h, h.g.node(h.g.ctx, split, &n), U, "", text);
        refused(&h, h.g.value(h.g.ctx, 1, &v), U, "", text);
        refused(&h, h.g.graph(h.g.ctx, main_id, &g), U, "", text);
        refused(&h, h.g.attribute(h.g.ctx, split, "k", &a), U, "", text);
        refused(&h, h.c.claim(h.c.ctx, x, &s, 0, 0, S("")), U, "", text);
    }
    refused(&h, h.g.node(h.g.ctx, split, NULL), U, "", "node: out: found no struct (NULL)");
    refused(&h, h.g.value(h.g.ctx, 1, NULL), U, "", "found no struct");
    refused(&h, h.g.graph(h.g.ctx, main_id, NULL), U, "", "found no struct");
    refused(&h, h.g.attribute(h.g.ctx, split, "k", NULL), U, "", "found no struct");
    refused(&h, h.c.claim(h.c.ctx, x, NULL, 0, 0, S("")), U, "", "claim: spec: found no struct");
    close_case(&h);
}
END_TEST

START_TEST(reading_beyond_weights_is_refused)
{
    host_case h;
    float out[8];
    quire_value_id x;
    open_case(&h);
    const quire_value_id w = initializer_of(&h, 0);
    void *ctx = h.g.ctx;
    ck_assert_int_eq(h.g.input(ctx, h.g.main_graph(ctx), 0, NULL, &x), QUIRE_OK);
    refused(&h, h.g.read_floats(ctx, w, 0, 7, out), U, "w", "there are 6");
    refused(&h, h.g.read_floats(ctx, w, 7, 0, out), U, "w", "there are 6");
    refused(&h, h.g.read_floats(ctx, w, UINT64_MAX, 2, out), U, "w", "there are 6");
    refused(&h, h.g.read_floats(ctx, w, 1, SIZE_MAX, out), U, "w", "there are 6");
    refused(&h, h.g.read_floats(ctx, w, 0, 1, NULL), U, "w", "out: found NULL");
    refused(&h, h.g.read_floats(ctx, x, 0, 1, out), U, "x", "cannot be read");
    refused(&h, h.g.read_floats(ctx, initializer_of(&h, 2), 0, 1, out), U, "i",
            "found elements of type i64; allowed are float");
    close_case(&h);
}
END_TEST

START_TEST(strings_that_are_none_are_refused)
{
    host_case h;
    open_case(&h);
    const size_t n = (64 << 10) + 1;
    char *huge = malloc(n);
    ck_assert_ptr_nonnull(huge);
    memset(huge, 'a', n);
    const quire_string long_one = {huge, n}, limit = {huge, n - 1}, none = {NULL, 3};
    const quire_place x = operand_of(&h, "MatMul", 0);
    const quire_node_id split = node_of(&h, "Split");
    quire_attribute a = {.size = sizeof a};
    quire_qspec s = u8_spec();
    void *ctx = h.c.ctx;
    ck_assert_int_eq(h.c.claim(ctx, x, &s, 0, 0, limit), QUIRE_OK);
    refused(&h, h.c.claim(ctx, x, &s, 0, 0, long_one), U, "m<-0",
            "claim: rule: found a string of 65537 bytes; allowed are 65536");
    refused(&h, h.c.claim(ctx, x, &s, 0, 0, none), U, "m<-0", "claim: rule: found 3 bytes at NULL");
    s.observer = long_one;
    refused(&h, h.c.claim(ctx, x, &s, 0, 0, S("")), U, "m<-0", "claim: observer: found a string");
    s.observer = none;
    refused(&h, h.c.claim(ctx, x, &s, 0, 0, S("")), U, "m<-0", "claim: observer: found 3 bytes");
    s = u8_spec();
    s.observer_options = none;
    refused(&h, h.c.claim(ctx, x, &s, 0, 0, S("")), U, "m<-0", "claim: observer_options: found 3");
    refused(&h, h.c.skip(ctx, split, S("a"), long_one), U, "", "skip: text: found a string");
    refused(&h, h.c.skip(ctx, split, none, S("")), U, "", "skip: reason: found 3 bytes");
    refused(&h, h.c.skip(ctx, split, S(""), S("")), U, "", "skip: reason: found \"\"; allowed");
    refused(&h, h.c.skip(ctx, split, S("Not This"), S("")), U, "", "found \"Not This\"");
    ck_assert_int_eq(h.c.type(ctx, none), 0);
    refused(&h, h.view.fault, U, "", "type: text: found 3 bytes");
    refused(&h, h.r.finding(h.r.ctx, 1, x, long_one), U, "m<-0", "finding: text: found a string");
    refused(&h, h.r.finding(h.r.ctx, 1, x, S("")), U, "m<-0", "finding: text: found none");
    refused(&h, h.r.finding(h.r.ctx, 3, x, S("a")), U, "m<-0", "finding: severity: found 3");
    huge[n - 1] = '\0';
    refused(&h, h.g.attribute(h.g.ctx, split, huge, &a), U, "", "attribute: name: found a longer");
    refused(&h, h.g.attribute(h.g.ctx, split, NULL, &a), U, "", "attribute: name: found NULL");
    ck_assert_uint_eq(h.result.n_skips + h.result.n_findings, 0);
    free(huge);
    close_case(&h);
}
END_TEST

static void
refused_spec(host_case *h, const quire_qspec *s, const char *text)
{
    const quire_place x = operand_of(h, "MatMul", 0);
    refused(h, h->c.claim(h->c.ctx, x, s, 0, 0, S("")), I, "m<-0", text);
}

#define WITH(member, value) (s = u8_spec(), s.member = (value), &s)

START_TEST(specs_that_mean_nothing_are_refused)
{
    static const double scales[] = {NAN, INFINITY, -INFINITY, 0, -1};
    host_case h;
    quire_qspec s;
    open_case(&h);
    refused_spec(&h, WITH(kind, 0), "claim: kind: found number 0");
    refused_spec(&h, WITH(kind, 6), "claim: kind: found number 6");
    refused_spec(&h, WITH(dtype, 1), "claim: dtype: found f32");
    refused_spec(&h, WITH(dtype, 12345), "claim: dtype: found number 12345");
    refused_spec(&h, WITH(dtype, INT32_MIN), "claim: dtype: found number -2147483648");
    refused_spec(&h, WITH(qmax, 256), "claim: range: found 0..256");
    refused_spec(&h, WITH(qmin, INT64_MIN), "claim: range: found -9223372036854775808..0");
    refused_spec(&h, WITH(zero_point, 9), "claim: zp: found number 9");
    refused_spec(&h, WITH(symmetric, 1), "claim: zp: found int; allowed is none");
    refused_spec(&h, WITH(granularity, 3), "claim: granularity: found number 3");
    refused_spec(&h, WITH(granularity, QUIRE_QSPEC_PER_BLOCK), "claim: block: found 0");
    refused_spec(&h, WITH(scale_type, 2), "claim: scale: found type u8");
    s = u8_spec();
    s.granularity = QUIRE_QSPEC_PER_AXIS;
    s.axis = -1;
    refused_spec(&h, &s, "claim: axis: found -1");
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        s = u8_spec();
        s.kind = QUIRE_QSPEC_FIXED;
        s.fixed_scale = scales[k];
        refused_spec(&h, &s, "claim: fixed: found scale ");
    }
    close_case(&h);
}
END_TEST

START_TEST(targets_that_are_none_are_refused)
{
    host_case h;
    quire_qspec s;
    quire_place nine[9];
    open_case(&h);
    for (int k = 0; k < 9; k++)
        nine[k] = operand_of(&h, "MatMul", 0);
    refused_spec(&h, WITH(kind, QUIRE_QSPEC_SHARED), "claim: n_targets: found 0");
    s.n_targets = 1;
    refused_spec(&h, &s, "claim: targets: found NULL with n_targets 1");
    s.targets = nine;
    s.n_targets = 9;
    refused_spec(&h, &s, "claim: n_targets: found 9; allowed are up to 8");
    s.n_targets = 2;
    refused_spec(&h, &s, "claim: n_targets: found 2; allowed is one");
    s.kind = QUIRE_QSPEC_DERIVED;
    s.n_targets = UINT32_MAX;
    refused_spec(&h, &s, "claim: n_targets: found 4294967295; allowed are up to 8");
    s.n_targets = 8;
    refused_spec(&h, &s, "claim: derived: found no formula");
    s.formula = S("sum");
    s.targets = NULL;
    refused_spec(&h, &s, "claim: targets: found NULL with n_targets 8");
    s.n_targets = 0;
    refused_spec(&h, &s, "claim: derived: found 0 sources");
    close_case(&h);
}
END_TEST

START_TEST(claims_where_nothing_can_be_are_refused)
{
    host_case h;
    const quire_qspec s = u8_spec();
    open_case(&h);
    const quire_place absent = operand_of(&h, "Clip", 1), x = operand_of(&h, "MatMul", 0);
    const quire_place unnamed = {0, result_of(&h, "Split").id + 1};
    void *ctx = h.c.ctx;
    refused(&h, h.c.claim(ctx, absent, &s, 0, 0, S("")), U, "c<-1", "claim: the node omits");
    refused(&h, h.c.claim(ctx, unnamed, &s, 0, 0, S("")), U, "", "is no slot");
    refused(&h, h.c.claim(ctx, x, &s, 0, 2, S("")), U, "m<-0", "claim: flags: found 0x2");
    refused(&h, h.c.claim(ctx, x, &s, 0, UINT32_MAX, S("")), U, "m<-0", "found 0xffffffff");
    close_case(&h);
}
END_TEST

START_TEST(a_table_is_dead_after_its_callback)
{
    host_case h;
    const quire_qspec s = u8_spec();
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0);
    quire_host_view_close(&h.view);
    ck_assert_uint_eq(h.g.main_graph(h.g.ctx), 0);
    ck_assert_int_eq(h.c.claim(h.c.ctx, x, &s, 0, 0, S("")), QUIRE_E_USAGE);
    ck_assert_uint_eq(h.result.claims.n, 0);
    ck_assert_ptr_nonnull(strstr(h.view.fault_text, "main_graph was called through a table whose"));
    ck_assert_int_eq(h.view.ends, QUIRE_E_PLUGIN);
    close_case(&h);
}
END_TEST

/* --- the resolved graph ----------------------------------------------------------------------- */

/* m's result shares with its operand x, on which "second" loses; o is float. */
static void
resolve_some(host_case *h, quire_place x, quire_place m, quire_place o)
{
    quire_qspec s = u8_spec();
    const quire_qspec shared = {
        .size = sizeof shared, .kind = QUIRE_QSPEC_SHARED, .targets = &x, .n_targets = 1};
    const quire_qspec plain = {.size = sizeof plain, .kind = QUIRE_QSPEC_FLOAT};
    ck_assert_int_eq(h->c.claim(h->c.ctx, x, &s, 0, 0, S("")), QUIRE_OK);
    ck_assert_int_eq(h->c.claim(h->c.ctx, m, &shared, 0, 0, S("")), QUIRE_OK);
    ck_assert_int_eq(h->c.claim(h->c.ctx, o, &plain, 0, 0, S("")), QUIRE_OK);
    s.dtype = 3;
    next_quantizer(h, "second");
    ck_assert_int_eq(h->c.claim(h->c.ctx, x, &s, -1, 0, S("")), QUIRE_OK);
    h->is_resolved = true;
    ck_assert_int_eq(quire_resolve(&h->ctx, h->m, &h->result.claims, NULL, &h->resolved), QUIRE_OK);
}

START_TEST(the_resolved_graph_is_told)
{
    host_case h;
    quire_qspec got = {.size = sizeof got};
    const quire_place *members;
    quire_string who;
    uint32_t group, n;
    open_case(&h);
    const quire_place x = operand_of(&h, "MatMul", 0), m = result_of(&h, "MatMul");
    const quire_place c = operand_of(&h, "Clip", 0), o = result_of(&h, "Split");
    resolve_some(&h, x, m, o);
    ck_assert_int_eq(h.r.spec(h.r.ctx, m, &got, &group), QUIRE_OK);
    ck_assert(got.kind == QUIRE_QSPEC_QUANTIZED && got.dtype == 2 && group == 0);
    ck_assert_int_eq(h.r.spec(h.r.ctx, o, &got, &group), QUIRE_OK);
    ck_assert(got.kind == QUIRE_QSPEC_FLOAT && group == UINT32_MAX);
    ck_assert_int_eq(h.r.spec(h.r.ctx, c, &got, &group), QUIRE_NONE);
    ck_assert_uint_eq(h.r.n_groups(h.r.ctx), 1);
    ck_assert_int_eq(h.r.group(h.r.ctx, 0, &members, &n), QUIRE_OK);
    ck_assert(n == 2 && members[0].id == x.id && members[1].id == m.id);
    ck_assert_int_eq(h.r.sponsor(h.r.ctx, x, 0, &who), QUIRE_OK);
    ck_assert(is(who, "acme"));
    ck_assert_int_eq(h.r.sponsor(h.r.ctx, x, 1, &who), QUIRE_NONE);
    ck_assert_int_eq(h.r.loser(h.r.ctx, x, 0, &who, &got), QUIRE_OK);
    ck_assert(is(who, "second") && got.dtype == 3);
    ck_assert_int_eq(h.r.loser(h.r.ctx, x, 1, NULL, NULL), QUIRE_NONE);
    ck_assert_int_eq(h.r.finding(h.r.ctx, QUIRE_ERROR, x, S("bad")), QUIRE_OK);
    ck_assert_int_eq(h.r.finding(h.r.ctx, QUIRE_NOTE, (quire_place){0, 0}, S("so")), QUIRE_OK);
    ck_assert(h.result.n_findings == 2 && h.result.n_errors == 1);
    refused(&h, h.r.group(h.r.ctx, 1, &members, &n), U, "", "group: found number 1; there are 1");
    got.size = 3;
    refused(&h, h.r.spec(h.r.ctx, x, &got, NULL), U, "", "spec: found size 3");
    refused(&h, h.r.loser(h.r.ctx, x, 0, NULL, &got), U, "", "spec: found size 3");
    close_case(&h);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("host_tables");
    tcase_add_test(all, nodes_and_graphs_are_as_written);
    tcase_add_test(all, values_are_as_written);
    tcase_add_test(all, operands_results_and_their_absence);
    tcase_add_test(all, uses_are_all_found_once);
    tcase_add_test(all, attributes_by_name);
    tcase_add_test(all, weights_are_read_from_anywhere);
    tcase_add_test(all, longer_structs_are_filled_as_far_as_known);
    tcase_add_test(all, specs_of_every_kind);
    tcase_add_test(all, remembered_specs_are_not_mixed_up);
    tcase_add_test(all, a_claim_is_recorded_whole);
    tcase_add_test(all, earlier_claims_can_be_asked_for);
    tcase_add_test(all, foreign_ids_are_refused);
    tcase_add_test(all, foreign_places_are_refused);
    tcase_add_test(all, what_was_erased_is_refused);
    tcase_add_test(all, structs_of_wrong_size_are_refused);
    tcase_add_test(all, reading_beyond_weights_is_refused);
    tcase_add_test(all, strings_that_are_none_are_refused);
    tcase_add_test(all, specs_that_mean_nothing_are_refused);
    tcase_add_test(all, targets_that_are_none_are_refused);
    tcase_add_test(all, claims_where_nothing_can_be_are_refused);
    tcase_add_test(all, a_table_is_dead_after_its_callback);
    tcase_add_test(all, the_resolved_graph_is_told);
    Suite *suite = suite_create("host_tables");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
