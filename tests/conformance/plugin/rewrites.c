/* rewrites.c - quantizers that change the graph before they annotate it, well or badly: by the
 * option `how`. They ask for u8 codes at the first result of every node they have made.
 */
#include <string.h>

#include "plain.h"

enum { FLOAT = 1, UINT8 = 2 }; /* TensorProto.DataType */

/* In the order of `hows`. */
enum { MUL, ADD, MAX, IDENTITY, FAIL, CYCLE, ORDER, ERASED, OTHER, NOTHING };

typedef struct options {
    int32_t how;
} options;

typedef struct rewriter {
    const quire_host *host;
    int32_t how;
    quire_node_id *made;
    size_t n, room;
} rewriter;

/* The tables of a transform, and the node at hand. */
typedef struct site {
    rewriter *self;
    const quire_graph_api *g;
    const quire_edit_api *e;
    quire_node_id node;
    quire_node_view view;
    quire_value_id result; /* 0 of the node */
    quire_value_view type; /* of it */
} site;

static quire_string
text(const char *s)
{
    const quire_string string = {s, strlen(s)};
    return string;
}

static int
is(quire_string s, const char *other)
{
    return s.len == strlen(other) && memcmp(s.ptr, other, s.len) == 0;
}

/* --- its life --------------------------------------------------------------------------------- */

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    const options *o = given;
    rewriter *self = host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) return QUIRE_E_NOMEM;
    memset(self, 0, sizeof *self);
    self->host = host;
    self->how = o->how;
    *out_self = self;
    return QUIRE_OK;
}

static void
destroy(void *data)
{
    rewriter *self = data;
    const quire_host *host = self->host;
    if (self->room > 0) host->realloc(host->ctx, self->made, self->room * sizeof *self->made, 0);
    host->realloc(host->ctx, self, sizeof *self, 0);
}

static quire_status
remember(rewriter *self, quire_node_id made)
{
    if (self->n == self->room) {
        const size_t room = self->room * 2 + 16;
        quire_node_id *grown = self->host->realloc(
            self->host->ctx, self->made, self->room * sizeof *grown, room * sizeof *grown);
        if (grown == NULL) return QUIRE_E_NOMEM;
        self->made = grown;
        self->room = room;
    }
    self->made[self->n++] = made;
    return QUIRE_OK;
}

/* --- good ones -------------------------------------------------------------------------------- */

/* A node of this operator in front of the one at hand, with a name for its result that is free. */
static quire_status
make(site *s, const char *op, const quire_value_id *operands, uint32_t n, quire_node_id *out_node,
     quire_value_id *out_result)
{
    quire_string name;
    quire_new_node new_node;
    quire_status status = s->e->fresh_name(s->e->ctx, s->type.name, &name);
    if (status != QUIRE_OK) return status;
    memset(&new_node, 0, sizeof new_node);
    new_node.size = sizeof new_node;
    new_node.graph = s->view.graph;
    new_node.before = s->node;
    new_node.op_type = text(op);
    new_node.operands = operands;
    new_node.n_operands = n;
    new_node.results = &name;
    new_node.n_results = 1;
    status = s->e->create_node(s->e->ctx, &new_node, out_node);
    if (status == QUIRE_OK) status = remember(s->self, *out_node);
    return status == QUIRE_OK ? s->g->result(s->g->ctx, *out_node, 0, NULL, out_result) : status;
}

/* Another node, which takes the place of the one at hand, and its name. */
static quire_status
replace(site *s, const char *op, const quire_value_id *operands, uint32_t n)
{
    quire_node_id made;
    quire_value_id result;
    quire_status status = make(s, op, operands, n, &made, &result);
    if (status == QUIRE_OK) status = s->e->replace_uses(s->e->ctx, s->result, result);
    if (status == QUIRE_OK) status = s->e->take_name(s->e->ctx, result, s->result);
    return status == QUIRE_OK ? s->e->erase_node(s->e->ctx, s->node) : status;
}

