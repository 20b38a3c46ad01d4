/* run.c - runs one golden file against the real program, as a user would.
 *
 *     golden_run PROGRAM FILE.gt [--bless]
 *
 * A golden file is comment lines (`# RUN: quire ...`, `# MODEL: name.onnx`, `# FILE: rules.json` and
 * its lines, remarks), a model as text, or as `# BYTES: 08 0a ...` lines where no text could say what
 * is wrong with it, and after `# ---- out`, `# ---- err`, `# ---- exit N` what the program must say.
 * Everything before the first `# ----` is written to a file, so that messages name the lines of the golden
 * file itself. docs/testing.md describes the format; --bless rewrites the expectations.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGS = 64, MAX_SECONDS = 60, CONTEXT = 3 };

/* Bytes on the heap, ended by NUL. The program is short-lived: nothing is freed. */
typedef struct text {
    char *ptr;
    size_t len;
} text;

typedef struct golden {
    char *program;
    const char *path;
    char folder[64];        /* temporary; everything a run makes is in it */
    char source[128];       /* %s: the text, or the path of MODEL         */
    char plugins[PATH_MAX]; /* %p: the plugins of tests/conformance, beside the program */
    text file;
    size_t n_input; /* length of what stands before the first expectation */
    text out, err;  /* expected */
    int exit_code;
} golden;

static void
die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "golden_run: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(2);
}

static void
append(text *t, const char *bytes, size_t n)
{
    t->ptr = realloc(t->ptr, t->len + n + 1);
    if (!t->ptr) die("out of memory");
    memcpy(t->ptr + t->len, bytes, n);
    t->len += n;
    t->ptr[t->len] = 0;
}

static text
read_file(const char *path)
{
    text t = {0};
    char buffer[65536];
    FILE *f = fopen(path, "rb");
    if (!f) die("cannot read %s", path);
    append(&t, "", 0);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0;)
        append(&t, buffer, n);
    fclose(f);
    return t;
}

static void
write_file(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) die("cannot write %s", path);
}

/* The line that starts at `at`, without its newline. */
static size_t
line_length(const text *t, size_t at)
{
    const char *end = memchr(t->ptr + at, '\n', t->len - at);
    return end ? (size_t)(end - (t->ptr + at)) : t->len - at;
}

static bool
starts_with(const text *t, size_t at, const char *prefix)
{
    return t->len - at >= strlen(prefix) && memcmp(t->ptr + at, prefix, strlen(prefix)) == 0;
}

/* Cuts the file into its input and the expectations. */
static void
read_golden(golden *g)
{
    text *section = NULL;
    g->file = read_file(g->path);
    g->n_input = g->file.len;
    append(&g->out, "", 0);
    append(&g->err, "", 0);
    for (size_t at = 0, n; at < g->file.len; at += n + 1) {
        n = line_length(&g->file, at);
        if (starts_with(&g->file, at, "# ---- ")) {
            if (g->n_input > at) g->n_input = at;
            section = starts_with(&g->file, at, "# ---- out")   ? &g->out
                      : starts_with(&g->file, at, "# ---- err") ? &g->err
                                                                : NULL;
            if (starts_with(&g->file, at, "# ---- exit ")) {
                g->exit_code = atoi(g->file.ptr + at + strlen("# ---- exit "));
            } else if (!section) {
                die("%s: unknown section: %.*s", g->path, (int)n, g->file.ptr + at);
            }
        } else if (section) {
            append(section, g->file.ptr + at, n);
            append(section, "\n", 1);
        }
    }
}

/* Copies `from` to `to` if it is there. */
static bool
copy_file(const char *from, const char *to)
{
    if (access(from, R_OK) != 0) return false;
    const text t = read_file(from);
    write_file(to, t.ptr, t.len);
    return true;
}

/* tests/models/NAME and its data file, found from the folders above the golden file. Copied,
 * because data files may not be links. */
static void
find_model(golden *g, const char *name, size_t n)
{
    char folder[PATH_MAX], from[PATH_MAX + 512], to[512];
    if (!realpath(g->path, folder)) die("cannot resolve %s", g->path);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
        *slash = 0;
        snprintf(from, sizeof from, "%s/models/%.*s", folder, (int)n, name);
        snprintf(g->source, sizeof g->source, "%s/%.*s", g->folder, (int)n, name);
        if (!copy_file(from, g->source)) continue;
        snprintf(from, sizeof from, "%s/models/%.*s.data", folder, (int)n, name);
        snprintf(to, sizeof to, "%s.data", g->source);
        copy_file(from, to);
        return;
    }
    die("%s: no models/%.*s above it", g->path, (int)n, name);
}

