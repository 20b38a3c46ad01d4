/* carrier.c - model metadata entries: reading them, and noting what an export is to write; see
 * carrier.h and edit.h. */
#include "graph/carrier.h"

#include "base/diag.h"
#include "graph/edit.h"
#include "graph/fields.h"
#include "graph/utf8.h"

/* Key or value of an entry; empty where it is absent, as protobuf has it. */
static quire_bytes
part_of(const quire_model *m, const quire_field *field, uint32_t number)
{
    quire_bytes part = {NULL, 0};
    (void)quire_message_find(m, field->body, number, &part);
    return part;
}

bool
quire_metadata_is_entry(const quire_model *m, const quire_field *field, quire_bytes key)
{
    return field->number == MODEL_METADATA && field->wire == QUIRE_WIRE_LEN &&
           quire_bytes_equal(part_of(m, field, ENTRY_KEY), key);
}

static const quire_metadata_edit *
find_edit(const quire_model *m, quire_bytes key)
{
    const quire_metadata_edit *e = m->metadata;
    while (e != NULL && !quire_bytes_equal(e->key, key))
        e = e->next;
    return e;
}

bool
quire_model_metadata(const quire_model *m, const char *key, quire_bytes *out_value)
{
    const quire_bytes wanted = quire_bytes_of(key);
    const quire_metadata_edit *e = find_edit(m, wanted);
    bool found = e != NULL && !e->removed;
    if (found) *out_value = e->value;
    if (e != NULL) return found;
    quire_cursor c = quire_cursor_over(m, m->src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (!quire_metadata_is_entry(m, &f, wanted)) continue;
        *out_value = part_of(m, &f, ENTRY_VALUE);
        found = true;
    }
    return found;
}

/* --- setting ---------------------------------------------------------------------------------- */

/* What is written must be readable again. */
static quire_status
check_text(quire_ctx *ctx, const char *key, quire_bytes text)
{
    quire_utf8 state = {0};
    if (quire_utf8_check(&state, text.ptr, text.len) == text.len && state.need == 0)
        return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_INVALID, NULL,
                      "the metadata entry \"%s\" to be written is no UTF-8 text without NUL; ONNX "
                      "files hold nothing else there",
                      key);
}

/* A list like the model's in which `e` stands at the place of its key, or last. */
static quire_status
list_with(quire_ctx *ctx, quire_model *m, const quire_metadata_edit *e,
          const quire_metadata_edit **out_list)
{
    const quire_metadata_edit *old = m->metadata;
    const quire_metadata_edit **link = out_list;
    bool placed = false;
    while (old != NULL || !placed) {
        quire_metadata_edit *copy;
        QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *copy, &copy));
        const bool here = old == NULL || quire_bytes_equal(old->key, e->key);
        *copy = here ? *e : *old;
        copy->next = NULL;
        placed |= here;
        *link = copy;
        link = &copy->next;
        if (old != NULL) old = old->next;
    }
    return QUIRE_OK;
}

quire_status
quire_model_set_metadata(quire_ctx *ctx, quire_model *m, const char *key, const quire_bytes *value)
{
    quire_metadata_edit e = {.removed = value == NULL};
    const quire_metadata_edit *list;
    QUIRE_TRY(check_text(ctx, key, quire_bytes_of(key)));
    if (value != NULL) QUIRE_TRY(check_text(ctx, key, *value));
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, quire_bytes_of(key), &e.key));
    if (value != NULL) QUIRE_TRY(quire_arena_copy(ctx, &m->arena, *value, &e.value));
    QUIRE_TRY(list_with(ctx, m, &e, &list));
    m->metadata = list;
    return QUIRE_OK;
}
