/* layout_walk.c - the model file, taken apart along its spine with a stack of open messages.
 *
 * Every byte goes into exactly one piece, in file order. What a message holds is either a piece of
 * its own (a node, an initializer, a metadata entry), a message that is opened in turn, or part of
 * a fragment: the run of fields between two such things. What is inside a piece is of no interest
 * here.
 */
#include "graph/layout_walk.h"

#include <stdio.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/layout_look.h"
#include "graph/wire.h"
#include "onnx.pb-c.h"

enum {
    DEPTH = 256,
    FIELDS = 32,
    HASH_STEP = QUIRE_WINDOW_MIN,
    TEXT_MAX = 1024,
    NAME_MAX_SHOWN = 256
};

/* Messages that may be open. */
typedef enum message {
    AT_MODEL,
    AT_GRAPH,
    AT_FUNCTION,
    AT_NODE,
    AT_ATTRIBUTE,
    AT_TENSOR,
    AT_SPARSE,
    AT_TRAINING,
    N_AT
} message;

typedef enum act {
    ACT_DEFAULT =
        0,     /* model and graph: a piece called after the field; else part of the fragment */
    ACT_PIECE, /* a piece, called what string field `name` of the message in it says */
    ACT_FIELD, /* a piece, called after the field */
    ACT_NODE,
    ACT_ATTRIBUTE,
    ACT_TENSOR,
    ACT_SPARSE,
    ACT_GRAPH,
    ACT_FUNCTION,
    ACT_TRAINING,
} act;

static const struct place {
    uint8_t act, kind, name;
} places[N_AT][FIELDS] = {
    [AT_MODEL] =
        {
            [1] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [2] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [3] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [4] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [5] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [6] = {ACT_FIELD, QUIRE_PIECE_MODEL, 0},
            [7] = {ACT_GRAPH, QUIRE_PIECE_GRAPH, 0},
            [8] = {ACT_PIECE, QUIRE_PIECE_OPSET_IMPORT, 1},
            [14] = {ACT_PIECE, QUIRE_PIECE_METADATA, 1},
            [20] = {ACT_TRAINING, QUIRE_PIECE_OTHER, 0},
            [25] = {ACT_FUNCTION, QUIRE_PIECE_FUNCTION, 0},
            [26] = {ACT_PIECE, QUIRE_PIECE_OTHER, 1},
        },
    [AT_GRAPH] =
        {
            [1] = {ACT_NODE, QUIRE_PIECE_NODE, 0},
            [2] = {ACT_FIELD, QUIRE_PIECE_GRAPH, 0},
            [5] = {ACT_TENSOR, QUIRE_PIECE_INITIALIZER, 0},
            [10] = {ACT_FIELD, QUIRE_PIECE_GRAPH, 0},
            [11] = {ACT_PIECE, QUIRE_PIECE_INPUT, 1},
            [12] = {ACT_PIECE, QUIRE_PIECE_OUTPUT, 1},
            [13] = {ACT_PIECE, QUIRE_PIECE_VALUE_INFO, 1},
            [14] = {ACT_PIECE, QUIRE_PIECE_OTHER, 1},
            [15] = {ACT_SPARSE, QUIRE_PIECE_INITIALIZER, 0},
            [16] = {ACT_PIECE, QUIRE_PIECE_METADATA, 1},
        },
    [AT_FUNCTION] =
        {
            [7] = {ACT_NODE, QUIRE_PIECE_NODE, 0},
            [9] = {ACT_PIECE, QUIRE_PIECE_OPSET_IMPORT, 1},
            [11] = {ACT_ATTRIBUTE, QUIRE_PIECE_ATTRIBUTE, 0},
            [12] = {ACT_PIECE, QUIRE_PIECE_VALUE_INFO, 1},
            [14] = {ACT_PIECE, QUIRE_PIECE_METADATA, 1},
        },
    [AT_NODE] = {[5] = {ACT_ATTRIBUTE, QUIRE_PIECE_ATTRIBUTE, 0}},
    [AT_ATTRIBUTE] =
        {
            [5] = {ACT_TENSOR, QUIRE_PIECE_ATTRIBUTE, 0},
            [6] = {ACT_GRAPH, QUIRE_PIECE_GRAPH, 0},
            [10] = {ACT_TENSOR, QUIRE_PIECE_ATTRIBUTE, 0},
            [11] = {ACT_GRAPH, QUIRE_PIECE_GRAPH, 0},
            [22] = {ACT_SPARSE, QUIRE_PIECE_ATTRIBUTE, 0},
            [23] = {ACT_SPARSE, QUIRE_PIECE_ATTRIBUTE, 0},
        },
    [AT_SPARSE] =
        {
            [1] = {ACT_TENSOR, QUIRE_PIECE_INITIALIZER, 0},
            [2] = {ACT_TENSOR, QUIRE_PIECE_INITIALIZER, 0},
        },
    [AT_TRAINING] =
        {
            [1] = {ACT_GRAPH, QUIRE_PIECE_GRAPH, 0},
            [2] = {ACT_GRAPH, QUIRE_PIECE_GRAPH, 0},
        },
};

