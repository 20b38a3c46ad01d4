/* test_layout.c - receipts: every byte of both sides in one piece, and the verdict a reader
 * expects.
 *
 * What all receipts promise (tiles, sums, kept means equal) is checked by check_promises, which
 * knows nothing of how they are made. Models to try on are looked for in QUIRE_TEST_MODELS (a
 * folder).
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rope.h"
#include "graph/layout.h"
#include "support/fault.h"
#include "support/suite.h"
#include "support/wire_builder.h"

enum { FILES = 4 };

typedef struct side {
    quire_layout_file files[FILES];
    quire_layout_side side;
} side;

static void
add_file(side *s, const void *bytes, size_t n, const char *name)
{
    s->side.files = s->files;
    s->files[s->side.n_files++] =
        (quire_layout_file){.source = quire_source_of_memory(bytes, n, name), .name = name};
}

/* ---- what every receipt promises */

static int
compare_ranges(const void *a, const void *b)
{
    const quire_receipt_range *x = a, *y = b;
    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The ranges of one direction cover each file from start to end, once. */
static void
check_tiles(const quire_receipt *r, const quire_layout_side *s, bool out)
{
    quire_receipt_range *ranges = malloc((r->n_pieces + 1) * sizeof *ranges);
    size_t n = 0;
    for (size_t i = 0; i < r->n_pieces; i++) {
        const quire_receipt_range *range = out ? &r->pieces[i].out : &r->pieces[i].in;
        if (range->file != 0) ranges[n++] = *range;
    }
    qsort(ranges, n, sizeof *ranges, compare_ranges);
    size_t i = 0;
    for (uint32_t file = 1; file <= s->n_files; file++) {
        uint64_t at = 0;
        for (; i < n && ranges[i].file == file; i++) {
            ck_assert_uint_eq(ranges[i].offset, at);
            ck_assert_uint_gt(ranges[i].length, 0);
            at += ranges[i].length;
        }
        ck_assert_uint_eq(at, s->files[file - 1].source.size);
    }
    ck_assert_uint_eq(i, n);
    free(ranges);
}

static uint8_t *
read_range(const quire_layout_side *s, const quire_receipt_range *range)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    uint8_t *bytes = malloc(range->length + 1);
    ck_assert_int_eq(quire_source_read(&ctx, &s->files[range->file - 1].source, range->offset,
                                       bytes, range->length),
                     QUIRE_OK);
    return bytes;
}

static void
check_equal(const quire_receipt_piece *p, const quire_layout_side *in, const quire_layout_side *out)
{
    ck_assert_uint_eq(p->in.length, p->out.length);
    uint8_t *a = read_range(in, &p->in), *b = read_range(out, &p->out);
    ck_assert_mem_eq(a, b, p->in.length);
    free(a);
    free(b);
}

static void
check_promises(const quire_receipt *r, const quire_layout_side *in, const quire_layout_side *out)
{
    uint64_t sums[QUIRE_N_VERDICTS][2] = {{0}};
    for (size_t i = 0; i < r->n_pieces; i++) {
        const quire_receipt_piece *p = &r->pieces[i];
        const bool has_in = p->in.file != 0, has_out = p->out.file != 0;
        sums[p->verdict][0] += p->in.length;
        sums[p->verdict][1] += p->out.length;
        ck_assert(has_in || has_out);
        if (p->verdict == QUIRE_REMOVED || p->verdict == QUIRE_ADDED) ck_assert(has_in != has_out);
        if (p->verdict == QUIRE_KEPT || p->verdict == QUIRE_REWRITTEN) ck_assert(has_in && has_out);
        if (p->verdict == QUIRE_KEPT) check_equal(p, in, out);
    }
    check_tiles(r, in, false);
    check_tiles(r, out, true);
    ck_assert_uint_eq(r->kept, sums[QUIRE_KEPT][0]);
    ck_assert_uint_eq(r->removed, sums[QUIRE_REMOVED][0]);
    ck_assert_uint_eq(r->added, sums[QUIRE_ADDED][1]);
    ck_assert_uint_eq(r->rewritten_in, sums[QUIRE_REWRITTEN][0]);
    ck_assert_uint_eq(r->rewritten_out, sums[QUIRE_REWRITTEN][1]);
    ck_assert_uint_eq(r->framing_in, sums[QUIRE_FRAMING][0]);
    ck_assert_uint_eq(r->framing_out, sums[QUIRE_FRAMING][1]);
    ck_assert_uint_eq(r->input_bytes, r->kept + r->removed + r->rewritten_in + r->framing_in);
    ck_assert_uint_eq(r->output_bytes, r->kept + r->added + r->rewritten_out + r->framing_out);
}

