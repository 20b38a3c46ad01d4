/* test_wire.c - what the wire check refuses, where it says the fault is, and what it never reads.
 *
 * Bytes are written by hand. The second opinion is protobuf-c: whatever we accept it can unpack,
 * and what it cannot unpack we refuse. Models to try on are looked for in QUIRE_TEST_MODELS (a
 * folder).
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "graph/wire.h"
#include "onnx.pb-c.h"
#include "support/fault.h"
#include "support/suite.h"
#include "support/wire_builder.h"

/* ---- sources that look like files, and count what is read of them */

typedef struct counted {
    const uint8_t *bytes;
    uint64_t n_read;
} counted;

static quire_status
read_counted(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    counted *c = source->data;
    (void)ctx;
    if (off > source->size || n > source->size - off) ck_abort_msg("read behind the end");
    memcpy(buf, c->bytes + off, n);
    c->n_read += n;
    return QUIRE_OK;
}

static quire_source
source_of(counted *c, const void *bytes, size_t n)
{
    *c = (counted){.bytes = bytes};
    return (quire_source){.size = n, .read = read_counted, .fd = -1, .name = "test", .data = c};
}

typedef struct result {
    quire_status status;
    fault_log log;
    quire_wire_stats stats;
    uint64_t n_read;
} result;

/* Checks a copy of just that size, so that reading behind it is seen. */
static result
check_limited(const void *bytes, size_t n, const quire_wire_limits *limits, quire_wire_holes *holes)
{
    result r = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &r.log);
    counted c;
    uint8_t *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, bytes, n);
    const quire_source source = source_of(&c, copy, n);
    r.status = quire_wire_check(&ctx, &source, limits, &r.stats, holes);
    ck_assert_uint_eq(r.log.n_errors, r.status != QUIRE_OK);
    ck_assert_uint_eq(r.log.n_others, 0);
    if (r.status != QUIRE_OK) ck_assert_int_eq(r.log.status, r.status);
    r.n_read = c.n_read;
    free(copy);
    return r;
}

static result
check_bytes(const void *bytes, size_t n)
{
    quire_wire_holes holes = {0};
    const result r = check_limited(bytes, n, NULL, &holes);
    quire_ungrow(&quire_allocator_libc, &holes.ptr, &holes.room, sizeof *holes.ptr);
    return r;
}

/* ---- one fault each */

