/* slot_read.c - from the text of a slot to the slot: first its parts, then what they mean. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/spec_text.h"

enum { MAX_PARTS = 1 + 2 * 32 }; /* a root, and a pair for each of at most 32 bodies */

typedef enum place { PLACE_VALUE, PLACE_OPERAND, PLACE_OUTPUT } place;

typedef struct parts {
    quire_bytes path[MAX_PARTS]; /* components before the last; views of the line or its scratch */
    size_t n;
    quire_bytes name; /* value, or first result of the node; unused by outputs */
    place place;
    uint32_t index; /* operand or output */
    bool is_self;   /* `$` in place of path and name */
} parts;

/* --- syntax ----------------------------------------------------------------------------------- */

static quire_status
take_index(quire_line *t, uint32_t *out)
{
    int64_t k;
    const uint8_t *at = t->p;
    QUIRE_TRY(quire_line_int(t, &k));
    if (k >= 0 && k <= UINT32_MAX && *at != '-') {
        *out = (uint32_t)k;
        return QUIRE_OK;
    }
    t->p = at;
    return quire_line_fail(t, "found number %" PRId64 "; allowed is 0 to 4294967295", k);
}

static quire_status
take_path(quire_line *t, parts *s)
{
    for (;;) {
        if (quire_line_take(t, "->")) {
            s->place = PLACE_OUTPUT;
            return take_index(t, &s->index);
        }
        QUIRE_TRY(quire_line_name(t, quire_slot_is_plain, "the name of a value", &s->name));
        if (!quire_line_take(t, "/")) return QUIRE_OK;
        if (s->n == MAX_PARTS) {
            return quire_line_fail(t,
                                   "a path of more than %d components; graphs nest at most "
                                   "32 deep",
                                   MAX_PARTS);
        }
        s->path[s->n++] = s->name;
    }
}

static quire_status
take_parts(quire_line *t, parts *s)
{
    *s = (parts){.place = PLACE_VALUE};
    s->is_self = quire_line_take(t, "$");
    if (!s->is_self) QUIRE_TRY(take_path(t, s));
    if (s->place == PLACE_OUTPUT || !quire_line_take(t, "<-")) return QUIRE_OK;
    s->place = PLACE_OPERAND;
    return take_index(t, &s->index);
}

/* --- slots that the graph does not have ------------------------------------------------------- */

static void
print_parts(quire_writer *w, const quire_model *m, quire_node self, const parts *s)
{
    if (s->is_self) {
        const quire_value v = quire_node_first_result(m, self);
        quire_slot_print(w, m, (quire_slot){QUIRE_SLOT_RESULT, v.id});
    }
    for (size_t k = 0; k < s->n; k++) {
        quire_slot_print_name(w, s->path[k]);
        quire_write_str(w, "/");
    }
    if (s->place != PLACE_OUTPUT && !s->is_self) quire_slot_print_name(w, s->name);
    if (s->place == PLACE_OPERAND) quire_writef(w, "<-%" PRIu32, s->index);
    if (s->place == PLACE_OUTPUT) quire_writef(w, "->%" PRIu32, s->index);
}

/* A slot that is its canonical text. */
static quire_status
make_named(quire_line *t, const parts *s, quire_slot_kind kind, quire_slot *out)
{
    quire_writer w;
    quire_text text;
    quire_sym sym = {0};
    quire_writer_to_text(&w, t->reader->ctx, &text);
    print_parts(&w, t->reader->m, t->reader->self, s);
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK)
        status = quire_line_keep(t, (quire_bytes){(const uint8_t *)text.ptr, text.len}, &sym);
    quire_text_free(t->reader->ctx, &text);
    *out = (quire_slot){kind, sym.id};
    return status;
}

/* QUIRE_NONE where missing slots become NAMED, else the report. `wanted` is not in graph g: the
 * names nearest to it follow the message, "... called %s". */
static quire_status
miss_name(quire_line *t, quire_graph g, quire_bytes wanted, bool of_nodes, const char *what)
{
    char shown[200], nearest[400];
    if (t->reader->missing != QUIRE_MISSING_REFUSED) return QUIRE_NONE;
    QUIRE_TRY(quire_slot_names_nearest(t->reader, g, wanted, of_nodes, nearest, sizeof nearest));
    quire_escape(shown, sizeof shown, wanted.ptr, wanted.len);
    return quire_line_fail(t, "%s called \"%s\"%s%s", what, shown,
                           nearest[0] != '\0' ? "; nearest: " : "", nearest);
}

/* The same with a message of its own. */
#define miss(t, ...)                                                                               \
    ((t)->reader->missing != QUIRE_MISSING_REFUSED ? QUIRE_NONE : quire_line_fail(t, __VA_ARGS__))

/* --- meaning ---------------------------------------------------------------------------------- */

static quire_status
find_node(quire_line *t, quire_graph g, quire_bytes name, quire_node *out)
{
    char right[200], wrong[200];
    const quire_model *m = t->reader->m;
    const quire_value v = quire_slot_names_value(t->reader, g, name);
    const quire_node n = quire_value_node(m, v);
    if (v.id == 0 || n.id == 0)
        return miss_name(t, g, name, true, "no node of this graph has a first result");
    const quire_value first = quire_node_first_result(m, n);
    *out = n;
    if (first.id == v.id) return QUIRE_OK;
    const quire_bytes first_name = quire_value_name(m, first);
    quire_escape(right, sizeof right, first_name.ptr, first_name.len);
    quire_escape(wrong, sizeof wrong, name.ptr, name.len);
    return miss(t, "a node is named by its first result: \"%s\", not \"%s\"", right, wrong);
}

