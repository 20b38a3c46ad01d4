/* test_formula.c - formulas of derived specs: "bias" against torchao's numbers, what is refused,
 * and that answers of a formula are not believed.
 *
 * The numbers are what tests/peers/bias.py read from graphs that torchao converted: rows 31
 * and 32 of PT2E's behaviour, test_derived_qspec and test_derived_qspec_per_channel.
 */
#include <check.h>
#include <math.h>

#include "graph/claim.h"
#include "graph/parse.h"
#include "plugin/formula.h"
#include "quantizers/quantizers.h"
#include "support/fault.h"
#include "support/suite.h"

enum { CHANNELS = 5, INT32 = 6, UINT8 = 2, INT8 = 3, FLOAT16 = 10 };

typedef struct row { /* scales of the input, the weight (n of them) and the bias (n) */
    uint32_t n;
    double scales[1 + 2 * CHANNELS];
} row;

static const row torchao_rows[] = {
    {1, {0x1.7758eep-13, 0x1.e55104p-10, 0x1.63c922p-22}},
    {5,
     {0x1.7758eep-13, 0x1.d0cb9cp-10, 0x1.c7a7a6p-10, 0x1.e3aa3p-10, 0x1.d3272p-10, 0x1.e55104p-10,
      0x1.54bddcp-22, 0x1.4e0a6ep-22, 0x1.629328p-22, 0x1.56784cp-22, 0x1.63c922p-22}},
    {1, {0x1.19f9c2p-9, 0x1.e498e2p-10, 0x1.0ae24cp-18}},
    {5,
     {0x1.19f9c2p-9, 0x1.ca06fp-10, 0x1.db98e4p-10, 0x1.dd61ap-10, 0x1.e498e2p-10, 0x1.c2923ep-10,
      0x1.f8807ap-19, 0x1.05ed6ap-18, 0x1.06e8f4p-18, 0x1.0ae24cp-18, 0x1.f04a1cp-19}},
    {1, {0x1.0b4296p-6, 0x1.e46f8cp-10, 0x1.f9be58p-16}},
    {5,
     {0x1.0b4296p-6, 0x1.aebcb4p-10, 0x1.dc88d8p-10, 0x1.c2cefcp-10, 0x1.d37bd4p-10, 0x1.e46f8cp-10,
      0x1.c1aed8p-16, 0x1.f17eacp-16, 0x1.d6a322p-16, 0x1.e80bbep-16, 0x1.f9be58p-16}},
    {1, {0x1.aa9a7cp-3, 0x1.e25eep-10, 0x1.91ea7cp-12}},
    {5,
     {0x1.aa9a7cp-3, 0x1.e25eep-10, 0x1.dabcaap-10, 0x1.e24fb4p-10, 0x1.94d244p-10, 0x1.b72122p-10,
      0x1.91ea7cp-12, 0x1.8b8e38p-12, 0x1.91ddd8p-12, 0x1.514d18p-12, 0x1.6de31p-12}},
    {1, {0x1.01924ep+1, 0x1.e5a9fp-10, 0x1.e8a528p-9}},
    {5,
     {0x1.01924ep+1, 0x1.df9af6p-10, 0x1.c1c904p-10, 0x1.d8245ep-10, 0x1.e5a9fp-10, 0x1.cad10ep-10,
      0x1.e28caap-9, 0x1.c48bdap-9, 0x1.db0a56p-9, 0x1.e8a528p-9, 0x1.cda216p-9}},
    {1, {0x1.608cd2p-13, 0x1.e0dc56p-10, 0x1.4b1bbcp-22}},
    {5,
     {0x1.608cd2p-13, 0x1.e0dc56p-10, 0x1.ce59a6p-10, 0x1.d9b09p-10, 0x1.cc67a2p-10, 0x1.c433ep-10,
      0x1.4b1bbcp-22, 0x1.3e5cccp-22, 0x1.462bacp-22, 0x1.3d05ep-22, 0x1.37600ap-22}},
};
enum { N_ROWS = sizeof torchao_rows / sizeof *torchao_rows };

/* --- a formula at work ------------------------------------------------------------------------ */