/* ---- receipts as text: "verdict kind name in>out", a range is FILE:OFFSET+LENGTH */

static void
put_range(char *out, const quire_receipt_range *range)
{
    if (range->file == 0) {
        strcpy(out, "-");
    } else {
        sprintf(out, "%u:%llu+%llu", range->file - 1, (unsigned long long)range->offset,
                (unsigned long long)range->length);
    }
}

static void
put_receipt(const quire_receipt *r, char *out, size_t room)
{
    static const char *const verdicts[] = {"kept", "removed", "rewritten", "added", "framing"};
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < r->n_pieces; i++) {
        const quire_receipt_piece *p = &r->pieces[i];
        char in[64], to[64];
        put_range(in, &p->in);
        put_range(to, &p->out);
        used += (size_t)snprintf(out + used, room - used, "%s %s '%.*s' %s > %s\n",
                                 verdicts[p->verdict], p->kind, (int)p->name.len,
                                 (const char *)p->name.ptr, in, to);
        ck_assert_uint_lt(used, room);
    }
}

static void
expect(const side *a, const side *b, const char *expected)
{
    static char text[65536];
    fault_alloc alloc;
    fault_log log = {0};
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_receipt r;
    const quire_status status = quire_receipt_make(&ctx, &a->side, &b->side, &r);
    ck_assert_msg(status == QUIRE_OK, "%s", log.message);
    check_promises(&r, &a->side, &b->side);
    put_receipt(&r, text, sizeof text);
    if (expected != NULL) ck_assert_str_eq(text, expected);
    quire_receipt_deinit(&ctx, &r);
    ck_assert(fault_alloc_is_clean(&alloc));
}

#define SIDE(s, text) add_file(&(s), text, sizeof text - 1, "model.onnx")

/* ---- one change each */

/* node y = Id(x); its 14 bytes are used all over */
#define NODE_Y "\x0a\x0a\x0a\x01x\x12\x01y\x22\x02Id"
#define NODE_Z "\x0a\x0a\x0a\x01y\x12\x01z\x22\x02Id"

START_TEST(equal_models_are_kept)
{
    side a = {0}, b = {0};
    SIDE(a, "\x08\x08\x3a\x18" NODE_Y NODE_Z);
    SIDE(b, "\x08\x08\x3a\x18" NODE_Y NODE_Z);
    expect(&a, &b,
           "kept model 'ir_version' 0:0+2 > 0:0+2\n"
           "kept graph '' 0:2+2 > 0:2+2\n"
           "kept node 'y .. z' 0:4+24 > 0:4+24\n");
}
END_TEST

START_TEST(fields_of_the_model)
{
    side a = {0}, b = {0};
    SIDE(a, "\x08\x08\x12\x01p\x42\x02\x10\x0d\x72\x06\x0a\x01k\x12\x01v\x78\x01");
    SIDE(b, "\x08\x09\x12\x01p\x42\x07\x0a\x03xyz\x10\x01\x42\x02\x10\x0e\x72\x06\x0a\x01l\x12\x01v"
            "\x78\x02");
    expect(&a, &b,
           "rewritten model 'ir_version' 0:0+2 > 0:0+2\n"
           "kept model 'producer_name' 0:2+3 > 0:2+3\n"
           "added opset_import 'xyz' - > 0:5+9\n"
           "rewritten opset_import '' 0:5+4 > 0:14+4\n"
           "removed metadata 'k' 0:9+8 > -\n"
           "added metadata 'l' - > 0:18+8\n"
           "rewritten other 'field 15' 0:17+2 > 0:26+2\n");
}
END_TEST

