/* quire/kernels.h - lookups and bags over tables of quantized or float rows; fused row quantizers.
 *
 * Plan once, run many. A plan is made from how the rows are stored (quire_rows) and from what
 * is asked of them (quire_bag_options); it is a plain value of fixed size, owns nothing and may be
 * copied, shared by threads and dropped. Running it reads tables and indices where they lie:
 *
 *     const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_FUSED, .bits = 4,
 *                                  .scale = QUIRE_FLOAT_F16, .width = 128};
 *     const quire_bag_options options = {.size = sizeof options, .mode = QUIRE_BAG_SUM,
 *                                        .index = QUIRE_BAG_I64, .form = QUIRE_BAG_OFFSETS};
 *     quire_bag_plan plan;
 *     const char *why;
 *     if (quire_bag_plan_init(&plan, &rows, &options, &why) != QUIRE_OK) return fail(why);
 *     const quire_bag_job job = {.rows = table, .n_rows = 1000000, .indices = indices,
 *                                .n_indices = n, .offsets = offsets, .n_bags = n_bags, .out = out};
 *     quire_bag_fault fault;
 *     if (quire_bag_run(&plan, &job, 0, n_bags, &fault) != QUIRE_OK) ...
 *
 * Nothing here allocates, starts a thread, reads a file or keeps state; every function may be
 * called from any thread at any time. Memory is the caller's: arrays are read where they lie and
 * not kept, and outputs overlap no input. Tables, scales and zero points may have any alignment;
 * indices, offsets, weights and outputs have that of their type. Bytes are little-endian. Pointers
 * to arrays of no elements may be NULL. docs/kernels.md has the formats in pictures and the rest.
 *
 * ARITHMETIC. Every number is float32 and every operation rounds half to even, unless said. Within
 * each family results have the same bits on every instruction set, for every cut of the bags into
 * runs, and whatever rounding mode, flush-to-zero or trap the calling thread has set.
 *
 *   Exact family: all storage but QUIRE_ROWS_FUSED. Of an element with code q, zero point zp and
 *   scale s
 *       v = float32(float32(q - zp) * s), rounded to quire_rows.value
 *   and of float storage v is the element, widened. Of a bag with rows r = 1 ... n, in their order:
 *       sum:  a = +0, then a = float32(a + v_r); weighted a = float32(a + float32(w_r * v_r))
 *       mean: float32(a / float32(n)),  max: v_1, then v_r where v_r > a,  lookup: v itself.
 *   These are the bits of the standard operators that quire emits (docs/lowering.md), and of numpy.
 *
 *   Float-bias family: QUIRE_ROWS_FUSED, with scale s and bias b of a row. Of a bag, in row order:
 *       sum:  a = +0, then a = fma(s_r, q_r, a);  t = +0, then t = float32(t + b_r);
 *             float32(a + t); weighted: float32(w_r * s_r) and float32(w_r * b_r) for s_r and b_r
 *       mean: float32(float32(a + t) / float32(n))
 *       max and lookup: v = fma(s, q, b), as above.
 *   Other libraries add the bias to each element; they agree within rounding.
 *
 *   Outputs of float16 and bfloat16 are these float32 results rounded once. n counts the rows that
 *   take part; an empty bag, or one of skipped indices only, gives +0 in every mode. A pruned index
 *   is left out of sum and max but counts in a mean's n, as a row of zeros does; a padding index
 *   counts nowhere. NaN and infinity go through as IEEE 754 has it; of a NaN, a max keeps the first
 *   row's and passes over later ones. Which NaN comes out is open, but in a lookup of float32 into
 *   float32, which copies every bit.
 */
#ifndef QUIRE_KERNELS_H
#define QUIRE_KERNELS_H

#include "quire/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a row is stored: name, meaning. */
#define QUIRE_ROWS_STORAGE_TABLE(X)                                                                \
    X(FLOAT32, "float32")                                                                          \
    X(FLOAT16, "IEEE half")                                                                        \
    X(BFLOAT16, "bfloat16")                                                                        \
    X(FLOAT8E4M3FN, "OCP FP8: bias 7, no infinity, NaN 0x7f and 0xff")                             \
    X(FLOAT8E5M2, "OCP FP8: bias 15, infinities and NaN as IEEE")                                  \
    X(SPLIT, "codes, scales and zero points in three arrays, as quire quantize writes them")       \
    X(FUSED, "codes, scale and bias in one row: the bytes of FBGEMM and torch")

