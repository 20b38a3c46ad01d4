/* fenced.c - see fenced.h. */
#include "support/fenced.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

fenced
fenced_make(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inner = (size + page - 1) / page * page;
    uint8_t *map =
        mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED || mprotect(map + page, inner, PROT_READ | PROT_WRITE) != 0) {
        perror("fenced memory");
        exit(EXIT_FAILURE);
    }
    return (fenced){.first = map + page, .size = inner};
}

void *
fenced_put(const fenced *f, size_t size, fenced_place place)
{
    switch (place) {
    case FENCED_END: return f->first + (f->size - size);
    case FENCED_ODD: return f->first + 1 + size % 16 * 2;
    case FENCED_START:
    case FENCED_PLACES: break;
    }
    return f->first;
}
