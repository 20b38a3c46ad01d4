/* test_commit.c - an output is complete under its name or not there: every operation and every
 * allocation fails, once and for good, and nothing is leaked or left behind.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/commit.h"
#include "base/spool.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"

enum { BIG = 3 * 1024 * 1024 + 12345 };

static scratch dir;
static uint8_t *big; /* also the contents of the file "in" */

static void
set_up(void)
{
    dir = scratch_create();
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 31 % 251);
    umask(022);
}

static void
tear_down(void)
{
    free(big);
    scratch_remove(&dir);
}

static void
ck_file(const char *name, const void *expected, size_t n)
{
    size_t got_n = 0;
    unsigned char *got = scratch_read(&dir, name, &got_n);
    ck_assert_msg(got != NULL, "%s is missing", name);
    ck_assert_uint_eq(got_n, n);
    ck_assert_int_eq(memcmp(got, expected, n), 0);
    free(got);
}

static unsigned
mode_of(const char *name)
{
    struct stat st;
    ck_assert_int_eq(stat(scratch_path(&dir, name), &st), 0);
    return st.st_mode & 07777;
}

/* Writes `text` to `name` by the whole protocol. */
static quire_status
put(quire_ctx *ctx, const char *name, const char *text)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(ctx, scratch_path(&dir, name), &staged));
    quire_status status = quire_staged_write(ctx, &staged, text, strlen(text));
    if (status == QUIRE_OK) status = quire_staged_commit(ctx, &staged);
    quire_staged_abandon(ctx, &staged);
    return status;
}

/* ---- names, modes, links
 * ---------------------------------------------------------------------- */

START_TEST(a_new_file_appears_at_commit)
{
    fault_alloc alloc;
    fault_io io;
    fault_alloc_init(&alloc, 0, false);
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(&alloc, &io, NULL);
    quire_staged staged;
    umask(027);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "hello ", 6), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "world", 5), QUIRE_OK);
    ck_assert_uint_eq(staged.written, 11);
    ck_assert_int_ne(access(scratch_path(&dir, "out"), F_OK), 0);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    ck_file("out", "hello world", 11);
    ck_assert_uint_eq(mode_of("out"), 0640);
    quire_staged_abandon(&ctx, &staged);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "hello world", 11);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert_uint_eq(io.n_by_op[FAULT_FSYNC], 2);
    ck_assert(fault_io_is_clean(&io));
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

START_TEST(an_abandoned_file_leaves_nothing)
{
    fault_alloc alloc;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, NULL);
    quire_staged staged;
    scratch_write(&dir, "out", "old", 3);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "new", 3), QUIRE_OK);
    ck_file("out", "old", 3);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "old", 3);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

START_TEST(a_replaced_file_keeps_its_mode_and_twins_their_content)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    scratch_write(&dir, "out", "old", 3);
    ck_assert_int_eq(chmod(scratch_path(&dir, "out"), 0604), 0);
    ck_assert_int_eq(link(scratch_path(&dir, "out"), scratch_path(&dir, "twin")), 0);
    ck_assert_int_eq(put(&ctx, "out", "newer"), QUIRE_OK);
    ck_file("out", "newer", 5);
    ck_file("twin", "old", 3);
    ck_assert_uint_eq(mode_of("out"), 0604);
    ck_assert_uint_eq(scratch_count(&dir), 2);
}
END_TEST

