/* host_claims.c - what annotate may say: claims, nodes that are left alone; and what was claimed
 * before.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "plugin/host_view.h"

enum { MAX_REASON_CODE = 64, FLAG_TEXT_ROOM = 1000 };

/* --- claims ------------------------------------------------------------------------------------- */

static bool
check_claim(quire_host_view *v, quire_slot slot, uint32_t flags, quire_string rule)
{
    if (slot.kind == QUIRE_SLOT_USE && quire_slot_value(v->m, slot).id == 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "claim: the node omits this operand; ask for operands whose value "
                                "is not 0");
        return false;
    }
    if ((flags & ~(uint32_t)QUIRE_CLAIM_NO_IMPLICIT_SHARING) != 0) {
        (void)quire_view_refuse(v, QUIRE_E_USAGE, slot,
                                "claim: flags: found 0x%" PRIx32 "; allowed are 0 and "
                                "QUIRE_CLAIM_NO_IMPLICIT_SHARING",
                                flags);
        return false;
    }
    return quire_view_string(v, slot, "claim: rule", rule);
}

_Static_assert((int)QUIRE_CLAIM_NO_IMPLICIT_SHARING == (int)QUIRE_CLAIM_NOSHARE,
               "plugin.h and claim.h have one number for it");

static quire_status
claim(void *ctx, quire_place place, const quire_qspec *spec, int32_t priority, uint32_t flags,
      quire_string rule)
{
    quire_host_view *v = ctx;
    quire_claim made = {.priority = priority, .flags = flags};
    if (!quire_view_enter(v, "claim") || !quire_view_slot(v, "claim", place, &made.slot) ||
        !check_claim(v, made.slot, flags, rule))
        return quire_view_answer(v);
    if (!quire_view_file(v, "claim")) return quire_view_answer(v);
    QUIRE_TRY(quire_view_spec_in(v, "claim", made.slot, spec, &made.spec));
    QUIRE_TRY(quire_view_intern(v, rule, &made.reason));
    QUIRE_TRY(quire_view_who(v, &made.who));
    const quire_status status = quire_claims_add(&v->inner, &v->result->claims, &made);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

/* --- nodes that are left alone ------------------------------------------------------------------- */

static bool
is_code(quire_string s)
{
    if (s.len == 0 || s.len > MAX_REASON_CODE) return false;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || strchr("-._:/", c) == NULL)) return false;
    }
    return true;
}

static bool
check_skip(quire_host_view *v, quire_string reason, quire_string text)
{
    const quire_slot none = {0, 0};
    if (!quire_view_string(v, none, "skip: reason", reason) ||
        !quire_view_string(v, none, "skip: text", text))
        return false;
    if (is_code(reason)) return true;
    (void)quire_view_refuse(v, QUIRE_E_USAGE, none,
                            "skip: reason: found \"%.*s\"; allowed is a code of small letters, "
                            "digits and -._:/ of up to %d bytes, such as not-constant",
                            reason.len < 100 ? (int)reason.len : 100,
                            reason.len > 0 ? reason.ptr : "", MAX_REASON_CODE);
    return false;
}

/* A text about an option that was given as a flag names the flag. */
static quire_status
intern_text(quire_host_view *v, quire_string text, quire_sym *out)
{
    char room[FLAG_TEXT_ROOM] = "--";
    const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
    const bool of_flag = v->flags != NULL && quire_known_names_flag(v->flags, bytes);
    if (!of_flag || text.len > sizeof room - 2) return quire_view_intern(v, text, out);
    memcpy(room + 2, text.ptr, text.len);
    return quire_view_intern(v, (quire_string){room, text.len + 2}, out);
}

static quire_status
skip(void *ctx, quire_node_id node, quire_string reason, quire_string text)
{
    quire_host_view *v = ctx;
    quire_skip made = {.node = {node}};
    if (!quire_view_enter(v, "skip") || !quire_view_node(v, "skip", node) ||
        !check_skip(v, reason, text) || !quire_view_file(v, "skip"))
        return quire_view_answer(v);
    QUIRE_TRY(quire_view_who(v, &made.who));
    QUIRE_TRY(quire_view_intern(v, reason, &made.reason));
    QUIRE_TRY(intern_text(v, text, &made.text));
    quire_run_result *r = v->result;
    const quire_status status =
        quire_grow(&v->inner, &r->skips, &r->skips_room, r->n_skips + 1, sizeof *r->skips);
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    r->skips[r->n_skips++] = made;
    return QUIRE_OK;
}

/* --- what was claimed before --------------------------------------------------------------------- */

/* The claims of those that ran before, slot by slot: those of key k are claims[first[k] ..
 * first[k + 1]), as indices into the result's, in order. Keys are values, then uses. */
typedef struct quire_host_earlier {
    uint32_t *first;
    uint32_t *claims;
} quire_host_earlier;

