/* cmd_plugin_check.c - quire plugin check: the tests of the conformance kit, one verdict each. */
#include "base/diag.h"
#include "base/io.h"
#include "base/json.h"
#include "cmd_plugin.h"
#include "graph/import.h"
#include "options.h"
#include "plugin_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static const option_row rows[] = {
    {"format", 0, "text|json|junit", "of the verdicts (text)"},
    {"only", 0, "TEST", "run this test alone; may be repeated"},
    {"list", 0, NULL, "list the tests; run none"},
    {"model", 0, "FILE", "a model to try the quantizers on, besides those built in"},
    {"quantizer", 0, "NAME[:OPTIONS]", "test this quantizer of the plugin alone, with options"},
    {"timeout", 0, "SECONDS", "the time each test gets (10)"},
};
enum { FORMAT, ONLY, LIST, MODEL, QUANTIZER, TIMEOUT };

enum { MAX_TESTS = 64, MEMORY_MIB = 2048 };
static const char builtin_name[] = "builtin:";

typedef enum output { TEXT, JSON, JUNIT } output;

typedef struct request {
    kit k;
    const char *file;
    output output;
    bool list, is_chosen[MAX_TESTS];
    size_t n_chosen;
    kit_limits limits;
    kit_outcome outcomes[MAX_TESTS];
    size_t n_of[KIT_FAIL + 1]; /* by verdict */
} request;

static const char *const words[] = {"pass", "skip", "warn", "fail"};

/* --- options ---------------------------------------------------------------------------------- */

static quire_status
choose(cli *c, request *r, const char *name)
{
    const char *names[MAX_TESTS];
    size_t i;
    for (i = 0; i < kit_n_tests; i++)
        names[i] = kit_tests[i].name;
    for (i = 0; i < kit_n_tests && strcmp(names[i], name) != 0;)
        i++;
    if (i == kit_n_tests)
        return cli_usage(c, "no test is called \"%s\"; quire plugin check --list shows them", name);
    r->n_chosen += r->is_chosen[i] ? 0 : 1;
    r->is_chosen[i] = true;
    return QUIRE_OK;
}

static quire_status
take(cli *c, void *state, size_t row, const char *value)
{
    static const char *const formats[] = {"text", "json", "junit"};
    request *r = state;
    size_t i = 0;
    uint64_t seconds;
    switch (row) {
    case FORMAT:
        QUIRE_TRY(options_word(c, "format", value, formats, 3, &i));
        r->output = (output)i;
        return QUIRE_OK;
    case ONLY: return choose(c, r, value);
    case LIST: r->list = true; return QUIRE_OK;
    case MODEL: r->k.model = value; return QUIRE_OK;
    case QUANTIZER: r->k.only = value; return QUIRE_OK;
    case TIMEOUT:
        QUIRE_TRY(options_number(c, "timeout", value, 100000, &seconds));
        if (seconds == 0) return cli_usage(c, "--timeout takes a number from 1 to 100000");
        r->limits.seconds = (uint32_t)seconds;
        return QUIRE_OK;
    default: return cli_usage(c, "an option without a meaning");
    }
}

/* --- output ----------------------------------------------------------------------------------- */

static bool
is_run(const request *r, size_t i)
{
    return r->n_chosen == 0 || r->is_chosen[i];
}

static size_t
n_run(const request *r)
{
    return r->n_chosen == 0 ? kit_n_tests : r->n_chosen;
}

static void
write_text(quire_writer *w, const request *r)
{
    for (size_t i = 0; i < kit_n_tests; i++) {
        const kit_outcome *o = &r->outcomes[i];
        if (!is_run(r, i)) continue;
        quire_writef(w, "%s  %s%s%s\n", words[o->verdict], kit_tests[i].name,
                     o->reason[0] != '\0' ? ": " : "", o->reason);
    }
    quire_writef(w, "%zu test%s: %zu pass, %zu warn, %zu skip, %zu fail\n", n_run(r),
                 n_run(r) == 1 ? "" : "s", r->n_of[KIT_PASS], r->n_of[KIT_WARN], r->n_of[KIT_SKIP],
                 r->n_of[KIT_FAIL]);
}

static void
write_json_test(quire_json *j, size_t i, const kit_outcome *o)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "name");
    quire_json_text(j, kit_tests[i].name);
    quire_json_key(j, "verdict");
    quire_json_text(j, words[o->verdict]);
    quire_json_key(j, "reason");
    if (o->reason[0] != '\0')
        quire_json_text(j, o->reason);
    else
        quire_json_null(j);
    quire_json_end(j, '}');
}

static void
write_json(quire_writer *w, const request *r)
{
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "file");
    quire_json_text(&j, r->file);
    quire_json_key(&j, "tests");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < kit_n_tests; i++) {
        if (is_run(r, i)) write_json_test(&j, i, &r->outcomes[i]);
    }
    quire_json_end(&j, ']');
    for (size_t verdict = 0; verdict <= KIT_FAIL; verdict++) {
        quire_json_key(&j, words[verdict]);
        quire_json_u64(&j, r->n_of[verdict]);
    }
    quire_json_end(&j, '}');
}

static void
write_xml(quire_writer *w, const char *text)
{
    char line[2 * KIT_REASON_ROOM];
    quire_escape(line, sizeof line, (const uint8_t *)text, strlen(text));
    for (const char *at = line; *at != '\0'; at++) {
        switch (*at) {
        case '&': quire_write_str(w, "&amp;"); break;
        case '<': quire_write_str(w, "&lt;"); break;
        case '>': quire_write_str(w, "&gt;"); break;
        case '"': quire_write_str(w, "&quot;"); break;
        default: quire_write(w, at, 1);
        }
    }
}

