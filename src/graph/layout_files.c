/* layout_files.c - data files as rows of payloads, with what nobody mentions as gaps between. */
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/layout_walk.h"

/* By file, then start; of two that start together the longer one first, then as mentioned. */
static int
compare_extents(const void *a, const void *b)
{
    const quire_piece *x = a, *y = b;
    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    if (x->off != y->off) return x->off < y->off ? -1 : 1;
    if (x->len != y->len) return x->len > y->len ? -1 : 1;
    return x->mate < y->mate ? -1 : x->mate > y->mate;
}

/* Adds [off, end) of a file as a gap called after the payload before it (NULL: the file's
 * start). */
static quire_status
add_gap(quire_walk *walk, uint32_t file, uint64_t off, uint64_t end, const quire_piece *before)
{
    quire_piece gap = {.off = off, .len = end - off, .file = file, .kind = QUIRE_PIECE_GAP};
    if (off >= end) return QUIRE_OK;
    if (before != NULL) {
        gap.name = before->name;
        gap.scope = before->scope;
    }
    return quire_walk_add(walk, gap, before != NULL ? before->key : 0, 0);
}

/* Where extent i ends: a length that is not stated lasts to the next extent. */
static uint64_t
end_of(const quire_walk *walk, size_t i, uint64_t size)
{
    const quire_piece *e = &walk->extents[i];
    if (e->len <= size - e->off) return e->off + e->len;
    for (size_t k = i + 1; k < walk->n_extents && walk->extents[k].file == e->file; k++) {
        if (walk->extents[k].off > e->off) return walk->extents[k].off;
    }
    return size;
}

/* Tiles one file with the extents from *i on. */
static quire_status
tile_file(quire_walk *walk, uint32_t file, size_t *i)
{
    const uint64_t size = walk->side->files[file].source.size;
    const quire_piece *last = NULL;
    uint64_t pos = 0;
    for (; *i < walk->n_extents && walk->extents[*i].file == file; ++*i) {
        const quire_piece *e = &walk->extents[*i];
        /* The first of those that start together covers the others. */
        if (e->off >= size || (last != NULL && last->off == e->off)) continue;
        const uint64_t end = end_of(walk, *i, size);
        QUIRE_TRY(add_gap(walk, file, pos, e->off, last));
        if (e->off > pos) pos = e->off;
        last = e;
        if (end <= pos) continue;
        quire_piece piece = *e;
        piece.off = pos;
        piece.len = end - pos;
        piece.mate = 0;
        QUIRE_TRY(quire_walk_add(walk, piece, e->key, 0));
        pos = end;
    }
    return add_gap(walk, file, pos, size, last);
}

quire_status
quire_walk_files(quire_walk *walk)
{
    for (size_t i = 0; i < walk->n_extents; i++)
        walk->extents[i].mate = (uint32_t)i;
    if (walk->n_extents > 1)
        qsort(walk->extents, walk->n_extents, sizeof *walk->extents, compare_extents);
    size_t i = 0;
    for (uint32_t file = 1; file < walk->side->n_files; file++)
        QUIRE_TRY(tile_file(walk, file, &i));
    return QUIRE_OK;
}
