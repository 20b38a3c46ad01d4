/* quire.c - the program: finds the verb, runs it, turns its status into an exit code. */
#include "cli.h"
#include "options.h"

typedef quire_status (*verb_fn)(cli *c, int argc, char **argv);

static const struct {
    const char *name;
    verb_fn run;
    const char *arguments, *summary;
} verbs[] = {
#define X(name, arguments, summary) {#name, cmd_##name, arguments, summary},
#include "verbs.inc"
#undef X
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static verb_fn
find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0) return verbs[i].run;
    }
    return NULL;
}

quire_status
cmd_version(cli *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    quire_writef(&c->out, "quire %s\n", quire_version());
    return QUIRE_OK;
}

quire_status
cmd_help(cli *c, int argc, char **argv)
{
    if (argc > 1 && find_verb(argv[1]) != NULL && strcmp(argv[1], "help") != 0) {
        char flag[] = "--help";
        char *args[] = {argv[1], flag, NULL};
        const quire_status status = find_verb(argv[1])(c, 2, args);
        return status == QUIRE_NONE ? QUIRE_OK : status;
    }
    if (argc > 1) return cli_usage(c, "no verb is called \"%s\"; quire help lists them", argv[1]);
    quire_writef(&c->out, "quire %s: annotate, quantize and lower ONNX graphs\n\n",
                 quire_version());
    for (size_t i = 0; i < N_VERBS; i++)
        quire_writef(&c->out, "  quire %-9s %-26s %s\n", verbs[i].name, verbs[i].arguments,
                     verbs[i].summary);
    quire_write_str(&c->out, "\nExit codes: 0 yes, 1 the answer is no, 2 usage, 3 input, 4 "
                             "environment, 70 a bug of ours.\n");
    return QUIRE_OK;
}

static quire_status
run(cli *c, int argc, char **argv)
{
    if (argc < 2) return cli_usage(c, "a verb is missing; quire help lists them");
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    const verb_fn verb = find_verb(name);
    if (verb == NULL) return cli_usage(c, "no verb is called \"%s\"; quire help lists them", name);
    return verb(c, argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
    static cli c; /* one program, one of these; too large for comfort on the stack */
    cli_init(&c);
    const quire_status status = run(&c, argc, argv);
    return cli_finish(&c, status);
}
