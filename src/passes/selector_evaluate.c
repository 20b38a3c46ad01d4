/* selector_evaluate.c - what a selector is true of, set by set: an atom fills a set of nodes,
 * tensors, graphs or slots by one pass over them, which is spread over the slots by another;
 * `and`, `or` and `not` combine whole sets of slots.
 */
#include "base/diag.h"
#include "passes/selector_parts.h"

quire_status
quire_set_init(quire_ctx *ctx, uint32_t n, quire_set *out_set)
{
    const size_t n_words = ((size_t)n >> 6) + 1;
    uint64_t *words = quire_alloc(ctx->alloc, n_words * sizeof *words);
    *out_set = (quire_set){words, words != NULL ? n_words : 0};
    if (words == NULL) return quire_nomem(ctx);
    memset(words, 0, n_words * sizeof *words);
    return QUIRE_OK;
}

void
quire_set_deinit(quire_ctx *ctx, quire_set *set)
{
    quire_free(ctx->alloc, set->words, set->n_words * sizeof *set->words);
    *set = (quire_set){NULL, 0};
}

bool
quire_set_is_empty(const quire_set *set)
{
    for (size_t i = 0; i < set->n_words; i++) {
        if (set->words[i] != 0) return false;
    }
    return true;
}

/* --- from sets of other things to sets of slots ----------------------------------------------- */

/* What a slot is looked up by: the id of its node, tensor or graph. */
typedef uint32_t (*key_fn)(const quire_model *m, quire_slot slot);

static uint32_t
node_key(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_USE) return quire_use_at(m, (quire_use){slot.id})->node.id;
    return quire_value_node(m, (quire_value){slot.id}).id;
}

static uint32_t
value_key(const quire_model *m, quire_slot slot)
{
    return slot.kind == QUIRE_SLOT_USE ? quire_use_at(m, (quire_use){slot.id})->value.id : slot.id;
}

static uint32_t
graph_key(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_USE) return quire_use_at(m, (quire_use){slot.id})->graph.id;
    return quire_value_at(m, (quire_value){slot.id})->graph.id;
}

/* Id 0 is in no set: a slot without node or tensor is never selected by it. */
static void
spread(const quire_selection *s, const quire_set *from, key_fn key, quire_set *io_slots)
{
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        const uint32_t id = key(s->m, s->order->slot_of_rank[rank]);
        if (quire_set_has(from, id)) quire_set_add(io_slots, rank);
    }
}

/* --- atoms ------------------------------------------------------------------------------------ */

static quire_status
fill_between(const quire_selection *s, const quire_term *t, const quire_set *a, quire_set *io)
{
    quire_set b;
    QUIRE_TRY(quire_set_init(s->ctx, s->order->n, &b));
    quire_status status = quire_term_evaluate(s, t->first->next, &b);
    if (status == QUIRE_OK) status = quire_flow_between(s, a, &b, io);
    quire_set_deinit(s->ctx, &b);
    return status;
}

static quire_status
fill_by_flow(const quire_selection *s, const quire_term *t, quire_set *io)
{
    quire_set a;
    QUIRE_TRY(quire_set_init(s->ctx, s->order->n, &a));
    quire_status status = quire_term_evaluate(s, t->first, &a);
    if (status == QUIRE_OK && t->atom == QUIRE_ATOM_BETWEEN) status = fill_between(s, t, &a, io);
    if (status == QUIRE_OK && t->atom == QUIRE_ATOM_CONSUMER_OF) quire_flow_consumers(s, &a, io);
    if (status == QUIRE_OK && t->atom == QUIRE_ATOM_PRODUCER_OF) quire_flow_producers(s, &a, io);
    quire_set_deinit(s->ctx, &a);
    return status;
}

static quire_status
add_by_key(const quire_selection *s, const quire_term *t, quire_set *io_slots)
{
    const quire_atom_class class = quire_atom_class_of((quire_atom)t->atom);
    const quire_table *keyed = &s->m->values;
    key_fn key = value_key;
    quire_set keys;
    if (class == QUIRE_ATOM_CLASS_NODE) keyed = &s->m->nodes, key = node_key;
    if (class == QUIRE_ATOM_CLASS_EITHER) keyed = &s->m->graphs, key = graph_key;
    QUIRE_TRY(quire_set_init(s->ctx, keyed->count, &keys));
    const quire_status status =
        t->first != NULL ? fill_by_flow(s, t, &keys) : quire_atom_fill(s, t, &keys);
    if (status == QUIRE_OK) spread(s, &keys, key, io_slots);
    quire_set_deinit(s->ctx, &keys);
    return status;
}

