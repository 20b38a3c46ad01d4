/* globs.h - choosing tables by name.
 *
 * A glob is an fnmatch pattern in which `/` and a leading dot are nothing special.
 */
#ifndef QUIRE_PASSES_GLOBS_H
#define QUIRE_PASSES_GLOBS_H

#include "base/base.h"
#include "base/nearest.h"

/* Does the glob match the whole name? The byte after the name must be a NUL. */
bool quire_glob_matches(const char *glob, quire_bytes name);

#endif
