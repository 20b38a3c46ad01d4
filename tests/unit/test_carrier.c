/* test_carrier.c - model metadata entries changed in bytes made by hand: the entry is new, every
 * other byte of the file stays. */
#include <check.h>

#include "base/rope.h"
#include "base/source.h"
#include "graph/carrier.h"
#include "graph/edit.h"
#include "graph/export.h"
#include "graph/import.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "support/fault.h"
#include "support/suite.h"

typedef struct bytes {
    uint8_t ptr[16384];
    size_t len;
} bytes;

static void
put(bytes *b, const void *ptr, size_t n)
{
    ck_assert_uint_le(b->len + n, sizeof b->ptr);
    memcpy(b->ptr + b->len, ptr, n);
    b->len += n;
}

/* A literal, NUL bytes and all. */
#define PUT(b, literal) put(b, literal, sizeof(literal) - 1)

/* A length-delimited field with a tag of one byte. */
static void
put_field(bytes *b, uint8_t tag, const void *body, size_t n)
{
    const uint8_t head[] = {tag, (uint8_t)(n | 0x80), (uint8_t)(n >> 7)};
    const uint8_t short_head[] = {tag, (uint8_t)n};
    if (n < 128) {
        put(b, short_head, 2);
    } else {
        put(b, head, 3);
    }
    put(b, body, n);
}

static void
put_entry(bytes *b, const char *key, const char *value)
{
    bytes entry = {.len = 0};
    put_field(&entry, 0x0a, key, strlen(key));
    put_field(&entry, 0x12, value, strlen(value));
    put_field(b, 0x72, entry.ptr, entry.len);
}

/* A graph with an initializer whose payload stays in the file. */
static void
put_graph(bytes *b)
{
    static const uint8_t payload[4800] = {1, 2, 3};
    bytes tensor = {.len = 0};
    bytes graph = {.len = 0};
    PUT(&tensor, "\x08\xb0\x09\x10\x01\x42\x01w"); /* dims 1200, float, name w */
    put_field(&tensor, 0x4a, payload, sizeof payload);
    PUT(&graph, "\x12\x01g");
    put_field(&graph, 0x2a, tensor.ptr, tensor.len);
    put_field(b, 0x3a, graph.ptr, graph.len);
}

/* Fields out of order, a varint longer than it need be, an unknown field: what stands in front of
 * the entries of the tests. */
static void
put_front(bytes *b)
{
    PUT(b, "\x08\x88\x80\x00"); /* ir_version 8 in three bytes */
    PUT(b, "\xa2\x06\x03xyz");  /* field 100 */
    put_graph(b);
    PUT(b, "\x42\x02\x10\x11"); /* opset 17 */
}

/* And behind them. */
static void
put_back(bytes *b)
{
    PUT(b, "\x72\x08\x0a\x01"
           "c\x18\x07\x12\x01z"); /* entry c: z with an unknown field in it */
    PUT(b, "\x12\x01p");          /* producer_name, late */
    PUT(b, "\xaa\x06\x01q");      /* field 101 */
}

typedef struct env {
    fault_log log;
    quire_ctx ctx;
    quire_source source;
    quire_rope file;
    quire_model *m;
} env;

static void
load(env *e, const bytes *b, fault_alloc *alloc)
{
    e->ctx = fault_ctx(alloc, NULL, &e->log);
    quire_rope_init(&e->file, e->ctx.alloc);
    ck_assert_int_eq(quire_rope_add(&e->ctx, &e->file, (quire_bytes){b->ptr, b->len}), QUIRE_OK);
    quire_rope_finish(&e->file);
    e->source = quire_rope_as_source(&e->file, "file");
    ck_assert_msg(quire_model_import(&e->ctx, e->source, NULL, NULL, &e->m) == QUIRE_OK, "%s: %s",
                  e->log.path, e->log.message);
}

static void
unload(env *e)
{
    quire_model_destroy(&e->ctx, e->m);
    quire_rope_deinit(&e->file);
}

