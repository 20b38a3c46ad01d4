/* service_quantizers.c - quire.host.quantizers/1: quantizers inside a quantizer. */
#include <stdio.h>

#include "base/diag.h"
#include "plugin/options.h"
#include "plugin/services_inner.h"

enum { MAX_DESCENDANTS = 256 };

/* --- create ----------------------------------------------------------------------------------- */

static quire_services *
root_of(quire_services *s)
{
    const quire_instance *i = s->i;
    while (i->parent != NULL)
        i = i->parent;
    return i->services;
}

static quire_status
check_call(quire_services *s, quire_string text, const quire_child *out)
{
    const quire_instance *i = s->i;
    uint32_t size = 0;
    if (!i->is_creating)
        return quire_service_fail(s, QUIRE_E_PLUGIN,
                                  "create of quire.host.quantizers/1 was called; it is there in "
                                  "the quantizer's own create alone");
    if (out != NULL) memcpy(&size, out, sizeof size);
    if (size < QUIRE_SIZE_TO(quire_child, who) || size > QUIRE_HOST_MAX_STRUCT)
        return quire_service_fail(s, QUIRE_E_PLUGIN,
                                  "create: out_child: found size %u; set it to sizeof the struct",
                                  (unsigned)size);
    if (text.len > QUIRE_HOST_MAX_STRING || (text.ptr == NULL && text.len > 0))
        return quire_service_fail(s, QUIRE_E_PLUGIN,
                                  "create: text: found %zu bytes at %s; allowed "
                                  "are %d",
                                  text.len, text.ptr == NULL ? "NULL" : "an address",
                                  QUIRE_HOST_MAX_STRING);
    if (i->registry == NULL)
        return quire_service_fail(s, QUIRE_E_PLUGIN, "create: there are no other quantizers here");
    if (i->depth >= QUIRE_MAX_CHILD_DEPTH)
        return quire_service_fail(
            s, QUIRE_E_USAGE, "a quantizer in \"%.*s\" would be one too deep: they go %d deep",
            text.len < 100 ? (int)text.len : 100, text.ptr, QUIRE_MAX_CHILD_DEPTH);
    if (root_of(s)->n_descendants >= MAX_DESCENDANTS)
        return quire_service_fail(s, QUIRE_E_USAGE, "there are more than %d quantizers inside one",
                                  MAX_DESCENDANTS);
    return QUIRE_OK;
}

/* The quantizer that `text` names, and its options, which live as long as the parent. */
static quire_status
read_text(quire_ctx *ctx, quire_instance *parent, quire_string text,
          const quire_known_quantizer **out_known, void **out_options)
{
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(ctx, &parent->keep,
                               (quire_bytes){(const uint8_t *)text.ptr, text.len}, &copy));
    const uint8_t *colon = copy.len > 0 ? memchr(copy.ptr, ':', copy.len) : NULL;
    const size_t len = colon != NULL ? (size_t)(colon - copy.ptr) : copy.len;
    const size_t behind = colon != NULL ? len + 1 : len;
    const quire_bytes options = {copy.ptr + behind, copy.len - behind};
    QUIRE_TRY(quire_registry_get(ctx, parent->registry, (quire_bytes){copy.ptr, len}, out_known));
    return quire_options_parse(ctx, (*out_known)->quantizer, options, &parent->keep, out_options);
}

static void
give(const quire_instance *child, quire_child *out)
{
    *out = (quire_child){.size = QUIRE_SIZE_TO(quire_child, who),
                         .number = child->number,
                         .quantizer = child->quantizer,
                         .self = child->self,
                         .who = {child->who, strlen(child->who)}};
}

static quire_status
create(void *ctx, quire_string text, quire_child *out_child)
{
    quire_services *s = ctx;
    quire_instance *i = s->i, *child;
    const quire_known_quantizer *known = NULL;
    void *options = NULL;
    quire_caught c;
    quire_ctx inner = quire_service_catch(s, &c);
    if (!quire_service_at_home(s, "create of quire.host.quantizers/1")) return QUIRE_E_USAGE;
    if (i->failed != QUIRE_OK) return i->failed;
    QUIRE_TRY(check_call(s, text, out_child));
    const quire_status read = read_text(&inner, i, text, &known, &options);
    if (read != QUIRE_OK) return quire_service_fail(s, read, "%s", c.text);
    root_of(s)->n_descendants++;
    QUIRE_TRY(quire_instance_create(i->ctx, i->m, i->registry, known, options, i, &child));
    give(child, out_child);
    return QUIRE_OK;
}

/* --- what children get ------------------------------------------------------------------------ */

/* Never fails: an unknown number, or another thread, is passed over. */
static void
destroy(void *ctx, uint32_t number)
{
    quire_services *s = ctx;
    if (!quire_service_at_home(s, "destroy of quire.host.quantizers/1")) return;
    quire_instance *child = quire_instance_child(s->i, number);
    if (child != NULL) quire_instance_destroy(child);
}

