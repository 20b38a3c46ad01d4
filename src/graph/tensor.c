/* tensor.c - see tensor.h. Typed fields are decoded here and nowhere else. */
#include "graph/tensor.h"

#include "base/diag.h"

quire_status
quire_blob_read(quire_ctx *ctx, const quire_model *m, quire_blob blob, uint64_t off, void *buf,
                size_t n)
{
    if (off > blob.len || n > blob.len - off) return quire_bug(ctx, "read beyond a payload");
    if (n == 0) return QUIRE_OK;
    if (blob.file == 0) {
        memcpy(buf, blob.u.ptr + off, n);
        return QUIRE_OK;
    }
    return quire_source_read(ctx, &m->files[blob.file].source, blob.u.off + off, buf, n);
}

quire_status
quire_tensor_reader_init(quire_ctx *ctx, quire_tensor_reader *reader, const quire_model *m,
                         quire_tensor t)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    const quire_dtype_info *info = quire_dtype_describe(r->dtype);
    if (r->form == QUIRE_FORM_SPARSE || info->bits == 0 ||
        (r->form == QUIRE_FORM_TYPED && info->bits == 6)) {
        return quire_fail(ctx, QUIRE_E_UNSUPPORTED, NULL,
                          "the elements of tensor \"%.*s\" cannot be read as numbers",
                          (int)quire_sym_bytes(m, r->name).len,
                          (const char *)quire_sym_bytes(m, r->name).ptr);
    }
    *reader = (quire_tensor_reader){.m = m, .tensor = t, .cursor = quire_cursor_over(m, r->src)};
    return QUIRE_OK;
}

/* Advances to the next packed run of the typed field. False at the end. A value that came unpacked
 * is handed out directly. */
static bool
next_run(quire_tensor_reader *reader, uint64_t *out_single, bool *out_is_single)
{
    const uint32_t number = quire_tensor_at(reader->m, reader->tensor)->typed_field;
    for (quire_field f; quire_cursor_next(&reader->cursor, &f);) {
        if (f.number != number) continue;
        *out_is_single = f.wire != QUIRE_WIRE_LEN;
        *out_single = f.scalar;
        reader->chunk = f.is_bulk ? f.bulk : (quire_blob){.u.ptr = f.body.ptr, .len = f.body.len};
        if (*out_is_single) reader->chunk.len = 0;
        reader->chunk_at = 0;
        reader->window_n = 0;
        return true;
    }
    return false;
}

static quire_status
ends_early(quire_ctx *ctx, const quire_tensor_reader *reader)
{
    const quire_bytes name =
        quire_sym_bytes(reader->m, quire_tensor_at(reader->m, reader->tensor)->name);
    return quire_fail(ctx, QUIRE_E_INVALID, NULL,
                      "tensor \"%.*s\": its data ends before the elements its dims ask for",
                      (int)name.len, (const char *)name.ptr);
}

static quire_status
window_byte(quire_ctx *ctx, quire_tensor_reader *reader, uint8_t *out)
{
    if (reader->chunk_at - reader->window_at >= reader->window_n) {
        const uint64_t left = reader->chunk.len - reader->chunk_at;
        const size_t n = left < sizeof reader->window ? (size_t)left : sizeof reader->window;
        QUIRE_TRY(
            quire_blob_read(ctx, reader->m, reader->chunk, reader->chunk_at, reader->window, n));
        reader->window_at = reader->chunk_at;
        reader->window_n = n;
    }
    *out = reader->window[reader->chunk_at - reader->window_at];
    reader->chunk_at++;
    return QUIRE_OK;
}

/* The next varint of the typed data. */
static quire_status
next_varint(quire_ctx *ctx, quire_tensor_reader *reader, uint64_t *out)
{
    while (reader->chunk_at >= reader->chunk.len) {
        bool single = false;
        if (!next_run(reader, out, &single)) return ends_early(ctx, reader);
        if (single) return QUIRE_OK;
    }
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (reader->chunk_at >= reader->chunk.len) return ends_early(ctx, reader);
        uint8_t byte;
        QUIRE_TRY(window_byte(ctx, reader, &byte));
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    *out = value;
    return QUIRE_OK;
}

static quire_status
read_varints(quire_ctx *ctx, quire_tensor_reader *reader, uint8_t *out, size_t n)
{
    const uint32_t bits =
        quire_dtype_describe(quire_tensor_at(reader->m, reader->tensor)->dtype)->bits;
    const size_t size =
        bits < 8 ? 1 : bits / 8; /* below 8 bits one entry is one byte of packed elements */
    for (size_t i = 0; i + size <= n; i += size) {
        uint64_t value = 0;
        QUIRE_TRY(next_varint(ctx, reader, &value));
        for (size_t k = 0; k < size; k++)
            out[i + k] = (uint8_t)(value >> (8 * k));
    }
    return QUIRE_OK;
}

/* float_data and double_data: fixed width, so the packed bytes are the raw spelling. */
static quire_status
read_fixed(quire_ctx *ctx, quire_tensor_reader *reader, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (reader->chunk_at >= reader->chunk.len) {
            uint64_t value;
            bool single = false;
            if (!next_run(reader, &value, &single)) return ends_early(ctx, reader);
            if (!single) continue;
            const size_t size =
                quire_tensor_at(reader->m, reader->tensor)->typed_field == 4 ? 4 : 8;
            if (n < size) return quire_bug(ctx, "half an element was asked for");
            memcpy(out, &value, size);
            out += size;
            n -= size;
            continue;
        }
        const uint64_t left = reader->chunk.len - reader->chunk_at;
        const size_t part = left < n ? (size_t)left : n;
        QUIRE_TRY(quire_blob_read(ctx, reader->m, reader->chunk, reader->chunk_at, out, part));
        reader->chunk_at += part;
        out += part;
        n -= part;
    }
    return QUIRE_OK;
}

quire_status
quire_tensor_reader_next(quire_ctx *ctx, quire_tensor_reader *reader, void *out, size_t n)
{
    const quire_tensor_rec *r = quire_tensor_at(reader->m, reader->tensor);
    if (r->form != QUIRE_FORM_TYPED) {
        QUIRE_TRY(quire_blob_read(ctx, reader->m, r->data, reader->byte, out, n));
        reader->byte += n;
        return QUIRE_OK;
    }
    const bool fixed = r->typed_field == 4 || r->typed_field == 10;
    return fixed ? read_fixed(ctx, reader, out, n) : read_varints(ctx, reader, out, n);
}

quire_status
quire_tensor_read_all(quire_ctx *ctx, const quire_model *m, quire_tensor t, void *out, size_t n)
{
    quire_tensor_reader reader;
    QUIRE_TRY(quire_tensor_reader_init(ctx, &reader, m, t));
    return quire_tensor_reader_next(ctx, &reader, out, n);
}
