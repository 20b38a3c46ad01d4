/* print_source.c - where printing reads: the bytes of an export, and which of them are stretches of
 * the model's own file. */
#include "base/alloc.h"
#include "base/diag.h"
#include "graph/export.h"
#include "graph/fields.h"
#include "graph/print_text.h"

/* --- loading an export as a skeleton ---------------------------------------------------------- */

quire_status
quire_print_load(quire_ctx *ctx, const quire_model *origin, quire_rope *rope, quire_model *out)
{
    uint32_t file;
    QUIRE_TRY(quire_model_export(ctx, origin, rope));
    QUIRE_TRY(
        quire_model_add_file(ctx, out, quire_rope_as_source(rope, "export"), NULL, false, &file));
    return quire_skeleton_load(ctx, out, &out->files[file].source, &quire_wire_limits_default);
}

/* --- origins ---------------------------------------------------------------------------------- */

/* The rope behind a source that is one, else NULL. */
static const quire_rope *
rope_of(const quire_source *source)
{
    const quire_rope empty = {0};
    return source->read == quire_rope_as_source(&empty, NULL).read ? source->data : NULL;
}

/* The file that own references are into: the model's, or the one that the text it came from refers
 * to. */
const quire_source *
quire_print_own_source(const quire_model *m)
{
    if (m->n_files < 2) return NULL;
    const quire_source *source = &m->files[1].source;
    const quire_rope *rope = rope_of(source);
    for (size_t i = 0; rope != NULL && i < rope->n_pieces; i++) {
        if (rope->pieces[i].kind == QUIRE_ROPE_SOURCE) return rope->pieces[i].source;
    }
    return rope == NULL && source->fd >= 0 && m->path != NULL ? source : NULL;
}

const char *
quire_print_own_name(const quire_model *m, const quire_source *source)
{
    if (source == NULL) return NULL;
    if (source != &m->files[1].source) return source->name;
    const char *slash = strrchr(m->path, '/');
    return slash != NULL ? slash + 1 : m->path;
}

static const quire_rope_piece *
piece_at(const quire_rope *rope, uint64_t off)
{
    size_t low = 0;
    size_t high = rope->n_pieces;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rope->pieces[middle].at + rope->pieces[middle].len <= off) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < rope->n_pieces ? &rope->pieces[low] : NULL;
}

/* Follows [off, off + len) of a rope through its pieces into `wanted`. Ropes nest twice: an export
 * of a parsed text. */
static bool
trace(const quire_printer *p, const quire_rope *rope, uint64_t off, uint64_t len,
      const quire_source *wanted, uint64_t *out_off)
{
    const quire_skeleton *skeleton = &p->origin->skeleton;
    const quire_source *source = NULL;
    for (int depth = 0; rope != NULL && depth < 4; depth++) {
        const quire_rope_piece *piece = piece_at(rope, off);
        if (piece == NULL || off - piece->at + len > piece->len) return false;
        const uint64_t skip = off - piece->at;
        if (piece->kind == QUIRE_ROPE_ZEROS) return false;
        if (piece->kind == QUIRE_ROPE_SOURCE) {
            source = piece->source;
            off = piece->u.off + skip;
        } else {
            const uint8_t *ptr = piece->u.ptr + skip;
            if (skeleton->ptr == NULL || ptr < skeleton->ptr ||
                ptr >= skeleton->ptr + skeleton->len)
                return false;
            source = &p->origin->files[1].source;
            off = quire_skeleton_offset(skeleton, ptr);
        }
        if (source == wanted) {
            *out_off = off;
            return true;
        }
        rope = rope_of(source);
    }
    return false;
}

bool
quire_print_find_weights(const quire_printer *p, const quire_field *f, uint64_t *out_off)
{
    if (p->own_name == NULL) return false;
    const uint64_t off =
        f->is_bulk ? f->bulk.u.off : quire_skeleton_offset(&p->m->skeleton, f->body.ptr);
    const uint64_t len = f->is_bulk ? f->bulk.len : f->body.len;
    return len > 0 && trace(p, p->rope, off, len, p->own_source, out_off);
}
