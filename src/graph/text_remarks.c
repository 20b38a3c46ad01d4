/* text_remarks.c - `#:` lines: what the syntax of a record does not say about it.
 *
 *     #: doc_string: "made by hand"          these fields, in place of those of that number
 *     #: metadata_props: {key: "a" value: "b"}
 *     #: no type                             the syntax would make this field; it is absent
 *     #: order 1*2 3 1                       fields in this order, not by number
 *     #: typed   #: raw   #: external        how the values of a tensor are stored
 *     #: quire 1 "model.onnx"                first line of a complete text
 *
 * Names are the schema's; numbers stand for unknown fields. Text means a length-delimited field, 0x
 * and 8 or 16 digits a fixed one, an integer a varint, `raw "..."` the field's own bytes with its
 * tag.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/tensor.h"
#include "graph/text.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void
write_escapes(quire_writer *w, quire_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        const uint8_t c = bytes.ptr[i];
        if (c == '"' || c == '\\') {
            quire_writef(w, "\\%c", c);
        } else if (c == '\n') {
            quire_write_str(w, "\\n");
        } else if (c < 0x20 || c > 0x7e) {
            quire_writef(w, "\\x%02x", (unsigned)c);
        } else {
            quire_write(w, &c, 1);
        }
    }
}

void
quire_text_write_escaped(quire_writer *w, quire_bytes bytes)
{
    quire_write_str(w, "\"");
    write_escapes(w, bytes);
    quire_write_str(w, "\"");
}

void
quire_text_write_field_name(quire_writer *w, const ProtobufCMessageDescriptor *d, uint32_t number)
{
    const ProtobufCFieldDescriptor *f =
        d == NULL ? NULL : protobuf_c_message_descriptor_get_field(d, number);
    if (f != NULL) {
        quire_write_str(w, f->name);
    } else {
        quire_writef(w, "%" PRIu32, number);
    }
}

static uint64_t
read_varint(const uint8_t **p)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = *(*p)++;
        x |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return x;
}

bool
quire_text_is_shortest(const quire_field *f)
{
    const uint8_t *p = f->whole.ptr;
    const uint64_t tag = read_varint(&p);
    if ((size_t)(p - f->whole.ptr) != quire_text_varint_size(tag)) return false;
    if (f->wire == QUIRE_WIRE_VARINT)
        return f->whole.ptr + f->whole.len == p + quire_text_varint_size(f->scalar);
    if (f->wire != QUIRE_WIRE_LEN) return true;
    const uint8_t *start = p;
    const uint64_t len = read_varint(&p);
    return (size_t)(p - start) == quire_text_varint_size(len);
}

static const ProtobufCMessageDescriptor *
inner_descriptor(const ProtobufCMessageDescriptor *d, const quire_field *f)
{
    const ProtobufCFieldDescriptor *field =
        d == NULL ? NULL : protobuf_c_message_descriptor_get_field(d, f->number);
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE || f->wire != QUIRE_WIRE_LEN)
        return NULL;
    return field->descriptor;
}

/* Can the message be written as {fields}, and read back as it was? Messages nest at most 100
 * deep. */
static bool
is_plain_message(const quire_model *m, const ProtobufCMessageDescriptor *d, quire_bytes body)
{
    quire_cursor c = quire_cursor_over(m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (!quire_text_is_shortest(&f)) return false;
        const ProtobufCMessageDescriptor *inner = inner_descriptor(d, &f);
        if (inner != NULL && !is_plain_message(m, inner, f.body)) return false;
    }
    return c.p == c.end;
}

