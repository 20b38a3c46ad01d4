/* spec.h - how one slot is to be quantized: plain data, printable, comparable.
 *
 * A canonical spec has its defaults filled in and unused fields zero; two canonical specs of one
 * model are equal iff memcmp says so (names are symbols of that model). Fields and text:
 * docs/text-form.md.
 */
#ifndef QUIRE_GRAPH_SPEC_H
#define QUIRE_GRAPH_SPEC_H

#include "base/writer.h"
#include "graph/model.h"
#include "graph/slot.h"

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

typedef struct quire_spec {
    uint32_t size;              /* sizeof(quire_spec) */
    uint32_t kind;              /* quire_spec_kind */
    int32_t dtype;              /* type of the codes: quire_dtype, or see QUIRE_SPEC_INTEGERS */
    uint32_t symmetric;         /* 1: symmetric, zero_point none */
    int64_t qmin, qmax;         /* range of the codes, inclusive */
    uint32_t zero_point;        /* quire_zero_point */
    uint32_t granularity;       /* quire_granularity */
    int32_t axis;               /* per axis: that of the channels; per block: the one that is cut */
    uint32_t block;             /* per block: elements along axis */
    int32_t scale_type;         /* quire_dtype: f32 (FLOAT), f16 (FLOAT16), ... */
    uint32_t dynamic;           /* 1: scale and zero point are computed when the model runs */
    quire_sym observer;         /* name, 0 none: "minmax", "mse", ...; any bytes */
    quire_sym observer_options; /* the text between its parentheses, 0 none; any bytes */
    uint64_t fixed_scale;       /* fixed: bits of a double */
    int64_t fixed_zero_point;   /* fixed: a number; with zero_point FLOAT the bits of a double */
    quire_sym formula;          /* derived: its name; any bytes */
    uint32_t n_targets;         /* shared: 1; derived: its sources */
    quire_slot targets[QUIRE_SPEC_MAX_TARGETS];
} quire_spec;

/* Fills in defaults (range of the type, scale f32), clears what the kind does not use, and checks
 * every field. qmin = qmax = 0 is no range; observer options that are empty are none. Reports
 * QUIRE_E_INVALID naming the field, what was found and what is allowed; `path` is the slot's. An
 * observer beside `fixed` is kept: resolution names that error. */
QUIRE_MUST_USE quire_status quire_spec_canonicalize(quire_ctx *ctx, quire_spec *spec,
                                                    const char *path);
bool quire_spec_equal(const quire_spec *a, const quire_spec *b);

/* Types of codes: ONNX element types, and integers of 1 to 16 bits that ONNX has no type for (u1,
 * i3, u12 ...), whose numbers begin at QUIRE_SPEC_INTEGERS. */
enum { QUIRE_SPEC_INTEGERS = 1 << 16, QUIRE_SPEC_TYPE_ROOM = 16 };
/* "u8", "i3", "f8e4m3fn"; "?" for a number that is no type. Returns `out`. */
const char *quire_spec_type_text(int32_t dtype, char out[QUIRE_SPEC_TYPE_ROOM]);
/* Also finds types that may not be codes (f32, i64); 0: none. */
int32_t quire_spec_type_find(quire_bytes text);
/* Range of an integer type of up to 32 bits; false for other types. */
bool quire_spec_type_range(int32_t dtype, int64_t *out_min, int64_t *out_max);

/* The attribute tuple of sharing: `a` and `b` agree in every field of the canonical spec but
 * observer, its options and formula. float, shared and derived agree with nothing. */
bool quire_spec_agrees(const quire_spec *a, const quire_spec *b);
/* The first field in which two canonical specs differ, as messages call it ("zp", "range",
 * "observer", "kind", ...); NULL if equal. */
const char *quire_spec_difference(const quire_spec *a, const quire_spec *b);

/* Text of the grammar in docs/text-form.md: what stands after the slot. Canonical specs only. */
void quire_spec_print(quire_writer *w, const quire_model *m, const quire_spec *spec);
/* The observer's part alone, "minmax(eps=0x1p-12)"; nothing if there is none. */
void quire_spec_print_observer(quire_writer *w, const quire_model *m, const quire_spec *spec);
/* Parses a spec text and makes it canonical; *io_text advances past it. Reports QUIRE_E_INVALID
 * with the column; `where` as in quire_slot_parse. */
QUIRE_MUST_USE quire_status quire_spec_parse(quire_slot_reader *reader, const char *where,
                                             quire_bytes *io_text, quire_spec *out_spec);

/* --- the model's pool of specs ------------------------------------------------------------------
 *
 * Many slots carry few different specs. A spec that is not `shared` is kept once, in the model's
 * pool, and named by its row (from 1); rows are never removed. Equal canonical specs have equal
 * rows.
 */
typedef struct quire_spec_ref { /* which spec: a row of the pool, or shared with `target` */
    uint32_t row;               /* 0: shared */
    quire_slot target;          /* row != 0: {0, 0} */
} quire_spec_ref;

/* `spec` must be canonical. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_spec_intern(quire_ctx *ctx, quire_model *m,
                                              const quire_spec *spec, quire_spec_ref *out_ref);
/* Row of the pool, canonical; 1 <= row <= quire_spec_rows. Valid until the next intern. */
const quire_spec *quire_spec_at(const quire_model *m, uint32_t row);
uint32_t quire_spec_rows(const quire_model *m); /* highest row; 0: none */
/* The whole spec behind a ref, also when it is shared. */
quire_spec quire_spec_of_ref(const quire_model *m, quire_spec_ref ref);
static inline bool
quire_spec_ref_equal(quire_spec_ref a, quire_spec_ref b)
{
    return a.row == b.row && quire_slot_equal(a.target, b.target);
}
/* Called by quire_model_destroy. */
void quire_spec_pool_destroy(quire_model *m);

#endif