static quire_status
read_operands(const site *s, quire_value_id out[2])
{
    quire_status status = s->g->operand(s->g->ctx, s->node, 0, NULL, &out[0]);
    if (s->view.n_operands < 2) return status;
    return status == QUIRE_OK ? s->g->operand(s->g->ctx, s->node, 1, NULL, &out[1]) : status;
}

static quire_status
replace_binary(site *s, const char *op, const char *by)
{
    quire_value_id operands[2];
    if (!is(s->view.op_type, op) || s->view.n_operands != 2) return QUIRE_OK;
    const quire_status status = read_operands(s, operands);
    return status == QUIRE_OK ? replace(s, by, operands, 2) : status;
}

/* max(x, 0); the constant is an initializer, or in a function a Constant. */
static quire_status
make_zero(site *s, quire_value_id *out)
{
    static const float zero = 0;
    quire_graph_view graph = {.size = sizeof graph};
    quire_new_tensor tensor;
    quire_new_attribute attribute;
    quire_new_node node;
    quire_node_id made;
    quire_string name;
    quire_status status = s->g->graph(s->g->ctx, s->view.graph, &graph);
    if (status == QUIRE_OK) status = s->e->fresh_name(s->e->ctx, text("zero"), &name);
    if (status != QUIRE_OK) return status;
    memset(&tensor, 0, sizeof tensor);
    tensor.size = sizeof tensor;
    tensor.dtype = FLOAT;
    tensor.data = &zero;
    tensor.n_bytes = sizeof zero;
    if (graph.kind == 0) return s->e->add_initializer(s->e->ctx, s->view.graph, name, &tensor, out);
    memset(&attribute, 0, sizeof attribute);
    attribute.size = sizeof attribute;
    attribute.type = 4;
    attribute.name = text("value");
    attribute.tensor = &tensor;
    memset(&node, 0, sizeof node);
    node.size = sizeof node;
    node.graph = s->view.graph;
    node.before = s->node;
    node.op_type = text("Constant");
    node.results = &name;
    node.n_results = 1;
    node.attributes = &attribute;
    node.n_attributes = 1;
    status = s->e->create_node(s->e->ctx, &node, &made);
    return status == QUIRE_OK ? s->g->result(s->g->ctx, made, 0, NULL, out) : status;
}

static quire_status
relu_to_max(site *s)
{
    quire_value_id operands[2];
    if (!is(s->view.op_type, "Relu") || s->type.dtype != FLOAT) return QUIRE_OK;
    quire_status status = read_operands(s, operands);
    if (status == QUIRE_OK) status = make_zero(s, &operands[1]);
    return status == QUIRE_OK ? replace(s, "Max", operands, 2) : status;
}

/* An Identity behind the node, which all readers of its result read. */
static quire_status
pass_on(site *s)
{
    quire_node_id made;
    quire_value_id result;
    if (s->type.dtype != FLOAT || s->type.n_uses == 0) return QUIRE_OK;
    quire_status status = make(s, "Identity", &s->result, 1, &made, &result);
    if (status == QUIRE_OK) status = s->e->move_node(s->e->ctx, s->node, made);
    if (status == QUIRE_OK) status = s->e->interpose(s->e->ctx, s->result, made);
    return status == QUIRE_OK ? s->e->set_type(s->e->ctx, result, FLOAT, s->type.rank) : status;
}

/* --- bad ones --------------------------------------------------------------------------------- */

static quire_status
break_it(site *s)
{
    const int32_t how = s->self->how;
    quire_node_id made;
    quire_value_id result;
    quire_status status;
    if (s->type.dtype != FLOAT || s->type.n_uses == 0) return QUIRE_OK;
    status = make(s, "Neg", &s->result, 1, &made, &result);
    if (status != QUIRE_OK) return status;
    if (how == ORDER) return QUIRE_OK; /* it reads what comes behind it */
    status = s->e->move_node(s->e->ctx, s->node, made);
    if (status == QUIRE_OK && how == CYCLE)
        return s->e->replace_uses(s->e->ctx, s->result, result); /* its own, too */
    if (status == QUIRE_OK && how == ERASED) {
        status = s->e->erase_node(s->e->ctx, made);
        return status == QUIRE_OK ? s->e->replace_uses(s->e->ctx, s->result, result) : status;
    }
    if (status == QUIRE_OK && how == FAIL) {
        s->self->host->report(s->self->host->ctx, QUIRE_ERROR, (quire_place){0, 0},
                              text("it was not to be"));
        return QUIRE_E_UNSUPPORTED;
    }
    return status;
}

