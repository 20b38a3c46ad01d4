/* ledger.c - counts, then writes. */
#include "passes/ledger_write.h"

quire_status
quire_ledger_write(quire_writer *w, quire_model *m, const quire_annotations *a, quire_format format)
{
    ledger l;
    QUIRE_TRY(ledger_init(w->ctx, m, a, &l));
    if (format == QUIRE_FORMAT_JSON) {
        ledger_write_json(w, &l);
    } else {
        ledger_write_text(w, &l);
    }
    ledger_deinit(&l);
    return w->status;
}
