/* test_rules.c - rules files: what is read, where mistakes are told, what becomes of slots.
 *
 * Places are counted by hand: lines and columns begin at 1, columns count characters.
 */
#include <stdlib.h>

#include "passes/annotate.h"
#include "passes/rules_where.h"
#include "support/scratch.h"
#include "unit/table_case.h"

#define FIRST "{\"format_version\": 1, \"rules\": ["
#define U8    "u8 tensor affine zp=int"
#define MODEL                                                                                      \
    OPSET(17)                                                                                      \
    "g (float[2,3] x, int64[2] i) => (float[2,3] y) <float[2,3] w = {1,2,3,4,5,6}> {"              \
    " a = Add(x, w) b = Gather(a, i) c = Clip(b, \"\", x) d = com.example.Unknown(c) "             \
    " y = Add(c, w) }"

typedef struct rules_case {
    table_case model;
    quire_rules rules;
    quire_claims claims;
    scratch folder;
    quire_status loaded;
} rules_case;

static void
open_rules(rules_case *c, const char *model, const char *text)
{
    *c = (rules_case){0};
    table_case_open(&c->model, model);
    c->folder = scratch_create();
    scratch_write(&c->folder, "r.json", text, strlen(text));
    c->loaded = quire_rules_load(&c->model.ctx, scratch_path(&c->folder, "r.json"), &c->rules);
}

static void
close_rules(rules_case *c)
{
    if (c->loaded == QUIRE_OK) quire_rules_deinit(&c->model.ctx, &c->rules);
    quire_claims_deinit(&c->model.ctx, &c->claims);
    scratch_remove(&c->folder);
    table_case_close(&c->model);
}

static quire_status
apply(rules_case *c)
{
    ck_assert_msg(c->loaded == QUIRE_OK, "%s: %s", c->model.log.file, c->model.log.message);
    ck_assert_int_eq(table_case_run(&c->model, "infer-types"), QUIRE_OK);
    return quire_rules_apply(&c->model.ctx, &c->rules, c->model.run.model, &c->claims);
}

/* The one error is told with `status` at PATH:`place` and holds `words`. */
static void
check_error(const rules_case *c, quire_status found, quire_status status, const char *place,
            const char *words)
{
    const fault_log *log = &c->model.log;
    char tail[64];
    snprintf(tail, sizeof tail, "/r.json:%s", place);
    ck_assert_msg(found == status, "status %d: %s: %s", (int)found, log->file, log->message);
    ck_assert_uint_eq(log->n_errors, 1);
    ck_assert_int_eq(log->status, status);
    const size_t n = strlen(log->file);
    ck_assert_msg(n > strlen(tail) && strcmp(log->file + n - strlen(tail), tail) == 0,
                  "%s, not %s: %s", log->file, tail, log->message);
    char told[1400];
    snprintf(told, sizeof told, "%s: %s", log->path, log->message);
    ck_assert_msg(strstr(told, words) != NULL, "%s", told);
}

static void
refused_by_load(const char *text, quire_status status, const char *place, const char *words)
{
    rules_case c;
    open_rules(&c, MODEL, text);
    check_error(&c, c.loaded, status, place, words);
    close_rules(&c);
}

static void
refused_by_apply(const char *text, const char *place, const char *words)
{
    rules_case c;
    open_rules(&c, MODEL, text);
    check_error(&c, apply(&c), QUIRE_E_USAGE, place, words);
    close_rules(&c);
}

/* --- reading ---------------------------------------------------------------------------------- */