START_TEST(nodes_come_and_go)
{
    side a = {0}, b = {0};
    SIDE(a, "\x3a\x1b" NODE_Y NODE_Z "\x12\x01g");
    SIDE(b, "\x3a\x1d" NODE_Z "\x0a\x0c\x0a\x01z\x12\x01w\x22\x02No\x2a\x00"
            "\x12\x01g");
    expect(&a, &b,
           "framing graph '' 0:0+2 > 0:0+2\n"
           "removed node 'y' 0:2+12 > -\n"
           "kept node 'z' 0:14+12 > 0:2+12\n"
           "added node 'w' - > 0:14+14\n"
           "kept graph 'name' 0:26+3 > 0:28+3\n");
}
END_TEST

/* Things that are called the same meet in order; what moved is kept where it is. */
START_TEST(duplicates_and_order)
{
    side a = {0}, b = {0};
    SIDE(a, "\x72\x06\x0a\x01k\x12\x01v\x72\x06\x0a\x01k\x12\x01w\x72\x03\x0a\x01m");
    SIDE(b, "\x72\x03\x0a\x01m\x72\x06\x0a\x01k\x12\x01v\x72\x06\x0a\x01k\x12\x01x\x72\x06\x0a\x01k"
            "\x12\x01y");
    expect(&a, &b,
           "kept metadata 'm' 0:16+5 > 0:0+5\n"
           "kept metadata 'k' 0:0+8 > 0:5+8\n"
           "rewritten metadata 'k' 0:8+8 > 0:13+8\n"
           "added metadata 'k' - > 0:21+8\n");
}
END_TEST

/* A node that holds a graph: r = If(c) { then_branch: g { y = Id(x) } } */
#define IF_BEFORE                                                                                  \
    "\x0a\x01"                                                                                     \
    "c\x12\x01r\x22\x02If"
#define IF_BRANCH "\x0a\x04then"

START_TEST(bodies_are_taken_apart)
{
    side a = {0}, b = {0};
    SIDE(a, "\x3a\x22\x0a\x20" IF_BEFORE "\x2a\x14" IF_BRANCH "\x32\x0c" NODE_Y);
    SIDE(b, "\x3a\x2e\x0a\x2c" IF_BEFORE "\x2a\x20" IF_BRANCH "\x32\x18" NODE_Y NODE_Z);
    expect(&a, &b,
           "framing graph '' 0:0+2 > 0:0+2\n"
           "framing node 'r' 0:2+2 > 0:2+2\n"
           "kept node 'r' 0:4+10 > 0:4+10\n"
           "framing attribute 'r/then' 0:14+2 > 0:14+2\n"
           "kept attribute 'r/then' 0:16+6 > 0:16+6\n"
           "framing graph 'r/then' 0:22+2 > 0:22+2\n"
           "kept node 'r/then/y' 0:24+12 > 0:24+12\n"
           "added node 'r/then/z' - > 0:36+12\n");
}
END_TEST

START_TEST(functions_and_training)
{
    side a = {0}, b = {0};
    SIDE(a, "\xca\x01\x12\x0a\x01"
            "f\x3a\x0a\x0a\x01x\x12\x01y\x22\x02Id\x52\x01"
            "d\xa2\x01\x05\x0a\x03\x12\x01i");
    SIDE(b, "\xca\x01\x12\x0a\x01"
            "f\x3a\x0a\x0a\x01x\x12\x01y\x22\x02No\x52\x01"
            "d\xa2\x01\x05\x0a\x03\x12\x01j");
    ck_assert_uint_eq(a.files[0].source.size, 21 + 8);
    /* FunctionProto: name 1, node 7, domain 10; the last two bytes of the field are the domain's */
    expect(&a, &b,
           "kept function 'function d:f:' 0:0+6 > 0:0+6\n"
           "rewritten node 'function d:f:/y' 0:6+12 > 0:6+12\n"
           "kept function 'function d:f:' 0:18+3 > 0:18+3\n"
           "kept other 'training_info[0]' 0:21+3 > 0:21+3\n"
           "kept graph 'training_info[0]/initialization' 0:24+2 > 0:24+2\n"
           "rewritten graph 'training_info[0]/initialization/name' 0:26+3 > 0:26+3\n");
}
END_TEST

/* ---- payloads */

/* A model with one initializer w: its raw data, then a doc string. */
static builder
model_with_payload(int byte, size_t n, char doc)
{
    builder b = builder_create(n + 64), raw = builder_create(n + 16);
    builder_fill(&raw, byte, n);
    builder_wrap(&raw, "\x4a");
    const char rest[] = {0x62, 1, doc};
    builder_put(&b, rest, 3);
    builder_take(&b, &raw);
    builder_put(&b, "\x10\x02\x42\x01w", 5);
    builder_wrap(&b, "\x2a");
    builder_wrap(&b, "\x3a");
    return b;
}

