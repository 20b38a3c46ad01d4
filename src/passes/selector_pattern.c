/* selector_pattern.c - names by glob (fnmatch) or regular expression (PCRE2).
 *
 * Regular expressions are interpreted, with limits on steps and memory: one that would take for
 * ever ends in an error. A name that is UTF-8 is matched by characters, any other by bytes, so
 * each expression is compiled twice.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <fnmatch.h>
#include <pcre2.h>
#include <stdio.h>

#include "base/diag.h"
#include "graph/utf8.h"
#include "passes/selector_parts.h"

/* Steps at one place of a name, at most and at least; all places of one name together. Memory in
 * KiB. */
enum { MAX_STEPS = 100000, MIN_STEPS = 1000, NAME_STEPS = 10000000, MAX_HEAP_KIB = 16384 };

struct quire_pattern {
    quire_pattern *next;
    bool is_regex;
    quire_bytes text;
    const char *glob;         /* for fnmatch */
    pcre2_code *utf8, *bytes; /* either may be NULL: names of that sort do not match */
};

/* --- PCRE2's memory: ours, each block with its size before it --------------------------------- */

enum { HEAD = 16 }; /* keeps the alignment of malloc */

static void *
take_memory(PCRE2_SIZE size, void *alloc)
{
    uint64_t total;
    if (!quire_add_u64(size, HEAD, &total)) return NULL;
    uint8_t *block = quire_alloc(alloc, total);
    if (block == NULL) return NULL;
    memcpy(block, &total, sizeof total);
    return block + HEAD;
}

static void
give_memory(void *ptr, void *alloc)
{
    uint64_t total;
    if (ptr == NULL) return;
    uint8_t *block = (uint8_t *)ptr - HEAD;
    memcpy(&total, block, sizeof total);
    quire_free(alloc, block, total);
}

/* PCRE2 hands the pointer back as it is; the allocator itself is never written to. */
static void *
memory_data(const quire_allocator *alloc)
{
    union {
        const quire_allocator *from;
        void *to;
    } u = {.from = alloc};
    return u.to;
}

/* --- compiling -------------------------------------------------------------------------------- */

static quire_status
fault_at(quire_pattern_fault *fault, size_t at, const char *why)
{
    fault->at = at;
    snprintf(fault->why, sizeof fault->why, "%s", why);
    return QUIRE_NONE;
}

/* Returns QUIRE_NONE with *out NULL if the expression is wrong. */
static quire_status
compile_as(quire_ctx *ctx, pcre2_compile_context *context, quire_bytes text, uint32_t options,
           pcre2_code **out, quire_pattern_fault *fault)
{
    int error;
    PCRE2_SIZE at;
    *out =
        pcre2_compile(text.ptr, text.len, options | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                      &error, &at, context);
    if (*out != NULL) return QUIRE_OK;
    if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED) return quire_nomem(ctx);
    char why[160];
    if (pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why) < 0)
        snprintf(why, sizeof why, "error %d of PCRE2", error);
    return fault_at(fault, at <= text.len ? at : text.len, why);
}

static bool
is_utf8(quire_bytes text)
{
    quire_utf8 state = {0};
    return quire_utf8_check(&state, text.ptr, text.len) == text.len && state.need == 0;
}

/* An expression that is UTF-8 may fail by bytes (\x{100}) and is then for names in UTF-8 alone. */
static quire_status
compile_both(quire_ctx *ctx, pcre2_compile_context *context, quire_pattern *p,
             quire_pattern_fault *fault)
{
    quire_pattern_fault ignored;
    const bool utf8 = is_utf8(p->text);
    if (utf8) QUIRE_TRY(compile_as(ctx, context, p->text, PCRE2_UTF, &p->utf8, fault));
    const quire_status status =
        compile_as(ctx, context, p->text, PCRE2_NEVER_UTF, &p->bytes, utf8 ? &ignored : fault);
    return utf8 && status == QUIRE_NONE ? QUIRE_OK : status;
}

