/* globs.c - fnmatch over names that are bytes with a NUL behind them. */
#include "passes/globs.h"

#include <fnmatch.h>

bool
quire_glob_matches(const char *glob, quire_bytes name)
{
    return fnmatch(glob, name.len == 0 ? "" : (const char *)name.ptr, 0) == 0;
}
