/* cmd_bench.c - quire bench copy: reading all of a file once and writing it, or another number of
 * bytes, once, with fsync. Every other time is compared with this one, taken in the same run on the
 * same machine.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/commit.h"
#include "base/diag.h"
#include "base/source.h"
#include "cmd_bench.h"
#include "options.h"

static const option_row rows[] = {
    {"write-bytes", 0, "N", "write N bytes, and not as many as were read"},
};

typedef struct copy {
    bool has_size;
    uint64_t size; /* to write */
} copy;

/* How much of `whole` there is to be when `done` of `all` is done. */
static uint64_t
share(uint64_t whole, uint64_t done, uint64_t all)
{
    return done == all ? whole : (uint64_t)((double)whole * ((double)done / (double)all));
}

/* Makes the output `to` bytes long; what they are does not matter, and so they are the last that
 * were read, again and again. */
static quire_status
write_up_to(cli *c, quire_staged *staged, const uint8_t *chunk, size_t room, uint64_t to)
{
    while (staged->written < to) {
        const uint64_t left = to - staged->written;
        QUIRE_TRY(quire_check_canceled(&c->ctx));
        QUIRE_TRY(quire_staged_write(&c->ctx, staged, chunk, left < room ? (size_t)left : room));
    }
    return QUIRE_OK;
}

/* Through memory in chunks, as a quantizer must: no help from the kernel's file-to-file copies. */
static quire_status
copy_all(cli *c, const quire_source *source, quire_staged *staged, uint64_t size)
{
    static uint8_t chunk[1 << 20];
    for (uint64_t at = 0; at < source->size;) {
        const uint64_t left = source->size - at;
        const size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;
        QUIRE_TRY(quire_source_read(&c->ctx, source, at, chunk, n));
        at += n;
        QUIRE_TRY(write_up_to(c, staged, chunk, sizeof chunk, share(size, at, source->size)));
    }
    QUIRE_TRY(write_up_to(c, staged, chunk, sizeof chunk, size));
    return quire_staged_sync(&c->ctx, staged);
}

static void
print_time(cli *c, uint64_t in, uint64_t out, double spent)
{
    const double read = (double)in * 1e-6, wrote = (double)out * 1e-6;
    const double rate = spent > 0 ? (in == out ? read : read + wrote) / spent : 0;
    if (in == out) {
        quire_writef(&c->out, "copy %.1f MB in %.3f s, %.0f MB/s (read, write, fsync)\n", read,
                     spent, rate);
    } else {
        quire_writef(&c->out, "read %.1f MB, write %.1f MB in %.3f s, %.0f MB/s (with fsync)\n",
                     read, wrote, spent, rate);
    }
}

static quire_status
time_copy(cli *c, const quire_source *source, uint64_t size, const char *output, bool keep)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(&c->ctx, output, &staged));
    const double start = cli_seconds();
    quire_status status = copy_all(c, source, &staged, size);
    const double spent = cli_seconds() - start;
    if (status == QUIRE_OK && keep) status = quire_staged_commit(&c->ctx, &staged);
    quire_staged_abandon(&c->ctx, &staged);
    if (status == QUIRE_OK) print_time(c, source->size, size, spent);
    return status;
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    copy *what = state;
    (void)row;
    what->has_size = true;
    return options_number(c, "write-bytes", value, INT64_MAX, &what->size);
}

static quire_status
cmd_bench_copy(cli *c, int argc, char **argv)
{
    char **args;
    int n;
    quire_source source;
    copy what = {0};
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, &what, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (n < 1 || n > 2) return cli_usage(c, "quire bench copy takes INPUT [OUTPUT]");
    QUIRE_TRY(quire_source_open(&c->ctx, AT_FDCWD, args[0], &source));
    const quire_status status = time_copy(c, &source, what.has_size ? what.size : source.size,
                                          n == 2 ? args[1] : args[0], n == 2);
    quire_source_close(&c->ctx, &source);
    return status;
}

static const cli_verb verbs[] = {
    {"bench copy", cmd_bench_copy, "[--write-bytes N] INPUT [OUTPUT]",
     "time reading and writing the bytes of a file: the floor for everything else"},
    {"bench kernels", cmd_bench_kernels, "[options]",
     "time lookups in tables, beside what this machine's memory does"},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

quire_status
cmd_bench(cli *c, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_verbs_list(&c->out, verbs, N_VERBS);
        return QUIRE_OK;
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(strchr(verbs[i].name, ' ') + 1, word) != 0) continue;
        c->verb = &verbs[i];
        return verbs[i].run(c, argc - 1, argv + 1);
    }
    return cli_usage(c, "quire bench is followed by copy or kernels, not by \"%s\"", word);
}
