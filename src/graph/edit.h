/* edit.h - the one gate through which a model changes.
 *
 * Every function here keeps the links of uses, lists and scopes right, marks what must be
 * written anew (QUIRE_TOUCHED on the record, QUIRE_INNER on what holds it), tells the layers
 * (erased, moved) and notes values whose last use went away in m->orphans. Pieces that may fail
 * allocate first: a failed call changes nothing. All report QUIRE_E_NOMEM, and QUIRE_E_INTERNAL
 * for what the caller should not have asked; ids must be alive.
 */
#ifndef QUIRE_GRAPH_EDIT_H
#define QUIRE_GRAPH_EDIT_H

#include "graph/model.h"

/* One attribute of a node to be made. */
typedef struct quire_attr_make {
    const char *name;
    enum {
        QUIRE_MAKE_INT,
        QUIRE_MAKE_INTS,
        QUIRE_MAKE_FLOAT,
        QUIRE_MAKE_STRING,
        QUIRE_MAKE_TENSOR
    } kind;
    int64_t i;
    const int64_t *ints;
    size_t n_ints;
    float f;
    quire_bytes s;
    quire_tensor tensor; /* made by quire_tensor_create */
} quire_attr_make;

typedef struct quire_node_make {
    quire_graph graph;
    const char *domain, *op_type; /* domain "": the field is left absent */
    quire_bytes name;             /* empty: absent */
    const quire_value *inputs;
    uint32_t n_inputs;
    const quire_bytes *outputs; /* names; must be unique in scope */
    uint32_t n_outputs;
    const quire_attr_make *attrs;
    uint32_t n_attrs;
} quire_node_make;

/* A new node before `before` (0: at the end). */
QUIRE_MUST_USE quire_status quire_node_create(quire_ctx *ctx, quire_model *m,
                                              const quire_node_make *make, quire_node before,
                                              quire_node *out_node);
/* Unlinks n, its operands, its bodies and everything in them, and drops value infos,
 * quantization annotations and sharding entries that name its results, which must be unused. */
QUIRE_MUST_USE quire_status quire_node_erase(quire_ctx *ctx, quire_model *m, quire_node n);
QUIRE_MUST_USE quire_status quire_node_move_before(quire_ctx *ctx, quire_model *m, quire_node n,
                                                   quire_node before);

/* Makes `use` read `value` (0: omits the operand). */
QUIRE_MUST_USE quire_status quire_use_set(quire_ctx *ctx, quire_model *m, quire_use use,
                                          quire_value value);
/* Every use of `from`, in every graph, reads `to`. Linear in the uses. Output slots keep their
 * public names: the exporter gives the slot's name to the value, or writes an Identity where a
 * value has two. */
QUIRE_MUST_USE quire_status quire_value_replace_all_uses(quire_ctx *ctx, quire_model *m,
                                                         quire_value from, quire_value to);
/* `to` takes over name, ValueInfoProto and type of `from`, and what layers say about it as a
 * value; `from` is left with the name "" and must not be used any more. Value info, quantization
 * annotations and sharding entries that name `to` so far are dropped. Both are results of nodes. */
QUIRE_MUST_USE quire_status quire_value_take_name(quire_ctx *ctx, quire_model *m, quire_value to,
                                                  quire_value from);
/* Every use of v but operand uses of `except` reads result 0 of `except` instead: puts a node
 * that reads v between v and its readers. v keeps its id, name and annotations; `except` must be
 * v's reader, in v's graph and before every other reader. Linear in the uses. */
QUIRE_MUST_USE quire_status quire_value_interpose(quire_ctx *ctx, quire_model *m, quire_value v,
                                                  quire_node except);
/* Does `except` read v, in v's graph, with a result 0 that has a name, and come before all others
 * that read v? Linear in the uses. */
bool quire_value_may_interpose(const quire_model *m, quire_value v, quire_node except);
void quire_value_set_type(quire_model *m, quire_value v, int32_t elem_type, int32_t rank);
/* Removes v's entry of the graph's value infos, if it has one: what it stated holds no more. */
void quire_value_drop_info(quire_model *m, quire_value v);

typedef struct quire_tensor_make {
    quire_bytes name; /* empty for attribute tensors */
    int32_t dtype;
    uint32_t rank;
    const int64_t *dims; /* copied */
    quire_blob data;     /* raw_data; memory (file 0) is copied into the model's arena */
    bool external;       /* written to the data file of the output */
} quire_tensor_make;
QUIRE_MUST_USE quire_status quire_tensor_create(quire_ctx *ctx, quire_model *m,
                                                const quire_tensor_make *make,
                                                quire_tensor *out_tensor);

/* Appends an initializer; below ir_version 4 the main graph gets an input of that name, too. */
QUIRE_MUST_USE quire_status quire_graph_add_initializer(quire_ctx *ctx, quire_model *m,
                                                        quire_graph g, quire_tensor tensor,
                                                        quire_value *out_value);
/* Removes the unused initializer v with its graph input (ir_version < 4), its value infos, and
 * the quantization annotations and sharding entries that name it. */
QUIRE_MUST_USE quire_status quire_graph_remove_initializer(quire_ctx *ctx, quire_model *m,
                                                           quire_value v);

