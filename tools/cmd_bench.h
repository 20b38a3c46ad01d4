/* cmd_bench.h - the words of `quire bench` that have files of their own. */
#ifndef QUIRE_TOOLS_CMD_BENCH_H
#define QUIRE_TOOLS_CMD_BENCH_H

#include "cli.h"

/* As a verb's run; argv[0] is the word, c->verb is set. */
quire_status cmd_bench_kernels(cli *c, int argc, char **argv);

#endif
