/* real.h - doubles as text that reads back to the same bits, whatever the program's locale.
 *
 * A decimal where it is short, else C's hexadecimal form: `0.1`, `1e-05`, `0x1.99999ap-4`.
 */
#ifndef QUIRE_BASE_REAL_H
#define QUIRE_BASE_REAL_H

#include "base/base.h"

enum { QUIRE_REAL_ROOM = 32 };

/* A decimal of at most six characters if that is the same number, else hexadecimal. Finite x. */
const char *quire_real_print(double x, char out[QUIRE_REAL_ROOM]);
/* The whole of `text` as a finite number in decimal or hexadecimal, rounded to nearest; false if it
 * is anything else, or above the largest double. */
bool quire_real_parse(quire_bytes text, double *out);

#endif
