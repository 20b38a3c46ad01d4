/* recipe.c - the quantizers of a recipe: names, options and children, with their places. The file
 * around them is read by rules.c. */
#include "passes/recipe.h"

#include <inttypes.h>

#include "base/arena.h"
#include "passes/rules_read.h"

enum { NAME, OPTIONS, CHILDREN, PRIORITY, N_KEYS };
enum { N_CHILD_KEYS = PRIORITY }; /* children have their parent's */

static const rules_key keys[N_KEYS] = {
    [NAME] = {"name", JSON_STRING, "the name of a quantizer in a string"},
    [OPTIONS] = {"options", JSON_OBJECT, "an object, {\"bits\": 4, ...}"},
    [CHILDREN] = {"children", JSON_ARRAY, "an array of quantizers"},
    [PRIORITY] = {"priority", JSON_INTEGER, "a whole number from -2147483648 to 2147483647"},
};

/* --- options ---------------------------------------------------------------------------------- */

static quire_status
copy_text(rules_loader *l, const char *text, size_t len, quire_bytes *out)
{
    return quire_arena_copy(l->ctx, &l->rules->arena, (quire_bytes){(const uint8_t *)text, len},
                            out);
}

/* A number that is not whole is taken as it is written. */
static quire_status
take_number(rules_loader *l, const json_t *json, quire_where at, quire_recipe_option *out)
{
    quire_where end = at;
    if (rules_is_whole(json)) {
        out->type = QUIRE_RECIPE_WHOLE;
        return quire_arena_format(l->ctx, &l->rules->arena, &out->text, "%" PRId64,
                                  rules_whole_value(json));
    }
    quire_where_token(&end);
    out->type = QUIRE_RECIPE_REAL;
    return copy_text(l, (const char *)at.p, (size_t)(end.p - at.p), &out->text);
}

/* Reads the value at *w and passes it. */
static quire_status
take_value(rules_loader *l, quire_where *w, const json_t *json, quire_recipe_option *out)
{
    const quire_where at = *w;
    out->at_value = at.place;
    quire_where_value(w);
    if (json_is_number(json)) return take_number(l, json, at, out);
    if (json_is_string(json)) {
        out->type = QUIRE_RECIPE_STRING;
        return copy_text(l, json_string_value(json), json_string_length(json), &out->text);
    }
    if (json_is_boolean(json)) {
        out->type = QUIRE_RECIPE_TRUTH;
        out->text = quire_bytes_of(json_is_true(json) ? "true" : "false");
        return QUIRE_OK;
    }
    return quire_rules_fail(l->ctx, l->rules, at.place, QUIRE_E_USAGE,
                            "option \"%.*s\" is %s; it takes a number, a string, true or false",
                            out->name.len < 100 ? (int)out->name.len : 100,
                            (const char *)out->name.ptr, rules_type_name(json));
}

static quire_status
read_options(rules_loader *l, const rules_member *m, quire_recipe_quantizer *q)
{
    quire_where w = m->value;
    const char *name;
    json_t *value;
    json_t *object = (json_t *)m->json; /* Jansson's loops take no const */
    if (object == NULL) return QUIRE_OK;
    QUIRE_TRY(quire_arena_take(l->ctx, &l->rules->arena,
                               json_object_size(object) * sizeof *q->options, &q->options));
    quire_where_token(&w);
    json_object_foreach(object, name, value)
    {
        quire_recipe_option *option = &q->options[q->n_options++];
        option->at_name = quire_where_next(&w);
        quire_where_token(&w);
        quire_where_token(&w);
        quire_where_next(&w);
        QUIRE_TRY(copy_text(l, name, strlen(name), &option->name));
        QUIRE_TRY(take_value(l, &w, value, option));
        quire_where_token(&w);
    }
    return QUIRE_OK;
}

/* --- quantizers ------------------------------------------------------------------------------- */

static quire_status read_list(rules_loader *l, quire_where w, const json_t *array, unsigned depth,
                              quire_recipe_quantizer **out, size_t *out_n);

static quire_status
read_children(rules_loader *l, const rules_member *m, unsigned depth, quire_recipe_quantizer *q)
{
    if (m->json == NULL) return QUIRE_OK;
    q->at_children = m->value.place;
    if (depth == QUIRE_RECIPE_MAX_DEPTH)
        return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                                "children lie more than %d deep", QUIRE_RECIPE_MAX_DEPTH);
    if (json_array_size(m->json) == 0)
        return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                                "\"children\" is empty; leave it out, or name a quantizer");
    return read_list(l, m->value, m->json, depth + 1, &q->children, &q->n_children);
}

/* Reads the quantizer at *w and passes it. */
static quire_status
read_quantizer(rules_loader *l, quire_where *w, json_t *json, unsigned depth,
               quire_recipe_quantizer *q)
{
    rules_members found;
    int64_t priority = 0;
    q->at = quire_where_next(w);
    if (!json_is_object(json))
        return quire_rules_fail(l->ctx, l->rules, q->at, QUIRE_E_USAGE,
                                "the quantizer is %s; it takes an object, {\"name\": ..., "
                                "\"options\": {...}}",
                                rules_type_name(json));
    const size_t n_keys = depth == 0 ? N_KEYS : N_CHILD_KEYS;
    rules_read_members(w, json, keys, n_keys, &found);
    QUIRE_TRY(rules_check_members(l, &found, keys, n_keys));
    if (found.of[NAME].json == NULL)
        return quire_rules_fail(l->ctx, l->rules, q->at, QUIRE_E_USAGE,
                                "the quantizer has no \"name\"; quire plugin list lists them");
    q->at_name = found.of[NAME].value.place;
    QUIRE_TRY(rules_take_number(l, &found.of[PRIORITY], &keys[PRIORITY], INT32_MIN, INT32_MAX,
                                &priority));
    q->priority = (int32_t)priority;
    QUIRE_TRY(rules_take_string(l, &found.of[NAME], &q->name));
    QUIRE_TRY(read_options(l, &found.of[OPTIONS], q));
    return read_children(l, &found.of[CHILDREN], depth, q);
}

static quire_status
read_list(rules_loader *l, quire_where w, const json_t *array, unsigned depth,
          quire_recipe_quantizer **out, size_t *out_n)
{
    const size_t n = json_array_size(array);
    QUIRE_TRY(quire_arena_take(l->ctx, &l->rules->arena, n * sizeof **out, out));
    quire_where_token(&w);
    for (size_t i = 0; i < n; i++) {
        QUIRE_TRY(read_quantizer(l, &w, json_array_get(array, i), depth, &(*out)[i]));
        quire_where_token(&w);
    }
    *out_n = n;
    return QUIRE_OK;
}

quire_status
rules_read_quantizers(rules_loader *l, quire_where w, const json_t *array)
{
    return read_list(l, w, array, 0, &l->recipe->quantizers, &l->recipe->n_quantizers);
}
