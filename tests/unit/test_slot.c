/* test_slot.c - slots: their order, their text in both directions, and texts without their graph.
 *
 * Expected orders and texts are written by hand from docs/text-form.md.
 */
#include <check.h>
#include <stdio.h>

#include "base/alloc.h"
#include "graph/edit.h"
#include "graph/parse.h"
#include "graph/slot.h"
#include "support/fault.h"
#include "support/suite.h"

/* Bodies within bodies, a captured value, an empty body, omitted operands and results, hostile
 * names, a node without a named result, two functions, a training graph, a list of graphs. */
static const char model_text[] =
    "#: quire 1\n"
    "#: training_info: {initialization: {node: {output: \"z\" op_type: \"Constant\" attribute: "
    "{name: \"value_float\" f: 0x3f800000 type: 1}} name: \"i\" output: {name: \"z\"}} "
    "initialization_binding: {key: \"w/1\" value: \"z\"}}\n"
    "<ir_version: 10, opset_import: [\"\" : 17, \"f\" : 1, \"d:e\" : 1]>\n"
    "g (float[2] x, bool c) => (float[2] z, float[2] y) <float[2] \"w/1\" = {1,2}> {\n"
    "  y, , u = F (x, \"w/1\", \"\")\n"
    "  \"\" = Sink (y)\n"
    "  , \"a<-0\" = F (y)\n"
    "  z = If (c) <then_branch = b () => (p) { p = Neg (y) },\n"
    "              else_branch = e () => (k) <float[2] k = {1,2}> { }>\n"
    "  many = F <gs = [b1 () => (m1) { m1 = Neg (y) }, b2 () => (m1) { m1 = Abs (y) }]> (z)\n"
    "}\n"
    "<domain: \"f\", opset_import: [\"\" : 17]> Act (a) => (r) { r = Neg (a) }\n"
    "<domain: \"d:e\", overload: \"50%\", opset_import: [\"\" : 17]>\n"
    "\"n:m\" (a) => (r) { r = Abs (a) }\n";

static const char *const in_order[] = {
    "x",
    "c",
    "\"w/1\"",
    "y<-0",
    "y<-1",
    "y<-2",
    "y",
    "u",
    "\"a<-0\"<-0",
    "\"a<-0\"",
    "z<-0",
    "z",
    "z/then_branch/p<-0",
    "z/then_branch/p",
    "z/then_branch/->0",
    "z/else_branch/k",
    "z/else_branch/->0",
    "many<-0",
    "many",
    "many/gs/m1<-0",
    "many/gs/m1",
    "many/gs/->0",
    "many/\"gs[1]\"/m1<-0",
    "many/\"gs[1]\"/m1",
    "many/\"gs[1]\"/->0",
    "->0",
    "->1",
    "\"training[0].initialization\"/z",
    "\"training[0].initialization\"/->0",
    "\"function f:Act:\"/a",
    "\"function f:Act:\"/r<-0",
    "\"function f:Act:\"/r",
    "\"function f:Act:\"/->0",
    "\"function d%3ae:n:m:50%25\"/a",
    "\"function d%3ae:n:m:50%25\"/r<-0",
    "\"function d%3ae:n:m:50%25\"/r",
    "\"function d%3ae:n:m:50%25\"/->0",
};
enum { N_SLOTS = sizeof in_order / sizeof *in_order };

typedef struct fixture {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
    quire_slot_reader reader;
} fixture;

static void
open_fixture(fixture *f, quire_slot_missing missing)
{
    *f = (fixture){.log = {0}};
    f->ctx = fault_ctx(NULL, NULL, &f->log);
    ck_assert_msg(quire_model_parse(&f->ctx, quire_bytes_of(model_text), NULL, &f->m) == QUIRE_OK,
                  "%s: %s", f->log.path, f->log.message);
    ck_assert_int_eq(quire_slot_reader_init(&f->ctx, f->m, missing, &f->reader), QUIRE_OK);
}

static void
close_fixture(fixture *f)
{
    quire_slot_reader_deinit(&f->reader);
    quire_model_destroy(&f->ctx, f->m);
}

static void
check_text(fixture *f, quire_slot slot, const char *expected)
{
    quire_writer w;
    quire_text out;
    quire_writer_to_text(&w, &f->ctx, &out);
    quire_slot_print(&w, f->m, slot);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_str_eq(out.ptr, expected);
    quire_text_free(&f->ctx, &out);
}