typedef enum quire_rows_storage {
#define QUIRE_ROWS_STORAGE_ENUM(name, meaning) QUIRE_ROWS_##name,
    QUIRE_ROWS_STORAGE_TABLE(QUIRE_ROWS_STORAGE_ENUM)
#undef QUIRE_ROWS_STORAGE_ENUM
} quire_rows_storage;

typedef enum quire_float_type {
    QUIRE_FLOAT_F32,
    QUIRE_FLOAT_F16,
    QUIRE_FLOAT_BF16
} quire_float_type;

typedef enum quire_rows_zero_point {
    QUIRE_ROWS_ZERO_POINT_U8, /* one byte each            */
    QUIRE_ROWS_ZERO_POINT_F32 /* one float32 each         */
} quire_rows_zero_point;

/* The rows of a table. Set `size` to the size of this; members a storage does not name must be 0.
 *
 * SPLIT: codes are packed by planes. A row, or each block of a row, of G columns has
 *   W = ceil(G * bits / 8) bytes; column j is in byte j mod W, at bit bits * (j / W). Blocks are
 *   all of `block` columns, the last one padded. There is a scale and a zero point for each row, or
 *   each block of each row in row-major order. A table not wider than its block is stored by rows.
 * FUSED: column j is in byte j * bits / 8, lowest bits first, W = ceil(width * bits / 8) bytes. The
 *   scale, then the bias, of type `scale`, follow the codes, or with `scale_first` stand before
 *   them. Scales are float32 at 8 bits only; float16 at 8, 4 and 2. */
typedef struct quire_rows {
    uint32_t size;
    quire_rows_storage storage;
    uint32_t bits;          /* SPLIT and FUSED: 8, 4 or 2                                */
    uint32_t block;         /* SPLIT: 0 for whole rows, or 16, 32, 64, 128, 256          */
    quire_float_type scale; /* SPLIT and FUSED: F32 or F16                               */
    quire_rows_zero_point
        zero_point;         /* SPLIT                                                     */
    quire_float_type value; /* SPLIT: what decoded values are rounded to                 */
    uint32_t scale_first;   /* FUSED: 0 or 1                                             */
    uint64_t width;         /* columns, at least 1, less than 2^60                       */
    uint64_t stride;        /* bytes from row to row of the table or codes; 0: row_bytes */
} quire_rows;

/* What follows from it; all in bytes but the count of groups. */
typedef struct quire_rows_layout {
    uint64_t row_bytes;     /* of a row, without padding behind it                            */
    uint64_t stride;        /* from row to row                                                */
    uint64_t payload_at;    /* first byte of elements or codes in a row                       */
    uint64_t payload_bytes; /* of elements or codes in a row                                  */
    uint64_t scale_at;      /* FUSED: of the scale in a row; the bias follows it              */
    uint64_t n_groups;      /* scales per row: blocks, else 1; 0 for float storage            */
    uint64_t group_bytes;   /* codes of one block, or of a row                                */
    uint64_t scale_size;    /* one scale: 4 or 2; 0 for float storage                         */
    uint64_t zero_size;     /* one zero point or bias: 1, 2 or 4; 0 for float storage         */
} quire_rows_layout;

/* Fills `*out`. QUIRE_E_USAGE, with the reason in `*out_why` (static text) and `*out` untouched, if
 * the rows are none of the above, the stride is less than a row, or a size is 2^62 or more. */
QUIRE_API QUIRE_MUST_USE quire_status quire_rows_layout_get(const quire_rows *rows,
                                                            quire_rows_layout *out,
                                                            const char **out_why);

typedef enum quire_bag_mode {
    QUIRE_BAG_SUM,
    QUIRE_BAG_MEAN,
    QUIRE_BAG_MAX,
    QUIRE_BAG_LOOKUP /* every index is a bag of its own: `form` is FIXED, `fixed` 1 */
} quire_bag_mode;

typedef enum quire_bag_index { QUIRE_BAG_I32, QUIRE_BAG_I64 } quire_bag_index;

/* How indices are cut into bags. */
typedef enum quire_bag_form {
    QUIRE_BAG_OFFSETS,      /* n_bags starts, the first 0; the last bag ends at n_indices      */
    QUIRE_BAG_OFFSETS_LAST, /* n_bags + 1: the last is n_indices                               */
    QUIRE_BAG_LENGTHS,      /* n_bags counts that add up to n_indices                          */
    QUIRE_BAG_FIXED         /* `fixed` indices each: a matrix of n_bags rows                   */
} quire_bag_form;

