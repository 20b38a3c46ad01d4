/* composable.c - the quantizer `composable`: others in a stated order, as one.
 *
 * Every callback is passed on to the children that have it, in order. The rule between them is
 * PT2E's, on values instead of object identity: what an earlier child asked for at a slot, a later
 * one may ask for again, but not otherwise. Slots count, not nodes: at the other slots of a node a
 * later child is free.
 */
#include "quantizers/lookups.h"
#include "quantizers/quantizers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY QUIRE_RETURN_IF_FAILED

enum { MESSAGE_ROOM = 900, SPEC_SHOWN = 250, NAME_SHOWN = 100 };

typedef struct settings {
    quire_string of;
} settings;

static const quire_option options[] = {
    {
        .size = sizeof(quire_option),
        .type = QUIRE_OPTION_STRING,
        .name = "of",
        .help = "the quantizers, in order: of={NAME;NAME:OPTIONS}",
        .offset = offsetof(settings, of),
    },
};

typedef struct composable {
    const quire_host *host;
    const quire_host_quantizers *service;
    quire_child *of;
    uint32_t n, room;
    uint32_t at, first_row; /* of support: the child that was asked last, and its first row */
} composable;

/* --- the list of children --------------------------------------------------------------------- */

/* Index behind the quote that closes the one at text[at], or the end. */
static size_t
pass_quoted(quire_string text, size_t at)
{
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.ptr[i] == '"') return i + 1;
        if (text.ptr[i] == '\\') i++;
    }
    return text.len;
}

/* Index of the first byte at or behind text[at] that is `wanted` outside of quotes and braces, or
 * the end. */
static size_t
find_outside(quire_string text, size_t at, char wanted)
{
    size_t depth = 0;
    while (at < text.len) {
        const char c = text.ptr[at];
        if (depth == 0 && c == wanted) return at;
        if (c == '{') depth++;
        if (c == '}' && depth > 0) depth--;
        at = c == '"' ? pass_quoted(text, at) : at + 1;
    }
    return at;
}