START_TEST(the_temporary_of_a_private_file_is_private)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_staged staged;
    struct stat st;
    scratch_write(&dir, "out", "old", 3);
    ck_assert_int_eq(chmod(scratch_path(&dir, "out"), 0600), 0);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(fstat(staged.fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_ne(fcntl(staged.fd, F_GETFD) & FD_CLOEXEC, 0);
    quire_staged_abandon(&ctx, &staged);
}
END_TEST

/* As root, a file of another owner is replaced by one of that owner; where that is not allowed, its
 * new group gets no rights that others do not have. */
START_TEST(owner_and_group_are_kept_or_lose_rights)
{
    struct stat st;
    fault_io io;
    if (geteuid() != 0) return;
    for (int refused = 0; refused < 2; refused++) {
        fault_io_init(&io, refused, true, EPERM);
        io.ops = 1u << FAULT_FCHOWN;
        quire_ctx ctx = fault_ctx(NULL, &io, NULL);
        unlink(scratch_path(&dir, "out"));
        scratch_write(&dir, "out", "old", 3);
        ck_assert_int_eq(chown(scratch_path(&dir, "out"), 12345, 23456), 0);
        ck_assert_int_eq(chmod(scratch_path(&dir, "out"), 0664), 0);
        ck_assert_int_eq(put(&ctx, "out", "new"), QUIRE_OK);
        ck_assert_int_eq(stat(scratch_path(&dir, "out"), &st), 0);
        ck_assert_uint_eq(st.st_uid, refused ? 0 : 12345);
        ck_assert_uint_eq(st.st_gid, refused ? 0 : 23456);
        ck_assert_uint_eq(st.st_mode & 07777, refused ? 0644 : 0664);
    }
}
END_TEST

START_TEST(links_are_followed_and_stay)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    struct stat st;
    ck_assert_int_eq(mkdir(scratch_path(&dir, "sub"), 0700), 0);
    scratch_write(&dir, "sub/target", "old", 3);
    ck_assert_int_eq(symlink("target", scratch_path(&dir, "sub/link")), 0);
    ck_assert_int_eq(symlink("sub/link", scratch_path(&dir, "relative")), 0);
    ck_assert_int_eq(symlink(scratch_path(&dir, "relative"), scratch_path(&dir, "absolute")), 0);
    ck_assert_int_eq(put(&ctx, "absolute", "new"), QUIRE_OK);
    ck_file("sub/target", "new", 3);
    ck_assert_int_eq(lstat(scratch_path(&dir, "absolute"), &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(lstat(scratch_path(&dir, "sub/link"), &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    /* A link to nothing yet: what it names is made. */
    ck_assert_int_eq(symlink("sub/fresh", scratch_path(&dir, "dangling")), 0);
    ck_assert_int_eq(put(&ctx, "dangling", "made"), QUIRE_OK);
    ck_file("sub/fresh", "made", 4);
}
END_TEST

START_TEST(impossible_destinations_are_refused)
{
    static const char *const names[] = {
        "", "sub", "sub/", ".", "..", "fifo", "loop", "missing/x", "f/x", "to-dir", "to-nowhere/x"};
    fault_alloc alloc;
    fault_io io;
    fault_log log;
    fault_alloc_init(&alloc, 0, false);
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(&alloc, &io, &log);
    ck_assert_int_eq(mkdir(scratch_path(&dir, "sub"), 0700), 0);
    ck_assert_int_eq(mkfifo(scratch_path(&dir, "fifo"), 0600), 0);
    scratch_write(&dir, "f", "x", 1);
    ck_assert_int_eq(symlink("loop", scratch_path(&dir, "loop")), 0);
    ck_assert_int_eq(symlink("sub", scratch_path(&dir, "to-dir")), 0);
    const size_t n_names = sizeof names / sizeof *names;
    for (size_t i = 0; i < n_names; i++) {
        quire_staged staged;
        const char *path = scratch_path(&dir, names[i]);
        ck_assert_msg(quire_staged_create(&ctx, path, &staged) == QUIRE_E_IO, "%s", names[i]);
        ck_assert_str_eq(log.file, path);
        ck_assert_uint_eq(log.n_errors, i + 1);
        quire_staged_abandon(&ctx, &staged);
    }
    char *long_path = malloc(10000);
    quire_staged staged;
    memset(long_path, 'p', 9999);
    long_path[9999] = 0;
    ck_assert_int_eq(quire_staged_create(&ctx, long_path, &staged), QUIRE_E_IO);
    ck_assert_ptr_nonnull(strstr(log.message, "File name too long"));
    free(long_path);
    ck_assert_uint_eq(scratch_count(&dir), 5);
    ck_assert(fault_io_is_clean(&io));
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

START_TEST(the_longest_name_works)
{
    char name[256];
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    memset(name, 'n', 255);
    name[255] = 0;
    ck_assert_int_eq(put(&ctx, name, "x"), QUIRE_OK);
    ck_file(name, "x", 1);
}
END_TEST

START_TEST(a_name_without_directory_is_here)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_staged staged;
    ck_assert_int_eq(chdir(dir.path), 0);
    ck_assert_int_eq(quire_staged_create(&ctx, "out", &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "", 0);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(the_name_may_be_told_late)
{
    fault_alloc alloc;
    fault_log log;
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_staged staged;
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "x", 1), QUIRE_OK);
    ck_assert_int_eq(quire_staged_set_name(&ctx, &staged, "a/b"), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_staged_set_name(&ctx, &staged, ""), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_staged_set_name(&ctx, &staged, ".."), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_staged_set_name(&ctx, &staged, "out.01234567.data"), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out.01234567.data", "x", 1);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

/* ---- ropes
 * ------------------------------------------------------------------------------------ */

/* Small and bulk pieces of every kind; *out_plain (malloc'ed) holds the same bytes. */
static quire_status
build_rope(quire_ctx *ctx, quire_rope *rope, const quire_source *file, uint8_t **out_plain)
{
    uint8_t *p = malloc(3 * BIG + 400000);
    size_t n = 0;
    *out_plain = p;
#define PUT(call, from, len)                                                                       \
    do {                                                                                           \
        QUIRE_TRY(call);                                                                           \
        memcpy(p + n, from, len);                                                                  \
        n += (len);                                                                                \
    } while (0)
    uint8_t *zeros = calloc(1, 200000);
    quire_status status = QUIRE_OK;
    for (size_t i = 0; status == QUIRE_OK && i < 2000; i++) {
        status = quire_rope_add(ctx, rope, (quire_bytes){big + 7 * i, 5});
        memcpy(p + n, big + 7 * i, 5);
        n += 5;
    }
    memcpy(p + n, zeros, 200000);
    free(zeros);
    QUIRE_TRY(status);
    QUIRE_TRY(quire_rope_add_zeros(ctx, rope, 200000));
    n += 200000;
    PUT(quire_rope_add_source(ctx, rope, file, 3, BIG - 3), big + 3, BIG - 3);
    PUT(quire_rope_add_copy(ctx, rope, quire_bytes_of("between")), "between", 7);
    PUT(quire_rope_add_source(ctx, rope, file, 0, 1000), big, 1000);
    PUT(quire_rope_add(ctx, rope, (quire_bytes){big, BIG}), big, BIG);
    PUT(quire_rope_add_source(ctx, rope, file, 100, 70000), big + 100, 70000);
#undef PUT
    quire_rope_finish(rope);
    ck_assert_uint_eq(rope->size, n);
    return QUIRE_OK;
}

/* Writes that rope to "out", hashing if `hashes`, and compares file and hash. */
static void
ck_rope_written(quire_ctx *ctx, bool hashes)
{
    quire_source file;
    quire_rope rope;
    quire_staged staged;
    uint8_t *plain = NULL;
    uint64_t hash = 0;
    scratch_write(&dir, "in", big, BIG);
    ck_assert_int_eq(quire_source_open(ctx, AT_FDCWD, scratch_path(&dir, "in"), &file), QUIRE_OK);
    quire_rope_init(&rope, ctx->alloc);
    ck_assert_int_eq(build_rope(ctx, &rope, &file, &plain), QUIRE_OK);
    ck_assert_int_eq(quire_staged_create(ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(ctx, &staged, "first", 5), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write_rope(ctx, &staged, &rope, hashes ? &hash : NULL), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(ctx, &staged, "last", 4), QUIRE_OK);
    ck_assert_uint_eq(staged.written, rope.size + 9);
    if (hashes) ck_assert_uint_eq(hash, XXH3_64bits(plain, rope.size));
    ck_assert_int_eq(quire_staged_commit(ctx, &staged), QUIRE_OK);
    quire_staged_abandon(ctx, &staged);

    size_t n = 0;
    unsigned char *got = scratch_read(&dir, "out", &n);
    ck_assert_uint_eq(n, rope.size + 9);
    ck_assert_int_eq(memcmp(got, "first", 5), 0);
    ck_assert_int_eq(memcmp(got + 5, plain, rope.size), 0);
    ck_assert_int_eq(memcmp(got + 5 + rope.size, "last", 4), 0);
    free(got);
    free(plain);
    quire_rope_deinit(&rope);
    quire_source_close(ctx, &file);
}

START_TEST(a_rope_is_written_as_it_reads)
{
    fault_alloc alloc;
    fault_io io;
    fault_alloc_init(&alloc, 0, false);
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(&alloc, &io, NULL);
    ck_rope_written(&ctx, _i != 0);
    /* Bulk goes from file to file, unless it has to be hashed; small pieces go together. */
    ck_assert((io.n_by_op[FAULT_COPY_RANGE] > 0) == (_i == 0));
    ck_assert_uint_le(io.n_by_op[FAULT_PWRITE], _i == 0 ? 10 : 16);
    ck_assert_uint_lt(alloc.peak_size, 3 << 19);
    ck_assert(fault_io_is_clean(&io));
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

/* 300,000 pieces of 10 bytes: a write for each 256 KiB or so, not for each piece. */
START_TEST(small_pieces_are_written_together)
{
    enum { N = 300000 };
    fault_io io;
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    quire_rope rope;
    quire_staged staged;
    uint8_t *plain = malloc(10 * N);
    quire_rope_init(&rope, ctx.alloc);
    for (size_t i = 0; i < N; i++) {
        const quire_bytes piece = {big + i * 11 % (BIG - 10), 10};
        ck_assert_int_eq(quire_rope_add(&ctx, &rope, piece), QUIRE_OK);
        memcpy(plain + 10 * i, piece.ptr, 10);
    }
    quire_rope_finish(&rope);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, NULL), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", plain, 10 * N);
    ck_assert_uint_eq(io.n_by_op[FAULT_PWRITE], 12); /* 3,000,000 / 262,140, rounded up */
    quire_rope_deinit(&rope);
    free(plain);
}
END_TEST

START_TEST(interruptions_and_short_transfers_do_not_show)
{
    fault_io io;
    fault_io_init(&io, 0, false, 0);
    io.interrupt = true;
    io.max_transfer = 40009;
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    ck_rope_written(&ctx, _i != 0);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

START_TEST(where_the_kernel_cannot_copy_memory_is_used)
{
    static const int errors[] = {EXDEV, EINVAL, ENOSYS, EOPNOTSUPP};
    /* From the first call on, or in the middle of a piece. */
    for (size_t fail_at = 1; fail_at <= 4; fail_at += 3) {
        fault_io io;
        fault_io_init(&io, fail_at, true, errors[_i]);
        io.ops = 1u << FAULT_COPY_RANGE;
        io.max_transfer = 100000;
        quire_ctx ctx = fault_ctx(NULL, &io, NULL);
        ck_rope_written(&ctx, false);
        ck_assert_uint_eq(io.n_by_op[FAULT_COPY_RANGE], fail_at);
    }
}
END_TEST

START_TEST(file_systems_that_cannot_allocate_are_no_problem)
{
    static const int errors[] = {EINVAL, EOPNOTSUPP};
    fault_io io;
    fault_io_init(&io, 1, true, errors[_i]);
    io.ops = 1u << FAULT_ALLOCATE;
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    ck_rope_written(&ctx, false);
    ck_assert_uint_eq(io.n_failed, 1);
}
END_TEST

START_TEST(an_empty_rope_is_an_empty_file)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_rope rope;
    quire_staged staged;
    uint64_t hash = 0;
    quire_rope_init(&rope, ctx.alloc);
    quire_rope_finish(&rope);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, &hash), QUIRE_OK);
    ck_assert_uint_eq(hash, XXH3_64bits("", 0));
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "", 0);
}
END_TEST

typedef struct tally {
    uint64_t last, total, n;
    volatile int *stop;
} tally;

static void
count_progress(void *data, const char *what, uint64_t done, uint64_t total)
{
    tally *t = data;
    ck_assert_ptr_nonnull(what);
    ck_assert_uint_gt(done, t->last);
    t->last = done;
    t->total = total;
    t->n++;
    if (t->stop != NULL && t->n == 3) *t->stop = 1;
}

START_TEST(progress_is_told_and_cancel_is_heard)
{
    fault_io io;
    fault_log log;
    volatile int canceled = 0;
    fault_io_init(&io, 0, false, 0);
    io.max_transfer = 1 << 20;
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    tally t = {0};
    quire_rope rope;
    quire_staged staged;
    ctx.canceled = &canceled;
    ctx.progress = count_progress;
    ctx.progress_data = &t;
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_add(&ctx, &rope, (quire_bytes){big, BIG}), QUIRE_OK);
    quire_rope_finish(&rope);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, NULL), QUIRE_OK);
    ck_assert_uint_eq(t.last, BIG);
    ck_assert_uint_eq(t.total, BIG);
    ck_assert_uint_eq(t.n, 4);
    t = (tally){.stop = &canceled};
    ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, NULL), QUIRE_E_CANCELED);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_E_INTERNAL);
    quire_staged_abandon(&ctx, &staged);
    ck_assert_uint_eq(scratch_count(&dir), 0);
    quire_rope_deinit(&rope);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

