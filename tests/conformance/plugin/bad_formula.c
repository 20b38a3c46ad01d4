/* bad_formula.c - formulas that a registry refuses: CASE says what is wrong with the one of
 * this plugin.
 */
#include "plain.h"

static quire_status
check(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources,
      uint32_t n)
{
    (void)host;
    (void)spec;
    (void)sources;
    (void)n;
    return QUIRE_OK;
}

static quire_status
derive(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *source_specs,
       const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out)
{
    (void)host;
    (void)spec;
    (void)source_specs;
    (void)sources;
    (void)n;
    (void)io_out;
    return QUIRE_OK;
}

static const quire_formula formula = {.size = CASE == 0 ? QUIRE_SIZE_TO(quire_formula, check)
                                                        : sizeof(quire_formula),
                                      .name = CASE == 1   ? "Upper"
                                              : CASE == 6 ? "bias"
                                                          : "a-formula",
                                      .summary = CASE == 2 ? "two\nlines" : "a formula",
                                      .least_sources = CASE == 3 ? 0 : 2,
                                      .most_sources = CASE == 4 ? 9 : 2,
                                      .check = check,
                                      .derive = CASE == 5 ? NULL : derive};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QPARAMS_1) == 0 && index < (CASE == 7 ? 2u : 1u) ? &formula : NULL;
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    PLAIN_PLUGIN("bad-formula"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)

/* So that nothing of plain.h is unused. */
extern const quire_quantizer bad_formula_unused;
const quire_quantizer bad_formula_unused = PLAIN_QUANTIZER("unused");
