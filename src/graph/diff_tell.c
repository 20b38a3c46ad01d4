/* diff_tell.c - the words of a diff: details of each kind of thing, and printing. */
#include "graph/diff_tell.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/json.h"
#include "graph/dtype.h"
#include "graph/fields.h"
#include "graph/print_text.h"

enum { SHOWN = 80, MAX_ATTRIBUTES = 4096, MAX_OPERANDS_SHOWN = 3, MAX_INTS_SHOWN = 8 };

#define BIT(number) (UINT64_C(1) << (number))

/* ---- parts */

/* Goes on with the current part. */
static void QUIRE_PRINTF(2, 0) append(quire_detail *detail, const char *format, va_list args)
{
    const size_t room = sizeof detail->text - detail->n;
    const int n = vsnprintf(detail->text + detail->n, room, format, args);
    detail->n = n < 0 || (size_t)n >= room ? sizeof detail->text - 1 : detail->n + (size_t)n;
}

static void QUIRE_PRINTF(2, 3) more(quire_detail *detail, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(detail, format, args);
    va_end(args);
}

void
quire_detail_put(quire_detail *detail, const char *format, ...)
{
    if (detail->n > 0) more(detail, "; ");
    va_list args;
    va_start(args, format);
    append(detail, format, args);
    va_end(args);
}

typedef struct shown { /* a name, fit to be shown */
    char text[SHOWN];
} shown;

static shown
show(quire_bytes name)
{
    shown s;
    quire_escape(s.text, sizeof s.text, name.ptr, name.len);
    return s;
}

void
quire_detail_texts(quire_detail *detail, const char *label, quire_bytes before, quire_bytes after)
{
    /* A common start says nothing where it is long. */
    size_t same = 0;
    while (same < before.len && same < after.len && before.ptr[same] == after.ptr[same])
        same++;
    const size_t skip = same > SHOWN / 2 ? same - SHOWN / 4 : 0;
    const quire_bytes x = {before.ptr + skip, before.len - skip},
                      y = {after.ptr + skip, after.len - skip};
    quire_detail_put(detail, "%s%s\"%s%s\" -> \"%s%s\"", label, label[0] != 0 ? " " : "",
                     skip > 0 ? "..." : "", show(x).text, skip > 0 ? "..." : "", show(y).text);
}

/* The last varint field `number`, 0 if there is none. */
static int64_t
find_number(const quire_model *m, quire_bytes message, uint32_t number)
{
    int64_t value = 0;
    quire_cursor c = quire_cursor_over(m, message);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == number && f.wire == QUIRE_WIRE_VARINT) value = quire_field_int(&f);
    }
    return value;
}

void
quire_detail_number(quire_detail *detail, const quire_two *t, const char *label, quire_bytes a,
                    quire_bytes b, uint32_t number)
{
    const int64_t x = find_number(t->a, a, number), y = find_number(t->b, b, number);
    if (x == y) return;
    quire_detail_put(detail, "%s%s%lld -> %lld", label, label[0] != 0 ? " " : "", (long long)x,
                     (long long)y);
}

void
quire_detail_fields(quire_detail *detail, const ProtobufCMessageDescriptor *message,
                    uint64_t fields)
{
    bool unknown = (fields & 1) != 0;
    for (uint32_t i = 1; i < 64; i++) {
        if ((fields >> i & 1) == 0) continue;
        const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(message, i);
        unknown |= f == NULL;
        if (f != NULL) quire_detail_put(detail, "%s", f->name);
    }
    if (unknown) quire_detail_put(detail, "unknown fields");
}

void
quire_detail_op(quire_detail *detail, const quire_model *m, quire_op op)
{
    const quire_op_rec *r = quire_op_at(m, op);
    const quire_bytes domain = quire_sym_bytes(m, r->domain),
                      overload = quire_sym_bytes(m, r->overload);
    more(detail, "%s%s%s%s%s", show(domain).text, domain.len > 0 ? "." : "",
         show(quire_sym_bytes(m, r->type)).text, overload.len > 0 ? ":" : "", show(overload).text);
}

