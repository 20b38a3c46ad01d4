/* test_follow_annotations.c - annotations decide which lookups are quantized; what is left of them.
 *
 * What a lookup obeys, what no table can have and what leaves the annotations: docs/lowering.md,
 * "Annotations instead of options". Expectations are read off that page.
 */
#include "graph/layer.h"
#include "passes/annotate.h"
#include "unit/table_case.h"

#define TO_DECIDED "find-tables,annotate-tables"
#define TO_SWEPT   TO_DECIDED ",quantize-tables,lower-tables,sweep"
#define TABLE_4x4  "float[4,4] W = {1,2,3,4, 5,6,7,8, 9,10,11,12, 13,14,15,16}"
#define U8         "u8 axis=0 affine zp=int observer=minmax"
#define U4         "u4 axis=0 affine zp=int observer=mse"

/* Two lookups of one table; z reads it through an Identity. */
static const char two_lookups[] =
    OPSET(17) "g (int64[N] i) => (float[N,4] y, float[N,4] z) <" TABLE_8x4
              "> { y = Gather(W, i) w = Identity(W) z = Gather(w, i) }";
/* A float16 table, read as it is and through a widening Cast. */
static const char widened[] =
    OPSET(17) "g (int64[N] i) => (float16[N,8] y, float[N,8] z) <float16[2,8] W = "
              "{1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}> "
              "{ y = Gather(W, i) w = Cast<to = 1>(W) z = Gather(w, i) }";
/* The table is also a matrix factor, and lookups of both kinds have a reader. */
static const char tied[] =
    OPSET(17) "g (int64[N] i, int64[N,1] k, float[4,8] x) => (float[N,4] y, float[N,4] z, "
              "float[4,4] p) <" TABLE_8x4
              "> { y = Gather(W, i) z = GatherND(W, k) p = MatMul(x, W) }";

typedef struct annotated_case {
    table_case c;
    quire_claims claims;
    quire_resolved resolved;
} annotated_case;

/* `lines`: annotations without the first line of the text; they must be right. */
static void
open_annotated(annotated_case *a, const char *model, const char *lines)
{
    static char text[2048];
    const quire_resolve_options options = {0};
    quire_slot_reader reader;
    *a = (annotated_case){.claims = {0}};
    table_case_open(&a->c, model);
    a->c.options.min_elements = 1024; /* which no table here has */
    snprintf(text, sizeof text, "quire-annotations 1\n%s", lines);
    quire_model *m = a->c.run.model;
    ck_assert_int_eq(quire_slot_reader_init(&a->c.ctx, m, QUIRE_MISSING_REFUSED, &reader),
                     QUIRE_OK);
    quire_status status = quire_claims_parse(&reader, quire_bytes_of(text), &a->claims);
    quire_slot_reader_deinit(&reader);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", a->c.log.message, text);
    status =
        quire_resolve_or_fail(&a->c.ctx, m, &a->claims, &options, QUIRE_E_INVALID, &a->resolved);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", a->c.log.message, text);
    ck_assert_int_eq(quire_annotations_attach(&a->c.ctx, m, &a->resolved), QUIRE_OK);
    a->c.tables.resolved = &a->resolved;
}

static void
close_annotated(annotated_case *a)
{
    quire_claims_deinit(&a->c.ctx, &a->claims);
    quire_resolved_deinit(&a->c.ctx, &a->resolved);
    table_case_close(&a->c);
}

static void
run(annotated_case *a, const char *passes)
{
    const quire_status status = table_case_run(&a->c, passes);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", a->c.log.path, a->c.log.message);
}

static const char *
reason(const annotated_case *a, const char *lookup)
{
    return quire_reason_code(table_case_lookup(&a->c, lookup)->reason);
}

/* Bits that the lookup's table got, 0 if the lookup was left alone. */
static uint32_t
bits(const annotated_case *a, const char *lookup)
{
    const quire_lookup *l = table_case_lookup(&a->c, lookup);
    return l->reason == QUIRE_REASON_NONE ? a->c.tables.tables[l->table - 1].bits : 0;
}