/* A name no value, graph interface or node uses: `base`, else `base.1`, `base.2`, ... In the
 * model's arena. */
QUIRE_MUST_USE quire_status quire_model_fresh_name(quire_ctx *ctx, quire_model *m, quire_bytes base,
                                                   quire_bytes *out_name);

/* A model-local function, made in three steps: created with its formals and without nodes; nodes
 * appended with quire_node_create, reading quire_graph_at(m, f)->inputs[k].value; then finished.
 * Only then is it the model's: until that, and if it is dropped instead, no walk meets it. */
typedef struct quire_function_make {
    const char *domain; /* not empty; the model imports it at `version`, or will from now on */
    int64_t version;
    const char *const *inputs, *const *attributes; /* names */
    uint32_t n_inputs, n_attributes;
} quire_function_make;
/* It imports the version of the ONNX operators that the model does. QUIRE_E_UNSUPPORTED if the
 * model imports `domain` at another version. */
QUIRE_MUST_USE quire_status quire_function_create(quire_ctx *ctx, quire_model *m,
                                                  const quire_function_make *make,
                                                  quire_graph *out_function);
/* `result` is what the function returns. The function is called BASE, or the first of BASE_1,
 * BASE_2, ... that no function or operator of its domain is called; unless a function so called
 * has the very same bytes: then this one is dropped, and `*out_name` is of that one. */
QUIRE_MUST_USE quire_status quire_function_finish(quire_ctx *ctx, quire_model *m, quire_graph f,
                                                  const char *base, quire_value result,
                                                  quire_bytes *out_name);

/* Sets model metadata entry `key` at its place among the others (if there are several, at the
 * last one's; the others go, so that no reader finds an old value), or appends it behind the last
 * entry; `value` NULL removes all of that key. Keys and values are copied. Reports QUIRE_E_INVALID
 * for text that is not UTF-8 or holds NUL: such a file could not be read again. Nothing else of
 * the file is written anew for it. Read with quire_model_metadata (carrier.h). */
QUIRE_MUST_USE quire_status quire_model_set_metadata(quire_ctx *ctx, quire_model *m,
                                                     const char *key, const quire_bytes *value);

/* A snapshot holds a copy of every record, list and layer. Restoring brings them back, exactly:
 * ids and pointers made before it stay valid, ids made after it are gone (and will be given out
 * again). What is only ever added stays: symbols (their names count as taken), memory, files,
 * rows of the spec pool; a layer made since is empty. A snapshot may be restored several times,
 * also an older one and then a newer one, into the model it was taken of. Memory: that of the
 * records, from the allocator of `ctx`. */
typedef struct quire_snapshot quire_snapshot;
QUIRE_MUST_USE quire_status quire_snapshot_take(quire_ctx *ctx, const quire_model *m,
                                                quire_snapshot **out_snapshot);
/* Cannot fail: allocates nothing. Linear in the records. */
void quire_snapshot_restore(quire_model *m, const quire_snapshot *snapshot);
void quire_snapshot_destroy(quire_ctx *ctx, quire_snapshot *snapshot); /* accepts NULL */

/* Marks every record touched, so that all are written from the records: the test of
 * losslessness. */
void quire_model_touch_all(quire_model *m);

/* Output slots whose value has another name: the value takes the slot's name where it is free
 * to, else an Identity is put between. Call before export. */
QUIRE_MUST_USE quire_status quire_model_settle_outputs(quire_ctx *ctx, quire_model *m);

/* Marks what holds a touched tensor: initializers' graphs, attributes and their nodes. */
void quire_edit_mark_tensors(quire_model *m);
void quire_edit_touch_node(quire_model *m, quire_node n);
void quire_edit_touch_graph(quire_model *m, quire_graph g);

/* For import.c and parse.c, which build what the gate later changes. */
QUIRE_MUST_USE quire_status quire_edit_add_value(quire_ctx *ctx, quire_model *m, quire_graph g,
                                                 quire_sym name, uint32_t def_kind, uint32_t def,
                                                 uint32_t slot, quire_value *out_value);
QUIRE_MUST_USE quire_status quire_edit_add_op(quire_ctx *ctx, quire_model *m, quire_sym domain,
                                              quire_sym type, quire_sym overload, quire_op *out_op);
void quire_edit_append_node(quire_model *m, quire_graph g, quire_node n);
void quire_edit_link_use(quire_model *m, quire_use use, quire_value value);
static inline quire_node_rec *
quire_edit_node(quire_model *m, quire_node n)
{
    return quire_table_at(&m->nodes, n.id);
}
static inline quire_value_rec *
quire_edit_value(quire_model *m, quire_value v)
{
    return quire_table_at(&m->values, v.id);
}
static inline quire_use_rec *
quire_edit_use(quire_model *m, quire_use u)
{
    return quire_table_at(&m->uses, u.id);
}
static inline quire_graph_rec *
quire_edit_graph(quire_model *m, quire_graph g)
{
    return quire_table_at(&m->graphs, g.id);
}
static inline quire_tensor_rec *
quire_edit_tensor(quire_model *m, quire_tensor t)
{
    return quire_table_at(&m->tensors, t.id);
}
static inline quire_attr_rec *
quire_edit_attr(quire_model *m, quire_attr a)
{
    return quire_table_at(&m->attrs, a.id);
}

#endif
