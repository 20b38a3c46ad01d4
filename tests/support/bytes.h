/* bytes.h - a model as the bytes that would be written: what must be the same again after an undo. */
#ifndef QUIRE_TESTS_BYTES_H
#define QUIRE_TESTS_BYTES_H

#include "graph/model.h"

/* Freed with free(); aborts on failure. Outputs are not settled. */
uint8_t *support_bytes(const quire_model *m, size_t *out_n);

#endif
