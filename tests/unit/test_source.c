/* test_source.c - reading files, memory and pipes, files that change under us, and every operation
 * failing.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/source.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"

static scratch dir;

static void
set_up(void)
{
    dir = scratch_create();
}

static void
tear_down(void)
{
    scratch_remove(&dir);
}

START_TEST(a_file_reads_anywhere)
{
    fault_io io;
    fault_io_init(&io, 0, false, 0);
    io.interrupt = true;
    io.max_transfer = 3;
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    quire_source source;
    char buf[16] = "";
    scratch_write(&dir, "f", "0123456789", 10);
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, scratch_path(&dir, "f"), &source), QUIRE_OK);
    ck_assert_uint_eq(source.size, 10);
    ck_assert_int_ge(source.fd, 0);
    ck_assert_int_eq(fcntl(source.fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(source.fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 2, buf, 8), QUIRE_OK);
    ck_assert_str_eq(buf, "23456789");
    ck_assert_int_eq(quire_source_read(&ctx, &source, 10, buf, 0), QUIRE_OK);
    quire_source_close(&ctx, &source);
    quire_source_close(&ctx, &source);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

START_TEST(a_name_is_relative_to_the_directory_given)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_source source;
    scratch_write(&dir, "f", "x", 1);
    const int at = open(dir.path, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(quire_source_open(&ctx, at, "f", &source), QUIRE_OK);
    ck_assert_str_eq(source.name, "f");
    quire_source_close(&ctx, &source);
    close(at);
}
END_TEST

START_TEST(memory_reads_anywhere)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_source source = quire_source_of_memory("0123456789", 10, "memory");
    quire_source none = quire_source_of_memory(NULL, 0, "none");
    char buf[16] = "";
    ck_assert_int_eq(source.fd, -1);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 2, buf, 8), QUIRE_OK);
    ck_assert_str_eq(buf, "23456789");
    ck_assert_int_eq(quire_source_read(&ctx, &none, 0, buf, 0), QUIRE_OK);
    ck_assert_int_eq(quire_source_check_unchanged(&ctx, &source), QUIRE_OK);
    ck_assert_uint_eq(log.n_errors, 0);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 2, buf, 9), QUIRE_E_IO);
    ck_assert_int_eq(quire_source_read(&ctx, &source, UINT64_MAX, buf, 2), QUIRE_E_IO);
    ck_assert_int_eq(quire_source_read(&ctx, &none, 0, buf, 1), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 3);
    quire_source_close(&ctx, &source);
}
END_TEST

START_TEST(closing_a_zeroed_source_leaves_descriptor_0)
{
    fault_io io;
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(NULL, &io, NULL);
    quire_source source = {0};
    quire_source_close(&ctx, &source);
    ck_assert_uint_eq(io.n_by_op[FAULT_CLOSE], 0);
}
END_TEST

START_TEST(what_cannot_be_read_is_invalid)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    quire_source source;
    const char *missing = scratch_path(&dir, "missing");
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, missing, &source), QUIRE_E_INVALID);
    ck_assert_str_eq(log.file, missing);
    ck_assert_ptr_nonnull(strstr(log.message, "No such file or directory"));
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, dir.path, &source), QUIRE_E_INVALID);
    ck_assert_ptr_nonnull(strstr(log.message, "directory"));
    /* A pipe without a writer: must not wait for one. */
    const char *fifo = scratch_path(&dir, "fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, fifo, &source), QUIRE_E_INVALID);
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, "/dev/null", &source), QUIRE_E_INVALID);
    ck_assert_uint_eq(log.n_errors, 4);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

START_TEST(a_file_cut_while_read_is_an_error)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_source source;
    char buf[10];
    scratch_write(&dir, "f", "0123456789", 10);
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, scratch_path(&dir, "f"), &source), QUIRE_OK);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 5, buf, 6), QUIRE_E_IO);
    ck_assert_int_eq(truncate(scratch_path(&dir, "f"), 7), 0);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 0, buf, 7), QUIRE_OK);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 0, buf, 10), QUIRE_E_IO);
    ck_assert_ptr_nonnull(strstr(log.message, "ends at byte 7"));
    ck_assert_int_eq(quire_source_check_unchanged(&ctx, &source), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 3);
    quire_source_close(&ctx, &source);
}
END_TEST

