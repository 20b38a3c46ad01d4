/* edit_steps.h - the kinds of edits that a sequence is made of. */
#ifndef QUIRE_TESTS_EDIT_STEPS_H
#define QUIRE_TESTS_EDIT_STEPS_H

#include "property/edit_world.h"

enum { EDIT_SAVED = 3 };

typedef struct edit_saved {
    quire_snapshot *snapshot; /* NULL: none */
    edit_side side;
    size_t n_orphans;
} edit_saved;

typedef struct edit_run {
    edit_world w;
    edit_saved saved[EDIT_SAVED];
    edit_saved base; /* taken before the first edit */
    uint64_t random;
    bool told; /* print what is done */
} edit_run;

typedef struct edit_kind {
    void (*work)(edit_run *); /* chooses by r->random, edits both sides; or does nothing */
    int weight;
    bool restores;
} edit_kind;

extern const edit_kind edit_kinds[];
extern const int edit_n_kinds;

QUIRE_PRINTF(2, 3) void edit_told(const edit_run *r, const char *format, ...);
void edit_take(edit_run *r, edit_saved *s);
void edit_restore(edit_run *r, const edit_saved *s);

#endif
