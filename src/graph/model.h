/* model.h - the graph in memory: tables of small records addressed by typed ids.
 *
 * One quire_model owns everything: records, names, the arena, the sources its weights live in.
 * Ids are 32 bit, 0 is none, never reused (but for those a restored snapshot did not know:
 * edit.h); pointers got from ids stay valid until the model is destroyed. Records are written by
 * import, parse and edit.c only; everybody else reads (docs/ir.md).
 *
 * Where the bytes are. At import the file is read once into the *skeleton*: the whole file less
 * its bulk payloads (bytes fields and packed arrays of QUIRE_BULK bytes and more), which stay in
 * the file as *holes*. The `src` of a record is a view of the skeleton: its own message,
 * verbatim. Untouched records are written back from it; nothing is lost because nothing was
 * taken apart.
 *
 * Threads: one thread at a time may change a model; any number may read one nobody changes.
 */
#ifndef QUIRE_GRAPH_MODEL_H
#define QUIRE_GRAPH_MODEL_H

#include "base/arena.h"
#include "base/base.h"
#include "base/source.h"
#include "base/sym.h"
#include "base/table.h"
#include "graph/dtype.h"

typedef struct quire_node {
    uint32_t id;
} quire_node;
typedef struct quire_value {
    uint32_t id;
} quire_value;
typedef struct quire_use {
    uint32_t id;
} quire_use;
typedef struct quire_graph {
    uint32_t id;
} quire_graph;
typedef struct quire_tensor {
    uint32_t id;
} quire_tensor;
typedef struct quire_attr {
    uint32_t id;
} quire_attr;
typedef struct quire_op {
    uint32_t id;
} quire_op; /* row of the model's operator table */

enum { QUIRE_BULK = 4096 }; /* payloads of this many bytes and more stay in the file */

/* Bulk or small payload bytes: in memory (file 0) or in source `file` of the model. */
typedef struct quire_blob {
    uint32_t file;
    union {
        const uint8_t *ptr; /* file 0 */
        uint64_t off;       /* else   */
    } u;
    uint64_t len;
} quire_blob;

typedef struct quire_hole {
    uint64_t at;       /* offset in the skeleton where the payload is missing */
    uint64_t off, len; /* where it is in the file                             */
} quire_hole;

typedef struct quire_skeleton {
    const uint8_t *ptr;
    size_t len;
    const quire_hole *holes; /* ascending */
    size_t n_holes;
} quire_skeleton;

/* Operators a pass can test for with quire_node_kind(m, n) == QUIRE_OP_GATHER. */
typedef enum quire_op_kind {
    QUIRE_OP_OTHER = 0,
#define X(name, domain, type) QUIRE_OP_##name,
#include "graph/op_defs.inc"
#undef X
    QUIRE_N_OP_KINDS
} quire_op_kind;

typedef struct quire_op_rec {
    quire_sym domain; /* as spelled: 0 absent, "", "ai.onnx", ... */
    quire_sym type, overload;
    uint32_t kind; /* quire_op_kind; "" and "ai.onnx" are one domain */
} quire_op_rec;

enum {                       /* flags of records */
       QUIRE_DEAD = 1u << 0, /* erased; its id stays                                            */
       QUIRE_TOUCHED =
           1u << 1,           /* own fields or list of children changed: written from the record */
       QUIRE_INNER = 1u << 2, /* something inside it is touched                                  */
       QUIRE_NEW = 1u << 3,   /* made here, not in the file                                      */
       QUIRE_HAS_DEVICES =
           1u << 4,           /* of a model: some node has device configurations             */
       QUIRE_MOVED = 1u << 5, /* of an external tensor: its place in the data file changed        */
};

typedef struct quire_node_rec { /* one NodeProto */
    quire_bytes src;
    quire_bytes whole; /* src with its tag and length before it; empty if made here */
    quire_op op;
    quire_sym name; /* 0: absent */
    quire_graph graph;
    quire_node prev, next; /* order of execution inside the graph                        */
    uint32_t order;        /* rises along the list, with gaps                              */
    quire_use in;          /* operand k is use in+k; an omitted operand reads value 0     */
    quire_value out;       /* result k is value out+k; an omitted result has name ""      */
    quire_attr attr;       /* attribute k is attr+k                                       */
    uint32_t n_in, n_out, n_attr, flags;
} quire_node_rec;

