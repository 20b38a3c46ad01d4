/* test_services.c - the services of a host: log, parallel, select, measure, quantizers; each used as
 * it is meant, and each used as it must not be.
 *
 * Numbers of measure are from the definition on paper; tests/conformance/test_measure.py compares
 * them with numpy on many tables.
 */
#include <check.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/parse.h"
#include "plugin/annotate_with.h"
#include "support/fault.h"
#include "support/suite.h"

#define S(text) ((quire_string){text, sizeof(text) - 1})
#define SI(text)                                                                                   \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    } /* of static tables */

static const char graph_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (int64[N] i, float[2] x) => (float[N,4] y, float[2] z)\n"
    "<float[2,4] W = {0,0.5,2,255, 0,1,2,255}, float[2,4] V = {0,1,2,255, 0,1,2,255},\n"
    " float[1,4] H = {0,1e8,0,0}, float[1,2,2] C = {0,1,2,255}, int64[2] k = {0,1}>\n"
    "{\n y = Gather(W, i)\n z = Neg(x)\n}\n";

/* --- quantizers that do what a test says ------------------------------------------------------ */

typedef quire_status act_fn(const quire_host *host, const quire_graph_api *g);

static struct play {
    act_fn *in_create, *in_annotate, *in_validate;
    const quire_claim_api *claims; /* while an annotate runs */
    const quire_resolved_api *resolved;
    char calls[400]; /* of children: `create4 destroy4` with the option n of each */
    quire_child child;
    const quire_host_quantizers *quantizers;
} play;

typedef struct probe_options {
    int64_t n; /* -1: the one that plays */
} probe_options;

typedef struct probe {
    const quire_host *host;
    int64_t n;
} probe;

static void
record(const char *what, int64_t n)
{
    const size_t used = strlen(play.calls);
    snprintf(play.calls + used, sizeof play.calls - used, "%s%d ", what, (int)n);
}

static quire_status
probe_create(const quire_host *host, const void *options, void **out_self)
{
    probe *p = host->realloc(host->ctx, NULL, 0, sizeof *p);
    if (p == NULL) return QUIRE_E_NOMEM;
    *p = (probe){host, ((const probe_options *)options)->n};
    if (p->n >= 0) record("create", p->n);
    const quire_status status =
        p->n < 0 && play.in_create != NULL ? play.in_create(host, NULL) : QUIRE_OK;
    if (status != QUIRE_OK) {
        host->realloc(host->ctx, p, sizeof *p, 0);
        return status;
    }
    *out_self = p;
    return QUIRE_OK;
}

static void
probe_destroy(void *self)
{
    probe *p = self;
    record("destroy", p->n);
    p->host->realloc(p->host->ctx, p, sizeof *p, 0);
}

static quire_status
probe_support(void *self, uint32_t row, quire_support *out)
{
    (void)self;
    (void)row;
    (void)out;
    return QUIRE_NONE;
}

/* A child claims the result of the first node, and fails if its number is 13. */
static quire_status
child_annotate(const probe *p, const quire_graph_api *g, const quire_claim_api *c)
{
    const quire_qspec spec = {.size = sizeof spec,
                              .kind = QUIRE_QSPEC_QUANTIZED,
                              .dtype = 2,
                              .zero_point = QUIRE_QSPEC_ZERO_POINT_INT};
    quire_place place;
    const quire_status status = g->result(g->ctx, g->next_node(g->ctx, 0), 0, &place, NULL);
    if (p->n == 13) {
        p->host->report(p->host->ctx, QUIRE_ERROR, place, S("a bad number"));
        return QUIRE_E_INVALID;
    }
    return status == QUIRE_OK ? c->claim(c->ctx, place, &spec, 0, 0, S("child")) : status;
}

static quire_status
probe_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    const probe *p = self;
    if (p->n >= 0) return child_annotate(p, g, c);
    play.claims = c;
    return play.in_annotate == NULL ? QUIRE_OK : play.in_annotate(p->host, g);
}

static quire_status
probe_validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    const probe *p = self;
    play.resolved = r;
    if (p->n >= 0) return r->finding(r->ctx, QUIRE_NOTE, (quire_place){0, 0}, S("seen"));
    return play.in_validate == NULL ? QUIRE_OK : play.in_validate(p->host, g);
}

