/* verify.h - does the model keep its own rules?
 *
 * Collects up to 50 violations as diagnostics with their path, then fails: id ranges, both
 * directions of every list, order, scope and ancestry of captures, unique names per scope, names
 * that mean what is read, no dead record in use, attribute kinds, tensor sizes, layers on living
 * entities. Runs after import, after every pass under verify-each, after a quantizer's transform,
 * before export.
 */
#ifndef QUIRE_GRAPH_VERIFY_H
#define QUIRE_GRAPH_VERIFY_H

#include "graph/model.h"

/* QUIRE_OK, or `status` (QUIRE_E_INVALID after import, QUIRE_E_INTERNAL after our own passes,
 * QUIRE_E_PLUGIN after a plugin) with the violations reported. */
QUIRE_MUST_USE quire_status quire_model_verify(quire_ctx *ctx, const quire_model *m,
                                               quire_status status);

#endif