enum { QUIRE_DEF_NONE, QUIRE_DEF_RESULT, QUIRE_DEF_INPUT, QUIRE_DEF_INITIALIZER };

typedef struct quire_value_rec { /* one tensor, sequence, optional or map */
    quire_sym name;
    quire_graph graph;
    uint32_t def_kind;  /* QUIRE_DEF_...                                             */
    uint32_t def, slot; /* node id and result index; input or initializer index of its graph */
    quire_tensor init;  /* initializer, or with QUIRE_DEF_INPUT its overridable default */
    quire_bytes info;   /* its ValueInfoProto, wherever it stood; may be empty       */
    uint32_t info_at;   /* its entry in the graph's value infos: index + 1, 0 none            */
    int32_t elem_type;  /* of a tensor; 0 unknown or not a tensor                    */
    int32_t rank;       /* -1 unknown                                                */
    quire_use first_use;
    uint32_t n_uses, flags;
} quire_value_rec;

typedef struct quire_use_rec { /* operand of a node, or output slot of a graph */
    quire_value value;
    quire_use prev, next; /* list of the value's uses, newest first                      */
    quire_node node;      /* 0: the use is an output of `graph`                        */
    quire_graph graph;    /* of the node, or whose output it is                        */
    uint32_t index;       /* operand or output number                                  */
} quire_use_rec;

enum { QUIRE_FORM_RAW, QUIRE_FORM_TYPED, QUIRE_FORM_EXTERNAL, QUIRE_FORM_SPARSE };

typedef struct quire_external_ref { /* the external_data entries of one tensor */
    quire_bytes location;           /* as written                                    */
    uint64_t offset, length;
    bool has_offset, has_length;
} quire_external_ref;

typedef struct quire_tensor_rec { /* one TensorProto or SparseTensorProto */
    quire_bytes src, whole;
    quire_sym name;
    int32_t dtype;
    uint32_t form; /* QUIRE_FORM_...                                            */
    uint32_t rank;
    const int64_t *dims; /* of the dense tensor, also when sparse                      */
    uint64_t n_elements;
    quire_blob
        data; /* raw bytes; typed: the packed field's body, or file 0 and NULL if it came unpacked */
    uint32_t typed_field; /* field number of the typed data (4, 5, 6, 7, 10, 11), 0 raw   */
    const quire_external_ref *external; /* form external; its data blob is filled by external.c  */
    quire_tensor values, indices; /* form sparse                                               */
    uint32_t flags;
} quire_tensor_rec;

typedef struct quire_attr_rec { /* one AttributeProto */
    quire_bytes src, whole;
    quire_sym name, ref_name; /* ref_name: ref_attr_name, 0 if none                         */
    int32_t type;             /* AttributeProto.AttributeType, as written or inferred        */
    uint32_t flags;
    union {
        int64_t i;
        float f;
    } u;
    quire_graph *graphs;   /* g, then graphs                                              */
    quire_tensor *tensors; /* t, sparse_tensor, tensors, sparse_tensors, in field order   */
    uint32_t n_graphs, n_tensors;
} quire_attr_rec;

typedef struct quire_graph_input {
    quire_value value;
    quire_bytes info, whole; /* ValueInfoProto */
    uint32_t flags;
} quire_graph_input;
typedef struct quire_graph_output {
    quire_sym name; /* the public name belongs to the slot, not to the value */
    quire_bytes info, whole;
    uint32_t flags;
} quire_graph_output;
typedef struct quire_graph_init {
    quire_value value;
    quire_tensor tensor; /* form sparse: a sparse_initializer */
    uint32_t flags;
} quire_graph_init;
typedef struct quire_graph_info { /* value_info, in file order */
    quire_sym name;
    quire_bytes info, whole;
    uint32_t flags;
} quire_graph_info;
typedef struct quire_graph_note { /* quantization_annotation */
    quire_sym tensor_name;
    quire_bytes src, whole;
    uint32_t flags;
} quire_graph_note;

enum { QUIRE_GRAPH_MAIN, QUIRE_GRAPH_BODY, QUIRE_GRAPH_FUNCTION, QUIRE_GRAPH_TRAINING };

typedef struct quire_opset {
    quire_sym domain; /* "ai.onnx" and "" are one: both stored as "" */
    int64_t version;
    quire_bytes made; /* its OperatorSetIdProto, if it is not in the file */
} quire_opset;

