/* wire_builder.c - a buffer that grows downwards. */
#include "support/wire_builder.h"

#include <stdlib.h>
#include <string.h>

builder
builder_create(size_t room)
{
    builder b = {malloc(room), room, room};
    if (b.bytes == NULL) abort();
    return b;
}

static uint8_t *
claim(builder *b, size_t n)
{
    if (b->start < n) abort();
    b->start -= n;
    return b->bytes + b->start;
}

void
builder_put(builder *b, const void *bytes, size_t n)
{
    memcpy(claim(b, n), bytes, n);
}

void
builder_fill(builder *b, int byte, size_t n)
{
    memset(claim(b, n), byte, n);
}

void
builder_wrap(builder *b, const char *tag)
{
    uint8_t len[10];
    size_t n = 0;
    for (size_t x = builder_size(b); n == 0 || x > 0; x >>= 7) {
        if (n > 0) len[n - 1] |= 0x80;
        len[n++] = x & 0x7f;
    }
    builder_put(b, len, n);
    builder_put(b, tag, strlen(tag));
}

void
builder_take(builder *b, builder *other)
{
    builder_put(b, builder_bytes(other), builder_size(other));
    free(other->bytes);
    other->bytes = NULL;
}
