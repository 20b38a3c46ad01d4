/* plugin_check_life.c - tests of options, of create and destroy, and of what is said meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "plugin/options.h"
#include "plugin_check.h"

enum { MAX_FAILURES = 300, ROUNDS = 200 };

/* A graph for instances that are only created. */
static quire_model *
any_model(kit *k)
{
    const char *name;
    quire_model *m;
    if (kit_model(k, &k->voice.ctx, 0, &m, &name) == QUIRE_OK) return m;
    kit_say(k, KIT_FAIL, "a model of the kit cannot be read: %s", k->voice.error);
    return NULL;
}

/* False, skipped: it cannot be created with what the kit knows. */
static bool
can_be_created(kit *k, kit_probe *p, quire_model *m)
{
    if (kit_probe_create(p, &k->voice, m) == QUIRE_OK) return true;
    kit_say(k, k->only != NULL ? KIT_FAIL : KIT_SKIP, "quantizer \"%s\" cannot be created: %s",
            kit_name(p), k->voice.error);
    return false;
}

static void
judge_balance(kit *k, const kit_probe *p, const char *when)
{
    if (p->breach[0] != '\0') kit_say(k, KIT_FAIL, "quantizer \"%s\": %s", kit_name(p), p->breach);
    if (p->n_blocks != 0 || p->live != 0)
        kit_say(k, KIT_FAIL, "quantizer \"%s\": %ld bytes in %ld blocks are left %s", kit_name(p),
                p->live, p->n_blocks, when);
}

typedef void (*try_fn)(kit *k, const quire_known_quantizer *known, quire_model *m);

/* For each quantizer that can be created calls `on_all` with each model of the kit, then `once` with
 * one of them; either may be NULL. */
static void
each(kit *k, try_fn on_all, try_fn once)
{
    const char *name;
    kit_probe p;
    quire_model *any, *m;
    if (!kit_register(k)) return;
    if (kit_quantizer(k, 0) == NULL) kit_say(k, KIT_SKIP, "the plugin has no quantizer");
    for (size_t i = 0; kit_quantizer(k, i) != NULL; i++) {
        const quire_known_quantizer *known = kit_quantizer(k, i);
        if ((any = any_model(k)) == NULL) return;
        if (!kit_probe_init(k, known, &p)) continue;
        if (!can_be_created(k, &p, any)) continue;
        k->n_tested++;
        for (size_t at = 0; on_all != NULL; at++) {
            if (kit_model(k, &k->voice.ctx, at, &m, &name) != QUIRE_OK) break;
            on_all(k, known, m);
        }
        if (once != NULL) once(k, known, any);
    }
}

/* --- options ---------------------------------------------------------------------------------- */

typedef struct option_text { /* `NAME=VALUE`, with what else must be given */
    char text[2000];
    size_t n;
} option_text;

static void
add(option_text *t, const char *name, const char *value)
{
    const size_t room = sizeof t->text - t->n;
    const int n = snprintf(t->text + t->n, room, "%s%s=%s", t->n > 0 ? "," : "", name, value);
    if (n > 0 && (size_t)n < room) t->n += (size_t)n;
    t->text[t->n] = '\0';
}

static void
least_value(const quire_option *o, char *out, size_t room)
{
    if (o->type == QUIRE_OPTION_INT)
        snprintf(out, room, "%" PRId64, (int64_t)o->least);
    else if (o->type == QUIRE_OPTION_FLOAT)
        snprintf(out, room, "%.17g", o->least);
    else
        snprintf(out, room, "%s",
                 o->type == QUIRE_OPTION_CHOICE ? o->choices[0]
                 : o->type == QUIRE_OPTION_BOOL ? "true"
                                                : "x");
}

/* Of all but `but`, what must be given. */
static void
add_needed(option_text *t, const quire_quantizer *q, const quire_option *but)
{
    char value[100];
    for (uint32_t i = 0; i < q->n_options; i++) {
        const quire_option *o = quire_option_at(q, i);
        if (o == but || o->otherwise != NULL) continue;
        least_value(o, value, sizeof value);
        add(t, o->name, value);
    }
}

static bool
parses(kit *k, const quire_quantizer *q, const char *text, void **out)
{
    quire_arena *arena = malloc(sizeof *arena); /* as long as the process */
    if (arena == NULL) return false;
    quire_arena_init(arena, k->voice.ctx.alloc);
    k->voice.error[0] = '\0';
    return quire_options_parse(&k->voice.ctx, q, quire_bytes_of(text), arena, out) == QUIRE_OK;
}