void
quire_detail_tensor(quire_detail *detail, const quire_model *m, quire_tensor t)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    const char *name = quire_dtype_describe(r->dtype)->onnx;
    if (r->form == QUIRE_FORM_SPARSE) more(detail, "sparse ");
    if (name != NULL) {
        more(detail, "%s", name);
    } else {
        more(detail, "type %d", r->dtype);
    }
    for (uint32_t i = 0; i < r->rank && i < MAX_INTS_SHOWN; i++) {
        more(detail, "%c%lld", i == 0 ? '[' : ',', (long long)r->dims[i]);
    }
    if (r->rank > 0) more(detail, r->rank > MAX_INTS_SHOWN ? ",...]" : "]");
}

/* ---- tensors and value infos */

static const char *
form_text(const quire_tensor_rec *r)
{
    static const char *const texts[] = {"raw", "typed", "external", "sparse"}; /* by form */
    return texts[r->form];
}

quire_status
quire_detail_tensors(const quire_two *t, quire_tensor a, quire_tensor b, quire_detail *detail)
{
    const quire_tensor_rec *x = quire_tensor_at(t->a, a), *y = quire_tensor_at(t->b, b);
    const uint64_t told = BIT(1) | BIT(2) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) |
                          BIT(10) | BIT(11) | BIT(13) |
                          BIT(14); /* of TensorProto: not doc_string, metadata, segment */
    uint64_t fields = 0;
    bool equal;
    if (x->dtype != y->dtype || !quire_content_same_dims(t, a, b)) {
        quire_detail_put(detail, "%s", "");
        quire_detail_tensor(detail, t->a, a);
        more(detail, " -> ");
        quire_detail_tensor(detail, t->b, b);
    } else {
        QUIRE_TRY(quire_content_values(t, a, b, &equal));
        if (!equal) quire_detail_put(detail, "values");
    }
    if (x->form != y->form) {
        quire_detail_put(detail, "stored %s -> %s", form_text(x), form_text(y));
    }
    if (x->form == QUIRE_FORM_SPARSE || y->form == QUIRE_FORM_SPARSE) return QUIRE_OK;
    QUIRE_TRY(quire_content_fields(t, x->src, y->src, told, &fields));
    quire_detail_fields(detail, &onnx__tensor_proto__descriptor, fields);
    return QUIRE_OK;
}

/* The type of a value info as text; empty if the syntax has no words for it. */
static quire_status
put_type(quire_ctx *ctx, const quire_model *m, quire_bytes info, quire_text *text)
{
    quire_writer w;
    quire_bytes type;
    quire_writer_to_text(&w, ctx, text);
    const bool there = quire_message_find(m, info, INFO_TYPE, &type);
    const bool readable = !there || quire_print_type(&w, m, type);
    QUIRE_TRY(quire_writer_finish(&w));
    if (!there || !readable) text->len = 0;
    return QUIRE_OK;
}

static quire_status
put_types(const quire_two *t, quire_bytes a, quire_bytes b, quire_text *x, quire_text *y,
          quire_detail *detail)
{
    QUIRE_TRY(put_type(t->ctx, t->a, a, x));
    QUIRE_TRY(put_type(t->ctx, t->b, b, y));
    const quire_bytes before = {(const uint8_t *)x->ptr, x->len},
                      after = {(const uint8_t *)y->ptr, y->len};
    if (quire_bytes_equal(before, after)) {
        quire_detail_put(detail, "type");
    } else {
        quire_detail_put(detail, "type %s -> %s", before.len > 0 ? show(before).text : "?",
                         after.len > 0 ? show(after).text : "?");
    }
    return QUIRE_OK;
}

