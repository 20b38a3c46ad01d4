/* service_select.c - quire.host.select/1: slots by the language of docs/selectors.md. */
#include "base/alloc.h"
#include "base/arena.h"
#include "passes/selector.h"
#include "plugin/services_inner.h"

enum { NEAREST_ROOM = 1000 };

/* What a selector found, or what of it is nearest; `work` fills it in. */
typedef struct selecting {
    quire_host_view *v;
    quire_selector *selector;
    quire_slot_order order;
} selecting;

static quire_status
begin(selecting *s, const char *function, quire_string expression)
{
    const quire_bytes text = {(const uint8_t *)expression.ptr, expression.len};
    const quire_status status =
        quire_selector_parse(&s->v->inner, text, NULL, QUIRE_E_USAGE, &s->selector);
    if (status == QUIRE_E_USAGE) quire_view_name_function(s->v, function);
    QUIRE_TRY(status);
    return quire_slot_order_make(&s->v->inner, s->v->m, &s->order);
}

static void
end(selecting *s)
{
    quire_selector_destroy(&s->v->inner, s->selector);
    quire_slot_order_deinit(&s->v->inner, &s->order);
}

static quire_status
find(const selecting *s, const quire_place **out_places, size_t *out_n)
{
    quire_slot *slots;
    quire_place *places;
    size_t n;
    QUIRE_TRY(quire_selector_find(&s->v->inner, s->selector, s->v->m, &s->order, &slots, &n));
    const quire_status status =
        quire_arena_take(&s->v->inner, s->v->arena, n * sizeof *places, &places);
    for (size_t k = 0; status == QUIRE_OK && k < n; k++)
        places[k] = (quire_place){slots[k].kind, slots[k].id};
    quire_free(s->v->inner.alloc, slots, n * sizeof *slots);
    QUIRE_TRY(status);
    *out_places = places;
    *out_n = n;
    return QUIRE_OK;
}

static quire_status
find_nearest(const selecting *s, quire_string *out_text)
{
    char nearest[NEAREST_ROOM] = "";
    quire_bytes kept;
    QUIRE_TRY(quire_selector_tell_nearest(&s->v->inner, s->selector, s->v->m, &s->order, nearest,
                                          sizeof nearest));
    QUIRE_TRY(quire_arena_copy(&s->v->inner, s->v->arena, quire_bytes_of(nearest), &kept));
    *out_text = (quire_string){(const char *)kept.ptr, kept.len};
    return QUIRE_OK;
}

static bool
may_begin(quire_host_view *v, const char *function, const void *out, quire_string expression)
{
    const quire_slot none = {0, 0};
    if (!quire_view_string(v, none, function, expression)) return false;
    if (out != NULL) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, none, "%s: found NULL for the result", function);
    return false;
}

static quire_status
select_slots(void *ctx, quire_string expression, const quire_place **out_places, size_t *out_n)
{
    quire_status status;
    selecting s = {.v = quire_service_enter(ctx, "select", QUIRE_CALL_TRANSFORM, &status)};
    const void *out = out_n == NULL ? NULL : (const void *)out_places;
    if (s.v == NULL) return status;
    if (!may_begin(s.v, "select", out, expression)) return s.v->fault;
    *out_places = NULL;
    *out_n = 0;
    status = begin(&s, "select", expression);
    if (status == QUIRE_OK) status = find(&s, out_places, out_n);
    end(&s);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(s.v, status);
}

static quire_status
nearest(void *ctx, quire_string expression, quire_string *out_text)
{
    quire_status status;
    selecting s = {.v = quire_service_enter(ctx, "nearest", QUIRE_CALL_TRANSFORM, &status)};
    if (s.v == NULL) return status;
    if (!may_begin(s.v, "nearest", out_text, expression)) return s.v->fault;
    *out_text = (quire_string){NULL, 0};
    status = begin(&s, "nearest", expression);
    if (status == QUIRE_OK) status = find_nearest(&s, out_text);
    end(&s);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(s.v, status);
}

void
quire_select_init(quire_services *s)
{
    s->select = (quire_host_select){.size = QUIRE_SIZE_TO(quire_host_select, nearest),
                                    .ctx = s,
                                    .select = select_slots,
                                    .nearest = nearest};
}