START_TEST(payloads_are_pieces)
{
    builder before = model_with_payload(7, 5000, 'd'), after = model_with_payload(7, 5000, 'e');
    builder other = model_with_payload(8, 5000, 'd'), shorter = model_with_payload(7, 4999, 'd');
    side a = {0}, b = {0}, c = {0}, d = {0};
    add_file(&a, builder_bytes(&before), builder_size(&before), "a");
    add_file(&b, builder_bytes(&after), builder_size(&after), "b");
    add_file(&c, builder_bytes(&other), builder_size(&other), "c");
    add_file(&d, builder_bytes(&shorter), builder_size(&shorter), "d");
    expect(&a, &b,
           "kept graph '' 0:0+3 > 0:0+3\n"
           "kept initializer 'w' 0:3+11 > 0:3+11\n"
           "kept payload 'w' 0:14+5000 > 0:14+5000\n"
           "rewritten initializer 'w' 0:5014+3 > 0:5014+3\n");
    expect(&a, &c,
           "kept graph '' 0:0+3 > 0:0+3\n"
           "kept initializer 'w' 0:3+11 > 0:3+11\n"
           "rewritten payload 'w' 0:14+5000 > 0:14+5000\n"
           "kept initializer 'w' 0:5014+3 > 0:5014+3\n");
    expect(&a, &d,
           "framing graph '' 0:0+3 > 0:0+3\n"
           "framing initializer 'w' 0:3+3 > 0:3+3\n"
           "rewritten initializer 'w' 0:6+8 > 0:6+8\n"
           "rewritten payload 'w' 0:14+5000 > 0:14+4999\n"
           "kept initializer 'w' 0:5014+3 > 0:5013+3\n");
    free(before.bytes);
    free(after.bytes);
    free(other.bytes);
    free(shorter.bytes);
}
END_TEST

/* An initializer with external data: name, location "w.bin", offset and, unless NULL, length. */
static void
put_external(builder *b, const char *name, const char *offset, const char *length)
{
    const char *const entries[3][2] = {
        {"length", length}, {"offset", offset}, {"location", "w.bin"}};
    builder t = builder_create(256);
    builder_put(&t, "\x70\x01", 2);
    for (int i = 0; i < 3; i++) {
        if (entries[i][1] == NULL) continue;
        builder e = builder_create(64);
        for (int k = 1; k >= 0; k--) {
            builder s = builder_create(32);
            builder_put(&s, entries[i][k], strlen(entries[i][k]));
            builder_wrap(&s, k == 0 ? "\x0a" : "\x12");
            builder_take(&e, &s);
        }
        builder_wrap(&e, "\x6a");
        builder_take(&t, &e);
    }
    builder n = builder_create(64);
    builder_put(&n, name, strlen(name));
    builder_wrap(&n, "\x42");
    builder_take(&t, &n);
    builder_wrap(&t, "\x2a");
    builder_take(b, &t);
}

static builder
external_model(const char *offset_v, const char *length_v)
{
    builder b = builder_create(1024);
    put_external(&b, "v", offset_v, length_v);
    put_external(&b, "u", "16", "8");
    builder_wrap(&b, "\x3a");
    return b;
}

START_TEST(data_files_are_tiled)
{
    uint8_t data[64], moved[64] = {0};
    for (int i = 0; i < 64; i++)
        data[i] = (uint8_t)i;
    memcpy(moved + 16, data + 16, 8);
    memcpy(moved + 48, data + 32, 16);
    builder m = external_model("32", "16"), n = external_model("48", "16");
    side a = {0}, b = {0};
    add_file(&a, builder_bytes(&m), builder_size(&m), "a.onnx");
    add_file(&a, data, 64, "w.bin");
    add_file(&b, builder_bytes(&n), builder_size(&n), "b.onnx");
    add_file(&b, moved, 64, "w.bin");
    ck_assert_uint_eq(builder_size(&m), 109);
    expect(&a, &b,
           "kept graph '' 0:0+2 > 0:0+2\n"
           "kept initializer 'u .. v' 0:2+55 > 0:2+55\n"
           "rewritten initializer 'v' 0:57+52 > 0:57+52\n"
           "framing gap '' 1:0+16 > 1:0+16\n"
           "kept payload 'u' 1:16+8 > 1:16+8\n"
           "framing gap 'u' 1:24+8 > 1:24+24\n"
           "kept payload 'v' 1:32+16 > 1:48+16\n"
           "framing gap 'v' 1:48+16 > -\n");
    expect(&a, &a, NULL);
    free(m.bytes);
    free(n.bytes);
}
END_TEST

