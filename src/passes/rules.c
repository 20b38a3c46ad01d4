/* rules.c - reading a rules file: JSON by Jansson, places by rules_where.c. Applying it is
 * rules_apply.c.
 *
 * Jansson allocates by malloc: its allocator is one for the whole process, and not ours to change.
 * Nothing of its tree outlives quire_rules_load.
 */
#include "passes/rules.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/nearest.h"
#include "passes/annotate.h"
#include "passes/rules_where.h"

/* Jansson needs about 200 bytes for an object and 50 for another value. */
enum { MAX_FILE = 16 << 20, MAX_TOKENS = 4 << 20, MAX_CONTAINERS = 1 << 17, FORMAT_VERSION = 1 };

typedef struct loader {
    quire_ctx *ctx;
    quire_rules *rules;
    quire_relay relay; /* for selectors */
} loader;

/* --- members of objects ----------------------------------------------------------------------- */

typedef struct key {
    const char *name;
    json_type type;
    const char *takes; /* for messages */
} key;

enum { VERSION, RULES, N_FILE_KEYS };

static const key file_keys[N_FILE_KEYS] = {
    [VERSION] = {"format_version", JSON_INTEGER, "the number 1"},
    [RULES] = {"rules", JSON_ARRAY, "an array of rules"},
};

enum { SELECT, SPEC, PRIORITY, REASON, EXPECT, N_RULE_KEYS };

static const key rule_keys[N_RULE_KEYS] = {
    [SELECT] = {"select", JSON_STRING, "a selector in a string"},
    [SPEC] = {"spec", JSON_STRING, "a spec in a string"},
    [PRIORITY] = {"priority", JSON_INTEGER, "a whole number from -2147483648 to 2147483647"},
    [REASON] = {"reason", JSON_STRING, "a string"},
    [EXPECT] = {"expect", JSON_INTEGER, "how many slots are annotated, 1 or more"},
};

enum { MAX_KEYS = N_RULE_KEYS };

typedef struct member {
    const json_t *json; /* NULL: absent */
    quire_where value;  /* at the first byte of the value */
} member;

typedef struct members {
    member of[MAX_KEYS];
    const char *unknown; /* the first key that is not in the table; NULL: none */
    quire_text_place at_unknown;
} members;

static size_t
find_key(const key *keys, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(keys[i].name, name) != 0)
        i++;
    return i;
}

/* Reads the object at *w, which is `object`, and passes it. */
static void
read_members(quire_where *w, json_t *object, const key *keys, size_t n, members *out)
{
    const char *name;
    json_t *value;
    *out = (members){0};
    quire_where_token(w);
    json_object_foreach(object, name, value)
    {
        const size_t i = find_key(keys, n, name);
        const quire_text_place at_key = quire_where_next(w);
        quire_where_token(w);
        quire_where_token(w);
        quire_where_next(w);
        if (i < n) out->of[i] = (member){value, *w};
        if (i == n && out->unknown == NULL) {
            out->unknown = name;
            out->at_unknown = at_key;
        }
        quire_where_value(w);
        quire_where_token(w);
    }
    if (json_object_size(object) == 0) quire_where_token(w);
}

static const char *
type_name(const json_t *json)
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
    const key *keys;
} key_list;

static quire_bytes
key_name(const void *data, size_t i)
{
    return quire_bytes_of(((const key_list *)data)->keys[i].name);
}

/* As JSON Schema has it, 2.0 and 2e0 are whole numbers, too. */
static bool
is_whole(const json_t *json)
{
    const double x = json_number_value(json);
    return json_is_integer(json) || (json_is_real(json) && x == floor(x) && fabs(x) < 0x1p53);
}

static int64_t
whole_value(const json_t *json)
{
    return json_is_integer(json) ? json_integer_value(json) : (int64_t)json_real_value(json);
}

static bool
has_type(const json_t *json, json_type type)
{
    return type == JSON_INTEGER ? is_whole(json) : json_typeof(json) == type;
}

static quire_status
check_members(loader *l, const members *found, const key *keys, size_t n)
{
    char nearest[256];
    if (found->unknown != NULL) {
        quire_names_nearest(found->unknown, n, key_name, &(key_list){keys}, nearest,
                            sizeof nearest);
        return quire_rules_fail(l->ctx, l->rules, found->at_unknown, QUIRE_E_USAGE,
                                "unknown key \"%.200s\"; nearest: %s", found->unknown, nearest);
    }
    for (size_t i = 0; i < n; i++) {
        const member *m = &found->of[i];
        if (m->json == NULL || has_type(m->json, keys[i].type)) continue;
        return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                                "\"%s\" is %s; it takes %s", keys[i].name, type_name(m->json),
                                keys[i].takes);
    }
    return QUIRE_OK;
}

