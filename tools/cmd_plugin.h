/* cmd_plugin.h - the words of `quire plugin` that have files of their own. */
#ifndef QUIRE_TOOLS_CMD_PLUGIN_H
#define QUIRE_TOOLS_CMD_PLUGIN_H

#include "cli.h"

/* As a verb's run; argv[0] is the word, c->verb is set. */
quire_status cmd_plugin_new(cli *c, int argc, char **argv);
quire_status cmd_plugin_check(cli *c, int argc, char **argv);

#endif
