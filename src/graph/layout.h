/* layout.h - where every byte of a model file is, and the receipt that compares two files.
 *
 * A layout tiles a model and its data files with named pieces. The receipt matches the pieces of two layouts and gives each a verdict:
 * kept, removed, rewritten, added, framing. Sums equal both sizes by construction, and kept pieces are compared byte for byte (or
 * come from the same place, where a rope says so).
 */
#ifndef QUIRE_GRAPH_LAYOUT_H
#define QUIRE_GRAPH_LAYOUT_H

#include "base/rope.h"
#include "base/source.h"
#include "base/writer.h"
#include "graph/model.h"

/* One side of a comparison: the model's bytes and its data files. */
typedef struct quire_layout_file {
    quire_source source; /* borrowed: a file, or a rope seen as a source    */
    const char *name;    /* relative to the model's folder, for the pieces  */
} quire_layout_file;

typedef struct quire_layout_side {
    quire_layout_file *files; /* [0] the model, then the data files, in order of first mention */
    size_t n_files;
} quire_layout_side;

typedef enum quire_verdict {
    QUIRE_KEPT,
    QUIRE_REMOVED,
    QUIRE_REWRITTEN,
    QUIRE_ADDED,
    QUIRE_FRAMING,
    QUIRE_N_VERDICTS
} quire_verdict;

typedef struct quire_receipt_range {
    uint32_t file; /* index into the side's files + 1; 0: null */
    uint64_t offset, length;
} quire_receipt_range;

typedef struct quire_receipt_piece {
    uint32_t verdict; /* quire_verdict */
    const char *
        kind; /* model graph node attribute initializer payload value_info input output metadata opset_import function gap other */
    quire_bytes name; /* path and name, in the receipt's arena; may be empty */
    quire_receipt_range in, out;
} quire_receipt_piece;

typedef struct quire_receipt {
    quire_arena arena;
    quire_receipt_piece *
        pieces; /* ordered by output file and offset, removed pieces where they stood relative to the input order */
    size_t n_pieces, pieces_room;
    uint64_t input_bytes, output_bytes, kept, removed, added;
    uint64_t rewritten_in, rewritten_out, framing_in, framing_out;
} quire_receipt;

/* Compares. Both sides must have passed quire_wire_check. Linear in the pieces. Reports QUIRE_E_IO, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_receipt_make(quire_ctx *ctx, const quire_layout_side *in,
                                               const quire_layout_side *out,
                                               quire_receipt *receipt);
void quire_receipt_deinit(quire_ctx *ctx, quire_receipt *receipt);

#endif
