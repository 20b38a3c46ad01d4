/* test_quantizers.c - the quantizers that come with quire: what they ask for and leave alone.
 *
 * Globs are compared with the C library's fnmatch; reasons and specs with docs/quantizers.md.
 */
#include <check.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/path.h"
#include "passes/pass.h"
#include "plugin/options.h"
#include "plugin/run.h"
#include "quantizers/names.h"
#include "quantizers/quantizers.h"
#include "unit/table_case.h"

/* --- names ------------------------------------------------------------------------------------ */

static quire_string
string_of(const char *text)
{
    return (quire_string){text, strlen(text)};
}

/* The C library gives a meaning of its own to a backslash at the end or in a set, and to `[.`. */
static bool
is_plain(const char *glob)
{
    const size_t len = strlen(glob);
    if (strstr(glob, "[.") != NULL) return false;
    if (strchr(glob, '\\') != NULL && strchr(glob, '[') != NULL) return false;
    return len == 0 || glob[len - 1] != '\\';
}

START_TEST(globs_match_as_fnmatch_does)
{
    static const char letters[] = "ab*?[]!^-/.\\";
    unsigned seed = 7;
    size_t n_matched = 0, n_sets = 0;
    for (int i = 0; i < 400000; i++) {
        char glob[10] = "", name[7] = "";
        const size_t n_glob = (seed = seed * 1103515245u + 12345) >> 16 & 7;
        const size_t n_name = (seed = seed * 1103515245u + 12345) >> 16 & 3;
        for (size_t k = 0; k < n_glob; k++)
            glob[k] = letters[((seed = seed * 1103515245u + 12345) >> 16) % 12];
        for (size_t k = 0; k < n_name; k++)
            name[k] = "ab-/.]"[((seed = seed * 1103515245u + 12345) >> 16) % 6];
        if (!is_plain(glob)) continue;
        const bool wanted = fnmatch(glob, name, 0) == 0;
        ck_assert_msg(quire_glob_match(string_of(glob), string_of(name)) == wanted,
                      "'%s' on '%s': %s expected", glob, name, wanted ? "a match" : "none");
        n_matched += wanted ? 1 : 0;
        n_sets += wanted && strchr(glob, '[') != NULL ? 1 : 0;
    }
    ck_assert(n_matched > 1000 && n_sets > 100);
}
END_TEST

START_TEST(classes_in_sets_are_those_of_fnmatch)
{
    static const char *const names[] = {"upper", "lower", "digit", "alpha", "alnum", "xdigit",
                                        "blank", "space", "graph", "print", "punct", "cntrl"};
    static const char *const forms[] = {"[[:%s:]]", "[![:%s:]]", "[a[:%s:]-]", "[[:%s:]8-9]"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            char glob[32], name[2] = "";
            snprintf(glob, sizeof glob, forms[k], names[n]);
            for (int c = 1; c < 256; c++) {
                name[0] = (char)c;
                ck_assert_msg(quire_glob_match(string_of(glob), string_of(name)) ==
                                  (fnmatch(glob, name, 0) == 0),
                              "%s on byte %d", glob, c);
            }
        }
    }
    ck_assert(quire_glob_match(string_of("emb[[:digit:]]*"), string_of("emb12.w")));
    ck_assert(!quire_glob_match(string_of("emb[[:digit:]]*"), string_of("emb.w")));
}
END_TEST

START_TEST(backslashes_take_the_next_byte_as_it_is)
{
    ck_assert(quire_glob_match(string_of("\\*"), string_of("*")));
    ck_assert(!quire_glob_match(string_of("\\*"), string_of("a")));
    ck_assert(quire_glob_match(string_of("[\\]]x"), string_of("]x")));
    ck_assert(quire_glob_match(string_of("a\\"), string_of("a\\")));
    ck_assert(quire_glob_match(string_of("emb*.weight"), string_of("emb/1/user.weight")));
}
END_TEST

