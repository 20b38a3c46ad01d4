/* plugin_check_models.c - the graphs that quantizers are tried on, and their nodes in other orders. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rope.h"
#include "graph/edit.h"
#include "graph/export.h"
#include "graph/import.h"
#include "graph/parse.h"
#include "plugin_check.h"

/* --- models ----------------------------------------------------------------------------------- */

/* @N stands for N numbers. */
static const struct {
    const char *name, *text;
} models[] = {
    {"lookups",
     "<ir_version: 8, opset_import: [\"\" : 17]>\n"
     "lookups (int64[3] i, int64[2,2] j) => (float[3,16] y, float[2,2,16] z, float[3,1024] s)\n"
     "<float[64,16] t = {@1024}, float[16,64] u = {@1024}, float[16,1024] w = {@16384}> {\n"
     "  a = Gather (t, i)\n  b = Gather (t, j)\n  c = Gather <axis: int = 1> (u, i)\n"
     "  y = Relu (a)\n  z = Identity (b)\n  s = MatMul (a, w)\n}\n"},
    {"dense", "<ir_version: 8, opset_import: [\"\" : 17]>\n"
              "dense (float[2,8] x, float[4,4] v) => (float[2,4] y, float[2,4] z)\n"
              "<float[8,4] w = {@32}, float[4,4] u = {@16}, float[4] b = {@4}> {\n"
              "  h = MatMul (x, w)\n  g = Gemm <transB: int = 1> (h, u, b)\n  r = Relu (g)\n"
              "  k = MatMul (x, w)\n  y = Add (r, k)\n  z = MatMul (h, v)\n}\n"},
    {"conv",
     "<ir_version: 8, opset_import: [\"\" : 17]>\n"
     "conv (float[1,2,6,6] x) => (float[1,3,4,4] y)\n"
     "<float[3,2,3,3] w = {@54}, float[3] b = {@3}, float[3,2,3,3] w2 = {@54}, float l = {0}> {\n"
     "  c = Conv (x, w, b)\n  d = Conv (x, w2)\n  e = Add (c, d)\n  f = Clip (e, l, )\n"
     "  y = Relu (f)\n}\n"},
    {"bodies",
     "<ir_version: 8, opset_import: [\"\" : 17]>\n"
     "bodies (bool p, int64[2] i, float[2,16] x) => (float[2,16] y)\n"
     "<float[64,16] t = {@1024}, float[16,16] w = {@256}> {\n"
     "  o = Gather (t, i)\n"
     "  q = If (p) <\n"
     "    then_branch = yes () => (float[2,16] r) { n = Gather (t, i) r = MatMul (n, w) },\n"
     "    else_branch = no () => (float[2,16] s) { s = MatMul (x, w) }\n  >\n"
     "  y = Add (o, q)\n}\n"},
    {"rare",
     "<ir_version: 8, opset_import: [\"\" : 17, \"org.example\" : 1]>\n"
     "rare (float[2,4] x, float[N,4] n, float u) => (float[2,4] y)\n"
     "<float[4,4] w = {@16}, float[0,4] e = {}> {\n"
     "  a = org.example.Thing (x, , w)\n  b = MatMul (a, w)\n  c, = org.example.Pair (b, e)\n"
     "  d = Mul (c, c)\n  y = Sum (d, n, u, x)\n}\n"},
    {"empty",
     "<ir_version: 8, opset_import: [\"\" : 17]>\nempty (float[2] x) => (float[2] x) {}\n"},
};
enum { N_MODELS = sizeof models / sizeof *models };

/* Small numbers of both signs. */
static void
write_numbers(quire_writer *w, unsigned long n)
{
    for (unsigned long i = 0; i < n; i++)
        quire_writef(w, "%s%ld", i == 0 ? "" : ", ", (long)(i * 7 % 13) - 6);
}

static quire_status
parse(quire_ctx *ctx, const char *text, quire_model **out)
{
    quire_text whole;
    quire_writer w;
    quire_writer_to_text(&w, ctx, &whole);
    while (*text != '\0') {
        const size_t n = strcspn(text, "@");
        char *end = (char *)text + n;
        quire_write(&w, text, n);
        if (*end == '@') write_numbers(&w, strtoul(text + n + 1, &end, 10));
        text = end;
    }
    quire_status status = quire_writer_finish(&w);
    const quire_bytes bytes = {(const uint8_t *)whole.ptr, whole.len};
    if (status == QUIRE_OK) status = quire_model_parse(ctx, bytes, NULL, out);
    quire_text_free(ctx, &whole);
    return status;
}