START_TEST(what_was_written_can_be_read_back)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    fault_log log;
    quire_staged staged;
    quire_source back;
    char buf[12] = "";
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "hello world", 11), QUIRE_OK);
    ck_assert_int_eq(quire_staged_sync(&ctx, &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_open(&ctx, &staged, &back), QUIRE_OK);
    ck_assert_int_ne(back.fd, staged.fd);
    ck_assert_uint_eq(back.size, 11);
    ck_assert_int_eq(quire_source_read(&ctx, &back, 0, buf, 11), QUIRE_OK);
    ck_assert_str_eq(buf, "hello world");
    quire_source_close(&ctx, &back);

    /* Somebody else writes to it, or puts another file in its place. */
    ctx = fault_ctx(NULL, NULL, &log);
    ck_assert_int_eq(truncate(scratch_path(&dir, staged.temp_name), 5), 0);
    ck_assert_int_eq(quire_staged_open(&ctx, &staged, &back), QUIRE_E_IO);
    ck_assert_int_eq(unlink(scratch_path(&dir, staged.temp_name)), 0);
    scratch_write(&dir, staged.temp_name, "hello world", 11);
    ck_assert_int_eq(quire_staged_open(&ctx, &staged, &back), QUIRE_E_IO);
    ck_assert_int_eq(unlink(scratch_path(&dir, staged.temp_name)), 0);
    ck_assert_int_eq(quire_staged_open(&ctx, &staged, &back), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 3);
    quire_staged_abandon(&ctx, &staged);
    ck_assert_uint_eq(log.n_others, 0);
}
END_TEST

