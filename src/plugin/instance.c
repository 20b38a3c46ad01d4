/* instance.c - see instance.h. */
#include "plugin/instance.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "plugin/guard.h"
#include "plugin/host_view.h"
#include "plugin/services.h"

static const char *const callback_names[] = {
#define X(name, text) text,
    QUIRE_CALLBACKS(X)
#undef X
};

/* --- the tree ---------------------------------------------------------------------------------- */

/* Parents before their children; NULL ends. */
static quire_instance *
next_in_tree(const quire_instance *root, quire_instance *i)
{
    if (i->n_children > 0) return i->children[0];
    for (; i != root; i = i->parent) {
        if (i->number < i->parent->n_children) return i->parent->children[i->number];
    }
    return NULL;
}

quire_host_view *
quire_instance_view(quire_instance *i)
{
    return i->running == QUIRE_CALL_NONE ? NULL : &i->views[i->running];
}

quire_instance *
quire_instance_child(const quire_instance *i, uint32_t number)
{
    if (number == 0 || number > i->n_children) return NULL;
    quire_instance *child = i->children[number - 1];
    return child->is_created ? child : NULL;
}

quire_status
quire_instance_failed(quire_instance *i, quire_status status)
{
    if (i->failed == QUIRE_OK) i->failed = status;
    return i->failed;
}

/* --- what a call came to ------------------------------------------------------------------------ */

static quire_status
fail_view(quire_instance *i, quire_callback which)
{
    const quire_host_view *v = &i->views[which];
    const char *path = v->fault_path[0] != '\0' ? v->fault_path : NULL;
    return quire_host_fault(&i->host, callback_names[which], v->ends, path, "%s", v->fault_text);
}

static void
report_change(quire_instance *i, const char *changed)
{
    char text[200];
    if (changed == NULL) return;
    const int len = snprintf(text, sizeof text, "%s was left changed; it was put back", changed);
    i->host.table.report(i->host.table.ctx, QUIRE_WARNING, (quire_place){0, 0},
                         (quire_string){text, (size_t)len});
}

/* What failed in the tree: the deepest tells it, since a parent passes on what its child returned.
 * Each is NULL where there is none. */
typedef struct culprits {
    quire_instance *failed; /* told already */
    quire_instance *fault;  /* of a view */
    quire_instance *error;  /* reported by the plugin */
} culprits;

static void
blame(quire_instance **io_worst, quire_instance *i)
{
    if (*io_worst == NULL || i->depth > (*io_worst)->depth) *io_worst = i;
}

static culprits
find_culprits(quire_instance *root, quire_callback which)
{
    culprits c = {NULL, NULL, NULL};
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        if (i->failed != QUIRE_OK) blame(&c.failed, i);
        if (which != QUIRE_CALL_NONE && i->views[which].fault != QUIRE_OK) blame(&c.fault, i);
        if (quire_host_has_error(&i->host)) blame(&c.error, i);
    }
    return c;
}

static quire_status
tell_end(quire_instance *root, const char *name, quire_callback which, quire_status status)
{
    const culprits c = find_culprits(root, which);
    quire_instance *teller = c.error != NULL ? c.error : root;
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        if (i != teller || c.failed != NULL) quire_host_tell(&i->host, name);
    }
    if (c.failed != NULL) return c.failed->failed;
    if (c.fault != NULL) return fail_view(c.fault, which);
    if (status == QUIRE_NONE) {
        return quire_host_fault(&root->host, name, QUIRE_E_PLUGIN, NULL,
                                "returned QUIRE_NONE; allowed are QUIRE_OK and errors");
    }
    return quire_host_returned(&teller->host, name, status);
}

/* What the end of a callback of `root` means; `name` is for create, where `which` is none. Errors
 * beside the one that was told are forgotten. */
static quire_status
finish(quire_instance *root, const char *name, quire_callback which, quire_status status)
{
    char rest[4];
    const quire_status end = tell_end(root, name, which, status);
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i))
        (void)quire_host_take_error(&i->host, rest, sizeof rest);
    return end;
}

