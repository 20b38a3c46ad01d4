/* quire/quire.h - the library's entry points: quantize the embedding tables of an ONNX file.
 *
 *     quire_quantize_options options = QUIRE_QUANTIZE_OPTIONS_INIT;
 *     options.input = "model.onnx";
 *     options.output = "model.q.onnx";
 *     quire_status status = quire_quantize_file(&options, NULL);
 *
 * Files are read and written by path; nothing partial is ever left under the output's name. Calls
 * keep no global state: several threads may each run their own. Strings passed in must stay valid
 * during the call.
 */
#ifndef QUIRE_QUIRE_H
#define QUIRE_QUIRE_H

#include "quire/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QUIRE_VERSION_MAJOR 0
#define QUIRE_VERSION_MINOR 1
#define QUIRE_VERSION_PATCH 0
#define QUIRE_VERSION       "0.1.0"

/* The version of the library that is linked, "0.1.0". */
QUIRE_API const char *quire_version(void);

typedef enum quire_target {
    /* standard operators: gather codes, scales, zero points, then Cast, Sub, Mul */
    QUIRE_TARGET_ONNX,
    /* a float table of exactly the decoded values */
    QUIRE_TARGET_DEQUANTIZED,
    /* calls of model-local functions of the domain ai.quire, whose bodies are the standard
     * operators; libquire_ort, where it is registered, takes their place */
    QUIRE_TARGET_QUIRE
} quire_target;

typedef enum quire_format { QUIRE_FORMAT_TEXT, QUIRE_FORMAT_JSON } quire_format;

/* One `--bits-for GLOB=VALUE`. */
typedef struct quire_bits_for {
    const char *glob;
    uint32_t bits; /* 8, 4 or 2; 0: float, the table is left alone */
} quire_bits_for;

/* Append-only; set `size` with QUIRE_QUANTIZE_OPTIONS_INIT. Globs are fnmatch patterns over table
 * names. */
typedef struct quire_quantize_options {
    uint32_t size;
    const char *input;    /* path; "-" is standard input                                          */
    const char *output;   /* path; may be NULL with dry_run                                       */
    uint32_t bits;        /* 8 (default), 4, 2                                                    */
    uint32_t block;       /* 0: one scale per row; 16, 32, 64, 128, 256: per that many columns    */
    int zero_point_float; /* 0: integer zero points; 1: float32                                   */
    int scale_f16;        /* 0: float32 scales; 1: float16                                        */
    int search;           /* -1: minmax at 8 bits, mse below (default); 0: minmax; 1: mse         */
    int keep_non_finite;  /* 1: a table with NaN or Inf stays float; 0: it is an error            */
    uint64_t
        min_elements; /* smaller tables are left alone; default 1024                          */
    quire_target target;
    int allow_empty; /* 1: no eligible table is success, and the file is written             */
    int dry_run;     /* 1: reads no weights, writes nothing                                  */
    const char *const
        *only; /* globs; none: all tables                                              */
    size_t n_only;
    const char *const *skip;
    size_t n_skip;
    const quire_bits_for
        *bits_for; /* the last that matches wins                                           */
    size_t n_bits_for;
    const quire_allocator
        *allocator;     /* NULL: malloc                                                         */
    quire_sink_fn sink; /* diagnostics; NULL: dropped                                           */
    void *sink_data;
    quire_format
        report_format; /* of the report text                                                   */
    void (*report)(void *data, const char *text,
                   size_t len); /* called once with status QUIRE_OK or QUIRE_NONE; may be NULL */
    void *report_data;
    void (*progress)(void *data, const char *what, uint64_t done, uint64_t total); /* may be NULL */
    void *progress_data;
    const volatile int
        *canceled; /* set to non-zero to stop; may be NULL                                 */
    /* Behind the first release's members. At most one of the three files; none: the model's own
     * entry `ai.quire.annotations` if it has one, else the members about tables decide, which are
     * options of the quantizer `embedding` (docs/quantizers.md). Beside annotations from anywhere, a
     * member about tables that is not at its default is QUIRE_E_USAGE. */
    const char *annotations; /* path of an annotation text; may be NULL */
    const char *rules;       /* path of a rules file; may be NULL       */
    /* A member about tables that was given on purpose, maybe its default, as the caller calls it
     * ("--bits"); may be NULL. */
    const char *table_option;
    /* Decibels that a table is to keep, up to 1000: its bits are raised until it does, else it stays
     * float. 0 (default): any. Measuring reads weights, also in a dry run. */
    double min_sqnr;
    /* Path of a recipe (docs/recipes.md); may be NULL. Its quantizers are those built in and of the
     * plugins in QUIRE_PLUGIN_PATH and the library's plugin folder, which are loaded. */
    const char *recipe;
    /* Threads for reading and quantizing tables: at most `n_threads` are asked for. NULL, or fewer
     * than 2: all is done in the caller's. What is written and told is the same. `progress` may
     * then be called from any of them, one at a time; the sink and the allocator never are. */
    quire_parallel_fn parallel;
    void *pool;
    uint32_t n_threads;
} quire_quantize_options;

#define QUIRE_QUANTIZE_OPTIONS_INIT                                                                \
    {                                                                                              \
        .size = sizeof(quire_quantize_options), .bits = 8, .search = -1, .min_elements = 1024      \
    }

typedef struct quire_quantize_result {
    uint32_t size;
    uint32_t n_tables, n_skipped;
    uint64_t input_bytes,
        output_bytes; /* model and data files; 0 when nothing was written and no receipt made */
} quire_quantize_result;

/* Quantizes. QUIRE_OK: written (or dry run complete); QUIRE_NONE: no eligible table, nothing
 * written; else a failure, reported to the sink once, nothing written. `out_result` may be NULL;
 * its `size` must be set. */
QUIRE_API QUIRE_MUST_USE quire_status quire_quantize_file(const quire_quantize_options *options,
                                                          quire_quantize_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
