/* fuzz_wire.c - bytes into the wire check, and what relies on it.
 *
 * Promises: whatever is accepted protobuf-c can unpack; its holes lie in the file in order; the
 * receipt of it with itself keeps everything, and with a damaged copy still sums to both sizes.
 * With clang: -fsanitize=fuzzer. Without, smoke.c drives the same function over given files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/layout.h"
#include "graph/wire.h"
#include "onnx.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
require(bool promise)
{
    if (!promise) abort();
}

static void
check_holes(const quire_wire_holes *holes, const quire_wire_stats *stats, size_t n)
{
    uint64_t end = 0, sum = 0;
    for (size_t i = 0; i < holes->n; i++) {
        const quire_hole *h = &holes->ptr[i];
        require(h->len >= QUIRE_BULK && h->off > end && h->len <= n - h->off);
        require(h->at == h->off - sum);
        end = h->off + h->len;
        sum += h->len;
    }
    require(stats->skeleton_size == n - sum);
}

static quire_status
check_wire(quire_ctx *ctx, const quire_source *source)
{
    quire_wire_holes holes = {0};
    quire_wire_stats stats;
    const quire_status status = quire_wire_check(ctx, source, NULL, &stats, &holes);
    if (status == QUIRE_OK) check_holes(&holes, &stats, (size_t)source->size);
    quire_ungrow(ctx->alloc, &holes.ptr, &holes.room, sizeof *holes.ptr);
    return status;
}

static void
check_receipt(quire_ctx *ctx, const quire_source *a, const quire_source *b)
{
    quire_layout_file in = {.source = *a, .name = "a"}, out = {.source = *b, .name = "b"};
    const quire_layout_side x = {&in, 1}, y = {&out, 1};
    quire_receipt r;
    require(quire_receipt_make(ctx, &x, &y, &r) == QUIRE_OK);
    require(r.input_bytes == a->size && r.output_bytes == b->size);
    if (a->memory == b->memory) require(r.kept == a->size);
    quire_receipt_deinit(ctx, &r);
}

/* A copy with one byte changed, if the result is still well-formed. */
static void
check_changed(quire_ctx *ctx, const quire_source *source, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n);
    memcpy(copy, bytes, n);
    copy[bytes[n - 1] * n / 256] ^= bytes[n / 2] | 1;
    const quire_source changed = quire_source_of_memory(copy, n, "changed");
    if (check_wire(ctx, &changed) == QUIRE_OK) check_receipt(ctx, source, &changed);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    quire_ctx ctx = quire_ctx_default();
    const quire_source source = quire_source_of_memory(bytes, n, "fuzz");
    if (check_wire(&ctx, &source) != QUIRE_OK) return 0;
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, bytes);
    require(m != NULL);
    onnx__model_proto__free_unpacked(m, NULL);
    check_receipt(&ctx, &source, &source);
    check_changed(&ctx, &source, bytes, n);
    return 0;
}
