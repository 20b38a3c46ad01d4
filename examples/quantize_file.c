/* quantize_file.c - quantize_file INPUT OUTPUT: the library from outside, in one screen.
 *
 *     cc quantize_file.c $(pkg-config --cflags --libs quire) -o quantize_file
 */
#include <stdio.h>

#include <quire/quire.h>

/* Called for every error, warning and note; a failed call has told exactly one error. */
static void
print_diagnostic(void *data, const quire_diagnostic *d)
{
    static const char *const severities[] = {"note", "warning", "error"};
    (void)data;
    fprintf(stderr, "%s: %s: ", d->file != NULL ? d->file : "quire", severities[d->severity]);
    if (d->path != NULL) fprintf(stderr, "%s: ", d->path);
    fprintf(stderr, "%s\n", d->message);
}

static void
print_report(void *data, const char *text, size_t len)
{
    (void)data;
    fwrite(text, 1, len, stdout);
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "quantize_file INPUT OUTPUT (libquire %s)\n", quire_version());
        return 2;
    }
    quire_quantize_options options = QUIRE_QUANTIZE_OPTIONS_INIT;
    options.input = argv[1];
    options.output = argv[2];
    options.bits = 4;
    options.sink = print_diagnostic;
    options.report = print_report;

    quire_quantize_result result = {.size = sizeof result};
    const quire_status status = quire_quantize_file(&options, &result);
    if (status == QUIRE_OK) {
        printf("%u tables: %llu bytes became %llu\n", (unsigned)result.n_tables,
               (unsigned long long)result.input_bytes, (unsigned long long)result.output_bytes);
    }
    return quire_status_exit_code(status);
}
