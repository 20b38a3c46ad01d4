/* layout_look.h - looking ahead into a message: what is it called, is it worth taking apart?
 *
 * Nothing here reads payloads. All offsets are of the model file.
 */
#ifndef QUIRE_GRAPH_LAYOUT_LOOK_H
#define QUIRE_GRAPH_LAYOUT_LOOK_H

#include "graph/layout_walk.h"

typedef struct quire_tag { /* one field */
    uint32_t number, wire;
    uint64_t at, body, end; /* tag, what follows tag and length, next field */
    uint64_t value;         /* wire 0 */
} quire_tag;

/* The field at `at` of a message that ends at `end`. Reports QUIRE_E_INVALID for bytes that the
 * wire check would have refused, and as quire_window_get does. */
QUIRE_MUST_USE quire_status quire_look_tag(quire_walk *walk, uint64_t at, uint64_t end,
                                           quire_tag *out_tag);
/* Body of the last field `number` between `at` and `end`; length 0 if there is none. */
QUIRE_MUST_USE quire_status quire_look_string(quire_walk *walk, uint64_t at, uint64_t end,
                                              uint32_t number, quire_span *out_body);

typedef struct quire_look {
    quire_span name;
    bool opens;          /* holds graphs, bulk payloads or external data: has pieces of its own */
    quire_span location; /* tensor with external data */
    uint64_t offset, length;
    bool external, has_length;
} quire_look;

/* The messages that may be taken apart; `at` and `end` bound the body. */
QUIRE_MUST_USE quire_status quire_look_tensor(quire_walk *walk, uint64_t at, uint64_t end,
                                              quire_look *out_look);
QUIRE_MUST_USE quire_status quire_look_sparse(quire_walk *walk, uint64_t at, uint64_t end,
                                              quire_look *out_look);
QUIRE_MUST_USE quire_status quire_look_attribute(quire_walk *walk, uint64_t at, uint64_t end,
                                                 quire_look *out_look);
/* The name is that of the first result that is present. */
QUIRE_MUST_USE quire_status quire_look_node(quire_walk *walk, uint64_t at, uint64_t end,
                                            quire_look *out_look);

/* Is this field of a TensorProto a payload of its own? */
bool quire_look_is_payload(const quire_tag *tag);

#endif
