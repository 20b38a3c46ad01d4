/* models.c - real models under failure: models [--shallow N] [--jobs N] [--only NAME] FOLDER...
 *
 * Import, quantize and export, and the other ways of ways.c, run again and again, each time with
 * another allocation or file operation failing: once, or that one and all after it.
 * Whatever fails, the run must say so once, give everything back, and leave the folder of the
 * output as it was; a run that survives must write what it would have written anyhow.
 * A process per model, so that a crash is told like any other failure. --shallow takes N places
 * of each kind, evenly spread and the same every time, in place of all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "fault/ways.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/tree.h"

/* Nested bodies (Loop, Scan, If), functions, external data, half precision, tied tables, old and
 * new opsets, wrappers. */
static const char *const names[] = {
    "query_encoder_ts_op17",     "mlp_ts_op7",
    "bag_sum_unrolled_ts_op10",  "bag_mean_ts_op11",
    "rnn_scan_dynamo_op18",      "router_if_ts_op13",
    "encoder_functions_ts_op15", "news_external_ts_op13",
    "deepfm_fp16_ts_op17",       "deepfm_bf16_dynamo_op18",
    "char_lm_tied_dynamo_op18",  "lm_tied_gemm_ts_op16",
    "cast_table_ts_op16",        "constant_table_ts_op12",
};
enum { N_NAMES = sizeof names / sizeof *names, ENOUGH = 10, MAX_JOBS = 64, SHOWN = 5 };

/* What a child tells its parent; lives in shared memory. */
typedef struct progress {
    char now[160]; /* what is being tried: the last words of a child that crashes */
    size_t n_places, n_runs, n_survived, n_wrong;
    double seconds;
    bool done;
} progress;

typedef struct lab {
    scratch scratch;
    scene scene;
    char folder[128], temp[128];
    const char *model;
    const config *config;
    size_t shallow;     /* 0: every place */
    tree before, after; /* the output's folder: untouched, and after a run without failures */
    progress *progress;
} lab;

/* --- judging ---------------------------------------------------------------------------------- */

typedef struct trial {
    fault_alloc alloc;
    fault_io io;
    fault_log log;
    bool fails_io; /* else the allocator */
} trial;

static const char *const op_names[] = {
#define NAME(op) #op,
    FAULT_OPS(NAME)
#undef NAME
};

static void
wrong(lab *l, const char *what, const trial *t)
{
    if (l->progress->n_wrong++ >= SHOWN) return;
    printf("%s%s%s: %s\n", l->progress->now, t->io.n_failed > 0 ? " in " : "",
           t->io.n_failed > 0 ? op_names[t->io.failed] : "", what);
    printf("    %s %s: %s\n", quire_status_name(t->log.status), t->log.path, t->log.message);
}

static void
wrong_folder(lab *l, const char *what, const trial *t, const tree *is)
{
    wrong(l, what, t);
    for (size_t i = 0; i < is->n && l->progress->n_wrong <= SHOWN; i++)
        printf("    %s, %zu bytes\n", is->files[i].name, is->files[i].n);
}

static bool
fits(const trial *t, quire_status status)
{
    if (!t->fails_io) return status == QUIRE_E_NOMEM;
    return status == QUIRE_E_IO || status == QUIRE_E_INVALID;
}

/* Only a failed unlink may leave what it was to remove. */
static void
judge_folder(lab *l, const trial *t, const tree *is, const tree *should)
{
    const bool lame = t->io.n_failed > 0 && t->io.failed == FAULT_UNLINK;
    if (tree_equal(is, should) || (lame && tree_holds(is, should))) return;
    wrong_folder(l, "a folder is not as it was", t, is);
}

/* Removing the old data files of a replaced output is a courtesy, and what cannot be removed stays:
 * more than there should be is then no fault of ours. */
static void
judge_result(lab *l, const trial *t, const tree *is)
{
    const bool more =
        l->config->over != NULL || (t->io.n_failed > 0 && t->io.failed == FAULT_UNLINK);
    const bool same = more ? tree_holds(is, &l->after) : tree_equal(is, &l->after);
    l->progress->n_survived++;
    if (!same) wrong_folder(l, "it went well, and the output is another one", t, is);
    if (t->log.n_errors != 0) wrong(l, "it went well, and an error was told", t);
}

static void
judge_failure(lab *l, const trial *t, quire_status status, const tree *is)
{
    judge_folder(l, t, is, &l->before);
    if (!fits(t, status)) wrong(l, quire_status_name(status), t);
    if (t->log.n_errors == 0) wrong(l, "no error was told", t);
    if (t->log.n_errors > 1) wrong(l, "more than one error was told", t);
    if (t->log.status != status) wrong(l, "the error told has another status", t);
}

