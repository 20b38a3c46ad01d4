/* calls.c - see calls.h.
 *
 * Functions are found by name through a table indexed by symbol. The call graph is walked depth first with a stack of its own; the
 * depth of calls below a function is known when it is left.
 */
#include "graph/calls.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/diag.h"

enum { UNSEEN, OPEN, DONE };

typedef struct callee {
    uint32_t function; /* index            */
    uint32_t next;     /* callees of the same caller: index + 1 */
} callee;

typedef struct function {
    uint32_t same_name; /* another function of this name: index + 1 */
    uint32_t callees;   /* index + 1 */
    uint32_t at;        /* callee to look at next, while it is open */
    uint32_t depth;     /* calls inside each other below it         */
    uint32_t state;
} function;

typedef struct calls {
    quire_ctx *ctx;
    const quire_model *m;
    quire_arena arena;
    function *functions;
    uint32_t *by_name; /* by symbol: index + 1                                */
    uint32_t *by_op;   /* by operator: index + 2, 1 no function, 0 not looked */
    callee *callees;
    size_t n_callees, callees_room;
    uint32_t *stack;
} calls;

static const quire_graph_rec *
function_at(const calls *c, uint32_t i)
{
    return quire_graph_at(c->m, c->m->functions[i]);
}

static bool
same_domain(const quire_model *m, quire_sym a, quire_sym b)
{
    const quire_bytes onnx = quire_bytes_of("ai.onnx");
    quire_bytes x = quire_sym_bytes(m, a);
    quire_bytes y = quire_sym_bytes(m, b);
    if (quire_bytes_equal(x, onnx)) x.len = 0;
    if (quire_bytes_equal(y, onnx)) y.len = 0;
    return quire_bytes_equal(x, y);
}

/* Index + 1 of the function that (domain, name, overload) means, or 0. An absent overload is the empty one. */
static uint32_t
find_function(const calls *c, quire_sym domain, quire_sym name, quire_sym overload)
{
    for (uint32_t i = c->by_name[name.id]; i != 0; i = c->functions[i - 1].same_name) {
        const quire_graph_rec *f = function_at(c, i - 1);
        const bool same_overload =
            quire_bytes_equal(quire_sym_bytes(c->m, f->overload), quire_sym_bytes(c->m, overload));
        if (same_overload && same_domain(c->m, f->domain, domain)) return i;
    }
    return 0;
}

static quire_status
list_functions(calls *c)
{
    for (uint32_t i = 0; i < c->m->n_functions; i++) {
        const quire_graph_rec *f = function_at(c, i);
        if (find_function(c, f->domain, f->name, f->overload) != 0) {
            const quire_bytes name = quire_sym_bytes(c->m, f->name);
            return quire_fail(c->ctx, QUIRE_E_INVALID, NULL,
                              "two functions are called \"%.*s\" in one domain and overload; a "
                              "call could mean either",
                              (int)name.len, (const char *)name.ptr);
        }
        c->functions[i].same_name = c->by_name[f->name.id];
        c->by_name[f->name.id] = i + 1;
    }
    return QUIRE_OK;
}

/* Index + 1 of the function an operator means, or 0; looked for once per operator. */
static uint32_t
function_of_op(const calls *c, quire_op id)
{
    const quire_op_rec *op = quire_op_at(c->m, id);
    if (c->by_op[id.id] == 0) {
        c->by_op[id.id] = find_function(c, op->domain, op->type, op->overload) + 1;
    }
    return c->by_op[id.id] - 1;
}

static quire_status
note_call(calls *c, quire_node n, uint32_t caller)
{
    const uint32_t found = function_of_op(c, quire_node_at(c->m, n)->op);
    if (found == 0) return QUIRE_OK;
    QUIRE_TRY(
        quire_grow(c->ctx, &c->callees, &c->callees_room, c->n_callees + 1, sizeof *c->callees));
    c->callees[c->n_callees++] = (callee){found - 1, c->functions[caller].callees};
    c->functions[caller].callees = (uint32_t)c->n_callees;
    return QUIRE_OK;
}

/* Graph records of functions rise, and everything inside function i lies between its record and the next one's. */
static quire_status
note_calls(calls *c)
{
    uint32_t caller = 0;
    for (uint32_t i = 1; i < c->m->nodes.count; i++) {
        const quire_node n = {i};
        const uint32_t graph = quire_node_at(c->m, n)->graph.id;
        if (graph < c->m->functions[0].id) continue;
        while (caller + 1 < c->m->n_functions && c->m->functions[caller + 1].id <= graph)
            caller++;
        QUIRE_TRY(note_call(c, n, caller));
    }
    return QUIRE_OK;
}

