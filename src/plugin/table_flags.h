/* table_flags.h - how tables are quantized where no quantizer is named: the flags of `quire quantize`,
 * the members of quire_quantize_options. They are options of the quantizer `embedding`, and nothing
 * else decides: so flags and the recipe that is saved of them cannot differ.
 */
#ifndef QUIRE_PLUGIN_TABLE_FLAGS_H
#define QUIRE_PLUGIN_TABLE_FLAGS_H

#include "base/writer.h"
#include "passes/annotate.h"
#include "quire/quire.h"

/* Flags that take one value, and the options they become, in the order in which they are written. */
#define QUIRE_TABLE_FLAGS(X)                                                                       \
    X(BITS, "bits")                                                                                \
    X(BLOCK, "block")                                                                              \
    X(ZERO_POINT, "zero-point")                                                                    \
    X(SCALES, "scales")                                                                            \
    X(SEARCH, "search")                                                                            \
    X(MIN_SQNR, "min-sqnr")                                                                        \
    X(MIN_ELEMENTS, "min-elements")

typedef enum quire_table_flag {
#define X(id, name) QUIRE_TABLE_FLAG_##id,
    QUIRE_TABLE_FLAGS(X)
#undef X
        QUIRE_N_TABLE_FLAGS
} quire_table_flag;

typedef struct quire_table_flags {
    const quire_quantize_options *options; /* complete and checked */
    /* What was written for a flag, the last time: it becomes the option as it is, even if it is the
     * default. NULL: the member of `options`, unless that is at its default. */
    const char *given[QUIRE_N_TABLE_FLAGS];
} quire_table_flags;

/* `embedding:bits=4,only=a*;b*`. Reports QUIRE_E_USAGE for an empty glob, QUIRE_E_NOMEM. Freed with
 * quire_text_free, also after a failure. */
QUIRE_MUST_USE quire_status quire_table_flags_text(quire_ctx *ctx, const quire_table_flags *flags,
                                                   quire_text *out);

/* Annotates by the flags, where neither a file nor the model's entry does (quire_table_source_load).
 * Loads no plugin. Messages call options by their flags: `--skip "x"`. Must outlive the annotator. */
quire_annotator quire_table_flags_annotator(const quire_table_flags *flags);

#endif