/* ---- room
 * ------------------------------------------------------------------------------------- */

START_TEST(a_full_disk_says_what_is_needed)
{
    static const int errors[] = {ENOSPC, EDQUOT, EFBIG};
    static const fault_op ops[] = {FAULT_ALLOCATE, FAULT_PWRITE};
    for (size_t i = 0; i < 6; i++) {
        fault_io io;
        fault_log log;
        fault_io_init(&io, 1, true, errors[i % 3]);
        io.ops = 1u << ops[i / 3];
        quire_ctx ctx = fault_ctx(NULL, &io, &log);
        quire_rope rope;
        quire_staged staged;
        quire_rope_init(&rope, ctx.alloc);
        ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, 123456), QUIRE_OK);
        quire_rope_finish(&rope);
        ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
        ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, NULL), QUIRE_E_IO);
        ck_assert_str_eq(log.file, scratch_path(&dir, "out"));
        ck_assert_ptr_nonnull(strstr(log.message, "123456 bytes needed"));
        ck_assert_ptr_nonnull(strstr(log.message, " free"));
        quire_staged_abandon(&ctx, &staged);
        quire_rope_deinit(&rope);
        ck_assert_uint_eq(scratch_count(&dir), 0);
    }
}
END_TEST

/* The kernel's own limit, no injection. */
START_TEST(a_file_size_limit_is_an_error_and_leaves_nothing)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_rope rope;
    quire_staged staged;
    const struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    quire_rope_init(&rope, ctx.alloc);
    ck_assert_int_eq(quire_rope_add_zeros(&ctx, &rope, 2 << 20), QUIRE_OK);
    quire_rope_finish(&rope);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write_rope(&ctx, &staged, &rope, NULL), QUIRE_E_IO);
    ck_assert_ptr_nonnull(strstr(log.message, "File too large"));
    ck_assert_ptr_nonnull(strstr(log.message, "2097152 bytes needed"));
    quire_staged_abandon(&ctx, &staged);
    quire_rope_deinit(&rope);
    ck_assert_uint_eq(scratch_count(&dir), 0);
}
END_TEST