static quire_status
export_to(env *e, bytes *out)
{
    quire_rope rope;
    quire_rope_init(&rope, e->ctx.alloc);
    quire_status status = quire_model_export(&e->ctx, e->m, &rope);
    const quire_source source = quire_rope_as_source(&rope, "out");
    out->len = (size_t)rope.size;
    ck_assert_uint_le(out->len, sizeof out->ptr);
    if (status == QUIRE_OK) status = quire_source_read(&e->ctx, &source, 0, out->ptr, out->len);
    quire_rope_deinit(&rope);
    return status;
}

static void
check_export(env *e, const bytes *wanted)
{
    static bytes out;
    ck_assert_int_eq(export_to(e, &out), QUIRE_OK);
    ck_assert_uint_eq(out.len, wanted->len);
    ck_assert(memcmp(out.ptr, wanted->ptr, out.len) == 0);
}

static void
set(env *e, const char *key, const char *value)
{
    const quire_bytes text = value == NULL ? (quire_bytes){NULL, 0} : quire_bytes_of(value);
    ck_assert_int_eq(quire_model_set_metadata(&e->ctx, e->m, key, value == NULL ? NULL : &text),
                     QUIRE_OK);
}

static void
check_value(const env *e, const char *key, const char *wanted)
{
    quire_bytes found = {NULL, 0};
    ck_assert_int_eq(quire_model_metadata(e->m, key, &found), wanted != NULL);
    if (wanted != NULL) ck_assert(quire_bytes_equal(found, quire_bytes_of(wanted)));
}

START_TEST(an_entry_is_replaced_where_it_stands)
{
    static bytes file, wanted;
    env e = {0};
    put_front(&file);
    put_front(&wanted);
    put_entry(&file, "a", "1");
    put_entry(&wanted, "a", "1");
    put_entry(&file, "b", "2");
    put_entry(&wanted, "b", "new");
    put_back(&file);
    put_back(&wanted);
    load(&e, &file, NULL);
    check_export(&e, &file);
    set(&e, "b", "new");
    check_export(&e, &wanted);
    check_value(&e, "a", "1");
    check_value(&e, "b", "new");
    check_value(&e, "c", "z");
    check_value(&e, "d", NULL);
    set(&e, "b", "other");
    set(&e, "b", "2");
    check_export(&e, &file);
    unload(&e);
}
END_TEST

START_TEST(an_entry_is_appended_behind_the_others)
{
    static bytes file, wanted;
    env e = {0};
    put_front(&file);
    put_front(&wanted);
    put_entry(&file, "a", "1");
    put_entry(&wanted, "a", "1");
    put_entry(&wanted, "y", "");
    put_entry(&wanted, "x", "10");
    PUT(&file, "\x12\x01p");
    PUT(&wanted, "\x12\x01p");
    load(&e, &file, NULL);
    set(&e, "y", "");
    set(&e, "x", "10");
    check_export(&e, &wanted);
    check_value(&e, "y", "");
    set(&e, "y", NULL);
    set(&e, "x", NULL);
    check_export(&e, &file);
    unload(&e);
}
END_TEST

/* The first entry goes where field 14 belongs: in front of functions and fields beyond. */
START_TEST(a_first_entry_goes_where_its_number_belongs)
{
    static bytes file, wanted;
    env e = {0};
    PUT(&file, "\x08\x08");
    put_graph(&file);
    PUT(&file, "\x42\x02\x10\x11");
    wanted = file;
    put_entry(&wanted, "k", "v");
    PUT(&file, "\xca\x01\x06\x0a\x01"
               "F\x52\x01s"); /* function s.F */
    PUT(&wanted, "\xca\x01\x06\x0a\x01"
                 "F\x52\x01s");
    PUT(&file, "\xa2\x06\x03xyz");
    PUT(&wanted, "\xa2\x06\x03xyz");
    load(&e, &file, NULL);
    set(&e, "k", "v");
    check_export(&e, &wanted);
    quire_model_touch_all(e.m); /* the same with every record written anew */
    check_export(&e, &wanted);
    set(&e, "k", NULL);
    check_export(&e, &file);
    unload(&e);
}
END_TEST