static const quire_plugin plugin = {.name = "toys"};
static const quire_known_plugin known_plugin = {.plugin = &plugin};

typedef struct setting {
    fault_alloc alloc;
    fault_log log;
    quire_ctx ctx;
    quire_known_formula known;
    quire_qspec spec, specs[8];
    const quire_qspec *spec_ptrs[8];
    quire_derivation d;
    double scales[8][CHANNELS];
    quire_qparams params[8];
    const quire_qparams *param_ptrs[8];
    double out_scale[CHANNELS];
    int64_t out_zero[CHANNELS];
    quire_qparams out;
    char why[QUIRE_FORMULA_WHY_ROOM];
} setting;

static quire_qspec
spec_of(int32_t dtype, int64_t qmin, int64_t qmax, uint32_t granularity)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = QUIRE_QSPEC_QUANTIZED,
                         .dtype = dtype,
                         .qmin = qmin,
                         .qmax = qmax,
                         .scale_type = 1,
                         .granularity = granularity};
}

/* An input per tensor, a weight and a bias with n scales. */
static void
set_up(setting *s, const quire_formula *formula, uint32_t n)
{
    const uint32_t granularity = n > 1 ? QUIRE_QSPEC_PER_AXIS : QUIRE_QSPEC_PER_TENSOR;
    memset(s, 0, sizeof *s);
    fault_alloc_init(&s->alloc, 0, false);
    s->ctx = fault_ctx(&s->alloc, NULL, &s->log);
    s->known = (quire_known_formula){.formula = formula, .plugin = &known_plugin};
    s->spec = spec_of(INT32, INT32_MIN, INT32_MAX, granularity);
    s->spec.kind = QUIRE_QSPEC_DERIVED;
    s->specs[0] = spec_of(UINT8, 0, 255, QUIRE_QSPEC_PER_TENSOR);
    s->specs[1] = spec_of(INT8, -127, 127, granularity);
    for (uint32_t k = 0; k < 8; k++) {
        if (k > 1) s->specs[k] = s->specs[0];
        s->spec_ptrs[k] = &s->specs[k];
        s->params[k] = (quire_qparams){
            .size = sizeof s->params[k], .n = k == 1 ? n : 1, .scale = s->scales[k]};
        s->param_ptrs[k] = &s->params[k];
        for (uint32_t i = 0; i < CHANNELS; i++)
            s->scales[k][i] = 0.5;
    }
    s->d = (quire_derivation){.spec = &s->spec, .sources = s->spec_ptrs, .n = 2};
    s->out = (quire_qparams){.size = sizeof s->out, .n = n, .scale = s->out_scale};
}

static void
tear_down(setting *s)
{
    ck_assert(fault_alloc_is_clean(&s->alloc));
}

static quire_status
accepts(setting *s)
{
    return quire_formula_accepts(&s->ctx, &s->known, &s->d, s->why);
}

static quire_status
derive(setting *s)
{
    return quire_formula_derive(&s->ctx, &s->known, &s->d, s->param_ptrs, &s->out, s->why);
}

/* --- bias ------------------------------------------------------------------------------------- */

START_TEST(bias_is_what_torchao_derives)
{
    setting s;
    for (size_t r = 0; r < N_ROWS; r++) {
        const row *t = &torchao_rows[r];
        set_up(&s, &quire_formula_bias, t->n);
        s.spec.zero_point = QUIRE_QSPEC_ZERO_POINT_INT;
        s.out.zero_point = s.out_zero;
        s.scales[0][0] = t->scales[0];
        memcpy(s.scales[1], t->scales + 1, t->n * sizeof(double));
        memset(s.out_zero, 7, sizeof s.out_zero);
        ck_assert_int_eq(accepts(&s), QUIRE_OK);
        ck_assert_int_eq(derive(&s), QUIRE_OK);
        for (uint32_t i = 0; i < t->n; i++) {
            ck_assert_msg((float)s.out_scale[i] == (float)t->scales[1 + t->n + i],
                          "row %zu, index %u: %a, torchao has %a", r, i, s.out_scale[i],
                          t->scales[1 + t->n + i]);
            ck_assert_int_eq(s.out_zero[i], 0);
        }
        tear_down(&s);
    }
}
END_TEST