typedef struct open_message {
    uint64_t end, fragment; /* fragment: where the current one started; UINT64_MAX: none */
    uint64_t name_hash;
    quire_span name;
    uint32_t scope, inner; /* scope it is named in; scope of what it holds */
    uint32_t part;         /* number of the next fragment */
    uint8_t at, kind;
} open_message;

typedef struct walker {
    quire_walk *walk;
    open_message open[DEPTH];
    size_t n_open;
    uint64_t pos;
} walker;

/* ---- names and keys */

/* Of a name's bytes; the steps are counted from its start, so equal names hash equal wherever
 * they are. */
static quire_status
hash_name(quire_walk *walk, quire_span name, uint64_t *out_hash)
{
    uint64_t hash = 1;
    for (uint32_t done = 0; done < name.len;) {
        const uint8_t *p;
        size_t n;
        const uint32_t left = name.len - done, step = left < HASH_STEP ? left : HASH_STEP;
        QUIRE_TRY(quire_window_get(walk->ctx, &walk->window, name.off + done, step, &p, &n));
        hash = XXH3_64bits_withSeed(p, step, hash);
        done += step;
    }
    *out_hash = hash;
    return QUIRE_OK;
}

static quire_status
hash_any_name(quire_walk *walk, quire_span name, uint64_t *out_hash)
{
    if (name.len != QUIRE_PIECE_NUMBERED) return hash_name(walk, name, out_hash);
    *out_hash = XXH3_64bits_withSeed(&name.off, sizeof name.off, 2);
    return QUIRE_OK;
}

quire_status
quire_walk_add(quire_walk *walk, quire_piece piece, uint64_t name_hash, uint32_t part)
{
    const struct {
        uint64_t scope, name;
        uint32_t kind, part;
    } key = {walk->scopes[piece.scope].hash, name_hash, piece.kind | (uint32_t)piece.frame << 8,
             part};
    piece.key = XXH3_64bits(&key, sizeof key);
    if (walk->n_pieces >= UINT32_MAX - 1) {
        return quire_fail_file(walk->ctx, QUIRE_E_LIMIT, walk->window.source->name,
                               "more than %u parts to compare", UINT32_MAX - 1);
    }
    QUIRE_TRY(quire_grow(walk->ctx, &walk->pieces, &walk->pieces_room, walk->n_pieces + 1,
                         sizeof *walk->pieces));
    walk->pieces[walk->n_pieces++] = piece;
    return QUIRE_OK;
}

/* Adds a scope of the given text; `from` and `name_hash` say which one it is. */
static quire_status
add_scope(quire_walk *walk, uint32_t from, uint64_t name_hash, quire_bytes text,
          uint32_t *out_scope)
{
    const uint64_t key[2] = {walk->scopes[from].hash, name_hash};
    QUIRE_TRY(quire_grow(walk->ctx, &walk->scopes, &walk->scopes_room, walk->n_scopes + 1,
                         sizeof *walk->scopes));
    walk->scopes[walk->n_scopes] = (quire_scope){XXH3_64bits(key, sizeof key), text};
    *out_scope = (uint32_t)walk->n_scopes++;
    return QUIRE_OK;
}

/* The start of a name, cut between characters if it is very long. */
static quire_status
show_name(quire_walk *walk, quire_span name, const char **out_text, int *out_n)
{
    const uint8_t *p;
    size_t have;
    int n = (int)(name.len < NAME_MAX_SHOWN ? name.len : NAME_MAX_SHOWN);
    QUIRE_TRY(quire_window_get(walk->ctx, &walk->window, name.off, (size_t)n + 1, &p, &have));
    while (n > 0 && (uint32_t)n < name.len && (p[n] & 0xc0) == 0x80)
        n--;
    *out_text = (const char *)p;
    *out_n = n;
    return QUIRE_OK;
}