/* A reader that takes the first must not find an old value. */
START_TEST(one_of_several_entries_is_left)
{
    static bytes file, wanted, without;
    env e = {0};
    put_front(&file);
    wanted = without = file;
    put_entry(&file, "b", "1");
    put_entry(&file, "a", "1");
    put_entry(&wanted, "a", "1");
    put_entry(&without, "a", "1");
    put_entry(&file, "b", "2");
    put_entry(&wanted, "b", "3");
    put_back(&file);
    put_back(&wanted);
    put_back(&without);
    load(&e, &file, NULL);
    check_value(&e, "b", "2");
    set(&e, "b", "3");
    check_export(&e, &wanted);
    set(&e, "b", NULL);
    check_value(&e, "b", NULL);
    check_export(&e, &without);
    unload(&e);
}
END_TEST

/* Written anew, fields are in order and as short as can be; entries keep their order. */
START_TEST(a_model_written_anew_has_the_entry_at_its_place)
{
    static bytes file, wanted;
    env e = {0};
    PUT(&file, "\x08\x08\x12\x01p");
    put_graph(&file);
    PUT(&file, "\x42\x02\x10\x11");
    wanted = file;
    put_entry(&file, "a", "1");
    put_entry(&file, "b", "2");
    put_entry(&file, "c", "3");
    put_entry(&wanted, "a", "1");
    put_entry(&wanted, "b", "x");
    put_entry(&wanted, "c", "3");
    put_entry(&wanted, "d", "4");
    PUT(&file, "\xaa\x06\x01q");
    PUT(&wanted, "\xaa\x06\x01q");
    load(&e, &file, NULL);
    quire_model_touch_all(e.m);
    check_export(&e, &file);
    set(&e, "b", "x");
    set(&e, "d", "4");
    check_export(&e, &wanted);
    unload(&e);
}
END_TEST

/* Protobuf: what is missing is empty, the last one counts. */
START_TEST(odd_entries_are_read_as_protobuf_reads_them)
{
    static bytes file;
    env e = {0};
    put_front(&file);
    PUT(&file, "\x72\x03\x0a\x01"
               "k");                                            /* no value */
    PUT(&file, "\x72\x03\x12\x01v");                            /* no key */
    PUT(&file, "\x72\x0c\x12\x01s\x0a\x01r\x12\x01t\x0a\x01q"); /* two of each, values first */
    load(&e, &file, NULL);
    check_value(&e, "k", "");
    check_value(&e, "", "v");
    check_value(&e, "q", "t");
    check_value(&e, "r", NULL);
    unload(&e);
}
END_TEST

static const char text[] = "<ir_version: 8, opset_import: [\"\" : 17], "
                           "metadata_props: [\"a\": \"1\"]>\n"
                           "g (float[2] x) => (float[2] y) { y = Neg (x) }\n";

START_TEST(a_model_from_text_prints_its_new_entry)
{
    static const quire_print_options options = {0};
    env e = {0};
    quire_writer w;
    quire_text out = {0};
    e.ctx = fault_ctx(NULL, NULL, &e.log);
    ck_assert_int_eq(quire_model_parse(&e.ctx, quire_bytes_of(text), NULL, &e.m), QUIRE_OK);
    set(&e, QUIRE_ANNOTATIONS_KEY, "quire-annotations 1\n");
    set(&e, "a", NULL);
    quire_writer_to_text(&w, &e.ctx, &out);
    ck_assert_int_eq(quire_model_print(&e.ctx, e.m, &options, &w), QUIRE_OK);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    ck_assert_ptr_nonnull(strstr(out.ptr, "metadata_props"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "ai.quire.annotations"));
    ck_assert_ptr_null(strstr(out.ptr, "\"a\""));
    quire_model *again;
    ck_assert_int_eq(quire_model_parse(&e.ctx, quire_bytes_of(out.ptr), NULL, &again), QUIRE_OK);
    quire_bytes value;
    ck_assert(quire_model_metadata(again, QUIRE_ANNOTATIONS_KEY, &value));
    ck_assert(quire_bytes_equal(value, quire_bytes_of("quire-annotations 1\n")));
    quire_model_destroy(&e.ctx, again);
    quire_text_free(&e.ctx, &out);
    quire_model_destroy(&e.ctx, e.m);
}
END_TEST

