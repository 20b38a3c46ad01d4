/* slot_print.c - what a slot is about, and its canonical text. Reading the text is slot_read.c. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/slot.h"
#include "graph/spec_text.h"

quire_value
quire_slot_value(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) return (quire_value){slot.id};
    if (slot.kind == QUIRE_SLOT_USE) return quire_use_at(m, (quire_use){slot.id})->value;
    return (quire_value){0};
}

quire_node
quire_slot_node(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) return quire_value_node(m, (quire_value){slot.id});
    if (slot.kind == QUIRE_SLOT_USE) return quire_use_at(m, (quire_use){slot.id})->node;
    return (quire_node){0};
}

quire_graph
quire_slot_graph(const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_RESULT) return quire_value_at(m, (quire_value){slot.id})->graph;
    if (slot.kind == QUIRE_SLOT_USE) return quire_use_at(m, (quire_use){slot.id})->graph;
    return (quire_graph){0};
}

bool
quire_slot_is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

void
quire_slot_print_quoted(quire_writer *w, quire_bytes text)
{
    quire_write_str(w, "\"");
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            quire_writef(w, "\\x%02x", (unsigned)c);
        } else {
            quire_write(w, &c, 1);
        }
    }
    quire_write_str(w, "\"");
}

void
quire_slot_print_name(quire_writer *w, quire_bytes name)
{
    bool plain = name.len > 0;
    for (size_t i = 0; i < name.len && plain; i++)
        plain = quire_slot_is_plain(name.ptr[i]);
    if (plain) {
        quire_write_bytes(w, name);
    } else {
        quire_slot_print_quoted(w, name);
    }
}

quire_value
quire_node_first_result(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        const quire_value v = quire_node_result(m, n, k);
        if (quire_value_name(m, v).len > 0) return v;
    }
    return (quire_value){0};
}

static void
print_node_name(quire_writer *w, const quire_model *m, quire_node n)
{
    const quire_value v = quire_node_first_result(m, n);
    quire_slot_print_name(w, v.id != 0 ? quire_value_name(m, v) : (quire_bytes){NULL, 0});
}

/* --- paths ------------------------------------------------------------------------------------ */

/* A domain or overload: `:` separates, so inside it is `%3a`, and `%` is `%25`. */
static size_t
put_part(uint8_t *out, quire_bytes part)
{
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        const uint8_t c = part.ptr[i];
        if (c == ':' || c == '%') {
            memcpy(out + n, c == ':' ? "%3a" : "%25", 3);
            n += 3;
        } else {
            out[n++] = c;
        }
    }
    return n;
}

/* `function DOMAIN:NAME:OVERLOAD`, so that no two functions have the same. */
static void
print_function(quire_writer *w, const quire_model *m, const quire_graph_rec *r)
{
    const quire_bytes domain = quire_sym_bytes(m, r->domain), name = quire_sym_bytes(m, r->name);
    const quire_bytes overload = quire_sym_bytes(m, r->overload);
    const size_t room = sizeof "function ::" + 3 * domain.len + name.len + 3 * overload.len;
    uint8_t *text = quire_alloc(w->ctx->alloc, room);
    if (text == NULL) {
        if (w->status == QUIRE_OK) w->status = quire_nomem(w->ctx);
        return;
    }
    size_t n = sizeof "function " - 1;
    memcpy(text, "function ", n);
    n += put_part(text + n, domain);
    text[n++] = ':';
    if (name.len > 0) memcpy(text + n, name.ptr, name.len);
    n += name.len;
    text[n++] = ':';
    n += put_part(text + n, overload);
    quire_slot_print_name(w, (quire_bytes){text, n});
    quire_free(w->ctx->alloc, text, room);
}

static void
print_training(quire_writer *w, const quire_model *m, quire_graph g)
{
    for (size_t k = 0; k < m->n_training; k++) {
        const bool initialization = m->training[k].initialization.id == g.id;
        if (!initialization && m->training[k].algorithm.id != g.id) continue;
        quire_writef(w, "\"training[%zu].%s\"", k, initialization ? "initialization" : "algorithm");
        return;
    }
}

bool
quire_body_has_index(quire_bytes name, size_t *out_base, uint64_t *out_index)
{
    size_t at = name.len;
    uint64_t index = 0, factor = 1;
    if (at == 0 || name.ptr[--at] != ']') return false;
    for (; at > 0 && name.ptr[at - 1] >= '0' && name.ptr[at - 1] <= '9'; at--) {
        if (factor > UINT32_MAX) return false;
        index += factor * (uint64_t)(name.ptr[at - 1] - '0');
        factor *= 10;
    }
    if (factor == 1 || at < 2 || name.ptr[at - 1] != '[') return false;
    if (name.ptr[at] == '0' && factor > 10) return false;
    *out_base = at - 1;
    *out_index = index;
    return true;
}

static void
print_body_name(quire_writer *w, const quire_model *m, quire_graph g)
{
    const quire_attr_rec *a = quire_attr_at(m, quire_graph_at(m, g)->attr);
    const quire_bytes name = quire_sym_bytes(m, a->name);
    quire_bytes text;
    size_t base;
    uint64_t number;
    uint32_t index = 0;
    while (index < a->n_graphs && a->graphs[index].id != g.id)
        index++;
    if (index == 0 && !quire_body_has_index(name, &base, &number)) {
        quire_slot_print_name(w, name);
        return;
    }
    quire_arena scratch;
    quire_arena_init(&scratch, w->ctx->alloc);
    const quire_status status = quire_arena_format(w->ctx, &scratch, &text, "%.*s[%" PRIu32 "]",
                                                   (int)name.len, (const char *)name.ptr, index);
    if (status == QUIRE_OK) quire_slot_print_name(w, text);
    if (status != QUIRE_OK && w->status == QUIRE_OK) w->status = status;
    quire_arena_deinit(&scratch);
}

/* Graphs nest at most 32 deep, so the recursion is bounded. */
void
quire_slot_print_path(quire_writer *w, const quire_model *m, quire_graph g)
{
    const quire_graph_rec *r = quire_graph_at(m, g);
    if (r->kind == QUIRE_GRAPH_MAIN) return;
    if (r->kind == QUIRE_GRAPH_BODY) {
        quire_slot_print_path(w, m, r->parent);
        print_node_name(w, m, r->owner);
        quire_write_str(w, "/");
        print_body_name(w, m, g);
    } else if (r->kind == QUIRE_GRAPH_FUNCTION) {
        print_function(w, m, r);
    } else {
        print_training(w, m, g);
    }
    quire_write_str(w, "/");
}

/* --- slots ------------------------------------------------------------------------------------ */

void
quire_slot_print(quire_writer *w, const quire_model *m, quire_slot slot)
{
    if (slot.kind == QUIRE_SLOT_NAMED || slot.kind == QUIRE_SLOT_ABSENT) {
        quire_write_bytes(w, quire_sym_bytes(m, (quire_sym){slot.id}));
        return;
    }
    quire_slot_print_path(w, m, quire_slot_graph(m, slot));
    if (slot.kind == QUIRE_SLOT_RESULT) {
        quire_slot_print_name(w, quire_value_name(m, (quire_value){slot.id}));
        return;
    }
    const quire_use_rec *u = quire_use_at(m, (quire_use){slot.id});
    if (u->node.id != 0) print_node_name(w, m, u->node);
    quire_writef(w, u->node.id != 0 ? "<-%" PRIu32 : "->%" PRIu32, u->index);
}
