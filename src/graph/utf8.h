/* utf8.h - checking strings piece by piece, as they come out of a file.
 *
 * Accepted: well-formed UTF-8 (no surrogates, no over-long forms, nothing above U+10FFFF) without
 * NUL, because names become C strings.
 */
#ifndef QUIRE_GRAPH_UTF8_H
#define QUIRE_GRAPH_UTF8_H

#include "base/base.h"

typedef struct quire_utf8 {
    uint8_t need;   /* continuation bytes that must follow; 0: between two characters */
    uint8_t lo, hi; /* bounds of the next one                                         */
} quire_utf8;

/* Takes the next `n` bytes of a string; `state` starts zeroed. Returns how many were accepted:
 * less than n means that byte is the first wrong one. The string is complete if state->need is 0
 * at its end. */
size_t quire_utf8_check(quire_utf8 *state, const uint8_t *bytes, size_t n);

#endif
