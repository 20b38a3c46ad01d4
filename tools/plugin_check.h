/* plugin_check.h - the conformance kit of `quire plugin check`: what its tests share.
 *
 * Each test runs in a process of its own, which loads the plugin anew; so the kit may keep what it
 * likes, and a crash is a verdict. The parent never loads it.
 */
#ifndef QUIRE_TOOLS_PLUGIN_CHECK_H
#define QUIRE_TOOLS_PLUGIN_CHECK_H

#include <pthread.h>

#include "base/writer.h"
#include "graph/claim.h"
#include "graph/model.h"
#include "plugin/registry.h"

typedef enum kit_verdict { KIT_PASS, KIT_SKIP, KIT_WARN, KIT_FAIL } kit_verdict;

enum { KIT_REASON_ROOM = 600, KIT_MAX_QUANTIZERS = 256 };

/* A context, and the first error that was told through it. One per thread. */
typedef struct kit_voice {
    quire_ctx ctx; /* quiet */
    char error[KIT_REASON_ROOM];
} kit_voice;

typedef struct kit { /* in the process of a test */
    kit_voice voice;
    const char *path;  /* of the plugin; NULL: the built-in one */
    const char *model; /* of --model; NULL: none */
    const char *only;  /* of --quantizer, NAME or NAME:OPTIONS; NULL: all, with their defaults */
    const quire_plugin *plugin;
    const quire_plugin *(*entry)(uint32_t host_major, uint32_t host_minor);
    double scan_seconds, scan_cpu_seconds; /* that loading it and looking at it took */
    quire_registry registry;               /* with the plugin, once kit_register succeeded */
    size_t n_tested; /* cases a test went through; a test that skips some and not all passes */
    kit_verdict verdict;
    char reason[KIT_REASON_ROOM];
} kit;

typedef struct kit_test {
    const char *name, *sentence;
    void (*run)(kit *k);
} kit_test;

extern const kit_test kit_tests[];
extern const size_t kit_n_tests;

#define X(function, name, sentence) void kit_test_##function(kit *k);
#include "plugin_check_tests.inc"
#undef X

/* The worst verdict stays, with its first reason. */
void kit_say(kit *k, kit_verdict verdict, const char *format, ...) QUIRE_PRINTF(3, 4);
void kit_voice_init(kit_voice *voice);

/* --- plugin_check_run.c: processes --------------------------------------------------------------- */

typedef struct kit_outcome {
    kit_verdict verdict;
    char reason[KIT_REASON_ROOM];
} kit_outcome;

typedef struct kit_limits {
    uint32_t seconds, mib;
} kit_limits;

/* Loads the plugin in a process of its own and runs `test` there (NULL: loads it only: KIT_FAIL if
 * that cannot be). *k is as it was afterwards. Reports QUIRE_E_IO, QUIRE_E_CANCELED. */
QUIRE_MUST_USE quire_status kit_run(quire_ctx *ctx, const kit *k, const kit_test *test,
                                    const kit_limits *limits, kit_outcome *out);

/* --- plugin_check_entry.c: loading --------------------------------------------------------------- */

/* False with a reason: it is no plugin that can be asked anything. */
bool kit_load(kit *k);
/* The registry with the built-in quantizers and this plugin, checked. False, with the verdict
 * KIT_SKIP: the descriptor is not sound, which has a test of its own. */
bool kit_register(kit *k);
/* The plugin's quantizer number i that is to be tested, or NULL behind the last. */
const quire_known_quantizer *kit_quantizer(kit *k, size_t i);

/* --- plugin_check_probe.c: a quantizer between the host and the plugin's ------------------------- */

