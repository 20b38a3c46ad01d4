/* claim_print.c - annotation texts: one line per slot, in columns. */
#include <inttypes.h>

#include "graph/claim_text.h"
#include "graph/spec_text.h"

/* --- columns ---------------------------------------------------------------------------------- */

typedef struct columns { /* passes text on and counts it */
    quire_writer w;      /* write here */
    quire_writer *to;
    size_t n; /* bytes of the line so far, once flushed */
} columns;

static quire_status
pass_on(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx;
    columns *c = data;
    c->n += n;
    quire_write(c->to, bytes, n);
    return c->to->status;
}

static void
columns_begin(columns *c, quire_writer *to)
{
    c->to = to;
    c->n = 0;
    c->w.ctx = to->ctx;
    c->w.write = pass_on;
    c->w.data = c;
    c->w.status = to->status;
    c->w.n = 0;
}

static void
columns_end(columns *c)
{
    const quire_status status = quire_writer_finish(&c->w);
    if (c->to->status == QUIRE_OK) c->to->status = status;
}

/* Blanks up to `column` (the first is 1), at least one. */
static void
columns_to(columns *c, size_t column)
{
    columns_end(c);
    size_t at = c->n;
    do {
        quire_write_str(&c->w, " ");
    } while (++at + 1 < column);
}

/* --- parts ------------------------------------------------------------------------------------ */

bool
quire_claimant_is_plain(uint8_t c)
{
    return quire_slot_is_plain(c) || c == '/' || c == '@' || c == '+';
}

static void
print_who(quire_writer *w, const quire_model *m, const quire_claim *claim)
{
    const quire_bytes who = quire_sym_bytes(m, claim->who);
    bool plain = who.len > 0;
    for (size_t i = 0; i < who.len && plain; i++)
        plain = quire_claimant_is_plain(who.ptr[i]);
    if (plain) {
        quire_write_bytes(w, who);
    } else {
        quire_slot_print_quoted(w, who);
    }
}

void
quire_claim_print_sponsors(quire_writer *w, const quire_model *m, const quire_claim *claims,
                           size_t n)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < n; i++) {
        quire_write_str(w, i == 0 ? "by " : ",");
        print_who(w, m, &claims[i]);
        flags |= claims[i].flags;
    }
    if (claims[0].priority != 0) quire_writef(w, " !%" PRId32, claims[0].priority);
    if ((flags & QUIRE_CLAIM_NOSHARE) != 0) quire_write_str(w, " noshare");
}

static void
print_spec(quire_writer *w, const quire_model *m, const quire_claim *claim)
{
    const quire_spec spec = quire_spec_of_ref(m, claim->spec);
    quire_spec_print(w, m, &spec);
}

static void
print_reason(quire_writer *w, const quire_model *m, const quire_claim *claim)
{
    quire_write_str(w, ": ");
    quire_slot_print_quoted(w, quire_sym_bytes(m, claim->reason));
}

/* --- comments --------------------------------------------------------------------------------- */

static void
begin_item(columns *c, bool *io_first)
{
    if (*io_first) columns_to(c, QUIRE_COLUMN_COMMENT);
    quire_write_str(&c->w, *io_first ? "# " : "; ");
    *io_first = false;
}

static void
print_reasons(columns *c, const quire_model *m, const quire_claim *claims, size_t n, bool *io_first)
{
    bool same = true;
    for (size_t i = 1; i < n; i++)
        same = same && claims[i].reason.id == claims[0].reason.id;
    for (size_t i = 0; i < (same ? 1 : n); i++) {
        if (claims[i].reason.id == 0) continue;
        begin_item(c, io_first);
        quire_write_str(&c->w, same ? "reason" : "reason ");
        if (!same) print_who(&c->w, m, &claims[i]);
        print_reason(&c->w, m, &claims[i]);
    }
}

static void
print_losers(columns *c, const quire_model *m, const quire_claim *claims, size_t n, bool *io_first)
{
    for (size_t i = 0; i < n; i++) {
        begin_item(c, io_first);
        quire_write_str(&c->w, "lost: ");
        print_spec(&c->w, m, &claims[i]);
        quire_write_str(&c->w, " ");
        quire_claim_print_sponsors(&c->w, m, &claims[i], 1);
        if (claims[i].reason.id == 0) continue;
        quire_write_str(&c->w, " reason");
        print_reason(&c->w, m, &claims[i]);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static void
print_request(columns *c, const quire_model *m, const quire_claim *claims, size_t n)
{
    quire_slot_print(&c->w, m, claims[0].slot);
    columns_to(c, QUIRE_COLUMN_SPEC);
    print_spec(&c->w, m, &claims[0]);
    columns_to(c, QUIRE_COLUMN_BY);
    quire_claim_print_sponsors(&c->w, m, claims, n);
}

void
quire_claim_print(quire_writer *w, const quire_model *m, const quire_claim *claims, size_t n)
{
    columns c;
    columns_begin(&c, w);
    print_request(&c, m, claims, n);
    columns_end(&c);
}

/* claims[0..n) are all of one slot. */
static void
print_line(quire_writer *w, const quire_model *m, const quire_claim *claims, size_t n)
{
    columns c;
    bool first = true;
    size_t n_hold = 0;
    while (n_hold < n && (claims[n_hold].flags & QUIRE_CLAIM_LOST) == 0)
        n_hold++;
    if (n_hold == 0) return;
    columns_begin(&c, w);
    print_request(&c, m, claims, n_hold);
    print_reasons(&c, m, claims, n_hold, &first);
    print_losers(&c, m, claims + n_hold, n - n_hold, &first);
    quire_write_str(&c.w, "\n");
    columns_end(&c);
}

void
quire_claims_print(quire_writer *w, const quire_model *m, const quire_claims *claims)
{
    size_t n;
    quire_writef(w, QUIRE_CLAIMS_MAGIC " %d\n", QUIRE_CLAIMS_VERSION);
    for (size_t i = 0; i < claims->n; i += n) {
        const quire_claim *const first = &claims->ptr[i];
        for (n = 1; i + n < claims->n && quire_slot_equal(first[n].slot, first->slot);)
            n++;
        print_line(w, m, first, n);
    }
}
