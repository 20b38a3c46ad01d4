/* newer.c - a plugin built for a later minor version: every struct it makes is longer than
 * this version's, with members that this host does not know and must not touch or miss.
 */
#include "plain.h"

enum { MAGIC = 0x5eed };

/* Later members of a struct, behind those of today. */
#define NEWER(name)                                                                                \
    typedef struct newer_##name {                                                                  \
        quire_##name base;                                                                         \
        uint64_t later[3];                                                                         \
    } newer_##name
NEWER(plugin);
NEWER(quantizer);
NEWER(option);
NEWER(formula);
NEWER(qspec);
NEWER(node_view);
NEWER(new_node);
NEWER(new_attribute);

typedef struct options {
    int64_t one, two;
} options;

static const quire_host *host;
static options given;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static quire_status
create(const quire_host *the_host, const void *its_options, void **out_self)
{
    host = the_host;
    given = *(const options *)its_options;
    *out_self = &given;
    return QUIRE_OK;
}

static quire_status
fail(const char *why)
{
    host->report(host->ctx, QUIRE_ERROR, (quire_place){0, 0}, text(why));
    return QUIRE_E_INVALID;
}

/* An attribute array whose elements are longer than this host's. */
static quire_status
transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    const quire_node_id first = g->next_node(g->ctx, 0);
    quire_value_id input;
    const quire_string name = text("leaky");
    newer_new_attribute attributes[2] = {
        {.base = {.size = sizeof attributes[0], .type = 1, .name = text("alpha"), .f = 0.5f}},
        {.base = {.size = sizeof attributes[0], .type = 2, .name = text("note"), .i = 7}}};
    newer_new_node node = {.base = {.size = sizeof node,
                                    .graph = g->main_graph(g->ctx),
                                    .before = first,
                                    .op_type = text("LeakyRelu"),
                                    .n_operands = 1,
                                    .operands = &input,
                                    .n_results = 1,
                                    .results = &name,
                                    .attributes = &attributes[0].base,
                                    .n_attributes = 1}};
    quire_node_id made;
    quire_value_id value;
    quire_status status = g->operand(g->ctx, first, 0, NULL, &input);
    (void)self;
    node.base.n_attributes = given.two == 2 ? 2 : 1;
    node.base.domain = text(given.two == 2 ? "org.example" : "");
    if (status == QUIRE_OK) status = e->create_node(e->ctx, &node.base, &made);
    if (status == QUIRE_OK) status = g->result(g->ctx, made, 0, NULL, &value);
    return status == QUIRE_OK ? e->set_operand(e->ctx, first, 0, value) : status;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    newer_qspec spec = {.base = {.size = sizeof spec,
                                 .kind = QUIRE_QSPEC_QUANTIZED,
                                 .dtype = 2,
                                 .zero_point = QUIRE_QSPEC_ZERO_POINT_INT},
                        .later = {MAGIC, MAGIC, MAGIC}};
    newer_node_view view = {.base = {.size = sizeof view}, .later = {MAGIC, MAGIC, MAGIC}};
    quire_place place;
    const quire_node_id node = g->next_node(g->ctx, 0);
    quire_status status = g->node(g->ctx, node, &view.base);
    (void)self;
    spec.base.observer = text("minmax");
    if (status == QUIRE_OK) status = g->result(g->ctx, node, 0, &place, NULL);
    if (status == QUIRE_OK) status = c->claim(c->ctx, place, &spec.base, 0, 0, text("newer"));
    if (status != QUIRE_OK) return status;
    for (int i = 0; i < 3; i++) {
        if (view.later[i] != MAGIC) return fail("the host wrote behind what it knows");
    }
    if (view.base.size > sizeof(quire_node_view)) return fail("the host says that it wrote more");
    return given.one == 1 && given.two >= 2 ? QUIRE_OK : fail("options are mixed up");
}

static quire_status
check(const quire_host *formula_host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    (void)formula_host;
    (void)spec;
    (void)sources;
    (void)n;
    return QUIRE_OK;
}

static quire_status
derive(const quire_host *formula_host, const quire_qspec *spec,
       const quire_qspec *const *source_specs, const quire_qparams *const *sources, uint32_t n,
       quire_qparams *io_out)
{
    (void)formula_host;
    (void)spec;
    (void)source_specs;
    (void)n;
    io_out->scale[0] = sources[0]->scale[0];
    return QUIRE_OK;
}

static const newer_option rows[] = {
    {.base = {.size = sizeof(newer_option),
              .type = QUIRE_OPTION_INT,
              .name = "one",
              .help = "a number",
              .otherwise = "1",
              .offset = offsetof(options, one)}},
    {.base = {.size = sizeof(newer_option),
              .type = QUIRE_OPTION_INT,
              .name = "two",
              .help = "another; 2 gives the node it makes two attributes",
              .otherwise = "2",
              .offset = offsetof(options, two)}},
};

static const newer_quantizer quantizer = {.base = {.size = sizeof(newer_quantizer),
                                                   .options_size = sizeof(options),
                                                   .name = "newer",
                                                   .summary = "of a later version",
                                                   .options = &rows[0].base,
                                                   .n_options = 2,
                                                   .create = create,
                                                   .destroy = plain_destroy,
                                                   .support = plain_support,
                                                   .transform = transform,
                                                   .annotate = annotate}};

static const newer_formula formula = {.base = {.size = sizeof(newer_formula),
                                               .name = "newer",
                                               .summary = "of a later version",
                                               .least_sources = 1,
                                               .most_sources = 1,
                                               .check = check,
                                               .derive = derive}};

static const void *
get_interface(const char *id, uint32_t index)
{
    if (index > 0) return NULL;
    if (strcmp(id, QUIRE_QPARAMS_1) == 0) return &formula;
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 ? &quantizer : NULL;
}

static const newer_plugin plugin = {.base = {.size = sizeof(newer_plugin),
                                             .abi_major = QUIRE_ABI_MAJOR,
                                             .abi_minor = QUIRE_ABI_MINOR + 7,
                                             .id = "org.example.newer",
                                             .name = "newer",
                                             .version = "9",
                                             .license = "Apache-2.0",
                                             .summary = "built for a later minor version",
                                             .get_interface = get_interface}};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin.base : NULL;
}

/* So that nothing of plain.h is unused. */
extern const quire_quantizer newer_unused;
const quire_quantizer newer_unused = PLAIN_QUANTIZER("unused");
