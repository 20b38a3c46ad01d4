/* parse_graph.c - graphs: inputs, outputs, initializers, value infos, nodes. Attributes are
 * parse_attr.c. */
#include "graph/fields.h"
#include "graph/text.h"

enum { MAX_GRAPHS = 32 };

static quire_status
new_message(quire_text_parser *t, quire_text_message **out)
{
    return quire_arena_take(t->build.ctx, &t->build.arena, sizeof(quire_text_message), out);
}

/* --- value infos and initializers ------------------------------------------------------------- */

/* Behind `type name =`. */
static quire_status
parse_initializer(quire_text_parser *t, const quire_text_type *type, quire_bytes name,
                  const quire_text_remarks *remarks, quire_text_message *graph)
{
    quire_text_message *tensor;
    QUIRE_TRY(new_message(t, &tensor));
    QUIRE_TRY(quire_text_put_bytes(&t->build, tensor, TENSOR_NAME, name));
    QUIRE_TRY(quire_text_parse_data(t, type, remarks, tensor));
    QUIRE_TRY(quire_text_finish(t, remarks, &onnx__tensor_proto__descriptor, tensor));
    return quire_text_put_message(&t->build, graph, GRAPH_INITIALIZER, tensor);
}

quire_status
quire_text_parse_info(quire_text_parser *t, uint32_t number, quire_text_message *holder)
{
    const quire_text_remarks none = {NULL, NULL};
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    const bool typed = quire_text_is_type(quire_text_peek_word(t));
    quire_text_message *info;
    quire_text_type type = {0};
    quire_bytes name;
    if (typed) QUIRE_TRY(quire_text_parse_type(t, &type));
    QUIRE_TRY(
        quire_text_name(t, typed ? "the name of a value" : "a type or the name of a value", &name));
    const bool has_data =
        (number == GRAPH_INPUT || number == GRAPH_VALUE_INFO) && quire_text_match(t, '=');
    if (has_data && number == GRAPH_VALUE_INFO)
        return parse_initializer(t, &type, name, &remarks, holder);
    QUIRE_TRY(new_message(t, &info));
    QUIRE_TRY(quire_text_put_bytes(&t->build, info, INFO_NAME, name));
    if (typed) QUIRE_TRY(quire_text_put_bytes(&t->build, info, INFO_TYPE, type.bytes));
    QUIRE_TRY(quire_text_finish(t, &remarks, &onnx__value_info_proto__descriptor, info));
    QUIRE_TRY(quire_text_put_message(&t->build, holder, number, info));
    return has_data ? parse_initializer(t, &type, name, &none, holder) : QUIRE_OK;
}