static void
write_junit_test(quire_writer *w, const request *r, size_t i)
{
    const kit_outcome *o = &r->outcomes[i];
    quire_writef(w, "  <testcase name=\"%s\" classname=\"", kit_tests[i].name);
    write_xml(w, r->file);
    if (o->verdict == KIT_PASS) {
        quire_write_str(w, "\"/>\n");
        return;
    }
    quire_write_str(w, "\">\n    ");
    quire_write_str(w, o->verdict == KIT_FAIL   ? "<failure message=\""
                       : o->verdict == KIT_SKIP ? "<skipped message=\""
                                                : "<system-out>warning: ");
    write_xml(w, o->reason);
    quire_write_str(w, o->verdict == KIT_WARN ? "</system-out>\n" : "\"/>\n");
    quire_write_str(w, "  </testcase>\n");
}

static void
write_junit(quire_writer *w, const request *r)
{
    quire_write_str(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"quire plugin "
                       "check\" ");
    quire_writef(w, "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n", n_run(r),
                 r->n_of[KIT_FAIL], r->n_of[KIT_SKIP]);
    for (size_t i = 0; i < kit_n_tests; i++) {
        if (is_run(r, i)) write_junit_test(w, r, i);
    }
    quire_write_str(w, "</testsuite>\n");
}

static void
list_tests(quire_writer *w)
{
    for (size_t i = 0; i < kit_n_tests; i++)
        quire_writef(w, "%s\n    %s\n", kit_tests[i].name, kit_tests[i].sentence);
}

/* --- the work --------------------------------------------------------------------------------- */

static quire_status
check_file(cli *c, const char *path)
{
    struct stat info;
    if (c->ctx.io->stat(c->ctx.io->data, AT_FDCWD, path, &info, 0) != 0)
        return quire_fail_file(&c->ctx, QUIRE_E_INVALID, path, "the plugin cannot be read: %s",
                               quire_io_error_text(errno));
    if (!S_ISREG(info.st_mode))
        return quire_fail_file(&c->ctx, QUIRE_E_INVALID, path,
                               "it is no file; a plugin is a shared object");
    return QUIRE_OK;
}

static quire_status
check_model(cli *c, const char *path)
{
    quire_model *m;
    const char *file = c->ctx.file;
    c->ctx.file = path;
    QUIRE_TRY(quire_model_load(&c->ctx, path, &m));
    quire_model_destroy(&c->ctx, m);
    c->ctx.file = file;
    return QUIRE_OK;
}

static void
find_quantizer(kit *k)
{
    (void)kit_register(k);
}

/* --quantizer names one of the plugin's. */
static quire_status
check_quantizer(cli *c, const request *r)
{
    static const kit_test find = {.run = find_quantizer};
    kit_outcome found;
    if (r->k.only == NULL) return QUIRE_OK;
    QUIRE_TRY(kit_run(&c->ctx, &r->k, &find, &r->limits, &found));
    return found.verdict == KIT_FAIL ? cli_usage(c, "%s: %s", r->file, found.reason) : QUIRE_OK;
}

static quire_status
run_tests(cli *c, request *r)
{
    kit_outcome loaded;
    if (r->k.path != NULL) QUIRE_TRY(check_file(c, r->k.path));
    if (r->k.model != NULL) QUIRE_TRY(check_model(c, r->k.model));
    QUIRE_TRY(kit_run(&c->ctx, &r->k, NULL, &r->limits, &loaded));
    if (loaded.verdict == KIT_FAIL)
        return quire_fail_file(&c->ctx, QUIRE_E_INVALID, r->file,
                               "it cannot be loaded as a plugin: %s", loaded.reason);
    QUIRE_TRY(check_quantizer(c, r));
    for (size_t i = 0; i < kit_n_tests; i++) {
        if (!is_run(r, i)) continue;
        QUIRE_TRY(kit_run(&c->ctx, &r->k, &kit_tests[i], &r->limits, &r->outcomes[i]));
        r->n_of[r->outcomes[i].verdict]++;
    }
    return QUIRE_OK;
}

static quire_status
check(cli *c, request *r)
{
    if (strcmp(r->file, builtin_name) != 0) r->k.path = r->file;
    QUIRE_TRY(run_tests(c, r));
    if (r->output == TEXT) write_text(&c->out, r);
    if (r->output == JSON) write_json(&c->out, r);
    if (r->output == JUNIT) write_junit(&c->out, r);
    return r->n_of[KIT_FAIL] > 0 ? QUIRE_NONE : QUIRE_OK;
}

_Static_assert(MAX_TESTS >= 40, "room for the tests of plugin_check_tests.inc");

static quire_status
parse(cli *c, int argc, char **argv, request *r)
{
    char **args;
    int n;
    const quire_status parsed =
        options_parse(c, argc, argv, rows, sizeof rows / sizeof *rows, take, r, &args, &n);
    if (parsed != QUIRE_OK) return parsed == QUIRE_NONE ? QUIRE_OK : parsed;
    if (r->list) {
        if (n != 0) return cli_usage(c, "quire plugin check --list takes no file");
        list_tests(&c->out);
        return QUIRE_OK;
    }
    if (n != 1)
        return cli_usage(c, "quire plugin check takes one plugin; %d argument%s given", n,
                         n == 1 ? " was" : "s were");
    r->file = args[0];
    return check(c, r);
}

quire_status
cmd_plugin_check(cli *c, int argc, char **argv)
{
    enum { SECONDS = 10 };
    request *r = calloc(1, sizeof *r); /* too large for the stack */
    if (r == NULL) return quire_nomem(&c->ctx);
    r->limits = (kit_limits){.seconds = SECONDS, .mib = MEMORY_MIB};
    const quire_status status = parse(c, argc, argv, r);
    free(r);
    return status;
}
