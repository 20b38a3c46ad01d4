/* test_regroup.c - groups that are edited, against plain arrays: test_regroup [SEQUENCES [FIRST SEED]]
 * | --replay SEED
 *
 * Random annotations of a random graph are resolved; random edits by three editors go to a
 * regrouping and to naive_groups.c, which must agree after each. Then the outcome is written down:
 * the resolution of what was written, and once more of its text read back, must be the same groups
 * with the same specs; exactly the groups that were edited, and those that would have joined them,
 * are written anew; and what they replace is kept as losers.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/parse.h"
#include "passes/regroup.h"
#include "property/naive_groups.h"
#include "support/fault.h"

enum { MOST_STEPS = 30, TEXT_ROOM = 16384, N_EDITORS = 3 };

static const char *const editors[N_EDITORS] = {"red", "green", "blue"};

typedef struct world {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
    quire_claims claims;
    quire_resolved r;
    quire_regroup *g;
    quire_account account;
    quire_sym who[N_EDITORS];
    naive_groups naive;
    quire_slot slots[NAIVE_SLOTS]; /* of naive.slots */
    int n_removed;
    uint64_t random;
    bool told, failed;
    char message[400];
    char model[TEXT_ROOM], requests[TEXT_ROOM];
} world;

static uint32_t
draw(world *w, uint32_t n)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->random >> 33) % n);
}

static void
told(const world *w, const char *format, ...)
{
    va_list args;
    if (!w->told) return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void
expect(world *w, bool good, const char *format, ...)
{
    va_list args;
    if (good || w->failed) return;
    w->failed = true;
    va_start(args, format);
    vsnprintf(w->message, sizeof w->message, format, args);
    va_end(args);
}

static void
append(char *text, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, TEXT_ROOM - used, format, args);
    va_end(args);
}

static quire_sym
sym_of(world *w, const char *text)
{
    quire_sym sym = {0};
    if (text[0] != '\0')
        expect(w, quire_syms_intern(&w->ctx, &w->m->syms, quire_bytes_of(text), &sym) == QUIRE_OK,
               "no symbol");
    return sym;
}

/* --- a graph ---------------------------------------------------------------------------------- */

static void
add_slot(world *w, naive_kind kind, int tensor, bool formal, const char *format, int a, int b)
{
    naive_slot *slot = &w->naive.slots[w->naive.n_slots++];
    *slot = (naive_slot){.kind = kind, .tensor = tensor, .formal = formal, .group = -1};
    snprintf(slot->name, sizeof slot->name, format, a, b);
}

/* Value v0, v1 are inputs; node k makes v[k + 2]. */
static void
add_node(world *w, int made)
{
    static const char *const ops[] = {"Relu", "Add", "Sum"};
    const int n = 1 + (int)draw(w, 3);
    append(w->model, "v%d = %s (", made, ops[n - 1]);
    for (int k = 0; k < n; k++) {
        const int from = draw(w, 2) ? made - 1 - (int)draw(w, 2) : (int)draw(w, (uint32_t)made);
        const int v = from < 0 ? 0 : from;
        append(w->model, "%sv%d", k > 0 ? ", " : "", v);
        add_slot(w, NAIVE_OPERAND, v, false, "v%d<-%d", made, k);
    }
    append(w->model, ")\n");
    add_slot(w, NAIVE_RESULT, made, false, "v%d", made, 0);
}

/* A body whose formal is tensor 100, and which reads v1 from outside. */
static void
add_loop(world *w, int made)
{
    append(w->model,
           "v%d = Loop (n, c, v0) <body = b (int64 i, bool k, float[2] f) => (bool k2, float[2] h) "
           "{ k2 = Identity (k) h = Add (f, v1) }>\n",
           made);
    add_slot(w, NAIVE_OPERAND, 0, false, "v%d<-2", made, 0);
    add_slot(w, NAIVE_RESULT, made, false, "v%d", made, 0);
    add_slot(w, NAIVE_RESULT, 100, true, "v%d/body/f", made, 0);
    add_slot(w, NAIVE_OPERAND, 100, false, "v%d/body/h<-0", made, 0);
    add_slot(w, NAIVE_OPERAND, 1, false, "v%d/body/h<-1", made, 0);
    add_slot(w, NAIVE_RESULT, 101, false, "v%d/body/h", made, 0);
    add_slot(w, NAIVE_OUTPUT, 101, true, "v%d/body/->1", made, 0);
}