static const quire_option options[] = {
    {sizeof(quire_option), QUIRE_OPTION_INT, "n", "a number", "-1", -1, 99, NULL,
     offsetof(probe_options, n)},
};
static const quire_quantizer probe_quantizer = {.size = sizeof probe_quantizer,
                                                .options_size = sizeof(probe_options),
                                                .name = "probe",
                                                .summary = "does what a test says",
                                                .options = options,
                                                .n_options = 1,
                                                .create = probe_create,
                                                .destroy = probe_destroy,
                                                .support = probe_support,
                                                .annotate = probe_annotate,
                                                .validate = probe_validate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &probe_quantizer : NULL;
}

static const quire_plugin plugin = {
    sizeof plugin, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR, "org.example.probe", "probes",
    "1",           "MIT",           "a probe",       get_interface};

/* --- runs ------------------------------------------------------------------------------------- */

typedef struct outcome {
    quire_status status;
    fault_log log;
    size_t n_claims, n_findings;
    char who[100]; /* of the first claim */
} outcome;

/* What one run of `probe` comes to. The allocator that fails at fail_at is not for threads; 0: the C
 * library's. */
static outcome
run_with(uint32_t log_level, size_t fail_at)
{
    const char *const names[] = {"probe"};
    const quire_annotators by = {.quantizers = names, .n_quantizers = 1};
    quire_registry registry;
    quire_annotations a;
    outcome o = {.status = QUIRE_OK};
    fault_alloc alloc;
    quire_model *m;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(fail_at > 0 ? &alloc : NULL, NULL, &o.log);
    ck_assert_int_eq(quire_model_parse(&ctx, quire_bytes_of(graph_text), NULL, &m), QUIRE_OK);
    ctx.log_level = log_level;
    ck_assert_int_eq(quire_registry_init(&ctx, &registry), QUIRE_OK);
    ck_assert_int_eq(quire_registry_add(&ctx, &registry, &plugin, NULL), QUIRE_OK);
    if (fail_at > 0) alloc.fail_at = alloc.n_calls + fail_at;
    o.status = quire_annotate_with(&ctx, m, &registry, &by, &a);
    if (o.status == QUIRE_OK) {
        o.n_claims = a.resolved.claims.n;
        o.n_findings = a.account.n_findings;
        if (o.n_claims > 0) {
            const quire_bytes who = quire_sym_bytes(m, a.resolved.claims.ptr[0].who);
            snprintf(o.who, sizeof o.who, "%.*s", (int)who.len, (const char *)who.ptr);
        }
        quire_annotations_deinit(&ctx, &a);
    }
    quire_registry_deinit(&registry);
    quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
    return o;
}

static outcome
run(void)
{
    return run_with(0, 0);
}

static void
expect_ok(const outcome *o)
{
    ck_assert_msg(o->status == QUIRE_OK, "%s: %s", quire_status_name(o->status), o->log.message);
}

static void
expect_error(const outcome *o, quire_status status, const char *text)
{
    ck_assert_msg(o->status == status, "%s: %s", quire_status_name(o->status), o->log.message);
    ck_assert_uint_eq(o->log.n_errors, 1);
    ck_assert_msg(strstr(o->log.message, text) != NULL, "%s\nis not\n%s", o->log.message, text);
}

static void
reset(void)
{
    play = (struct play){.in_create = NULL};
    unsetenv("QUIRE_THREADS");
}

/* --- all of them ------------------------------------------------------------------------------ */

static quire_status
ask_for_services(const quire_host *host, const quire_graph_api *g)
{
    static const char *const ids[] = {QUIRE_HOST_LOG_1, QUIRE_HOST_PARALLEL_1, QUIRE_HOST_SELECT_1,
                                      QUIRE_HOST_MEASURE_1, QUIRE_HOST_QUANTIZERS_1};
    (void)g;
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        const uint32_t *table = host->get_service(host->ctx, ids[k]);
        ck_assert_ptr_nonnull(table);
        ck_assert_uint_ge(*table, 2 * sizeof(void *));
        ck_assert_ptr_eq(table, host->get_service(host->ctx, ids[k]));
    }
    ck_assert_ptr_null(host->get_service(host->ctx, "quire.host.log/2"));
    ck_assert_ptr_null(host->get_service(host->ctx, ""));
    return QUIRE_OK;
}

