/* annotators.h - what --quantizer and --plugin gather: who annotates a model beside the rules. */
#ifndef QUIRE_TOOLS_ANNOTATORS_H
#define QUIRE_TOOLS_ANNOTATORS_H

#include "plugin/isolate.h"
#include "plugins.h"

/* Rows of a verb's option_row table, in this order. */
#define ANNOTATORS_ROWS                                                                            \
    {"quantizer", 0, "NAME[:OPTIONS]", "annotate by this quantizer; repeated: in this order"},     \
        PLUGINS_ROW

/* A row for a recipe instead of rules, and one for writing what the command line says as one. */
#define RECIPE_ROW                                                                                 \
    {                                                                                              \
        "recipe", 0, "FILE", "quantizers and rules, as JSON (docs/recipe.schema.json)"             \
    }
#define SAVE_RECIPE_ROW                                                                            \
    {                                                                                              \
        "save-recipe", 0, "FILE", "write the recipe that does what this command line does"         \
    }

/* Rows for running the quantizers in a process of their own, in this order. */
#define ISOLATION_ROWS                                                                             \
    {"isolate", 0, NULL,                                                                           \
     "run the quantizers in a process of their own: one that crashes is an "                       \
     "error"},                                                                                     \
        {"isolate-timeout", 0, "SECONDS", "the time that process gets (60)"},                      \
    {                                                                                              \
        "isolate-memory", 0, "MIB", "the memory it may take (4096)"                                \
    }
enum { N_ISOLATION_ROWS = 3 };

typedef struct annotators {
    plugin_files plugins;
    bool isolate;
    uint32_t isolate_seconds, isolate_mib; /* 0: as if it were not given */
    const char *recipe;                    /* NULL: none */
    const char **quantizers;               /* as given */
    size_t n_quantizers, room;
} annotators;

/* Keeps the value of an option that takes one file; a second is QUIRE_E_USAGE. */
quire_status annotators_take_file(cli *c, const char *option, const char *path,
                                  const char **io_path);
/* What does not go with --save-recipe `path` (NULL: not given). */
quire_status annotators_check_saving(cli *c, const annotators *a, const char *path, bool dry_run);
/* Does a quantizer or a recipe annotate? */
bool annotators_any(const annotators *a);
quire_status annotators_take_quantizer(cli *c, annotators *a, const char *value);
/* `row`: number in ISOLATION_ROWS. Reports QUIRE_E_USAGE. */
quire_status annotators_take_isolation(cli *c, annotators *a, size_t row, const char *value);
/* Annotates m by the recipe, or `rules` (NULL: none), and these quantizers. See
 * quire_annotate_with. */
quire_status annotators_annotate(cli *c, quire_model *m, const annotators *a, const char *rules,
                                 quire_conflict_rule conflict, quire_annotations *out);
/* What annotates, for the functions of src/plugin. */
quire_annotators annotators_by(const annotators *a, const char *rules,
                               quire_conflict_rule conflict);
void annotators_deinit(cli *c, annotators *a);

#endif