/* A star that could match anywhere costs no more than length times length. */
START_TEST(stars_are_not_exponential)
{
    char glob[401], name[20001];
    for (size_t i = 0; i < 200; i++)
        memcpy(glob + 2 * i, "*a", 2);
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 'b';
    ck_assert(!quire_glob_match((quire_string){glob, 400}, (quire_string){name, sizeof name}));
}
END_TEST

START_TEST(lists_are_cut_at_semicolons)
{
    quire_string rest = string_of(";a;;bc;"), entry;
    ck_assert(quire_list_next(&rest, &entry) && entry.len == 1 && entry.ptr[0] == 'a');
    ck_assert(quire_list_next(&rest, &entry) && entry.len == 2 && entry.ptr[0] == 'b');
    ck_assert(!quire_list_next(&rest, &entry));
    rest = string_of("a\\;b;c\\");
    ck_assert(quire_list_next(&rest, &entry) && entry.len == 4 && entry.ptr[3] == 'b');
    ck_assert(quire_glob_match(entry, string_of("a;b")));
    ck_assert(quire_list_next(&rest, &entry) && entry.len == 2 && entry.ptr[0] == 'c');
    ck_assert(!quire_list_next(&rest, &entry));
}
END_TEST

START_TEST(entries_are_shown_as_they_were_meant)
{
    char out[QUIRE_SHOWN_ROOM], longest[600];
    quire_list_show(string_of(""), out);
    ck_assert_str_eq(out, "");
    quire_list_show(string_of("a\\;b\\*\\\\;[\\;]\\"), out);
    ck_assert_str_eq(out, "a;b\\*\\\\;[;]\\");
    memset(longest, 'x', sizeof longest);
    quire_list_show((quire_string){longest, 251}, out);
    ck_assert_uint_eq(strlen(out), 251);
    quire_list_show((quire_string){longest, sizeof longest}, out);
    ck_assert_str_eq(out + strlen(out) - 4, "x...");
    for (size_t i = 1; i + 1 < sizeof longest; i += 2)
        memcpy(longest + i, "\xc3\xa4", 2);
    for (size_t from = 0; from < 2; from++) { /* cut between characters, wherever they begin */
        quire_list_show((quire_string){longest + from, sizeof longest - from}, out);
        ck_assert_str_eq(out + strlen(out) - 5, "\xc3\xa4...");
    }
}
END_TEST

START_TEST(nearest_names_come_nearest_first)
{
    const quire_string names[] = {string_of("item"), string_of("users"), string_of("us\x01r"),
                                  string_of("user.weight")};
    char out[QUIRE_NEAREST_ROOM], longest[300];
    quire_nearest_names(string_of("user"), names, 4, out);
    ck_assert_str_eq(out, "\"users\", \"us?r\", \"item\"");
    quire_nearest_names(string_of("user"), names, 0, out);
    ck_assert_str_eq(out, "");
    memset(longest, 'x', sizeof longest);
    const quire_string same[] = {
        {longest, sizeof longest}, {longest, sizeof longest}, {longest, sizeof longest}};
    quire_nearest_names(string_of("y"), same, 3, out);
    ck_assert_uint_eq(strlen(out), 3 * (64 + 2) + 2 * 2);
}
END_TEST

/* --- sessions --------------------------------------------------------------------------------- */

typedef struct asked {
    quire_ctx ctx;
    fault_log log;
    fault_alloc alloc;
    quire_model *m;
    quire_registry registry;
    quire_arena arena;
    quire_session *session;
    quire_run_result result;
    char text[4096]; /* `SLOT SPEC; ` of every claim, then `NODE left REASON; ` of every skip */
} asked;

