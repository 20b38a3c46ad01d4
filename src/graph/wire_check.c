/* wire_check.c - one pass over a file that proves it is a well-formed ModelProto.
 *
 * The stack of open messages is an array, not the C stack; the file is seen through a window that
 * skips bulk payloads. What fields may hold is in wire_grammar.c, what a model may mean is the
 * verifier's business. The other users of the bytes (cursor, protobuf-c) rely on what is refused
 * here.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/fields.h"
#include "graph/other_format.h"
#include "graph/utf8.h"
#include "graph/window.h"
#include "graph/wire.h"
#include "graph/wire_grammar.h"

enum {
    TAG_ROOM = 5, /* bytes of a tag or length that protobuf-c and upb would read */
    VARINT_ROOM = 10,
    MAX_TYPES = 16, /* types within types */
    MAX_UNKNOWN = 1000000,
    PATH_ROOM = 1024,
    TEXT_ROOM = 512,
};

const quire_wire_limits quire_wire_limits_default = {
    .max_file = INT32_MAX,
    .max_depth = 100,
    .max_graphs = 32,
    .max_memory = 0, /* 64 MiB + 32 x file size */
};

typedef struct frame { /* an open message */
    const quire_message_rule *message;
    uint64_t end;
    uint32_t number;                      /* of the field it is, in the frame before */
    uint32_t graphs, types;               /* GraphProtos and TypeProtos it is in, itself included */
    uint8_t chosen[QUIRE_GRAMMAR_ONEOFS]; /* number of the member met, 0: none */
    uint32_t counts[QUIRE_GRAMMAR_FIELDS];
} frame;

typedef struct checker {
    quire_ctx *ctx;
    const quire_source *source;
    quire_wire_limits limits;
    quire_wire_stats stats;
    quire_wire_holes *holes;
    uint64_t hole_bytes;
    uint64_t pos;
    quire_window window;
    frame *frames;
    size_t n_frames, frames_room;
    quire_grammar grammar;
} checker;

/* ---- messages */

static size_t
put_step(const frame *in, uint32_t number, char *out, size_t used, size_t room)
{
    const char *name = quire_grammar_name(in->message, number);
    if (name == NULL || used >= room) return used;
    const quire_field_rule *rule = &in->message->fields[number];
    used += (size_t)snprintf(out + used, room - used, "%s%s", used == 0 ? "" : ".", name);
    if (used < room && rule->repeated && rule->kind >= QUIRE_KIND_STRING) {
        used += (size_t)snprintf(out + used, room - used, "[%u]", in->counts[number] - 1);
    }
    return used;
}

/* "graph.node[12].attribute[0].t.dims"; `number` is a field of the innermost message, 0: none. */
static void
put_path(const checker *c, uint32_t number, char *out, size_t room)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 1; i < c->n_frames; i++) {
        used = put_step(&c->frames[i - 1], c->frames[i].number, out, used, room);
    }
    if (c->n_frames > 0) put_step(&c->frames[c->n_frames - 1], number, out, used, room);
}

/* What the file is instead, if its first bytes tell; NULL otherwise. */
static const char *
guess_format(checker *c)
{
    uint8_t head[QUIRE_OTHER_FORMAT_HEAD];
    const size_t n = c->source->size < sizeof head ? (size_t)c->source->size : sizeof head;
    quire_ctx quiet = *c->ctx;
    quiet.sink = NULL;
    if (quire_source_read(&quiet, c->source, 0, head, n) != QUIRE_OK) return NULL;
    return quire_other_format((quire_bytes){head, n});
}

/* Reports what is wrong at byte `at` in field `number` (0: none) of the innermost message. */
static quire_status QUIRE_PRINTF(5, 6)
    fail(checker *c, quire_status status, uint32_t number, uint64_t at, const char *format, ...)
{
    const char *other = guess_format(c);
    if (other != NULL) {
        return quire_fail(c->ctx, QUIRE_E_INVALID, NULL, "this is no ONNX model but %s", other);
    }
    char text[TEXT_ROOM], path[PATH_ROOM];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_path(c, number, path, sizeof path);
    return quire_fail(c->ctx, status, path[0] != 0 ? path : NULL, "byte %llu: %s",
                      (unsigned long long)at, text);
}