/* The bytes of a view with the payloads that the skeleton leaves out, quoted. */
static quire_status
write_view(quire_writer *w, const quire_model *m, quire_bytes view)
{
    const quire_skeleton *s = &m->skeleton;
    const uint8_t *from = view.ptr;
    const uint8_t *end = view.ptr + view.len;
    quire_write_str(w, "\"");
    for (size_t i = quire_cursor_over(m, view).hole;
         i < s->n_holes && s->ptr + s->holes[i].at <= end; i++) {
        const uint8_t *at = s->ptr + s->holes[i].at;
        const size_t size = (size_t)s->holes[i].len;
        const quire_blob blob = {.file = 1, .u.off = s->holes[i].off, .len = size};
        uint8_t *bytes = quire_alloc(w->ctx->alloc, size);
        if (bytes == NULL) return quire_nomem(w->ctx);
        const quire_status status = quire_blob_read(w->ctx, m, blob, 0, bytes, size);
        write_escapes(w, (quire_bytes){from, (size_t)(at - from)});
        if (status == QUIRE_OK) write_escapes(w, (quire_bytes){bytes, size});
        quire_free(w->ctx->alloc, bytes, size);
        QUIRE_TRY(status);
        from = at;
    }
    write_escapes(w, (quire_bytes){from, (size_t)(end - from)});
    quire_write_str(w, "\"");
    return QUIRE_OK;
}

/* A payload that is all of the field's body. */
static quire_status
write_bulk(quire_writer *w, const quire_model *m, const quire_field *f)
{
    const size_t size = (size_t)f->bulk.len;
    uint8_t *bytes = quire_alloc(w->ctx->alloc, size);
    if (bytes == NULL) return quire_nomem(w->ctx);
    const quire_status status = quire_blob_read(w->ctx, m, f->bulk, 0, bytes, size);
    if (status == QUIRE_OK) quire_text_write_escaped(w, (quire_bytes){bytes, size});
    quire_free(w->ctx->alloc, bytes, size);
    return status;
}

static quire_status
write_message(quire_writer *w, const quire_model *m, const ProtobufCMessageDescriptor *d,
              quire_bytes body)
{
    const char *separator = "{";
    quire_cursor c = quire_cursor_over(m, body);
    for (quire_field f; quire_cursor_next(&c, &f); separator = " ") {
        quire_write_str(w, separator);
        QUIRE_TRY(quire_text_write_field(w, m, d, &f));
    }
    if (*separator == '{') quire_write_str(w, "{");
    quire_write_str(w, "}");
    return QUIRE_OK;
}

quire_status
quire_text_write_field(quire_writer *w, const quire_model *m, const ProtobufCMessageDescriptor *d,
                       const quire_field *f)
{
    const ProtobufCMessageDescriptor *inner = inner_descriptor(d, f);
    quire_text_write_field_name(w, d, f->number);
    quire_write_str(w, ": ");
    if (!quire_text_is_shortest(f)) {
        quire_write_str(w, "raw ");
        return write_view(w, m, f->whole);
    }
    if (f->wire == QUIRE_WIRE_VARINT) {
        quire_writef(w, "%" PRId64, (int64_t)f->scalar);
    } else if (f->wire == QUIRE_WIRE_I32) {
        quire_writef(w, "0x%08" PRIx32, (uint32_t)f->scalar);
    } else if (f->wire == QUIRE_WIRE_I64) {
        quire_writef(w, "0x%016" PRIx64, f->scalar);
    } else if (f->is_bulk) {
        return write_bulk(w, m, f);
    } else if (inner != NULL && is_plain_message(m, inner, f->body)) {
        return write_message(w, m, inner, f->body);
    } else {
        return write_view(w, m, f->body);
    }
    return QUIRE_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Blanks, within the line. */
static int
peek(quire_text_parser *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == ','))
        t->p++;
    return t->p < t->end && *t->p != '\n' && *t->p != '\r' ? *t->p : 0;
}

static bool
take_word(quire_text_parser *t, const char *word)
{
    const size_t n = strlen(word);
    peek(t);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0) return false;
    if (t->p + n < t->end && (quire_text_is_alnum(t->p[n]) || t->p[n] == '_' || t->p[n] == ':'))
        return false;
    t->p += n;
    return true;
}

