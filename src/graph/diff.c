/* diff.c - pairs what two models hold by name, and tells what has no partner or another content.
 *
 * Graphs wait in a list of pairs, so bodies need no recursion. Inside a pair each kind of thing is
 * a list; names of both models are interned into one table, and things of one name meet in order.
 */
#include "graph/diff.h"

#include "base/alloc.h"
#include "base/diag.h"
#include "base/sym.h"
#include "graph/diff_content.h"
#include "graph/diff_tell.h"
#include "graph/fields.h"
#include "graph/path.h"

enum { MODEL_CONFIGURATION = 26 };

typedef struct item {
    uint32_t name;   /* symbol in differ.names             */
    uint32_t record; /* node id, or index into the list    */
    uint32_t next;   /* 1 + index: the next of that name   */
    uint32_t mate;   /* 1 + index in the other model's list */
} item;

typedef struct items {
    item *ptr;
    size_t n, room;
} items;

typedef struct pair {
    quire_graph a, b;
} pair;

typedef struct differ {
    quire_two two;
    quire_diff *diff;
    quire_syms names;
    items a, b;      /* of the list being compared */
    uint32_t *heads; /* by name: 1 + index of the first unpaired of a */
    size_t heads_room;
    pair *pairs;
    size_t n_pairs, pairs_room;
    quire_bytes path; /* of the current pair, as b has it */
    quire_graph ga, gb;
} differ;

/* ---- lists of named things */

typedef struct list {
    const char *kind;
    const char *what; /* "order of ..." */
    size_t (*count)(const quire_model *m, quire_graph g);
    quire_bytes (*name)(const quire_model *m, quire_graph g, uint32_t record);
    /* Puts into *detail what differs between the two; nothing: they are the same. */
    quire_status (*compare)(differ *d, uint32_t a, uint32_t b, quire_detail *detail);
} list;

static quire_status
add_item(differ *d, items *to, quire_bytes name, uint32_t record)
{
    quire_sym sym;
    QUIRE_TRY(quire_syms_intern(d->two.ctx, &d->names, name, &sym));
    QUIRE_TRY(quire_grow(d->two.ctx, &to->ptr, &to->room, to->n + 1, sizeof *to->ptr));
    to->ptr[to->n++] = (item){.name = sym.id, .record = record};
    return QUIRE_OK;
}

/* Pairs the items of a and b; leaves d->heads zeroed. */
static quire_status
pair_items(differ *d)
{
    QUIRE_TRY(quire_grow(d->two.ctx, &d->heads, &d->heads_room, d->names.n, sizeof *d->heads));
    for (size_t i = d->a.n; i > 0; i--) {
        item *x = &d->a.ptr[i - 1];
        x->next = d->heads[x->name];
        d->heads[x->name] = (uint32_t)i;
    }
    for (size_t k = 0; k < d->b.n; k++) {
        item *y = &d->b.ptr[k];
        y->mate = d->heads[y->name];
        if (y->mate == 0) continue;
        item *x = &d->a.ptr[y->mate - 1];
        x->mate = (uint32_t)k + 1;
        d->heads[y->name] = x->next;
    }
    for (size_t i = 0; i < d->a.n; i++)
        d->heads[d->a.ptr[i].name] = 0;
    return QUIRE_OK;
}

static quire_status
tell(differ *d, quire_change change, const char *kind, quire_bytes name, const quire_detail *detail)
{
    return quire_diff_add(d->two.ctx, d->diff, change, kind, d->path, name, detail);
}

/* Things that are there in both, but in another order. */
static quire_status
tell_order(differ *d, const char *what)
{
    uint32_t last = 0;
    quire_detail detail = {.n = 0};
    for (size_t i = 0; i < d->a.n; i++) {
        if (d->a.ptr[i].mate == 0) continue;
        if (d->a.ptr[i].mate < last) {
            quire_detail_put(&detail, "order of %s", what);
            return tell(d, QUIRE_CHANGE_CHANGED, "graph", quire_bytes_of(""), &detail);
        }
        last = d->a.ptr[i].mate;
    }
    return QUIRE_OK;
}

/* What nodes and tensors are, beside their names. */
static void
describe(const quire_model *m, const char *kind, quire_graph g, uint32_t record,
         quire_detail *detail)
{
    if (strcmp(kind, "node") == 0)
        quire_detail_op(detail, m, quire_node_at(m, (quire_node){record})->op);
    if (strcmp(kind, "initializer") == 0) {
        quire_detail_tensor(detail, m, quire_graph_at(m, g)->inits[record].tensor);
    }
}

