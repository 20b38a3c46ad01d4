/* descriptor.c - see descriptor.h. */
#include "plugin/descriptor.h"

#include "base/diag.h"
#include "plugin/guarded.h"
#include "plugin/options.h"

bool
quire_is_plain_text(const char *text)
{
    char escaped[QUIRE_PLUGIN_TEXT_MAX + 1];
    if (!QUIRE_GUARD(TEXTS)) return true;
    if (text == NULL) return false;
    const size_t len = strnlen(text, QUIRE_PLUGIN_TEXT_MAX);
    if (len == QUIRE_PLUGIN_TEXT_MAX) return false;
    quire_escape(escaped, sizeof escaped, (const uint8_t *)text, len);
    return strcmp(escaped, text) == 0;
}

bool
quire_is_plugin_name(const char *text)
{
    if (text == NULL) return false;
    const size_t len = strnlen(text, QUIRE_PLUGIN_NAME_MAX + 1);
    if (len == 0 || len > QUIRE_PLUGIN_NAME_MAX) return false;
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && strchr("._-", c) == NULL) return false;
    }
    return true;
}

bool
quire_is_formula_name(const char *text)
{
    if (!quire_is_plugin_name(text)) return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static quire_status
check_name(quire_ctx *ctx, const char *what, const char *name)
{
    if (quire_is_plugin_name(name)) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                      "%s is missing or no name; it takes 1 to %d letters, digits, dots, "
                      "underscores and hyphens",
                      what, QUIRE_PLUGIN_NAME_MAX);
}

static quire_status
check_text(quire_ctx *ctx, const char *what, const char *text)
{
    if (quire_is_plain_text(text)) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                      "%s is missing or no line of text; it takes UTF-8 without control "
                      "characters, shorter than %d bytes",
                      what, QUIRE_PLUGIN_TEXT_MAX);
}

quire_status
quire_plugin_check(quire_ctx *ctx, const quire_plugin *plugin)
{
    const uint32_t whole = QUIRE_SIZE_TO(quire_plugin, get_interface);
    if (plugin->size >= QUIRE_SIZE_TO(quire_plugin, abi_minor) &&
        plugin->abi_major != QUIRE_ABI_MAJOR)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the plugin is built for interface %u.%u and this is %d.%d; build it "
                          "against this version's quire/plugin.h",
                          plugin->abi_major, plugin->abi_minor, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    if (plugin->size < whole)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the plugin's descriptor says it has %u bytes; interface %d.%d has %u",
                          plugin->size, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR, whole);
    QUIRE_TRY(check_name(ctx, "the plugin's id", plugin->id));
    QUIRE_TRY(check_name(ctx, "the plugin's name", plugin->name));
    QUIRE_TRY(check_text(ctx, "the plugin's version", plugin->version));
    QUIRE_TRY(check_text(ctx, "the plugin's license", plugin->license));
    QUIRE_TRY(check_text(ctx, "the plugin's summary", plugin->summary));
    if (plugin->get_interface == NULL)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "the plugin has no get_interface");
    return QUIRE_OK;
}

/* The first function that must be there and is not, or NULL. */
static const char *
missing_callback(const quire_quantizer *q)
{
    if (q->create == NULL) return "create";
    if (q->destroy == NULL) return "destroy";
    if (q->support == NULL) return "support";
    return q->annotate == NULL ? "annotate" : NULL;
}

quire_status
quire_quantizer_check(quire_ctx *ctx, const quire_quantizer *quantizer, uint32_t index)
{
    const uint32_t whole = QUIRE_SIZE_TO(quire_quantizer, adjust);
    if (quantizer->size < whole)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the descriptor of quantizer %u says it has %u bytes; %s has %u", index,
                          quantizer->size, QUIRE_QUANTIZER_1, whole);
    if (!quire_is_plugin_name(quantizer->name))
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the name of quantizer %u is missing or no name; it takes 1 to %d "
                          "letters, digits, dots, underscores and hyphens",
                          index, QUIRE_PLUGIN_NAME_MAX);
    if (!quire_is_plain_text(quantizer->summary))
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "quantizer %s: the summary is missing or no line of text; it takes UTF-8 "
                          "without control characters, shorter than %d bytes",
                          quantizer->name, QUIRE_PLUGIN_TEXT_MAX);
    const char *missing = missing_callback(quantizer);
    if (missing != NULL)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "quantizer %s has no function %s",
                          quantizer->name, missing);
    return quire_options_check(ctx, quantizer);
}

/* --- formulas --------------------------------------------------------------------------------- */

static quire_status
check_formula_members(quire_ctx *ctx, const quire_formula *f)
{
    if (!quire_is_plain_text(f->summary))
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "formula %s: the summary is missing or no line of text; it takes UTF-8 "
                          "without control characters, shorter than %d bytes",
                          f->name, QUIRE_PLUGIN_TEXT_MAX);
    if (f->least_sources < 1 || f->most_sources > QUIRE_FORMULA_MAX_SOURCES ||
        f->least_sources > f->most_sources)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "formula %s takes %u to %u sources; allowed are 1 to %d", f->name,
                          f->least_sources, f->most_sources, QUIRE_FORMULA_MAX_SOURCES);
    if (f->check == NULL || f->derive == NULL)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL, "formula %s has no function %s", f->name,
                          f->check == NULL ? "check" : "derive");
    return QUIRE_OK;
}

quire_status
quire_formula_check(quire_ctx *ctx, const quire_formula *formula, uint32_t index)
{
    const uint32_t whole = QUIRE_SIZE_TO(quire_formula, derive);
    if (formula->size < whole)
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the descriptor of formula %u says it has %u bytes; %s has %u", index,
                          formula->size, QUIRE_QPARAMS_1, whole);
    if (!quire_is_formula_name(formula->name))
        return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                          "the name of formula %u is missing or no name; it takes 1 to %d of a-z, "
                          "0-9, dots, underscores and hyphens",
                          index, QUIRE_PLUGIN_NAME_MAX);
    return check_formula_members(ctx, formula);
}
