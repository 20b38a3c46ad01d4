/* cmd_annotations_compare.c - quire annotations check and diff.
 *
 * check reads model and text against the model's graph, so that names that are gone are told. diff
 * needs no graph: slots are names, and both sides are read into one empty model for its symbols.
 */
#include <fcntl.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/source.h"
#include "cmd_annotations.h"
#include "graph/carrier.h"
#include "graph/import.h"
#include "passes/annotation_diff.h"

enum { ORIGIN_ROOM = 512 };

typedef struct side {
    const char *path;
    quire_claims claims;
    bool no_entry; /* a model without annotations */
} side;

/* --- the answer ------------------------------------------------------------------------------- */

static void
write_json(cli *c, const quire_model *m, const side *a, const side *b,
           const quire_annotation_diff *d)
{
    quire_json j = {.w = &c->out};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "changes");
    quire_json_begin(&j, '[');
    quire_annotation_diff_write_changes(&j, m, d);
    quire_json_end(&j, ']');
    quire_json_key(&j, "same");
    quire_json_u64(&j, d->n_same);
    quire_json_key(&j, "without_entry");
    quire_json_begin(&j, '[');
    if (a->no_entry) quire_json_text(&j, a->path);
    if (b->no_entry) quire_json_text(&j, b->path);
    quire_json_end(&j, ']');
    quire_json_end(&j, '}');
}

static void
tell_entry(cli *c, const side *s)
{
    if (s->no_entry)
        quire_writef(&c->out, "%s has no annotations (no metadata entry %s)\n", s->path,
                     QUIRE_ANNOTATIONS_KEY);
}

static void
write_text(cli *c, const quire_model *m, const side *a, const side *b,
           const quire_annotation_diff *d)
{
    tell_entry(c, a);
    tell_entry(c, b);
    if (d->n_changes > 0) quire_writef(&c->out, "--- %s\n+++ %s\n", a->path, b->path);
    quire_annotation_diff_write_text(&c->out, m, d);
    if (d->n_changes > 0) {
        quire_writef(&c->out, "%zu slot%s, %zu the same\n", d->n_changes,
                     d->n_changes == 1 ? " differs" : "s differ", d->n_same);
    } else {
        quire_writef(&c->out, "the same: %zu slot%s\n", d->n_same, d->n_same == 1 ? "" : "s");
    }
}

static quire_status
compare(cli *c, const request *r, const quire_model *m, const quire_slot_order *order,
        const side *a, const side *b)
{
    quire_annotation_diff d;
    QUIRE_TRY(quire_annotation_diff_make(&c->ctx, m, order, &a->claims, &b->claims, &d));
    const bool same = d.n_changes == 0;
    if (r->format == QUIRE_FORMAT_JSON) {
        write_json(c, m, a, b, &d);
    } else {
        write_text(c, m, a, b, &d);
    }
    quire_annotation_diff_deinit(&c->ctx, &d);
    return same ? QUIRE_OK : QUIRE_NONE;
}

/* --- check ------------------------------------------------------------------------------------ */

/* The claims of `from`'s entry, read into `into`. */
static quire_status
read_entry(cli *c, const quire_model *from, quire_model *into, quire_slot_missing missing, side *s)
{
    quire_bytes entry;
    s->no_entry = !quire_model_metadata(from, QUIRE_ANNOTATIONS_KEY, &entry);
    if (s->no_entry) return QUIRE_OK;
    char origin[ORIGIN_ROOM];
    snprintf(origin, sizeof origin, "%s: %s", s->path, QUIRE_ANNOTATIONS_KEY);
    return annotations_parse(c, into, missing, origin, entry, &s->claims);
}

static quire_status
check_loaded(cli *c, const request *r, quire_model *m, side *file, side *model)
{
    quire_slot_order order;
    QUIRE_TRY(read_entry(c, m, m, QUIRE_MISSING_NAMED, model));
    QUIRE_TRY(annotations_parse_file(c, m, QUIRE_MISSING_NAMED, file->path, &file->claims));
    QUIRE_TRY(quire_slot_order_make(&c->ctx, m, &order));
    const quire_status status = compare(c, r, m, &order, file, model);
    quire_slot_order_deinit(&c->ctx, &order);
    return status;
}