/* What is left, a line each, without columns: "SLOT SPEC; ". */
static const char *
left(annotated_case *a)
{
    static char copy[2048];
    quire_claims claims = {0};
    quire_text text;
    quire_writer w;
    ck_assert_int_eq(quire_annotations_left(&a->c.ctx, a->c.run.model, &a->resolved, &claims),
                     QUIRE_OK);
    quire_writer_to_text(&w, &a->c.ctx, &text);
    for (size_t i = 0; i < claims.n; i++) {
        const quire_spec spec = quire_spec_of_ref(a->c.run.model, claims.ptr[i].spec);
        quire_slot_print(&w, a->c.run.model, claims.ptr[i].slot);
        quire_write_str(&w, " ");
        quire_spec_print(&w, a->c.run.model, &spec);
        quire_write_str(&w, "; ");
    }
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    snprintf(copy, sizeof copy, "%s", text.ptr);
    quire_text_free(&a->c.ctx, &text);
    quire_claims_deinit(&a->c.ctx, &claims);
    return copy;
}

typedef struct obeyed_case {
    const char *model, *lines;
    uint32_t y, z;                   /* bits, 0: left alone */
    const char *y_reason, *z_reason; /* "" if lowered       */
    const char *left;
} obeyed_case;

static const obeyed_case obeyed[] = {
    /* Nothing, one operand, both, the table, the way. */
    {two_lookups, "", 0, 0, "not-annotated", "not-annotated", ""},
    {two_lookups, "y<-0 " U8 " by a\n", 8, 0, "", "not-annotated", ""},
    {two_lookups, "z<-0 " U8 " by a\n", 0, 8, "not-annotated", "", ""},
    {two_lookups, "W " U8 " by a\n", 8, 8, "", "", ""},
    {two_lookups, "w " U8 " by a\n", 0, 8, "not-annotated", "", ""},
    {two_lookups, "w<-0 " U8 " by a\n", 0, 8, "not-annotated", "", ""},
    {two_lookups, "W " U4 " by a\ny<-0 " U4 " by a\n", 4, 4, "", "", ""},
    /* A shared slot asks for what its group does. */
    {two_lookups, "y<-0 " U4 " by a\nz<-0 = y<-0 by a\n", 4, 4, "", "", ""},
    {two_lookups, "y<-0 = W by a\nW " U4 " by a\n", 4, 4, "", "", ""},
    /* The nearest decides; the first of two that differ. */
    {two_lookups, "W " U8 " by a\ny<-0 " U4 " by a noshare\n", 4, 0, "", "spec", "W " U8 "; "},
    {two_lookups, "W " U8 " by a\nz<-0 " U4 " by a\n", 8, 0, "", "spec", "z<-0 " U4 "; "},
    {two_lookups, "y<-0 " U8 " by a\nz<-0 " U4 " by a\n", 8, 0, "", "spec", "z<-0 " U4 "; "},
    {two_lookups, "W " U8 " by a\nw " U4 " by a\n", 8, 0, "", "spec", "w " U4 "; "},
    /* The first that can be done. */
    {two_lookups, "y<-0 i8 axis=0 symmetric zp=none by a\nz<-0 " U4 " by a\n", 0, 4, "spec", "",
     "y<-0 i8 axis=0 symmetric zp=none; "},
    /* float is a wish, too; the table's is fulfilled where its lookup was. */
    {two_lookups, "W " U8 " by a\ny<-0 float by a\n", 0, 8, "annotated-float", "", "y<-0 float; "},
    {two_lookups, "W float by a\n", 0, 0, "annotated-float", "annotated-float", "W float; "},
    {two_lookups, "W " U8 " by a\nw float by a\n", 8, 0, "", "annotated-float", "w float; "},
    /* All lookups obey others: what the table says is not what was done. */
    {tied, "W " U8 " by a\ny<-0 " U4 " by a\nz<-0 " U4 " by a\n", 4, 4, "", "", "W " U8 "; "},
    {tied, "W " U8 " by a\ny<-0 float by a\nz<-0 float by a\n", 0, 0, "annotated-float",
     "annotated-float", "W " U8 "; y<-0 float; z<-0 float; "},
    /* A Cast that widens. */
    {widened, "W " U8 " by a\n", 8, 8, "", "", ""},
    {widened, "w " U8 " by a\n", 0, 8, "not-annotated", "", ""},
    {widened, "z<-0 " U4 " by a\n", 0, 4, "not-annotated", "", ""},
    {widened, "W " U8 " by a\nw " U4 " by a\n", 8, 0, "", "spec", "w " U4 "; "},
    /* Other slots stay, results with their names; what shared with a lowered slot still shares. */
    {tied,
     "W " U8 " by a\nx i8 tensor symmetric zp=none by a\ny i8 tensor symmetric zp=none by a\n", 8,
     8, "", "", "x i8 tensor symmetric zp=none; y i8 tensor symmetric zp=none; "},
    {tied, "W " U8 " by a\np<-1 = W by a\n", 8, 8, "", "", "p<-1 " U8 "; "},
    {tied, "p<-1 " U8 " by a\n", 0, 0, "not-annotated", "not-annotated", "p<-1 " U8 "; "},
    {tied, "z<-0 " U8 " by a\np<-1 " U8 " by a\n", 0, 8, "not-annotated", "", "p<-1 " U8 "; "},
};