/* ---- order of the last steps
 * ------------------------------------------------------------------ */

START_TEST(a_failed_fsync_is_final)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 1, false, EIO);
    io.ops = 1u << FAULT_FSYNC;
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    quire_staged staged;
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "x", 1), QUIRE_OK);
    ck_assert_int_eq(quire_staged_sync(&ctx, &staged), QUIRE_E_IO);
    ck_assert_int_eq(quire_staged_sync(&ctx, &staged), QUIRE_E_INTERNAL);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_E_INTERNAL);
    ck_assert_uint_eq(io.n_by_op[FAULT_FSYNC], 1);
    ck_assert_uint_eq(io.n_by_op[FAULT_RENAME], 0);
    quire_staged_abandon(&ctx, &staged);
    ck_assert_uint_eq(scratch_count(&dir), 0);
}
END_TEST

/* Some file systems tell only then that the data did not arrive. */
START_TEST(a_failed_close_is_final)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 1, false, EDQUOT);
    io.ops = 1u << FAULT_CLOSE;
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    quire_staged staged;
    scratch_write(&dir, "out", "old", 3);
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_write(&ctx, &staged, "x", 1), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_uint_eq(io.n_by_op[FAULT_RENAME], 0);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "old", 3);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

START_TEST(after_the_rename_failures_are_warnings)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 2, true, EIO);
    io.ops = 1u << FAULT_FSYNC;
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    ck_assert_int_eq(put(&ctx, "out", "x"), QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, 0);
    ck_assert_uint_eq(log.n_others, 1);
    ck_file("out", "x", 1);
    /* A file system that cannot sync directories is not worth a word. */
    fault_io_init(&io, 2, true, EINVAL);
    io.ops = 1u << FAULT_FSYNC;
    ctx = fault_ctx(NULL, &io, &log);
    ck_assert_int_eq(put(&ctx, "out", "y"), QUIRE_OK);
    ck_assert_uint_eq(log.n_errors + log.n_others, 0);
}
END_TEST

