/* test_fetch.c - the passes over a row ask for every line of it, wherever in a line it begins: a line
 * that is passed over costs a wait for memory, and nothing else shows it.
 */
#include <check.h>
#include <stdint.h>

/* What is asked for is noted instead. */
static void line_note(const void *at);
#define __builtin_prefetch(at, write, level) line_note(at)
#include "kernels/bag_plan.h"
#undef __builtin_prefetch

#include "support/suite.h"

enum { LINE = 64, ROWS = 16, MAX_ROW = 1024, MAX_LINES = (ROWS + 1) * MAX_ROW / LINE };

static _Alignas(LINE) uint8_t table[(ROWS + 1) * MAX_ROW];
static bool asked[MAX_LINES];
static size_t n_asked;

static void
line_note(const void *at)
{
    const size_t line = ((uintptr_t)at - (uintptr_t)table) / LINE;

    if (line >= MAX_LINES) ck_abort_msg("asked for what is no table's");
    asked[line] = true;
    n_asked++;
}

/* Rows of fused codes `start` bytes from a line, in passes of at most `widest` bytes, a power of two. */
typedef struct fetch_case {
    uint32_t bits, width;
    bool first; /* parameters lie before the codes */
    size_t start, widest;
    bool far;
} fetch_case;

static quire_bag_inner
case_plan(const fetch_case *c)
{
    const quire_rows rows = {.size = sizeof rows,
                             .storage = QUIRE_ROWS_FUSED,
                             .bits = c->bits,
                             .scale = c->bits == 8 ? QUIRE_FLOAT_F32 : QUIRE_FLOAT_F16,
                             .scale_first = c->first,
                             .width = c->width};
    quire_bag_inner plan = {.width = c->width};
    const char *why = NULL;

    ck_assert_msg(quire_rows_layout_get(&rows, &plan.layout, &why) == QUIRE_OK, "%s", why);
    return plan;
}

/* Bytes of the pass that begins with byte `at` of the payload. */
static size_t
pass_size(const fetch_case *c, size_t payload, size_t at)
{
    size_t size = c->widest;

    while (size > payload - at)
        size /= 2;
    return size;
}

static void
row_ask(const fetch_case *c, const quire_bag_inner *plan, uint64_t row)
{
    const quire_rows_layout *l = &plan->layout;
    const uint8_t *rows = table + c->start;

    for (size_t at = 0, bytes; at < l->payload_bytes; at += bytes) {
        quire_pass pass = {.codes = rows + l->payload_at + at,
                           .scales = rows + l->scale_at,
                           .code_stride = l->stride,
                           .before = at < 255 ? (uint32_t)at : 255,
                           .fetch = {.way = c->far ? QUIRE_FETCH_FAR : QUIRE_FETCH_NEAR}};
        bytes = pass_size(c, l->payload_bytes, at);
        quire_fetch_point(&pass, plan, bytes);
        quire_fetch_any(&pass, false, bytes, row);
    }
}

static void
case_check(const fetch_case *c)
{
    const quire_bag_inner plan = case_plan(c);
    const quire_rows_layout *l = &plan.layout;

    for (uint64_t row = 0; row < ROWS; row++) {
        const size_t from = (c->start + row * l->stride) / LINE;
        const size_t to = (c->start + row * l->stride + l->row_bytes - 1) / LINE;
        memset(asked, 0, sizeof asked);
        row_ask(c, &plan, row);
        for (size_t line = 0; line < MAX_LINES; line++)
            if (asked[line] != (line >= from && line <= to))
                ck_abort_msg("%u bits, %u columns, %s, passes of %zu, a row at %zu of a line: line"
                             " %zu of %zu to %zu",
                             c->bits, c->width, c->first ? "parameters first" : "codes first",
                             c->widest, (size_t)(c->start + row * l->stride) % LINE, line, from,
                             to);
    }
}

/* Widths of one pass, of several, and of several with narrower ones at the end. */
START_TEST(every_line_of_a_row_is_asked_for)
{
    const uint32_t widths[] = {32, 64, 100, 128, 200, 256, 300, 512, 700};
    const uint32_t bits = 8u >> _i;

    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t widest = 16; widest <= 256; widest *= 4)
            for (size_t start = 0; start < LINE; start++)
                for (int k = 0; k < 4; k++)
                    case_check(&(fetch_case){.bits = bits,
                                             .width = widths[w],
                                             .first = k & 1,
                                             .start = start,
                                             .widest = widest,
                                             .far = k & 2});
}
END_TEST

/* Asking is paid for by each row: two requests are enough for a row of up to a line and the four bytes
 * its rows are aligned to. */
START_TEST(rows_of_a_line_take_two_requests)
{
    const fetch_case cases[] = {
        {.bits = 8, .width = 32, .widest = 128}, /* 40 bytes  */
        {.bits = 4, .width = 128, .widest = 64}, /* 68        */
        {.bits = 2, .width = 256, .widest = 64}, /* 68        */
    };

    const fetch_case *c = &cases[_i];
    const quire_bag_inner plan = case_plan(c);
    n_asked = 0;
    row_ask(c, &plan, 1);
    ck_assert_uint_eq(n_asked, 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *tc = tcase_create("fetch");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_line_of_a_row_is_asked_for, 0, 3);
    tcase_add_loop_test(tc, rows_of_a_line_take_two_requests, 0, 3);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
