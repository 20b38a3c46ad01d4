/* isolate.h - annotating in a process of its own, so that what plugins do there can hurt nothing
 * here: one that spins, aborts, scribbles or jumps is an error that names it.
 *
 * The child is a copy of this process. It loads the plugins, runs the quantizers, and sends what it
 * would have returned as text through a pipe: what was told, and the annotations as claim.h writes
 * them. Nothing of that is believed: the parent reads it as it reads files. Both outputs of the
 * child are closed; time and memory are limited.
 */
#ifndef QUIRE_PLUGIN_ISOLATE_H
#define QUIRE_PLUGIN_ISOLATE_H

#include "plugin/annotate_with.h"

typedef struct quire_isolation {
    uint32_t seconds; /* for everything; 0: no limit */
    uint32_t mib;     /* of address space beyond what the process has; 0: no limit */
    /* What is done there: loads plugins into a registry watched by `watch`, and annotates. */
    quire_status (*work)(quire_ctx *ctx, quire_model *m, const quire_watch *watch, void *data,
                         quire_annotations *out);
    void *data;
} quire_isolation;

/* As quire_annotate_with, of which `by` are the arguments that `work` uses: without a fault the
 * outcome is the same, to the byte. Reports QUIRE_E_PLUGIN, naming the plugin and the callback, if
 * the child ended otherwise than by answering, if time ran out, if the answer cannot be read;
 * QUIRE_E_USAGE if a transform changed the graph, which stays with the child; QUIRE_E_IO if there
 * is no process or pipe to be had. */
QUIRE_MUST_USE quire_status quire_annotate_isolated(quire_ctx *ctx, quire_model *m,
                                                    const quire_isolation *isolation,
                                                    const quire_annotators *by,
                                                    quire_annotations *out);

#endif
