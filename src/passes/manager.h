/* manager.h - running one pass with what the options ask for around it. */
#ifndef QUIRE_PASSES_MANAGER_H
#define QUIRE_PASSES_MANAGER_H

#include "passes/pass.h"

/* Runs `pass`, then verifies and prints as `options` say; *out_ns is the time of the pass itself. */
QUIRE_MUST_USE quire_status quire_manager_run(quire_ctx *ctx, quire_run *run,
                                              const quire_pass *pass,
                                              const quire_manager_options *options,
                                              uint64_t *out_ns);

#endif
