/* calls.h - model-local functions: who calls whom. */
#ifndef QUIRE_GRAPH_CALLS_H
#define QUIRE_GRAPH_CALLS_H

#include "graph/model.h"

enum { QUIRE_MAX_FUNCTIONS = 10000, QUIRE_MAX_CALL_DEPTH = 100 };

/* Refuses two functions of one (domain, name, overload), recursion, also through bodies or other functions (the cycle is told), and more
 * than QUIRE_MAX_FUNCTIONS functions or QUIRE_MAX_CALL_DEPTH calls inside each other. Reports QUIRE_E_INVALID, QUIRE_E_LIMIT,
 * QUIRE_E_NOMEM. Linear in nodes and functions. */
QUIRE_MUST_USE quire_status quire_calls_check(quire_ctx *ctx, const quire_model *m);

#endif
