/* ledger_write.h - the two spellings of a ledger. */
#ifndef QUIRE_PASSES_LEDGER_WRITE_H
#define QUIRE_PASSES_LEDGER_WRITE_H

#include "passes/ledger_count.h"

void ledger_write_text(quire_writer *w, const ledger *l);
void ledger_write_json(quire_writer *w, const ledger *l);

#endif