typedef struct quire_graph_rec { /* GraphProto, or FunctionProto */
    quire_bytes src, whole;
    uint32_t kind;              /* QUIRE_GRAPH_...                                             */
    uint32_t depth;             /* main, function and training graphs: 0                        */
    quire_graph parent;         /* scope outside; training graphs: main                          */
    quire_node owner;           /* body: the node that holds it                                  */
    quire_attr attr;            /* body: the attribute; 0 otherwise                              */
    quire_sym name;             /* graph name, or function name                                  */
    quire_sym domain, overload; /* function                                                     */
    quire_node first, last;
    uint32_t n_nodes;          /* alive                                                        */
    quire_graph_input *inputs; /* arrays live in the model's arena or grow with quire_grow (room) */
    quire_graph_output *outputs;
    quire_use out; /* output k is use out+k                                        */
    quire_graph_init *inits;
    quire_graph_info *infos;
    quire_graph_note *notes;
    size_t n_inputs, n_outputs, n_inits, n_infos, n_notes;
    size_t inputs_room, outputs_room, inits_room, infos_room, notes_room;
    quire_opset *opsets; /* function: its own imports; else NULL, the model's count      */
    size_t n_opsets;
    quire_attr defaults; /* function: attribute_proto, n consecutive                      */
    uint32_t n_defaults;
    uint32_t flags;
} quire_graph_rec;

typedef struct quire_training_rec { /* one TrainingInfoProto */
    quire_bytes src, whole;
    quire_graph initialization, algorithm; /* 0: absent */
    uint32_t flags;
} quire_training_rec;

typedef struct quire_file { /* a source of weights; entry 1 is the model itself */
    quire_source source;
    const char *path;     /* as opened                                     */
    quire_bytes location; /* external data: as the tensors name it         */
    bool owned;           /* closed with the model                         */
} quire_file;

struct quire_layer;

typedef struct quire_model {
    const quire_allocator *alloc;
    quire_arena arena;
    quire_syms syms;
    quire_table nodes, values, uses, graphs, tensors, attrs, ops;
    uint32_t *op_slots; /* hash of ops by (domain, type, overload), a power of two */
    size_t op_slots_room;
    quire_skeleton skeleton;
    uint8_t *skeleton_memory;
    quire_hole *hole_memory;
    size_t skeleton_room, holes_room;
    quire_bytes src; /* ModelProto */
    int64_t ir_version;
    quire_opset *opsets;
    size_t n_opsets;
    quire_graph main;
    quire_graph *functions;
    size_t n_functions;
    quire_training_rec *training;
    size_t n_training;
    quire_file *files; /* [0] unused, [1] the model file */
    size_t n_files, files_room;
    quire_value *orphans; /* values whose last use went away in an edit, oldest first; may repeat */
    size_t n_orphans, orphans_room;
    struct quire_layer *layers;        /* see layer.h */
    struct quire_spec_pool *spec_pool; /* see spec.h; NULL while empty */
    /* Metadata entries that were changed, see carrier.h; NULL: none. */
    const struct quire_metadata_edit *metadata;
    uint32_t flags;
    char *path; /* of the model file as opened; NULL if made from memory or text */
    size_t path_size;
    int directory; /* descriptor of the model file's folder, for external data; -1 */
} quire_model;

/* An empty model: no graph yet. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_model_create(quire_ctx *ctx, quire_model **out_model);
/* Accepts NULL. Closes the sources the model owns. */
void quire_model_destroy(quire_ctx *ctx, quire_model *m);
/* Registers a source; the model closes it if `owned`. *out_file is its number for blobs. */
QUIRE_MUST_USE quire_status quire_model_add_file(quire_ctx *ctx, quire_model *m,
                                                 quire_source source, const char *path, bool owned,
                                                 uint32_t *out_file);

/* Reading records. The id must be one the model gave out. */
static inline const quire_node_rec *
quire_node_at(const quire_model *m, quire_node n)
{
    return quire_table_at(&m->nodes, n.id);
}
static inline const quire_value_rec *
quire_value_at(const quire_model *m, quire_value v)
{
    return quire_table_at(&m->values, v.id);
}
static inline const quire_use_rec *
quire_use_at(const quire_model *m, quire_use u)
{
    return quire_table_at(&m->uses, u.id);
}
static inline const quire_graph_rec *
quire_graph_at(const quire_model *m, quire_graph g)
{
    return quire_table_at(&m->graphs, g.id);
}
static inline const quire_tensor_rec *
quire_tensor_at(const quire_model *m, quire_tensor t)
{
    return quire_table_at(&m->tensors, t.id);
}
static inline const quire_attr_rec *
quire_attr_at(const quire_model *m, quire_attr a)
{
    return quire_table_at(&m->attrs, a.id);
}
static inline const quire_op_rec *
quire_op_at(const quire_model *m, quire_op o)
{
    return quire_table_at(&m->ops, o.id);
}

