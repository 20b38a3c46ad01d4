/* groups_driver.c - resolves what test_groups.py sends, case after case, and says what came out.
 *
 * The same calls as `quire annotations resolve`, without a process for each. Cases on stdin,
 * answers on stdout, until end of file; numbers are little-endian uint32. A case: length of the
 * model and its bytes; length of the requests and their bytes; 1 or 0 for --conflict first; length
 * of the declared claimants and their names, each followed by a NUL. An answer: the status
 * (QUIRE_OK, QUIRE_NONE for a named error, or a failure), and length and bytes of the JSON or of
 * the failure's messages. After the JSON come a NUL and, for each group, the chain from its first
 * to its last slot: lines `GROUP LINK SLOT SLOT`, separated by tabs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/claim.h"
#include "graph/import.h"
#include "passes/resolve.h"

enum { MAX_DECLARED = 64 };

typedef struct request {
    char *model, *text, *declared;
    uint32_t model_size, text_size, declared_size, first;
} request;

static bool
read_number(uint32_t *out)
{
    return fread(out, sizeof *out, 1, stdin) == 1;
}

static bool
read_part(char **out, uint32_t *out_size)
{
    if (!read_number(out_size)) return false;
    *out = calloc((size_t)*out_size + 1, 1);
    if (*out == NULL) abort();
    return *out_size == 0 || fread(*out, *out_size, 1, stdin) == 1;
}

static bool
read_request(request *out)
{
    *out = (request){0};
    return read_part(&out->model, &out->model_size) && read_part(&out->text, &out->text_size) &&
           read_number(&out->first) && read_part(&out->declared, &out->declared_size);
}

static void
answer(quire_status status, const char *bytes, size_t size)
{
    const uint32_t head[] = {(uint32_t)status, (uint32_t)size};
    if (fwrite(head, sizeof head, 1, stdout) != 1) abort();
    if (size > 0 && fwrite(bytes, size, 1, stdout) != 1) abort();
}

static void
keep_message(void *data, const quire_diagnostic *diagnostic)
{
    quire_writer *messages = data;
    if (diagnostic->severity != QUIRE_ERROR) return;
    quire_writef(messages, "%s; ", diagnostic->message);
}

static quire_status
read_claims(quire_ctx *ctx, quire_model *m, const request *r, quire_claims *out)
{
    const quire_bytes text = {(const uint8_t *)r->text, r->text_size};
    quire_slot_reader reader;
    QUIRE_TRY(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader));
    reader.origin = "requests";
    const quire_status status = quire_claims_parse(&reader, text, out);
    quire_slot_reader_deinit(&reader);
    return status;
}

static quire_status
tell_chain(quire_ctx *ctx, quire_model *m, const quire_resolved *r, uint32_t group, quire_writer *w)
{
    const quire_group *g = &r->groups[group];
    const uint32_t *members = r->members + g->members;
    quire_link *chain;
    size_t n;
    QUIRE_TRY(quire_resolved_chain(ctx, r, members[0], members[g->n_members - 1], &chain, &n));
    for (size_t k = 0; k < n; k++) {
        quire_writef(w, "%u\t%s\t", group,
                     chain[k].kind == QUIRE_LINK_EXPLICIT ? "explicit" : "implicit");
        quire_slot_print(w, m, r->annotations[chain[k].a].slot);
        quire_write_str(w, "\t");
        quire_slot_print(w, m, r->annotations[chain[k].b].slot);
        quire_write_str(w, "\n");
    }
    quire_free(ctx->alloc, chain, n * sizeof *chain);
    return QUIRE_OK;
}

static quire_status
resolve(quire_ctx *ctx, quire_model *m, const request *r, quire_claims *claims, quire_writer *json)
{
    const char *declared[MAX_DECLARED];
    quire_resolve_options options = {
        .conflict = r->first ? QUIRE_CONFLICT_FIRST : QUIRE_CONFLICT_ERROR, .declared = declared};
    quire_resolved resolved;
    for (size_t at = 0; at < r->declared_size && options.n_declared < MAX_DECLARED;
         at += strlen(r->declared + at) + 1)
        declared[options.n_declared++] = r->declared + at;
    QUIRE_TRY(read_claims(ctx, m, r, claims));
    const quire_status status = quire_resolve(ctx, m, claims, &options, &resolved);
    if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    quire_resolved_write_json(json, m, &resolved);
    quire_write(json, "", 1);
    quire_status told = QUIRE_OK;
    for (size_t k = 0; status == QUIRE_OK && told == QUIRE_OK && k < resolved.n_groups; k++)
        told = tell_chain(ctx, m, &resolved, (uint32_t)k, json);
    quire_resolved_deinit(ctx, &resolved);
    return told == QUIRE_OK ? status : told;
}

static void
run(const request *r)
{
    static quire_writer writer;
    quire_ctx ctx = quire_ctx_default();
    quire_text out = {0};
    quire_claims claims = {0};
    quire_model *m = NULL;
    quire_writer_to_text(&writer, &ctx, &out);
    ctx.sink = keep_message;
    ctx.sink_data = &writer;
    quire_status status =
        quire_model_import(&ctx, quire_source_of_memory(r->model, r->model_size, "model"), NULL,
                           &quire_wire_limits_default, &m);
    if (status == QUIRE_OK) status = resolve(&ctx, m, r, &claims, &writer);
    if (quire_writer_finish(&writer) != QUIRE_OK) abort();
    answer(status, out.ptr, out.len);
    quire_claims_deinit(&ctx, &claims);
    if (m != NULL) quire_model_destroy(&ctx, m);
    quire_text_free(&ctx, &out);
}

int
main(void)
{
    request r;
    while (read_request(&r)) {
        run(&r);
        free(r.model), free(r.text), free(r.declared);
    }
    free(r.model), free(r.text), free(r.declared);
    return fflush(stdout) == 0 ? 0 : 1;
}
