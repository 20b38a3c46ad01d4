/* test_annotate_with.c - quantizers and rules annotate a model together: who is declared before whom,
 * what is kept of what they say, and each allocation failing in turn.
 */
#include "graph/carrier.h"
#include "passes/ledger.h"
#include "plugin/annotate_with.h"
#include "support/scratch.h"
#include "unit/table_case.h"

#define GRAPH OPSET(17) "g (float[2] x) => (float[2] z) { y = Relu (x) z = Abs (y) }"
/* The types of the two fakes and of the rules. */
#define I8 "i8 tensor symmetric zp=none"
#define U8 "u8 tensor affine zp=int"

/* --- two quantizers in this process ----------------------------------------------------------- */

typedef struct fake_options { /* each claims operand 0 of every node */
    int64_t priority;
    int32_t complain; /* a bool: an error about every slot that is not annotated as it asked */
} fake_options;

typedef struct fake {
    const quire_host *host;
    int32_t dtype;
    fake_options options;
} fake;

static quire_string
text(const char *s)
{
    return (quire_string){s, strlen(s)};
}

static quire_status
create(const quire_host *host, const void *options, int32_t dtype, void **out_self)
{
    fake *f = host->realloc(host->ctx, NULL, 0, sizeof *f);
    if (f == NULL) return QUIRE_E_NOMEM;
    *f = (fake){.host = host, .dtype = dtype, .options = *(const fake_options *)options};
    *out_self = f;
    return QUIRE_OK;
}

static quire_status
create_one(const quire_host *host, const void *options, void **out_self)
{
    return create(host, options, 3, out_self);
}

static quire_status
create_two(const quire_host *host, const void *options, void **out_self)
{
    return create(host, options, 2, out_self);
}

static void
destroy(void *self)
{
    const fake *f = self;
    f->host->realloc(f->host->ctx, self, sizeof *f, 0);
}

static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    (void)self, (void)row, (void)out;
    return QUIRE_NONE;
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    const fake *f = self;
    quire_qspec spec = {
        .size = sizeof spec, .kind = QUIRE_QSPEC_QUANTIZED, .dtype = f->dtype, .symmetric = 1};
    if (f->dtype == 2) spec.symmetric = 0, spec.zero_point = QUIRE_QSPEC_ZERO_POINT_INT;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_node_view view = {.size = sizeof view};
        quire_place place;
        QUIRE_TRY(g->node(g->ctx, n, &view));
        QUIRE_TRY(g->operand(g->ctx, n, 0, &place, NULL));
        if (view.op_type.len == 3)
            QUIRE_TRY(c->skip(c->ctx, n, text("odd"), text("three letters are too few")));
        else
            QUIRE_TRY(c->claim(c->ctx, place, &spec, (int32_t)f->options.priority, 0, text("all")));
    }
    return QUIRE_OK;
}

static quire_status
validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    const fake *f = self;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_qspec spec = {.size = sizeof spec};
        quire_place place;
        QUIRE_TRY(g->operand(g->ctx, n, 0, &place, NULL));
        const quire_status status = r->spec(r->ctx, place, &spec, NULL);
        if (status == QUIRE_NONE) continue;
        QUIRE_TRY(status);
        if (spec.dtype == f->dtype && spec.kind == QUIRE_QSPEC_QUANTIZED) continue;
        QUIRE_TRY(r->finding(r->ctx, f->options.complain ? QUIRE_ERROR : QUIRE_NOTE, place,
                             text("not what was asked")));
    }
    return QUIRE_OK;
}

static const quire_option options[] = {
    {sizeof(quire_option), QUIRE_OPTION_INT, "priority", "of all claims", "0", -9, 9, NULL,
     offsetof(fake_options, priority)},
    {sizeof(quire_option), QUIRE_OPTION_BOOL, "complain", "be strict", "false", 0, 0, NULL,
     offsetof(fake_options, complain)},
};

#define FAKE(name, create)                                                                         \
    {                                                                                              \
        sizeof(quire_quantizer), sizeof(fake_options), name, "a fake", options, 2, 0, create,      \
            destroy, support, NULL, annotate, validate, NULL                                       \
    }
static const quire_quantizer fakes[] = {FAKE("one", create_one), FAKE("two", create_two)};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index < 2 ? &fakes[index] : NULL;
}

static const quire_plugin plugin = {
    sizeof plugin, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR, "org.example.fakes", "fakes",
    "1",           "MIT",           "two fakes",     get_interface};

/* --- a run ------------------------------------------------------------------------------------ */

typedef struct with_case {
    table_case c;
    scratch s;
    quire_registry registry;
    quire_annotations a;
    quire_status status;
} with_case;