static inline quire_bytes
quire_sym_bytes(const quire_model *m, quire_sym s)
{
    return quire_syms_bytes(&m->syms, s);
}
static inline quire_op_kind
quire_node_kind(const quire_model *m, quire_node n)
{
    return (quire_op_kind)quire_op_at(m, quire_node_at(m, n)->op)->kind;
}
/* Operand k's use and value; value 0 where the operand is omitted or k is beyond the last. */
static inline quire_use
quire_node_operand(const quire_model *m, quire_node n, uint32_t k)
{
    return (quire_use){quire_node_at(m, n)->in.id + k};
}
static inline quire_value
quire_node_input(const quire_model *m, quire_node n, uint32_t k)
{
    const quire_node_rec *r = quire_node_at(m, n);
    return k < r->n_in ? quire_use_at(m, (quire_use){r->in.id + k})->value : (quire_value){0};
}
/* Result k; value 0 beyond the last. An omitted result has a record with the name "". */
static inline quire_value
quire_node_result(const quire_model *m, quire_node n, uint32_t k)
{
    const quire_node_rec *r = quire_node_at(m, n);
    return (quire_value){k < r->n_out ? r->out.id + k : 0};
}
/* The node that defines v, or 0. */
static inline quire_node
quire_value_node(const quire_model *m, quire_value v)
{
    const quire_value_rec *r = quire_value_at(m, v);
    return (quire_node){r->def_kind == QUIRE_DEF_RESULT ? r->def : 0};
}
static inline quire_bytes
quire_value_name(const quire_model *m, quire_value v)
{
    return quire_sym_bytes(m, quire_value_at(m, v)->name);
}

/* The attribute called `name`, or 0. */
quire_attr quire_node_find_attr(const quire_model *m, quire_node n, const char *name);
/* Integer attribute, or `otherwise` if absent or of another type. */
int64_t quire_node_int(const quire_model *m, quire_node n, const char *name, int64_t otherwise);
/* String attribute's bytes (empty if absent). */
quire_bytes quire_attr_string(const quire_model *m, quire_attr a);
/* INTS attribute: up to `room` values into out; returns how many it has. */
size_t quire_attr_ints(const quire_model *m, quire_attr a, int64_t *out, size_t room);

/* The only judge of constness. The tensor if v is an initializer that nobody can override, or the
 * result of a Constant node with a tensor value; else 0, and *out_overridable (may be NULL) says
 * whether it is an initializer that is also a graph input at ir_version >= 4. */
quire_tensor quire_value_constant(const quire_model *m, quire_value v, bool *out_overridable);

/* Version of `domain` ("" for ONNX) that applies to nodes of g; 0 if not imported. */
int64_t quire_graph_opset(const quire_model *m, quire_graph g, const char *domain);

/* Walking. All nodes of all graphs in graph order: a node comes before the nodes of its bodies;
 * order main, training graphs, functions. Start with {0}; {0} ends. Safe against erasing or
 * inserting at the current node only if the successor is fetched first. */
quire_node quire_walk_next(const quire_model *m, quire_node n);
/* Is graph `inner` the graph `outer` or nested in it? */
bool quire_graph_within(const quire_model *m, quire_graph inner, quire_graph outer);
/* The root (main, function or training graph) that holds g. */
quire_graph quire_graph_root(const quire_model *m, quire_graph g);

enum {
    QUIRE_SYM_IS_NAME = 1
}; /* symbol flag: some value, graph interface or node is called this */

/* Is some value, graph interface or node of the model called this? Names of erased ones still
 * count. */
bool quire_model_has_name(const quire_model *m, quire_bytes name);

/* Dims of value v from its ValueInfoProto or initializer: *out_rank -1 if unknown; unknown dims
 * are -1. At most `room` dims are written. */
void quire_value_dims(const quire_model *m, quire_value v, int64_t *dims, int32_t room,
                      int32_t *out_rank);

#endif
