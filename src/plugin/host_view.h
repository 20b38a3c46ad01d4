/* host_view.h - what the functions handed to plugins have in common: refusing, and checking what
 * comes in. Only for src/plugin.
 *
 * The first call that is refused, or fails in the host, is kept with its sentence; every later call
 * on the view gets the same status and does nothing. So a plugin that ignores a refusal can do no
 * harm, and one fault is told once, when the callback is over.
 */
#ifndef QUIRE_PLUGIN_HOST_VIEW_H
#define QUIRE_PLUGIN_HOST_VIEW_H

#include <pthread.h>

#include "plugin/run.h"

enum {
    QUIRE_HOST_MAX_STRING = 64 << 10, /* bytes of any string of a plugin        */
    QUIRE_HOST_MAX_STRUCT = 4096,     /* larger sizes of structs are no sizes   */
};

/* A call begins: false if it is to be left with view->fault. `function` is for the message. */
bool quire_view_enter_slowly(quire_host_view *v, const char *function);
static inline uintptr_t
quire_this_thread(void)
{
    return (uintptr_t)pthread_self();
}
static inline bool
quire_view_enter(quire_host_view *v, const char *function)
{
    const bool at_home =
        atomic_load_explicit(&v->home, memory_order_relaxed) == quire_this_thread();
    if (at_home && v->live && v->fault == QUIRE_OK) return true;
    return quire_view_enter_slowly(v, function);
}
/* What a call is answered that may not enter. */
quire_status quire_view_answer(const quire_host_view *v);

/* The plugin's fault: keeps the sentence; `where` may be {0, 0}, and must else be a slot. Returns
 * what the plugin is to be told: `told`, or the status of an earlier fault. */
quire_status quire_view_refuse(quire_host_view *v, quire_status told, quire_slot where,
                               const char *format, ...) QUIRE_PRINTF(4, 5);
/* The host's: what was reported through &v->inner ends the run with `status`. */
quire_status quire_view_failed(quire_host_view *v, quire_status status);

/* Puts "FUNCTION: " before the sentence that is kept. */
void quire_view_name_function(quire_host_view *v, const char *function);

/* Each refuses what is wrong and returns false then. */
bool quire_view_struct(quire_host_view *v, const char *what, const void *ptr, uint32_t least);
bool quire_view_string(quire_host_view *v, quire_slot where, const char *what, quire_string s);
bool quire_view_node(quire_host_view *v, const char *function, quire_node_id node);
bool quire_view_value(quire_host_view *v, const char *function, quire_value_id value);
bool quire_view_graph(quire_host_view *v, const char *function, quire_graph_id graph);
/* A slot of the model that is alive and has a text; an omitted operand is one. */
bool quire_view_slot(quire_host_view *v, const char *function, quire_place place,
                     quire_slot *out_slot);

/* One more claim, skip or finding of this callback: false, refused with QUIRE_E_LIMIT, if it is one
 * more than a model of this size can need. */
bool quire_view_file(quire_host_view *v, const char *function);

/* The symbol of a checked string, its bytes kept with the model; {0} for the empty one. Cheap for
 * strings that were seen a moment ago. */
QUIRE_MUST_USE quire_status quire_view_intern(quire_host_view *v, quire_string s,
                                              quire_sym *out_sym);
quire_string quire_view_text(const quire_host_view *v, quire_sym sym);
/* Who is called, as a symbol. */
QUIRE_MUST_USE quire_status quire_view_who(quire_host_view *v, quire_sym *out_who);
/* The text of a slot, cut to the room; "" if it has none. */
void quire_view_print_slot(quire_ctx *ctx, const quire_model *m, quire_slot slot, char *out,
                           size_t room);

/* host_spec.c. A spec of a plugin for `where`: checked, canonical, in the model's pool. Cheap for
 * specs that were seen a moment ago. Refuses in the name of `function`, and returns the status. */
QUIRE_MUST_USE quire_status quire_view_spec_in(quire_host_view *v, const char *function,
                                               quire_slot where, const quire_qspec *spec,
                                               quire_spec_ref *out_ref);
/* A canonical spec for a plugin; out->size says how much of it there is room for. Strings live as
 * long as the model, targets until the callback is over. */
QUIRE_MUST_USE quire_status quire_view_spec_out(quire_host_view *v, const quire_spec *spec,
                                                quire_qspec *out);

/* host_edit.c. Ends the names that fresh_name gave; part of closing a view. */
void quire_view_forget_names(quire_host_view *v);

#endif
