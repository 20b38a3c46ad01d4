/* test_host_edit.c - the edit table of transform: what it does, that the graph table sees it at
 * once, and that nothing a plugin passes in is believed. A refused call leaves the model's bytes.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/edit.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "plugin/run.h"
#include "support/bytes.h"
#include "support/fault.h"
#include "support/suite.h"

static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17, \"f\" : 1]>\n"
    "g (float[2] x, float[2] d, bool b) => (float[2] y, float[2] z, float[2] d)\n"
    "<float[2] w = {1, 2}, float[2] u = {3, 4}, float[2] d = {5, 6}, float[2] s>\n"
    "{\n"
    "  a = Relu (x)\n"
    "  s = Add (a, w)\n"
    "  c = If (b) <then_branch = t () => (float[2] p) { p = Neg (s) },"
    " else_branch = e () => (float[2] q) { h = Abs (s) q = Exp (h) }>\n"
    "  y = Sub (c, s)\n"
    "  n, \"\" = Dropout (a)\n"
    "  i = f.Twice (a)\n"
    "  z = Neg (a)\n"
    "}\n"
    "<domain: \"f\", opset_import: [\"\" : 17]>\n"
    "Twice (v) => (r) { k = Add (v, v) r = Neg (k) }\n";

#define S(text) ((quire_string){text, sizeof(text) - 1})
#define T(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    } /* where only constants may stand */

typedef struct edit_case {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_log log;
    quire_model *m;
    quire_arena arena;
    quire_host_view view;
    quire_graph_api g;
    quire_edit_api e;
} edit_case;

static quire_status
start(edit_case *c, size_t fail_at)
{
    *c = (edit_case){.m = NULL};
    fault_alloc_init(&c->alloc, fail_at, false);
    c->ctx = fault_ctx(&c->alloc, NULL, &c->log);
    quire_arena_init(&c->arena, c->ctx.alloc);
    const quire_status status = quire_model_parse(&c->ctx, quire_bytes_of(model_text), NULL, &c->m);
    if (status != QUIRE_OK) return status;
    c->view = (quire_host_view){.ctx = &c->ctx, .m = c->m, .who = "acme", .arena = &c->arena};
    c->g = quire_host_graph_api(&c->view);
    c->e = quire_host_edit_api(&c->view);
    quire_host_view_open(&c->view);
    return QUIRE_OK;
}

static void
open_case(edit_case *c)
{
    const quire_status status = start(c, 0);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", c->log.path, c->log.message);
}

static void
close_case(edit_case *c)
{
    if (c->m != NULL) quire_host_view_close(&c->view);
    quire_arena_deinit(&c->arena);
    quire_model_destroy(&c->ctx, c->m);
    ck_assert(fault_alloc_is_clean(&c->alloc));
}

/* The living value of that name; there must be one. */
static quire_value_id
value(const edit_case *c, const char *name)
{
    for (uint32_t k = 1; k < c->m->values.count; k++) {
        const quire_value v = {k};
        const bool same = quire_bytes_equal(quire_value_name(c->m, v), quire_bytes_of(name));
        if (same && (quire_value_at(c->m, v)->flags & QUIRE_DEAD) == 0) return k;
    }
    ck_abort_msg("no value %s", name);
    return 0;
}

static quire_node_id
node(const edit_case *c, const char *result)
{
    return quire_value_node(c->m, (quire_value){value(c, result)}).id;
}

static quire_graph_id
graph_of(const edit_case *c, const char *name)
{
    return quire_value_at(c->m, (quire_value){value(c, name)})->graph.id;
}

static quire_new_node
relu(const edit_case *c, const quire_value_id *operand, const quire_string *result)
{
    return (quire_new_node){.size = sizeof(quire_new_node),
                            .graph = c->m->main.id,
                            .op_type = S("Relu"),
                            .operands = operand,
                            .n_operands = 1,
                            .results = result,
                            .n_results = 1};
}

/* --- refusals: who is asked what, and what it says ----------------------------------------------- */

/* A new node that differs from a good one by what `change` does. */
typedef void change_fn(edit_case *c, quire_new_node *n);

static quire_status
create_changed(edit_case *c, change_fn *change)
{
    const quire_value_id operand = value(c, "a");
    const quire_string result = S("fresh");
    quire_new_node n = relu(c, &operand, &result);
    quire_node_id made = 77;
    change(c, &n);
    const quire_status status = c->e.create_node(c->e.ctx, &n, &made);
    ck_assert_uint_eq(made, 0);
    return status;
}

#define CHANGE(name) static void name(edit_case *c, quire_new_node *n)
#define UNUSED(x)    (void)(x)

