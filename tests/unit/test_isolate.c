/* test_isolate.c - annotating in a process of its own: what happens to that process becomes one error
 * here, and what it sends is read as something a stranger wrote.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "passes/ledger.h"
#include "plugin/isolate_wire.h"
#include "support/scratch.h"
#include "unit/table_case.h"

#define GRAPH OPSET(17) "g (float[2] x) => (float[2] z) { y = Relu (x) z = Abs (y) }"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_ADDRESSES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LIMITS_ADDRESSES 0
#endif
#endif
#ifndef LIMITS_ADDRESSES
#define LIMITS_ADDRESSES 1 /* sanitizers need more of them than any limit leaves */
#endif

static const char rules[] = "{\"format_version\": 1, \"rules\": [{\"select\": \"op:Relu\", "
                            "\"spec\": \"u8 tensor affine zp=int\"}]}";

static quire_model *
parse(quire_ctx *ctx)
{
    quire_model *m;
    ck_assert_int_eq(quire_model_parse(ctx, quire_bytes_of(GRAPH), NULL, &m), QUIRE_OK);
    return m;
}

/* --- what happens to the process -------------------------------------------------------------- */

typedef enum end {
    RETURNS,
    ABORTS,
    WRITES,
    EXITS,
    SPINS,
    LEAVES_A_CHILD,
    FAILS,
    FAILS_MUTELY,
    HOARDS
} end;

static quire_status
work(quire_ctx *ctx, quire_model *m, const quire_watch *watch, void *data, quire_annotations *out)
{
    const end *what = data;
    watch->entering(watch->data, "acme", "int8", "annotate");
    if (*what == ABORTS) abort();
    if (*what == WRITES) *(volatile int *)(size_t)4096 = 1;
    if (*what == EXITS) _exit(0);
    for (int mib = 0; *what == HOARDS; mib++) {
        static void *volatile kept;
        kept = malloc(1 << 20);
        if (kept == NULL || mib > 2000) _exit(mib <= 512 ? 5 : 6);
    }
    while (*what == SPINS)
        continue;
    if (*what == LEAVES_A_CHILD && fork() == 0) pause();
    if (*what == FAILS) {
        const quire_diagnostic d = {QUIRE_ERROR, QUIRE_E_USAGE, NULL, "x", "so it is"};
        ctx->sink(ctx->sink_data, &d);
    }
    if (*what == FAILS || *what == FAILS_MUTELY) return QUIRE_E_USAGE;
    *out = (quire_annotations){.kind = QUIRE_FROM_QUANTIZERS};
    const quire_claims none = {0};
    return quire_resolve_or_fail(ctx, m, &none, NULL, QUIRE_E_USAGE, &out->resolved);
}

static void
expect(end what, quire_status expected, const char *message)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    const quire_annotators by = {.conflict = QUIRE_CONFLICT_ERROR};
    quire_annotations a;
    const quire_isolation isolation = {.seconds = 1, .mib = 512, .work = work, .data = &what};
    const quire_status status = quire_annotate_isolated(&ctx, m, &isolation, &by, &a);
    ck_assert_msg(status == expected, "%d: got %d: %s", what, status, log.message);
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    if (status == QUIRE_OK)
        quire_annotations_deinit(&ctx, &a);
    else
        ck_assert_str_eq(log.message, message);
    quire_model_destroy(&ctx, m);
}

#define ACME "plugin \"acme\" (quantizer \"int8\")"

START_TEST(each_end_of_the_process_is_one_error)
{
    expect(RETURNS, QUIRE_OK, NULL);
    expect(ABORTS, QUIRE_E_PLUGIN, ACME " was killed by signal 6 (SIGABRT) in annotate");
    expect(WRITES, QUIRE_E_PLUGIN, ACME " was killed by signal 11 (SIGSEGV) in annotate");
    expect(EXITS, QUIRE_E_PLUGIN,
           ACME " ended its process in annotate with exit code 0 instead of returning");
    expect(SPINS, QUIRE_E_PLUGIN,
           ACME " did not come to an end in annotate within 1 s and was stopped; "
                "--isolate-timeout allows more");
    expect(LEAVES_A_CHILD, QUIRE_OK, NULL);
    expect(FAILS, QUIRE_E_USAGE, "so it is");
    expect(FAILS_MUTELY, QUIRE_E_PLUGIN, ACME " failed without a message");
#if LIMITS_ADDRESSES
    expect(HOARDS, QUIRE_E_PLUGIN,
           ACME " ended its process in annotate with exit code 5 instead of returning");
#endif
}
END_TEST

