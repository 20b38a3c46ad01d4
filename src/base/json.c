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

static bool
is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void
write_escaped(quire_writer *w, quire_bytes text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        for (n = 0; i + n < text.len && is_plain(text.ptr[i + n]);)
            n++;
        quire_write(w, text.ptr + i, n);
        if (n > 0) continue;
        const uint8_t c = text.ptr[i];
        quire_writef(w, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
        n = 1;
    }
}

static void
write_quoted(quire_json *j, quire_bytes text)
{
    quire_write_str(j->w, "\"");
    write_escaped(j->w, text);
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

/* Writer callback: data is the writer of the document. */
static quire_status
pass_escaped(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx;
    quire_writer *w = data;
    write_escaped(w, (quire_bytes){bytes, n});
    return w->status;
}

void
quire_json_open_text(quire_json *j, quire_writer *out_text)
{
    separate(j);
    quire_write_str(j->w, "\"");
    quire_writer_to(out_text, j->w->ctx, pass_escaped, j->w);
    out_text->status = j->w->status; /* what failed is told once */
}

void
quire_json_close_text(quire_json *j, quire_writer *text)
{
    const quire_status written = quire_writer_finish(text);
    if (j->w->status == QUIRE_OK) j->w->status = written;
    quire_write_str(j->w, "\"");
    j->after_value = true;
}

void
quire_json_u64(quire_json *j, uint64_t value)
{
    separate(j);
    quire_writef(j->w, "%llu", (unsigned long long)value);
    j->after_value = true;
}

void
quire_json_i64(quire_json *j, int64_t value)
{
    separate(j);
    quire_writef(j->w, "%lld", (long long)value);
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
