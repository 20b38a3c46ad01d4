/* cmd_bench.c - quire bench copy: reading all of a file once and writing it once, with fsync. Every other time is compared with
 * this one, taken in the same run on the same machine.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/commit.h"
#include "base/source.h"
#include "options.h"

/* Through memory in chunks, as a quantizer must: no help from the kernel's file-to-file copies. */
static quire_status
copy_all(cli *c, const quire_source *source, quire_staged *staged)
{
    static uint8_t chunk[1 << 20];
    for (uint64_t at = 0; at < source->size; at += sizeof chunk) {
        const size_t n =
            source->size - at < sizeof chunk ? (size_t)(source->size - at) : sizeof chunk;
        QUIRE_TRY(quire_source_read(&c->ctx, source, at, chunk, n));
        QUIRE_TRY(quire_staged_write(&c->ctx, staged, chunk, n));
    }
    return quire_staged_sync(&c->ctx, staged);
}

static quire_status
time_copy(cli *c, const quire_source *source, const char *output, bool keep)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(&c->ctx, output, &staged));
    const double start = cli_seconds();
    quire_status status = copy_all(c, source, &staged);
    const double spent = cli_seconds() - start;
    if (status == QUIRE_OK && keep) status = quire_staged_commit(&c->ctx, &staged);
    quire_staged_abandon(&c->ctx, &staged);
    if (status != QUIRE_OK) return status;
    const double megabytes = (double)source->size * 1e-6;
    quire_writef(&c->out, "copy %.1f MB in %.3f s, %.0f MB/s (read, write, fsync)\n", megabytes,
                 spent, spent > 0 ? megabytes / spent : 0);
    return QUIRE_OK;
}

static quire_status
no_options(cli *c, void *state, size_t row, const char *value)
{
    (void)state;
    (void)row;
    (void)value;
    return cli_usage(c, "quire bench takes no options");
}

quire_status
cmd_bench(cli *c, int argc, char **argv)
{
    char **args;
    int n;
    quire_source source;
    const quire_status parsed = options_parse(c, argc, argv, NULL, 0, no_options, NULL, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n < 2 || n > 3 || strcmp(args[0], "copy") != 0)
        return cli_usage(c, "quire bench copy INPUT [OUTPUT]: the one benchmark there is");
    QUIRE_TRY(quire_source_open(&c->ctx, AT_FDCWD, args[1], &source));
    const quire_status status = time_copy(c, &source, n == 3 ? args[2] : args[1], n == 3);
    quire_source_close(&c->ctx, &source);
    return status;
}
