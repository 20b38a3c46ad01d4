/* parse_attr.c - attributes: name, type if it is said, and value, which may be a graph. */
#include "graph/fields.h"
#include "graph/text.h"

const char *const quire_text_attr_types[15] = {
    "",
    "float",
    "int",
    "string",
    "tensor",
    "graph",
    "floats",
    "ints",
    "strings",
    "tensors",
    "graphs",
    "sparse_tensor",
    "sparse_tensors",
    "type_proto",
    "type_protos",
};

/* Field that holds a value of this type: alone, and as an element of a list. */
static const uint32_t single_field[] = {0, ATTR_F, ATTR_I, ATTR_S, ATTR_T, ATTR_G};
static const uint32_t list_field[] = {
    0, ATTR_FLOATS, ATTR_INTS, ATTR_STRINGS, ATTR_TENSORS, ATTR_GRAPHS};

static bool
is_list(int32_t type)
{
    return (type >= TYPE_FLOATS && type <= TYPE_GRAPHS) || type == TYPE_SPARSE_TENSORS ||
           type == TYPE_TYPE_PROTOS;
}

/* The type of the elements of a list type. */
static int32_t
element_of(int32_t type)
{
    if (type >= TYPE_FLOATS && type <= TYPE_GRAPHS) return type - TYPE_FLOATS + TYPE_FLOAT;
    return type == TYPE_TYPE_PROTOS ? TYPE_TYPE_PROTO : type;
}

static int32_t
list_of(int32_t element)
{
    return element == TYPE_TYPE_PROTO ? TYPE_TYPE_PROTOS : element - TYPE_FLOAT + TYPE_FLOATS;
}

static uint32_t
field_of(int32_t element, bool list)
{
    if (element == TYPE_TYPE_PROTO) return list ? ATTR_TYPE_PROTOS : ATTR_TP;
    return list ? list_field[element] : single_field[element];
}

/* A value being read: its place in the attribute, and the type that is wanted (0: whatever
 * comes). */
typedef struct value {
    quire_text_message *m;
    bool list;
    int32_t wanted, found;
} value;

static quire_status
check_type(quire_text_parser *t, value *v, int32_t found, const uint8_t *at)
{
    v->found = found;
    if (v->wanted == 0 || v->wanted == found) return QUIRE_OK;
    t->p = at;
    return quire_text_fail(t, "expected a value of type %s, found one of type %s",
                           quire_text_attr_types[v->wanted], quire_text_attr_types[found]);
}

static quire_status
new_message(quire_text_parser *t, quire_text_message **out)
{
    return quire_arena_take(t->build.ctx, &t->build.arena, sizeof(quire_text_message), out);
}

/* Behind a type: a tensor if a name, '=' or values follow, else the type itself. */
static quire_status
parse_typed_value(quire_text_parser *t, const quire_text_remarks *remarks, value *v)
{
    const uint8_t *at = t->p;
    quire_text_message *tensor;
    quire_text_type type;
    quire_bytes name;
    QUIRE_TRY(quire_text_parse_type(t, &type));
    const int next = quire_text_peek(t);
    if (next != '{' && next != '=' && next != '"' && next != '.' &&
        quire_text_peek_word(t).len == 0) {
        QUIRE_TRY(check_type(t, v, TYPE_TYPE_PROTO, at));
        return quire_text_put_bytes(&t->build, v->m, field_of(TYPE_TYPE_PROTO, v->list),
                                    type.bytes);
    }
    QUIRE_TRY(check_type(t, v, TYPE_TENSOR, at));
    QUIRE_TRY(new_message(t, &tensor));
    if (next == '"' || quire_text_peek_word(t).len > 0) {
        QUIRE_TRY(quire_text_name(t, "a name", &name));
        QUIRE_TRY(quire_text_put_bytes(&t->build, tensor, TENSOR_NAME, name));
    }
    (void)quire_text_match(t, '=');
    QUIRE_TRY(quire_text_parse_data(t, &type, remarks, tensor));
    QUIRE_TRY(quire_text_finish(t, remarks, &onnx__tensor_proto__descriptor, tensor));
    return quire_text_put_message(&t->build, v->m, field_of(TYPE_TENSOR, v->list), tensor);
}

quire_status
quire_text_parse_tensor(quire_text_parser *t, const quire_text_remarks *remarks,
                        quire_text_message *m)
{
    quire_text_message holder = {NULL, NULL};
    value v = {.m = &holder, .wanted = TYPE_TENSOR};
    QUIRE_TRY(parse_typed_value(t, remarks, &v));
    *m = *holder.first->message;
    return QUIRE_OK;
}

static quire_status
parse_graph_value(quire_text_parser *t, const quire_text_remarks *remarks, value *v)
{
    quire_text_message *graph;
    QUIRE_TRY(check_type(t, v, TYPE_GRAPH, t->p));
    QUIRE_TRY(new_message(t, &graph));
    QUIRE_TRY(quire_text_parse_graph(t, remarks, graph));
    return quire_text_put_message(&t->build, v->m, field_of(TYPE_GRAPH, v->list), graph);
}

static quire_status
parse_number(quire_text_parser *t, value *v)
{
    const uint8_t *at = t->p;
    bool is_float;
    const quire_bytes number = quire_text_number(t, &is_float);
    if (number.len == 0) return quire_text_fail(t, "expected the value of an attribute");
    if (!is_float && v->wanted != TYPE_FLOAT) {
        int64_t i;
        QUIRE_TRY(check_type(t, v, TYPE_INT, at));
        QUIRE_TRY(quire_text_int_of(t, number, &i));
        return quire_text_put_int(&t->build, v->m, field_of(TYPE_INT, v->list), i);
    }
    float f;
    uint32_t bits;
    QUIRE_TRY(check_type(t, v, TYPE_FLOAT, at));
    QUIRE_TRY(quire_text_float_of(t, number, &f));
    memcpy(&bits, &f, sizeof bits);
    return quire_text_put_fixed(&t->build, v->m, field_of(TYPE_FLOAT, v->list), bits, 4);
}

