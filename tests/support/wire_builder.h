/* wire_builder.h - protobuf messages written from the inside out, for tests of what reads them. */
#ifndef QUIRE_TESTS_WIRE_BUILDER_H
#define QUIRE_TESTS_WIRE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct builder {
    uint8_t *bytes; /* filled from the end; malloc'ed, freed by the test */
    size_t room, start;
} builder;

builder builder_create(size_t room);
/* Puts bytes before what is there; aborts if the room is not enough. */
void builder_put(builder *b, const void *bytes, size_t n);
/* Puts n equal bytes. */
void builder_fill(builder *b, int byte, size_t n);
/* Makes what is there the body of a field with this tag (a string of one or two bytes). */
void builder_wrap(builder *b, const char *tag);
/* Puts another one's bytes and frees them. */
void builder_take(builder *b, builder *other);

static inline const uint8_t *
builder_bytes(const builder *b)
{
    return b->bytes + b->start;
}

static inline size_t
builder_size(const builder *b)
{
    return b->room - b->start;
}

#endif
