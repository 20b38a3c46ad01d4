/* parse_type.c - types: float[2,N], seq(float[]), map(int64, string), optional(...),
 * sparse_tensor(...), opaque(a.b,c). */
#include <inttypes.h>

#include "graph/fields.h"
#include "graph/text.h"

enum {
    TYPE_PROTO_TENSOR = 1,
    TYPE_PROTO_SEQUENCE = 4,
    TYPE_PROTO_MAP = 5,
    TYPE_PROTO_OPAQUE = 7,
    TYPE_PROTO_SPARSE = 8,
    TYPE_PROTO_OPTIONAL = 9,
    MAX_TYPES = 100,
    MAX_DIMS = 1 << 16,
};

static const struct {
    const char *word;
    uint32_t number;
} constructors[] = {
    {"seq", TYPE_PROTO_SEQUENCE},      {"map", TYPE_PROTO_MAP},
    {"opaque", TYPE_PROTO_OPAQUE},     {"sparse_tensor", TYPE_PROTO_SPARSE},
    {"optional", TYPE_PROTO_OPTIONAL},
};

static uint32_t
find_constructor(quire_bytes word)
{
    for (size_t i = 0; i < sizeof constructors / sizeof *constructors; i++) {
        if (quire_bytes_equal(word, quire_bytes_of(constructors[i].word)))
            return constructors[i].number;
    }
    return 0;
}

bool
quire_text_is_type(quire_bytes word)
{
    /* Every name of a model is asked about: most are told apart by their first letter. */
    if (word.len == 0 || memchr("bcdfimosu", word.ptr[0], 9) == NULL) return false;
    return quire_dtype_find_onnx(word) != 0 || find_constructor(word) != 0;
}

/* One dimension: `?`, a symbol or a number; *out_dim is -1 unless it is a number. */
static quire_status
parse_dim(quire_text_parser *t, quire_text_message *shape, int64_t *out_dim)
{
    quire_text_message dim = {NULL, NULL};
    quire_bytes symbol;
    *out_dim = -1;
    if (!quire_text_match(t, '?')) {
        if (quire_text_peek(t) == '"' || quire_text_peek_word(t).len > 0) {
            QUIRE_TRY(quire_text_name(t, "a dimension", &symbol));
            QUIRE_TRY(quire_text_put_bytes(&t->build, &dim, 2, symbol));
        } else {
            QUIRE_TRY(quire_text_int(t, out_dim));
            QUIRE_TRY(quire_text_put_int(&t->build, &dim, 1, *out_dim));
        }
    }
    return quire_text_put_leaf(&t->build, shape, 1, &dim);
}

/* Behind the element type: nothing (a scalar), `[]` (unknown rank) or `[dims]`. Puts the shape into
 * `tensor`. */
static quire_status
parse_shape(quire_text_parser *t, quire_text_message *tensor, quire_text_type *out)
{
    quire_text_message shape = {NULL, NULL};
    size_t room = 0;
    out->has_shape = true;
    if (quire_text_match(t, '[')) {
        out->has_shape = !quire_text_match(t, ']');
        if (!out->has_shape) return QUIRE_OK;
        do {
            if (out->n_dims == room) {
                int64_t *grown;
                room = room == 0 ? 8 : 2 * room;
                QUIRE_TRY(
                    quire_arena_take(t->build.ctx, &t->build.arena, room * sizeof *grown, &grown));
                if (out->n_dims > 0) memcpy(grown, out->dims, out->n_dims * sizeof *grown);
                out->dims = grown;
            }
            QUIRE_TRY(parse_dim(t, &shape, &out->dims[out->n_dims++]));
        } while (quire_text_match(t, ','));
        QUIRE_TRY(quire_text_expect(t, ']'));
    }
    return quire_text_put_leaf(&t->build, tensor, 2, &shape);
}

/* An element type and its shape as Tensor or SparseTensor. */
static quire_status
parse_tensor_type(quire_text_parser *t, quire_text_message *type, uint32_t number,
                  quire_text_type *out)
{
    quire_text_message tensor = {NULL, NULL};
    const quire_bytes word = quire_text_peek_word(t);
    out->elem_type = quire_dtype_find_onnx(word);
    if (out->elem_type == 0)
        return quire_text_fail(t, "expected an element type such as float or int64");
    t->p += word.len;
    QUIRE_TRY(quire_text_put_int(&t->build, &tensor, 1, out->elem_type));
    QUIRE_TRY(parse_shape(t, &tensor, out));
    return quire_text_put_leaf(&t->build, type, number, &tensor);
}