START_TEST(committing_twice_is_our_mistake)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_staged staged;
    ck_assert_int_eq(quire_staged_create(&ctx, scratch_path(&dir, "out"), &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_OK);
    ck_assert_int_eq(quire_staged_commit(&ctx, &staged), QUIRE_E_INTERNAL);
    quire_staged_abandon(&ctx, &staged);
    ck_file("out", "", 0);
}
END_TEST

/* ---- spools
 * ----------------------------------------------------------------------------------- */

START_TEST(a_spool_reads_what_was_appended)
{
    fault_io io;
    fault_alloc alloc;
    fault_io_init(&io, 0, false, 0);
    fault_alloc_init(&alloc, 0, false);
    quire_ctx ctx = fault_ctx(&alloc, &io, NULL);
    quire_spool spool;
    uint64_t a = 9, b = 9;
    char buf[8] = "";
    ck_assert_int_eq(quire_spool_create(&ctx, _i == 0 ? scratch_path(&dir, "out") : NULL, &spool),
                     QUIRE_OK);
    ck_assert_uint_eq(scratch_count(&dir), 0);
    ck_assert_int_eq(quire_spool_append(&ctx, &spool, "abc", 3, &a), QUIRE_OK);
    ck_assert_int_eq(quire_source_read(&ctx, &spool.source, 1, buf, 2), QUIRE_OK);
    ck_assert_str_eq(buf, "bc");
    ck_assert_int_eq(quire_spool_append(&ctx, &spool, "defg", 4, &b), QUIRE_OK);
    ck_assert_uint_eq(a, 0);
    ck_assert_uint_eq(b, 3);
    ck_assert_uint_eq(spool.source.size, 7);
    ck_assert_int_eq(quire_source_read(&ctx, &spool.source, 0, buf, 7), QUIRE_OK);
    ck_assert_str_eq(buf, "abcdefg");
    quire_spool_close(&ctx, &spool);
    quire_spool_close(&ctx, &spool);
    quire_spool zeroed = {0};
    quire_spool_close(&ctx, &zeroed);
    ck_assert(fault_io_is_clean(&io));
    ck_assert(fault_alloc_is_clean(&alloc));
}
END_TEST

START_TEST(a_spool_falls_back_to_tmpdir)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_spool spool;
    struct stat at, tmp;
    setenv("TMPDIR", dir.path, 1);
    ck_assert_int_eq(quire_spool_create(&ctx, "/proc/self/nothing/out", &spool), QUIRE_OK);
    ck_assert_int_eq(fstat(spool.fd, &at), 0);
    ck_assert_int_eq(stat(dir.path, &tmp), 0);
    ck_assert_uint_eq(at.st_dev, tmp.st_dev);
    ck_assert_uint_eq(at.st_nlink, 0);
    ck_assert_uint_eq(at.st_mode & 07777, 0600);
    quire_spool_close(&ctx, &spool);
}
END_TEST

/* ---- every operation and every allocation fails
 * ------------------------------------------------ */

typedef struct fixture {
    quire_source in; /* opened outside the fault, so that every fault hits the output */
    bool hashes;
} fixture;

static quire_status
write_staged(quire_ctx *ctx, const fixture *f, quire_staged *staged)
{
    quire_rope rope;
    quire_source back;
    uint64_t hash;
    char head[5];
    quire_rope_init(&rope, ctx->alloc);
    quire_status status = quire_rope_add_copy(ctx, &rope, quire_bytes_of("small"));
    if (status == QUIRE_OK) status = quire_rope_add_source(ctx, &rope, &f->in, 0, f->in.size);
    quire_rope_finish(&rope);
    if (status == QUIRE_OK) {
        status = quire_staged_write_rope(ctx, staged, &rope, f->hashes ? &hash : NULL);
    }
    quire_rope_deinit(&rope);
    QUIRE_TRY(status);
    QUIRE_TRY(quire_staged_write(ctx, staged, "tail", 4));
    QUIRE_TRY(quire_staged_sync(ctx, staged));
    QUIRE_TRY(quire_staged_open(ctx, staged, &back));
    status = quire_source_read(ctx, &back, 0, head, 5);
    quire_source_close(ctx, &back);
    QUIRE_TRY(status);
    QUIRE_TRY(quire_staged_set_name(ctx, staged, "named"));
    return quire_staged_commit(ctx, staged);
}

static quire_status
replace_named(quire_ctx *ctx, const fixture *f)
{
    quire_staged staged;
    QUIRE_TRY(quire_staged_create(ctx, scratch_path(&dir, "link"), &staged));
    const quire_status status = write_staged(ctx, f, &staged);
    quire_staged_abandon(ctx, &staged);
    return status;
}