START_TEST(services_are_found_by_id)
{
    play.in_create = ask_for_services;
    play.in_annotate = ask_for_services;
    const outcome o = run();
    expect_ok(&o);
}
END_TEST

/* --- log -------------------------------------------------------------------------------------- */

static quire_status
write_lines(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_log *log = host->get_service(host->ctx, QUIRE_HOST_LOG_1);
    (void)g;
    for (uint32_t level = 0; level < 4; level++)
        log->line(log->ctx, level, level == 1 ? S("one table") : S("another line"));
    ck_assert_uint_eq(log->level(log->ctx), play.child.number);
    return QUIRE_OK;
}

START_TEST(lines_are_told_up_to_the_level)
{
    for (uint32_t level = 0; level < 3; level++) {
        play.in_annotate = write_lines;
        play.child.number = level;
        const outcome o = run_with(level, 0);
        expect_ok(&o);
        ck_assert_uint_eq(o.log.n_others, level == 0 ? 0 : level + 1); /* 0 counts as 1 */
        if (level == 1)
            ck_assert_str_eq(o.log.message,
                             "plugin \"probes\" (quantizer \"probe\"), annotate: one table");
    }
}
END_TEST

/* --- parallel --------------------------------------------------------------------------------- */

enum { N_NUMBERS = 1000 };
static atomic_int visits[N_NUMBERS];
static atomic_int n_bad;
static atomic_uint_fast64_t threads_seen; /* one bit for each, by a hash */

static const quire_host_parallel *
parallel_of(const quire_host *host)
{
    return host->get_service(host->ctx, QUIRE_HOST_PARALLEL_1);
}

static quire_status
visit(void *arg, uint32_t i)
{
    const quire_host *host = arg;
    void *memory = host->realloc(host->ctx, NULL, 0, 16 + i); /* [any] */
    if (memory == NULL) return QUIRE_E_NOMEM;
    host->realloc(host->ctx, memory, 16 + i, 0);
    atomic_fetch_add(&visits[i], 1);
    const uint64_t hash = (uint64_t)(uintptr_t)pthread_self() * 0x9e3779b97f4a7c15u;
    atomic_fetch_or(&threads_seen, (uint64_t)1 << (hash >> 58));
    if (i % 250 == 0) host->report(host->ctx, QUIRE_NOTE, (quire_place){0, 0}, S("seen"));
    if (i == 17) return QUIRE_E_LIMIT;
    return i == 500 ? QUIRE_E_IO : i == 900 ? QUIRE_E_INVALID : QUIRE_OK;
}

static quire_status
visit_all(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_parallel *p = parallel_of(host);
    (void)g;
    for (size_t i = 0; i < N_NUMBERS; i++)
        atomic_store(&visits[i], 0);
    atomic_store(&threads_seen, 0);
    ck_assert_int_eq(p->run(p->ctx, N_NUMBERS, visit, (void *)host), QUIRE_E_LIMIT);
    for (size_t i = 0; i < N_NUMBERS; i++)
        ck_assert_int_eq(atomic_load(&visits[i]), 1);
    ck_assert_int_eq(p->run(p->ctx, 10, visit, (void *)host), QUIRE_OK);
    ck_assert_int_eq(p->run(p->ctx, 0, visit, (void *)host), QUIRE_OK);
    return QUIRE_OK;
}

START_TEST(every_number_once_and_the_least_failure)
{
    static const char *const counts[] = {NULL, "1", "2", "7", "256"};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (counts[k] != NULL) setenv("QUIRE_THREADS", counts[k], 1);
        play.in_create = visit_all;
        play.in_annotate = visit_all;
        play.in_validate = visit_all;
        const outcome o = run();
        expect_ok(&o);
        ck_assert_uint_eq(o.log.n_others, 3 * 5); /* 4 of 1000, and 1 of 10 */
        const uint64_t seen = atomic_load(&threads_seen);
        if (k == 1) ck_assert_uint_eq(seen & (seen - 1), 0);
    }
}
END_TEST