static quire_status
recursion(const calls *c, size_t n_stack, uint32_t again)
{
    char text[400];
    size_t used = 0;
    size_t from = n_stack;
    while (from > 0 && c->stack[from - 1] != again)
        from--;
    for (size_t i = from > 0 ? from - 1 : 0; i <= n_stack && used < sizeof text - 1; i++) {
        const quire_bytes name =
            quire_sym_bytes(c->m, function_at(c, i < n_stack ? c->stack[i] : again)->name);
        const int more =
            snprintf(text + used, sizeof text - used, "%s%.*s", used > 0 ? " calls " : "",
                     (int)(name.len < 60 ? name.len : 60), (const char *)name.ptr);
        used += more > 0 ? (size_t)more : 0;
    }
    return quire_fail(c->ctx, QUIRE_E_INVALID, NULL, "functions may not be recursive: %s", text);
}

/* Leaves the function on top of the stack: its caller is at least one call deeper. */
static quire_status
leave(calls *c, size_t n_stack)
{
    function *f = &c->functions[c->stack[n_stack - 1]];
    f->state = DONE;
    if (f->depth > QUIRE_MAX_CALL_DEPTH) {
        return quire_fail(c->ctx, QUIRE_E_LIMIT, NULL,
                          "functions call each other more than %d deep", QUIRE_MAX_CALL_DEPTH);
    }
    if (n_stack < 2) return QUIRE_OK;
    function *caller = &c->functions[c->stack[n_stack - 2]];
    if (caller->depth < f->depth + 1) caller->depth = f->depth + 1;
    return QUIRE_OK;
}

static quire_status
visit(calls *c, uint32_t root)
{
    size_t n = 0;
    c->stack[n++] = root;
    c->functions[root].state = OPEN;
    c->functions[root].at = c->functions[root].callees;
    while (n > 0) {
        function *f = &c->functions[c->stack[n - 1]];
        if (f->at == 0) {
            QUIRE_TRY(leave(c, n--));
            continue;
        }
        const callee *next = &c->callees[f->at - 1];
        f->at = next->next;
        function *g = &c->functions[next->function];
        if (g->state == OPEN) return recursion(c, n, next->function);
        if (g->state == DONE) {
            if (f->depth < g->depth + 1) f->depth = g->depth + 1;
            continue;
        }
        g->state = OPEN;
        g->at = g->callees;
        c->stack[n++] = next->function;
    }
    return QUIRE_OK;
}

static quire_status
check(calls *c)
{
    const size_t n = c->m->n_functions;
    QUIRE_TRY(quire_arena_take(c->ctx, &c->arena, n * sizeof *c->functions, &c->functions));
    QUIRE_TRY(quire_arena_take(c->ctx, &c->arena, n * sizeof *c->stack, &c->stack));
    QUIRE_TRY(quire_arena_take(c->ctx, &c->arena, c->m->syms.n * sizeof *c->by_name, &c->by_name));
    QUIRE_TRY(quire_arena_take(c->ctx, &c->arena, c->m->ops.count * sizeof *c->by_op, &c->by_op));
    QUIRE_TRY(list_functions(c));
    QUIRE_TRY(note_calls(c));
    for (uint32_t i = 0; i < n; i++) {
        if (c->functions[i].state == UNSEEN) QUIRE_TRY(visit(c, i));
    }
    return QUIRE_OK;
}

quire_status
quire_calls_check(quire_ctx *ctx, const quire_model *m)
{
    if (m->n_functions == 0) return QUIRE_OK;
    if (m->n_functions > QUIRE_MAX_FUNCTIONS) {
        return quire_fail(ctx, QUIRE_E_LIMIT, NULL, "%zu functions; at most %d are read",
                          m->n_functions, QUIRE_MAX_FUNCTIONS);
    }
    calls c = {.ctx = ctx, .m = m};
    quire_arena_init(&c.arena, m->alloc);
    const quire_status status = check(&c);
    quire_ungrow(m->alloc, &c.callees, &c.callees_room, sizeof *c.callees);
    quire_arena_deinit(&c.arena);
    return status;
}
