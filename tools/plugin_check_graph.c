/* plugin_check_graph.c - tests of quantizers at work on graphs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "graph/edit.h"
#include "graph/import.h"
#include "plugin/supports.h"
#include "plugin_check.h"

enum { MAX_FAILURES = 300, MAX_REFUSALS = 3000, N_ORDERS = 8, SHOWN = 120 };

/* What a test does with one quantizer and one model, which it may change. */
typedef void case_fn(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name);

static void
each(kit *k, case_fn *test)
{
    const char *name;
    quire_model *m;
    if (!kit_register(k)) return;
    if (kit_quantizer(k, 0) == NULL) kit_say(k, KIT_SKIP, "the plugin has no quantizer");
    for (size_t i = 0; kit_quantizer(k, i) != NULL; i++) {
        for (size_t j = 0; kit_model(k, &k->voice.ctx, j, &m, &name) == QUIRE_OK; j++) {
            test(k, kit_quantizer(k, i), m, name);
            quire_model_destroy(&k->voice.ctx, m);
        }
    }
}

/* The lines of one run, or false: it cannot be created, or failed, which has a test of its own. */
static bool
annotated(kit *k, const quire_known_quantizer *known, quire_model *m, quire_text *out)
{
    kit_probe p;
    if (!kit_probe_init(k, known, &p)) return false;
    if (kit_annotate(&k->voice, &p, m, out) == QUIRE_OK) {
        k->n_tested++;
        return true;
    }
    quire_text_free(&k->voice.ctx, out);
    kit_say(k, KIT_SKIP, "quantizer \"%s\": %s", kit_name(&p), k->voice.error);
    return false;
}

/* The first line in which they differ: that of the first, or of the second if it is longer. */
static void
difference(const quire_text *a, const quire_text *b, char out[SHOWN])
{
    size_t i = 0, line = 0;
    while (i < a->len && i < b->len && a->ptr[i] == b->ptr[i]) {
        if (a->ptr[i] == '\n') line = i + 1;
        i++;
    }
    const quire_text *shown = i < a->len ? a : b;
    const char *at = shown->ptr + line;
    snprintf(out, SHOWN, "%.*s", (int)strcspn(at, "\n"), at);
}

