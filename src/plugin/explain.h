/* explain.h - what a recipe does with a model: options in force, what each quantizer and rule asked
 * for and left alone, which requests hold, and which lost to whom. docs/explain.schema.json.
 */
#ifndef QUIRE_PLUGIN_EXPLAIN_H
#define QUIRE_PLUGIN_EXPLAIN_H

#include "passes/recipe.h"
#include "plugin/annotate_with.h"
#include "quire/quire.h"

/* `a`: the annotations by `recipe` (quire_annotate_with, keeping errors). Fails with QUIRE_E_NOMEM,
 * QUIRE_E_USAGE for what is wrong in options; the caller finishes the writer. Time: sorts the
 * requests that lost, else linear. */
QUIRE_MUST_USE quire_status quire_explain(quire_writer *w, quire_model *m,
                                          const quire_registry *registry,
                                          const quire_recipe *recipe, const quire_annotations *a,
                                          quire_format format);

#endif