/* The whole of `text` is a slot. */
static quire_slot
read_slot(fixture *f, const char *text)
{
    quire_bytes rest = quire_bytes_of(text);
    quire_slot slot;
    ck_assert_msg(quire_slot_parse(&f->reader, NULL, &rest, &slot) == QUIRE_OK, "%s: %s", text,
                  f->log.message);
    ck_assert_uint_eq(rest.len, 0);
    return slot;
}

static void
refuse(fixture *f, const char *text, const char *path, const char *message)
{
    quire_bytes rest = quire_bytes_of(text);
    quire_slot slot;
    f->log.n_errors = 0;
    ck_assert_msg(quire_slot_parse(&f->reader, NULL, &rest, &slot) == QUIRE_E_INVALID, "%s", text);
    ck_assert_uint_eq(f->log.n_errors, 1);
    ck_assert_str_eq(f->log.path, path);
    ck_assert_msg(strstr(f->log.message, message) != NULL, "%s: %s", text, f->log.message);
}

START_TEST(slots_are_in_order_and_read_back)
{
    fixture f;
    quire_slot_order order;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    ck_assert_int_eq(quire_slot_order_make(&f.ctx, f.m, &order), QUIRE_OK);
    ck_assert_uint_eq(order.n, N_SLOTS);
    for (uint32_t rank = 1; rank <= order.n; rank++) {
        const quire_slot slot = order.slot_of_rank[rank];
        check_text(&f, slot, in_order[rank - 1]);
        ck_assert(quire_slot_equal(read_slot(&f, in_order[rank - 1]), slot));
        ck_assert_uint_eq(quire_slot_rank(&order, slot), rank);
    }
    quire_slot_order_deinit(&f.ctx, &order);
    quire_slot_order_deinit(&f.ctx, &order);
    close_fixture(&f);
}
END_TEST

START_TEST(a_slot_knows_what_it_is_about)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    const quire_slot x = read_slot(&f, "x"), y = read_slot(&f, "y"), y0 = read_slot(&f, "y<-0");
    const quire_slot omitted = read_slot(&f, "y<-2"), absent = read_slot(&f, "y<-3");
    const quire_slot out = read_slot(&f, "z/else_branch/->0");
    ck_assert_uint_eq(quire_slot_value(f.m, y0).id, x.id);
    ck_assert_uint_eq(quire_slot_value(f.m, out).id, read_slot(&f, "z/else_branch/k").id);
    ck_assert_uint_eq(quire_slot_value(f.m, omitted).id, 0);
    ck_assert_uint_eq(quire_slot_value(f.m, absent).id, 0);
    ck_assert_uint_eq(quire_slot_node(f.m, x).id, 0);
    ck_assert_uint_eq(quire_slot_node(f.m, out).id, 0);
    ck_assert_uint_eq(quire_slot_node(f.m, absent).id, 0);
    ck_assert_uint_eq(quire_slot_node(f.m, y0).id, quire_slot_node(f.m, y).id);
    ck_assert_uint_eq(quire_slot_graph(f.m, y).id, f.m->main.id);
    ck_assert_uint_ne(quire_slot_graph(f.m, out).id, f.m->main.id);
    ck_assert_uint_eq(quire_slot_graph(f.m, absent).id, 0);
    close_fixture(&f);
}
END_TEST

START_TEST(erased_slots_have_no_rank)
{
    fixture f;
    quire_slot_order order;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    const quire_slot many = read_slot(&f, "many"), z = read_slot(&f, "z");
    const quire_slot inner = read_slot(&f, "many/\"gs[1]\"/m1<-0");
    ck_assert_int_eq(quire_node_erase(&f.ctx, f.m, quire_slot_node(f.m, many)), QUIRE_OK);
    ck_assert_int_eq(quire_slot_order_make(&f.ctx, f.m, &order), QUIRE_OK);
    ck_assert_uint_eq(order.n, N_SLOTS - 8);
    ck_assert_uint_eq(quire_slot_rank(&order, many), 0);
    ck_assert_uint_eq(quire_slot_rank(&order, inner), 0);
    ck_assert_uint_ne(quire_slot_rank(&order, z), 0);
    ck_assert_uint_eq(quire_slot_rank(&order, (quire_slot){QUIRE_SLOT_NAMED, 1}), 0);
    quire_slot_order_deinit(&f.ctx, &order);
    close_fixture(&f);
}
END_TEST

