/* rules_read.h - what reading rules and reading recipes share: objects of a JSON file by tables of
 * keys.
 *
 * Jansson's tree is walked beside the text, so that every mistake is told with its place.
 */
#ifndef QUIRE_PASSES_RULES_READ_H
#define QUIRE_PASSES_RULES_READ_H

#include <jansson.h>

#include "passes/recipe.h"
#include "passes/rules_where.h"

typedef struct rules_loader {
    quire_ctx *ctx;
    quire_rules *rules;
    quire_recipe *recipe; /* NULL: a rules file is read, which has rules alone */
    quire_relay relay;    /* for selectors */
} rules_loader;

typedef struct rules_key {
    const char *name;
    json_type type;
    const char *takes; /* for messages */
} rules_key;

enum { RULES_MAX_KEYS = 8 };

typedef struct rules_member {
    const json_t *json; /* NULL: absent */
    quire_where value;  /* at the first byte of the value */
} rules_member;

typedef struct rules_members {
    rules_member of[RULES_MAX_KEYS];
    const char *unknown; /* the first key that is not in the table; NULL: none */
    quire_text_place at_unknown;
} rules_members;

/* Reads the object at *w, which is `object`, and passes it. */
void rules_read_members(quire_where *w, json_t *object, const rules_key *keys, size_t n,
                        rules_members *out);
/* Refuses an unknown key, naming the nearest, and values of another type than the table's. */
QUIRE_MUST_USE quire_status rules_check_members(rules_loader *l, const rules_members *found,
                                                const rules_key *keys, size_t n);
/* "an object", "no whole number" */
const char *rules_type_name(const json_t *json);
/* As JSON Schema has it, 2.0 and 2e0 are whole numbers, too. */
bool rules_is_whole(const json_t *json);
int64_t rules_whole_value(const json_t *json);
/* Members that are absent leave *io and *out alone. */
QUIRE_MUST_USE quire_status rules_take_number(rules_loader *l, const rules_member *m,
                                              const rules_key *k, int64_t min, int64_t max,
                                              int64_t *io);
QUIRE_MUST_USE quire_status rules_take_string(rules_loader *l, const rules_member *m,
                                              quire_bytes *out);

/* recipe.c: reads the array at `w` into l->recipe. */
QUIRE_MUST_USE quire_status rules_read_quantizers(rules_loader *l, quire_where w,
                                                  const json_t *array);

#endif
