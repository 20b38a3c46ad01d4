/* plugin_check_formula.c - tests of formulas (quire.qparams/1), which are called directly: their
 * input lies on pages that cannot be written to, their output in front of one that is not there.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin_check.h"

enum { MAX_SOURCES = 8, N_SEEDS = 24, PER_AXIS = 5, INT8 = 3, UINT8 = 2, INT32 = 6, FLOAT = 1 };

/* --- a host ----------------------------------------------------------------------------------- */

typedef struct small_host {
    quire_host table;
    unsigned n_errors;
} small_host;

static void *
host_realloc(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx, (void)old_size;
    if (new_size != 0) return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static void
host_report(void *ctx, quire_severity severity, quire_place where, quire_string message)
{
    small_host *host = ctx;
    (void)where, (void)message;
    host->n_errors += severity == QUIRE_ERROR ? 1 : 0;
}

static const void *
host_service(void *ctx, const char *id)
{
    (void)ctx, (void)id;
    return NULL;
}

static void
host_init(small_host *host)
{
    *host = (small_host){.table = {.size = QUIRE_SIZE_TO(quire_host, get_service),
                                   .abi_major = QUIRE_ABI_MAJOR,
                                   .abi_minor = QUIRE_ABI_MINOR,
                                   .ctx = host,
                                   .realloc = host_realloc,
                                   .report = host_report,
                                   .get_service = host_service}};
}

/* --- input ------------------------------------------------------------------------------------ */

static quire_qspec
spec_of(uint32_t kind, int32_t dtype, int64_t qmin, int64_t qmax, uint32_t zero_point,
        bool per_axis)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = kind,
                         .dtype = dtype,
                         .symmetric = zero_point == QUIRE_QSPEC_ZERO_POINT_NONE,
                         .qmin = qmin,
                         .qmax = qmax,
                         .zero_point = zero_point,
                         .granularity = per_axis ? QUIRE_QSPEC_PER_AXIS : QUIRE_QSPEC_PER_TENSOR,
                         .scale_type = FLOAT};
}

/* One call: specs of target and sources, and their parameters. */
typedef struct call {
    const quire_qspec *spec;
    const quire_qspec *specs[MAX_SOURCES];
    const quire_qparams *params[MAX_SOURCES];
    const quire_qspec *const *locked_specs; /* the arrays, and all they lead to */
    const quire_qparams *const *locked_params;
    uint32_t n_sources, n; /* parameters */
} call;

static uint32_t
random_of(uint32_t *io_seed)
{
    *io_seed = *io_seed * 1664525u + 1013904223u;
    return *io_seed >> 8;
}

/* Mostly usual ones; of some seeds the least and the greatest that float32 has. */
static double
random_scale(uint32_t *io_seed)
{
    const uint32_t r = random_of(io_seed);
    if (r % 11 == 0) return 0x1p-126;
    if (r % 11 == 1) return 0x1.fffffep127;
    return (float)ldexp(1 + (r % 1000) / 1000.0, -(int)(r % 20));
}

static const quire_qparams *
random_params(const quire_qspec *spec, uint32_t n, uint32_t *io_seed)
{
    double scale[PER_AXIS], real[PER_AXIS];
    int64_t zero_point[PER_AXIS];
    for (uint32_t i = 0; i < n; i++) {
        scale[i] = random_scale(io_seed);
        zero_point[i] = spec->qmin + (int64_t)(random_of(io_seed) % 256);
        real[i] = random_of(io_seed) % 1000 / 8.0;
    }
    quire_qparams p = {.size = sizeof p, .n = n, .scale = kit_lock(scale, n * sizeof *scale)};
    if (spec->zero_point == QUIRE_QSPEC_ZERO_POINT_INT)
        p.zero_point = kit_lock(zero_point, n * sizeof *zero_point);
    if (spec->zero_point == QUIRE_QSPEC_ZERO_POINT_FLOAT)
        p.float_zero_point = kit_lock(real, n * sizeof *real);
    return kit_lock(&p, sizeof p);
}

