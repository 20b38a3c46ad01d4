/* test_options.c - options of quantizers: tables that cannot be, values of every type, messages. */
#include <check.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "plugin/options.h"
#include "support/fault.h"
#include "support/suite.h"

typedef struct values {
    int64_t bits, any;
    double ratio;
    quire_string only;
    int32_t loud, mode;
} values;

static const char *const modes[] = {"fast", "exact", NULL};

#define ROW(type, name, otherwise, least, most, choices, member)                                   \
    {                                                                                              \
        sizeof(quire_option), QUIRE_OPTION_##type, name, "help of " name, otherwise, least, most,  \
            choices, offsetof(values, member)                                                      \
    }

static const quire_option rows[] = {
    ROW(INT, "bits", "4", 1, 8, NULL, bits),
    ROW(INT, "any", "-7", 0, 0, NULL, any),
    ROW(FLOAT, "ratio", "0.25", -1, 1.5, NULL, ratio),
    ROW(STRING, "only", "", 0, 0, NULL, only),
    ROW(BOOL, "loud", "false", 0, 0, NULL, loud),
    ROW(CHOICE, "mode", "exact", 0, 0, modes, mode),
};

static const quire_quantizer quantizer = {.size = sizeof quantizer,
                                          .options_size = sizeof(values),
                                          .name = "toy",
                                          .options = rows,
                                          .n_options = sizeof rows / sizeof *rows};

typedef struct fixture {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_log log;
    quire_arena arena;
} fixture;

static void
setup(fixture *f)
{
    *f = (fixture){0};
    fault_alloc_init(&f->alloc, 0, false);
    f->ctx = fault_ctx(&f->alloc, NULL, &f->log);
    quire_arena_init(&f->arena, f->ctx.alloc);
}

static void
teardown(fixture *f)
{
    quire_arena_deinit(&f->arena);
    ck_assert(fault_alloc_is_clean(&f->alloc));
}

static values
parse_ok(fixture *f, const char *text)
{
    void *out = NULL;
    const quire_status status =
        quire_options_parse(&f->ctx, &quantizer, quire_bytes_of(text), &f->arena, &out);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", text, f->log.message);
    return *(values *)out;
}

static void
expect_text(quire_string found, const char *expected)
{
    ck_assert_uint_eq(found.len, strlen(expected));
    ck_assert(memcmp(found.ptr, expected, found.len) == 0);
    ck_assert(found.ptr[found.len] == '\0');
}

START_TEST(defaults_are_filled_in)
{
    fixture f;
    setup(&f);
    const values v = parse_ok(&f, "");
    ck_assert_int_eq(v.bits, 4);
    ck_assert_int_eq(v.any, -7);
    ck_assert_double_eq(v.ratio, 0.25);
    expect_text(v.only, "");
    ck_assert_int_eq(v.loud, 0);
    ck_assert_int_eq(v.mode, 1);
    teardown(&f);
}
END_TEST

START_TEST(values_of_every_type)
{
    fixture f;
    setup(&f);
    const values v = parse_ok(&f, "mode=fast,loud,bits=8,only=user*,ratio=-0x1p-2,any=-42");
    ck_assert_int_eq(v.bits, 8);
    ck_assert_int_eq(v.any, -42);
    ck_assert_double_eq(v.ratio, -0.25);
    expect_text(v.only, "user*");
    ck_assert_int_eq(v.loud, 1);
    ck_assert_int_eq(v.mode, 0);
    ck_assert_int_eq(parse_ok(&f, "loud=true").loud, 1);
    ck_assert_int_eq(parse_ok(&f, "loud=false").loud, 0);
    ck_assert_int_eq(parse_ok(&f, "any=9223372036854775807").any, INT64_MAX);
    ck_assert_int_eq(parse_ok(&f, "any=-9223372036854775808").any, INT64_MIN);
    ck_assert_double_eq(parse_ok(&f, "ratio=1.5").ratio, 1.5);
    teardown(&f);
}
END_TEST

