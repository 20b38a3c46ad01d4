/* toposort-check
 *
 * Needs:  nothing.
 * Does:   refuses the model if a node of any graph, body or function reads what is defined later; a
 *         cycle is told from mere disorder, and the shortest way around it is printed.
 * Leaves: every value defined before it is used. Changes nothing.
 * Keeps:  everything.
 */
#include "graph/order.h"
#include "passes/pass.h"

enum { MAX_REPORTED = 50 };

quire_status
quire_pass_toposort_check(quire_ctx *ctx, quire_run *run)
{
    unsigned budget = MAX_REPORTED;
    return quire_order_check(ctx, run->model, QUIRE_E_INVALID, &budget);
}
