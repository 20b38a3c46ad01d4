/* options.h - options of a quantizer: declared as data by the plugin, parsed and checked here.
 *
 *     embedding:bits=4,only=user*,skip="a,b"
 *
 * A value with a comma, a quote or a blank at an end stands in quotes: \" and \\ inside; or in
 * braces, between which nothing is undone and braces pair, those in quotes aside:
 *
 *     composable:of={embedding:only={a;b},bits=4;pt2e-embedding}
 *
 * A bool is true or false; its name alone says true.
 */
#ifndef QUIRE_PLUGIN_OPTIONS_H
#define QUIRE_PLUGIN_OPTIONS_H

#include "base/arena.h"
#include "base/writer.h"
#include "quire/plugin.h"

/* Is the table sound? Types, names [a-z0-9-]+ without repeats, defaults that parse and are in
 * range, values inside the struct, aligned, not overlapping. QUIRE_E_PLUGIN with a sentence naming
 * the option; QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_options_check(quire_ctx *ctx, const quire_quantizer *quantizer);
/* Parses `text` (what follows the colon; may be empty) into a zeroed struct of
 * quantizer->options_size bytes in the arena, defaults filled in. The table must have passed the
 * check. QUIRE_E_USAGE: unknown option (nearest names), value of the wrong type or out of range
 * (what is allowed), one given twice, one that must be given. */
QUIRE_MUST_USE quire_status quire_options_parse(quire_ctx *ctx, const quire_quantizer *quantizer,
                                                quire_bytes text, quire_arena *arena,
                                                void **out_options);
/* One option as it was given. */
typedef struct quire_option_given {
    const quire_option *option;
    quire_bytes value; /* unquoted; in the arena or in the text */
} quire_option_given;

/* The options given in `text`, in its order: *out has *out_n entries in the arena. Reports as
 * quire_options_parse. */
QUIRE_MUST_USE quire_status quire_options_given(quire_ctx *ctx, const quire_quantizer *quantizer,
                                                quire_bytes text, quire_arena *arena,
                                                quire_option_given **out, size_t *out_n);
/* One line per option: name, type, help, range or choices, default. */
void quire_options_help(quire_writer *w, const quire_quantizer *quantizer);
/* Option i of the table. A plugin built for a later minor version may have longer rows: they lie
 * `size` bytes apart, rounded up to the alignment of the struct; all have the size of the first. */
const quire_option *quire_option_at(const quire_quantizer *quantizer, uint32_t i);

/* --- for options_check.c and options_help.c --------------------------------------------------- */

/* A number with least and most. */
bool quire_option_has_range(const quire_option *option);

/* Bytes of the value in the struct, and its alignment; 0: no such type. */
size_t quire_option_value_size(uint32_t type, size_t *out_align);
/* Reads a value of the option's type into `out`; text it points to is copied to the arena. Tells
 * no failure but QUIRE_E_NOMEM: QUIRE_NONE means that it is not one of the allowed values. */
QUIRE_MUST_USE quire_status quire_option_read(quire_ctx *ctx, const quire_option *option,
                                              quire_bytes text, quire_arena *arena, void *out);
/* "a whole number from 1 to 8", "true or false", "one of a, b"; cut at `room`. */
void quire_option_allowed(quire_ctx *ctx, const quire_option *option, char *out, size_t room);

#endif
