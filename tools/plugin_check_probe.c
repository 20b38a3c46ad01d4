/* plugin_check_probe.c - a quantizer that stands between the host and the plugin's: it hands every
 * call on, with memory, options and tables of its own making, and looks at what comes back.
 *
 * The session of the host runs it as it would run any other. That it can be written against
 * plugin.h alone is why it sees what plugins see.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "plugin/options.h"
#include "plugin/run.h"
#include "plugin_check.h"

/* --- memory ----------------------------------------------------------------------------------- */

void *
kit_lock(const void *bytes, size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t alignment = _Alignof(max_align_t);
    const size_t need = (n + alignment - 1) / alignment * alignment;
    const size_t size = (need + page - 1) / page * page;
    uint8_t *at =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) abort();
    /* As near to the end as alignment allows; what is behind cannot be read. */
    uint8_t *copy = at + size - need;
    if (n > 0) memcpy(copy, bytes, n);
    (void)mprotect(at, size, PROT_READ);
    (void)mprotect(at + size, page, PROT_NONE);
    return copy;
}

typedef struct block { /* in front of what the plugin gets */
    size_t size, mark;
} block;
enum { MARK = 0x51f17e }; /* a block that lives */

static void
breach(kit_probe *p, const char *format, size_t a, size_t b)
{
    if (p->breach[0] == '\0') snprintf(p->breach, sizeof p->breach, format, a, b);
}

static void *
probe_realloc_locked(kit_probe *p, void *ptr, size_t old_size, size_t new_size)
{
    block *old = ptr != NULL && old_size != 0 ? (block *)ptr - 1 : NULL;
    if (old != NULL && old->mark != MARK) {
        breach(p, "realloc: memory is given back that is not held", 0, 0);
        return NULL;
    }
    if (old != NULL && old->size != old_size)
        breach(p, "realloc: told that a block of %zu bytes has %zu", old->size, old_size);
    if (new_size != 0 && p->n_allocs++ == p->fail_alloc) {
        p->has_failed = true;
        return NULL;
    }
    block *new = NULL;
    if (new_size != 0) {
        new = malloc(sizeof *new + new_size);
        if (new == NULL) return NULL;
        *new = (block){new_size, MARK};
        memset(new + 1, 0xa5, new_size);
        if (old != NULL) memcpy(new + 1, old + 1, old->size < new_size ? old->size : new_size);
    }
    p->live += (long)new_size - (old != NULL ? (long)old->size : 0);
    p->n_blocks += (new != NULL ? 1 : 0) - (old != NULL ? 1 : 0);
    if (old != NULL) {
        old->mark = 0;
        memset(old + 1, 0xa5, old->size);
        free(old);
    }
    return new != NULL ? new + 1 : NULL;
}

static void *
probe_realloc(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    kit_probe *p = ctx;
    pthread_mutex_lock(&p->lock);
    void *result = probe_realloc_locked(p, ptr, old_size, new_size);
    pthread_mutex_unlock(&p->lock);
    return result;
}

/* --- the host table --------------------------------------------------------------------------- */

static void
probe_report(void *ctx, quire_severity severity, quire_place where, quire_string message)
{
    kit_probe *p = ctx;
    pthread_mutex_lock(&p->lock);
    if (severity == QUIRE_ERROR) p->n_errors++;
    if (message.len == 0 && p->silence[0] == '\0')
        snprintf(p->silence, sizeof p->silence, "%s reports an empty message", p->callback);
    pthread_mutex_unlock(&p->lock);
    p->outer->report(p->outer->ctx, severity, where, message);
}

static const void *
probe_service(void *ctx, const char *id)
{
    kit_probe *p = ctx;
    const void *service = p->is_old ? NULL : p->outer->get_service(p->outer->ctx, id);
    if (service != NULL) p->host_told = true; /* what is asked of it is not seen here */
    return service;
}

