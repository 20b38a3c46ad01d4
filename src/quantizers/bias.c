/* bias.c - the formula "bias": what is added to a sum of products of codes has the product of their
 * scales, and zero point 0. One source may have a scale for each index of an axis (a weight's
 * output channels); the others have one.
 *
 * The product is taken in double, from the first source to the last, and rounded once where it is
 * stored: for two float32 scales these are the bits of their float32 product.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "quantizers/quantizers.h"

enum { FLOAT = 1, FLOAT16 = 10, DOUBLE = 11, BFLOAT16 = 16 }; /* TensorProto.DataType */

static quire_status
refuse(const quire_host *host, const char *text)
{
    host->report(host->ctx, QUIRE_ERROR, (quire_place){0, 0}, (quire_string){text, strlen(text)});
    return QUIRE_E_INVALID;
}

/* Source k, or what is said of it, does not fit. */
static quire_status
refuse_source(const quire_host *host, uint32_t k, const char *what)
{
    char text[300];
    snprintf(text, sizeof text, "source %u %s", k, what);
    return refuse(host, text);
}

/* --- check ------------------------------------------------------------------------------------ */

/* Between these a product is a finite number above 0 also when it is stored, half to even. */
typedef struct storage {
    int32_t type;
    double above, below;
} storage;

static const storage *
storage_of(int32_t type)
{
    static const storage rows[] = {{FLOAT, 0x1p-150, 0x1.ffffffp127},
                                   {FLOAT16, 0x1p-25, 65520},
                                   {BFLOAT16, 0x1p-134, 0x1.ffp127},
                                   {DOUBLE, 0, INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].type == type) return &rows[i];
    }
    return NULL;
}

static quire_status
check_own(const quire_host *host, const quire_qspec *spec)
{
    if (spec->qmin >= 0)
        return refuse(host, "the spec's codes are no signed integers; a bias has either sign: take "
                            "i32, or another signed type");
    if (storage_of(spec->scale_type) == NULL)
        return refuse(host, "the spec's scales are neither f32 nor f16, bf16 or f64, which can "
                            "hold a product");
    if (spec->zero_point == QUIRE_QSPEC_ZERO_POINT_FLOAT)
        return refuse(host, "the spec has float zero points; a bias is added to products of codes, "
                            "so its zero point is none, or the integer 0");
    if (spec->qmax < 0)
        return refuse(host, "the spec's range has no 0, which is the zero point of a bias");
    if (spec->granularity == QUIRE_QSPEC_PER_BLOCK)
        return refuse(host, "the spec is per block; a bias has one scale, or one for each index of "
                            "its axis");
    return QUIRE_OK;
}

static quire_status
check_source(const quire_host *host, const quire_qspec *spec, const quire_qspec *source, uint32_t k)
{
    if (source->granularity == QUIRE_QSPEC_PER_BLOCK)
        return refuse_source(host, k, "is per block: a sum over blocks has no one scale");
    if (source->granularity == QUIRE_QSPEC_PER_AXIS && spec->granularity == QUIRE_QSPEC_PER_TENSOR)
        return refuse_source(host, k,
                             "is per axis and the spec per tensor: make the spec per axis");
    if (source->dynamic != 0 && spec->dynamic == 0)
        return refuse_source(host, k, "gets its scale when the model runs: make the spec dynamic");
    return QUIRE_OK;
}

static quire_status
check(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    uint32_t n_axes = 0;
    quire_status status = check_own(host, spec);
    for (uint32_t k = 0; k < n && status == QUIRE_OK; k++) {
        status = check_source(host, spec, sources[k], k);
        if (sources[k]->granularity == QUIRE_QSPEC_PER_AXIS) n_axes++;
        if (status == QUIRE_OK && n_axes > 1)
            status = refuse_source(host, k,
                                   "is per axis, as one before it is: one of them may be, else "
                                   "the sum has no one scale for each index");
    }
    return status;
}

/* --- derive ----------------------------------------------------------------------------------- */

static int
can_be_stored(double scale, int32_t type)
{
    const storage *s = storage_of(type);
    return s != NULL && scale > s->above && scale < s->below;
}

static quire_status
check_counts(const quire_host *host, const quire_qparams *const *sources, uint32_t n,
             uint32_t n_channels)
{
    char text[200];
    for (uint32_t k = 0; k < n; k++) {
        if (sources[k]->n == 1 || sources[k]->n == n_channels) continue;
        snprintf(text, sizeof text, "has %u scales and the bias %u; allowed are 1 and as many",
                 sources[k]->n, n_channels);
        return refuse_source(host, k, text);
    }
    return QUIRE_OK;
}

static quire_status
derive(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *source_specs,
       const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out)
{
    char text[200];
    (void)source_specs;
    const quire_status status = check_counts(host, sources, n, io_out->n);
    if (status != QUIRE_OK) return status;
    for (uint32_t i = 0; i < io_out->n; i++) {
        double scale = 1;
        for (uint32_t k = 0; k < n; k++)
            scale *= sources[k]->scale[sources[k]->n == 1 ? 0 : i];
        if (!can_be_stored(scale, spec->scale_type)) {
            snprintf(text, sizeof text,
                     "the product of the sources' scales at index %u is %g, which its type cannot "
                     "hold as a finite number above 0",
                     i, scale);
            return refuse(host, text);
        }
        io_out->scale[i] = scale;
        if (io_out->zero_point != NULL) io_out->zero_point[i] = 0;
    }
    return QUIRE_OK;
}

const quire_formula quire_formula_bias = {
    .size = sizeof quire_formula_bias,
    .name = "bias",
    .summary = "scale: product of the sources' scales; zero point 0",
    .least_sources = 1,
    .most_sources = 8,
    .check = check,
    .derive = derive,
};
