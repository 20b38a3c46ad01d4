/* globs.c - fnmatch, and an edit distance that knows wildcards. */
#include "passes/globs.h"

#include <fnmatch.h>
#include <stdio.h>

enum { MAX_BYTES = 128, MAX_NAMES = 4096, N_NEAREST = 3 };

bool
quire_glob_matches(const char *glob, quire_bytes name)
{
    return fnmatch(glob, name.len == 0 ? "" : (const char *)name.ptr, 0) == 0;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t
distance(const char *wanted, quire_bytes name)
{
    const size_t n = name.len < MAX_BYTES ? name.len : MAX_BYTES;
    uint32_t row[MAX_BYTES + 1];
    for (size_t j = 0; j <= n; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 0; wanted[i] != '\0' && i < MAX_BYTES; i++) {
        const bool run = wanted[i] == '*';
        uint32_t diagonal = row[0];
        if (!run) row[0]++;
        for (size_t j = 1; j <= n; j++) {
            const bool same = wanted[i] == '?' || (uint8_t)wanted[i] == name.ptr[j - 1];
            const uint32_t replaced = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            row[j] =
                run ? least(row[j], row[j - 1]) : least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

typedef struct near {
    quire_bytes name;
    uint32_t distance;
} near;

/* Keeps `nearest` sorted; an equally near earlier one stays in front. */
static void
offer(near nearest[N_NEAREST], size_t *io_n, near candidate)
{
    size_t at = *io_n;
    while (at > 0 && candidate.distance < nearest[at - 1].distance)
        at--;
    if (at == N_NEAREST) return;
    if (*io_n < N_NEAREST) ++*io_n;
    for (size_t i = *io_n - 1; i > at; i--)
        nearest[i] = nearest[i - 1];
    nearest[at] = candidate;
}

void
quire_names_nearest(const char *wanted, size_t n, quire_name_fn name, const void *data, char *out,
                    size_t room)
{
    near nearest[N_NEAREST];
    size_t n_nearest = 0;
    size_t used = 0;
    for (size_t i = 0; i < n && i < MAX_NAMES; i++) {
        const quire_bytes candidate = name(data, i);
        offer(nearest, &n_nearest, (near){candidate, distance(wanted, candidate)});
    }
    if (room > 0) out[0] = '\0';
    for (size_t i = 0; i < n_nearest && used < room; i++) {
        const size_t len = nearest[i].name.len;
        const int written =
            snprintf(out + used, room - used, "%s\"%.*s\"", i == 0 ? "" : ", ",
                     len < MAX_BYTES ? (int)len : MAX_BYTES, (const char *)nearest[i].name.ptr);
        if (written > 0) used += (size_t)written;
    }
}