/* Meets the plain settings, and leaves them changed. */
static quire_status
disturb(void *arg, uint32_t i)
{
    (void)arg;
    (void)i;
    if (fegetround() != FE_TONEAREST || strcmp(localeconv()->decimal_point, ".") != 0)
        atomic_fetch_add(&n_bad, 1);
    fesetround(FE_UPWARD);
    return QUIRE_OK;
}

static quire_status
disturb_all(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_parallel *p = parallel_of(host);
    (void)g;
    fesetround(FE_DOWNWARD); /* what the callback itself does is no matter of the work's */
    const quire_status status = p->run(p->ctx, 100, disturb, NULL);
    ck_assert_int_eq(fegetround(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
    return status;
}

START_TEST(work_meets_plain_settings)
{
    atomic_store(&n_bad, 0);
    setenv("QUIRE_THREADS", "2", 1);
    play.in_annotate = disturb_all;
    const outcome o = run();
    expect_ok(&o);
    ck_assert_int_eq(atomic_load(&n_bad), 0);
    ck_assert_uint_eq(o.log.n_others, 1);
    ck_assert_str_eq(o.log.message, "plugin \"probes\" (quantizer \"probe\"), annotate: work of "
                                    "quire.host.parallel/1 left the rounding mode changed; it was "
                                    "put back");
}
END_TEST

/* Functions that are not [any], from inside work. */
typedef struct inside {
    const quire_host *host;
    const quire_graph_api *g;
    int which;
} inside;

static quire_status
call_inside(void *arg, uint32_t i)
{
    const inside *in = arg;
    const quire_host_select *select = in->host->get_service(in->host->ctx, QUIRE_HOST_SELECT_1);
    const quire_host_measure *measure = in->host->get_service(in->host->ctx, QUIRE_HOST_MEASURE_1);
    const quire_host_parallel *p = parallel_of(in->host);
    const quire_qspec spec = {.size = sizeof spec, .kind = QUIRE_QSPEC_FLOAT};
    const quire_place *places;
    quire_node_view node = {.size = sizeof node};
    size_t n;
    double db;
    (void)i;
    switch (in->which) {
    case 0: return in->g->node(in->g->ctx, 1, &node);
    case 1: return p->run(p->ctx, 2, call_inside, arg);
    case 2: return select->select(select->ctx, S("op:Gather"), &places, &n);
    case 3: return measure->sqnr(measure->ctx, 1, &spec, &db);
    case 4: return play.claims->skip(play.claims->ctx, 1, S("late"), S("or early"));
    default: return in->g->next_node(in->g->ctx, 0) == 0 ? QUIRE_E_USAGE : QUIRE_OK;
    }
}

static int which_inside;

static quire_status
run_inside(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_parallel *p = parallel_of(host);
    inside in = {host, g, which_inside};
    (void)p->run(p->ctx, 50, call_inside, &in); /* a plugin that does not look */
    return QUIRE_OK;
}

static const char *const inside_names[] = {"node", "run", "select", "sqnr", "skip", "next_node"};

static void
expect_stranger(const char *name)
{
    char text[200];
    const outcome o = run();
    snprintf(text, sizeof text,
             "annotate: %s was called from a thread that the callback does not run in; other "
             "threads, and the work of quire.host.parallel/1, may call the functions marked [any] "
             "only",
             name);
    expect_error(&o, QUIRE_E_PLUGIN, text);
}

START_TEST(work_may_call_functions_of_any_thread_only)
{
    for (which_inside = 0; which_inside < 6; which_inside++) {
        for (int n_threads = 1; n_threads < 4; n_threads += 2) {
            setenv("QUIRE_THREADS", n_threads == 1 ? "1" : "3", 1);
            play.in_annotate = run_inside;
            expect_stranger(inside_names[which_inside]);
        }
    }
}
END_TEST

static void *
call_from_thread(void *arg)
{
    (void)call_inside(arg, 0);
    return NULL;
}

static quire_status
call_from_own_thread(const quire_host *host, const quire_graph_api *g)
{
    inside in = {host, g, which_inside};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_from_thread, &in), 0);
    (void)g->main_graph(g->ctx); /* meanwhile */
    pthread_join(thread, NULL);
    return QUIRE_OK;
}

