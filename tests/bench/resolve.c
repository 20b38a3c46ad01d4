/* resolve.c - what resolving annotations costs: nanoseconds per slot, and what doubling the model
 * does.
 *
 *     bench_resolve [NODES]      NODES (1,000,000): of the larger model; the smaller has half
 *
 * Processor time of one thread; the least of five runs (of twenty where the machine is too busy for
 * the limits), the two sizes taken in turn. Exit code 1 if a limit is missed.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "passes/resolve.h"
#include "support/add_chain.h"
#include "support/fault.h"

enum { LEAST_ROUNDS = 5, MOST_ROUNDS = 20 };
static const double most_per_slot = 1000; /* ns, of the chain with a spec on every slot */
static const double most_ratio = 2.2;     /* of the times for a model of twice the size */

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
tell_error(void *data, const quire_diagnostic *diagnostic)
{
    (void)data;
    fprintf(stderr, "bench_resolve: %s\n", diagnostic->message);
}

static void
must(quire_status status)
{
    if (status != QUIRE_OK) exit(2);
}

/* Seconds of one resolution; *out_slots and *out_groups what it found. */
static double
resolve_once(quire_ctx *ctx, quire_model *m, const quire_claims *claims, size_t *out_slots,
             size_t *out_groups)
{
    quire_resolved r;
    const double start = seconds();
    must(quire_resolve(ctx, m, claims, NULL, &r));
    const double time = seconds() - start;
    *out_slots = r.n_annotations;
    *out_groups = r.n_groups;
    quire_resolved_deinit(ctx, &r);
    return time;
}

typedef struct sample {
    quire_model *m;
    quire_claims claims;
    double least;
    size_t n_slots, n_groups;
} sample;

static bool
keeps_limits(const sample *samples)
{
    return samples[0].least <= most_ratio * samples[1].least &&
           samples[0].least * 1e9 <= most_per_slot * (double)samples[0].n_slots;
}

/* Rounds beyond the fifth are for a busy machine. */
static void
measure(quire_ctx *ctx, sample *samples, uint32_t n, add_chain_spelling spelling)
{
    for (int i = 0; i < 2; i++) {
        samples[i].claims = (quire_claims){0};
        samples[i].least = 1e9;
        must(add_chain_claim(ctx, samples[i].m, n >> i, spelling, &samples[i].claims));
    }
    for (int round = 0; round < MOST_ROUNDS; round++) {
        if (round >= LEAST_ROUNDS && keeps_limits(samples)) break;
        for (int i = 0; i < 2; i++) {
            sample *s = &samples[i];
            const double time = resolve_once(ctx, s->m, &s->claims, &s->n_slots, &s->n_groups);
            if (time < s->least) s->least = time;
        }
    }
    for (int i = 0; i < 2; i++)
        quire_claims_deinit(ctx, &samples[i].claims);
}

/* One line of the table; true if it keeps to the limits. */
static bool
show(quire_ctx *ctx, sample *samples, uint32_t n, add_chain_spelling spelling)
{
    measure(ctx, samples, n, spelling);
    const double per_slot = samples[0].least * 1e9 / (double)samples[0].n_slots;
    const double ratio = samples[0].least / samples[1].least;
    const bool kept = keeps_limits(samples);
    printf("%-30s %9zu %9zu %8.1f %8.0f %8.2f%s\n", add_chain_spelling_text(spelling),
           samples[0].n_slots, samples[0].n_groups, samples[0].least * 1e3, per_slot, ratio,
           kept ? "" : "   MISSED");
    fflush(stdout);
    return kept;
}

int
main(int argc, char **argv)
{
    const uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    sample samples[2] = {0};
    bool kept = true;
    ctx.sink = tell_error;
    /* Both sizes pay for fresh pages: left alone, malloc reuses the smaller blocks. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    printf("Chains of %u additions; limits: %.0f ns per slot, ratio to half of it %.1f\n",
           (unsigned)n, most_per_slot, most_ratio);
    printf("%-30s %9s %9s %8s %8s %8s\n", "annotated", "slots", "groups", "ms", "ns/slot", "ratio");
    for (int i = 0; i < 2; i++)
        must(add_chain_make(&ctx, n >> i, &samples[i].m));
    kept = show(&ctx, samples, n, CHAIN_FULL) && kept;
    for (int spelling = 0; spelling < CHAIN_N_SPELLINGS; spelling++)
        kept = show(&ctx, samples, n, (add_chain_spelling)spelling) && kept;
    for (int i = 0; i < 2; i++)
        quire_model_destroy(&ctx, samples[i].m);
    return kept ? 0 : 1;
}
