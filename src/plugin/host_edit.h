/* host_edit.h - what the files of the edit table share. Only for host_edit*.c.
 *
 * The gate (graph/edit.h) keeps the links right and trusts its callers; a plugin is not trusted. So
 * everything the gate expects is checked here first, and what it then reports is the host's own.
 */
#ifndef QUIRE_PLUGIN_HOST_EDIT_H
#define QUIRE_PLUGIN_HOST_EDIT_H

#include "graph/edit.h"
#include "plugin/host_view.h"

/* Each refuses what is wrong and returns false then; `what` is for the message. */

/* UTF-8 without NUL; "": as it is allowed in `what`. */
bool quire_edit_text(quire_host_view *v, const char *what, quire_string s);
/* A text that is not empty, and that nothing in the model is called or was called. */
bool quire_edit_new_name(quire_host_view *v, const char *what, quire_string s);
/* A value with a name, which what stands in graph g may read. */
bool quire_edit_readable(quire_host_view *v, const char *function, quire_graph g,
                         quire_value_id value);
/* What an edit came to, given what the gate answered; its failures are the host's. */
quire_status quire_edit_done(quire_host_view *v, quire_status status);
/* The slot of a value for a message; {0, 0} if it has no name. */
quire_slot quire_edit_slot(const quire_host_view *v, quire_value value);

/* host_edit_make.c: functions of the table. */
quire_status quire_edit_create_node(void *ctx, const quire_new_node *node, quire_node_id *out_node);
quire_status quire_edit_add_initializer(void *ctx, quire_graph_id graph, quire_string name,
                                        const quire_new_tensor *tensor, quire_value_id *out_value);

#endif