quire_instance *
quire_instance_editor(quire_instance *root)
{
    quire_instance *editor = NULL;
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        if (!i->views[QUIRE_CALL_TRANSFORM].has_edited) continue;
        if (editor != NULL) return root;
        editor = i;
    }
    return editor;
}

quire_status
quire_instance_check(quire_instance *root)
{
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        quire_services_settle(i);
        if (i->failed != QUIRE_OK) return i->failed;
        for (unsigned which = 0; which < QUIRE_N_CALLBACKS; which++) {
            quire_host_view_settle(&i->views[which]);
            if (i->views[which].fault != QUIRE_OK) return fail_view(i, (quire_callback)which);
        }
    }
    return QUIRE_OK;
}

/* --- creating ----------------------------------------------------------------------------------- */

static quire_status
check_quantizer(quire_ctx *ctx, const quire_quantizer *q)
{
    const char *missing = q->create == NULL     ? "create"
                          : q->destroy == NULL  ? "destroy"
                          : q->annotate == NULL ? "annotate"
                                                : NULL;
    if (missing == NULL) return QUIRE_OK;
    return quire_fail(ctx, QUIRE_E_PLUGIN, NULL,
                      "quantizer \"%s\" has no %s (NULL); create, destroy and annotate must be "
                      "there",
                      q->name, missing);
}

static const void *
get_service(void *data, const char *id)
{
    return quire_services_get(data, id);
}

static void
init_views(quire_instance *i)
{
    for (unsigned which = 0; which < QUIRE_N_CALLBACKS; which++) {
        i->views[which] = (quire_host_view){.ctx = i->ctx,
                                            .m = i->m,
                                            .who = i->who,
                                            .flags = i->known->of_flags ? i->known : NULL,
                                            .arena = &i->arena};
        i->graphs[which] = quire_host_graph_api(&i->views[which]);
    }
    i->edit = quire_host_edit_api(&i->views[QUIRE_CALL_TRANSFORM]);
    i->claims = quire_host_claim_api(&i->views[QUIRE_CALL_ANNOTATE]);
    i->resolved = quire_host_resolved_api(&i->views[QUIRE_CALL_VALIDATE]);
    i->groups = quire_host_group_api(&i->views[QUIRE_CALL_ADJUST]);
}

/* Everything that the end of a quire_instance_free undoes. */
static void
init(quire_instance *i, quire_ctx *ctx, quire_model *m, const quire_registry *registry,
     const quire_known_quantizer *known)
{
    *i = (quire_instance){.ctx = ctx,
                          .m = m,
                          .registry = registry,
                          .known = known,
                          .quantizer = known->quantizer,
                          .who = known->quantizer->name,
                          .running = QUIRE_CALL_NONE};
    quire_arena_init(&i->keep, ctx->alloc);
    quire_arena_init(&i->arena, ctx->alloc);
    quire_host_init(&i->host, ctx, m, known);
    i->host.service = get_service;
    i->host.service_data = i;
}

static quire_status
adopt(quire_instance *parent, quire_instance *i)
{
    quire_bytes who;
    QUIRE_TRY(quire_grow(i->ctx, &parent->children, &parent->children_room, parent->n_children + 1,
                         sizeof(quire_instance *)));
    parent->children[parent->n_children++] = i;
    i->parent = parent;
    i->number = (uint32_t)parent->n_children;
    i->depth = parent->depth + 1;
    QUIRE_TRY(quire_arena_format(i->ctx, &i->keep, &who, "%s/%u:%s", parent->who,
                                 (unsigned)i->number, i->quantizer->name));
    i->who = (const char *)who.ptr;
    i->host.who = i->who;
    i->host.where = parent->host.where;
    return QUIRE_OK;
}

