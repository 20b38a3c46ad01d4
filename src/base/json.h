/* json.h - JSON out, streaming: the order of keys is the order of calls, the same values give the same bytes.
 *
 * Objects and arrays nest up to 16 deep. The outer levels are laid out on lines of their own, from level QUIRE_JSON_FLAT
 * on everything stands on one line. Nothing here allocates; errors stick to the writer.
 */
#ifndef QUIRE_BASE_JSON_H
#define QUIRE_BASE_JSON_H

#include "base/writer.h"

enum { QUIRE_JSON_FLAT = 2 };

typedef struct quire_json {
    quire_writer *w;
    unsigned depth;
    bool after_value; /* a comma is due before the next item */
    bool after_key;
} quire_json;

/* `bracket` is '{' or '['; the matching end takes '}' or ']'. */
void quire_json_begin(quire_json *j, char bracket);
void quire_json_end(quire_json *j, char bracket);
void quire_json_key(quire_json *j, const char *key);
/* UTF-8 text; control characters, quotes and backslashes are escaped. */
void quire_json_string(quire_json *j, quire_bytes text);
void quire_json_text(quire_json *j, const char *text);
/* A string printed in pieces: what is written to *out_text until it is closed. */
void quire_json_open_text(quire_json *j, quire_writer *out_text);
void quire_json_close_text(quire_json *j, quire_writer *text);
void quire_json_u64(quire_json *j, uint64_t value);
void quire_json_i64(quire_json *j, int64_t value);
void quire_json_bool(quire_json *j, bool value);
/* null for a value that is not finite: JSON has no spelling for those. */
void quire_json_double(quire_json *j, double value);
void quire_json_null(quire_json *j);

#endif
