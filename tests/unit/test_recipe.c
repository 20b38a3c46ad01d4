/* test_recipe.c - recipes: what is read, what damaged ones come to, and what is written of a command
 * line. Places are counted by hand. */

#include "passes/recipe.h"
#include "plugin/recipe_text.h"
#include "plugin/recipe_write.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "unit/table_case.h"

#define MODEL OPSET(17) "g (float[2] x) => (float[2] y) { y = Neg(x) }"

typedef struct recipe_case {
    table_case model;
    scratch folder;
    quire_registry registry;
    quire_arena arena;
} recipe_case;

static void
open_case(recipe_case *c)
{
    *c = (recipe_case){0};
    table_case_open(&c->model, MODEL);
    c->folder = scratch_create();
    ck_assert_int_eq(quire_registry_init(&c->model.ctx, &c->registry), QUIRE_OK);
    quire_arena_init(&c->arena, c->model.ctx.alloc);
}

static void
close_case(recipe_case *c)
{
    quire_arena_deinit(&c->arena);
    quire_registry_deinit(&c->registry);
    scratch_remove(&c->folder);
    table_case_close(&c->model);
}

static quire_status
load(recipe_case *c, const char *text, size_t len, quire_recipe *out)
{
    scratch_write(&c->folder, "r.json", text, len);
    return quire_recipe_load(&c->model.ctx, scratch_path(&c->folder, "r.json"), out);
}

static const char example[] =
    "{\"format_version\": 1,\n"
    " \"quantizers\": [\n"
    "  {\"name\": \"embedding\", \"priority\": -2,\n"
    "   \"options\": {\"bits\": 4, \"only\": \"\xc3\xa4,b\", \"min-elements\": 2e1}},\n"
    "  {\"name\": \"composable\", \"children\": [{\"name\": \"pt2e-embedding\"},\n"
    "    {\"name\": \"embedding\", \"options\": {\"only\": \"{a\"}}]}],\n"
    " \"origin\": \"old.json\", \"rules\": [{\"line\": 9, \"select\": \"operand\", \"spec\": "
    "\"float\"}]}\n";

START_TEST(reads_names_options_and_places)
{
    recipe_case c;
    quire_recipe r;
    open_case(&c);
    ck_assert_int_eq(load(&c, example, sizeof example - 1, &r), QUIRE_OK);
    ck_assert_uint_eq(r.n_quantizers, 2);
    const quire_recipe_quantizer *q = &r.quantizers[0];
    ck_assert(quire_bytes_equal(q->name, quire_bytes_of("embedding")));
    ck_assert_int_eq(q->priority, -2);
    ck_assert_uint_eq(q->at.line, 3);
    ck_assert_uint_eq(q->at.column, 3);
    ck_assert_uint_eq(q->n_options, 3);
    ck_assert_int_eq(q->options[0].type, QUIRE_RECIPE_WHOLE);
    ck_assert_uint_eq(q->options[1].at_value.line, 4);
    ck_assert_uint_eq(q->options[1].at_value.column, 35);
    ck_assert_uint_eq(q->options[2].at_name.column, 42); /* a character has two bytes */
    ck_assert(quire_bytes_equal(q->options[2].text, quire_bytes_of("20")));
    ck_assert_uint_eq(r.quantizers[1].n_children, 2);
    ck_assert_str_eq(r.rules.name, "old.json");
    ck_assert_uint_eq(r.rules.rules[0].line, 9);
    quire_recipe_deinit(&c.model.ctx, &r);
    close_case(&c);
}
END_TEST

START_TEST(writes_what_a_command_line_would_have)
{
    static const char *const wanted[] = {
        "embedding:bits=4,only=\"\xc3\xa4,b\",min-elements=20",
        "composable:of={{pt2e-embedding};{embedding:only=\"{a\"}}",
    };
    recipe_case c;
    quire_recipe r;
    const char *text;
    open_case(&c);
    ck_assert_int_eq(load(&c, example, sizeof example - 1, &r), QUIRE_OK);
    for (size_t i = 0; i < r.n_quantizers; i++) {
        ck_assert_int_eq(
            quire_recipe_text(&c.model.ctx, &c.registry, &r, &r.quantizers[i], &c.arena, &text),
            QUIRE_OK);
        ck_assert_str_eq(text, wanted[i]);
    }
    quire_recipe_deinit(&c.model.ctx, &r);
    close_case(&c);
}
END_TEST

static quire_status
save(recipe_case *c, const quire_annotators *by, quire_text *out)
{
    quire_writer w;
    *out = (quire_text){0};
    quire_writer_to_text(&w, &c->model.ctx, out);
    const quire_status status = quire_recipe_write(&w, &c->registry, by);
    const quire_status written = quire_writer_finish(&w);
    return status != QUIRE_OK ? status : written;
}

