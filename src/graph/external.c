/* external.c - see external.h. */
#include "graph/external.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "base/io.h"
#include "graph/edit.h"
#include "graph/fields.h"

enum { MAX_LOCATION = 4095, MAX_FILES = 4096, DATA_ALIGNMENT = 4096, NAME_SHOWN = 80 };

#define SHOW(bytes)                                                                                \
    (int)((bytes).len < NAME_SHOWN ? (bytes).len : NAME_SHOWN), (const char *)(bytes).ptr

/* --- entries ---------------------------------------------------------------------------------- */

/* ASCII digits only: no sign, no space, no hex; at most 2^63 - 1. */
static bool
parse_decimal(quire_bytes text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = value;
    return value <= INT64_MAX;
}

/* NULL if the location is one we open, else what is wrong with it. */
static const char *
location_fault(quire_bytes l)
{
    if (l.len == 0) return "it is empty";
    if (l.len > MAX_LOCATION) return "it is longer than 4095 bytes";
    if (l.ptr[0] == '/') return "it is absolute; a location is relative to the model's folder";
    if (l.ptr[l.len - 1] == '/') return "it names a folder";
    size_t start = 0;
    for (size_t i = 0; i <= l.len; i++) {
        const uint8_t c = i < l.len ? l.ptr[i] : '/';
        if (c < 0x20 || c == 0x7f) return "it holds a control character";
        if (c == '\\' || c == ':')
            return "it holds a backslash or colon; locations are POSIX paths";
        if (c != '/') continue;
        if (i - start == 2 && l.ptr[start] == '.' && l.ptr[start + 1] == '.')
            return "it leaves the model's folder through \"..\"";
        start = i + 1;
    }
    return NULL;
}

typedef struct entries { /* of one tensor, while they are read */
    quire_external_ref ref;
    bool has_location, has_checksum;
} entries;

static quire_status
take_entry(quire_ctx *ctx, const char *path, quire_bytes key, quire_bytes value, entries *e)
{
    bool *seen = NULL;
    uint64_t *number = NULL;
    if (quire_bytes_equal(key, quire_bytes_of("location"))) {
        seen = &e->has_location;
        e->ref.location = value;
    } else if (quire_bytes_equal(key, quire_bytes_of("offset"))) {
        seen = &e->ref.has_offset;
        number = &e->ref.offset;
    } else if (quire_bytes_equal(key, quire_bytes_of("length"))) {
        seen = &e->ref.has_length;
        number = &e->ref.length;
    } else if (quire_bytes_equal(key, quire_bytes_of("checksum"))) {
        seen = &e->has_checksum;
    }
    if (seen == NULL) return QUIRE_OK; /* kept, without effect */
    if (*seen)
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "external data names \"%.*s\" twice; readers would differ", SHOW(key));
    *seen = true;
    if (number != NULL && !parse_decimal(value, number)) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "external %.*s \"%.*s\" is not a decimal number up to 2^63 - 1",
                          SHOW(key), SHOW(value));
    }
    return QUIRE_OK;
}

quire_status
quire_external_parse(quire_ctx *ctx, quire_model *m, quire_bytes tensor_src, const char *path,
                     const quire_external_ref **out_ref)
{
    entries e = {0};
    quire_cursor c = quire_cursor_over(m, tensor_src);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != TENSOR_EXTERNAL_DATA) continue;
        quire_bytes key = {NULL, 0};
        quire_bytes value = {NULL, 0};
        quire_message_find(m, f.body, ENTRY_KEY, &key);
        quire_message_find(m, f.body, ENTRY_VALUE, &value);
        QUIRE_TRY(take_entry(ctx, path, key, value, &e));
    }
    if (!e.has_location)
        return quire_fail(ctx, QUIRE_E_INVALID, path, "external data without a location");
    const char *fault = location_fault(e.ref.location);
    if (fault != NULL)
        return quire_fail(ctx, QUIRE_E_INVALID, path, "external file \"%.*s\": %s",
                          SHOW(e.ref.location), fault);
    quire_external_ref *ref;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *ref, &ref));
    *ref = e.ref;
    *out_ref = ref;
    return QUIRE_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Is `dir`/`name` a link whose target lies in the folder of the real model file? Then that folder is the second
 * root: a snapshot of links into a blob store, as the Hugging Face cache has it. */