quire_status
annotations_check(cli *c, const request *r)
{
    quire_model *m;
    side model = {.path = r->args[0]};
    side file = {.path = r->args[1]};
    QUIRE_TRY(quire_model_load(&c->ctx, model.path, &m));
    const quire_status status = check_loaded(c, r, m, &file, &model);
    quire_claims_deinit(&c->ctx, &model.claims);
    quire_claims_deinit(&c->ctx, &file.claims);
    quire_model_destroy(&c->ctx, m);
    return status;
}

/* --- diff ------------------------------------------------------------------------------------- */

/* The first of n bytes that is neither blank nor in a comment; n: there is none. */
static size_t
skip_comments(const uint8_t *bytes, size_t n, bool *io_in_comment)
{
    for (size_t i = 0; i < n; i++) {
        const bool blank = memchr(" \t\r\n", bytes[i], 4) != NULL;
        if (*io_in_comment) {
            *io_in_comment = bytes[i] != '\n';
        } else if (bytes[i] == '#') {
            *io_in_comment = true;
        } else if (!blank) {
            return i;
        }
    }
    return n;
}

/* Is the first word outside comments that of annotation texts? */
static quire_status
judge(cli *c, const quire_source *source, bool *out_is_text)
{
    static const char magic[] = "quire-annotations";
    uint8_t bytes[4096];
    bool in_comment = false;
    size_t skipped;
    *out_is_text = false;
    for (uint64_t at = 0; at < source->size; at += skipped) {
        const uint64_t left = source->size - at;
        const size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
        QUIRE_TRY(quire_source_read(&c->ctx, source, at, bytes, n));
        skipped = skip_comments(bytes, n, &in_comment);
        if (skipped == n) continue;
        if (left - skipped < sizeof magic - 1) return QUIRE_OK;
        QUIRE_TRY(quire_source_read(&c->ctx, source, at + skipped, bytes, sizeof magic - 1));
        *out_is_text = memcmp(bytes, magic, sizeof magic - 1) == 0;
        return QUIRE_OK;
    }
    return QUIRE_OK;
}

static quire_status
is_text(cli *c, const char *path, bool *out_is_text)
{
    quire_source source;
    QUIRE_TRY(quire_source_open(&c->ctx, AT_FDCWD, path, &source));
    const quire_status status = judge(c, &source, out_is_text);
    quire_source_close(&c->ctx, &source);
    return status;
}

static quire_status
read_model(cli *c, quire_model *names, side *s)
{
    quire_model *m;
    QUIRE_TRY(quire_model_load(&c->ctx, s->path, &m));
    const quire_status status = read_entry(c, m, names, QUIRE_NOTHING_IS_LOOKED_UP, s);
    quire_model_destroy(&c->ctx, m);
    return status;
}

static quire_status
read_side(cli *c, quire_model *names, side *s)
{
    bool text;
    if (strcmp(s->path, "-") == 0)
        return cli_usage(c, "quire annotations diff reads files, not standard input");
    QUIRE_TRY(is_text(c, s->path, &text));
    if (!text) return read_model(c, names, s);
    return annotations_parse_file(c, names, QUIRE_NOTHING_IS_LOOKED_UP, s->path, &s->claims);
}

static quire_status
diff_sides(cli *c, const request *r, quire_model *names, side *a, side *b)
{
    QUIRE_TRY(read_side(c, names, a));
    QUIRE_TRY(read_side(c, names, b));
    return compare(c, r, names, NULL, a, b);
}

quire_status
annotations_diff(cli *c, const request *r)
{
    quire_model *names;
    side a = {.path = r->args[0]};
    side b = {.path = r->args[1]};
    QUIRE_TRY(quire_model_create(&c->ctx, &names));
    const quire_status status = diff_sides(c, r, names, &a, &b);
    quire_claims_deinit(&c->ctx, &a.claims);
    quire_claims_deinit(&c->ctx, &b.claims);
    quire_model_destroy(&c->ctx, names);
    return status;
}
