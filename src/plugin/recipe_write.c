/* recipe_write.c - see recipe_write.h. */
#include "plugin/recipe_write.h"

#include <stdlib.h>

#include "base/diag.h"
#include "base/json.h"
#include "graph/utf8.h"
#include "passes/recipe.h"
#include "plugin/options.h"
#include "plugin/recipe_text.h"

typedef struct recipe_writer {
    quire_ctx *ctx;
    const quire_registry *registry;
    quire_arena arena;
    quire_json j;
} recipe_writer;

/* --- texts ------------------------------------------------------------------------------------ */

static bool
is_utf8(quire_bytes text)
{
    quire_utf8 state = {0};
    return quire_utf8_check(&state, text.ptr, text.len) == text.len && state.need == 0;
}

static quire_status
put_string(recipe_writer *w, const char *what, quire_bytes text)
{
    if (!is_utf8(text))
        return quire_fail_file(w->ctx, QUIRE_E_USAGE, NULL,
                               "%s \"%.*s\" is not UTF-8, and cannot be saved in a recipe", what,
                               text.len < 100 ? (int)text.len : 100, (const char *)text.ptr);
    quire_json_string(&w->j, text);
    return QUIRE_OK;
}

/* Digits as JSON has them: no sign, no zeros in front. */
static bool
is_plain_number(quire_bytes text)
{
    if (text.len == 0 || text.len > 9 || (text.ptr[0] == '0' && text.len > 1)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
    }
    return true;
}

/* --- quantizers ------------------------------------------------------------------------------- */

static quire_status
put_option(recipe_writer *w, const quire_option_given *given)
{
    union {
        int64_t whole;
        double real;
        quire_string string;
    } value;
    const quire_option *option = given->option;
    quire_json_key(&w->j, option->name);
    switch (option->type) {
    case QUIRE_OPTION_INT:
        QUIRE_TRY(quire_option_read(w->ctx, option, given->value, &w->arena, &value));
        quire_json_i64(&w->j, value.whole);
        return QUIRE_OK;
    case QUIRE_OPTION_FLOAT:
        QUIRE_TRY(quire_option_read(w->ctx, option, given->value, &w->arena, &value));
        quire_json_double(&w->j, value.real);
        return QUIRE_OK;
    case QUIRE_OPTION_BOOL:
        quire_json_bool(&w->j, quire_bytes_equal(given->value, quire_bytes_of("true")));
        return QUIRE_OK;
    }
    if (option->type != QUIRE_OPTION_CHOICE || !is_plain_number(given->value))
        return put_string(w, option->name, given->value);
    quire_json_i64(&w->j, strtol((const char *)given->value.ptr, NULL, 10));
    return QUIRE_OK;
}

/* `NAME[:OPTIONS]` */
static quire_status
put_quantizer(recipe_writer *w, const char *text, int32_t priority)
{
    const char *colon = strchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    const quire_bytes name = {(const uint8_t *)text, len};
    const quire_known_quantizer *known;
    quire_option_given *given;
    size_t n;
    QUIRE_TRY(quire_registry_get(w->ctx, w->registry, name, &known));
    QUIRE_TRY(quire_options_given(w->ctx, known->quantizer,
                                  quire_bytes_of(colon != NULL ? colon + 1 : ""), &w->arena, &given,
                                  &n));
    quire_json_begin(&w->j, '{');
    quire_json_key(&w->j, "name");
    QUIRE_TRY(put_string(w, "quantizer", name));
    if (n > 0) {
        quire_json_key(&w->j, "options");
        quire_json_begin(&w->j, '{');
        for (size_t i = 0; i < n; i++)
            QUIRE_TRY(put_option(w, &given[i]));
        quire_json_end(&w->j, '}');
    }
    if (priority != 0) {
        quire_json_key(&w->j, "priority");
        quire_json_i64(&w->j, priority);
    }
    quire_json_end(&w->j, '}');
    return QUIRE_OK;
}

