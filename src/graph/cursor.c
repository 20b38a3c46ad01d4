/* cursor.c - walking checked wire bytes, and the holes in them.
 *
 * A length in the file counts the bulk payloads that the skeleton leaves out. The cursor therefore knows
 * the holes behind it and subtracts those that lie inside a field. A hole stands right behind its own
 * tag and length, so a hole at the very end of a view belongs to the view, one at its start does not.
 */
#include "graph/wire.h"

/* First hole behind `at`: index of the first with holes[i].at > at. */
static size_t
first_hole_after(const quire_skeleton *s, uint64_t at)
{
    size_t low = 0;
    size_t high = s->n_holes;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->holes[middle].at > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static bool
in_skeleton(const quire_skeleton *s, const uint8_t *p)
{
    return s->len > 0 && (uintptr_t)p >= (uintptr_t)s->ptr &&
           (uintptr_t)p <= (uintptr_t)(s->ptr + s->len);
}

quire_cursor
quire_cursor_over(const quire_model *m, quire_bytes bytes)
{
    const quire_skeleton *s = &m->skeleton;
    size_t hole = s->n_holes;
    if (bytes.len > 0 && s->n_holes > 0 && in_skeleton(s, bytes.ptr)) {
        hole = first_hole_after(s, (uint64_t)(bytes.ptr - s->ptr));
    }
    return (quire_cursor){s, bytes.ptr, bytes.len > 0 ? bytes.ptr + bytes.len : bytes.ptr, hole};
}

static bool
read_varint(quire_cursor *c, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        const uint8_t byte = *c->p++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool
read_fixed(quire_cursor *c, size_t n, uint64_t *out)
{
    if ((size_t)(c->end - c->p) < n) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)c->p[i] << (8 * i);
    c->p += n;
    *out = value;
    return true;
}

/* Takes a body of `len` file bytes at c->p, less the holes inside. */
static bool
read_body(quire_cursor *c, uint64_t len, quire_field *f)
{
    const quire_skeleton *s = c->skeleton;
    uint64_t missing = 0;
    if (c->hole < s->n_holes) {
        const uint64_t start = (uint64_t)(c->p - s->ptr);
        f->is_bulk = s->holes[c->hole].at == start && s->holes[c->hole].len == len;
        if (f->is_bulk) {
            f->bulk = (quire_blob){.file = 1, .u.off = s->holes[c->hole].off, .len = len};
        }
        while (c->hole < s->n_holes) {
            const quire_hole *h = &s->holes[c->hole];
            if (h->at - start + missing + h->len > len) break;
            missing += h->len;
            c->hole++;
        }
    }
    if (missing > len || (uint64_t)(c->end - c->p) < len - missing) return false;
    f->body = (quire_bytes){c->p, (size_t)(len - missing)};
    c->p += len - missing;
    return true;
}

bool
quire_cursor_next(quire_cursor *c, quire_field *out)
{
    if (c->p >= c->end) return false;
    const uint8_t *start = c->p;
    quire_field f = {0};
    uint64_t tag;
    if (!read_varint(c, &tag)) return false;
    f.number = (uint32_t)(tag >> 3);
    f.wire = (uint32_t)(tag & 7);
    uint64_t len;
    bool ok = false;
    switch (f.wire) {
    case QUIRE_WIRE_VARINT: ok = read_varint(c, &f.scalar); break;
    case QUIRE_WIRE_I64: ok = read_fixed(c, 8, &f.scalar); break;
    case QUIRE_WIRE_I32: ok = read_fixed(c, 4, &f.scalar); break;
    case QUIRE_WIRE_LEN: ok = read_varint(c, &len) && read_body(c, len, &f); break;
    default: break;
    }
    if (!ok) return false;
    f.whole = (quire_bytes){start, (size_t)(c->p - start)};
    *out = f;
    return true;
}

bool
quire_message_find(const quire_model *m, quire_bytes message, uint32_t number,
                   quire_bytes *out_body)
{
    quire_cursor c = quire_cursor_over(m, message);
    bool found = false;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number || f.wire != QUIRE_WIRE_LEN || f.is_bulk) continue;
        *out_body = f.body;
        found = true;
    }
    return found;
}

size_t
quire_field_varints(const quire_field *f, int64_t *out, size_t room)
{
    if (f->wire == QUIRE_WIRE_VARINT) {
        if (room > 0) out[0] = (int64_t)f->scalar;
        return 1;
    }
    size_t n = 0;
    uint64_t value = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < f->body.len; i++) {
        if (shift < 64) value |= (uint64_t)(f->body.ptr[i] & 0x7f) << shift;
        shift += 7;
        if (f->body.ptr[i] >= 0x80) continue;
        if (n < room) out[n] = (int64_t)value;
        n++;
        value = 0;
        shift = 0;
    }
    return n;
}

uint64_t
quire_skeleton_offset(const quire_skeleton *s, const uint8_t *ptr)
{
    if (!in_skeleton(s, ptr)) return 0;
    const uint64_t at = (uint64_t)(ptr - s->ptr);
    const size_t hole = first_hole_after(s, at > 0 ? at - 1 : 0);
    if (hole == 0) return at;
    const quire_hole *before = &s->holes[hole - 1];
    return before->off + before->len + (at - before->at);
}