#define BYTES(text) text, sizeof text - 1
#define FF9         "\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static const struct fault_case {
    const char *bytes;
    size_t n;
    quire_status status;
    int at; /* byte offset in the message; -1: none */
    const char *path, *says;
} cases[] = {
    /* numbers */
    {BYTES("\x08\x08"), QUIRE_OK, -1, "", ""},
    {BYTES("\x08\x88\x80\x00"), QUIRE_OK, -1, "", ""},
    {BYTES("\x88\x80\x00\x08"), QUIRE_OK, -1, "", ""},
    {BYTES("\x08" FF9 "\x01"), QUIRE_OK, -1, "", ""},
    {BYTES("\x08" FF9 "\x02"), QUIRE_E_INVALID, 1, "ir_version", "64 bits"},
    {BYTES("\x08" FF9 "\xff\x01"), QUIRE_E_INVALID, 1, "ir_version", "more than the 10 bytes"},
    {BYTES("\x08\x88\x80\x80\x80\x80\x80\x00"), QUIRE_OK, -1, "", ""},
    {BYTES("\x08"), QUIRE_E_INVALID, 1, "ir_version", "cut off"},
    {BYTES("\x08\x80"), QUIRE_E_INVALID, 1, "ir_version", "cut off"},
    {BYTES("\x08\x08\x08\x09"), QUIRE_OK, -1, "", ""},
    /* tags */
    {BYTES("\x00\x01"), QUIRE_E_INVALID, 0, "", "field number 0"},
    {BYTES("\x80\x00\x01"), QUIRE_E_INVALID, 0, "", "field number 0"},
    {BYTES("\xf8\xff\xff\xff\x0f\x01"), QUIRE_OK, -1, "", ""},
    {BYTES("\x80\x80\x80\x80\x10\x01"), QUIRE_E_INVALID, 0, "", "field number 536870912"},
    {BYTES("\x88\x80\x80\x80\x80\x00\x01"), QUIRE_E_INVALID, 0, "", "5 bytes"},
    {BYTES("\x8b\x01\x8c\x01"), QUIRE_E_INVALID, 0, "", "group"},
    {BYTES("\x0c"), QUIRE_E_INVALID, 0, "", "group"},
    {BYTES("\x08\x08\x0e\x00"), QUIRE_E_INVALID, 2, "", "wire type 6"},
    {BYTES("\x0f\x00"), QUIRE_E_INVALID, 0, "", "wire type 7"},
    /* wire types of known fields */
    {BYTES("\x0a\x00"), QUIRE_E_INVALID, 0, "ir_version", "wire type 2"},
    {BYTES("\x38\x01"), QUIRE_E_INVALID, 0, "graph", "wire type 0"},
    {BYTES("\x3a\x04\x0a\x02\x08\x01"), QUIRE_E_INVALID, 4, "graph.node[0].input[0]",
     "wire type 0"},
    {BYTES("\x3a\x05\x2a\x03\x0a\x01\x05"), QUIRE_OK, -1, "", ""},
    {BYTES("\x3a\x06\x2a\x04\x08\x05\x08\x06"), QUIRE_OK, -1, "", ""},
    {BYTES("\x3a\x07\x2a\x05\x25\x00\x00\x80\x3f"), QUIRE_OK, -1, "", ""},
    {BYTES("\x3a\x07\x2a\x05\x22\x03\x00\x00\x80"), QUIRE_E_INVALID, 6,
     "graph.initializer[0].float_data", "3 bytes long"},
    {BYTES("\x3a\x05\x2a\x03\x0a\x01\x85"), QUIRE_E_INVALID, 6, "graph.initializer[0].dims",
     "cut off"},
    {BYTES("\x3a\x04\x2a\x02\x0d\x00"), QUIRE_E_INVALID, 4, "graph.initializer[0].dims",
     "wire type 5"},
    /* what may stand once */
    {BYTES("\x3a\x00\x3a\x00"), QUIRE_E_INVALID, 2, "graph", "twice"},
    {BYTES("\xca\x01\x00\xca\x01\x00"), QUIRE_OK, -1, "", ""},
    {BYTES("\x3a\x08\x5a\x06\x12\x04\x0a\x00\x22\x00"), QUIRE_E_INVALID, 8,
     "graph.input[0].type.sequence_type", "only one of tensor_type and sequence_type"},
    {BYTES("\x3a\x0e\x5a\x0c\x12\x0a\x0a\x08\x12\x06\x0a\x04\x08\x01\x08\x02"), QUIRE_OK, -1, "",
     ""},
    {BYTES("\x3a\x0f\x5a\x0d\x12\x0b\x0a\x09\x12\x07\x0a\x05\x08\x01\x12\x01N"), QUIRE_E_INVALID,
     14, "graph.input[0].type.tensor_type.shape.dim[0].dim_param", "only one of"},
    /* lengths */
    {BYTES("\x3a\x05\x0a\x00"), QUIRE_E_INVALID, 1, "graph", "5 bytes"},
    {BYTES("\x3a\x04\x0a\x03\x0a\x00"), QUIRE_E_INVALID, 3, "graph.node[0]", "3 bytes"},
    {BYTES("\x3a\x06\x0a\x00\x0a\x03\x0a\x00"), QUIRE_E_INVALID, 5, "graph.node[1]", "3 bytes"},
    {BYTES("\x3a\xff\xff\xff\xff\xff\x0f"), QUIRE_E_INVALID, 1, "graph", "5 bytes"},
    {BYTES("\x3a\xff\xff\xff\xff\x0f"), QUIRE_E_INVALID, 1, "graph", "4294967295 bytes"},
    {BYTES("\x3a\x07\x0a\x05\x2a\x03\x15\x00\x00"), QUIRE_E_INVALID, 7,
     "graph.node[0].attribute[0].f", "runs past"},
    {BYTES("\x79\x00\x00\x00"), QUIRE_E_INVALID, 1, "", "runs past"},
    /* strings */
    {BYTES("\x12\x03"
           "a\0b"),
     QUIRE_E_INVALID, 3, "producer_name", "NUL"},
    {BYTES("\x12\x03\xe2\x82\xac"), QUIRE_OK, -1, "", ""},
    {BYTES("\x12\x04\xf4\x8f\xbf\xbf"), QUIRE_OK, -1, "", ""},
    {BYTES("\x12\x03\xef\xbb\xbf"), QUIRE_OK, -1, "", ""},
    {BYTES("\x12\x02\xc0\x80"), QUIRE_E_INVALID, 2, "producer_name", "UTF-8"},
    {BYTES("\x12\x03\xe0\x9f\xbf"), QUIRE_E_INVALID, 3, "producer_name", "UTF-8"},
    {BYTES("\x12\x03\xed\xa0\x80"), QUIRE_E_INVALID, 3, "producer_name", "UTF-8"},
    {BYTES("\x12\x04\xf4\x90\x80\x80"), QUIRE_E_INVALID, 3, "producer_name", "UTF-8"},
    {BYTES("\x12\x01\x80"), QUIRE_E_INVALID, 2, "producer_name", "UTF-8"},
    {BYTES("\x12\x01\xff"), QUIRE_E_INVALID, 2, "producer_name", "UTF-8"},
    {BYTES("\x12\x02\xe2\x82"), QUIRE_E_INVALID, 4, "producer_name", "ends inside"},
    {BYTES("\x12\x0a"
           "abcdefgh\xe2\x28"),
     QUIRE_E_INVALID, 11, "producer_name", "UTF-8"},
    {BYTES("\x12\x09"
           "abcdefg\0h"),
     QUIRE_E_INVALID, 9, "producer_name", "NUL"},
    {BYTES("\x12\x03\x1b\x5b\x0a"), QUIRE_OK, -1, "", ""},
    {BYTES("\x3a\x08\x0a\x06\x2a\x04\x22\x02\x00\xff"), QUIRE_OK, -1, "",
     ""}, /* attribute.s: bytes */
    /* unknown fields: any content */
    {BYTES("\x7a\x03\x00\xff\x80"), QUIRE_OK, -1, "", ""},
    {BYTES("\x7d\x00\x00\x00\x00\x79\x00\x00\x00\x00\x00\x00\x00\x00\x78\x01"), QUIRE_OK, -1, "",
     ""},
    {BYTES("\x3a\x02\x18\x01"), QUIRE_OK, -1, "", ""}, /* a reserved number of GraphProto */
    /* other formats */
    {BYTES(""), QUIRE_E_INVALID, -1, "", "empty"},
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), QUIRE_E_INVALID, -1, "",
     "Git LFS pointer"},
    {BYTES("<!DOCTYPE html><html>"), QUIRE_E_INVALID, -1, "", "HTML"},
    {BYTES("PK\x03\x04\x14\x00"), QUIRE_E_INVALID, -1, "", "zip"},
    {BYTES("\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"), QUIRE_E_INVALID, -1, "", "safetensors"},
    {BYTES("\x1c\x00\x00\x00TFL3"), QUIRE_E_INVALID, -1, "", "TensorFlow Lite"},
    {BYTES("GGUF\x03\x00\x00\x00"), QUIRE_E_INVALID, -1, "", "GGUF"},
};

