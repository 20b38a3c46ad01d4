/* sweep
 *
 * Needs:  nothing.
 * Does:   removes what lost its last reader in this run: initializers, and nodes none of whose
 *         results is read, and then what those alone had read.
 * Leaves: nothing that only this run made useless. What nobody read before is not touched: it is
 *         the model's own business.
 * Keeps:  graph inputs (below ir_version 4 an initializer goes with the input that declares it),
 *         nodes with bodies, operators of other domains.
 */
#include "graph/edit.h"
#include "passes/pass.h"

static bool
is_onnx_domain(const quire_model *m, quire_node n)
{
    const quire_bytes domain = quire_sym_bytes(m, quire_op_at(m, quire_node_at(m, n)->op)->domain);
    return domain.len == 0 || quire_bytes_equal(domain, quire_bytes_of("ai.onnx"));
}

/* May n go? Its results are unused, and all it does is to compute them. */
static bool
is_useless(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    if ((r->flags & QUIRE_DEAD) || !is_onnx_domain(m, n)) return false;
    for (uint32_t k = 0; k < r->n_out; k++) {
        if (quire_value_at(m, quire_node_result(m, n, k))->n_uses > 0) return false;
    }
    for (uint32_t k = 0; k < r->n_attr; k++) {
        if (quire_attr_at(m, (quire_attr){r->attr.id + k})->n_graphs > 0) return false;
    }
    return true;
}

/* An initializer that a caller can override belongs to the graph's interface. */
static bool
is_removable_initializer(const quire_model *m, const quire_value_rec *v)
{
    return v->init.id != 0 && (v->def_kind == QUIRE_DEF_INITIALIZER || m->ir_version < 4);
}

static quire_status
sweep_value(quire_ctx *ctx, quire_model *m, quire_value v)
{
    const quire_value_rec *r = quire_value_at(m, v);
    if ((r->flags & QUIRE_DEAD) || r->n_uses > 0) return QUIRE_OK;
    if (is_removable_initializer(m, r)) return quire_graph_remove_initializer(ctx, m, v);
    const quire_node n = quire_value_node(m, v);
    return n.id != 0 && is_useless(m, n) ? quire_node_erase(ctx, m, n) : QUIRE_OK;
}

/* Erasing a node adds what it read to the end of the list. */
quire_status
quire_pass_sweep(quire_ctx *ctx, quire_run *run)
{
    for (size_t i = 0; i < run->model->n_orphans; i++)
        QUIRE_TRY(sweep_value(ctx, run->model, run->model->orphans[i]));
    return QUIRE_OK;
}
