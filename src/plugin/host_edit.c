/* host_edit.c - how a transform changes the graph: the gate of graph/edit.h for callers that are
 * not trusted. What makes nodes and constants is in host_edit_make.c.
 */
#include "plugin/host_edit.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "graph/utf8.h"

enum { MAX_RANK = 1024, SHOWN = 100 };

static const quire_slot no_slot = {0, 0};

/* For %.*s: of a name as much as a message needs. */
static int
shown(size_t len)
{
    return len < SHOWN ? (int)len : SHOWN;
}

/* --- checks ------------------------------------------------------------------------------------ */

quire_slot
quire_edit_slot(const quire_host_view *v, quire_value value)
{
    return quire_value_name(v->m, value).len > 0 ? (quire_slot){QUIRE_SLOT_RESULT, value.id}
                                                 : no_slot;
}

bool
quire_edit_text(quire_host_view *v, const char *what, quire_string s)
{
    quire_utf8 state = {0};
    if (!quire_view_string(v, no_slot, what, s)) return false;
    if (s.len == 0) return true;
    if (quire_utf8_check(&state, (const uint8_t *)s.ptr, s.len) == s.len && state.need == 0)
        return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "%s: found \"%.*s\", which is not UTF-8 or holds NUL", what,
                            shown(s.len), s.ptr);
    return false;
}

bool
quire_edit_new_name(quire_host_view *v, const char *what, quire_string s)
{
    if (!quire_edit_text(v, what, s)) return false;
    if (s.len == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot, "%s: found no name (\"\")", what);
        return false;
    }
    if (!quire_model_has_name(v->m, (quire_bytes){(const uint8_t *)s.ptr, s.len})) return true;
    (void)quire_view_refuse(
        v, QUIRE_E_USAGE, no_slot,
        "%s: found \"%.*s\", which is a name of the model, or of something that "
        "was erased, already; fresh_name gives a free one, take_name an old one",
        what, shown(s.len), s.ptr);
    return false;
}

bool
quire_edit_readable(quire_host_view *v, const char *function, quire_graph g, quire_value_id value)
{
    const quire_value at = {value};
    if (!quire_view_value(v, function, value)) return false;
    if (quire_value_name(v->m, at).len == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                "%s: value %" PRIu32 " has no name; nothing can read it", function,
                                value);
        return false;
    }
    if (quire_graph_within(v->m, g, quire_value_at(v->m, at)->graph)) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, quire_edit_slot(v, at),
                            "%s: this value is of a graph that its reader is not in; allowed are "
                            "values of the reader's graph and of those around it",
                            function);
    return false;
}

quire_status
quire_edit_done(quire_host_view *v, quire_status status)
{
    v->has_edited |= status == QUIRE_OK;
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

/* --- nodes ------------------------------------------------------------------------------------- */

static quire_status
erase_node(void *ctx, quire_node_id node)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "erase_node") || !quire_view_node(v, "erase_node", node))
        return quire_view_answer(v);
    const quire_node_rec *r = quire_node_at(v->m, (quire_node){node});
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value result = {r->out.id + k};
        const uint32_t n_uses = quire_value_at(v->m, result)->n_uses;
        if (n_uses == 0) continue;
        return quire_view_refuse(v, QUIRE_E_USAGE, quire_edit_slot(v, result),
                                 "erase_node: result %" PRIu32 " of node %" PRIu32
                                 " is used %" PRIu32 " times; replace its uses first",
                                 k, node, n_uses);
    }
    return quire_edit_done(v, quire_node_erase(&v->inner, v->m, (quire_node){node}));
}

static quire_status
move_node(void *ctx, quire_node_id node, quire_node_id before)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "move_node") || !quire_view_node(v, "move_node", node))
        return quire_view_answer(v);
    if (before != 0 && !quire_view_node(v, "move_node: before", before)) return v->fault;
    if (before != 0 && quire_node_at(v->m, (quire_node){node})->graph.id !=
                           quire_node_at(v->m, (quire_node){before})->graph.id) {
        return quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                 "move_node: nodes %" PRIu32 " and %" PRIu32
                                 " are of different graphs; a node stays in its graph",
                                 node, before);
    }
    return quire_edit_done(
        v, quire_node_move_before(&v->inner, v->m, (quire_node){node}, (quire_node){before}));
}

