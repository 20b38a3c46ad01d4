/* ways.h - what is run under failure: ways through the library and the program, from a model's file
 * to another, or to an answer.
 */
#ifndef QUIRE_TESTS_WAYS_H
#define QUIRE_TESTS_WAYS_H

#include <stdbool.h>

#include "base/base.h"
#include "quire/quire.h"

/* Files that are there before a way is gone, and where it leads. */
typedef struct scene {
    char model[4096], output[128];
    char rules[128];     /* written by scene_prepare; apply to every model of the campaign */
    char recipe[128];    /* quantizers and rules, the same */
    char saved[128];     /* where a recipe may be saved: not beside the output */
    char annotated[128]; /* the model annotated by these rules */
    char text[128];      /* its annotations */
    char slot[512];      /* one of them, shared if there is such a one */
    char answer[128];    /* standard output of a verb goes here, beside the output */
} scene;

enum { MAX_WORDS = 12 };

typedef struct config {
    const char *name;
    quire_status (*run)(quire_ctx *ctx, const scene *s, const struct config *c);
    uint32_t bits, block;
    quire_target target;
    bool float_zp, f16, dry;
    /* Of a command line: "%m" is the model, "%o" the output, and so on: ways.c. */
    const char *words[MAX_WORDS];
    bool no;          /* the answer is no */
    const char *over; /* what stands at the output already: the result of this config */
} config;

extern const config configs[];
extern const size_t n_configs;

/* Writes rules, annotated, text and slot; the other members are set. What fails is told on standard
 * output. */
bool scene_prepare(scene *s);

#endif