START_TEST(the_nearest_annotation_decides)
{
    const obeyed_case *o = &obeyed[_i];
    annotated_case a;
    open_annotated(&a, o->model, o->lines);
    run(&a, TO_SWEPT);
    ck_assert_msg(bits(&a, "y") == o->y && bits(&a, "z") == o->z, "%s: %u %u", o->lines,
                  (unsigned)bits(&a, "y"), (unsigned)bits(&a, "z"));
    ck_assert_msg(strcmp(reason(&a, "y"), o->y_reason) == 0, "%s: %s", o->lines, reason(&a, "y"));
    ck_assert_msg(strcmp(reason(&a, "z"), o->z_reason) == 0, "%s: %s", o->lines, reason(&a, "z"));
    ck_assert_msg(strcmp(left(&a), o->left) == 0, "%s: %s", o->lines, left(&a));
    close_annotated(&a);
}
END_TEST

/* The float table of target dequantized does what the annotation says as well. */
START_TEST(the_target_does_not_matter)
{
    const obeyed_case *o = &obeyed[_i];
    annotated_case a;
    open_annotated(&a, o->model, o->lines);
    a.c.options.target = QUIRE_TARGET_DEQUANTIZED;
    run(&a, TO_SWEPT);
    ck_assert_msg(bits(&a, "y") == o->y && bits(&a, "z") == o->z, "%s", o->lines);
    ck_assert_msg(strcmp(left(&a), o->left) == 0, "%s: %s", o->lines, left(&a));
    close_annotated(&a);
}
END_TEST

typedef struct spec_case {
    const char *spec, *reason, *says;
} spec_case;

