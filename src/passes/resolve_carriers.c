/* resolve_carriers.c - one spec per group: whose observer it is.
 *
 * Members with a spec of their own differ in the observer at most. The highest priority decides,
 * then the bytes of the printed observer, then the slot. Texts are printed only where rows differ.
 */
#include "passes/resolving.h"

typedef struct choice {
    quire_resolving *r;
    uint32_t best;    /* annotation */
    uint32_t beaten;  /* row that lost against the best by its text, 0: none */
    uint32_t printed; /* row whose observer is in text, 0: none */
    quire_text text;
} choice;

static quire_status
print_observer(choice *c, uint32_t row, quire_text *out_text)
{
    quire_writer w;
    quire_writer_to_text(&w, c->r->ctx, out_text);
    quire_spec_print_observer(&w, c->r->m, quire_spec_at(c->r->m, row));
    return quire_writer_finish(&w);
}

static quire_bytes
bytes_of_text(const quire_text *text)
{
    return (quire_bytes){(const uint8_t *)text->ptr, text->len};
}

/* Is the observer of `row` less than the best's? */
static quire_status
compare_with_best(choice *c, uint32_t row, bool *out_less)
{
    const uint32_t best = c->r->out->annotations[c->best].spec.row;
    quire_text text = {0};
    if (c->printed != best) {
        quire_text_free(c->r->ctx, &c->text);
        c->printed = 0;
        QUIRE_TRY(print_observer(c, best, &c->text));
        c->printed = best;
    }
    const quire_status status = print_observer(c, row, &text);
    *out_less = quire_compare_bytes(bytes_of_text(&text), bytes_of_text(&c->text)) < 0;
    quire_text_free(c->r->ctx, &text);
    c->r->out->work++;
    return status;
}

static quire_status
consider(choice *c, uint32_t a)
{
    const quire_annotation *annotations = c->r->out->annotations;
    const uint32_t row = annotations[a].spec.row;
    if (c->best == QUIRE_NO_ANNOTATION || annotations[a].priority > annotations[c->best].priority) {
        c->best = a;
        c->beaten = 0;
        return QUIRE_OK;
    }
    const uint32_t best = annotations[c->best].spec.row;
    if (annotations[a].priority < annotations[c->best].priority) return QUIRE_OK;
    if (row == best || row == c->beaten) return QUIRE_OK;
    bool less;
    QUIRE_TRY(compare_with_best(c, row, &less));
    c->beaten = less ? best : row;
    if (less) c->best = a;
    return QUIRE_OK;
}

static quire_status
choose(choice *c, quire_group *group)
{
    quire_resolved *out = c->r->out;
    const uint32_t *members = out->members + group->members;
    c->best = QUIRE_NO_ANNOTATION;
    for (uint32_t i = 0; i < group->n_members; i++) {
        if (quire_annotation_is_shared(&out->annotations[members[i]])) continue;
        QUIRE_TRY(consider(c, members[i]));
    }
    group->carrier = c->best;
    group->spec = out->annotations[c->best].spec.row;
    for (uint32_t i = 0; i < group->n_members; i++) {
        const uint32_t row = out->annotations[members[i]].spec.row;
        group->n_observers_differ += row != 0 && row != group->spec;
    }
    out->work += 2 * group->n_members;
    return QUIRE_OK;
}

quire_status
quire_resolve_carriers(quire_resolving *r)
{
    choice c = {.r = r};
    quire_status status = QUIRE_OK;
    for (size_t g = 0; g < r->out->n_groups && status == QUIRE_OK; g++)
        status = choose(&c, &r->out->groups[g]);
    quire_text_free(r->ctx, &c.text);
    return status;
}
