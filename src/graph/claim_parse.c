/* claim_parse.c - reading annotation texts, line by line. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/claim_text.h"
#include "graph/spec_text.h"

enum { WHERE_ROOM = 480, ORIGIN_SHOWN = 400, FOUND_ROOM = 80 };

/* `FILE:LINE`, or `line LINE` of a text without a file; of a long path the end. */
static void
tell_where(const quire_slot_reader *reader, uint32_t line, char out[WHERE_ROOM])
{
    const char *origin = reader->origin;
    if (origin == NULL) {
        snprintf(out, WHERE_ROOM, "line %" PRIu32, line);
        return;
    }
    const size_t len = strlen(origin);
    const bool cut = len > ORIGIN_SHOWN;
    snprintf(out, WHERE_ROOM, "%s%s:%" PRIu32, cut ? "..." : "",
             origin + (cut ? len - ORIGIN_SHOWN : 0), line);
}

/* The beginning of what is left of the line, fit to be shown; empty at its end. */
static const char *
found(const quire_line *t, char out[FOUND_ROOM])
{
    quire_escape(out, FOUND_ROOM, t->p, (size_t)(t->end - t->p));
    return out;
}

/* --- the parts of a line ---------------------------------------------------------------------- */

static quire_status
take_who(quire_line *t, quire_sym *out)
{
    quire_bytes who;
    QUIRE_TRY(quire_line_name(t, quire_claimant_is_plain, "the name of a claimant", &who));
    if (who.len == 0) return quire_line_fail(t, "found an empty name; a claimant has a name");
    return quire_line_keep(t, who, out);
}

static quire_status
take_by(quire_line *t)
{
    char text[FOUND_ROOM];
    quire_line_blanks(t);
    if (quire_line_keyword(t, "by")) {
        quire_line_blanks(t);
        return QUIRE_OK;
    }
    return quire_line_fail(t, "expected 'by' and who asks, found \"%s\"", found(t, text));
}

/* `!PRIORITY` and `noshare`, each of which may be left out. */
static quire_status
take_weight(quire_line *t, quire_claim *claim)
{
    int64_t priority = 0;
    quire_line_blanks(t);
    if (quire_line_take(t, "!")) {
        const uint8_t *const at = t->p;
        QUIRE_TRY(quire_line_int(t, &priority));
        if (priority < INT32_MIN || priority > INT32_MAX) {
            t->p = at;
            return quire_line_fail(t,
                                   "found priority %" PRId64 "; allowed is %" PRId32 " to %" PRId32,
                                   priority, INT32_MIN, INT32_MAX);
        }
    }
    claim->priority = (int32_t)priority;
    quire_line_blanks(t);
    if (quire_line_keyword(t, "noshare")) claim->flags |= QUIRE_CLAIM_NOSHARE;
    quire_line_blanks(t);
    return QUIRE_OK;
}

static quire_status
take_spec(quire_line *t, quire_spec_ref *out)
{
    quire_spec spec;
    QUIRE_TRY(quire_line_spec(t, &spec));
    return quire_spec_intern(t->reader->ctx, t->reader->m, &spec, out);
}

/* --- comments --------------------------------------------------------------------------------- */

static quire_status
take_reason_text(quire_line *t, quire_sym *out)
{
    quire_bytes text;
    QUIRE_TRY(quire_line_expect(t, ":"));
    quire_line_blanks(t);
    if (t->p == t->end || *t->p != '"') return quire_line_fail(t, "expected '\"'");
    QUIRE_TRY(quire_line_quoted(t, &text));
    return quire_line_keep(t, text, out);
}

/* `: "TEXT"` of claims[0..n), or `WHO: "TEXT"` of one of them. */
static quire_status
take_reason(quire_line *t, quire_claim *claims, size_t n)
{
    quire_sym who = {0};
    quire_sym reason;
    bool any = false;
    quire_line_blanks(t);
    if (t->p < t->end && *t->p != ':') {
        /* A plain claimant may hold colons; the one that separates has a blank behind it. */
        const uint8_t *end = t->p;
        while (end < t->end && quire_claimant_is_plain(*end))
            end++;
        if (end > t->p && end[-1] == ':') {
            QUIRE_TRY(quire_line_keep(t, (quire_bytes){t->p, (size_t)(end - 1 - t->p)}, &who));
            t->p = end - 1;
        } else {
            QUIRE_TRY(take_who(t, &who));
        }
    }
    QUIRE_TRY(take_reason_text(t, &reason));
    for (size_t i = 0; i < n; i++) {
        if (who.id != 0 && claims[i].who.id != who.id) continue;
        claims[i].reason = reason;
        any = true;
    }
    return any ? QUIRE_OK : quire_line_fail(t, "no such claimant in this line");
}

