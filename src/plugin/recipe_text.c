/* recipe_text.c - see recipe_text.h. */
#include "plugin/recipe_text.h"

#include "base/diag.h"
#include "base/nearest.h"
#include "passes/rules_where.h"
#include "plugin/options.h"

enum { ALLOWED_ROOM = 400, NEAREST_ROOM = 500, SHOWN = 100 };

static const char children_option[] = "of";

typedef struct text_maker {
    quire_ctx *ctx;
    const quire_registry *registry;
    const quire_rules *rules; /* of the recipe: names its file */
    quire_relay relay;
    quire_writer w;
} text_maker;

/* --- one option ------------------------------------------------------------------------------- */

static quire_bytes
option_name(const void *data, size_t i)
{
    return quire_bytes_of(quire_option_at(data, (uint32_t)i)->name);
}

static const quire_option *
find_option(const quire_quantizer *q, quire_bytes name)
{
    for (uint32_t i = 0; i < q->n_options; i++) {
        if (quire_bytes_equal(option_name(q, i), name)) return quire_option_at(q, i);
    }
    return NULL;
}

static quire_status
refuse_unknown(const text_maker *t, const quire_quantizer *q, const quire_recipe_option *given)
{
    char nearest[NEAREST_ROOM];
    const char *name = (const char *)given->name.ptr;
    if (q->n_options == 0)
        return quire_rules_fail(t->ctx, t->rules, given->at_name, QUIRE_E_USAGE,
                                "quantizer %s takes no options; \"%.*s\" was given", q->name, SHOWN,
                                name);
    quire_names_nearest(name, q->n_options, option_name, q, nearest, sizeof nearest);
    return quire_rules_fail(t->ctx, t->rules, given->at_name, QUIRE_E_USAGE,
                            "quantizer %s has no option \"%.*s\"; nearest: %s; quire plugin info "
                            "%s lists them",
                            q->name, SHOWN, name, nearest, q->name);
}

static bool
takes_type(const quire_option *option, quire_recipe_type type)
{
    switch (type) {
    case QUIRE_RECIPE_WHOLE:
        return option->type == QUIRE_OPTION_INT || option->type == QUIRE_OPTION_FLOAT ||
               option->type == QUIRE_OPTION_CHOICE;
    case QUIRE_RECIPE_REAL:
        return option->type == QUIRE_OPTION_FLOAT || option->type == QUIRE_OPTION_CHOICE;
    case QUIRE_RECIPE_TRUTH:
        return option->type == QUIRE_OPTION_BOOL || option->type == QUIRE_OPTION_CHOICE;
    case QUIRE_RECIPE_STRING:
        return option->type == QUIRE_OPTION_STRING || option->type == QUIRE_OPTION_CHOICE;
    }
    return false;
}

static quire_status
check_value(const text_maker *t, const quire_quantizer *q, const quire_option *option,
            const quire_recipe_option *given, quire_arena *arena)
{
    uint64_t value[4]; /* room for a value of any type */
    char allowed[ALLOWED_ROOM];
    const bool quoted = given->type == QUIRE_RECIPE_STRING;
    quire_status status = QUIRE_NONE;
    if (takes_type(option, given->type))
        status = quire_option_read(t->ctx, option, given->text, arena, value);
    if (status != QUIRE_NONE) return status;
    quire_option_allowed(t->ctx, option, allowed, sizeof allowed);
    return quire_rules_fail(t->ctx, t->rules, given->at_value, QUIRE_E_USAGE,
                            "option %s of quantizer %s is %s%.*s%s; it takes %s", option->name,
                            q->name, quoted ? "\"" : "",
                            given->text.len < SHOWN ? (int)given->text.len : SHOWN,
                            (const char *)given->text.ptr, quoted ? "\"" : "", allowed);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool
needs_quotes(quire_bytes value)
{
    if (value.len == 0) return false;
    if (value.ptr[0] == ' ' || value.ptr[value.len - 1] == ' ') return true;
    for (size_t i = 0; i < value.len; i++) {
        if (strchr(",\"{}", value.ptr[i]) != NULL) return true;
    }
    return false;
}

void
quire_option_write(quire_writer *w, quire_bytes value)
{
    if (!needs_quotes(value)) {
        quire_write_bytes(w, value);
        return;
    }
    quire_write_str(w, "\"");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\') quire_write_str(w, "\\");
        quire_write(w, &value.ptr[i], 1);
    }
    quire_write_str(w, "\"");
}