static int
open_in_real_folder(quire_ctx *ctx, const quire_model *m, const char *name)
{
    char real_model[4096];
    char target[4096];
    const char *slash = strrchr(m->path, '/');
    const ssize_t a =
        ctx->io->readlink(ctx->io->data, m->directory, slash != NULL ? slash + 1 : m->path,
                          real_model, sizeof real_model - 1);
    const ssize_t b =
        ctx->io->readlink(ctx->io->data, m->directory, name, target, sizeof target - 1);
    if (a <= 0 || b <= 0) return -1;
    real_model[a] = target[b] = '\0';
    char *model_end = strrchr(real_model, '/');
    char *target_end = strrchr(target, '/');
    if (model_end == NULL || target_end == NULL) return -1;
    *model_end = *target_end = '\0';
    struct stat model_folder;
    struct stat target_folder;
    if (ctx->io->stat(ctx->io->data, m->directory, real_model, &model_folder, 0) != 0) return -1;
    if (ctx->io->stat(ctx->io->data, m->directory, target, &target_folder, 0) != 0) return -1;
    if (model_folder.st_dev != target_folder.st_dev || model_folder.st_ino != target_folder.st_ino)
        return -1;
    const int folder =
        quire_io_open(ctx->io, m->directory, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (folder < 0) return -1;
    const int fd = ctx->io->open_beneath(ctx->io->data, folder, target_end + 1);
    quire_io_close(ctx->io, folder);
    return fd;
}

static quire_status
open_data_file(quire_ctx *ctx, quire_model *m, quire_bytes location, const char *path,
               uint32_t *out_file)
{
    if (m->directory < 0) {
        return quire_fail(ctx, QUIRE_E_INVALID, path,
                          "external file \"%.*s\": a model that is not read from a file has no "
                          "folder to find it in",
                          SHOW(location));
    }
    if (m->n_files > MAX_FILES)
        return quire_fail(ctx, QUIRE_E_LIMIT, path, "more than %d external files", MAX_FILES);
    quire_bytes name;
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, location, &name));
    const char *text = (const char *)name.ptr;
    int fd = ctx->io->open_beneath(ctx->io->data, m->directory, text);
    if (fd < 0 && errno == ELOOP) {
        fd = open_in_real_folder(ctx, m, text);
        if (fd < 0) errno = ELOOP;
    }
    if (fd < 0) {
        return quire_fail(
            ctx, QUIRE_E_INVALID, path,
            "external file \"%.*s\" cannot be opened: %s; it belongs beside the model",
            SHOW(location),
            errno == ELOOP || errno == EXDEV ? "a link leads out of the model's folder"
                                             : quire_io_error_text(errno));
    }
    quire_source source;
    QUIRE_TRY(quire_source_open_fd(ctx, fd, text, &source));
    const quire_status status = quire_model_add_file(ctx, m, source, text, true, out_file);
    if (status != QUIRE_OK) {
        quire_source_close(ctx, &source);
        return status;
    }
    m->files[*out_file].location = name;
    return QUIRE_OK;
}

typedef struct resolver {
    quire_ctx *ctx;
    quire_model *m;
    uint32_t *file_of; /* by symbol of the location; 0: not opened yet */
    size_t room;
} resolver;

