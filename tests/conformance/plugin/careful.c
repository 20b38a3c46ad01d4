/* careful.c - asks for nothing that the host's tables do not have: a host may be older than
 * the header that a plugin was built with, and its tables shorter. The first member it misses
 * is reported.
 */
#include "plain.h"

static const quire_host *host;

static void
say(const char *what)
{
    const quire_string string = {what, strlen(what)};
    host->report(host->ctx, QUIRE_NOTE, (quire_place){0, 0}, string);
}

static quire_status
create(const quire_host *the_host, const void *options, void **out_self)
{
    host = the_host;
    (void)options;
    *out_self = NULL;
    if (!QUIRE_HAS(host, quire_host, get_service)) {
        say("no services");
    } else if (host->get_service(host->ctx, QUIRE_HOST_LOG_1) == NULL) {
        say("no log");
    }
    return QUIRE_OK;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    if (!QUIRE_HAS(c, quire_claim_api, text)) {
        say("no text");
        return QUIRE_OK;
    }
    quire_string out;
    const quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_FLOAT};
    return c->text(c->ctx, &spec, &out);
}

static const quire_quantizer quantizer = {.size = sizeof(quire_quantizer),
                                          .name = "careful",
                                          .summary = "looks before it leaps",
                                          .create = create,
                                          .destroy = plain_destroy,
                                          .support = plain_support,
                                          .annotate = annotate};

PLAIN_ONE("careful", &quantizer)

/* So that nothing of plain.h is unused. */
extern const quire_quantizer careful_unused;
const quire_quantizer careful_unused = PLAIN_QUANTIZER("unused");