static quire_status
parse_infos(quire_text_parser *t, char open, char close, uint32_t number, quire_text_message *graph)
{
    QUIRE_TRY(quire_text_expect(t, open));
    if (quire_text_peek(t) == close) return quire_text_close(t, close);
    do {
        QUIRE_TRY(quire_text_parse_info(t, number, graph));
    } while (quire_text_match(t, ','));
    return quire_text_close(t, close);
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* Names separated by commas. As in ONNX, a name may be left out before a comma: it is empty. */
static quire_status
parse_names(quire_text_parser *t, const char *what, char end, uint32_t number,
            quire_text_message *node)
{
    quire_bytes name;
    for (;;) {
        const int next = quire_text_peek(t);
        if (next == end) return QUIRE_OK;
        name = (quire_bytes){NULL, 0};
        if (next != ',') QUIRE_TRY(quire_text_name(t, what, &name));
        QUIRE_TRY(quire_text_put_bytes(&t->build, node, number, name));
        if (!quire_text_match(t, ',')) return QUIRE_OK;
    }
}

/* `Op`, `domain.Op` or `domain.Op:overload`; a domain may have points, and any part may be
 * quoted. */
static quire_status
parse_operator(quire_text_parser *t, quire_text_message *node)
{
    uint8_t *domain = NULL;
    size_t n_domain = 0;
    quire_bytes part;
    QUIRE_TRY(quire_text_name(t, "the name of an operator", &part));
    while (quire_text_match(t, '.')) {
        uint8_t *longer;
        QUIRE_TRY(
            quire_arena_take(t->build.ctx, &t->build.arena, n_domain + part.len + 1, &longer));
        if (n_domain > 0) memcpy(longer, domain, n_domain);
        if (domain != NULL) longer[n_domain++] = '.';
        if (part.len > 0) memcpy(longer + n_domain, part.ptr, part.len);
        n_domain += part.len;
        domain = longer;
        QUIRE_TRY(quire_text_name(t, "the name of an operator", &part));
    }
    QUIRE_TRY(quire_text_put_bytes(&t->build, node, NODE_OP_TYPE, part));
    if (n_domain > 0)
        QUIRE_TRY(
            quire_text_put_bytes(&t->build, node, NODE_DOMAIN, (quire_bytes){domain, n_domain}));
    if (!quire_text_match(t, ':')) return QUIRE_OK;
    QUIRE_TRY(quire_text_name(t, "the overload of an operator", &part));
    return quire_text_put_bytes(&t->build, node, NODE_OVERLOAD, part);
}

static quire_status
parse_node_name(quire_text_parser *t, quire_text_message *node)
{
    quire_bytes name = {NULL, 0};
    if (!quire_text_match(t, '[')) return QUIRE_OK;
    if (quire_text_peek(t) != ']') QUIRE_TRY(quire_text_name(t, "the name of a node", &name));
    QUIRE_TRY(quire_text_put_bytes(&t->build, node, NODE_NAME, name));
    return quire_text_expect(t, ']');
}

/* Attributes stand before or behind the operands. */
quire_status
quire_text_parse_node(quire_text_parser *t, quire_text_message *node)
{
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    QUIRE_TRY(parse_node_name(t, node));
    QUIRE_TRY(parse_names(t, "the result of a node, or '}'", '=', NODE_OUTPUT, node));
    QUIRE_TRY(quire_text_expect(t, '='));
    QUIRE_TRY(parse_operator(t, node));
    const bool before = quire_text_peek(t) == '<';
    QUIRE_TRY(quire_text_parse_attributes(t, NODE_ATTRIBUTE, node));
    QUIRE_TRY(quire_text_expect(t, '('));
    QUIRE_TRY(parse_names(t, "the operand of a node, or ')'", ')', NODE_INPUT, node));
    QUIRE_TRY(quire_text_expect(t, ')'));
    if (!before) QUIRE_TRY(quire_text_parse_attributes(t, NODE_ATTRIBUTE, node));
    return quire_text_finish(t, &remarks, &onnx__node_proto__descriptor, node);
}

static quire_status
parse_nodes(quire_text_parser *t, uint32_t number, quire_text_message *holder)
{
    QUIRE_TRY(quire_text_expect(t, '{'));
    while (quire_text_peek(t) != '}') {
        quire_text_message *node;
        if (t->p == t->end) return quire_text_expect(t, '}');
        QUIRE_TRY(new_message(t, &node));
        QUIRE_TRY(quire_text_parse_node(t, node));
        QUIRE_TRY(quire_text_put_message(&t->build, holder, number, node));
    }
    return quire_text_close(t, '}');
}

/* --- graphs ----------------------------------------------------------------------------------- */

static quire_status
parse_arrow(quire_text_parser *t)
{
    QUIRE_TRY(quire_text_expect(t, '='));
    if (t->p == t->end || *t->p != '>') return quire_text_fail(t, "expected '=>'");
    t->p++;
    return QUIRE_OK;
}

static quire_status
parse_parts(quire_text_parser *t, quire_text_message *graph)
{
    if (quire_text_peek(t) == '(') QUIRE_TRY(parse_infos(t, '(', ')', GRAPH_INPUT, graph));
    QUIRE_TRY(parse_arrow(t));
    QUIRE_TRY(parse_infos(t, '(', ')', GRAPH_OUTPUT, graph));
    if (quire_text_peek(t) == '<') QUIRE_TRY(parse_infos(t, '<', '>', GRAPH_VALUE_INFO, graph));
    return parse_nodes(t, GRAPH_NODE, graph);
}

quire_status
quire_text_parse_graph(quire_text_parser *t, const quire_text_remarks *remarks,
                       quire_text_message *graph)
{
    quire_bytes name;
    if (t->n_graphs == MAX_GRAPHS)
        return quire_text_fail(t, "graphs nest more than %d deep", MAX_GRAPHS);
    t->n_graphs++;
    QUIRE_TRY(quire_text_name(t, "the name of a graph", &name));
    QUIRE_TRY(quire_text_put_bytes(&t->build, graph, GRAPH_NAME, name));
    /* print.c asks for the name alone to see what it makes of the record. */
    if (!t->is_check) QUIRE_TRY(parse_parts(t, graph));
    t->n_graphs--;
    return quire_text_finish(t, remarks, &onnx__graph_proto__descriptor, graph);
}

/* --- functions -------------------------------------------------------------------------------- */

/* `(a, float[2] b)`: names, and value infos of those that have types. */
static quire_status
parse_formals(quire_text_parser *t, uint32_t number, quire_text_message *function)
{
    QUIRE_TRY(quire_text_expect(t, '('));
    if (quire_text_match(t, ')')) return QUIRE_OK;
    do {
        quire_bytes name;
        if (quire_text_is_type(quire_text_peek_word(t))) {
            const uint8_t *at = t->p;
            quire_text_type ignored;
            QUIRE_TRY(quire_text_parse_info(t, FUNCTION_VALUE_INFO, function));
            t->p = at;
            QUIRE_TRY(quire_text_parse_type(t, &ignored));
        }
        QUIRE_TRY(quire_text_name(t, "the name of a value", &name));
        QUIRE_TRY(quire_text_put_bytes(&t->build, function, number, name));
    } while (quire_text_match(t, ','));
    return quire_text_expect(t, ')');
}

/* One of `<a, b, c: int = 3>`: a name alone, or an attribute with its default. */
static quire_status
parse_parameter(quire_text_parser *t, quire_text_message *function)
{
    quire_text_message *attribute;
    quire_bytes name;
    quire_text_peek(t);
    const quire_text_remarks pending = t->pending;
    const uint8_t *at = t->p;
    QUIRE_TRY(quire_text_name(t, "the name of an attribute", &name));
    const int next = quire_text_peek(t);
    if (next != ':' && next != '=') return quire_text_put_bytes(&t->build, function, 6, name);
    t->p = at;
    t->pending = pending;
    QUIRE_TRY(new_message(t, &attribute));
    QUIRE_TRY(quire_text_parse_attribute(t, attribute));
    return quire_text_put_message(&t->build, function, FUNCTION_ATTRIBUTE_PROTO, attribute);
}

static quire_status
parse_parameters(quire_text_parser *t, quire_text_message *function)
{
    if (!quire_text_match(t, '<')) return QUIRE_OK;
    do {
        QUIRE_TRY(parse_parameter(t, function));
    } while (quire_text_match(t, ','));
    return quire_text_close(t, '>');
}

quire_status
quire_text_parse_signature(quire_text_parser *t, quire_text_message *function)
{
    quire_bytes name;
    QUIRE_TRY(quire_text_name(t, "the name of a function", &name));
    QUIRE_TRY(quire_text_put_bytes(&t->build, function, FUNCTION_NAME, name));
    QUIRE_TRY(parse_parameters(t, function));
    QUIRE_TRY(parse_formals(t, FUNCTION_INPUT, function));
    QUIRE_TRY(parse_arrow(t));
    return parse_formals(t, FUNCTION_OUTPUT, function);
}

quire_status
quire_text_parse_body(quire_text_parser *t, quire_text_message *function)
{
    if (quire_text_peek(t) == '<')
        QUIRE_TRY(parse_infos(t, '<', '>', FUNCTION_VALUE_INFO, function));
    return parse_nodes(t, FUNCTION_NODE, function);
}
