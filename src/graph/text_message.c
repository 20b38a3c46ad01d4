/* text_message.c - protobuf messages built field by field, out of order, and written in order. */
#include "base/diag.h"
#include "graph/text.h"

size_t
quire_text_varint_size(uint64_t x)
{
    size_t n = 1;
    for (; x >= 0x80; x >>= 7)
        n++;
    return n;
}

static uint8_t *
write_varint(uint8_t *p, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        *p++ = (uint8_t)(x | 0x80);
    *p++ = (uint8_t)x;
    return p;
}

static uint64_t
tag_of(uint32_t number, unsigned wire)
{
    return (uint64_t)number << 3 | wire;
}

/* A new last field whose `bytes` have room for `size` bytes at *out_bytes. */
static quire_status
append(quire_text_build *b, quire_text_message *m, uint32_t number, size_t size,
       uint8_t **out_bytes)
{
    uint8_t *room;
    QUIRE_TRY(quire_arena_take(b->ctx, &b->arena, sizeof(quire_text_field) + size, &room));
    quire_text_field *f = (quire_text_field *)(void *)room;
    f->number = number;
    f->bytes = (quire_bytes){room + sizeof *f, size};
    if (m->last != NULL) m->last->next = f;
    if (m->first == NULL) m->first = f;
    m->last = f;
    *out_bytes = room + sizeof *f;
    return QUIRE_OK;
}

quire_status
quire_text_put_int(quire_text_build *b, quire_text_message *m, uint32_t number, int64_t value)
{
    const uint64_t tag = tag_of(number, QUIRE_WIRE_VARINT);
    uint8_t *p;
    QUIRE_TRY(append(b, m, number,
                     quire_text_varint_size(tag) + quire_text_varint_size((uint64_t)value), &p));
    write_varint(write_varint(p, tag), (uint64_t)value);
    return QUIRE_OK;
}

quire_status
quire_text_put_fixed(quire_text_build *b, quire_text_message *m, uint32_t number, uint64_t bits,
                     size_t size)
{
    const uint64_t tag = tag_of(number, size == 4 ? QUIRE_WIRE_I32 : QUIRE_WIRE_I64);
    uint8_t *p;
    QUIRE_TRY(append(b, m, number, quire_text_varint_size(tag) + size, &p));
    p = write_varint(p, tag);
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)(bits >> (8 * i));
    return QUIRE_OK;
}

quire_status
quire_text_put_bytes(quire_text_build *b, quire_text_message *m, uint32_t number, quire_bytes bytes)
{
    const uint64_t tag = tag_of(number, QUIRE_WIRE_LEN);
    uint8_t *p;
    QUIRE_TRY(append(b, m, number,
                     quire_text_varint_size(tag) + quire_text_varint_size(bytes.len) + bytes.len,
                     &p));
    p = write_varint(write_varint(p, tag), bytes.len);
    if (bytes.len > 0) memcpy(p, bytes.ptr, bytes.len);
    return QUIRE_OK;
}

quire_status
quire_text_put_whole(quire_text_build *b, quire_text_message *m, uint32_t number, quire_bytes whole)
{
    uint8_t *p;
    QUIRE_TRY(append(b, m, number, whole.len, &p));
    if (whole.len > 0) memcpy(p, whole.ptr, whole.len);
    return QUIRE_OK;
}

quire_status
quire_text_put_weights(quire_text_build *b, quire_text_message *m, uint32_t number, uint64_t off,
                       uint64_t len)
{
    uint8_t *p;
    QUIRE_TRY(append(b, m, number, 0, &p));
    m->last->is_weights = true;
    m->last->off = off;
    m->last->len = len;
    return QUIRE_OK;
}

quire_status
quire_text_put_leaf(quire_text_build *b, quire_text_message *m, uint32_t number,
                    const quire_text_message *leaf)
{
    size_t size = 0;
    for (const quire_text_field *f = leaf->first; f != NULL; f = f->next)
        size += f->bytes.len;
    const uint64_t tag = tag_of(number, QUIRE_WIRE_LEN);
    uint8_t *p;
    QUIRE_TRY(append(b, m, number,
                     quire_text_varint_size(tag) + quire_text_varint_size(size) + size, &p));
    p = write_varint(write_varint(p, tag), size);
    for (const quire_text_field *f = leaf->first; f != NULL; p += f->bytes.len, f = f->next) {
        memcpy(p, f->bytes.ptr, f->bytes.len);
    }
    return QUIRE_OK;
}

