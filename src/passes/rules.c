/* rules.c - reading a rules file, or the rules of a recipe: JSON by Jansson, places by
 * rules_where.c. A recipe's quantizers are read by recipe.c; applying rules is rules_apply.c.
 *
 * Jansson allocates by malloc: its allocator is one for the whole process, and not ours to change.
 * Nothing of its tree outlives quire_rules_load.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "passes/annotate.h"
#include "passes/rules_read.h"

/* Jansson needs about 200 bytes for an object and 50 for another value. */
enum { MAX_FILE = 16 << 20, MAX_TOKENS = 4 << 20, MAX_CONTAINERS = 1 << 17, FORMAT_VERSION = 1 };

/* The last of each table are known in recipes alone. */
enum { VERSION, RULES, QUANTIZERS, ORIGIN, N_FILE_KEYS };
enum { N_RULES_FILE_KEYS = QUANTIZERS };

static const rules_key file_keys[N_FILE_KEYS] = {
    [VERSION] = {"format_version", JSON_INTEGER, "the number 1"},
    [RULES] = {"rules", JSON_ARRAY, "an array of rules"},
    [QUANTIZERS] = {"quantizers", JSON_ARRAY, "an array of quantizers"},
    [ORIGIN] = {"origin", JSON_STRING, "the name of a file in a string"},
};

enum { SELECT, SPEC, PRIORITY, REASON, EXPECT, LINE, N_RULE_KEYS };
enum { N_RULES_RULE_KEYS = LINE };

static const rules_key rule_keys[N_RULE_KEYS] = {
    [SELECT] = {"select", JSON_STRING, "a selector in a string"},
    [SPEC] = {"spec", JSON_STRING, "a spec in a string"},
    [PRIORITY] = {"priority", JSON_INTEGER, "a whole number from -2147483648 to 2147483647"},
    [REASON] = {"reason", JSON_STRING, "a string"},
    [EXPECT] = {"expect", JSON_INTEGER, "how many slots are annotated, 1 or more"},
    [LINE] = {"line", JSON_INTEGER, "a line number, from 1 to 4294967295"},
};

/* --- one rule --------------------------------------------------------------------------------- */

static quire_status
take_selector(rules_loader *l, const rules_member *m, quire_rule *rule)
{
    quire_relay_aim(&l->relay, l->rules, m->value.place);
    return quire_relay_status(
        quire_selector_parse(&l->relay.ctx, rule->select, NULL, QUIRE_E_USAGE, &rule->selector));
}

static quire_status
take_members(rules_loader *l, const rules_members *found, quire_rule *rule)
{
    const rules_member *of = found->of;
    int64_t priority = 0;
    int64_t line = rule->line;
    rule->at_select = of[SELECT].value.place;
    rule->at_spec = of[SPEC].value.place;
    rule->at_expect = of[EXPECT].value.place;
    rule->expect = -1;
    QUIRE_TRY(
        rules_take_number(l, &of[PRIORITY], &rule_keys[PRIORITY], INT32_MIN, INT32_MAX, &priority));
    QUIRE_TRY(rules_take_number(l, &of[EXPECT], &rule_keys[EXPECT], 1, INT64_MAX, &rule->expect));
    QUIRE_TRY(rules_take_number(l, &of[LINE], &rule_keys[LINE], 1, UINT32_MAX, &line));
    rule->priority = (int32_t)priority;
    rule->line = (uint32_t)line;
    QUIRE_TRY(rules_take_string(l, &of[SELECT], &rule->select));
    QUIRE_TRY(rules_take_string(l, &of[SPEC], &rule->spec));
    QUIRE_TRY(rules_take_string(l, &of[REASON], &rule->reason));
    return take_selector(l, &of[SELECT], rule);
}

/* Reads the rule at *w and passes it. */
static quire_status
read_rule(rules_loader *l, quire_where *w, json_t *json, quire_rule *rule)
{
    const quire_text_place at = quire_where_next(w);
    rules_members found;
    if (!json_is_object(json)) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the rule is %s; it takes an object, {\"select\": ..., "
                                "\"spec\": ...}",
                                rules_type_name(json));
    }
    *rule = (quire_rule){.line = at.line, .column = at.column};
    const size_t n_keys = l->recipe != NULL ? N_RULE_KEYS : N_RULES_RULE_KEYS;
    rules_read_members(w, json, rule_keys, n_keys, &found);
    QUIRE_TRY(rules_check_members(l, &found, rule_keys, n_keys));
    if (found.of[SELECT].json == NULL || found.of[SPEC].json == NULL) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the rule has no \"%s\"; it needs \"select\" and \"spec\"",
                                found.of[SELECT].json == NULL ? "select" : "spec");
    }
    return take_members(l, &found, rule);
}

/* The array may be far longer than its good rules: room is made one rule at a time. */
static quire_status
read_rules(rules_loader *l, quire_where w, const json_t *array)
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
check_version(rules_loader *l, quire_text_place root, const rules_member *version)
{
    if (version->json == NULL) {
        return quire_rules_fail(l->ctx, l->rules, root, QUIRE_E_USAGE,
                                "the file has no \"format_version\"; it begins "
                                "{\"format_version\": 1, \"rules\": [");
    }
    if (rules_is_whole(version->json) && rules_whole_value(version->json) != FORMAT_VERSION) {
        return quire_rules_fail(l->ctx, l->rules, version->value.place, QUIRE_E_USAGE,
                                "\"format_version\" is %" PRId64
                                "; it takes 1, the only format so far",
                                rules_whole_value(version->json));
    }
    return QUIRE_OK;
}