static quire_status
put_quantizers(recipe_writer *w, const quire_recipe *recipe, const quire_annotators *by)
{
    if (recipe->n_quantizers + by->n_quantizers == 0) return QUIRE_OK;
    quire_json_key(&w->j, "quantizers");
    quire_json_begin(&w->j, '[');
    for (size_t i = 0; i < recipe->n_quantizers; i++) {
        const quire_recipe_quantizer *q = &recipe->quantizers[i];
        const char *text;
        QUIRE_TRY(quire_recipe_text(w->ctx, w->registry, recipe, q, &w->arena, &text));
        QUIRE_TRY(put_quantizer(w, text, q->priority));
    }
    for (size_t i = 0; i < by->n_quantizers; i++)
        QUIRE_TRY(put_quantizer(w, by->quantizers[i], 0));
    quire_json_end(&w->j, ']');
    return QUIRE_OK;
}

/* --- rules ------------------------------------------------------------------------------------ */

static quire_status
put_rule(recipe_writer *w, const quire_rule *rule)
{
    quire_json *j = &w->j;
    quire_json_begin(j, '{');
    quire_json_key(j, "line");
    quire_json_u64(j, rule->line);
    quire_json_key(j, "select");
    QUIRE_TRY(put_string(w, "select", rule->select));
    quire_json_key(j, "spec");
    QUIRE_TRY(put_string(w, "spec", rule->spec));
    if (rule->priority != 0) {
        quire_json_key(j, "priority");
        quire_json_i64(j, rule->priority);
    }
    if (rule->reason.len > 0) {
        quire_json_key(j, "reason");
        QUIRE_TRY(put_string(w, "reason", rule->reason));
    }
    if (rule->expect >= 0) {
        quire_json_key(j, "expect");
        quire_json_i64(j, rule->expect);
    }
    quire_json_end(j, '}');
    return QUIRE_OK;
}

static quire_status
put_rules(recipe_writer *w, const quire_rules *rules)
{
    if (rules->path == NULL) return QUIRE_OK;
    if (rules->n_rules > 0) {
        quire_json_key(&w->j, "origin");
        QUIRE_TRY(put_string(w, "the name", quire_bytes_of(rules->name)));
    }
    quire_json_key(&w->j, "rules");
    quire_json_begin(&w->j, '[');
    for (size_t i = 0; i < rules->n_rules; i++)
        QUIRE_TRY(put_rule(w, &rules->rules[i]));
    quire_json_end(&w->j, ']');
    return QUIRE_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static quire_status
put_recipe(recipe_writer *w, const quire_recipe *recipe, const quire_annotators *by)
{
    quire_json_begin(&w->j, '{');
    quire_json_key(&w->j, "format_version");
    quire_json_u64(&w->j, 1);
    QUIRE_TRY(put_quantizers(w, recipe, by));
    if (recipe->rules.n_rules > 0 || recipe->n_quantizers + by->n_quantizers == 0)
        QUIRE_TRY(put_rules(w, &recipe->rules));
    quire_json_end(&w->j, '}');
    return QUIRE_OK;
}

quire_status
quire_recipe_write(quire_writer *w, const quire_registry *registry, const quire_annotators *by)
{
    recipe_writer writer = {.ctx = w->ctx, .registry = registry, .j = {.w = w}};
    quire_recipe recipe = {.n_quantizers = 0};
    const bool has_file = by->recipe != NULL || by->rules != NULL;
    if (by->recipe != NULL) {
        QUIRE_TRY(quire_recipe_load(w->ctx, by->recipe, &recipe));
    } else if (by->rules != NULL) {
        QUIRE_TRY(quire_rules_load(w->ctx, by->rules, &recipe.rules));
    }
    quire_arena_init(&writer.arena, w->ctx->alloc);
    const quire_status status = put_recipe(&writer, &recipe, by);
    quire_arena_deinit(&writer.arena);
    if (has_file) quire_recipe_deinit(w->ctx, &recipe);
    return status;
}
