/* test_json.c - JSON text: RFC 8259 says what is valid, json.h how it is laid out. */
#include <check.h>
#include <math.h>

#include "base/json.h"
#include "support/fault.h"
#include "support/suite.h"

typedef struct fixture {
    quire_ctx ctx;
    quire_writer w;
    quire_text text;
    quire_json j;
} fixture;

static void
begin(fixture *f)
{
    f->ctx = fault_ctx(NULL, NULL, NULL);
    quire_writer_to_text(&f->w, &f->ctx, &f->text);
    f->j = (quire_json){.w = &f->w};
}

static void
expect(fixture *f, const char *expected)
{
    ck_assert_int_eq(quire_writer_finish(&f->w), QUIRE_OK);
    ck_assert_str_eq(f->text.ptr, expected);
    ck_assert_uint_eq(f->text.len, strlen(expected));
    quire_text_free(&f->ctx, &f->text);
}

START_TEST(values_of_every_kind)
{
    fixture f;
    begin(&f);
    quire_json_begin(&f.j, '{');
    quire_json_key(&f.j, "text");
    quire_json_text(&f.j, "a");
    quire_json_key(&f.j, "number");
    quire_json_u64(&f.j, UINT64_MAX);
    quire_json_key(&f.j, "real");
    quire_json_double(&f.j, 0.1);
    quire_json_key(&f.j, "yes");
    quire_json_bool(&f.j, true);
    quire_json_key(&f.j, "no");
    quire_json_bool(&f.j, false);
    quire_json_key(&f.j, "none");
    quire_json_null(&f.j);
    quire_json_end(&f.j, '}');
    expect(&f, "{\n"
               "  \"text\": \"a\",\n"
               "  \"number\": 18446744073709551615,\n"
               "  \"real\": 0.1,\n"
               "  \"yes\": true,\n"
               "  \"no\": false,\n"
               "  \"none\": null\n"
               "}\n");
}
END_TEST

START_TEST(outer_levels_on_lines_inner_ones_flat)
{
    fixture f;
    begin(&f);
    quire_json_begin(&f.j, '{');
    quire_json_key(&f.j, "items");
    quire_json_begin(&f.j, '[');
    for (uint64_t i = 0; i < 2; i++) {
        quire_json_begin(&f.j, '{');
        quire_json_key(&f.j, "i");
        quire_json_u64(&f.j, i);
        quire_json_key(&f.j, "list");
        quire_json_begin(&f.j, '[');
        quire_json_u64(&f.j, 1);
        quire_json_u64(&f.j, 2);
        quire_json_end(&f.j, ']');
        quire_json_end(&f.j, '}');
    }
    quire_json_end(&f.j, ']');
    quire_json_end(&f.j, '}');
    expect(&f, "{\n"
               "  \"items\": [\n"
               "    {\"i\": 0, \"list\": [1, 2]},\n"
               "    {\"i\": 1, \"list\": [1, 2]}\n"
               "  ]\n"
               "}\n");
}
END_TEST

START_TEST(empty_ones_stay_on_their_line)
{
    fixture f;
    begin(&f);
    quire_json_begin(&f.j, '{');
    quire_json_key(&f.j, "a");
    quire_json_begin(&f.j, '[');
    quire_json_end(&f.j, ']');
    quire_json_key(&f.j, "b");
    quire_json_begin(&f.j, '{');
    quire_json_key(&f.j, "c");
    quire_json_begin(&f.j, '[');
    quire_json_begin(&f.j, '{');
    quire_json_end(&f.j, '}');
    quire_json_begin(&f.j, '[');
    quire_json_end(&f.j, ']');
    quire_json_end(&f.j, ']');
    quire_json_end(&f.j, '}');
    quire_json_end(&f.j, '}');
    expect(&f, "{\n"
               "  \"a\": [],\n"
               "  \"b\": {\n"
               "    \"c\": [{}, []]\n"
               "  }\n"
               "}\n");
}
END_TEST

static void
expect_string(quire_bytes bytes, const char *expected)
{
    fixture f;
    begin(&f);
    quire_json_string(&f.j, bytes);
    expect(&f, expected);
}

