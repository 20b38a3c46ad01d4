/* kit.c - a plugin that does one thing wrong: FAULT, one of kit_faults.inc, or none. It asks for int8
 * at the weight of every MatMul, and has the formula "product".
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "quire/plugin.h"

enum fault {
    none,
#define X(fault, test, reason) fault,
#include "kit_faults.inc"
#undef X
};
#define IS(fault) (FAULT == (fault))

typedef struct options {
    int64_t n;
} options;

typedef struct instance {
    const quire_host *host;
    char *more; /* a second block */
    int32_t dtype;
} instance;

static int calls, instances;
static volatile int threads;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static quire_status
fail(const quire_host *host, quire_status status, const char *why)
{
    host->report(host->ctx, QUIRE_ERROR, (quire_place){0, 0}, text(why));
    return status;
}

static void
wait_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

static quire_status
make(instance *self, const options *o)
{
    const quire_host *host = self->host;
    self->more = host->realloc(host->ctx, NULL, 0, 40);
    if (self->more == NULL && !IS(memory_unchecked)) {
        if (!IS(memory_left)) host->realloc(host->ctx, self, sizeof *self, 0);
        return fail(host, QUIRE_E_NOMEM, "out of memory");
    }
    memset(self->more, 0, 40);
    if (IS(leaks)) (void)host->realloc(host->ctx, NULL, 0, 10);
    if (IS(option_aborts) && o->n == 9) abort();
    if (IS(writes_options)) ((options *)(size_t)o)->n = 1;
    self->dtype = IS(counts_calls) && ++calls % 2 == 0 ? 2 : 3;
    instances++;
    return QUIRE_OK;
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    if (IS(only_one) && instances > 0) return fail(host, QUIRE_E_UNSUPPORTED, "one is enough");
    if (IS(reads_behind_host) && ((const volatile char *)host)[host->size + 64] == 1)
        return QUIRE_OK;
    if (IS(no_service_silent) && host->get_service(host->ctx, QUIRE_HOST_LOG_1) == NULL)
        return QUIRE_E_UNSUPPORTED;
    instance *self = host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) return fail(host, QUIRE_E_NOMEM, "out of memory");
    self->host = host;
    *out_self = self;
    return make(self, given);
}