CHANGE(no_size)
{
    UNUSED(c);
    n->size = 0;
}
CHANGE(short_size)
{
    UNUSED(c);
    n->size = sizeof *n - 8;
}
CHANGE(huge_size)
{
    UNUSED(c);
    n->size = 5000;
}
CHANGE(no_graph)
{
    UNUSED(c);
    n->graph = 0;
}
CHANGE(foreign_graph)
{
    UNUSED(c);
    n->graph = 4711;
}
CHANGE(foreign_before)
{
    UNUSED(c);
    n->before = 4711;
}
CHANGE(before_in_a_body)
{
    n->before = node(c, "p");
}
CHANGE(foreign_domain)
{
    UNUSED(c);
    n->domain = S("com.acme");
}
CHANGE(bad_domain)
{
    UNUSED(c);
    n->domain = S("\xff");
}
CHANGE(no_op_type)
{
    UNUSED(c);
    n->op_type = S("");
}
CHANGE(op_type_with_nul)
{
    UNUSED(c);
    n->op_type = S("Re\0lu");
}
CHANGE(half_a_character)
{
    UNUSED(c);
    n->name = S("n\xc3");
}
CHANGE(name_at_null)
{
    UNUSED(c);
    n->name = (quire_string){NULL, 3};
}
CHANGE(huge_name)
{
    n->name = (quire_string){(const char *)c, 1u << 20};
}
CHANGE(operands_at_null)
{
    UNUSED(c);
    n->operands = NULL;
}
CHANGE(endless_operands)
{
    UNUSED(c);
    n->n_operands = UINT32_MAX;
}
CHANGE(results_at_null)
{
    UNUSED(c);
    n->results = NULL;
}
CHANGE(endless_results)
{
    UNUSED(c);
    n->n_results = UINT32_MAX;
}
CHANGE(no_results)
{
    UNUSED(c);
    n->n_results = 0;
}
CHANGE(attributes_at_null)
{
    UNUSED(c);
    n->n_attributes = 1;
}
CHANGE(endless_attributes)
{
    static const quire_new_attribute a = {.size = sizeof a, .type = 2, .name = T("a")};
    UNUSED(c);
    n->attributes = &a;
    n->n_attributes = UINT32_MAX;
}

static quire_value_id odd_operand;

CHANGE(foreign_operand)
{
    UNUSED(c);
    odd_operand = 4711;
    n->operands = &odd_operand;
}
CHANGE(operand_of_a_body)
{
    odd_operand = value(c, "p");
    n->operands = &odd_operand;
}
CHANGE(operand_of_the_sister)
{
    odd_operand = value(c, "h");
    n->operands = &odd_operand;
    n->graph = graph_of(c, "p");
}
CHANGE(operand_of_a_function)
{
    odd_operand = value(c, "k");
    n->operands = &odd_operand;
}
CHANGE(operand_of_main_in_a_function)
{
    n->graph = graph_of(c, "k");
}
CHANGE(operand_without_a_name)
{
    odd_operand = value(c, "n") + 1;
    n->operands = &odd_operand;
}

static const quire_string taken = T("w"), taken_output = T("z"), taken_in_function = T("k"),
                          empty = T(""), twice[] = {T("fresh"), T("fresh")},
                          not_utf8 = T("\xed\xa0\x80"), with_nul = T("a\0b");

CHANGE(taken_result)
{
    UNUSED(c);
    n->results = &taken;
}
CHANGE(taken_by_output)
{
    UNUSED(c);
    n->results = &taken_output;
}
CHANGE(taken_elsewhere)
{
    UNUSED(c);
    n->results = &taken_in_function;
}
CHANGE(only_omitted_results)
{
    UNUSED(c);
    n->results = &empty;
}
CHANGE(surrogate)
{
    UNUSED(c);
    n->results = &not_utf8;
}
CHANGE(nul_in_result)
{
    UNUSED(c);
    n->results = &with_nul;
}
CHANGE(result_twice)
{
    UNUSED(c);
    n->results = twice;
    n->n_results = 2;
}

static quire_new_tensor odd_tensor;
static quire_new_attribute odd_attributes[2];

static void
give_attribute(quire_new_node *n, quire_new_attribute a)
{
    a.size = a.size == 0 ? sizeof a : a.size;
    odd_attributes[0] = a;
    n->attributes = odd_attributes;
    n->n_attributes = 1;
}
#define ATTRIBUTE(fn, ...)                                                                         \
    CHANGE(fn)                                                                                     \
    {                                                                                              \
        UNUSED(c);                                                                                 \
        give_attribute(n, (quire_new_attribute){__VA_ARGS__});                                     \
    }
ATTRIBUTE(attribute_size, .size = 8, .type = 2, .name = S("a"))
ATTRIBUTE(attribute_huge_size, .size = 1u << 20, .type = 2, .name = S("a"))
ATTRIBUTE(attribute_type, .type = 5, .name = S("body"))
ATTRIBUTE(attribute_no_name, .type = 2)
ATTRIBUTE(attribute_bad_name, .type = 2, .name = S("a\xff"))
ATTRIBUTE(attribute_ints, .type = 7, .name = S("a"), .n_ints = 3)
ATTRIBUTE(attribute_endless_ints, .type = 7, .name = S("a"), .ints = (const int64_t *)&odd_tensor,
          .n_ints = SIZE_MAX)
ATTRIBUTE(attribute_string, .type = 3, .name = S("a"), .s = {NULL, 5})
ATTRIBUTE(attribute_no_tensor, .type = 4, .name = S("a"))
CHANGE(attribute_bad_tensor)
{
    odd_tensor = (quire_new_tensor){.size = sizeof odd_tensor, .dtype = 1, .n_bytes = 3};
    UNUSED(c);
    give_attribute(n, (quire_new_attribute){.type = 4, .name = S("a"), .tensor = &odd_tensor});
}
CHANGE(attribute_twice)
{
    UNUSED(c);
    give_attribute(n, (quire_new_attribute){.type = 2, .name = S("a")});
    odd_attributes[1] = odd_attributes[0];
    n->n_attributes = 2;
}
CHANGE(attribute_sizes_differ)
{
    attribute_twice(c, n);
    odd_attributes[1].size += 8;
}

