/* resolve_chain.c - why two annotations share: the links that lead from one to the other.
 *
 * The links of a group are a tree, so there is one path. The tree is turned towards `to`, breadth
 * first, and then followed from `from`.
 */
#include "passes/resolving.h"

typedef struct tree { /* of one group; members are counted from 0 */
    const quire_resolved *out;
    const quire_group *group;
    const quire_link *links; /* group->n_members - 1 */
    uint32_t *ends;          /* by link: 2 * k its a, 2 * k + 1 its b, as members */
    uint32_t *first, *next;  /* by member, by end: lists of ends at a member, + 1 */
    uint32_t *towards;       /* by member: its end of the link to follow, + 1; 0: not reached */
    uint32_t *queue;
} tree;

static uint32_t
member_of(const tree *t, uint32_t annotation)
{
    const uint32_t *members = t->out->members + t->group->members;
    uint32_t low = 0;
    uint32_t high = t->group->n_members - 1;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (members[mid] < annotation) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void
list_ends(tree *t)
{
    const uint32_t n_links = t->group->n_members - 1;
    for (uint32_t e = 0; e < 2 * n_links; e++) {
        const quire_link *link = &t->links[e / 2];
        t->ends[e] = member_of(t, e % 2 == 0 ? link->a : link->b);
        t->next[e] = t->first[t->ends[e]];
        t->first[t->ends[e]] = e + 1;
    }
}

static void
turn_towards(tree *t, uint32_t to)
{
    uint32_t n = 0;
    t->queue[n++] = to;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t e = t->first[t->queue[i]]; e != 0; e = t->next[e - 1]) {
            const uint32_t far_end = (e - 1) ^ 1;
            const uint32_t member = t->ends[far_end];
            if (member == to || t->towards[member] != 0) continue;
            t->towards[member] = far_end + 1;
            t->queue[n++] = member;
        }
    }
}

static quire_status
follow(quire_ctx *ctx, const tree *t, uint32_t from, uint32_t to, quire_link **out_links,
       size_t *out_n)
{
    size_t n = 0;
    for (uint32_t at = from; at != to; at = t->ends[(t->towards[at] - 1) ^ 1])
        n++;
    QUIRE_TRY(quire_take_array(ctx, n, sizeof **out_links, out_links));
    *out_n = n;
    uint32_t at = from;
    for (size_t i = 0; i < n; i++) {
        const uint32_t e = t->towards[at] - 1;
        const quire_link *link = &t->links[e / 2];
        (*out_links)[i] = e % 2 == 0 ? *link : (quire_link){link->kind, link->b, link->a};
        at = t->ends[e ^ 1];
    }
    return QUIRE_OK;
}

static quire_status
search(quire_ctx *ctx, tree *t, uint32_t from, uint32_t to, quire_link **out_links, size_t *out_n)
{
    const size_t n = t->group->n_members;
    QUIRE_TRY(quire_take_array(ctx, 2 * n, sizeof *t->ends, &t->ends));
    QUIRE_TRY(quire_take_filled(ctx, n, sizeof *t->first, 0, &t->first));
    QUIRE_TRY(quire_take_array(ctx, 2 * n, sizeof *t->next, &t->next));
    QUIRE_TRY(quire_take_filled(ctx, n, sizeof *t->towards, 0, &t->towards));
    QUIRE_TRY(quire_take_array(ctx, n, sizeof *t->queue, &t->queue));
    list_ends(t);
    turn_towards(t, member_of(t, to));
    return follow(ctx, t, member_of(t, from), member_of(t, to), out_links, out_n);
}

quire_status
quire_resolved_chain(quire_ctx *ctx, const quire_resolved *r, uint32_t from, uint32_t to,
                     quire_link **out_links, size_t *out_n)
{
    const uint32_t g = r->annotations[from].group;
    *out_links = NULL;
    *out_n = 0;
    if (g == QUIRE_NO_GROUP || g != r->annotations[to].group) {
        return quire_bug(ctx, "a chain between annotations %u and %u, which share no group",
                         (unsigned)from, (unsigned)to);
    }
    tree t = {.out = r, .group = &r->groups[g], .links = r->links + (r->groups[g].members - g)};
    const size_t n = t.group->n_members;
    const quire_status status = search(ctx, &t, from, to, out_links, out_n);
    quire_free(ctx->alloc, t.ends, 2 * n * sizeof *t.ends);
    quire_free(ctx->alloc, t.first, n * sizeof *t.first);
    quire_free(ctx->alloc, t.next, 2 * n * sizeof *t.next);
    quire_free(ctx->alloc, t.towards, n * sizeof *t.towards);
    quire_free(ctx->alloc, t.queue, n * sizeof *t.queue);
    return status;
}