START_TEST(a_model_without_a_file_has_metadata)
{
    env e = {0};
    e.ctx = fault_ctx(NULL, NULL, &e.log);
    ck_assert_int_eq(quire_model_create(&e.ctx, &e.m), QUIRE_OK);
    check_value(&e, "k", NULL);
    set(&e, "k", "v");
    check_value(&e, "k", "v");
    quire_model_destroy(&e.ctx, e.m);
}
END_TEST

START_TEST(text_that_could_not_be_read_again_is_refused)
{
    static const struct {
        const char *key;
        quire_bytes value;
    } cases[] = {
        {"k", {(const uint8_t *)"a\0b", 3}},
        {"k", {(const uint8_t *)"\xff", 1}},
        {"k", {(const uint8_t *)"\xc3", 1}},
        {"\xc3", {(const uint8_t *)"v", 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        env e = {0};
        e.ctx = fault_ctx(NULL, NULL, &e.log);
        ck_assert_int_eq(quire_model_parse(&e.ctx, quire_bytes_of(text), NULL, &e.m), QUIRE_OK);
        ck_assert_int_eq(quire_model_set_metadata(&e.ctx, e.m, cases[i].key, &cases[i].value),
                         QUIRE_E_INVALID);
        ck_assert_uint_eq(e.log.n_errors, 1);
        check_value(&e, cases[i].key, NULL);
        quire_model_destroy(&e.ctx, e.m);
    }
}
END_TEST

/* Allocation `n` of a change and the export after it fails; true once none did. */
static bool
set_with_fault(const bytes *file, const bytes *before, const bytes *after, size_t n)
{
    static char large[100000]; /* no arena has room left for that */
    static bytes out;
    fault_alloc alloc;
    env e = {0};
    fault_alloc_init(&alloc, 0, false);
    load(&e, file, &alloc);
    set(&e, "b", "2");
    memset(large, 'x', sizeof large);
    alloc.fail_at = alloc.n_calls + n;
    const quire_bytes value = {(const uint8_t *)large, sizeof large};
    const quire_bytes small = quire_bytes_of("new");
    quire_status status = quire_model_set_metadata(&e.ctx, e.m, "d", &value);
    if (status != QUIRE_OK) check_value(&e, "d", NULL);
    if (status == QUIRE_OK) status = quire_model_set_metadata(&e.ctx, e.m, "d", NULL);
    bool is_set = false;
    if (status == QUIRE_OK) {
        status = quire_model_set_metadata(&e.ctx, e.m, "b", &small);
        is_set = status == QUIRE_OK;
        check_value(&e, "b", is_set ? "new" : "2");
    }
    if (status == QUIRE_OK) status = export_to(&e, &out);
    alloc.fail_at = 0;
    ck_assert_uint_eq(e.log.n_errors, alloc.n_failed);
    if (status != QUIRE_OK) ck_assert_int_eq(status, QUIRE_E_NOMEM);
    check_export(&e, is_set ? after : before);
    const bool done = alloc.n_failed == 0;
    unload(&e);
    ck_assert(fault_alloc_is_clean(&alloc));
    return done;
}

START_TEST(every_allocation_may_fail)
{
    static bytes file, after;
    put_front(&file);
    after = file;
    put_entry(&file, "b", "2");
    put_entry(&after, "b", "new");
    put_back(&file);
    put_back(&after);
    size_t n = 1;
    while (!set_with_fault(&file, &file, &after, n))
        n++;
    ck_assert_uint_gt(n, 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("carrier");
    TCase *all = tcase_create("carrier");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, an_entry_is_replaced_where_it_stands);
    tcase_add_test(all, an_entry_is_appended_behind_the_others);
    tcase_add_test(all, a_first_entry_goes_where_its_number_belongs);
    tcase_add_test(all, one_of_several_entries_is_left);
    tcase_add_test(all, a_model_written_anew_has_the_entry_at_its_place);
    tcase_add_test(all, odd_entries_are_read_as_protobuf_reads_them);
    tcase_add_test(all, a_model_from_text_prints_its_new_entry);
    tcase_add_test(all, a_model_without_a_file_has_metadata);
    tcase_add_test(all, text_that_could_not_be_read_again_is_refused);
    tcase_add_test(all, every_allocation_may_fail);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
