/* parse.c - a text becomes the bytes of a ModelProto, and these a model: see parse.h and text.h.
 *
 * The bytes are a rope: what the text says is in memory, weights it refers to stay in their file.
 * Import then does all that it does for a file, so a parsed model is no different from one that was
 * read.
 */
#include "graph/parse.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/diag.h"
#include "graph/fields.h"
#include "graph/import.h"
#include "graph/layer.h"
#include "graph/spec.h"
#include "graph/text.h"

static quire_status
new_message(quire_text_parser *t, quire_text_message **out)
{
    return quire_arena_take(t->build.ctx, &t->build.arena, sizeof(quire_text_message), out);
}

static quire_status
parse_function(quire_text_parser *t, quire_text_message *model)
{
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    quire_text_message *function;
    QUIRE_TRY(new_message(t, &function));
    QUIRE_TRY(quire_text_parse_function_head(t, function));
    QUIRE_TRY(quire_text_parse_body(t, function));
    QUIRE_TRY(quire_text_finish(t, &remarks, &onnx__function_proto__descriptor, function));
    return quire_text_put_message(&t->build, model, MODEL_FUNCTIONS, function);
}

static quire_status
parse_model(quire_text_parser *t, quire_text_message *model)
{
    const quire_text_remarks remarks = quire_text_take_remarks(t);
    quire_text_message *graph;
    QUIRE_TRY(quire_text_read_header(t, &remarks));
    QUIRE_TRY(quire_text_parse_model_head(t, model));
    const quire_text_remarks of_graph = quire_text_take_remarks(t);
    QUIRE_TRY(new_message(t, &graph));
    QUIRE_TRY(quire_text_parse_graph(t, &of_graph, graph));
    QUIRE_TRY(quire_text_put_message(&t->build, model, MODEL_GRAPH, graph));
    while (quire_text_peek(t) != 0)
        QUIRE_TRY(parse_function(t, model));
    return quire_text_finish(t, &remarks, &onnx__model_proto__descriptor, model);
}

/* --- the rope that the model reads from ------------------------------------------------------- */

/* Moves rope and weights into the model, which closes the weights. */
static quire_status
adopt(quire_text_parser *t, const quire_rope *rope, quire_model *m)
{
    quire_ctx *ctx = t->build.ctx;
    quire_rope *kept;
    quire_source *weights;
    quire_bytes name = {NULL, 0};
    uint32_t file;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *kept, &kept));
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *weights, &weights));
    QUIRE_TRY(
        quire_arena_take(ctx, &m->arena, rope->n_pieces * sizeof *kept->pieces, &kept->pieces));
    for (size_t i = 0; i < rope->n_pieces; i++) {
        quire_rope_piece piece = rope->pieces[i];
        if (piece.kind == QUIRE_ROPE_MEMORY) {
            quire_bytes copy;
            QUIRE_TRY(quire_arena_copy(ctx, &m->arena,
                                       (quire_bytes){piece.u.ptr, (size_t)piece.len}, &copy));
            piece.u.ptr = copy.ptr;
        } else {
            piece.source = weights;
        }
        kept->pieces[i] = piece;
    }
    kept->n_pieces = rope->n_pieces;
    kept->size = rope->size;
    m->files[1].source = quire_rope_as_source(kept, m->path != NULL ? m->path : "text");
    if (!t->has_weights) return QUIRE_OK;
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, t->weights_name, &name));
    *weights = t->weights;
    weights->name = (const char *)name.ptr;
    QUIRE_TRY(quire_model_add_file(ctx, m, *weights, weights->name, true, &file));
    t->has_weights = false;
    return QUIRE_OK;
}

/* --- `#: spec` lines -------------------------------------------------------------------------- */

