/* host_view.c - see host_view.h. */
#include "plugin/host_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "plugin/cut.h"
#include "plugin/guarded.h"

static const quire_slot no_slot = {0, 0};

/* --- a callback begins and ends ---------------------------------------------------------------- */

static void
catch_message(void *data, const quire_diagnostic *diagnostic)
{
    quire_host_view *v = data;
    if (diagnostic->severity != QUIRE_ERROR || v->fault != QUIRE_OK) return;
    snprintf(v->fault_text, sizeof v->fault_text, "%s", diagnostic->message);
}

void
quire_host_view_open(quire_host_view *v)
{
    v->inner = *v->ctx;
    v->inner.sink = catch_message;
    v->inner.sink_data = v;
    v->live = true;
    atomic_store(&v->home, quire_this_thread());
    atomic_store(&v->stranger, NULL);
    v->n_filed = 0;
    v->fault = QUIRE_OK;
    v->ends = QUIRE_OK;
    v->fault_path[0] = '\0';
    v->fault_text[0] = '\0';
    v->n_earlier = v->result != NULL ? v->result->claims.n : 0;
}

void
quire_host_view_close(quire_host_view *v)
{
    quire_host_view_settle(v);
    v->live = !QUIRE_GUARD(KEPT_TABLES);
    quire_view_forget_names(v);
    v->shapes = NULL;
    v->n_shapes = 0;
    v->reading = NULL;
    v->earlier = NULL;
    v->members = NULL;
    v->group_members = NULL;
    v->n_group_members = 0;
    quire_arena_reset(v->arena);
}

void
quire_host_view_settle(quire_host_view *v)
{
    const char *function = atomic_exchange(&v->stranger, NULL);
    if (function == NULL) return;
    (void)quire_view_refuse(
        v, QUIRE_E_USAGE, no_slot,
        "%s was called from a thread that the callback does not run in; other "
        "threads, and the work of quire.host.parallel/1, may call the functions "
        "marked [any] only",
        function);
}

quire_status
quire_view_answer(const quire_host_view *v)
{
    return atomic_load(&v->home) == quire_this_thread() ? v->fault : QUIRE_E_USAGE;
}

bool
quire_view_enter_slowly(quire_host_view *v, const char *function)
{
    if (atomic_load(&v->home) != quire_this_thread()) {
        atomic_store(&v->stranger, function);
        return false;
    }
    if (v->fault == QUIRE_OK) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                                "%s was called through a table whose callback is over; a table is "
                                "good for the call that it was given to",
                                function);
    }
    return false;
}

/* --- faults ------------------------------------------------------------------------------------ */

void
quire_view_print_slot(quire_ctx *ctx, const quire_model *m, quire_slot slot, char *out, size_t room)
{
    quire_ctx quiet = *ctx; /* a text that cannot be made is left out of a message */
    quire_writer w;
    quire_cut cut;
    quiet.sink = NULL;
    out[0] = '\0';
    if (slot.id == 0) return;
    quire_writer_to_cut(&w, &quiet, &cut, out, room);
    quire_slot_print(&w, m, slot);
    if (quire_writer_finish(&w) != QUIRE_OK) out[0] = '\0';
}

quire_status
quire_view_refuse(quire_host_view *v, quire_status told, quire_slot where, const char *format, ...)
{
    char text[sizeof v->fault_text]; /* an argument may be what fault_text holds */
    va_list args;
    if (v->fault != QUIRE_OK) return v->fault;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(v->fault_text, text, sizeof text);
    quire_view_print_slot(v->ctx, v->m, where, v->fault_path, sizeof v->fault_path);
    v->fault = told;
    v->ends = QUIRE_E_PLUGIN;
    return told;
}

quire_status
quire_view_failed(quire_host_view *v, quire_status status)
{
    if (v->fault != QUIRE_OK) return v->fault;
    v->fault = status;
    v->ends = status;
    return status;
}

