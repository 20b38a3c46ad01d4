/* selected.h - the tables that a selector (docs/selectors.md) chooses, through the host's service.
 *
 * A table is chosen if the selector selects its own slot, or operand 0 of a lookup that leads to it.
 */
#ifndef QUIRE_QUANTIZERS_SELECTED_H
#define QUIRE_QUANTIZERS_SELECTED_H

#include "quantizers/lookups.h"

typedef struct quire_selected {
    const quire_host *host;
    uint8_t *chosen; /* by value id, 1: a table that is chosen */
    uint32_t n;      /* entries there are */
} quire_selected;

/* Fills `*out`, to be freed in any case. Says that the expression selects nothing, with what is
 * nearest, or no table: QUIRE_E_USAGE; or what the host's functions return. */
quire_status quire_selected_find(const quire_host_select *service, const quire_lookups *lookups,
                                 quire_string expression, quire_selected *out);
void quire_selected_free(quire_selected *selected);
static inline bool
quire_selected_has(const quire_selected *selected, quire_value_id table)
{
    return table < selected->n && selected->chosen[table] != 0;
}

#endif