static quire_status
file_of(resolver *r, quire_bytes location, const char *path, uint32_t *out_file)
{
    quire_sym sym;
    QUIRE_TRY(quire_syms_intern(r->ctx, &r->m->syms, location, &sym));
    QUIRE_TRY(quire_grow(r->ctx, &r->file_of, &r->room, (size_t)sym.id + 1, sizeof *r->file_of));
    if (r->file_of[sym.id] == 0) {
        QUIRE_TRY(open_data_file(r->ctx, r->m, location, path, &r->file_of[sym.id]));
    }
    *out_file = r->file_of[sym.id];
    return QUIRE_OK;
}

/* The place the entries name must lie inside the file, whole. */
static quire_status
check_extent(resolver *r, const quire_external_ref *e, uint64_t need, uint64_t size,
             const char *path)
{
    if (e->has_length && e->length != need) {
        return quire_fail(r->ctx, QUIRE_E_INVALID, path,
                          "external file \"%.*s\": length %llu, its dims and type take %llu",
                          SHOW(e->location), (unsigned long long)e->length,
                          (unsigned long long)need);
    }
    if (need > size || e->offset > size - need) {
        return quire_fail(r->ctx, QUIRE_E_INVALID, path,
                          "external file \"%.*s\": offset %llu + %llu bytes exceeds its size %llu",
                          SHOW(e->location), (unsigned long long)e->offset,
                          (unsigned long long)need, (unsigned long long)size);
    }
    return QUIRE_OK;
}

static quire_status
resolve_tensor(resolver *r, quire_tensor t)
{
    quire_tensor_rec *rec = quire_edit_tensor(r->m, t);
    const quire_bytes name = quire_sym_bytes(r->m, rec->name);
    char path[160];
    uint64_t need;
    uint32_t file;
    quire_escape(path, sizeof path, name.ptr, name.len);
    if (!quire_dtype_bytes(rec->dtype, rec->n_elements, &need)) {
        return quire_fail(r->ctx, QUIRE_E_INVALID, path,
                          "external data of element type %d, whose size is not known", rec->dtype);
    }
    QUIRE_TRY(file_of(r, rec->external->location, path, &file));
    QUIRE_TRY(check_extent(r, rec->external, need, r->m->files[file].source.size, path));
    rec->data = (quire_blob){.file = file, .u.off = rec->external->offset, .len = need};
    return QUIRE_OK;
}

quire_status
quire_external_resolve(quire_ctx *ctx, quire_model *m)
{
    resolver r = {.ctx = ctx, .m = m};
    quire_status status = QUIRE_OK;
    for (uint32_t i = 1; i < m->tensors.count && status == QUIRE_OK; i++) {
        const quire_tensor t = {i};
        if (quire_tensor_at(m, t)->form == QUIRE_FORM_EXTERNAL) status = resolve_tensor(&r, t);
    }
    quire_ungrow(m->alloc, &r.file_of, &r.room, sizeof *r.file_of);
    return status;
}

/* --- writing ---------------------------------------------------------------------------------- */

bool
quire_external_changed(const quire_model *m)
{
    for (uint32_t i = 1; i < m->tensors.count; i++) {
        if (quire_tensor_at(m, (quire_tensor){i})->flags & (QUIRE_NEW | QUIRE_DEAD)) return true;
    }
    return false;
}

static quire_status
place(quire_ctx *ctx, quire_model *m, quire_tensor t, quire_rope *rope)
{
    quire_tensor_rec *r = quire_edit_tensor(m, t);
    quire_external_ref *ref;
    QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *ref, &ref));
    if (r->data.len > 0)
        QUIRE_TRY(quire_rope_add_zeros(
            ctx, rope, (DATA_ALIGNMENT - rope->size % DATA_ALIGNMENT) % DATA_ALIGNMENT));
    *ref = (quire_external_ref){
        .offset = rope->size, .length = r->data.len, .has_offset = true, .has_length = true};
    if (r->data.file == 0) {
        QUIRE_TRY(quire_rope_add(ctx, rope, (quire_bytes){r->data.u.ptr, (size_t)r->data.len}));
    } else {
        QUIRE_TRY(quire_rope_add_source(ctx, rope, &m->files[r->data.file].source, r->data.u.off,
                                        r->data.len));
    }
    r->external = ref;
    r->flags |= QUIRE_MOVED | QUIRE_TOUCHED;
    return QUIRE_OK;
}

