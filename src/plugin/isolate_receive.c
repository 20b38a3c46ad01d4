/* isolate_receive.c - reads what the isolated process sent. It may have been written by a plugin
 * that has taken that process over: lines, numbers, names and places are looked at before they
 * are used, and whatever does not fit makes the whole answer nonsense.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "plugin/host_view.h"
#include "plugin/isolate_wire.h"

enum { MAX_FIELDS = 5, MAX_SAID = 10000 };

typedef struct reading {
    quire_ctx *ctx;
    quire_model *m;
    quire_isolated_answer *out;
    quire_bytes rest;
    quire_arena arena; /* fields of the line */
    quire_bytes fields[MAX_FIELDS];
    size_t n_fields, n_said;
    bool telling; /* the second time: messages are passed on, all else is known */
} reading;

/* --- fields ----------------------------------------------------------------------------------- */

static quire_status
nonsense(reading *r, const char *what)
{
    if (r->out->nonsense == NULL) r->out->nonsense = what;
    return QUIRE_NONE;
}

static int
digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place of a copy. False: not so written. */
static bool
decode(quire_bytes in, uint8_t *out, size_t *out_n)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = in.ptr[i];
        if (byte <= ' ' || byte >= 0x7f) return false;
        if (byte == '%') {
            if (in.len - i < 3) return false;
            const int high = digit(in.ptr[i + 1]);
            const int low = digit(in.ptr[i + 2]);
            if (high < 0 || low < 0) return false;
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        }
        out[n++] = byte;
    }
    *out_n = n;
    return true;
}

static quire_status
take_field(reading *r, quire_bytes raw)
{
    uint8_t *bytes;
    if (r->n_fields == MAX_FIELDS) return nonsense(r, "too many fields");
    if (raw.len > 3 * (size_t)QUIRE_HOST_MAX_STRING) return nonsense(r, "a field is too long");
    QUIRE_TRY(quire_arena_take(r->ctx, &r->arena, raw.len + 1, &bytes));
    quire_bytes *field = &r->fields[r->n_fields++];
    field->ptr = bytes;
    if (!decode(raw, bytes, &field->len))
        return nonsense(r, "a field is not written as fields are");
    bytes[field->len] = '\0';
    return QUIRE_OK;
}

/* Splits what follows the word: each field is ` =` and bytes. */
static quire_status
take_fields(reading *r, quire_bytes line)
{
    r->n_fields = 0;
    while (line.len > 0) {
        if (line.len < 2 || line.ptr[0] != ' ' || line.ptr[1] != '=')
            return nonsense(r, "something stands where a field should");
        const uint8_t *begin = line.ptr + 2;
        const uint8_t *end = memchr(begin, ' ', line.len - 2);
        const size_t n = end != NULL ? (size_t)(end - begin) : line.len - 2;
        QUIRE_TRY(take_field(r, (quire_bytes){begin, n}));
        line.ptr += n + 2;
        line.len -= n + 2;
    }
    return QUIRE_OK;
}

static bool
number_of(const reading *r, size_t field, uint64_t most, uint64_t *out)
{
    const quire_bytes text = r->fields[field];
    uint64_t n = 0;
    if (text.len == 0 || text.len > 19) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        n = n * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = n;
    return n <= most;
}

static quire_status
sym_of(reading *r, size_t field, quire_sym *out)
{
    quire_bytes kept;
    *out = (quire_sym){0};
    if (r->fields[field].len == 0) return QUIRE_OK;
    QUIRE_TRY(quire_arena_copy(r->ctx, &r->m->arena, r->fields[field], &kept));
    return quire_syms_intern(r->ctx, &r->m->syms, kept, out);
}

/* Fit to be shown: one line of printable UTF-8. */
static const char *
shown(const reading *r, size_t field, char *out, size_t room)
{
    quire_escape(out, room, r->fields[field].ptr, r->fields[field].len);
    return out;
}

/* --- lines ------------------------------------------------------------------------------------ */

static quire_status
take_at(reading *r)
{
    char plugin[120], quantizer[80];
    quire_isolated_answer *out = r->out;
    shown(r, 0, plugin, sizeof plugin);
    shown(r, 1, quantizer, sizeof quantizer);
    if (quantizer[0] != '\0')
        snprintf(out->who, sizeof out->who, "plugin \"%s\" (quantizer \"%s\")", plugin, quantizer);
    else
        snprintf(out->who, sizeof out->who, "plugin \"%s\"", plugin);
    shown(r, 2, out->where, sizeof out->where);
    return QUIRE_OK;
}