static const spec_case specs[] = {
    {U8, "", ""},
    {"u8 axis=0 affine zp=int", "", ""},
    {"u2 axis=0 affine zp=float scale=f16 observer=mse", "", ""},
    {"u8 axis=1 block=16 affine zp=int observer=minmax", "", ""},
    {"i8 axis=0 affine zp=int observer=minmax", "spec", "allowed are u8, u4 and u2"},
    {"f8e4m3fn axis=0 symmetric zp=none observer=minmax", "spec", "allowed are u8, u4 and u2"},
    {"u8 axis=0 symmetric zp=none observer=minmax", "spec", "zp=int and zp=float"},
    {"u8 axis=0 affine zp=int range=0..254 observer=minmax", "spec", "range"},
    {"u8 tensor affine zp=int observer=minmax", "spec", "one scale per tensor"},
    {"u8 axis=1 affine zp=int observer=minmax", "spec", "axis"},
    {"u8 axis=0 block=16 affine zp=int observer=minmax", "spec", "axis"},
    {"u8 axis=1 block=8 affine zp=int observer=minmax", "spec", "block"},
    {"u8 axis=0 affine zp=int scale=bf16 observer=minmax", "spec", "scale type"},
    {"u8 axis=0 affine zp=int dynamic observer=minmax", "spec", "dynamic"},
    {"u8 axis=0 affine zp=int observer=histogram", "spec", "minmax and mse"},
    {"u8 axis=0 affine zp=int observer=minmax(eps=0x1p-12)", "spec", "minmax with zp=float"},
    {"u8 axis=0 affine zp=float observer=mse(eps=0x1p-12)", "spec", "minmax with zp=float"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12)", "", ""},
    {"u8 axis=0 affine zp=float observer=minmax(eps=1)", "", ""},
    {"u8 axis=0 affine zp=float observer=minmax(eps=1.1)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=0)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=-1)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=nan)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=1e-50)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=float observer=minmax(eps=0x1p-12,eps=1)", "spec", "allowed is eps"},
    {"u8 axis=0 affine zp=float observer=minmax(bins=3)", "spec", "allowed is eps=NUMBER"},
    {"u8 axis=0 affine zp=int fixed(1, 0)", "spec", "fixed"},
    {"u8 axis=0 affine zp=int derived bias(i)", "spec", "derived"},
    {"float", "annotated-float", "float"},
};

START_TEST(a_spec_no_table_has_is_a_reason)
{
    const spec_case *s = &specs[_i];
    annotated_case a;
    char lines[512];
    snprintf(lines, sizeof lines, "y<-0 %s by a\ni u8 tensor affine zp=int by a\n", s->spec);
    open_annotated(
        &a, OPSET(17) "g (int64[N] i) => (float[N,4] y) <" TABLE_8x4 "> { y = Gather(W, i) }",
        lines);
    run(&a, TO_SWEPT);
    ck_assert_str_eq(reason(&a, "y"), s->reason);
    const quire_lookup *l = table_case_lookup(&a.c, "y");
    if (s->reason[0] != '\0') {
        ck_assert_ptr_nonnull(strstr((const char *)l->message.ptr, s->says));
        ck_assert_ptr_nonnull(strstr((const char *)l->message.ptr, "y<-0"));
    }
    close_annotated(&a);
}
END_TEST

/* Without an observer the search is that of the options' default. */
START_TEST(no_observer_is_the_default_search)
{
    static const char *const types[] = {"u8", "u4", "u2"};
    annotated_case a;
    char lines[128];
    snprintf(lines, sizeof lines, "W %s axis=0 affine zp=int by a\n", types[_i]);
    open_annotated(&a, two_lookups, lines);
    run(&a, TO_SWEPT);
    ck_assert_uint_eq(table_case_table(&a.c, "W")->search_mse, _i > 0);
    close_annotated(&a);
}
END_TEST

/* A request by name is obeyed where options would say too-small, excluded or not-smaller; what the
 * model cannot do stays undone. */
START_TEST(requests_are_explicit)
{
    const char *nothing = "W";
    annotated_case a;
    open_annotated(&a,
                   OPSET(17) "g (int64[N] i) => (float[N,1] y) <float[2,1] W = {1,2}> "
                             "{ y = Gather(W, i) }",
                   "W " U8 " by a\n");
    a.c.options.skip = &nothing;
    a.c.options.n_skip = 1;
    run(&a, TO_DECIDED);
    ck_assert_str_eq(reason(&a, "y"), "");
    close_annotated(&a);
    open_annotated(&a,
                   OPSET(10) "g (int64[N] i) => (float[N,1] y) <float[2,1] W = {1,2}> "
                             "{ y = Gather(W, i) }",
                   "W " U4 " by a\n");
    run(&a, TO_DECIDED);
    ck_assert_str_eq(reason(&a, "y"), "opset");
    close_annotated(&a);
    open_annotated(&a,
                   OPSET(17) "g (int64[N] i) => (float[N,4] y) <float[0,4] W = {}> "
                             "{ y = Gather(W, i) }",
                   "W " U8 " by a\n");
    run(&a, TO_DECIDED);
    ck_assert_str_eq(reason(&a, "y"), "too-small");
    close_annotated(&a);
}
END_TEST