static const struct {
    change_fn *change;
    const char *text;
} bad_nodes[] = {
    {no_size, "create_node: found size 0; allowed is 100"},
    {short_size, "create_node: found size 96; allowed is 100"},
    {huge_size, "create_node: found size 5000"},
    {no_graph, "create_node: graph 0 is no id of this model"},
    {foreign_graph, "create_node: graph 4711 is no id"},
    {foreign_before, "create_node: before: node 4711 is no id"},
    {before_in_a_body, "is not in graph 1"},
    {foreign_domain, "domain: found \"com.acme\", of which the model imports no version"},
    {bad_domain, "domain: found \"\xff\", which is not UTF-8"},
    {no_op_type, "op_type: found \"\""},
    {op_type_with_nul, "op_type: found \"Re"},
    {half_a_character, "which is not UTF-8 or holds NUL"},
    {name_at_null, "name: found 3 bytes at NULL"},
    {huge_name, "name: found a string of 1048576 bytes"},
    {operands_at_null, "n_operands: found 1 at NULL"},
    {endless_operands, "n_operands: found 4294967295; allowed are 65536"},
    {results_at_null, "n_results: found 1 at NULL"},
    {endless_results, "n_results: found 4294967295"},
    {no_results, "results: found no name"},
    {attributes_at_null, "n_attributes: found 1 at NULL"},
    {endless_attributes, "n_attributes: found 4294967295"},
    {foreign_operand, "create_node: value 4711 is no id"},
    {operand_of_a_body, "of a graph that its reader is not in"},
    {operand_of_the_sister, "of a graph that its reader is not in"},
    {operand_of_a_function, "of a graph that its reader is not in"},
    {operand_of_main_in_a_function, "of a graph that its reader is not in"},
    {operand_without_a_name, "has no name; nothing can read it"},
    {taken_result, "results: found \"w\", which is a name of the model"},
    {taken_by_output, "results: found \"z\", which is a name"},
    {taken_elsewhere, "results: found \"k\", which is a name"},
    {only_omitted_results, "results: found no name"},
    {surrogate, "which is not UTF-8"},
    {nul_in_result, "or holds NUL"},
    {result_twice, "results: found \"fresh\" twice"},
    {attribute_size, "attribute: found size 8"},
    {attribute_huge_size, "attribute: found size 1048576"},
    {attribute_type, "attribute \"body\": type: found 5; allowed are 1 (float)"},
    {attribute_no_name, "attribute 0 has no name"},
    {attribute_bad_name, "attribute: name: found"},
    {attribute_ints, "attribute: n_ints: found 3 at NULL"},
    {attribute_endless_ints, "attribute: n_ints: found 18446744073709551615"},
    {attribute_string, "attribute: s: found 5 bytes at NULL"},
    {attribute_no_tensor, "create_node: attribute: found no struct (NULL)"},
    {attribute_bad_tensor, "tensor: n_bytes: found 3 at NULL; 1 elements of float take 4"},
    {attribute_twice, "attributes: found \"a\" twice"},
    {attribute_sizes_differ, "allowed is that of the first"},
};

typedef quire_status act_fn(edit_case *c);
#define ACT(name, call)                                                                            \
    static quire_status name(edit_case *c)                                                         \
    {                                                                                              \
        const quire_edit_api *e = &c->e;                                                           \
        return e->call;                                                                            \
    }
ACT(create_null, create_node(e->ctx, NULL, NULL))
ACT(erase_nothing, erase_node(e->ctx, 0))
ACT(erase_foreign, erase_node(e->ctx, 4711))
ACT(erase_used, erase_node(e->ctx, node(c, "a")))
ACT(erase_used_in_a_body, erase_node(e->ctx, node(c, "s")))
ACT(erase_output, erase_node(e->ctx, node(c, "y")))
ACT(erase_output_of_a_body, erase_node(e->ctx, node(c, "q")))
ACT(erase_result_of_a_function, erase_node(e->ctx, node(c, "r")))
ACT(move_foreign, move_node(e->ctx, 4711, 0))
ACT(move_before_foreign, move_node(e->ctx, node(c, "a"), 4711))
ACT(move_out_of_a_body, move_node(e->ctx, node(c, "p"), node(c, "y")))
ACT(move_to_a_function, move_node(e->ctx, node(c, "y"), node(c, "k")))
ACT(set_foreign, set_operand(e->ctx, 4711, 0, value(c, "a")))
ACT(set_beyond, set_operand(e->ctx, node(c, "a"), 1, value(c, "a")))
ACT(set_far_beyond, set_operand(e->ctx, node(c, "a"), UINT32_MAX, value(c, "a")))
ACT(set_to_foreign, set_operand(e->ctx, node(c, "a"), 0, 4711))
ACT(set_to_body, set_operand(e->ctx, node(c, "y"), 0, value(c, "p")))
ACT(set_in_function, set_operand(e->ctx, node(c, "k"), 0, value(c, "w")))
ACT(set_to_unnamed, set_operand(e->ctx, node(c, "z"), 0, value(c, "n") + 1))
ACT(replace_foreign, replace_uses(e->ctx, 4711, value(c, "a")))
ACT(replace_by_foreign, replace_uses(e->ctx, value(c, "a"), 0))
ACT(replace_by_body, replace_uses(e->ctx, value(c, "s"), value(c, "h")))
ACT(replace_by_function, replace_uses(e->ctx, value(c, "s"), value(c, "v")))
ACT(replace_by_unnamed, replace_uses(e->ctx, value(c, "s"), value(c, "n") + 1))
ACT(replace_input_as_output, replace_uses(e->ctx, value(c, "d"), value(c, "x")))
ACT(interpose_foreign, interpose(e->ctx, 4711, node(c, "a")))
ACT(interpose_by_foreign, interpose(e->ctx, value(c, "x"), 4711))
ACT(interpose_by_no_reader, interpose(e->ctx, value(c, "x"), node(c, "s")))
ACT(interpose_by_late_reader, interpose(e->ctx, value(c, "a"), node(c, "z")))
ACT(interpose_behind_a_body, interpose(e->ctx, value(c, "s"), node(c, "y")))
ACT(interpose_from_a_body, interpose(e->ctx, value(c, "s"), node(c, "p")))
ACT(take_from_foreign, take_name(e->ctx, value(c, "a"), 4711))
ACT(take_to_foreign, take_name(e->ctx, 4711, value(c, "a")))
ACT(take_from_input, take_name(e->ctx, value(c, "a"), value(c, "x")))
ACT(take_to_constant, take_name(e->ctx, value(c, "w"), value(c, "i")))
ACT(take_used, take_name(e->ctx, value(c, "i"), value(c, "a")))
ACT(take_used_itself, take_name(e->ctx, value(c, "a"), value(c, "a")))
ACT(take_unnamed, take_name(e->ctx, value(c, "a"), value(c, "n") + 1))
ACT(take_across, take_name(e->ctx, value(c, "h"), value(c, "i")))
ACT(type_of_foreign, set_type(e->ctx, 4711, 1, 1))
ACT(type_of_input, set_type(e->ctx, value(c, "x"), 10, 1))
ACT(type_of_constant, set_type(e->ctx, value(c, "w"), 10, 1))
ACT(type_unknown, set_type(e->ctx, value(c, "a"), 99, 1))
ACT(type_negative, set_type(e->ctx, value(c, "a"), -1, 1))
ACT(type_rank, set_type(e->ctx, value(c, "a"), 1, -2))
ACT(type_huge_rank, set_type(e->ctx, value(c, "a"), 1, INT32_MAX))
ACT(type_of_output, set_type(e->ctx, value(c, "y"), 10, 1))
ACT(remove_foreign, remove_initializer(e->ctx, 4711))
ACT(remove_result, remove_initializer(e->ctx, value(c, "i")))
ACT(remove_used, remove_initializer(e->ctx, value(c, "w")))
ACT(fresh_of_nothing, fresh_name(e->ctx, S(""), &(quire_string){NULL, 0}))
ACT(fresh_into_null, fresh_name(e->ctx, S("a"), NULL))
ACT(fresh_of_bytes, fresh_name(e->ctx, S("\xc3("), &(quire_string){NULL, 0}))
static quire_status
fresh_of_long(edit_case *c)
{
    static char letters[65530];
    quire_string name;
    memset(letters, 'a', sizeof letters);
    return c->e.fresh_name(c->e.ctx, (quire_string){letters, sizeof letters}, &name);
}