START_TEST(saves_quantizers_and_rules)
{
    static const char rules[] =
        "{\"format_version\": 1, \"rules\": [\n"
        " {\"select\": \"operand\", \"spec\": \"float\", \"reason\": \"\\\"a\\\"\", \"expect\": "
        "2},\n"
        " {\"select\": \"result\", \"spec\": \"float\", \"priority\": -3}]}\n";
    static const char wanted[] =
        "{\n"
        "  \"format_version\": 1,\n"
        "  \"quantizers\": [\n"
        "    {\"name\": \"embedding\", \"options\": {\"bits\": 4, \"search\": \"mse\", "
        "\"min-sqnr\": 20.5, \"only\": \"a,b\"}},\n"
        "    {\"name\": \"pt2e-embedding\"}\n"
        "  ],\n"
        "  \"origin\": \"some.json\",\n"
        "  \"rules\": [\n"
        "    {\"line\": 2, \"select\": \"operand\", \"spec\": \"float\", \"reason\": "
        "\"\\\"a\\\"\", "
        "\"expect\": 2},\n"
        "    {\"line\": 3, \"select\": \"result\", \"spec\": \"float\", \"priority\": -3}\n"
        "  ]\n"
        "}\n";
    const char *const quantizers[] = {"embedding:bits=4,search=mse,min-sqnr=20.5,only=\"a,b\"",
                                      "pt2e-embedding"};
    recipe_case c;
    quire_text text;
    open_case(&c);
    scratch_write(&c.folder, "some.json", rules, sizeof rules - 1);
    const char *path = scratch_path(&c.folder, "some.json");
    const quire_annotators by = {.quantizers = quantizers, .n_quantizers = 2, .rules = path};
    ck_assert_int_eq(save(&c, &by, &text), QUIRE_OK);
    ck_assert_str_eq(text.ptr, wanted);
    quire_text_free(&c.model.ctx, &text);
    close_case(&c);
}
END_TEST

START_TEST(refuses_to_save_what_is_not_utf8)
{
    const char *const quantizers[] = {"embedding:only=\xff"};
    const quire_annotators by = {.quantizers = quantizers, .n_quantizers = 1};
    recipe_case c;
    quire_text text;
    open_case(&c);
    ck_assert_int_eq(save(&c, &by, &text), QUIRE_E_USAGE);
    ck_assert_ptr_nonnull(strstr(c.model.log.message, "is not UTF-8"));
    quire_text_free(&c.model.ctx, &text);
    close_case(&c);
}
END_TEST

/* Reads it, and makes texts of what could be read. */
static quire_status
use(recipe_case *c, const char *text, size_t len)
{
    quire_recipe r;
    const char *made;
    quire_status status = load(c, text, len, &r);
    if (status != QUIRE_OK) return status;
    for (size_t i = 0; i < r.n_quantizers && status == QUIRE_OK; i++)
        status =
            quire_recipe_text(&c->model.ctx, &c->registry, &r, &r.quantizers[i], &c->arena, &made);
    quire_recipe_deinit(&c->model.ctx, &r);
    quire_arena_reset(&c->arena);
    return status;
}

/* Every byte left out, and replaced by others; every beginning: no crash, and no other answer than
 * that it is good, no JSON, or a mistake in a recipe. */
START_TEST(takes_damaged_files)
{
    static const char others[] = "{}[]\",:0-e\\\x80 \n";
    char text[sizeof example];
    size_t n_good = 0;
    recipe_case c;
    open_case(&c);
    for (size_t at = 0; at + 1 < sizeof example; at++) {
        for (size_t k = 0; k < sizeof others + 1; k++) {
            memcpy(text, example, sizeof example);
            size_t len = sizeof example - 1;
            if (k < sizeof others - 1) text[at] = others[k];
            if (k == sizeof others - 1) memmove(text + at, text + at + 1, --len - at);
            if (k == sizeof others) len = at;
            const quire_status status = use(&c, text, len);
            ck_assert_msg(status == QUIRE_OK || status == QUIRE_E_USAGE ||
                              status == QUIRE_E_INVALID,
                          "byte %zu, way %zu: %d", at, k, (int)status);
            n_good += status == QUIRE_OK;
        }
    }
    ck_assert_uint_gt(n_good, 100); /* blanks, and letters of texts */
    close_case(&c);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("recipe");
    TCase *tests = tcase_create("recipe");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, reads_names_options_and_places);
    tcase_add_test(tests, writes_what_a_command_line_would_have);
    tcase_add_test(tests, saves_quantizers_and_rules);
    tcase_add_test(tests, refuses_to_save_what_is_not_utf8);
    tcase_add_test(tests, takes_damaged_files);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