/* --- what it sends ---------------------------------------------------------------------------- */

#define HEAD QUIRE_ISOLATED_FIRST_LINE "\nat =acme =int8 =annotate\n"
#define TEXT "quire-annotations 1\ny u8 tensor affine zp=int by acme\n"
static const char whole[] = HEAD "say =1 =0 = =y =a%20warning\nquantizer =acme\n"
                                 "skip =1 =acme =odd =too%20odd\nfinding =0 =0 =2 =acme =seen\n"
                                 "annotations =54\n" TEXT "end =0\n";

static quire_isolated_answer
read_bytes(quire_ctx *ctx, quire_model *m, const char *text, size_t len)
{
    quire_isolated_answer answer;
    char *copy = malloc(len + 1); /* of its own size, for valgrind and sanitizers */
    ck_assert_ptr_nonnull(copy);
    if (len > 0) memcpy(copy, text, len);
    const quire_bytes bytes = {(const uint8_t *)copy, len};
    ck_assert_int_eq(quire_isolated_read(ctx, m, bytes, &answer), QUIRE_OK);
    free(copy);
    return answer;
}

START_TEST(a_whole_answer_is_read)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    quire_isolated_answer a = read_bytes(&ctx, m, whole, sizeof whole - 1);
    ck_assert_msg(a.complete && a.nonsense == NULL, "line %zu: %s", a.line, a.nonsense);
    ck_assert_int_eq(a.status, QUIRE_OK);
    ck_assert_str_eq(a.who, ACME);
    ck_assert_str_eq(a.where, "annotate");
    ck_assert_uint_eq(a.annotations.len, sizeof TEXT - 1);
    ck_assert_uint_eq(a.account.n_quantizers, 1);
    ck_assert_uint_eq(a.account.n_skips, 1);
    ck_assert_uint_eq(a.account.n_findings, 1);
    ck_assert(
        quire_bytes_equal(quire_sym_bytes(m, a.account.skips[0].text), quire_bytes_of("too odd")));
    quire_account_deinit(&ctx, &a.account);
    quire_model_destroy(&ctx, m);
}
END_TEST

/* However short it is cut: it is not complete, and what ran is known once that line is there. */
START_TEST(a_cut_answer_is_never_whole)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        quire_isolated_answer a = read_bytes(&ctx, m, whole, n);
        ck_assert_msg(!a.complete || a.nonsense != NULL, "whole after %zu bytes", n);
        ck_assert_int_eq(a.who[0] != '\0', n >= sizeof HEAD - 1);
        quire_account_deinit(&ctx, &a.account);
    }
    quire_model_destroy(&ctx, m);
}
END_TEST

/* Every byte replaced by others: it reads nothing it should not, and what comes of it is checked. */
START_TEST(a_damaged_answer_does_no_harm)
{
    static const char others[] = {'\0', '\n', ' ', '=', '%', '9', 'e', '\x7f', (char)0xff};
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    char text[sizeof whole];
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (size_t i = 0; i < sizeof others; i++) {
            memcpy(text, whole, sizeof whole);
            text[at] = others[i];
            quire_isolated_answer a = read_bytes(&ctx, m, text, sizeof whole - 1);
            for (size_t k = 0; k < a.account.n_skips; k++)
                ck_assert_uint_lt(a.account.skips[k].node.id, m->nodes.count);
            quire_account_deinit(&ctx, &a.account);
        }
    }
    quire_model_destroy(&ctx, m);
}
END_TEST