/* The text of scope `from`, or an ellipsis if it is very long already. */
static quire_bytes
outer_text(const quire_walk *walk, uint32_t from)
{
    const quire_bytes text = walk->scopes[from].text;
    return text.len > TEXT_MAX ? quire_bytes_of(".../") : text;
}

/* Scope FROM/NAME/. */
static quire_status
enter_scope(quire_walk *walk, uint32_t from, quire_span name, uint64_t name_hash,
            uint32_t *out_scope)
{
    const quire_bytes outer = outer_text(walk, from);
    const char *text;
    int n;
    quire_bytes joined;
    QUIRE_TRY(show_name(walk, name, &text, &n));
    QUIRE_TRY(quire_arena_format(walk->ctx, &walk->arena, &joined, "%.*s%.*s/", (int)outer.len,
                                 (const char *)outer.ptr, n, text));
    return add_scope(walk, from, name_hash, joined, out_scope);
}

/* Scope "function DOMAIN:NAME:OVERLOAD/". */
static quire_status
enter_function(quire_walk *walk, uint64_t at, uint64_t end, uint32_t *out_scope)
{
    static const uint32_t numbers[3] = {10, 1, 13};
    quire_bytes joined = quire_bytes_of("function ");
    uint64_t hash = 3;
    for (int i = 0; i < 3; i++) {
        quire_span name;
        uint64_t name_hash;
        const char *text;
        int n;
        QUIRE_TRY(quire_look_string(walk, at, end, numbers[i], &name));
        QUIRE_TRY(hash_name(walk, name, &name_hash));
        hash = XXH3_64bits_withSeed(&name_hash, sizeof name_hash, hash);
        QUIRE_TRY(show_name(walk, name, &text, &n));
        QUIRE_TRY(quire_arena_format(walk->ctx, &walk->arena, &joined, "%.*s%.*s%c",
                                     (int)joined.len, (const char *)joined.ptr, n, text,
                                     i == 2 ? '/' : ':'));
    }
    return add_scope(walk, 0, hash, joined, out_scope);
}

/* Scope of a TrainingInfoProto (`number` 0: "training_info[2]/") or of a graph in it. */
static quire_status
enter_training(quire_walk *walk, uint32_t from, uint32_t number, uint32_t *out_scope)
{
    static const char *const graphs[] = {"", "initialization/", "algorithm/"};
    char text[64];
    quire_bytes copy;
    if (number == 0) {
        snprintf(text, sizeof text, "training_info[%u]/", walk->n_training++);
    } else {
        snprintf(text, sizeof text, "%.*s%s", 40, (const char *)walk->scopes[from].text.ptr,
                 graphs[number]);
    }
    QUIRE_TRY(quire_arena_copy(walk->ctx, &walk->arena, quire_bytes_of(text), &copy));
    return add_scope(walk, from, XXH3_64bits(text, strlen(text)), copy, out_scope);
}

/* ---- pieces of the model file */

static open_message *
top(walker *w)
{
    return &w->open[w->n_open - 1];
}

/* Ends the current fragment at `end`. */
static quire_status
close_fragment(walker *w, uint64_t end)
{
    open_message *m = top(w);
    const uint64_t start = m->fragment;
    m->fragment = UINT64_MAX;
    if (start >= end) return QUIRE_OK;
    return quire_walk_add(
        w->walk,
        (quire_piece){
            .off = start, .len = end - start, .name = m->name, .scope = m->scope, .kind = m->kind},
        m->name_hash, m->part++);
}

/* The whole field as one piece of the innermost message. */
static quire_status
add_piece(walker *w, const quire_tag *f, uint8_t kind, quire_span name)
{
    uint64_t hash;
    QUIRE_TRY(close_fragment(w, f->at));
    QUIRE_TRY(hash_any_name(w->walk, name, &hash));
    w->pos = f->end;
    return quire_walk_add(w->walk,
                          (quire_piece){.off = f->at,
                                        .len = f->end - f->at,
                                        .name = name,
                                        .scope = top(w)->inner,
                                        .kind = kind},
                          hash, 0);
}

/* Opens the field's message: its tag and length are a piece. `scope` is where it is called
 * `name`, `inner` where its contents are. */