static quire_status
compile_regex(quire_ctx *ctx, const quire_allocator *alloc, quire_pattern *p,
              quire_pattern_fault *fault)
{
    pcre2_general_context *general =
        pcre2_general_context_create(take_memory, give_memory, memory_data(alloc));
    pcre2_compile_context *context = general != NULL ? pcre2_compile_context_create(general) : NULL;
    const quire_status status =
        context != NULL ? compile_both(ctx, context, p, fault) : quire_nomem(ctx);
    pcre2_compile_context_free(context);
    pcre2_general_context_free(general);
    return status;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What \xNN at text[at] stands for; -1 if there is none. */
static int
hex_byte(quire_bytes text, size_t at)
{
    if (text.len - at < 4 || text.ptr[at] != '\\' || text.ptr[at + 1] != 'x') return -1;
    const int high = hex_digit(text.ptr[at + 2]);
    const int low = hex_digit(text.ptr[at + 3]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

/* fnmatch knows no \xNN: it becomes the byte behind a backslash. */
static quire_status
compile_glob(quire_ctx *ctx, quire_arena *arena, quire_pattern *p, quire_pattern_fault *fault)
{
    char *glob;
    size_t n = 0;
    QUIRE_TRY(quire_arena_take(ctx, arena, p->text.len + 1, &glob));
    for (size_t i = 0; i < p->text.len; i++) {
        const uint8_t c = p->text.ptr[i];
        const int byte = hex_byte(p->text, i);
        if (c == '\0' || byte == 0) return fault_at(fault, i, "no name has a NUL byte");
        if (c == '\\' && i + 1 == p->text.len)
            return fault_at(fault, i, "a backslash with nothing behind it; write \\\\ for one");
        glob[n++] = (char)c;
        if (c != '\\') continue;
        glob[n++] = byte > 0 ? (char)byte : (char)p->text.ptr[i + 1];
        i += byte > 0 ? 3 : 1;
    }
    glob[n] = '\0';
    p->glob = glob;
    return QUIRE_OK;
}

quire_status
quire_pattern_compile(quire_ctx *ctx, quire_pattern_pool *pool, quire_arena *arena,
                      quire_bytes text, bool is_regex, const quire_pattern **out_pattern,
                      quire_pattern_fault *out_fault)
{
    quire_pattern *p;
    QUIRE_TRY(quire_arena_take(ctx, arena, sizeof *p, &p));
    *p = (quire_pattern){.next = pool->patterns, .is_regex = is_regex, .text = text};
    pool->patterns = p;
    QUIRE_TRY(is_regex ? compile_regex(ctx, pool->alloc, p, out_fault)
                       : compile_glob(ctx, arena, p, out_fault));
    *out_pattern = p;
    return QUIRE_OK;
}

void
quire_pattern_pool_deinit(quire_pattern_pool *pool)
{
    for (quire_pattern *p = pool->patterns; p != NULL; p = p->next) {
        pcre2_code_free(p->utf8);
        pcre2_code_free(p->bytes);
    }
    pool->patterns = NULL;
}

/* --- matching --------------------------------------------------------------------------------- */

quire_status
quire_matcher_init(quire_ctx *ctx, const quire_pattern *pattern, const quire_syms *syms,
                   quire_matcher *out_matcher)
{
    quire_matcher *w = out_matcher;
    *w = (quire_matcher){.ctx = ctx, .pattern = pattern, .syms = syms};
    w->verdicts = quire_alloc(ctx->alloc, syms->n);
    if (w->verdicts == NULL) return quire_nomem(ctx);
    w->n_verdicts = syms->n;
    memset(w->verdicts, 0, w->n_verdicts);
    if (!pattern->is_regex) return QUIRE_OK;
    w->general = pcre2_general_context_create(take_memory, give_memory, memory_data(ctx->alloc));
    if (w->general == NULL) return quire_nomem(ctx);
    w->match = pcre2_match_context_create(w->general);
    w->data = pcre2_match_data_create(1, w->general);
    if (w->match == NULL || w->data == NULL) return quire_nomem(ctx);
    pcre2_set_heap_limit(w->match, MAX_HEAP_KIB);
    return QUIRE_OK;
}

void
quire_matcher_deinit(quire_matcher *w)
{
    pcre2_match_data_free(w->data);
    pcre2_match_context_free(w->match);
    pcre2_general_context_free(w->general);
    quire_free(w->ctx->alloc, w->verdicts, w->n_verdicts);
    quire_ungrow(w->ctx->alloc, &w->buffer, &w->buffer_room, 1);
}

static quire_status
too_much(quire_matcher *w, quire_bytes name)
{
    char expression[200], subject[200];
    quire_escape(expression, sizeof expression, w->pattern->text.ptr, w->pattern->text.len);
    quire_escape(subject, sizeof subject, name.ptr, name.len);
    return quire_fail_file(w->ctx, QUIRE_E_USAGE, NULL,
                           "the regular expression %s takes too many steps on the name \"%s\"; "
                           "write it without repetitions inside repetitions",
                           expression, subject);
}

/* The limit is PCRE2's, for one place of the name; long names get less for each of theirs. */
static void
limit_steps(quire_matcher *w, size_t len)
{
    const size_t share = NAME_STEPS / (len + 1);
    const size_t most = share > MAX_STEPS ? MAX_STEPS : share;
    pcre2_set_match_limit(w->match, (uint32_t)(most < MIN_STEPS ? MIN_STEPS : most));
}

static quire_status
try_regex(quire_matcher *w, quire_bytes name, bool *out_matches)
{
    const bool utf8 = w->pattern->utf8 != NULL && is_utf8(name);
    const pcre2_code *code = utf8 ? w->pattern->utf8 : w->pattern->bytes;
    *out_matches = false;
    if (code == NULL) return QUIRE_OK;
    limit_steps(w, name.len);
    const uint32_t options = utf8 ? PCRE2_NO_UTF_CHECK : 0;
    const PCRE2_SPTR subject = name.len > 0 ? name.ptr : (PCRE2_SPTR) "";
    const int found = pcre2_match(code, subject, name.len, 0, options, w->data, w->match);
    *out_matches = found >= 0;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH) return QUIRE_OK;
    return found == PCRE2_ERROR_NOMEMORY ? quire_nomem(w->ctx) : too_much(w, name);
}

static quire_status
try_glob(quire_matcher *w, quire_bytes name, bool *out_matches)
{
    QUIRE_TRY(quire_grow(w->ctx, &w->buffer, &w->buffer_room, name.len + 1, 1));
    if (name.len > 0) memcpy(w->buffer, name.ptr, name.len);
    w->buffer[name.len] = '\0';
    *out_matches = fnmatch(w->pattern->glob, w->buffer, 0) == 0;
    return QUIRE_OK;
}

quire_status
quire_matcher_try(quire_matcher *w, quire_bytes name, bool *out_matches)
{
    return w->pattern->is_regex ? try_regex(w, name, out_matches) : try_glob(w, name, out_matches);
}

quire_status
quire_matcher_try_sym(quire_matcher *w, quire_sym sym, bool *out_matches)
{
    if (sym.id != 0 && w->verdicts[sym.id] == 0) {
        bool matches;
        QUIRE_TRY(quire_matcher_try(w, quire_syms_bytes(w->syms, sym), &matches));
        w->verdicts[sym.id] = matches ? 2 : 1;
    }
    *out_matches = sym.id != 0 && w->verdicts[sym.id] == 2;
    return QUIRE_OK;
}
