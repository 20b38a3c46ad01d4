/* plugin_check_pairs.c - tests with two instances at a time: in turns, and in two threads. */
#include <stdio.h>

#include "plugin_check.h"

/* Models in pairs, so that the two do not see the same. */
typedef struct pair {
    const char *names[2];
    quire_model *models[2];
    quire_text alone[2]; /* the lines of each */
    kit_voice voices[2];
    kit_probe probes[2];
    kit_work works[2];
} pair;

static bool
same(const quire_text *a, const quire_text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static bool
load(kit *k, pair *x, size_t i)
{
    for (size_t side = 0; side < 2; side++) {
        kit_voice_init(&x->voices[side]);
        if (kit_model(k, &k->voice.ctx, i + side, &x->models[side], &x->names[side]) != QUIRE_OK)
            return false;
    }
    return true;
}

/* Each alone; false if one fails so, which has a test of its own. */
static bool
run_alone(kit *k, const quire_known_quantizer *known, pair *x)
{
    for (size_t side = 0; side < 2; side++) {
        if (!kit_probe_init(k, known, &x->probes[side])) return false;
        if (kit_annotate(&k->voice, &x->probes[side], x->models[side], &x->alone[side]) == QUIRE_OK)
            continue;
        kit_say(k, KIT_SKIP, "quantizer \"%s\": %s", known->quantizer->name, k->voice.error);
        return false;
    }
    k->n_tested++;
    return kit_probe_init(k, known, &x->probes[0]) && kit_probe_init(k, known, &x->probes[1]);
}

static void
judge(kit *k, const quire_known_quantizer *known, const pair *x, size_t side,
      const quire_text *lines, quire_status status, const char *how)
{
    if (status != QUIRE_OK)
        kit_say(k, KIT_FAIL, "quantizer \"%s\", model %s: %s %s: %s", known->quantizer->name,
                x->names[side], how, "it fails", x->voices[side].error);
    else if (!same(lines, &x->alone[side]))
        kit_say(k, KIT_FAIL, "quantizer \"%s\", model %s: %s %s", known->quantizer->name,
                x->names[side], how, "it asks for something else");
}

/* Calls `test` for each quantizer and pair of models. */
static void
each(kit *k, void (*test)(kit *k, const quire_known_quantizer *known, pair *x))
{
    static pair x; /* large */
    if (!kit_register(k)) return;
    if (kit_quantizer(k, 0) == NULL) kit_say(k, KIT_SKIP, "the plugin has no quantizer");
    for (size_t i = 0; kit_quantizer(k, i) != NULL; i++) {
        for (size_t j = 0; load(k, &x, j); j++) {
            if (run_alone(k, kit_quantizer(k, i), &x)) test(k, kit_quantizer(k, i), &x);
        }
    }
}

/* Both are created, then both annotate, then the first goes before the second. */
static void
in_turns(kit *k, const quire_known_quantizer *known, pair *x)
{
    quire_status status[2];
    for (size_t side = 0; side < 2; side++)
        status[side] =
            kit_work_begin(&x->works[side], &x->voices[side], &x->probes[side], x->models[side]);
    for (size_t side = 2; side-- > 0;) {
        if (status[side] == QUIRE_OK) status[side] = kit_work_annotate(&x->works[side]);
    }
    for (size_t side = 0; side < 2; side++) {
        kit_work_end(&x->works[side]);
        judge(k, known, x, side, &x->works[side].lines, status[side], "beside another instance");
    }
}

void
kit_test_instances_are_independent(kit *k)
{
    each(k, in_turns);
}

/* --- threads ---------------------------------------------------------------------------------- */

typedef struct runner {
    pair *x;
    size_t side;
    pthread_barrier_t *barrier;
    kit_probe probe;
    quire_text lines;
    quire_status status;
} runner;

static void *
run(void *data)
{
    runner *r = data;
    (void)pthread_barrier_wait(r->barrier);
    r->status = kit_annotate(&r->x->voices[r->side], &r->probe, r->x->models[r->side], &r->lines);
    return NULL;
}

static void
in_threads(kit *k, const quire_known_quantizer *known, pair *x)
{
    enum { ROUNDS = 4 };
    for (int round = 0; round < ROUNDS; round++) {
        static runner runners[2];
        pthread_t threads[2];
        pthread_barrier_t barrier;
        pthread_barrier_init(&barrier, NULL, 2);
        for (size_t side = 0; side < 2; side++) {
            runners[side] = (runner){.x = x, .side = side, .barrier = &barrier};
            if (!kit_probe_init(k, known, &runners[side].probe)) return;
        }
        for (size_t side = 0; side < 2; side++) {
            if (pthread_create(&threads[side], NULL, run, &runners[side]) != 0) return;
        }
        for (size_t side = 0; side < 2; side++)
            pthread_join(threads[side], NULL);
        for (size_t side = 0; side < 2; side++)
            judge(k, known, x, side, &runners[side].lines, runners[side].status,
                  "beside another thread");
    }
}

void
kit_test_threads_are_independent(kit *k)
{
    each(k, in_threads);
}