START_TEST(a_rule_is_read_with_its_places)
{
    rules_case c;
    open_rules(&c, MODEL,
               "\n{\"rules\": [\n"
               "  {\"select\": \"op:Add\", \"spec\": \"float\"},\n"
               "  {\n    \"reason\": \"\\u00e9 \\\"}{\", \"spec\": \"= $\",\n"
               "\t\"expect\": 3 , \"priority\":-7,\"select\" :\"rank>=1\" }\n"
               "], \"format_version\": 1}");
    ck_assert_int_eq(c.loaded, QUIRE_OK);
    ck_assert_uint_eq(c.rules.n_rules, 2);
    ck_assert_str_eq(c.rules.name, "r.json");
    const quire_rule *r = &c.rules.rules[0];
    ck_assert_uint_eq(r->line, 3);
    ck_assert_uint_eq(r->column, 3);
    ck_assert_int_eq(r->expect, -1);
    ck_assert_int_eq(r->priority, 0);
    ck_assert_uint_eq(r->reason.len, 0);
    ck_assert_uint_eq(r->at_select.line, 3);
    ck_assert_uint_eq(r->at_select.column, 14);
    ck_assert_uint_eq(r->at_spec.column, 32);
    r++;
    ck_assert_uint_eq(r->line, 4);
    ck_assert_int_eq(r->expect, 3);
    ck_assert_int_eq(r->priority, -7);
    ck_assert(same_text(r->reason, "\xc3\xa9 \"}{"));
    ck_assert(same_text(r->spec, "= $"));
    ck_assert(same_text(quire_selector_text(r->selector), "rank>=1"));
    ck_assert_uint_eq(r->at_spec.line, 5);
    ck_assert_uint_eq(r->at_spec.column, 38);
    ck_assert_uint_eq(r->at_expect.line, 6);
    ck_assert_uint_eq(r->at_expect.column, 12);
    ck_assert_uint_eq(r->at_select.column, 40);
    close_rules(&c);
}
END_TEST

START_TEST(no_rules_are_good_rules)
{
    rules_case c;
    open_rules(&c, MODEL, "{\"format_version\": 1.0, \"rules\": []}");
    ck_assert_int_eq(apply(&c), QUIRE_OK);
    ck_assert_uint_eq(c.claims.n, 0);
    close_rules(&c);
}
END_TEST

START_TEST(what_is_no_json_is_invalid)
{
    refused_by_load("", QUIRE_E_INVALID, "1:1", "not JSON");
    refused_by_load("{\"format_version\": 1,\n  \"rules\" []}", QUIRE_E_INVALID, "2:11",
                    "':' expected");
    refused_by_load("{\"format_version\": 1,\n\"rules\": [\n{]}", QUIRE_E_INVALID, "3:2",
                    "not JSON");
    refused_by_load("{\"rules\": tru}", QUIRE_E_INVALID, "1:11", "invalid token");
    refused_by_load("{} x", QUIRE_E_INVALID, "1:4", "end of file expected");
    refused_by_load("{\"rules\": \"a\xff\"}", QUIRE_E_INVALID, "1:11", "0xff");
    refused_by_load("{\"rules\": \"a\\u0000\"}", QUIRE_E_INVALID, "1:11", "\\u0000");
    refused_by_load("\xef\xbb\xbf{}", QUIRE_E_INVALID, "1:1", "byte order mark");
}
END_TEST

START_TEST(what_is_no_rules_file_is_told_with_its_place)
{
    refused_by_load("[]", QUIRE_E_USAGE, "1:1", "the file is an array");
    refused_by_load(" {}", QUIRE_E_USAGE, "1:2", "no \"format_version\"");
    refused_by_load("{\"format_version\": 2, \"rulez\": []}", QUIRE_E_USAGE, "1:20", "is 2;");
    refused_by_load("{\"format_version\": \"1\", \"rules\": []}", QUIRE_E_USAGE, "1:20",
                    "is a string; it takes the number 1");
    refused_by_load("{\"format_version\": 1}", QUIRE_E_USAGE, "1:1", "no \"rules\"");
    refused_by_load("{\"format_version\": 1, \"rules\": {}}", QUIRE_E_USAGE, "1:32",
                    "is an object; it takes an array");
    refused_by_load("{\"format_version\": 1,\n \"rulez\": []}", QUIRE_E_USAGE, "2:2",
                    "unknown key \"rulez\"; nearest: \"rules\"");
    refused_by_load("{\"format_version\": 1, \"rules\": [],\n \"rules\": []}", QUIRE_E_USAGE, "2:2",
                    "duplicate");
}
END_TEST

