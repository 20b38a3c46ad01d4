/* rules_read.c - see rules_read.h. */
#include "passes/rules_read.h"

#include <inttypes.h>
#include <math.h>

#include "base/arena.h"
#include "base/nearest.h"

static size_t
find_key(const rules_key *keys, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(keys[i].name, name) != 0)
        i++;
    return i;
}

void
rules_read_members(quire_where *w, json_t *object, const rules_key *keys, size_t n,
                   rules_members *out)
{
    const char *name;
    json_t *value;
    *out = (rules_members){0};
    quire_where_token(w);
    json_object_foreach(object, name, value)
    {
        const size_t i = find_key(keys, n, name);
        const quire_text_place at_key = quire_where_next(w);
        quire_where_token(w);
        quire_where_token(w);
        quire_where_next(w);
        if (i < n) out->of[i] = (rules_member){value, *w};
        if (i == n && out->unknown == NULL) {
            out->unknown = name;
            out->at_unknown = at_key;
        }
        quire_where_value(w);
        quire_where_token(w);
    }
    if (json_object_size(object) == 0) quire_where_token(w);
}

const char *
rules_type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "a number";
    case JSON_REAL: return "no whole number";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

typedef struct key_list {
    const rules_key *keys;
} key_list;

static quire_bytes
key_name(const void *data, size_t i)
{
    return quire_bytes_of(((const key_list *)data)->keys[i].name);
}

bool
rules_is_whole(const json_t *json)
{
    const double x = json_number_value(json);
    return json_is_integer(json) || (json_is_real(json) && x == floor(x) && fabs(x) < 0x1p53);
}

int64_t
rules_whole_value(const json_t *json)
{
    return json_is_integer(json) ? json_integer_value(json) : (int64_t)json_real_value(json);
}

static bool
has_type(const json_t *json, json_type type)
{
    return type == JSON_INTEGER ? rules_is_whole(json) : json_typeof(json) == type;
}

quire_status
rules_check_members(rules_loader *l, const rules_members *found, const rules_key *keys, size_t n)
{
    char nearest[256];
    if (found->unknown != NULL) {
        quire_names_nearest(found->unknown, n, key_name, &(key_list){keys}, nearest,
                            sizeof nearest);
        return quire_rules_fail(l->ctx, l->rules, found->at_unknown, QUIRE_E_USAGE,
                                "unknown key \"%.200s\"; nearest: %s", found->unknown, nearest);
    }
    for (size_t i = 0; i < n; i++) {
        const rules_member *m = &found->of[i];
        if (m->json == NULL || has_type(m->json, keys[i].type)) continue;
        return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                                "\"%s\" is %s; it takes %s", keys[i].name, rules_type_name(m->json),
                                keys[i].takes);
    }
    return QUIRE_OK;
}

quire_status
rules_take_number(rules_loader *l, const rules_member *m, const rules_key *k, int64_t min,
                  int64_t max, int64_t *io)
{
    if (m->json == NULL) return QUIRE_OK;
    *io = rules_whole_value(m->json);
    if (*io >= min && *io <= max) return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                            "\"%s\" is %" PRId64 "; it takes %s", k->name, *io, k->takes);
}

quire_status
rules_take_string(rules_loader *l, const rules_member *m, quire_bytes *out)
{
    if (m->json == NULL) return QUIRE_OK;
    const quire_bytes text = {(const uint8_t *)json_string_value(m->json),
                              json_string_length(m->json)};
    return quire_arena_copy(l->ctx, &l->rules->arena, text, out);
}
