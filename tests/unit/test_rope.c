/* test_rope.c - the bytes of a rope are those of the protobuf encoding, however it is read. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rope.h"
#include "support/fault.h"
#include "support/suite.h"

static quire_bytes
bytes(const void *ptr, size_t len)
{
    return (quire_bytes){ptr, len};
}

/* All of a finished rope, read in one go; malloc'ed. */
static uint8_t *
whole(quire_ctx *ctx, const quire_rope *rope)
{
    uint8_t *out = malloc(rope->size + 1);
    const quire_source source = quire_rope_as_source(rope, "rope");
    ck_assert_uint_eq(source.size, rope->size);
    ck_assert_int_eq(quire_source_read(ctx, &source, 0, out, rope->size), QUIRE_OK);
    return out;
}

static void
ck_rope(quire_ctx *ctx, quire_rope *rope, const void *expected, size_t n)
{
    quire_rope_finish(rope);
    ck_assert_uint_eq(rope->size, n);
    uint8_t *got = whole(ctx, rope);
    ck_assert_mem_eq(got, expected, n);
    free(got);
}

/* The examples of protobuf's encoding page: test2 { b: "testing" }, test3 { c { a: 150 } }. */
START_TEST(documented_encodings)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    quire_rope_mark mark;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 2, &mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, quire_bytes_of("testing")), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 3, &mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("\x08\x96\x01", 3)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_OK);
    ck_rope(&ctx, &rope, "\x12\x07testing\x1a\x03\x08\x96\x01", 14);
    quire_rope_deinit(&rope);
}
END_TEST

START_TEST(empty_fields_are_written)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    quire_rope_mark outer, inner;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 7, &outer), QUIRE_OK);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, bytes(NULL, 0)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, outer), QUIRE_OK);
    ck_rope(&ctx, &rope, "\x3a\x04\x0a\x00\x0a\x00", 6);
    quire_rope_deinit(&rope);
}
END_TEST

/* field 1 of 300 levels around one byte: each length is that of what is inside, header included. */
START_TEST(lengths_include_inner_headers)
{
    enum { DEPTH = 300 };
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    quire_rope_mark marks[DEPTH];
    uint8_t expected[4 * DEPTH];
    size_t n = 1;
    expected[sizeof expected - 1] = 'x';
    for (int i = 0; i < DEPTH; i++) {
        const size_t body = n;
        if (body > 127) expected[sizeof expected - ++n] = (uint8_t)(body >> 7);
        expected[sizeof expected - ++n] = (uint8_t)(body > 127 ? (body & 127) | 128 : body);
        expected[sizeof expected - ++n] = 0x0a;
    }
    quire_rope_init(&rope, ctx.alloc);
    for (int i = 0; i < DEPTH; i++) {
        ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &marks[i]), QUIRE_OK);
    }
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("x", 1)), QUIRE_OK);
    for (int i = DEPTH; i-- > 0;) {
        ck_assert_int_eq(quire_rope_close(&ctx, &rope, marks[i]), QUIRE_OK);
    }
    ck_rope(&ctx, &rope, expected + sizeof expected - n, n);
    quire_rope_deinit(&rope);
}
END_TEST

START_TEST(tags_and_lengths_are_minimal)
{
    static const struct {
        uint32_t field;
        uint64_t body;
        const char *header;
    } rows[] = {
        {15, 127, "7a7f"},
        {16, 128, "82018001"},
        {2047, 16383, "fa7fff7f"},
        {2048, 16384, "828001808001"},
        {536870911, 2147483647, "faffffff0fffffffff07"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
        quire_rope rope;
        quire_rope_mark mark;
        uint8_t header[10];
        char text[21] = "";
        quire_rope_init(&rope, ctx.alloc);
        ck_assert_int_eq(quire_rope_open(&ctx, &rope, rows[i].field, &mark), QUIRE_OK);
        ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, rows[i].body), QUIRE_OK);
        ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_OK);
        quire_rope_finish(&rope);
        const size_t n = rope.size - rows[i].body;
        ck_assert_uint_eq(2 * n, strlen(rows[i].header));
        const quire_source source = quire_rope_as_source(&rope, "rope");
        ck_assert_int_eq(quire_source_read(&ctx, &source, 0, header, n), QUIRE_OK);
        for (size_t k = 0; k < n; k++)
            sprintf(text + 2 * k, "%02x", header[k]);
        ck_assert_str_eq(text, rows[i].header);
        quire_rope_deinit(&rope);
    }
}
END_TEST

START_TEST(bodies_above_2_gib_are_a_limit)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_rope rope;
    quire_rope_mark mark;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, 2147483648u), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_E_LIMIT);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, INT64_MAX), QUIRE_E_LIMIT);
    ck_assert_uint_eq(rope.size, 2147483648u);
    quire_rope_deinit(&rope);
}
END_TEST