static quire_status
remove_overridable(edit_case *c)
{
    const quire_graph_rec *g = quire_graph_at(c->m, c->m->main);
    ck_assert_int_eq(
        quire_use_set(&c->ctx, c->m, (quire_use){g->out.id + 2}, (quire_value){value(c, "x")}),
        QUIRE_OK);
    return c->e.remove_initializer(c->e.ctx, value(c, "d"));
}

static quire_status
use_what_was_erased(edit_case *c)
{
    const quire_node_id n = node(c, "i");
    const quire_value_id v = value(c, "i");
    ck_assert_int_eq(c->e.erase_node(c->e.ctx, n), QUIRE_OK);
    return c->e.set_operand(c->e.ctx, node(c, "z"), 0, v);
}

static quire_status
erase_twice(edit_case *c)
{
    const quire_node_id n = node(c, "i");
    ck_assert_int_eq(c->e.erase_node(c->e.ctx, n), QUIRE_OK);
    return c->e.erase_node(c->e.ctx, n);
}

static quire_status
erase_what_went_with_its_owner(edit_case *c)
{
    const quire_node_id n = node(c, "p");
    ck_assert_int_eq(c->e.replace_uses(c->e.ctx, value(c, "c"), value(c, "s")), QUIRE_OK);
    ck_assert_int_eq(c->e.erase_node(c->e.ctx, node(c, "c")), QUIRE_OK);
    return c->e.erase_node(c->e.ctx, n);
}

static const struct {
    act_fn *act;
    const char *path, *text;
} refusals[] = {
    {create_null, "", "create_node: found no struct (NULL)"},
    {erase_nothing, "", "erase_node: node 0 is no id of this model"},
    {erase_foreign, "", "erase_node: node 4711 is no id of this model"},
    {erase_used, "a", "is used 4 times; replace its uses first"},
    {erase_used_in_a_body, "s", "is used 3 times; replace its uses first"},
    {erase_output, "y", "is used 1 times; replace its uses first"},
    {erase_output_of_a_body, "c/else_branch/q", "is used 1 times"},
    {erase_result_of_a_function, "\"function f:Twice:\"/r", "is used 1 times"},
    {move_foreign, "", "move_node: node 4711 is no id"},
    {move_before_foreign, "", "move_node: before: node 4711 is no id"},
    {move_out_of_a_body, "", "are of different graphs; a node stays in its graph"},
    {move_to_a_function, "", "are of different graphs"},
    {set_foreign, "", "set_operand: node 4711 is no id"},
    {set_beyond, "", "set_operand: found operand 1; node 1 has 1, from 0"},
    {set_far_beyond, "", "found operand 4294967295"},
    {set_to_foreign, "", "set_operand: value 4711 is no id"},
    {set_to_body, "c/then_branch/p", "of a graph that its reader is not in"},
    {set_in_function, "w", "of a graph that its reader is not in"},
    {set_to_unnamed, "", "has no name; nothing can read it"},
    {replace_foreign, "", "replace_uses: from: value 4711 is no id"},
    {replace_by_foreign, "", "replace_uses: to: value 0 is no id"},
    {replace_by_body, "c/else_branch/h", "of a graph that its reader is not in"},
    {replace_by_function, "\"function f:Twice:\"/v", "of a graph that its reader is not in"},
    {replace_by_unnamed, "", "has no name"},
    {replace_input_as_output, "d", "this input is an output of its graph as well"},
    {interpose_foreign, "", "interpose: value 4711 is no id"},
    {interpose_by_foreign, "", "interpose: node 4711 is no id"},
    {interpose_by_no_reader, "x", "must read this value"},
    {interpose_by_late_reader, "a", "stand before all others that read it"},
    {interpose_behind_a_body, "s", "stand before all others that read it"},
    {interpose_from_a_body, "s", "in its graph"},
    {take_from_foreign, "", "take_name: from: value 4711 is no id"},
    {take_to_foreign, "", "take_name: to: value 4711 is no id"},
    {take_from_input, "x", "this value is an input or a constant"},
    {take_to_constant, "w", "this value is an input or a constant"},
    {take_used, "a", "this value is used 4 times"},
    {take_used_itself, "a", "this value is used 4 times"},
    {take_unnamed, "", "has no name"},
    {take_across, "i", "are of different graphs"},
    {type_of_foreign, "", "set_type: value 4711 is no id"},
    {type_of_input, "x", "this value is an input or a constant"},
    {type_of_constant, "w", "this value is an input or a constant"},
    {type_unknown, "a", "set_type: dtype: found 99"},
    {type_negative, "a", "set_type: dtype: found -1"},
    {type_rank, "a", "set_type: rank: found -2"},
    {type_huge_rank, "a", "set_type: rank: found 2147483647"},
    {type_of_output, "y", "stated by an output"},
    {remove_foreign, "", "remove_initializer: value 4711 is no id"},
    {remove_result, "i", "this value is no initializer"},
    {remove_used, "w", "this value is used 1 times"},
    {fresh_of_nothing, "", "fresh_name: found a base of 0 bytes"},
    {fresh_into_null, "", "out_name NULL"},
    {fresh_of_bytes, "", "fresh_name: base: found"},
    {fresh_of_long, "", "fresh_name: found a base of 65530 bytes"},
};

