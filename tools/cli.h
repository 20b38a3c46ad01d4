/* cli.h - what every verb of the program shares: the context, diagnostics, standard output.
 *
 * Standard output is the answer and appears only when the verb succeeded: it is collected and written at
 * the end. Standard error is everything else. A failure is one line there.
 */
#ifndef QUIRE_TOOLS_CLI_H
#define QUIRE_TOOLS_CLI_H

#include <stdio.h>

#include "base/base.h"
#include "base/writer.h"
#include "quire/quire.h"

enum { CLI_LINE_ROOM = 1600 };

struct cli_verb;

typedef struct cli {
    quire_ctx ctx;
    quire_text text;  /* collected standard output                          */
    quire_writer out; /* to `text`                                          */
    int verbosity;    /* -1 with -q, 0, 1 with -v                           */
    char first_error[CLI_LINE_ROOM];
    unsigned n_errors;
    bool progress_shown;         /* a progress line stands on the terminal             */
    const char *progress_what;   /* the job that is under way */
    double progress_start;       /* seconds, monotonic; 0 before the first call        */
    const struct cli_verb *verb; /* that runs; its usage is what --help prints        */
} cli;

void cli_init(cli *c);
/* Writes standard output if `status` is OK or NONE, the error line otherwise and where errors made
 * the answer no; returns the exit code. */
int cli_finish(cli *c, quire_status status);

/* Sink for diagnostics; data is the cli. */
void cli_sink(void *data, const quire_diagnostic *diagnostic);
/* A line with percentage on a terminal, once a job has taken more than a second. */
void cli_progress(void *data, const char *what, uint64_t done, uint64_t total);
/* Seconds on a clock that only goes forward. */
double cli_seconds(void);
/* Reports a usage error; returns QUIRE_E_USAGE. */
quire_status cli_usage(cli *c, const char *format, ...) QUIRE_PRINTF(2, 3);

/* A verb, or one of the verbs of a verb ("annotations export"); argv[0] is its name's last word. */
typedef struct cli_verb {
    const char *name;
    quire_status (*run)(cli *c, int argc, char **argv);
    const char *arguments, *summary;
} cli_verb;

/* The one called `name` among n, or NULL. */
const cli_verb *cli_verb_find(const cli_verb *verbs, size_t n, const char *name);
/* One line per verb. */
void cli_verbs_list(quire_writer *w, const cli_verb *verbs, size_t n);

#define X(name, arguments, summary) quire_status cmd_##name(cli *c, int argc, char **argv);
#include "verbs.inc"
#undef X

#endif
