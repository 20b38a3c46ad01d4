/* pass.h - what a kernel of one instruction set does: one block of columns of one bag.
 *
 * A row's payload is cut into units of 8 bytes of codes, or of 8 elements of float storage. A pass
 * takes a power of two of them and keeps the sums of one bag in registers (the widest: in memory), 8
 * columns in each: unit u has P = 8 / bits planes, and accumulator u * P + c, lane i, is the code in byte 8 u + i at bit
 * bits * c. Which column that is only matters when a sum is stored. Bags, indices, blocks of a
 * split row and everything that can go wrong are for bag_run.c.
 */
#ifndef QUIRE_KERNELS_PASS_H
#define QUIRE_KERNELS_PASS_H

#include "kernels/inline.h"
#include "quire/kernels.h"

#include <stdbool.h>
#include <string.h>

#define QUIRE_PASS_LANES      8
#define QUIRE_PASS_MAX_SUMS   16 /* accumulators in registers                           */
#define QUIRE_PASS_MAX_UNITS  32
#define QUIRE_PASS_MAX_FLOATS (QUIRE_PASS_LANES * QUIRE_PASS_MAX_UNITS)
#define QUIRE_PASS_SIZES      8 /* 1, 2, 4, 8, 16, 32 units; a partial unit; any columns */
#define QUIRE_PASS_WIDEST     5 /* of them: of 32 units                                 */
#define QUIRE_PASS_PARTIAL    6
#define QUIRE_PASS_ANY        7 /* the last columns of a row, in up to 64 bytes */
#define QUIRE_PASS_ANY_BYTES  64

/* What a pass decodes: name, planes P, bytes of a unit. FUSED8 has float32 parameters, the other
 * fused kinds float16. */
#define QUIRE_PASS_KIND_TABLE(X)                                                                   \
    QUIRE_PASS_FLOAT_TABLE(X) QUIRE_PASS_SPLIT_TABLE(X) QUIRE_PASS_FUSED_TABLE(X)
#define QUIRE_PASS_FLOAT_TABLE(X)                                                                  \
    X(F32, 1, 32)                                                                                  \
    X(F16, 1, 16)                                                                                  \
    X(BF16, 1, 16)                                                                                 \
    X(E4M3, 1, 8)                                                                                  \
    X(E5M2, 1, 8)
#define QUIRE_PASS_SPLIT_TABLE(X)                                                                  \
    X(SPLIT8, 1, 8)                                                                                \
    X(SPLIT4, 2, 8)                                                                                \
    X(SPLIT2, 4, 8)
#define QUIRE_PASS_FUSED_TABLE(X)                                                                  \
    X(FUSED8, 1, 8)                                                                                \
    X(FUSED8H, 1, 8)                                                                               \
    X(FUSED4, 2, 8)                                                                                \
    X(FUSED2, 4, 8)

typedef enum quire_pass_kind {
#define QUIRE_PASS_KIND_ENUM(name, planes, bytes) QUIRE_PASS_##name,
    QUIRE_PASS_KIND_TABLE(QUIRE_PASS_KIND_ENUM)
#undef QUIRE_PASS_KIND_ENUM
        QUIRE_PASS_KINDS
} quire_pass_kind;

/* SUM serves means too; MAX serves lookups, as the greatest of one row. */
typedef enum quire_pass_mode {
    QUIRE_PASS_SUM,
    QUIRE_PASS_WEIGHTED,
    QUIRE_PASS_MAX,
    QUIRE_PASS_MODES
} quire_pass_mode;

#define QUIRE_FETCH_MAX_DISTANCE 64

/* Whether rows are asked for, and to which cache. */
typedef enum quire_fetch_way {
    QUIRE_FETCH_NOT,
    QUIRE_FETCH_PLAIN, /* to the first, where `more` has nothing new */
    QUIRE_FETCH_NEAR,  /* to the first                               */
    QUIRE_FETCH_FAR    /* to the second                              */
} quire_fetch_way;

/* How a pass asks for what it reads of a row before that is needed: for the lines from `base` of row 0
 * on, and of a split row for its parameters. */