/* A recipe in the place of rules. */
static quire_status
check_quantizers(rules_loader *l, const rules_members *found)
{
    const char *unknown = found->unknown;
    if (l->recipe != NULL || unknown == NULL || strcmp(unknown, file_keys[QUANTIZERS].name) != 0)
        return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, found->at_unknown, QUIRE_E_USAGE,
                            "unknown key \"quantizers\": a file that declares quantizers is a "
                            "recipe; name it with --recipe instead of --rules");
}

static quire_status
check_something(rules_loader *l, quire_text_place root, const rules_members *found)
{
    if (found->of[RULES].json != NULL) return QUIRE_OK;
    if (l->recipe == NULL) {
        return quire_rules_fail(l->ctx, l->rules, root, QUIRE_E_USAGE,
                                "the file has no \"rules\"; it takes an array of rules");
    }
    if (found->of[QUANTIZERS].json != NULL) return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, root, QUIRE_E_USAGE,
                            "the file has no \"quantizers\" and no \"rules\"; a recipe has one of "
                            "them, or both");
}

/* The name of the rules' claimants instead of the file's own. */
static quire_status
take_origin(rules_loader *l, const rules_member *m)
{
    quire_bytes name = {NULL, 0};
    QUIRE_TRY(rules_take_string(l, m, &name));
    if (m->json != NULL && name.len == 0)
        return quire_rules_fail(l->ctx, l->rules, m->value.place, QUIRE_E_USAGE,
                                "\"origin\" is empty; the rules are named after it");
    if (name.len > 0) l->rules->name = (const char *)name.ptr;
    return QUIRE_OK;
}

static quire_status
read_file(rules_loader *l, quire_bytes text, json_t *root)
{
    quire_where w = quire_where_begin(text);
    const quire_text_place at = quire_where_next(&w);
    rules_members found;
    if (!json_is_object(root)) {
        return quire_rules_fail(l->ctx, l->rules, at, QUIRE_E_USAGE,
                                "the file is %s; it takes an object, "
                                "{\"format_version\": 1, \"rules\": [...]}",
                                rules_type_name(root));
    }
    const size_t n_keys = l->recipe != NULL ? N_FILE_KEYS : N_RULES_FILE_KEYS;
    rules_read_members(&w, root, file_keys, n_keys, &found);
    if (found.unknown == NULL || found.of[VERSION].json != NULL)
        QUIRE_TRY(check_version(l, at, &found.of[VERSION]));
    QUIRE_TRY(check_quantizers(l, &found));
    QUIRE_TRY(rules_check_members(l, &found, file_keys, n_keys));
    QUIRE_TRY(check_something(l, at, &found));
    if (found.of[QUANTIZERS].json != NULL)
        QUIRE_TRY(rules_read_quantizers(l, found.of[QUANTIZERS].value, found.of[QUANTIZERS].json));
    QUIRE_TRY(take_origin(l, &found.of[ORIGIN]));
    if (found.of[RULES].json == NULL) return QUIRE_OK;
    return read_rules(l, found.of[RULES].value, found.of[RULES].json);
}

static quire_status
fail_syntax(rules_loader *l, quire_bytes text, const json_error_t *error)
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
check_size(rules_loader *l, quire_bytes text)
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
check_start(rules_loader *l, quire_bytes text)
{
    const bool has_mark = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0;
    if (!has_mark) return QUIRE_OK;
    return quire_rules_fail(l->ctx, l->rules, (quire_text_place){1, 1}, QUIRE_E_INVALID,
                            "not JSON: the file begins with a byte order mark; save it without");
}

static quire_status
read_text(rules_loader *l, quire_bytes text)
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

/* `recipe` is NULL for a rules file. */
static quire_status
load(quire_ctx *ctx, const char *path, quire_rules *rules, quire_recipe *recipe)
{
    quire_text text = {0};
    rules_loader l = {.ctx = ctx, .rules = rules, .recipe = recipe};
    *rules = (quire_rules){.path = path, .name = last_component(path)};
    QUIRE_TRY(quire_read_text_file_up_to(ctx, path, MAX_FILE, &text));
    quire_arena_init(&rules->arena, ctx->alloc);
    quire_relay_init(&l.relay, ctx);
    const quire_status status = read_text(&l, (quire_bytes){(const uint8_t *)text.ptr, text.len});
    quire_text_free(ctx, &text);
    if (status != QUIRE_OK) quire_rules_deinit(ctx, rules);
    return status;
}

quire_status
quire_rules_load(quire_ctx *ctx, const char *path, quire_rules *out)
{
    quire_rules rules;
    QUIRE_TRY(load(ctx, path, &rules, NULL));
    *out = rules;
    return QUIRE_OK;
}

quire_status
quire_recipe_load(quire_ctx *ctx, const char *path, quire_recipe *out)
{
    quire_recipe recipe = {.n_quantizers = 0};
    QUIRE_TRY(load(ctx, path, &recipe.rules, &recipe));
    *out = recipe;
    return QUIRE_OK;
}

void
quire_recipe_deinit(quire_ctx *ctx, quire_recipe *recipe)
{
    quire_rules_deinit(ctx, &recipe->rules);
    *recipe = (quire_recipe){.n_quantizers = 0};
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
