/* scratch.h - a directory of its own for a test, and quick ways to look into it. */
#ifndef QUIRE_TESTS_SCRATCH_H
#define QUIRE_TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct scratch {
    char path[64];
} scratch;

/* Aborts if it cannot be made. */
scratch scratch_create(void);
/* With everything in it. */
void scratch_remove(const scratch *s);
/* `name` inside it; valid until the caller's next 8 calls. */
const char *scratch_path(const scratch *s, const char *name);
void scratch_write(const scratch *s, const char *name, const void *bytes, size_t n);
/* The file's bytes, allocated with malloc; NULL if it is not there. */
unsigned char *scratch_read(const scratch *s, const char *name, size_t *out_n);
/* How many entries it has, hidden ones included. */
size_t scratch_count(const scratch *s);

#endif