static quire_status place_graph(quire_ctx *ctx, quire_model *m, quire_graph g, quire_rope *rope);

static quire_status
place_if_external(quire_ctx *ctx, quire_model *m, quire_tensor t, quire_rope *rope)
{
    const quire_tensor_rec *r = quire_tensor_at(m, t);
    if (r->form == QUIRE_FORM_SPARSE) {
        QUIRE_TRY(place_if_external(ctx, m, r->values, rope));
        return place_if_external(ctx, m, r->indices, rope);
    }
    return r->form == QUIRE_FORM_EXTERNAL ? place(ctx, m, t, rope) : QUIRE_OK;
}

static quire_status
place_attrs(quire_ctx *ctx, quire_model *m, quire_attr first, uint32_t n, quire_rope *rope)
{
    for (uint32_t k = 0; k < n; k++) {
        const quire_attr_rec *a = quire_attr_at(m, (quire_attr){first.id + k});
        for (uint32_t i = 0; i < a->n_tensors; i++)
            QUIRE_TRY(place_if_external(ctx, m, a->tensors[i], rope));
        for (uint32_t i = 0; i < a->n_graphs; i++)
            QUIRE_TRY(place_graph(ctx, m, a->graphs[i], rope));
    }
    return QUIRE_OK;
}

/* In the order the exporter writes them: nodes before initializers. Recursion is bounded by the nesting of graphs. */
static quire_status
place_graph(quire_ctx *ctx, quire_model *m, quire_graph g, quire_rope *rope)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    for (quire_node n = r->first; n.id != 0; n = quire_node_at(m, n)->next) {
        QUIRE_TRY(
            place_attrs(ctx, m, quire_node_at(m, n)->attr, quire_node_at(m, n)->n_attr, rope));
    }
    for (size_t k = 0; k < r->n_inits; k++) {
        if ((r->inits[k].flags & QUIRE_DEAD) == 0)
            QUIRE_TRY(place_if_external(ctx, m, r->inits[k].tensor, rope));
    }
    return place_attrs(ctx, m, r->defaults, r->n_defaults, rope);
}

quire_status
quire_external_layout(quire_ctx *ctx, quire_model *m, quire_rope *rope)
{
    QUIRE_TRY(place_graph(ctx, m, m->main, rope));
    for (size_t i = 0; i < m->n_training; i++) {
        QUIRE_TRY(place_graph(ctx, m, m->training[i].initialization, rope));
        QUIRE_TRY(place_graph(ctx, m, m->training[i].algorithm, rope));
    }
    for (size_t i = 0; i < m->n_functions; i++)
        QUIRE_TRY(place_graph(ctx, m, m->functions[i], rope));
    quire_edit_mark_tensors(m);
    return QUIRE_OK;
}

quire_status
quire_external_set_location(quire_ctx *ctx, quire_model *m, quire_bytes location)
{
    quire_bytes copy;
    QUIRE_TRY(quire_arena_copy(ctx, &m->arena, location, &copy));
    for (uint32_t i = 1; i < m->tensors.count; i++) {
        const quire_tensor_rec *r = quire_tensor_at(m, (quire_tensor){i});
        if ((r->flags & QUIRE_MOVED) == 0) continue;
        quire_external_ref *ref;
        QUIRE_TRY(quire_arena_take(ctx, &m->arena, sizeof *ref, &ref));
        *ref = *r->external;
        ref->location = copy;
        quire_edit_tensor(m, (quire_tensor){i})->external = ref;
    }
    return QUIRE_OK;
}