typedef enum quire_bag_weights {
    QUIRE_BAG_WEIGHTS_NONE,
    QUIRE_BAG_WEIGHTS_F32, /* one per index, those of skipped indices too; with SUM only */
    QUIRE_BAG_WEIGHTS_F16,
    QUIRE_BAG_WEIGHTS_BF16
} quire_bag_weights;

/* Which kernels: name, what the environment variable QUIRE_ISA calls it. */
#define QUIRE_ISA_TABLE(X)                                                                         \
    X(AUTO, "auto")                                                                                \
    X(SCALAR, "scalar")                                                                            \
    X(AVX2, "avx2")                                                                                \
    X(AVX512, "avx512")                                                                            \
    X(NEON, "neon")

typedef enum quire_isa {
#define QUIRE_ISA_ENUM(name, text) QUIRE_ISA_##name,
    QUIRE_ISA_TABLE(QUIRE_ISA_ENUM)
#undef QUIRE_ISA_ENUM
} quire_isa;

/* Set `size` to the size of this; zero is the default of every other member. */
typedef struct quire_bag_options {
    uint32_t size;
    quire_bag_mode mode;
    quire_bag_index index;  /* type of the indices                                            */
    quire_bag_index offset; /* type of offsets or lengths                                     */
    quire_bag_form form;
    quire_bag_weights weights;
    uint32_t wrap;         /* 1: index i < 0 means n_rows + i, as in ONNX Gather             */
    uint32_t pruned;       /* 1: index -1 is skipped, its weight with it; not with wrap      */
    uint32_t padding;      /* 1: indices equal to padding_index are skipped; not with LOOKUP */
    quire_float_type out;  /* type of the output                                             */
    quire_isa isa;         /* AUTO: QUIRE_ISA from the environment, else the best there is   */
    int64_t padding_index; /* below 0: counted from the end                                  */
    uint64_t fixed;        /* indices per bag of form FIXED                                  */
    uint64_t out_stride;   /* bytes from one output row to the next; 0: without a gap        */
} quire_bag_options;

/* The name of an instruction set, as QUIRE_ISA takes it; "unknown" of none of them. Static text. */
QUIRE_API const char *quire_isa_name(quire_isa isa);

/* Whether this build has kernels for `isa` and this processor runs them. */
QUIRE_API int quire_isa_is_available(quire_isa isa);

/* What quire_bag_plan_init made of rows and options. Its members are not for others; a copy is as
 * good as the original. */
typedef struct quire_bag_plan {
    uint64_t inner[48];
} quire_bag_plan;

/* Fills `*out`; neither `rows` nor `options` is looked at again. Takes well under a microsecond, the
 * first time in a process some more, when the processor is looked at.
 * QUIRE_E_USAGE, with the reason in `*out_why` (static text) and `*out` untouched, if rows or options
 * are refused: a value none of the above; members that do not go together, among them weights with
 * another mode than SUM, as torch refuses them; an instruction set that is not available, asked for
 * here or by QUIRE_ISA; an out_stride less than a row or not a multiple of the output's type. */
QUIRE_API QUIRE_MUST_USE quire_status quire_bag_plan_init(quire_bag_plan *out,
                                                          const quire_rows *rows,
                                                          const quire_bag_options *options,
                                                          const char **out_why);

/* The instruction set a plan runs on: never AUTO. */
QUIRE_API quire_isa quire_bag_plan_isa(const quire_bag_plan *plan);

/* One table and what is asked of it. */
typedef struct quire_bag_job {
    const void *rows;        /* [n_rows] of stride bytes: elements, fused rows, or split codes; the
                                last one of row_bytes                                           */
    const void *scales;      /* SPLIT: [n_rows, n_groups]                                       */
    const void *zero_points; /* SPLIT: [n_rows, n_groups]                                       */
    uint64_t n_rows;
    const void *indices; /* [n_indices], each in [0, n_rows) or what the options allow besides  */
    uint64_t n_indices;
    const void *offsets; /* as the form says; of FIXED not looked at                            */
    uint64_t n_bags;
    const void *weights; /* [n_indices]; without weights not looked at                          */
    void *out;           /* [n_bags] of out_stride bytes; bytes between rows are left alone     */
} quire_bag_job;

/* What was wrong with a job: of its bags the first such thing in their order, and of a bag its ends
 * before its indices. */
