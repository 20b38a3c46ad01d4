/* plugin-1.0.h - quire/plugin.h as it was first released: a copy that never changes. What was
 * compiled against it must work for ever (first.c, check.sh). What follows is the header itself.
 *
 * quire/plugin.h - the interface quantizer plugins are built against.
 *
 * A plugin is a shared object that exports one symbol, quire_plugin_entry, and includes this header
 * alone. The header includes nothing but <stddef.h> and <stdint.h>, and compiles without a warning
 * as C99, C11, C17, C++11, C++14, C++17 and C++20. Quantizers are offered as `quire.quantizer/1`,
 * formulas of derived specs as `quire.qparams/1`. docs/plugins.md teaches it; examples/weight_int8
 * is a complete plugin.
 *
 * Rules of the interface
 *   1. Sizes. A struct that crosses begins with `uint32_t size`: the bytes its maker knows, up to
 *      and including the last member; sizeof the struct does. Members are only ever appended.
 *      QUIRE_HAS(p, type, member) tells whether the other side has a member; members of version
 *      1.0, which are all below, need no test. A function that fills a struct of the caller needs
 *      the `size` the caller wrote into it.
 *   2. Strings are quire_string {ptr, len}: UTF-8, or any bytes where they are names of a model;
 *      not ended by NUL, and valid during the call that passes them, unless something else is said.
 *      The host takes up to 64 KiB. Strings in static descriptors end in NUL: names take 1 to 64
 *      letters, digits, dots, underscores and hyphens (those of options a-z, 0-9 and hyphens),
 *      texts one line of UTF-8 below 4096 bytes.
 *   3. Memory is freed by the side that made it. A plugin allocates through host->realloc only.
 *      Results go into memory of the caller. Arrays and strings that the host hands out are good
 *      until the callback returns, and are read only.
 *   4. Errors. A callback that fails returns a status other than QUIRE_OK and reports why, once,
 *      through host->report. If a function of the host refused or failed, the host reports that
 *      itself: return the status on. From the first refusal on, every function of the tables at
 *      hand returns that status (those that return no status: 0 or NULL) and does nothing.
 *      What functions of the host return, where nothing else is said: QUIRE_OK; QUIRE_E_USAGE for
 *      an argument that is not allowed (a foreign id, a wrong size, a string too long), with
 *      nothing changed; and what failed in the host: QUIRE_E_NOMEM, or QUIRE_E_IO and
 *      QUIRE_E_INVALID where the model's weights are read.
 *   5. Ids are 32-bit numbers of the model at hand; 0 is none. They are valid during the call they
 *      were given to, and those that follow it on the same model; a foreign id, or one of something
 *      that was erased, is refused with QUIRE_E_USAGE. Tables and what they hand out are good until
 *      the callback they were given to returns; calls after that are refused.
 *   6. Threads. [any]: may be called from any thread at any time. [one]: not at the same time as
 *      any other call on the same object: a table of the host, or an instance of the plugin; and
 *      functions of the host in the thread in which their callback runs. Unmarked: [one].
 *   7. The floating-point environment and the locale are those of the C program start-up when a
 *      callback begins. One that leaves them changed is told so with a warning, and they are put
 *      back.
 *   8. No exception, longjmp or end of a thread may leave a callback.
 *   9. Flags and members whose meaning this header does not give are 0.
 */
#ifndef QUIRE_PLUGIN_H
#define QUIRE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* The version of this interface. Within one major version nothing is taken away and nothing changes
 * its meaning: a plugin built for 1.x is served by every host of 1.y. */
#define QUIRE_ABI_MAJOR 1
#define QUIRE_ABI_MINOR 0

