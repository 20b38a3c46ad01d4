/* recipe_write.h - a recipe made of what annotates: quantizers of recipe and command line, and the
 * rules. */
#ifndef QUIRE_PLUGIN_RECIPE_WRITE_H
#define QUIRE_PLUGIN_RECIPE_WRITE_H

#include "base/writer.h"
#include "plugin/annotate_with.h"

/* Writes the recipe that says what `by` does (its conflict rule apart), as JSON: options that were
 * given, in their order; rules under the names they have. Reads the files that `by` names again.
 * Reports what is wrong in them and in the options, QUIRE_E_USAGE for a text that is not UTF-8 and
 * so cannot stand in JSON, QUIRE_E_NOMEM; the caller finishes the writer. */
QUIRE_MUST_USE quire_status quire_recipe_write(quire_writer *w, const quire_registry *registry,
                                               const quire_annotators *by);

#endif