START_TEST(quotes_hold_commas_quotes_and_blanks)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"only=\"a,b\"", "a,b"},
        {"only=\" a \",bits=1", " a "},
        {"only=\"\"", ""},
        {"only=\"say \\\"hi\\\"\"", "say \"hi\""},
        {"only=\"a\\\\b\"", "a\\b"},
        {"only=\"\\\\\\\\\\\"\"", "\\\\\""},
        {"only=a\\b", "a\\b"},
        {"only=a=b", "a=b"},
        {"only=user 1", "user 1"},
        {" only = a , bits = 2 ", "a"},
        {"only= \"x\" ,bits=2", "x"},
        {"only=", ""},
        {"only=caf\xc3\xa9", "caf\xc3\xa9"},
    };
    fixture f;
    setup(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_text(parse_ok(&f, cases[i].text).only, cases[i].value);
    teardown(&f);
}
END_TEST

/* Numbers do not depend on the program's locale. */
START_TEST(a_decimal_point_is_a_point)
{
    fixture f;
    setup(&f);
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    ck_assert_double_eq(parse_ok(&f, "ratio=0.5").ratio, 0.5);
    (void)setlocale(LC_ALL, "C");
    teardown(&f);
}
END_TEST

START_TEST(wrong_texts_are_refused_in_a_sentence)
{
    static const struct {
        const char *text, *message; /* part of it */
    } cases[] = {
        {"bit=4", "quantizer toy has no option \"bit\"; nearest: \"bits\""},
        {"=4", "no option \"\""},
        {",", "no option \"\""},
        {"bits=4,", "no option \"\""},
        {"bits=4,,any=1", "no option \"\""},
        {"bits=9", "option bits of quantizer toy is \"9\"; it takes a whole number from 1 to 8"},
        {"bits=0", "from 1 to 8"},
        {"bits=x", "is \"x\"; it takes a whole number"},
        {"bits=", "is \"\""},
        {"bits=-", "is \"-\""},
        {"bits=+4", "is \"+4\""},
        {"bits=4.0", "is \"4.0\""},
        {"any=9223372036854775808", "takes a whole number"},
        {"any=-9223372036854775809", "takes a whole number"},
        {"ratio=1.6", "is \"1.6\"; it takes a number from -1 to 1.5"},
        {"ratio=nan", "takes a number"},
        {"ratio=inf", "takes a number"},
        {"ratio=0,5", "no option \"5\""},
        {"loud=yes", "takes true or false"},
        {"mode=slow", "takes one of fast, exact"},
        {"bits", "option bits of quantizer toy needs a value: bits=VALUE"},
        {"bits=4,bits=4", "option bits of quantizer toy is given twice"},
        {"only=\"a", "the closing quote is missing"},
        {"only=\"a\\", "the closing quote is missing"},
        {"only=\"a\\\"", "the closing quote is missing"},
        {"only=\"a\\n\"", "a backslash stands before a quote or a backslash only"},
        {"only=\"a\"b", "a quote in the middle"},
        {"only=a\"b\"", "a quote in the middle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        void *out;
        setup(&f);
        const quire_status status =
            quire_options_parse(&f.ctx, &quantizer, quire_bytes_of(cases[i].text), &f.arena, &out);
        ck_assert_msg(status == QUIRE_E_USAGE, "%s", cases[i].text);
        ck_assert_uint_eq(f.log.n_errors, 1);
        ck_assert_msg(strstr(f.log.message, cases[i].message) != NULL, "%s: %s", cases[i].text,
                      f.log.message);
        teardown(&f);
    }
}
END_TEST

START_TEST(what_must_be_given)
{
    const quire_option needed[] = {ROW(STRING, "only", NULL, 0, 0, NULL, only)};
    quire_quantizer q = quantizer;
    void *out;
    fixture f;
    setup(&f);
    q.options = needed;
    q.n_options = 1;
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_OK);
    ck_assert_int_eq(quire_options_parse(&f.ctx, &q, quire_bytes_of(""), &f.arena, &out),
                     QUIRE_E_USAGE);
    ck_assert_str_eq(f.log.message, "quantizer toy needs its option only: toy:only=VALUE");
    ck_assert_int_eq(quire_options_parse(&f.ctx, &q, quire_bytes_of("only=x"), &f.arena, &out),
                     QUIRE_OK);
    teardown(&f);
}
END_TEST

START_TEST(no_options_at_all)
{
    quire_quantizer q = {.size = sizeof q, .name = "bare"};
    void *out;
    fixture f;
    setup(&f);
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_OK);
    ck_assert_int_eq(quire_options_parse(&f.ctx, &q, quire_bytes_of(""), &f.arena, &out), QUIRE_OK);
    ck_assert_int_eq(quire_options_parse(&f.ctx, &q, quire_bytes_of("x=1"), &f.arena, &out),
                     QUIRE_E_USAGE);
    ck_assert_str_eq(f.log.message, "quantizer bare takes no options; \"x\" was given");
    teardown(&f);
}
END_TEST