static void
expect_refused(edit_case *c, quire_status status, const char *path, const char *text,
               const uint8_t *before, size_t n_before)
{
    size_t n;
    uint8_t *after = support_bytes(c->m, &n);
    ck_assert_msg(status == QUIRE_E_USAGE || status == QUIRE_E_LIMIT, "%s for: %s",
                  quire_status_name(status), text);
    ck_assert_msg(strstr(c->view.fault_text, text) != NULL, "%s\nis not\n%s", c->view.fault_text,
                  text);
    if (path != NULL) ck_assert_str_eq(c->view.fault_path, path);
    ck_assert_int_eq(c->view.ends, QUIRE_E_PLUGIN);
    ck_assert_uint_eq(c->log.n_errors, 0); /* it is told when the callback is over */
    ck_assert_msg(n == n_before && memcmp(before, after, n) == 0, "it changed something: %s", text);
    ck_assert_int_eq(quire_model_verify(&c->ctx, c->m, QUIRE_E_INTERNAL), QUIRE_OK);
    free(after);
}

START_TEST(bad_nodes_are_refused)
{
    edit_case c;
    size_t n;
    open_case(&c);
    uint8_t *before = support_bytes(c.m, &n);
    const quire_status status = create_changed(&c, bad_nodes[_i].change);
    expect_refused(&c, status, NULL, bad_nodes[_i].text, before, n);
    free(before);
    close_case(&c);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
    edit_case c;
    size_t n;
    open_case(&c);
    uint8_t *before = support_bytes(c.m, &n);
    const quire_status status = refusals[_i].act(&c);
    expect_refused(&c, status, refusals[_i].path, refusals[_i].text, before, n);
    ck_assert_int_eq(c.e.erase_node(c.e.ctx, node(&c, "i")), status); /* and all that follow */
    free(before);
    close_case(&c);
}
END_TEST

START_TEST(what_is_gone_cannot_be_used)
{
    static act_fn *const acts[] = {use_what_was_erased, erase_twice, erase_what_went_with_its_owner,
                                   remove_overridable};
    static const char *const texts[] = {
        "set_operand: value 13 was erased", "erase_node: node 7 was erased", "was erased",
        "this value is an input of its graph, which callers may set"};
    edit_case c;
    open_case(&c);
    ck_assert_int_eq(acts[_i](&c), QUIRE_E_USAGE);
    const char *text = strchr(texts[_i], ':') != NULL ? strrchr(texts[_i], ' ') : texts[_i];
    ck_assert_msg(strstr(c.view.fault_text, text) != NULL, "%s", c.view.fault_text);
    ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_case(&c);
}
END_TEST

/* --- constants ------------------------------------------------------------------------------------ */

static const int64_t two[] = {2}, negative[] = {2, -1}, vast[] = {INT64_MAX, 3},
                     vast_too[] = {INT64_C(1) << 62, 2}, big[] = {1 << 20, 1 << 20};
static const float floats[] = {7, 8};

#define TENSOR(type, n, shape, bytes, size_of)                                                     \
    {                                                                                              \
        .size = sizeof(quire_new_tensor), .dtype = type, .rank = n, .dims = shape, .data = bytes,  \
        .n_bytes = size_of                                                                         \
    }