static void
write_claims(asked *a)
{
    quire_text text = {0};
    quire_writer w;
    quire_writer_to_text(&w, &a->ctx, &text);
    for (size_t i = 0; i < a->result.claims.n; i++) {
        const quire_claim *c = &a->result.claims.ptr[i];
        const quire_spec spec = quire_spec_of_ref(a->m, c->spec);
        quire_slot_print(&w, a->m, c->slot);
        quire_write_str(&w, " ");
        quire_spec_print(&w, a->m, &spec);
        quire_write_str(&w, "; ");
    }
    for (size_t i = 0; i < a->result.n_skips; i++) {
        const quire_skip *s = &a->result.skips[i];
        const quire_bytes node = quire_node_label(a->m, s->node);
        const quire_bytes reason = quire_sym_bytes(a->m, s->reason);
        quire_writef(&w, "%.*s left %.*s; ", (int)node.len, (const char *)node.ptr, (int)reason.len,
                     (const char *)reason.ptr);
    }
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    snprintf(a->text, sizeof a->text, "%s", text.len > 0 ? text.ptr : "");
    quire_text_free(&a->ctx, &text);
}

static quire_status
annotate_with(asked *a, const char *name, const char *options)
{
    quire_request request = {.known = NULL};
    QUIRE_TRY(quire_registry_init(&a->ctx, &a->registry));
    QUIRE_TRY(quire_registry_get(&a->ctx, &a->registry, quire_bytes_of(name), &request.known));
    QUIRE_TRY(quire_options_parse(&a->ctx, request.known->quantizer, quire_bytes_of(options),
                                  &a->arena, &request.options));
    QUIRE_TRY(quire_session_open(&a->ctx, a->m, NULL, &request, 1, &a->session));
    return quire_session_annotate(a->session, &a->result);
}

/* Runs annotate on the model, which must parse; the fail_at-th allocation after that fails. */
static quire_status
ask(asked *a, const char *model, const char *name, const char *options, size_t fail_at)
{
    quire_run run = {0};
    const quire_manager_options plain = {.verify_each = true};
    memset(a, 0, sizeof *a);
    fault_alloc_init(&a->alloc, 0, false);
    a->ctx = fault_ctx(&a->alloc, NULL, &a->log);
    ck_assert_int_eq(quire_model_parse(&a->ctx, quire_bytes_of(model), NULL, &a->m), QUIRE_OK);
    run.model = a->m;
    ck_assert_int_eq(quire_pipeline_run(&a->ctx, &run, "infer-types", &plain), QUIRE_OK);
    quire_arena_init(&a->arena, a->ctx.alloc);
    a->alloc.fail_at = fail_at > 0 ? a->alloc.n_calls + fail_at : 0;
    const quire_status status = annotate_with(a, name, options);
    a->alloc.fail_at = 0;
    if (status == QUIRE_OK) write_claims(a);
    return status;
}

static void
forget(asked *a)
{
    quire_session_close(a->session);
    quire_run_result_deinit(&a->ctx, &a->result);
    quire_registry_deinit(&a->registry);
    quire_arena_deinit(&a->arena);
    quire_model_destroy(&a->ctx, a->m);
    ck_assert(fault_alloc_is_clean(&a->alloc));
}

static void
expect(const char *model, const char *name, const char *options, const char *wanted)
{
    asked a;
    const quire_status status = ask(&a, model, name, options, 0);
    ck_assert_msg(status == QUIRE_OK, "%s", a.log.message);
    ck_assert_str_eq(a.text, wanted);
    forget(&a);
}

/* --- what is asked for ------------------------------------------------------------------------ */

#define TABLE_3x20                                                                                 \
    "{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16," \
    "17,18,19,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19}"
#define SMALL "embedding", "min-elements=1"

static const char one[] = OPSET(17) "g (int64[N] i) => (float[N,20] y) <float[3,20] W = " TABLE_3x20
                                    "> { y = Gather(W, i) }";

typedef struct form {
    const char *options, *spec;
} form;