static void
write_graph(world *w)
{
    const int n = 2 + (int)draw(w, 8);
    const int loop = draw(w, 2) ? 2 + (int)draw(w, (uint32_t)n) : -1;
    const int outputs[2] = {2 + (int)draw(w, (uint32_t)n), (int)draw(w, 2) ? 1 + n : 2};
    append(
        w->model,
        "<ir_version: 8, opset_import: [\"\" : 17]>\ng (float[2] v0, float[2] v1, int64 n, bool c) "
        "=> (float[2] v%d%s",
        outputs[0], outputs[1] != outputs[0] ? "" : ") {\n");
    if (outputs[1] != outputs[0]) append(w->model, ", float[2] v%d) {\n", outputs[1]);
    for (int v = 0; v < 2; v++)
        add_slot(w, NAIVE_RESULT, v, false, "v%d", v, 0);
    for (int made = 2; made < n + 2; made++)
        made == loop ? add_loop(w, made) : add_node(w, made);
    for (int k = 0; k < (outputs[1] != outputs[0] ? 2 : 1); k++)
        add_slot(w, NAIVE_OUTPUT, outputs[k], false, "->%d", k, 0);
    append(w->model, "}\n");
}

/* --- requests ----------------------------------------------------------------------------------- */

static void
write_spec(world *w, const int *annotated, int n)
{
    static const char *const specs[] = {
        "u8 tensor affine zp=int observer=minmax",
        "u8 tensor affine zp=int observer=minmax",
        "u8 tensor affine zp=int observer=histogram(bins=8)",
        "i8 tensor symmetric zp=none observer=minmax",
        "i8 axis=0 symmetric zp=none range=-127..127 observer=minmax",
        "u8 tensor affine zp=int fixed(0.5, 3)",
        "u8 tensor affine zp=int dynamic",
    };
    const uint32_t which = draw(w, 12);
    if (which < 2 && n > 0) {
        const int target = annotated[draw(w, (uint32_t)n)];
        append(w->requests, "= %s", w->naive.slots[target].name);
    } else if (which == 2 && n > 1) {
        append(w->requests, "i32 tensor symmetric zp=none derived bias(%s, %s)",
               w->naive.slots[annotated[draw(w, (uint32_t)n)]].name,
               w->naive.slots[annotated[draw(w, (uint32_t)n)]].name);
    } else {
        append(w->requests, "%s", specs[draw(w, sizeof specs / sizeof *specs)]);
    }
}

static void
write_requests(world *w)
{
    int annotated[NAIVE_SLOTS];
    int n = 0;
    append(w->requests, "quire-annotations 1\n");
    for (int i = 0; i < w->naive.n_slots; i++) {
        if (draw(w, 5) == 0) continue;
        const int priority = (int)draw(w, 4) - 1;
        append(w->requests, "%s ", w->naive.slots[i].name);
        const bool is_float = draw(w, 20) == 0;
        if (is_float) {
            append(w->requests, "float");
        } else {
            write_spec(w, annotated, n);
        }
        append(w->requests, " by %s !%d%s\n", draw(w, 3) ? "first" : "green", priority,
               draw(w, 4) == 0 ? " noshare" : "");
        if (draw(w, 6) == 0)
            append(w->requests, "%s u4 tensor affine zp=int by other !-5\n",
                   w->naive.slots[i].name);
        if (!is_float) annotated[n++] = i;
    }
}

static bool
read_text(world *w, const char *text, quire_claims *out)
{
    quire_slot_reader reader;
    if (quire_slot_reader_init(&w->ctx, w->m, QUIRE_MISSING_REFUSED, &reader) != QUIRE_OK)
        return false;
    const quire_status status = quire_claims_parse(&reader, quire_bytes_of(text), out);
    quire_slot_reader_deinit(&reader);
    return status == QUIRE_OK;
}

static quire_text
print_slot(world *w, quire_slot slot)
{
    quire_text text = {0};
    quire_writer out;
    quire_writer_to_text(&out, &w->ctx, &text);
    quire_slot_print(&out, w->m, slot);
    expect(w, quire_writer_finish(&out) == QUIRE_OK, "a slot is not printed");
    return text;
}

