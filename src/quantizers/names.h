/* names.h - choosing tables by name: lists of globs in an option's text. */
#ifndef QUIRE_QUANTIZERS_NAMES_H
#define QUIRE_QUANTIZERS_NAMES_H

#include <stdbool.h>

#include "quire/plugin.h"

/* Does the glob match the whole name? `*` any bytes, `?` one, `[a-z]` `[!a-z]` one of a set, `\`
 * the next byte as it is; `/` and a leading dot are nothing special. A `[` that is not closed is
 * itself. Time: length of glob times length of name. */
bool quire_glob_match(quire_string glob, quire_string name);

/* Takes what stands before the first `;` off the text; false if the text is used up. Empty entries
 * are passed over. A byte behind a backslash divides nothing: the backslash stays, for the glob. */
bool quire_list_next(quire_string *io_text, quire_string *out_entry);

enum { QUIRE_SHOWN_ROOM = 256, QUIRE_NEAREST_ROOM = 256 };

/* An entry for a message: `;` without the backslash that it has in a list only; what does not fit
 * is cut off between characters, and `...` says so. */
void quire_list_show(quire_string entry, char out[QUIRE_SHOWN_ROOM]);

/* Up to three of the names, those fewest edits away from `wanted` first, as `"a", "b"`. Only the
 * first 64 bytes of a name count, and bytes that are not printable ASCII are written as `?`. */
void quire_nearest_names(quire_string wanted, const quire_string *names, uint32_t n,
                         char out[QUIRE_NEAREST_ROOM]);

#endif
