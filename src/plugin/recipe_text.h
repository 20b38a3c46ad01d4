/* recipe_text.h - a recipe's quantizers as a command line has them, checked against the tables of
 * those there are. */
#ifndef QUIRE_PLUGIN_RECIPE_TEXT_H
#define QUIRE_PLUGIN_RECIPE_TEXT_H

#include "base/arena.h"
#include "passes/recipe.h"
#include "plugin/registry.h"

/* `NAME:OPTIONS` of a quantizer, in the arena; children are the value of its option `of`. Reports
 * QUIRE_E_USAGE with FILE:LINE:COLUMN: unknown quantizers and options (with the nearest names),
 * values of the wrong type or out of range, options that must be given, children of a quantizer
 * that takes none; QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_recipe_text(quire_ctx *ctx, const quire_registry *registry,
                                              const quire_recipe *recipe,
                                              const quire_recipe_quantizer *quantizer,
                                              quire_arena *arena, const char **out_text);

/* `value` as it stands behind `NAME=`: in quotes where it must. */
void quire_option_write(quire_writer *w, quire_bytes value);

#endif