static quire_status
enter_body(quire_line *t, quire_bytes result, quire_bytes attr, quire_graph *io_graph)
{
    char node[200], body[200];
    quire_node n;
    QUIRE_TRY(find_node(t, *io_graph, result, &n));
    *io_graph = quire_slot_names_body(t->reader, n, attr);
    if (io_graph->id != 0) return QUIRE_OK;
    quire_escape(node, sizeof node, result.ptr, result.len);
    quire_escape(body, sizeof body, attr.ptr, attr.len);
    return miss(t, "the node \"%s\" has no body called \"%s\"", node, body);
}

/* Components before the last name: a root, then pairs of result and attribute. */
static quire_status
walk_path(quire_line *t, const parts *s, quire_graph *out_graph)
{
    const bool has_root = s->n % 2 == 1;
    *out_graph = has_root ? quire_slot_names_root(t->reader, s->path[0]) : t->reader->m->main;
    if (out_graph->id == 0) {
        return miss(t, "a path has a result and an attribute for every enclosing body, and "
                       "before them a function or training graph of the model, or nothing");
    }
    for (size_t k = has_root; k < s->n; k += 2)
        QUIRE_TRY(enter_body(t, s->path[k], s->path[k + 1], out_graph));
    return QUIRE_OK;
}

/* Operand k of n, or the absent slot behind the last. */
static quire_status
find_operand(quire_line *t, const parts *s, quire_node n, quire_slot *out)
{
    const quire_node_rec *r = quire_node_at(t->reader->m, n);
    if (s->index >= r->n_in) return make_named(t, s, QUIRE_SLOT_ABSENT, out);
    *out = (quire_slot){QUIRE_SLOT_USE, r->in.id + s->index};
    return QUIRE_OK;
}

static quire_status
find_self(quire_line *t, const parts *s, quire_slot *out)
{
    const quire_node n = t->reader->self;
    if (n.id == 0)
        return quire_line_fail(t, "'$' stands for the node that a rule selects; here is none");
    const quire_value v = quire_node_first_result(t->reader->m, n);
    if (v.id == 0) return quire_line_fail(t, "'$' is a node none of whose results has a name");
    if (s->place == PLACE_OPERAND) return find_operand(t, s, n, out);
    *out = (quire_slot){QUIRE_SLOT_RESULT, v.id};
    return QUIRE_OK;
}

static quire_status
find_output(quire_line *t, quire_graph g, uint32_t k, quire_slot *out)
{
    const quire_graph_rec *r = quire_graph_at(t->reader->m, g);
    if (k >= r->n_outputs)
        return miss(t, "output %" PRIu32 " of a graph that has %zu", k, r->n_outputs);
    *out = (quire_slot){QUIRE_SLOT_USE, r->out.id + k};
    return QUIRE_OK;
}

/* QUIRE_NONE: the graph does not have it. */
static quire_status
find(quire_line *t, const parts *s, quire_slot *out)
{
    quire_graph g;
    quire_node n;
    if (s->is_self) return find_self(t, s, out);
    if (t->reader->missing == QUIRE_NOTHING_IS_LOOKED_UP) return QUIRE_NONE;
    QUIRE_TRY(walk_path(t, s, &g));
    if (s->place == PLACE_OUTPUT) return find_output(t, g, s->index, out);
    if (s->place == PLACE_OPERAND) {
        QUIRE_TRY(find_node(t, g, s->name, &n));
        return find_operand(t, s, n, out);
    }
    const quire_value v = quire_slot_names_value(t->reader, g, s->name);
    if (v.id == 0) return miss_name(t, g, s->name, false, "no value of this graph is");
    *out = (quire_slot){QUIRE_SLOT_RESULT, v.id};
    return QUIRE_OK;
}

/* --- the interface ---------------------------------------------------------------------------- */

quire_status
quire_line_slot(quire_line *t, quire_slot *out)
{
    parts s;
    quire_line_blanks(t);
    const uint8_t *const start = t->p;
    uint8_t *const scratch = t->scratch;
    QUIRE_TRY(take_parts(t, &s));
    const uint8_t *const end = t->p;
    t->p = start; /* what is wrong with the meaning is told at the slot's first column */
    const quire_status status = find(t, &s, out);
    t->p = end;
    t->scratch = scratch;
    return status == QUIRE_NONE ? make_named(t, &s, QUIRE_SLOT_NAMED, out) : status;
}

quire_status
quire_slot_parse(quire_slot_reader *reader, const char *where, quire_bytes *io_text,
                 quire_slot *out_slot)
{
    quire_line t;
    QUIRE_TRY(quire_line_open(reader, where, *io_text, &t));
    QUIRE_TRY(quire_line_slot(&t, out_slot));
    *io_text = (quire_bytes){t.p, (size_t)(t.end - t.p)};
    return QUIRE_OK;
}

quire_status
quire_slot_reader_init(quire_ctx *ctx, quire_model *m, quire_slot_missing missing,
                       quire_slot_reader *out_reader)
{
    *out_reader = (quire_slot_reader){.ctx = ctx, .m = m, .missing = missing};
    if (missing == QUIRE_NOTHING_IS_LOOKED_UP) return QUIRE_OK;
    return quire_slot_names_make(out_reader);
}

void
quire_slot_reader_deinit(quire_slot_reader *reader)
{
    quire_slot_names_free(reader);
    quire_ungrow(reader->ctx->alloc, &reader->scratch, &reader->scratch_room, 1);
}