/* One thing is changed in what fits. */
static const struct misfit {
    const char *field, *why;
    uint32_t value;
} misfits[] = {
    {"qmin", "no signed integers", 0},
    {"scale_type", "neither f32", 24},
    {"zero_point", "float zero points", QUIRE_QSPEC_ZERO_POINT_FLOAT},
    {"granularity", "per block; a bias", QUIRE_QSPEC_PER_BLOCK},
    {"tensor", "source 1 is per axis and the spec per tensor", 0},
    {"source block", "source 1 is per block", 0},
    {"source dynamic", "source 0 gets its scale when the model runs", 0},
    {"source axis", "source 1 is per axis, as one before it", 0},
};

static void
apply(setting *s, const struct misfit *m)
{
    const char *f = m->field;
    if (strcmp(f, "qmin") == 0) s->spec.qmin = 0;
    if (strcmp(f, "scale_type") == 0) s->spec.scale_type = (int32_t)m->value;
    if (strcmp(f, "zero_point") == 0) s->spec.zero_point = m->value;
    if (strcmp(f, "granularity") == 0) s->spec.granularity = m->value;
    if (strcmp(f, "tensor") == 0) s->spec.granularity = QUIRE_QSPEC_PER_TENSOR;
    if (strcmp(f, "source block") == 0) s->specs[1].granularity = QUIRE_QSPEC_PER_BLOCK;
    if (strcmp(f, "source dynamic") == 0) s->specs[0].dynamic = 1;
    if (strcmp(f, "source axis") == 0) s->specs[0].granularity = QUIRE_QSPEC_PER_AXIS;
}

START_TEST(bias_refuses_what_does_not_fit)
{
    setting s;
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        set_up(&s, &quire_formula_bias, CHANNELS);
        ck_assert_int_eq(accepts(&s), QUIRE_OK);
        apply(&s, &misfits[i]);
        ck_assert_int_eq(accepts(&s), QUIRE_NONE);
        ck_assert_msg(strstr(s.why, misfits[i].why) != NULL, "%s: %s", misfits[i].field, s.why);
        ck_assert_uint_eq(s.log.n_errors, 0);
        tear_down(&s);
    }
    set_up(&s, &quire_formula_bias, 1);
    s.d.n = 9;
    ck_assert_int_eq(accepts(&s), QUIRE_NONE);
    ck_assert_str_eq(s.why, "it takes 1 to 8 sources, and has 9");
    tear_down(&s);
}
END_TEST

START_TEST(products_that_no_type_holds_are_refused)
{
    static const struct {
        int32_t type;
        double a, b;
        bool fits;
    } cases[] = {{1, 1e-30, 1e-30, false},     {1, 1e30, 1e30, false},
                 {1, 0x1p-75, 0x1p-74, true},  {1, 0x1p-75, 0x1p-75, false},
                 {10, 256, 255, true},         {10, 256, 256, false},
                 {10, 0x1p-12, 0x1p-12, true}, {10, 0x1p-12, 0x1p-13, false}};
    setting s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up(&s, &quire_formula_bias, 1);
        s.spec.scale_type = cases[i].type;
        s.scales[0][0] = cases[i].a;
        s.scales[1][0] = cases[i].b;
        ck_assert_int_eq(derive(&s), cases[i].fits ? QUIRE_OK : QUIRE_NONE);
        ck_assert_uint_eq(s.log.n_errors, 0);
        tear_down(&s);
    }
    set_up(&s, &quire_formula_bias, CHANNELS); /* counts that do not go together */
    s.params[1].n = 3;
    ck_assert_int_eq(derive(&s), QUIRE_NONE);
    ck_assert_ptr_nonnull(strstr(s.why, "source 1 has 3 scales and the bias 5"));
    tear_down(&s);
}
END_TEST

/* --- answers that may not be ------------------------------------------------------------------ */

static quire_status
yes(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *sources, uint32_t n)
{
    (void)host;
    (void)spec;
    (void)sources;
    (void)n;
    return QUIRE_OK;
}

