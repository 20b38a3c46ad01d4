/* bench_lines.h - what this machine's memory does at its best, measured. */
#ifndef QUIRE_TOOLS_BENCH_LINES_H
#define QUIRE_TOOLS_BENCH_LINES_H

#include "quire/base.h"

/* ns for bringing all lines of one of `n_rows` random rows of `row` bytes, one thread, by the best
 * of several ways to ask for them early. */
QUIRE_API double quire_bench_lines(const void *table, uint64_t n_rows, uint64_t row);

/* ns for every line of a row, on average over these rows in their order, each asked for some rows
 * before. */
QUIRE_API double quire_bench_rows(const void *table, uint64_t row, const uint64_t *rows, size_t n);

/* GB/s of reading `size` bytes from first to last. */
QUIRE_API double quire_bench_stream(const void *bytes, uint64_t size);

#endif
