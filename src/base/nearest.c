/* nearest.c - an edit distance that knows wildcards, over names by the million: what names have in
 * common in front is not compared, and a name is left as soon as it cannot be among the nearest.
 */
#include "base/nearest.h"

#include <stdio.h>

enum { MAX_BYTES = 128, N_NEAREST = 3, MAX_WORK = 1 << 28 };

typedef struct near {
    quire_bytes name;
    uint32_t distance;
} near;

typedef struct search {
    const char *wanted;
    bool has_run;            /* a `*` in it */
    near nearest[N_NEAREST]; /* sorted; an equally near earlier one stays in front */
    size_t n;
    uint64_t work; /* characters compared */
} search;

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A distance of this and more is of no interest. */
static uint32_t
too_far(const search *s)
{
    return s->n < N_NEAREST ? UINT32_MAX : s->nearest[N_NEAREST - 1].distance;
}

/* One row of the table: behind `c` of what is wanted. Returns its least entry. */
static uint32_t
next_row(uint32_t *row, char c, quire_bytes name)
{
    const bool run = c == '*';
    uint32_t diagonal = row[0];
    if (!run) row[0]++;
    uint32_t best = row[0];
    for (size_t j = 1; j <= name.len; j++) {
        const bool same = c == '?' || (uint8_t)c == name.ptr[j - 1];
        const uint32_t replaced = diagonal + (same ? 0 : 1);
        diagonal = row[j];
        row[j] = run ? least(row[j], row[j - 1]) : least(replaced, least(row[j], row[j - 1]) + 1);
        best = least(best, row[j]);
    }
    return best;
}

/* UINT32_MAX if it is too far. */
static uint32_t
distance(search *s, const char *wanted, quire_bytes name)
{
    uint32_t row[MAX_BYTES + 1];
    for (size_t j = 0; j <= name.len; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 0; wanted[i] != '\0' && i < MAX_BYTES; i++) {
        s->work += name.len + 1;
        if (next_row(row, wanted[i], name) >= too_far(s)) return UINT32_MAX;
    }
    return row[name.len];
}

/* Inserts or removals that the lengths alone ask for. */
static bool
is_too_long_or_short(const search *s, const char *wanted, quire_bytes name)
{
    const size_t len = strnlen(wanted, MAX_BYTES);
    const size_t difference = len > name.len ? len - name.len : name.len - len;
    return !s->has_run && difference >= too_far(s);
}

static void
offer(search *s, quire_bytes name)
{
    const char *wanted = s->wanted;
    quire_bytes rest = name;
    for (; rest.len > 0 && *wanted == (char)*rest.ptr && *wanted != '*' && *wanted != '?'; wanted++)
        rest = (quire_bytes){rest.ptr + 1, rest.len - 1};
    if (rest.len > MAX_BYTES) rest.len = MAX_BYTES;
    s->work += (uint64_t)(wanted - s->wanted) + 1;
    if (is_too_long_or_short(s, wanted, rest)) return;
    const near candidate = {name, distance(s, wanted, rest)};
    size_t at = s->n;
    while (at > 0 && candidate.distance < s->nearest[at - 1].distance)
        at--;
    if (at == N_NEAREST) return;
    if (s->n < N_NEAREST) s->n++;
    for (size_t i = s->n - 1; i > at; i--)
        s->nearest[i] = s->nearest[i - 1];
    s->nearest[at] = candidate;
}

void
quire_names_nearest(const char *wanted, size_t n, quire_name_fn name, const void *data, char *out,
                    size_t room)
{
    search s = {.wanted = wanted, .has_run = strchr(wanted, '*') != NULL};
    size_t used = 0;
    for (size_t i = 0; i < n && s.work < MAX_WORK; i++)
        offer(&s, name(data, i));
    if (room > 0) out[0] = '\0';
    for (size_t i = 0; i < s.n && used < room; i++) {
        const size_t len = s.nearest[i].name.len;
        const int written =
            snprintf(out + used, room - used, "%s\"%.*s\"", i == 0 ? "" : ", ",
                     len < MAX_BYTES ? (int)len : MAX_BYTES, (const char *)s.nearest[i].name.ptr);
        if (written > 0) used += (size_t)written;
    }
}
