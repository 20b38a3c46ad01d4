/* tensor.h - reading the elements of tensors, wherever and however they are stored.
 *
 * Elements come out as raw_data would spell them: little-endian, packed below 8 bits. Bulk is read in chunks; nothing
 * here ever holds a whole table.
 */
#ifndef QUIRE_GRAPH_TENSOR_H
#define QUIRE_GRAPH_TENSOR_H

#include "graph/model.h"
#include "graph/wire.h"

/* Reads n payload bytes at `off` of the blob. Reports QUIRE_E_IO. */
QUIRE_MUST_USE quire_status quire_blob_read(quire_ctx *ctx, const quire_model *m, quire_blob blob,
                                            uint64_t off, void *buf, size_t n);

/* Sequential reading, front to back; linear also for varint-coded typed data. */
typedef struct quire_tensor_reader {
    const quire_model *m;
    quire_tensor tensor;
    uint64_t byte;       /* next byte of the raw spelling                       */
    quire_cursor cursor; /* typed: over the tensor's message                    */
    quire_blob chunk;    /* typed: the packed field being read                  */
    uint64_t chunk_at;
    uint8_t window[4096]; /* typed varints: bytes [window_at, window_at + n) of the chunk */
    uint64_t window_at;
    size_t window_n;
} quire_tensor_reader;

/* Reports QUIRE_E_UNSUPPORTED for strings, sparse tensors and types of unknown size. */
QUIRE_MUST_USE quire_status quire_tensor_reader_init(quire_ctx *ctx, quire_tensor_reader *reader,
                                                     const quire_model *m, quire_tensor t);
/* The next n bytes of the raw spelling (whole elements). Reports QUIRE_E_IO; QUIRE_E_INVALID when typed data ends early. */
QUIRE_MUST_USE quire_status quire_tensor_reader_next(quire_ctx *ctx, quire_tensor_reader *reader,
                                                     void *out, size_t n);

/* The whole of a small tensor: n bytes must be its raw size. */
QUIRE_MUST_USE quire_status quire_tensor_read_all(quire_ctx *ctx, const quire_model *m,
                                                  quire_tensor t, void *out, size_t n);

#endif