START_TEST(what_is_wrong_in_a_rule_is_told_with_its_place)
{
#define RULE(fields) FIRST "\n {" fields "}]}"
#define GOOD         "\"select\": \"op:Add\", \"spec\": \"float\""
    refused_by_load(FIRST "\n  7]}", QUIRE_E_USAGE, "2:3", "the rule is a number");
    refused_by_load(FIRST "\n  null]}", QUIRE_E_USAGE, "2:3", "the rule is null");
    refused_by_load(RULE(""), QUIRE_E_USAGE, "2:2", "no \"select\"");
    refused_by_load(RULE("\"select\": \"op:Add\""), QUIRE_E_USAGE, "2:2", "no \"spec\"");
    refused_by_load(RULE("\"spec\": \"float\""), QUIRE_E_USAGE, "2:2", "no \"select\"");
    refused_by_load(RULE(GOOD ", \"priorty\": 1"), QUIRE_E_USAGE, "2:40",
                    "unknown key \"priorty\"; nearest: \"priority\"");
    refused_by_load(RULE("\"\": {\"a\": [1, \"]\"]}, " GOOD), QUIRE_E_USAGE, "2:3", "unknown key");
    refused_by_load(RULE(GOOD ", \"spec\": \"float\""), QUIRE_E_USAGE, "2:40", "duplicate");
    refused_by_load(RULE(GOOD ", \"priority\": 1.5"), QUIRE_E_USAGE, "2:52", "no whole number");
    refused_by_load(RULE(GOOD ", \"priority\": 2147483648"), QUIRE_E_USAGE, "2:52", "2147483648");
    refused_by_load(RULE(GOOD ", \"priority\": true"), QUIRE_E_USAGE, "2:52", "is true");
    refused_by_load(RULE(GOOD ", \"expect\": 0"), QUIRE_E_USAGE, "2:50", "is 0; it takes");
    refused_by_load(RULE(GOOD ", \"expect\": -1"), QUIRE_E_USAGE, "2:50", "is -1; it takes");
    refused_by_load(RULE(GOOD ", \"expect\": \"1\""), QUIRE_E_USAGE, "2:50", "is a string");
    refused_by_load(RULE(GOOD ", \"reason\": false"), QUIRE_E_USAGE, "2:50", "is false");
    refused_by_load(RULE("\"spec\": \"float\", \"select\": [\"op:Add\"]"), QUIRE_E_USAGE, "2:30",
                    "is an array");
    refused_by_load(RULE("\"spec\": \"float\", \"select\": \"op:Add and (\""), QUIRE_E_USAGE,
                    "2:30", "column ");
    refused_by_load(RULE("\"spec\": \"float\", \"select\": \"\""), QUIRE_E_USAGE, "2:30",
                    "column 1");
    refused_by_load("{\"format_version\": 1, \"rules\": [{" GOOD "}, {\"spec\": 5, \"select\": "
                    "\"op:Add\"}]}",
                    QUIRE_E_USAGE, "1:81", "\"spec\" is a number");
}
END_TEST

/* `n` times `item` between commas. */
static void
refused_for_its_size(const char *item, size_t n, const char *place)
{
    const size_t size = strlen(item) + 1;
    char *text = malloc(n * size + 3);
    ck_assert_ptr_nonnull(text);
    text[0] = '[';
    for (size_t i = 0; i < n; i++) {
        memcpy(text + 1 + i * size, item, size - 1);
        text[1 + i * size + size - 1] = ',';
    }
    memcpy(text + n * size, "]", 2); /* over the last comma */
    refused_by_load(text, QUIRE_E_LIMIT, place, "more than 131072 objects");
    free(text);
}

START_TEST(files_that_would_fill_the_memory_are_refused)
{
    refused_for_its_size("{}", 1u << 17, "1:393215"); /* 1 + 3 * (2^17 - 1) + 1 */
    refused_for_its_size("0", 1u << 21, "1:4194305");
}
END_TEST