static quire_status
use_spool(quire_ctx *ctx, const fixture *f)
{
    quire_spool spool;
    uint64_t off;
    char buf[4];
    (void)f;
    QUIRE_TRY(quire_spool_create(ctx, scratch_path(&dir, "link"), &spool));
    quire_status status = quire_spool_append(ctx, &spool, "abcd", 4, &off);
    if (status == QUIRE_OK) status = quire_source_read(ctx, &spool.source, 0, buf, 4);
    quire_spool_close(ctx, &spool);
    return status;
}

static void
prepare(fixture *f, bool hashes)
{
    quire_ctx ctx = quire_ctx_default();
    scratch_write(&dir, "in", big, 200000);
    scratch_write(&dir, "named", "old", 3);
    if (access(scratch_path(&dir, "link"), F_OK) != 0) {
        ck_assert_int_eq(symlink("named", scratch_path(&dir, "link")), 0);
    }
    f->hashes = hashes;
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, scratch_path(&dir, "in"), &f->in), QUIRE_OK);
}

/* Old content, or all of the new one; no other file but the three that belong there. */
static void
ck_outcome(quire_status status, bool temporary_may_stay)
{
    size_t n = 0;
    unsigned char *got = scratch_read(&dir, "named", &n);
    if (status == QUIRE_OK) {
        ck_assert_uint_eq(n, 200009);
        ck_assert_int_eq(memcmp(got, "small", 5), 0);
        ck_assert_int_eq(memcmp(got + 5, big, 200000), 0);
        ck_assert_int_eq(memcmp(got + 200005, "tail", 4), 0);
    } else {
        ck_assert_uint_eq(n, 3);
        ck_assert_int_eq(memcmp(got, "old", 3), 0);
    }
    free(got);
    if (!temporary_may_stay) ck_assert_uint_eq(scratch_count(&dir), 3);
}