static quire_status
take_lost(quire_line *t, const quire_claim *winner, quire_claims *io_claims)
{
    quire_claim claim = {.slot = winner->slot, .line = winner->line, .flags = QUIRE_CLAIM_LOST};
    QUIRE_TRY(take_spec(t, &claim.spec));
    QUIRE_TRY(take_by(t));
    QUIRE_TRY(take_who(t, &claim.who));
    QUIRE_TRY(take_weight(t, &claim));
    if (quire_line_keyword(t, "reason")) QUIRE_TRY(take_reason_text(t, &claim.reason));
    return quire_claims_add(t->reader->ctx, io_claims, &claim);
}

/* Items of a comment behind the claims from `first` on. */
static quire_status
take_items(quire_line *t, size_t first, quire_claims *io_claims)
{
    const size_t n = io_claims->n - first;
    do {
        quire_line_blanks(t);
        if (quire_line_keyword(t, "reason")) {
            QUIRE_TRY(take_reason(t, io_claims->ptr + first, n));
        } else if (quire_line_take(t, "lost:")) {
            const quire_claim winner = io_claims->ptr[first];
            QUIRE_TRY(take_lost(t, &winner, io_claims));
        } else {
            return quire_line_fail(t, "expected 'reason' or 'lost:'");
        }
        quire_line_blanks(t);
    } while (quire_line_take(t, ";"));
    return t->p == t->end ? QUIRE_OK : quire_line_fail(t, "expected ';'");
}

/* A comment is never an error: one that is no list of items is as if it were not there. */
static quire_status
take_comment(quire_line *t, size_t first, quire_claims *io_claims)
{
    quire_ctx *const ctx = t->reader->ctx;
    quire_ctx quiet = *ctx;
    const size_t n = io_claims->n;
    quiet.sink = NULL;
    t->reader->ctx = &quiet;
    const quire_status status = take_items(t, first, io_claims);
    t->reader->ctx = ctx;
    if (status == QUIRE_OK) return QUIRE_OK;
    if (status == QUIRE_E_NOMEM) return quire_nomem(ctx);
    io_claims->n = n;
    for (size_t i = first; i < n; i++)
        io_claims->ptr[i].reason = (quire_sym){0};
    return QUIRE_OK;
}

/* --- lines ------------------------------------------------------------------------------------ */

static quire_status
take_sponsors(quire_line *t, quire_claim *claim, quire_claims *io_claims)
{
    const size_t first = io_claims->n;
    do {
        QUIRE_TRY(take_who(t, &claim->who));
        QUIRE_TRY(quire_claims_add(t->reader->ctx, io_claims, claim));
    } while (quire_line_take(t, ","));
    QUIRE_TRY(take_weight(t, claim));
    for (size_t i = first; i < io_claims->n; i++) {
        io_claims->ptr[i].priority = claim->priority;
        io_claims->ptr[i].flags = claim->flags;
    }
    return QUIRE_OK;
}

static quire_status
take_line(quire_line *t, uint32_t line, quire_claims *io_claims)
{
    char text[FOUND_ROOM];
    quire_claim claim = {.line = line};
    const size_t first = io_claims->n;
    quire_line_blanks(t);
    if (t->p == t->end || *t->p == '#') return QUIRE_OK;
    QUIRE_TRY(quire_line_slot(t, &claim.slot));
    if (t->p < t->end && *t->p != ' ' && *t->p != '\t')
        return quire_line_fail(t, "expected a blank behind the slot, found \"%s\"", found(t, text));
    QUIRE_TRY(take_spec(t, &claim.spec));
    QUIRE_TRY(take_by(t));
    QUIRE_TRY(take_sponsors(t, &claim, io_claims));
    if (t->p == t->end) return QUIRE_OK;
    if (quire_line_take(t, "#")) return take_comment(t, first, io_claims);
    return quire_line_fail(t,
                           "expected '!PRIORITY', 'noshare', a comment or the end of the line, "
                           "in this order, found \"%s\"",
                           found(t, text));
}

/* The first line of `text`, without what ends it; *io_text moves behind it. */
static quire_bytes
cut_line(quire_bytes *io_text)
{
    const uint8_t *const end = memchr(io_text->ptr, '\n', io_text->len);
    size_t len = end == NULL ? io_text->len : (size_t)(end - io_text->ptr);
    quire_bytes line = {io_text->ptr, len};
    if (end != NULL) len++;
    io_text->ptr += len;
    io_text->len -= len;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    return line;
}