START_TEST(strings_are_escaped)
{
    expect_string(quire_bytes_of("plain / \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
                  "\"plain / \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    expect_string(quire_bytes_of("say \"yes\" \\ no"), "\"say \\\"yes\\\" \\\\ no\"");
    expect_string(quire_bytes_of("\n\t\r\x01\x1f\x7f"),
                  "\"\\u000a\\u0009\\u000d\\u0001\\u001f\\u007f\"");
    expect_string((quire_bytes){(const uint8_t *)"a\0b", 3}, "\"a\\u0000b\"");
    expect_string((quire_bytes){NULL, 0}, "\"\"");
}
END_TEST

START_TEST(strings_in_pieces)
{
    fixture f;
    quire_writer text;
    begin(&f);
    quire_json_begin(&f.j, '[');
    quire_json_open_text(&f.j, &text);
    quire_write_str(&text, "a\"");
    quire_writef(&text, "%d\n", 7);
    quire_json_close_text(&f.j, &text);
    quire_json_open_text(&f.j, &text);
    quire_json_close_text(&f.j, &text);
    quire_json_i64(&f.j, INT64_MIN);
    quire_json_end(&f.j, ']');
    expect(&f, "[\n"
               "  \"a\\\"7\\u000a\",\n"
               "  \"\",\n"
               "  -9223372036854775808\n"
               "]\n");
}
END_TEST

START_TEST(keys_are_escaped_too)
{
    fixture f;
    begin(&f);
    quire_json_begin(&f.j, '{');
    quire_json_key(&f.j, "a\"b");
    quire_json_u64(&f.j, 0);
    quire_json_end(&f.j, '}');
    expect(&f, "{\n  \"a\\\"b\": 0\n}\n");
}
END_TEST

static void
expect_double(double x, const char *expected)
{
    fixture f;
    begin(&f);
    quire_json_double(&f.j, x);
    expect(&f, expected);
}

/* JSON has no infinities and no NaN, and a number may not begin with a point or a plus. */
START_TEST(doubles_are_numbers_or_null)
{
    expect_double(NAN, "null");
    expect_double(INFINITY, "null");
    expect_double(-INFINITY, "null");
    expect_double(0, "0");
    expect_double(-3, "-3");
    expect_double(0.5, "0.5");
    expect_double(-0.25, "-0.25");
    expect_double(1e300, "1e+300");
    expect_double(5e-324, "5e-324");
    expect_double(1.0 / 3, "0.3333333333333333");
}
END_TEST

START_TEST(sixteen_levels)
{
    fixture f;
    begin(&f);
    for (int i = 0; i < 16; i++)
        quire_json_begin(&f.j, '[');
    for (int i = 0; i < 16; i++)
        quire_json_end(&f.j, ']');
    expect(&f, "[\n  [\n    [[[[[[[[[[[[[[]]]]]]]]]]]]]]\n  ]\n]\n");
}
END_TEST

START_TEST(errors_stick_to_the_writer)
{
    fixture f;
    fault_alloc fault;
    fault_log log;
    fault_alloc_init(&fault, 1, true);
    f.ctx = fault_ctx(&fault, NULL, &log);
    quire_writer_to_text(&f.w, &f.ctx, &f.text);
    f.j = (quire_json){.w = &f.w};
    quire_json_begin(&f.j, '[');
    for (uint64_t i = 0; i < 10000; i++)
        quire_json_u64(&f.j, i);
    quire_json_end(&f.j, ']');
    ck_assert_int_eq(quire_writer_finish(&f.w), QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, 1);
    quire_text_free(&f.ctx, &f.text);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_add_test(tests, values_of_every_kind);
    tcase_add_test(tests, outer_levels_on_lines_inner_ones_flat);
    tcase_add_test(tests, empty_ones_stay_on_their_line);
    tcase_add_test(tests, strings_are_escaped);
    tcase_add_test(tests, strings_in_pieces);
    tcase_add_test(tests, keys_are_escaped_too);
    tcase_add_test(tests, doubles_are_numbers_or_null);
    tcase_add_test(tests, sixteen_levels);
    tcase_add_test(tests, errors_stick_to_the_writer);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