/* The plugin's create, with what stands around it. */
static quire_status
call_create(quire_instance *i, const void *options)
{
    quire_guard guard;
    i->is_creating = true;
    quire_host_calls(&i->host, "create");
    quire_guard_enter(&guard);
    quire_status status = i->quantizer->create(&i->host.table, options, &i->self);
    const char *changed = quire_guard_leave(&guard);
    quire_services_settle(i);
    i->is_creating = false;
    i->is_created = status == QUIRE_OK;
    report_change(i, changed);
    return finish(i, "create", QUIRE_CALL_NONE, status);
}

static quire_status
create(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
       const quire_known_quantizer *known, const void *options, quire_instance *parent,
       quire_instance **out_instance)
{
    QUIRE_TRY(check_quantizer(ctx, known->quantizer));
    quire_instance *i = quire_alloc(ctx->alloc, sizeof *i);
    if (i == NULL) return quire_nomem(ctx);
    init(i, ctx, m, registry, known);
    if (parent != NULL) {
        const quire_status adopted = adopt(parent, i);
        if (i->parent == NULL) quire_instance_free(i);
        QUIRE_TRY(adopted);
    }
    *out_instance = i;
    init_views(i);
    QUIRE_TRY(quire_services_open(i));
    return call_create(i, options);
}

quire_status
quire_instance_create(quire_ctx *ctx, quire_model *m, const quire_registry *registry,
                      const quire_known_quantizer *known, const void *options,
                      quire_instance *parent, quire_instance **out_instance)
{
    *out_instance = NULL;
    if (parent != NULL && parent->failed != QUIRE_OK) return parent->failed;
    const quire_status status = create(ctx, m, registry, known, options, parent, out_instance);
    if (status != QUIRE_OK && parent != NULL) return quire_instance_failed(parent, status);
    return status;
}

/* --- destroying --------------------------------------------------------------------------------- */

/* The sentence of the first fault of its tables; NULL: there is none. */
static const char *
fault_of(quire_instance *i)
{
    for (unsigned which = 0; which < QUIRE_N_CALLBACKS; which++) {
        quire_host_view_settle(&i->views[which]);
        if (i->views[which].fault != QUIRE_OK) return i->views[which].fault_text;
    }
    return NULL;
}

/* A destroy cannot fail: what it is at fault for is a warning. */
static void
warn(quire_instance *i, const char *text)
{
    i->host.table.report(i->host.table.ctx, QUIRE_WARNING, (quire_place){0, 0},
                         (quire_string){text, strlen(text)});
}

static void
tell_destroy(quire_instance *i, const char *changed, bool was_at_fault)
{
    char error[1001];
    const bool has_error = quire_host_take_error(&i->host, error, sizeof error);
    report_change(i, changed);
    if (!was_at_fault && has_error) warn(i, error);
    if (!was_at_fault && fault_of(i) != NULL) warn(i, fault_of(i));
    quire_host_tell(&i->host, "destroy");
}

/* Recursion is bounded by the depth of children, 8; so it is below. */
void
quire_instance_destroy(quire_instance *i)
{
    quire_guard guard;
    for (size_t k = i->n_children; k-- > 0;)
        quire_instance_destroy(i->children[k]);
    if (!i->is_created) return;
    i->is_created = false;
    const bool was_at_fault = fault_of(i) != NULL;
    quire_host_calls(&i->host, "destroy");
    quire_guard_enter(&guard);
    i->quantizer->destroy(i->self);
    tell_destroy(i, quire_guard_leave(&guard), was_at_fault);
}

void
quire_instance_free(quire_instance *i)
{
    if (i == NULL) return;
    for (size_t k = 0; k < i->n_children; k++)
        quire_instance_free(i->children[k]);
    quire_ungrow(i->ctx->alloc, &i->children, &i->children_room, sizeof(quire_instance *));
    quire_services_close(i);
    quire_host_deinit(&i->host);
    quire_arena_deinit(&i->arena);
    quire_arena_deinit(&i->keep);
    quire_free(i->ctx->alloc, i, sizeof *i);
}

