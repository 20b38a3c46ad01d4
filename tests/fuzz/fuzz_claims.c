/* fuzz_claims.c - bytes into the reader of annotation texts.
 *
 * Promises: a text is accepted without a word, or refused with one error; what is accepted prints as
 * printable ASCII that reads back without a word and prints the same again: without a model, where
 * every slot is its text, and with one, through resolution.
 * With clang: -fsanitize=fuzzer. Without, smoke.c drives the same function over given files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/claim.h"
#include "graph/parse.h"
#include "passes/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char model_text[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (float[2] x, bool c) => (float[2] z, float[2] y) <float[2] \"w/1\" = {1,2}> {\n"
    "  y, u = F (x, \"w/1\", \"\")\n"
    "  z = If (c) <then_branch = b () => (p) { p = Neg (y) },\n"
    "              else_branch = e () => (q) { q = G (y, x) }>\n"
    "}\n";

static void
require(bool promise)
{
    if (!promise) abort();
}

static void
count_errors(void *data, const quire_diagnostic *d)
{
    if (d->severity == QUIRE_ERROR) ++*(size_t *)data;
}

/* --- making a result of requests, as plainly as can be ------------------------------------------ */

static const quire_model *compared; /* of the qsort below */

static int
compare_claims(const void *a, const void *b)
{
    const quire_claim *x = a, *y = b;
    if (x->slot.kind != y->slot.kind) return x->slot.kind < y->slot.kind ? -1 : 1;
    if (x->slot.id != y->slot.id) return x->slot.id < y->slot.id ? -1 : 1;
    const uint32_t x_lost = x->flags & QUIRE_CLAIM_LOST, y_lost = y->flags & QUIRE_CLAIM_LOST;
    if (x_lost != y_lost) return x_lost < y_lost ? -1 : 1;
    if (x->priority != y->priority) return x->priority > y->priority ? -1 : 1;
    const quire_bytes p = quire_sym_bytes(compared, x->who), q = quire_sym_bytes(compared, y->who);
    const int order = memcmp(p.ptr, q.ptr, p.len < q.len ? p.len : q.len);
    if (order != 0) return order;
    if (p.len != q.len) return p.len < q.len ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* The first of each slot holds, and who agrees with it. */
static void
choose(const quire_model *m, quire_claims *claims)
{
    compared = m;
    if (claims->n > 0) qsort(claims->ptr, claims->n, sizeof *claims->ptr, compare_claims);
    const quire_claim *first = NULL;
    for (size_t i = 0; i < claims->n; i++) {
        quire_claim *c = &claims->ptr[i];
        if (first == NULL || !quire_slot_equal(c->slot, first->slot)) first = c;
        if (c->priority != first->priority || !quire_spec_ref_equal(c->spec, first->spec))
            c->flags |= QUIRE_CLAIM_LOST;
    }
    if (claims->n > 0) qsort(claims->ptr, claims->n, sizeof *claims->ptr, compare_claims);
}

/* --- promises --------------------------------------------------------------------------------- */

static quire_text
print(quire_ctx *ctx, const quire_model *m, const quire_claims *claims)
{
    quire_writer w;
    quire_text text;
    quire_writer_to_text(&w, ctx, &text);
    quire_claims_print(&w, m, claims);
    require(quire_writer_finish(&w) == QUIRE_OK);
    for (size_t i = 0; i < text.len; i++)
        require(text.ptr[i] == '\n' || (text.ptr[i] >= 0x20 && text.ptr[i] <= 0x7e));
    return text;
}

/* Reads; counts the errors, which must be one or none. */
static bool
read_claims(quire_slot_reader *reader, quire_bytes text, quire_claims *out)
{
    size_t n_errors = 0;
    reader->ctx->sink = count_errors;
    reader->ctx->sink_data = &n_errors;
    *out = (quire_claims){0};
    const quire_status status = quire_claims_parse(reader, text, out);
    require(status == QUIRE_OK ? n_errors == 0 : status == QUIRE_E_INVALID && n_errors == 1);
    if (status != QUIRE_OK) quire_claims_deinit(reader->ctx, out);
    return status == QUIRE_OK;
}

static void
read_again(quire_slot_reader *reader, const quire_claims *claims)
{
    quire_ctx *ctx = reader->ctx;
    quire_claims again;
    quire_text first = print(ctx, reader->m, claims);
    require(read_claims(reader, (quire_bytes){(const uint8_t *)first.ptr, first.len}, &again));
    quire_text second = print(ctx, reader->m, &again);
    require(first.len == second.len && memcmp(first.ptr, second.ptr, first.len) == 0);
    quire_text_free(ctx, &first);
    quire_text_free(ctx, &second);
    quire_claims_deinit(ctx, &again);
}

static void
check_without_model(quire_ctx *ctx, quire_bytes text)
{
    quire_model *m;
    quire_slot_reader reader;
    quire_claims claims;
    require(quire_model_create(ctx, &m) == QUIRE_OK);
    require(quire_slot_reader_init(ctx, m, QUIRE_NOTHING_IS_LOOKED_UP, &reader) == QUIRE_OK);
    if (read_claims(&reader, text, &claims)) {
        choose(m, &claims);
        read_again(&reader, &claims);
        quire_claims_deinit(ctx, &claims);
    }
    quire_slot_reader_deinit(&reader);
    quire_model_destroy(ctx, m);
}

static void
resolve(quire_slot_reader *reader, const quire_claims *claims)
{
    const quire_resolve_options options = {.conflict = QUIRE_CONFLICT_FIRST};
    quire_resolved resolved;
    const quire_status status = quire_resolve(reader->ctx, reader->m, claims, &options, &resolved);
    require(status == QUIRE_OK || status == QUIRE_NONE);
    if (status == QUIRE_OK) read_again(reader, &resolved.claims);
    quire_resolved_deinit(reader->ctx, &resolved);
}

static void
check_with_model(quire_ctx *ctx, quire_bytes text)
{
    quire_model *m;
    quire_slot_reader reader;
    quire_claims claims;
    require(quire_model_parse(ctx, quire_bytes_of(model_text), NULL, &m) == QUIRE_OK);
    require(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader) == QUIRE_OK);
    if (read_claims(&reader, text, &claims)) {
        resolve(&reader, &claims);
        quire_claims_deinit(ctx, &claims);
    }
    quire_slot_reader_deinit(&reader);
    quire_model_destroy(ctx, m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    quire_ctx ctx = quire_ctx_default();
    const quire_bytes text = {bytes, n};
    check_without_model(&ctx, text);
    check_with_model(&ctx, text);
    return 0;
}
