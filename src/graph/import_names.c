/* import_names.c - names in scope, and places for messages: see importer.h. */
#include <stdio.h>

#include "graph/importer.h"

static size_t
place_write(const place *p, char *out, size_t room)
{
    size_t n = p->outer != NULL ? place_write(p->outer, out, room) : 0;
    if (n + 1 >= room) return n;
    int more = snprintf(out + n, room - n, "%s%s", n > 0 ? "." : "", p->field);
    n += more > 0 ? (size_t)more : 0;
    if (p->index != ONLY_ONE && n + 1 < room) {
        more = snprintf(out + n, room - n, "[%zu]", p->index);
        n += more > 0 ? (size_t)more : 0;
    }
    if (p->name.len > 0 && n + 1 < room) {
        more = snprintf(out + n, room - n, " \"%.*s\"", (int)(p->name.len < 80 ? p->name.len : 80),
                        (const char *)p->name.ptr);
        n += more > 0 ? (size_t)more : 0;
    }
    return n < room ? n : room - 1;
}

const char *
importer_place_text(const place *p, char out[PATH_ROOM])
{
    out[0] = '\0';
    if (p != NULL) place_write(p, out, PATH_ROOM);
    return out;
}

quire_status
importer_intern(importer *im, quire_bytes text, quire_sym *out)
{
    return quire_syms_intern(im->ctx, &im->m->syms, text, out);
}

/* Is the outer value of `b` visible where body g is held, so that a definition in g would hide it? Node
 * ids rise in file order. A training graph may repeat names of the main graph: it runs beside it. */
static bool
is_hidden_by(const quire_model *m, const quire_binding *b, quire_graph g)
{
    while (quire_graph_at(m, g)->kind == QUIRE_GRAPH_BODY &&
           quire_graph_at(m, g)->parent.id != b->graph.id)
        g = quire_graph_at(m, g)->parent;
    if (quire_graph_at(m, g)->kind != QUIRE_GRAPH_BODY) return false;
    const quire_value_rec *v = quire_value_at(m, b->value);
    return v->def_kind != QUIRE_DEF_RESULT || v->def < quire_graph_at(m, g)->owner.id;
}

quire_status
importer_define(importer *im, quire_graph g, quire_sym name, quire_value v, const place *where)
{
    const quire_binding *b = quire_scopes_find(&im->scopes, name);
    const quire_bytes text = quire_sym_bytes(im->m, name);
    if (b != NULL && b->graph.id == g.id) {
        return FAIL(im, where,
                    "\"%.*s\" is defined twice in one graph; every name may be defined once",
                    (int)text.len, (const char *)text.ptr);
    }
    const bool result = quire_value_at(im->m, v)->def_kind == QUIRE_DEF_RESULT;
    if (b != NULL && result && is_hidden_by(im->m, b, g)) {
        return FAIL(im, where,
                    "\"%.*s\" is a name of an enclosing graph already; a body may not hide it",
                    (int)text.len, (const char *)text.ptr);
    }
    return quire_scopes_define(im->ctx, &im->scopes, name, v, g);
}

static quire_sym
sym_of_field(importer *im, quire_bytes message, uint32_t number, quire_status *status)
{
    quire_sym sym = {0};
    quire_bytes text;
    if (quire_message_find(im->m, message, number, &text))
        *status = importer_intern(im, text, &sym);
    return sym;
}

quire_status
importer_name(importer *im, quire_bytes message, uint32_t number, quire_sym *out)
{
    quire_status status = QUIRE_OK;
    *out = sym_of_field(im, message, number, &status);
    return status;
}
