/* json.c - see json.h. */
#include "base/json.h"

#include <math.h>

static void
new_line(quire_json *j)
{
    quire_write_str(j->w, "\n");
    for (unsigned i = 0; i < j->depth; i++)
        quire_write_str(j->w, "  ");
}

/* What stands between the previous item and the next one. */
static void
separate(quire_json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->after_value) quire_write_str(j->w, j->depth > QUIRE_JSON_FLAT ? ", " : ",");
    if (j->depth > 0 && j->depth <= QUIRE_JSON_FLAT) new_line(j);
}

void
quire_json_begin(quire_json *j, char bracket)
{
    separate(j);
    quire_write(j->w, &bracket, 1);
    j->depth++;
    j->after_value = false;
}

void
quire_json_end(quire_json *j, char bracket)
{
    const bool flat = j->depth > QUIRE_JSON_FLAT;
    j->depth--;
    if (j->after_value && !flat) new_line(j);
    quire_write(j->w, &bracket, 1);
    j->after_value = true;
    if (j->depth == 0) quire_write_str(j->w, "\n");
}

static void
write_quoted(quire_json *j, quire_bytes text)
{
    quire_write_str(j->w, "\"");
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c == '"' || c == '\\') {
            quire_writef(j->w, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            quire_writef(j->w, "\\u%04x", c);
        } else {
            quire_write(j->w, &text.ptr[i], 1);
        }
    }
    quire_write_str(j->w, "\"");
}

void
quire_json_key(quire_json *j, const char *key)
{
    separate(j);
    write_quoted(j, quire_bytes_of(key));
    quire_write_str(j->w, ": ");
    j->after_key = true;
}

void
quire_json_string(quire_json *j, quire_bytes text)
{
    separate(j);
    write_quoted(j, text);
    j->after_value = true;
}

void
quire_json_text(quire_json *j, const char *text)
{
    quire_json_string(j, quire_bytes_of(text));
}

void
quire_json_u64(quire_json *j, uint64_t value)
{
    separate(j);
    quire_writef(j->w, "%llu", (unsigned long long)value);
    j->after_value = true;
}

void
quire_json_bool(quire_json *j, bool value)
{
    separate(j);
    quire_write_str(j->w, value ? "true" : "false");
    j->after_value = true;
}

void
quire_json_double(quire_json *j, double value)
{
    if (!isfinite(value)) {
        quire_json_null(j);
        return;
    }
    separate(j);
    quire_write_double(j->w, value);
    j->after_value = true;
}

void
quire_json_null(quire_json *j)
{
    separate(j);
    quire_write_str(j->w, "null");
    j->after_value = true;
}