static quire_string
trim(quire_string s)
{
    while (s.len > 0 && s.ptr[0] == ' ') {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

/* Without the braces, if one pair stands around all of it. */
static quire_string
unwrap(quire_string s)
{
    if (s.len < 2 || s.ptr[0] != '{' || s.ptr[s.len - 1] != '}') return s;
    const quire_string inner = {s.ptr + 1, s.len - 1};
    return find_outside(inner, 0, '}') == s.len - 2 ? trim((quire_string){s.ptr + 1, s.len - 2})
                                                    : s;
}

/* Takes what stands before the first `;` off the text; false if the text is used up. */
static bool
next_text(quire_string *io_list, quire_string *out)
{
    while (io_list->len > 0) {
        const size_t len = find_outside(*io_list, 0, ';');
        const size_t taken = len < io_list->len ? len + 1 : len;
        *out = unwrap(trim((quire_string){io_list->ptr, len}));
        io_list->ptr += taken;
        io_list->len -= taken;
        if (out->len > 0) return true;
    }
    return false;
}

/* --- create ----------------------------------------------------------------------------------- */

static quire_status
create_children(composable *c, quire_string list)
{
    quire_string text;
    while (next_text(&list, &text)) {
        TRY(quire_room_for(c->host, &c->of, &c->room, (uint64_t)c->n + 1, sizeof *c->of));
        c->of[c->n].size = sizeof *c->of;
        TRY(c->service->create(c->service->ctx, text, &c->of[c->n]));
        c->n++;
    }
    if (c->n > 0) return QUIRE_OK;
    return quire_say(
        c->host, QUIRE_E_USAGE,
        "option \"of\" names no quantizer; it takes NAME or NAME:OPTIONS, with ; between "
        "several");
}

/* Children were, or will be, destroyed by the host. */
static void
destroy(void *self)
{
    composable *c = self;
    const quire_host *host = c->host;
    if (c->of != NULL) host->realloc(host->ctx, c->of, c->room * sizeof *c->of, 0);
    host->realloc(host->ctx, c, sizeof *c, 0);
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    const settings *set = given;
    const quire_host_quantizers *service = host->get_service(host->ctx, QUIRE_HOST_QUANTIZERS_1);
    if (service == NULL)
        return quire_say(host, QUIRE_E_UNSUPPORTED, "this host has no " QUIRE_HOST_QUANTIZERS_1);
    composable *c = host->realloc(host->ctx, NULL, 0, sizeof *c);
    if (c == NULL) return QUIRE_E_NOMEM;
    *c = (composable){.host = host, .service = service};
    const quire_status status = create_children(c, set->of);
    if (status != QUIRE_OK) {
        destroy(c);
        return status;
    }
    *out_self = c;
    return QUIRE_OK;
}

/* --- support ---------------------------------------------------------------------------------- */

static quire_status
row_of(const quire_child *child, uint32_t row, quire_support *out)
{
    const quire_quantizer *q = child->quantizer;
    return q->support == NULL ? QUIRE_NONE : q->support(child->self, row, out);
}

/* Of a child that has no row `most`. */
static uint32_t
count_rows(const quire_child *child, uint32_t most)
{
    uint32_t n = 0;
    quire_support row = {.size = sizeof row, .spec.size = sizeof row.spec};
    while (n < most && row_of(child, n, &row) == QUIRE_OK)
        n++;
    return n;
}

/* The rows of all children, one after another. They are asked for from the first on, so the child
 * that was asked last is mostly the one. */
static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    composable *c = self;
    if (row < c->first_row) {
        c->at = 0;
        c->first_row = 0;
    }
    for (; c->at < c->n; c->at++) {
        const quire_child *child = &c->of[c->at];
        const quire_status status = row_of(child, row - c->first_row, out);
        if (status != QUIRE_NONE) return status;
        c->first_row += count_rows(child, row - c->first_row);
    }
    return QUIRE_NONE;
}

/* --- passing on ------------------------------------------------------------------------------- */

/* If the child or the host reported why, that is told instead. */
static quire_status
told(const composable *c, const quire_child *child, quire_status status)
{
    char message[MESSAGE_ROOM];
    const int len = (int)(child->who.len < 200 ? child->who.len : 200);
    if (status == QUIRE_OK) return QUIRE_OK;
    (void)snprintf(message, sizeof message, "%.*s failed with status %ld and reported nothing", len,
                   child->who.ptr, (long)status);
    return quire_say(c->host, status == QUIRE_NONE ? QUIRE_E_PLUGIN : status, message);
}

static quire_status
transform(void *self, const quire_graph_api *graph, const quire_edit_api *edits)
{
    const composable *c = self;
    (void)graph;
    (void)edits;
    for (uint32_t i = 0; i < c->n; i++) {
        const quire_child *child = &c->of[i];
        if (child->quantizer->transform == NULL) continue;
        TRY(told(c, child,
                 child->quantizer->transform(child->self,
                                             c->service->graph(c->service->ctx, child->number),
                                             c->service->edits(c->service->ctx, child->number))));
    }
    return QUIRE_OK;
}

static quire_status
validate(void *self, const quire_graph_api *graph, const quire_resolved_api *resolved)
{
    const composable *c = self;
    (void)graph;
    (void)resolved;
    for (uint32_t i = 0; i < c->n; i++) {
        const quire_child *child = &c->of[i];
        if (child->quantizer->validate == NULL) continue;
        TRY(told(c, child,
                 child->quantizer->validate(child->self,
                                            c->service->graph(c->service->ctx, child->number),
                                            c->service->resolved(c->service->ctx, child->number))));
    }
    return QUIRE_OK;
}

static quire_status
adjust(void *self, const quire_graph_api *graph, const quire_group_api *groups)
{
    const composable *c = self;
    (void)graph;
    (void)groups;
    for (uint32_t i = 0; i < c->n; i++) {
        const quire_child *child = &c->of[i];
        if (child->quantizer->adjust == NULL) continue;
        TRY(told(c, child,
                 child->quantizer->adjust(child->self,
                                          c->service->graph(c->service->ctx, child->number),
                                          c->service->groups(c->service->ctx, child->number))));
    }
    return QUIRE_OK;
}

/* --- annotate --------------------------------------------------------------------------------- */

/* A claim at a slot for which an earlier child asked, too. */
typedef struct meeting {
    quire_place place;
    uint32_t number;                       /* of the claim, in order */
    quire_string later, earlier;           /* who */
    quire_string later_spec, earlier_spec; /* as texts: the same if the specs are */
} meeting;

/* What is looked at after a child's annotate. */
typedef struct watch {
    const composable *c;
    const quire_claim_api *ours;   /* shows what was claimed before any child       */
    const quire_claim_api *childs; /* shows what was claimed before this child, too */
    meeting *of;
    uint32_t n, room;
} watch;

/* The last claim of an earlier child on the place; QUIRE_NONE: there is none. All of them agree, or
 * the run would have ended. */
static quire_status
find_earlier(const watch *w, quire_place place, quire_string *out_who, quire_qspec *out_spec)
{
    uint32_t k = 0;
    quire_status status, found = QUIRE_NONE;
    while ((status = w->ours->claimed(w->ours->ctx, place, k, NULL, NULL)) == QUIRE_OK)
        k++;
    if (status != QUIRE_NONE) return status;
    while ((status = w->childs->claimed(w->childs->ctx, place, k, out_who, out_spec)) == QUIRE_OK) {
        found = QUIRE_OK;
        k++;
    }
    return status == QUIRE_NONE ? found : status;
}

static quire_status
note_meeting(watch *w, meeting m, const quire_qspec *later)
{
    quire_qspec earlier = {.size = sizeof earlier};
    const quire_status status = find_earlier(w, m.place, &m.earlier, &earlier);
    if (status != QUIRE_OK) return status == QUIRE_NONE ? QUIRE_OK : status;
    TRY(w->ours->text(w->ours->ctx, later, &m.later_spec));
    TRY(w->ours->text(w->ours->ctx, &earlier, &m.earlier_spec));
    TRY(quire_room_for(w->c->host, &w->of, &w->room, (uint64_t)w->n + 1, sizeof *w->of));
    w->of[w->n++] = m;
    return QUIRE_OK;
}

/* All claims of the child, also those of children it has itself. */
static quire_status
find_meetings(watch *w, const quire_child *child)
{
    const quire_host_quantizers *service = w->c->service;
    for (uint32_t k = 0;; k++) {
        quire_qspec spec = {.size = sizeof spec};
        meeting m = {.number = k};
        const quire_status status =
            service->claimed(service->ctx, child->number, k, &m.place, &m.later, &spec);
        if (status != QUIRE_OK) return status == QUIRE_NONE ? QUIRE_OK : status;
        TRY(note_meeting(w, m, &spec));
    }
}

/* By slot, then in order. */
static int
compare_meetings(const void *one, const void *other)
{
    const meeting *a = one, *b = other;
    if (a->place.kind != b->place.kind) return a->place.kind < b->place.kind ? -1 : 1;
    if (a->place.id != b->place.id) return a->place.id < b->place.id ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool
is_overruled(const watch *w, uint32_t i)
{
    return i + 1 < w->n && w->of[i].place.kind == w->of[i + 1].place.kind &&
           w->of[i].place.id == w->of[i + 1].place.id;
}

static int
shown(quire_string s, int room)
{
    return s.len < (size_t)room ? (int)s.len : room;
}

static quire_status
refuse(const watch *w, const meeting *m)
{
    char message[MESSAGE_ROOM];
    const quire_host *host = w->c->host;
    (void)snprintf(
        message, sizeof message,
        "%.*s asks for %.*s, but %.*s before it asked for %.*s; of one composable a later "
        "quantizer does not overwrite an earlier one: leave the slot out of one of them",
        shown(m->later, NAME_SHOWN), m->later.ptr, shown(m->later_spec, SPEC_SHOWN),
        m->later_spec.ptr, shown(m->earlier, NAME_SHOWN), m->earlier.ptr,
        shown(m->earlier_spec, SPEC_SHOWN), m->earlier_spec.ptr);
    host->report(host->ctx, QUIRE_ERROR, m->place, quire_string_of(message));
    return QUIRE_E_USAGE;
}

/* Of several claims of one child on a slot the last counts. The first slot, in the order of claims,
 * at which the child and an earlier one differ ends the run. */
static quire_status
check_meetings(const watch *w)
{
    const meeting *first = NULL;
    if (w->n > 0) qsort(w->of, w->n, sizeof *w->of, compare_meetings);
    for (uint32_t i = 0; i < w->n; i++) {
        const meeting *m = &w->of[i];
        const bool same = m->later_spec.len == m->earlier_spec.len &&
                          memcmp(m->later_spec.ptr, m->earlier_spec.ptr, m->later_spec.len) == 0;
        if (is_overruled(w, i) || same) continue;
        if (first == NULL || m->number < first->number) first = m;
    }
    return first == NULL ? QUIRE_OK : refuse(w, first);
}

static quire_status
annotate_child(watch *w, const quire_child *child)
{
    const composable *c = w->c;
    const quire_graph_api *graph = c->service->graph(c->service->ctx, child->number);
    w->childs = c->service->claims(c->service->ctx, child->number);
    TRY(told(c, child, child->quantizer->annotate(child->self, graph, w->childs)));
    if (child == c->of) return QUIRE_OK; /* the first has none before it */
    TRY(find_meetings(w, child));
    return check_meetings(w);
}

static quire_status
annotate(void *self, const quire_graph_api *graph, const quire_claim_api *claims)
{
    const composable *c = self;
    quire_status status = QUIRE_OK;
    (void)graph;
    for (uint32_t i = 0; status == QUIRE_OK && i < c->n; i++) {
        watch w = {.c = c, .ours = claims};
        status = annotate_child(&w, &c->of[i]);
        if (w.of != NULL) c->host->realloc(c->host->ctx, w.of, w.room * sizeof *w.of, 0);
    }
    return status;
}

const quire_quantizer quire_quantizer_composable = {
    .size = sizeof(quire_quantizer),
    .options_size = sizeof(settings),
    .name = "composable",
    .summary =
        "several quantizers in order, of which a later one does not overwrite an earlier one",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .create = create,
    .destroy = destroy,
    .support = support,
    .transform = transform,
    .annotate = annotate,
    .validate = validate,
    .adjust = adjust,
};