START_TEST(threads_of_the_plugin_are_strangers)
{
    for (which_inside = 0; which_inside < 6; which_inside++) {
        play.in_annotate = call_from_own_thread;
        expect_stranger(inside_names[which_inside]);
    }
}
END_TEST

static quire_status
run_nothing(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_parallel *p = parallel_of(host);
    (void)g;
    return p->run(p->ctx, 3, NULL, NULL);
}

START_TEST(parallel_refuses_what_it_cannot_do)
{
    static const char *const wrong[] = {"0", "257", "two", "-1", "1e2", "99999999999999999999"};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        char text[200];
        setenv("QUIRE_THREADS", wrong[k], 1);
        snprintf(text, sizeof text,
                 "create: run: the environment variable QUIRE_THREADS is \"%s\"; allowed is a "
                 "number from 1 to 256",
                 wrong[k]);
        play.in_create = visit_all;
        play.in_create = disturb_all;
        const outcome o = run();
        expect_error(&o, QUIRE_E_USAGE, text);
    }
    reset();
    play.in_annotate = run_nothing;
    const outcome o = run();
    expect_error(&o, QUIRE_E_PLUGIN, "annotate: run: work: found NULL");
}
END_TEST

/* --- select ----------------------------------------------------------------------------------- */

static quire_string expression;

static quire_status
select_operands(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_select *s = host->get_service(host->ctx, QUIRE_HOST_SELECT_1);
    const quire_place *places;
    quire_place first, second;
    quire_string nearest;
    size_t n;
    const quire_node_id gather = g->next_node(g->ctx, 0);
    ck_assert_int_eq(s->select(s->ctx, S("op:Gather"), &places, &n), QUIRE_OK);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(g->operand(g->ctx, gather, 0, &first, NULL), QUIRE_OK);
    ck_assert_int_eq(g->operand(g->ctx, gather, 1, &second, NULL), QUIRE_OK);
    ck_assert_mem_eq(&places[0], &first, sizeof first);
    ck_assert_mem_eq(&places[1], &second, sizeof second);
    const quire_place *tables;
    size_t n_tables;
    ck_assert_int_eq(s->select(s->ctx, S("rows=2 and width=4"), &tables, &n_tables), QUIRE_OK);
    ck_assert_uint_eq(n_tables, 2);
    ck_assert_mem_eq(&places[0], &first, sizeof first); /* the earlier answer is still good */
    ck_assert_int_eq(s->select(s->ctx, S("op:Gathr"), &places, &n), QUIRE_OK);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(s->nearest(s->ctx, S("op:Gathr"), &nearest), QUIRE_OK);
    ck_assert_ptr_nonnull(memmem(nearest.ptr, nearest.len, "Gather", 6));
    return QUIRE_OK;
}

static quire_status
select_expression(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_select *s = host->get_service(host->ctx, QUIRE_HOST_SELECT_1);
    const quire_place *places;
    size_t n;
    (void)g;
    return s->select(s->ctx, expression, &places, &n);
}

static quire_status
select_into_null(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_select *s = host->get_service(host->ctx, QUIRE_HOST_SELECT_1);
    size_t n;
    (void)g;
    (void)s->select(s->ctx, S("op:Gather"), NULL, &n);
    return QUIRE_OK;
}

START_TEST(select_gives_slots_in_order)
{
    play.in_annotate = select_operands;
    play.in_validate = select_operands;
    const outcome o = run();
    expect_ok(&o);
}
END_TEST

START_TEST(select_refuses_with_the_column)
{
    expression = S("op:Gather and frob:x");
    play.in_annotate = select_expression;
    outcome o = run();
    expect_error(&o, QUIRE_E_USAGE, "annotate: select: column 15: ");
    expression = (quire_string){"x", 65537};
    o = run();
    expect_error(&o, QUIRE_E_PLUGIN, "annotate: select: found a string of 65537 bytes");
    play.in_annotate = select_into_null;
    o = run();
    expect_error(&o, QUIRE_E_PLUGIN, "annotate: select: found NULL for the result");
    expression = S("op:Gather");
    reset();
    play.in_create = select_expression;
    o = run();
    expect_error(&o, QUIRE_E_PLUGIN,
                 "create: select was called; it is there in transform, annotate, validate and "
                 "adjust alone");
}
END_TEST

/* --- measure ---------------------------------------------------------------------------------- */