static void
make_call(call *c, uint32_t target, uint32_t n_sources, uint32_t seed)
{
    const quire_qspec targets[] = {
        spec_of(QUIRE_QSPEC_DERIVED, INT32, INT32_MIN, INT32_MAX, QUIRE_QSPEC_ZERO_POINT_NONE,
                true),
        spec_of(QUIRE_QSPEC_DERIVED, INT32, INT32_MIN, INT32_MAX, QUIRE_QSPEC_ZERO_POINT_NONE,
                false),
        spec_of(QUIRE_QSPEC_DERIVED, UINT8, 0, 255, QUIRE_QSPEC_ZERO_POINT_INT, false),
        spec_of(QUIRE_QSPEC_DERIVED, UINT8, 0, 255, QUIRE_QSPEC_ZERO_POINT_FLOAT, false),
        spec_of(QUIRE_QSPEC_DERIVED, INT8, -127, 127, QUIRE_QSPEC_ZERO_POINT_NONE, true),
        spec_of(QUIRE_QSPEC_DERIVED, INT8, -128, 127, QUIRE_QSPEC_ZERO_POINT_INT, false),
    };
    enum { N_TARGETS = sizeof targets / sizeof *targets };
    *c = (call){.spec = kit_lock(&targets[target % N_TARGETS], sizeof(quire_qspec)),
                .n_sources = n_sources};
    const bool per_axis = c->spec->granularity == QUIRE_QSPEC_PER_AXIS;
    c->n = per_axis ? PER_AXIS : 1;
    for (uint32_t i = 0; i < n_sources; i++) {
        const bool wide = per_axis && i % 2 == 1;
        const quire_qspec spec = i % 2 == 0 ? spec_of(QUIRE_QSPEC_QUANTIZED, UINT8, 0, 255,
                                                      QUIRE_QSPEC_ZERO_POINT_INT, false)
                                            : spec_of(QUIRE_QSPEC_QUANTIZED, INT8, -127, 127,
                                                      QUIRE_QSPEC_ZERO_POINT_NONE, wide);
        c->specs[i] = kit_lock(&spec, sizeof spec);
        c->params[i] = random_params(c->specs[i], wide ? PER_AXIS : 1, &seed);
    }
    c->locked_specs = kit_lock(c->specs, n_sources * sizeof *c->specs);
    c->locked_params = kit_lock(c->params, n_sources * sizeof *c->params);
}

/* --- output ----------------------------------------------------------------------------------- */

typedef struct answer {
    quire_status status;
    bool told;
    quire_qparams out;
} answer;

/* n elements of 8 bytes that end where nothing can be written; filled with bytes that are no sane
 * number. */
static void *
at_the_edge(uint32_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) abort();
    memset(at, 0xff, page);
    (void)mprotect(at + page, page, PROT_NONE);
    return at + page - n * sizeof(double);
}

static void
derive(const quire_formula *f, const call *c, answer *a)
{
    small_host host;
    host_init(&host);
    *a = (answer){.out = {.size = sizeof a->out, .n = c->n, .scale = at_the_edge(c->n)}};
    if (c->spec->zero_point == QUIRE_QSPEC_ZERO_POINT_INT) a->out.zero_point = at_the_edge(c->n);
    if (c->spec->zero_point == QUIRE_QSPEC_ZERO_POINT_FLOAT)
        a->out.float_zero_point = at_the_edge(c->n);
    a->status =
        f->derive(&host.table, c->spec, c->locked_specs, c->locked_params, c->n_sources, &a->out);
    a->told = host.n_errors > 0;
}

static bool
accepts(const quire_formula *f, const call *c)
{
    small_host host;
    host_init(&host);
    return f->check(&host.table, c->spec, c->locked_specs, c->n_sources) == QUIRE_OK;
}

/* Calls `test` for every formula, with every input that its check accepts. */
static void
each(kit *k, void (*test)(kit *k, const quire_formula *f, const call *c))
{
    enum { N_TARGETS = 6 };
    size_t n_formulas = 0, n_calls = 0;
    if (!kit_register(k)) return;
    for (size_t i = 0; i < k->registry.n_formulas; i++) {
        const quire_known_formula *known = k->registry.formulas[i];
        if (known->plugin->plugin != k->plugin) continue;
        n_formulas++;
        const quire_formula *f = known->formula;
        for (uint32_t at = 0; at < N_TARGETS * N_SEEDS; at++) {
            for (uint32_t n = f->least_sources; n <= f->most_sources && n <= MAX_SOURCES; n++) {
                call c;
                make_call(&c, at, n, at * 977 + n);
                if (!accepts(f, &c)) continue;
                n_calls++;
                test(k, f, &c);
            }
        }
    }
    if (n_formulas == 0)
        kit_say(k, KIT_SKIP, "the plugin has no formula");
    else if (n_calls == 0)
        kit_say(k, KIT_WARN, "no formula accepts any of the specs that were tried");
}