/* What is in a body is read outside of it. */
static quire_status
read_a_body(site *s, quire_value_id *io_inner)
{
    quire_graph_view graph = {.size = sizeof graph};
    const quire_status status = s->g->graph(s->g->ctx, s->view.graph, &graph);
    if (status != QUIRE_OK) return status;
    if (graph.kind == 1) {
        *io_inner = s->result;
    } else if (*io_inner != 0 && s->view.n_operands > 0) {
        return s->e->set_operand(s->e->ctx, s->node, 0, *io_inner);
    }
    return QUIRE_OK;
}

/* --- callbacks -------------------------------------------------------------------------------- */

static quire_status
rewrite(site *s, quire_value_id *io_inner)
{
    switch (s->self->how) {
    case MUL: return replace_binary(s, "Add", "Mul");
    case ADD: return replace_binary(s, "Mul", "Add");
    case MAX: return relu_to_max(s);
    case IDENTITY: return pass_on(s);
    case OTHER: return read_a_body(s, io_inner);
    case NOTHING: return QUIRE_OK;
    default: return break_it(s);
    }
}

static quire_status
transform(void *data, const quire_graph_api *g, const quire_edit_api *e)
{
    site s;
    quire_node_id next;
    quire_value_id inner = 0;
    memset(&s, 0, sizeof s);
    s.self = data;
    s.g = g;
    s.e = e;
    s.view.size = sizeof s.view;
    s.type.size = sizeof s.type;
    for (s.node = g->next_node(g->ctx, 0); s.node != 0; s.node = next) {
        next = g->next_node(g->ctx, s.node);
        quire_status status = g->node(g->ctx, s.node, &s.view);
        if (status == QUIRE_OK && s.view.n_results > 0)
            status = g->result(g->ctx, s.node, 0, NULL, &s.result);
        if (status != QUIRE_OK) return status;
        if (s.view.n_results == 0 || s.result == 0) continue;
        status = g->value(g->ctx, s.result, &s.type);
        if (status == QUIRE_OK) status = rewrite(&s, &inner);
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

/* Ids rise as nodes are made. */
static int
is_ours(const rewriter *self, quire_node_id node)
{
    size_t low = 0;
    size_t high = self->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->made[middle] == node) return 1;
        if (self->made[middle] < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

/* A later transform may have erased what this one made. */
static quire_status
annotate(void *data, const quire_graph_api *g, const quire_claim_api *c)
{
    const rewriter *self = data;
    quire_qspec spec;
    memset(&spec, 0, sizeof spec);
    spec.size = sizeof spec;
    spec.kind = QUIRE_QSPEC_QUANTIZED;
    spec.dtype = UINT8;
    spec.zero_point = QUIRE_QSPEC_ZERO_POINT_INT;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_place place;
        quire_status status;
        if (!is_ours(self, n)) continue;
        status = g->result(g->ctx, n, 0, &place, NULL);
        if (status == QUIRE_OK) status = c->claim(c->ctx, place, &spec, 0, 0, text("made"));
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

static const char *const hows[] = {"mul",   "add",    "max",   "identity", "fail", "cycle",
                                   "order", "erased", "other", "nothing",  NULL};

static const quire_option table[] = {{sizeof(quire_option), QUIRE_OPTION_CHOICE, "how",
                                      "what it does to the graph", "identity", 0, 0, hows,
                                      offsetof(options, how)}};

static const quire_quantizer quantizer = {.size = sizeof quantizer,
                                          .options_size = sizeof(options),
                                          .name = "rewrite",
                                          .summary = "changes the graph",
                                          .options = table,
                                          .n_options = 1,
                                          .create = create,
                                          .destroy = destroy,
                                          .support = plain_support,
                                          .transform = transform,
                                          .annotate = annotate};

PLAIN_ONE("rewrites", &quantizer)
