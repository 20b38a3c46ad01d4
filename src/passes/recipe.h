/* recipe.h - a recipe: a rules file that may also declare quantizers. docs/recipe.schema.json,
 * docs/recipes.md.
 *
 *     {"format_version": 1,
 *      "quantizers": [{"name": "embedding", "options": {"bits": 4, "only": "user*"}, "priority": 1},
 *                     {"name": "composable", "children": [{"name": "pt2e-embedding"}]}],
 *      "rules": [...]}
 *
 * What quantizers there are, and which options they have, is not known here: a recipe is read as
 * far as its shape goes, with the places that src/plugin needs for the rest.
 *
 * A recipe made of a command line keeps the names under which its rules asked: `origin` is the name
 * of the rules file, and a rule's `line` the line it had there. Without them a rule is called after
 * the recipe's own file and line.
 */
#ifndef QUIRE_PASSES_RECIPE_H
#define QUIRE_PASSES_RECIPE_H

#include "passes/rules.h"

typedef enum quire_recipe_type {
    QUIRE_RECIPE_WHOLE, /* also 2.0 */
    QUIRE_RECIPE_REAL,
    QUIRE_RECIPE_TRUTH,
    QUIRE_RECIPE_STRING,
} quire_recipe_type;

typedef struct quire_recipe_option {
    quire_bytes name;
    quire_bytes text; /* the value as a command line would have it: digits, true, the string */
    quire_recipe_type type;
    quire_text_place at_name, at_value;
} quire_recipe_option;

typedef struct quire_recipe_quantizer {
    quire_bytes name;
    quire_text_place at, at_name, at_children; /* at: of its opening brace */
    quire_recipe_option *options;              /* in the order of the file */
    size_t n_options;
    struct quire_recipe_quantizer *children;
    size_t n_children; /* 0: none are given */
    int32_t priority;  /* added to that of every claim; of children always 0 */
} quire_recipe_quantizer;

enum { QUIRE_RECIPE_MAX_DEPTH = 8 }; /* of children in children */

typedef struct quire_recipe {
    quire_rules rules; /* may be none; everything here lies in rules.arena */
    quire_recipe_quantizer *quantizers;
    size_t n_quantizers;
} quire_recipe;

/* Reads and checks a file as quire_rules_load does, with the same limits and failures. A recipe
 * needs rules or quantizers. `path` must outlive the recipe. Deinit unless it failed. */
QUIRE_MUST_USE quire_status quire_recipe_load(quire_ctx *ctx, const char *path, quire_recipe *out);
void quire_recipe_deinit(quire_ctx *ctx, quire_recipe *recipe);

#endif