quire_status
quire_detail_info(const quire_two *t, quire_bytes a, quire_bytes b, quire_detail *detail)
{
    uint64_t fields;
    if (quire_bytes_equal(a, b)) return QUIRE_OK;
    QUIRE_TRY(quire_content_fields(t, a, b, BIT(INFO_NAME), &fields));
    if ((fields & BIT(INFO_TYPE)) != 0) {
        quire_text x = {0}, y = {0};
        const quire_status status = put_types(t, a, b, &x, &y, detail);
        quire_text_free(t->ctx, &x);
        quire_text_free(t->ctx, &y);
        QUIRE_TRY(status);
    }
    quire_detail_fields(detail, &onnx__value_info_proto__descriptor, fields & ~BIT(INFO_TYPE));
    return QUIRE_OK;
}

/* ---- attributes */

quire_attr
quire_detail_find_attr(const quire_two *t, quire_sym name, quire_node in, uint32_t hint)
{
    const quire_node_rec *r = quire_node_at(t->b, in);
    const quire_bytes wanted = quire_sym_bytes(t->a, name);
    for (uint32_t i = 0; i < r->n_attr && i < MAX_ATTRIBUTES; i++) {
        const quire_attr a = {r->attr.id + (hint + i) % r->n_attr};
        if (quire_bytes_equal(quire_sym_bytes(t->b, quire_attr_at(t->b, a)->name), wanted))
            return a;
    }
    return (quire_attr){0};
}

static quire_status
equal_attributes(const quire_two *t, quire_attr a, quire_attr b, bool *out_equal)
{
    const quire_attr_rec *x = quire_attr_at(t->a, a), *y = quire_attr_at(t->b, b);
    const uint64_t told = BIT(ATTR_T) | BIT(ATTR_G) | BIT(ATTR_TENSORS) | BIT(ATTR_GRAPHS) |
                          BIT(ATTR_SPARSE_TENSOR) | BIT(ATTR_SPARSE_TENSORS);
    uint64_t fields = 0;
    QUIRE_TRY(quire_content_fields(t, x->src, y->src, told, &fields));
    *out_equal = fields == 0 && x->n_graphs == y->n_graphs && x->n_tensors == y->n_tensors;
    for (uint32_t i = 0; i < x->n_tensors && *out_equal; i++) {
        QUIRE_TRY(quire_content_tensors(t, x->tensors[i], y->tensors[i], out_equal));
    }
    return QUIRE_OK;
}

static void
put_ints(quire_detail *detail, const quire_model *m, quire_attr a)
{
    int64_t values[MAX_INTS_SHOWN];
    const size_t n = quire_attr_ints(m, a, values, MAX_INTS_SHOWN);
    more(detail, "[");
    for (size_t i = 0; i < n && i < MAX_INTS_SHOWN; i++) {
        more(detail, "%s%lld", i > 0 ? "," : "", (long long)values[i]);
    }
    more(detail, n > MAX_INTS_SHOWN ? ",...]" : "]");
}

static void
put_value(quire_detail *detail, const quire_model *m, quire_attr a)
{
    const quire_attr_rec *r = quire_attr_at(m, a);
    if (r->ref_name.id != 0) {
        more(detail, "@%s", show(quire_sym_bytes(m, r->ref_name)).text);
        return;
    }
    switch (r->type) {
    case TYPE_INT: more(detail, "%lld", (long long)r->u.i); break;
    case TYPE_FLOAT: more(detail, "%.9g", (double)r->u.f); break;
    case TYPE_STRING: more(detail, "\"%s\"", show(quire_attr_string(m, a)).text); break;
    case TYPE_INTS: put_ints(detail, m, a); break;
    case TYPE_TENSOR:
        if (r->n_tensors > 0) quire_detail_tensor(detail, m, r->tensors[0]);
        break;
    default: more(detail, "..."); break;
    }
}

static quire_status
compare_attribute(const quire_two *t, quire_attr a, quire_attr b, quire_detail *detail)
{
    bool equal;
    QUIRE_TRY(equal_attributes(t, a, b, &equal));
    if (equal) return QUIRE_OK;
    quire_detail_put(detail, "attribute %s ",
                     show(quire_sym_bytes(t->a, quire_attr_at(t->a, a)->name)).text);
    put_value(detail, t->a, a);
    more(detail, " -> ");
    put_value(detail, t->b, b);
    return QUIRE_OK;
}

