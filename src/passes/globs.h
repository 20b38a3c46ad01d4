/* globs.h - choosing tables by name, and names near to one that is not there.
 *
 * A glob is an fnmatch pattern in which `/` and a leading dot are nothing special.
 */
#ifndef QUIRE_PASSES_GLOBS_H
#define QUIRE_PASSES_GLOBS_H

#include "base/base.h"

/* Does the glob match the whole name? The byte after the name must be a NUL. */
bool quire_glob_matches(const char *glob, quire_bytes name);

/* Name i of the list behind `data`. */
typedef quire_bytes (*quire_name_fn)(const void *data, size_t i);

/* Writes the up to three of n names that are nearest to `wanted` to `out`, nearest first, equally near
 * ones in list order: `"a", "b"`; an empty text if n is 0. Nearest is the least number of characters
 * inserted, removed or replaced; in `wanted`, `*` and `?` stand for anything at no cost. Compares
 * the first 128 bytes of the first 4096 names. */
void quire_names_nearest(const char *wanted, size_t n, quire_name_fn name, const void *data,
                         char *out, size_t room);

#endif
