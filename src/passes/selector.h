/* selector.h - choosing slots with one small language, the same everywhere: docs/selectors.md.
 *
 *     expr    := term ("or" term)*
 *     term    := factor (["and"] factor)*
 *     factor  := "not" factor | "(" expr ")" | atom
 *     node    := op:P | name:P | re:REGEX | consumer-of:F | producer-of:F | between:(expr, expr)
 *     tensor  := tensor:P | dtype:TYPE | FIGURE (>=|<=|>|<|=|!=) NUMBER | constant
 *     FIGURE  := rows | width | rank | elements | bytes
 *     place   := operand[:K] | result[:K] | input | initializer | output[:K] | slot:"TEXT"
 *     either  := in-body:P
 *     F       := atom | "(" expr ")"
 *     P       := GLOB | "GLOB" | re:REGEX       a word ends at a blank, a parenthesis or a comma
 *
 * An expression is true or false of a slot. Node atoms speak of the node whose operand or result
 * it is (false of inputs, initializers and outputs), tensor atoms of the tensor it is about. If
 * the expression names no place, it selects operands if it has a node atom, else the slots that
 * define tensors (results, inputs, initializers): `op:Gather` are the operands of all Gathers,
 * `rows>=100000` the tables themselves.
 */
#ifndef QUIRE_PASSES_SELECTOR_H
#define QUIRE_PASSES_SELECTOR_H

#include "graph/slot.h"
#include "quire/quire.h"

typedef struct quire_selector quire_selector;

/* Parses. A mistake is `status` (QUIRE_E_USAGE for command lines and recipes), reported as
 * "WHERE: column N: what is wrong: TEXT with ^ before the place"; `where` may be NULL. Reports
 * QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_selector_parse(quire_ctx *ctx, quire_bytes text,
                                                 const char *where, quire_status status,
                                                 quire_selector **out);
void quire_selector_destroy(quire_ctx *ctx, quire_selector *selector); /* accepts NULL */
quire_bytes quire_selector_text(const quire_selector *selector);

/* The slots of m it is true of, ascending; *out_slots has n entries, freed with quire_free(alloc,
 * ptr, n * sizeof). Time: linear in slots times atoms. `order` is m's. Needs infer-types for what
 * is not stated. Reports QUIRE_E_USAGE for a regular expression that takes too many steps,
 * QUIRE_E_CANCELED, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_selector_find(quire_ctx *ctx, const quire_selector *selector,
                                                const quire_model *m, const quire_slot_order *order,
                                                quire_slot **out_slots, size_t *out_n);
/* For a selector that matched nothing: which of its atoms matches nothing by itself, and the
 * names nearest to its pattern; one sentence part, in `out`. */
QUIRE_MUST_USE quire_status quire_selector_tell_nearest(quire_ctx *ctx,
                                                        const quire_selector *selector,
                                                        const quire_model *m,
                                                        const quire_slot_order *order, char *out,
                                                        size_t room);
/* A list of slots for people: text, op, type, one slot a line in columns; or for scripts:
 * `{format_version, selector, slots[] {slot, node, op, tensor, dtype, dims}}`
 * (docs/selectors.md). */
QUIRE_MUST_USE quire_status quire_selector_list(quire_writer *w, const quire_selector *selector,
                                                const quire_model *m, const quire_slot *slots,
                                                size_t n, quire_format format);

#endif
