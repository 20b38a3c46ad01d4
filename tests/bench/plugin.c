/* plugin.c - what the boundary costs: an annotator behind quire/plugin.h against the same one that
 * reads the model and adds claims directly.
 *
 *     bench_plugin [NODES]      NODES (1,000,000)
 *
 * Both walk a chain of additions, look at each node's operator, ask for a spec at operand 0 and
 * share the result with it. The direct one makes its spec and its strings once, before it walks, and
 * checks nothing. Annotating is claiming and resolving what was claimed, as `quire annotate` does;
 * the limit is about that. What claiming alone costs is told beside.
 *
 * Processor time of one thread; the least of seven runs (of twenty where the machine is too busy for
 * the limit), taken in turn. Exit code 1 if the limit is missed or the claims differ.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "plugin/run.h"
#include "support/add_chain.h"
#include "support/fault.h"

enum { LEAST_ROUNDS = 7, MOST_ROUNDS = 20 };
static const double most_ratio = 2.0;

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
    fprintf(stderr, "bench_plugin: %s\n", diagnostic->message);
}

static void
must(quire_status status)
{
    if (status != QUIRE_OK) exit(2);
}

/* --- through the boundary ------------------------------------------------------------------------ */

#define S(text) ((quire_string){text, sizeof(text) - 1})

static quire_status
create(const quire_host *host, const void *options, void **out_self)
{
    (void)host;
    (void)options;
    *out_self = NULL;
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    (void)self;
}

static quire_status
claim_node(const quire_graph_api *g, const quire_claim_api *c, quire_node_id node)
{
    quire_place operand, result;
    const quire_qspec spec = {.size = sizeof spec,
                              .kind = QUIRE_QSPEC_QUANTIZED,
                              .dtype = 2,
                              .zero_point = QUIRE_QSPEC_ZERO_POINT_INT,
                              .observer = S("minmax")};
    quire_status status = g->operand(g->ctx, node, 0, &operand, NULL);
    if (status == QUIRE_OK) status = g->result(g->ctx, node, 0, &result, NULL);
    if (status == QUIRE_OK) status = c->claim(c->ctx, operand, &spec, 0, 0, S("additions"));
    if (status != QUIRE_OK) return status;
    const quire_qspec shared = {
        .size = sizeof shared, .kind = QUIRE_QSPEC_SHARED, .targets = &operand, .n_targets = 1};
    return c->claim(c->ctx, result, &shared, 0, 0, S("additions"));
}

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    for (quire_node_id n = g->next_node(g->ctx, 0); n != 0; n = g->next_node(g->ctx, n)) {
        quire_node_view view = {.size = sizeof view};
        quire_status status = g->node(g->ctx, n, &view);
        if (status != QUIRE_OK) return status;
        if (view.op_type.len != 3 || memcmp(view.op_type.ptr, "Add", 3) != 0) continue;
        status = claim_node(g, c, n);
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

static const quire_quantizer quantizer = {.size = QUIRE_SIZE_TO(quire_quantizer, adjust),
                                          .name = "adds",
                                          .create = create,
                                          .destroy = destroy,
                                          .annotate = annotate};
static const quire_plugin plugin = {
    .size = QUIRE_SIZE_TO(quire_plugin, get_interface), .id = "org.example.adds", .name = "Adds"};

static double
run_plugin(quire_ctx *ctx, quire_model *m, quire_claims *out_claims)
{
    const quire_known_plugin known_plugin = {.plugin = &plugin};
    const quire_known_quantizer known = {.quantizer = &quantizer, .plugin = &known_plugin};
    const quire_request request = {.known = &known};
    quire_run_result result = {.n_errors = 0};
    quire_session *session;
    const double start = seconds();
    must(quire_session_open(ctx, m, NULL, &request, 1, &session));
    must(quire_session_annotate(session, &result));
    quire_session_close(session);
    const double time = seconds() - start;
    *out_claims = result.claims;
    return time;
}

/* --- directly ------------------------------------------------------------------------------------ */

static void
claim_directly(quire_ctx *ctx, quire_model *m, const quire_claim *made, quire_claims *io_claims)
{
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0; n = quire_walk_next(m, n)) {
        const quire_op_rec *op = quire_op_at(m, quire_node_at(m, n)->op);
        if (!quire_bytes_equal(quire_sym_bytes(m, op->type), quire_bytes_of("Add"))) continue;
        quire_claim claim = *made;
        claim.slot = (quire_slot){QUIRE_SLOT_USE, quire_node_operand(m, n, 0).id};
        must(quire_claims_add(ctx, io_claims, &claim));
        claim.spec = (quire_spec_ref){.target = claim.slot};
        claim.slot = (quire_slot){QUIRE_SLOT_RESULT, quire_node_result(m, n, 0).id};
        must(quire_claims_add(ctx, io_claims, &claim));
    }
}

