/* descriptor.h - is what a plugin says of itself sound? Nothing of it is used before it was looked
 * at: sizes, versions, texts, functions that must be there, option tables.
 */
#ifndef QUIRE_PLUGIN_DESCRIPTOR_H
#define QUIRE_PLUGIN_DESCRIPTOR_H

#include "base/base.h"
#include "quire/plugin.h"

enum { QUIRE_PLUGIN_TEXT_MAX = 4096, QUIRE_PLUGIN_NAME_MAX = 64, QUIRE_FORMULA_MAX_SOURCES = 8 };

/* One line of UTF-8 without control characters, ended by NUL within QUIRE_PLUGIN_TEXT_MAX bytes. */
bool quire_is_plain_text(const char *text);
/* 1 to QUIRE_PLUGIN_NAME_MAX bytes of [A-Za-z0-9._-]: stands in texts, options and file names. */
bool quire_is_plugin_name(const char *text);

/* 1 to QUIRE_PLUGIN_NAME_MAX bytes of [a-z0-9._-]. */
bool quire_is_formula_name(const char *text);

/* All report QUIRE_E_PLUGIN with a sentence; the context's file is the plugin's. */
QUIRE_MUST_USE quire_status quire_plugin_check(quire_ctx *ctx, const quire_plugin *plugin);
/* The option table too. `index`: number within the plugin, for where there is no name yet. */
QUIRE_MUST_USE quire_status quire_quantizer_check(quire_ctx *ctx, const quire_quantizer *quantizer,
                                                  uint32_t index);
QUIRE_MUST_USE quire_status quire_formula_check(quire_ctx *ctx, const quire_formula *formula,
                                                uint32_t index);

#endif