/* --- uses -------------------------------------------------------------------------------------- */

static quire_status
set_operand(void *ctx, quire_node_id node, uint32_t k, quire_value_id value)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "set_operand") || !quire_view_node(v, "set_operand", node))
        return quire_view_answer(v);
    const quire_node_rec *r = quire_node_at(v->m, (quire_node){node});
    if (k >= r->n_in) {
        return quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                 "set_operand: found operand %" PRIu32 "; node %" PRIu32
                                 " has %" PRIu32 ", from 0",
                                 k, node, r->n_in);
    }
    if (value != 0 && !quire_edit_readable(v, "set_operand", r->graph, value)) return v->fault;
    const quire_use use = {r->in.id + k};
    if (quire_use_at(v->m, use)->value.id == value) return QUIRE_OK;
    return quire_edit_done(v, quire_use_set(&v->inner, v->m, use, (quire_value){value}));
}

/* An output that is an input itself has the input's name: nothing else can have it. */
static bool
is_input_as_output(const quire_model *m, quire_value value, quire_use use)
{
    const quire_use_rec *u = quire_use_at(m, use);
    const quire_value_rec *r = quire_value_at(m, value);
    return u->node.id == 0 && r->def_kind == QUIRE_DEF_INPUT && r->graph.id == u->graph.id &&
           quire_graph_at(m, u->graph)->outputs[u->index].name.id == r->name.id;
}

/* May all readers of `from`, but node `except` (0: all of them), read `to`? */
static bool
check_readers(quire_host_view *v, const char *function, quire_value from, quire_value_id to,
              quire_node except)
{
    const quire_model *m = v->m;
    for (quire_use u = quire_value_at(m, from)->first_use; u.id != 0;
         u = quire_use_at(m, u)->next) {
        const quire_use_rec *use = quire_use_at(m, u);
        if (except.id != 0 && use->node.id == except.id) continue;
        if (!quire_edit_readable(v, function, use->graph, to)) return false;
        if (!is_input_as_output(m, from, u)) continue;
        (void)quire_view_refuse(v, QUIRE_E_USAGE, (quire_slot){QUIRE_SLOT_RESULT, from.id},
                                "%s: this input is an output of its graph as well; no other value "
                                "can be given out by its name",
                                function);
        return false;
    }
    return true;
}

static quire_status
replace_uses(void *ctx, quire_value_id from, quire_value_id to)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "replace_uses") || !quire_view_value(v, "replace_uses: from", from) ||
        !quire_view_value(v, "replace_uses: to", to))
        return quire_view_answer(v);
    if (from == to) return QUIRE_OK;
    if (!check_readers(v, "replace_uses", (quire_value){from}, to, (quire_node){0}))
        return v->fault;
    return quire_edit_done(
        v, quire_value_replace_all_uses(&v->inner, v->m, (quire_value){from}, (quire_value){to}));
}

static quire_status
interpose(void *ctx, quire_value_id value, quire_node_id node)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "interpose") || !quire_view_value(v, "interpose", value) ||
        !quire_view_node(v, "interpose", node))
        return quire_view_answer(v);
    const quire_value at = {value};
    const quire_node by = {node};
    if (!quire_value_may_interpose(v->m, at, by)) {
        return quire_view_refuse(v, QUIRE_E_USAGE, quire_edit_slot(v, at),
                                 "interpose: node %" PRIu32 " must read this value, in its graph, "
                                 "stand before all others that read it, and have a result 0",
                                 node);
    }
    if (!check_readers(v, "interpose", at, quire_node_result(v->m, by, 0).id, by)) return v->fault;
    return quire_edit_done(v, quire_value_interpose(&v->inner, v->m, at, by));
}

/* --- values ------------------------------------------------------------------------------------ */

static bool
check_result(quire_host_view *v, const char *function, quire_value_id value)
{
    const quire_value at = {value};
    if (!quire_view_value(v, function, value)) return false;
    if (quire_value_at(v->m, at)->def_kind == QUIRE_DEF_RESULT) return true;
    (void)quire_view_refuse(
        v, QUIRE_E_USAGE, quire_edit_slot(v, at),
        "%s: this value is an input or a constant; allowed are results of nodes", function);
    return false;
}