static quire_status
tell_items(differ *d, const list *l)
{
    for (size_t i = 0; i < d->a.n; i++) {
        const item *x = &d->a.ptr[i];
        const quire_bytes name = quire_syms_bytes(&d->names, (quire_sym){x->name});
        quire_detail detail = {.n = 0};
        if (x->mate == 0) {
            describe(d->two.a, l->kind, d->ga, x->record, &detail);
            QUIRE_TRY(tell(d, QUIRE_CHANGE_REMOVED, l->kind, name, &detail));
            continue;
        }
        QUIRE_TRY(l->compare(d, x->record, d->b.ptr[x->mate - 1].record, &detail));
        if (detail.n > 0) QUIRE_TRY(tell(d, QUIRE_CHANGE_CHANGED, l->kind, name, &detail));
    }
    for (size_t k = 0; k < d->b.n; k++) {
        const item *y = &d->b.ptr[k];
        const quire_bytes name = quire_syms_bytes(&d->names, (quire_sym){y->name});
        quire_detail detail = {.n = 0};
        if (y->mate != 0) continue;
        describe(d->two.b, l->kind, d->gb, y->record, &detail);
        QUIRE_TRY(tell(d, QUIRE_CHANGE_ADDED, l->kind, name, &detail));
    }
    return tell_order(d, l->what);
}

static quire_status
collect(differ *d, const list *l, const quire_model *m, quire_graph g, items *to)
{
    to->n = 0;
    if (l->count == NULL) { /* nodes are a linked list */
        for (quire_node n = quire_graph_at(m, g)->first; n.id != 0; n = quire_node_at(m, n)->next) {
            QUIRE_TRY(add_item(d, to, quire_node_label(m, n), n.id));
        }
        return QUIRE_OK;
    }
    const size_t count = l->count(m, g);
    for (uint32_t i = 0; i < count; i++)
        QUIRE_TRY(add_item(d, to, l->name(m, g, i), i));
    return QUIRE_OK;
}

static quire_status
compare_list(differ *d, const list *l)
{
    QUIRE_TRY(quire_check_canceled(d->two.ctx));
    QUIRE_TRY(collect(d, l, d->two.a, d->ga, &d->a));
    QUIRE_TRY(collect(d, l, d->two.b, d->gb, &d->b));
    QUIRE_TRY(pair_items(d));
    return tell_items(d, l);
}

/* ---- the lists of a graph */

#define LIST_OF(noun, array, count_of, name_expr)                                                  \
    static size_t count_##noun(const quire_model *m, quire_graph g)                                \
    {                                                                                              \
        return quire_graph_at(m, g)->count_of;                                                     \
    }                                                                                              \
    static quire_bytes name_##noun(const quire_model *m, quire_graph g, uint32_t i)                \
    {                                                                                              \
        return quire_sym_bytes(m, name_expr);                                                      \
    }

LIST_OF(input, inputs, n_inputs, quire_value_at(m, quire_graph_at(m, g)->inputs[i].value)->name)
LIST_OF(output, outputs, n_outputs, quire_graph_at(m, g)->outputs[i].name)
LIST_OF(init, inits, n_inits, quire_tensor_at(m, quire_graph_at(m, g)->inits[i].tensor)->name)
LIST_OF(info, infos, n_infos, quire_graph_at(m, g)->infos[i].name)
LIST_OF(note, notes, n_notes, quire_graph_at(m, g)->notes[i].tensor_name)

static quire_status
compare_input(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    return quire_detail_info(&d->two, quire_graph_at(d->two.a, d->ga)->inputs[a].info,
                             quire_graph_at(d->two.b, d->gb)->inputs[b].info, detail);
}

static quire_status
compare_output(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    return quire_detail_info(&d->two, quire_graph_at(d->two.a, d->ga)->outputs[a].info,
                             quire_graph_at(d->two.b, d->gb)->outputs[b].info, detail);
}

static quire_status
compare_info(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    return quire_detail_info(&d->two, quire_graph_at(d->two.a, d->ga)->infos[a].info,
                             quire_graph_at(d->two.b, d->gb)->infos[b].info, detail);
}

static quire_status
compare_note(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    bool equal;
    QUIRE_TRY(quire_content_equal(&d->two, quire_graph_at(d->two.a, d->ga)->notes[a].src,
                                  quire_graph_at(d->two.b, d->gb)->notes[b].src, &equal));
    if (!equal) quire_detail_put(detail, "quantization annotation");
    return QUIRE_OK;
}

