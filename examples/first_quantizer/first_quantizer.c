/* first_quantizer.c - int8 for embedding tables, one scale per row: a plugin in 80 lines. */
#include <string.h>

#include "quire/plugin.h"

enum { FLOAT = 1, INT8 = 3 }; /* TensorProto.DataType */

static const quire_qspec int8_rows = {.size = sizeof int8_rows,
                                      .kind = QUIRE_QSPEC_QUANTIZED,
                                      .dtype = INT8,
                                      .symmetric = 1,
                                      .granularity = QUIRE_QSPEC_PER_AXIS, /* of axis 0 */
                                      .observer = {"minmax", 6}};

static quire_status
create(const quire_host *host, const void *options, void **out_self)
{
    (void)host, (void)options, (void)out_self; /* it remembers nothing */
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    (void)self;
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    if (row > 0) return QUIRE_NONE;
    out->op = "Gather"; /* its operand 0 */
    out->spec = int8_rows;
    return QUIRE_OK;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    quire_status status = QUIRE_OK;
    (void)self;
    for (quire_node_id n = 0; status == QUIRE_OK && (n = g->next_node(g->ctx, n)) != 0;) {
        quire_node_view node = {.size = sizeof node};
        quire_value_view table = {.size = sizeof table};
        quire_value_id value;
        quire_place place;
        status = g->node(g->ctx, n, &node);
        const quire_string op = node.op_type;
        if (op.len != 6 || memcmp(op.ptr, "Gather", 6) != 0 || node.domain.len != 0) continue;
        status = g->operand(g->ctx, n, 0, &place, &value);
        if (status == QUIRE_OK) status = g->value(g->ctx, value, &table);
        if (status == QUIRE_OK && table.constant && table.rank == 2 && table.dtype == FLOAT)
            status = c->claim(c->ctx, place, &int8_rows, 0, 0, (quire_string){"a table", 7});
    }
    return status;
}

/* clang-format off */
static const quire_quantizer quantizer = {
    .size = sizeof quantizer, .name = "first", .summary = "int8 for embedding tables",
    .create = create, .destroy = destroy, .support = support, .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

static const quire_plugin plugin = {
    .size = sizeof plugin, .abi_major = QUIRE_ABI_MAJOR, .abi_minor = QUIRE_ABI_MINOR,
    .id = "org.example.first", .name = "first", .version = "1.0", .license = "Apache-2.0",
    .summary = "a first quantizer", .get_interface = get_interface};

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == QUIRE_ABI_MAJOR ? &plugin : NULL;
}