static void
try_value(kit *k, const quire_quantizer *q, const quire_option *o, const char *value)
{
    option_text t = {.n = 0};
    void *options;
    add(&t, o->name, value);
    add_needed(&t, q, o);
    if (!parses(k, q, t.text, &options))
        kit_say(k, KIT_FAIL, "quantizer \"%s\": %s is not taken: %s", q->name, t.text,
                k->voice.error);
}

static void
try_option(kit *k, const quire_quantizer *q, const quire_option *o)
{
    char value[100];
    least_value(o, value, sizeof value);
    try_value(k, q, o, value);
    if (o->type == QUIRE_OPTION_BOOL) try_value(k, q, o, "false");
    for (size_t i = 0; o->type == QUIRE_OPTION_CHOICE && o->choices[i] != NULL; i++)
        try_value(k, q, o, o->choices[i]);
    if (o->type == QUIRE_OPTION_FLOAT) {
        snprintf(value, sizeof value, "%.17g", o->most);
        try_value(k, q, o, value);
    }
    if (o->help[0] == '\0')
        kit_say(k, KIT_FAIL, "quantizer \"%s\": option %s has no help text", q->name, o->name);
}

void
kit_test_options_declared(kit *k)
{
    if (!kit_register(k)) return;
    for (size_t i = 0; kit_quantizer(k, i) != NULL; i++) {
        const quire_quantizer *q = kit_quantizer(k, i)->quantizer;
        for (uint32_t row = 0; row < q->n_options; row++)
            try_option(k, q, quire_option_at(q, row));
    }
}

static uint32_t
random_of(uint32_t *io_seed)
{
    *io_seed = *io_seed * 1664525u + 1013904223u;
    return *io_seed >> 8;
}

static void
random_value(const quire_option *o, uint32_t *io_seed, char *out, size_t room)
{
    static const char *const texts[] = {
        "\"\"",       "x",       "*", "\"a,b\"", "\";;=\"", "\"\\\"\\\\\"", "9999999999999999999",
        "\"x=8;y=\"", "\xc3\xa4"};
    const uint32_t r = random_of(io_seed);
    const bool any = o->least == 0 && o->most == 0;
    const double least = any ? -1e6 : o->least, most = any ? 1e6 : o->most;
    const double x = r % 5 == 0   ? least
                     : r % 5 == 1 ? most
                                  : least + (most - least) * (r % 97) / 97;
    size_t n = 0;
    switch (o->type) {
    case QUIRE_OPTION_INT: snprintf(out, room, "%.0f", x); break;
    case QUIRE_OPTION_FLOAT: snprintf(out, room, "%.17g", x); break;
    case QUIRE_OPTION_BOOL: snprintf(out, room, "%s", r % 2 == 0 ? "true" : "false"); break;
    case QUIRE_OPTION_CHOICE:
        while (o->choices[n] != NULL)
            n++;
        snprintf(out, room, "%s", o->choices[r % n]);
        break;
    default: snprintf(out, room, "%s", texts[r % (sizeof texts / sizeof *texts)]);
    }
}

static void
random_options(const quire_quantizer *q, uint32_t *io_seed, option_text *out)
{
    char value[400];
    *out = (option_text){.n = 0};
    for (uint32_t i = 0; i < q->n_options; i++) {
        const quire_option *o = quire_option_at(q, i);
        if (o->otherwise != NULL && random_of(io_seed) % 2 == 0) continue;
        random_value(o, io_seed, value, sizeof value);
        add(out, o->name, value);
    }
}

static void
fuzz(kit *k, const quire_known_quantizer *known, quire_model *m, bool messages_only)
{
    uint32_t seed = 1;
    option_text t;
    void *options;
    for (int round = 0; round < ROUNDS && known->quantizer->n_options > 0; round++) {
        kit_probe p;
        random_options(known->quantizer, &seed, &t);
        if (!parses(k, known->quantizer, t.text, &options)) continue;
        kit_probe_init_with(k, known, options, &p);
        (void)kit_probe_create(&p, &k->voice, m);
        if (!messages_only) judge_balance(k, &p, "after create with other options");
        if (p.silence[0] != '\0')
            kit_say(k, KIT_FAIL, "quantizer \"%s\": %s, with %s", kit_name(&p), p.silence, t.text);
    }
}

static void
fuzz_balance(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    fuzz(k, known, m, false);
}