/* Both lookups of a table with NaN keep it, and so do the annotations. */
START_TEST(non_finite_tables_keep_their_annotations)
{
    annotated_case a;
    open_annotated(&a,
                   OPSET(17) "g (int64[N] i) => (float[N,2] y, float[N,2] z) <float[2,2] W = "
                             "{1,2,3,nan}> { y = Gather(W, i) z = Gather(W, i) }",
                   "W " U8 " by a\ny<-0 = W by a\n");
    a.c.options.keep_non_finite = 1;
    run(&a, TO_SWEPT);
    ck_assert_str_eq(reason(&a, "y"), "non-finite");
    ck_assert_str_eq(reason(&a, "z"), "non-finite");
    ck_assert_str_eq(left(&a), "W " U8 "; y<-0 = W; ");
    close_annotated(&a);
}
END_TEST

/* A lookup that annotations leave alone keeps the float table, and the report says who reads it. */
START_TEST(what_is_left_alone_keeps_the_table)
{
    annotated_case a;
    open_annotated(&a, two_lookups, "y<-0 " U8 " by a\n");
    run(&a, TO_SWEPT);
    const quire_found_table *t = table_case_table(&a.c, "W");
    ck_assert(t->quantized && t->keeps_float);
    ck_assert_uint_eq(t->n_other_uses, 1);
    ck_assert(same_text(t->other_uses[0], "z"));
    ck_assert_uint_eq(t->bytes_after, 8 * 4 * 4 + 8 * 4 + 8 * 4 + 8);
    close_annotated(&a);
}
END_TEST

/* What the report says of the table's own annotation. */
START_TEST(a_slot_knows_who_speaks_for_it)
{
    annotated_case a;
    open_annotated(&a, tied, "W " U8 " by a\ny<-0 " U4 " by a\nz<-0 " U4 " by a\n");
    run(&a, TO_SWEPT);
    ck_assert(a.c.tables.annotated[0].overruled);
    ck_assert_uint_eq(a.c.tables.annotated[0].table, 0);
    ck_assert_uint_eq(a.c.tables.annotated[1].table, 1);
    close_annotated(&a);
    open_annotated(&a, two_lookups, "W " U8 " by a\ny<-0 " U4 " by a\n");
    run(&a, TO_SWEPT);
    ck_assert_uint_eq(a.c.tables.annotated[0].table, 0);
    ck_assert_uint_eq(a.c.tables.annotated[0].lookup, 2); /* z, which obeys it */
    close_annotated(&a);
    open_annotated(&a,
                   OPSET(17) "g (int64[N] i) => (float[4,N] y) <" TABLE_4x4
                             "> { y = Gather<axis = 1>(W, i) }",
                   "W " U8 " by a\n");
    run(&a, TO_SWEPT);
    ck_assert_uint_eq(a.c.tables.annotated[0].lookup, 1); /* reason axis */
    close_annotated(&a);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int
main(void)
{
    TCase *tcase = tcase_create("follow annotations");
    tcase_add_loop_test(tcase, the_nearest_annotation_decides, 0, COUNT(obeyed));
    tcase_add_loop_test(tcase, the_target_does_not_matter, 0, COUNT(obeyed));
    tcase_add_loop_test(tcase, a_spec_no_table_has_is_a_reason, 0, COUNT(specs));
    tcase_add_loop_test(tcase, no_observer_is_the_default_search, 0, 3);
    tcase_add_test(tcase, requests_are_explicit);
    tcase_add_test(tcase, non_finite_tables_keep_their_annotations);
    tcase_add_test(tcase, what_is_left_alone_keeps_the_table);
    tcase_add_test(tcase, a_slot_knows_who_speaks_for_it);
    return table_case_main(tcase, "follow_annotations");
}
