/* test_annotate_tables.c - flags decide, specs say so: from the members of quire_quantize_options
 * through the quantizer `embedding` to the specs and reasons that annotate-tables leaves.
 *
 * What each option means and the order of judgement: docs/reasons.md. Sizes are counted by hand.
 */
#include "graph/layer.h"
#include "passes/pass.h"
#include "unit/table_case.h"

/* One lookup "y" of a table "W" of zeros, and whatever else `more` computes. */
static const char *
one_table(const char *header, const char *type, int rows, int width, const char *more)
{
    static char text[16384];
    int used = snprintf(text, sizeof text, "%sg (int64[N] i) => (%s[N,%d] y) <%s[%d,%d] W = {0",
                        header, type, width, type, rows, width);
    for (int i = 1; i < rows * width; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, ",0");
    }
    snprintf(text + used, sizeof text - (size_t)used, "}> { y = Gather(W, i) %s}", more);
    return text;
}

static const char two_tables[] = OPSET(
    17) "g (int64[N] i) => (float[N,4] y, float[N,4] z) <float[8,4] \"emb/user\" = "
        "{1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4}, float[2,4] item = "
        "{1,2,3,4,5,6,7,8}> { y = Gather(\"emb/user\", i) z = Gather<axis = 1>(item, i) }";

/* Text of the spec at operand 0 of the lookup, "" if there is none. */
static const char *
spec_text(table_case *c, const char *lookup)
{
    static char copy[256];
    const quire_node n = table_case_lookup(c, lookup)->node;
    const quire_slot slot = {.kind = 1, .id = quire_node_operand(c->run.model, n, 0).id};
    const quire_spec *spec = quire_specs_at(c->run.model, slot);
    quire_text text = {0};
    quire_writer w;
    copy[0] = '\0';
    if (spec == NULL) return copy;
    quire_writer_to_text(&w, &c->ctx, &text);
    quire_spec_print(&w, c->run.model, spec);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    snprintf(copy, sizeof copy, "%s", text.ptr);
    quire_text_free(&c->ctx, &text);
    return copy;
}

static const char *
reason(table_case *c, const char *lookup)
{
    return quire_reason_code(table_case_lookup(c, lookup)->reason);
}

static void
annotate(table_case *c)
{
    const quire_status status = table_case_run(c, "find-tables,annotate-tables");
    ck_assert_msg(status == QUIRE_OK, "%s", c->log.message);
}

typedef struct form {
    uint32_t bits, block;
    int zero_point_float, scale_f16, search;
    int width;
    const char *spec;
} form;

static const form forms[] = {
    {8, 0, 0, 0, -1, 32, "u8 axis=0 affine zp=int observer=minmax"},
    {4, 0, 0, 0, -1, 32, "u4 axis=0 affine zp=int observer=mse"},
    {2, 0, 0, 0, -1, 32, "u2 axis=0 affine zp=int observer=mse"},
    {8, 0, 0, 0, 1, 32, "u8 axis=0 affine zp=int observer=mse"},
    {4, 0, 0, 0, 0, 32, "u4 axis=0 affine zp=int observer=minmax"},
    {8, 0, 1, 0, -1, 32, "u8 axis=0 affine zp=float observer=minmax"},
    {8, 0, 0, 1, -1, 32, "u8 axis=0 affine zp=int scale=f16 observer=minmax"},
    {8, 16, 0, 0, -1, 32, "u8 axis=1 block=16 affine zp=int observer=minmax"},
    {4, 16, 1, 1, -1, 33, "u4 axis=1 block=16 affine zp=float scale=f16 observer=mse"},
    {8, 32, 0, 0, -1, 32, "u8 axis=0 affine zp=int observer=minmax"},
    {8, 64, 0, 0, -1, 32, "u8 axis=0 affine zp=int observer=minmax"},
};

START_TEST(options_become_a_spec)
{
    const form *f = &forms[_i];
    table_case c;
    table_case_open(&c, one_table(OPSET(17), "float", 4, f->width, ""));
    c.options.bits = f->bits;
    c.options.block = f->block;
    c.options.zero_point_float = f->zero_point_float;
    c.options.scale_f16 = f->scale_f16;
    c.options.search = f->search;
    annotate(&c);
    ck_assert_str_eq(spec_text(&c, "y"), f->spec);
    ck_assert_uint_eq(c.tables.tables[0].block, f->block < (uint32_t)f->width ? f->block : 0);
    table_case_close(&c);
}
END_TEST

typedef struct size_case {
    const char *type;
    int width;
    uint32_t bits;
    int zero_point_float;
    const char *more; /* of the graph */
    const char *reason;
} size_case;