/* ---- numbers */

static quire_status
read_long_varint(checker *c, uint32_t number, uint64_t end, unsigned room, uint64_t *out_value)
{
    const uint64_t at = c->pos;
    const uint8_t *p;
    size_t have;
    QUIRE_TRY(quire_window_get(c->ctx, &c->window, at, VARINT_ROOM, &p, &have));
    uint64_t value = 0;
    for (unsigned i = 0; i < room && at + i < end; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] >= 0x80) continue;
        if (i == VARINT_ROOM - 1 && p[i] > 1) {
            return fail(c, QUIRE_E_INVALID, number, at, "a number does not fit in 64 bits");
        }
        c->pos = at + i + 1;
        *out_value = value;
        return QUIRE_OK;
    }
    if (end - at < room) {
        return fail(c, QUIRE_E_INVALID, number, at,
                    "a number is cut off where its message ends, at byte %llu; the file is damaged "
                    "or incomplete",
                    (unsigned long long)end);
    }
    return fail(c, QUIRE_E_INVALID, number, at, "a number takes more than the %u bytes allowed",
                room);
}

/* A varint of at most `room` bytes that ends before `end`; `number` as in fail. */
static inline quire_status
read_varint(checker *c, uint32_t number, uint64_t end, unsigned room, uint64_t *out_value)
{
    const quire_window *w = &c->window;
    if (c->pos < end && c->pos >= w->base && c->pos < w->end) {
        const uint8_t byte = w->bytes[c->pos - w->base];
        if (byte < 0x80) {
            *out_value = byte;
            c->pos++;
            return QUIRE_OK;
        }
    }
    return read_long_varint(c, number, end, room, out_value);
}

/* ---- bodies of fields: c->pos is behind the tag and length */

static quire_status
check_string(checker *c, uint32_t number, uint64_t len)
{
    quire_utf8 state = {0};
    const uint64_t end = c->pos + len;
    while (c->pos < end) {
        const uint8_t *p;
        size_t have;
        QUIRE_TRY(quire_window_get(c->ctx, &c->window, c->pos, 1, &p, &have));
        if (have > end - c->pos) have = (size_t)(end - c->pos);
        const size_t good = quire_utf8_check(&state, p, have);
        if (good < have) {
            const bool nul = p[good] == 0 && state.need == 0;
            return fail(c, QUIRE_E_INVALID, number, c->pos + good,
                        nul ? "a string holds a NUL character, which no name may"
                            : "a string is not valid UTF-8");
        }
        c->pos += have;
    }
    if (state.need == 0) return QUIRE_OK;
    return fail(c, QUIRE_E_INVALID, number, end, "a string ends inside a UTF-8 character");
}

/* Bulk stays in the file only where a record knows of it: a leaf is unpacked from memory as a
 * whole. Dims and integer lists are read by name, however long they are. */
static bool
is_bulk(const checker *c, uint32_t number, uint64_t len)
{
    const ProtobufCMessageDescriptor *d = c->frames[c->n_frames - 1].message->descriptor;
    if (len < QUIRE_BULK) return false;
    if (d == &onnx__tensor_proto__descriptor) return number != TENSOR_DIMS;
    return d == &onnx__attribute_proto__descriptor && number != ATTR_INTS;
}

static quire_status
add_hole(checker *c, uint64_t len)
{
    quire_wire_holes *holes = c->holes;
    QUIRE_TRY(quire_grow(c->ctx, &holes->ptr, &holes->room, holes->n + 1, sizeof *holes->ptr));
    holes->ptr[holes->n++] = (quire_hole){.at = c->pos - c->hole_bytes, .off = c->pos, .len = len};
    c->hole_bytes += len;
    c->pos += len;
    return QUIRE_OK;
}