START_TEST(each_fault_is_told_with_its_place)
{
    const struct fault_case *c = &cases[_i];
    const result r = check_bytes(c->bytes, c->n);
    ck_assert_msg(r.status == c->status, "case %d: %s: %s", _i, quire_status_name(r.status),
                  r.log.message);
    ck_assert_msg(strcmp(r.log.path, c->path) == 0, "case %d: path %s", _i, r.log.path);
    ck_assert_msg(strstr(r.log.message, c->says) != NULL, "case %d: %s", _i, r.log.message);
    char place[32];
    snprintf(place, sizeof place, "byte %d: ", c->at);
    const bool at = strncmp(r.log.message, place, strlen(place)) == 0;
    ck_assert_msg(at == (c->at >= 0), "case %d: %s", _i, r.log.message);
    /* protobuf-c takes it too, or we are stricter. */
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, c->n, (const uint8_t *)c->bytes);
    if (r.status == QUIRE_OK) ck_assert_ptr_nonnull(m);
    if (m != NULL) onnx__model_proto__free_unpacked(m, NULL);
}
END_TEST

/* ---- messages built from the inside out */

static result
check_built(builder *b)
{
    const result r = check_bytes(builder_bytes(b), builder_size(b));
    free(b->bytes);
    return r;
}

/* A graph in an attribute of a node, `n` times. */
static result
check_graphs(int n)
{
    builder b = builder_create((size_t)n * 20 + 16);
    for (int i = 0; i < n; i++) {
        builder_wrap(&b, "\x32"); /* attribute.g */
        builder_wrap(&b, "\x2a"); /* node.attribute */
        builder_wrap(&b, "\x0a"); /* graph.node */
    }
    builder_wrap(&b, "\x3a");
    return check_built(&b);
}