static int
hex_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A string with \n, \xNN, \" and \\. */
static quire_status
read_escaped(quire_text_parser *t, quire_bytes *out)
{
    if (peek(t) != '"') return quire_text_fail(t, "expected a quoted string");
    const uint8_t *end = t->p + 1;
    while (end < t->end && *end != '"' && *end != '\n')
        end += *end == '\\' ? 2 : 1;
    if (end >= t->end || *end != '"')
        return quire_text_fail(t, "this string has no end in its line");
    uint8_t *copy;
    size_t n = 0;
    QUIRE_TRY(quire_arena_take(t->build.ctx, &t->build.arena, (size_t)(end - t->p), &copy));
    for (t->p++; t->p < end; t->p++) {
        copy[n] = *t->p;
        if (*t->p == '\\') {
            const uint8_t c = *++t->p;
            copy[n] = c == 'n' ? '\n' : c;
            if (c == 'x') {
                const int high = end - t->p > 2 ? hex_digit(t->p[1]) : -1;
                const int low = end - t->p > 2 ? hex_digit(t->p[2]) : -1;
                if (high < 0 || low < 0)
                    return quire_text_fail(t, "expected two hexadecimal digits after \\x");
                copy[n] = (uint8_t)(high * 16 + low);
                t->p += 2;
            }
        }
        n++;
    }
    t->p = end + 1;
    *out = (quire_bytes){copy, n};
    return QUIRE_OK;
}

/* A name of the schema, or a number; *out_field is NULL for numbers the schema lacks. */
static quire_status
read_field_name(quire_text_parser *t, const ProtobufCMessageDescriptor *d, uint32_t *out_number,
                const ProtobufCFieldDescriptor **out_field)
{
    char name[64] = {0};
    size_t n = 0;
    int64_t number = 0;
    peek(t);
    while (t->p + n < t->end && n + 1 < sizeof name &&
           (quire_text_is_alnum(t->p[n]) || t->p[n] == '_')) {
        name[n] = (char)t->p[n];
        n++;
    }
    if (n > 0 && quire_text_is_digit(t->p[0])) {
        QUIRE_TRY(quire_text_int_of(t, (quire_bytes){t->p, n}, &number));
        if (number < 1 || number > 0x1fffffff)
            return quire_text_fail(t, "expected a field number from 1 to 536870911");
        *out_field =
            d == NULL ? NULL : protobuf_c_message_descriptor_get_field(d, (unsigned)number);
    } else {
        *out_field =
            n == 0 || d == NULL ? NULL : protobuf_c_message_descriptor_get_field_by_name(d, name);
        if (*out_field == NULL) {
            return quire_text_fail(t,
                                   "expected a field of %s, or no, order, raw, typed or external",
                                   d == NULL ? "an unknown message by its number" : d->short_name);
        }
        number = (*out_field)->id;
    }
    *out_number = (uint32_t)number;
    t->p += n;
    return QUIRE_OK;
}

static quire_status read_field(quire_text_parser *t, const ProtobufCMessageDescriptor *d,
                               quire_text_message *m, uint32_t *out_number);

enum { MAX_DEPTH = 100 };

static quire_status
read_message(quire_text_parser *t, const ProtobufCMessageDescriptor *d, quire_text_message *m,
             uint32_t number)
{
    quire_text_message inner = {NULL, NULL};
    uint32_t ignored;
    if (++t->depth > MAX_DEPTH)
        return quire_text_fail(t, "messages nest more than %d deep", MAX_DEPTH);
    for (t->p++; peek(t) != '}';)
        QUIRE_TRY(read_field(t, d, &inner, &ignored));
    t->depth--;
    t->p++;
    return quire_text_put_leaf(&t->build, m, number, &inner);
}

static quire_status
read_fixed(quire_text_parser *t, quire_text_message *m, uint32_t number)
{
    uint64_t bits = 0;
    size_t n = 0;
    for (t->p += 2; t->p < t->end && hex_digit(*t->p) >= 0; t->p++, n++)
        bits = bits << 4 | (uint64_t)hex_digit(*t->p);
    if (n != 8 && n != 16)
        return quire_text_fail(t, "expected 8 or 16 hexadecimal digits after 0x");
    return quire_text_put_fixed(&t->build, m, number, bits, n / 2);
}