static quire_status
open_field(walker *w, const quire_tag *f, message what, uint8_t kind, quire_span name,
           uint32_t scope, uint32_t inner)
{
    uint64_t hash;
    if (w->n_open == DEPTH) {
        return quire_fail_file(w->walk->ctx, QUIRE_E_LIMIT, w->walk->window.source->name,
                               "byte %llu: messages are nested more than %d deep",
                               (unsigned long long)f->at, DEPTH);
    }
    QUIRE_TRY(close_fragment(w, f->at));
    QUIRE_TRY(hash_name(w->walk, name, &hash));
    const quire_piece header = {.off = f->at,
                                .len = f->body - f->at,
                                .name = name,
                                .scope = scope,
                                .kind = kind,
                                .frame = true};
    QUIRE_TRY(quire_walk_add(w->walk, header, hash, 0));
    w->open[w->n_open++] = (open_message){.end = f->end,
                                          .fragment = UINT64_MAX,
                                          .name_hash = hash,
                                          .name = name,
                                          .scope = scope,
                                          .inner = inner,
                                          .at = (uint8_t)what,
                                          .kind = kind};
    w->pos = f->body;
    return QUIRE_OK;
}

/* A node or attribute: a piece, or opened with a scope of its own. */
static quire_status
open_named(walker *w, const quire_tag *f, message what, uint8_t kind, const quire_look *look)
{
    const uint32_t scope = top(w)->inner;
    uint32_t inner;
    uint64_t hash;
    QUIRE_TRY(hash_name(w->walk, look->name, &hash));
    QUIRE_TRY(enter_scope(w->walk, scope, look->name, hash, &inner));
    return open_field(w, f, what, kind, look->name, scope, inner);
}

static quire_status
visit_node(walker *w, const quire_tag *f, uint8_t kind)
{
    quire_look look;
    QUIRE_TRY(quire_look_node(w->walk, f->body, f->end, &look));
    if (!look.opens) return add_piece(w, f, kind, look.name);
    return open_named(w, f, AT_NODE, kind, &look);
}

/* Attributes without graphs and bulk are part of the node's fragment; of a function, pieces. */
static quire_status
visit_attribute(walker *w, const quire_tag *f, uint8_t kind)
{
    quire_look look;
    QUIRE_TRY(quire_look_attribute(w->walk, f->body, f->end, &look));
    if (look.opens) return open_named(w, f, AT_ATTRIBUTE, kind, &look);
    if (top(w)->at == AT_FUNCTION) return add_piece(w, f, kind, look.name);
    if (top(w)->fragment == UINT64_MAX) top(w)->fragment = f->at;
    w->pos = f->end;
    return QUIRE_OK;
}

/* File index of a location; 0: not among the side's files. Tensors mostly come in order of
 * files. */
static quire_status
find_file(quire_walk *walk, quire_span location, uint32_t *out_file)
{
    const quire_layout_side *side = walk->side;
    uint8_t name[QUIRE_WINDOW_MIN];
    const uint8_t *p;
    size_t have;
    *out_file = 0;
    if (location.len == 0 || location.len > sizeof name) return QUIRE_OK;
    QUIRE_TRY(quire_window_get(walk->ctx, &walk->window, location.off, location.len, &p, &have));
    memcpy(name, p, location.len);
    const quire_bytes wanted = {name, location.len};
    for (size_t i = 0; i < side->n_files; i++) {
        const size_t file = (walk->file_hint + i) % side->n_files;
        if (file == 0 || !quire_bytes_equal(wanted, quire_bytes_of(side->files[file].name)))
            continue;
        walk->file_hint = *out_file = (uint32_t)file;
        break;
    }
    return QUIRE_OK;
}

static quire_status
add_extent(quire_walk *walk, const quire_look *look, quire_span name, uint32_t scope)
{
    uint32_t file;
    QUIRE_TRY(find_file(walk, look->location, &file));
    if (file == 0) return QUIRE_OK;
    QUIRE_TRY(quire_grow(walk->ctx, &walk->extents, &walk->extents_room, walk->n_extents + 1,
                         sizeof *walk->extents));
    uint64_t hash;
    QUIRE_TRY(hash_name(walk, name, &hash));
    walk->extents[walk->n_extents++] =
        (quire_piece){.off = look->offset,
                      .len = look->has_length ? look->length : UINT64_MAX,
                      .key = hash,
                      .name = name,
                      .scope = scope,
                      .file = file,
                      .kind = QUIRE_PIECE_PAYLOAD};
    return QUIRE_OK;
}

