/* adjuster.c - asks for nothing, and edits the groups that others' requests make as its option says.
 *
 *     steps=fixed:G:SCALE:ZERO+observer:G:NAME:OPTIONS+detach:SLOT+remove:SLOT+join:G:G
 *
 * G is a slot of the group (`v`, `v<-1`, `->0` of the main graph), `#N` a number, or `*`: each group that
 * is left, in turn. It has two quantizers, "adjuster" and "second".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

enum { MOST_ARGUMENTS = 4, ROOM = 100 };

typedef struct options {
    quire_string steps;
} options;

typedef struct adjuster {
    const quire_host *host;
    options options;
} adjuster;

typedef struct step { /* NAME:A:B:C */
    char words[MOST_ARGUMENTS][ROOM];
    int n;
} step;

typedef struct editing {
    const adjuster *self;
    const quire_graph_api *graph;
    const quire_group_api *groups;
} editing;

static quire_string
text_of(const char *text)
{
    return (quire_string){text, strlen(text)};
}

static quire_status
complain(const editing *e, const char *what, const char *about)
{
    char text[2 * ROOM];
    snprintf(text, sizeof text, "%s %s", what, about);
    e->self->host->report(e->self->host->ctx, QUIRE_ERROR, (quire_place){0, 0}, text_of(text));
    return QUIRE_E_USAGE;
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    adjuster *self = host->realloc(host->ctx, NULL, 0, sizeof *self);
    if (self == NULL) return QUIRE_E_NOMEM;
    self->host = host;
    memcpy(&self->options, given, sizeof self->options);
    *out_self = self;
    return QUIRE_OK;
}

static void
destroy(void *data)
{
    adjuster *self = data;
    self->host->realloc(self->host->ctx, self, sizeof *self, 0);
}

/* --- slots ------------------------------------------------------------------------------------ */

static int
is_called(const editing *e, quire_value_id value, const char *name)
{
    quire_value_view v = {.size = sizeof v};
    return value != 0 && e->graph->value(e->graph->ctx, value, &v) == QUIRE_OK &&
           v.name.len == strlen(name) && memcmp(v.name.ptr, name, v.name.len) == 0;
}

/* The node whose first result has this name; 0: none. */
static quire_node_id
find_node(const editing *e, const char *name)
{
    for (quire_node_id n = 0; (n = e->graph->next_node(e->graph->ctx, n)) != 0;) {
        quire_value_id value;
        if (e->graph->result(e->graph->ctx, n, 0, NULL, &value) == QUIRE_OK &&
            is_called(e, value, name))
            return n;
    }
    return 0;
}

static quire_status
find_input(const editing *e, const char *name, quire_place *out)
{
    const quire_graph_id main_graph = e->graph->main_graph(e->graph->ctx);
    quire_value_id value;
    for (uint32_t k = 0;; k++) {
        const quire_status status = e->graph->input(e->graph->ctx, main_graph, k, out, &value);
        if (status == QUIRE_NONE) return complain(e, "there is no slot", name);
        if (status != QUIRE_OK || is_called(e, value, name)) return status;
    }
}

static quire_status
find_slot(const editing *e, const char *text, quire_place *out)
{
    char name[ROOM];
    const quire_graph_api *g = e->graph;
    const char *arrow = strstr(text, "<-");
    if (strncmp(text, "->", 2) == 0)
        return g->output(g->ctx, g->main_graph(g->ctx), (uint32_t)atoi(text + 2), out, NULL);
    snprintf(name, sizeof name, "%.*s", arrow ? (int)(arrow - text) : (int)strlen(text), text);
    const quire_node_id node = find_node(e, name);
    if (node == 0) return find_input(e, name, out);
    if (arrow == NULL) return g->result(g->ctx, node, 0, out, NULL);
    return g->operand(g->ctx, node, (uint32_t)atoi(arrow + 2), out, NULL);
}

static quire_status
find_group(const editing *e, const char *text, uint32_t *out)
{
    quire_place place;
    *out = (uint32_t)strtoul(text + 1, NULL, 10);
    if (text[0] == '#') return QUIRE_OK;
    quire_status status = find_slot(e, text, &place);
    if (status == QUIRE_OK) status = e->groups->group_of(e->groups->ctx, place, out);
    return status == QUIRE_NONE ? complain(e, "no group has", text) : status;
}

