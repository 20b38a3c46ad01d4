/* selector_list.c - slots as a list: for people in columns, for scripts as JSON. */
#include <inttypes.h>

#include "base/diag.h"
#include "base/json.h"
#include "passes/selector_parts.h"

enum { TEXT_ROOM = 128, MAX_COLUMN = 60 };

static quire_bytes
bytes_of(const quire_text *text)
{
    return (quire_bytes){(const uint8_t *)text->ptr, text->len};
}

/* What a slot of node n stands under: "Gather", "com.microsoft.Gelu". */
static void
write_op(quire_writer *w, const quire_model *m, quire_node n)
{
    const quire_op_rec *op = quire_op_at(m, quire_node_at(m, n)->op);
    const quire_bytes domain = quire_sym_bytes(m, op->domain);
    if (domain.len > 0 && !quire_bytes_equal(domain, quire_bytes_of("ai.onnx"))) {
        quire_write_bytes(w, domain);
        quire_write_str(w, ".");
    }
    quire_write_bytes(w, quire_sym_bytes(m, op->type));
}

static const char *
dtype_text(const quire_model *m, quire_value v)
{
    const quire_dtype_info *info = quire_dtype_describe(quire_value_at(m, v)->elem_type);
    if (info->onnx == NULL) return NULL;
    return info->spec[0] != '\0' ? info->spec : info->onnx;
}

/* --- for people ------------------------------------------------------------------------------- */

static void
write_escaped(quire_writer *w, const quire_text *text)
{
    char shown[TEXT_ROOM];
    quire_escape(shown, sizeof shown, (const uint8_t *)text->ptr, text->len);
    quire_write_str(w, shown);
}

/* The second column: an operator, or in small letters what else the slot belongs to. */
static quire_status
write_kind(quire_writer *w, const quire_model *m, quire_slot slot)
{
    quire_writer inner;
    quire_text text = {0};
    const quire_node n = quire_slot_node(m, slot);
    if (n.id == 0) {
        const bool is_input =
            quire_value_at(m, (quire_value){slot.id})->def_kind == QUIRE_DEF_INPUT;
        quire_write_str(w, slot.kind == QUIRE_SLOT_USE ? "output"
                           : is_input                  ? "input"
                                                       : "initializer");
        return QUIRE_OK;
    }
    quire_writer_to_text(&inner, w->ctx, &text);
    write_op(&inner, m, n);
    const quire_status status = quire_writer_finish(&inner);
    if (status == QUIRE_OK) write_escaped(w, &text);
    quire_text_free(w->ctx, &text);
    return status;
}

/* f32[?,64]; f32[...] without rank; ? without type; omitted. */
static void
write_type(quire_writer *w, const quire_model *m, quire_value v)
{
    int64_t dims[QUIRE_SELECTOR_MAX_RANK];
    const char *dtype = dtype_text(m, v);
    if (v.id == 0) {
        quire_write_str(w, "omitted");
        return;
    }
    const int32_t rank = quire_tensor_shape(m, v, dims);
    quire_write_str(w, dtype != NULL ? dtype : "?");
    if (rank < 0 && dtype == NULL) return;
    quire_write_str(w, "[");
    if (rank < 0 || rank > QUIRE_SELECTOR_MAX_RANK) quire_write_str(w, "...");
    for (int32_t k = 0; k < rank && rank <= QUIRE_SELECTOR_MAX_RANK; k++) {
        if (k > 0) quire_write_str(w, ",");
        if (dims[k] < 0) {
            quire_write_str(w, "?");
        } else {
            quire_writef(w, "%" PRId64, dims[k]);
        }
    }
    quire_write_str(w, "]");
}

typedef struct columns {
    quire_text slot, kind;
} columns;

static quire_status
fill_columns(quire_ctx *ctx, const quire_model *m, quire_slot slot, columns *c)
{
    quire_writer w;
    quire_writer_to_text(&w, ctx, &c->slot);
    quire_slot_print(&w, m, slot);
    QUIRE_TRY(quire_writer_finish(&w));
    quire_writer_to_text(&w, ctx, &c->kind);
    QUIRE_TRY(write_kind(&w, m, slot));
    return quire_writer_finish(&w);
}

static void
free_columns(quire_ctx *ctx, columns *c)
{
    quire_text_free(ctx, &c->slot);
    quire_text_free(ctx, &c->kind);
}

static void
widen(size_t *io_width, size_t len)
{
    if (len > *io_width && len <= MAX_COLUMN) *io_width = len;
}

static void
write_padded(quire_writer *w, const quire_text *text, size_t width)
{
    quire_write_bytes(w, bytes_of(text));
    for (size_t n = text->len; n < width; n++)
        quire_write_str(w, " ");
    quire_write_str(w, "  ");
}

