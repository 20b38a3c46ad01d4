/* other_format.h - what a file is that turned out not to be a model.
 *
 * Asked only after the wire check failed: the first bytes of some of these are protobuf by
 * accident.
 */
#ifndef QUIRE_GRAPH_OTHER_FORMAT_H
#define QUIRE_GRAPH_OTHER_FORMAT_H

#include "base/base.h"

enum { QUIRE_OTHER_FORMAT_HEAD = 64 }; /* bytes from the start of the file that are looked at */

/* "a Git LFS pointer (...)" and the like, with what to do; NULL if the bytes look like nothing
 * known. */
const char *quire_other_format(quire_bytes head);

#endif
