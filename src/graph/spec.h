/* spec.h - how one slot is to be quantized: plain data, printable, comparable.
 *
 * A canonical spec has its defaults filled in and unused fields zero; two canonical specs of one model are equal
 * iff memcmp says so (names are symbols of that model). Fields and text: docs/text-form.md.
 */
#ifndef QUIRE_GRAPH_SPEC_H
#define QUIRE_GRAPH_SPEC_H

#include "base/writer.h"
#include "graph/model.h"

typedef enum quire_spec_kind {
    QUIRE_SPEC_NONE,
    QUIRE_SPEC_QUANTIZED,
    QUIRE_SPEC_FIXED,
    QUIRE_SPEC_SHARED,
    QUIRE_SPEC_DERIVED,
    QUIRE_SPEC_FLOAT
} quire_spec_kind;
typedef enum quire_zero_point {
    QUIRE_ZERO_POINT_NONE,
    QUIRE_ZERO_POINT_INT,
    QUIRE_ZERO_POINT_FLOAT
} quire_zero_point;
typedef enum quire_granularity {
    QUIRE_PER_TENSOR,
    QUIRE_PER_AXIS,
    QUIRE_PER_BLOCK
} quire_granularity;

enum { QUIRE_SPEC_MAX_TARGETS = 8 };

/* A place a spec is attached to: result (or input, initializer) `value`, or operand/graph output `use`. */
typedef struct quire_slot {
    uint32_t is_use, id;
} quire_slot;

typedef struct quire_spec {
    uint32_t size;        /* sizeof(quire_spec) */
    uint32_t kind;        /* quire_spec_kind    */
    int32_t dtype;        /* element type of the codes (u4, i8, ...): quire_dtype */
    uint32_t symmetric;   /* 1: symmetric, zero_point none */
    int64_t qmin, qmax;   /* range of the codes, inclusive */
    uint32_t zero_point;  /* quire_zero_point   */
    uint32_t granularity; /* quire_granularity  */
    int32_t axis;   /* per axis: the channel axis; per block: the axis that is cut into blocks */
    uint32_t block; /* per block: elements along axis */
    int32_t scale_type; /* f32 (FLOAT), f16 (FLOAT16) ... */
    uint32_t dynamic;
    quire_sym observer;         /* name, 0 none: "minmax", "mse", ... */
    quire_sym observer_options; /* the text between its parentheses, 0 none */
    uint64_t fixed_scale;       /* fixed: bits of a double */
    int64_t fixed_zero_point;
    quire_sym formula;  /* derived */
    uint32_t n_targets; /* shared: 1; derived: its sources */
    quire_slot targets[QUIRE_SPEC_MAX_TARGETS];
} quire_spec;

/* Fills in defaults (range of the type, scale f32), clears what the kind does not use, and checks every field. Reports
 * QUIRE_E_INVALID naming the field, what was found and what is allowed; `path` is the slot's. */
QUIRE_MUST_USE quire_status quire_spec_canonicalize(quire_ctx *ctx, quire_spec *spec,
                                                    const char *path);
bool quire_spec_equal(const quire_spec *a, const quire_spec *b);

/* Text of shapes section 5: after the slot. */
void quire_spec_print(quire_writer *w, const quire_model *m, const quire_spec *spec);
/* Slot text: value, value<-k, ->k, with the path of enclosing bodies, quoted where needed. */
void quire_slot_print(quire_writer *w, const quire_model *m, quire_slot slot);
/* Parses a spec text; *io_text advances past it. Reports QUIRE_E_INVALID with the column. */
QUIRE_MUST_USE quire_status quire_spec_parse(quire_ctx *ctx, quire_model *m, const char *path,
                                             quire_bytes *io_text, quire_spec *out_spec);
QUIRE_MUST_USE quire_status quire_slot_parse(quire_ctx *ctx, quire_model *m, const char *path,
                                             quire_bytes *io_text, quire_slot *out_slot);

#endif
