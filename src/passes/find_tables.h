/* find_tables.h - what the two halves of find-tables share: find_tables.c lists, judge_lookups.c judges. */
#ifndef QUIRE_PASSES_FIND_TABLES_H
#define QUIRE_PASSES_FIND_TABLES_H

#include <stdio.h>

#include "passes/origin.h"
#include "passes/tables.h"

/* A constant of integer codes that is looked up with `indices`. */
typedef struct code_lookup {
    quire_value indices;
    uint64_t rows, per_row; /* elements a row */
} code_lookup;

typedef struct finder {
    quire_ctx *ctx;
    quire_model *m;
    quire_tables *tables;
    quire_origins origins;
    uint32_t *table_of;    /* by value id: index + 1 into tables, 0: no table     */
    quire_node *last_user; /* by table: the node that other_uses names last       */
    size_t n_last_user;
    code_lookup *codes; /* sorted                                              */
    size_t n_codes, codes_room;
    quire_sym *bindings; /* names in the training bindings                      */
    size_t n_bindings, bindings_room;
    quire_graph path_graph; /* whose report path `path` is                        */
    quire_bytes path;
} finder;

static inline const quire_origin *
finder_origin(const finder *f, quire_value v)
{
    return &f->origins.of[v.id];
}

/* Gives every lookup its reason and message, and every table the reason that takes all of it out. */
QUIRE_MUST_USE quire_status finder_judge(finder *f);

#endif