void
quire_view_name_function(quire_host_view *v, const char *function)
{
    char text[sizeof v->fault_text];
    const int room = (int)(sizeof text - strlen(function) - 3);
    snprintf(text, sizeof text, "%s: %.*s", function, room, v->fault_text);
    memcpy(v->fault_text, text, sizeof text);
}

/* --- checks ------------------------------------------------------------------------------------ */

bool
quire_view_struct(quire_host_view *v, const char *what, const void *ptr, uint32_t least)
{
    uint32_t size = 0;
    if (ptr != NULL) memcpy(&size, ptr, sizeof size);
    if (size >= least && size <= QUIRE_HOST_MAX_STRUCT) return true;
    if (!QUIRE_GUARD(STRUCT_SIZES)) return true;
    if (ptr == NULL) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot, "%s: found no struct (NULL)", what);
        return false;
    }
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "%s: found size %" PRIu32 "; allowed is %" PRIu32
                            " (the struct of version 1.0) to %d: set it to sizeof the struct",
                            what, size, least, QUIRE_HOST_MAX_STRUCT);
    return false;
}

bool
quire_view_string(quire_host_view *v, quire_slot where, const char *what, quire_string s)
{
    if (s.len <= QUIRE_HOST_MAX_STRING && (s.ptr != NULL || s.len == 0)) return true;
    if (!QUIRE_GUARD(STRINGS)) return true;
    if (s.ptr == NULL) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, where, "%s: found %zu bytes at NULL", what,
                                s.len);
        return false;
    }
    (void)quire_view_refuse(v, QUIRE_E_USAGE, where,
                            "%s: found a string of %zu bytes; allowed are %d", what, s.len,
                            QUIRE_HOST_MAX_STRING);
    return false;
}

static bool
is_erased(uint32_t flags)
{
    return QUIRE_GUARD(ERASED) && (flags & QUIRE_DEAD) != 0;
}

/* The answer of the checks below: false. */
static bool
refuse_id(quire_host_view *v, const char *function, const char *what, uint32_t id, bool known)
{
    if (!known && !QUIRE_GUARD(FOREIGN_IDS)) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot, "%s: %s %" PRIu32 " %s", function, what, id,
                            known ? "was erased" : "is no id of this model");
    return false;
}

bool
quire_view_node(quire_host_view *v, const char *function, quire_node_id node)
{
    const bool known = node != 0 && node < v->m->nodes.count;
    if (known && !is_erased(quire_node_at(v->m, (quire_node){node})->flags)) return true;
    return refuse_id(v, function, "node", node, known);
}

bool
quire_view_value(quire_host_view *v, const char *function, quire_value_id value)
{
    const bool known = value != 0 && value < v->m->values.count;
    if (known && !is_erased(quire_value_at(v->m, (quire_value){value})->flags)) return true;
    return refuse_id(v, function, "value", value, known);
}

bool
quire_view_graph(quire_host_view *v, const char *function, quire_graph_id graph)
{
    const bool known = graph != 0 && graph < v->m->graphs.count;
    if (known && !is_erased(quire_graph_at(v->m, (quire_graph){graph})->flags)) return true;
    return refuse_id(v, function, "graph", graph, known);
}

/* No text can speak of the slots of a node without a named result. */
static bool
has_name(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        if (quire_value_at(m, (quire_value){r->out.id + k})->name.id > QUIRE_SYM_EMPTY) return true;
    }
    return false;
}

static bool
value_is_slot(const quire_model *m, quire_value value)
{
    if (value.id == 0 || value.id >= m->values.count) return false;
    const quire_value_rec *r = quire_value_at(m, value);
    return !is_erased(r->flags) && r->def_kind != QUIRE_DEF_NONE && r->name.id > QUIRE_SYM_EMPTY;
}