static void
judge(lab *l, const trial *t, quire_status status)
{
    tree is = tree_read(l->folder);
    tree temp = tree_read(l->temp);
    const tree nothing = {0};
    if (!fault_alloc_is_clean(&t->alloc)) wrong(l, "memory leaked, or its size told wrong", t);
    if (!fault_io_is_clean(&t->io)) wrong(l, "a descriptor was left open, or closed twice", t);
    judge_folder(l, t, &temp, &nothing);
    if (status == QUIRE_OK) {
        judge_result(l, t, &is);
    } else {
        judge_failure(l, t, status, &is);
    }
    if (!tree_equal(&is, &l->before)) tree_write(&l->before, l->folder);
    if (temp.n > 0) tree_write(&nothing, l->temp);
    tree_free(&is);
    tree_free(&temp);
}

/* --- campaigns -------------------------------------------------------------------------------- */

static void
try_alloc(lab *l, size_t at, bool sticky)
{
    trial t;
    fault_alloc_init(&t.alloc, at, sticky);
    fault_io_init(&t.io, 0, false, 0);
    t.io.lazy = true;
    t.fails_io = false;
    quire_ctx ctx = fault_ctx(&t.alloc, &t.io, &t.log);
    snprintf(l->progress->now, sizeof l->progress->now, "%s, %s, allocation %zu%s", l->model,
             l->config->name, at, sticky ? " and on" : "");
    judge(l, &t, l->config->run(&ctx, &l->scene, l->config));
}

/* Where everything fails from some point on, removing files still works: a temporary file can be
 * taken away. */
static void
try_io(lab *l, size_t at, bool sticky, int error)
{
    trial t;
    fault_alloc_init(&t.alloc, 0, false);
    fault_io_init(&t.io, at, sticky, error);
    if (sticky) t.io.ops &= ~(1u << FAULT_UNLINK);
    t.io.lazy = true;
    t.fails_io = true;
    quire_ctx ctx = fault_ctx(&t.alloc, &t.io, &t.log);
    snprintf(l->progress->now, sizeof l->progress->now, "%s, %s, file operation %zu%s: %s",
             l->model, l->config->name, at, sticky ? " and on" : "", quire_io_error_text(error));
    judge(l, &t, l->config->run(&ctx, &l->scene, l->config));
}