/* The bytes of all `# BYTES:` lines; false if there are none. */
static bool
read_bytes(const golden *g, text *out)
{
    static const char key[] = "# BYTES:";
    bool found = false;
    append(out, "", 0);
    for (size_t at = 0, n; at < g->n_input; at += n + 1) {
        n = line_length(&g->file, at);
        if (!starts_with(&g->file, at, key)) continue;
        found = true;
        char *p = g->file.ptr + at + strlen(key);
        for (char *end; p < g->file.ptr + at + n; p = end) {
            const char byte = (char)strtol(p, &end, 16);
            if (end == p) break;
            append(out, &byte, 1);
        }
    }
    return found;
}

static void
make_input(golden *g)
{
    static const char key[] = "# MODEL: ";
    text bytes = {0};
    if (read_bytes(g, &bytes)) {
        snprintf(g->source, sizeof g->source, "%s/in.onnx", g->folder);
        write_file(g->source, bytes.ptr, bytes.len);
        return;
    }
    snprintf(g->source, sizeof g->source, "%s/in.txt", g->folder);
    for (size_t at = 0, n; at < g->n_input; at += n + 1) {
        n = line_length(&g->file, at);
        if (starts_with(&g->file, at, key)) {
            find_model(g, g->file.ptr + at + strlen(key), n - strlen(key));
            return;
        }
    }
    write_file(g->source, g->file.ptr, g->n_input);
}

/* Writes the `# FILE: NAME` parts into the folder: every line after it that begins with `#| `, or is
 * `#|` alone, without that mark. */
static void
make_files(const golden *g)
{
    static const char key[] = "# FILE: ";
    FILE *f = NULL;
    for (size_t at = 0, n; at < g->n_input; at += n + 1) {
        n = line_length(&g->file, at);
        const char *line = g->file.ptr + at;
        const bool inside = f && starts_with(&g->file, at, "#|");
        if (inside) {
            if (n > 2 && line[2] != ' ') die("%s: a blank is missing: %.*s", g->path, (int)n, line);
            if (fprintf(f, "%.*s\n", n > 2 ? (int)n - 3 : 0, line + 3) < 0) die("cannot write");
            continue;
        }
        if (f && fclose(f) != 0) die("cannot write");
        f = NULL;
        if (!starts_with(&g->file, at, key)) continue;
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%.*s", g->folder, (int)(n - strlen(key)),
                 line + strlen(key));
        f = fopen(path, "wbx");
        if (!f) die("%s: cannot make %s, or it is there twice", g->path, path);
    }
    if (f && fclose(f) != 0) die("cannot write");
}

/* One argument with %s, %t, %d (the folder) and %p replaced; advances past it. NULL at the end. */
static char *
next_argument(const golden *g, const char **io_line, const char *end)
{
    text t = {0};
    const char *p = *io_line;
    char quote = 0;
    while (p < end && *p == ' ')
        p++;
    if (p == end) return NULL;
    for (append(&t, "", 0); p < end && (quote || *p != ' '); p++) {
        if (*p == '\'' || *p == '"') {
            if (!quote || quote == *p) {
                quote = quote ? 0 : *p;
                continue;
            }
        }
        if (*p == '%' && p + 1 < end && strchr("stdp", p[1])) {
            p++;
            if (*p == 's') append(&t, g->source, strlen(g->source));
            if (*p == 't' || *p == 'd') append(&t, g->folder, strlen(g->folder));
            if (*p == 'p') append(&t, g->plugins, strlen(g->plugins));
            if (*p == 't') append(&t, "/out.onnx", strlen("/out.onnx"));
        } else {
            append(&t, p, 1);
        }
    }
    *io_line = p;
    return t.ptr;
}

static void
redirect(const char *folder, const char *name, int fd)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || dup2(file, fd) < 0) _exit(126);
}

