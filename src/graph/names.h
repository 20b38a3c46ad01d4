/* names.h - do names mean in a file what the links say?
 *
 * In a file, a body reads a value of an enclosing graph by its name, and the innermost value that is
 * called so is meant. Links do not depend on names, so an edit can leave a reader whose file would
 * say something else, or a body that hides a name, which readers of files refuse.
 */
#ifndef QUIRE_GRAPH_NAMES_H
#define QUIRE_GRAPH_NAMES_H

#include "graph/model.h"

/* Checks all bodies. Reports at most *io_budget violations as errors with `status` and takes their
 * number off *io_budget. Returns QUIRE_OK, `status` if there was a violation, or QUIRE_E_NOMEM.
 * Names of one graph must be unique, links intact. Linear; nothing is allocated for a model without
 * bodies and training graphs. */
QUIRE_MUST_USE quire_status quire_names_check(quire_ctx *ctx, const quire_model *m,
                                              quire_status status, unsigned *io_budget);

#endif