typedef enum quire_bag_fault_kind {
    QUIRE_BAG_FAULT_INDEX, /* indices[position] is `value`, `limit` is n_rows                      */
    QUIRE_BAG_FAULT_OFFSET, /* offsets[position] is `value`: not 0 at the start, less than the one
                               before, or above `limit`, which is n_indices                         */
    QUIRE_BAG_FAULT_LENGTH, /* lengths[position] is `value`: negative, or above `limit`, the number
                               of indices that are left for it                                      */
    QUIRE_BAG_FAULT_END,    /* the bags need `value` indices, as entry `position` of offsets or
                               lengths, or bag `position` of FIXED, tells; n_indices is `limit`     */
    QUIRE_BAG_FAULT_PADDING /* the padding index is `value`, n_rows is `limit`; `position` is 0      */
} quire_bag_fault_kind;

typedef struct quire_bag_fault {
    quire_bag_fault_kind kind;
    uint64_t position;
    int64_t value;
    uint64_t limit;
} quire_bag_fault;

/* "index 7 is 1000, and the table has 1000 rows" and the like, on one line, cut at `size` bytes with
 * the NUL that ends it; `size` is at least 1. 160 bytes hold any of them. */
QUIRE_API void quire_bag_fault_print(const quire_bag_fault *fault, char *out, size_t size);

/* Fills the outputs of bags first to end - 1, each of them wholly. Indices of other bags are looked
 * at only to fetch their rows early: runs over neighbouring ranges, on any threads, give the same
 * bits as one. With LENGTHS each call adds up the lengths before `first`.
 * QUIRE_E_INVALID, with `*out_fault`, if something of these bags is wrong: outputs before the bag
 * it is in are complete, that one and those after it are untouched. The run that has the last bag
 * also sees to where the last bag ends, as does one of a job without bags.
 * QUIRE_E_USAGE, with `*out_fault` untouched, if first > end or end > n_bags. */
QUIRE_API QUIRE_MUST_USE quire_status quire_bag_run(const quire_bag_plan *plan,
                                                    const quire_bag_job *job, uint64_t first,
                                                    uint64_t end, quire_bag_fault *out_fault);

/* Looks at all offsets and indices of a job and at no row: what quire_bag_run of all bags would say,
 * QUIRE_OK or QUIRE_E_INVALID with `*out_fault`. Nothing is written. */
QUIRE_API QUIRE_MUST_USE quire_status quire_bag_check(const quire_bag_plan *plan,
                                                      const quire_bag_job *job,
                                                      quire_bag_fault *out_fault);

typedef struct quire_bag_task {
    const quire_bag_plan *plan;
    const quire_bag_job *job;
} quire_bag_task;

/* Runs all bags of all tasks, cut into at most 1024 parts of about equal work: pieces of a large
 * table, or several small ones. `parallel` NULL runs them here; it is not called for a single part.
 * On QUIRE_E_INVALID `*out_task` and `*out_fault` tell the first fault in the order of tasks,
 * whatever the threads did, and outputs are unspecified. Plans may be shared by tasks. */
QUIRE_API QUIRE_MUST_USE quire_status quire_bag_run_batch(const quire_bag_task *tasks,
                                                          uint64_t n_tasks,
                                                          quire_parallel_fn parallel, void *pool,
                                                          uint64_t *out_task,
                                                          quire_bag_fault *out_fault);

