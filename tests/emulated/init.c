/* init.c - the first and only process of the emulated machine: runs the commands in /commands, a
 * program of /programs and its arguments on each line, says how each ended, and turns the machine
 * off by the port that Bochs listens to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_LINE  300
#define MAX_WORDS 8

/* Cuts a line at blanks and its end. */
static void
split(char *line, char *words[MAX_WORDS + 1])
{
    int n = 0;

    for (char *word = strtok(line, " \n"); word && n < MAX_WORDS; word = strtok(NULL, " \n"))
        words[n++] = word;
    words[n] = NULL;
}

/* 0 if it ran and found nothing wrong. */
static int
run(char *const words[])
{
    char path[sizeof "/programs/" + MAX_LINE];
    int status = -1;

    snprintf(path, sizeof path, "/programs/%s", words[0]);
    const pid_t child = fork();
    if (child == 0) {
        execv(path, words);
        _exit(127);
    }
    if (child > 0) waitpid(child, &status, 0);
    printf("%s: %s %d\n", words[0], WIFEXITED(status) ? "exit code" : "signal",
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
    FILE *commands = fopen("/commands", "r");
    char line[MAX_LINE];
    char *words[MAX_WORDS + 1];
    int n = 0;
    int n_failed = 0;

    printf("emulated: up\n");
    fflush(stdout);
    while (commands && fgets(line, sizeof line, commands)) {
        split(line, words);
        if (!words[0]) continue;
        n++;
        n_failed += run(words);
    }
    printf("emulated: %d programs, %d failed\n", n, n_failed);
    fflush(stdout);
    turn_off();
    return 0;
}
