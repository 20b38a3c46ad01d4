/* cmd_annotations.h - what the verbs of `quire annotations` share. */
#ifndef QUIRE_TOOLS_CMD_ANNOTATIONS_H
#define QUIRE_TOOLS_CMD_ANNOTATIONS_H

#include "graph/claim.h"
#include "options.h"
#include "passes/resolve.h"

typedef struct request {
    char **args; /* as many as the verb takes */
    const char *output;
    quire_format format;
    quire_resolve_options resolve;
} request;

/* A whole text; "-" is standard input. */
QUIRE_MUST_USE quire_status annotations_read_text(cli *c, const char *path, quire_text *out);
/* Appends a text's claims; `origin` names it in messages. */
QUIRE_MUST_USE quire_status annotations_parse(cli *c, quire_model *m, quire_slot_missing missing,
                                              const char *origin, quire_bytes text,
                                              quire_claims *io_claims);
QUIRE_MUST_USE quire_status annotations_parse_file(cli *c, quire_model *m,
                                                   quire_slot_missing missing, const char *path,
                                                   quire_claims *io_claims);

/* `check MODEL FILE` and `diff A B`: QUIRE_OK the same, QUIRE_NONE not. */
QUIRE_MUST_USE quire_status annotations_check(cli *c, const request *r);
QUIRE_MUST_USE quire_status annotations_diff(cli *c, const request *r);

#endif