/* No length lasts to the next tensor or the end; tensors that overlap, or lie behind the end,
 * never make a byte count twice. */
START_TEST(odd_extents)
{
    static const char *const odd[][2] = {{"32", NULL}, {"0", NULL},   {"20", "8"},  {"16", "48"},
                                         {"64", "1"},  {"999", "10"}, {"60", "10"}, {"16", "4"}};
    uint8_t data[64] = {0};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            builder m = external_model(odd[i][0], odd[i][1]),
                    n = external_model(odd[k][0], odd[k][1]);
            side a = {0}, b = {0};
            add_file(&a, builder_bytes(&m), builder_size(&m), "a.onnx");
            add_file(&a, data, 64, "w.bin");
            add_file(&b, builder_bytes(&n), builder_size(&n), "b.onnx");
            add_file(&b, data, 64, "w.bin");
            add_file(&b, data, 10, "unused.bin");
            expect(&a, &b, NULL);
            free(m.bytes);
            free(n.bytes);
        }
    }
}
END_TEST

/* ---- what is not written yet */

typedef struct counted {
    const uint8_t *bytes;
    uint64_t n_read;
} counted;

static quire_status
read_counted(quire_ctx *ctx, const quire_source *source, uint64_t off, void *buf, size_t n)
{
    counted *c = source->data;
    (void)ctx;
    memcpy(buf, c->bytes + off, n);
    c->n_read += n;
    return QUIRE_OK;
}

/* A rope that takes the payload from the input: nothing of it is read to know that it is kept. */
START_TEST(ropes_say_where_bytes_come_from)
{
    builder m = model_with_payload(7, 8 << 20, 'd');
    counted c = {builder_bytes(&m), 0};
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    const quire_source source = {
        .size = builder_size(&m), .read = read_counted, .fd = -1, .name = "a", .data = &c};
    side a = {0}, b = {0};
    a.side = (quire_layout_side){a.files, 1};
    a.files[0] = (quire_layout_file){source, "a"};

    quire_rope rope;
    quire_rope_init(&rope, ctx.alloc);
    const uint64_t size = source.size, half = size / 2;
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, (quire_bytes){c.bytes, 20}), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &a.files[0].source, 20, half - 20),
                     QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &a.files[0].source, half, size - half - 1),
                     QUIRE_OK);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, quire_bytes_of("e")), QUIRE_OK);
    quire_rope_finish(&rope);
    b.side = (quire_layout_side){b.files, 1};
    b.files[0] = (quire_layout_file){quire_rope_as_source(&rope, "b"), "b"};

    quire_receipt r;
    ck_assert_int_eq(quire_receipt_make(&ctx, &a.side, &b.side, &r), QUIRE_OK);
    ck_assert_uint_le(c.n_read, 2 << 20);
    check_promises(&r, &a.side, &b.side);
    ck_assert_uint_eq(r.rewritten_in, 3);
    ck_assert_uint_eq(r.kept, size - 3);
    quire_receipt_deinit(&ctx, &r);
    quire_rope_deinit(&rope);
    free(m.bytes);
}
END_TEST

/* ---- names */