/* The child, if `which` runs; QUIRE_CALL_NONE: any callback with tables. */
static quire_instance *
child_in(quire_services *s, uint32_t number, quire_callback which, const char *function)
{
    if (!quire_service_at_home(s, function)) return NULL;
    const quire_callback running = s->i->running;
    if (running == QUIRE_CALL_NONE || (which != QUIRE_CALL_NONE && which != running)) return NULL;
    return quire_instance_child(s->i, number);
}

static const quire_graph_api *
graph(void *ctx, uint32_t number)
{
    const quire_instance *child = child_in(ctx, number, QUIRE_CALL_NONE, "graph");
    return child == NULL ? NULL : &child->graphs[child->running];
}

static const quire_edit_api *
edits(void *ctx, uint32_t number)
{
    const quire_instance *child = child_in(ctx, number, QUIRE_CALL_TRANSFORM, "edits");
    return child == NULL ? NULL : &child->edit;
}

/* The brothers' claims until now become earlier ones. */
static const quire_claim_api *
claims(void *ctx, uint32_t number)
{
    quire_instance *child = child_in(ctx, number, QUIRE_CALL_ANNOTATE, "claims");
    if (child == NULL) return NULL;
    quire_host_view *v = &child->views[QUIRE_CALL_ANNOTATE];
    v->n_earlier = v->result->claims.n;
    v->earlier = NULL;
    return &child->claims;
}

static const quire_resolved_api *
resolved(void *ctx, uint32_t number)
{
    const quire_instance *child = child_in(ctx, number, QUIRE_CALL_VALIDATE, "resolved");
    return child == NULL ? NULL : &child->resolved;
}

static const quire_group_api *
groups(void *ctx, uint32_t number)
{
    const quire_instance *child = child_in(ctx, number, QUIRE_CALL_ADJUST, "groups");
    return child == NULL ? NULL : &child->groups;
}

/* Is the claim one of the child's, or of a child of it? */
static bool
is_of(const quire_host_view *v, const quire_instance *child, const quire_claim *claim)
{
    const quire_bytes who = quire_sym_bytes(v->m, claim->who);
    const size_t len = strlen(child->who);
    return who.len >= len && memcmp(who.ptr, child->who, len) == 0 &&
           (who.len == len || who.ptr[len] == '/');
}

/* Index of claim k of the child, or n of the claims. What was found last is where the search for a
 * later one begins. Claims from before this annotate may have the same names. */
static size_t
find_claim(quire_services *s, const quire_host_view *v, const quire_instance *child, uint32_t k)
{
    const quire_claims *all = &v->result->claims;
    quire_last_claim *last = &s->last_claim;
    if (last->child != child->number || last->k > k || last->first != v->n_earlier)
        *last = (quire_last_claim){child->number, 0, v->n_earlier, v->n_earlier};
    for (; last->at < all->n; last->at++) {
        if (!is_of(v, child, &all->ptr[last->at])) continue;
        if (last->k == k) break;
        last->k++;
    }
    return last->at;
}

static quire_status
claimed(void *ctx, uint32_t number, uint32_t k, quire_place *out_place, quire_string *out_who,
        quire_qspec *out_spec)
{
    quire_services *s = ctx;
    quire_status status;
    quire_host_view *v = quire_service_enter(s, "claimed", QUIRE_CALL_ANNOTATE, &status);
    if (v == NULL) return status;
    const quire_instance *child = quire_instance_child(s->i, number);
    if (child == NULL || s->i->running != QUIRE_CALL_ANNOTATE)
        return quire_view_refuse(v, QUIRE_E_USAGE, (quire_slot){0, 0},
                                 "claimed: found child %u; it takes the number of a child, in "
                                 "annotate",
                                 (unsigned)number);
    const size_t at = find_claim(s, v, child, k);
    if (at == v->result->claims.n) return QUIRE_NONE;
    const quire_claim *found = &v->result->claims.ptr[at];
    if (out_place != NULL) *out_place = (quire_place){found->slot.kind, found->slot.id};
    if (out_who != NULL) *out_who = quire_view_text(v, found->who);
    if (out_spec == NULL) return QUIRE_OK;
    const quire_spec spec = quire_spec_of_ref(v->m, found->spec);
    return quire_view_spec_out(v, &spec, out_spec);
}

void
quire_quantizers_init(quire_services *s)
{
    s->quantizers = (quire_host_quantizers){.size = QUIRE_SIZE_TO(quire_host_quantizers, claimed),
                                            .ctx = s,
                                            .create = create,
                                            .destroy = destroy,
                                            .graph = graph,
                                            .edits = edits,
                                            .claims = claims,
                                            .resolved = resolved,
                                            .groups = groups,
                                            .claimed = claimed};
}
