/* host.c - see host.h. */
#include "plugin/host.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/slot.h"
#include "graph/spec.h"
#include "plugin/cut.h"
#include "plugin/guarded.h"

/* plugin.h is written down twice of necessity: it includes nothing. */
#define SAME_STATUS(name, value, exit_code, meaning)                                               \
    _Static_assert(QUIRE_##name == (value), "plugin.h and base.h name one status differently");
QUIRE_STATUS_TABLE(SAME_STATUS)
#undef SAME_STATUS
#define SAME(number, other)                                                                        \
    _Static_assert((int)(number) == (int)(other), "plugin.h counts " #number " otherwise")
SAME(QUIRE_NOTE, 0);
SAME(QUIRE_WARNING, 1);
SAME(QUIRE_ERROR, 2);
SAME(QUIRE_QSPEC_QUANTIZED, QUIRE_SPEC_QUANTIZED);
SAME(QUIRE_QSPEC_FIXED, QUIRE_SPEC_FIXED);
SAME(QUIRE_QSPEC_SHARED, QUIRE_SPEC_SHARED);
SAME(QUIRE_QSPEC_DERIVED, QUIRE_SPEC_DERIVED);
SAME(QUIRE_QSPEC_FLOAT, QUIRE_SPEC_FLOAT);
SAME(QUIRE_QSPEC_ZERO_POINT_NONE, QUIRE_ZERO_POINT_NONE);
SAME(QUIRE_QSPEC_ZERO_POINT_INT, QUIRE_ZERO_POINT_INT);
SAME(QUIRE_QSPEC_ZERO_POINT_FLOAT, QUIRE_ZERO_POINT_FLOAT);
SAME(QUIRE_QSPEC_PER_TENSOR, QUIRE_PER_TENSOR);
SAME(QUIRE_QSPEC_PER_AXIS, QUIRE_PER_AXIS);
SAME(QUIRE_QSPEC_PER_BLOCK, QUIRE_PER_BLOCK);
#undef SAME

enum {
    MAX_MESSAGES = 100, /* of one callback */
    MAX_MESSAGE = 1000, /* bytes; the rest is cut */
    TEXT_ROOM = 1400,
    SLOT_ROOM = 300
};

typedef struct quire_host_message {
    struct quire_host_message *next;
    size_t size; /* of this block */
    quire_severity severity;
    quire_place where;
    char text[];
} quire_host_message;

/* --- memory ----------------------------------------------------------------------------------- */

static void *
host_realloc(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    quire_host_state *state = ctx;
    if (ptr == NULL) old_size = 0;
    if (old_size == 0) ptr = NULL;
    if (old_size == 0 && new_size == 0) return NULL;
    void *result = quire_realloc(state->ctx->alloc, ptr, old_size, new_size);
    if (new_size != 0 && result == NULL) return NULL;
    atomic_fetch_add(&state->n_bytes, new_size - old_size); /* wraps around, as it should */
    if (old_size == 0) atomic_fetch_add(&state->n_blocks, 1);
    if (new_size == 0) atomic_fetch_sub(&state->n_blocks, 1);
    return result;
}

/* --- messages --------------------------------------------------------------------------------- */

static void
keep(quire_host_state *state, quire_host_message *message)
{
    pthread_mutex_lock(&state->lock);
    if (QUIRE_GUARD(MESSAGES) && state->n_messages >= MAX_MESSAGES) {
        state->n_dropped++;
        pthread_mutex_unlock(&state->lock);
        quire_free(state->ctx->alloc, message, message->size);
        return;
    }
    if (state->last != NULL) state->last->next = message;
    if (state->first == NULL) state->first = message;
    state->last = message;
    state->n_messages++;
    pthread_mutex_unlock(&state->lock);
}

static void
host_report(void *ctx, quire_severity severity, quire_place where, quire_string text)
{
    quire_host_state *state = ctx;
    const size_t len = text.ptr == NULL ? 0 : text.len < MAX_MESSAGE ? text.len : MAX_MESSAGE;
    const size_t size = sizeof(quire_host_message) + len + 1;
    quire_host_message *message = quire_alloc(state->ctx->alloc, size);
    if (message == NULL) { /* a failed callback will be told as out of memory */
        atomic_store(&state->lost_message, true);
        return;
    }
    *message = (quire_host_message){.size = size, .severity = severity, .where = where};
    if (len > 0) memcpy(message->text, text.ptr, len);
    message->text[len] = '\0';
    keep(state, message);
}

static const void *
host_service(void *ctx, const char *id)
{
    const quire_host_state *state = ctx;
    return state->service == NULL || id == NULL ? NULL : state->service(state->service_data, id);
}

/* Takes all messages out, oldest first. */
static quire_host_message *
take_messages(quire_host_state *state, size_t *out_dropped)
{
    pthread_mutex_lock(&state->lock);
    quire_host_message *first = state->first;
    *out_dropped = state->n_dropped;
    state->first = NULL;
    state->last = NULL;
    state->n_messages = 0;
    state->n_dropped = 0;
    pthread_mutex_unlock(&state->lock);
    return first;
}

static void
free_messages(const quire_host_state *state, quire_host_message *message)
{
    while (message != NULL) {
        quire_host_message *next = message->next;
        quire_free(state->ctx->alloc, message, message->size);
        message = next;
    }
}

/* --- telling ---------------------------------------------------------------------------------- */

/* A plugin may name anything. */
static bool
is_slot(const quire_model *m, quire_place where)
{
    if (m == NULL || where.id == 0) return false;
    if (where.kind == QUIRE_SLOT_RESULT) {
        if (where.id >= m->values.count) return false;
        const quire_value_rec *r = quire_value_at(m, (quire_value){where.id});
        return r->def_kind != QUIRE_DEF_NONE && (r->flags & QUIRE_DEAD) == 0;
    }
    if (where.kind != QUIRE_SLOT_USE || where.id >= m->uses.count) return false;
    const quire_node node = quire_use_at(m, (quire_use){where.id})->node;
    return node.id == 0 || (quire_node_at(m, node)->flags & QUIRE_DEAD) == 0;
}

/* The text of a place, or NULL where it is none. */
static const char *
print_place(const quire_host_state *state, quire_place where, char out[SLOT_ROOM])
{
    if (!is_slot(state->m, where)) return NULL;
    quire_cut cut;
    quire_writer w;
    quire_writer_to_cut(&w, state->ctx, &cut, out, SLOT_ROOM);
    quire_slot_print(&w, state->m, (quire_slot){where.kind, where.id});
    return quire_writer_finish(&w) == QUIRE_OK ? out : NULL;
}

/* `plugin "acme" (quantizer "int8"), annotate` */
static void
print_who(const quire_host_state *state, const char *callback, char *out, size_t room)
{
    snprintf(out, room, "plugin \"%s\" (%s \"%s\"), %s", state->known->plugin->plugin->name,
             state->noun, state->who, callback);
}

static bool
is_error(const quire_host_message *message)
{
    return message->severity != QUIRE_NOTE && message->severity != QUIRE_WARNING;
}

/* Tells what is no error; returns the first that is. */
static const quire_host_message *
tell_messages(quire_host_state *state, const char *who, const quire_host_message *first,
              size_t n_dropped)
{
    const quire_host_message *error = NULL;
    char slot[SLOT_ROOM];
    for (const quire_host_message *at = first; at != NULL; at = at->next) {
        if (is_error(at)) {
            if (error == NULL) error = at;
        } else {
            quire_tell(state->ctx, at->severity, print_place(state, at->where, slot), "%s: %s", who,
                       at->text);
        }
    }
    if (n_dropped > 0)
        quire_tell(state->ctx, QUIRE_WARNING, NULL, "%s: %zu more messages are left out", who,
                   n_dropped);
    return error;
}

/* What the status of a failed callback becomes; `told`: the plugin reported why. */
static quire_status
status_of(quire_status status, bool told)
{
    if (status == QUIRE_E_CANCELED || status == QUIRE_E_NOMEM) return status;
    return status == QUIRE_E_USAGE && told ? status : QUIRE_E_PLUGIN;
}

/* A flag that is wrong is the person's: nobody else is named. */
static quire_status
fail_flag(quire_host_state *state, const quire_host_message *error)
{
    char slot[SLOT_ROOM];
    return quire_fail(state->ctx, QUIRE_E_USAGE, print_place(state, error->where, slot), "--%s",
                      error->text);
}

static quire_status
fail_told(quire_host_state *state, const char *who, quire_status status,
          const quire_host_message *error)
{
    char slot[SLOT_ROOM];
    const bool succeeded = status == QUIRE_OK || status == QUIRE_NONE;
    const long long number = (int32_t)status; /* an enum may be unsigned */
    if (error != NULL)
        return quire_fail(state->ctx, status_of(status, true),
                          print_place(state, error->where, slot), "%s: %s%s", who, error->text,
                          succeeded ? " (reported as an error, yet it returned success)" : "");
    if (atomic_load(&state->lost_message)) return quire_nomem(state->ctx);
    if (QUIRE_GUARD(STATUS) && (number < 0 || number > QUIRE_E_INTERNAL))
        return quire_fail(state->ctx, QUIRE_E_PLUGIN, NULL,
                          "%s returned %lld, which is no status, and reported nothing", who,
                          number);
    return quire_fail(state->ctx, status_of(status, false), NULL,
                      "%s failed with %s and reported nothing", who, quire_status_name(status));
}

/* Wrong options are told with the place in the recipe that gives them, or as flags. */
static quire_status
fail(quire_host_state *state, const char *who, quire_status status, const quire_host_message *error)
{
    const char *outer = state->ctx->file;
    const bool of_person = error != NULL && status == QUIRE_E_USAGE;
    const bool of_recipe = state->where != NULL && of_person;
    if (of_person && quire_known_names_flag(state->known, quire_bytes_of(error->text)))
        return fail_flag(state, error);
    if (of_recipe) state->ctx->file = state->where;
    status = fail_told(state, who, status, error);
    state->ctx->file = outer;
    return status;
}

void
quire_host_calls(const quire_host_state *state, const char *callback)
{
    const quire_watch *watch = state->known->plugin->watch;
    if (watch != NULL)
        watch->entering(watch->data, state->known->plugin->plugin->name,
                        state->known->quantizer->name, callback);
}

quire_status
quire_host_returned(quire_host_state *state, const char *callback, quire_status status)
{
    char who[TEXT_ROOM];
    size_t n_dropped;
    quire_host_message *messages = take_messages(state, &n_dropped);
    const bool succeeded = status == QUIRE_OK || status == QUIRE_NONE;
    if (messages == NULL && succeeded) return status;
    print_who(state, callback, who, sizeof who);
    const quire_host_message *error = tell_messages(state, who, messages, n_dropped);
    if (error != NULL || !succeeded) status = fail(state, who, status, error);
    free_messages(state, messages);
    return status;
}

quire_status
quire_host_fault(quire_host_state *state, const char *callback, quire_status status,
                 const char *path, const char *format, ...)
{
    char who[TEXT_ROOM];
    char text[TEXT_ROOM];
    size_t n_dropped;
    va_list args;
    quire_host_message *messages = take_messages(state, &n_dropped);
    print_who(state, callback, who, sizeof who);
    (void)tell_messages(state, who, messages, n_dropped);
    free_messages(state, messages);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return quire_fail(state->ctx, status, path, "%s: %s", who, text);
}

/* Takes the first message that is no error out; NULL: none is left. */
static quire_host_message *
take_remark(quire_host_state *state)
{
    quire_host_message *before = NULL;
    pthread_mutex_lock(&state->lock);
    quire_host_message *at = state->first;
    for (; at != NULL && is_error(at); at = at->next)
        before = at;
    if (at != NULL) {
        if (before != NULL) before->next = at->next;
        if (before == NULL) state->first = at->next;
        if (state->last == at) state->last = before;
        state->n_messages--;
    }
    pthread_mutex_unlock(&state->lock);
    if (at != NULL) at->next = NULL;
    return at;
}

void
quire_host_tell(quire_host_state *state, const char *callback)
{
    char who[TEXT_ROOM];
    print_who(state, callback, who, sizeof who);
    for (quire_host_message *at = take_remark(state); at != NULL; at = take_remark(state)) {
        (void)tell_messages(state, who, at, 0);
        free_messages(state, at);
    }
    pthread_mutex_lock(&state->lock);
    const size_t n_dropped = state->n_dropped;
    state->n_dropped = 0;
    pthread_mutex_unlock(&state->lock);
    (void)tell_messages(state, who, NULL, n_dropped);
}

bool
quire_host_take_error(quire_host_state *state, char *out, size_t room)
{
    bool found = false;
    size_t n_dropped;
    quire_host_message *next;
    for (quire_host_message *at = take_messages(state, &n_dropped); at != NULL; at = next) {
        next = at->next;
        at->next = NULL;
        if (!is_error(at)) {
            keep(state, at);
            continue;
        }
        if (!found) snprintf(out, room, "%s", at->text);
        found = true;
        quire_free(state->ctx->alloc, at, at->size);
    }
    pthread_mutex_lock(&state->lock);
    state->n_dropped += n_dropped;
    pthread_mutex_unlock(&state->lock);
    return found;
}

bool
quire_host_has_error(quire_host_state *state)
{
    bool found = false;
    pthread_mutex_lock(&state->lock);
    for (const quire_host_message *at = state->first; at != NULL; at = at->next)
        found |= is_error(at);
    pthread_mutex_unlock(&state->lock);
    return found;
}

/* --- the table -------------------------------------------------------------------------------- */

void
quire_host_init(quire_host_state *state, quire_ctx *ctx, const quire_model *m,
                const quire_known_quantizer *known)
{
    *state = (quire_host_state){.ctx = ctx,
                                .m = m,
                                .known = known,
                                .noun = "quantizer",
                                .who = known->quantizer->name,
                                .where = known->where};
    pthread_mutex_init(&state->lock, NULL);
    state->table = (quire_host){.size = QUIRE_SIZE_TO(quire_host, get_service),
                                .abi_major = QUIRE_ABI_MAJOR,
                                .abi_minor = QUIRE_ABI_MINOR,
                                .ctx = state,
                                .realloc = host_realloc,
                                .report = host_report,
                                .get_service = host_service};
}

void
quire_host_deinit(quire_host_state *state)
{
    size_t n_dropped;
    free_messages(state, take_messages(state, &n_dropped));
    pthread_mutex_destroy(&state->lock);
}
