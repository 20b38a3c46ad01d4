/* receipt.c - matches the pieces of two sides and says what became of each.
 *
 * Pieces meet by key in a hash table; several with one key meet in order. Whether two are equal is
 * decided by their bytes, so a wrong match costs a name, never the truth of "kept". The sums are
 * those of the pieces, and the pieces tile the files.
 */
#include <sys/random.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/rope_origin.h"
#include "graph/layout.h"
#include "graph/layout_walk.h"

typedef struct matcher {
    quire_ctx *ctx;
    quire_walk in, out;
    uint32_t *slots;   /* 1 + index of the first piece of `in` with a key; 0: free */
    size_t slots_room; /* a power of two */
    uint64_t seed;     /* so that nobody can choose names that share slots; decides no order */
    quire_window window_in, window_out; /* for comparing; on the files below */
    uint32_t file_in, file_out;
    uint32_t first; /* 1 + index of the first unmatched piece of `in` before any matched one */
    uint32_t last_first;
} matcher;

/* ---- matching */

static size_t
slot_of(const matcher *m, uint64_t key)
{
    const size_t mask = m->slots_room - 1;
    size_t i = (size_t)((key * m->seed) >> 32) & mask;
    while (m->slots[i] != 0 && m->in.pieces[m->slots[i] - 1].key != key)
        i = (i + 1) & mask;
    return i;
}

/* Lists the pieces of `in` by key: the slot holds the last one, its `head` the first, `next`
 * leads on. */
static quire_status
index_in(matcher *m)
{
    const size_t n = m->in.n_pieces;
    size_t room = 16;
    while (room < n + n / 2)
        room *= 2;
    m->slots = quire_alloc(m->ctx->alloc, room * sizeof *m->slots);
    if (m->slots == NULL) return quire_nomem(m->ctx);
    m->slots_room = room;
    if (getrandom(&m->seed, sizeof m->seed, GRND_NONBLOCK) != (ssize_t)sizeof m->seed) m->seed = 0;
    m->seed |= 1;
    memset(m->slots, 0, room * sizeof *m->slots);
    for (size_t i = n; i > 0; i--) {
        quire_piece *piece = &m->in.pieces[i - 1];
        uint32_t *slot = &m->slots[slot_of(m, piece->key)];
        if (*slot == 0) *slot = (uint32_t)i;
        quire_piece *holder = &m->in.pieces[*slot - 1];
        piece->next = holder->head;
        holder->head = (uint32_t)i;
    }
    return QUIRE_OK;
}

static void
match(matcher *m)
{
    for (size_t k = 0; k < m->out.n_pieces; k++) {
        quire_piece *piece = &m->out.pieces[k];
        const uint32_t slot = m->slots[slot_of(m, piece->key)];
        if (slot == 0) continue;
        quire_piece *holder = &m->in.pieces[slot - 1];
        if (holder->head == 0) continue;
        quire_piece *mate = &m->in.pieces[holder->head - 1];
        piece->mate = holder->head;
        mate->mate = (uint32_t)k + 1;
        holder->head = mate->next;
    }
}

/* ---- comparing */

/* Points `w` at a file of the side. */
static void
look_at(matcher *m, quire_window *w, uint32_t *file, const quire_walk *walk, uint32_t wanted)
{
    if (*file == wanted && w->source != NULL) return;
    quire_window_deinit(m->ctx, w);
    quire_window_init(w, &walk->side->files[wanted].source);
    *file = wanted;
}

static bool
same_file(const quire_source *a, const quire_source *b)
{
    if (a == b) return true;
    if (a->memory != NULL && a->memory == b->memory) return true;
    return a->fd >= 0 && b->fd >= 0 && a->opened.st_dev == b->opened.st_dev &&
           a->opened.st_ino == b->opened.st_ino;
}

/* Are both the same bytes of the same file, so that there is nothing to compare? */
static bool
same_place(const matcher *m, const quire_piece *a, const quire_piece *b)
{
    const quire_source *from_a, *from_b;
    uint64_t off_a, off_b;
    if (!quire_rope_origin(&m->in.side->files[a->file].source, a->off, a->len, &from_a, &off_a))
        return false;
    if (!quire_rope_origin(&m->out.side->files[b->file].source, b->off, b->len, &from_b, &off_b))
        return false;
    return off_a == off_b && same_file(from_a, from_b);
}

