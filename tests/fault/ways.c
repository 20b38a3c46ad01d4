/* ways.c - see ways.h. Verbs of the program are called as its main function calls them, with the
 * test's allocator and file operations; what they would print is a file beside the output.
 */
#include "fault/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "cli.h"
#include "graph/edit.h"
#include "graph/import.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/save.h"
#include "plugin/quantize_file.h"

/* Something for every model: claims that lose, slots that are refused, links of both kinds. */
static const char rules[] =
    "{\"format_version\": 1, \"rules\": [\n"
    "  {\"select\": \"operand\", \"spec\": \"i8 tensor affine zp=int observer=minmax(a)\"},\n"
    "  {\"select\": \"result and not constant\", \"spec\": \"i8 tensor affine zp=int noshare\"},\n"
    "  {\"select\": \"(operand:0 or operand:1) and constant\", \"reason\": \"tables\",\n"
    "   \"spec\": \"u8 axis=0 affine zp=int observer=minmax\"},\n"
    "  {\"select\": \"result and (op:Add or op:Mul or op:Gemm or op:MatMul or op:Identity)"
    " and not in-body:re:^function\", \"spec\": \"= $<-0\"},\n"
    "  {\"select\": \"output and not in-body:nowhere*\", \"spec\": \"float\", \"priority\": 3,\n"
    "   \"reason\": \"outputs\"}]}\n";

/* Whatever the model: nothing here has to be found in it, and nothing conflicts. */
static const char recipe[] =
    "{\"format_version\": 1, \"origin\": \"old.json\", \"quantizers\": [\n"
    "  {\"name\": \"embedding\", \"options\": {\"bits\": 4, \"min-elements\": 0}, \"priority\": "
    "1},\n"
    "  {\"name\": \"composable\", \"children\": [{\"name\": \"embedding\", \"options\": "
    "{\"block\": 16}}]}],\n"
    " \"rules\": [{\"line\": 7, \"select\": \"result and not constant\", \"reason\": \"some\",\n"
    "   \"spec\": \"i8 tensor affine zp=int noshare\"}]}\n";

static const char selector[] =
    "operand and not name:nothing and (re:. or between:(input, output)) and rank>=0";

/* --- the library ------------------------------------------------------------------------------ */

static void
count_report(void *data, const char *text, size_t len)
{
    *(size_t *)data += len > 0 && text != NULL;
}

static quire_status
quantize(quire_ctx *ctx, const scene *s, const config *c)
{
    quire_quantize_options o = QUIRE_QUANTIZE_OPTIONS_INIT;
    size_t n_reports = 0;
    o.input = s->model;
    o.output = s->output;
    o.bits = c->bits;
    o.block = c->block;
    o.zero_point_float = c->float_zp;
    o.scale_f16 = c->f16;
    o.search = 0;
    o.target = c->target;
    o.allow_empty = 1;
    o.dry_run = c->dry;
    o.report_format = c->bits == 8 ? QUIRE_FORMAT_JSON : QUIRE_FORMAT_TEXT;
    o.report = count_report;
    o.report_data = &n_reports;
    const quire_status status = quire_quantize_run(ctx, &o, NULL);
    return (status == QUIRE_OK) == (n_reports == 1) ? status : QUIRE_E_INTERNAL;
}

static quire_status
reencode(quire_ctx *ctx, const scene *s, const config *c)
{
    const quire_save_options save = {.path = s->output};
    quire_model *m;
    (void)c;
    QUIRE_TRY(quire_model_load(ctx, s->model, &m));
    quire_model_touch_all(m);
    const quire_status status = quire_model_save(ctx, m, &save);
    quire_model_destroy(ctx, m);
    return status;
}

static quire_status
print(quire_ctx *ctx, const scene *s, quire_text *out)
{
    const quire_print_options options = {0};
    quire_writer w;
    quire_model *m;
    QUIRE_TRY(quire_model_load(ctx, s->model, &m));
    quire_writer_to_text(&w, ctx, out);
    quire_status status = quire_model_print(ctx, m, &options, &w);
    if (status == QUIRE_OK) status = quire_writer_finish(&w);
    quire_model_destroy(ctx, m);
    return status;
}