static const form forms[] = {
    {"", "u8 axis=0 affine zp=int observer=minmax"},
    {",bits=4", "u4 axis=0 affine zp=int observer=mse"},
    {",bits=2,search=minmax", "u2 axis=0 affine zp=int observer=minmax"},
    {",search=mse", "u8 axis=0 affine zp=int observer=mse"},
    {",zero-point=float", "u8 axis=0 affine zp=float observer=minmax"},
    {",scales=f16", "u8 axis=0 affine zp=int scale=f16 observer=minmax"},
    {",block=16", "u8 axis=1 block=16 affine zp=int observer=minmax"},
    {",block=32", "u8 axis=0 affine zp=int observer=minmax"}, /* not wider than a block */
    {",bits-for=W=4", "u4 axis=0 affine zp=int observer=mse"},
    {",bits-for=*=4;W=2", "u2 axis=0 affine zp=int observer=mse"},
};

START_TEST(options_become_a_spec)
{
    char options[128], wanted[256];
    snprintf(options, sizeof options, "min-elements=1%s", forms[_i].options);
    snprintf(wanted, sizeof wanted, "y<-0 %s; ", forms[_i].spec);
    expect(one, "embedding", options, wanted);
}
END_TEST

START_TEST(tables_are_chosen_by_name_and_size)
{
    expect(one, "embedding", "", "y left too-small; ");
    expect(one, "embedding", "min-elements=60", "y<-0 u8 axis=0 affine zp=int observer=minmax; ");
    expect(one, "embedding", "min-elements=61", "y left too-small; ");
    expect(one, "embedding", "bits-for=W=8", "y<-0 u8 axis=0 affine zp=int observer=minmax; ");
    expect(one, "embedding", "min-elements=1,skip=?", "y left excluded; ");
    expect(one, "embedding", "min-elements=1,bits-for=W=8;W=float", "y left excluded; ");
}
END_TEST

typedef struct refusal {
    const char *options, *says;
} refusal;

static const refusal refusals[] = {
    {"only=V", "only \"V\" matches the name of no table; nearest names: \"W\""},
    {"skip=W;V*", "skip \"V*\" matches the name of no table"},
    {"bits-for=V=4", "bits-for \"V\" matches the name of no table"},
    {"bits-for=W=3", "bits-for \"W=3\" is not GLOB=BITS"},
    {"bits-for=W", "bits-for \"W\" is not GLOB=BITS"},
    {"bits-for==4", "bits-for \"=4\" is not GLOB=BITS"},
    {"bits=3", "bits"},
    {"block=8", "block"},
    {"colour=red", "colour"},
};

START_TEST(what_names_nothing_is_refused)
{
    asked a;
    ck_assert_int_eq(ask(&a, one, "embedding", refusals[_i].options, 0), QUIRE_E_USAGE);
    ck_assert_msg(strstr(a.log.message, refusals[_i].says) != NULL, "%s", a.log.message);
    ck_assert_uint_eq(a.log.n_errors, 1);
    forget(&a);
}
END_TEST

/* --- what is left alone ----------------------------------------------------------------------- */

#define W8x4 TABLE_8x4
#define GATHER(tables, nodes)                                                                      \
    OPSET(17) "g (int64[N] i, float[8,4] x, int64[N,1] j) => (float y) <" tables "> {" nodes "}"

typedef struct reason {
    const char *model, *embedding, *pt2e;
} reason;

#define U8   "u8 axis=0 affine zp=int observer=minmax; "
#define PT2E "u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12); "

