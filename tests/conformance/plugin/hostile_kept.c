/* hostile_kept.c - tables kept beyond the callback they were given to. */
#include "hostile.h"

static const quire_claim_api *kept;
static quire_place place;

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    kept = c;
    place = first_result(g);
    return QUIRE_OK;
}

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    const quire_qspec spec = plain_spec();
    (void)self;
    (void)g;
    (void)r;
    if (hostile_how == 0) (void)kept->claim(kept->ctx, place, &spec, 0, 0, text("too late"));
    return QUIRE_OK;
}

/* Reports after its end come to nothing; they must do no harm. */
static void
destroy(void *self)
{
    const quire_qspec spec = plain_spec();
    (void)self;
    if (hostile_how == 1) (void)kept->claim(kept->ctx, place, &spec, 0, 0, text("much too late"));
    hostile_host->report(hostile_host->ctx, QUIRE_ERROR, place, text("from the other side"));
}

HOSTILE_CHOICES("validate", "destroy", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-kept"),
                                          .support = hostile_support, .annotate = annotate,
                                          .validate = validate, .destroy = destroy};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-kept")