/* --- tables ----------------------------------------------------------------------------------- */

static void
expect_refused(quire_option first, const char *message)
{
    quire_option table[2] = {first, ROW(BOOL, "loud", "false", 0, 0, NULL, loud)};
    quire_quantizer q = quantizer;
    fixture f;
    setup(&f);
    q.options = table;
    q.n_options = 2;
    ck_assert_msg(quire_options_check(&f.ctx, &q) == QUIRE_E_PLUGIN, "%s", message);
    ck_assert_uint_eq(f.log.n_errors, 1);
    ck_assert_msg(strstr(f.log.message, message) != NULL, "%s: %s", message, f.log.message);
    ck_assert(strstr(f.log.message, "toy") != NULL);
    teardown(&f);
}

START_TEST(a_sound_table_passes)
{
    fixture f;
    setup(&f);
    ck_assert_int_eq(quire_options_check(&f.ctx, &quantizer), QUIRE_OK);
    ck_assert_uint_eq(f.log.n_errors + f.log.n_others, 0);
    teardown(&f);
}
END_TEST

START_TEST(tables_that_cannot_be)
{
    static const char *const empty[] = {NULL};
    static const char *const twice[] = {"a", "a", NULL};
    static const char *const odd[] = {"a b", NULL};
    static char names[300][8];
    static const char *many[301];
    const quire_option good = rows[0];
    quire_option o;
    expect_refused((o = good, o.size = 8, o), "has 8 bytes");
    expect_refused((o = good, o.size = 72, o), "all rows of a table have one size");
    expect_refused((o = good, o.name = NULL, o), "the name of option 0");
    expect_refused((o = good, o.name = "", o), "the name of option 0");
    expect_refused((o = good, o.name = "Bits", o), "the name of option 0");
    expect_refused((o = good, o.name = "a=b", o), "the name of option 0");
    expect_refused((o = good, o.name = "loud", o.offset = 8, o), "is there twice");
    expect_refused((o = good, o.type = 0, o), "has type 0");
    expect_refused((o = good, o.type = 6, o), "has type 6");
    expect_refused((o = good, o.type = UINT32_MAX, o), "has type 4294967295");
    expect_refused((o = good, o.offset = sizeof(values), o), "takes 8 bytes at offset");
    expect_refused((o = good, o.offset = sizeof(values) - 4, o), "takes 8 bytes at offset");
    expect_refused((o = good, o.offset = UINT32_MAX - 3, o), "takes 8 bytes at offset");
    expect_refused((o = good, o.offset = 4, o), "multiples of 8");
    expect_refused((o = good, o.offset = offsetof(values, loud), o), "overlap");
    expect_refused((o = good, o.help = NULL, o), "no line of help");
    expect_refused((o = good, o.help = "two\nlines", o), "no line of help");
    expect_refused((o = good, o.least = 9, o), "a least value above its most");
    expect_refused((o = good, o.least = (double)NAN, o), "a least value above its most");
    expect_refused((o = good, o.otherwise = "9", o), "default of option bits is \"9\"");
    expect_refused((o = good, o.otherwise = "", o), "default of option bits is \"\"");
    expect_refused((o = good, o.otherwise = "\x1b[2J", o), "a default that is no line of text");
    const quire_option choice = rows[5];
    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "c%zu", i);
        many[i] = names[i];
    }
    expect_refused((o = choice, o.offset = 0, o.choices = many, o), "more than 256 choices");
    expect_refused((o = choice, o.offset = 0, o.choices = NULL, o), "has no choices");
    expect_refused((o = choice, o.offset = 0, o.choices = empty, o), "has no choices");
    expect_refused((o = choice, o.offset = 0, o.choices = twice, o), "there twice");
    expect_refused((o = choice, o.offset = 0, o.choices = odd, o), "a choice that is no name");
    expect_refused((o = choice, o.offset = 0, o.otherwise = "slow", o),
                   "default of option mode is \"slow\"; it takes one of fast, exact");
}
END_TEST