START_TEST(changes_are_noticed)
{
    fault_log log;
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_source source;
    char buf[10];
    scratch_write(&dir, "f", "0123456789", 10);
    ck_assert_int_eq(quire_source_open(&ctx, AT_FDCWD, scratch_path(&dir, "f"), &source), QUIRE_OK);
    ck_assert_int_eq(quire_source_read(&ctx, &source, 0, buf, 10), QUIRE_OK);
    ck_assert_int_eq(quire_source_check_unchanged(&ctx, &source), QUIRE_OK);
    usleep(20000); /* the clock of a file system ticks every few milliseconds */
    const int fd = open(scratch_path(&dir, "f"), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "x", 1, 3), 1);
    close(fd);
    ck_assert_int_eq(quire_source_check_unchanged(&ctx, &source), QUIRE_E_IO);
    ck_assert_uint_eq(log.n_errors, 1);
    quire_source_close(&ctx, &source);
}
END_TEST

/* ---- beneath a directory --------------------------------------------------------------------- */

static void
make_tree(void)
{
    ck_assert_int_eq(mkdir(scratch_path(&dir, "in"), 0700), 0);
    ck_assert_int_eq(mkdir(scratch_path(&dir, "in/sub"), 0700), 0);
    scratch_write(&dir, "outside", "x", 1);
    scratch_write(&dir, "in/f", "x", 1);
    scratch_write(&dir, "in/sub/f", "x", 1);
    ck_assert_int_eq(symlink("f", scratch_path(&dir, "in/link")), 0);
    ck_assert_int_eq(symlink("sub", scratch_path(&dir, "in/sublink")), 0);
    ck_assert_int_eq(symlink("/", scratch_path(&dir, "in/root")), 0);
    ck_assert_int_eq(mkfifo(scratch_path(&dir, "in/fifo"), 0600), 0);
}

static void
ck_beneath(void)
{
    static const struct {
        const char *path;
        bool opens;
    } rows[] = {
        {"f", true},
        {"sub/f", true},
        {"./sub//./f", true},
        {"sub", true},
        {"fifo", true},
        {"", false},
        {"/etc/passwd", false},
        {"../outside", false},
        {"sub/../../outside", false},
        {"..", false},
        {"link", false},
        {"sublink/f", false},
        {"root/etc/passwd", false},
        {"missing", false},
        {"missing/f", false},
        {"f/", false},
        {"f/f", false},
    };
    const int at = open(scratch_path(&dir, "in"), O_PATH | O_DIRECTORY);
    char name[300];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int fd = quire_io_posix.open_beneath(NULL, at, rows[i].path);
        ck_assert_msg((fd >= 0) == rows[i].opens, "\"%s\": %d %s", rows[i].path, fd,
                      strerror(errno));
        if (fd >= 0) {
            ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
            close(fd);
        }
    }
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    ck_assert_int_eq(quire_io_posix.open_beneath(NULL, at, name), -1);
    ck_assert_int_eq(errno, ENAMETOOLONG);
    ck_assert_int_eq(quire_io_posix.open_beneath(NULL, at, "../outside"), -1);
    ck_assert_int_eq(errno, EXDEV);
    close(at);
}

START_TEST(beneath_with_the_kernels_help)
{
    make_tree();
    ck_beneath();
}
END_TEST

static int
count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* The kernel is told to refuse openat2 (this test is a process of its own). */
START_TEST(beneath_without_the_kernels_help)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (_i == 0 ? ENOSYS : EPERM)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    make_tree();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        puts("note: system calls cannot be filtered here; not tested");
        return;
    }
    ck_assert_int_eq((int)syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0), -1);
    ck_assert_int_eq(errno, _i == 0 ? ENOSYS : EPERM);
    ck_beneath();
    const int before = count_descriptors();
    ck_beneath();
    ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* ---- what comes through a pipe
 * ---------------------------------------------------------------- */