static quire_status
visit_tensor(walker *w, const quire_tag *f, uint8_t kind)
{
    const open_message *m = top(w);
    const uint32_t scope = m->inner;
    quire_look look;
    QUIRE_TRY(quire_look_tensor(w->walk, f->body, f->end, &look));
    /* The parts of a sparse tensor go by its name, and its kind. */
    if (m->at == AT_SPARSE) kind = m->kind;
    if (!look.opens && m->at != AT_GRAPH) {
        if (top(w)->fragment == UINT64_MAX) top(w)->fragment = f->at;
        w->pos = f->end;
        return QUIRE_OK;
    }
    if (!look.opens) return add_piece(w, f, kind, look.name);
    if (look.external) QUIRE_TRY(add_extent(w->walk, &look, look.name, scope));
    return open_field(w, f, AT_TENSOR, kind, look.name, scope, scope);
}

static quire_status
visit_sparse(walker *w, const quire_tag *f, uint8_t kind)
{
    const uint32_t scope = top(w)->inner;
    quire_look look;
    QUIRE_TRY(quire_look_sparse(w->walk, f->body, f->end, &look));
    if (look.opens) return open_field(w, f, AT_SPARSE, kind, look.name, scope, scope);
    if (top(w)->at == AT_GRAPH) return add_piece(w, f, kind, look.name);
    if (top(w)->fragment == UINT64_MAX) top(w)->fragment = f->at;
    w->pos = f->end;
    return QUIRE_OK;
}

static quire_status
visit_graph(walker *w, const quire_tag *f, uint8_t kind)
{
    const open_message *m = top(w);
    uint32_t inner = m->inner;
    if (m->at == AT_TRAINING) QUIRE_TRY(enter_training(w->walk, m->inner, f->number, &inner));
    return open_field(w, f, AT_GRAPH, kind, (quire_span){0}, inner, inner);
}

static quire_status
visit_root(walker *w, const quire_tag *f, const struct place *place)
{
    uint32_t inner;
    const bool function = place->act == ACT_FUNCTION;
    if (function) {
        QUIRE_TRY(enter_function(w->walk, f->body, f->end, &inner));
    } else {
        QUIRE_TRY(enter_training(w->walk, 0, 0, &inner));
    }
    return open_field(w, f, function ? AT_FUNCTION : AT_TRAINING, place->kind, (quire_span){0},
                      inner, inner);
}

/* A field that is none of the above: a piece of models and graphs, else one more field of the
 * fragment. A bulk payload ends the fragment and is a piece. */
static quire_status
visit_plain(walker *w, const quire_tag *f)
{
    open_message *m = top(w);
    if (m->at == AT_MODEL || m->at == AT_GRAPH) {
        return add_piece(w, f, QUIRE_PIECE_OTHER, (quire_span){f->number, QUIRE_PIECE_NUMBERED});
    }
    if (m->fragment == UINT64_MAX) m->fragment = f->at;
    w->pos = f->end;
    if (m->at != AT_TENSOR || !quire_look_is_payload(f)) return QUIRE_OK;
    QUIRE_TRY(close_fragment(w, f->body));
    const quire_piece payload = {.off = f->body,
                                 .len = f->end - f->body,
                                 .name = m->name,
                                 .scope = m->scope,
                                 .kind = QUIRE_PIECE_PAYLOAD};
    return quire_walk_add(w->walk, payload, m->name_hash, 0);
}

static quire_status
visit(walker *w, const quire_tag *f)
{
    static const struct place none = {0};
    const struct place *place = f->number < FIELDS ? &places[top(w)->at][f->number] : &none;
    quire_span name = {f->number, QUIRE_PIECE_NUMBERED};
    if (place->act != ACT_FIELD && f->wire != QUIRE_WIRE_LEN) return visit_plain(w, f);
    switch (place->act) {
    case ACT_PIECE:
        QUIRE_TRY(quire_look_string(w->walk, f->body, f->end, place->name, &name));
        break;
    case ACT_FIELD: break;
    case ACT_NODE: return visit_node(w, f, place->kind);
    case ACT_ATTRIBUTE: return visit_attribute(w, f, place->kind);
    case ACT_TENSOR: return visit_tensor(w, f, place->kind);
    case ACT_SPARSE: return visit_sparse(w, f, place->kind);
    case ACT_GRAPH: return visit_graph(w, f, place->kind);
    case ACT_FUNCTION:
    case ACT_TRAINING: return visit_root(w, f, place);
    default: return visit_plain(w, f);
    }
    return add_piece(w, f, place->kind, name);
}

