/* options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>

enum { MAX_OPTIONS = 40, FIRST_LONG = 256 };

void
options_help(quire_writer *w, const cli_verb *verb, const option_row *rows, size_t n_rows)
{
    quire_writef(w, "quire %s %s\n%s\n", verb->name, verb->arguments, verb->summary);
    for (size_t i = 0; i < n_rows; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", rows[i].letter != 0 ? "-" : "  ",
                 rows[i].letter != 0 ? rows[i].letter : ' ', rows[i].letter != 0 ? ", " : " ",
                 rows[i].name, rows[i].argument != NULL ? " " : "",
                 rows[i].argument != NULL ? rows[i].argument : "");
        quire_writef(w, "  %-34s %s\n", left, rows[i].help);
    }
    quire_writef(w, "  %-34s %s\n", "-q, -v", "say less, say more");
}

typedef struct scan { /* getopt's tables for one verb */
    struct option longs[MAX_OPTIONS + 2];
    char shorts[2 * MAX_OPTIONS + 8];
    const char *given; /* the word that was looked at last */
} scan;

static void
fill_scan(scan *s, const option_row *rows, size_t n_rows)
{
    size_t n = 0;
    s->shorts[n++] = '+'; /* stop at arguments, and leave argv in its order */
    s->shorts[n++] = ':'; /* a missing argument is told apart from an unknown option */
    s->shorts[n++] = 'q';
    s->shorts[n++] = 'v';
    s->shorts[n++] = 'h';
    for (size_t i = 0; i < n_rows && i < MAX_OPTIONS; i++) {
        const int has = rows[i].argument != NULL ? required_argument : no_argument;
        s->longs[i] = (struct option){rows[i].name, has, NULL, FIRST_LONG + (int)i};
        if (rows[i].letter == 0) continue;
        s->shorts[n++] = rows[i].letter;
        if (has == required_argument) s->shorts[n++] = ':';
    }
    s->longs[n_rows] = (struct option){"help", no_argument, NULL, 'h'};
    s->longs[n_rows + 1] = (struct option){NULL, 0, NULL, 0};
    s->shorts[n] = '\0';
}

static size_t
row_of(int found, const option_row *rows, size_t n_rows)
{
    if (found >= FIRST_LONG) return (size_t)(found - FIRST_LONG);
    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i].letter == found) return i;
    }
    return n_rows;
}

static quire_status
bad_option(cli *c, int found, const char *given)
{
    if (found == ':')
        return cli_usage(c, "%s needs a value; quire help %s lists the options", given,
                         c->verb->name);
    return cli_usage(c, "unknown or ambiguous option %s; quire help %s lists the options", given,
                     c->verb->name);
}

/* What no option is: getopt would read the slot of a graph's output, `->0`, as a cluster. */
static bool
is_argument(const char *word)
{
    return word[0] != '-' || word[1] == '\0' || word[1] == '>';
}

/* The next option; -1 at the end of argv. Arguments before it go to the front of argv, which has
 * been read that far. */
static int
next_option(int argc, char **argv, scan *s, int *io_n_args)
{
    bool only_arguments = false;
    while (optind < argc) {
        if (only_arguments || is_argument(argv[optind])) {
            argv[1 + (*io_n_args)++] = argv[optind++];
            continue;
        }
        s->given = argv[optind];
        const int found = getopt_long(argc, argv, s->shorts, s->longs, NULL);
        if (found != -1) return found;
        only_arguments = true; /* it was "--" */
    }
    return -1;
}

quire_status
options_parse(cli *c, int argc, char **argv, const option_row *rows, size_t n_rows, option_fn take,
              void *state, char ***out_args, int *out_n_args)
{
    scan s;
    fill_scan(&s, rows, n_rows);
    opterr = 0;
    optind = 1;
    *out_args = argv + 1;
    *out_n_args = 0;
    for (int found; (found = next_option(argc, argv, &s, out_n_args)) != -1;) {
        if (found == 'q' || found == 'v') {
            c->verbosity = found == 'q' ? -1 : 1;
            c->ctx.log_level = found == 'v' ? 1 : 0;
        } else if (found == 'h') {
            options_help(&c->out, c->verb, rows, n_rows);
            return QUIRE_NONE;
        } else if (found == '?' || found == ':') {
            return bad_option(c, found, s.given);
        } else {
            QUIRE_TRY(take(c, state, row_of(found, rows, n_rows), optarg));
        }
    }
    return QUIRE_OK;
}

quire_status
options_number(cli *c, const char *option, const char *text, uint64_t limit, uint64_t *out)
{
    uint64_t value = 0;
    bool ok = text[0] != '\0';
    for (const char *p = text; ok && *p != '\0'; p++) {
        ok = *p >= '0' && *p <= '9' && quire_mul_u64(value, 10, &value) &&
             quire_add_u64(value, (uint64_t)(*p - '0'), &value);
    }
    if (!ok || value > limit)
        return cli_usage(c, "--%s is \"%s\"; it takes a whole number up to %llu", option, text,
                         (unsigned long long)limit);
    *out = value;
    return QUIRE_OK;
}

quire_status
options_word(cli *c, const char *option, const char *text, const char *const *words, size_t n,
             size_t *out)
{
    char list[128];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return QUIRE_OK;
        }
        const int more =
            snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", words[i]);
        used += more > 0 && (size_t)more < sizeof list - used ? (size_t)more : 0;
    }
    return cli_usage(c, "--%s is \"%s\"; it takes one of %s", option, text, list);
}

quire_status
options_format(cli *c, const char *text, quire_format *out)
{
    static const char *const words[] = {"text", "json"};
    size_t i = 0;
    QUIRE_TRY(options_word(c, "format", text, words, 2, &i));
    *out = i == 0 ? QUIRE_FORMAT_TEXT : QUIRE_FORMAT_JSON;
    return QUIRE_OK;
}

quire_status
options_conflict(cli *c, const char *text, quire_conflict_rule *out)
{
    static const char *const words[] = {"error", "first"};
    size_t i = 0;
    QUIRE_TRY(options_word(c, "conflict", text, words, 2, &i));
    *out = i == 0 ? QUIRE_CONFLICT_ERROR : QUIRE_CONFLICT_FIRST;
    return QUIRE_OK;
}

quire_status
options_target(cli *c, const char *text, quire_target *out)
{
    static const char *const words[] = {
        [QUIRE_TARGET_ONNX] = "onnx",
        [QUIRE_TARGET_DEQUANTIZED] = "dequantized",
        [QUIRE_TARGET_QUIRE] = "quire",
    };
    size_t i = 0;
    QUIRE_TRY(options_word(c, "target", text, words, sizeof words / sizeof *words, &i));
    *out = (quire_target)i;
    return QUIRE_OK;
}
