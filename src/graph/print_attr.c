/* print_attr.c - attributes of nodes and functions: `axis = 1`, `then_branch = body () => (y)
 * {...}`. */
#include <inttypes.h>

#include "graph/fields.h"
#include "graph/print_text.h"

/* What is needed to choose a spelling. */
typedef struct attribute {
    quire_bytes body, name;
    quire_field value; /* the last field of the one that `type` asks for */
    size_t n_values;
    uint32_t field; /* its number, 0 if the type has none             */
    int32_t type;
    quire_bytes ref_name;
    bool readable; /* all its strings may stand in quotes            */
} attribute;

static uint32_t
field_of(int32_t type)
{
    static const uint8_t fields[15] = {
        0,           ATTR_F,      ATTR_I,    ATTR_S,       ATTR_T,
        ATTR_G,      ATTR_FLOATS, ATTR_INTS, ATTR_STRINGS, ATTR_TENSORS,
        ATTR_GRAPHS, 0,           0,         ATTR_TP,      ATTR_TYPE_PROTOS,
    };
    return type > 0 && type < 15 ? fields[type] : 0;
}

/* Files of IR 1 have no types: then the field that is there tells. */
static int32_t
infer_type(const quire_printer *p, quire_bytes body)
{
    quire_field f;
    for (int32_t type = 1; type < 15; type++) {
        if (field_of(type) != 0 && quire_print_find(p->m, body, field_of(type), &f)) return type;
    }
    return 0;
}

static attribute
look(const quire_printer *p, quire_bytes body)
{
    attribute a = {.body = body, .readable = true};
    quire_field f;
    if (quire_print_find(p->m, body, ATTR_NAME, &f)) a.name = f.body;
    if (quire_print_find(p->m, body, ATTR_TYPE, &f) && f.scalar < 15) a.type = (int32_t)f.scalar;
    if (quire_print_find(p->m, body, ATTR_REF_NAME, &f)) a.ref_name = f.body;
    if (a.type == 0 && a.ref_name.len == 0) a.type = infer_type(p, body);
    a.field = field_of(a.type);
    quire_cursor c = quire_cursor_over(p->m, body);
    while (a.field != 0 && quire_cursor_next(&c, &f)) {
        if (f.number != a.field) continue;
        a.value = f;
        a.n_values++;
        const bool is_string = a.type == TYPE_STRING || a.type == TYPE_STRINGS;
        if (is_string && (f.is_bulk || !quire_print_is_readable(f.body))) a.readable = false;
        const bool is_number = a.type == TYPE_INTS || a.type == TYPE_FLOATS;
        if (is_number && f.wire == QUIRE_WIRE_LEN) a.readable = false;
    }
    return a;
}

static bool
is_child(const attribute *a)
{
    return a->type == TYPE_TENSOR || a->type == TYPE_GRAPH || a->type == TYPE_TENSORS ||
           a->type == TYPE_GRAPHS;
}

static bool
is_list(const attribute *a)
{
    return (a->type >= TYPE_FLOATS && a->type <= TYPE_GRAPHS) || a->type == TYPE_TYPE_PROTOS;
}

/* One value without children. False: it cannot be said. */
static bool
print_value(quire_printer *p, quire_writer *w, const attribute *a, const quire_field *f)
{
    float x;
    const uint32_t bits = (uint32_t)f->scalar;
    switch (a->type) {
    case TYPE_INT:
    case TYPE_INTS: quire_writef(w, "%" PRId64, (int64_t)f->scalar); return true;
    case TYPE_FLOAT:
    case TYPE_FLOATS:
        memcpy(&x, &bits, sizeof x);
        quire_print_float(w, x, true);
        return true;
    case TYPE_STRING:
    case TYPE_STRINGS: quire_print_quoted(w, f->body); return true;
    case TYPE_TYPE_PROTO:
    case TYPE_TYPE_PROTOS: return quire_print_type(w, p->m, f->body);
    default: return false;
    }
}

/* The value, or the list. False: it cannot be said. */
static bool
print_values(quire_printer *p, quire_writer *w, const attribute *a)
{
    const char *separator = "";
    const bool list = is_list(a);
    if (!a->readable || a->field == 0 || (!list && a->n_values != 1)) return false;
    if (list) quire_write_str(w, "[");
    quire_cursor c = quire_cursor_over(p->m, a->body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != a->field) continue;
        quire_write_str(w, separator);
        if (!print_value(p, w, a, &f)) return false;
        separator = ", ";
    }
    if (list) quire_write_str(w, "]");
    return true;
}

/* The type is said where the value does not show it. */
static void
print_start(quire_writer *w, const attribute *a, bool elided)
{
    const bool shown = (a->type >= TYPE_FLOAT && a->type <= TYPE_GRAPH) ||
                       (a->type <= TYPE_STRINGS && a->n_values > 0);
    quire_print_name(w, a->name);
    if (a->type != 0 && (!shown || elided || a->ref_name.len > 0)) {
        quire_writef(w, ": %s", quire_text_attr_types[a->type]);
    }
    quire_write_str(w, " =");
}

/* The whole syntax of an attribute without children, into p->own. */
static void
print_leaf(quire_printer *p, const attribute *a)
{
    quire_print_begin(p);
    if (a->ref_name.len > 0) {
        print_start(&p->own, a, false);
        quire_write_str(&p->own, " @");
        quire_print_name(&p->own, a->ref_name);
        return;
    }
    print_start(&p->own, a, false);
    quire_write_str(&p->own, " ");
    if (print_values(p, &p->own, a)) return;
    quire_print_begin(p);
    print_start(&p->own, a, true);
    quire_write_str(&p->own, " ...");
}

/* Tensors and graphs, each with its remarks. A graph's text goes deeper; nodes of graphs nest at
 * most 32 deep. */
static quire_status
print_children(quire_printer *p, const attribute *a)
{
    const bool list = is_list(a);
    const char *separator = list ? " [" : "";
    quire_cursor c = quire_cursor_over(p->m, a->body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != a->field) continue;
        quire_write_str(p->w, separator);
        p->at_line = false;
        p->gap = *separator != ' ';
        if (a->type == TYPE_GRAPH || a->type == TYPE_GRAPHS) {
            QUIRE_TRY(quire_print_graph(p, f.body));
        } else {
            QUIRE_TRY(quire_print_tensor(p, f.body, false));
        }
        separator = ",";
    }
    if (list) quire_write_str(p->w, "]");
    return QUIRE_OK;
}

quire_status
quire_print_attribute(quire_printer *p, quire_bytes body)
{
    const attribute a = look(p, body);
    const uint64_t children = is_child(&a) && a.ref_name.len == 0
                                  ? quire_print_children(p, body, (uint64_t)1 << a.field)
                                  : 0;
    if (children == 0 || a.n_values == 0) {
        print_leaf(p, &a);
        QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_ATTR, body, 0, 0, NULL));
        quire_write(p->w, p->text, p->n_text);
        return p->w->status;
    }
    quire_print_begin(p);
    print_start(&p->own, &a, true);
    quire_write_str(&p->own, " ...");
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_ATTR, body, children, 0, NULL));
    print_start(p->w, &a, false);
    return print_children(p, &a);
}