static const reason reasons[] = {
    {GATHER(W8x4, "y = Gather(W, i)"), "y<-0 " U8, "y<-0 " PT2E},
    {GATHER(W8x4, "y = Gather<axis = -2>(W, i)"), "y<-0 " U8, "y<-0 " PT2E},
    {GATHER(W8x4, "y = Gather<axis = 1>(W, i)"), "y left axis; ", "y left axis; "},
    {GATHER(W8x4, "y = GatherND(W, j)"), "y<-0 " U8, "y left gather-nd; "},
    {GATHER(W8x4, "y = GatherND(W, i)"), "y<-0 " U8, "y left gather-nd; "}, /* N may be 1 */
    {OPSET(17) "g (int64[N,2] i) => (float y) <" W8x4 "> { y = GatherND(W, i) }",
     "y left index-depth; ", "y left index-depth; "},
    {GATHER(W8x4, "v = Identity(W) y = Gather(v, i)"), "y<-0 " U8, "y<-0 " PT2E},
    {GATHER(W8x4, "v = Dropout(W) y = Gather(v, i)"), "y<-0 " U8, "y<-0 " PT2E},
    {GATHER("float16[2,16] H = {0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,0,1,2,3,4,5,6,7,8,9,10,11,12,"
            "13,14,15}",
            "v = Cast<to = 1>(H) y = Gather(v, i)"),
     "y<-0 " U8, "y<-0 " PT2E},
    {GATHER(W8x4, "v = Cast<to = 10>(W) y = Gather(v, i)"), "y left computed; ",
     "y left computed; "},
    {GATHER(W8x4, "v = Transpose(W) y = Gather(v, i)"), "y left computed; ", "y left computed; "},
    {GATHER(W8x4, "y = Gather(x, i)"), "y left not-constant; ", "y left not-constant; "},
    {GATHER(W8x4, "s = Shape(x) y = Gather(s, i)"), "y left shape; ", "y left shape; "},
    {GATHER("uint8[2,2] C = {1,2,3,4}", "y = Gather(C, i)"), "y left already-quantized; ",
     "y left already-quantized; "},
    {GATHER("int64[2,2] C = {1,2,3,4}", "y = Gather(C, i)"), "y left element-type; ",
     "y left element-type; "},
    {GATHER("float[4] C = {1,2,3,4}", "y = Gather(C, i)"), "y left rank; ", "y left rank; "},
    {GATHER(W8x4 ", int64[1] k = {1}", "y = Gather(W, k)"), "y left constant-indices; ",
     "y<-0 " PT2E},
    {GATHER(W8x4, "s = ScatterElements(W, j, x) z = Gather(s, i) y = Gather(W, i)"),
     "z left not-constant; y left scatter; ", "z left not-constant; y left scatter; "},
    {OPSET(17) "g (int64[N] i, float[2,2] W) => (float y) <float[2,2] W = {1,2,3,4}> "
               "{ y = Gather(W, i) }",
     "y left overridable-initializer; ", "y left overridable-initializer; "},
    {GATHER("float[8,1] W = {1,2,3,4,5,6,7,8}", "y = Gather(W, i)"), "y left not-smaller; ",
     "y<-0 " PT2E},
    {GATHER("float[8,1] W = {1,2,3,4,5,6,7,8}", "z = Neg(W) y = Gather(W, i)"), "y<-0 " U8,
     "y<-0 " PT2E},
    {GATHER("float[8,1] W = {1,2,3,4,5,6,7,8}", "y = Gather(W, i) z = Gather<axis = 1>(W, i)"),
     "y<-0 " U8 "z left axis; ", "y<-0 " PT2E "z left axis; "},
    {GATHER(W8x4, "y = Neg(x)"), "", ""},
};

START_TEST(reasons_are_those_of_the_lowering)
{
    expect(reasons[_i].model, SMALL, reasons[_i].embedding);
    expect(reasons[_i].model, "pt2e-embedding", "", reasons[_i].pt2e);
}
END_TEST

/* --- support, findings, failures -------------------------------------------------------------- */

static void *
host_realloc(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0) return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