static quire_status
through_text(quire_ctx *ctx, const scene *s, const config *c)
{
    const quire_save_options save = {.path = s->output};
    quire_text text = {0};
    quire_model *m = NULL;
    (void)c;
    quire_status status = print(ctx, s, &text);
    if (status == QUIRE_OK) {
        const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
        status = quire_model_parse(ctx, bytes, s->model, &m);
    }
    if (status == QUIRE_OK) status = quire_model_save(ctx, m, &save);
    quire_model_destroy(ctx, m);
    quire_text_free(ctx, &text);
    return status;
}

/* --- the program ------------------------------------------------------------------------------ */

static const cli_verb verbs[] = {
    {"annotate", cmd_annotate, "", ""}, {"annotations", cmd_annotations, "", ""},
    {"select", cmd_select, "", ""},     {"why", cmd_why, "", ""},
    {"print", cmd_print, "", ""},       {"quantize", cmd_quantize, "", ""},
    {"tables", cmd_tables, "", ""},     {"explain", cmd_explain, "", ""},
};

static const char *
meant(const scene *s, const char *word)
{
    if (word[0] != '%') return word;
    switch (word[1]) {
    case 'm': return s->model;
    case 'o': return s->output;
    case 'r': return s->rules;
    case 'c': return s->recipe;
    case 'v': return s->saved;
    case 'a': return s->annotated;
    case 't': return s->text;
    case 's': return s->slot;
    default: return selector;
    }
}

static void
keep_answer(const scene *s, const quire_text *text)
{
    FILE *file = fopen(s->answer, "wb");
    if (file == NULL || fwrite(text->ptr, 1, text->len, file) != text->len || fclose(file) != 0)
        abort();
}

static quire_status
finish(cli *c, const scene *s, quire_status status, bool no)
{
    const bool answered = status == QUIRE_OK || status == QUIRE_NONE;
    if (answered && no != (status == QUIRE_NONE)) status = QUIRE_E_INTERNAL;
    const quire_status written = answered ? quire_writer_finish(&c->out) : QUIRE_OK;
    if (answered && written != QUIRE_OK) return written;
    if (answered && status != QUIRE_E_INTERNAL) keep_answer(s, &c->text);
    return status == QUIRE_NONE ? QUIRE_OK : status;
}

static quire_status
verb(quire_ctx *ctx, const scene *s, const config *w)
{
    char *argv[MAX_WORDS + 1] = {0}; /* the verb moves its arguments to the front */
    char *mine[MAX_WORDS];
    int argc = 0;
    cli c = {.ctx = *ctx};
    quire_writer_to_text(&c.out, &c.ctx, &c.text);
    for (; argc < MAX_WORDS && w->words[argc] != NULL; argc++) {
        argv[argc] = mine[argc] = strdup(meant(s, w->words[argc]));
        if (mine[argc] == NULL) abort();
    }
    c.verb = cli_verb_find(verbs, sizeof verbs / sizeof *verbs, argv[0]);
    if (c.verb == NULL) abort();
    quire_status status = c.verb->run(&c, argc, argv);
    status = finish(&c, s, status, w->no);
    quire_text_free(&c.ctx, &c.text);
    for (int i = 0; i < argc; i++)
        free(mine[i]);
    return status;
}

/* --- the table -------------------------------------------------------------------------------- */

#define VERB(...) .run = verb, .words = {__VA_ARGS__}