/* --- steps ------------------------------------------------------------------------------------ */

static quire_status
edit_group(const editing *e, const step *s, uint32_t group)
{
    const quire_group_api *g = e->groups;
    uint32_t from;
    if (strcmp(s->words[0], "fixed") == 0)
        return g->set_fixed(g->ctx, group, strtod(s->words[2], NULL), atoll(s->words[3]));
    if (strcmp(s->words[0], "observer") == 0)
        return g->set_observer(g->ctx, group, text_of(s->words[2]), text_of(s->words[3]));
    if (strcmp(s->words[0], "join") != 0) return complain(e, "there is no step", s->words[0]);
    const quire_status status = find_group(e, s->words[2], &from);
    return status == QUIRE_OK ? g->join(g->ctx, group, from) : status;
}

static quire_status
edit_all(const editing *e, const step *s)
{
    for (uint32_t group = 0; group < e->groups->n_groups(e->groups->ctx); group++) {
        const quire_status status = edit_group(e, s, group);
        if (status != QUIRE_OK && status != QUIRE_NONE) return status;
    }
    return QUIRE_OK;
}

static quire_status
edit_slot(const editing *e, const step *s)
{
    quire_place place;
    uint32_t group;
    const quire_status status = find_slot(e, s->words[1], &place);
    if (status != QUIRE_OK) return status;
    if (strcmp(s->words[0], "remove") == 0) return e->groups->remove(e->groups->ctx, place);
    return e->groups->detach(e->groups->ctx, place, &group);
}

static quire_status
edit(const editing *e, const step *s)
{
    uint32_t group;
    if (strcmp(s->words[0], "detach") == 0 || strcmp(s->words[0], "remove") == 0)
        return edit_slot(e, s);
    if (strcmp(s->words[1], "*") == 0) return edit_all(e, s);
    const quire_status status = find_group(e, s->words[1], &group);
    return status == QUIRE_OK ? edit_group(e, s, group) : status;
}

/* Reads one step; returns what is behind it and its `+`. */
static const char *
read_step(const char *text, const char *end, step *out)
{
    size_t len = 0;
    memset(out, 0, sizeof *out);
    for (; text < end && *text != '+'; text++) {
        if (*text == ':' && out->n + 1 < MOST_ARGUMENTS) {
            out->n++;
            len = 0;
        } else if (len + 1 < ROOM) {
            out->words[out->n][len++] = *text;
        }
    }
    return text < end ? text + 1 : end;
}

static quire_status
adjust(void *data, const quire_graph_api *graph, const quire_group_api *groups)
{
    const adjuster *self = data;
    const editing e = {self, graph, groups};
    const char *at = self->options.steps.ptr;
    const char *end = at + self->options.steps.len;
    while (at < end) {
        step s;
        at = read_step(at, end, &s);
        const quire_status status = edit(&e, &s);
        if (status == QUIRE_NONE) return complain(&e, "it did nothing:", s.words[0]);
        if (status != QUIRE_OK) return status;
    }
    return QUIRE_OK;
}

static const quire_option table[] = {{sizeof(quire_option), QUIRE_OPTION_STRING, "steps",
                                      "edits of groups", "", 0, 0, NULL, offsetof(options, steps)}};

#define QUANTIZER(its_name)                                                                        \
    {                                                                                              \
        .size = sizeof(quire_quantizer), .options_size = sizeof(options), .name = its_name,        \
        .summary = "edits groups as told", .options = table, .n_options = 1, .create = create,     \
        .destroy = destroy, .support = plain_support, .annotate = plain_annotate, .adjust = adjust \
    }

static const quire_quantizer quantizers[] = {QUANTIZER("adjuster"), QUANTIZER("second")};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index < 2 ? &quantizers[index] : NULL;
}

static const quire_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = QUIRE_ABI_MAJOR,
                                    PLAIN_PLUGIN("adjuster"),
                                    .get_interface = get_interface};

PLAIN_ENTRY(&plugin)