static bool
same(const quire_text *a, const quire_text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static void
judge_same(kit *k, const quire_known_quantizer *known, const char *model, const quire_text *a,
           const quire_text *b, const char *what)
{
    char line[SHOWN];
    if (same(a, b)) return;
    difference(a, b, line);
    kit_say(k, KIT_FAIL, "quantizer \"%s\", model %s: %s; first difference: %s",
            known->quantizer->name, model, what, line);
}

/* --- support ---------------------------------------------------------------------------------- */

/* The rows of an instance, canonical; false with a verdict. The instance stays. */
static bool
read_support(kit *k, const quire_known_quantizer *known, quire_model *m, quire_arena *arena,
             kit_probe *p, quire_support_row **out_rows, size_t *out_n)
{
    quire_instance *instance = NULL;
    quire_ctx *ctx = &k->voice.ctx;
    if (!kit_probe_init(k, known, p)) return false;
    k->voice.error[0] = '\0';
    p->link = p;
    if (quire_instance_create(ctx, m, &k->registry, &p->shim_known, &p->link, NULL, &instance) !=
        QUIRE_OK) {
        kit_say(k, KIT_SKIP, "quantizer \"%s\": %s", kit_name(p), k->voice.error);
        return false;
    }
    k->n_tested++;
    if (quire_supports_read(instance, arena, out_rows, out_n) == QUIRE_OK) return true;
    kit_say(k, KIT_FAIL, "%s", k->voice.error);
    return false;
}

static bool
same_row(const quire_support_row *a, const quire_support_row *b)
{
    return strcmp(a->op, b->op) == 0 && a->is_result == b->is_result && a->index == b->index &&
           quire_spec_ref_equal(a->spec, b->spec);
}

static void
support(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_arena arena;
    quire_support_row *rows[2];
    size_t n[2];
    kit_probe p[2];
    (void)name;
    quire_arena_init(&arena, k->voice.ctx.alloc);
    for (int i = 0; i < 2; i++) {
        if (!read_support(k, known, m, &arena, &p[i], &rows[i], &n[i])) return;
    }
    if (n[0] == 0)
        kit_say(k, KIT_WARN, "quantizer \"%s\": support has no rows", known->quantizer->name);
    for (size_t i = 0; i < n[0] || i < n[1]; i++) {
        if (i < n[0] && i < n[1] && same_row(&rows[0][i], &rows[1][i])) continue;
        kit_say(k, KIT_FAIL, "quantizer \"%s\": row %zu is another for a second instance",
                known->quantizer->name, i);
    }
}

void
kit_test_support_is_valid(kit *k)
{
    each(k, support);
}

/* --- claims ----------------------------------------------------------------------------------- */

static void
annotates(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    kit_probe p;
    if (!kit_probe_init(k, known, &p)) return;
    const quire_status status = kit_probe_create(&p, &k->voice, m);
    if (status != QUIRE_OK) {
        kit_say(k, k->only != NULL ? KIT_FAIL : KIT_WARN,
                "quantizer \"%s\" was not tested, for it cannot be created with what options "
                "have by themselves; --quantizer NAME:OPTIONS gives others: %s",
                kit_name(&p), k->voice.error);
    } else if (kit_annotate(&k->voice, &p, m, NULL) != QUIRE_OK) {
        kit_say(k, KIT_FAIL, "model %s: %s", name, k->voice.error);
    }
}

void
kit_test_annotates_the_models(kit *k)
{
    each(k, annotates);
}

/* Its second run begins with what the first left in the plugin's memory. */
static void
twice(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_text lines[2];
    for (int i = 0; i < 2; i++) {
        if (!annotated(k, known, m, &lines[i])) return;
    }
    judge_same(k, known, name, &lines[0], &lines[1], "a second instance asks for something else");
}

void
kit_test_annotate_twice(kit *k)
{
    each(k, twice);
}

static void
orders(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_ctx *ctx = &k->voice.ctx;
    quire_text first, other, bytes;
    if (kit_bytes(ctx, m, &bytes) != QUIRE_OK || !annotated(k, known, m, &first)) return;
    for (uint32_t seed = 1; seed <= N_ORDERS; seed++) {
        quire_model *shuffled;
        const quire_source source = quire_source_of_memory(bytes.ptr, bytes.len, name);
        quire_status status = quire_model_import(ctx, source, k->model, NULL, &shuffled);
        if (status == QUIRE_OK) status = kit_shuffle(k, ctx, &shuffled, seed * 2654435761u);
        if (status != QUIRE_OK) {
            kit_say(k, KIT_FAIL, "model %s cannot be written and read: %s", name, k->voice.error);
            return;
        }
        if (!annotated(k, known, shuffled, &other)) return;
        judge_same(k, known, name, &first, &other, "in another order it asks for something else");
    }
}

void
kit_test_annotate_order(kit *k)
{
    each(k, orders);
}

/* --- claims and support ----------------------------------------------------------------------- */

static bool
covers(const quire_spec *row, const quire_spec *asked)
{
    if (asked->kind == QUIRE_SPEC_SHARED) return true;
    return row->kind == asked->kind && row->dtype == asked->dtype &&
           row->symmetric == asked->symmetric && row->zero_point == asked->zero_point &&
           row->granularity == asked->granularity;
}

/* "Gather", or "domain.Type". */
static void
name_op(const quire_model *m, quire_node n, char *out, size_t room)
{
    const quire_op_rec *op = quire_op_at(m, quire_node_at(m, n)->op);
    const quire_bytes domain = quire_sym_bytes(m, op->domain), type = quire_sym_bytes(m, op->type);
    const bool plain = domain.len == 0 || quire_bytes_equal(domain, quire_bytes_of("ai.onnx"));
    snprintf(out, room, "%.*s%s%.*s", plain ? 0 : (int)domain.len,
             plain ? "" : (const char *)domain.ptr, plain ? "" : ".", (int)type.len,
             (const char *)type.ptr);
}

typedef struct supported { /* for the look of a probe */
    kit_probe probe;
    const quire_support_row *rows;
    size_t n;
    const char *model;
} supported;

static bool
has_row(const supported *s, const quire_model *m, const char *op, bool is_result, uint32_t index,
        const quire_spec *asked)
{
    for (size_t i = 0; i < s->n; i++) {
        const quire_support_row *row = &s->rows[i];
        const quire_spec spec = quire_spec_of_ref(m, row->spec);
        if (strcmp(row->op, op) == 0 && row->is_result == is_result && row->index == index &&
            covers(&spec, asked))
            return true;
    }
    return false;
}

/* Float is what a slot has anyway; rows are about nodes, and of no derived spec. */
static void
look_for_rows(kit_probe *p, const quire_model *m, const quire_claims *claims)
{
    char op[300];
    const supported *s = (const supported *)(const void *)p;
    for (size_t i = 0; i < claims->n; i++) {
        const quire_slot slot = claims->ptr[i].slot;
        const quire_spec asked = quire_spec_of_ref(m, claims->ptr[i].spec);
        const quire_node n = quire_slot_node(m, slot);
        if (n.id == 0 || asked.kind == QUIRE_SPEC_FLOAT || asked.kind == QUIRE_SPEC_DERIVED)
            continue;
        const bool is_result = slot.kind == QUIRE_SLOT_RESULT;
        const uint32_t index = is_result ? slot.id - quire_node_at(m, n)->out.id
                                         : quire_use_at(m, (quire_use){slot.id})->index;
        name_op(m, n, op, sizeof op);
        if (!has_row(s, m, op, is_result, index, &asked))
            kit_say(p->k, KIT_FAIL,
                    "quantizer \"%s\", model %s: it asks at %s %u of %s, and no row of support has "
                    "such a spec there",
                    kit_name(p), s->model, is_result ? "result" : "operand", index, op);
    }
}

static void
claims_within(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_arena arena;
    quire_support_row *rows;
    kit_probe p;
    supported s = {.model = name};
    quire_arena_init(&arena, k->voice.ctx.alloc);
    if (!read_support(k, known, m, &arena, &p, &rows, &s.n)) return;
    s.rows = rows;
    if (!kit_probe_init(k, known, &s.probe)) return;
    s.probe.look = look_for_rows;
    (void)kit_annotate(&k->voice, &s.probe, m, NULL);
}

void
kit_test_claims_are_supported(kit *k)
{
    each(k, claims_within);
}

/* --- failures --------------------------------------------------------------------------------- */

static void
refusals(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    for (long n = 0; n < MAX_REFUSALS; n++) {
        kit_probe p;
        if (!kit_probe_init(k, known, &p)) return;
        p.refuse_call = n;
        (void)kit_annotate(&k->voice, &p, m, NULL);
        if (p.breach[0] != '\0') {
            kit_say(k, KIT_FAIL, "quantizer \"%s\", model %s: %s", kit_name(&p), name, p.breach);
            return;
        }
        if (!p.was_refused) return;
    }
}

void
kit_test_refusals_are_passed_on(kit *k)
{
    each(k, refusals);
}

static void
failures(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_text whole, lines;
    if (!annotated(k, known, m, &whole)) return;
    for (long n = 0; n < MAX_FAILURES; n++) {
        kit_probe p;
        if (!kit_probe_init(k, known, &p)) return;
        p.fail_alloc = n;
        const quire_status status = kit_annotate(&k->voice, &p, m, &lines);
        if (!p.has_failed) return;
        if (p.breach[0] != '\0')
            kit_say(k, KIT_FAIL, "quantizer \"%s\", model %s: %s", kit_name(&p), name, p.breach);
        if (p.n_blocks != 0)
            kit_say(k, KIT_FAIL,
                    "quantizer \"%s\", model %s: %ld blocks are left where memory was out",
                    kit_name(&p), name, p.n_blocks);
        if (status == QUIRE_OK)
            judge_same(k, known, name, &whole, &lines,
                       "where memory is out it succeeds, and asks for something else");
        quire_text_free(&k->voice.ctx, &lines);
    }
}

void
kit_test_failures_are_reported(kit *k)
{
    each(k, failures);
}

/* --- the model -------------------------------------------------------------------------------- */

/* Its pages cannot be locked, its bytes can be compared: touched ones are written from records. */
static void
read_only(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    quire_text before, after, lines;
    quire_ctx *ctx = &k->voice.ctx;
    quire_model_touch_all(m);
    if (kit_bytes(ctx, m, &before) != QUIRE_OK) return;
    if (!annotated(k, known, m, &lines) || kit_bytes(ctx, m, &after) != QUIRE_OK) return;
    if (!same(&before, &after))
        kit_say(k, KIT_FAIL, "quantizer \"%s\": the bytes of model %s are others afterwards",
                known->quantizer->name, name);
}

void
kit_test_input_is_read_only(kit *k)
{
    each(k, read_only);
}

static void
undone(kit *k, const quire_known_quantizer *known, quire_model *m, const char *name)
{
    kit_probe p;
    kit_work w;
    bool changed;
    quire_text before, after;
    quire_ctx *ctx = &k->voice.ctx;
    if (known->quantizer->transform == NULL) {
        kit_say(k, KIT_SKIP, "it has no transform");
        return;
    }
    if (!kit_probe_init(k, known, &p) || kit_bytes(ctx, m, &before) != QUIRE_OK) return;
    if (kit_work_begin(&w, &k->voice, &p, m) != QUIRE_OK) {
        kit_say(k, KIT_SKIP, "quantizer \"%s\": %s", kit_name(&p), k->voice.error);
        return;
    }
    k->n_tested++;
    /* One that fails by itself may; what it leaves must be sound. */
    if (quire_session_transform(w.session, &changed) != QUIRE_OK && p.status == QUIRE_OK)
        kit_say(k, KIT_FAIL, "model %s: %s", name, k->voice.error);
    kit_work_end(&w);
    if (kit_bytes(ctx, m, &after) == QUIRE_OK && !same(&before, &after))
        kit_say(k, KIT_FAIL,
                "quantizer \"%s\": the bytes of model %s are others when its "
                "transform is undone",
                known->quantizer->name, name);
}

void
kit_test_transform_is_undone(kit *k)
{
    each(k, undone);
}