START_TEST(files_have_a_limit)
{
    const size_t n = (16u << 20) + 1;
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_rules rules;
    char *text = malloc(n);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', n);
    const scratch s = scratch_create();
    scratch_write(&s, "r.json", text, n);
    ck_assert_int_eq(quire_rules_load(&ctx, scratch_path(&s, "r.json"), &rules), QUIRE_E_LIMIT);
    ck_assert_int_eq(quire_rules_load(&ctx, scratch_path(&s, "none"), &rules), QUIRE_E_INVALID);
    ck_assert_uint_eq(log.n_errors, 2);
    scratch_remove(&s);
    free(text);
}
END_TEST

START_TEST(places_count_characters_and_skip_strings)
{
    const char text[] = "{ \"\xc3\xa9\\\"}\\\\\" :\n [1, {\"a\":[]} ,\"]\"] , \"b\":-1.5e3}";
    quire_where w = quire_where_begin(quire_bytes_of(text));
    quire_where_token(&w);
    quire_text_place at = quire_where_next(&w);
    ck_assert_uint_eq(at.column, 3);
    quire_where_token(&w);
    at = quire_where_next(&w);
    ck_assert_uint_eq(at.column, 12);
    quire_where_token(&w);
    at = quire_where_next(&w);
    ck_assert_uint_eq(at.line, 2);
    ck_assert_uint_eq(at.column, 2);
    quire_where_value(&w);
    at = quire_where_next(&w);
    ck_assert_uint_eq(at.column, 21);
    ck_assert_int_eq(*w.p, ',');
    quire_where_token(&w);
    quire_where_value(&w);
    quire_where_token(&w);
    quire_where_value(&w);
    ck_assert_int_eq(*w.p, '}');
    at = quire_where_before(quire_bytes_of(text), 9);
    ck_assert_uint_eq(at.column, 3);
    at = quire_where_before(quire_bytes_of("\"no end"), 7);
    ck_assert_uint_eq(at.column, 1);
}
END_TEST

/* --- applying --------------------------------------------------------------------------------- */

/* Claims as "SLOT SPEC by WHO !P flags; ", in their order. */
static const char *
told(const rules_case *c)
{
    static char out[4096];
    quire_text text;
    quire_writer w;
    quire_ctx ctx = c->model.ctx;
    const quire_model *m = c->model.run.model;
    quire_writer_to_text(&w, &ctx, &text);
    for (size_t i = 0; i < c->claims.n; i++) {
        const quire_claim *claim = &c->claims.ptr[i];
        const quire_spec spec = quire_spec_of_ref(m, claim->spec);
        const quire_bytes who = quire_sym_bytes(m, claim->who);
        quire_slot_print(&w, m, claim->slot);
        quire_write_str(&w, " ");
        quire_spec_print(&w, m, &spec);
        quire_writef(&w, " by %.*s !%d%s%s; ", (int)who.len, (const char *)who.ptr,
                     (int)claim->priority, claim->flags & QUIRE_CLAIM_NOSHARE ? " noshare" : "",
                     claim->flags & QUIRE_CLAIM_LOST ? " lost" : "");
    }
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    snprintf(out, sizeof out, "%s", text.ptr != NULL ? text.ptr : "");
    quire_text_free(&ctx, &text);
    return out;
}