static void
make_host(kit_probe *p, const quire_host *outer)
{
    const quire_host host = {.size = QUIRE_SIZE_TO(quire_host, get_service),
                             .abi_major = QUIRE_ABI_MAJOR,
                             .abi_minor = 0,
                             .ctx = p,
                             .realloc = probe_realloc,
                             .report = probe_report,
                             .get_service = probe_service};
    p->outer = outer;
    p->host = kit_lock(&host, sizeof host);
}

/* --- around a callback ------------------------------------------------------------------------ */

static void
begin(kit_probe *p, const char *callback)
{
    p->callback = callback;
    p->n_errors = 0;
    p->refused = NULL;
}

static void
silence(kit_probe *p, const char *what)
{
    if (p->silence[0] == '\0') snprintf(p->silence, sizeof p->silence, "%s %s", p->callback, what);
}

static quire_status
end(kit_probe *p, quire_status status)
{
    const bool succeeded = status == QUIRE_OK || status == QUIRE_NONE;
    p->status = status;
    if (succeeded && p->refused != NULL && p->breach[0] == '\0')
        snprintf(p->breach, sizeof p->breach, "%s succeeded although %s was refused", p->callback,
                 p->refused);
    if (succeeded && p->n_errors > 0) silence(p, "reports an error and succeeds");
    if (!succeeded && p->n_errors > 1) silence(p, "fails with more than one error");
    if (succeeded || p->n_errors > 0 || p->was_refused || p->host_told) return status;
    if (status == QUIRE_E_NOMEM)
        p->ran_out_silently = true;
    else
        silence(p, "fails and reports nothing");
    return status;
}

/* --- callbacks -------------------------------------------------------------------------------- */

static quire_status
shim_create(const quire_host *host, const void *options, void **out_self)
{
    kit_probe *p;
    memcpy(&p, options, sizeof p);
    const quire_quantizer *q = p->known->quantizer;
    make_host(p, host);
    p->self = NULL;
    *out_self = p;
    begin(p, "create");
    return end(p, q->create(p->host, kit_lock(p->options, q->options_size), &p->self));
}

static void
shim_destroy(void *self)
{
    kit_probe *p = self;
    begin(p, "destroy");
    p->known->quantizer->destroy(p->self);
}

static quire_status
shim_support(void *self, uint32_t row, quire_support *out)
{
    kit_probe *p = self;
    begin(p, "support");
    return end(p, p->known->quantizer->support(p->self, row, out));
}

static quire_status
shim_transform(void *self, const quire_graph_api *g, const quire_edit_api *e)
{
    kit_probe *p = self;
    p->graph = g;
    p->edits = e;
    const quire_graph_api graph = kit_wrap_graph(p);
    const quire_edit_api edits = kit_wrap_edits(p);
    begin(p, "transform");
    return end(p, p->known->quantizer->transform(p->self, kit_lock(&graph, sizeof graph),
                                                 kit_lock(&edits, sizeof edits)));
}

static quire_status
shim_annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    kit_probe *p = self;
    p->graph = g;
    p->claims = c;
    const quire_graph_api graph = kit_wrap_graph(p);
    const quire_claim_api claims = kit_wrap_claims(p);
    begin(p, "annotate");
    return end(p, p->known->quantizer->annotate(p->self, kit_lock(&graph, sizeof graph),
                                                kit_lock(&claims, sizeof claims)));
}

static quire_status
shim_validate(void *self, const quire_graph_api *g, const quire_resolved_api *r)
{
    kit_probe *p = self;
    p->graph = g;
    p->resolved = r;
    const quire_graph_api graph = kit_wrap_graph(p);
    const quire_resolved_api resolved = kit_wrap_resolved(p);
    begin(p, "validate");
    return end(p, p->known->quantizer->validate(p->self, kit_lock(&graph, sizeof graph),
                                                kit_lock(&resolved, sizeof resolved)));
}