/* `w` NULL: only measures. */
static quire_status
write_line(quire_ctx *ctx, quire_writer *w, const quire_model *m, quire_slot slot, size_t width[2])
{
    columns c = {{0}, {0}};
    if (w != NULL) QUIRE_TRY(w->status); /* told already */
    const quire_status status = fill_columns(ctx, m, slot, &c);
    if (status == QUIRE_OK && w == NULL) {
        widen(&width[0], c.slot.len);
        widen(&width[1], c.kind.len);
    } else if (status == QUIRE_OK) {
        write_padded(w, &c.slot, width[0]);
        write_padded(w, &c.kind, width[1]);
        write_type(w, m, quire_slot_value(m, slot));
        quire_write_str(w, "\n");
    }
    free_columns(ctx, &c);
    return status;
}

static quire_status
write_text(quire_writer *w, const quire_model *m, const quire_slot *slots, size_t n)
{
    size_t width[2] = {0, 0};
    for (size_t i = 0; i < n; i++)
        QUIRE_TRY(write_line(w->ctx, NULL, m, slots[i], width));
    for (size_t i = 0; i < n; i++)
        QUIRE_TRY(write_line(w->ctx, w, m, slots[i], width));
    return QUIRE_OK;
}

/* --- for scripts ------------------------------------------------------------------------------ */

typedef void (*print_fn)(quire_writer *w, const quire_model *m, quire_slot slot);

static quire_status
write_printed(quire_json *j, const quire_model *m, quire_slot slot, const char *key, print_fn print)
{
    quire_writer w;
    quire_text text = {0};
    QUIRE_TRY(j->w->status); /* told already */
    quire_writer_to_text(&w, j->w->ctx, &text);
    print(&w, m, slot);
    const quire_status status = quire_writer_finish(&w);
    quire_json_key(j, key);
    if (status == QUIRE_OK) quire_json_string(j, bytes_of(&text));
    quire_text_free(j->w->ctx, &text);
    return status;
}

static void
print_node(quire_writer *w, const quire_model *m, quire_slot slot)
{
    const quire_node_rec *n = quire_node_at(m, quire_slot_node(m, slot));
    uint32_t k = 0;
    while (k + 1 < n->n_out && quire_value_name(m, (quire_value){n->out.id + k}).len == 0)
        k++;
    quire_slot_print(w, m, (quire_slot){QUIRE_SLOT_RESULT, n->out.id + k});
}

static void
print_op(quire_writer *w, const quire_model *m, quire_slot slot)
{
    write_op(w, m, quire_slot_node(m, slot));
}

static void
write_null(quire_json *j, const char *key)
{
    quire_json_key(j, key);
    quire_json_null(j);
}

static void
write_dims(quire_json *j, const quire_model *m, quire_value v)
{
    int64_t dims[QUIRE_SELECTOR_MAX_RANK];
    const int32_t rank = v.id != 0 ? quire_tensor_shape(m, v, dims) : -1;
    quire_json_key(j, "dims");
    if (rank < 0 || rank > QUIRE_SELECTOR_MAX_RANK) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '[');
    for (int32_t k = 0; k < rank; k++) {
        if (dims[k] < 0) {
            quire_json_null(j);
        } else {
            quire_json_u64(j, (uint64_t)dims[k]);
        }
    }
    quire_json_end(j, ']');
}

static void
write_tensor(quire_json *j, const quire_model *m, quire_value v)
{
    const char *dtype = dtype_text(m, v);
    quire_json_key(j, "tensor");
    if (v.id != 0) {
        quire_json_string(j, quire_value_name(m, v));
    } else {
        quire_json_null(j);
    }
    quire_json_key(j, "dtype");
    if (dtype != NULL) {
        quire_json_text(j, dtype);
    } else {
        quire_json_null(j);
    }
    write_dims(j, m, v);
}

static quire_status
write_slot(quire_json *j, const quire_model *m, quire_slot slot)
{
    quire_json_begin(j, '{');
    QUIRE_TRY(write_printed(j, m, slot, "slot", quire_slot_print));
    if (quire_slot_node(m, slot).id != 0) {
        QUIRE_TRY(write_printed(j, m, slot, "node", print_node));
        QUIRE_TRY(write_printed(j, m, slot, "op", print_op));
    } else {
        write_null(j, "node");
        write_null(j, "op");
    }
    write_tensor(j, m, quire_slot_value(m, slot));
    quire_json_end(j, '}');
    return QUIRE_OK;
}

static quire_status
write_json(quire_writer *w, const quire_selector *selector, const quire_model *m,
           const quire_slot *slots, size_t n)
{
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "selector");
    quire_json_string(&j, quire_selector_text(selector));
    quire_json_key(&j, "slots");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < n; i++)
        QUIRE_TRY(write_slot(&j, m, slots[i]));
    quire_json_end(&j, ']');
    quire_json_end(&j, '}');
    return QUIRE_OK;
}

quire_status
quire_selector_list(quire_writer *w, const quire_selector *selector, const quire_model *m,
                    const quire_slot *slots, size_t n, quire_format format)
{
    return format == QUIRE_FORMAT_JSON ? write_json(w, selector, m, slots, n)
                                       : write_text(w, m, slots, n);
}