START_TEST(slots_that_cannot_be_annotated_are_left_out_with_a_reason)
{
    rules_case c;
    open_rules(&c, MODEL,
               FIRST "{\"select\": \"op:Gather or op:Clip or op:Unknown\", \"spec\": \"" U8
                     "\", \"expect\": 4},\n"
                     "{\"select\": \"op:Unknown and result\", \"spec\": \"float\"},\n"
                     "{\"select\": \"result\", \"spec\": \"u8 axis=1 affine zp=int\"}]}");
    ck_assert_msg(apply(&c) == QUIRE_OK, "%s", c.model.log.message);
    const quire_rule *r = c.rules.rules;
    ck_assert_uint_eq(r[0].n_selected, 6); /* b<-0 b<-1 c<-0 c<-1 c<-2 d<-0 */
    ck_assert_uint_eq(r[0].n_claimed, 4);
    ck_assert_uint_eq(r[0].n_refused, 2);
    ck_assert_uint_eq(r[0].n_held, 4);
    ck_assert_uint_eq(r[1].n_claimed, 1); /* d, of which nothing is known */
    ck_assert_uint_eq(r[1].n_held, 1);
    ck_assert_uint_eq(r[2].n_selected, 5); /* a b c d y */
    ck_assert_uint_eq(r[2].n_claimed, 4);
    ck_assert_uint_eq(c.rules.n_refusals, 3);
    ck_assert_int_eq(c.rules.refusals[0].reason, QUIRE_REASON_NOT_FLOAT);
    ck_assert_int_eq(c.rules.refusals[1].reason, QUIRE_REASON_ABSENT);
    ck_assert_int_eq(c.rules.refusals[2].reason, QUIRE_REASON_TYPE_UNKNOWN);
    ck_assert_uint_eq(c.rules.refusals[2].rule, 2);
    close_rules(&c);
}
END_TEST

START_TEST(the_last_rule_holds_whatever_its_priority)
{
    rules_case c;
    open_rules(&c, MODEL,
               FIRST "{\"select\": \"op:Add and operand:1\", \"spec\": \"" U8
                     "\", \"priority\": 9},\n"
                     "{\"select\": \"slot:\\\"a<-1\\\"\", \"spec\": \"float noshare\", \"reason\": "
                     "\"exact\", \"priority\": -1},\n"
                     "{\"select\": \"slot:\\\"a<-1\\\"\", \"spec\": \" " U8 "  noshare \"}]}");
    ck_assert_msg(apply(&c) == QUIRE_OK, "%s", c.model.log.message);
    ck_assert_str_eq(told(&c), "a<-1 " U8 " by r.json:1 !9 lost; "
                               "y<-1 " U8 " by r.json:1 !9; "
                               "a<-1 float by r.json:2 !-1 noshare lost; "
                               "a<-1 " U8 " by r.json:3 !0 noshare; ");
    ck_assert_uint_eq(c.rules.rules[0].n_held, 1);
    ck_assert_uint_eq(c.rules.rules[1].n_held, 0);
    ck_assert_uint_eq(c.rules.rules[2].n_held, 1);
    const quire_model *m = c.model.run.model;
    ck_assert(same_text(quire_sym_bytes(m, c.claims.ptr[2].reason), "exact"));
    ck_assert_uint_eq(c.claims.ptr[0].reason.id, 0);
    close_rules(&c);
}
END_TEST

START_TEST(a_dollar_is_the_node_that_is_selected)
{
    rules_case c;
    open_rules(&c, MODEL,
               FIRST "{\"select\": \"op:Add and operand:0\", \"spec\": \"" U8 "\"},\n"
                     "{\"select\": \"op:Add and operand:1\", \"spec\": \"= $<-0\"},\n"
                     "{\"select\": \"op:Add and result\", \"spec\": \"i32 tensor symmetric zp=none "
                     "derived bias($<-0, $<-1)\"},\n"
                     "{\"select\": \"op:Clip and operand:0\", \"spec\": \"= $\"}]}");
    ck_assert_msg(apply(&c) == QUIRE_OK, "%s", c.model.log.message);
    ck_assert_str_eq(told(&c),
                     "a<-0 " U8 " by r.json:1 !0; y<-0 " U8 " by r.json:1 !0; "
                     "a<-1 = a<-0 by r.json:2 !0; y<-1 = y<-0 by r.json:2 !0; "
                     "a i32 tensor symmetric zp=none derived bias(a<-0, a<-1) by r.json:3 !0; "
                     "y i32 tensor symmetric zp=none derived bias(y<-0, y<-1) by r.json:3 !0; "
                     "c<-0 = c by r.json:4 !0; ");
    close_rules(&c);
}
END_TEST