/* --- the tests -------------------------------------------------------------------------------- */

static void
scales(kit *k, const quire_formula *f, const call *c)
{
    answer a;
    derive(f, c, &a);
    if (a.status != QUIRE_OK && !a.told)
        kit_say(k, KIT_FAIL, "formula \"%s\" fails and reports nothing", f->name);
    for (uint32_t i = 0; a.status == QUIRE_OK && i < c->n; i++) {
        if (!isfinite(a.out.scale[i]) || a.out.scale[i] <= 0)
            kit_say(k, KIT_FAIL, "formula \"%s\": scale %u of %u is %g", f->name, i, c->n,
                    a.out.scale[i]);
    }
}

void
kit_test_derive_finite_positive_scale(kit *k)
{
    each(k, scales);
}

static void
zero_points(kit *k, const quire_formula *f, const call *c)
{
    answer a;
    derive(f, c, &a);
    for (uint32_t i = 0; a.status == QUIRE_OK && i < c->n; i++) {
        if (a.out.zero_point != NULL &&
            (a.out.zero_point[i] < c->spec->qmin || a.out.zero_point[i] > c->spec->qmax))
            kit_say(k, KIT_FAIL,
                    "formula \"%s\": zero point %u of %u is %lld; allowed is %lld to "
                    "%lld",
                    f->name, i, c->n, (long long)a.out.zero_point[i], (long long)c->spec->qmin,
                    (long long)c->spec->qmax);
        if (a.out.float_zero_point != NULL && !isfinite(a.out.float_zero_point[i]))
            kit_say(k, KIT_FAIL, "formula \"%s\": zero point %u of %u is %g", f->name, i, c->n,
                    a.out.float_zero_point[i]);
    }
}

void
kit_test_derive_zero_point_in_range(kit *k)
{
    each(k, zero_points);
}

static bool
is_filled(const void *element)
{
    static const uint8_t unset[sizeof(double)] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return memcmp(element, unset, sizeof unset) != 0;
}

/* Behind the end there is no memory: a write there ends the process. In front of it there is. */
static void
groups(kit *k, const quire_formula *f, const call *c)
{
    answer a;
    derive(f, c, &a);
    const double *scale = a.out.scale;
    if (a.out.size != sizeof a.out || a.out.n != c->n)
        kit_say(k, KIT_FAIL, "formula \"%s\" changes the size of what it is to fill in", f->name);
    for (uint32_t i = 0; a.status == QUIRE_OK && i < c->n; i++) {
        if (!is_filled(&scale[i]))
            kit_say(k, KIT_FAIL, "formula \"%s\": scale %u of %u is not filled in", f->name, i,
                    c->n);
        if (a.out.float_zero_point != NULL && !is_filled(&a.out.float_zero_point[i]))
            kit_say(k, KIT_FAIL, "formula \"%s\": zero point %u of %u is not filled in", f->name, i,
                    c->n);
    }
    if (is_filled(scale - 1))
        kit_say(k, KIT_FAIL, "formula \"%s\" writes in front of the scales", f->name);
}

void
kit_test_derive_groups(kit *k)
{
    each(k, groups);
}

static void
pure(kit *k, const quire_formula *f, const call *c)
{
    answer a, b;
    derive(f, c, &a);
    derive(f, c, &b);
    const size_t size = c->n * sizeof(double);
    bool same = a.status == b.status && memcmp(a.out.scale, b.out.scale, size) == 0;
    if (a.out.zero_point != NULL)
        same = same && memcmp(a.out.zero_point, b.out.zero_point, size) == 0;
    if (a.out.float_zero_point != NULL)
        same = same && memcmp(a.out.float_zero_point, b.out.float_zero_point, size) == 0;
    if (!same)
        kit_say(k, KIT_FAIL, "formula \"%s\" gives other parameters for the same input", f->name);
}

void
kit_test_derive_is_pure(kit *k)
{
    each(k, pure);
}

/* A write to what it reads ends the process. */
static void
writes(kit *k, const quire_formula *f, const call *c)
{
    answer a;
    (void)k;
    derive(f, c, &a);
}

void
kit_test_no_writes_to_input(kit *k)
{
    each(k, writes);
}