static quire_status
shim_adjust(void *self, const quire_graph_api *g, const quire_group_api *groups)
{
    kit_probe *p = self;
    p->graph = g;
    p->groups = groups;
    const quire_graph_api graph = kit_wrap_graph(p);
    const quire_group_api wrapped = kit_wrap_groups(p);
    begin(p, "adjust");
    return end(p, p->known->quantizer->adjust(p->self, kit_lock(&graph, sizeof graph),
                                              kit_lock(&wrapped, sizeof wrapped)));
}

/* --- probes ----------------------------------------------------------------------------------- */

/* Values for options that must be given, so that there is an instance to look at. */
static void
write_needed(quire_writer *w, const quire_quantizer *q)
{
    bool first = true;
    for (uint32_t i = 0; i < q->n_options; i++) {
        const quire_option *o = quire_option_at(q, i);
        if (o->otherwise != NULL) continue;
        quire_writef(w, "%s%s=", first ? "" : ",", o->name);
        first = false;
        if (o->type == QUIRE_OPTION_BOOL)
            quire_write_str(w, "true");
        else if (o->type == QUIRE_OPTION_CHOICE)
            quire_write_str(w, o->choices[0]);
        else if (o->type == QUIRE_OPTION_STRING)
            quire_write_str(w, "x");
        else
            quire_write_double(w, o->least);
    }
}

static bool
parse_options(kit *k, const quire_quantizer *q, void **out)
{
    quire_arena *arena = malloc(sizeof *arena); /* as long as the process */
    quire_text text;
    quire_writer w;
    if (arena == NULL) return false;
    quire_arena_init(arena, k->voice.ctx.alloc);
    quire_writer_to_text(&w, &k->voice.ctx, &text);
    const char *colon = k->only != NULL ? strchr(k->only, ':') : NULL;
    if (colon != NULL)
        quire_write_str(&w, colon + 1);
    else
        write_needed(&w, q);
    if (quire_writer_finish(&w) != QUIRE_OK) return false;
    const quire_bytes bytes = {(const uint8_t *)text.ptr, text.len};
    k->voice.error[0] = '\0';
    if (quire_options_parse(&k->voice.ctx, q, bytes, arena, out) == QUIRE_OK) return true;
    kit_say(k, colon != NULL ? KIT_FAIL : KIT_SKIP, "quantizer \"%s\": %s", q->name,
            k->voice.error);
    return false;
}

void
kit_probe_init_with(kit *k, const quire_known_quantizer *known, const void *options, kit_probe *p)
{
    *p = (kit_probe){.k = k,
                     .known = known,
                     .options = options,
                     .fail_alloc = -1,
                     .refuse_call = -1,
                     .callback = "create"};
    pthread_mutex_init(&p->lock, NULL);
    p->shim = *known->quantizer;
    p->shim.options_size = 0;
    p->shim.options = NULL;
    p->shim.n_options = 0;
    p->shim.create = shim_create;
    p->shim.destroy = shim_destroy;
    p->shim.support = shim_support;
    p->shim.annotate = shim_annotate;
    if (p->shim.transform != NULL) p->shim.transform = shim_transform;
    if (p->shim.validate != NULL) p->shim.validate = shim_validate;
    if (p->shim.adjust != NULL) p->shim.adjust = shim_adjust;
    p->shim_known = (quire_known_quantizer){.quantizer = &p->shim, .plugin = known->plugin};
}

bool
kit_probe_init(kit *k, const quire_known_quantizer *known, kit_probe *p)
{
    void *options;
    if (!parse_options(k, known->quantizer, &options)) return false;
    kit_probe_init_with(k, known, options, p);
    return true;
}

const char *
kit_name(const kit_probe *p)
{
    return p->known->quantizer->name;
}

quire_status
kit_probe_create(kit_probe *p, kit_voice *voice, quire_model *m)
{
    kit_work w;
    const quire_status status = kit_work_begin(&w, voice, p, m);
    kit_work_end(&w);
    quire_text_free(&voice->ctx, &w.lines);
    return status;
}
