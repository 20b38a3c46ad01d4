/* layout_look.c - reads fields of one message without going into what is not asked for.
 *
 * Field numbers are those of onnx.proto.
 */
#include "graph/layout_look.h"

#include "base/diag.h"
#include "graph/wire.h"

static quire_status
broken(quire_walk *walk, uint64_t at)
{
    return quire_fail_file(walk->ctx, QUIRE_E_INVALID, walk->window.source->name,
                           "byte %llu: not a field of a model; was the file changed?",
                           (unsigned long long)at);
}

/* Bytes taken; 0: there is no whole varint. */
static size_t
take_varint(const uint8_t *p, size_t n, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n && i < 10; i++) {
        value |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

quire_status
quire_look_tag(quire_walk *walk, uint64_t at, uint64_t end, quire_tag *out_tag)
{
    const uint8_t *p;
    size_t n;
    QUIRE_TRY(quire_window_get(walk->ctx, &walk->window, at, 20, &p, &n));
    if (n > end - at) n = (size_t)(end - at);
    uint64_t tag, value = 0;
    const size_t tag_size = take_varint(p, n, &tag);
    if (tag_size == 0) return broken(walk, at);
    const uint32_t wire = tag & 7;
    size_t header = tag_size;
    uint64_t size = wire == QUIRE_WIRE_I32 ? 4 : 8;
    if (wire == QUIRE_WIRE_VARINT || wire == QUIRE_WIRE_LEN) {
        const size_t value_size = take_varint(p + tag_size, n - tag_size, &value);
        if (value_size == 0) return broken(walk, at);
        header += value_size;
        size = wire == QUIRE_WIRE_LEN ? value : 0;
    }
    if (header > end - at || size > end - at - header) return broken(walk, at);
    *out_tag = (quire_tag){(uint32_t)(tag >> 3), wire, at, at + header, at + header + size, value};
    return QUIRE_OK;
}

static quire_span
body_of(const quire_tag *tag)
{
    return (quire_span){(uint32_t)tag->body, (uint32_t)(tag->end - tag->body)};
}

quire_status
quire_look_string(quire_walk *walk, uint64_t at, uint64_t end, uint32_t number,
                  quire_span *out_body)
{
    *out_body = (quire_span){0};
    for (quire_tag f; at < end; at = f.end) {
        QUIRE_TRY(quire_look_tag(walk, at, end, &f));
        if (f.number == number && f.wire == QUIRE_WIRE_LEN) *out_body = body_of(&f);
    }
    return QUIRE_OK;
}

/* Copies at most `room` bytes of a span. */
static quire_status
read_span(quire_walk *walk, quire_span span, char *out, size_t room, size_t *out_n)
{
    const uint8_t *p;
    size_t n = span.len < room ? span.len : room, have;
    QUIRE_TRY(quire_window_get(walk->ctx, &walk->window, span.off, n, &p, &have));
    if (n > have) n = have;
    memcpy(out, p, n);
    *out_n = n;
    return QUIRE_OK;
}

/* A decimal number; what is not one, the resolver of external data has refused. */
static uint64_t
decimal(const char *text, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) {
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    return value;
}

static quire_status
look_external(quire_walk *walk, uint64_t at, uint64_t end, quire_look *look)
{
    quire_span key, value;
    char text[24];
    size_t n;
    QUIRE_TRY(quire_look_string(walk, at, end, 1, &key));
    QUIRE_TRY(quire_look_string(walk, at, end, 2, &value));
    QUIRE_TRY(read_span(walk, key, text, sizeof text, &n));
    if (n == 8 && memcmp(text, "location", 8) == 0) look->location = value;
    const bool offset = n == 6 && memcmp(text, "offset", 6) == 0;
    const bool length = n == 6 && memcmp(text, "length", 6) == 0;
    if (!offset && !length) return QUIRE_OK;
    QUIRE_TRY(read_span(walk, value, text, sizeof text, &n));
    if (offset) look->offset = decimal(text, n);
    if (length) look->length = decimal(text, n);
    look->has_length |= length;
    return QUIRE_OK;
}

bool
quire_look_is_payload(const quire_tag *tag)
{
    if (tag->wire != QUIRE_WIRE_LEN || tag->end - tag->body < QUIRE_BULK) return false;
    switch (tag->number) {
    case 4:
    case 5:
    case 7:
    case 9:
    case 10:
    case 11: return true; /* typed and raw data */
    default: return false;
    }
}

quire_status
quire_look_tensor(quire_walk *walk, uint64_t at, uint64_t end, quire_look *out_look)
{
    quire_look look = {0};
    for (quire_tag f; at < end; at = f.end) {
        QUIRE_TRY(quire_look_tag(walk, at, end, &f));
        if (f.number == 8 && f.wire == QUIRE_WIRE_LEN) look.name = body_of(&f);
        if (f.number == 14 && f.wire == QUIRE_WIRE_VARINT) look.external = f.value == 1;
        if (f.number == 13 && f.wire == QUIRE_WIRE_LEN) {
            QUIRE_TRY(look_external(walk, f.body, f.end, &look));
        }
        look.opens |= quire_look_is_payload(&f);
    }
    look.opens |= look.external;
    *out_look = look;
    return QUIRE_OK;
}

quire_status
quire_look_sparse(quire_walk *walk, uint64_t at, uint64_t end, quire_look *out_look)
{
    quire_look look = {0}, part;
    for (quire_tag f; at < end; at = f.end) {
        QUIRE_TRY(quire_look_tag(walk, at, end, &f));
        if ((f.number != 1 && f.number != 2) || f.wire != QUIRE_WIRE_LEN) continue;
        QUIRE_TRY(quire_look_tensor(walk, f.body, f.end, &part));
        look.opens |= part.opens;
        if (f.number == 1) look.name = part.name; /* the values' name is that of the whole */
    }
    *out_look = look;
    return QUIRE_OK;
}

quire_status
quire_look_attribute(quire_walk *walk, uint64_t at, uint64_t end, quire_look *out_look)
{
    quire_look look = {0};
    for (quire_tag f; at < end; at = f.end) {
        quire_look part = {0};
        QUIRE_TRY(quire_look_tag(walk, at, end, &f));
        if (f.wire != QUIRE_WIRE_LEN) continue;
        switch (f.number) {
        case 1: look.name = body_of(&f); break;
        case 6:
        case 11: part.opens = true; break; /* g, graphs */
        case 5:
        case 10: QUIRE_TRY(quire_look_tensor(walk, f.body, f.end, &part)); break;
        case 22:
        case 23: QUIRE_TRY(quire_look_sparse(walk, f.body, f.end, &part)); break;
        default: break;
        }
        look.opens |= part.opens;
    }
    *out_look = look;
    return QUIRE_OK;
}

quire_status
quire_look_node(quire_walk *walk, uint64_t at, uint64_t end, quire_look *out_look)
{
    quire_look look = {0};
    for (quire_tag f; at < end; at = f.end) {
        QUIRE_TRY(quire_look_tag(walk, at, end, &f));
        if (f.wire != QUIRE_WIRE_LEN) continue;
        if (f.number == 2 && look.name.len == 0) look.name = body_of(&f);
        if (f.number == 5 && !look.opens) {
            quire_look attribute;
            QUIRE_TRY(quire_look_attribute(walk, f.body, f.end, &attribute));
            look.opens = attribute.opens;
        }
    }
    *out_look = look;
    return QUIRE_OK;
}