/* A string, or a graph whose name is quoted: then a parenthesis follows. */
static quire_status
parse_quoted(quire_text_parser *t, const quire_text_remarks *remarks, value *v)
{
    const uint8_t *at = t->p;
    quire_bytes s;
    QUIRE_TRY(quire_text_string(t, &s));
    if (quire_text_peek(t) == '(') {
        t->p = at;
        return parse_graph_value(t, remarks, v);
    }
    QUIRE_TRY(check_type(t, v, TYPE_STRING, at));
    return quire_text_put_bytes(&t->build, v->m, field_of(TYPE_STRING, v->list), s);
}

/* Tells inf and nan from a graph of that name, without taking it. */
static bool
is_number_next(quire_text_parser *t)
{
    const uint8_t *at = t->p;
    bool is_float;
    const bool found = quire_text_number(t, &is_float).len > 0;
    t->p = at;
    return found;
}

static quire_status
parse_value(quire_text_parser *t, value *v)
{
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    const int next = quire_text_peek(t);
    const quire_bytes word = quire_text_peek_word(t);
    if (quire_text_is_type(word)) return parse_typed_value(t, &remarks, v);
    if (word.len > 0 && !is_number_next(t)) return parse_graph_value(t, &remarks, v);
    if (next == '"') return parse_quoted(t, &remarks, v);
    if (remarks.ptr != NULL) {
        t->p = remarks.ptr;
        return quire_text_fail(t, "nothing follows here that a '#:' line could change");
    }
    return parse_number(t, v);
}

/* The word behind ':'; 0 if none is there. */
static quire_status
parse_annotation(quire_text_parser *t, int32_t *out)
{
    *out = 0;
    if (!quire_text_match(t, ':')) return QUIRE_OK;
    const quire_bytes word = quire_text_peek_word(t);
    for (int32_t i = 1; i < 15; i++) {
        if (quire_bytes_equal(word, quire_bytes_of(quire_text_attr_types[i]))) *out = i;
    }
    if (*out == 0)
        return quire_text_fail(t, "expected the type of an attribute, such as int or floats");
    t->p += word.len;
    return QUIRE_OK;
}

static quire_status
parse_list(quire_text_parser *t, int32_t annotation, quire_text_message *m, int32_t *out_type)
{
    value v = {.m = m, .list = true, .wanted = element_of(annotation)};
    *out_type = annotation;
    if (annotation != 0 && !is_list(annotation)) {
        return quire_text_fail(t, "a value of type %s is no list",
                               quire_text_attr_types[annotation]);
    }
    if (quire_text_match(t, ']')) {
        return annotation != 0
                   ? QUIRE_OK
                   : quire_text_fail(t, "an empty list needs its type, such as 'name: ints = []'");
    }
    do {
        QUIRE_TRY(parse_value(t, &v));
        v.wanted = v.found;
    } while (quire_text_match(t, ','));
    *out_type = list_of(v.found);
    return quire_text_close(t, ']');
}

static quire_status
parse_reference(quire_text_parser *t, quire_text_message *m)
{
    quire_bytes name;
    QUIRE_TRY(quire_text_name(t, "the name of an attribute of the function", &name));
    return quire_text_put_bytes(&t->build, m, ATTR_REF_NAME, name);
}

/* Behind the name. */
static quire_status
parse_rest(quire_text_parser *t, quire_text_message *m)
{
    int32_t annotation;
    QUIRE_TRY(parse_annotation(t, &annotation));
    int32_t type = annotation;
    QUIRE_TRY(quire_text_expect(t, '='));
    if (quire_text_match(t, '@')) {
        QUIRE_TRY(parse_reference(t, m));
    } else if (quire_text_match(t, '[')) {
        QUIRE_TRY(parse_list(t, annotation, m, &type));
    } else if (!quire_text_match_elision(t)) {
        if (is_list(annotation)) return quire_text_fail(t, "expected a list: '['");
        value v = {.m = m, .wanted = annotation};
        QUIRE_TRY(parse_value(t, &v));
        type = v.found;
    }
    return type == 0 ? QUIRE_OK : quire_text_put_int(&t->build, m, ATTR_TYPE, type);
}

quire_status
quire_text_parse_attribute(quire_text_parser *t, quire_text_message *m)
{
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    quire_bytes name;
    QUIRE_TRY(quire_text_name(t, "the name of an attribute", &name));
    QUIRE_TRY(quire_text_put_bytes(&t->build, m, ATTR_NAME, name));
    QUIRE_TRY(parse_rest(t, m));
    return quire_text_finish(t, &remarks, &onnx__attribute_proto__descriptor, m);
}

/* `<a = 1, b = 2>` as fields `number` of `holder`, if it is there. */
quire_status
quire_text_parse_attributes(quire_text_parser *t, uint32_t number, quire_text_message *holder)
{
    if (!quire_text_match(t, '<')) return QUIRE_OK;
    do {
        quire_text_message *attribute;
        QUIRE_TRY(new_message(t, &attribute));
        QUIRE_TRY(quire_text_parse_attribute(t, attribute));
        QUIRE_TRY(quire_text_put_message(&t->build, holder, number, attribute));
    } while (quire_text_match(t, ','));
    return quire_text_close(t, '>');
}
