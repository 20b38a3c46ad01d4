/* pool.h - the program's threads, for the library's long work: as many as --threads says, else as
 * the environment variable QUIRE_THREADS does, else as there are processors.
 */
#ifndef QUIRE_TOOLS_POOL_H
#define QUIRE_TOOLS_POOL_H

#include "options.h"

#define POOL_ROW                                                                                   \
    {                                                                                              \
        "threads", 0, "N", "threads for tables (QUIRE_THREADS, else all processors)"               \
    }

/* The value of --threads. Reports QUIRE_E_USAGE. */
QUIRE_MUST_USE quire_status pool_take(cli *c, const char *value);
/* Gives the context its threads, once the options are read. Reports QUIRE_E_USAGE for a variable
 * that is no number. */
QUIRE_MUST_USE quire_status pool_use(cli *c);

#endif