/* The k-th of n places when only `shallow` are taken: one in each of as many equal stretches. */
static size_t
place(const lab *l, size_t k, size_t n)
{
    if (l->shallow == 0 || n <= l->shallow) return k + 1;
    const size_t from = k * n / l->shallow;
    const size_t to = (k + 1) * n / l->shallow;
    uint64_t mix = (k + 1) * UINT64_C(0x9e3779b97f4a7c15) + n;
    mix = (mix ^ (mix >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return from + 1 + (size_t)(mix >> 33) % (to - from);
}

static size_t
places(const lab *l, size_t n)
{
    return l->shallow == 0 || n <= l->shallow ? n : l->shallow;
}

static void
fail_everything(lab *l, size_t n_allocations, size_t n_operations)
{
    const int errors[] = {EIO, ENOSPC};
    l->progress->n_places += n_allocations + n_operations;
    for (unsigned sticky = 0; sticky < 2; sticky++) {
        const size_t n = places(l, n_allocations);
        for (size_t k = 0; k < n; k++, l->progress->n_runs++)
            try_alloc(l, place(l, k, n_allocations), sticky);
    }
    for (unsigned i = 0; i < 4; i++) {
        const size_t n = places(l, n_operations);
        for (size_t k = 0; k < n; k++, l->progress->n_runs++)
            try_io(l, place(l, k, n_operations), i / 2, errors[i % 2]);
    }
}

/* A run without failures: how many calls it makes, and what it leaves. */
static quire_status
run_whole(lab *l, trial *t)
{
    fault_alloc_init(&t->alloc, 0, false);
    fault_io_init(&t->io, 0, false, 0);
    quire_ctx ctx = fault_ctx(&t->alloc, &t->io, &t->log);
    snprintf(l->progress->now, sizeof l->progress->now, "%s, %s, without failures", l->model,
             l->config->name);
    return l->config->run(&ctx, &l->scene, l->config);
}

/* `before` becomes what the config named `over` writes. */
static void
set_scene(lab *l, const char *over)
{
    const config *wanted = l->config;
    trial t;
    tree_free(&l->before);
    tree_free(&l->after);
    tree_write(&l->before, l->folder);
    for (size_t i = 0; over != NULL && i < n_configs; i++) {
        l->config = &configs[i];
        if (strcmp(configs[i].name, over) == 0 && run_whole(l, &t) != QUIRE_OK)
            wrong(l, "it fails by itself", &t);
    }
    l->config = wanted;
    l->before = tree_read(l->folder);
}

static void
try_config(lab *l, const config *c)
{
    trial t;
    l->config = c;
    set_scene(l, c->over);
    if (run_whole(l, &t) != QUIRE_OK) {
        wrong(l, "it fails by itself", &t);
        return;
    }
    l->after = tree_read(l->folder);
    tree_write(&l->before, l->folder);
    fail_everything(l, t.alloc.n_calls, t.io.n_calls);
}

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
set_scene_paths(lab *l, const char *model)
{
    const struct {
        char *at;
        size_t room;
        const char *name;
    } paths[] = {{l->folder, sizeof l->folder, "out"},
                 {l->temp, sizeof l->temp, "temp"},
                 {l->scene.output, sizeof l->scene.output, "out/model.onnx"},
                 {l->scene.answer, sizeof l->scene.answer, "out/answer"},
                 {l->scene.rules, sizeof l->scene.rules, "rules.json"},
                 {l->scene.recipe, sizeof l->scene.recipe, "recipe.json"},
                 {l->scene.saved, sizeof l->scene.saved, "saved.json"},
                 {l->scene.annotated, sizeof l->scene.annotated, "annotated.onnx"},
                 {l->scene.text, sizeof l->scene.text, "text"}};
    snprintf(l->scene.model, sizeof l->scene.model, "%s", model);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        snprintf(paths[i].at, paths[i].room, "%s", scratch_path(&l->scratch, paths[i].name));
    if (mkdir(l->folder, 0777) != 0 || mkdir(l->temp, 0777) != 0 ||
        setenv("TMPDIR", l->temp, 1) != 0)
        abort();
}

static void
try_model(const char *model, const char *path, size_t shallow, progress *p)
{
    const double start = seconds();
    lab l = {.scratch = scratch_create(), .model = model, .shallow = shallow, .progress = p};
    set_scene_paths(&l, path);
    const bool prepared = scene_prepare(&l.scene);
    if (!prepared) {
        printf("%s: cannot be annotated\n", model);
        p->n_wrong++;
    }
    for (size_t i = 0; prepared && i < n_configs; i++)
        try_config(&l, &configs[i]);
    tree_free(&l.before);
    tree_free(&l.after);
    scratch_remove(&l.scratch);
    p->seconds = seconds() - start;
    p->done = true;
    fflush(stdout);
}

/* --- processes -------------------------------------------------------------------------------- */

typedef struct campaign {
    size_t shallow, jobs;
    const char *only;
    char **folders;
    size_t n_folders;
    progress *progress; /* by model, shared with the children */
    pid_t pids[N_NAMES];
    size_t n_models, n_running, n_wrong, n_runs;
} campaign;

static bool
find_model(const campaign *c, const char *name, char out[4096])
{
    for (size_t i = 0; i < c->n_folders; i++) {
        snprintf(out, 4096, "%s/%s.onnx", c->folders[i], name);
        if (access(out, R_OK) == 0) return true;
    }
    return false;
}

static void
note_end(campaign *c, size_t i, int status)
{
    const progress *p = &c->progress[i];
    const bool crashed = !WIFEXITED(status) || !p->done;
    if (crashed) {
        printf("%s: the process ended (%s %d)\n", p->now, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    printf("%-26s %6zu places %7zu runs %6zu survived %4zu wrong %6.1f s\n", names[i], p->n_places,
           p->n_runs, p->n_survived, p->n_wrong, p->seconds);
    fflush(stdout);
    c->n_wrong += p->n_wrong + crashed;
    c->n_runs += p->n_runs;
    c->n_running--;
}

static void
wait_for_one(campaign *c)
{
    int status;
    const pid_t pid = wait(&status);
    for (size_t i = 0; i < N_NAMES; i++) {
        if (c->pids[i] == pid) note_end(c, i, status);
    }
}

static void
start(campaign *c, size_t i, const char *path)
{
    if (c->n_running == c->jobs) wait_for_one(c);
    fflush(stdout);
    c->pids[i] = fork();
    if (c->pids[i] == 0) {
        try_model(names[i], path, c->shallow, &c->progress[i]);
        exit(0); /* not _exit: a leak checker has its say */
    }
    if (c->pids[i] < 0) abort();
    c->n_running++;
    c->n_models++;
}

static int
run_campaign(campaign *c)
{
    char path[4096];
    for (size_t i = 0; i < N_NAMES; i++) {
        if (c->only != NULL && strcmp(c->only, names[i]) != 0) continue;
        if (find_model(c, names[i], path)) start(c, i, path);
    }
    while (c->n_running > 0)
        wait_for_one(c);
    printf("%zu of %d models, %zu runs with a failure each, %zu wrong\n", c->n_models, N_NAMES,
           c->n_runs, c->n_wrong);
    if (c->n_models < ENOUGH && c->only == NULL) {
        printf(
            "the others are not here: name a folder of exported models with QUIRE_TEST_MODELS\n");
    }
    return c->n_models == 0 || c->n_wrong > 0;
}

int
main(int argc, char **argv)
{
    campaign c = {.jobs = 1};
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--shallow") == 0) c.shallow = (size_t)strtoul(argv[at + 1], NULL, 10);
        if (strcmp(argv[at], "--jobs") == 0) c.jobs = (size_t)strtoul(argv[at + 1], NULL, 10);
        if (strcmp(argv[at], "--only") == 0) c.only = argv[at + 1];
    }
    if (at == argc || c.jobs == 0 || c.jobs > MAX_JOBS) {
        fprintf(stderr, "models [--shallow N] [--jobs N] [--only NAME] FOLDER...\n");
        return 2;
    }
    c.folders = argv + at;
    c.n_folders = (size_t)(argc - at);
    c.progress = mmap(NULL, N_NAMES * sizeof *c.progress, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c.progress == MAP_FAILED) abort();
    return run_campaign(&c);
}