/* A type of sequences of sequences, `n` types in all. */
static result
check_types(int n)
{
    builder b = builder_create(4096);
    for (int i = 1; i < n; i++) {
        builder_wrap(&b, "\x0a"); /* sequence.elem_type */
        builder_wrap(&b, "\x22"); /* type.sequence_type */
    }
    builder_wrap(&b, "\x12");
    builder_wrap(&b, "\x5a");
    builder_wrap(&b, "\x3a");
    return check_built(&b);
}

START_TEST(nesting_is_limited)
{
    ck_assert_int_eq(check_graphs(32).status, QUIRE_OK);
    result r = check_graphs(33);
    ck_assert_int_eq(r.status, QUIRE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.log.message, "graphs are nested more than 32 deep"));
    ck_assert_int_eq(check_types(16).status, QUIRE_OK);
    ck_assert_int_eq(check_types(17).status, QUIRE_E_LIMIT);
    r = check_graphs(1000); /* a stack overflow, where reading recurses */
    ck_assert_int_eq(r.status, QUIRE_E_LIMIT);
}
END_TEST

START_TEST(message_depth_is_limited)
{
    quire_wire_limits limits = quire_wire_limits_default;
    quire_wire_holes holes = {0};
    limits.max_depth = 2;
    ck_assert_int_eq(check_limited(BYTES("\x3a\x02\x0a\x00"), &limits, &holes).status, QUIRE_OK);
    const result r = check_limited(BYTES("\x3a\x04\x0a\x02\x2a\x00"), &limits, &holes);
    ck_assert_int_eq(r.status, QUIRE_E_LIMIT);
    ck_assert_str_eq(r.log.path, "graph.node[0].attribute[0]");
}
END_TEST

START_TEST(sizes_are_limited)
{
    quire_wire_limits limits = quire_wire_limits_default;
    quire_wire_holes holes = {0};
    limits.max_file = 3;
    ck_assert_int_eq(check_limited(BYTES("\x3a\x02\x0a\x00"), &limits, &holes).status,
                     QUIRE_E_LIMIT);
    limits.max_file = 4;
    ck_assert_int_eq(check_limited(BYTES("\x3a\x02\x0a\x00"), &limits, &holes).status, QUIRE_OK);
    limits.max_memory = 16;
    ck_assert_int_eq(check_limited(BYTES("\x3a\x02\x0a\x00"), &limits, &holes).status,
                     QUIRE_E_LIMIT);
}
END_TEST

static result
check_repeated(const char *field, size_t n, const char *wrapper)
{
    const size_t size = strlen(field) == 1 ? 2 : strlen(field);
    builder b = builder_create(n * size + 16);
    for (size_t i = 0; i < n; i++)
        builder_put(&b, field, size);
    if (wrapper != NULL) builder_wrap(&b, wrapper);
    return check_built(&b);
}