/* False for a slot that only a text names. */
static bool
key_of(const quire_model *m, quire_slot slot, size_t *out_key)
{
    *out_key = slot.kind == QUIRE_SLOT_RESULT ? slot.id : (size_t)m->values.count + slot.id;
    return slot.kind == QUIRE_SLOT_RESULT || slot.kind == QUIRE_SLOT_USE;
}

/* Counting sort; linear in slots and claims. */
static void
sort_claims(const quire_host_view *v, quire_host_earlier *e, size_t n_keys)
{
    const quire_claim *claims = v->result->claims.ptr;
    size_t key;
    for (size_t i = 0; i < v->n_earlier; i++) {
        if (key_of(v->m, claims[i].slot, &key)) e->first[key + 1]++;
    }
    for (size_t k = 0; k < n_keys; k++)
        e->first[k + 1] += e->first[k];
    e->first[n_keys + 1] = e->first[n_keys];
    for (size_t i = v->n_earlier; i-- > 0;) { /* from behind: first[key + 1] sinks to its start */
        if (key_of(v->m, claims[i].slot, &key)) e->claims[--e->first[key + 1]] = (uint32_t)i;
    }
}

static quire_status
find_earlier(quire_host_view *v)
{
    const size_t n_keys = (size_t)v->m->values.count + v->m->uses.count;
    quire_host_earlier *e;
    if (v->earlier != NULL) return QUIRE_OK;
    quire_status status = quire_arena_take(&v->inner, v->arena, sizeof *e, &e);
    if (status == QUIRE_OK) {
        status = quire_arena_take(&v->inner, v->arena, (n_keys + 2) * sizeof *e->first, &e->first);
    }
    if (status == QUIRE_OK) {
        status =
            quire_arena_take(&v->inner, v->arena, v->n_earlier * sizeof *e->claims, &e->claims);
    }
    if (status != QUIRE_OK) return quire_view_failed(v, status);
    sort_claims(v, e, n_keys);
    v->earlier = e;
    return QUIRE_OK;
}

static quire_status
claimed(void *ctx, quire_place place, uint32_t k, quire_string *out_who, quire_qspec *out_spec)
{
    quire_host_view *v = ctx;
    quire_slot slot;
    size_t key;
    if (!quire_view_enter(v, "claimed") || !quire_view_slot(v, "claimed", place, &slot))
        return quire_view_answer(v);
    QUIRE_TRY(find_earlier(v));
    (void)key_of(v->m, slot, &key);
    const uint32_t begin = v->earlier->first[key + 1];
    const uint32_t end = v->earlier->first[key + 2];
    if (k >= end - begin) return QUIRE_NONE;
    const quire_claim *found = &v->result->claims.ptr[v->earlier->claims[begin + k]];
    if (out_who != NULL) *out_who = quire_view_text(v, found->who);
    if (out_spec == NULL) return QUIRE_OK;
    const quire_spec spec = quire_spec_of_ref(v->m, found->spec);
    return quire_view_spec_out(v, &spec, out_spec);
}

/* --- types --------------------------------------------------------------------------------------- */

static int32_t
type(void *ctx, quire_string text)
{
    quire_host_view *v = ctx;
    if (!quire_view_enter(v, "type") ||
        !quire_view_string(v, (quire_slot){0, 0}, "type: text", text))
        return 0;
    return quire_spec_type_find((quire_bytes){(const uint8_t *)text.ptr, text.len});
}

/* --- texts --------------------------------------------------------------------------------------- */

static quire_status
print_spec(quire_host_view *v, quire_spec_ref ref, quire_string *out_text)
{
    const quire_spec spec = quire_spec_of_ref(v->m, ref);
    quire_text made;
    quire_writer w;
    quire_bytes kept;
    quire_writer_to_text(&w, &v->inner, &made);
    quire_spec_print(&w, v->m, &spec);
    quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK)
        status = quire_arena_copy(&v->inner, v->arena,
                                  (quire_bytes){(const uint8_t *)made.ptr, made.len}, &kept);
    quire_text_free(&v->inner, &made);
    QUIRE_TRY(status);
    *out_text = (quire_string){(const char *)kept.ptr, kept.len};
    return QUIRE_OK;
}

static quire_status
spec_text(void *ctx, const quire_qspec *spec, quire_string *out_text)
{
    quire_host_view *v = ctx;
    const quire_slot none = {0, 0};
    quire_spec_ref ref;
    if (!quire_view_enter(v, "text")) return quire_view_answer(v);
    if (out_text == NULL)
        return quire_view_refuse(v, QUIRE_E_USAGE, none, "text: out_text: found NULL");
    QUIRE_TRY(quire_view_spec_in(v, "text", none, spec, &ref));
    const quire_status status = print_spec(v, ref, out_text);
    return status == QUIRE_OK ? QUIRE_OK : quire_view_failed(v, status);
}

quire_claim_api
quire_host_claim_api(quire_host_view *view)
{
    return (quire_claim_api){.size = QUIRE_SIZE_TO(quire_claim_api, text),
                             .ctx = view,
                             .claim = claim,
                             .skip = skip,
                             .claimed = claimed,
                             .type = type,
                             .text = spec_text};
}
