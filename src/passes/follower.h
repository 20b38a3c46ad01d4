/* follower.h - what the parts of annotate-tables by annotations share: annotation_ways.c finds what
 * holds where, follow_annotations.c decides, settle_annotations.c tells what becomes of
 * annotations.
 *
 * A *way* leads from operand 0 of a lookup to the table: results and operands of the wrappers in
 * between and the table itself. An annotation is named by its index + 1 in resolved->annotations,
 * 0: none.
 */
#ifndef QUIRE_PASSES_FOLLOWER_H
#define QUIRE_PASSES_FOLLOWER_H

#include "graph/layer.h"
#include "passes/annotate.h"
#include "passes/origin.h"
#include "passes/tables.h"

/* Of annotate.h. */
#define FOLLOWER_LAYER "annotation"

typedef struct reader_count { /* eligible lookups that read a value, also through wrappers */
    uint32_t n, n_lowered;
} reader_count;

typedef struct follower {
    quire_ctx *ctx;
    quire_model *m;
    quire_tables *tables;
    const quire_resolved *resolved;
    const quire_layer *layer; /* NULL: nothing is annotated */
    quire_origins origins;
    uint32_t *nearest;     /* by value: the annotation that holds where it is read */
    reader_count *readers; /* by value */
    quire_node *wrappers;  /* on the ways to tables, in graph order */
    size_t n_wrappers, wrappers_room;
    uint32_t *obeyed;   /* by lookup: the annotation it obeys; 0: none, or not eligible */
    uint32_t *skips;    /* by node: index + 1 of the first skip of account; NULL: none ran */
    uint32_t *deciders; /* by table: index + 1 of the lookup whose spec it gets */
} follower;

/* The annotation of operand 0 of n, of the slot that defines v, and the one that l obeys. */
uint32_t follower_operand(const follower *f, quire_node n);
uint32_t follower_value(const follower *f, quire_value v);
uint32_t follower_lookup(const follower *f, const quire_lookup *l);
/* The spec in force at an annotation. Valid until a spec is interned. */
const quire_spec *follower_spec(const follower *f, uint32_t annotation);

/* Fills nearest and wrappers. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status follower_find_nearest(follower *f);
/* Fills tables->annotated, once lookups are decided. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status follower_settle(follower *f);

#endif