#if defined(__cplusplus)
#define QUIRE_EXTERN_C extern "C"
extern "C" {
#else
#define QUIRE_EXTERN_C
#endif

/* Stands before the definition of quire_plugin_entry; it is exported also where the compiler is
 * told to hide everything. */
#if defined(_WIN32)
#define QUIRE_PLUGIN_EXPORT QUIRE_EXTERN_C __declspec(dllexport)
#elif defined(__GNUC__)
#define QUIRE_PLUGIN_EXPORT QUIRE_EXTERN_C __attribute__((visibility("default")))
#else
#define QUIRE_PLUGIN_EXPORT QUIRE_EXTERN_C
#endif

/* Bytes of a struct up to and including `member`. */
#define QUIRE_SIZE_TO(type, member)                                                                \
    ((uint32_t)(offsetof(type, member) + sizeof(((type *)0)->member)))
/* Does the other side's struct reach as far as `member`? */
#define QUIRE_HAS(p, type, member) ((p)->size >= QUIRE_SIZE_TO(type, member))

/* --- words ------------------------------------------------------------------------------------ */

#ifndef QUIRE_BASE_H /* quire/base.h says the same */
typedef int32_t quire_status;
enum {
    QUIRE_OK = 0,            /* done */
    QUIRE_NONE = 1,          /* worked, and the answer is no */
    QUIRE_E_USAGE = 2,       /* the call or its options are wrong */
    QUIRE_E_INVALID = 3,     /* an input is malformed */
    QUIRE_E_UNSUPPORTED = 4, /* an input is valid but not handled */
    QUIRE_E_LIMIT = 5,       /* an input is over a stated limit */
    QUIRE_E_IO = 6,          /* a file cannot be read or written */
    QUIRE_E_NOMEM = 7,       /* out of memory */
    QUIRE_E_PLUGIN = 8,      /* a plugin failed */
    QUIRE_E_CANCELED = 9,    /* the person asked to stop: return it on */
    QUIRE_E_INTERNAL = 10    /* a mistake in the code */
};
typedef int32_t quire_severity;
enum { QUIRE_NOTE = 0, QUIRE_WARNING = 1, QUIRE_ERROR = 2 };
#endif

typedef struct quire_string {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;      /* bytes */
} quire_string;

/* Numbers of what a model is made of; see rule 5. */
typedef uint32_t quire_graph_id, quire_node_id, quire_value_id, quire_attr_id;

/* A slot: what can be annotated. An operand of a node, an output of a graph, or what defines a
 * tensor: a result of a node, a graph input, an initializer. Made by quire_graph_api alone; two
 * places are the same slot if both members are equal. {0, 0} is no slot. */
typedef struct quire_place {
    uint32_t kind, id;
} quire_place;

/* --- specs ------------------------------------------------------------------------------------ */

/* quire_qspec.kind */
enum {
    QUIRE_QSPEC_QUANTIZED = 1, /* codes; an observer finds the parameters */
    QUIRE_QSPEC_FIXED,         /* codes with parameters that are known; per tensor */
    QUIRE_QSPEC_SHARED,        /* as another slot is */
    QUIRE_QSPEC_DERIVED,       /* codes with parameters computed from those of other slots */
    QUIRE_QSPEC_FLOAT          /* left as it is */
};
/* quire_qspec.zero_point */
enum { QUIRE_QSPEC_ZERO_POINT_NONE, QUIRE_QSPEC_ZERO_POINT_INT, QUIRE_QSPEC_ZERO_POINT_FLOAT };
/* quire_qspec.granularity: what shares a scale */
enum {
    QUIRE_QSPEC_PER_TENSOR,
    QUIRE_QSPEC_PER_AXIS, /* what has one index along `axis` */
    QUIRE_QSPEC_PER_BLOCK /* `block` neighbours along `axis` */
};

/* How a slot is to be quantized; docs/annotations.md says it at length. Members that a kind does
 * not use are ignored. Checked where it is claimed: QUIRE_E_INVALID, and the message names the
 * member. A zeroed struct with size, kind, dtype and zero_point set is per tensor, with the type's
 * whole range and float scales. */
typedef struct quire_qspec {
    uint32_t size; /* sizeof(quire_qspec) */
    uint32_t kind; /* QUIRE_QSPEC_QUANTIZED ... QUIRE_QSPEC_FLOAT */
    /* Of the codes: TensorProto.DataType, or the number of another integer type that
     * quire_claim_api.type gives. */
    int32_t dtype;
    uint32_t symmetric; /* 1: zero_point is none */
    /* Of the codes, inclusive; both 0: the type's own range. */
    int64_t qmin, qmax;
    uint32_t zero_point;  /* QUIRE_QSPEC_ZERO_POINT_... */
    uint32_t granularity; /* QUIRE_QSPEC_PER_... */
    int32_t axis;         /* from 0; per axis and per block */
    uint32_t block;       /* elements along axis that share a scale; per block */
    int32_t scale_type;   /* TensorProto.DataType; 0: float */
    uint32_t dynamic;     /* 1: parameters are computed when the model runs */
    /* Of kind quantized: the observer's name, and the text between its parentheses. */
    quire_string observer, observer_options;
    double fixed_scale; /* of kind fixed: finite, above 0 */
    /* Of kind fixed: within the range; with zero_point FLOAT the bits of a double. */
    int64_t fixed_zero_point;
    quire_string formula; /* of kind derived: see quire.qparams/1 */
    /* Shared: the one slot it is as; derived: the sources of the formula, up to 8. Other slots of
     * the same model. */
    const quire_place *targets;
    uint32_t n_targets;
} quire_qspec;

/* --- the host --------------------------------------------------------------------------------- */

/* What an instance gets in `create`; good until its destroy returns. Formulas get one during check
 * and derive. */
typedef struct quire_host {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* the host's own version: of the plugin's major */
    void *ctx;                     /* first argument of the functions below */
    /* The one allocator. old_size 0 (or ptr NULL) allocates; new_size 0 frees ptr, of old_size
     * bytes, and returns NULL; else resizes, and the block may move. NULL: out of memory, and the
     * old block stays. Aligned for any type; new bytes are not zeroed. What is left when destroy
     * has returned is a leak. [any] */
    void *(*realloc)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    /* One message: `where` is the slot it is about, or {0, 0}. A line of text, cut at 1000 bytes
     * and shown with the names of plugin, quantizer and callback before it. An error is for a
     * callback that fails. Of one callback 100 messages are kept, the rest is counted. [any] */
    void (*report)(void *ctx, quire_severity severity, quire_place where, quire_string message);
    /* A table of functions by its versioned id, ended by NUL, or NULL if this host has none: see
     * the services below. The table lives as long as the instance. [any] */
    const void *(*get_service)(void *ctx, const char *id);
} quire_host;

/* --- options ---------------------------------------------------------------------------------- */

/* quire_option.type, and the type of the value in the options struct */
enum {
    QUIRE_OPTION_INT = 1, /* int64_t */
    QUIRE_OPTION_FLOAT,   /* double */
    QUIRE_OPTION_BOOL,    /* int32_t: 0 or 1 */
    QUIRE_OPTION_STRING,  /* quire_string; lives as long as the instance */
    QUIRE_OPTION_CHOICE   /* int32_t: index into choices */
};

/* One option of a quantizer, as data. The host parses `NAME:bits=4,only=user*`, checks types,
 * ranges and choices, fills in defaults, prints the help, and writes the values into a zeroed
 * struct of options_size bytes, which `create` gets. A plugin parses nothing. Checked when the
 * plugin is loaded: types, offsets within the struct, aligned and without overlap, defaults within
 * the range. */
typedef struct quire_option {
    uint32_t size;              /* of every row of a table the same */
    uint32_t type;              /* QUIRE_OPTION_... */
    const char *name, *help;    /* a-z, 0-9 and hyphens; one line */
    const char *otherwise;      /* the default, as text; NULL: it must be given */
    double least, most;         /* of numbers, inclusive; both 0: any */
    const char *const *choices; /* of a choice: up to 256 names, ended by NULL */
    uint32_t offset;            /* of the value in the options struct */
} quire_option;

/* --- reading the graph ---------------------------------------------------------------------------
 *
 * Functions that fill a struct need its `size`, and set the members up to it. Arrays and strings
 * they give are good until the callback returns.
 */

typedef struct quire_graph_view {
    uint32_t size;
    uint32_t kind;         /* 0 main, 1 body of a node, 2 function, 3 training */
    quire_graph_id parent; /* of a body: the graph of its node; else 0 */
    quire_node_id owner;   /* of a body: its node; else 0 */
    quire_string name;
    uint32_t n_inputs, n_initializers, n_outputs;
} quire_graph_view;

typedef struct quire_node_view {
    uint32_t size;
    quire_graph_id graph;
    /* domain: empty for ONNX's own operators; overload: of a function. */
    quire_string domain, op_type, overload, name;
    uint32_t n_operands, n_results, n_attributes; /* omitted operands and results count */
} quire_node_view;

typedef struct quire_value_view {
    uint32_t size;
    quire_graph_id graph; /* where it is defined */
    quire_string name;
    quire_node_id producer; /* 0: graph input or initializer */
    uint32_t index;         /* of the result, input or initializer */
    int32_t dtype;          /* TensorProto.DataType; 0: unknown or not a tensor */
    int32_t rank;           /* -1: unknown */
    const int64_t *dims;    /* rank of them, -1: unknown; NULL where rank is -1 */
    uint32_t n_uses;        /* operands and graph outputs that read it, in all graphs */
    uint32_t constant;      /* 1: nobody can change it; its elements can be read */
} quire_value_view;

/* Members of other types than `type` are 0. */
typedef struct quire_attribute {
    uint32_t size;
    /* AttributeProto.AttributeType; 0: in a function, it stands for an attribute of the caller. */
    int32_t type;
    int64_t i;
    float f;
    quire_string s;
    const int64_t *ints;
    size_t n_ints;
    quire_graph_id graph; /* the body */
} quire_attribute;

/* The model, read only: nothing in it changes while the table is good, but by quire_edit_api. */
typedef struct quire_graph_api {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* Never 0, unless an earlier call was refused. */
    quire_graph_id (*main_graph)(void *ctx);
    quire_status (*graph)(void *ctx, quire_graph_id graph, quire_graph_view *out);
    /* All nodes of all graphs, in the file's order, a node before those of its bodies: start with
     * 0; 0 ends. */
    quire_node_id (*next_node)(void *ctx, quire_node_id after);
    quire_status (*node)(void *ctx, quire_node_id node, quire_node_view *out);
    quire_status (*value)(void *ctx, quire_value_id value, quire_value_view *out);
    /* Operand k of a node (value 0: omitted), result k (value 0 and place {0, 0}: unnamed); input,
     * initializer and output k of a graph; k from 0. out_place or out_value may be NULL.
     * QUIRE_NONE: there are not so many. */
    quire_status (*operand)(void *ctx, quire_node_id node, uint32_t k, quire_place *out_place,
                            quire_value_id *out_value);
    quire_status (*result)(void *ctx, quire_node_id node, uint32_t k, quire_place *out_place,
                           quire_value_id *out_value);
    quire_status (*input)(void *ctx, quire_graph_id graph, uint32_t k, quire_place *out_place,
                          quire_value_id *out_value);
    quire_status (*initializer)(void *ctx, quire_graph_id graph, uint32_t k, quire_place *out_place,
                                quire_value_id *out_value);
    quire_status (*output)(void *ctx, quire_graph_id graph, uint32_t k, quire_place *out_place,
                           quire_value_id *out_value);
    /* What reads a value: start with {0, 0}; {0, 0} ends. *out_user is the node, 0 for an output of
     * a graph; *out_index the number of the operand or output; both may be NULL. */
    quire_place (*next_use)(void *ctx, quire_value_id value, quire_place after,
                            quire_node_id *out_user, uint32_t *out_index);
    /* `name` ends in NUL. QUIRE_NONE: the node has no such attribute. */
    quire_status (*attribute)(void *ctx, quire_node_id node, const char *name,
                              quire_attribute *out);
    /* Elements [first, first + n), in row-major order, of a constant float, float16 or bfloat16
     * tensor, widened to float, which is exact. QUIRE_E_USAGE: another type, not constant, beyond
     * the end. Fast front to back. */
    quire_status (*read_floats)(void *ctx, quire_value_id value, uint64_t first, size_t n,
                                float *out);
} quire_graph_api;

/* --- claiming --------------------------------------------------------------------------------- */

/* quire_claim_api.claim: the slot shares with others only where somebody says so. */
enum { QUIRE_CLAIM_NO_IMPLICIT_SHARING = 1u };

/* What annotate may ask for. */
typedef struct quire_claim_api {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* Asks for `spec`, which is copied, at `place`. Between quantizers the higher priority wins
     * (usual: 0); of several claims of one quantizer on a slot the last. `flags`: 0 or
     * QUIRE_CLAIM_NO_IMPLICIT_SHARING. `rule`: which rule of the plugin's own asked ("table 3"),
     * shown by `quire why`; may be empty. QUIRE_E_USAGE: no slot, or an omitted operand;
     * QUIRE_E_INVALID: the spec. */
    quire_status (*claim)(void *ctx, quire_place place, const quire_qspec *spec, int32_t priority,
                          uint32_t flags, quire_string rule);
    /* Says that this node was looked at and is left alone: a reason code of docs/reasons.md or the
     * plugin's own (1 to 64 of a-z, 0-9 and -._:/), and a sentence. */
    quire_status (*skip)(void *ctx, quire_node_id node, quire_string reason, quire_string text);
    /* Claims on `place` by quantizers that ran before, k from 0: who, and the spec (out_spec->size
     * is set by the caller). Either may be NULL. QUIRE_NONE ends. */
    quire_status (*claimed)(void *ctx, quire_place place, uint32_t k, quire_string *out_who,
                            quire_qspec *out_spec);
    /* The number of a type by its text ("u8", "i3", "f8e4m3fn"); 0: there is none. */
    int32_t (*type)(void *ctx, quire_string text);
    /* The spec as annotations write it, defaults filled in: two specs are the same if their texts
     * are. Errors as of `claim`. */
    quire_status (*text)(void *ctx, const quire_qspec *spec, quire_string *out_text);
} quire_claim_api;

/* What validate may ask: what came of everybody's claims. */
typedef struct quire_resolved_api {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* The spec in force at `place`, with the observer of its group, and its group (0, 1, ...;
     * UINT32_MAX: float). Either out may be NULL. QUIRE_NONE: not annotated. */
    quire_status (*spec)(void *ctx, quire_place place, quire_qspec *out_spec, uint32_t *out_group);
    /* Sharing groups, numbered from 0. */
    uint32_t (*n_groups)(void *ctx);
    /* Its members, in slot order. QUIRE_E_USAGE: no such group. */
    quire_status (*group)(void *ctx, uint32_t group, const quire_place **out_members,
                          uint32_t *out_n);
    /* Who asked for what holds, k from 0. QUIRE_NONE ends, or not annotated. */
    quire_status (*sponsor)(void *ctx, quire_place place, uint32_t k, quire_string *out_who);
    /* Who asked for something else, and what, k from 0. QUIRE_NONE ends, or not annotated. */
    quire_status (*loser)(void *ctx, quire_place place, uint32_t k, quire_string *out_who,
                          quire_qspec *out_spec);
    /* What was found, at `place` or, {0, 0}, in general: a line for the person, kept in the ledger.
     * An error means that nothing is written and that the exit code is 1. */
    quire_status (*finding)(void *ctx, quire_severity severity, quire_place place,
                            quire_string text);
} quire_resolved_api;

/* --- changing the graph: transform ---------------------------------------------------------------
 *
 * A transform prepares the graph for annotating: it runs before any annotate, under a snapshot. If
 * it fails, or leaves a graph that the verifier refuses, everything it did is undone and the run
 * ends with its error. A function that is refused changes nothing. Values and nodes made here have
 * ids at once; ids of what is erased are refused from then on.
 */

typedef struct quire_new_tensor {
    uint32_t size;
    int32_t dtype;       /* TensorProto.DataType */
    uint32_t rank;       /* 0: one element */
    const int64_t *dims; /* rank of them */
    /* Elements in row-major order, little-endian, 4- and 2-bit ones packed as raw_data is; copied.
     */
    const void *data;
    size_t n_bytes; /* must be what dtype and dims need */
} quire_new_tensor;

typedef struct quire_new_attribute {
    uint32_t size;
    int32_t type; /* AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, TENSOR 4, INTS 7 */
    quire_string name;
    int64_t i;           /* INT */
    float f;             /* FLOAT */
    quire_string s;      /* STRING */
    const int64_t *ints; /* INTS: n_ints of them */
    size_t n_ints;
    const quire_new_tensor *tensor; /* TENSOR */
} quire_new_attribute;

/* Everything is copied. */
typedef struct quire_new_node {
    uint32_t size;
    quire_graph_id graph;
    quire_node_id before; /* of the same graph; 0: at its end */
    quire_string domain, op_type;
    quire_string name;              /* empty: none */
    const quire_value_id *operands; /* n_operands of them; 0: omitted */
    uint32_t n_operands, n_results;
    const quire_string *results; /* names, free in their scope: see fresh_name; empty: omitted */
    /* n_attributes of them, `size` of the first apart, rounded up to the struct's alignment. */
    const quire_new_attribute *attributes;
    uint32_t n_attributes;
} quire_new_node;

typedef struct quire_edit_api {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    quire_status (*create_node)(void *ctx, const quire_new_node *node, quire_node_id *out_node);
    /* With its bodies. Its results must be unused. */
    quire_status (*erase_node)(void *ctx, quire_node_id node);
    /* Within its graph; before 0: to the end. */
    quire_status (*move_node)(void *ctx, quire_node_id node, quire_node_id before);
    /* Operand k reads value; 0: it is omitted. */
    quire_status (*set_operand)(void *ctx, quire_node_id node, uint32_t k, quire_value_id value);
    /* Everything that reads `from`, in any graph, and outputs too, reads `to`. Outputs keep their
     * names. */
    quire_status (*replace_uses)(void *ctx, quire_value_id from, quire_value_id to);
    /* Everything that reads `value`, but `node`, which must be its first reader, reads result 0 of
     * `node`. */
    quire_status (*interpose)(void *ctx, quire_value_id value, quire_node_id node);
    /* `to` takes over name and type of `from`; both are results, and `from` must not be used any
     * more. */
    quire_status (*take_name)(void *ctx, quire_value_id to, quire_value_id from);
    /* What is known of a value's type: dtype as in TensorProto, 0: nothing; rank -1: unknown. */
    quire_status (*set_type)(void *ctx, quire_value_id value, int32_t dtype, int32_t rank);
    /* A constant of the graph; the name must be free. */
    quire_status (*add_initializer)(void *ctx, quire_graph_id graph, quire_string name,
                                    const quire_new_tensor *tensor, quire_value_id *out_value);
    /* It must be unused. */
    quire_status (*remove_initializer)(void *ctx, quire_value_id value);
    /* A name nothing in the model has: `base`, else base.1, base.2 ... Good until the callback
     * returns. */
    quire_status (*fresh_name)(void *ctx, quire_string base, quire_string *out_name);
} quire_edit_api;

/* --- groups: adjust ------------------------------------------------------------------------------
 *
 * After all validates, each adjust may still decide how sharing groups are observed. Edits hold at
 * once, for the functions here and for the adjusts that follow. What comes of them is written down
 * as annotations by the quantizer that made them (rule "adjust"); those they replace are kept as
 * losers. Groups have numbers: those of quire_resolved_api at the start, new ones behind.
 * QUIRE_NONE from any function: the group is gone (it has no members any more), or the slot is in
 * none. An edit that is refused changes nothing; one that would change nothing is no edit.
 */

typedef struct quire_group_api {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* Numbers given out so far. */
    uint32_t (*n_groups)(void *ctx);
    /* In slot order; good until the next edit. */
    quire_status (*members)(void *ctx, uint32_t group, const quire_place **out, uint32_t *out_n);
    /* The one spec of all members, with the observer that they will have. */
    quire_status (*spec)(void *ctx, uint32_t group, quire_qspec *out_spec);
    /* QUIRE_NONE: not annotated, or float. */
    quire_status (*group_of)(void *ctx, quire_place place, uint32_t *out_group);
    /* Known parameters in place of an observer, a formula or dynamic ones; zero_point as
     * quire_qspec.fixed_zero_point. Per-tensor groups only. */
    quire_status (*set_fixed)(void *ctx, uint32_t group, double scale, int64_t zero_point);
    /* Of a group of kind quantized or fixed; a fixed one becomes quantized. */
    quire_status (*set_observer)(void *ctx, uint32_t group, quire_string observer,
                                 quire_string options);
    /* The slot leaves its group, with the same spec, for one of its own; if alone, it stays. */
    quire_status (*detach)(void *ctx, quire_place place, uint32_t *out_group);
    /* The slot is annotated no more. It must not be a source of a derived spec. */
    quire_status (*remove)(void *ctx, quire_place place);
    /* Members of `from` join `into` and take on its spec, which must not be derived from `from`. */
    quire_status (*join)(void *ctx, uint32_t into, uint32_t from);
} quire_group_api;

/* --- quire.quantizer/1 ------------------------------------------------------------------------ */

#define QUIRE_QUANTIZER_1 "quire.quantizer/1"

/* One row of what a quantizer can ask for. */
typedef struct quire_support {
    uint32_t size;             /* set by the host */
    const char *op;            /* "Gather", or "domain.Type"; static or of the instance */
    uint32_t is_result, index; /* operand or result number, from 0 */
    quire_qspec spec;          /* its `size` is set by the host; without targets */
} quire_support;

/* A quantizer: static and never changed. Calls of one instance, in this order: create; transform;
 * annotate; validate; adjust; destroy. Every instance of a run has done one step before any begins
 * the next; within a step they go in declared order, destroy in reverse. `support` may be called at
 * any time between create and destroy. A callback that may be NULL is passed over. */
typedef struct quire_quantizer {
    uint32_t size;
    uint32_t options_size;       /* bytes of the options struct, up to 1 MiB; 0: no options */
    const char *name;            /* `--quantizer NAME`; a name is taken once in a host */
    const char *summary;         /* one line */
    const quire_option *options; /* n_options rows, each `size` of the first apart */
    uint32_t n_options, flags;   /* up to 256; flags: 0 */
    /* Makes an instance. `options` is the filled struct, good during the call but for its strings.
     * *out_self is handed to the other callbacks; it may stay NULL. If it fails, nothing is left
     * allocated, and destroy is not called. */
    quire_status (*create)(const quire_host *host, const void *options, void **out_self);
    /* Frees all that the instance allocated. */
    void (*destroy)(void *self);
    /* Row `row` (from 0) of what this instance can ask for; QUIRE_NONE ends, at most 4096 rows. The
     * same rows on every call. *out is zeroed by the host, but for the sizes. */
    quire_status (*support)(void *self, uint32_t row, quire_support *out);
    /* Prepares the graph for annotate. May be NULL. */
    quire_status (*transform)(void *self, const quire_graph_api *graph, const quire_edit_api *edit);
    /* Files claims. What it asks for follows from the graph and the options alone: not from the
     * order of nodes, addresses, time or chance. */
    quire_status (*annotate)(void *self, const quire_graph_api *graph,
                             const quire_claim_api *claims);
    /* Files findings on what came of it. May be NULL. */
    quire_status (*validate)(void *self, const quire_graph_api *graph,
                             const quire_resolved_api *resolved);
    /* Edits sharing groups. May be NULL. */
    quire_status (*adjust)(void *self, const quire_graph_api *graph, const quire_group_api *groups);
} quire_quantizer;

/* --- services: quire_host.get_service --------------------------------------------------------- */

/* Lines for the person who looks for the cause of something. */
#define QUIRE_HOST_LOG_1 "quire.host.log/1"
typedef struct quire_host_log {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* How much the person wants to read: 0 nothing, which is usual; with -v 1. [any] */
    uint32_t (*level)(void *ctx);
    /* One line of text, shown on standard error when the callback is over if `level`, from 1, is
     * not above what level() says. At most 100 lines and messages a callback. [any] */
    void (*line)(void *ctx, uint32_t level, quire_string text);
} quire_host_log;

/* The host's threads. */
#define QUIRE_HOST_PARALLEL_1 "quire.host.parallel/1"
typedef struct quire_host_parallel {
    uint32_t size;
    void *ctx; /* first argument of the function below */
    /* work(arg, i) for every i below n, each once, on threads of the host's; returns when all have
     * returned: QUIRE_OK, or the status of the least i that failed. The floating-point environment
     * and the locale are plain before each. Inside `work` no function of the host but [any] ones
     * may be called, so not this one. As many threads as there are processors, or as the
     * environment variable QUIRE_THREADS says. In any callback but destroy. */
    quire_status (*run)(void *ctx, uint32_t n, quire_status (*work)(void *arg, uint32_t i),
                        void *arg);
} quire_host_parallel;

/* Selectors; during transform, annotate, validate and adjust. */
#define QUIRE_HOST_SELECT_1 "quire.host.select/1"
typedef struct quire_host_select {
    uint32_t size;
    void *ctx; /* first argument of the function below */
    /* The slots a selector (docs/selectors.md) selects, in slot order; good until the callback
     * returns. A mistake in it is reported with its column: QUIRE_E_USAGE. None: QUIRE_OK and 0. */
    quire_status (*select)(void *ctx, quire_string expression, const quire_place **out_places,
                           size_t *out_n);
    /* For one that selects nothing: which part of it matches nothing by itself, and the names
     * nearest to it; part of a sentence, may be empty. */
    quire_status (*nearest)(void *ctx, quire_string expression, quire_string *out_text);
} quire_host_select;

/* What a format costs; during annotate, validate and adjust. */
#define QUIRE_HOST_MEASURE_1 "quire.host.measure/1"
typedef struct quire_host_measure {
    uint32_t size;
    void *ctx; /* first argument of the function below */
    /* What it costs to store a constant float, float16 or bfloat16 tensor as `spec` says:
     * 10 log10(sum x^2 / sum (x - x')^2) in dB over its finite elements, +inf without error, -inf
     * where a float16 scale would be infinite. QUIRE_NONE: quire has no such format for a tensor of
     * this shape (docs/lowering.md: tables). Reads the tensor. */
    quire_status (*sqnr)(void *ctx, quire_value_id value, const quire_qspec *spec, double *out_db);
} quire_host_measure;

/* Quantizers inside a quantizer. A child is one instance, numbered from 1 in order of creation. Its
 * callbacks are called by its parent, from the callback of the same name, with tables that are made
 * for it: what it claims and finds is by "PARENT/NUMBER:NAME". */
#define QUIRE_HOST_QUANTIZERS_1 "quire.host.quantizers/1"
typedef struct quire_child {
    uint32_t size, number;
    const quire_quantizer *quantizer;
    void *self;
    quire_string who; /* "PARENT/NUMBER:NAME"; good as long as the parent's instance */
} quire_child;

typedef struct quire_host_quantizers {
    uint32_t size;
    void *ctx; /* first argument of the functions below */
    /* `text`: NAME or NAME:OPTIONS, as on the command line; any quantizer the host knows. To be
     * called in create. Reports what is wrong. At most 8 deep. */
    quire_status (*create)(void *ctx, quire_string text, quire_child *out_child);
    /* Children that are left are destroyed before their parent, the last one first. */
    void (*destroy)(void *ctx, uint32_t child);
    /* The tables of a child: `graph` in any callback that has one; edits in transform, claims in
     * annotate, resolved in validate, groups in adjust. NULL outside the callback they belong to,
     * and for a number that is no child's. What was claimed until a call of `claims` counts as
     * claimed before by the functions of the table it gives. */
    const quire_graph_api *(*graph)(void *ctx, uint32_t child);
    const quire_edit_api *(*edits)(void *ctx, uint32_t child);
    const quire_claim_api *(*claims)(void *ctx, uint32_t child);
    const quire_resolved_api *(*resolved)(void *ctx, uint32_t child);
    const quire_group_api *(*groups)(void *ctx, uint32_t child);
    /* In annotate: what a child, and the children it has, claimed in this annotate, k from 0, in
     * order: where, who, and what (out_spec->size is set by the caller). Each may be NULL.
     * QUIRE_NONE ends. */
    quire_status (*claimed)(void *ctx, uint32_t child, uint32_t k, quire_place *out_place,
                            quire_string *out_who, quire_qspec *out_spec);
} quire_host_quantizers;

/* --- quire.qparams/1: formulas of derived specs --------------------------------------------------
 *
 * `i32 axis=0 symmetric zp=none derived NAME(SLOT, ...)`: the parameters of such a slot are
 * computed from those of its sources by the formula NAME. "bias" comes with quire: scale = product
 * of the sources' scales. A formula that is not there is told with a warning where models are
 * annotated; one that is there checks every slot that names it.
 */

#define QUIRE_QPARAMS_1 "quire.qparams/1"

/* The parameters of one slot. */
typedef struct quire_qparams {
    uint32_t size;
    uint32_t n;               /* 1 per tensor; else one for each index of the axis, or each block */
    double *scale;            /* n of them: finite, above 0; stored as the spec's scale type */
    int64_t *zero_point;      /* n of them, qmin to qmax; NULL unless zero_point is INT */
    double *float_zero_point; /* n of them, finite; NULL unless zero_point is FLOAT */
} quire_qparams;

/* A formula: static and never changed, without state. `spec` and those of the sources are canonical
 * (defaults filled in, `targets` as resolved), of kind quantized, fixed or derived. */
typedef struct quire_formula {
    uint32_t size, flags; /* flags: 0 */
    const char *name;     /* 1 to 64 of a-z, 0-9 and -_. ; a name is taken once in a host */
    const char *summary;  /* one line */
    uint32_t least_sources, most_sources; /* 1 to 8 */
    /* Can parameters for `spec` be derived from `n` sources of these specs? n is within
     * least_sources and most_sources. QUIRE_E_INVALID: no, and why is reported. [any] */
    quire_status (*check)(const quire_host *host, const quire_qspec *spec,
                          const quire_qspec *const *sources, uint32_t n);
    /* Fills the arrays of io_out, of which n and the pointers are set by the host; its arrays and
     * those of `sources` belong to the host and are good during the call. Called only for what
     * check said yes to. Pure: same input, same bits. QUIRE_E_INVALID: these numbers give no
     * parameters, and why is reported. [any] */
    quire_status (*derive)(const quire_host *host, const quire_qspec *spec,
                           const quire_qspec *const *source_specs,
                           const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out);
} quire_formula;

/* --- the entry -------------------------------------------------------------------------------- */

/* What a plugin says of itself: static and never changed. */
typedef struct quire_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR of this header */
    const char *id;                /* reverse domain: "org.example.acme" */
    const char *name;              /* short: "acme" */
    const char *version, *license, *summary;
    /* The descriptor number `index` (from 0) of the interface `id`, or NULL behind the last: a
     * quire_quantizer for QUIRE_QUANTIZER_1, a quire_formula for QUIRE_QPARAMS_1, up to 256 of
     * each; NULL for an id the plugin does not know. Pure. [any] */
    const void *(*get_interface)(const char *id, uint32_t index);
} quire_plugin;

/* The one exported symbol. `host_major`, `host_minor`: the host's version. Pure: no allocation, no
 * input or output; may be called often. NULL: this major version cannot be served. [any] */
QUIRE_PLUGIN_EXPORT const quire_plugin *quire_plugin_entry(uint32_t host_major,
                                                           uint32_t host_minor);

#if defined(__cplusplus)
}
#endif

#endif