quire_status
kit_model(kit *k, quire_ctx *ctx, size_t i, quire_model **out_model, const char **out_name)
{
    const bool given = i == N_MODELS && k->model != NULL;
    if (i >= N_MODELS && !given) return QUIRE_NONE;
    *out_name = given ? k->model : models[i].name;
    return given ? quire_model_load(ctx, k->model, out_model)
                 : parse(ctx, models[i].text, out_model);
}

static quire_status
read_rope(quire_ctx *ctx, const quire_rope *rope, quire_text *out)
{
    const quire_source source = quire_rope_as_source(rope, "model");
    QUIRE_TRY(quire_grow(ctx, &out->ptr, &out->room, (size_t)source.size + 1, 1));
    out->len = (size_t)source.size;
    return quire_source_read(ctx, &source, 0, out->ptr, out->len);
}

quire_status
kit_bytes(quire_ctx *ctx, const quire_model *m, quire_text *out)
{
    quire_rope rope;
    *out = (quire_text){0};
    quire_rope_init(&rope, ctx->alloc);
    quire_status status = quire_model_export(ctx, m, &rope);
    if (status == QUIRE_OK) status = read_rope(ctx, &rope, out);
    quire_rope_deinit(&rope);
    return status;
}

/* --- other orders ----------------------------------------------------------------------------- */

/* xorshift: the same on every machine. */
static uint32_t
random_of(uint32_t *io_seed)
{
    uint32_t x = *io_seed;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *io_seed = x;
    return x;
}

/* Does `reader`, or a body of it, read what n computes? Both are of one graph. */
static bool
reads(const quire_model *m, quire_node reader, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value_rec *v = quire_value_at(m, (quire_value){r->out.id + k});
        for (quire_use u = v->first_use; u.id != 0; u = quire_use_at(m, u)->next) {
            const quire_use_rec *use = quire_use_at(m, u);
            quire_node user = use->node.id != 0 ? use->node : quire_graph_at(m, use->graph)->owner;
            while (user.id != 0 && quire_node_at(m, user)->graph.id != r->graph.id)
                user = quire_graph_at(m, quire_node_at(m, user)->graph)->owner;
            if (user.id == reader.id) return true;
        }
    }
    return false;
}

/* Neighbours change places where they may. */
static quire_status
shuffle_graph(quire_ctx *ctx, quire_model *m, quire_graph g, uint32_t *io_seed)
{
    quire_node n = quire_graph_at(m, g)->first;
    while (n.id != 0) {
        const quire_node next = quire_node_at(m, n)->next;
        if (next.id == 0) break;
        if (random_of(io_seed) % 4 != 0 && !reads(m, next, n)) {
            QUIRE_TRY(quire_node_move_before(ctx, m, next, n));
        } else {
            n = next;
        }
    }
    return QUIRE_OK;
}

static quire_status
shuffle(quire_ctx *ctx, quire_model *m, uint32_t seed)
{
    enum { ROUNDS = 8 };
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t g = 1; g < m->graphs.count; g++) {
            if ((quire_graph_at(m, (quire_graph){g})->flags & QUIRE_DEAD) == 0)
                QUIRE_TRY(shuffle_graph(ctx, m, (quire_graph){g}, &seed));
        }
    }
    return QUIRE_OK;
}

/* Written and read again: ids are given in the order of the file. What the old model holds may be
 * read from by the new one, so it stays. */
static quire_status
renumber(kit *k, quire_ctx *ctx, quire_model **io_m)
{
    quire_text bytes;
    QUIRE_TRY(kit_bytes(ctx, *io_m, &bytes));
    const quire_source source = quire_source_of_memory(bytes.ptr, bytes.len, "model");
    return quire_model_import(ctx, source, k->model, NULL, io_m);
}

quire_status
kit_shuffle(kit *k, quire_ctx *ctx, quire_model **io_m, uint32_t seed)
{
    QUIRE_TRY(shuffle(ctx, *io_m, seed));
    return renumber(k, ctx, io_m);
}