START_TEST(misuse_is_reported)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    const quire_source memory = quire_source_of_memory("0123456789", 10, "memory");
    quire_rope rope;
    quire_rope_mark mark;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 5, 6), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 11, 0), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 1, UINT64_MAX), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_E_INTERNAL);
    ck_assert_uint_eq(log.n_errors, 4);
    quire_rope_finish(&rope);
    uint8_t two[4];
    const quire_source source = quire_rope_as_source(&rope, "rope");
    ck_assert_int_eq(quire_source_read(&ctx, &source, 1, two, 2), QUIRE_E_IO);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 3, two, 1), QUIRE_E_IO);
    quire_rope_deinit(&rope);
}
END_TEST

START_TEST(neighbours_merge)
{
    static const char text[] = "abcdefgh";
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    const quire_source memory = quire_source_of_memory("0123456789", 10, "memory");
    quire_rope rope;
    quire_rope_mark mark;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, bytes(text, 3)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, bytes(text + 3, 5)), QUIRE_OK);
    ck_assert_uint_eq(rope.n_pieces, 1);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 1, 2), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 3, 4), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_source(&ctx, &rope, &memory, 8, 1), QUIRE_OK);
    ck_assert_uint_eq(rope.n_pieces, 3);
    ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, 1), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, 2), QUIRE_OK);
    ck_assert_uint_eq(rope.n_pieces, 4);
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("x", 1)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("yz", 2)), QUIRE_OK);
    ck_assert_uint_eq(rope.n_pieces, 5);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &mark), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("w", 1)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, mark), QUIRE_OK);
    ck_assert_uint_eq(rope.n_pieces, 7);
    ck_rope(&ctx, &rope, "abcdefgh1234568\0\0\0xyz\x0a\x01w", 24);
    quire_rope_deinit(&rope);
}
END_TEST

/* What is copied behind an empty field may merge into its header; the outer length must count
 * it. */
START_TEST(copies_behind_an_empty_field_stay_outside_it)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    quire_rope_mark outer, inner;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 1, &outer), QUIRE_OK);
    ck_assert_int_eq(quire_rope_open(&ctx, &rope, 2, &inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, inner), QUIRE_OK);
    ck_assert_int_eq(quire_rope_add_copy(&ctx, &rope, bytes("\x18\x05", 2)), QUIRE_OK);
    ck_assert_int_eq(quire_rope_close(&ctx, &rope, outer), QUIRE_OK);
    ck_rope(&ctx, &rope, "\x0a\x04\x12\x00\x18\x05", 6);
    quire_rope_deinit(&rope);
}
END_TEST

/* ---- random ropes against a plain byte array, built inside out
 * -------------------------------- */

typedef struct plain {
    uint8_t ptr[1 << 16];
    size_t len;
} plain;

static uint64_t
next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void
plain_add(plain *p, const void *ptr, size_t n)
{
    ck_assert_uint_le(p->len + n, sizeof p->ptr);
    if (n != 0) memcpy(p->ptr + p->len, ptr, n);
    p->len += n;
}

static const char pool[] =
    "The quick brown fox jumps over the lazy dog, again and again and again.";

static void
add_leaf(quire_ctx *ctx, quire_rope *rope, plain *p, const quire_source *source, uint64_t *state)
{
    static const uint8_t zeros[64];
    const size_t off = next_random(state) % 30;
    const size_t len = next_random(state) % 40;
    switch (next_random(state) % 4) {
    case 0: ck_assert_int_eq(quire_rope_add(ctx, rope, bytes(pool + off, len)), QUIRE_OK); break;
    case 1:
        ck_assert_int_eq(quire_rope_add_copy(ctx, rope, bytes(pool + off, len)), QUIRE_OK);
        break;
    case 2: ck_assert_int_eq(quire_rope_add_source(ctx, rope, source, off, len), QUIRE_OK); break;
    default:
        ck_assert_int_eq(quire_rope_add_zeros(ctx, rope, len), QUIRE_OK);
        plain_add(p, zeros, len);
        return;
    }
    plain_add(p, pool + off, len);
}

static void
add_field(quire_ctx *ctx, quire_rope *rope, plain *p, const quire_source *source, uint64_t *state,
          int depth)
{
    const uint32_t field = (uint32_t)(1 + next_random(state) % 15);
    quire_rope_mark mark;
    plain *body = calloc(1, sizeof *body);
    ck_assert_int_eq(quire_rope_open(ctx, rope, field, &mark), QUIRE_OK);
    for (uint64_t n = next_random(state) % 5; n > 0; n--) {
        if (depth < 5 && next_random(state) % 2 == 0) {
            add_field(ctx, rope, body, source, state, depth + 1);
        } else {
            add_leaf(ctx, rope, body, source, state);
        }
    }
    ck_assert_int_eq(quire_rope_close(ctx, rope, mark), QUIRE_OK);
    uint8_t head[] = {(uint8_t)(field << 3 | 2), (uint8_t)(body->len & 127),
                      (uint8_t)(body->len >> 7 & 127), (uint8_t)(body->len >> 14)};
    size_t n_head = 2;
    while (n_head < 4 && body->len >> (7 * (n_head - 1)) != 0)
        head[n_head++ - 1] |= 128;
    plain_add(p, head, n_head);
    plain_add(p, body->ptr, body->len);
    free(body);
}