START_TEST(long_names_are_cut_between_characters)
{
    side a = {0}, b = {0};
    builder n = builder_create(8192), m = builder_create(8192);
    for (int i = 0; i < 1000; i++)
        builder_put(&n, "\xe2\x82\xac", 3);
    builder_wrap(&n, "\x12");
    builder_wrap(&n, "\x0a");
    builder_wrap(&n, "\x3a");
    add_file(&a, builder_bytes(&n), builder_size(&n), "a");
    builder_put(&m, "\x3a\x00", 2);
    add_file(&b, builder_bytes(&m), builder_size(&m), "b");
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_receipt r;
    ck_assert_int_eq(quire_receipt_make(&ctx, &a.side, &b.side, &r), QUIRE_OK);
    ck_assert_uint_eq(r.n_pieces, 2);
    ck_assert_uint_eq(r.pieces[1].name.len, 255);
    for (size_t i = 0; i < 85; i++)
        ck_assert_mem_eq(r.pieces[1].name.ptr + 3 * i, "\xe2\x82\xac", 3);
    quire_receipt_deinit(&ctx, &r);
    free(n.bytes);
    free(m.bytes);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    builder m = model_with_payload(7, 5000, 'd'), n = external_model("32", "16");
    uint8_t data[64] = {0};
    side a = {0}, b = {0};
    add_file(&a, builder_bytes(&m), builder_size(&m), "a");
    add_file(&b, builder_bytes(&n), builder_size(&n), "b");
    add_file(&b, data, 64, "w.bin");
    size_t n_failed = 0;
    for (size_t at = 1;; at++) {
        fault_alloc alloc;
        fault_log log = {0};
        fault_alloc_init(&alloc, at, at % 2 == 0);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        quire_receipt r;
        const quire_status status = quire_receipt_make(&ctx, &a.side, &b.side, &r);
        if (status == QUIRE_OK) quire_receipt_deinit(&ctx, &r);
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_int_eq(status, alloc.n_failed > 0 ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(log.n_errors, alloc.n_failed > 0);
        if (alloc.n_failed == 0) break;
        n_failed++;
    }
    ck_assert_uint_ge(n_failed, 8);
    free(m.bytes);
    free(n.bytes);
}
END_TEST

/* ---- real models */

typedef struct loaded {
    uint8_t *bytes[2];
    side side;
    char names[2][512];
} loaded;

static bool
load_file(loaded *l, int i, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) return false;
    const size_t room = 4 << 20;
    l->bytes[i] = malloc(room);
    const size_t n = fread(l->bytes[i], 1, room, f);
    fclose(f);
    snprintf(l->names[i], sizeof l->names[i], "%s", name);
    add_file(&l->side, l->bytes[i], n, l->names[i]);
    return n < room;
}

static void
unload(loaded *l)
{
    free(l->bytes[0]);
    free(l->bytes[1]);
    *l = (loaded){0};
}

static void
check_pair(const side *a, const side *b, bool same)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_receipt r;
    ck_assert_int_eq(quire_receipt_make(&ctx, &a->side, &b->side, &r), QUIRE_OK);
    check_promises(&r, &a->side, &b->side);
    if (same) ck_assert_uint_eq(r.kept, r.input_bytes);
    quire_receipt_deinit(&ctx, &r);
}

START_TEST(real_models)
{
    static loaded now, before;
    const char *folder = getenv("QUIRE_TEST_MODELS");
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    size_t n = 0;
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char data[512];
        const size_t len = strlen(e->d_name);
        if (len < 5 || len > 400 || strcmp(e->d_name + len - 5, ".onnx") != 0) continue;
        snprintf(data, sizeof data, "%s.data", e->d_name);
        if (load_file(&now, 0, folder, e->d_name)) {
            load_file(&now, 1, folder, data);
            check_pair(&now.side, &now.side, true);
            if (n++ > 0) check_pair(&before.side, &now.side, false);
        }
        unload(&before);
        before = now;
        before.side.side.files = before.side.files;
        for (int i = 0; i < 2; i++)
            before.side.files[i].name = before.names[i];
        now = (loaded){0};
    }
    unload(&before);
    if (dir != NULL) closedir(dir);
    if (folder != NULL) ck_assert_uint_gt(n, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("layout");
    TCase *tc = tcase_create("layout");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, equal_models_are_kept);
    tcase_add_test(tc, fields_of_the_model);
    tcase_add_test(tc, nodes_come_and_go);
    tcase_add_test(tc, duplicates_and_order);
    tcase_add_test(tc, bodies_are_taken_apart);
    tcase_add_test(tc, functions_and_training);
    tcase_add_test(tc, payloads_are_pieces);
    tcase_add_test(tc, data_files_are_tiled);
    tcase_add_test(tc, odd_extents);
    tcase_add_test(tc, ropes_say_where_bytes_come_from);
    tcase_add_test(tc, long_names_are_cut_between_characters);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, real_models);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