static quire_status
take_name(void *ctx, quire_value_id to, quire_value_id from)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "take_name") || !check_result(v, "take_name: to", to) ||
        !check_result(v, "take_name: from", from))
        return quire_view_answer(v);
    const quire_value_rec *old = quire_value_at(v->m, (quire_value){from});
    if (old->n_uses > 0) {
        return quire_view_refuse(
            v, QUIRE_E_USAGE, quire_edit_slot(v, (quire_value){from}),
            "take_name: this value is used %" PRIu32 " times; replace its uses first", old->n_uses);
    }
    if (quire_value_name(v->m, (quire_value){from}).len == 0) {
        return quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                 "take_name: from: value %" PRIu32 " has no name", from);
    }
    if (old->graph.id != quire_value_at(v->m, (quire_value){to})->graph.id) {
        return quire_view_refuse(v, QUIRE_E_USAGE, quire_edit_slot(v, (quire_value){from}),
                                 "take_name: this value and the one that is to take its name are "
                                 "of different graphs");
    }
    return quire_edit_done(
        v, quire_value_take_name(&v->inner, v->m, (quire_value){to}, (quire_value){from}));
}

/* Is it given out by its own name, with a type that is stated there? */
static bool
is_stated_output(const quire_model *m, quire_value value)
{
    const quire_sym name = quire_value_at(m, value)->name;
    for (quire_use u = quire_value_at(m, value)->first_use; u.id != 0;
         u = quire_use_at(m, u)->next) {
        const quire_use_rec *use = quire_use_at(m, u);
        if (use->node.id != 0) continue;
        const quire_graph_output *o = &quire_graph_at(m, use->graph)->outputs[use->index];
        if (o->name.id == name.id && o->info.len > 0) return true;
    }
    return false;
}

static quire_status
set_type(void *ctx, quire_value_id value, int32_t dtype, int32_t rank)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "set_type") || !check_result(v, "set_type", value))
        return quire_view_answer(v);
    const quire_value at = {value};
    const quire_value_rec *r = quire_value_at(v->m, at);
    const quire_slot slot = quire_edit_slot(v, at);
    if (dtype != 0 && quire_dtype_describe(dtype)->onnx == NULL) {
        return quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                 "set_type: dtype: found %" PRId32
                                 "; allowed are numbers of TensorProto.DataType, and 0",
                                 dtype);
    }
    if (rank < -1 || rank > MAX_RANK) {
        return quire_view_refuse(
            v, QUIRE_E_USAGE, slot,
            "set_type: rank: found %" PRId32 "; allowed are -1 (unknown) to %d", rank, MAX_RANK);
    }
    if (dtype == r->elem_type && rank == r->rank) return QUIRE_OK;
    if (r->elem_type != 0 && is_stated_output(v->m, at)) {
        return quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                 "set_type: the type of this value is stated by an output of its "
                                 "graph, which the caller of the graph relies on");
    }
    quire_value_drop_info(v->m, at);
    quire_value_set_type(v->m, at, dtype, rank);
    return quire_edit_done(v, QUIRE_OK);
}

static bool
check_constant(quire_host_view *v, quire_value at)
{
    const quire_value_rec *r = quire_value_at(v->m, at);
    const quire_slot slot = quire_edit_slot(v, at);
    if (r->init.id == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "remove_initializer: this value is no initializer");
    } else if (r->n_uses > 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "remove_initializer: this value is used %" PRIu32
                                " times; replace its uses first",
                                r->n_uses);
    } else if (r->def_kind == QUIRE_DEF_INPUT && v->m->ir_version >= 4) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "remove_initializer: this value is an input of its graph, which "
                                "callers may set");
    } else {
        return true;
    }
    return false;
}

static quire_status
remove_initializer(void *ctx, quire_value_id value)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "remove_initializer") ||
        !quire_view_value(v, "remove_initializer", value) ||
        !check_constant(v, (quire_value){value}))
        return quire_view_answer(v);
    return quire_edit_done(v,
                           quire_graph_remove_initializer(&v->inner, v->m, (quire_value){value}));
}

/* --- names ------------------------------------------------------------------------------------- */

enum { GIVEN = 1 }; /* symbol flag: fresh_name gave this name */