/* A packed array. Bulk ones are only skipped: whoever reads their numbers checks them. */
static quire_status
check_packed(checker *c, uint32_t number, const quire_field_rule *rule, uint64_t len)
{
    const uint64_t size = rule->kind == QUIRE_KIND_I32 ? 4 : rule->kind == QUIRE_KIND_I64 ? 8 : 1;
    if (len % size != 0) {
        return fail(c, QUIRE_E_INVALID, number, c->pos,
                    "an array of %llu-byte numbers is %llu bytes long", (unsigned long long)size,
                    (unsigned long long)len);
    }
    if (is_bulk(c, number, len)) return add_hole(c, len);
    c->stats.projected_memory += len / size * rule->cost;
    const uint64_t end = c->pos + len;
    if (rule->kind != QUIRE_KIND_VARINT) c->pos = end;
    while (c->pos < end) {
        uint64_t value;
        QUIRE_TRY(read_varint(c, number, end, VARINT_ROOM, &value));
    }
    return QUIRE_OK;
}

/* Opens a message; what is in it is checked by the loop of check_file. */
static quire_status
enter(checker *c, uint32_t number, const quire_field_rule *rule, uint64_t len)
{
    if (c->n_frames > c->limits.max_depth) {
        return fail(c, QUIRE_E_LIMIT, number, c->pos, "messages are nested more than %u deep",
                    c->limits.max_depth);
    }
    QUIRE_TRY(quire_grow(c->ctx, &c->frames, &c->frames_room, c->n_frames + 1, sizeof *c->frames));
    const frame *outer = &c->frames[c->n_frames - 1];
    const uint32_t graphs = outer->graphs + (rule->message == c->grammar.graph);
    const uint32_t types = outer->types + (rule->message == c->grammar.type);
    if (graphs > (uint64_t)c->limits.max_graphs + 1) {
        return fail(c, QUIRE_E_LIMIT, number, c->pos, "graphs are nested more than %u deep",
                    c->limits.max_graphs);
    }
    if (types > MAX_TYPES) {
        return fail(c, QUIRE_E_LIMIT, number, c->pos, "types are nested more than %u deep",
                    MAX_TYPES);
    }
    frame *f = &c->frames[c->n_frames++];
    memset(f, 0, sizeof *f);
    f->message = &c->grammar.messages[rule->message];
    f->end = c->pos + len;
    f->number = number;
    f->graphs = graphs;
    f->types = types;
    c->stats.n_messages++;
    return QUIRE_OK;
}

/* ---- fields */

static quire_status
check_delimited(checker *c, uint32_t number, const quire_field_rule *rule, uint64_t end)
{
    const uint64_t at = c->pos;
    uint64_t len = 0;
    QUIRE_TRY(read_varint(c, number, end, TAG_ROOM, &len));
    if (len > end - c->pos) {
        return fail(
            c, QUIRE_E_INVALID, number, at,
            "a field of %llu bytes runs past the end of its message, %llu bytes on; the file "
            "is damaged or incomplete",
            (unsigned long long)len, (unsigned long long)(end - c->pos));
    }
    switch (rule->kind) {
    case QUIRE_KIND_STRING: return check_string(c, number, len);
    case QUIRE_KIND_MESSAGE: return enter(c, number, rule, len);
    case QUIRE_KIND_BYTES:
        if (is_bulk(c, number, len)) return add_hole(c, len);
        c->pos += len;
        return QUIRE_OK;
    case QUIRE_KIND_UNKNOWN: c->pos += len; return QUIRE_OK;
    default: return check_packed(c, number, rule, len);
    }
}

static quire_status
check_fixed(checker *c, uint32_t number, uint64_t end, uint64_t size)
{
    if (end - c->pos < size) {
        return fail(
            c, QUIRE_E_INVALID, number, c->pos,
            "a number of %llu bytes runs past the end of its message; the file is damaged or "
            "incomplete",
            (unsigned long long)size);
    }
    c->pos += size;
    return QUIRE_OK;
}