typedef struct quire_fetch {
    quire_fetch_way way;
    size_t distance; /* rows between asking and needing; 0 if nothing is asked for */
    bool large;      /* the table is one that memory has to be waited for          */
    const uint8_t *base;
    size_t last; /* bytes from `base` to the last one that is read           */
    size_t more; /* and to one between, where a line would be passed over    */
} quire_fetch;

/* A bag, or a part of one: how many of the rows are its own. */
typedef struct quire_pass_bag {
    size_t n;
    float divisor; /* of a mean; 0 if it is none */
} quire_pass_bag;

typedef struct quire_pass {
    /* The same for all bags of a run. */
    const uint8_t *codes;  /* of row 0, at the first byte of this pass                            */
    const uint8_t *scales; /* of row 0; of a fused row it has the strides of the codes, and the   */
    const uint8_t *zeros;  /* bias lies behind the scale                                          */
    size_t code_stride;    /* bytes from row to row, or 1: `rows` are bytes                       */
    size_t scale_stride;
    size_t zero_stride;
    float *sums;  /* [QUIRE_PASS_MAX_FLOATS], at 32 bytes: kept when a bag goes on in another     */
                  /* call, else for the pass to use                                               */
    size_t plane; /* planar: elements from a plane of `out` to the next                           */
    quire_float_type scale; /* SPLIT: F32 or F16                                                  */
    quire_float_type value; /* SPLIT: decoded values are rounded to it                            */
    quire_float_type out_type;
    uint32_t n_units;   /* 1, 2, 4, 8, 16, 32                                                     */
    uint32_t partial;   /* elements or bytes of a partial unit, 1 to 7                            */
    uint32_t columns;   /* of a pass for any; else 0                                              */
    uint32_t before;    /* bytes of the row's payload before this pass, up to 255                 */
    bool zero_is_float; /* SPLIT                                                                  */

    size_t out_stride; /* bytes from the output of a bag to the next                              */
    quire_fetch fetch;

    /* Of these bags, whose rows follow each other. A part of a bag comes alone. */
    const quire_pass_bag *bags;
    size_t n_bags;
    bool first;           /* sums start here, else they go on from `sums` and `bias`              */
    bool last;            /* sums end here, in `out`                                              */
    float bias;           /* FUSED: the sum of biases, kept likewise                              */
    const uint64_t *rows; /* of all bags, times code_stride where they start; also                */
                          /* [i + fetch.distance] for i < n_fetch                                 */
    const float *weights; /* of all bags, for WEIGHTED                                            */
    size_t n_fetch;       /* rows for which one further on is fetched                             */
    uint8_t *out;         /* the pass's columns of the first bag; of a partial unit room for all  */
} quire_pass;

typedef void (*quire_pass_fn)(quire_pass *pass);

/* Indices, 32 or 64 bits wide, to where their rows start: times `stride`. Stops at the first that is not
 * below `n_rows`, and tells how many there are before it. */
typedef size_t (*quire_rows_find_fn)(const void *indices, bool wide, size_t n, uint64_t n_rows,
                                     uint64_t stride, uint64_t *out);

/* All passes of an instruction set, NULL where it has none for that many units, or none for any columns:
 * never for one unit, nor, where it has none for any columns, for a partial one. */
typedef struct quire_pass_table {
    quire_pass_fn pass[QUIRE_PASS_KINDS][QUIRE_PASS_MODES][QUIRE_PASS_SIZES];
    bool widest_in_memory;   /* passes of 32 units keep their sums there: for large tables only */
    quire_rows_find_fn find; /* if not NULL, passes take bytes for rows, but of split ones      */
} quire_pass_table;

extern const quire_pass_table quire_pass_table_scalar;
extern const quire_pass_table quire_pass_table_avx2;
extern const quire_pass_table quire_pass_table_avx2_subnormal;
extern const quire_pass_table quire_pass_table_avx512;
extern const quire_pass_table quire_pass_table_avx512_subnormal;

/* Whether the tables named so are for this processor, which has AVX2: measured, in a few
 * microseconds. */
bool quire_pass_avx2_likes_subnormals(void);

