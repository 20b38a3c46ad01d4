/* lookups.h - the lookups of a model, with the table each leads to, or the reason it leads to none.
 *
 * One walk over all nodes gives every value its origin (a table behind wrappers, a shape, codes,
 * something computed), so that following chains costs nothing afterwards; then every lookup is
 * judged. The reasons are those of docs/reasons.md, as far as the graph shows them through
 * quire/plugin.h: what needs an opset or the values of integer tensors is left to the lowering.
 */
#ifndef QUIRE_QUANTIZERS_LOOKUPS_H
#define QUIRE_QUANTIZERS_LOOKUPS_H

#include <stdbool.h>

#include "quire/plugin.h"

/* Why a lookup is left alone. */
typedef struct quire_left {
    const char *reason; /* NULL: it is not */
    const char *text;
} quire_left;

typedef struct quire_table_lookup {
    quire_node_id node;
    quire_place place;    /* its operand 0 */
    quire_value_id table; /* initializer or Constant result behind it; 0: none */
    quire_left left;
    bool on_nd; /* a GatherND */
} quire_table_lookup;

typedef struct quire_origin_record {
    quire_value_id base; /* whose elements these are; 0: nobody's, or of several          */
    uint8_t is_known;
    uint8_t type;      /* element type if only wrappers stand before base, else 0         */
    uint8_t constness; /* lookups.c */
    uint8_t flags;     /* lookups.c */
} quire_origin_record;

typedef struct quire_lookups {
    const quire_host *host;
    const quire_graph_api *api;
    quire_table_lookup *of; /* in the order of nodes */
    uint32_t n, room;
    quire_origin_record *origins; /* by value id */
    uint32_t n_origins;
    uint8_t *roots; /* by graph id: kind of its outermost graph + 1; 0: not seen */
    uint32_t n_roots;
    quire_graph_id last_graph;
} quire_lookups;

typedef enum quire_constant_indices {
    QUIRE_CONSTANT_INDICES_LEFT, /* such lookups are left alone: their result is constant */
    QUIRE_CONSTANT_INDICES_TAKEN
} quire_constant_indices;

/* Fills `*out`, to be freed in any case. QUIRE_E_NOMEM, or what the graph functions return. */
quire_status quire_lookups_find(const quire_host *host, const quire_graph_api *api,
                                quire_constant_indices indices, quire_lookups *out);
void quire_lookups_free(quire_lookups *lookups);

/* Does anything but lookups that are not left alone read the table, through wrappers or not? */
bool quire_lookups_table_stays(const quire_lookups *lookups, quire_value_id table);

/* Makes room for `n` records of `size` bytes in *io_array, which has room for *io_room; new bytes
 * are zero. QUIRE_E_NOMEM. */
quire_status quire_room_for(const quire_host *host, void *io_array /* a T ** */, uint32_t *io_room,
                            uint64_t n, size_t size);

/* Says through the host what is wrong; returns `status`. */
quire_status quire_say(const quire_host *host, quire_status status, const char *text);

static inline quire_string
quire_string_of(const char *text)
{
    quire_string s = {text, 0};
    while (text[s.len] != '\0')
        s.len++;
    return s;
}

#define QUIRE_RETURN_IF_FAILED(call)                                                               \
    do {                                                                                           \
        const quire_status status_ = (call);                                                       \
        if (status_ != QUIRE_OK) return status_;                                                   \
    } while (0)

#endif
