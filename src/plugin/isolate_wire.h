/* isolate_wire.h - what goes from the isolated process to the one that waits for it. Only for
 * src/plugin.
 *
 *     quire-isolated 1
 *     at =PLUGIN =QUANTIZER =WHERE           a callback begins; the quantizer may be empty
 *     say =SEVERITY =STATUS =FILE =PATH =MESSAGE
 *     quantizer =NAME                        of the account, as are the next two
 *     skip =NODE =WHO =REASON =TEXT
 *     finding =SEVERITY =KIND =ID =WHO =TEXT
 *     annotations =BYTES                     a text (claim.h) of that length follows
 *     end =STATUS                            nothing follows; without one the child did not finish
 *
 * A field is bytes, those outside printable ASCII, blanks and % as %XX. Nodes and slots are numbers:
 * both processes have the same graph.
 */
#ifndef QUIRE_PLUGIN_ISOLATE_WIRE_H
#define QUIRE_PLUGIN_ISOLATE_WIRE_H

#include "plugin/isolate.h"

#define QUIRE_ISOLATED_FIRST_LINE "quire-isolated 1"

/* The child's part: does the work and sends everything to `fd`. */
void quire_isolated_work(const quire_ctx *ctx, quire_model *m, const quire_isolation *isolation,
                         int fd);

/* What the parent has read so far. */
typedef struct quire_isolated_answer {
    bool complete;           /* an `end` was there */
    quire_status status;     /* of it */
    const char *nonsense;    /* what cannot be, or NULL */
    size_t line;             /* and where */
    char who[300];           /* `plugin "P" (quantizer "Q")` of the last `at`; "" before it */
    char where[40];          /* its callback */
    quire_bytes annotations; /* their text */
    size_t n_errors;         /* said */
    quire_account account;
} quire_isolated_answer;

/* Reads an answer whole or cut: finds what ran last, fills the account (symbols go to the model).
 * Tells what the child said; its errors only if the answer is complete and without nonsense. Reports QUIRE_E_NOMEM alone. quire_account_deinit the account in every case. */
QUIRE_MUST_USE quire_status quire_isolated_read(quire_ctx *ctx, quire_model *m, quire_bytes text,
                                                quire_isolated_answer *out);

#endif
