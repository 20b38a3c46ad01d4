/* nearest.h - names near to one that is not there, for messages. */
#ifndef QUIRE_BASE_NEAREST_H
#define QUIRE_BASE_NEAREST_H

#include "base/base.h"

/* Name i of the list behind `data`. */
typedef quire_bytes (*quire_name_fn)(const void *data, size_t i);

/* Writes the up to three of n names that are nearest to `wanted` to `out`, nearest first, equally
 * near ones in list order: `"a", "b"`; an empty text if n is 0. Nearest is the least number of
 * characters inserted, removed or replaced; in `wanted`, `*` and `?` stand for anything at no cost.
 * Compares 128 bytes behind what name and `wanted` have in common in front, and stops after 2^28
 * comparisons of a byte, about half a second: some 100,000 names. */
void quire_names_nearest(const char *wanted, size_t n, quire_name_fn name, const void *data,
                         char *out, size_t room);

#endif
