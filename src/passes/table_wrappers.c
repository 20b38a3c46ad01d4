/* table-wrappers
 *
 * Needs:  nodes in order.
 * Does:   lets a Gather or GatherND whose data is a constant float matrix behind Identity or Dropout
 *         read the matrix itself. Where a Cast stands between them nothing is changed: the type would;
 *         find-tables sees through it anyway. Constant nodes are tables as they are.
 * Leaves: wrappers that nobody reads any more, for sweep.
 * Keeps:  types, order, names. Layers: specs stay with the operand.
 */
#include "graph/edit.h"
#include "passes/origin.h"
#include "passes/pass.h"

static bool
is_table(const quire_model *m, const quire_origin *o)
{
    const quire_tensor_rec *r = quire_tensor_at(m, quire_value_constant(m, o->base, NULL));
    const bool floating = r->dtype == QUIRE_DTYPE_FLOAT || r->dtype == QUIRE_DTYPE_FLOAT16 ||
                          r->dtype == QUIRE_DTYPE_BFLOAT16;
    return floating && r->rank == 2 && o->type == r->dtype && o->constness == QUIRE_CONSTANT;
}

static quire_status
rewrite(quire_ctx *ctx, quire_model *m, const quire_origins *origins)
{
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = quire_walk_next(m, n)) {
        const quire_op_kind kind = quire_node_kind(m, n);
        if (kind != QUIRE_OP_GATHER && kind != QUIRE_OP_GATHER_ND) continue;
        const quire_value data = quire_node_input(m, n, 0);
        const quire_origin *o = &origins->of[data.id];
        if (o->base.id == data.id || !is_table(m, o)) continue;
        QUIRE_TRY(quire_use_set(ctx, m, quire_node_operand(m, n, 0), o->base));
    }
    return QUIRE_OK;
}

quire_status
quire_pass_table_wrappers(quire_ctx *ctx, quire_run *run)
{
    quire_origins origins;
    quire_status status = quire_origins_make(ctx, run->model, &origins);
    if (status == QUIRE_OK) status = rewrite(ctx, run->model, &origins);
    quire_origins_free(ctx, &origins);
    return status;
}