static enum wrong {
    RIGHT,
    NOTHING,
    NOT_A_NUMBER,
    INFINITE,
    ZERO,
    NEGATIVE,
    TOO_SMALL_FOR_FLOAT,
    ZERO_POINT,
    LAST_FORGOTTEN,
    BEFORE,
    BEHIND,
    OTHER_COUNT,
    OTHER_ARRAY,
    SOURCE,
    NO_STATUS,
    N_WRONG
} wrong;

static quire_status
do_wrong(const quire_host *host, const quire_qspec *spec, const quire_qspec *const *specs,
         const quire_qparams *const *sources, uint32_t n, quire_qparams *io_out)
{
    (void)host;
    (void)spec;
    (void)specs;
    (void)n;
    for (uint32_t i = 0; wrong != NOTHING && i < io_out->n - (wrong == LAST_FORGOTTEN); i++) {
        io_out->scale[i] = 1;
        io_out->zero_point[i] = 0;
    }
    if (wrong == NOT_A_NUMBER) io_out->scale[1] = NAN;
    if (wrong == INFINITE) io_out->scale[1] = INFINITY;
    if (wrong == ZERO) io_out->scale[1] = 0;
    if (wrong == NEGATIVE) io_out->scale[1] = -1;
    if (wrong == TOO_SMALL_FOR_FLOAT) io_out->scale[1] = 1e-60;
    if (wrong == ZERO_POINT) io_out->zero_point[1] = (int64_t)INT32_MAX + 1;
    if (wrong == BEFORE) io_out->scale[-1] = 1;
    if (wrong == BEHIND) io_out->zero_point[io_out->n + 3] = 0;
    if (wrong == OTHER_COUNT) io_out->n--;
    if (wrong == OTHER_ARRAY) io_out->scale = NULL;
    if (wrong == SOURCE) sources[0]->scale[0] = 3;
    return wrong == NO_STATUS ? 99 : QUIRE_OK;
}

static const quire_formula liar = {.size = sizeof(quire_formula),
                                   .name = "liar",
                                   .summary = "is wrong",
                                   .least_sources = 2,
                                   .most_sources = 2,
                                   .check = yes,
                                   .derive = do_wrong};

START_TEST(answers_are_checked)
{
    static const char *const sentences[N_WRONG] = {
        NULL,
        "scale[0] was not filled in",
        "scale[1]: found nan",
        "scale[1]: found inf",
        "scale[1]: found 0",
        "scale[1]: found -1",
        "scale[1]: found 1e-60",
        "zero_point[1]: found 2147483648; allowed are -2147483648 to 2147483647",
        "scale[4] was not filled in",
        "wrote beyond the ends",
        "wrote beyond the ends",
        "changed `n` or a pointer",
        "changed `n` or a pointer",
        "changed the parameters of its sources",
        "returned 99, which is no status",
    };
    setting s;
    for (wrong = RIGHT; wrong < N_WRONG; wrong++) {
        set_up(&s, &liar, CHANNELS);
        s.spec.zero_point = QUIRE_QSPEC_ZERO_POINT_INT;
        s.out.zero_point = s.out_zero;
        ck_assert_int_eq(derive(&s), wrong == RIGHT ? QUIRE_OK : QUIRE_E_PLUGIN);
        ck_assert_uint_eq(s.log.n_errors, wrong == RIGHT ? 0 : 1);
        ck_assert(s.out_scale[0] == (wrong == RIGHT ? 1 : 0)); /* nothing of a wrong answer */
        ck_assert(s.scales[0][0] == 0.5);
        if (wrong != RIGHT) {
            ck_assert_msg(strstr(s.log.message, sentences[wrong]) != NULL, "%d: %s", (int)wrong,
                          s.log.message);
            ck_assert_ptr_nonnull(
                strstr(s.log.message, "plugin \"toys\" (formula \"liar\"), derive"));
        }
        tear_down(&s);
    }
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    setting s;
    quire_status status = QUIRE_E_NOMEM;
    size_t n = 0;
    while (status != QUIRE_OK) {
        set_up(&s, &quire_formula_bias, CHANNELS);
        s.alloc.fail_at = ++n;
        status = derive(&s);
        ck_assert(status == QUIRE_OK || status == QUIRE_E_NOMEM);
        ck_assert_uint_eq(s.log.n_errors, status == QUIRE_OK ? 0 : 1);
        tear_down(&s);
    }
    ck_assert_uint_gt(n, 3);
}
END_TEST