START_TEST(tables_of_impossible_size)
{
    quire_quantizer q = quantizer;
    fixture f;
    setup(&f);
    q.n_options = UINT32_MAX;
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_E_PLUGIN);
    ck_assert(strstr(f.log.message, "4294967295 options") != NULL);
    q = quantizer;
    q.options = NULL;
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_E_PLUGIN);
    ck_assert(strstr(f.log.message, "no table") != NULL);
    q = quantizer;
    q.options_size = UINT32_MAX;
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_E_PLUGIN);
    ck_assert(strstr(f.log.message, "options struct") != NULL);
    teardown(&f);
}
END_TEST

/* A plugin of a later minor version has longer rows. */
START_TEST(longer_rows_are_stepped_over)
{
    const struct later {
        quire_option known;
        double more;
    } later[] = {{ROW(INT, "bits", "3", 1, 8, NULL, bits), 1},
                 {ROW(CHOICE, "mode", "fast", 0, 0, modes, mode), 2}};
    quire_option table[4];
    quire_quantizer q = quantizer;
    void *out;
    fixture f;
    setup(&f);
    ck_assert_uint_eq(sizeof later % sizeof(double), 0);
    ck_assert(sizeof later <= sizeof table);
    memcpy(table, later, sizeof later);
    for (size_t i = 0; i < 2; i++) {
        const uint32_t size = sizeof(struct later);
        memcpy((char *)table + i * sizeof(struct later), &size, sizeof size);
    }
    q.options = table;
    q.n_options = 2;
    ck_assert_int_eq(quire_options_check(&f.ctx, &q), QUIRE_OK);
    ck_assert_int_eq(quire_options_parse(&f.ctx, &q, quire_bytes_of("mode=exact"), &f.arena, &out),
                     QUIRE_OK);
    ck_assert_int_eq(((values *)out)->bits, 3);
    ck_assert_int_eq(((values *)out)->mode, 1);
    teardown(&f);
}
END_TEST

START_TEST(help_says_all_of_it)
{
    quire_writer w;
    quire_text text;
    fixture f;
    setup(&f);
    quire_writer_to_text(&w, &f.ctx, &text);
    quire_options_help(&w, &quantizer);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(text.ptr,
                     "  bits=INT                   help of bits (1 to 8; default 4)\n"
                     "  any=INT                    help of any (default -7)\n"
                     "  ratio=NUMBER               help of ratio (-1 to 1.5; default 0.25)\n"
                     "  only=TEXT                  help of only (default none)\n"
                     "  loud=true|false            help of loud (default false)\n"
                     "  mode=fast|exact            help of mode (default exact)\n");
    quire_text_free(&f.ctx, &text);
    teardown(&f);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (size_t fail_at = 1;; fail_at++) {
        fixture f;
        void *out;
        setup(&f);
        f.alloc.fail_at = fail_at;
        quire_status status = quire_options_check(&f.ctx, &quantizer);
        if (status == QUIRE_OK)
            status = quire_options_parse(&f.ctx, &quantizer, quire_bytes_of("only=\"a,b\""),
                                         &f.arena, &out);
        const bool failed = f.alloc.n_failed > 0;
        ck_assert_int_eq(status, failed ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(f.log.n_errors, failed ? 1 : 0);
        teardown(&f);
        if (!failed) break;
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("options");
    TCase *parsing = tcase_create("parsing");
    tcase_add_test(parsing, defaults_are_filled_in);
    tcase_add_test(parsing, values_of_every_type);
    tcase_add_test(parsing, quotes_hold_commas_quotes_and_blanks);
    tcase_add_test(parsing, a_decimal_point_is_a_point);
    tcase_add_test(parsing, wrong_texts_are_refused_in_a_sentence);
    tcase_add_test(parsing, what_must_be_given);
    tcase_add_test(parsing, no_options_at_all);
    tcase_add_test(parsing, every_allocation_may_fail);
    suite_add_tcase(suite, parsing);
    TCase *tables = tcase_create("tables");
    tcase_add_test(tables, a_sound_table_passes);
    tcase_add_test(tables, tables_that_cannot_be);
    tcase_add_test(tables, tables_of_impossible_size);
    tcase_add_test(tables, longer_rows_are_stepped_over);
    tcase_add_test(tables, help_says_all_of_it);
    suite_add_tcase(suite, tables);
    return suite_run(suite);
}