static quire_text
print_spec(world *w, uint32_t row)
{
    quire_text text = {0};
    quire_writer out;
    quire_writer_to_text(&out, &w->ctx, &text);
    quire_spec_print(&out, w->m, quire_spec_at(w->m, row));
    expect(w, quire_writer_finish(&out) == QUIRE_OK, "a spec is not printed");
    return text;
}

static quire_text
print_claims(world *w, const quire_claims *claims)
{
    quire_text text = {0};
    quire_writer out;
    quire_writer_to_text(&out, &w->ctx, &text);
    quire_claims_print(&out, w->m, claims);
    expect(w, quire_writer_finish(&out) == QUIRE_OK, "the text is not printed");
    return text;
}

/* --- beginning ---------------------------------------------------------------------------------- */

/* Puts the naive slots in the order of the resolution, those that are not annotated last, and
 * takes the groups over. */
static void
take_over(world *w)
{
    naive_groups *n = &w->naive;
    for (size_t i = 0; i < w->r.n_annotations; i++) {
        const quire_annotation *a = &w->r.annotations[i];
        quire_text text = print_slot(w, a->slot);
        int at = (int)i;
        while (at < n->n_slots && strcmp(n->slots[at].name, text.ptr) != 0)
            at++;
        expect(w, at < n->n_slots, "%s: unknown", text.ptr);
        quire_text_free(&w->ctx, &text);
        if (w->failed) return;
        const naive_slot found = n->slots[at];
        n->slots[at] = n->slots[i];
        n->slots[i] = found;
        n->slots[i].noshare = (a->flags & QUIRE_CLAIM_NOSHARE) != 0;
        n->slots[i].group = a->group == QUIRE_NO_GROUP ? -1 : (int)a->group;
        w->slots[i] = a->slot;
    }
    for (size_t k = 0; k < w->r.n_groups; k++) {
        quire_text text = print_spec(w, w->r.groups[k].spec);
        n->groups[n->n_groups++] = (naive_group){.spec = naive_spec_of(text.ptr), .editor = -1};
        quire_text_free(&w->ctx, &text);
    }
}

/* False: the requests are at odds with each other. */
static bool
start(world *w, uint64_t seed)
{
    w->ctx = fault_ctx(NULL, NULL, &w->log);
    w->random = seed * 0x9e3779b97f4a7c15u + 1;
    write_graph(w);
    write_requests(w);
    expect(w, quire_model_parse(&w->ctx, quire_bytes_of(w->model), NULL, &w->m) == QUIRE_OK,
           "the model does not read: %s", w->log.message);
    if (w->failed) return false;
    expect(w, read_text(w, w->requests, &w->claims), "the requests do not read: %s",
           w->log.message);
    if (w->failed) return false;
    const quire_status status = quire_resolve(&w->ctx, w->m, &w->claims, NULL, &w->r);
    if (status != QUIRE_OK) return false;
    for (int k = 0; k < N_EDITORS; k++)
        w->who[k] = sym_of(w, editors[k]);
    take_over(w);
    expect(w, quire_regroup_start(&w->ctx, w->m, &w->r, &w->g) == QUIRE_OK, "no start");
    return !w->failed;
}

static void
end(world *w)
{
    if (w->m == NULL) return;
    quire_regroup_destroy(&w->ctx, w->g);
    quire_account_deinit(&w->ctx, &w->account);
    quire_resolved_deinit(&w->ctx, &w->r);
    quire_claims_deinit(&w->ctx, &w->claims);
    quire_model_destroy(&w->ctx, w->m);
}

/* --- comparing ---------------------------------------------------------------------------------- */

static void
expect_spec(world *w, int group, uint32_t row, const char *where)
{
    const naive_spec *wanted = &w->naive.groups[group].spec;
    quire_text text = print_spec(w, row);
    char both[2 * NAIVE_TEXT];
    snprintf(both, sizeof both, "%s%s", wanted->base, wanted->tail);
    expect(w, strcmp(both, text.ptr) == 0, "%s: group %d is \"%s\", not \"%s\"", where, group,
           text.ptr, both);
    quire_text_free(&w->ctx, &text);
}

static void
compare_members(world *w, int group)
{
    const naive_groups *n = &w->naive;
    uint32_t at = 0;
    quire_slot slot;
    for (int i = 0; i < n->n_slots; i++) {
        if (n->slots[i].group != group) continue;
        expect(w,
               quire_regroup_next_member(w->g, (uint32_t)group, &at, &slot) &&
                   quire_slot_equal(slot, w->slots[i]),
               "%s is not the next member of group %d", n->slots[i].name, group);
    }
    expect(w, !quire_regroup_next_member(w->g, (uint32_t)group, &at, &slot),
           "group %d has more members", group);
}

