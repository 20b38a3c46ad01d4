/* random.h - numbers for generated cases: the same from the same seed, on every machine. */
#ifndef QUIRE_TESTS_SUPPORT_RANDOM_H
#define QUIRE_TESTS_SUPPORT_RANDOM_H

#include <math.h>
#include <stdint.h>

typedef struct random_state {
    uint64_t bits; /* not 0 */
} random_state;

/* 0 to n - 1. */
static inline uint64_t
random_below(random_state *r, uint64_t n)
{
    r->bits ^= r->bits << 13;
    r->bits ^= r->bits >> 7;
    r->bits ^= r->bits << 17;
    return (r->bits >> 11) % n;
}

/* Of both signs and many sizes, now and then tiny or large; finite. */
static inline float
random_float(random_state *r)
{
    const int exponent =
        random_below(r, 8) ? (int)random_below(r, 6) - 3 : (int)random_below(r, 60) - 30;

    return ldexpf((float)random_below(r, 2001) / 1000 - 1, exponent);
}

#endif