/* The reading end of a pipe that a child fills with `n` bytes, byte i being i * 31 modulo 251. */
static int
pipe_of(size_t n, pid_t *out_child)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    *out_child = fork();
    if (*out_child == 0) {
        uint8_t *bytes = malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(i * 31 % 251);
        for (size_t done = 0; done < n;) {
            const ssize_t some = write(ends[1], bytes + done, n - done);
            if (some <= 0) break;
            done += (size_t)some;
        }
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

START_TEST(a_pipe_is_spooled_whole)
{
    static const size_t sizes[] = {0, 1, 4096, 3000001};
    const size_t n = sizes[_i];
    fault_alloc fault;
    fault_alloc_init(&fault, 0, false);
    quire_ctx ctx = fault_ctx(&fault, NULL, NULL);
    quire_source source;
    pid_t child;
    setenv("TMPDIR", dir.path, 1);
    const int fd = pipe_of(n, &child);
    ck_assert_int_eq(quire_source_spool(&ctx, fd, "-", &source), QUIRE_OK);
    waitpid(child, NULL, 0);
    close(fd);
    ck_assert_uint_eq(source.size, n);
    ck_assert_str_eq(source.name, "-");
    ck_assert_uint_eq(scratch_count(&dir), 0);
    uint8_t *got = malloc(n + 1);
    size_t n_wrong = 0;
    ck_assert_int_eq(quire_source_read(&ctx, &source, 0, got, n), QUIRE_OK);
    for (size_t i = 0; i < n; i++)
        n_wrong += got[i] != i * 31 % 251;
    ck_assert_uint_eq(n_wrong, 0);
    ck_assert_int_eq(quire_source_check_unchanged(&ctx, &source), QUIRE_OK);
    quire_source_close(&ctx, &source);
    free(got);
    ck_assert(fault_alloc_is_clean(&fault));
}
END_TEST

START_TEST(spooling_can_be_canceled)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    const volatile int canceled = 1;
    quire_source source;
    ctx.canceled = &canceled;
    setenv("TMPDIR", dir.path, 1);
    ck_assert_int_eq(quire_source_spool(&ctx, 0, "-", &source), QUIRE_E_CANCELED);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert(fault_io_is_clean(&io));
    ck_assert_uint_eq(scratch_count(&dir), 0);
}
END_TEST

START_TEST(spooling_falls_back_to_tmp)
{
    quire_ctx ctx = fault_ctx(NULL, NULL, NULL);
    quire_source source;
    pid_t child;
    setenv("TMPDIR", scratch_path(&dir, "missing"), 1);
    const int fd = pipe_of(10, &child);
    ck_assert_int_eq(quire_source_spool(&ctx, fd, "-", &source), QUIRE_OK);
    waitpid(child, NULL, 0);
    ck_assert_uint_eq(source.size, 10);
    quire_source_close(&ctx, &source);
    close(fd);
}
END_TEST

/* ---- every operation fails
 * -------------------------------------------------------------------- */

static quire_status
read_a_file(quire_ctx *ctx)
{
    quire_source source;
    char buf[10];
    QUIRE_TRY(quire_source_open(ctx, AT_FDCWD, scratch_path(&dir, "f"), &source));
    quire_status status = quire_source_read(ctx, &source, 0, buf, 10);
    if (status == QUIRE_OK) status = quire_source_check_unchanged(ctx, &source);
    quire_source_close(ctx, &source);
    return status;
}

static quire_status
spool_a_pipe(quire_ctx *ctx)
{
    quire_source source;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "0123456789", 10), 10);
    close(ends[1]);
    const quire_status status = quire_source_spool(ctx, ends[0], "-", &source);
    if (status == QUIRE_OK) {
        ck_assert_uint_eq(source.size, 10);
        quire_source_close(ctx, &source);
    }
    close(ends[0]);
    return status;
}