/* `in_full`: sorts lists, which an edit does not. */
static void
compare(world *w, bool in_full)
{
    const naive_groups *n = &w->naive;
    expect(w, quire_regroup_n_groups(w->g) == (uint32_t)n->n_groups, "%u groups, not %d",
           quire_regroup_n_groups(w->g), n->n_groups);
    for (int i = 0; i < n->n_slots && !w->failed; i++) {
        const uint32_t group =
            w->slots[i].id == 0 ? QUIRE_NO_GROUP : quire_regroup_of(w->g, w->slots[i]);
        expect(w, group == (uint32_t)n->slots[i].group, "%s is in group %d, not %d",
               n->slots[i].name, (int)group, n->slots[i].group);
    }
    for (int k = 0; k < n->n_groups && !w->failed; k++) {
        const int size = naive_size(n, k);
        expect(w, quire_regroup_n_members(w->g, (uint32_t)k) == (uint32_t)size,
               "group %d has another size than %d", k, size);
        if (size > 0) expect_spec(w, k, quire_regroup_spec(w->g, (uint32_t)k), "edited");
        if (in_full) compare_members(w, k);
    }
}

/* --- edits -------------------------------------------------------------------------------------- */

static void
expect_outcome(world *w, quire_status got, naive_outcome wanted)
{
    const bool refused = got == QUIRE_E_USAGE || got == QUIRE_E_INVALID;
    const bool good = wanted == NAIVE_DONE   ? got == QUIRE_OK
                      : wanted == NAIVE_NONE ? got == QUIRE_NONE
                                             : refused;
    expect(w, good, "status %d, not %s", (int)got,
           wanted == NAIVE_DONE   ? "done"
           : wanted == NAIVE_NONE ? "none"
                                  : "refused");
    expect(w, w->log.n_errors == (refused ? 1u : 0u), "%u errors", (unsigned)w->log.n_errors);
    w->log.n_errors = 0;
}

static void
edit_fixed(world *w, int who)
{
    static const double scales[] = {0.5, 0.5, 0.125, 1, 3e-5, 0, -1, NAN, INFINITY};
    static const int64_t zero_points[] = {0, 0, 3, 3, 42, 255, 256, -1};
    const int group = (int)draw(w, (uint32_t)w->naive.n_groups);
    const double scale = scales[draw(w, sizeof scales / sizeof *scales)];
    const int64_t zero_point = zero_points[draw(w, sizeof zero_points / sizeof *zero_points)];
    told(w, "%s: set_fixed(%d, %g, %lld)", editors[who], group, scale, (long long)zero_point);
    const quire_status status =
        quire_regroup_set_fixed(&w->ctx, w->g, (uint32_t)group, scale, zero_point, w->who[who]);
    expect_outcome(w, status, naive_set_fixed(&w->naive, group, scale, zero_point, who));
}

static void
edit_observer(world *w, int who)
{
    static const char *const names[] = {"minmax", "minmax", "histogram", ""};
    static const char *const texts[] = {"", "bins=8"};
    const int group = (int)draw(w, (uint32_t)w->naive.n_groups);
    const char *name = names[draw(w, 4)];
    const char *text = texts[draw(w, 2)];
    told(w, "%s: set_observer(%d, %s, %s)", editors[who], group, name, text);
    const quire_status status = quire_regroup_set_observer(
        &w->ctx, w->g, (uint32_t)group, sym_of(w, name), sym_of(w, text), w->who[who]);
    expect_outcome(w, status, naive_set_observer(&w->naive, group, name, text, who));
}

static void
edit_detach(world *w, int who)
{
    const int slot = (int)draw(w, (uint32_t)w->r.n_annotations);
    uint32_t group = QUIRE_NO_GROUP;
    int wanted = -1;
    told(w, "%s: detach(%s)", editors[who], w->naive.slots[slot].name);
    const quire_status status =
        quire_regroup_detach(&w->ctx, w->g, w->slots[slot], w->who[who], &group);
    expect_outcome(w, status, naive_detach(&w->naive, slot, who, &wanted));
    expect(w, (int)group == wanted, "detached to %d, not %d", (int)group, wanted);
}