static void
fuzz_messages(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    fuzz(k, known, m, true);
}

void
kit_test_options_fuzz(kit *k)
{
    each(k, NULL, fuzz_balance);
}

/* --- create and destroy ----------------------------------------------------------------------- */

static void
balance(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    kit_probe p;
    if (!kit_probe_init(k, known, &p)) return;
    (void)kit_annotate(&k->voice, &p, m, NULL);
    judge_balance(k, &p, "after destroy");
}

void
kit_test_create_destroy_balanced(kit *k)
{
    each(k, balance, NULL);
}

static void
two(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    for (int order = 0; order < 2; order++) {
        kit_probe p[2];
        kit_work w[2];
        for (int i = 0; i < 2; i++) {
            if (!kit_probe_init(k, known, &p[i])) return;
            if (kit_work_begin(&w[i], &k->voice, &p[i], m) != QUIRE_OK)
                kit_say(k, KIT_FAIL, "quantizer \"%s\": number %d is not created: %s",
                        kit_name(&p[i]), i + 1, k->voice.error);
        }
        for (int i = 0; i < 2; i++)
            kit_work_end(&w[i ^ order]);
        for (int i = 0; i < 2; i++)
            judge_balance(k, &p[i], "by one of two instances");
    }
}

void
kit_test_create_twice(kit *k)
{
    each(k, NULL, two);
}

static void
old_host(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    kit_probe p;
    if (!kit_probe_init(k, known, &p)) return;
    p.is_old = true;
    if (kit_annotate(&k->voice, &p, m, NULL) == QUIRE_OK) return;
    if (p.silence[0] != '\0' || p.ran_out_silently)
        kit_say(k, KIT_FAIL, "quantizer \"%s\" fails without the services, and says nothing",
                kit_name(&p));
    kit_say(k, KIT_WARN, "quantizer \"%s\" needs services: %s", kit_name(&p), k->voice.error);
}

void
kit_test_old_host_size(kit *k)
{
    each(k, old_host, NULL);
}

static void
fail_creates(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    for (long n = 0; n < MAX_FAILURES; n++) {
        kit_probe p;
        if (!kit_probe_init(k, known, &p)) return;
        p.fail_alloc = n;
        const quire_status status = kit_probe_create(&p, &k->voice, m);
        judge_balance(k, &p, "where memory was out in create");
        if (!p.has_failed) return;
        if (status != QUIRE_OK && p.status != QUIRE_E_NOMEM)
            kit_say(k, KIT_WARN,
                    "quantizer \"%s\": memory was out, and create returned %d; QUIRE_E_NOMEM says "
                    "it",
                    kit_name(&p), (int)p.status);
    }
}

void
kit_test_create_fails_cleanly(kit *k)
{
    each(k, NULL, fail_creates);
}

/* --- what is said ------------------------------------------------------------------------------ */

static void
messages(kit *k, const quire_known_quantizer *known, quire_model *m)
{
    for (long n = -1; n < MAX_FAILURES; n++) {
        kit_probe p;
        if (!kit_probe_init(k, known, &p)) return;
        p.fail_alloc = n;
        (void)kit_annotate(&k->voice, &p, m, NULL);
        if (p.silence[0] != '\0')
            kit_say(k, KIT_FAIL, "quantizer \"%s\": %s", kit_name(&p), p.silence);
        if (p.ran_out_silently)
            kit_say(k, KIT_WARN, "quantizer \"%s\": %s is out of memory and reports nothing",
                    kit_name(&p), p.callback);
        if (n >= 0 && !p.has_failed) break;
    }
}

void
kit_test_error_has_message(kit *k)
{
    each(k, messages, fuzz_messages);
}

void
kit_test_no_stdout(kit *k)
{
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    (void)k->entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    each(k, balance, NULL);
    k->verdict = k->verdict == KIT_SKIP ? KIT_SKIP : KIT_PASS; /* balance has a test of its own */
    if (k->verdict == KIT_PASS) k->reason[0] = '\0';
    fflush(NULL);
    for (int fd = 1; fd <= 2; fd++) {
        const off_t n = lseek(fd, 0, SEEK_END); /* see be_quiet */
        if (n > 0)
            kit_say(k, fd == 1 ? KIT_FAIL : KIT_WARN,
                    "%lld bytes were written to %s; host->report and the service "
                    "quire.host.log/1 are for messages",
                    (long long)n, names[fd]);
    }
}