START_TEST(mistakes_over_a_model_are_told_with_their_place)
{
#define ONE(select, spec) FIRST "\n{\"select\": \"" select "\", \"spec\": \"" spec "\"}]}"
    refused_by_apply(ONE("op:Conv", "float"), "2:12", "selects nothing");
    refused_by_apply(ONE("op:Ad", "float"), "2:12", "Add");
    refused_by_apply(ONE("op:Gather and operand:1", U8), "2:12",
                     "none of the 1 slots the rule selects can be annotated: 1 not-float");
    refused_by_apply(ONE("op:Add and result", "u8 axis=2 affine zp=int"), "2:12",
                     "2 axis-beyond-rank");
    refused_by_apply(ONE("op:Add", "u8 tensr affine zp=int"), "2:30", "column ");
    refused_by_apply(ONE("op:Add", "= nowhere"), "2:30", "nowhere");
    refused_by_apply(ONE("op:Add", "float by me"), "2:30",
                     "column 7: after the spec comes \"by me\"");
    refused_by_apply(ONE("op:Add", "float noshare noshare"), "2:30", "only noshare");
    refused_by_apply(ONE("input and dtype:f32", "= $"), "2:43", "$");
    refused_by_apply(
        FIRST "{\"expect\": 3, \"select\": \"op:Gather\", \"spec\": \"" U8 "\"}]}", "1:44",
        "is 3, but 1 of the slots selected can be annotated (and left out: 1 not-float)");
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

static quire_status
load_and_apply(quire_ctx *ctx, const char *path)
{
    quire_model *m;
    quire_annotations a;
    QUIRE_TRY(quire_model_parse(ctx, quire_bytes_of(MODEL), NULL, &m));
    const quire_status status = quire_annotations_load(ctx, m, NULL, path, NULL, &a);
    if (status == QUIRE_OK) {
        ck_assert_int_eq(a.kind, QUIRE_FROM_RULES);
        ck_assert_uint_eq(a.resolved.n_annotations, 5);
        quire_annotations_deinit(ctx, &a);
    }
    quire_model_destroy(ctx, m);
    return status;
}

static bool
run_with_fault(const char *path, size_t n)
{
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, n, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    const quire_status status = load_and_apply(&ctx, path);
    ck_assert_msg(status == QUIRE_OK || status == QUIRE_E_NOMEM, "%s", log.message);
    ck_assert(fault_alloc_is_clean(&alloc));
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    static const char text[] =
        FIRST "{\"select\": \"op:Gather or op:Add\", \"spec\": \"" U8 "\", \"reason\": \"why\"},\n"
              "{\"select\": \"op:Add and operand:1\", \"spec\": \"= $<-0 noshare\"}]}";
    const scratch s = scratch_create();
    scratch_write(&s, "r.json", text, strlen(text));
    const char *path = scratch_path(&s, "r.json");
    size_t n = 1;
    while (!run_with_fault(path, n))
        n++;
    ck_assert_uint_gt(n, 30);
    scratch_remove(&s);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("rules");
    tcase_set_timeout(all, 120);
    tcase_add_test(all, a_rule_is_read_with_its_places);
    tcase_add_test(all, no_rules_are_good_rules);
    tcase_add_test(all, what_is_no_json_is_invalid);
    tcase_add_test(all, what_is_no_rules_file_is_told_with_its_place);
    tcase_add_test(all, what_is_wrong_in_a_rule_is_told_with_its_place);
    tcase_add_test(all, files_that_would_fill_the_memory_are_refused);
    tcase_add_test(all, files_have_a_limit);
    tcase_add_test(all, places_count_characters_and_skip_strings);
    tcase_add_test(all, slots_that_cannot_be_annotated_are_left_out_with_a_reason);
    tcase_add_test(all, the_last_rule_holds_whatever_its_priority);
    tcase_add_test(all, a_dollar_is_the_node_that_is_selected);
    tcase_add_test(all, mistakes_over_a_model_are_told_with_their_place);
    tcase_add_test(all, every_allocation_may_fail);
    return table_case_main(all, "rules");
}