/* Bytes of a message that is small and holds neither weights nor records; SIZE_MAX: it is not. */
static size_t
leaf_size(const quire_text_message *m)
{
    enum { SMALL = 4096 };
    size_t size = 0;
    for (const quire_text_field *f = m->first; f != NULL; f = f->next) {
        if (f->message != NULL || f->is_weights) return SIZE_MAX;
        size += f->bytes.len;
        if (size > SMALL) return SIZE_MAX;
    }
    return size;
}

quire_status
quire_text_put_message(quire_text_build *b, quire_text_message *m, uint32_t number,
                       quire_text_message *inner)
{
    uint8_t *p;
    if (!b->keeps_records && leaf_size(inner) != SIZE_MAX)
        return quire_text_put_leaf(b, m, number, inner);
    QUIRE_TRY(append(b, m, number, 0, &p));
    m->last->message = inner;
    return QUIRE_OK;
}

void
quire_text_drop(quire_text_message *m, const quire_text_message *numbers)
{
    const quire_text_field *n = numbers->first;
    quire_text_field **link = &m->first;
    m->last = NULL;
    while (*link != NULL) {
        while (n != NULL && n->number < (*link)->number)
            n = n->next;
        if (n != NULL && n->number == (*link)->number) {
            *link = (*link)->next;
        } else {
            m->last = *link;
            link = &(*link)->next;
        }
    }
}

void
quire_text_append(quire_text_message *m, const quire_text_message *more)
{
    if (more->first == NULL) return;
    if (m->last != NULL) m->last->next = more->first;
    if (m->first == NULL) m->first = more->first;
    m->last = more->last;
}

static quire_text_field *
merge(quire_text_field *a, quire_text_field *b)
{
    quire_text_field *first = NULL;
    quire_text_field **link = &first;
    while (a != NULL && b != NULL) {
        quire_text_field **least = a->number <= b->number ? &a : &b;
        *link = *least;
        link = &(*least)->next;
        *least = (*least)->next;
    }
    *link = a != NULL ? a : b;
    return first;
}

static bool
is_sorted(const quire_text_message *m)
{
    for (const quire_text_field *f = m->first; f != NULL && f->next != NULL; f = f->next) {
        if (f->number > f->next->number) return false;
    }
    return true;
}

/* Bottom-up: bins[i] holds a sorted run of 2^i fields, older than those in bins below it. */
void
quire_text_sort(quire_text_message *m)
{
    if (is_sorted(m)) return;
    quire_text_field *bins[48] = {NULL};
    for (quire_text_field *f = m->first; f != NULL;) {
        quire_text_field *run = f;
        size_t i = 0;
        f = f->next;
        run->next = NULL;
        for (; i < 47 && bins[i] != NULL; i++) {
            run = merge(bins[i], run);
            bins[i] = NULL;
        }
        bins[i] = run;
    }
    quire_text_field *all = NULL;
    for (size_t i = 0; i < 48; i++)
        all = merge(bins[i], all);
    m->first = all;
    m->last = all;
    while (m->last != NULL && m->last->next != NULL)
        m->last = m->last->next;
}

quire_status
quire_text_emit(quire_text_build *b, const quire_text_message *m, const quire_source *weights,
                quire_rope *rope)
{
    for (const quire_text_field *f = m->first; f != NULL; f = f->next) {
        quire_rope_mark mark;
        if (f->message == NULL && !f->is_weights) {
            QUIRE_TRY(quire_rope_add(b->ctx, rope, f->bytes));
            continue;
        }
        QUIRE_TRY(quire_rope_open(b->ctx, rope, f->number, &mark));
        if (f->is_weights) {
            QUIRE_TRY(quire_rope_add_source(b->ctx, rope, weights, f->off, f->len));
        } else {
            QUIRE_TRY(quire_text_emit(b, f->message, weights, rope));
        }
        QUIRE_TRY(quire_rope_close(b->ctx, rope, mark));
    }
    return QUIRE_OK;
}