static const struct {
    quire_new_tensor tensor;
    const char *text;
} bad_tensors[] = {
    {{.size = 4, .dtype = 1}, "add_initializer: found size 4"},
    {TENSOR(0, 1, two, floats, 8), "tensor: dtype: found 0"},
    {TENSOR(8, 1, two, floats, 8), "tensor: dtype: found 8; allowed are numbers"},
    {TENSOR(99, 1, two, floats, 8), "tensor: dtype: found 99"},
    {TENSOR(-1, 1, two, floats, 8), "tensor: dtype: found -1"},
    {TENSOR(1, 1, NULL, floats, 8), "tensor: found rank 1 and dims NULL"},
    {TENSOR(1, UINT32_MAX, two, floats, 8), "tensor: found rank 4294967295"},
    {TENSOR(1, 2, negative, floats, 8), "tensor: dims[1]: found -1"},
    {TENSOR(1, 2, vast, floats, 8), "tensor: dims[1]: found 3"},
    {TENSOR(1, 2, vast_too, floats, 8), "tensor: dims[1]: found 2"},
    {TENSOR(1, 2, big, floats, 8), "found 1099511627776 elements of float; allowed are 2147483647"},
    {TENSOR(1, 1, two, floats, 7), "n_bytes: found 7 at data; 2 elements of float take 8"},
    {TENSOR(1, 1, two, floats, SIZE_MAX), "n_bytes: found 18446744073709551615"},
    {TENSOR(21, 1, two, floats, 2), "2 elements of uint4 take 1"},
    {TENSOR(1, 1, two, NULL, 8), "n_bytes: found 8 at NULL"},
    {TENSOR(1, 0, NULL, floats, 0), "1 elements of float take 4"},
};

START_TEST(bad_tensors_are_refused)
{
    edit_case c;
    size_t n;
    quire_value_id made = 77;
    open_case(&c);
    uint8_t *before = support_bytes(c.m, &n);
    const quire_status status =
        c.e.add_initializer(c.e.ctx, c.m->main.id, S("fresh"), &bad_tensors[_i].tensor, &made);
    expect_refused(&c, status, NULL, bad_tensors[_i].text, before, n);
    ck_assert_uint_eq(made, 0);
    free(before);
    close_case(&c);
}
END_TEST

static const quire_new_tensor good_tensor = TENSOR(1, 1, two, floats, sizeof floats);

ACT(add_to_foreign, add_initializer(e->ctx, 4711, S("f"), &good_tensor, NULL))
ACT(add_to_function, add_initializer(e->ctx, graph_of(c, "k"), S("f"), &good_tensor, NULL))
ACT(add_taken, add_initializer(e->ctx, c->m->main.id, S("h"), &good_tensor, NULL))
ACT(add_unnamed, add_initializer(e->ctx, c->m->main.id, S(""), &good_tensor, NULL))
ACT(add_bad_name, add_initializer(e->ctx, c->m->main.id, S("\x80"), &good_tensor, NULL))
ACT(add_null, add_initializer(e->ctx, c->m->main.id, S("f"), NULL, NULL))