const config configs[] = {
    {.name = "8 rows", .run = quantize, .bits = 8},
    {.name = "4 rows", .run = quantize, .bits = 4, .float_zp = true},
    {.name = "2 rows", .run = quantize, .bits = 2, .f16 = true},
    {.name = "8 blocks", .run = quantize, .bits = 8, .block = 16, .f16 = true},
    {.name = "4 blocks", .run = quantize, .bits = 4, .block = 32},
    {.name = "2 blocks", .run = quantize, .bits = 2, .block = 16, .float_zp = true},
    {.name = "8 over 8", .run = quantize, .bits = 8, .over = "8 rows"},
    {.name = "4 over 8", .run = quantize, .bits = 4, .over = "8 rows"},
    {.name = "dequantized", .run = quantize, .bits = 8, .target = QUIRE_TARGET_DEQUANTIZED},
    {.name = "quire", .run = quantize, .bits = 4, .block = 16, .target = QUIRE_TARGET_QUIRE},
    {.name = "dry run", .run = quantize, .bits = 8, .dry = true},
    {.name = "reencode", .run = reencode},
    {.name = "text", .run = through_text},
    {.name = "annotate", VERB("annotate", "%m", "--rules", "%r", "-o", "%o")},
    {.name = "annotate again",
     VERB("annotate", "--format", "json", "--rules", "%r", "%a", "-o", "%o"),
     .over = "annotate"},
    {.name = "import", VERB("annotations", "import", "%m", "%t", "-o", "%o")},
    {.name = "export", VERB("annotations", "export", "%a", "-o", "%o")},
    {.name = "check", VERB("annotations", "check", "%a", "%t")},
    {.name = "diff", VERB("annotations", "diff", "%a", "%m"), .no = true},
    {.name = "resolve", VERB("annotations", "resolve", "--format", "json", "%m", "%t")},
    {.name = "select", VERB("select", "--format", "json", "%e", "%m")},
    {.name = "why", VERB("why", "--rules", "%r", "%s", "%m")},
    {.name = "picture", VERB("print", "--dot", "%a")},
    {.name = "tables by entry", VERB("tables", "%a")},
    {.name = "by entry", VERB("quantize", "%a", "-o", "%o", "--allow-empty")},
    {.name = "annotate by recipe, saved",
     VERB("annotate", "%m", "--recipe", "%c", "-o", "%o", "--save-recipe", "%v")},
    {.name = "explain", VERB("explain", "--format", "json", "%c", "%m")},
    {.name = "by recipe", VERB("quantize", "--recipe", "%c", "%m", "-o", "%o", "--allow-empty")},
    {.name = "by flags, saved",
     VERB("quantize", "%m", "-o", "%o", "--allow-empty", "--bits", "4", "--save-recipe", "%v")},
    {.name = "by rules", VERB("quantize", "--rules", "%r", "%m", "-o", "%o", "--allow-empty")},
    {.name = "by text, dry",
     VERB("quantize", "--annotations", "%t", "%m", "--dry-run", "--allow-empty")},
};
const size_t n_configs = sizeof configs / sizeof *configs;

/* --- the scene -------------------------------------------------------------------------------- */

static bool
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    return file != NULL && fwrite(text, strlen(text), 1, file) == 1 && fclose(file) == 0;
}

/* The slot of the first line that shares, else of the first line. */
static bool
pick_slot(scene *s)
{
    char line[1024];
    FILE *file = fopen(s->text, "rb");
    if (file == NULL) return false;
    bool shared = false;
    for (unsigned n = 0; !shared && fgets(line, sizeof line, file) != NULL; n++) {
        bool quoted = false;
        size_t end = 0;
        for (; line[end] != '\0' && (quoted || line[end] != ' '); end++)
            quoted ^= line[end] == '"';
        shared = line[end + strspn(line + end, " ")] == '=';
        if (n == 1 || shared) snprintf(s->slot, sizeof s->slot, "%.*s", (int)end, line);
    }
    fclose(file);
    return s->slot[0] != '\0';
}

static void
tell(void *data, const quire_diagnostic *d)
{
    (void)data;
    if (d->severity == QUIRE_ERROR)
        printf("%s %s: %s\n", d->file != NULL ? d->file : "", d->path != NULL ? d->path : "",
               d->message);
}

bool
scene_prepare(scene *s)
{
    const config annotate = {VERB("annotate", "%m", "--rules", "%r", "-o", "%a")};
    const config export = {VERB("annotations", "export", "%a", "-o", "%t")};
    quire_ctx ctx = quire_ctx_default();
    ctx.sink = tell;
    if (!write_file(s->rules, rules) || !write_file(s->recipe, recipe) ||
        verb(&ctx, s, &annotate) != QUIRE_OK)
        return false;
    if (verb(&ctx, s, &export) != QUIRE_OK || !pick_slot(s)) return false;
    return remove(s->answer) == 0;
}