START_TEST(random_ropes_equal_plain_bytes)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    const quire_source source = quire_source_of_memory(pool, sizeof pool - 1, "pool");
    uint64_t state = 12345 + (uint64_t)_i;
    plain *p = calloc(1, sizeof *p);
    quire_rope rope;
    uint8_t part[200];
    quire_rope_init(&rope, ctx.alloc);
    for (int i = 0; i < 20; i++)
        add_field(&ctx, &rope, p, &source, &state, 0);
    ck_rope(&ctx, &rope, p->ptr, p->len);

    const quire_source as_source = quire_rope_as_source(&rope, "rope");
    for (int i = 0; i < 2000 && p->len > 0; i++) {
        const size_t off = next_random(&state) % p->len;
        const size_t most = p->len - off < sizeof part ? p->len - off : sizeof part;
        const size_t n = next_random(&state) % (most + 1);
        ck_assert_int_eq(quire_source_read(&ctx, &as_source, off, part, n), QUIRE_OK);
        if (n != 0) ck_assert_mem_eq(part, p->ptr + off, n);
    }
    quire_rope_deinit(&rope);
    free(p);
}
END_TEST

/* A million pieces: reads by a linear search would take hours. */
START_TEST(reading_is_logarithmic)
{
    enum { N = 1000000 };
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    uint64_t state = 7;
    quire_rope_init(&rope, ctx.alloc);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(quire_rope_add(&ctx, &rope, bytes(&pool[i * 2 % 60], 1)), QUIRE_OK);
    }
    quire_rope_finish(&rope);
    ck_assert_uint_eq(rope.n_pieces, N);
    const quire_source source = quire_rope_as_source(&rope, "rope");
    for (int i = 0; i < N; i++) {
        const size_t off = next_random(&state) % N;
        char c = 0;
        if (quire_source_read(&ctx, &source, off, &c, 1) != QUIRE_OK || c != pool[off * 2 % 60]) {
            ck_abort_msg("wrong byte at %zu", off);
        }
    }
    quire_rope_deinit(&rope);
}
END_TEST

static quire_status
build(quire_ctx *ctx, quire_rope *rope)
{
    static uint8_t big[5000];
    for (int i = 0; i < 20; i++) {
        quire_rope_mark mark;
        QUIRE_TRY(quire_rope_open(ctx, rope, 1, &mark));
        QUIRE_TRY(quire_rope_add_copy(ctx, rope, bytes(pool, 40)));
        QUIRE_TRY(quire_rope_add_copy(ctx, rope, bytes(big, sizeof big)));
        QUIRE_TRY(quire_rope_add(ctx, rope, bytes(pool, 4)));
        QUIRE_TRY(quire_rope_close(ctx, rope, mark));
    }
    return QUIRE_OK;
}

START_TEST(every_allocation_may_fail)
{
    size_t n_failed = 0;
    for (int sticky = 0; sticky < 2; sticky++) {
        quire_status status = QUIRE_E_NOMEM;
        for (size_t n = 1; status != QUIRE_OK; n++) {
            fault_alloc fault;
            fault_log log;
            fault_alloc_init(&fault, n, sticky != 0);
            quire_ctx ctx = fault_ctx(&fault, NULL, &log);
            quire_rope rope;
            quire_rope_init(&rope, ctx.alloc);
            status = build(&ctx, &rope);
            ck_assert_int_eq(status, fault.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
            ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
            n_failed += status != QUIRE_OK;
            quire_rope_deinit(&rope);
            ck_assert(fault_alloc_is_clean(&fault));
        }
    }
    ck_assert_uint_ge(n_failed, 10);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rope");
    TCase *tc = tcase_create("rope");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, documented_encodings);
    tcase_add_test(tc, empty_fields_are_written);
    tcase_add_test(tc, lengths_include_inner_headers);
    tcase_add_test(tc, tags_and_lengths_are_minimal);
    tcase_add_test(tc, bodies_above_2_gib_are_a_limit);
    tcase_add_test(tc, misuse_is_reported);
    tcase_add_test(tc, neighbours_merge);
    tcase_add_test(tc, copies_behind_an_empty_field_stay_outside_it);
    tcase_add_loop_test(tc, random_ropes_equal_plain_bytes, 0, 50);
    tcase_add_test(tc, reading_is_logarithmic);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