typedef struct kit_probe {
    kit *k;
    const quire_known_quantizer *known; /* the plugin's */
    const void *options;
    /* What is done to it. */
    long fail_alloc;  /* this allocation, counted from 0, is NULL; -1: none */
    long refuse_call; /* this call of a function of the tables, and all later ones; -1: none */
    bool is_old;      /* the host has no services */
    void (*look)(struct kit_probe *p, const quire_model *m, const quire_claims *claims);
    /* What was seen. */
    long n_allocs, n_calls, n_blocks;
    bool has_failed, was_refused;
    bool host_told;                /* a function of the host failed: the host says so itself */
    const char *refused;           /* the function */
    const char *callback;          /* that runs, or ran last */
    unsigned n_errors;             /* it reported in that callback */
    quire_status status;           /* that callback gave */
    bool ran_out_silently;         /* QUIRE_E_NOMEM without a report */
    char breach[KIT_REASON_ROOM];  /* of the rules about memory and refusals; "": none */
    char silence[KIT_REASON_ROOM]; /* of the rules about messages; "": none */
    /* Private. */
    struct kit_probe *link; /* what the request has for options */
    quire_quantizer shim;
    quire_known_quantizer shim_known;
    const quire_host *outer;
    quire_host *host; /* the plugin's, on pages that cannot be written to */
    void *self;
    const quire_graph_api *graph;
    const quire_claim_api *claims;
    const quire_resolved_api *resolved;
    const quire_group_api *groups;
    const quire_edit_api *edits;
    pthread_mutex_t lock;
    long live; /* bytes */
} kit_probe;

/* As the person would get it: options of --quantizer, else defaults (least values where there are
 * none). False, with a verdict, if there are no such options. */
bool kit_probe_init(kit *k, const quire_known_quantizer *known, kit_probe *p);
/* The same with another filled options struct, which must outlive it. */
void kit_probe_init_with(kit *k, const quire_known_quantizer *known, const void *options,
                         kit_probe *p);
/* create and destroy alone. */
quire_status kit_probe_create(kit_probe *p, kit_voice *voice, quire_model *m);
/* A copy that cannot be written to, and behind which nothing can be read. Never freed: the process
 * ends soon. */
void *kit_lock(const void *bytes, size_t n);
/* First words of a reason: `quantizer "x": `. */
const char *kit_name(const kit_probe *p);

/* --- plugin_check_wrap.c: the tables the plugin gets ---------------------------------------------- */

quire_graph_api kit_wrap_graph(kit_probe *p);
quire_claim_api kit_wrap_claims(kit_probe *p);
quire_resolved_api kit_wrap_resolved(kit_probe *p);
quire_group_api kit_wrap_groups(kit_probe *p);
quire_edit_api kit_wrap_edits(kit_probe *p);

/* --- plugin_check_models.c ------------------------------------------------------------------------ */

/* Model number i: built in, then that of --model. QUIRE_NONE: there are no more. */
QUIRE_MUST_USE quire_status kit_model(kit *k, quire_ctx *ctx, size_t i, quire_model **out_model,
                                      const char **out_name);
/* The same graph with its nodes in another order that is allowed, and other ids. Replaces *io_m. */
QUIRE_MUST_USE quire_status kit_shuffle(kit *k, quire_ctx *ctx, quire_model **io_m, uint32_t seed);
/* Its bytes; freed with quire_text_free. */
QUIRE_MUST_USE quire_status kit_bytes(quire_ctx *ctx, const quire_model *m, quire_text *out);

/* --- plugin_check_session.c ----------------------------------------------------------------------- */

/* One quantizer at work on one model; the steps in this order. */
typedef struct kit_work {
    kit_voice *voice;
    kit_probe *p;
    quire_model *m;
    struct quire_session *session;
    quire_text lines; /* what came of it, in an order that does not depend on the graph's */
} kit_work;

/* Creates it. */
quire_status kit_work_begin(kit_work *w, kit_voice *voice, kit_probe *p, quire_model *m);
quire_status kit_work_annotate(kit_work *w); /* to adjust, and fills `lines` */
/* Undoes transforms and destroys it; the lines stay. */
void kit_work_end(kit_work *w);
/* All of them; the status of the first that failed. */
quire_status kit_annotate(kit_voice *voice, kit_probe *p, quire_model *m, quire_text *out_lines);

#endif