static quire_status
compare_init(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    return quire_detail_tensors(&d->two, quire_graph_at(d->two.a, d->ga)->inits[a].tensor,
                                quire_graph_at(d->two.b, d->gb)->inits[b].tensor, detail);
}

static quire_status
add_pair(differ *d, quire_graph a, quire_graph b)
{
    if (a.id == 0 || b.id == 0) return QUIRE_OK;
    QUIRE_TRY(quire_grow(d->two.ctx, &d->pairs, &d->pairs_room, d->n_pairs + 1, sizeof *d->pairs));
    d->pairs[d->n_pairs++] = (pair){a, b};
    return QUIRE_OK;
}

/* The bodies of two attributes of one name wait for their turn. */
static quire_status
pair_bodies(differ *d, const quire_attr_rec *a, const quire_attr_rec *b)
{
    for (uint32_t i = 0; i < a->n_graphs && i < b->n_graphs; i++) {
        QUIRE_TRY(add_pair(d, a->graphs[i], b->graphs[i]));
    }
    return QUIRE_OK;
}

static quire_status
compare_node(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    const quire_node x = {a}, y = {b};
    const quire_node_rec *r = quire_node_at(d->two.a, x);
    QUIRE_TRY(quire_detail_nodes(&d->two, x, y, detail));
    for (uint32_t k = 0; k < r->n_attr; k++) {
        const quire_attr_rec *attr = quire_attr_at(d->two.a, (quire_attr){r->attr.id + k});
        if (attr->n_graphs == 0) continue;
        const quire_attr other = quire_detail_find_attr(&d->two, attr->name, y, k);
        if (other.id != 0) QUIRE_TRY(pair_bodies(d, attr, quire_attr_at(d->two.b, other)));
    }
    return QUIRE_OK;
}

static const list lists[] = {
    {"input", "inputs", count_input, name_input, compare_input},
    {"output", "outputs", count_output, name_output, compare_output},
    {"initializer", "initializers", count_init, name_init, compare_init},
    {"node", "nodes", NULL, NULL, compare_node},
    {"value_info", "value infos", count_info, name_info, compare_info},
    {"other", "quantization annotations", count_note, name_note, compare_note},
};

enum { FIRST_OF_FUNCTION = 3, N_LISTS = sizeof lists / sizeof *lists };

#define BIT(number) (UINT64_C(1) << (number))

/* Everything of a message that has no list of its own. */
static quire_status
compare_rest(differ *d, const char *kind, const ProtobufCMessageDescriptor *message, quire_bytes a,
             quire_bytes b, uint64_t skip)
{
    uint64_t fields;
    quire_detail detail = {.n = 0};
    QUIRE_TRY(quire_content_fields(&d->two, a, b, skip, &fields));
    if (fields == 0) return QUIRE_OK;
    quire_detail_fields(&detail, message, fields);
    return tell(d, QUIRE_CHANGE_CHANGED, kind, quire_bytes_of(""), &detail);
}

static quire_status
compare_pair(differ *d, pair p)
{
    const quire_graph_rec *x = quire_graph_at(d->two.a, p.a), *y = quire_graph_at(d->two.b, p.b);
    const bool function = x->kind == QUIRE_GRAPH_FUNCTION;
    const uint64_t of_graph = BIT(GRAPH_NODE) | BIT(GRAPH_INITIALIZER) | BIT(GRAPH_INPUT) |
                              BIT(GRAPH_OUTPUT) | BIT(GRAPH_VALUE_INFO) | BIT(GRAPH_ANNOTATION) |
                              BIT(GRAPH_SPARSE_INITIALIZER);
    const uint64_t of_function = BIT(FUNCTION_NODE) | BIT(FUNCTION_VALUE_INFO);
    d->ga = p.a;
    d->gb = p.b;
    QUIRE_TRY(quire_path_of_graph(d->two.ctx, d->two.b, p.b, &d->diff->arena, &d->path));
    QUIRE_TRY(
        compare_rest(d, function ? "function" : "graph",
                     function ? &onnx__function_proto__descriptor : &onnx__graph_proto__descriptor,
                     x->src, y->src, function ? of_function : of_graph));
    for (size_t i = function ? FIRST_OF_FUNCTION : 0; i < N_LISTS; i++) {
        QUIRE_TRY(compare_list(d, &lists[i]));
    }
    return QUIRE_OK;
}

/* ---- the lists of a model: their records are offsets of fields in the ModelProto */