/* --- all of a model --------------------------------------------------------------------------- */

static const char model_text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                                 "g (float[2] x) => (float[2] d) { a = Relu (x) b = Neg (a) "
                                 "c = Neg (b) d = Neg (c) }\n";
static const char annotations_text[] = "quire-annotations 1\n"
                                       "x  u8 tensor affine zp=int fixed(0.5, 3) by me\n"
                                       "a  i32 tensor symmetric zp=none derived bias(x) by me\n"
                                       "b  u16 tensor symmetric zp=none derived bias(x) by me\n"
                                       "c  i32 tensor symmetric zp=none derived bios(x) by me\n"
                                       "d  i32 tensor symmetric zp=none derived bios(a, x) by me\n";

static quire_status
check_model(quire_ctx *ctx, fault_alloc *alloc, size_t n, fault_log *log, quire_account *account)
{
    quire_registry registry;
    quire_model *m;
    quire_slot_reader reader;
    quire_claims claims = {0};
    quire_resolved r;
    ck_assert_int_eq(quire_model_parse(ctx, quire_bytes_of(model_text), NULL, &m), QUIRE_OK);
    ck_assert_int_eq(quire_registry_init(ctx, &registry), QUIRE_OK);
    ck_assert_int_eq(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader), QUIRE_OK);
    ck_assert_int_eq(quire_claims_parse(&reader, quire_bytes_of(annotations_text), &claims),
                     QUIRE_OK);
    ck_assert_int_eq(quire_resolve(ctx, m, &claims, NULL, &r), QUIRE_OK);
    *log = (fault_log){0};
    alloc->fail_at = alloc->n_calls + n;
    const quire_status status = quire_formulas_check(ctx, m, &registry, &r, account);
    quire_resolved_deinit(ctx, &r);
    quire_claims_deinit(ctx, &claims);
    quire_slot_reader_deinit(&reader);
    quire_registry_deinit(&registry);
    quire_model_destroy(ctx, m);
    return status;
}

START_TEST(a_model_is_checked_whatever_allocation_fails)
{
    quire_status status = QUIRE_E_NOMEM;
    size_t n = 0;
    while (status != QUIRE_OK) {
        fault_alloc alloc;
        fault_log log;
        quire_account account = {0};
        fault_alloc_init(&alloc, 0, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        status = check_model(&ctx, &alloc, ++n, &log, &account);
        ck_assert_msg(status == QUIRE_OK || status == QUIRE_E_NOMEM, "allocation %zu: %s, %s", n,
                      quire_status_name(status), log.message);
        if (status == QUIRE_E_NOMEM) ck_assert_int_eq(log.status, QUIRE_E_NOMEM);
        if (status == QUIRE_OK) {
            ck_assert_uint_eq(account.n_errors, 1); /* b */
            ck_assert_uint_eq(log.n_errors, 1);
            ck_assert_uint_eq(log.n_others, 1); /* bios, once */
            ck_assert_ptr_nonnull(strstr(log.message, "\"bios\" (2 derived groups)"));
        }
        quire_account_deinit(&ctx, &account);
        ck_assert(fault_alloc_is_clean(&alloc));
    }
    ck_assert_uint_gt(n, 5);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("formula");
    tcase_add_test(all, bias_is_what_torchao_derives);
    tcase_add_test(all, bias_refuses_what_does_not_fit);
    tcase_add_test(all, products_that_no_type_holds_are_refused);
    tcase_add_test(all, answers_are_checked);
    tcase_add_test(all, every_allocation_may_fail);
    tcase_add_test(all, a_model_is_checked_whatever_allocation_fails);
    Suite *suite = suite_create("formula");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
