/* naive_groups.h - annotated slots in plain arrays, for test_regroup.c: what the edits of adjust mean,
 * written down without lists, rows of a pool, or anything else of src/.
 */
#ifndef QUIRE_TESTS_NAIVE_GROUPS_H
#define QUIRE_TESTS_NAIVE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

enum { NAIVE_SLOTS = 96, NAIVE_GROUPS = 256, NAIVE_TEXT = 200, NAIVE_SOURCES = 2 };

typedef enum naive_kind { NAIVE_OPERAND, NAIVE_RESULT, NAIVE_OUTPUT } naive_kind;

typedef struct naive_slot {
    char name[40];
    naive_kind kind;
    int tensor;
    bool formal;  /* input or output of a body */
    bool noshare; /* as it was annotated at first */
    int group;    /* -1: none */
} naive_slot;

typedef struct naive_spec {
    char base[NAIVE_TEXT]; /* "u8 tensor affine zp=int" */
    char tail[NAIVE_TEXT]; /* " observer=minmax", " fixed(0.5, 3)", " derived bias(a, b)", "" */
} naive_spec;

typedef struct naive_group {
    naive_spec spec;
    int editor; /* -1: nobody */
} naive_group;

typedef struct naive_groups {
    naive_slot slots[NAIVE_SLOTS];
    int n_slots;
    naive_group groups[NAIVE_GROUPS];
    int n_groups;
} naive_groups;

typedef enum naive_outcome { NAIVE_DONE, NAIVE_NONE, NAIVE_REFUSED } naive_outcome;

naive_spec naive_spec_of(const char *text);
int naive_size(const naive_groups *g, int group); /* 0: gone */
/* Is it a source of a group that is left? */
bool naive_is_source(const naive_groups *g, int slot);

naive_outcome naive_set_fixed(naive_groups *g, int group, double scale, int64_t zero_point,
                              int who);
naive_outcome naive_set_observer(naive_groups *g, int group, const char *observer,
                                 const char *options, int who);
naive_outcome naive_detach(naive_groups *g, int slot, int who, int *out_group);
naive_outcome naive_remove(naive_groups *g, int slot, int who);
naive_outcome naive_join(naive_groups *g, int into, int from, int who);

/* Would `group`, which nobody edited, be joined with `edited` unless it is written down, too? */
bool naive_would_join(const naive_groups *g, int group, int edited);

#endif
