/* quire.c - the program: finds the verb, runs it, turns its status into an exit code. */
#include "cli.h"
#include "options.h"

static const cli_verb verbs[] = {
#define X(name, arguments, summary) {#name, cmd_##name, arguments, summary},
#include "verbs.inc"
#undef X
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

static quire_status
run_verb(cli *c, int argc, char **argv)
{
    c->verb = cli_verb_find(verbs, N_VERBS, argv[0]);
    if (c->verb == NULL)
        return cli_usage(c, "no verb is called \"%s\"; quire help lists them", argv[0]);
    return c->verb->run(c, argc, argv);
}

quire_status
cmd_version(cli *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    quire_writef(&c->out, "quire %s\n", quire_version());
    return QUIRE_OK;
}

/* `quire help WORD...` is `quire WORD... --help`. */
static quire_status
help_of(cli *c, int argc, char **argv)
{
    enum { MAX_WORDS = 3 };
    char flag[] = "--help";
    char *args[MAX_WORDS + 2] = {0};
    int n = 0;
    for (; n < argc && n < MAX_WORDS; n++)
        args[n] = argv[n];
    args[n++] = flag;
    const quire_status status = run_verb(c, n, args);
    return status == QUIRE_NONE ? QUIRE_OK : status;
}

quire_status
cmd_help(cli *c, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "help") != 0 && argv[1][0] != '-')
        return help_of(c, argc - 1, argv + 1);
    quire_writef(&c->out, "quire %s: annotate, quantize and lower ONNX graphs\n\n",
                 quire_version());
    cli_verbs_list(&c->out, verbs, N_VERBS);
    quire_write_str(&c->out, "\nExit codes: 0 yes, 1 the answer is no, 2 usage, 3 input, 4 "
                             "environment, 70 a bug of ours.\n");
    return QUIRE_OK;
}

static quire_status
run(cli *c, int argc, char **argv)
{
    char version[] = "version";
    char help[] = "help";
    if (argc < 2) return cli_usage(c, "a verb is missing; quire help lists them");
    char **from = argv + 1;
    if (strcmp(*from, "--version") == 0) *from = version;
    if (strcmp(*from, "--help") == 0 || strcmp(*from, "-h") == 0) *from = help;
    return run_verb(c, argc - 1, from);
}

int
main(int argc, char **argv)
{
    static cli c; /* one program, one of these; too large for comfort on the stack */
    cli_init(&c);
    const quire_status status = run(&c, argc, argv);
    return cli_finish(&c, status);
}