static quire_status
compare_attributes(const quire_two *t, quire_node a, quire_node b, quire_detail *detail)
{
    const quire_node_rec *x = quire_node_at(t->a, a), *y = quire_node_at(t->b, b);
    const quire_two swapped = {t->ctx, t->b, t->a};
    for (uint32_t k = 0; k < x->n_attr; k++) {
        const quire_attr p = {x->attr.id + k};
        const quire_sym name = quire_attr_at(t->a, p)->name;
        const quire_attr q = quire_detail_find_attr(t, name, b, k);
        if (q.id != 0) {
            QUIRE_TRY(compare_attribute(t, p, q, detail));
        } else {
            quire_detail_put(detail, "attribute %s removed",
                             show(quire_sym_bytes(t->a, name)).text);
        }
    }
    for (uint32_t k = 0; k < y->n_attr; k++) {
        const quire_sym name = quire_attr_at(t->b, (quire_attr){y->attr.id + k})->name;
        if (quire_detail_find_attr(&swapped, name, a, k).id != 0) continue;
        quire_detail_put(detail, "attribute %s added", show(quire_sym_bytes(t->b, name)).text);
    }
    return QUIRE_OK;
}

/* ---- nodes */

static bool
same_op(const quire_two *t, quire_op a, quire_op b)
{
    const quire_op_rec *x = quire_op_at(t->a, a), *y = quire_op_at(t->b, b);
    return quire_bytes_equal(quire_sym_bytes(t->a, x->type), quire_sym_bytes(t->b, y->type)) &&
           quire_bytes_equal(quire_sym_bytes(t->a, x->domain), quire_sym_bytes(t->b, y->domain)) &&
           quire_bytes_equal(quire_sym_bytes(t->a, x->overload),
                             quire_sym_bytes(t->b, y->overload));
}

static quire_bytes
operand_name(const quire_model *m, quire_node n, uint32_t k, bool result)
{
    return quire_value_name(m, result ? quire_node_result(m, n, k) : quire_node_input(m, n, k));
}

/* Operands or results that are called otherwise. */
static void
compare_operands(const quire_two *t, quire_node a, quire_node b, bool result, quire_detail *detail)
{
    const quire_node_rec *x = quire_node_at(t->a, a), *y = quire_node_at(t->b, b);
    const uint32_t n = result ? x->n_out : x->n_in, m = result ? y->n_out : y->n_in;
    const char *what = result ? "output" : "input";
    int shown_so_far = 0;
    if (n != m) quire_detail_put(detail, "%ss %u -> %u", what, n, m);
    for (uint32_t k = 0; k < n && k < m; k++) {
        const quire_bytes before = operand_name(t->a, a, k, result),
                          after = operand_name(t->b, b, k, result);
        if (quire_bytes_equal(before, after)) continue;
        if (shown_so_far++ == MAX_OPERANDS_SHOWN) {
            quire_detail_put(detail, "...");
            break;
        }
        char label[32];
        snprintf(label, sizeof label, "%s %u", what, k);
        quire_detail_texts(detail, label, before, after);
    }
}

/* Equal bytes say it all, unless some of the node is elsewhere: in data files, or in bodies that
 * are compared by themselves. */
static bool
is_self_contained(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){r->attr.id + k});
        if (a->n_graphs > 0) return false;
        for (uint32_t i = 0; i < a->n_tensors; i++) {
            const uint32_t form = quire_tensor_at(m, a->tensors[i])->form;
            if (form == QUIRE_FORM_EXTERNAL || form == QUIRE_FORM_SPARSE) return false;
        }
    }
    return true;
}

