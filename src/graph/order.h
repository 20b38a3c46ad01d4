/* order.h - is every value defined before it is used?
 *
 * One judge for the verifier and for toposort-check: it tells a graph whose nodes are merely in the
 * wrong order from one that has a cycle and so no order at all. Bodies count as part of the node that
 * holds them: what a body captures, its owner must find defined.
 */
#ifndef QUIRE_GRAPH_ORDER_H
#define QUIRE_GRAPH_ORDER_H

#include "graph/model.h"

/* Checks all graphs. Reports at most *io_budget violations as errors with `status` and the path of the
 * node that reads too early, and takes their number off *io_budget; a cycle is reported once, by the
 * shortest way around through its first use that comes too early. Returns QUIRE_OK, `status` if there
 * was a violation (also with a budget of 0), or QUIRE_E_NOMEM. Links must be intact: ids in range,
 * `order` rising along each list. Linear; allocates only when something is wrong. */
QUIRE_MUST_USE quire_status quire_order_check(quire_ctx *ctx, const quire_model *m,
                                              quire_status status, unsigned *io_budget);

#endif