static quire_field
field_at(const quire_model *m, uint32_t offset)
{
    quire_cursor c = quire_cursor_over(m, (quire_bytes){m->src.ptr + offset, m->src.len - offset});
    quire_field f = {0};
    quire_cursor_next(&c, &f);
    return f;
}

/* The fields `number`, called what string field `name` of each says. */
static quire_status
collect_fields(differ *d, const quire_model *m, uint32_t number, uint32_t name, items *to)
{
    quire_cursor c = quire_cursor_over(m, m->src);
    to->n = 0;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        quire_bytes text = {NULL, 0};
        if (f.number != number) continue;
        quire_message_find(m, f.body, name, &text);
        if (number == MODEL_OPSET_IMPORT && quire_bytes_equal(text, quire_bytes_of("ai.onnx")))
            text.len = 0;
        QUIRE_TRY(add_item(d, to, text, (uint32_t)(f.whole.ptr - m->src.ptr)));
    }
    return QUIRE_OK;
}

static quire_status
compare_entry(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    quire_bytes before = {NULL, 0}, after = {NULL, 0};
    quire_message_find(d->two.a, field_at(d->two.a, a).body, ENTRY_VALUE, &before);
    quire_message_find(d->two.b, field_at(d->two.b, b).body, ENTRY_VALUE, &after);
    if (!quire_bytes_equal(before, after)) quire_detail_texts(detail, "value", before, after);
    return QUIRE_OK;
}

static quire_status
compare_opset(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    quire_detail_number(detail, &d->two, "version", field_at(d->two.a, a).body,
                        field_at(d->two.b, b).body, OPSET_VERSION);
    return QUIRE_OK;
}

static quire_status
compare_configuration(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    bool equal;
    QUIRE_TRY(quire_content_equal(&d->two, field_at(d->two.a, a).body, field_at(d->two.b, b).body,
                                  &equal));
    if (!equal) quire_detail_put(detail, "device configuration");
    return QUIRE_OK;
}

static quire_status
compare_fields(differ *d, const list *l, uint32_t number, uint32_t name)
{
    QUIRE_TRY(collect_fields(d, d->two.a, number, name, &d->a));
    QUIRE_TRY(collect_fields(d, d->two.b, number, name, &d->b));
    QUIRE_TRY(pair_items(d));
    return tell_items(d, l);
}

/* Functions, by their path; those in both models are compared as pairs of graphs. */
static quire_status
compare_function(differ *d, uint32_t a, uint32_t b, quire_detail *detail)
{
    (void)detail;
    return add_pair(d, d->two.a->functions[a], d->two.b->functions[b]);
}

static quire_status
collect_functions(differ *d, const quire_model *m, items *to)
{
    to->n = 0;
    for (uint32_t i = 0; i < m->n_functions; i++) {
        quire_bytes path;
        QUIRE_TRY(quire_path_of_graph(d->two.ctx, m, m->functions[i], &d->diff->arena, &path));
        QUIRE_TRY(add_item(d, to, path, i));
    }
    return QUIRE_OK;
}

static quire_status
compare_training(differ *d)
{
    const quire_model *a = d->two.a, *b = d->two.b;
    quire_detail detail = {.n = 0};
    if (a->n_training != b->n_training) {
        quire_detail_put(&detail, "training_info %zu -> %zu", a->n_training, b->n_training);
        QUIRE_TRY(tell(d, QUIRE_CHANGE_CHANGED, "other", quire_bytes_of(""), &detail));
    }
    for (size_t i = 0; i < a->n_training && i < b->n_training; i++) {
        const uint64_t skip = BIT(TRAINING_INITIALIZATION) | BIT(TRAINING_ALGORITHM);
        QUIRE_TRY(compare_rest(d, "other", &onnx__training_info_proto__descriptor,
                               a->training[i].src, b->training[i].src, skip));
        QUIRE_TRY(add_pair(d, a->training[i].initialization, b->training[i].initialization));
        QUIRE_TRY(add_pair(d, a->training[i].algorithm, b->training[i].algorithm));
    }
    return QUIRE_OK;
}

