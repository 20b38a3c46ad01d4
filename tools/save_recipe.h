/* save_recipe.h - the option --save-recipe: the recipe is written beside its final name first, and
 * gets it when nothing but the naming of the model can fail any more. */
#ifndef QUIRE_TOOLS_SAVE_RECIPE_H
#define QUIRE_TOOLS_SAVE_RECIPE_H

#include "annotators.h"
#include "base/commit.h"

typedef struct save_recipe {
    const char *path; /* NULL: nothing is saved, and all functions do nothing */
    quire_staged staged;
    bool is_staged;
} save_recipe;

/* QUIRE_E_USAGE if the path is the model, one of its data files, a file that `a` names, `rules`, or
 * the place of `output`; the last two may be NULL. */
QUIRE_MUST_USE quire_status save_recipe_check(quire_ctx *ctx, const save_recipe *s,
                                              const quire_model *m, const char *output,
                                              const annotators *a, const char *rules);
/* Makes the recipe and writes it under a temporary name. Loads the plugins. */
QUIRE_MUST_USE quire_status save_recipe_stage(cli *c, save_recipe *s, const annotators *a,
                                              const char *rules);
/* Gives it its name. Called when the model is written and verified, before that gets its own. */
QUIRE_MUST_USE quire_status save_recipe_commit(quire_ctx *ctx, save_recipe *s);
/* Leaves nothing behind that was not committed. */
void save_recipe_end(cli *c, save_recipe *s);

#endif
