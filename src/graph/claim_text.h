/* claim_text.h - the layout of an annotation text. Only for claim_*.c. */
#ifndef QUIRE_GRAPH_CLAIM_TEXT_H
#define QUIRE_GRAPH_CLAIM_TEXT_H

#include "graph/claim.h"

#define QUIRE_CLAIMS_MAGIC "quire-annotations"
enum { QUIRE_CLAIMS_VERSION = 1 };

enum { QUIRE_COLUMN_SPEC = 26, QUIRE_COLUMN_BY = 85, QUIRE_COLUMN_COMMENT = 110 };

/* May `c` stand in a claimant without quotes? */
bool quire_claimant_is_plain(uint8_t c);

#endif