static quire_status
compare(matcher *m, const quire_piece *a, const quire_piece *b, bool *out_equal)
{
    *out_equal = a->len == b->len;
    if (!*out_equal || same_place(m, a, b)) return QUIRE_OK;
    look_at(m, &m->window_in, &m->file_in, &m->in, a->file);
    look_at(m, &m->window_out, &m->file_out, &m->out, b->file);
    for (uint64_t done = 0; done < a->len && *out_equal;) {
        const uint8_t *p, *q;
        size_t n, n_out;
        const uint64_t left = a->len - done;
        const size_t want = left < QUIRE_WINDOW_MIN ? (size_t)left : QUIRE_WINDOW_MIN;
        QUIRE_TRY(quire_window_get(m->ctx, &m->window_in, a->off + done, want, &p, &n));
        QUIRE_TRY(quire_window_get(m->ctx, &m->window_out, b->off + done, want, &q, &n_out));
        if (n > n_out) n = n_out;
        if (n > left) n = (size_t)left;
        if (n == 0) return quire_bug(m->ctx, "a piece ends behind its file");
        *out_equal = memcmp(p, q, n) == 0;
        done += n;
    }
    return QUIRE_OK;
}

/* ---- the receipt */

static quire_verdict
verdict_alone(const quire_piece *piece, quire_verdict verdict)
{
    return piece->kind == QUIRE_PIECE_GAP ? QUIRE_FRAMING : verdict;
}

static quire_verdict
verdict_of_pair(const quire_piece *piece, bool equal)
{
    if (equal) return QUIRE_KEPT;
    return piece->frame || piece->kind == QUIRE_PIECE_GAP ? QUIRE_FRAMING : QUIRE_REWRITTEN;
}

static void
count(quire_receipt *r, quire_verdict verdict, uint64_t in, uint64_t out)
{
    r->input_bytes += in;
    r->output_bytes += out;
    switch (verdict) {
    case QUIRE_KEPT: r->kept += in; break;
    case QUIRE_REMOVED: r->removed += in; break;
    case QUIRE_ADDED: r->added += out; break;
    case QUIRE_REWRITTEN:
        r->rewritten_in += in;
        r->rewritten_out += out;
        break;
    default:
        r->framing_in += in;
        r->framing_out += out;
        break;
    }
}

static quire_receipt_range
range_of(const quire_piece *piece)
{
    if (piece == NULL) return (quire_receipt_range){0};
    return (quire_receipt_range){
        .file = piece->file + 1, .offset = piece->off, .length = piece->len};
}

/* Does b go on where a ends (or are both absent)? */
static bool
continues(const quire_receipt_range *a, const quire_receipt_range *b)
{
    return a->file == b->file && (a->file == 0 || a->offset + a->length == b->offset);
}

static bool
same_name(const quire_piece *a, const quire_piece *b)
{
    return a->scope == b->scope && a->name.off == b->name.off && a->name.len == b->name.len;
}

/* The entry being put together: pieces that follow each other in both files. */
typedef struct entry {
    quire_receipt_piece piece;
    quire_walk *walk;                /* whose names are used */
    const quire_piece *first, *last; /* NULL: there is no entry */
} entry;

static quire_status
finish(matcher *m, quire_receipt *r, entry *e)
{
    if (e->first == NULL) return QUIRE_OK;
    quire_bytes name, last;
    QUIRE_TRY(quire_walk_name(e->walk, e->first, &r->arena, &name));
    if (!same_name(e->first, e->last)) {
        QUIRE_TRY(quire_walk_name(e->walk, e->last, &r->arena, &last));
        QUIRE_TRY(quire_arena_format(m->ctx, &r->arena, &name, "%.*s .. %.*s", (int)name.len,
                                     (const char *)name.ptr, (int)last.len,
                                     (const char *)last.ptr));
    }
    e->piece.name = name;
    QUIRE_TRY(quire_grow(m->ctx, &r->pieces, &r->pieces_room, r->n_pieces + 1, sizeof *r->pieces));
    r->pieces[r->n_pieces++] = e->piece;
    e->first = NULL;
    return QUIRE_OK;
}

/* Adds a piece to the receipt; `in` or `out` may be NULL. What is kept is told in long
 * stretches, what is not by name. */