static quire_status
walk_model(walker *w)
{
    const uint64_t size = w->walk->window.source->size;
    if (size > UINT32_MAX) {
        return quire_fail_file(w->walk->ctx, QUIRE_E_LIMIT, w->walk->window.source->name,
                               "the model has %llu bytes, at most %u can be compared",
                               (unsigned long long)size, UINT32_MAX);
    }
    w->open[0] = (open_message){.end = size, .fragment = UINT64_MAX, .at = AT_MODEL};
    w->n_open = 1;
    while (w->n_open > 0) {
        const uint64_t end = top(w)->end;
        if (w->pos == end) {
            QUIRE_TRY(close_fragment(w, end));
            w->n_open--;
            continue;
        }
        quire_tag f;
        QUIRE_TRY(quire_look_tag(w->walk, w->pos, end, &f));
        QUIRE_TRY(visit(w, &f));
    }
    return QUIRE_OK;
}

/* ---- a side */

quire_status
quire_walk_side(quire_ctx *ctx, const quire_layout_side *side, quire_walk *walk)
{
    *walk = (quire_walk){.ctx = ctx, .side = side};
    quire_window_init(&walk->window, &side->files[0].source);
    quire_arena_init(&walk->arena, ctx->alloc);
    QUIRE_TRY(quire_grow(ctx, &walk->scopes, &walk->scopes_room, 1, sizeof *walk->scopes));
    walk->n_scopes = 1;
    walk->scopes[0].text = quire_bytes_of("");

    walker *w = quire_alloc(ctx->alloc, sizeof *w);
    if (w == NULL) return quire_nomem(ctx);
    w->walk = walk;
    w->pos = 0;
    const quire_status status = walk_model(w);
    quire_free(ctx->alloc, w, sizeof *w);
    QUIRE_TRY(status);
    return quire_walk_files(walk);
}

void
quire_walk_deinit(quire_walk *walk)
{
    if (walk->ctx == NULL) return;
    const quire_allocator *a = walk->ctx->alloc;
    quire_window_deinit(walk->ctx, &walk->window);
    quire_arena_deinit(&walk->arena);
    quire_ungrow(a, &walk->pieces, &walk->pieces_room, sizeof *walk->pieces);
    quire_ungrow(a, &walk->scopes, &walk->scopes_room, sizeof *walk->scopes);
    quire_ungrow(a, &walk->extents, &walk->extents_room, sizeof *walk->extents);
}

/* ---- what to call them */

const char *
quire_piece_kind_text(quire_piece_kind kind)
{
    static const char *const texts[] = {
#define QUIRE_PIECE_TEXT(name, text) [QUIRE_PIECE_##name] = text,
        QUIRE_PIECE_KINDS(QUIRE_PIECE_TEXT)
#undef QUIRE_PIECE_TEXT
    };
    return texts[kind];
}

/* Name of a field of the model or a graph; NULL: "field N". */
static const char *
field_name(quire_piece_kind kind, uint32_t number)
{
    if (kind != QUIRE_PIECE_MODEL && kind != QUIRE_PIECE_GRAPH) return NULL;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        kind == QUIRE_PIECE_MODEL ? &onnx__model_proto__descriptor : &onnx__graph_proto__descriptor,
        number);
    return field != NULL ? field->name : NULL;
}

quire_status
quire_walk_name(quire_walk *walk, const quire_piece *piece, quire_arena *arena,
                quire_bytes *out_name)
{
    const quire_bytes scope = walk->scopes[piece->scope].text;
    const int scope_len = (int)scope.len;
    const char *before = (const char *)scope.ptr, *text = "";
    if (piece->name.len == QUIRE_PIECE_NUMBERED) {
        text = field_name(piece->kind, piece->name.off);
        if (text != NULL)
            return quire_arena_format(walk->ctx, arena, out_name, "%.*s%s", scope_len, before,
                                      text);
        return quire_arena_format(walk->ctx, arena, out_name, "%.*sfield %u", scope_len, before,
                                  piece->name.off);
    }
    int n = 0;
    if (piece->name.len > 0) QUIRE_TRY(show_name(walk, piece->name, &text, &n));
    const int trim = n == 0 && scope_len > 0; /* the slash before nothing */
    return quire_arena_format(walk->ctx, arena, out_name, "%.*s%.*s", scope_len - trim, before, n,
                              text);
}