/* --- callbacks ---------------------------------------------------------------------------------- */

/* What the views of a callback work on; the members it has no use for are NULL. */
typedef struct matter {
    quire_run_result *result;
    const quire_resolved *resolved;
    struct quire_regroup *regroup;
} matter;

static void
begin(quire_instance *root, quire_callback which, const matter *on)
{
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        quire_host_view *v = &i->views[which];
        v->result = on->result;
        v->resolved = on->resolved;
        v->regroup = on->regroup;
        i->running = which;
        if (i->is_created) quire_host_view_open(v);
    }
}

static void
end(quire_instance *root, quire_callback which)
{
    for (quire_instance *i = root; i != NULL; i = next_in_tree(root, i)) {
        quire_services_settle(i);
        i->running = QUIRE_CALL_NONE;
        quire_host_view_close(&i->views[which]);
    }
}

static quire_status
invoke(quire_instance *i, quire_callback which)
{
    const quire_quantizer *q = i->quantizer;
    const quire_graph_api *graph = &i->graphs[which];
    switch (which) {
    case QUIRE_CALL_TRANSFORM: return q->transform(i->self, graph, &i->edit);
    case QUIRE_CALL_ANNOTATE: return q->annotate(i->self, graph, &i->claims);
    case QUIRE_CALL_VALIDATE: return q->validate(i->self, graph, &i->resolved);
    case QUIRE_CALL_ADJUST: return q->adjust(i->self, graph, &i->groups);
    case QUIRE_CALL_NONE: break;
    }
    return QUIRE_OK;
}

static quire_status
call(quire_instance *root, quire_callback which, const matter *on)
{
    quire_guard guard;
    begin(root, which, on);
    quire_host_calls(&root->host, callback_names[which]);
    quire_guard_enter(&guard);
    const quire_status status = invoke(root, which);
    const char *changed = quire_guard_leave(&guard);
    end(root, which);
    report_change(root, changed);
    return finish(root, callback_names[which], which, status);
}

quire_status
quire_instance_transform(quire_instance *i)
{
    const matter on = {NULL, NULL, NULL};
    return i->quantizer->transform == NULL ? QUIRE_OK : call(i, QUIRE_CALL_TRANSFORM, &on);
}

quire_status
quire_instance_annotate(quire_instance *i, quire_run_result *io_result)
{
    const matter on = {io_result, NULL, NULL};
    return call(i, QUIRE_CALL_ANNOTATE, &on);
}

static void
tell_findings(const quire_instance *i, const quire_run_result *r, size_t first)
{
    char path[300];
    for (size_t k = first; k < r->n_findings; k++) {
        const quire_finding *f = &r->findings[k];
        const quire_bytes text = quire_sym_bytes(i->m, f->text);
        quire_view_print_slot(i->ctx, i->m, f->slot, path, sizeof path);
        quire_tell(i->ctx, f->severity, path[0] != '\0' ? path : NULL, "quantizer \"%s\": %.*s",
                   (const char *)quire_sym_bytes(i->m, f->who).ptr, (int)text.len,
                   (const char *)text.ptr);
    }
}

quire_status
quire_instance_validate(quire_instance *i, const quire_resolved *r, quire_run_result *io_result)
{
    const matter on = {io_result, r, NULL};
    const size_t first = io_result->n_findings;
    if (i->quantizer->validate == NULL) return QUIRE_OK;
    QUIRE_TRY(call(i, QUIRE_CALL_VALIDATE, &on));
    tell_findings(i, io_result, first);
    return QUIRE_OK;
}

quire_status
quire_instance_adjust(quire_instance *i, struct quire_regroup *regroup, quire_run_result *io_result)
{
    const matter on = {io_result, NULL, regroup};
    return i->quantizer->adjust == NULL ? QUIRE_OK : call(i, QUIRE_CALL_ADJUST, &on);
}