/* `rules`: members of the array of rules; NULL: no file. */
static void
run(with_case *w, const char *one, const char *two, const char *rules, quire_conflict_rule conflict)
{
    const char *const names[] = {one, two};
    char file[600];
    quire_annotators by = {.quantizers = names, .conflict = conflict};
    by.n_quantizers = one == NULL ? 0 : two == NULL ? 1 : 2;
    table_case_open(&w->c, GRAPH);
    w->s = scratch_create();
    w->a = (quire_annotations){0};
    if (rules != NULL) {
        snprintf(file, sizeof file, "{\"format_version\": 1, \"rules\": [%s]}", rules);
        scratch_write(&w->s, "r.json", file, strlen(file));
        by.rules = scratch_path(&w->s, "r.json");
    }
    ck_assert_int_eq(quire_registry_init(&w->c.ctx, &w->registry), QUIRE_OK);
    ck_assert_int_eq(quire_registry_add(&w->c.ctx, &w->registry, &plugin, NULL), QUIRE_OK);
    w->status = quire_annotate_with(&w->c.ctx, w->c.run.model, &w->registry, &by, &w->a);
}

static void
end(with_case *w)
{
    if (w->status == QUIRE_OK) quire_annotations_deinit(&w->c.ctx, &w->a);
    quire_registry_deinit(&w->registry);
    table_case_close(&w->c);
    scratch_remove(&w->s);
}

static int32_t
dtype_in_force(const with_case *w)
{
    ck_assert_int_eq(w->status, QUIRE_OK);
    ck_assert_uint_eq(w->a.resolved.n_annotations, 1);
    return quire_resolved_spec(w->c.run.model, &w->a.resolved, &w->a.resolved.annotations[0])
        ->dtype;
}

