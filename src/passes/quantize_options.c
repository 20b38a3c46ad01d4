/* quantize_options.c - see quantize_options.h. */
#include "passes/quantize_options.h"

#include "base/diag.h"

/* The options as first released end with `canceled`; members after it came later. */
enum { LEAST_OPTIONS = offsetof(quire_quantize_options, canceled) + sizeof(const volatile int *) };

bool
quire_quantize_options_complete(const quire_quantize_options *given, quire_quantize_options *out)
{
    *out = (quire_quantize_options)QUIRE_QUANTIZE_OPTIONS_INIT;
    if (given->size < LEAST_OPTIONS || given->size > sizeof *out) return false;
    memcpy(out, given, given->size);
    out->size = sizeof *out;
    return true;
}

static quire_status
usage(quire_ctx *ctx, const char *message)
{
    return quire_fail_file(ctx, QUIRE_E_USAGE, NULL, "%s", message);
}

static bool
is_bits(uint32_t bits)
{
    return bits == 8 || bits == 4 || bits == 2;
}

static bool
is_block(uint32_t n)
{
    return n == 0 || n == 16 || n == 32 || n == 64 || n == 128 || n == 256;
}

static quire_status
check_values(quire_ctx *ctx, const quire_quantize_options *o)
{
    if (!is_bits(o->bits)) return usage(ctx, "bits are 8, 4 or 2");
    for (size_t i = 0; i < o->n_bits_for; i++) {
        if (o->bits_for[i].bits != 0 && !is_bits(o->bits_for[i].bits)) {
            return usage(ctx, "bits of a table are 8, 4, 2 or float");
        }
    }
    if (!is_block(o->block)) return usage(ctx, "a block has 16, 32, 64, 128 or 256 columns");
    if (o->search < -1 || o->search > 1) return usage(ctx, "a search is minmax or mse");
    if (!(o->min_sqnr >= 0 && o->min_sqnr <= 1000)) return usage(ctx, "a min_sqnr is 0 to 1000 dB");
    if (o->target != QUIRE_TARGET_ONNX && o->target != QUIRE_TARGET_DEQUANTIZED &&
        o->target != QUIRE_TARGET_QUIRE) {
        return usage(ctx, "a target is onnx, dequantized or quire");
    }
    return QUIRE_OK;
}

const char *
quire_quantize_table_option(const quire_quantize_options *o)
{
    const quire_quantize_options initial = QUIRE_QUANTIZE_OPTIONS_INIT;
    if (o->table_option != NULL) return o->table_option;
    if (o->bits != initial.bits) return "bits";
    if (o->block != initial.block) return "block";
    if (o->zero_point_float) return "zero_point_float";
    if (o->scale_f16) return "scale_f16";
    if (o->search != initial.search) return "search";
    if (o->min_sqnr > 0) return "min_sqnr";
    if (o->min_elements != initial.min_elements) return "min_elements";
    if (o->n_only > 0) return "only";
    if (o->n_skip > 0) return "skip";
    return o->n_bits_for > 0 ? "bits_for" : NULL;
}

quire_status
quire_quantize_options_check_source(quire_ctx *ctx, const quire_quantize_options *o)
{
    const char *option = quire_quantize_table_option(o);
    const char *const paths[] = {o->annotations, o->rules, o->recipe};
    static const char *const names[] = {"a file of annotations", "a file of rules", "a recipe"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i] == NULL) continue;
        if (option != NULL)
            return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                                   "%s and %s both say how tables are quantized; give one of them",
                                   option, names[i]);
        option = names[i];
    }
    return QUIRE_OK;
}

quire_status
quire_quantize_options_check(quire_ctx *ctx, const quire_quantize_options *o)
{
    if (o->input == NULL) return usage(ctx, "an input is needed");
    if (o->output == NULL && !o->dry_run) return usage(ctx, "an output is needed");
    if (o->output != NULL && strcmp(o->output, "-") == 0) {
        return usage(ctx, "the output cannot be standard output; give a path");
    }
    QUIRE_TRY(check_values(ctx, o));
    return quire_quantize_options_check_source(ctx, o);
}