/* What broke off, or is nonsense, is told as one error. */
static bool
is_whole(const quire_isolated_answer *out)
{
    return out->complete && out->nonsense == NULL;
}

static quire_status
take_say(reading *r)
{
    enum { ROOM = 1100 };
    uint64_t severity, status;
    char file[ROOM], path[ROOM], message[ROOM];
    if (!number_of(r, 0, QUIRE_ERROR, &severity) || !number_of(r, 1, QUIRE_E_INTERNAL, &status))
        return nonsense(r, "no such severity or status");
    if (++r->n_said > MAX_SAID) return nonsense(r, "too many messages");
    if (!r->telling && severity == QUIRE_ERROR) r->out->n_errors++;
    if (!r->telling || r->ctx->sink == NULL) return QUIRE_OK;
    if (severity == QUIRE_ERROR && !is_whole(r->out)) return QUIRE_OK;
    const quire_diagnostic d = {
        .severity = (quire_severity)severity,
        .status = (quire_status)status,
        .file = r->fields[2].len > 0 ? shown(r, 2, file, sizeof file) : NULL,
        .path = r->fields[3].len > 0 ? shown(r, 3, path, sizeof path) : NULL,
        .message = shown(r, 4, message, sizeof message),
    };
    r->ctx->sink(r->ctx->sink_data, &d);
    return QUIRE_OK;
}

static quire_status
take_quantizer(reading *r)
{
    quire_account *a = &r->out->account;
    if (r->fields[0].len == 0) return nonsense(r, "a quantizer has no name");
    QUIRE_TRY(quire_grow(r->ctx, &a->quantizers, &a->quantizers_room, a->n_quantizers + 1,
                         sizeof *a->quantizers));
    return sym_of(r, 0, &a->quantizers[a->n_quantizers++]);
}

static bool
is_node(const quire_model *m, uint64_t id)
{
    return id != 0 && id < m->nodes.count &&
           (quire_node_at(m, (quire_node){(uint32_t)id})->flags & QUIRE_DEAD) == 0;
}

static quire_status
take_skip(reading *r)
{
    quire_account *a = &r->out->account;
    quire_skip skip;
    uint64_t id;
    if (!number_of(r, 0, UINT32_MAX, &id) || !is_node(r->m, id))
        return nonsense(r, "a node that was left alone is none of the model");
    if (r->fields[1].len == 0) return nonsense(r, "a node was left alone by nobody");
    skip.node = (quire_node){(uint32_t)id};
    QUIRE_TRY(sym_of(r, 1, &skip.who));
    QUIRE_TRY(sym_of(r, 2, &skip.reason));
    QUIRE_TRY(sym_of(r, 3, &skip.text));
    QUIRE_TRY(quire_grow(r->ctx, &a->skips, &a->skips_room, a->n_skips + 1, sizeof *a->skips));
    a->skips[a->n_skips++] = skip;
    return QUIRE_OK;
}

/* {0, 0}: of no slot. */
static bool
is_slot(const quire_model *m, uint64_t kind, uint64_t id)
{
    if (kind == QUIRE_SLOT_RESULT) {
        if (id == 0) return true;
        if (id >= m->values.count) return false;
        const quire_value_rec *v = quire_value_at(m, (quire_value){(uint32_t)id});
        return v->def_kind != QUIRE_DEF_NONE && (v->flags & QUIRE_DEAD) == 0;
    }
    if (kind != QUIRE_SLOT_USE || id == 0 || id >= m->uses.count) return false;
    const quire_node node = quire_use_at(m, (quire_use){(uint32_t)id})->node;
    return node.id == 0 || (quire_node_at(m, node)->flags & QUIRE_DEAD) == 0;
}

static quire_status
take_finding(reading *r)
{
    quire_account *a = &r->out->account;
    quire_finding finding;
    uint64_t severity, kind, id;
    if (!number_of(r, 0, QUIRE_ERROR, &severity) || !number_of(r, 1, UINT32_MAX, &kind) ||
        !number_of(r, 2, UINT32_MAX, &id) || !is_slot(r->m, kind, id))
        return nonsense(r, "a finding is about no slot of the model");
    if (r->fields[3].len == 0) return nonsense(r, "a finding is by nobody");
    finding.severity = (quire_severity)severity;
    finding.slot = (quire_slot){(uint32_t)kind, (uint32_t)id};
    QUIRE_TRY(sym_of(r, 3, &finding.who));
    QUIRE_TRY(sym_of(r, 4, &finding.text));
    QUIRE_TRY(quire_grow(r->ctx, &a->findings, &a->findings_room, a->n_findings + 1,
                         sizeof *a->findings));
    a->findings[a->n_findings++] = finding;
    if (severity == QUIRE_ERROR) a->n_errors++;
    return QUIRE_OK;
}

