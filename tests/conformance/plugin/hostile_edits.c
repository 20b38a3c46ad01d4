/* hostile_edits.c - its transform leaves a graph that is none: nodes that read what comes
 * after them.
 */
#include "hostile.h"

static quire_status
transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    const quire_node_id first = g->next_node(g->ctx, 0);
    const quire_node_id second = g->next_node(g->ctx, first);
    quire_value_id value;
    quire_status status;
    (void)self;
    if (hostile_how == 1) return e->erase_node(e->ctx, first); /* somebody reads it */
    status = g->result(g->ctx, second, 0, NULL, &value);
    return status == QUIRE_OK ? e->set_operand(e->ctx, first, 0, value) : status;
}

HOSTILE_CHOICES("cycle", "erase", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-edits"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .transform = transform, .annotate = hostile_annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-edits")