static bool
is_at_place(const quire_model *m, quire_slot slot, const quire_term *t)
{
    const bool is_use = slot.kind == QUIRE_SLOT_USE;
    const quire_use_rec *u = quire_use_at(m, (quire_use){is_use ? slot.id : 0});
    const quire_value_rec *v = quire_value_at(m, (quire_value){is_use ? 0 : slot.id});
    switch ((quire_atom)t->atom) {
    case QUIRE_ATOM_OPERAND:
        return is_use && u->node.id != 0 && (!t->has_number || u->index == t->number);
    case QUIRE_ATOM_OUTPUT:
        return is_use && u->node.id == 0 && (!t->has_number || u->index == t->number);
    case QUIRE_ATOM_RESULT:
        return !is_use && v->def_kind == QUIRE_DEF_RESULT &&
               (!t->has_number || v->slot == t->number);
    case QUIRE_ATOM_INPUT: return !is_use && v->def_kind == QUIRE_DEF_INPUT;
    default: return !is_use && v->init.id != 0;
    }
}

static bool
is_text(const quire_text *text, quire_bytes wanted)
{
    return text->len == wanted.len && memcmp(text->ptr, wanted.ptr, wanted.len) == 0;
}

/* Could this be the slot? Its text ends in its index, or, if plain, in its name: printing all
 * slots would be slow. */
static bool
may_be_slot(const quire_model *m, quire_slot slot, quire_bytes text)
{
    const uint8_t last = text.len > 0 ? text.ptr[text.len - 1] : 0;
    if (slot.kind == QUIRE_SLOT_USE)
        return last == '0' + quire_use_at(m, (quire_use){slot.id})->index % 10;
    const quire_bytes name = quire_value_name(m, (quire_value){slot.id});
    return last == '"' || (name.len > 0 && name.len <= text.len && last == name.ptr[name.len - 1]);
}

/* Compared as printed, so that a slot has one spelling. */
static quire_status
add_slot_called(const quire_selection *s, quire_bytes wanted, quire_set *io_slots)
{
    quire_status status = QUIRE_OK;
    for (uint32_t rank = 1; rank <= s->order->n && status == QUIRE_OK; rank++) {
        quire_writer w;
        quire_text text = {0};
        const quire_slot slot = s->order->slot_of_rank[rank];
        if (!may_be_slot(s->m, slot, wanted)) continue;
        quire_writer_to_text(&w, s->ctx, &text);
        quire_slot_print(&w, s->m, slot);
        status = quire_writer_finish(&w);
        if (status == QUIRE_OK && is_text(&text, wanted)) quire_set_add(io_slots, rank);
        quire_text_free(s->ctx, &text);
    }
    return status;
}

static quire_status
add_by_atom(const quire_selection *s, const quire_term *t, quire_set *io_slots)
{
    QUIRE_TRY(quire_check_canceled(s->ctx));
    if (quire_atom_class_of((quire_atom)t->atom) != QUIRE_ATOM_CLASS_PLACE)
        return add_by_key(s, t, io_slots);
    if (t->atom == QUIRE_ATOM_SLOT) return add_slot_called(s, t->argument, io_slots);
    for (uint32_t rank = 1; rank <= s->order->n; rank++) {
        if (is_at_place(s->m, s->order->slot_of_rank[rank], t)) quire_set_add(io_slots, rank);
    }
    return QUIRE_OK;
}

/* --- not, and, or ----------------------------------------------------------------------------- */

static void
invert(quire_set *set, uint32_t n)
{
    for (size_t i = 0; i < set->n_words; i++)
        set->words[i] = ~set->words[i];
    set->words[0] &= ~(uint64_t)1;
    const uint32_t used = (n & 63) + 1;
    if (used < 64) set->words[n >> 6] &= ((uint64_t)1 << used) - 1;
}

static void
combine(quire_set *io, const quire_set *other, quire_term_kind kind)
{
    for (size_t i = 0; i < io->n_words; i++) {
        if (kind == QUIRE_TERM_AND) io->words[i] &= other->words[i];
        if (kind == QUIRE_TERM_OR) io->words[i] |= other->words[i];
    }
}

static quire_status
combine_all(const quire_selection *s, const quire_term *t, quire_set *scratch, quire_set *io_slots)
{
    QUIRE_TRY(quire_term_evaluate(s, t->first, io_slots));
    for (const quire_term *more = t->first->next; more != NULL; more = more->next) {
        memset(scratch->words, 0, scratch->n_words * sizeof *scratch->words);
        QUIRE_TRY(quire_term_evaluate(s, more, scratch));
        combine(io_slots, scratch, (quire_term_kind)t->kind);
    }
    return QUIRE_OK;
}

quire_status
quire_term_evaluate(const quire_selection *s, const quire_term *t, quire_set *io_slots)
{
    if (t->kind == QUIRE_TERM_ATOM) return add_by_atom(s, t, io_slots);
    if (t->kind == QUIRE_TERM_NOT) {
        QUIRE_TRY(quire_term_evaluate(s, t->first, io_slots));
        invert(io_slots, s->order->n);
        return QUIRE_OK;
    }
    quire_set scratch;
    QUIRE_TRY(quire_set_init(s->ctx, s->order->n, &scratch));
    const quire_status status = combine_all(s, t, &scratch, io_slots);
    quire_set_deinit(s->ctx, &scratch);
    return status;
}