static quire_status
take_annotations(reading *r)
{
    uint64_t n;
    if (!number_of(r, 0, r->rest.len, &n)) return nonsense(r, "the annotations are cut");
    if (r->out->annotations.ptr != NULL) return nonsense(r, "there are two lists of annotations");
    r->out->annotations = (quire_bytes){r->rest.ptr, (size_t)n};
    r->rest.ptr += n;
    r->rest.len -= (size_t)n;
    return QUIRE_OK;
}

static quire_status
take_end(reading *r)
{
    uint64_t status;
    if (!number_of(r, 0, QUIRE_E_INTERNAL, &status)) return nonsense(r, "no such status");
    if (r->rest.len > 0) return nonsense(r, "something follows the end");
    r->out->complete = true;
    r->out->status = (quire_status)status;
    return QUIRE_OK;
}

static const struct word {
    const char *word;
    size_t n_fields;
    bool only_once;
    quire_status (*take)(reading *r);
} words[] = {
    {"at", 3, true, take_at},
    {"say", 5, false, take_say},
    {"quantizer", 1, true, take_quantizer},
    {"skip", 4, true, take_skip},
    {"finding", 5, true, take_finding},
    {"annotations", 1, true, take_annotations},
    {"end", 1, true, take_end},
};

/* --- the whole -------------------------------------------------------------------------------- */

static quire_status
take_line(reading *r, quire_bytes line)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i].word);
        if (line.len < n || memcmp(line.ptr, words[i].word, n) != 0) continue;
        if (line.len > n && line.ptr[n] != ' ') continue;
        if (r->telling && words[i].only_once) return QUIRE_OK;
        quire_arena_reset(&r->arena);
        QUIRE_TRY(take_fields(r, (quire_bytes){line.ptr + n, line.len - n}));
        if (r->n_fields != words[i].n_fields) return nonsense(r, "a field is missing");
        return words[i].take(r);
    }
    return nonsense(r, "a line begins with no word that is known");
}

/* A last line without its end is one that did not arrive. */
static quire_status
take_lines(reading *r)
{
    while (r->rest.len > 0) {
        const uint8_t *end = memchr(r->rest.ptr, '\n', r->rest.len);
        if (end == NULL) return QUIRE_OK;
        const quire_bytes line = {r->rest.ptr, (size_t)(end - r->rest.ptr)};
        r->rest.len -= line.len + 1;
        r->rest.ptr = end + 1;
        r->out->line++;
        if (r->out->line > 1) {
            QUIRE_TRY(take_line(r, line));
        } else if (!quire_bytes_equal(line, quire_bytes_of(QUIRE_ISOLATED_FIRST_LINE))) {
            return nonsense(r, "the first line is not the one that was agreed on");
        }
    }
    return QUIRE_OK;
}

static quire_status
tell(reading *r, quire_bytes text)
{
    const quire_bytes annotations = r->out->annotations;
    const size_t line = r->out->line;
    r->telling = true;
    r->n_said = 0;
    r->out->line = 0;
    /* Messages stand before the annotations, or there are none. */
    if (annotations.ptr != NULL) text.len = (size_t)(annotations.ptr - text.ptr);
    r->rest = text;
    const quire_status status = take_lines(r);
    r->out->line = line;
    return status;
}

quire_status
quire_isolated_read(quire_ctx *ctx, quire_model *m, quire_bytes text, quire_isolated_answer *out)
{
    reading r = {.ctx = ctx, .m = m, .out = out, .rest = text};
    *out = (quire_isolated_answer){.complete = false};
    quire_arena_init(&r.arena, ctx->alloc);
    quire_status status = take_lines(&r);
    if (status == QUIRE_OK || status == QUIRE_NONE) status = tell(&r, text);
    quire_arena_deinit(&r.arena);
    return status == QUIRE_NONE ? QUIRE_OK : status;
}