static quire_status
tell(matcher *m, quire_receipt *r, entry *e, quire_verdict verdict, const quire_piece *in,
     const quire_piece *out)
{
    const quire_piece *named = out != NULL ? out : in;
    quire_receipt_piece piece = {.verdict = verdict,
                                 .kind = quire_piece_kind_text(named->kind),
                                 .in = range_of(in),
                                 .out = range_of(out)};
    count(r, verdict, piece.in.length, piece.out.length);
    const bool joins = e->first != NULL && e->piece.verdict == verdict &&
                       e->first->kind == named->kind &&
                       (verdict == QUIRE_KEPT || same_name(e->last, named)) &&
                       continues(&e->piece.in, &piece.in) && continues(&e->piece.out, &piece.out);
    if (!joins) {
        QUIRE_TRY(finish(m, r, e));
        *e = (entry){.piece = piece, .walk = out != NULL ? &m->out : &m->in, .first = named};
    } else {
        e->piece.in.length += piece.in.length;
        e->piece.out.length += piece.out.length;
    }
    e->last = named;
    return QUIRE_OK;
}

/* Hangs every unmatched piece of `in` on the matched one before it: lists through `next`, first
 * and last held by the mate in `out`. */
static void
hang_unmatched(matcher *m)
{
    uint32_t *head = &m->first, *tail = &m->last_first;
    for (size_t i = 0; i < m->in.n_pieces; i++) {
        quire_piece *piece = &m->in.pieces[i];
        piece->next = 0;
        if (piece->mate != 0) {
            head = &m->out.pieces[piece->mate - 1].head;
            tail = &m->out.pieces[piece->mate - 1].next;
            continue;
        }
        if (*head == 0) {
            *head = (uint32_t)i + 1;
        } else {
            m->in.pieces[*tail - 1].next = (uint32_t)i + 1;
        }
        *tail = (uint32_t)i + 1;
    }
}

static quire_status
tell_unmatched(matcher *m, quire_receipt *r, entry *e, uint32_t first)
{
    for (uint32_t i = first; i != 0; i = m->in.pieces[i - 1].next) {
        const quire_piece *piece = &m->in.pieces[i - 1];
        QUIRE_TRY(tell(m, r, e, verdict_alone(piece, QUIRE_REMOVED), piece, NULL));
    }
    return QUIRE_OK;
}

static quire_status
tell_all(matcher *m, quire_receipt *r)
{
    entry e = {0};
    hang_unmatched(m);
    QUIRE_TRY(tell_unmatched(m, r, &e, m->first));
    for (size_t k = 0; k < m->out.n_pieces; k++) {
        const quire_piece *out = &m->out.pieces[k];
        const quire_piece *in = out->mate != 0 ? &m->in.pieces[out->mate - 1] : NULL;
        quire_verdict verdict = verdict_alone(out, QUIRE_ADDED);
        if (in != NULL) {
            bool equal;
            QUIRE_TRY(compare(m, in, out, &equal));
            verdict = verdict_of_pair(out, equal);
        }
        QUIRE_TRY(tell(m, r, &e, verdict, in, out));
        QUIRE_TRY(tell_unmatched(m, r, &e, out->head));
    }
    return finish(m, r, &e);
}

static quire_status
make(matcher *m, const quire_layout_side *in, const quire_layout_side *out, quire_receipt *receipt)
{
    QUIRE_TRY(quire_walk_side(m->ctx, in, &m->in));
    QUIRE_TRY(quire_walk_side(m->ctx, out, &m->out));
    QUIRE_TRY(index_in(m));
    match(m);
    return tell_all(m, receipt);
}

quire_status
quire_receipt_make(quire_ctx *ctx, const quire_layout_side *in, const quire_layout_side *out,
                   quire_receipt *receipt)
{
    matcher *m = quire_alloc(ctx->alloc, sizeof *m);
    if (m == NULL) return quire_nomem(ctx);
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
    *receipt = (quire_receipt){0};
    quire_arena_init(&receipt->arena, ctx->alloc);
    const quire_status status = make(m, in, out, receipt);
    quire_walk_deinit(&m->in);
    quire_walk_deinit(&m->out);
    quire_window_deinit(ctx, &m->window_in);
    quire_window_deinit(ctx, &m->window_out);
    quire_free(ctx->alloc, m->slots, m->slots_room * sizeof *m->slots);
    quire_free(ctx->alloc, m, sizeof *m);
    if (status != QUIRE_OK) quire_receipt_deinit(ctx, receipt);
    return status;
}

void
quire_receipt_deinit(quire_ctx *ctx, quire_receipt *receipt)
{
    quire_ungrow(ctx->alloc, &receipt->pieces, &receipt->pieces_room, sizeof *receipt->pieces);
    quire_arena_deinit(&receipt->arena);
    receipt->n_pieces = 0;
}
