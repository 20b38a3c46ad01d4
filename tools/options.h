/* options.h - command lines from tables: getopt_long does the scanning, a verb's table says what there is. */
#ifndef QUIRE_TOOLS_OPTIONS_H
#define QUIRE_TOOLS_OPTIONS_H

#include "cli.h"
#include "passes/resolve.h"

typedef struct option_row {
    const char *name;     /* long name                          */
    char letter;          /* short name, 0: none                */
    const char *argument; /* what it takes, NULL: nothing       */
    const char *help;
} option_row;

/* Rows that several verbs have. */
#define FORMAT_ROW(help)                                                                           \
    {                                                                                              \
        "format", 0, "text|json", help                                                             \
    }
#define CONFLICT_ROW(help)                                                                         \
    {                                                                                              \
        "conflict", 0, "error|first", help                                                         \
    }

/* Called for each option that is given: `row` is its index in the table. */
typedef quire_status (*option_fn)(cli *c, void *state, size_t row, const char *value);

/* Scans argv. -q, -v and -h/--help are understood by every verb. Positional arguments are moved to the front of *out_args.
 * Reports QUIRE_E_USAGE with the option named; QUIRE_NONE: help was asked for and written, the verb is done. */
QUIRE_MUST_USE quire_status options_parse(cli *c, int argc, char **argv, const option_row *rows,
                                          size_t n_rows, option_fn take, void *state,
                                          char ***out_args, int *out_n_args);
/* A verb's usage text. */
void options_help(quire_writer *w, const cli_verb *verb, const option_row *rows, size_t n_rows);

/* A decimal number from `text`, at most `limit`; reports QUIRE_E_USAGE naming the option. */
QUIRE_MUST_USE quire_status options_number(cli *c, const char *option, const char *text,
                                           uint64_t limit, uint64_t *out);
/* Index of `text` among n words; reports QUIRE_E_USAGE listing them. */
QUIRE_MUST_USE quire_status options_word(cli *c, const char *option, const char *text,
                                         const char *const *words, size_t n, size_t *out);
/* What --format, --conflict and --target name. */
QUIRE_MUST_USE quire_status options_format(cli *c, const char *text, quire_format *out);
QUIRE_MUST_USE quire_status options_conflict(cli *c, const char *text, quire_conflict_rule *out);
QUIRE_MUST_USE quire_status options_target(cli *c, const char *text, quire_target *out);

#endif