static bool
sym_is(const with_case *w, quire_sym sym, const char *expected)
{
    return same_text(quire_sym_bytes(w->c.run.model, sym), expected);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(differing_specs_conflict_unless_the_first_may_win)
{
    with_case w;
    run(&w, "one", "two", NULL, QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(w.status, QUIRE_E_USAGE);
    ck_assert_uint_eq(w.c.log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(w.c.log.message, "conflict"));
    end(&w);
    run(&w, "one", "two", NULL, QUIRE_CONFLICT_FIRST);
    ck_assert_int_eq(dtype_in_force(&w), 3);
    end(&w);
    run(&w, "two", "one", NULL, QUIRE_CONFLICT_FIRST);
    ck_assert_int_eq(dtype_in_force(&w), 2);
    end(&w);
}
END_TEST

START_TEST(a_higher_priority_wins_whatever_the_order)
{
    with_case w;
    run(&w, "one", "two:priority=1", NULL, QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(dtype_in_force(&w), 2);
    ck_assert_uint_eq(w.a.resolved.annotations[0].n_losers, 1);
    end(&w);
    run(&w, "one:priority=2", "two:priority=1", NULL, QUIRE_CONFLICT_FIRST);
    ck_assert_int_eq(dtype_in_force(&w), 3);
    end(&w);
}
END_TEST

START_TEST(rules_are_declared_last)
{
    static const char *const rule = "{\"select\": \"slot:y<-0\", \"spec\": \"" U8 "\"}";
    static const char *const high =
        "{\"select\": \"slot:y<-0\", \"spec\": \"" U8 "\", \"priority\": 1}";
    with_case w;
    run(&w, "one", NULL, rule, QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(w.status, QUIRE_E_USAGE);
    end(&w);
    run(&w, "one", NULL, rule, QUIRE_CONFLICT_FIRST);
    ck_assert_int_eq(dtype_in_force(&w), 3);
    end(&w);
    run(&w, "one", NULL, high, QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(dtype_in_force(&w), 2);
    end(&w);
    run(&w, "two", NULL, rule, QUIRE_CONFLICT_ERROR); /* both say the same */
    ck_assert_uint_eq(w.a.resolved.annotations[0].n_sponsors, 2);
    end(&w);
}
END_TEST

START_TEST(what_is_said_beside_claims_is_kept)
{
    with_case w;
    run(&w, "one", "two:priority=1", NULL, QUIRE_CONFLICT_ERROR);
    const quire_account *account = &w.a.account;
    ck_assert_int_eq(w.a.kind, QUIRE_FROM_QUANTIZERS);
    ck_assert_uint_eq(account->n_quantizers, 2);
    ck_assert(sym_is(&w, account->quantizers[0], "one"));
    ck_assert(sym_is(&w, account->quantizers[1], "two"));
    ck_assert_uint_eq(account->n_skips, 2);
    ck_assert(sym_is(&w, account->skips[1].who, "two"));
    ck_assert(sym_is(&w, account->skips[1].reason, "odd"));
    ck_assert_uint_eq(account->n_findings, 1);
    ck_assert(sym_is(&w, account->findings[0].who, "one"));
    ck_assert_int_eq(account->findings[0].severity, QUIRE_NOTE);
    ck_assert_uint_eq(account->n_errors, 0);
    end(&w);
    run(&w, "one:complain=true", "two:priority=1", NULL, QUIRE_CONFLICT_ERROR);
    ck_assert_uint_eq(w.a.account.n_errors, 1);
    ck_assert_uint_eq(w.c.log.n_errors, 1);
    end(&w);
}
END_TEST

START_TEST(without_a_quantizer_the_rules_annotate)
{
    with_case w;
    run(&w, NULL, NULL, "{\"select\": \"slot:y<-0\", \"spec\": \"" I8 "\"}", QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(w.a.kind, QUIRE_FROM_RULES);
    ck_assert_int_eq(dtype_in_force(&w), 3);
    end(&w);
}
END_TEST

START_TEST(what_is_wrong_is_a_mistake_of_the_call)
{
    static const char *const wrong[] = {"three", "one:speed=9", "one:priority=10", "", ":"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        with_case w;
        run(&w, "two", wrong[i], NULL, QUIRE_CONFLICT_ERROR);
        ck_assert_int_eq(w.status, QUIRE_E_USAGE);
        ck_assert_uint_eq(w.c.log.n_errors, 1);
        end(&w);
    }
    with_case w;
    run(&w, "one", NULL, "{\"select\": \"slot:nowhere\", \"spec\": \"float\"}",
        QUIRE_CONFLICT_ERROR);
    ck_assert_int_eq(w.status, QUIRE_E_USAGE);
    end(&w);
}
END_TEST

/* --- failing allocations ---------------------------------------------------------------------- */

static quire_status
write_all(quire_ctx *ctx, quire_model *m, const quire_annotations *a)
{
    quire_text out = {0};
    quire_writer w;
    quire_writer_to_text(&w, ctx, &out);
    quire_status status = quire_ledger_write(&w, m, a, QUIRE_FORMAT_TEXT);
    if (status == QUIRE_OK) status = quire_ledger_write(&w, m, a, QUIRE_FORMAT_JSON);
    const quire_status finished = quire_writer_finish(&w);
    quire_text_free(ctx, &out);
    return status != QUIRE_OK ? status : finished;
}

static quire_status
annotate_and_write(quire_ctx *ctx, quire_model *m, const quire_annotators *by)
{
    quire_registry registry;
    quire_annotations a;
    QUIRE_TRY(quire_registry_init(ctx, &registry));
    quire_status status = quire_registry_add(ctx, &registry, &plugin, NULL);
    if (status == QUIRE_OK) status = quire_annotate_with(ctx, m, &registry, by, &a);
    if (status == QUIRE_OK) {
        status = write_all(ctx, m, &a);
        quire_annotations_deinit(ctx, &a);
    }
    quire_registry_deinit(&registry);
    return status;
}

/* The number of allocations that failed. */
static size_t
run_failing(const quire_annotators *by, size_t fail_at)
{
    fault_alloc alloc;
    fault_log log = {0};
    quire_model *m;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    ck_assert_int_eq(quire_model_parse(&ctx, quire_bytes_of(GRAPH), NULL, &m), QUIRE_OK);
    alloc.fail_at = alloc.n_calls + fail_at;
    const quire_status status = annotate_and_write(&ctx, m, by);
    const size_t n_failed = alloc.n_failed;
    ck_assert_int_eq(status, n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, n_failed > 0 ? 1 : 0);
    quire_model_destroy(&ctx, m);
    ck_assert(fault_alloc_is_clean(&alloc));
    return n_failed;
}

START_TEST(every_allocation_fails_once)
{
    static const char *const names[] = {"one", "two:priority=1"};
    static const char rules[] = "{\"format_version\": 1, \"rules\": [{\"select\": \"op:Relu\", "
                                "\"spec\": \"" U8 "\", \"priority\": 1}]}";
    const scratch s = scratch_create();
    scratch_write(&s, "r.json", rules, strlen(rules));
    const quire_annotators by = {
        .quantizers = names, .n_quantizers = 2, .rules = scratch_path(&s, "r.json")};
    size_t n = 1;
    while (run_failing(&by, n) > 0)
        n++;
    ck_assert_uint_gt(n, 20);
    scratch_remove(&s);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("annotate_with");
    tcase_add_test(all, differing_specs_conflict_unless_the_first_may_win);
    tcase_add_test(all, a_higher_priority_wins_whatever_the_order);
    tcase_add_test(all, rules_are_declared_last);
    tcase_add_test(all, what_is_said_beside_claims_is_kept);
    tcase_add_test(all, without_a_quantizer_the_rules_annotate);
    tcase_add_test(all, what_is_wrong_is_a_mistake_of_the_call);
    tcase_add_test(all, every_allocation_fails_once);
    return table_case_main(all, "annotate_with");
}