static void
destroy(void *data)
{
    instance *self = data;
    const quire_host *host = self->host;
    instances--;
    host->realloc(host->ctx, self->more, IS(lies_about_sizes) ? 30 : 40, 0);
    host->realloc(host->ctx, self, sizeof *self, 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

static quire_qspec
weight_spec(int32_t dtype)
{
    quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_QUANTIZED, .dtype = dtype};
    spec.symmetric = 1;
    spec.granularity = QUIRE_QSPEC_PER_AXIS;
    spec.axis = 1;
    return spec;
}

static quire_status
support(void *data, uint32_t row, quire_support *out)
{
    (void)data;
    if (row > 0 && !IS(support_endless)) return QUIRE_NONE;
    out->op = "MatMul";
    out->is_result = 0;
    out->index = IS(support_changes) ? (uint32_t)++calls : 1;
    out->spec = weight_spec(IS(support_nonsense) ? 99 : 3);
    return QUIRE_OK;
}

/* QUIRE_NONE: no MatMul. */
static quire_status
read_node(const quire_graph_api *g, quire_node_id n, quire_place *place, quire_value_view *tensor)
{
    quire_node_view node = {.size = sizeof node};
    quire_value_id value = 0;
    quire_status status = g->node(g->ctx, n, &node);
    tensor->size = sizeof *tensor;
    if (status != QUIRE_OK) return status;
    if (IS(claims_omitted) && node.n_operands > 1) return g->operand(g->ctx, n, 1, place, &value);
    if (node.op_type.len != 6 || memcmp(node.op_type.ptr, "MatMul", 6) != 0) return QUIRE_NONE;
    status = g->operand(g->ctx, n, 1, place, &value);
    if (status == QUIRE_OK) status = g->value(g->ctx, value, tensor);
    if (IS(writes_dims) && status == QUIRE_OK && tensor->rank > 0)
        ((int64_t *)(size_t)tensor->dims)[0] = 1;
    return status;
}

static quire_status
remember(const instance *self)
{
    const quire_host *host = self->host;
    void *note = host->realloc(host->ctx, NULL, 0, 16);
    if (note == NULL) {
        if (IS(memory_left_later)) (void)host->realloc(host->ctx, NULL, 0, 8);
        return IS(forgets) ? QUIRE_NONE : fail(host, QUIRE_E_NOMEM, "out of memory");
    }
    host->realloc(host->ctx, note, 16, 0);
    return QUIRE_OK;
}

static int
leaves_out(quire_node_id n, int n_seen)
{
    if (IS(first_only)) return n_seen > 0;
    if (IS(looks_at_ids)) return n % 2 == 1;
    if (IS(counts_instances)) return instances > 1;
    return IS(counts_threads) && threads > 1;
}

static quire_status
ask(const instance *self, const quire_claim_api *c, quire_place place)
{
    const quire_qspec spec = weight_spec(IS(beyond_support) ? 2 : self->dtype);
    quire_status status = remember(self);
    if (status != QUIRE_OK) return status == QUIRE_NONE ? QUIRE_OK : status;
    status = c->claim(c->ctx, place, &spec, 0, 0, text("weight"));
    return IS(swallows) ? QUIRE_OK : status;
}

static void
misbehave(const instance *self)
{
    if (IS(prints)) puts("hello world");
    if (IS(exits)) _exit(3);
    if (IS(cries_wolf)) (void)fail(self->host, QUIRE_OK, "wolf");
    while (IS(hangs))
        wait_ms(1000);
    if (IS(counts_threads)) wait_ms(20);
}

static quire_status
walk(const instance *self, const quire_graph_api *g, const quire_claim_api *c)
{
    int n_seen = 0;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_value_view tensor = {.size = sizeof tensor};
        quire_status status = read_node(g, n, &place, &tensor);
        if (status == QUIRE_NONE) continue;
        if (status == QUIRE_OK && !leaves_out(n, n_seen++)) status = ask(self, c, place);
        if (status != QUIRE_OK) return status;
    }
    return IS(silent) ? QUIRE_E_INVALID : QUIRE_OK;
}

static quire_status
annotate(void *data, const quire_graph_api *g, const quire_claim_api *c)
{
    __atomic_add_fetch(&threads, 1, __ATOMIC_SEQ_CST);
    misbehave(data);
    const quire_status status = walk(data, g, c);
    __atomic_sub_fetch(&threads, 1, __ATOMIC_SEQ_CST);
    return status;
}

static quire_status
validate(void *data, const quire_graph_api *g, const quire_resolved_api *r)
{
    (void)data;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_value_view tensor = {.size = sizeof tensor};
        quire_qspec spec = {.size = sizeof spec};
        quire_status status = read_node(g, n, &place, &tensor);
        if (status == QUIRE_OK) status = r->spec(r->ctx, place, &spec, NULL);
        if (status != QUIRE_OK && status != QUIRE_NONE)
            return IS(validate_swallows) ? QUIRE_OK : status;
    }
    return QUIRE_OK;
}

/* The first node goes behind those that read it. */
static quire_status
transform(void *data, const quire_graph_api *g, const quire_edit_api *e)
{
    const quire_node_id first = g->next_node(g->ctx, 0);
    (void)data;
    return first != 0 ? e->move_node(e->ctx, first, 0) : QUIRE_OK;
}

static quire_status
adjust(void *data, const quire_graph_api *g, const quire_group_api *groups)
{
    const uint32_t n = groups->n_groups(groups->ctx);
    (void)data, (void)g;
    for (uint32_t i = 0; i < n; i++) {
        const quire_status status = groups->set_observer(groups->ctx, i, text("minmax"), text(""));
        if (status != QUIRE_OK && !IS(adjust_swallows)) return status;
    }
    return QUIRE_OK;
}

/* --- a formula -------------------------------------------------------------------------------- */