/* Bytes a row: codes, then 4 of scale and 1 of zero point, or 4 and 4. */
static const size_case sizes[] = {
    {"float", 2, 8, 0, "", ""},              /* 2 + 5 < 8    */
    {"float", 1, 8, 0, "", "not-smaller"},   /* 1 + 5 > 4    */
    {"float", 2, 8, 1, "", "not-smaller"},   /* 2 + 8 > 8    */
    {"float16", 5, 8, 0, "", "not-smaller"}, /* 5 + 5 = 10   */
    {"float16", 6, 8, 0, "", ""},            /* 6 + 5 < 12   */
    {"float16", 4, 2, 0, "", ""},            /* 1 + 5 < 8    */
    {"float", 1, 8, 0, "z = Neg(W) ", ""},   /* stays anyway */
};

START_TEST(what_would_not_be_smaller_is_left)
{
    const size_case *s = &sizes[_i];
    table_case c;
    table_case_open(&c, one_table(OPSET(17), s->type, 8, s->width, s->more));
    c.options.bits = s->bits;
    c.options.zero_point_float = s->zero_point_float;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), s->reason);
    ck_assert_uint_eq(c.tables.tables[0].n_eligible, s->reason[0] == '\0');
    ck_assert_uint_eq(spec_text(&c, "y")[0] != '\0', s->reason[0] == '\0');
    table_case_close(&c);
}
END_TEST

START_TEST(naming_a_table_overrules_size_and_gain)
{
    const quire_bits_for named = {"W", 8};
    table_case c;
    table_case_open(&c, one_table(OPSET(17), "float", 8, 1, ""));
    c.options.min_elements = 1000;
    c.options.bits_for = &named;
    c.options.n_bits_for = 1;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), "");
    table_case_close(&c);
}
END_TEST

START_TEST(small_tables_are_left)
{
    table_case c;
    table_case_open(&c, one_table(OPSET(17), "float", 8, 4, ""));
    c.options.min_elements = 33;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), "too-small");
    table_case_close(&c);
    table_case_open(&c, one_table(OPSET(17), "float", 8, 4, ""));
    c.options.min_elements = 32;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), "");
    table_case_close(&c);
}
END_TEST

typedef struct opset_case {
    const char *header;
    uint32_t bits;
    const char *reason;
} opset_case;

static const opset_case opsets[] = {
    {OPSET(7), 8, ""},       {OPSET(6), 8, "opset"}, {OPSET(10), 4, "opset"},
    {OPSET(10), 2, "opset"}, {OPSET(11), 4, ""},     {OPSET(11), 2, ""},
};

START_TEST(old_opsets_are_not_raised)
{
    const opset_case *o = &opsets[_i];
    table_case c;
    table_case_open(&c, one_table(o->header, "float", 8, 16, ""));
    c.options.bits = o->bits;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), o->reason);
    table_case_close(&c);
}
END_TEST

/* y reads "emb/user" (8 x 4), z reads item along the wrong axis: never eligible, but a name. */
typedef struct choice {
    const char *only, *skip;
    quire_bits_for named[2];
    const char *spec; /* of y; "": excluded */
} choice;

#define DEFAULT "u8 axis=0 affine zp=int observer=minmax"

static const choice choices[] = {
    {"emb*", NULL, {{0}}, DEFAULT},
    {"*user", NULL, {{0}}, DEFAULT},
    {"emb?user", NULL, {{0}}, DEFAULT},
    {"[e]mb/user", NULL, {{0}}, DEFAULT},
    {"item", NULL, {{0}}, ""},
    {NULL, "item", {{0}}, DEFAULT},
    {NULL, "*", {{0}}, ""},
    {"emb*", "*user", {{0}}, ""},
    {NULL, NULL, {{"*", 4}}, "u4 axis=0 affine zp=int observer=mse"},
    {NULL, NULL, {{"*", 0}}, ""},
    {NULL, NULL, {{"*", 0}, {"emb*", 4}}, "u4 axis=0 affine zp=int observer=mse"},
    {NULL, NULL, {{"emb*", 4}, {"*", 0}}, ""},
    {NULL, "emb*", {{"emb*", 4}}, ""},
    {"item", NULL, {{"emb*", 4}}, ""},
};

START_TEST(tables_are_chosen_by_name)
{
    const choice *chosen = &choices[_i];
    table_case c;
    table_case_open(&c, two_tables);
    c.options.only = &chosen->only;
    c.options.n_only = chosen->only != NULL;
    c.options.skip = &chosen->skip;
    c.options.n_skip = chosen->skip != NULL;
    c.options.bits_for = chosen->named;
    c.options.n_bits_for = (chosen->named[0].glob != NULL) + (chosen->named[1].glob != NULL);
    annotate(&c);
    ck_assert_str_eq(spec_text(&c, "y"), chosen->spec);
    ck_assert_str_eq(reason(&c, "y"), chosen->spec[0] != '\0' ? "" : "excluded");
    ck_assert_str_eq(reason(&c, "z"), "axis");
    ck_assert_str_eq(spec_text(&c, "z"), "");
    table_case_close(&c);
}
END_TEST

