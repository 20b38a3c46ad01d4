/* bag_plan.h - what is inside a quire_bag_plan: rows and options checked, kernels chosen. */
#ifndef QUIRE_KERNELS_BAG_PLAN_H
#define QUIRE_KERNELS_BAG_PLAN_H

#include "kernels/pass.h"

typedef struct quire_bag_inner {
    quire_rows_layout layout;
    uint64_t width;
    uint64_t group_columns; /* of a block, or of the row                                      */
    uint64_t out_stride;
    uint64_t fixed;        /* 1 for lookups                                                  */
    int64_t padding_index; /* as given: below 0 from the end, once n_rows is known           */
    const quire_pass_table *table; /* of the instruction set                                 */
    quire_pass_kind kind;
    quire_pass_mode pass_mode;
    quire_bag_mode mode;
    quire_bag_form form;
    quire_bag_index index;
    quire_bag_index offset;
    quire_bag_weights weights;
    quire_float_type scale;
    quire_float_type value; /* F32 too where rounding the output does it                     */
    quire_float_type out;
    quire_isa isa;
    bool zero_is_float;
    bool planar;
    bool wrap;
    bool pruned;
    bool padding;
} quire_bag_inner;

_Static_assert(sizeof(quire_bag_inner) <= sizeof(quire_bag_plan), "a plan holds it");
_Static_assert(_Alignof(quire_bag_inner) <= _Alignof(quire_bag_plan), "a plan holds it");

static inline const quire_bag_inner *
quire_bag_plan_inner(const quire_bag_plan *plan)
{
    return (const quire_bag_inner *)(const void *)plan->inner;
}

/* What a row's number is multiplied by before passes get it: 1 if they do that themselves. */
static inline uint64_t
quire_bag_row_stride(const quire_bag_inner *plan)
{
    return plan->table->find && !plan->planar ? plan->layout.stride : 1;
}

/* The passes of `isa`, or NULL if this build or processor has none. AUTO is none. */
const quire_pass_table *quire_pass_table_find(quire_isa isa);

/* `isa`, or for AUTO what QUIRE_ISA names, or the best there is. -1 cast to it if QUIRE_ISA is none
 * of QUIRE_ISA_TABLE; whether what it names is available is for quire_pass_table_find. */
quire_isa quire_isa_choose(quire_isa isa);

/* Whether rows of a job are asked for early, and how: by the size of its table (docs: kernels). */
quire_fetch quire_fetch_plan(const quire_bag_inner *plan, const quire_bag_job *job);

/* Says where a pass reads: it has its pointers, and takes `bytes` of codes or elements of a row. */
void quire_fetch_point(quire_pass *pass, const quire_bag_inner *plan, size_t bytes);

#endif