/* --- one rule --------------------------------------------------------------------------------- */

static quire_status
take_number(loader *l, const member *m, const key *k, int64_t min, int64_t max, int64_t *io)
{
    if (m->json == NULL) return QUIRE_OK;
    *io = whole_value(m->json);
    if (*io >= min && *io <= max) return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                            "\"%s\" is %" PRId64 "; it takes %s", k->name, *io, k->takes);
}

static quire_status
take_string(loader *l, const member *m, quire_bytes *out)
{
    if (m->json == NULL) return QUIRE_OK;
    const quire_bytes text = {(const uint8_t *)json_string_value(m->json),
                              json_string_length(m->json)};
    return quire_arena_copy(l->ctx, &l->rules->arena, text, out);
}

static quire_status
take_selector(loader *l, const member *m, quire_rule *rule)
{
    quire_relay_aim(&l->relay, l->rules, m->value.place);
    return quire_relay_status(
        quire_selector_parse(&l->relay.ctx, rule->select, NULL, QUIRE_E_USAGE, &rule->selector));
}

static quire_status
take_members(loader *l, const members *found, quire_rule *rule)
{
    const member *of = found->of;
    int64_t priority = 0;
    rule->at_select = of[SELECT].value.place;
    rule->at_spec = of[SPEC].value.place;
    rule->at_expect = of[EXPECT].value.place;
    rule->expect = -1;
    QUIRE_TRY(take_number(l, &of[PRIORITY], &rule_keys[PRIORITY], INT32_MIN, INT32_MAX, &priority));
    QUIRE_TRY(take_number(l, &of[EXPECT], &rule_keys[EXPECT], 1, INT64_MAX, &rule->expect));
    rule->priority = (int32_t)priority;
    QUIRE_TRY(take_string(l, &of[SELECT], &rule->select));
    QUIRE_TRY(take_string(l, &of[SPEC], &rule->spec));
    QUIRE_TRY(take_string(l, &of[REASON], &rule->reason));
    return take_selector(l, &of[SELECT], rule);
}

/* Reads the rule at *w and passes it. */
static quire_status
read_rule(loader *l, quire_where *w, json_t *json, quire_rule *rule)
{
    const quire_text_place at = quire_where_next(w);
    members found;
    if (!json_is_object(json)) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the rule is %s; it takes an object, {\"select\": ..., "
                                "\"spec\": ...}",
                                type_name(json));
    }
    *rule = (quire_rule){.line = at.line, .column = at.column};
    read_members(w, json, rule_keys, N_RULE_KEYS, &found);
    QUIRE_TRY(check_members(l, &found, rule_keys, N_RULE_KEYS));
    if (found.of[SELECT].json == NULL || found.of[SPEC].json == NULL) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the rule has no \"%s\"; it needs \"select\" and \"spec\"",
                                found.of[SELECT].json == NULL ? "select" : "spec");
    }
    return take_members(l, &found, rule);
}

/* The array may be far longer than its good rules: room is made one rule at a time. */
static quire_status
read_rules(loader *l, quire_where w, const json_t *array)
{
    quire_rules *rules = l->rules;
    quire_where_token(&w);
    for (size_t i = 0; i < json_array_size(array); i++) {
        QUIRE_TRY(quire_grow(l->ctx, &rules->rules, &rules->rules_room, rules->n_rules + 1,
                             sizeof *rules->rules));
        QUIRE_TRY(read_rule(l, &w, json_array_get(array, i), &rules->rules[i]));
        rules->n_rules++;
        quire_where_token(&w);
    }
    return QUIRE_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Before the keys are judged: a later format may have others. */
static quire_status
check_version(loader *l, quire_text_place root, const member *version)
{
    if (version->json == NULL) {
        return quire_rules_fail(l->ctx, l->rules, root, QUIRE_E_USAGE,
                                "the file has no \"format_version\"; it begins "
                                "{\"format_version\": 1, \"rules\": [");
    }
    if (is_whole(version->json) && whole_value(version->json) != FORMAT_VERSION) {
        return quire_rules_fail(l->ctx, l->rules, version->value.place, QUIRE_E_USAGE,
                                "\"format_version\" is %" PRId64
                                "; it takes 1, the only format so far",
                                whole_value(version->json));
    }
    return QUIRE_OK;
}

static quire_status
read_file(loader *l, quire_bytes text, json_t *root)
{
    quire_where w = quire_where_begin(text);
    const quire_text_place at = quire_where_next(&w);
    members found;
    if (!json_is_object(root)) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the file is %s; it takes an object, "
                                "{\"format_version\": 1, \"rules\": [...]}",
                                type_name(root));
    }
    read_members(&w, root, file_keys, N_FILE_KEYS, &found);
    if (found.unknown == NULL || found.of[VERSION].json != NULL)
        QUIRE_TRY(check_version(l, at, &found.of[VERSION]));
    QUIRE_TRY(check_members(l, &found, file_keys, N_FILE_KEYS));
    if (found.of[RULES].json == NULL) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the file has no \"rules\"; it takes an array of rules");
    }
    return read_rules(l, found.of[RULES].value, found.of[RULES].json);
}