/* A table of its own: what is only given, and never used, is no name of the model. */
typedef struct quire_host_names {
    quire_syms syms; /* bases, and names that were given */
    uint32_t *next;  /* by symbol: of a base, the number to try next; 0: the base itself */
    size_t next_room;
} quire_host_names;

void
quire_view_forget_names(quire_host_view *v)
{
    quire_host_names *names = v->names;
    v->names = NULL;
    if (names == NULL) return;
    quire_syms_deinit(&names->syms);
    quire_ungrow(v->ctx->alloc, &names->next, &names->next_room, sizeof *names->next);
}

static quire_status
intern_name(quire_host_view *v, quire_bytes name, quire_sym *out)
{
    quire_bytes kept;
    *out = quire_syms_find(&v->names->syms, name);
    if (out->id != 0) return QUIRE_OK;
    QUIRE_TRY(quire_arena_copy(&v->inner, v->arena, name, &kept));
    return quire_syms_intern(&v->inner, &v->names->syms, kept, out);
}

static bool
is_free(const quire_host_view *v, quire_bytes name)
{
    const quire_syms *syms = &v->names->syms;
    const quire_sym sym = quire_syms_find(syms, name);
    const bool given = sym.id != 0 && (syms->entries[sym.id].flags & GIVEN) != 0;
    return !given && !quire_model_has_name(v->m, name);
}

/* Every base goes on counting where it stopped: linear in the names that are given and those that
 * are taken. */
static quire_status
find_fresh(quire_host_view *v, quire_bytes base, quire_bytes *out)
{
    quire_sym base_sym;
    quire_sym sym;
    if (v->names == NULL) {
        quire_host_names *names;
        QUIRE_TRY(quire_arena_take(&v->inner, v->arena, sizeof *names, &names));
        QUIRE_TRY(quire_syms_init(&v->inner, &names->syms));
        v->names = names;
    }
    QUIRE_TRY(intern_name(v, base, &base_sym));
    quire_host_names *names = v->names;
    QUIRE_TRY(quire_grow(&v->inner, &names->next, &names->next_room, (size_t)base_sym.id + 1,
                         sizeof *names->next));
    do {
        const uint32_t k = names->next[base_sym.id]++;
        *out = base;
        if (k > 0) {
            QUIRE_TRY(quire_arena_format(&v->inner, v->arena, out, "%.*s.%" PRIu32, (int)base.len,
                                         (const char *)base.ptr, k));
        }
    } while (!is_free(v, *out));
    QUIRE_TRY(intern_name(v, *out, &sym));
    names->syms.entries[sym.id].flags |= GIVEN;
    *out = quire_syms_bytes(&names->syms, sym);
    return QUIRE_OK;
}

static quire_status
fresh_name(void *ctx, quire_string base, quire_string *out_name)
{
    enum { ROOM = 16 }; /* for a dot and a number */
    quire_host_view *v = ctx;
    quire_bytes found;
    if (!quire_view_enter(v, "fresh_name") || !quire_edit_text(v, "fresh_name: base", base))
        return quire_view_answer(v);
    if (base.len == 0 || base.len > QUIRE_HOST_MAX_STRING - ROOM || out_name == NULL) {
        return quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                 "fresh_name: found a base of %zu bytes and out_name %s; allowed "
                                 "are 1 to %d bytes, and a place for the name",
                                 base.len, out_name == NULL ? "NULL" : "set",
                                 QUIRE_HOST_MAX_STRING - ROOM);
    }
    const quire_bytes wanted = {(const uint8_t *)base.ptr, base.len};
    const quire_status status = find_fresh(v, wanted, &found);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    *out_name = (quire_string){(const char *)found.ptr, found.len};
    return QUIRE_OK;
}

/* --- the table --------------------------------------------------------------------------------- */

quire_edit_api
quire_host_edit_api(quire_host_view *view)
{
    return (quire_edit_api){.size = QUIRE_SIZE_TO(quire_edit_api, fresh_name),
                            .ctx = view,
                            .create_node = quire_edit_create_node,
                            .erase_node = erase_node,
                            .move_node = move_node,
                            .set_operand = set_operand,
                            .replace_uses = replace_uses,
                            .interpose = interpose,
                            .take_name = take_name,
                            .set_type = set_type,
                            .add_initializer = quire_edit_add_initializer,
                            .remove_initializer = remove_initializer,
                            .fresh_name = fresh_name};
}
