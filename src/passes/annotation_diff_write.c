/* annotation_diff_write.c - a comparison for people, and for programs. */
#include "base/diag.h"
#include "passes/annotation_diff.h"

enum { REASON_ROOM = 512 };

/* --- text ------------------------------------------------------------------------------------- */

/* One line; requests that contradict each other have one each. */
static void
write_lines(quire_writer *w, const quire_model *m, const char *mark, const quire_claim *claims,
            size_t n)
{
    const size_t at_once = quire_claims_agree(claims, n) ? n : 1;
    for (size_t i = 0; i < n; i += at_once) {
        quire_write_str(w, mark);
        quire_claim_print(w, m, claims + i, at_once);
        quire_write_str(w, "\n");
    }
}

/* `by WHO ("reason")`, or "nobody". */
static void
write_who(quire_writer *w, const quire_model *m, const quire_claim *claims, size_t n)
{
    char reason[REASON_ROOM];
    if (n == 0) {
        quire_write_str(w, "by nobody");
        return;
    }
    quire_claim_print_sponsors(w, m, claims, n);
    for (size_t i = 0; i < n; i++) {
        if (claims[i].reason.id == 0) continue;
        const quire_bytes text = quire_sym_bytes(m, claims[i].reason);
        quire_escape(reason, sizeof reason, text.ptr, text.len);
        quire_writef(w, " (%s)", reason);
    }
}

/* What differs first, where both sides have one annotation. */
static const char *
difference(const quire_model *m, const quire_claim *a, size_t n_a, const quire_claim *b, size_t n_b)
{
    if (n_a == 0 || n_b == 0 || !quire_claims_agree(a, n_a) || !quire_claims_agree(b, n_b))
        return NULL;
    const quire_spec x = quire_spec_of_ref(m, a->spec);
    const quire_spec y = quire_spec_of_ref(m, b->spec);
    const char *field = quire_spec_difference(&x, &y);
    if (field != NULL) return field;
    if (a->priority != b->priority) return "priority";
    return ((a->flags ^ b->flags) & QUIRE_CLAIM_NOSHARE) != 0 ? "noshare" : "claimants";
}

static void
write_nearest(quire_writer *w, const quire_model *m, const quire_annotation_change *change)
{
    quire_write_str(w, "      the model has no such slot");
    for (uint32_t i = 0; i < change->near.n; i++) {
        quire_write_str(w, i == 0 ? "; nearest: " : ", ");
        quire_slot_print(w, m, change->near.slots[i]);
    }
    quire_write_str(w, "\n");
}

static void
write_change(quire_writer *w, const quire_model *m, const quire_annotation_diff *d,
             const quire_annotation_change *change)
{
    const quire_claim *a = quire_annotation_run_at(&d->before, change->before);
    const quire_claim *b = quire_annotation_run_at(&d->after, change->after);
    write_lines(w, m, "- ", a, change->before.n);
    if (!change->gone || change->before.n == 0) write_lines(w, m, "+ ", b, change->after.n);
    if (change->gone) write_nearest(w, m, change);
    const char *field = difference(m, a, change->before.n, b, change->after.n);
    if (change->gone) return;
    quire_write_str(w, "      ");
    if (field != NULL) quire_writef(w, "%s differs; ", field);
    quire_write_str(w, "was ");
    write_who(w, m, a, change->before.n);
    quire_write_str(w, ", is ");
    write_who(w, m, b, change->after.n);
    quire_write_str(w, "\n");
}

void
quire_annotation_diff_write_text(quire_writer *w, const quire_model *m,
                                 const quire_annotation_diff *diff)
{
    for (size_t i = 0; i < diff->n_changes; i++)
        write_change(w, m, diff, &diff->changes[i]);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* What stands behind the slot; the texts of contradicting requests are joined by "; ". */
static void
put_side(quire_json *j, const quire_model *m, const char *key, const quire_claim *claims, size_t n)
{
    quire_writer w;
    const size_t at_once = quire_claims_agree(claims, n) ? n : 1;
    quire_json_key(j, key);
    if (n == 0) {
        quire_json_null(j);
        return;
    }
    quire_json_open_text(j, &w);
    for (size_t i = 0; i < n; i += at_once) {
        const quire_spec spec = quire_spec_of_ref(m, claims[i].spec);
        if (i > 0) quire_write_str(&w, "; ");
        quire_spec_print(&w, m, &spec);
        quire_write_str(&w, " ");
        quire_claim_print_sponsors(&w, m, claims + i, at_once);
    }
    quire_json_close_text(j, &w);
}

static void
put_claimant(quire_json *j, const quire_model *m, const quire_claim *claim)
{
    char name[REASON_ROOM];
    const quire_bytes who = quire_sym_bytes(m, claim->who);
    quire_escape(name, sizeof name, who.ptr, who.len);
    quire_json_text(j, name);
}

/* Every claimant of either run once, ascending: both runs are. */
static void
put_who(quire_json *j, const quire_model *m, const quire_claim *a, size_t n_a, const quire_claim *b,
        size_t n_b)
{
    quire_json_key(j, "who");
    quire_json_begin(j, '[');
    for (size_t i = 0, k = 0; i < n_a || k < n_b;) {
        const int order = i == n_a ? 1 : k == n_b ? -1 : quire_claimants_compare(m, a + i, b + k);
        put_claimant(j, m, order <= 0 ? a + i : b + k);
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    quire_json_end(j, ']');
}

static void
put_slot(quire_json *j, const quire_model *m, quire_slot slot)
{
    quire_writer w;
    quire_json_open_text(j, &w);
    quire_slot_print(&w, m, slot);
    quire_json_close_text(j, &w);
}

static void
put_change(quire_json *j, const quire_model *m, const quire_annotation_diff *d,
           const quire_annotation_change *change)
{
    const quire_claim *a = quire_annotation_run_at(&d->before, change->before);
    const quire_claim *b = quire_annotation_run_at(&d->after, change->after);
    const size_t n_b = change->gone && change->before.n > 0 ? 0 : change->after.n;
    quire_json_begin(j, '{');
    quire_json_key(j, "slot");
    put_slot(j, m, change->slot);
    put_side(j, m, "before", a, change->before.n);
    put_side(j, m, "after", b, n_b);
    put_who(j, m, a, change->before.n, b, change->after.n);
    quire_json_key(j, "nearest");
    quire_json_begin(j, '[');
    for (uint32_t i = 0; i < change->near.n; i++)
        put_slot(j, m, change->near.slots[i]);
    quire_json_end(j, ']');
    quire_json_end(j, '}');
}

void
quire_annotation_diff_write_changes(quire_json *j, const quire_model *m,
                                    const quire_annotation_diff *diff)
{
    for (size_t i = 0; i < diff->n_changes; i++)
        put_change(j, m, diff, &diff->changes[i]);
}
