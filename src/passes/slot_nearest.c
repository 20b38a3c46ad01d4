/* slot_nearest.c - an edit distance that gives up early: most slots of a large graph are far away,
 * and told so by their length or after a few rows.
 */
#include "passes/slot_nearest.h"

enum { MAX_BYTES = 256 };
static const uint32_t far = UINT32_MAX;

typedef struct short_text {
    uint8_t ptr[MAX_BYTES];
    uint32_t len;
} short_text;

/* Writer callback: what does not fit is dropped. */
static quire_status
keep_first(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx;
    short_text *t = data;
    const size_t room = MAX_BYTES - t->len;
    const size_t taken = n < room ? n : room;
    memcpy(t->ptr + t->len, bytes, taken);
    t->len += (uint32_t)taken;
    return QUIRE_OK;
}

static void
text_of(quire_ctx *ctx, const quire_model *m, quire_slot slot, short_text *out)
{
    quire_writer w;
    out->len = 0;
    quire_writer_to(&w, ctx, keep_first, out);
    quire_slot_print(&w, m, slot);
    if (quire_writer_finish(&w) != QUIRE_OK) out->len = 0;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* One more byte of `wanted`: the row below `row`; returns its least number. */
static uint32_t
next_row(uint32_t *row, uint8_t byte, const short_text *name)
{
    uint32_t diagonal = row[0];
    uint32_t lowest = ++row[0];
    for (uint32_t j = 1; j <= name->len; j++) {
        const uint32_t replaced = diagonal + (byte == name->ptr[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        lowest = least(lowest, row[j]);
    }
    return lowest;
}

/* far if it is not below `limit`. */
static uint32_t
distance(quire_bytes wanted, const short_text *name, uint32_t limit)
{
    uint32_t row[MAX_BYTES + 1];
    const uint32_t n = wanted.len < MAX_BYTES ? (uint32_t)wanted.len : MAX_BYTES;
    if ((n > name->len ? n - name->len : name->len - n) >= limit) return far;
    for (uint32_t j = 0; j <= name->len; j++)
        row[j] = j;
    for (uint32_t i = 0; i < n; i++) {
        if (next_row(row, wanted.ptr[i], name) >= limit) return far;
    }
    return row[name->len] < limit ? row[name->len] : far;
}

static void
offer(quire_near_slots *near, quire_slot slot, uint32_t d)
{
    uint32_t at = near->n;
    while (at > 0 && d < near->distance[at - 1])
        at--;
    if (near->n < QUIRE_NEAREST) near->n++;
    for (uint32_t i = near->n - 1; i > at; i--) {
        near->slots[i] = near->slots[i - 1];
        near->distance[i] = near->distance[i - 1];
    }
    near->slots[at] = slot;
    near->distance[at] = d;
}

void
quire_slots_nearest(quire_ctx *ctx, const quire_model *m, const quire_slot_order *order,
                    const quire_bytes *wanted, size_t n, quire_near_slots *out)
{
    const size_t n_told = n < QUIRE_NEAREST_WANTED ? n : QUIRE_NEAREST_WANTED;
    short_text name;
    memset(out, 0, n * sizeof *out);
    for (uint32_t rank = 1; n_told > 0 && rank <= order->n; rank++) {
        text_of(ctx, m, order->slot_of_rank[rank], &name);
        for (size_t i = 0; i < n_told; i++) {
            const uint32_t limit =
                out[i].n < QUIRE_NEAREST ? far : out[i].distance[QUIRE_NEAREST - 1];
            const uint32_t d = distance(wanted[i], &name, limit);
            if (d != far) offer(&out[i], order->slot_of_rank[rank], d);
        }
    }
}
