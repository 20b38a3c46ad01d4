/* print.h - a model as text: ONNX's textual syntax, with what it cannot say in `#:` lines. docs/text-form.md has the grammar.
 *
 * Text and the model's files together are complete: weights are references into the original file, everything else
 * is in the text. Same model, same text.
 */
#ifndef QUIRE_GRAPH_PRINT_H
#define QUIRE_GRAPH_PRINT_H

#include "base/writer.h"
#include "graph/model.h"

typedef struct quire_print_options {
    bool layers; /* `#: spec SLOT ...` lines                                     */
    bool brief;  /* for people and golden tests: no `#:` lines for fields the syntax lacks */
    uint64_t
        max_inline; /* tensors up to this many elements are spelled out; others are references. 0: 16 */
} quire_print_options;

QUIRE_MUST_USE quire_status quire_model_print(quire_ctx *ctx, const quire_model *m,
                                              const quire_print_options *options, quire_writer *w);

#endif