static quire_status
read_field(quire_text_parser *t, const ProtobufCMessageDescriptor *d, quire_text_message *m,
           uint32_t *out_number)
{
    const ProtobufCFieldDescriptor *field;
    quire_bytes bytes;
    int64_t value;
    QUIRE_TRY(read_field_name(t, d, out_number, &field));
    if (peek(t) != ':') return quire_text_fail(t, "expected ':' after the name of the field");
    t->p++;
    if (peek(t) == '"') {
        QUIRE_TRY(read_escaped(t, &bytes));
        return quire_text_put_bytes(&t->build, m, *out_number, bytes);
    }
    if (peek(t) == '{') {
        const bool known = field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE;
        return read_message(t, known ? field->descriptor : NULL, m, *out_number);
    }
    if (take_word(t, "raw")) {
        QUIRE_TRY(read_escaped(t, &bytes));
        return quire_text_put_whole(&t->build, m, *out_number, bytes);
    }
    if (t->end - t->p > 2 && t->p[0] == '0' && t->p[1] == 'x') return read_fixed(t, m, *out_number);
    if (peek(t) == 0) return quire_text_fail(t, "expected the value of the field");
    QUIRE_TRY(quire_text_int(t, &value));
    return quire_text_put_int(&t->build, m, *out_number, value);
}

/* --- applying --------------------------------------------------------------------------------- */

typedef struct changes {
    quire_text_message fields;  /* to put in place of those of the same number */
    quire_text_message dropped; /* numbers whose fields go; nothing else in it */
    const uint8_t *order;       /* behind the word `order`; NULL: by number    */
} changes;

static quire_status
read_line(quire_text_parser *t, const ProtobufCMessageDescriptor *d, changes *c)
{
    static const char *const words[] = {"raw", "typed", "external"};
    const ProtobufCFieldDescriptor *field;
    uint32_t number;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (take_word(t, words[i])) return QUIRE_OK; /* read by whom they concern */
    }
    if (take_word(t, "quire")) {
        while (peek(t) != 0)
            t->p++;
        return QUIRE_OK;
    }
    if (take_word(t, "no")) {
        QUIRE_TRY(read_field_name(t, d, &number, &field));
        return quire_text_put_whole(&t->build, &c->dropped, number, (quire_bytes){NULL, 0});
    }
    if (take_word(t, "order")) {
        c->order = t->p;
        while (peek(t) != 0)
            t->p++;
        return QUIRE_OK;
    }
    while (peek(t) != 0)
        QUIRE_TRY(read_field(t, d, &c->fields, &number));
    return QUIRE_OK;
}

/* Fields of one number, in a sorted message. */
typedef struct run {
    uint32_t number;
    quire_text_field *next; /* the first that is not taken; the run ends where the number does */
} run;

/* The runs of a sorted message, ascending. */
static quire_status
find_runs(quire_text_parser *t, const quire_text_message *m, run **out_runs, size_t *out_n)
{
    size_t n = 0;
    uint32_t last = 0;
    for (const quire_text_field *f = m->first; f != NULL; last = f->number, f = f->next) {
        n += f->number != last;
    }
    QUIRE_TRY(quire_arena_take(t->build.ctx, &t->build.arena, n * sizeof **out_runs, out_runs));
    n = 0;
    last = 0;
    for (quire_text_field *f = m->first; f != NULL; last = f->number, f = f->next) {
        if (f->number != last) (*out_runs)[n++] = (run){f->number, f};
    }
    *out_n = n;
    return QUIRE_OK;
}

/* Appends f without ending the list behind it: the runs still need what follows. */
static void
link_last(quire_text_message *m, quire_text_field *f)
{
    if (m->last != NULL) m->last->next = f;
    if (m->first == NULL) m->first = f;
    m->last = f;
}