START_TEST(unknown_fields_are_counted)
{
    result r = check_repeated("\x78\x01", 1000000, NULL);
    ck_assert_int_eq(r.status, QUIRE_OK);
    ck_assert_uint_eq(r.stats.n_unknown, 1000000);
    r = check_repeated("\x78\x01", 1000001, NULL);
    ck_assert_int_eq(r.status, QUIRE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.log.message, "unknown fields"));
}
END_TEST

/* Two bytes make a node; a hundred and more are needed to hold it. */
START_TEST(amplification_is_limited)
{
    ck_assert_int_eq(check_repeated("\x0a", 100000, "\x3a").status, QUIRE_OK);
    const result r = check_repeated("\x0a", 4000000, "\x3a");
    ck_assert_int_eq(r.status, QUIRE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(r.log.message, "tiny parts"));
    ck_assert_ptr_eq(strstr(r.log.path, "graph.node["), r.log.path);
}
END_TEST

/* ---- bulk payloads */

START_TEST(payloads_become_holes)
{
    /* initializers of 5000, 4095 and 4096 raw bytes; floats; an attribute string */
    static const struct {
        size_t n;
        const char *tag;
    } payloads[] = {{5000, "\x4a"}, {4095, "\x4a"}, {4096, "\x4a"}, {8000, "\x22"}, {5000, "\x3a"}};
    builder b = builder_create(65536);
    for (size_t i = 5; i-- > 0;) {
        builder t = builder_create(16384);
        builder_fill(&t, 0x80, payloads[i].n); /* as packed numbers or as text, nonsense */
        builder_wrap(&t, payloads[i].tag);
        builder_wrap(&t, "\x2a"); /* graph.initializer */
        builder_take(&b, &t);
    }
    builder_wrap(&b, "\x3a");
    const uint8_t *file = builder_bytes(&b);
    const size_t size = builder_size(&b);

    quire_wire_holes holes = {0};
    const result r = check_limited(file, size, NULL, &holes);
    ck_assert_int_eq(r.status, QUIRE_OK);
    ck_assert_uint_eq(holes.n, 4);
    uint64_t skipped = 0;
    static const size_t lens[] = {5000, 4096, 8000, 5000};
    for (size_t i = 0; i < holes.n; i++) {
        const quire_hole *h = &holes.ptr[i];
        ck_assert_uint_eq(h->len, lens[i]);
        ck_assert_uint_eq(h->at, h->off - skipped);
        ck_assert_int_ne(file[h->off - 1], 0x80); /* the length stands before it */
        for (uint64_t k = 0; k < h->len; k++)
            ck_assert_int_eq(file[h->off + k], 0x80);
        skipped += h->len;
    }
    ck_assert_uint_eq(r.stats.skeleton_size, size - skipped);
    quire_ungrow(&quire_allocator_libc, &holes.ptr, &holes.room, sizeof *holes.ptr);
    free(b.bytes);
}
END_TEST

START_TEST(payloads_are_not_read)
{
    builder b = builder_create((size_t)40 << 20);
    builder_fill(&b, 0, (size_t)32 << 20);
    builder_wrap(&b, "\x4a");
    builder_wrap(&b, "\x2a");
    builder_wrap(&b, "\x3a");
    const result r = check_built(&b);
    ck_assert_int_eq(r.status, QUIRE_OK);
    ck_assert_uint_le(r.n_read, 1 << 20);
    ck_assert_uint_le(r.stats.skeleton_size, 64);
}
END_TEST