static quire_value_id
find_value(const quire_graph_api *g, const char *name)
{
    const quire_graph_id main = g->main_graph(g->ctx);
    for (uint32_t k = 0;; k++) {
        quire_value_id id;
        quire_value_view v = {.size = sizeof v};
        if (g->initializer(g->ctx, main, k, NULL, &id) != QUIRE_OK) break;
        ck_assert_int_eq(g->value(g->ctx, id, &v), QUIRE_OK);
        if (v.name.len == strlen(name) && memcmp(v.name.ptr, name, v.name.len) == 0) return id;
    }
    return 0;
}

static quire_qspec
rows_of(int32_t dtype)
{
    return (quire_qspec){.size = sizeof(quire_qspec),
                         .kind = QUIRE_QSPEC_QUANTIZED,
                         .dtype = dtype,
                         .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                         .granularity = QUIRE_QSPEC_PER_AXIS,
                         .observer = S("minmax")};
}

static double
measure(const quire_host *host, const quire_graph_api *g, const char *name, quire_qspec spec)
{
    const quire_host_measure *m = host->get_service(host->ctx, QUIRE_HOST_MEASURE_1);
    double db = NAN;
    const quire_status status = m->sqnr(m->ctx, find_value(g, name), &spec, &db);
    ck_assert_msg(status == QUIRE_OK || status == QUIRE_NONE, "%s", quire_status_name(status));
    return db;
}

static quire_status
measure_tables(const quire_host *host, const quire_graph_api *g)
{
    quire_qspec spec = rows_of(2);
    ck_assert_double_infinite(measure(host, g, "V", spec));
    ck_assert_double_gt(measure(host, g, "V", spec), 0);
    /* 0.5 becomes 0; nothing else changes. */
    const double xx = 0.25 + 4 + 65025 + 1 + 4 + 65025;
    ck_assert_double_eq(measure(host, g, "W", spec), 10 * log10(xx / 0.25));
    ck_assert_double_infinite(measure(host, g, "C", spec)); /* rank 3, a single row */
    spec.scale_type = 10;
    ck_assert_double_lt(measure(host, g, "H", spec), -1e300); /* a float16 scale cannot hold it */
    spec.granularity = QUIRE_QSPEC_PER_BLOCK;
    spec.axis = 1;
    spec.block = 16;
    ck_assert_double_infinite(measure(host, g, "V", spec));
    ck_assert_double_nan(measure(host, g, "C", spec)); /* blocks are of matrices */
    ck_assert_double_nan(measure(host, g, "V", rows_of(3)));
    spec = rows_of(2);
    spec.granularity = QUIRE_QSPEC_PER_TENSOR;
    ck_assert_double_nan(measure(host, g, "V", spec));
    spec.kind = QUIRE_QSPEC_FLOAT;
    ck_assert_double_nan(measure(host, g, "V", spec));
    fesetround(FE_UPWARD);
    const double upwards = measure(host, g, "W", rows_of(2));
    fesetround(FE_TONEAREST);
    ck_assert_double_eq(upwards, 10 * log10(xx / 0.25));
    return QUIRE_OK;
}

START_TEST(measure_is_the_definition)
{
    play.in_annotate = measure_tables;
    play.in_validate = measure_tables;
    const outcome o = run();
    expect_ok(&o);
}
END_TEST

static int which_wrong;

static quire_status
measure_wrongly(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_measure *m = host->get_service(host->ctx, QUIRE_HOST_MEASURE_1);
    quire_value_id value = g == NULL ? 1 : find_value(g, which_wrong == 1 ? "k" : "V");
    quire_qspec spec = rows_of(2);
    double db;
    if (which_wrong == 0) ck_assert(g->input(g->ctx, 1, 1, NULL, &value) == QUIRE_OK);
    if (which_wrong == 2) spec.dtype = 999;
    if (which_wrong == 3) spec.size = 4;
    if (which_wrong == 4) value = 9999;
    return m->sqnr(m->ctx, value, &spec, which_wrong == 5 ? NULL : &db);
}

