/* rope_origin.h - where the bytes of a rope come from.
 *
 * A receipt of something not yet written asks: bytes that an export takes from its input need no
 * comparing.
 */
#ifndef QUIRE_BASE_ROPE_ORIGIN_H
#define QUIRE_BASE_ROPE_ORIGIN_H

#include "base/rope.h"

/* If all of [off, off + len) of `source` comes from one stretch of one source, says which and
 * where: for a rope seen as a source that of the pieces below, through any number of ropes; for
 * every other source itself. False if there is no such stretch (memory, zeros, a mixture) or the
 * range is out of bounds. */
bool quire_rope_origin(const quire_source *source, uint64_t off, uint64_t len,
                       const quire_source **out_source, uint64_t *out_off);

#endif
