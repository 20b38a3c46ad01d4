/* selector_nearest.c - why a selector is true of nothing: the first of its atoms that is true of
 * nothing by itself, with names near to what it asks for.
 */
#include <stdio.h>

#include "base/diag.h"
#include "base/nearest.h"
#include "graph/path.h"
#include "passes/selector_parts.h"

enum { MAX_NAMES = 4096, TEXT_ROOM = 160, NAMES_ROOM = 512 };

typedef struct names {
    quire_bytes list[MAX_NAMES];
    size_t n;
    quire_arena arena; /* of those that are made here */
} names;

static quire_bytes
name_at(const void *data, size_t i)
{
    return ((const names *)data)->list[i];
}

static void
add_name(names *all, quire_bytes name)
{
    if (name.len > 0 && all->n < MAX_NAMES) all->list[all->n++] = name;
}

/* --- what there is to be named ---------------------------------------------------------------- */

static void
add_ops(const quire_model *m, names *all)
{
    for (uint32_t id = 1; id < m->ops.count; id++)
        add_name(all, quire_sym_bytes(m, quire_op_at(m, (quire_op){id})->type));
}

static void
add_nodes(const quire_model *m, names *all)
{
    for (quire_node n = quire_walk_next(m, (quire_node){0}); n.id != 0 && all->n < MAX_NAMES;
         n = quire_walk_next(m, n)) {
        add_name(all, quire_node_label(m, n));
        add_name(all, quire_sym_bytes(m, quire_node_at(m, n)->name));
    }
}

static void
add_tensors(const quire_selection *s, names *all)
{
    for (uint32_t rank = 1; rank <= s->order->n && all->n < MAX_NAMES; rank++) {
        const quire_slot slot = s->order->slot_of_rank[rank];
        if (slot.kind == QUIRE_SLOT_RESULT)
            add_name(all, quire_value_name(s->m, (quire_value){slot.id}));
    }
}

static quire_status
add_bodies(const quire_selection *s, names *all)
{
    for (uint32_t id = 1; id < s->m->graphs.count && all->n < MAX_NAMES; id++) {
        quire_bytes path;
        QUIRE_TRY(quire_path_of_graph(s->ctx, s->m, (quire_graph){id}, &all->arena, &path));
        if (path.len > 0) add_name(all, (quire_bytes){path.ptr, path.len - 1});
    }
    return QUIRE_OK;
}

static quire_status
add_slots(const quire_selection *s, names *all)
{
    quire_status status = QUIRE_OK;
    for (uint32_t rank = 1; rank <= s->order->n && all->n < MAX_NAMES && status == QUIRE_OK;
         rank++) {
        quire_writer w;
        quire_text text = {0};
        quire_bytes copy = {NULL, 0};
        quire_writer_to_text(&w, s->ctx, &text);
        quire_slot_print(&w, s->m, s->order->slot_of_rank[rank]);
        status = quire_writer_finish(&w);
        const quire_bytes printed = {(const uint8_t *)text.ptr, text.len};
        if (status == QUIRE_OK) status = quire_arena_copy(s->ctx, &all->arena, printed, &copy);
        quire_text_free(s->ctx, &text);
        add_name(all, copy);
    }
    return status;
}

static quire_status
add_names(const quire_selection *s, quire_atom atom, names *all)
{
    switch (atom) {
    case QUIRE_ATOM_OP: add_ops(s->m, all); return QUIRE_OK;
    case QUIRE_ATOM_NAME:
    case QUIRE_ATOM_RE: add_nodes(s->m, all); return QUIRE_OK;
    case QUIRE_ATOM_TENSOR: add_tensors(s, all); return QUIRE_OK;
    case QUIRE_ATOM_IN_BODY: return add_bodies(s, all);
    case QUIRE_ATOM_SLOT: return add_slots(s, all);
    default: return QUIRE_OK;
    }
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The atom's text, fit to be shown. */
static const char *
show(const quire_term *t, char text[TEXT_ROOM])
{
    quire_escape(text, TEXT_ROOM, t->text.ptr, t->text.len);
    return text;
}

static quire_status
tell_with_names(const quire_selection *s, const quire_term *t, names *all, char *out, size_t room)
{
    char text[TEXT_ROOM], wanted[TEXT_ROOM], nearest[NAMES_ROOM];
    QUIRE_TRY(add_names(s, (quire_atom)t->atom, all));
    quire_escape(wanted, sizeof wanted, t->argument.ptr, t->argument.len);
    quire_names_nearest(wanted, all->n, name_at, all, nearest, sizeof nearest);
    snprintf(out, room, "%s is true of nothing%s%s", show(t, text),
             all->n > 0 ? "; nearest names: " : "", nearest);
    return QUIRE_OK;
}

static quire_status
tell_atom(const quire_selection *s, const quire_term *t, char *out, size_t room)
{
    names *all = quire_alloc(s->ctx->alloc, sizeof *all);
    if (all == NULL) return quire_nomem(s->ctx);
    all->n = 0;
    quire_arena_init(&all->arena, s->ctx->alloc);
    const quire_status status = tell_with_names(s, t, all, out, room);
    quire_arena_deinit(&all->arena);
    quire_free(s->ctx->alloc, all, sizeof *all);
    return status;
}

static quire_status
is_true_of_nothing(const quire_selection *s, const quire_term *t, bool *out)
{
    quire_set set;
    QUIRE_TRY(quire_set_init(s->ctx, s->order->n, &set));
    const quire_status status = quire_term_evaluate(s, t, &set);
    *out = quire_set_is_empty(&set);
    quire_set_deinit(s->ctx, &set);
    return status;
}

/* The innermost, leftmost atom that is true of nothing; NULL if there is none. Nesting is bounded
 * by the parser. */
static quire_status
find_empty(const quire_selection *s, const quire_term *t, const quire_term **out)
{
    bool empty = false;
    *out = NULL;
    for (const quire_term *part = t->first; part != NULL && *out == NULL; part = part->next)
        QUIRE_TRY(find_empty(s, part, out));
    if (*out != NULL || t->kind != QUIRE_TERM_ATOM) return QUIRE_OK;
    QUIRE_TRY(is_true_of_nothing(s, t, &empty));
    if (empty) *out = t;
    return QUIRE_OK;
}

quire_status
quire_selector_tell_nearest(quire_ctx *ctx, const quire_selector *selector, const quire_model *m,
                            const quire_slot_order *order, char *out, size_t room)
{
    const quire_selection s = {ctx, m, order};
    const quire_term *atom;
    bool empty;
    QUIRE_TRY(find_empty(&s, selector->root, &atom));
    if (atom != NULL) return tell_atom(&s, atom, out, room);
    QUIRE_TRY(is_true_of_nothing(&s, selector->root, &empty));
    if (empty) {
        snprintf(out, room, "each part is true of something, but no slot is all of it");
    } else {
        snprintf(out, room, "it is true of no %s; name another place, such as %s",
                 selector->names_node ? "operand" : "slot that defines a tensor",
                 selector->names_node ? "result" : "output");
    }
    return QUIRE_OK;
}
