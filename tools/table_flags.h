/* table_flags.h - the flags about tables of quire quantize, as options of the quantizer `embedding`. */
#ifndef QUIRE_TOOLS_TABLE_FLAGS_H
#define QUIRE_TOOLS_TABLE_FLAGS_H

#include "cli.h"

/* Flags that take one value, in the order in which they are written. */
#define TABLE_FLAGS(X)                                                                             \
    X(BITS, "bits")                                                                                \
    X(BLOCK, "block")                                                                              \
    X(ZERO_POINT, "zero-point")                                                                    \
    X(SCALES, "scales")                                                                            \
    X(SEARCH, "search")                                                                            \
    X(MIN_SQNR, "min-sqnr")                                                                        \
    X(MIN_ELEMENTS, "min-elements")

enum table_flag {
#define X(id, name) TABLE_FLAG_##id,
    TABLE_FLAGS(X)
#undef X
        N_TABLE_FLAGS
};

typedef struct table_flags {
    const char *value[N_TABLE_FLAGS]; /* as given, the last time; NULL: not given */
} table_flags;

/* `embedding:bits=4,only=a*;b*`: what the flags say, and only, skip and bits_for of the options.
 * Freed with quire_text_free. */
QUIRE_MUST_USE quire_status table_flags_text(cli *c, const table_flags *flags,
                                             const quire_quantize_options *o, quire_text *out);

#endif