START_TEST(missing_slots_are_refused_with_the_nearest_names)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    refuse(&f, "Y", "column 1", "no value of this graph is called \"Y\"; nearest: \"x\", \"c\"");
    refuse(&f, "  ax<-0", "column 3",
           "no node of this graph has a first result called \"ax\"; nearest: \"y\"");
    refuse(&f, "x<-0", "column 1", "no node of this graph has a first result called \"x\"");
    refuse(&f, "u<-0", "column 1", "a node is named by its first result: \"y\", not \"u\"");
    refuse(&f, "\"\"", "column 1", "no value of this graph is called \"\"");
    refuse(&f, "\"\"<-0", "column 1", "no node of this graph has a first result called \"\"");
    refuse(&f, "->2", "column 1", "output 2 of a graph that has 2");
    refuse(&f, "z/other/p", "column 1", "the node \"z\" has no body called \"other\"");
    refuse(&f, "many/\"gs[2]\"/m1", "column 1", "has no body called \"gs[2]\"");
    refuse(&f, "z/then_branch/q", "column 1", "called \"q\"; nearest: \"p\"");
    refuse(&f, "z/x", "column 1", "a path has a result and an attribute");
    refuse(&f, "\"function f:Act:x\"/a", "column 1", "a function or training graph");
    refuse(&f, "\"training[1].initialization\"/z", "column 1", "a function or training graph");
    refuse(&f, "\"training[0].algorithm\"/z", "column 1", "a function or training graph");
    close_fixture(&f);
}
END_TEST

START_TEST(text_that_is_no_slot_is_refused)
{
    static const quire_slot_missing all[] = {QUIRE_MISSING_REFUSED, QUIRE_MISSING_NAMED,
                                             QUIRE_NOTHING_IS_LOOKED_UP};
    for (size_t i = 0; i < 3; i++) {
        fixture f;
        open_fixture(&f, all[i]);
        refuse(&f, "", "column 1", "expected the name of a value");
        refuse(&f, "#", "column 1", "expected the name of a value");
        refuse(&f, "/x", "column 1", "expected the name of a value");
        refuse(&f, "z/then_branch/", "column 15", "expected the name of a value");
        refuse(&f, "y<-", "column 4", "expected a 64-bit integer");
        refuse(&f, "y<--1", "column 4", "found number -1; allowed is 0 to 4294967295");
        refuse(&f, "->4294967296", "column 3", "found number 4294967296");
        refuse(&f, "->99999999999999999999", "column 3", "expected a 64-bit integer");
        refuse(&f, "\"x", "column 3", "expected '\"' to end the name");
        refuse(&f, "\"\\x4", "column 2", "expected \\x");
        refuse(&f, "\"\\n\"", "column 2", "expected \\x");
        refuse(&f, "$<-0", "column 1", "'$' stands for");
        close_fixture(&f);
    }
}
END_TEST

START_TEST(paths_have_a_depth)
{
    char text[1024] = "root/";
    fixture f;
    open_fixture(&f, QUIRE_MISSING_NAMED);
    for (int depth = 0; depth < 32; depth++)
        strcat(text, "n/body/");
    strcat(text, "x");
    check_text(&f, read_slot(&f, text), text);
    memmove(text + 5, text, strlen(text) + 1);
    refuse(&f, text, "column 235", "graphs nest at most 32 deep");
    close_fixture(&f);
}
END_TEST

START_TEST(missing_slots_can_be_named)
{
    static const char *const texts[][2] = {
        {"gone", "gone"},
        {"\"gone\"", "gone"},
        {"\"\\x67one\"<-007", "gone<-7"},
        {"\"by\"/\"#\"/->3", "by/\"#\"/->3"},
        {"\"\"", "\"\""},
        {"\"a<-0\"<-1", "\"a<-0\"<-1"},
        {"\"->0\"", "\"->0\""},
        {"\"\\x00\\xFF\\x22 ok\"", "\"\\x00\\xff\\x22 ok\""},
        {"u<-0", "u<-0"},
        {"->9", "->9"},
    };
    fixture f;
    for (int lookup = 0; lookup < 2; lookup++) {
        open_fixture(&f, lookup == 0 ? QUIRE_NOTHING_IS_LOOKED_UP : QUIRE_MISSING_NAMED);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            const quire_slot slot = read_slot(&f, texts[i][0]);
            const quire_slot same = read_slot(&f, texts[i][1]);
            const bool absent = lookup == 1 && i == 5; /* the node is there */
            ck_assert_uint_eq(slot.kind, absent ? QUIRE_SLOT_ABSENT : QUIRE_SLOT_NAMED);
            check_text(&f, slot, texts[i][1]);
            ck_assert(quire_slot_equal(slot, same));
        }
        close_fixture(&f);
    }
}
END_TEST

