/* print_remarks.c - what the syntax of a record loses, as `#:` lines.
 *
 * Nothing here knows what ONNX's syntax can say: the syntax is given to the parser, and field by
 * field the result is compared with the record. A field that differs is written out; one too many
 * is taken back.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/fields.h"
#include "graph/print_text.h"
#include "graph/tensor.h"

static quire_status
own_write(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    quire_printer *p = data;
    QUIRE_TRY(quire_grow(ctx, &p->text, &p->text_room, p->n_text + n, 1));
    memcpy(p->text + p->n_text, bytes, n);
    p->n_text += n;
    return QUIRE_OK;
}

void
quire_print_begin(quire_printer *p)
{
    p->own.ctx = p->ctx;
    p->own.write = own_write;
    p->own.data = p;
    p->own.status = QUIRE_OK;
    p->own.n = 0;
    p->n_text = 0;
}

void
quire_print_line(quire_printer *p)
{
    quire_write_str(p->w, "\n");
    for (unsigned i = 0; i < p->indent; i++)
        quire_write_str(p->w, "  ");
    p->at_line = true;
}

/* A remark begins on a line of its own. */
static void
begin_remark(quire_printer *p, const char *word)
{
    if (!p->at_line) quire_print_line(p);
    quire_write_str(p->w, "#: ");
    quire_write_str(p->w, word);
}

uint64_t
quire_print_children(const quire_printer *p, quire_bytes body, uint64_t numbers)
{
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number < 64 && (numbers >> f.number & 1) != 0 && !quire_text_is_shortest(&f))
            numbers &= ~((uint64_t)1 << f.number);
    }
    return numbers;
}

static const ProtobufCMessageDescriptor *
descriptor_of(quire_print_kind kind)
{
    switch (kind) {
    case QUIRE_PRINT_MODEL: return &onnx__model_proto__descriptor;
    case QUIRE_PRINT_GRAPH: return &onnx__graph_proto__descriptor;
    case QUIRE_PRINT_NODE: return &onnx__node_proto__descriptor;
    case QUIRE_PRINT_ATTR: return &onnx__attribute_proto__descriptor;
    case QUIRE_PRINT_INIT:
    case QUIRE_PRINT_TENSOR: return &onnx__tensor_proto__descriptor;
    case QUIRE_PRINT_INFO: return &onnx__value_info_proto__descriptor;
    case QUIRE_PRINT_FUNCTION: return &onnx__function_proto__descriptor;
    }
    return NULL;
}

/* --- what the parser makes of the syntax ------------------------------------------------------ */

static quire_status
parse_own(quire_text_parser *t, quire_print_kind kind, const quire_text_remarks *words,
          quire_text_message *m)
{
    quire_text_message holder = {NULL, NULL};
    switch (kind) {
    case QUIRE_PRINT_MODEL: return quire_text_parse_model_head(t, m);
    case QUIRE_PRINT_GRAPH: return quire_text_parse_graph(t, words, m);
    case QUIRE_PRINT_NODE: return quire_text_parse_node(t, m);
    case QUIRE_PRINT_ATTR: return quire_text_parse_attribute(t, m);
    case QUIRE_PRINT_TENSOR: return quire_text_parse_tensor(t, words, m);
    case QUIRE_PRINT_FUNCTION: return quire_text_parse_function_head(t, m);
    case QUIRE_PRINT_INIT:
    case QUIRE_PRINT_INFO: break;
    }
    QUIRE_TRY(quire_text_parse_info(t, GRAPH_VALUE_INFO, &holder));
    *m = *holder.first->message;
    return QUIRE_OK;
}