/* One run with the n-th operation of `ops` failing; false when none was left to fail. */
static bool
ck_one_io_fault(const fixture *f, size_t n, bool sticky, int error, uint32_t ops, size_t *n_refused)
{
    fault_alloc alloc;
    fault_io io;
    fault_log log;
    fault_alloc_init(&alloc, 0, false);
    fault_io_init(&io, n, sticky, error);
    io.ops = ops;
    io.max_transfer = 65537;
    quire_ctx ctx = fault_ctx(&alloc, &io, &log);
    scratch_write(&dir, "named", "old", 3);
    const quire_status status = replace_named(&ctx, f);
    ck_assert(status == QUIRE_OK || status == QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    ck_assert_msg(fault_io_is_clean(&io), "call %zu leaks a descriptor", n);
    ck_assert_msg(fault_alloc_is_clean(&alloc), "call %zu leaks memory", n);
    ck_outcome(status, (ops & 1u << FAULT_UNLINK) != 0 && io.n_failed > 0);
    if (io.n_failed == 0) ck_assert_int_eq(status, QUIRE_OK);
    *n_refused += status != QUIRE_OK;
    return io.n_failed > 0;
}

START_TEST(every_operation_may_fail)
{
    static const int errors[] = {EIO, ENOSPC, EACCES, EINVAL};
    const bool hashes = _i & 1, sticky = (_i & 2) != 0;
    const int error = errors[_i >> 2];
    fixture f;
    size_t n_refused = 0;
    prepare(&f, hashes);
    size_t n = 1;
    while (ck_one_io_fault(&f, n, sticky, error, FAULT_ALL & ~(1u << FAULT_UNLINK), &n_refused))
        n++;
    ck_assert_uint_ge(n, 20);
    ck_assert_uint_ge(n_refused, 10);
    quire_ctx ctx = quire_ctx_default();
    quire_source_close(&ctx, &f.in);
}
END_TEST

/* Removing the temporary fails after something else did: a warning names it. */
START_TEST(a_temporary_that_cannot_be_removed_is_named)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 1, true, EIO);
    io.ops = 1u << FAULT_UNLINK | 1u << FAULT_RENAME;
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    ck_assert_int_eq(put(&ctx, "out", "x"), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_uint_eq(log.n_others, 1);
    ck_assert_ptr_nonnull(strstr(log.message, dir.path));
    ck_assert_ptr_nonnull(strstr(log.message, ".out."));
    ck_assert_uint_eq(scratch_count(&dir), 1);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    fixture f;
    prepare(&f, _i == 1);
    size_t n = 1;
    for (quire_status status = QUIRE_E_NOMEM; status != QUIRE_OK; n++) {
        fault_alloc alloc;
        fault_io io;
        fault_log log;
        fault_alloc_init(&alloc, n, _i == 1);
        fault_io_init(&io, 0, false, 0);
        quire_ctx ctx = fault_ctx(&alloc, &io, &log);
        scratch_write(&dir, "named", "old", 3);
        status = replace_named(&ctx, &f);
        ck_assert_int_eq(status, alloc.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
        ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
        ck_assert(fault_io_is_clean(&io));
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_outcome(status, false);
    }
    ck_assert_uint_ge(n, 7);
    quire_ctx ctx = quire_ctx_default();
    quire_source_close(&ctx, &f.in);
}
END_TEST

START_TEST(every_operation_of_a_spool_may_fail)
{
    fixture f = {.in = {.fd = -1}};
    setenv("TMPDIR", dir.path, 1);
    for (int sticky = 0; sticky < 2; sticky++) {
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            fault_alloc alloc;
            fault_io io;
            fault_log log;
            fault_alloc_init(&alloc, 0, false);
            fault_io_init(&io, n, sticky != 0, EIO);
            io.ops = FAULT_ALL & ~(1u << FAULT_UNLINK);
            quire_ctx ctx = fault_ctx(&alloc, &io, &log);
            const quire_status status = use_spool(&ctx, &f);
            failed = io.n_failed > 0;
            ck_assert(status == QUIRE_OK || (failed && status == QUIRE_E_IO));
            ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
            ck_assert(fault_io_is_clean(&io));
            ck_assert(fault_alloc_is_clean(&alloc));
            ck_assert_uint_eq(scratch_count(&dir), 0);
        }
    }
    fault_alloc alloc;
    fault_log log;
    fault_alloc_init(&alloc, 1, true);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    ck_assert_int_eq(use_spool(&ctx, &f), QUIRE_E_NOMEM);
    ck_assert_uint_eq(log.n_errors, 1);

    /* A file that keeps its name is not used: the next place is tried. */
    fault_io io;
    fault_io_init(&io, 1, false, EIO);
    io.ops = 1u << FAULT_UNLINK;
    ctx = fault_ctx(NULL, &io, &log);
    ck_assert_int_eq(use_spool(&ctx, &f), QUIRE_OK);
    ck_assert_uint_eq(scratch_count(&dir), 1);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("commit");
    TCase *tc = tcase_create("commit");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_new_file_appears_at_commit);
    tcase_add_test(tc, an_abandoned_file_leaves_nothing);
    tcase_add_test(tc, a_replaced_file_keeps_its_mode_and_twins_their_content);
    tcase_add_test(tc, the_temporary_of_a_private_file_is_private);
    tcase_add_test(tc, owner_and_group_are_kept_or_lose_rights);
    tcase_add_test(tc, links_are_followed_and_stay);
    tcase_add_test(tc, impossible_destinations_are_refused);
    tcase_add_test(tc, the_longest_name_works);
    tcase_add_test(tc, a_name_without_directory_is_here);
    tcase_add_test(tc, the_name_may_be_told_late);
    tcase_add_loop_test(tc, a_rope_is_written_as_it_reads, 0, 2);
    tcase_add_test(tc, small_pieces_are_written_together);
    tcase_add_loop_test(tc, interruptions_and_short_transfers_do_not_show, 0, 2);
    tcase_add_loop_test(tc, where_the_kernel_cannot_copy_memory_is_used, 0, 4);
    tcase_add_loop_test(tc, file_systems_that_cannot_allocate_are_no_problem, 0, 2);
    tcase_add_test(tc, an_empty_rope_is_an_empty_file);
    tcase_add_test(tc, progress_is_told_and_cancel_is_heard);
    tcase_add_test(tc, what_was_written_can_be_read_back);
    tcase_add_test(tc, a_full_disk_says_what_is_needed);
    tcase_add_test(tc, a_file_size_limit_is_an_error_and_leaves_nothing);
    tcase_add_test(tc, a_failed_fsync_is_final);
    tcase_add_test(tc, a_failed_close_is_final);
    tcase_add_test(tc, after_the_rename_failures_are_warnings);
    tcase_add_test(tc, committing_twice_is_our_mistake);
    tcase_add_loop_test(tc, a_spool_reads_what_was_appended, 0, 2);
    tcase_add_test(tc, a_spool_falls_back_to_tmpdir);
    tcase_add_loop_test(tc, every_operation_may_fail, 0, 16);
    tcase_add_test(tc, a_temporary_that_cannot_be_removed_is_named);
    tcase_add_loop_test(tc, every_allocation_may_fail, 0, 2);
    tcase_add_test(tc, every_operation_of_a_spool_may_fail);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