START_TEST(support_lists_every_form_in_use)
{
    const quire_host host = {.size = sizeof host, .realloc = host_realloc};
    const quire_quantizer *q = &quire_quantizer_embedding;
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_arena arena;
    quire_support row = {.size = sizeof row};
    char seen[256] = "";
    void *options, *self;
    quire_arena_init(&arena, ctx.alloc);
    ck_assert_int_eq(quire_options_parse(&ctx, q, quire_bytes_of("block=64,bits-for=a=2;b=float"),
                                         &arena, &options),
                     QUIRE_OK);
    ck_assert_int_eq(q->create(&host, options, &self), QUIRE_OK);
    for (uint32_t k = 0; q->support(self, k, &row) == QUIRE_OK; k++) {
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s %d %u; ", row.op,
                 (int)row.spec.dtype, (unsigned)row.spec.block);
    }
    ck_assert_str_eq(seen, "Gather 2 0; GatherND 2 0; Gather 2 64; GatherND 2 64; "
                           "Gather 25 0; GatherND 25 0; Gather 25 64; GatherND 25 64; ");
    q->destroy(self);
    quire_arena_deinit(&arena);
}
END_TEST

/* 255 x 2^-12 is 0.062255859375: on it is too narrow, constant rows lose nothing. */
START_TEST(narrow_rows_are_a_finding)
{
    static const char model[] =
        OPSET(17) "g (int64[N] i) => (float y, float z, float w) <float[4,2] W = "
                  "{0,0.062255859375, 1,1.05, 5,5, 0,1}, float[2,2] V = {0,1,0,0.0623}> "
                  "{ y = Gather(W, i) z = Gather(W, i) w = Gather(V, i) }";
    asked a;
    quire_resolved r;
    ck_assert_int_eq(ask(&a, model, "pt2e-embedding", "", 0), QUIRE_OK);
    ck_assert_int_eq(quire_resolve(&a.ctx, a.m, &a.result.claims, &(quire_resolve_options){0}, &r),
                     QUIRE_OK);
    ck_assert_int_eq(quire_session_validate(a.session, &r, &a.result), QUIRE_OK);
    ck_assert_uint_eq(a.result.n_findings, 1);
    ck_assert_uint_eq(a.result.n_errors, 0);
    ck_assert_int_eq(a.result.findings[0].severity, QUIRE_WARNING);
    ck_assert_msg(strstr(a.log.message, "2 of 4 rows are not wider than 255 x 2^-12") != NULL, "%s",
                  a.log.message);
    quire_resolved_deinit(&a.ctx, &r);
    forget(&a);
}
END_TEST

/* Every allocation fails once: told once, nothing leaked. */
START_TEST(every_allocation_may_fail)
{
    const char *const names[] = {"embedding", "pt2e-embedding"};
    const char *const options[] = {"min-elements=1,bits-for=[!a]=4;W=2", ""};
    size_t n = 0;
    quire_status status;
    do {
        asked a;
        status = ask(&a, one, names[_i], options[_i], ++n);
        ck_assert_int_eq(status, a.alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(a.log.n_errors, a.alloc.n_failed);
        forget(&a);
    } while (status != QUIRE_OK);
    ck_assert_uint_gt(n, 6);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("quantizers");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, globs_match_as_fnmatch_does);
    tcase_add_test(tc, classes_in_sets_are_those_of_fnmatch);
    tcase_add_test(tc, backslashes_take_the_next_byte_as_it_is);
    tcase_add_test(tc, stars_are_not_exponential);
    tcase_add_test(tc, lists_are_cut_at_semicolons);
    tcase_add_test(tc, entries_are_shown_as_they_were_meant);
    tcase_add_test(tc, nearest_names_come_nearest_first);
    tcase_add_loop_test(tc, options_become_a_spec, 0, sizeof forms / sizeof *forms);
    tcase_add_test(tc, tables_are_chosen_by_name_and_size);
    tcase_add_loop_test(tc, what_names_nothing_is_refused, 0, sizeof refusals / sizeof *refusals);
    tcase_add_loop_test(tc, reasons_are_those_of_the_lowering, 0, sizeof reasons / sizeof *reasons);
    tcase_add_test(tc, support_lists_every_form_in_use);
    tcase_add_test(tc, narrow_rows_are_a_finding);
    tcase_add_loop_test(tc, every_allocation_may_fail, 0, 2);
    return table_case_main(tc, "quantizers");
}