/* Of a kind: how parameters are stored, planes, bytes of one unit. */
INLINE bool
quire_pass_is_fused(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_FUSED8;
}

INLINE bool
quire_pass_is_split(quire_pass_kind kind)
{
    return kind >= QUIRE_PASS_SPLIT8 && kind < QUIRE_PASS_FUSED8;
}

INLINE int
quire_pass_planes(quire_pass_kind kind)
{
    switch (kind) {
#define QUIRE_PASS_PLANES(name, planes, bytes)                                                     \
    case QUIRE_PASS_##name: return planes;
        QUIRE_PASS_KIND_TABLE(QUIRE_PASS_PLANES)
#undef QUIRE_PASS_PLANES
    case QUIRE_PASS_KINDS: break;
    }
    return 1;
}

INLINE int
quire_pass_unit_bytes(quire_pass_kind kind)
{
    switch (kind) {
#define QUIRE_PASS_BYTES(name, planes, bytes)                                                      \
    case QUIRE_PASS_##name: return bytes;
        QUIRE_PASS_KIND_TABLE(QUIRE_PASS_BYTES)
#undef QUIRE_PASS_BYTES
    case QUIRE_PASS_KINDS: break;
    }
    return 0;
}

/* Bytes of codes or elements that a pass reads of a row. */
static inline size_t
quire_pass_bytes(const quire_pass *p, quire_pass_kind kind)
{
    const size_t unit = (size_t)quire_pass_unit_bytes(kind);
    const size_t planes = (size_t)quire_pass_planes(kind);

    if (p->columns) return (p->columns + planes - 1) / planes;
    return p->partial ? unit / QUIRE_PASS_LANES * p->partial : unit * p->n_units;
}

INLINE float
quire_load_f32(const uint8_t *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

INLINE void
quire_fetch_line(uintptr_t at, bool far)
{
    if (far) {
        __builtin_prefetch((const void *)at, 0, 2);
    } else {
        __builtin_prefetch((const void *)at, 0, 3);
    }
}

/* Asks for the lines of a row, which starts `start` bytes from row 0 and of which the pass reads `bytes` of
 * codes or elements. Any start: nothing is read. With constants it is a few instructions, which is what
 * counts: while the processor looks up the page of one row, it goes on to the next only as far as its
 * queue of instructions reaches. */
INLINE void
quire_fetch_start(const quire_fetch *f, quire_fetch_way way, size_t bytes, uint64_t start)
{
    const uintptr_t at = (uintptr_t)f->base + start;
    const bool far = way == QUIRE_FETCH_FAR;

#pragma GCC unroll 8
    for (size_t k = 0; k < bytes; k += 64)
        quire_fetch_line(at + k, far);
    quire_fetch_line(at + f->last, far);
    if (way != QUIRE_FETCH_PLAIN) quire_fetch_line(at + f->more, far);
}

/* The same of a row as passes get it, and of a split one its parameters. */
INLINE void
quire_fetch_row(const quire_pass *p, quire_fetch_way way, bool is_split, size_t bytes, uint64_t row)
{
    const bool far = way == QUIRE_FETCH_FAR;

    quire_fetch_start(&p->fetch, way, bytes, row * p->code_stride);
    if (!is_split) return;
    quire_fetch_line((uintptr_t)p->scales + row * p->scale_stride, far);
    quire_fetch_line((uintptr_t)p->zeros + row * p->zero_stride, far);
}

/* The same where the way is no constant of the caller. */
INLINE void
quire_fetch_any(const quire_pass *p, bool is_split, size_t bytes, uint64_t row)
{
    if (p->fetch.way == QUIRE_FETCH_PLAIN) {
        quire_fetch_row(p, QUIRE_FETCH_PLAIN, is_split, bytes, row);
    } else if (p->fetch.way == QUIRE_FETCH_FAR) {
        quire_fetch_row(p, QUIRE_FETCH_FAR, is_split, bytes, row);
    } else {
        quire_fetch_row(p, QUIRE_FETCH_NEAR, is_split, bytes, row);
    }
}

#endif