START_TEST(measure_refuses_what_it_cannot_read)
{
    static const char *const texts[] = {
        "sqnr: its elements cannot be read: allowed is a value whose view says constant",
        "sqnr: found elements of type i64; allowed are float, float16 and bfloat16",
        "sqnr: dtype",
        "sqnr: spec: found size 4",
        "value: value 9999 is no id of this model",
        "sqnr: out_db: found NULL",
    };
    for (which_wrong = 0; which_wrong < 6; which_wrong++) {
        play.in_annotate = measure_wrongly;
        const outcome o = run();
        expect_error(&o, QUIRE_E_PLUGIN, texts[which_wrong]);
    }
    reset();
    play.in_create = measure_wrongly;
    const outcome o = run();
    expect_error(&o, QUIRE_E_PLUGIN,
                 "create: sqnr was called; it is there in annotate, validate and adjust alone");
}
END_TEST

/* --- quantizers ------------------------------------------------------------------------------- */

static quire_string child_text;

static quire_status
create_child(const quire_host *host, const quire_graph_api *g)
{
    play.quantizers = host->get_service(host->ctx, QUIRE_HOST_QUANTIZERS_1);
    play.child = (quire_child){.size = sizeof play.child};
    (void)g;
    return play.quantizers->create(play.quantizers->ctx, child_text, &play.child);
}

static quire_status
create_three(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_quantizers *q = host->get_service(host->ctx, QUIRE_HOST_QUANTIZERS_1);
    quire_child child = {.size = sizeof child};
    (void)g;
    for (int k = 1; k <= 3; k++) {
        const quire_string text = k == 1   ? S("probe:n=1")
                                  : k == 2 ? S("probe:n=2")
                                           : S("probe:n=3");
        if (q->create(q->ctx, text, &child) != QUIRE_OK) return QUIRE_E_PLUGIN;
        ck_assert_uint_eq(child.number, (unsigned)k);
        ck_assert_ptr_eq(child.quantizer, &probe_quantizer);
        if (k == 2) ck_assert_int_eq(memcmp(child.who.ptr, "probe/2:probe", child.who.len), 0);
        ck_assert_ptr_null(q->claims(q->ctx, child.number));
        ck_assert_ptr_null(q->graph(q->ctx, child.number));
    }
    q->destroy(q->ctx, 2);
    q->destroy(q->ctx, 2);
    q->destroy(q->ctx, 77);
    return QUIRE_OK;
}

START_TEST(children_are_destroyed_before_their_parent)
{
    play.in_create = create_three;
    const outcome o = run();
    expect_ok(&o);
    ck_assert_str_eq(play.calls, "create1 create2 create3 destroy2 destroy3 destroy1 destroy-1 ");
}
END_TEST

static quire_status
annotate_child(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_quantizers *q = play.quantizers;
    const quire_child *c = &play.child;
    (void)host;
    (void)g;
    ck_assert_ptr_null(q->resolved(q->ctx, c->number));
    ck_assert_ptr_null(q->edits(q->ctx, c->number));
    ck_assert_ptr_null(q->groups(q->ctx, c->number));
    ck_assert_ptr_null(q->claims(q->ctx, 0));
    ck_assert_ptr_null(q->claims(q->ctx, 2));
    return c->quantizer->annotate(c->self, q->graph(q->ctx, c->number),
                                  q->claims(q->ctx, c->number));
}

static quire_status
validate_child(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_quantizers *q = play.quantizers;
    const quire_child *c = &play.child;
    (void)host;
    (void)g;
    ck_assert_ptr_null(q->claims(q->ctx, c->number));
    return c->quantizer->validate(c->self, q->graph(q->ctx, c->number),
                                  q->resolved(q->ctx, c->number));
}

START_TEST(what_children_ask_is_by_their_full_name)
{
    child_text = S("probe:n=4");
    play.in_create = create_child;
    play.in_annotate = annotate_child;
    play.in_validate = validate_child;
    outcome o = run();
    expect_ok(&o);
    ck_assert_str_eq(o.who, "probe/1:probe");
    ck_assert_uint_eq(o.n_findings, 1);
    ck_assert_str_eq(o.log.message, "quantizer \"probe/1:probe\": seen");
    child_text = S("probe:n=13");
    o = run();
    expect_error(&o, QUIRE_E_PLUGIN,
                 "plugin \"probes\" (quantizer \"probe/1:probe\"), annotate: a bad number");
    ck_assert_str_eq(o.log.path, "y");
}
END_TEST