static quire_status
check_first_line(quire_line *t)
{
    static const char wanted[] =
        "the first line of an annotation text is \"" QUIRE_CLAIMS_MAGIC " 1\"";
    char text[FOUND_ROOM];
    int64_t version;
    if (quire_line_take(t, "\xef\xbb\xbf"))
        return quire_line_fail(t, "found a byte order mark; %s; save the file without it", wanted);
    if (!quire_line_take(t, QUIRE_CLAIMS_MAGIC " "))
        return quire_line_fail(t, "found \"%s\"; %s", found(t, text), wanted);
    quire_line_blanks(t);
    QUIRE_TRY(quire_line_int(t, &version));
    quire_line_blanks(t);
    if (t->p < t->end) return quire_line_fail(t, "found \"%s\"; %s", found(t, text), wanted);
    if (version == QUIRE_CLAIMS_VERSION) return QUIRE_OK;
    return quire_line_fail(t, "the text is of version %" PRId64 "; this quire reads version %d",
                           version, QUIRE_CLAIMS_VERSION);
}

static quire_status
take_text(quire_slot_reader *reader, quire_bytes text, quire_claims *io_claims)
{
    char where[WHERE_ROOM];
    quire_line t;
    for (uint32_t line = 1; line == 1 || text.len > 0; line++) {
        const quire_bytes next = cut_line(&text);
        reader->line = next.ptr;
        tell_where(reader, line, where);
        QUIRE_TRY(quire_line_open(reader, where, next, &t));
        QUIRE_TRY(line == 1 ? check_first_line(&t) : take_line(&t, line, io_claims));
    }
    return QUIRE_OK;
}

/* --- two requests by one claimant ------------------------------------------------------------- */

static bool
same_request(const quire_claim *a, const quire_claim *b)
{
    return quire_slot_equal(a->slot, b->slot) && a->who.id == b->who.id;
}

static uint64_t
request_hash(const quire_claim *c)
{
    uint64_t h = ((uint64_t)c->slot.id << 32 | c->who.id) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ c->slot.kind) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 29;
}

static quire_status
fail_twice(quire_slot_reader *reader, const quire_claim *first, const quire_claim *again)
{
    char where[WHERE_ROOM], slot[200], who[200];
    quire_ctx ctx = *reader->ctx;
    quire_writer w;
    quire_text text;
    quire_writer_to_text(&w, &ctx, &text);
    quire_slot_print(&w, reader->m, again->slot);
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) quire_escape(slot, sizeof slot, (const uint8_t *)text.ptr, text.len);
    quire_text_free(&ctx, &text);
    QUIRE_TRY(status);
    const quire_bytes name = quire_sym_bytes(reader->m, again->who);
    quire_escape(who, sizeof who, name.ptr, name.len);
    tell_where(reader, again->line, where);
    if (reader->origin != NULL) ctx.file = NULL;
    return quire_fail(&ctx, QUIRE_E_INVALID, where,
                      "\"%s\" asks for %s in line %" PRIu32 " and again in line %" PRIu32
                      "; a claimant has one request for a slot: remove one",
                      who, slot, first->line, again->line);
}

/* Looks at claims[0..n) through a hash of slot and claimant; `places` are mask + 1 zeros. */
static quire_status
find_twice(quire_slot_reader *reader, const quire_claim *claims, size_t n, size_t *places,
           size_t mask)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)request_hash(&claims[i]) & mask;
        if ((claims[i].flags & QUIRE_CLAIM_LOST) != 0) continue;
        for (; places[at] != 0; at = (at + 1) & mask) {
            const quire_claim *const other = &claims[places[at] - 1];
            if (same_request(other, &claims[i])) return fail_twice(reader, other, &claims[i]);
        }
        places[at] = i + 1;
    }
    return QUIRE_OK;
}

static quire_status
check_twice(quire_slot_reader *reader, const quire_claim *claims, size_t n)
{
    const quire_allocator *alloc = reader->ctx->alloc;
    size_t room = 16;
    while (room < 2 * n)
        room *= 2;
    size_t *places = quire_alloc(alloc, room * sizeof *places);
    if (places == NULL) return quire_nomem(reader->ctx);
    memset(places, 0, room * sizeof *places);
    const quire_status status = find_twice(reader, claims, n, places, room - 1);
    quire_free(alloc, places, room * sizeof *places);
    return status;
}

quire_status
quire_claims_parse(quire_slot_reader *reader, quire_bytes text, quire_claims *io_claims)
{
    const uint8_t *const line = reader->line;
    const size_t first = io_claims->n;
    if (text.ptr == NULL) text = quire_bytes_of("");
    const quire_status status = take_text(reader, text, io_claims);
    reader->line = line;
    QUIRE_TRY(status);
    return check_twice(reader, io_claims->ptr + first, io_claims->n - first);
}