START_TEST(operands_behind_the_last_are_absent)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    const quire_slot slot = read_slot(&f, "z/\"then_branch\"/p<-1");
    ck_assert_uint_eq(slot.kind, QUIRE_SLOT_ABSENT);
    check_text(&f, slot, "z/then_branch/p<-1");
    ck_assert_uint_eq(read_slot(&f, "y<-2").kind, QUIRE_SLOT_USE);
    close_fixture(&f);
}
END_TEST

START_TEST(a_reader_can_stand_at_a_node)
{
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    f.reader.self = quire_slot_node(f.m, read_slot(&f, "z/then_branch/p"));
    check_text(&f, read_slot(&f, "$"), "z/then_branch/p");
    check_text(&f, read_slot(&f, "$<-0"), "z/then_branch/p<-0");
    const quire_slot absent = read_slot(&f, "$<-7");
    ck_assert_uint_eq(absent.kind, QUIRE_SLOT_ABSENT);
    check_text(&f, absent, "z/then_branch/p<-7");
    check_text(&f, read_slot(&f, "y"), "y");
    f.reader.self = quire_graph_at(f.m, f.m->main)->first;
    f.reader.self = quire_node_at(f.m, f.reader.self)->next;
    refuse(&f, "$", "column 1", "none of whose results has a name");
    close_fixture(&f);
}
END_TEST

START_TEST(columns_are_those_of_the_line)
{
    static const char line[] = "12345 gone";
    quire_bytes rest = quire_bytes_of(line + 5);
    quire_slot slot;
    fixture f;
    open_fixture(&f, QUIRE_MISSING_REFUSED);
    f.ctx.file = "model";
    f.reader.line = (const uint8_t *)line;
    ck_assert_int_eq(quire_slot_parse(&f.reader, "line 3", &rest, &slot), QUIRE_E_INVALID);
    ck_assert_str_eq(f.log.path, "line 3: column 7");
    ck_assert_str_eq(f.log.file, "model");
    f.reader.origin = "text";
    ck_assert_int_eq(quire_slot_parse(&f.reader, "text:3", &rest, &slot), QUIRE_E_INVALID);
    ck_assert_str_eq(f.log.path, "text:3: column 7");
    ck_assert_str_eq(f.log.file, "");
    close_fixture(&f);
}
END_TEST

static quire_status
order_and_read(quire_ctx *ctx, quire_model *m)
{
    quire_slot_order order;
    quire_slot_reader reader;
    quire_slot slot;
    quire_bytes text = quire_bytes_of("gone/\"b\\x00\"/w<-0");
    QUIRE_TRY(quire_slot_order_make(ctx, m, &order));
    quire_slot_order_deinit(ctx, &order);
    QUIRE_TRY(quire_slot_reader_init(ctx, m, QUIRE_MISSING_NAMED, &reader));
    quire_status status = quire_slot_parse(&reader, NULL, &text, &slot);
    quire_slot_reader_deinit(&reader);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    for (size_t n = 1;; n++) {
        fixture f;
        fault_alloc alloc;
        open_fixture(&f, QUIRE_NOTHING_IS_LOOKED_UP);
        fault_alloc_init(&alloc, n, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &f.log);
        const quire_status status = order_and_read(&ctx, f.m);
        ck_assert(fault_alloc_is_clean(&alloc));
        const size_t failed = alloc.n_failed;
        ck_assert_int_eq(status, failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
        ck_assert_uint_eq(f.log.n_errors, failed == 0 ? 0 : 1);
        close_fixture(&f);
        if (failed == 0) break;
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("slot");
    TCase *all = tcase_create("slot");
    tcase_add_test(all, slots_are_in_order_and_read_back);
    tcase_add_test(all, a_slot_knows_what_it_is_about);
    tcase_add_test(all, erased_slots_have_no_rank);
    tcase_add_test(all, missing_slots_are_refused_with_the_nearest_names);
    tcase_add_test(all, text_that_is_no_slot_is_refused);
    tcase_add_test(all, paths_have_a_depth);
    tcase_add_test(all, missing_slots_can_be_named);
    tcase_add_test(all, operands_behind_the_last_are_absent);
    tcase_add_test(all, a_reader_can_stand_at_a_node);
    tcase_add_test(all, columns_are_those_of_the_line);
    tcase_add_test(all, every_allocation_may_fail);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