/* Standard input: the file a `# STDIN: NAME` line names, else empty. */
static void
redirect_input(const golden *g)
{
    static const char key[] = "# STDIN: ";
    char path[PATH_MAX] = "/dev/null";
    for (size_t at = 0, n; at < g->n_input; at += n + 1) {
        n = line_length(&g->file, at);
        if (!starts_with(&g->file, at, key)) continue;
        snprintf(path, sizeof path, "%s/%.*s", g->folder, (int)(n - strlen(key)),
                 g->file.ptr + at + strlen(key));
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || dup2(file, STDIN_FILENO) < 0) _exit(126);
}

/* Runs one command; its exit code, or 128 + the signal that ended it. */
static int
run_command(const golden *g, const char *line, size_t n)
{
    char *args[MAX_ARGS + 1] = {0};
    const char *p = line;
    size_t n_args = 0;
    while (n_args < MAX_ARGS && (args[n_args] = next_argument(g, &p, line + n)) != NULL)
        n_args++;
    if (n_args == 0 || strcmp(args[0], "quire") != 0) die("%s: RUN must begin with quire", g->path);
    const pid_t child = fork();
    if (child < 0) die("cannot fork");
    if (child == 0) {
        alarm(MAX_SECONDS);
        redirect_input(g);
        redirect(g->folder, ".stdout", STDOUT_FILENO);
        redirect(g->folder, ".stderr", STDERR_FILENO);
        args[0] = g->program;
        unsetenv("QUIRE_PLUGIN_PATH");
        execv(g->program, args);
        _exit(127);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) die("cannot wait");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* All RUN lines in order; stops after the first that does not exit 0. */
static int
run_all(const golden *g)
{
    static const char key[] = "# RUN: ";
    int code = -1;
    for (size_t at = 0, n; at < g->n_input && code <= 0; at += n + 1) {
        n = line_length(&g->file, at);
        if (starts_with(&g->file, at, key)) {
            code = run_command(g, g->file.ptr + at + strlen(key), n - strlen(key));
        }
    }
    if (code < 0) die("%s: no RUN line", g->path);
    return code;
}

/* What was printed, with paths turned back into %s, %t, %d and %p, ending in a newline. */
static text
collect(const golden *g, const char *name)
{
    char path[PATH_MAX], target[128];
    snprintf(path, sizeof path, "%s/%s", g->folder, name);
    snprintf(target, sizeof target, "%s/out.onnx", g->folder);
    const text raw = read_file(path);
    enum { N_PATHS = 4 };
    const char *from[N_PATHS] = {g->source, target, g->folder, g->plugins};
    text t = {0};
    append(&t, "", 0);
    for (size_t at = 0; at < raw.len;) {
        size_t k = 0;
        while (k < N_PATHS && !starts_with(&raw, at, from[k]))
            k++;
        if (k < N_PATHS) append(&t, (const char *[]){"%s", "%t", "%d", "%p"}[k], 2);
        if (k == N_PATHS) append(&t, raw.ptr + at, 1);
        at += k < N_PATHS ? strlen(from[k]) : 1;
    }
    if (t.len > 0 && t.ptr[t.len - 1] != '\n') append(&t, "\n", 1);
    return t;
}

typedef struct lines {
    const char **ptr;
    size_t *len, n;
} lines;

static lines
split(const text *t)
{
    lines l = {calloc(t->len + 1, sizeof *l.ptr), calloc(t->len + 1, sizeof *l.len), 0};
    if (!l.ptr || !l.len) die("out of memory");
    for (size_t at = 0; at < t->len; at += l.len[l.n - 1] + 1) {
        l.ptr[l.n] = t->ptr + at;
        l.len[l.n++] = line_length(t, at);
    }
    return l;
}

static bool
same_line(const lines *a, size_t i, const lines *b, size_t k)
{
    return a->len[i] == b->len[k] && memcmp(a->ptr[i], b->ptr[k], a->len[i]) == 0;
}

static void
show(char mark, const lines *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        printf("%c%.*s\n", mark, (int)l->len[i], l->ptr[i]);
}

/* The middle part that differs, by longest common subsequence (small) or as two blocks. */
static void
show_middle(const lines *a, size_t a0, size_t a1, const lines *b, size_t b0, size_t b1)
{
    const size_t rows = a1 - a0, columns = b1 - b0;
    unsigned *best =
        rows < 4000 && columns < 4000 ? calloc((rows + 1) * (columns + 1), sizeof *best) : NULL;
    size_t i = 0, k = 0;
    for (size_t r = rows; best && r-- > 0;) {
        for (size_t c = columns; c-- > 0;) {
            const unsigned down = best[(r + 1) * (columns + 1) + c];
            const unsigned right = best[r * (columns + 1) + c + 1];
            best[r * (columns + 1) + c] = same_line(a, a0 + r, b, b0 + c)
                                              ? best[(r + 1) * (columns + 1) + c + 1] + 1
                                          : down > right ? down
                                                         : right;
        }
    }
    while (best && i < rows && k < columns) {
        if (same_line(a, a0 + i, b, b0 + k)) {
            show(' ', a, a0 + i, a0 + i + 1);
            i++, k++;
        } else if (best[(i + 1) * (columns + 1) + k] >= best[i * (columns + 1) + k + 1]) {
            show('-', a, a0 + i, a0 + i + 1);
            i++;
        } else {
            show('+', b, b0 + k, b0 + k + 1);
            k++;
        }
    }
    show('-', a, a0 + i, a1);
    show('+', b, b0 + k, b1);
}

/* Prints how `found` differs from `expected`; true if it does not. */
static bool
compare(const char *what, const text *expected, const text *found)
{
    if (expected->len == found->len && memcmp(expected->ptr, found->ptr, found->len) == 0) {
        return true;
    }
    const lines a = split(expected), b = split(found);
    size_t head = 0, tail = 0;
    while (head < a.n && head < b.n && same_line(&a, head, &b, head))
        head++;
    while (tail < a.n - head && tail < b.n - head &&
           same_line(&a, a.n - 1 - tail, &b, b.n - 1 - tail)) {
        tail++;
    }
    const size_t from = head > CONTEXT ? head - CONTEXT : 0;
    const size_t after = tail > CONTEXT ? CONTEXT : tail;
    printf("--- %s, expected\n+++ %s, found\n@@ line %zu @@\n", what, what, from + 1);
    show(' ', &a, from, head);
    show_middle(&a, head, a.n - tail, &b, head, b.n - tail);
    show(' ', &a, a.n - tail, a.n - tail + after);
    return false;
}

static void
bless(const golden *g, const text *out, const text *err, int code)
{
    char line[64];
    text t = {0};
    append(&t, g->file.ptr, g->n_input);
    if (t.len > 0 && t.ptr[t.len - 1] != '\n') append(&t, "\n", 1);
    append(&t, "# ---- out\n", strlen("# ---- out\n"));
    append(&t, out->ptr, out->len);
    if (err->len > 0) {
        append(&t, "# ---- err\n", strlen("# ---- err\n"));
        append(&t, err->ptr, err->len);
    }
    if (code != 0) {
        snprintf(line, sizeof line, "# ---- exit %d\n", code);
        append(&t, line, strlen(line));
    }
    if (t.len != g->file.len || memcmp(t.ptr, g->file.ptr, t.len) != 0) {
        write_file(g->path, t.ptr, t.len);
        printf("blessed %s\n", g->path);
    }
}

static int
run_golden(golden *g, bool may_bless)
{
    read_golden(g);
    make_input(g);
    make_files(g);
    const int code = run_all(g);
    const text out = collect(g, ".stdout"), err = collect(g, ".stderr");
    if (may_bless) {
        bless(g, &out, &err, code);
        return 0;
    }
    bool same = compare("stdout", &g->out, &out);
    same = compare("stderr", &g->err, &err) && same;
    if (code != g->exit_code) printf("exit code %d, expected %d\n", code, g->exit_code);
    return same && code == g->exit_code ? 0 : 1;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

int
main(int argc, char **argv)
{
    golden g = {.folder = "/tmp/quire-golden-XXXXXX"};
    const bool may_bless = argc == 4 && strcmp(argv[3], "--bless") == 0;
    if (argc != 3 && !may_bless) die("usage: golden_run PROGRAM FILE.gt [--bless]");
    g.program = realpath(argv[1], NULL);
    if (!g.program) die("no program %s", argv[1]);
    snprintf(g.plugins, sizeof g.plugins, "%.*s/tests/plugins",
             (int)(strrchr(g.program, '/') - g.program), g.program);
    g.path = argv[2];
    if (!mkdtemp(g.folder)) die("no temporary folder");
    const int code = run_golden(&g, may_bless);
    if (nftw(g.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) die("%s stays", g.folder);
    return code;
}