static quire_status
parse_spec(quire_slot_reader *reader, const char *where, quire_bytes text)
{
    quire_ctx *ctx = reader->ctx;
    quire_slot slot;
    quire_spec spec;
    QUIRE_TRY(quire_slot_parse(reader, where, &text, &slot));
    if (slot.kind == QUIRE_SLOT_ABSENT) {
        const quire_bytes name = quire_sym_bytes(reader->m, (quire_sym){slot.id});
        return quire_fail(ctx, QUIRE_E_INVALID, where,
                          "%.*s is behind the last operand of the node; remove the line",
                          (int)name.len, (const char *)name.ptr);
    }
    QUIRE_TRY(quire_spec_parse(reader, where, &text, &spec));
    while (text.len > 0 && quire_text_is_space(*text.ptr))
        text = (quire_bytes){text.ptr + 1, text.len - 1};
    if (text.len > 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, where,
                          "expected the end of the line, found \"%.*s\"", (int)text.len,
                          (const char *)text.ptr);
    }
    return quire_specs_set(ctx, reader->m, slot, &spec);
}

/* What stands behind the last record: comments and `#: spec` lines only. */
static quire_status
parse_spec_lines(quire_text_parser *t, quire_slot_reader *reader)
{
    static const char key[] = "#: spec ";
    char where[32];
    size_t line = 1;
    const uint8_t *p = t->start;
    const uint8_t *next;
    for (; p < t->end; p = next + 1, line++) {
        next = memchr(p, '\n', (size_t)(t->end - p));
        if (next == NULL) next = t->end;
        if (next < t->pending.ptr) continue;
        reader->line = p;
        while (p < next && quire_text_is_space(*p))
            p++;
        if (next - p < 2 || p[0] != '#' || p[1] != ':') continue;
        if ((size_t)(next - p) < strlen(key) || memcmp(p, key, strlen(key)) != 0) {
            t->p = p;
            return quire_text_fail(
                t, "nothing follows here that a '#:' line could change, only '#: spec' lines may");
        }
        snprintf(where, sizeof where, "line %zu", line);
        p += strlen(key);
        QUIRE_TRY(parse_spec(reader, where, (quire_bytes){p, (size_t)(next - p)}));
    }
    return QUIRE_OK;
}

static quire_status
parse_specs(quire_text_parser *t, quire_model *m)
{
    quire_slot_reader reader;
    if (t->pending.ptr == NULL) return QUIRE_OK;
    QUIRE_TRY(quire_slot_reader_init(t->build.ctx, m, QUIRE_MISSING_REFUSED, &reader));
    const quire_status status = parse_spec_lines(t, &reader);
    quire_slot_reader_deinit(&reader);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static quire_status
build_model(quire_text_parser *t, quire_rope *rope, quire_model **out_model)
{
    quire_ctx *ctx = t->build.ctx;
    quire_text_message message = {NULL, NULL};
    QUIRE_TRY(parse_model(t, &message));
    QUIRE_TRY(quire_text_emit(&t->build, &message, &t->weights, rope));
    quire_rope_finish(rope);
    const quire_source source = quire_rope_as_source(rope, t->path != NULL ? t->path : "text");
    quire_model *m;
    QUIRE_TRY(quire_model_import(ctx, source, t->path, NULL, &m));
    quire_status status = adopt(t, rope, m);
    if (status == QUIRE_OK) status = parse_specs(t, m);
    if (status != QUIRE_OK) {
        quire_model_destroy(ctx, m);
        return status;
    }
    *out_model = m;
    return QUIRE_OK;
}

quire_status
quire_model_parse(quire_ctx *ctx, quire_bytes text, const char *path, quire_model **out_model)
{
    quire_text_parser t;
    quire_rope rope;
    quire_text_parser_init(&t, ctx, text);
    t.path = path;
    quire_rope_init(&rope, ctx->alloc);
    const quire_status status = build_model(&t, &rope, out_model);
    if (t.has_weights) quire_source_close(ctx, &t.weights);
    quire_rope_deinit(&rope);
    quire_text_parser_deinit(&t);
    return status;
}
