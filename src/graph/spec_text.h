/* spec_text.h - what printing and parsing of specs share. Only spec.c and spec_parse.c include
 * it. */
#ifndef QUIRE_GRAPH_SPEC_TEXT_H
#define QUIRE_GRAPH_SPEC_TEXT_H

#include "graph/spec.h"

/* Range of an integer type of up to 32 bits; false for other types. */
bool quire_spec_type_range(int32_t dtype, int64_t *out_min, int64_t *out_max);

/* May `c` stand in a name without quotes? */
bool quire_slot_is_plain(uint8_t c);
/* One component of a path: plain, or quoted with \xNN. */
void quire_slot_print_name(quire_writer *w, quire_bytes name);
/* The result by which n is named; 0 if it has none. */
quire_value quire_node_first_result(const quire_model *m, quire_node n);

enum { QUIRE_ROOT_ROOM = 512 };
/* Path component of a root graph: "" for the main graph, `function DOMAIN:NAME:OVERLOAD`,
 * `training[k].initialization`, `training[k].algorithm`; cut to fit. */
quire_bytes quire_root_text(const quire_model *m, quire_graph g, char out[QUIRE_ROOT_ROOM]);

#endif