/* ir_version, producer_name and the like, each by itself; what we do not know, together. */
static quire_status
compare_head(differ *d)
{
    const uint64_t named = BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6);
    const uint64_t lists_of_model = BIT(MODEL_GRAPH) | BIT(MODEL_OPSET_IMPORT) |
                                    BIT(MODEL_METADATA) | BIT(MODEL_TRAINING_INFO) |
                                    BIT(MODEL_FUNCTIONS) | BIT(MODEL_CONFIGURATION);
    uint64_t fields;
    QUIRE_TRY(quire_content_fields(&d->two, d->two.a->src, d->two.b->src, ~named, &fields));
    for (uint32_t i = 1; i <= 6; i++) {
        const ProtobufCFieldDescriptor *f =
            protobuf_c_message_descriptor_get_field(&onnx__model_proto__descriptor, i);
        quire_detail detail = {.n = 0};
        if ((fields >> i & 1) == 0) continue;
        if (f->type == PROTOBUF_C_TYPE_STRING) {
            quire_bytes before = {NULL, 0}, after = {NULL, 0};
            quire_message_find(d->two.a, d->two.a->src, i, &before);
            quire_message_find(d->two.b, d->two.b->src, i, &after);
            quire_detail_texts(&detail, "", before, after);
        } else {
            quire_detail_number(&detail, &d->two, "", d->two.a->src, d->two.b->src, i);
        }
        QUIRE_TRY(tell(d, QUIRE_CHANGE_CHANGED, "model", quire_bytes_of(f->name), &detail));
    }
    return compare_rest(d, "other", &onnx__model_proto__descriptor, d->two.a->src, d->two.b->src,
                        named | lists_of_model);
}

static quire_status
compare_models(differ *d)
{
    static const list opsets = {"opset_import", "opset imports", NULL, NULL, compare_opset};
    static const list metadata = {"metadata", "metadata entries", NULL, NULL, compare_entry};
    static const list devices = {"other", "device configurations", NULL, NULL,
                                 compare_configuration};
    static const list functions = {"function", "functions", NULL, NULL, compare_function};
    QUIRE_TRY(quire_syms_init(d->two.ctx, &d->names));
    d->path = quire_bytes_of("");
    QUIRE_TRY(compare_head(d));
    QUIRE_TRY(compare_fields(d, &opsets, MODEL_OPSET_IMPORT, OPSET_DOMAIN));
    QUIRE_TRY(compare_fields(d, &metadata, MODEL_METADATA, ENTRY_KEY));
    QUIRE_TRY(compare_fields(d, &devices, MODEL_CONFIGURATION, 1));
    QUIRE_TRY(add_pair(d, d->two.a->main, d->two.b->main));
    QUIRE_TRY(compare_training(d));
    QUIRE_TRY(collect_functions(d, d->two.a, &d->a));
    QUIRE_TRY(collect_functions(d, d->two.b, &d->b));
    QUIRE_TRY(pair_items(d));
    QUIRE_TRY(tell_items(d, &functions));
    for (size_t i = 0; i < d->n_pairs; i++)
        QUIRE_TRY(compare_pair(d, d->pairs[i]));
    return QUIRE_OK;
}

quire_status
quire_diff_make(quire_ctx *ctx, const quire_model *a, const quire_model *b, quire_diff *out_diff)
{
    differ d = {.two = {ctx, a, b}, .diff = out_diff};
    *out_diff = (quire_diff){0};
    quire_arena_init(&out_diff->arena, ctx->alloc);
    const quire_status status = compare_models(&d);
    quire_syms_deinit(&d.names);
    quire_ungrow(ctx->alloc, &d.a.ptr, &d.a.room, sizeof *d.a.ptr);
    quire_ungrow(ctx->alloc, &d.b.ptr, &d.b.room, sizeof *d.b.ptr);
    quire_ungrow(ctx->alloc, &d.heads, &d.heads_room, sizeof *d.heads);
    quire_ungrow(ctx->alloc, &d.pairs, &d.pairs_room, sizeof *d.pairs);
    if (status != QUIRE_OK) quire_diff_deinit(ctx, out_diff);
    return status;
}

void
quire_diff_deinit(quire_ctx *ctx, quire_diff *diff)
{
    quire_ungrow(ctx->alloc, &diff->items, &diff->items_room, sizeof *diff->items);
    quire_arena_deinit(&diff->arena);
    diff->n_items = 0;
}

quire_status
quire_model_diff(quire_ctx *ctx, const quire_model *a, const quire_model *b, bool json,
                 quire_writer *w, bool *out_same)
{
    quire_diff diff;
    QUIRE_TRY(quire_diff_make(ctx, a, b, &diff));
    if (json) {
        quire_diff_print_json(&diff, w);
    } else {
        quire_diff_print(&diff, w);
    }
    *out_same = diff.n_items == 0;
    quire_diff_deinit(ctx, &diff);
    return QUIRE_OK;
}