static quire_status parse_type(quire_text_parser *t, quire_text_message *holder, uint32_t number,
                               quire_text_type *out);

static quire_status
parse_map(quire_text_parser *t, quire_text_message *inner)
{
    quire_text_type ignored = {0};
    const quire_bytes word = quire_text_peek_word(t);
    const int32_t key = quire_dtype_find_onnx(word);
    if (key == 0) return quire_text_fail(t, "expected the type of the map's keys");
    t->p += word.len;
    QUIRE_TRY(quire_text_put_int(&t->build, inner, 1, key));
    QUIRE_TRY(quire_text_expect(t, ','));
    return parse_type(t, inner, 2, &ignored);
}

/* `opaque()`, `opaque(name)` or `opaque(domain,name)`; a domain is words joined by points. */
static quire_status
parse_opaque(quire_text_parser *t, quire_text_message *inner)
{
    if (quire_text_peek(t) == ')') return QUIRE_OK;
    const uint8_t *from = t->p;
    quire_bytes name;
    do {
        QUIRE_TRY(quire_text_name(t, "a name", &name));
    } while (t->p < t->end && *t->p == '.' && t->p++);
    const quire_bytes first = {from, (size_t)(t->p - from)};
    if (!quire_text_match(t, ',')) return quire_text_put_bytes(&t->build, inner, 2, first);
    QUIRE_TRY(quire_text_put_bytes(&t->build, inner, 1, first));
    QUIRE_TRY(quire_text_name(t, "a name", &name));
    return quire_text_put_bytes(&t->build, inner, 2, name);
}

static quire_status
parse_constructor(quire_text_parser *t, quire_text_message *type, uint32_t number)
{
    quire_text_message inner = {NULL, NULL};
    quire_text_type ignored = {0};
    QUIRE_TRY(quire_text_expect(t, '('));
    if (number == TYPE_PROTO_SPARSE) {
        QUIRE_TRY(parse_tensor_type(t, type, number, &ignored));
        return quire_text_expect(t, ')');
    }
    if (number == TYPE_PROTO_MAP) {
        QUIRE_TRY(parse_map(t, &inner));
    } else if (number == TYPE_PROTO_OPAQUE) {
        QUIRE_TRY(parse_opaque(t, &inner));
    } else {
        QUIRE_TRY(parse_type(t, &inner, 1, &ignored));
    }
    QUIRE_TRY(quire_text_expect(t, ')'));
    return quire_text_put_leaf(&t->build, type, number, &inner);
}

/* Puts the TypeProto as field `number` of `holder`. */
static quire_status
parse_type(quire_text_parser *t, quire_text_message *holder, uint32_t number, quire_text_type *out)
{
    quire_text_message type = {NULL, NULL};
    const quire_bytes word = quire_text_peek_word(t);
    const uint32_t constructor = find_constructor(word);
    if (!quire_text_is_type(word)) return quire_text_fail(t, "expected a type");
    if (++t->depth > MAX_TYPES)
        return quire_text_fail(t, "types nest more than %d deep", MAX_TYPES);
    if (constructor != 0) {
        t->p += word.len;
        QUIRE_TRY(parse_constructor(t, &type, constructor));
    } else {
        out->is_tensor = true;
        QUIRE_TRY(parse_tensor_type(t, &type, TYPE_PROTO_TENSOR, out));
    }
    t->depth--;
    return quire_text_put_leaf(&t->build, holder, number, &type);
}

quire_status
quire_text_parse_type(quire_text_parser *t, quire_text_type *out)
{
    quire_text_message holder = {NULL, NULL};
    *out = (quire_text_type){0};
    QUIRE_TRY(parse_type(t, &holder, 1, out));
    /* The field's body is the message: drop the tag and the length before it. */
    const uint8_t *p = holder.first->bytes.ptr + 1;
    while (*p++ >= 0x80)
        continue;
    out->bytes = (quire_bytes){p, (size_t)(holder.first->bytes.ptr + holder.first->bytes.len - p)};
    return QUIRE_OK;
}
