/* slot.h - the places a spec can be attached to, their order and their text.
 *
 * A slot is an operand of a node, an output of a graph (both are uses), or what defines a tensor: a
 * node's result, a graph input, an initializer. Text: `value`, `value<-K`, `->K` after the path of
 * enclosing bodies (docs/text-form.md); a node is named by its first present result. An omitted
 * result is no slot, and a node without a named result has none: no text can speak of it.
 *
 * Slots that a text names and the graph lacks still have an identity: NAMED slots carry their own
 * text. They never reach a layer.
 */
#ifndef QUIRE_GRAPH_SLOT_H
#define QUIRE_GRAPH_SLOT_H

#include "base/writer.h"
#include "graph/model.h"

typedef enum quire_slot_kind {
    QUIRE_SLOT_RESULT, /* id: value; result, graph input or initializer */
    QUIRE_SLOT_USE,    /* id: use; operand of a node or output of a graph */
    QUIRE_SLOT_NAMED,  /* id: symbol of its canonical text; not in this graph, or not looked up */
    QUIRE_SLOT_ABSENT, /* the same, of an operand beyond the last of a node that exists */
} quire_slot_kind;

typedef struct quire_slot {
    uint32_t kind; /* quire_slot_kind */
    uint32_t id;   /* 0 with kind RESULT: no slot */
} quire_slot;

static inline bool
quire_slot_equal(quire_slot a, quire_slot b)
{
    return a.kind == b.kind && a.id == b.id;
}
/* The tensor a slot is about: the value itself, or the value its use reads (0: omitted operand,
 * NAMED, ABSENT). */
quire_value quire_slot_value(const quire_model *m, quire_slot slot);
/* The node whose operand or result it is; 0 for graph inputs, initializers, graph outputs, NAMED
 * and ABSENT. */
quire_node quire_slot_node(const quire_model *m, quire_slot slot);
quire_graph quire_slot_graph(const quire_model *m, quire_slot slot); /* 0 for NAMED and ABSENT */

/* --- order ---------------------------------------------------------------------------------------
 *
 * The total order of slots: graph position, then kind (operand, result, graph output), then index.
 * Positions, in the order of quire_walk_next: of a graph, its inputs and initializers (file order)
 * come first, then node by node its operands, its results and the slots of its bodies, and the
 * graph's outputs last. Graphs: main, training graphs, functions.
 */
typedef struct quire_slot_order {
    uint32_t *rank_of_value;   /* by id; 0: dead, unreachable or without text; else 1, 2, ... */
    uint32_t *rank_of_use;     /* without gaps over both arrays */
    quire_slot *slot_of_rank;  /* [1 .. n] */
    uint32_t n;                /* the highest rank */
    uint32_t n_values, n_uses; /* lengths of the arrays */
} quire_slot_order;

/* Numbers every living slot of m; linear. Valid until the graph changes. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_slot_order_make(quire_ctx *ctx, const quire_model *m,
                                                  quire_slot_order *out_order);
/* Accepts an order that is all zero. */
void quire_slot_order_deinit(quire_ctx *ctx, quire_slot_order *order);
/* 0 for NAMED and ABSENT slots. */
static inline uint32_t
quire_slot_rank(const quire_slot_order *order, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) return order->rank_of_value[slot.id];
    return slot.kind == QUIRE_SLOT_USE ? order->rank_of_use[slot.id] : 0;
}

/* --- text ------------------------------------------------------------------------------------- */

/* The canonical text: every name plain where it can be. */
void quire_slot_print(quire_writer *w, const quire_model *m, quire_slot slot);

/* What is done with a slot the graph does not have. */
typedef enum quire_slot_missing {
    QUIRE_MISSING_REFUSED,      /* QUIRE_E_INVALID with the nearest names */
    QUIRE_MISSING_NAMED,        /* becomes NAMED */
    QUIRE_NOTHING_IS_LOOKED_UP, /* every slot becomes NAMED: for texts without their model */
} quire_slot_missing;

/* Reads texts about slots of one model, any number of them. Names are found through one hash table,
 * built by _init in time linear in the model; the graph must not change while the reader is in use.
 * An operand number beyond the last of an existing node gives an ABSENT slot, unless nothing is
 * looked up. */
typedef struct quire_slot_reader {
    quire_ctx *ctx;
    quire_model *m; /* symbols, arena and pool of specs grow */
    /* Set by the caller after _init; all may stay as they are. */
    const char *origin;  /* the text's file: messages are then not about ctx->file; or NULL */
    const uint8_t *line; /* where the line begins that is read, for columns; NULL: at *io_text */
    quire_node self;     /* `$<-K` is its operand K, `$` its first result; 0: `$` is refused */
    /* Private. */
    quire_slot_missing missing;
    uint32_t *places; /* open addressing: values and graphs by name (slot_names.c) */
    size_t n_places;
    uint8_t *scratch; /* names with their quotes and escapes undone */
    size_t scratch_room;
} quire_slot_reader;

/* Reports QUIRE_E_NOMEM; nothing to deinit then. */
QUIRE_MUST_USE quire_status quire_slot_reader_init(quire_ctx *ctx, quire_model *m,
                                                   quire_slot_missing missing,
                                                   quire_slot_reader *out_reader);
void quire_slot_reader_deinit(quire_slot_reader *reader);
/* Parses one slot; *io_text advances past it (not past blanks behind it). `where`, which may be
 * NULL, goes before the column in messages. Reports QUIRE_E_INVALID, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_slot_parse(quire_slot_reader *reader, const char *where,
                                             quire_bytes *io_text, quire_slot *out_slot);

#endif