/* Reads a tag. Groups were dropped before ONNX began; nothing that reads models takes them. */
static quire_status
read_tag(checker *c, uint64_t end, uint32_t *out_number, uint32_t *out_wire)
{
    const uint64_t at = c->pos;
    uint64_t tag = 0;
    QUIRE_TRY(read_varint(c, 0, end, TAG_ROOM, &tag));
    const uint64_t number = tag >> 3;
    const uint32_t wire = (uint32_t)(tag & 7);
    if (number == 0 || tag > UINT32_MAX) {
        return fail(c, QUIRE_E_INVALID, 0, at, "field number %llu is not in 1 to 536870911",
                    (unsigned long long)number);
    }
    if (wire != QUIRE_WIRE_VARINT && wire != QUIRE_WIRE_I64 && wire != QUIRE_WIRE_LEN &&
        wire != QUIRE_WIRE_I32) {
        return fail(c, QUIRE_E_INVALID, 0, at,
                    wire < 6 ? "field %llu is a group (wire type %u), which ONNX does not use"
                             : "field %llu has wire type %u, which does not exist",
                    (unsigned long long)number, wire);
    }
    *out_number = (uint32_t)number;
    *out_wire = wire;
    return QUIRE_OK;
}

/* Can a field of this kind be written with this wire type? Numbers in lists may come packed or
 * not. */
static bool
wire_fits(const quire_field_rule *rule, uint32_t wire)
{
    switch (rule->kind) {
    case QUIRE_KIND_UNKNOWN: return true;
    case QUIRE_KIND_VARINT:
        return wire == QUIRE_WIRE_VARINT || (wire == QUIRE_WIRE_LEN && rule->repeated);
    case QUIRE_KIND_I32:
        return wire == QUIRE_WIRE_I32 || (wire == QUIRE_WIRE_LEN && rule->repeated);
    case QUIRE_KIND_I64:
        return wire == QUIRE_WIRE_I64 || (wire == QUIRE_WIRE_LEN && rule->repeated);
    default: return wire == QUIRE_WIRE_LEN;
    }
}

static quire_status
count_unknown(checker *c, uint64_t at)
{
    c->stats.projected_memory += sizeof(ProtobufCMessageUnknownField);
    if (++c->stats.n_unknown <= MAX_UNKNOWN) return QUIRE_OK;
    return fail(c, QUIRE_E_LIMIT, 0, at, "there are more than %d unknown fields", MAX_UNKNOWN);
}

static quire_status
check_memory(checker *c, uint32_t number, uint64_t at)
{
    if (c->stats.projected_memory <= c->limits.max_memory) return QUIRE_OK;
    return fail(
        c, QUIRE_E_LIMIT, number, at,
        "up to here the model takes %llu MiB of memory, too much for a file of %llu bytes; it "
        "is made of very many tiny parts",
        (unsigned long long)(c->stats.projected_memory >> 20), (unsigned long long)c->source->size);
}

/* What a field may be beside the fields of its message that came before it. */
static quire_status
check_place(checker *c, uint32_t number, const quire_field_rule *rule, uint64_t at)
{
    frame *f = &c->frames[c->n_frames - 1];
    f->counts[number]++;
    if (rule->kind == QUIRE_KIND_MESSAGE && !rule->repeated && f->counts[number] > 1) {
        return fail(c, QUIRE_E_INVALID, number, at,
                    "this message is there twice; it may be there once");
    }
    if (rule->oneof != 0) {
        uint8_t *chosen = &f->chosen[rule->oneof - 1];
        if (*chosen != 0 && *chosen != number) {
            return fail(c, QUIRE_E_INVALID, number, at, "only one of %s and %s may be there",
                        quire_grammar_name(f->message, *chosen),
                        quire_grammar_name(f->message, number));
        }
        *chosen = (uint8_t)number;
    }
    c->stats.projected_memory += rule->cost;
    return check_memory(c, number, at);
}