static quire_status
create_many(const quire_host *host, const quire_graph_api *g)
{
    const quire_host_quantizers *q = host->get_service(host->ctx, QUIRE_HOST_QUANTIZERS_1);
    quire_child child = {.size = sizeof child};
    quire_status status;
    (void)g;
    do {
        status = q->create(q->ctx, S("pt2e-embedding"), &child);
    } while (status == QUIRE_OK);
    return status;
}

START_TEST(what_is_wrong_with_children_is_told)
{
    static const struct {
        quire_string text;
        quire_status status;
        const char *message;
    } cases[] = {
        {SI("prob"), QUIRE_E_USAGE,
         "(quantizer \"probe\"), create: no quantizer is called \"prob\"; nearest: \"probe\""},
        {SI(""), QUIRE_E_USAGE, "(quantizer \"probe\"), create: no quantizer is called \"\""},
        {SI("probe:n=x"), QUIRE_E_USAGE,
         "(quantizer \"probe\"), create: option n of quantizer probe is \"x\""},
        {SI("probe:m=1"), QUIRE_E_USAGE,
         "(quantizer \"probe\"), create: quantizer probe has no option \"m\""},
        {SI("embedding:bits-for=x"), QUIRE_E_USAGE,
         "plugin \"quire\" (quantizer \"probe/1:embedding\"), create: bits-for \"x\" is not"},
        /* Itself, endlessly. */
        {SI("probe"), QUIRE_E_USAGE,
         "create: a quantizer in \"probe\" would be one too deep: they go 8 deep"},
        {{NULL, 5}, QUIRE_E_PLUGIN, "create: text: found 5 bytes at NULL"},
        {{"x", 70000}, QUIRE_E_PLUGIN, "create: text: found 70000 bytes at an address"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        reset();
        child_text = cases[k].text;
        play.in_create = create_child;
        const outcome o = run();
        expect_error(&o, cases[k].status, cases[k].message);
        if (strstr(play.calls, "destroy") != NULL) ck_abort_msg("%s", play.calls);
    }
    reset();
    play.in_create = create_many;
    outcome o = run();
    expect_error(&o, QUIRE_E_USAGE, "there are more than 256 quantizers inside one");
    reset();
    child_text = S("probe:n=1");
    play.in_annotate = create_child;
    o = run();
    expect_error(&o, QUIRE_E_PLUGIN,
                 "annotate: create of quire.host.quantizers/1 was called; it is there in the "
                 "quantizer's own create alone");
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    size_t n_failed = 0;
    for (size_t at = 1; at < 5000; at++) {
        reset();
        child_text = S("probe:n=4");
        play.in_create = create_child;
        play.in_annotate = annotate_child;
        play.in_validate = validate_child;
        const outcome o = run_with(0, at);
        if (o.status == QUIRE_OK) break;
        ck_assert_msg(o.status == QUIRE_E_NOMEM, "%zu: %s", at, o.log.message);
        ck_assert_uint_eq(o.log.n_errors, 1);
        n_failed++;
    }
    ck_assert_uint_gt(n_failed, 20);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("services");
    TCase *tests = tcase_create("services");
    tcase_add_checked_fixture(tests, reset, reset);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, services_are_found_by_id);
    tcase_add_test(tests, lines_are_told_up_to_the_level);
    tcase_add_test(tests, every_number_once_and_the_least_failure);
    tcase_add_test(tests, work_meets_plain_settings);
    tcase_add_test(tests, work_may_call_functions_of_any_thread_only);
    tcase_add_test(tests, threads_of_the_plugin_are_strangers);
    tcase_add_test(tests, parallel_refuses_what_it_cannot_do);
    tcase_add_test(tests, select_gives_slots_in_order);
    tcase_add_test(tests, select_refuses_with_the_column);
    tcase_add_test(tests, measure_is_the_definition);
    tcase_add_test(tests, measure_refuses_what_it_cannot_read);
    tcase_add_test(tests, children_are_destroyed_before_their_parent);
    tcase_add_test(tests, what_children_ask_is_by_their_full_name);
    tcase_add_test(tests, what_is_wrong_with_children_is_told);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    return suite_run(make_suite());
}
