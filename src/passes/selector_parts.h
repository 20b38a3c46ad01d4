/* selector_parts.h - a parsed selector and what its parts are evaluated with. Only for
 * selector*.c. */
#ifndef QUIRE_PASSES_SELECTOR_PARTS_H
#define QUIRE_PASSES_SELECTOR_PARTS_H

#include "base/alloc.h"
#include "base/arena.h"
#include "passes/selector.h"

enum { QUIRE_SELECTOR_MAX_DEPTH = 32, QUIRE_SELECTOR_MAX_TEXT = 64 * 1024 };

/* --- patterns: names by glob or regular expression (selector_pattern.c) ----------------------- */

typedef struct quire_pattern quire_pattern;
typedef struct quire_pattern_pool { /* the compiled patterns of one selector */
    const quire_allocator *alloc;
    quire_pattern *patterns; /* newest first */
} quire_pattern_pool;

/* What is wrong with a pattern: at which byte of it, and why. */
typedef struct quire_pattern_fault {
    size_t at;
    char why[200];
} quire_pattern_fault;

/* Compiles; the pattern lives as long as the pool and the arena. `text` is a glob with escapes
 * \xNN, or a regular expression. QUIRE_NONE: the pattern is wrong, *out_fault says how;
 * QUIRE_E_NOMEM (reported). */
QUIRE_MUST_USE quire_status quire_pattern_compile(quire_ctx *ctx, quire_pattern_pool *pool,
                                                  quire_arena *arena, quire_bytes text,
                                                  bool is_regex, const quire_pattern **out_pattern,
                                                  quire_pattern_fault *out_fault);
void quire_pattern_pool_deinit(quire_pattern_pool *pool);

/* Matches one pattern against many names; the verdict on a symbol is remembered. */
typedef struct quire_matcher {
    quire_ctx *ctx;
    const quire_pattern *pattern;
    const quire_syms *syms;
    uint8_t *verdicts; /* by symbol: 0 not asked yet, 1 no, 2 yes */
    size_t n_verdicts;
    char *buffer; /* a name with a NUL behind it */
    size_t buffer_room;
    void *general, *match, *data; /* PCRE2's contexts and match data; NULL for globs */
} quire_matcher;

/* Reports QUIRE_E_NOMEM. Deinit also if it failed. */
QUIRE_MUST_USE quire_status quire_matcher_init(quire_ctx *ctx, const quire_pattern *pattern,
                                               const quire_syms *syms, quire_matcher *out_matcher);
void quire_matcher_deinit(quire_matcher *matcher);
/* Reports QUIRE_E_USAGE for a regular expression that takes too many steps on `name`,
 * QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_matcher_try(quire_matcher *matcher, quire_bytes name,
                                              bool *out_matches);
/* Of a symbol; id 0 (absent) never matches. */
QUIRE_MUST_USE quire_status quire_matcher_try_sym(quire_matcher *matcher, quire_sym sym,
                                                  bool *out_matches);

/* --- the expression (selector_parse.c) -------------------------------------------------------- */

typedef enum quire_atom {
#define X(name, word, class, argument) QUIRE_ATOM_##name,
#include "passes/selector_defs.inc"
#undef X
    QUIRE_N_ATOMS
} quire_atom;

typedef enum quire_atom_class {
    QUIRE_ATOM_CLASS_NODE,
    QUIRE_ATOM_CLASS_TENSOR,
    QUIRE_ATOM_CLASS_PLACE,
    QUIRE_ATOM_CLASS_EITHER
} quire_atom_class;

typedef enum quire_term_kind {
    QUIRE_TERM_ATOM,
    QUIRE_TERM_NOT,
    QUIRE_TERM_AND,
    QUIRE_TERM_OR
} quire_term_kind;

typedef enum quire_comparison {
    QUIRE_COMPARE_GE,
    QUIRE_COMPARE_LE,
    QUIRE_COMPARE_NE,
    QUIRE_COMPARE_GT,
    QUIRE_COMPARE_LT,
    QUIRE_COMPARE_EQ
} quire_comparison;

typedef struct quire_term {
    uint32_t kind; /* quire_term_kind */
    uint32_t atom; /* quire_atom */
    struct quire_term
        *first; /* operands of not, and, or; consumer-of, producer-of: one; between: two */
    struct quire_term *next; /* its brother */
    quire_bytes text;        /* as written */
    quire_bytes argument; /* GLOB, REGEX: as written, without quotes; TEXT: with escapes undone */
    const quire_pattern *pattern; /* GLOB, REGEX */
    int32_t dtype;                /* TYPE */
    uint32_t comparison;          /* NUMBER: quire_comparison */
    uint64_t number;              /* NUMBER, INDEX */
    bool has_number;              /* INDEX: it was given */
} quire_term;

struct quire_selector {
    const quire_allocator *alloc;
    quire_arena arena;
    quire_bytes text;
    quire_term *root;
    quire_pattern_pool patterns;
    bool names_place, names_node; /* outside of consumer-of, producer-of and between */
};

const char *quire_atom_word(quire_atom atom);
quire_atom_class quire_atom_class_of(quire_atom atom);

/* --- evaluation: sets of slots, nodes, values, graphs ----------------------------------------- */

/* Bits by rank of slot, or by id; bit 0 is unused. */
typedef struct quire_set {
    uint64_t *words;
    size_t n_words;
} quire_set;

static inline bool
quire_set_has(const quire_set *set, uint32_t i)
{
    return (set->words[i >> 6] >> (i & 63) & 1) != 0;
}
static inline void
quire_set_add(quire_set *set, uint32_t i)
{
    set->words[i >> 6] |= (uint64_t)1 << (i & 63);
}
/* Room for 0..n, empty. Reports QUIRE_E_NOMEM; the set may then be deinitialised, too. */
QUIRE_MUST_USE quire_status quire_set_init(quire_ctx *ctx, uint32_t n, quire_set *out_set);
void quire_set_deinit(quire_ctx *ctx, quire_set *set);
bool quire_set_is_empty(const quire_set *set);

typedef struct quire_selection { /* one selector over one model */
    quire_ctx *ctx;
    const quire_model *m;
    const quire_slot_order *order;
} quire_selection;

/* Adds the slots `term` is true of to the empty set `io_slots`. Places are nothing special here. */
QUIRE_MUST_USE quire_status quire_term_evaluate(const quire_selection *s, const quire_term *term,
                                                quire_set *io_slots);
/* The keys of atoms without operands, added to an empty set: ids of nodes, tensors or graphs by the
 * atom's class (selector_atoms.c). Not for places. */
QUIRE_MUST_USE quire_status quire_atom_fill(const quire_selection *s, const quire_term *term,
                                            quire_set *io_keys);
/* The same for consumer-of, producer-of, between, as a set of nodes by id (selector_flow.c); a
 * and b: what the operands are true of. */
void quire_flow_consumers(const quire_selection *s, const quire_set *a, quire_set *io_nodes);
void quire_flow_producers(const quire_selection *s, const quire_set *a, quire_set *io_nodes);
QUIRE_MUST_USE quire_status quire_flow_between(const quire_selection *s, const quire_set *a,
                                               const quire_set *b, quire_set *io_nodes);

/* Dims as quire_value_dims gives them, also of Constant nodes; the rank alone may be known, then
 * all dims are -1. */
enum { QUIRE_SELECTOR_MAX_RANK = 64 };
int32_t quire_tensor_shape(const quire_model *m, quire_value v,
                           int64_t dims[QUIRE_SELECTOR_MAX_RANK]);

#endif