static quire_status
write_options(text_maker *t, const quire_quantizer *q, const quire_recipe_quantizer *given,
              quire_arena *arena, const char **io_between)
{
    for (size_t i = 0; i < given->n_options; i++) {
        const quire_recipe_option *at = &given->options[i];
        const quire_option *option = find_option(q, at->name);
        if (option == NULL) return refuse_unknown(t, q, at);
        QUIRE_TRY(check_value(t, q, option, at, arena));
        quire_write_str(&t->w, *io_between);
        quire_write_str(&t->w, option->name);
        quire_write_str(&t->w, "=");
        quire_option_write(&t->w, at->text);
        *io_between = ",";
    }
    return QUIRE_OK;
}

static quire_status
check_needed(const text_maker *t, const quire_quantizer *q, const quire_recipe_quantizer *given)
{
    for (uint32_t i = 0; i < q->n_options; i++) {
        const quire_option *option = quire_option_at(q, i);
        const quire_bytes name = quire_bytes_of(option->name);
        bool is_there = option->otherwise != NULL ||
                        (given->n_children > 0 && strcmp(option->name, children_option) == 0);
        for (size_t k = 0; k < given->n_options && !is_there; k++)
            is_there = quire_bytes_equal(given->options[k].name, name);
        if (is_there) continue;
        return quire_rules_fail(t->ctx, t->rules, given->at, QUIRE_E_USAGE,
                                "quantizer %s needs its option %s", q->name, option->name);
    }
    return QUIRE_OK;
}

static quire_status
check_children(const text_maker *t, const quire_quantizer *q, const quire_recipe_quantizer *given)
{
    const quire_option *option = find_option(q, quire_bytes_of(children_option));
    if (given->n_children == 0) return QUIRE_OK;
    if (option == NULL || option->type != QUIRE_OPTION_STRING)
        return quire_rules_fail(t->ctx, t->rules, given->at_children, QUIRE_E_USAGE,
                                "quantizer %s has no children: it has no option \"%s\"", q->name,
                                children_option);
    for (size_t i = 0; i < given->n_options; i++) {
        if (!quire_bytes_equal(given->options[i].name, quire_bytes_of(children_option))) continue;
        return quire_rules_fail(t->ctx, t->rules, given->at_children, QUIRE_E_USAGE,
                                "\"children\" and the option \"%s\" say the same; give one of them",
                                children_option);
    }
    return QUIRE_OK;
}

/* Recursion: as deep as children, QUIRE_RECIPE_MAX_DEPTH. */
static quire_status
write_quantizer(text_maker *t, const quire_recipe_quantizer *given, quire_arena *arena)
{
    const quire_known_quantizer *known;
    const char *between = ":";
    quire_relay_aim(&t->relay, t->rules, given->at_name);
    QUIRE_TRY(quire_registry_get(&t->relay.ctx, t->registry, given->name, &known));
    const quire_quantizer *q = known->quantizer;
    quire_write_str(&t->w, q->name);
    QUIRE_TRY(write_options(t, q, given, arena, &between));
    QUIRE_TRY(check_children(t, q, given));
    QUIRE_TRY(check_needed(t, q, given));
    if (given->n_children == 0) return QUIRE_OK;
    quire_writef(&t->w, "%s%s={", between, children_option);
    for (size_t i = 0; i < given->n_children; i++) {
        quire_write_str(&t->w, i == 0 ? "{" : ";{");
        QUIRE_TRY(write_quantizer(t, &given->children[i], arena));
        quire_write_str(&t->w, "}");
    }
    quire_write_str(&t->w, "}");
    return QUIRE_OK;
}

quire_status
quire_recipe_text(quire_ctx *ctx, const quire_registry *registry, const quire_recipe *recipe,
                  const quire_recipe_quantizer *quantizer, quire_arena *arena,
                  const char **out_text)
{
    text_maker t = {.ctx = ctx, .registry = registry, .rules = &recipe->rules};
    quire_text text = {0};
    quire_bytes copy;
    quire_relay_init(&t.relay, ctx);
    quire_writer_to_text(&t.w, ctx, &text);
    quire_status status = write_quantizer(&t, quantizer, arena);
    if (status == QUIRE_OK) status = quire_writer_finish(&t.w);
    if (status == QUIRE_OK) {
        const quire_bytes all = {(const uint8_t *)text.ptr, text.len};
        status = quire_arena_copy(ctx, arena, all, &copy);
    }
    quire_text_free(ctx, &text);
    if (status == QUIRE_OK) *out_text = (const char *)copy.ptr;
    return status;
}
