/* cmd_diff.c - quire diff: what changed between two models, by name; with --bytes, every byte of both files accounted for. */
#include "base/alloc.h"
#include "base/json.h"
#include "graph/diff.h"
#include "graph/import.h"
#include "graph/layout.h"
#include "options.h"
#include "passes/report.h"

static const option_row rows[] = {
    {"bytes", 0, NULL, "the receipt: where every byte of both files went"},
    FORMAT_ROW("of the answer (text)"),
};

typedef struct diff_request {
    bool bytes;
    quire_format format;
    quire_model *a, *b;
} diff_request;

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    diff_request *r = state;
    if (row == 0) {
        r->bytes = true;
        return QUIRE_OK;
    }
    return options_format(c, value, &r->format);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static const char *
last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The model file and the data files it names; `files` has room for all of them. */
static quire_layout_side
side_of(const quire_model *m, quire_layout_file *files)
{
    quire_layout_side side = {files, 0};
    files[side.n_files++] =
        (quire_layout_file){m->files[1].source, m->path != NULL ? last_component(m->path) : "-"};
    for (size_t i = 2; i < m->n_files; i++) {
        if (m->files[i].location.len > 0)
            files[side.n_files++] = (quire_layout_file){m->files[i].source, m->files[i].path};
    }
    return side;
}

static void
put_range(quire_json *j, const char *key, const quire_layout_side *side,
          const quire_receipt_range *r)
{
    quire_json_key(j, key);
    if (r->file == 0) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '{');
    quire_json_key(j, "file");
    quire_json_text(j, side->files[r->file - 1].name);
    quire_json_key(j, "offset");
    quire_json_u64(j, r->offset);
    quire_json_key(j, "length");
    quire_json_u64(j, r->length);
    quire_json_end(j, '}');
}

static const char *const verdicts[QUIRE_N_VERDICTS] = {[QUIRE_KEPT] = "kept",
                                                       [QUIRE_REMOVED] = "removed",
                                                       [QUIRE_REWRITTEN] = "rewritten",
                                                       [QUIRE_ADDED] = "added",
                                                       [QUIRE_FRAMING] = "framing"};

static void
write_pieces_json(quire_writer *w, const quire_layout_side *in, const quire_layout_side *out,
                  const quire_receipt *r)
{
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "pieces");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < r->n_pieces; i++) {
        const quire_receipt_piece *p = &r->pieces[i];
        quire_json_begin(&j, '{');
        quire_json_key(&j, "verdict");
        quire_json_text(&j, verdicts[p->verdict]);
        quire_json_key(&j, "kind");
        quire_json_text(&j, p->kind);
        quire_json_key(&j, "name");
        quire_json_string(&j, p->name);
        put_range(&j, "in", in, &p->in);
        put_range(&j, "out", out, &p->out);
        quire_json_end(&j, '}');
    }
    quire_json_end(&j, ']');
    quire_json_end(&j, '}');
}

static void
write_pieces_text(quire_writer *w, const quire_receipt *r)
{
    for (size_t i = 0; i < r->n_pieces; i++) {
        const quire_receipt_piece *p = &r->pieces[i];
        if (p->verdict == QUIRE_KEPT) continue;
        quire_writef(w, "%-10s %-12s ", verdicts[p->verdict], p->kind);
        quire_write_bytes(w, p->name);
        quire_writef(w, "  %llu -> %llu\n", (unsigned long long)p->in.length,
                     (unsigned long long)p->out.length);
    }
    quire_receipt_write_text(w, r);
}

static quire_status
compare_bytes(cli *c, const diff_request *r, quire_layout_file *files)
{
    const quire_layout_side in = side_of(r->a, files);
    const quire_layout_side out = side_of(r->b, files + r->a->n_files);
    quire_receipt receipt;
    QUIRE_TRY(quire_receipt_make(&c->ctx, &in, &out, &receipt));
    if (r->format == QUIRE_FORMAT_JSON) {
        write_pieces_json(&c->out, &in, &out, &receipt);
    } else {
        write_pieces_text(&c->out, &receipt);
    }
    const bool same = receipt.kept == receipt.input_bytes && receipt.kept == receipt.output_bytes;
    quire_receipt_deinit(&c->ctx, &receipt);
    return same ? QUIRE_OK : QUIRE_NONE;
}

static quire_status
diff_bytes(cli *c, const diff_request *r)
{
    const size_t size = (r->a->n_files + r->b->n_files) * sizeof(quire_layout_file);
    quire_layout_file *files = quire_alloc(c->ctx.alloc, size);
    if (files == NULL) return cli_usage(c, "out of memory");
    const quire_status status = compare_bytes(c, r, files);
    quire_free(c->ctx.alloc, files, size);
    return status;
}

/* --- by name ---------------------------------------------------------------------------------- */

static quire_status
diff_names(cli *c, const diff_request *r)
{
    bool same;
    QUIRE_TRY(
        quire_model_diff(&c->ctx, r->a, r->b, r->format == QUIRE_FORMAT_JSON, &c->out, &same));
    return same ? QUIRE_OK : QUIRE_NONE;
}

static quire_status
diff_files(cli *c, diff_request *r, char **args)
{
    QUIRE_TRY(quire_model_load(&c->ctx, args[0], &r->a));
    QUIRE_TRY(quire_model_load(&c->ctx, args[1], &r->b));
    return r->bytes ? diff_bytes(c, r) : diff_names(c, r);
}

quire_status
cmd_diff(cli *c, int argc, char **argv)
{
    diff_request r = {0};
    char **args;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n != 2) return cli_usage(c, "quire diff takes two models, %d were given", n);
    const quire_status status = diff_files(c, &r, args);
    quire_model_destroy(&c->ctx, r.a);
    quire_model_destroy(&c->ctx, r.b);
    return status;
}