static void
edit_remove(world *w, int who)
{
    const int slot = (int)draw(w, (uint32_t)w->r.n_annotations);
    told(w, "%s: remove(%s)", editors[who], w->naive.slots[slot].name);
    const quire_status status = quire_regroup_remove(&w->ctx, w->g, w->slots[slot], w->who[who]);
    expect_outcome(w, status, naive_remove(&w->naive, slot, who));
    w->n_removed += status == QUIRE_OK;
}

static void
edit_join(world *w, int who)
{
    const int into = (int)draw(w, (uint32_t)w->naive.n_groups);
    const int from = (int)draw(w, (uint32_t)w->naive.n_groups);
    told(w, "%s: join(%d, %d)", editors[who], into, from);
    const quire_status status =
        quire_regroup_join(&w->ctx, w->g, (uint32_t)into, (uint32_t)from, w->who[who]);
    expect_outcome(w, status, naive_join(&w->naive, into, from, who));
}

/* --- what is written ---------------------------------------------------------------------------- */

/* The same groups and specs as the arrays have. */
static void
compare_resolved(world *w, const quire_resolved *r, const char *where)
{
    const naive_groups *n = &w->naive;
    int group_of[NAIVE_GROUPS];
    size_t n_groups = 0;
    memset(group_of, -1, sizeof group_of);
    for (int k = 0; k < n->n_groups; k++)
        n_groups += naive_size(n, k) > 0;
    expect(w, r->n_groups == n_groups, "%s: %zu groups, not %zu", where, r->n_groups, n_groups);
    for (int i = 0; i < n->n_slots && !w->failed; i++) {
        if (w->slots[i].id == 0) continue;
        const quire_annotation *a = quire_resolved_at(r, w->slots[i]);
        const int wanted = n->slots[i].group;
        const int group = a == NULL || a->group == QUIRE_NO_GROUP ? -1 : (int)a->group;
        expect(w, (group < 0) == (wanted < 0), "%s: %s is in group %d", where, n->slots[i].name,
               group);
        if (w->failed || wanted < 0) continue;
        if (group_of[wanted] < 0) group_of[wanted] = group;
        expect(w, group_of[wanted] == group, "%s: %s is not in group %d", where, n->slots[i].name,
               wanted);
        expect_spec(w, wanted, r->groups[group].spec, where);
    }
}

static bool
is_least(const naive_groups *n, int slot)
{
    for (int i = 0; i < slot; i++) {
        if (n->slots[i].group == n->slots[slot].group) return false;
    }
    return true;
}

/* Is the slot's annotation the one it had at first, and must it be? */
static void
expect_writer(world *w, int slot, const quire_annotation *before, const quire_claims *claims_before)
{
    const naive_groups *n = &w->naive;
    const int group = n->slots[slot].group;
    const quire_annotation *a = quire_resolved_at(&w->r, w->slots[slot]);
    const quire_claim *holds = &w->r.claims.ptr[a->claims];
    const bool written =
        quire_bytes_equal(quire_sym_bytes(w->m, holds->reason), quire_bytes_of("adjust"));
    const char *name = n->slots[slot].name;
    bool must = n->groups[group].editor >= 0;
    bool by_one_of_them = must && holds->who.id == w->who[n->groups[group].editor].id;
    for (int k = 0; k < n->n_groups && n->groups[group].editor < 0; k++) {
        if (n->groups[k].editor < 0 || !naive_would_join(n, group, k)) continue;
        must = true;
        by_one_of_them = by_one_of_them || holds->who.id == w->who[n->groups[k].editor].id;
    }
    expect(w, written == must, "%s: written down: %d, must be: %d", name, written, must);
    expect(w, a->priority == before->priority, "%s: another priority", name);
    if (!must) {
        expect(w,
               quire_spec_ref_equal(a->spec, before->spec) && a->flags == before->flags &&
                   a->n_sponsors == before->n_sponsors && a->n_losers == before->n_losers,
               "%s: changed, and nobody touched it", name);
        return;
    }
    bool kept = false;
    for (uint32_t k = 0; k < a->n_losers; k++)
        kept = kept ||
               quire_spec_ref_equal(holds[1 + k].spec, claims_before->ptr[before->claims].spec);
    kept = kept || quire_spec_ref_equal(holds->spec, claims_before->ptr[before->claims].spec);
    expect(w, a->n_sponsors == 1 && by_one_of_them, "%s: written down by another", name);
    expect(w, (a->spec.row != 0) == is_least(n, slot), "%s: the least slot carries the spec", name);
    expect(w, (a->flags & QUIRE_CLAIM_NOSHARE) != 0, "%s: written down without noshare", name);
    expect(w, kept, "%s: what it replaces is lost", name);
}

