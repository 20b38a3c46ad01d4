/* fenced.h - memory with a page that may not be touched on either side. */
#ifndef QUIRE_TESTS_SUPPORT_FENCED_H
#define QUIRE_TESTS_SUPPORT_FENCED_H

#include <stddef.h>
#include <stdint.h>

typedef struct fenced {
    uint8_t *first;
    size_t size; /* whole pages; only those that are written take memory */
} fenced;

/* Where in it an array lies. */
typedef enum fenced_place {
    FENCED_END,   /* the byte behind it may not be touched */
    FENCED_START, /* the byte before it may not be touched */
    FENCED_ODD,   /* off the start by an odd number of bytes */
    FENCED_PLACES
} fenced_place;

/* At least `size` bytes of zero; ends the program if there is no memory. Never given back. */
fenced fenced_make(size_t size);

/* The first of `size` bytes, size <= f->size - 64. */
void *fenced_put(const fenced *f, size_t size, fenced_place place);

#endif
