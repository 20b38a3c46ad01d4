/* init.c - the first and only process of the emulated machine: runs the programs in /programs one
 * after the other, each with what bytes.c takes as arguments, says how each ended, and turns the
 * machine off by the port that Bochs listens to.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int
is_program(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* 0 if it ran and found nothing wrong. */
static int
run(const char *name)
{
    char path[300];
    int status = -1;

    snprintf(path, sizeof path, "/programs/%s", name);
    const pid_t child = fork();
    if (child == 0) {
        execl(path, name, "avx512", "bags", (char *)NULL);
        _exit(127);
    }
    if (child > 0) waitpid(child, &status, 0);
    printf("%s: %s %d\n", name, WIFEXITED(status) ? "exit code" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    fflush(stdout);
    return status != 0;
}

static void
turn_off(void)
{
    tcdrain(STDOUT_FILENO);
    usleep(200000);
    if (ioperm(0x8900, 1, 1) == 0) {
        for (const char *at = "Shutdown"; *at; at++)
            outb((unsigned char)*at, 0x8900);
    }
    reboot(RB_POWER_OFF);
}

int
main(void)
{
    struct dirent **entries;
    const int n = scandir("/programs", &entries, is_program, alphasort);
    int n_failed = 0;

    for (int k = 0; k < n; k++)
        n_failed += run(entries[k]->d_name);
    printf("emulated: %d programs, %d failed\n", n, n_failed);
    fflush(stdout);
    turn_off();
    return 0;
}