/* Words such as "typed" stand in front of the syntax, as they will in the text. */
static quire_status
reparse(quire_printer *p, quire_print_kind kind, quire_text_message *m)
{
    quire_text_parser *t = &p->parser;
    quire_ctx quiet = *p->ctx;
    quiet.sink = NULL;
    quire_arena_reset(&t->build.arena);
    t->build.ctx = &quiet;
    t->start = t->p = p->text;
    t->end = p->text + p->n_text;
    t->pending = (quire_text_remarks){NULL, NULL};
    const quire_text_remarks words = quire_text_take_remarks(t);
    t->pending = kind == QUIRE_PRINT_TENSOR || kind == QUIRE_PRINT_GRAPH
                     ? (quire_text_remarks){NULL, NULL}
                     : words;
    quire_status status = parse_own(t, kind, &words, m);
    if (status == QUIRE_OK && quire_text_peek(t) != 0) status = QUIRE_E_INTERNAL;
    t->build.ctx = p->ctx;
    if (status == QUIRE_E_NOMEM) return quire_nomem(p->ctx);
    quire_text_sort(m);
    if (status == QUIRE_OK) return QUIRE_OK;
    return quire_bug(p->ctx, "the text form does not read back: %.*s",
                     (int)(p->n_text < 200 ? p->n_text : 200), (const char *)p->text);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* By number; those of one number as they stand in the record. */
static int
compare_fields(const void *a, const void *b)
{
    const quire_field *x = a;
    const quire_field *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return (x->whole.ptr > y->whole.ptr) - (x->whole.ptr < y->whole.ptr);
}

/* Fields of the record that are not children, sorted; *out_ascending: they stand so in the record,
 * the children too. */
static quire_status
collect(quire_printer *p, quire_bytes body, uint64_t children, bool *out_ascending)
{
    uint32_t last = 0;
    p->n_fields = 0;
    *out_ascending = true;
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f); last = f.number) {
        if (f.number < last) *out_ascending = false;
        if (f.number < 64 && (children >> f.number & 1) != 0) continue;
        QUIRE_TRY(
            quire_grow(p->ctx, &p->fields, &p->fields_room, p->n_fields + 1, sizeof *p->fields));
        p->fields[p->n_fields++] = f;
    }
    if (!*out_ascending) qsort(p->fields, p->n_fields, sizeof *p->fields, compare_fields);
    return QUIRE_OK;
}

/* Compares bulk piecewise, since it may be large. */
static quire_status
same_bulk(quire_printer *p, quire_bytes ours, const quire_field *f, bool *out)
{
    uint8_t window[4096];
    const size_t head = ours.len - (size_t)(f->bulk.len < ours.len ? f->bulk.len : ours.len);
    *out = ours.len >= f->whole.len && head == f->whole.len &&
           memcmp(ours.ptr, f->whole.ptr, head) == 0;
    for (uint64_t at = 0; *out && at < f->bulk.len;) {
        const size_t n =
            f->bulk.len - at < sizeof window ? (size_t)(f->bulk.len - at) : sizeof window;
        QUIRE_TRY(quire_blob_read(p->ctx, p->m, f->bulk, at, window, n));
        *out = memcmp(window, ours.ptr + head + at, n) == 0;
        at += n;
    }
    return QUIRE_OK;
}

/* Does any payload inside stand outside the skeleton? Then it cannot be compared here. */
static bool
has_holes(const quire_printer *p, const quire_field *f)
{
    if (f->wire != QUIRE_WIRE_LEN || f->is_bulk) return false;
    const quire_cursor a = quire_cursor_over(p->m, f->whole);
    const quire_skeleton *s = a.skeleton;
    return a.hole < s->n_holes && s->ptr + s->holes[a.hole].at <= f->whole.ptr + f->whole.len;
}

static quire_status
same_field(quire_printer *p, const quire_text_field *ours, const quire_field *f,
           uint32_t weights_field, bool *out)
{
    if (ours->is_weights) {
        *out = f->number == weights_field;
        return QUIRE_OK;
    }
    *out = false;
    if (ours->message != NULL || has_holes(p, f)) return QUIRE_OK;
    if (f->is_bulk) return same_bulk(p, ours->bytes, f, out);
    *out = quire_bytes_equal(ours->bytes, f->whole);
    return QUIRE_OK;
}