/* Takes the next field of `number`; NULL if there is none. */
static quire_text_field *
take_field(run *runs, size_t n, int64_t number)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (runs[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == n || runs[low].number != number) return NULL;
    quire_text_field *f = runs[low].next;
    if (f == NULL || f->number != number) return NULL;
    runs[low].next = f->next;
    return f;
}

/* Relinks the sorted message in the order of the line; what it does not mention follows. */
static quire_status
take_in_order(quire_text_parser *t, quire_text_message *m)
{
    quire_text_message ordered = {NULL, NULL};
    run *runs;
    size_t n;
    QUIRE_TRY(find_runs(t, m, &runs, &n));
    while (peek(t) != 0) {
        int64_t number;
        int64_t count = 1;
        QUIRE_TRY(quire_text_int(t, &number));
        if (t->p < t->end && *t->p == '*') {
            t->p++;
            QUIRE_TRY(quire_text_int(t, &count));
        }
        for (; count > 0; count--) {
            quire_text_field *f = take_field(runs, n, number);
            if (f == NULL) {
                return quire_text_fail(t, "order: there are not that many fields %" PRId64, number);
            }
            link_last(&ordered, f);
        }
    }
    for (size_t i = 0; i < n; i++) {
        quire_text_field *f;
        while ((f = take_field(runs, n, runs[i].number)) != NULL)
            link_last(&ordered, f);
    }
    if (ordered.last != NULL) ordered.last->next = NULL;
    *m = ordered;
    return QUIRE_OK;
}

/* Calls read_line for every `#:` line; what follows each must be used up. */
static quire_status
read_lines(quire_text_parser *t, const quire_text_remarks *remarks,
           const ProtobufCMessageDescriptor *d, changes *c)
{
    for (const uint8_t *line = remarks->ptr; line != NULL && line < remarks->end;) {
        const uint8_t *next = memchr(line, '\n', (size_t)(remarks->end - line));
        if (next == NULL) next = remarks->end;
        for (t->p = line; t->p < next && quire_text_is_space(*t->p);)
            t->p++;
        if (next - t->p > 1 && t->p[0] == '#' && t->p[1] == ':') {
            t->p += 2;
            QUIRE_TRY(read_line(t, d, c));
            if (peek(t) != 0) return quire_text_fail(t, "expected the end of the '#:' line");
        }
        line = next + 1;
    }
    return QUIRE_OK;
}

quire_status
quire_text_finish(quire_text_parser *t, const quire_text_remarks *remarks,
                  const ProtobufCMessageDescriptor *d, quire_text_message *m)
{
    const uint8_t *after = t->p;
    changes c = {{NULL, NULL}, {NULL, NULL}, NULL};
    quire_text_sort(m);
    if (remarks != NULL && remarks->ptr != NULL) {
        QUIRE_TRY(read_lines(t, remarks, d, &c));
        quire_text_sort(&c.dropped);
        quire_text_sort(&c.fields);
        quire_text_drop(m, &c.dropped);
        quire_text_drop(m, &c.fields);
        quire_text_append(m, &c.fields);
        quire_text_sort(m);
    }
    if (c.order != NULL) {
        t->p = c.order;
        QUIRE_TRY(take_in_order(t, m));
    }
    t->p = after;
    return QUIRE_OK;
}

quire_status
quire_text_read_header(quire_text_parser *t, const quire_text_remarks *remarks)
{
    static const char start[] = "#: quire ";
    const uint8_t *after = t->p;
    int64_t version;
    if (remarks->ptr == NULL || (size_t)(remarks->end - remarks->ptr) < strlen(start) ||
        memcmp(remarks->ptr, start, strlen(start)) != 0) {
        return QUIRE_OK;
    }
    t->p = remarks->ptr + strlen(start);
    QUIRE_TRY(quire_text_int(t, &version));
    if (version != 1)
        return quire_text_fail(t, "text form %" PRId64 "; this program reads form 1", version);
    t->raw = true;
    if (peek(t) != 0) QUIRE_TRY(read_escaped(t, &t->weights_name));
    t->p = after;
    return QUIRE_OK;
}
