/* hostile_erased.c - claims at a slot that its transform erased. */
#include "hostile.h"

static quire_place erased;
static quire_node_id erased_node;

/* A node nobody reads, made and erased again. */
static quire_status
transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    quire_value_id input;
    quire_node_id node = 0;
    quire_status status = g->input(g->ctx, g->main_graph(g->ctx), 0, NULL, &input);
    const quire_string name = text("hostile");
    const quire_new_node made = {.size = sizeof made,
                                 .graph = g->main_graph(g->ctx),
                                 .op_type = text("Neg"),
                                 .operands = &input,
                                 .n_operands = 1,
                                 .n_results = 1,
                                 .results = &name};
    (void)self;
    if (status == QUIRE_OK) status = e->create_node(e->ctx, &made, &node);
    if (status == QUIRE_OK) status = g->result(g->ctx, node, 0, &erased, NULL);
    if (status == QUIRE_OK) status = e->erase_node(e->ctx, node);
    erased_node = node;
    return status;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    const quire_qspec spec = plain_spec();
    quire_node_view view = {.size = sizeof view};
    (void)self;
    if (hostile_how == 1) return g->node(g->ctx, erased_node, &view);
    return c->claim(c->ctx, erased, &spec, 0, 0, text("a ghost"));
}

HOSTILE_CHOICES("claim", "read", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-erased"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .transform = transform, .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-erased")
