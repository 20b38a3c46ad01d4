/* test_edit.c - the edit gate against arrays: test_edit [SEQUENCES [FIRST SEED]] | --replay SEED
 *
 * Random sequences of edits go to a model and to a naive graph; after every edit all parts must
 * agree: who reads what, lists both ways, order, interfaces, layers, metadata. After a sequence the
 * verifier must be content, what is written must read back as what is in memory, and the snapshot
 * taken before must bring everything back. On a disagreement the sequence is shortened as far as
 * it still fails, printed, and the exit code is 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/verify.h"
#include "property/edit_steps.h"

enum { MIN_STEPS = 5, MAX_STEPS = 40, PER_START = 16, WRITE_EVERY = 4 };

/* --- sequences -------------------------------------------------------------------------------- */

typedef struct sequence {
    uint64_t seed;
    int n;
    struct {
        int kind;
        uint64_t random; /* of its own, so that leaving out one changes little of the others */
    } steps[MAX_STEPS];
} sequence;

static sequence
make_sequence(uint64_t seed)
{
    uint64_t random = seed * 0xd1342543de82ef95u + 7;
    sequence s = {.seed = seed,
                  .n = MIN_STEPS + (int)edit_draw(&random, MAX_STEPS - MIN_STEPS + 1)};
    int sum = 0;
    for (int k = 0; k < edit_n_kinds; k++)
        sum += edit_kinds[k].weight;
    for (int i = 0; i < s.n; i++) {
        int left = (int)edit_draw(&random, (uint32_t)sum);
        while ((left -= edit_kinds[s.steps[i].kind].weight) >= 0)
            s.steps[i].kind++;
        s.steps[i].random = random;
    }
    return s;
}

static void
start(edit_run *r, uint64_t seed)
{
    edit_world_start(&r->w, seed / PER_START);
    memset(r->saved, 0, sizeof r->saved);
    r->base.snapshot = NULL;
    edit_take(r, &r->base);
    edit_world_compare(&r->w);
}

static void
end(edit_run *r)
{
    for (int k = 0; k < EDIT_SAVED; k++)
        quire_snapshot_destroy(&r->w.ctx, r->saved[k].snapshot);
    quire_snapshot_destroy(&r->w.ctx, r->base.snapshot);
    edit_world_end(&r->w);
}

/* Leaves the model as it was before, if all is well. */
static void
play(edit_run *r, const sequence *s)
{
    static naive_graph before;
    for (int i = 0; i < s->n && !r->w.failed; i++) {
        r->random = s->steps[i].random;
        before = r->w.now.naive;
        edit_kinds[s->steps[i].kind].work(r);
        if (!edit_kinds[s->steps[i].kind].restores) naive_note_lost(&r->w.now.naive, &before);
        edit_world_compare(&r->w);
    }
    if (!r->w.failed) {
        edit_expect(&r->w, quire_model_verify(&r->w.ctx, r->w.m, QUIRE_E_INTERNAL) == QUIRE_OK,
                    "the verifier is not content");
    }
    if (!r->w.failed && s->seed % WRITE_EVERY == 0) edit_world_write_and_read(&r->w);
    if (r->w.failed) return;
    for (int k = 0; k < EDIT_SAVED; k++) { /* the next sequence has its own */
        quire_snapshot_destroy(&r->w.ctx, r->saved[k].snapshot);
        r->saved[k].snapshot = NULL;
    }
    edit_told(r, "restore what was before\n");
    edit_restore(r, &r->base);
    edit_world_compare(&r->w);
}

/* --- failures --------------------------------------------------------------------------------- */

static bool
fails(edit_run *r, const sequence *s, bool told)
{
    start(r, s->seed);
    r->told = told;
    if (!r->w.failed) play(r, s);
    const bool failed = r->w.failed;
    r->told = false;
    if (told && failed) printf("mismatch: %s\n", r->w.message);
    end(r);
    return failed;
}

/* Leaves out steps one by one for as long as the rest fails. */
static void
shorten(edit_run *r, sequence *s)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = s->n - 1; i >= 0; i--) {
            sequence shorter = *s;
            memmove(&shorter.steps[i], &shorter.steps[i + 1],
                    (size_t)(s->n - 1 - i) * sizeof s->steps[0]);
            shorter.n--;
            if (!fails(r, &shorter, false)) continue;
            *s = shorter;
            changed = true;
        }
    }
}

static int
report(edit_run *r, uint64_t seed)
{
    sequence s = make_sequence(seed);
    printf("mismatch: seed %llu: %s\n", (unsigned long long)seed, r->w.message);
    end(r);
    if (!fails(r, &s, false)) {
        printf("it needs the sequences before it: start at %llu\n",
               (unsigned long long)(seed - seed % PER_START));
        return EXIT_FAILURE;
    }
    shorten(r, &s);
    printf("%d steps are enough:\n", s.n);
    (void)fails(r, &s, true);
    return EXIT_FAILURE;
}

/* So that a sanitizer's report says where it happened. */
static uint64_t seed_now;

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void
say_seed(void)
{
    fprintf(stderr, "while running seed %llu\n", (unsigned long long)seed_now);
}

int
main(int argc, char **argv)
{
    static edit_run r;
    if (argc == 3 && strcmp(argv[1], "--replay") == 0) {
        const sequence s = make_sequence(strtoull(argv[2], NULL, 10));
        return fails(&r, &s, true) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 4000;
    const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) / PER_START * PER_START : 0;
    if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(say_seed);
    for (seed_now = first; seed_now < first + n; seed_now++) {
        const sequence s = make_sequence(seed_now);
        if (seed_now % PER_START == 0) start(&r, seed_now);
        if (!r.w.failed) play(&r, &s);
        if (r.w.failed) return report(&r, seed_now);
        if (seed_now % PER_START == PER_START - 1 || seed_now + 1 == first + n) end(&r);
    }
    printf("%llu sequences agree\n", (unsigned long long)n);
    return EXIT_SUCCESS;
}