START_TEST(bad_initializers_are_refused)
{
    static const struct {
        act_fn *act;
        const char *text;
    } cases[] = {{add_to_foreign, "add_initializer: graph 4711 is no id"},
                 {add_to_function, "is a function, which has no initializers"},
                 {add_taken, "name: found \"h\", which is a name of the model"},
                 {add_unnamed, "name: found no name"},
                 {add_bad_name, "which is not UTF-8"},
                 {add_null, "add_initializer: found no struct (NULL)"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        edit_case c;
        size_t n;
        open_case(&c);
        uint8_t *before = support_bytes(c.m, &n);
        expect_refused(&c, cases[k].act(&c), NULL, cases[k].text, before, n);
        free(before);
        close_case(&c);
    }
}
END_TEST

/* --- edits ---------------------------------------------------------------------------------------- */

static void
ok(const edit_case *c, quire_status status)
{
    ck_assert_msg(status == QUIRE_OK, "%s: %s", quire_status_name(status), c->view.fault_text);
}

/* The model's text holds this. */
static void
expect_text(edit_case *c, const char *part)
{
    quire_text text = {0};
    quire_writer w;
    const quire_print_options brief = {.brief = true};
    quire_writer_to_text(&w, &c->ctx, &text);
    ck_assert_int_eq(quire_model_print(&c->ctx, c->m, &brief, &w), QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_msg(strstr(text.ptr, part) != NULL, "%s\nis not in\n%s", part, text.ptr);
    quire_text_free(&c->ctx, &text);
}

/* What a transform that knows its business does: another node in the place of `old`. */
static quire_status
put_in_place(const quire_edit_api *e, quire_node_id old, quire_value_id result,
             const quire_new_node *by, const quire_graph_api *g)
{
    quire_node_id made;
    quire_value_id new_result;
    quire_status status = e->create_node(e->ctx, by, &made);
    if (status == QUIRE_OK) status = g->result(g->ctx, made, 0, NULL, &new_result);
    if (status == QUIRE_OK) status = e->replace_uses(e->ctx, result, new_result);
    if (status == QUIRE_OK) status = e->take_name(e->ctx, new_result, result);
    return status == QUIRE_OK ? e->erase_node(e->ctx, old) : status;
}

/* Row 14 of the table of PyTorch's tests: a transform turns add into mul. */
START_TEST(row_14_add_becomes_mul)
{
    edit_case c;
    open_case(&c);
    const quire_value_id s = value(&c, "s");
    const quire_value_id operands[] = {value(&c, "a"), value(&c, "w")};
    quire_string name;
    quire_value_view view = {.size = sizeof view};
    ok(&c, c.e.fresh_name(c.e.ctx, S("s"), &name));
    const quire_new_node mul = {.size = sizeof mul,
                                .graph = c.g.main_graph(c.g.ctx),
                                .before = node(&c, "s"),
                                .op_type = S("Mul"),
                                .operands = operands,
                                .n_operands = 2,
                                .results = &name,
                                .n_results = 1};
    ok(&c, put_in_place(&c.e, node(&c, "s"), s, &mul, &c.g));
    expect_text(&c, "  a = Relu (x)\n  s = Mul (a, w)\n  c = If");
    expect_text(&c, "p = Neg (s)");
    ok(&c, c.g.value(c.g.ctx, value(&c, "s"), &view)); /* its type came along */
    ck_assert_int_eq(view.dtype, 1);
    ck_assert_int_eq(view.rank, 1);
    ck_assert_int_eq(view.dims[0], 2);
    ck_assert_uint_eq(view.n_uses, 3);
    ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_case(&c);
}
END_TEST

/* Later versions have longer structs; their attributes lie further apart. */
typedef struct later_attribute {
    quire_new_attribute now;
    int32_t more[3];
} later_attribute;

START_TEST(attributes_of_all_kinds_at_their_own_distance)
{
    enum { N = 5, SIZE = sizeof(later_attribute) - 4 };
    static const int64_t ints[] = {1, -2, INT64_MAX};
    const later_attribute attributes[N] = {
        {.now = {.size = SIZE, .type = 1, .name = S("f"), .f = 1.5f}},
        {.now = {.size = SIZE, .type = 2, .name = S("i"), .i = INT64_MIN}},
        {.now = {.size = SIZE, .type = 3, .name = S("s"), .s = S("text")}},
        {.now = {.size = SIZE, .type = 4, .name = S("t"), .tensor = &good_tensor}},
        {.now = {.size = SIZE, .type = 7, .name = S("l"), .ints = ints, .n_ints = 3}}};
    edit_case c;
    open_case(&c);
    const quire_value_id operands[] = {value(&c, "a"), 0, value(&c, "w")};
    const quire_string results[] = {S(""), S("new")};
    const quire_new_node n = {.size = sizeof n,
                              .graph = c.m->main.id,
                              .before = node(&c, "z"),
                              .domain = S("ai.onnx"),
                              .op_type = S("Anything"),
                              .name = S("its name"),
                              .operands = operands,
                              .n_operands = 3,
                              .results = results,
                              .n_results = 2,
                              .attributes = &attributes[0].now,
                              .n_attributes = N};
    ck_assert_uint_ge(sizeof(later_attribute), sizeof(quire_new_attribute) + 12);
    ok(&c, c.e.create_node(c.e.ctx, &n, NULL));
    expect_text(&c,
                "[\"its name\"] \"\", new = ai.onnx.Anything <f = 1.5, i = -9223372036854775808, "
                "s = \"text\", t = float[2] {7,8}, l = [1, -2, 9223372036854775807]> "
                "(a, \"\", w)\n  z = Neg (a)");
    close_case(&c);
}
END_TEST

START_TEST(the_graph_is_seen_as_it_is_now)
{
    edit_case c;
    quire_graph_view g = {.size = sizeof g};
    quire_value_view v = {.size = sizeof v};
    quire_value_id made;
    quire_node_id user;
    uint32_t index;
    float read[2];
    open_case(&c);
    const quire_value_id s = value(&c, "s");
    ok(&c, c.g.value(c.g.ctx, s, &v));
    ck_assert_int_eq(v.dims[0], 2);
    ok(&c, c.e.set_type(c.e.ctx, s, 10, 3));
    ok(&c, c.g.value(c.g.ctx, s, &v));
    ck_assert_int_eq(v.dtype, 10);
    ck_assert_int_eq(v.rank, 3);
    ck_assert_int_eq(v.dims[2], -1);
    ok(&c, c.e.add_initializer(c.e.ctx, c.m->main.id, S("k2"), &good_tensor, &made));
    ok(&c,
       c.g.value(c.g.ctx, made, &v)); /* a value that was not there when shapes were asked for */
    ck_assert_int_eq(v.dims[0], 2);
    ck_assert_uint_eq(v.constant, 1);
    ok(&c, c.g.read_floats(c.g.ctx, made, 0, 2, read));
    ck_assert(read[0] == 7 && read[1] == 8);
    ok(&c, c.e.set_operand(c.e.ctx, node(&c, "s"), 1, made));
    const quire_place use = c.g.next_use(c.g.ctx, made, (quire_place){0, 0}, &user, &index);
    ck_assert_uint_ne(use.id, 0);
    ck_assert_uint_eq(user, node(&c, "s"));
    ck_assert_uint_eq(index, 1);
    ok(&c, c.e.remove_initializer(c.e.ctx, value(&c, "w")));
    ok(&c, c.e.remove_initializer(c.e.ctx, value(&c, "u")));
    expect_text(&c, "s = Add (a, k2)");
    ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_case(&c);
}
END_TEST

START_TEST(nodes_are_interposed_moved_and_erased_with_their_bodies)
{
    edit_case c;
    quire_node_id made;
    open_case(&c);
    const quire_value_id a = value(&c, "a");
    const quire_string fresh = S("between");
    quire_new_node n = relu(&c, &a, &fresh);
    ok(&c, c.e.create_node(c.e.ctx, &n, &made)); /* at the end */
    ok(&c, c.e.move_node(c.e.ctx, made, node(&c, "s")));
    ok(&c, c.e.move_node(c.e.ctx, made, made));
    ok(&c, c.e.interpose(c.e.ctx, a, made));
    expect_text(&c, "a = Relu (x)\n  between = Relu (a)\n  s = Add (between, w)");
    expect_text(&c, "z = Neg (between)");
    ok(&c, c.e.replace_uses(c.e.ctx, value(&c, "c"), value(&c, "s")));
    ok(&c, c.e.replace_uses(c.e.ctx, value(&c, "s"), value(&c, "s")));
    ok(&c, c.e.erase_node(c.e.ctx, node(&c, "c")));
    expect_text(&c, "s = Add (between, w)\n  y = Sub (s, s)");
    ok(&c, c.e.set_operand(c.e.ctx, node(&c, "y"), 1, 0));
    ok(&c, c.e.move_node(c.e.ctx, node(&c, "i"), 0));
    expect_text(&c, "z = Neg (between)\n  i = f.Twice (between)\n}");
    ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_case(&c);
}
END_TEST

START_TEST(fresh_names_are_given_once)
{
    static const char *const expected[] = {"w.1", "new", "new.1", "new.2", "w.2", "new.1.1", "w.3"};
    static const char *const bases[] = {"w", "new", "new", "new", "w", "new.1", "w"};
    edit_case c;
    open_case(&c);
    for (size_t k = 0; k < sizeof bases / sizeof *bases; k++) {
        quire_string name;
        const quire_string base = {bases[k], strlen(bases[k])};
        ok(&c, c.e.fresh_name(c.e.ctx, base, &name));
        ck_assert_uint_eq(name.len, strlen(expected[k]));
        ck_assert_mem_eq(name.ptr, expected[k], name.len);
    }
    ck_assert(!c.view.has_edited);
    close_case(&c);
}
END_TEST

START_TEST(an_edit_costs_what_it_touches)
{
    enum { N = 50000 };
    edit_case c;
    quire_value_view view = {.size = sizeof view};
    open_case(&c);
    quire_value_id at = value(&c, "a");
    for (int k = 0; k < N; k++) { /* quadratic: minutes */
        quire_string name;
        quire_node_id made;
        ok(&c, c.e.fresh_name(c.e.ctx, S("many"), &name));
        quire_new_node n = relu(&c, &at, &name);
        ok(&c, c.e.create_node(c.e.ctx, &n, &made));
        ok(&c, c.g.result(c.g.ctx, made, 0, NULL, &at));
        ok(&c, c.g.value(c.g.ctx, at, &view));
    }
    ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
    close_case(&c);
}
END_TEST

/* --- memory --------------------------------------------------------------------------------------- */

/* One of each. */
static quire_status
edit_all(const edit_case *c)
{
    const quire_edit_api *e = &c->e;
    const quire_new_attribute attribute = {
        .size = sizeof attribute, .type = 4, .name = S("t"), .tensor = &good_tensor};
    quire_value_id a = 0, s = 0, w = 0, made_value;
    quire_node_id made, add = 0;
    quire_string names[2];
    for (uint32_t k = 1; k < c->m->values.count; k++) {
        const quire_bytes name = quire_value_name(c->m, (quire_value){k});
        if (quire_bytes_equal(name, quire_bytes_of("a"))) a = k;
        if (quire_bytes_equal(name, quire_bytes_of("s"))) s = k;
        if (quire_bytes_equal(name, quire_bytes_of("w"))) w = k;
    }
    add = quire_value_node(c->m, (quire_value){s}).id;
    quire_status status = e->fresh_name(e->ctx, S("s"), &names[0]);
    if (status == QUIRE_OK) status = e->fresh_name(e->ctx, S("s"), &names[1]);
    if (status == QUIRE_OK)
        status = e->add_initializer(e->ctx, c->m->main.id, S("new"), &good_tensor, &made_value);
    if (status != QUIRE_OK) return status;
    const quire_value_id operands[] = {a, made_value};
    const quire_new_node mul = {.size = sizeof mul,
                                .graph = c->m->main.id,
                                .before = add,
                                .op_type = S("Mul"),
                                .operands = operands,
                                .n_operands = 2,
                                .results = names,
                                .n_results = 2,
                                .attributes = &attribute,
                                .n_attributes = 1};
    status = e->create_node(e->ctx, &mul, &made);
    if (status != QUIRE_OK) return status;
    const quire_value_id result = quire_node_result(c->m, (quire_node){made}, 0).id;
    status = e->replace_uses(e->ctx, s, result);
    if (status == QUIRE_OK) status = e->take_name(e->ctx, result, s);
    if (status == QUIRE_OK) status = e->erase_node(e->ctx, add);
    if (status == QUIRE_OK) status = e->remove_initializer(e->ctx, w);
    if (status == QUIRE_OK) status = e->set_operand(e->ctx, made, 1, a);
    if (status == QUIRE_OK) status = e->interpose(e->ctx, a, made);
    return status == QUIRE_OK ? e->move_node(e->ctx, made, made) : status;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 0;
    for (quire_status status = QUIRE_E_NOMEM; status != QUIRE_OK;) {
        edit_case c;
        status = start(&c, ++n);
        if (status == QUIRE_OK) {
            status = edit_all(&c);
            ck_assert_int_eq(c.view.ends, status);
        }
        ck_assert_int_eq(status, c.alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        c.alloc.fail_at = 0;
        if (c.m != NULL)
            ck_assert_int_eq(quire_model_verify(&c.ctx, c.m, QUIRE_E_INTERNAL), QUIRE_OK);
        close_case(&c);
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("host_edit");
    tcase_add_loop_test(all, bad_nodes_are_refused, 0, sizeof bad_nodes / sizeof *bad_nodes);
    tcase_add_loop_test(all, bad_calls_are_refused, 0, sizeof refusals / sizeof *refusals);
    tcase_add_loop_test(all, what_is_gone_cannot_be_used, 0, 4);
    tcase_add_loop_test(all, bad_tensors_are_refused, 0, sizeof bad_tensors / sizeof *bad_tensors);
    tcase_add_test(all, bad_initializers_are_refused);
    tcase_add_test(all, row_14_add_becomes_mul);
    tcase_add_test(all, attributes_of_all_kinds_at_their_own_distance);
    tcase_add_test(all, the_graph_is_seen_as_it_is_now);
    tcase_add_test(all, nodes_are_interposed_moved_and_erased_with_their_bodies);
    tcase_add_test(all, fresh_names_are_given_once);
    tcase_add_test(all, an_edit_costs_what_it_touches);
    tcase_add_test(all, every_allocation_may_fail);
    Suite *suite = suite_create("host_edit");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