START_TEST(a_glob_that_matches_nothing_is_an_error)
{
    const char *glob = "emb/*uzer";
    table_case c;
    table_case_open(&c, two_tables);
    c.options.skip = &glob;
    c.options.n_skip = 1;
    ck_assert_int_eq(table_case_run(&c, "find-tables,annotate-tables"), QUIRE_E_USAGE);
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_ptr_nonnull(strstr(c.log.message, "--skip \"emb/*uzer\""));
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"emb/user\", \"item\""));
    table_case_close(&c);
}
END_TEST

START_TEST(without_a_table_every_glob_is_an_error)
{
    const char *glob = "*";
    table_case c;
    table_case_open(&c, OPSET(17) "g (float[2] x) => (float[2] y) { y = Neg(x) }");
    c.options.only = &glob;
    c.options.n_only = 1;
    ck_assert_int_eq(table_case_run(&c, "find-tables,annotate-tables"), QUIRE_E_USAGE);
    ck_assert_uint_eq(c.log.n_errors, 1);
    table_case_close(&c);
}
END_TEST

START_TEST(every_lookup_of_a_table_is_annotated)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (int64[N] i) => (float[N,8] y, float16[N,8] z, float16[8] v) "
                      "<float16[2,8] W = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}> { a = Cast<to = 1>(W) "
                      "y = Gather(a, i) z = Gather(W, i) v = Gather<axis = 1>(W, i) }");
    annotate(&c);
    ck_assert_str_eq(spec_text(&c, "y"), DEFAULT);
    ck_assert_str_eq(spec_text(&c, "z"), DEFAULT);
    ck_assert_str_eq(spec_text(&c, "v"), "");
    table_case_close(&c);
}
END_TEST

typedef struct saying {
    const char *only[2], *skip;
    quire_bits_for named;
    const char *message; /* to y's reason */
} saying;

/* As the person wrote it. */
static const saying sayings[] = {
    {{"item"}, NULL, {0}, "--only names other tables"},
    {{"item", "it*"}, NULL, {0}, "--only names other tables"},
    {{0}, "emb*", {0}, "--skip \"emb*\" leaves this table out"},
    {{0}, NULL, {"*", 0}, "--bits-for \"*=float\" keeps this table float"},
};

START_TEST(reasons_name_the_flag)
{
    const saying *s = &sayings[_i];
    table_case c;
    table_case_open(&c, two_tables);
    c.options.only = s->only;
    c.options.n_only = (s->only[0] != NULL) + (s->only[1] != NULL);
    c.options.skip = &s->skip;
    c.options.n_skip = s->skip != NULL;
    c.options.bits_for = &s->named;
    c.options.n_bits_for = s->named.glob != NULL;
    annotate(&c);
    ck_assert_str_eq(reason(&c, "y"), "excluded");
    ck_assert_msg(same_text(table_case_lookup(&c, "y")->message, s->message), "%s",
                  (const char *)table_case_lookup(&c, "y")->message.ptr);
    table_case_close(&c);
}
END_TEST

/* The pass itself does what annotations ask for, and nothing else. */
START_TEST(without_annotations_nothing_is_done)
{
    const quire_manager_options plain = {0};
    table_case c;
    table_case_open(&c, two_tables);
    ck_assert_int_eq(quire_pipeline_run(&c.ctx, &c.run, "find-tables,annotate-tables", &plain),
                     QUIRE_OK);
    ck_assert_str_eq(reason(&c, "y"), "not-annotated");
    ck_assert_str_eq(reason(&c, "z"), "axis");
    ck_assert_str_eq(spec_text(&c, "y"), "");
    table_case_close(&c);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int
main(void)
{
    TCase *tcase = tcase_create("annotate-tables");
    tcase_add_loop_test(tcase, options_become_a_spec, 0, COUNT(forms));
    tcase_add_loop_test(tcase, what_would_not_be_smaller_is_left, 0, COUNT(sizes));
    tcase_add_test(tcase, naming_a_table_overrules_size_and_gain);
    tcase_add_test(tcase, small_tables_are_left);
    tcase_add_loop_test(tcase, old_opsets_are_not_raised, 0, COUNT(opsets));
    tcase_add_loop_test(tcase, tables_are_chosen_by_name, 0, COUNT(choices));
    tcase_add_test(tcase, a_glob_that_matches_nothing_is_an_error);
    tcase_add_test(tcase, without_a_table_every_glob_is_an_error);
    tcase_add_test(tcase, every_lookup_of_a_table_is_annotated);
    tcase_add_loop_test(tcase, reasons_name_the_flag, 0, COUNT(sayings));
    tcase_add_test(tcase, without_annotations_nothing_is_done);
    return table_case_main(tcase, "annotate_tables");
}