quire_status
quire_detail_nodes(const quire_two *t, quire_node a, quire_node b, quire_detail *detail)
{
    const quire_node_rec *x = quire_node_at(t->a, a), *y = quire_node_at(t->b, b);
    const uint64_t told = BIT(NODE_INPUT) | BIT(NODE_OUTPUT) | BIT(NODE_NAME) | BIT(NODE_OP_TYPE) |
                          BIT(NODE_ATTRIBUTE) | BIT(NODE_DOMAIN) | BIT(NODE_OVERLOAD);
    uint64_t fields = 0;
    if (is_self_contained(t->a, a)) {
        bool equal;
        QUIRE_TRY(quire_content_equal(t, x->src, y->src, &equal));
        if (equal) return QUIRE_OK;
    }
    if (!same_op(t, x->op, y->op)) {
        quire_detail_put(detail, "op ");
        quire_detail_op(detail, t->a, x->op);
        more(detail, " -> ");
        quire_detail_op(detail, t->b, y->op);
    }
    const quire_bytes before = quire_sym_bytes(t->a, x->name),
                      after = quire_sym_bytes(t->b, y->name);
    if (!quire_bytes_equal(before, after)) quire_detail_texts(detail, "name", before, after);
    compare_operands(t, a, b, false, detail);
    compare_operands(t, a, b, true, detail);
    QUIRE_TRY(compare_attributes(t, a, b, detail));
    QUIRE_TRY(quire_content_fields(t, x->src, y->src, told, &fields));
    quire_detail_fields(detail, &onnx__node_proto__descriptor, fields);
    return QUIRE_OK;
}

/* ---- the diff */

quire_status
quire_diff_add(quire_ctx *ctx, quire_diff *diff, quire_change change, const char *kind,
               quire_bytes path, quire_bytes name, const quire_detail *detail)
{
    quire_difference item = {.change = change, .kind = kind};
    char text[QUIRE_DETAIL_ROOM];
    QUIRE_TRY(quire_arena_format(ctx, &diff->arena, &item.name, "%.*s%.*s", (int)path.len,
                                 (const char *)path.ptr, (int)name.len, (const char *)name.ptr));
    /* A cut may have split a character. */
    quire_escape(text, sizeof text, (const uint8_t *)detail->text, detail->n);
    QUIRE_TRY(quire_arena_copy(ctx, &diff->arena, quire_bytes_of(text), &item.detail));
    QUIRE_TRY(
        quire_grow(ctx, &diff->items, &diff->items_room, diff->n_items + 1, sizeof *diff->items));
    diff->items[diff->n_items++] = item;
    diff->counts[change]++;
    return QUIRE_OK;
}

static const char *const changes[] = {"removed", "added", "changed"}; /* by quire_change */

void
quire_diff_print(const quire_diff *diff, quire_writer *w)
{
    char name[1024];
    for (size_t i = 0; i < diff->n_items; i++) {
        const quire_difference *d = &diff->items[i];
        quire_escape(name, sizeof name, d->name.ptr, d->name.len);
        quire_writef(w, "%-8s %-12s %s", changes[d->change], d->kind, name);
        if (d->detail.len > 0)
            quire_writef(w, "%s%s", name[0] != 0 ? "  " : "", (const char *)d->detail.ptr);
        quire_write_str(w, "\n");
    }
    quire_writef(w, "%zu removed, %zu added, %zu changed\n", diff->counts[QUIRE_CHANGE_REMOVED],
                 diff->counts[QUIRE_CHANGE_ADDED], diff->counts[QUIRE_CHANGE_CHANGED]);
}

void
quire_diff_print_json(const quire_diff *diff, quire_writer *w)
{
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    for (size_t i = 0; i < 3; i++) {
        quire_json_key(&j, changes[i]);
        quire_json_u64(&j, diff->counts[i]);
    }
    quire_json_key(&j, "differences");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < diff->n_items; i++) {
        const quire_difference *d = &diff->items[i];
        quire_json_begin(&j, '{');
        quire_json_key(&j, "change");
        quire_json_text(&j, changes[d->change]);
        quire_json_key(&j, "kind");
        quire_json_text(&j, d->kind);
        quire_json_key(&j, "name");
        quire_json_string(&j, d->name);
        quire_json_key(&j, "detail");
        quire_json_string(&j, d->detail);
        quire_json_end(&j, '}');
    }
    quire_json_end(&j, ']');
    quire_json_end(&j, '}');
}