static double
run_directly(quire_ctx *ctx, quire_model *m, quire_claims *out_claims)
{
    quire_claim made = {.flags = 0};
    quire_spec spec = {
        .kind = QUIRE_SPEC_QUANTIZED, .dtype = 2, .zero_point = QUIRE_ZERO_POINT_INT};
    const double start = seconds();
    *out_claims = (quire_claims){.n = 0};
    must(quire_syms_intern(ctx, &m->syms, quire_bytes_of("minmax"), &spec.observer));
    must(quire_syms_intern(ctx, &m->syms, quire_bytes_of("adds"), &made.who));
    must(quire_syms_intern(ctx, &m->syms, quire_bytes_of("additions"), &made.reason));
    must(quire_spec_canonicalize(ctx, &spec, NULL));
    must(quire_spec_intern(ctx, m, &spec, &made.spec));
    claim_directly(ctx, m, &made, out_claims);
    return seconds() - start;
}

/* --- both ---------------------------------------------------------------------------------------- */

static double
run_resolution(quire_ctx *ctx, quire_model *m, const quire_claims *claims)
{
    quire_resolved resolved;
    const double start = seconds();
    must(quire_resolve(ctx, m, claims, NULL, &resolved));
    const double time = seconds() - start;
    quire_resolved_deinit(ctx, &resolved);
    return time;
}

/* No bytes between the members of a claim: equal claims are equal bytes. */
static bool
same_claims(const quire_claims *a, const quire_claims *b)
{
    return a->n == b->n && memcmp(a->ptr, b->ptr, a->n * sizeof *a->ptr) == 0;
}

typedef struct times {              /* least of the rounds, in seconds */
    double direct, through;         /* claiming                */
    double all_direct, all_through; /* and resolving           */
} times;

static void
keep_least(double *io_least, double time)
{
    if (time < *io_least) *io_least = time;
}

/* Are the claims the same? */
static bool
run_round(quire_ctx *ctx, quire_model *m, times *t)
{
    quire_claims a, b;
    const double direct = run_directly(ctx, m, &a);
    const double through = run_plugin(ctx, m, &b);
    const bool same = a.n > 0 && same_claims(&a, &b);
    keep_least(&t->direct, direct);
    keep_least(&t->through, through);
    keep_least(&t->all_direct, direct + run_resolution(ctx, m, &a));
    keep_least(&t->all_through, through + run_resolution(ctx, m, &b));
    quire_claims_deinit(ctx, &a);
    quire_claims_deinit(ctx, &b);
    return same;
}

int
main(int argc, char **argv)
{
    const uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_model *m;
    times t = {1e9, 1e9, 1e9, 1e9};
    bool same = true;
    ctx.sink = tell_error;
    /* All runs pay for fresh pages: left alone, malloc reuses what the run before gave back. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    must(add_chain_make(&ctx, n, &m));
    for (int round = 0; round < MOST_ROUNDS; round++) {
        if (round >= LEAST_ROUNDS && t.all_through <= most_ratio * t.all_direct) break;
        same = run_round(&ctx, m, &t) && same;
    }
    const bool kept = same && t.all_through <= most_ratio * t.all_direct;
    printf(
        "annotating %u nodes, two claims each: compiled in %.0f ms, through the boundary %.0f ms, "
        "ratio %.2f; limit %.1f%s%s\n",
        (unsigned)n, t.all_direct * 1e3, t.all_through * 1e3, t.all_through / t.all_direct,
        most_ratio, kept ? "" : "   MISSED", same ? "" : "   CLAIMS DIFFER");
    printf("of which claiming: compiled in %.0f ms, through the boundary %.0f ms (%.0f ns a node), "
           "ratio %.2f\n",
           t.direct * 1e3, t.through * 1e3, t.through * 1e9 / (double)n, t.through / t.direct);
    quire_model_destroy(&ctx, m);
    return kept ? 0 : 1;
}