static bool
use_is_slot(const quire_model *m, quire_use use)
{
    if (use.id == 0 || use.id >= m->uses.count) return false;
    const quire_use_rec *r = quire_use_at(m, use);
    if (r->node.id != 0) {
        const quire_node_rec *n = quire_node_at(m, r->node);
        return !is_erased(n->flags) && use.id - n->in.id < n->n_in && has_name(m, r->node);
    }
    if (r->graph.id == 0) return false;
    const quire_graph_rec *g = quire_graph_at(m, r->graph);
    return !is_erased(g->flags) && use.id - g->out.id < g->n_outputs;
}

bool
quire_view_slot(quire_host_view *v, const char *function, quire_place place, quire_slot *out_slot)
{
    *out_slot = (quire_slot){place.kind, place.id};
    if (place.kind == QUIRE_SLOT_RESULT && value_is_slot(v->m, (quire_value){place.id}))
        return true;
    if (place.kind == QUIRE_SLOT_USE && use_is_slot(v->m, (quire_use){place.id})) return true;
    if (!QUIRE_GUARD(FOREIGN_IDS)) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, no_slot,
                            "%s: place {%" PRIu32 ", %" PRIu32 "} is no slot of this model, or of "
                            "something that was erased",
                            function, place.kind, place.id);
    return false;
}

/* --- how much ---------------------------------------------------------------------------------- */

enum { FILED_AT_ALL = 1000, FILED_PER_SLOT = 8 };

bool
quire_view_file(quire_host_view *v, const char *function)
{
    const size_t n_slots = (size_t)v->m->values.count + v->m->uses.count;
    const size_t limit = FILED_AT_ALL + FILED_PER_SLOT * n_slots;
    if (++v->n_filed <= limit || !QUIRE_GUARD(FLOODS)) return true;
    (void)quire_view_refuse(v, QUIRE_E_LIMIT, no_slot,
                            "%s: found one more than %zu claims, skips and findings of this "
                            "callback; allowed are %d, and %d for each value, operand and output "
                            "of the model",
                            function, limit, FILED_AT_ALL, FILED_PER_SLOT);
    return false;
}

/* --- strings ----------------------------------------------------------------------------------- */

static quire_status
intern_new(quire_host_view *v, quire_string s, quire_sym *out_sym)
{
    quire_bytes bytes = {(const uint8_t *)s.ptr, s.len};
    *out_sym = quire_syms_find(&v->m->syms, bytes);
    if (out_sym->id != 0) return QUIRE_OK;
    quire_status status = quire_arena_copy(&v->inner, &v->m->arena, bytes, &bytes);
    if (status == QUIRE_OK) status = quire_syms_intern(&v->inner, &v->m->syms, bytes, out_sym);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

quire_status
quire_view_intern(quire_host_view *v, quire_string s, quire_sym *out_sym)
{
    *out_sym = (quire_sym){0};
    if (s.len == 0) return QUIRE_OK;
    for (uint32_t i = 0; i < QUIRE_HOST_RECENT; i++) {
        const quire_host_string *seen = &v->recent[i];
        if (seen->bytes.len != s.len || memcmp(seen->bytes.ptr, s.ptr, s.len) != 0) continue;
        *out_sym = seen->sym;
        return QUIRE_OK;
    }
    QUIRE_TRY(intern_new(v, s, out_sym));
    v->recent[v->next_recent++ % QUIRE_HOST_RECENT] =
        (quire_host_string){.sym = *out_sym, .bytes = quire_sym_bytes(v->m, *out_sym)};
    return QUIRE_OK;
}

quire_string
quire_view_text(const quire_host_view *v, quire_sym sym)
{
    const quire_bytes bytes = quire_sym_bytes(v->m, sym);
    return (quire_string){(const char *)bytes.ptr, bytes.len};
}

quire_status
quire_view_who(quire_host_view *v, quire_sym *out_who)
{
    if (v->who_sym.id == 0) {
        const quire_string name = {v->who, strlen(v->who)};
        QUIRE_TRY(quire_view_intern(v, name, &v->who_sym));
    }
    *out_who = v->who_sym;
    return QUIRE_OK;
}