static void
ck_io_faults(quire_status (*work)(quire_ctx *), bool sticky)
{
    size_t n_fail = 1;
    for (bool failed = true; failed; n_fail++) {
        fault_alloc alloc;
        fault_io io;
        fault_log log;
        fault_alloc_init(&alloc, 0, false);
        fault_io_init(&io, n_fail, sticky, EIO);
        quire_ctx ctx = fault_ctx(&alloc, &io, &log);
        const quire_status status = work(&ctx);
        failed = io.n_failed > 0;
        ck_assert(fault_io_is_clean(&io));
        ck_assert(fault_alloc_is_clean(&alloc));
        ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
        if (!failed) ck_assert_int_eq(status, QUIRE_OK);
        if (status != QUIRE_OK && work == read_a_file) {
            ck_assert_int_eq(status, n_fail == 1 ? QUIRE_E_INVALID : QUIRE_E_IO);
        } else if (status != QUIRE_OK) {
            ck_assert_int_eq(status, QUIRE_E_IO);
        }
    }
    ck_assert_uint_ge(n_fail, 5);
}

START_TEST(every_operation_may_fail)
{
    scratch_write(&dir, "f", "0123456789", 10);
    setenv("TMPDIR", dir.path, 1);
    ck_io_faults(read_a_file, false);
    ck_io_faults(read_a_file, true);
    ck_io_faults(spool_a_pipe, false);
    ck_io_faults(spool_a_pipe, true);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    setenv("TMPDIR", dir.path, 1);
    quire_status status = QUIRE_E_NOMEM;
    for (size_t n = 1; status != QUIRE_OK; n++) {
        fault_alloc alloc;
        fault_io io;
        fault_log log;
        fault_alloc_init(&alloc, n, true);
        fault_io_init(&io, 0, false, 0);
        quire_ctx ctx = fault_ctx(&alloc, &io, &log);
        status = spool_a_pipe(&ctx);
        ck_assert_int_eq(status, alloc.n_failed == 0 ? QUIRE_OK : QUIRE_E_NOMEM);
        ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
        ck_assert(fault_io_is_clean(&io));
        ck_assert(fault_alloc_is_clean(&alloc));
    }
}
END_TEST

START_TEST(a_descriptor_is_closed_also_when_refused)
{
    fault_io io;
    fault_log log;
    fault_io_init(&io, 0, false, 0);
    quire_ctx ctx = fault_ctx(NULL, &io, &log);
    quire_source source;
    const int fd = io.io.open(io.io.data, AT_FDCWD, dir.path, O_RDONLY, 0);
    ck_assert_int_eq(quire_source_open_fd(&ctx, fd, "d", &source), QUIRE_E_INVALID);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert(fault_io_is_clean(&io));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("source");
    TCase *tc = tcase_create("source");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_file_reads_anywhere);
    tcase_add_test(tc, a_name_is_relative_to_the_directory_given);
    tcase_add_test(tc, memory_reads_anywhere);
    tcase_add_test(tc, closing_a_zeroed_source_leaves_descriptor_0);
    tcase_add_test(tc, what_cannot_be_read_is_invalid);
    tcase_add_test(tc, a_file_cut_while_read_is_an_error);
    tcase_add_test(tc, changes_are_noticed);
    tcase_add_test(tc, beneath_with_the_kernels_help);
    tcase_add_loop_test(tc, beneath_without_the_kernels_help, 0, 2);
    tcase_add_loop_test(tc, a_pipe_is_spooled_whole, 0, 4);
    tcase_add_test(tc, spooling_can_be_canceled);
    tcase_add_test(tc, spooling_falls_back_to_tmp);
    tcase_add_test(tc, every_operation_may_fail);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, a_descriptor_is_closed_also_when_refused);
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