START_TEST(what_cannot_be_is_named)
{
    static const struct {
        const char *lines, *nonsense;
    } cases[] = {
        {"skip =0 =a =b =c\n", "a node that was left alone is none of the model"},
        {"skip =99 =a =b =c\n", "a node that was left alone is none of the model"},
        {"skip =4294967297 =a =b =c\n", "a node that was left alone is none of the model"},
        {"skip =1 = =b =c\n", "a node was left alone by nobody"},
        {"skip =1 =a =b\n", "a field is missing"},
        {"skip =1 =a =b =c =d =e =f\n", "too many fields"},
        {"finding =3 =0 =1 =a =b\n", "a finding is about no slot of the model"},
        {"finding =1 =0 =99 =a =b\n", "a finding is about no slot of the model"},
        {"finding =1 =2 =1 =a =b\n", "a finding is about no slot of the model"},
        {"finding =1 =0 =1 = =b\n", "a finding is by nobody"},
        {"say =9 =0 =a =b =c\n", "no such severity or status"},
        {"quantizer =\n", "a quantizer has no name"},
        {"quantizer =%zz\n", "a field is not written as fields are"},
        {"quantizer =%4\n", "a field is not written as fields are"},
        {"quantizer a\n", "something stands where a field should"},
        {"annotations =99999\n", "the annotations are cut"},
        {"annotations =0\nannotations =0\n", "there are two lists of annotations"},
        {"end =0\nend =0\n", "something follows the end"},
        {"end =77\n", "no such status"},
        {"hello\n", "a line begins with no word that is known"},
    };
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        const int n = snprintf(text, sizeof text, "%s%s", HEAD, cases[i].lines);
        quire_isolated_answer a = read_bytes(&ctx, m, text, (size_t)n);
        ck_assert_msg(a.nonsense != NULL && strcmp(a.nonsense, cases[i].nonsense) == 0,
                      "%s: got %s", cases[i].lines, a.nonsense);
        quire_account_deinit(&ctx, &a.account);
    }
    quire_model_destroy(&ctx, m);
}
END_TEST

/* --- the same outcome ------------------------------------------------------------------------- */

static quire_status
annotate_here(quire_ctx *ctx, quire_model *m, const quire_watch *watch, void *data,
              quire_annotations *out)
{
    quire_registry registry;
    QUIRE_TRY(quire_registry_init(ctx, &registry));
    registry.watch = watch;
    const quire_status status = quire_annotate_with(ctx, m, &registry, data, out);
    quire_registry_deinit(&registry);
    return status;
}

static quire_text
ledger(quire_annotators *by, bool isolated)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_model *m = parse(&ctx);
    quire_annotations a;
    quire_text text;
    quire_writer w;
    const quire_isolation isolation = {.seconds = 20, .work = annotate_here, .data = by};
    const quire_status status = isolated ? quire_annotate_isolated(&ctx, m, &isolation, by, &a)
                                         : annotate_here(&ctx, m, NULL, by, &a);
    ck_assert_msg(status == QUIRE_OK, "%s", log.message);
    quire_writer_to_text(&w, &ctx, &text);
    ck_assert_int_eq(quire_ledger_write(&w, m, &a, QUIRE_FORMAT_JSON), QUIRE_OK);
    quire_claims_print(&w, m, &a.resolved.claims);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    quire_annotations_deinit(&ctx, &a);
    quire_model_destroy(&ctx, m);
    return text;
}

START_TEST(without_a_fault_the_outcome_is_the_same)
{
    static const char *const names[] = {"embedding", "pt2e-embedding"};
    quire_ctx ctx = quire_ctx_default();
    const scratch s = scratch_create();
    scratch_write(&s, "r.json", rules, strlen(rules));
    quire_annotators by = {
        .quantizers = names, .n_quantizers = 2, .rules = scratch_path(&s, "r.json")};
    quire_text here = ledger(&by, false);
    quire_text there = ledger(&by, true);
    ck_assert_str_eq(here.ptr, there.ptr);
    ck_assert_ptr_nonnull(strstr(here.ptr, "u8 tensor affine"));
    quire_text_free(&ctx, &here);
    quire_text_free(&ctx, &there);
    scratch_remove(&s);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("isolate");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, each_end_of_the_process_is_one_error);
    tcase_add_test(all, a_whole_answer_is_read);
    tcase_add_test(all, a_cut_answer_is_never_whole);
    tcase_add_test(all, a_damaged_answer_does_no_harm);
    tcase_add_test(all, what_cannot_be_is_named);
    tcase_add_test(all, without_a_fault_the_outcome_is_the_same);
    return table_case_main(all, "isolate");
}