static quire_status
check_field(checker *c)
{
    const frame *f = &c->frames[c->n_frames - 1];
    const uint64_t end = f->end, at = c->pos;
    static const quire_field_rule unknown = {0};
    const quire_field_rule *rule = &unknown;
    uint32_t number = 0, wire = 0;
    QUIRE_TRY(read_tag(c, end, &number, &wire));
    if (number < QUIRE_GRAMMAR_FIELDS) rule = &f->message->fields[number];
    if (rule->kind == QUIRE_KIND_UNKNOWN) {
        QUIRE_TRY(count_unknown(c, at));
    } else {
        QUIRE_TRY(check_place(c, number, rule, at));
    }
    if (!wire_fits(rule, wire)) {
        return fail(c, QUIRE_E_INVALID, number, at, "wire type %u does not fit this field", wire);
    }
    uint64_t value;
    switch (wire) {
    case QUIRE_WIRE_VARINT: return read_varint(c, number, end, VARINT_ROOM, &value);
    case QUIRE_WIRE_I64: return check_fixed(c, number, end, 8);
    case QUIRE_WIRE_I32: return check_fixed(c, number, end, 4);
    default: return check_delimited(c, number, rule, end);
    }
}

static quire_status
check_file(checker *c)
{
    while (c->n_frames > 0) {
        if (c->pos == c->frames[c->n_frames - 1].end) {
            c->n_frames--;
        } else {
            QUIRE_TRY(check_field(c));
        }
    }
    c->stats.skeleton_size = c->source->size - c->hole_bytes;
    c->stats.projected_memory += c->stats.skeleton_size + c->holes->n * sizeof *c->holes->ptr;
    return check_memory(c, 0, c->pos);
}

static quire_status
check_size(checker *c)
{
    const uint64_t size = c->source->size;
    if (size == 0) {
        return quire_fail(c->ctx, QUIRE_E_INVALID, NULL,
                          "the file is empty; was it fully written?");
    }
    if (size <= c->limits.max_file) return QUIRE_OK;
    return quire_fail(c->ctx, QUIRE_E_LIMIT, NULL,
                      "the file has %llu bytes, at most %llu are allowed; keep weights in external "
                      "data files",
                      (unsigned long long)size, (unsigned long long)c->limits.max_file);
}

static quire_status
check(checker *c)
{
    QUIRE_TRY(check_size(c));
    QUIRE_TRY(quire_grammar_init(c->ctx, &c->grammar));
    QUIRE_TRY(quire_grow(c->ctx, &c->frames, &c->frames_room, 1, sizeof *c->frames));
    c->frames[0].message = &c->grammar.messages[0];
    c->frames[0].end = c->source->size;
    c->n_frames = 1;
    c->stats.n_messages = 1;
    return check_file(c);
}

quire_status
quire_wire_check(quire_ctx *ctx, const quire_source *source, const quire_wire_limits *limits,
                 quire_wire_stats *out_stats, quire_wire_holes *holes)
{
    checker *c = quire_alloc(ctx->alloc, sizeof *c);
    if (c == NULL) return quire_nomem(ctx);
    memset(c, 0, sizeof *c);
    c->ctx = ctx;
    c->source = source;
    c->limits = limits != NULL ? *limits : quire_wire_limits_default;
    if (c->limits.max_memory == 0) c->limits.max_memory = (UINT64_C(64) << 20) + 32 * source->size;
    c->holes = holes;
    quire_window_init(&c->window, source);
    holes->n = 0;

    const quire_status status = check(c);
    if (status == QUIRE_OK) *out_stats = c->stats;
    quire_window_deinit(ctx, &c->window);
    quire_ungrow(ctx->alloc, &c->frames, &c->frames_room, sizeof *c->frames);
    quire_free(ctx->alloc, c, sizeof *c);
    return status;
}