/* Only what records keep as payloads: not dims, and not in messages that are unpacked whole. */
START_TEST(other_long_fields_are_no_holes)
{
    static const char *const wrappers[][4] = {
        {"\x0a", "\x2a", "\x3a", NULL},   /* graph.initializer.dims, packed    */
        {"\x12", "\x32", "\x3a", NULL},   /* an unknown field of the graph    */
        {"\x62", "\x2a", "\x3a", NULL},   /* graph.initializer.doc_string      */
        {"\x0a", "\x52", "\x0a", "\x3a"}, /* node, device configuration: a string */
    };
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
        builder b = builder_create(8192);
        builder_fill(&b, 1, 5000);
        for (size_t k = 0; k < 4 && wrappers[i][k] != NULL; k++)
            builder_wrap(&b, wrappers[i][k]);
        const size_t size = builder_size(&b);
        const result r = check_built(&b);
        ck_assert_msg(r.status == QUIRE_OK, "%s", r.log.message);
        ck_assert_uint_eq(r.stats.skeleton_size, size);
    }
}
END_TEST

/* Strings longer than the window, with characters across its ends. */
START_TEST(strings_may_be_longer_than_the_window)
{
    for (size_t shift = 0; shift < 3; shift++) {
        builder b = builder_create(2000000);
        for (int i = 0; i < 500000; i++)
            builder_put(&b, "\xe2\x82\xac", 3);
        for (size_t i = 0; i < shift; i++)
            builder_put(&b, "x", 1);
        const size_t before = builder_size(&b);
        builder_wrap(&b, "\x12");
        const size_t header = builder_size(&b) - before;
        b.bytes[b.room - 4] = shift == 1 ? 'y' : b.bytes[b.room - 4];
        const result r = check_built(&b);
        ck_assert_int_eq(r.status, shift == 1 ? QUIRE_E_INVALID : QUIRE_OK);
        if (shift != 1) continue;
        char place[32];
        snprintf(place, sizeof place, "byte %zu: ", header + before - 4);
        ck_assert_ptr_eq(strstr(r.log.message, place), r.log.message);
    }
}
END_TEST

/* ---- against protobuf-c, on real models */

/* Payloads of QUIRE_BULK bytes that protobuf-c found, in file order of where they are looked
 * for. */
typedef struct finder {
    const uint8_t *file;
    size_t size, n;
    const quire_wire_holes *holes;
} finder;

static void
find_payload(finder *f, const void *bytes, size_t n)
{
    if (n < QUIRE_BULK) return;
    f->n++;
    for (size_t i = 0; i < f->holes->n; i++) {
        const quire_hole *h = &f->holes->ptr[i];
        if (h->len == n && memcmp(f->file + h->off, bytes, n) == 0) return;
    }
    ck_abort_msg("a payload of %zu bytes is in no hole", n);
}

static void
find_in_tensor(finder *f, const Onnx__TensorProto *t)
{
    find_payload(f, t->raw_data.data, t->raw_data.len);
    find_payload(f, t->float_data, t->n_float_data * sizeof *t->float_data);
    for (size_t i = 0; i < t->n_string_data; i++) {
        find_payload(f, t->string_data[i].data, t->string_data[i].len);
    }
}

static void
find_in_graph(finder *f, const Onnx__GraphProto *g)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        find_in_tensor(f, g->initializer[i]);
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t k = 0; k < g->node[i]->n_attribute; k++) {
            const Onnx__AttributeProto *a = g->node[i]->attribute[k];
            if (a->t != NULL) find_in_tensor(f, a->t);
            if (a->g != NULL) find_in_graph(f, a->g);
            find_payload(f, a->s.data, a->s.len);
        }
    }
}

static void
try_model(const uint8_t *file, size_t size)
{
    quire_wire_holes holes = {0};
    const result r = check_limited(file, size, NULL, &holes);
    ck_assert_msg(r.status == QUIRE_OK, "%s: %s", r.log.path, r.log.message);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, size, file);
    ck_assert_ptr_nonnull(m);
    finder f = {file, size, 0, &holes};
    if (m->graph != NULL) find_in_graph(&f, m->graph);
    ck_assert_uint_le(f.n, holes.n); /* functions are not looked into */
    onnx__model_proto__free_unpacked(m, NULL);
    quire_ungrow(&quire_allocator_libc, &holes.ptr, &holes.room, sizeof *holes.ptr);
}