static void
compare_writers(world *w, const quire_resolved *before)
{
    for (size_t i = 0; i < before->n_annotations && !w->failed; i++) {
        if (w->naive.slots[i].group >= 0)
            expect_writer(w, (int)i, &before->annotations[i], &before->claims);
    }
}

static void
compare_text(world *w)
{
    quire_claims again = {0};
    quire_resolved r = {0};
    quire_text text = print_claims(w, &w->r.claims);
    expect(w, read_text(w, text.ptr, &again), "what was written does not read: %s\n%s",
           w->log.message, text.ptr);
    expect(w, quire_resolve(&w->ctx, w->m, &again, NULL, &r) == QUIRE_OK,
           "what was written does not resolve");
    if (!w->failed) {
        quire_text second = print_claims(w, &r.claims);
        compare_resolved(w, &r, "read back");
        expect(w, strcmp(text.ptr, second.ptr) == 0, "the text is no fixed point");
        quire_text_free(&w->ctx, &second);
    }
    told(w, "%s", text.ptr);
    quire_resolved_deinit(&w->ctx, &r);
    quire_claims_deinit(&w->ctx, &again);
    quire_text_free(&w->ctx, &text);
}

static void
write_down(world *w)
{
    quire_resolved before;
    /* What it was, since it is replaced: once more from the requests. */
    expect(w, quire_resolve(&w->ctx, w->m, &w->claims, NULL, &before) == QUIRE_OK, "no again");
    const quire_status status = quire_regroup_finish(&w->ctx, w->g, &w->r, &w->account);
    expect(w, status == QUIRE_OK, "not written down: %s", w->log.message);
    if (!w->failed) compare_resolved(w, &w->r, "written down");
    if (!w->failed) compare_writers(w, &before);
    if (!w->failed) compare_text(w);
    expect(w, w->account.n_findings == (size_t)w->n_removed, "%zu notes for %d removed slots",
           w->account.n_findings, w->n_removed);
    quire_resolved_deinit(&w->ctx, &before);
}

/* --- sequences ---------------------------------------------------------------------------------- */

typedef struct tally {
    size_t sequences, edits, odds;
} tally;

static void
play(world *w, tally *t)
{
    static void (*const kinds[])(world *, int) = {
        edit_fixed, edit_observer, edit_detach, edit_detach, edit_remove, edit_join, edit_join};
    const int n = (int)draw(w, MOST_STEPS + 1);
    const bool in_full = draw(w, 2) == 0;
    int who = 0;
    compare(w, true);
    for (int i = 0; i < n && !w->failed && w->naive.n_groups > 0; i++) {
        if (draw(w, 6) == 0) who = (int)draw(w, N_EDITORS);
        kinds[draw(w, sizeof kinds / sizeof *kinds)](w, who);
        compare(w, in_full);
        t->edits++;
    }
    compare(w, true);
    if (!w->failed) write_down(w);
    t->sequences++;
}

static bool
run(uint64_t seed, bool is_told, tally *t)
{
    static world w;
    w = (world){.told = is_told};
    const bool began = start(&w, seed);
    if (is_told) printf("%s%s", w.model, w.requests);
    if (began) play(&w, t);
    if (!began && !w.failed) t->odds++;
    end(&w);
    if (w.failed) printf("seed %llu: %s\n", (unsigned long long)seed, w.message);
    return !w.failed;
}

int
main(int argc, char **argv)
{
    tally t = {0};
    if (argc == 3 && strcmp(argv[1], "--replay") == 0)
        return run(strtoull(argv[2], NULL, 10), true, &t) ? EXIT_SUCCESS : EXIT_FAILURE;
    const size_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (; t.sequences < wanted; seed++) {
        if (!run(seed, false, &t)) return EXIT_FAILURE;
    }
    printf("%zu sequences of %zu edits agree; %zu requests were at odds\n", t.sequences, t.edits,
           t.odds);
    return t.edits > 5 * t.sequences ? EXIT_SUCCESS : EXIT_FAILURE;
}