/* --- quantizing and dequantizing rows --------------------------------------------------------------
 *
 * Float32 rows to SPLIT or FUSED rows and back. Both functions work through the rows given, in
 * order, and allocate nothing: cut a table at any row, on any threads, and the bytes are the same,
 * as they are on every instruction set, in every rounding mode and with flush-to-zero set. A call
 * costs some hundred nanoseconds; chunks of a few hundred KiB stay in cache.
 *
 *     const quire_rows rows = {.size = sizeof rows, .storage = QUIRE_ROWS_SPLIT, .bits = 4,
 *                              .block = 32, .width = 128};
 *     const quire_rows_arrays out = {codes, scales, zero_points};
 *     quire_rows_fault fault;
 *     if (quire_rows_quantize(&rows, NULL, values, n, &out, NULL, NULL, &fault) != QUIRE_OK) ...
 *
 * SPLIT, one-byte zero points: the range always includes 0; scale = range / (2^bits - 1), at least
 *   2^-126 (float16 scales: 2^-24); zero point = rint(-lo / scale); code = clamp(rint(x / scale) +
 *   zero point), from the scale as stored. All zeros: scale 1, zero point 0.
 * SPLIT, float32 zero points: lo and hi of the elements; scale as above but 1 for a constant group;
 *   zero point = -lo / scale; code = clamp(rint(x * float32(1 / scale) + zero point)).
 * FUSED: FBGEMM's bytes. Float32 parameters: scale = (hi - lo) / 255, bias = lo, code = rint((x - lo)
 *   * (255 / (hi - lo + 1e-8))). Float16 parameters: bias is lo rounded to float16, scale = (hi -
 *   bias) / (2^bits - 1) rounded to float16, 1 where that is 0 or has no finite reciprocal; code =
 *   clamp(rint((x - bias) * (1 / scale))). A float16 bias or scale of a vast row becomes infinite, as
 *   theirs does; a NaN or infinity among the elements is refused, where theirs depends on order.
 * Codes are always made from the stored parameters, rounded half to even. */

typedef enum quire_rows_search {
    QUIRE_ROWS_MINMAX,
    QUIRE_ROWS_MSE,   /* SPLIT: a search for the least squared error, never above MINMAX's     */
    QUIRE_ROWS_GREEDY /* FUSED, 4 and 2 bits: torch's optimized_qparams, with its own bytes    */
} quire_rows_search;

/* Set `size`; zero is the default of every other member. */
typedef struct quire_rows_options {
    uint32_t size;
    quire_rows_search search;
    quire_isa isa; /* AUTO: QUIRE_ISA from the environment, else the best there is                */
    float eps;     /* SPLIT, float32 zero points, MINMAX: scales not above it become 1            */
} quire_rows_options;

/* Where quantized rows are, as in quire_bag_job. */
typedef struct quire_rows_arrays {
    void *rows;        /* fused rows, or the codes of split ones, `stride` apart */
    void *scales;      /* SPLIT: [n_rows, n_groups]                              */
    void *zero_points; /* SPLIT: [n_rows, n_groups]                              */
} quire_rows_arrays;

/* Of one row, in double. Column c of a group (of the row, where it has none) goes to part c mod 8; a part
 * takes its columns in order. Then parts n to 2n - 1 are added to 0 to n - 1, for n = 4, 2 and 1. */
typedef struct quire_rows_sums {
    double xx; /* of x * x                                                           */
    double ee; /* of (x - v) * (x - v), v the decoded element rounded to rows->value */
} quire_rows_sums;

typedef enum quire_rows_fault_kind {
    QUIRE_ROWS_FAULT_NOT_FINITE, /* the element at (row, column) is NaN or infinite                */
    QUIRE_ROWS_FAULT_SCALE /* SPLIT: the scale of the group that starts there is beyond float16 */
} quire_rows_fault_kind;

typedef struct quire_rows_fault {
    quire_rows_fault_kind kind;
    uint64_t row;
    uint64_t column;
} quire_rows_fault;

/* Quantizes values[n_rows][width] into `out`; bytes between rows are left alone, bits that no column
 * owns are 0. `options` NULL takes the defaults. `ranges` is NULL or, of FUSED, [n_rows][2]: the
 * least and greatest value to be told apart in each row. `sums` is NULL or, of SPLIT, [n_rows].
 * QUIRE_E_INVALID with `*out_fault` at the first fault in row-major order: rows before it are
 * complete, that one and those after it untouched. QUIRE_E_USAGE if rows or options are refused, or
 * do not go together. */
QUIRE_API QUIRE_MUST_USE quire_status
quire_rows_quantize(const quire_rows *rows, const quire_rows_options *options, const float *values,
                    uint64_t n_rows, const quire_rows_arrays *out, const float *ranges,
                    quire_rows_sums *sums, quire_rows_fault *out_fault);

/* Decodes n_rows rows to out[n_rows][width]: SPLIT to elements of rows->value, FUSED to float32, each
 * the value that a lookup gives (head of this file). Takes any bytes. `in` is not written to; of the
 * options only `size` and `isa` count. QUIRE_E_USAGE as above. */
QUIRE_API QUIRE_MUST_USE quire_status quire_rows_dequantize(const quire_rows *rows,
                                                            const quire_rows_options *options,
                                                            const quire_rows_arrays *in,
                                                            uint64_t n_rows, void *out);

#ifdef __cplusplus
}
#endif

#endif