static quire_status
check(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    (void)spec, (void)sources;
    return n == 2 ? QUIRE_OK : fail(host, QUIRE_E_INVALID, "it takes two");
}

static double
product(const quire_qparams *const *sources, uint32_t i)
{
    const quire_qparams *a = sources[0], *b = sources[1];
    return a->scale[a->n == 1 ? 0 : i] * b->scale[b->n == 1 ? 0 : i];
}

static quire_status
derive(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *source_specs,
       const quire_qparams *const *sources, uint32_t n_sources, quire_qparams *io_out)
{
    const uint32_t n = io_out->n + (IS(one_more) ? 1 : 0) - (IS(one_short) ? 1 : 0);
    (void)spec, (void)source_specs, (void)n_sources;
    if (IS(derive_silent)) return QUIRE_E_INVALID;
    if (IS(writes_sources)) sources[0]->scale[0] = 1;
    for (uint32_t i = 0; i < n; i++) {
        const double scale = product(sources, i);
        if (!(scale > 0x1p-126) || !(scale < 0x1p127))
            return fail(host, QUIRE_E_INVALID, "the product is out of range");
        io_out->scale[i] = IS(scale_zero)       ? 0
                           : IS(scale_infinite) ? 1e308 * 10
                           : IS(impure)         ? scale * ++calls
                                                : scale;
        if (io_out->zero_point != NULL) io_out->zero_point[i] = IS(zero_point_far) ? 256 : 0;
        if (io_out->float_zero_point != NULL) io_out->float_zero_point[i] = 0;
    }
    return QUIRE_OK;
}

static const quire_formula formula = {.size = sizeof formula,
                                      .name = "product",
                                      .summary = "the product of two scales",
                                      .least_sources = 2,
                                      .most_sources = 2,
                                      .check = check,
                                      .derive = derive};

/* --- the plugin ------------------------------------------------------------------------------- */

static const quire_option option_rows[] = {
    {.size = sizeof(quire_option),
     .type = QUIRE_OPTION_INT,
     .name = "n",
     .help = IS(no_help) ? "" : "a number",
     .otherwise = "1",
     .least = 0,
     .most = 9,
     .offset = offsetof(options, n)},
};

static const quire_quantizer quantizer = {
    .size = sizeof quantizer,
    .options_size = sizeof(options),
    .name = "kit",
    .summary = IS(no_summary) ? NULL : "does one thing wrong",
    .options = option_rows,
    .n_options = 1,
    .create = create,
    .destroy = destroy,
    .support = support,
    .transform = IS(breaks_graph) ? transform : NULL,
    .annotate = annotate,
    .validate = validate,
    .adjust = adjust,
};

static const void *
get_interface(const char *id, uint32_t index)
{
    if (IS(answers_all) && strcmp(id, "quire.quantizer/9999") == 0) return &quantizer;
    if (index > 0) return NULL;
    if (strcmp(id, QUIRE_QPARAMS_1) == 0) return &formula;
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 ? &quantizer : NULL;
}

#define PLUGIN                                                                                     \
    {                                                                                              \
        .size = sizeof(quire_plugin), .abi_major = QUIRE_ABI_MAJOR, .abi_minor = QUIRE_ABI_MINOR,  \
        .id = "org.example.kit", .name = "kit", .version = "1.0", .license = "Apache-2.0",         \
        .summary = "what the tests of the kit are tested with", .get_interface = get_interface     \
    }
static const quire_plugin plugin = PLUGIN;
static const quire_plugin other_plugin = PLUGIN;

#if defined(KIT_EXPORTS)
QUIRE_PLUGIN_EXPORT void kit_extra(void);
void
kit_extra(void)
{
}
#endif

static void __attribute__((constructor)) load(void)
{
    if (IS(sleeps)) wait_ms(1200);
}

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    static void *volatile kept;
    (void)host_minor;
    if (IS(entry_allocates)) kept = malloc(100);
    (void)kept;
    if (host_major != QUIRE_ABI_MAJOR && !IS(serves_everybody)) return NULL;
    return IS(entry_changes) && ++calls % 2 == 0 ? &other_plugin : &plugin;
}