static uint32_t
next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Damages a copy in a few places; protobuf-c must take whatever we take. */
static void
try_damaged(const uint8_t *file, size_t size, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (int round = 0; round < 10; round++) {
        size_t n = size < 20000 ? size : 20000;
        uint8_t *copy = malloc(n);
        memcpy(copy, file, n);
        for (uint32_t k = next_random(&state) % 4; k > 0; k--) {
            copy[next_random(&state) % n] = (uint8_t)next_random(&state);
        }
        if (next_random(&state) % 2) n = next_random(&state) % n;
        if (check_bytes(copy, n).status == QUIRE_OK) {
            Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, copy);
            ck_assert_ptr_nonnull(m);
            onnx__model_proto__free_unpacked(m, NULL);
        }
        free(copy);
    }
}

START_TEST(real_models)
{
    const char *folder = getenv("QUIRE_TEST_MODELS");
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    uint32_t n = 0;
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char path[1024];
        const size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".onnx") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *f = fopen(path, "rb");
        ck_assert_ptr_nonnull(f);
        uint8_t *file = malloc(16 << 20);
        const size_t size = fread(file, 1, 16 << 20, f);
        fclose(f);
        if (size > 0 && size < 16 << 20) {
            try_model(file, size);
            try_damaged(file, size, ++n);
        }
        free(file);
    }
    if (dir != NULL) closedir(dir);
    if (folder != NULL) ck_assert_uint_gt(n, 0);
}
END_TEST

/* Every prefix: accepted if and only if it ends between two top-level fields, as protobuf-c has
 * it. */
START_TEST(every_truncation)
{
    static const char model[] = "\x08\x08\x12\x03"
                                "abc"
                                "\x3a\x13\x0a\x0a\x0a\x01x\x12\x01y\x22\x02Id"
                                "\x12\x01g\x2a\x02\x10\x01"
                                "\x42\x02\x10\x0d"
                                "\x72\x04\x0a\x00\x12\x00";
    const size_t size = sizeof model - 1;
    size_t n_good = 0;
    for (size_t n = 1; n <= size; n++) {
        const result r = check_bytes(model, n);
        Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, n, (const uint8_t *)model);
        ck_assert_msg((r.status == QUIRE_OK) == (m != NULL), "%zu bytes: %s", n, r.log.message);
        n_good += m != NULL;
        if (m != NULL) onnx__model_proto__free_unpacked(m, NULL);
    }
    ck_assert_uint_eq(n_good, 5);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    builder b = builder_create(65536);
    for (int i = 0; i < 10; i++) {
        builder t = builder_create(5000);
        builder_fill(&t, 0, 4500);
        builder_wrap(&t, "\x4a");
        builder_wrap(&t, "\x2a");
        builder_take(&b, &t);
    }
    builder_wrap(&b, "\x3a");
    size_t n_failed = 0;
    for (size_t at = 1;; at++) {
        fault_alloc alloc;
        fault_log log = {0};
        fault_alloc_init(&alloc, at, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        counted c;
        quire_wire_holes holes = {0};
        quire_wire_stats stats;
        const quire_source source = source_of(&c, builder_bytes(&b), builder_size(&b));
        const quire_status status = quire_wire_check(&ctx, &source, NULL, &stats, &holes);
        quire_ungrow(ctx.alloc, &holes.ptr, &holes.room, sizeof *holes.ptr);
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(log.n_errors, alloc.n_failed);
        if (alloc.n_failed == 0) break;
        n_failed++;
    }
    ck_assert_uint_ge(n_failed, 4);
    free(b.bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tc = tcase_create("wire");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_fault_is_told_with_its_place, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tc, nesting_is_limited);
    tcase_add_test(tc, message_depth_is_limited);
    tcase_add_test(tc, sizes_are_limited);
    tcase_add_test(tc, unknown_fields_are_counted);
    tcase_add_test(tc, amplification_is_limited);
    tcase_add_test(tc, payloads_become_holes);
    tcase_add_test(tc, payloads_are_not_read);
    tcase_add_test(tc, other_long_fields_are_no_holes);
    tcase_add_test(tc, strings_may_be_longer_than_the_window);
    tcase_add_test(tc, every_truncation);
    tcase_add_test(tc, real_models);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