/* Are fields `number` of both sides the same? Both lists begin there; the ends are returned. */
static quire_status
same_number(quire_printer *p, const quire_text_field **io_ours, size_t *io_theirs, uint32_t number,
            uint32_t weights_field, bool *out)
{
    const quire_text_field *a = *io_ours;
    size_t b = *io_theirs;
    *out = true;
    while (a != NULL && a->number == number && b < p->n_fields && p->fields[b].number == number) {
        bool same = false;
        if (*out) QUIRE_TRY(same_field(p, a, &p->fields[b], weights_field, &same));
        *out = same;
        a = a->next;
        b++;
    }
    if ((a != NULL && a->number == number) || (b < p->n_fields && p->fields[b].number == number))
        *out = false;
    while (a != NULL && a->number == number)
        a = a->next;
    while (b < p->n_fields && p->fields[b].number == number)
        b++;
    *io_ours = a;
    *io_theirs = b;
    return QUIRE_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static quire_status
write_difference(quire_printer *p, const ProtobufCMessageDescriptor *d, uint32_t number,
                 size_t from, size_t to)
{
    if (from == to) {
        begin_remark(p, "no ");
        quire_text_write_field_name(p->w, d, number);
        quire_print_line(p);
    }
    for (size_t i = from; i < to; i++) {
        begin_remark(p, "");
        QUIRE_TRY(quire_text_write_field(p->w, p->m, d, &p->fields[i]));
        quire_print_line(p);
    }
    return QUIRE_OK;
}

static quire_status
write_differences(quire_printer *p, const ProtobufCMessageDescriptor *d,
                  const quire_text_message *ours, uint32_t weights_field)
{
    const quire_text_field *a = ours->first;
    for (size_t b = 0; a != NULL || b < p->n_fields;) {
        const size_t from = b;
        uint32_t number = UINT32_MAX;
        bool same;
        if (a != NULL) number = a->number;
        if (b < p->n_fields && p->fields[b].number < number) number = p->fields[b].number;
        QUIRE_TRY(same_number(p, &a, &b, number, weights_field, &same));
        if (!same) QUIRE_TRY(write_difference(p, d, number, from, b));
    }
    return QUIRE_OK;
}

/* `#: order 1*3 5 1`: the record's field numbers, runs counted. */
static void
write_order(quire_printer *p, quire_bytes body)
{
    uint32_t number = 0;
    size_t count = 0;
    quire_field f = {0};
    quire_cursor c = quire_cursor_over(p->m, body);
    begin_remark(p, "order");
    for (bool more = true; more;) {
        more = quire_cursor_next(&c, &f);
        if (more && f.number == number) {
            count++;
            continue;
        }
        if (count > 0) quire_writef(p->w, " %" PRIu32, number);
        if (count > 1) quire_writef(p->w, "*%zu", count);
        number = f.number;
        count = 1;
    }
    quire_print_line(p);
}

static quire_status
write_remarks(quire_printer *p, quire_print_kind kind, quire_bytes body, uint64_t children,
              uint32_t weights_field, const char *words)
{
    quire_text_message ours = {NULL, NULL};
    bool ascending;
    QUIRE_TRY(reparse(p, kind, &ours));
    QUIRE_TRY(collect(p, body, children, &ascending));
    if (words != NULL) {
        begin_remark(p, words);
        quire_print_line(p);
    }
    QUIRE_TRY(write_differences(p, descriptor_of(kind), &ours, weights_field));
    if (!ascending) write_order(p, body);
    return QUIRE_OK;
}

quire_status
quire_print_remarks(quire_printer *p, quire_print_kind kind, quire_bytes body, uint64_t children,
                    uint32_t weights_field, const char *words)
{
    QUIRE_TRY(quire_writer_finish(&p->own));
    if (!p->options.brief) QUIRE_TRY(write_remarks(p, kind, body, children, weights_field, words));
    if (p->gap && !p->at_line) quire_write_str(p->w, " ");
    p->gap = false;
    return p->w->status;
}