static quire_status
fail_syntax(loader *l, quire_bytes text, const json_error_t *error)
{
    const enum json_error_code code = json_error_code(error);
    const size_t offset = error->position > 0 ? (size_t)error->position : 0;
    if (code == json_error_out_of_memory) return quire_nomem(l->ctx);
    if (code == json_error_duplicate_key) {
        return quire_rules_fail(l->ctx, l->rules, quire_where_before(text, offset), QUIRE_E_USAGE,
                                "%s; a key is given once", error->text);
    }
    return quire_rules_fail(l->ctx, l->rules, quire_where_before(text, offset), QUIRE_E_INVALID,
                            "not JSON: %s", error->text);
}

/* Before Jansson makes many times the file's size of it. */
static quire_status
check_size(loader *l, quire_bytes text)
{
    size_t n_tokens = 0;
    size_t n_containers = 0;
    quire_where w = quire_where_begin(text);
    for (quire_text_place at = quire_where_next(&w); w.p < w.end; at = quire_where_next(&w)) {
        if (*w.p == '{' || *w.p == '[') n_containers++;
        if (++n_tokens > MAX_TOKENS || n_containers > MAX_CONTAINERS) {
            return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_LIMIT,
                                    "more than %d objects and arrays, or %d words and signs; split "
                                    "the file, or write rules that select more",
                                    MAX_CONTAINERS, MAX_TOKENS);
        }
        quire_where_token(&w);
    }
    return QUIRE_OK;
}

static quire_status
check_start(loader *l, quire_bytes text)
{
    const bool has_mark = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0;
    if (!has_mark) return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, (quire_text_place){1, 1}, QUIRE_E_INVALID,
                            "not JSON: the file begins with a byte order mark; save it without");
}

static quire_status
read_text(loader *l, quire_bytes text)
{
    json_error_t error;
    QUIRE_TRY(check_start(l, text));
    QUIRE_TRY(check_size(l, text));
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) return fail_syntax(l, text, &error);
    const quire_status status = read_file(l, text, root);
    json_decref(root);
    return status;
}

static const char *
last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

quire_status
quire_rules_load(quire_ctx *ctx, const char *path, quire_rules *out)
{
    quire_rules rules = {.path = path, .name = last_component(path)};
    quire_text text = {0};
    loader l = {.ctx = ctx, .rules = &rules};
    QUIRE_TRY(quire_read_text_file_up_to(ctx, path, MAX_FILE, &text));
    quire_arena_init(&rules.arena, ctx->alloc);
    quire_relay_init(&l.relay, ctx);
    const quire_status status = read_text(&l, (quire_bytes){(const uint8_t *)text.ptr, text.len});
    quire_text_free(ctx, &text);
    if (status != QUIRE_OK) {
        quire_rules_deinit(ctx, &rules);
        return status;
    }
    *out = rules;
    return QUIRE_OK;
}

void
quire_rules_deinit(quire_ctx *ctx, quire_rules *rules)
{
    for (size_t i = 0; i < rules->n_rules; i++)
        quire_selector_destroy(ctx, rules->rules[i].selector);
    quire_ungrow(ctx->alloc, &rules->rules, &rules->rules_room, sizeof *rules->rules);
    quire_ungrow(ctx->alloc, &rules->refusals, &rules->refusals_room, sizeof *rules->refusals);
    quire_arena_deinit(&rules->arena);
    rules->n_rules = rules->n_refusals = 0;
}
