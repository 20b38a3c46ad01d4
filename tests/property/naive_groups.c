/* naive_groups.c - see naive_groups.h. Everything is looked for from scratch every time. */
#include "property/naive_groups.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- specs ------------------------------------------------------------------------------------ */

naive_spec
naive_spec_of(const char *text)
{
    static const char *const tails[] = {" observer=", " fixed(", " derived "};
    naive_spec spec = {0};
    size_t at = strlen(text);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        const char *found = strstr(text, tails[i]);
        if (found != NULL && (size_t)(found - text) < at) at = (size_t)(found - text);
    }
    snprintf(spec.base, sizeof spec.base, "%.*s", (int)at, text);
    snprintf(spec.tail, sizeof spec.tail, "%s", text + at);
    return spec;
}

static bool
is(const naive_spec *spec, const char *kind)
{
    return strncmp(spec->tail, kind, strlen(kind)) == 0;
}

static bool
agree(const naive_spec *a, const naive_spec *b)
{
    if (is(a, " derived") || is(b, " derived")) return false;
    if (is(a, " fixed") || is(b, " fixed"))
        return strcmp(a->base, b->base) == 0 && strcmp(a->tail, b->tail) == 0;
    return strcmp(a->base, b->base) == 0;
}

static bool
takes_zero_point(const naive_spec *spec, int64_t zero_point)
{
    if (strstr(spec->base, "zp=none") != NULL) return zero_point == 0;
    return zero_point >= 0 && zero_point <= 255; /* the affine ones are u8 */
}

/* --- looking ---------------------------------------------------------------------------------- */

int
naive_size(const naive_groups *g, int group)
{
    int n = 0;
    for (int i = 0; i < g->n_slots; i++)
        n += g->slots[i].group == group;
    return n;
}

/* Does the text of a derived spec name the slot? */
static bool
names(const naive_spec *spec, const char *slot)
{
    char first[60], second[60];
    if (!is(spec, " derived")) return false;
    snprintf(first, sizeof first, "(%s,", slot);
    snprintf(second, sizeof second, ", %s)", slot);
    return strstr(spec->tail, first) != NULL || strstr(spec->tail, second) != NULL;
}

bool
naive_is_source(const naive_groups *g, int slot)
{
    for (int k = 0; k < g->n_groups; k++) {
        if (naive_size(g, k) > 0 && names(&g->groups[k].spec, g->slots[slot].name)) return true;
    }
    return false;
}

/* Which groups does `group` derive from, itself only if by a circle? */
static void
find_reach(const naive_groups *g, int group, bool *out)
{
    bool more = true;
    memset(out, 0, NAIVE_GROUPS * sizeof *out);
    while (more) {
        more = false;
        for (int k = 0; k < g->n_groups; k++) {
            if (k != group && !out[k]) continue;
            for (int i = 0; i < g->n_slots; i++) {
                const int source = g->slots[i].group;
                if (source < 0 || out[source] || !names(&g->groups[k].spec, g->slots[i].name))
                    continue;
                out[source] = more = true;
            }
        }
    }
}

bool
naive_would_join(const naive_groups *g, int group, int edited)
{
    for (int x = 0; x < g->n_slots; x++) {
        const naive_slot *a = &g->slots[x];
        if (a->group != group || a->kind != NAIVE_OPERAND || a->noshare) continue;
        for (int t = 0; t < g->n_slots; t++) {
            const naive_slot *b = &g->slots[t];
            if (b->group == edited && b->tensor == a->tensor && b->kind != NAIVE_RESULT &&
                !b->formal && agree(&g->groups[group].spec, &g->groups[edited].spec))
                return true;
        }
    }
    return false;
}

/* --- edits ------------------------------------------------------------------------------------ */

static naive_outcome
set(naive_groups *g, int group, const naive_spec *spec, int who)
{
    naive_group *at = &g->groups[group];
    if (strcmp(at->spec.base, spec->base) == 0 && strcmp(at->spec.tail, spec->tail) == 0)
        return NAIVE_DONE;
    at->spec = *spec;
    at->editor = who;
    return NAIVE_DONE;
}

naive_outcome
naive_set_fixed(naive_groups *g, int group, double scale, int64_t zero_point, int who)
{
    if (naive_size(g, group) == 0) return NAIVE_NONE;
    naive_spec spec = g->groups[group].spec;
    char *dynamic = strstr(spec.base, " dynamic");
    if (strstr(spec.base, " tensor ") == NULL || !takes_zero_point(&spec, zero_point) ||
        !isfinite(scale) || scale <= 0)
        return NAIVE_REFUSED;
    if (dynamic != NULL) *dynamic = '\0';
    snprintf(spec.tail, sizeof spec.tail, " fixed(%g, %lld)", scale, (long long)zero_point);
    return set(g, group, &spec, who);
}

naive_outcome
naive_set_observer(naive_groups *g, int group, const char *observer, const char *options, int who)
{
    if (naive_size(g, group) == 0) return NAIVE_NONE;
    naive_spec spec = g->groups[group].spec;
    const bool none = observer[0] == '\0';
    const bool plain = none || options[0] == '\0';
    if (is(&spec, " derived")) return NAIVE_REFUSED;
    snprintf(spec.tail, sizeof spec.tail, "%s%s%s%s%s", none ? "" : " observer=", observer,
             plain ? "" : "(", plain ? "" : options, plain ? "" : ")");
    return set(g, group, &spec, who);
}

naive_outcome
naive_detach(naive_groups *g, int slot, int who, int *out_group)
{
    const int from = g->slots[slot].group;
    if (from < 0) return NAIVE_NONE;
    *out_group = from;
    if (naive_size(g, from) == 1) return NAIVE_DONE;
    *out_group = g->n_groups++;
    g->groups[*out_group] = g->groups[from];
    g->slots[slot].group = *out_group;
    g->groups[from].editor = g->groups[*out_group].editor = who;
    return NAIVE_DONE;
}

naive_outcome
naive_remove(naive_groups *g, int slot, int who)
{
    const int from = g->slots[slot].group;
    if (from < 0) return NAIVE_NONE;
    if (naive_is_source(g, slot)) return NAIVE_REFUSED;
    g->slots[slot].group = -1;
    g->groups[from].editor = who;
    return NAIVE_DONE;
}

naive_outcome
naive_join(naive_groups *g, int into, int from, int who)
{
    static bool reach[NAIVE_GROUPS];
    const naive_groups before = *g;
    if (naive_size(g, into) == 0 || naive_size(g, from) == 0) return NAIVE_NONE;
    if (into == from) return NAIVE_DONE;
    for (int i = 0; i < g->n_slots; i++) {
        if (g->slots[i].group == from) g->slots[i].group = into;
    }
    find_reach(g, into, reach);
    if (reach[into]) {
        *g = before;
        return NAIVE_REFUSED;
    }
    g->groups[into].editor = who;
    return NAIVE_DONE;
}
