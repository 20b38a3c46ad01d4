/* options_check.c - is the option table of a quantizer sound? It is a vendor's, and the parser
 * writes where it points to.
 */
#include "base/diag.h"
#include "plugin/descriptor.h"
#include "plugin/guarded.h"
#include "plugin/options.h"

enum {
    MAX_OPTIONS = 256,
    MAX_CHOICES = 256,
    MAX_STRUCT = 1 << 20, /* bytes of an options struct */
    MAX_ROW = 4096,       /* bytes of a row, of whatever later version */
    ALLOWED_ROOM = 400
};

typedef struct check {
    quire_ctx *ctx;
    const quire_quantizer *quantizer;
    quire_arena arena; /* of one option at a time */
} check;

static quire_status
refuse(const check *c, const quire_option *option, const char *what)
{
    return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL, "quantizer %s: option %s %s",
                      c->quantizer->name, option->name, what);
}

static bool
is_option_name(const char *name)
{
    if (!quire_is_plugin_name(name)) return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* What can be said before the option has a name. */
static quire_status
check_row(const check *c, uint32_t i)
{
    const quire_option *option = quire_option_at(c->quantizer, i);
    const uint32_t size = c->quantizer->options->size;
    if (option->size != size)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: option %u says it has %u bytes and the first says %u; all "
                          "rows of a table have one size",
                          c->quantizer->name, i, option->size, size);
    if (!is_option_name(option->name))
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: the name of option %u is missing or no name; it takes 1 "
                          "to %d of a-z, 0-9 and hyphens",
                          c->quantizer->name, i, QUIRE_PLUGIN_NAME_MAX);
    return QUIRE_OK;
}

static quire_status
check_place(const check *c, const quire_option *option)
{
    size_t align = 1;
    const size_t size = quire_option_value_size(option->type, &align);
    if (size == 0)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: option %s has type %u; there are 1 to %d",
                          c->quantizer->name, option->name, option->type, QUIRE_OPTION_CHOICE);
    const uint32_t room = c->quantizer->options_size;
    if (QUIRE_GUARD(OPTIONS) && (option->offset > room || size > room - option->offset))
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: option %s takes %zu bytes at offset %u of a struct of %u",
                          c->quantizer->name, option->name, size, option->offset,
                          c->quantizer->options_size);
    if (option->offset % align != 0)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: option %s is at offset %u; its type takes multiples of "
                          "%zu",
                          c->quantizer->name, option->name, option->offset, align);
    return QUIRE_OK;
}

/* At most MAX_OPTIONS rows: pairs are few. */
static quire_status
check_against_earlier(const check *c, uint32_t i)
{
    size_t align;
    const quire_option *b = quire_option_at(c->quantizer, i);
    const size_t b_end = b->offset + quire_option_value_size(b->type, &align);
    for (uint32_t k = 0; k < i; k++) {
        const quire_option *a = quire_option_at(c->quantizer, k);
        const size_t a_end = a->offset + quire_option_value_size(a->type, &align);
        if (strcmp(a->name, b->name) == 0) return refuse(c, b, "is there twice");
        if (a->offset < b_end && b->offset < a_end)
            return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                              "quantizer %s: options %s and %s overlap in the options struct",
                              c->quantizer->name, a->name, b->name);
    }
    return QUIRE_OK;
}

static quire_status
check_choices(const check *c, const quire_option *option)
{
    if (option->type != QUIRE_OPTION_CHOICE) return QUIRE_OK;
    if (option->choices == NULL || option->choices[0] == NULL)
        return refuse(c, option, "has no choices");
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        if (i == MAX_CHOICES) return refuse(c, option, "has more than 256 choices, or no end");
        if (!quire_is_plugin_name(option->choices[i]))
            return refuse(c, option,
                          "has a choice that is no name; it takes 1 to 64 letters, digits, dots, "
                          "underscores and hyphens");
        for (size_t k = 0; k < i; k++) {
            if (strcmp(option->choices[k], option->choices[i]) == 0)
                return refuse(c, option, "has a choice that is there twice");
        }
    }
    return QUIRE_OK;
}

static quire_status
check_default(check *c, const quire_option *option)
{
    char allowed[ALLOWED_ROOM];
    union {
        int64_t whole;
        double real;
        int32_t index;
        quire_string text;
    } value;
    if (option->otherwise == NULL) return QUIRE_OK;
    if (!quire_is_plain_text(option->otherwise))
        return refuse(c, option, "has a default that is no line of text");
    const quire_status status =
        quire_option_read(c->ctx, option, quire_bytes_of(option->otherwise), &c->arena, &value);
    if (status != QUIRE_NONE) return status;
    quire_option_allowed(c->ctx, option, allowed, sizeof allowed);
    return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                      "quantizer %s: the default of option %s is \"%s\"; it takes %s",
                      c->quantizer->name, option->name, option->otherwise, allowed);
}

static quire_status
check_option(check *c, uint32_t i)
{
    QUIRE_TRY(check_row(c, i));
    const quire_option *option = quire_option_at(c->quantizer, i);
    QUIRE_TRY(check_place(c, option));
    QUIRE_TRY(check_against_earlier(c, i));
    if (!quire_is_plain_text(option->help)) return refuse(c, option, "has no line of help");
    /* Also false where one of the two is not a number. */
    if (quire_option_has_range(option) && !(option->least <= option->most))
        return refuse(c, option, "has a least value above its most, or one that is no number");
    QUIRE_TRY(check_choices(c, option));
    return check_default(c, option);
}

static quire_status
check_table(const check *c)
{
    const quire_quantizer *q = c->quantizer;
    const uint32_t whole = QUIRE_SIZE_TO(quire_option, offset);
    if (q->options_size > MAX_STRUCT)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: its options struct has %u bytes; at most %d are given",
                          q->name, q->options_size, MAX_STRUCT);
    if (q->n_options > MAX_OPTIONS)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s has %u options; at most %d are taken", q->name,
                          q->n_options, MAX_OPTIONS);
    if (q->n_options > 0 && q->options == NULL)
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s has %u options and no table of them", q->name,
                          q->n_options);
    if (q->n_options > 0 && (q->options->size < whole || q->options->size > MAX_ROW))
        return quire_fail(c->ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: an option says it has %u bytes; interface %d.%d has %u",
                          q->name, q->options->size, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR, whole);
    return QUIRE_OK;
}

quire_status
quire_options_check(quire_ctx *ctx, const quire_quantizer *quantizer)
{
    check c = {.ctx = ctx, .quantizer = quantizer};
    QUIRE_TRY(check_table(&c));
    quire_arena_init(&c.arena, ctx->alloc);
    quire_status status = QUIRE_OK;
    for (uint32_t i = 0; i < quantizer->n_options && status == QUIRE_OK; i++)
        status = check_option(&c, i);
    quire_arena_deinit(&c.arena);
    return status;
}
