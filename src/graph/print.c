/* print.c - models, graphs, nodes and functions as text: see print.h and text.h.
 *
 * What is printed are the bytes that an export would write, so a model in the middle of a pipeline
 * shows as the file it would become: names of output slots settled, types of new values said.
 */
#include "graph/print.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "graph/export.h"
#include "graph/fields.h"
#include "graph/layer.h"
#include "graph/print_text.h"

/* --- nodes ------------------------------------------------------------------------------------ */

/* Fields `number` of the record as names separated by commas. */
static void
print_names(quire_printer *p, quire_writer *w, quire_bytes body, uint32_t number)
{
    const char *separator = "";
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number) continue;
        quire_write_str(w, separator);
        quire_print_name(w, f.body);
        separator = ", ";
    }
}

/* A domain made of words and points stands as it is. */
static void
print_domain(quire_writer *w, quire_bytes domain)
{
    bool plain = domain.len > 0;
    for (size_t i = 0; i < domain.len && plain; i++) {
        const uint8_t c = domain.ptr[i];
        const bool starts_word = i == 0 || domain.ptr[i - 1] == '.';
        plain = quire_text_is_alpha(c) || c == '_' ||
                (!starts_word && (quire_text_is_digit(c) || c == '.'));
        if (c == '.' && i + 1 == domain.len) plain = false;
    }
    if (plain) {
        quire_write_bytes(w, domain);
    } else {
        quire_print_quoted(w, domain);
    }
}

/* `[name] results = domain.Op:overload`. */
static void
print_node_head(quire_printer *p, quire_writer *w, quire_bytes body)
{
    quire_field f;
    quire_field type = {0};
    if (quire_print_find(p->m, body, NODE_NAME, &f)) {
        quire_write_str(w, "[");
        quire_print_name(w, f.body);
        quire_write_str(w, "] ");
    }
    print_names(p, w, body, NODE_OUTPUT);
    quire_write_str(w, " = ");
    if (quire_print_find(p->m, body, NODE_DOMAIN, &f) && f.body.len > 0) {
        print_domain(w, f.body);
        quire_write_str(w, ".");
    }
    (void)quire_print_find(p->m, body, NODE_OP_TYPE, &type);
    quire_print_name(w, type.body);
    if (quire_print_find(p->m, body, NODE_OVERLOAD, &f) && f.body.len > 0) {
        quire_write_str(w, ":");
        quire_print_name(w, f.body);
    }
}

static void
print_operands(quire_printer *p, quire_writer *w, quire_bytes body)
{
    quire_write_str(w, " (");
    print_names(p, w, body, NODE_INPUT);
    quire_write_str(w, ")");
}

/* Attributes with bodies stand behind the operands, others in front of them. */
static bool
has_bodies(const quire_printer *p, quire_bytes body)
{
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        quire_field ignored;
        if (f.number != NODE_ATTRIBUTE) continue;
        if (quire_print_find(p->m, f.body, ATTR_G, &ignored) ||
            quire_print_find(p->m, f.body, ATTR_GRAPHS, &ignored))
            return true;
    }
    return false;
}

/* In one line, or one a line. */
static quire_status
print_attributes(quire_printer *p, quire_bytes body, uint64_t children, bool lines)
{
    const char *separator = " <";
    if (children == 0) return QUIRE_OK;
    quire_cursor c = quire_cursor_over(p->m, body);
    p->indent += lines ? 1 : 2;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != NODE_ATTRIBUTE) continue;
        quire_write_str(p->w, separator);
        p->at_line = false;
        p->gap = *separator == ',';
        if (lines) quire_print_line(p);
        QUIRE_TRY(quire_print_attribute(p, f.body));
        separator = ",";
    }
    p->indent -= lines ? 1 : 2;
    if (lines) quire_print_line(p);
    if (*separator == ',') quire_write_str(p->w, ">");
    return QUIRE_OK;
}

static quire_status
print_node(quire_printer *p, quire_bytes body)
{
    quire_print_begin(p);
    print_node_head(p, &p->own, body);
    print_operands(p, &p->own, body);
    quire_print_line(p);
    const uint64_t children = quire_print_children(p, body, (uint64_t)1 << NODE_ATTRIBUTE);
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_NODE, body, children, 0, NULL));
    print_node_head(p, p->w, body);
    const bool behind = children != 0 && has_bodies(p, body);
    if (behind) print_operands(p, p->w, body);
    QUIRE_TRY(print_attributes(p, body, children, behind));
    if (!behind) print_operands(p, p->w, body);
    return p->w->status;
}

/* `{nodes}`. */
static quire_status
print_nodes(quire_printer *p, quire_bytes body, uint32_t number)
{
    quire_write_str(p->w, "{");
    quire_cursor c = quire_cursor_over(p->m, body);
    p->indent++;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == number) QUIRE_TRY(print_node(p, f.body));
    }
    p->indent--;
    quire_print_line(p);
    quire_write_str(p->w, "}");
    return p->w->status;
}

/* --- graphs ----------------------------------------------------------------------------------- */

static quire_status
print_formals(quire_printer *p, quire_bytes body, uint32_t number)
{
    const char *separator = "";
    quire_cursor c = quire_cursor_over(p->m, body);
    quire_write_str(p->w, "(");
    p->indent += 2;
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number) continue;
        quire_write_str(p->w, separator);
        p->at_line = false;
        p->gap = *separator == ',';
        QUIRE_TRY(quire_print_info(p, f.body));
        separator = ",";
    }
    p->indent -= 2;
    quire_write_str(p->w, ")");
    return QUIRE_OK;
}

/* Initializers or value infos, one a line. */
static quire_status
print_entries(quire_printer *p, quire_bytes body, uint32_t number, bool tensors,
              const char **io_separator)
{
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != number) continue;
        quire_write_str(p->w, *io_separator);
        quire_print_line(p);
        if (tensors) {
            QUIRE_TRY(quire_print_tensor(p, f.body, true));
        } else {
            QUIRE_TRY(quire_print_info(p, f.body));
        }
        *io_separator = ",";
    }
    return QUIRE_OK;
}

/* `<initializers and value infos>`, if there are any. Field 0: there are none of these. */
static quire_status
print_table(quire_printer *p, quire_bytes body, uint32_t initializers, uint32_t infos)
{
    const char *separator = " <";
    p->indent++;
    QUIRE_TRY(print_entries(p, body, initializers, true, &separator));
    QUIRE_TRY(print_entries(p, body, infos, false, &separator));
    p->indent--;
    if (*separator == ',') {
        quire_print_line(p);
        quire_write_str(p->w, ">");
    }
    quire_write_str(p->w, " ");
    return QUIRE_OK;
}

/* `number` if its fields are among the children, else 0, which no field has. */
static uint32_t
if_child(uint64_t children, uint32_t number)
{
    return (children >> number & 1) != 0 ? number : 0;
}

quire_status
quire_print_graph(quire_printer *p, quire_bytes body)
{
    const uint64_t numbers = (uint64_t)1 << GRAPH_NODE | (uint64_t)1 << GRAPH_INITIALIZER |
                             (uint64_t)1 << GRAPH_INPUT | (uint64_t)1 << GRAPH_OUTPUT |
                             (uint64_t)1 << GRAPH_VALUE_INFO;
    const uint64_t children = quire_print_children(p, body, numbers);
    quire_field name = {0};
    (void)quire_print_find(p->m, body, GRAPH_NAME, &name);
    quire_print_begin(p);
    quire_print_name(&p->own, name.body);
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_GRAPH, body, children, 0, NULL));
    quire_write(p->w, p->text, p->n_text);
    quire_write_str(p->w, " ");
    QUIRE_TRY(print_formals(p, body, if_child(children, GRAPH_INPUT)));
    quire_write_str(p->w, " => ");
    QUIRE_TRY(print_formals(p, body, if_child(children, GRAPH_OUTPUT)));
    QUIRE_TRY(print_table(p, body, if_child(children, GRAPH_INITIALIZER),
                          if_child(children, GRAPH_VALUE_INFO)));
    return print_nodes(p, body, if_child(children, GRAPH_NODE));
}

/* --- heads ------------------------------------------------------------------------------------ */

/* Is the entry of a list two readable strings, or a readable domain and whatever version? */
static bool
is_sayable_pair(const quire_model *m, quire_bytes body, char kind)
{
    quire_field text = {0};
    quire_field value = {0};
    const bool has_text = quire_print_find(m, body, 1, &text);
    const bool has_value = quire_print_find(m, body, 2, &value);
    if (!quire_print_is_readable(text.body)) return false;
    return kind == 'o' || (has_text && has_value && quire_print_is_readable(value.body));
}

/* `["" : 17]` or `["key": "value"]`. */
static void
print_pairs(quire_printer *p, quire_bytes body, const quire_text_key *k)
{
    quire_writer *w = &p->own;
    const char *separator = "[";
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        quire_field text = {0};
        quire_field value = {0};
        if (f.number != k->number) continue;
        (void)quire_print_find(p->m, f.body, 1, &text);
        (void)quire_print_find(p->m, f.body, 2, &value);
        quire_write_str(w, separator);
        quire_print_quoted(w, text.body);
        if (k->kind == 'm') {
            quire_write_str(w, ": ");
            quire_print_quoted(w, value.body);
        } else {
            quire_writef(w, " : %" PRId64, (int64_t)value.scalar);
        }
        separator = ", ";
    }
    quire_write_str(w, "]");
}

/* Can the property be said? */
static bool
is_sayable(const quire_printer *p, quire_bytes body, const quire_text_key *k)
{
    quire_field f;
    if (!quire_print_find(p->m, body, k->number, &f)) return false;
    if (k->kind == 'i') return f.wire == QUIRE_WIRE_VARINT;
    if (k->kind == 's') return quire_print_is_readable(f.body);
    quire_cursor c = quire_cursor_over(p->m, body);
    while (quire_cursor_next(&c, &f)) {
        if (f.number == k->number && !is_sayable_pair(p->m, f.body, k->kind)) return false;
    }
    return true;
}

/* `<ir_version: 8, ...>` into p->own; nothing if nothing can be said. */
static void
print_head(quire_printer *p, quire_bytes body, const quire_text_key *keys)
{
    const char *separator = "<\n  ";
    for (const quire_text_key *k = keys; k->word != NULL; k++) {
        quire_field f;
        if (!is_sayable(p, body, k)) continue;
        quire_writef(&p->own, "%s%s: ", separator, k->word);
        separator = ",\n  ";
        (void)quire_print_find(p->m, body, k->number, &f);
        if (k->kind == 'i') {
            quire_writef(&p->own, "%" PRId64, (int64_t)f.scalar);
        } else if (k->kind == 's') {
            quire_print_quoted(&p->own, f.body);
        } else {
            print_pairs(p, body, k);
        }
    }
    if (*separator == ',') quire_write_str(&p->own, "\n>\n");
}

/* --- functions -------------------------------------------------------------------------------- */

enum { FUNCTION_ATTRIBUTE = 6 };

static quire_status
print_parameters(quire_printer *p, quire_writer *w, quire_bytes body, bool with_defaults)
{
    const char *separator = " <";
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != FUNCTION_ATTRIBUTE) continue;
        quire_write_str(w, separator);
        quire_print_name(w, f.body);
        separator = ", ";
    }
    c = quire_cursor_over(p->m, body);
    p->indent++;
    for (quire_field f; with_defaults && quire_cursor_next(&c, &f);) {
        if (f.number != FUNCTION_ATTRIBUTE_PROTO) continue;
        quire_write_str(w, *separator == ',' ? "," : separator);
        p->at_line = false;
        p->gap = *separator == ',';
        QUIRE_TRY(quire_print_attribute(p, f.body));
        separator = ",";
    }
    p->indent--;
    if (*separator == ',') quire_write_str(w, ">");
    return QUIRE_OK;
}

/* `name <attributes> (operands) => (results)`. */
static quire_status
print_signature(quire_printer *p, quire_writer *w, quire_bytes body, bool with_defaults)
{
    quire_field name = {0};
    (void)quire_print_find(p->m, body, FUNCTION_NAME, &name);
    quire_print_name(w, name.body);
    QUIRE_TRY(print_parameters(p, w, body, with_defaults));
    quire_write_str(w, " (");
    print_names(p, w, body, FUNCTION_INPUT);
    quire_write_str(w, ") => (");
    print_names(p, w, body, FUNCTION_OUTPUT);
    quire_write_str(w, ")");
    return QUIRE_OK;
}

static quire_status
print_function(quire_printer *p, quire_bytes body)
{
    const uint64_t numbers = (uint64_t)1 << FUNCTION_NODE |
                             (uint64_t)1 << FUNCTION_ATTRIBUTE_PROTO |
                             (uint64_t)1 << FUNCTION_VALUE_INFO;
    const uint64_t children = quire_print_children(p, body, numbers);
    quire_print_begin(p);
    print_head(p, body, quire_text_function_keys);
    QUIRE_TRY(quire_writer_finish(&p->own));
    const size_t n_head = p->n_text;
    QUIRE_TRY(print_signature(p, &p->own, body, false));
    quire_write_str(p->w, "\n");
    p->at_line = true;
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_FUNCTION, body, children, 0, NULL));
    quire_write(p->w, p->text, n_head);
    QUIRE_TRY(print_signature(p, p->w, body, if_child(children, FUNCTION_ATTRIBUTE_PROTO) != 0));
    QUIRE_TRY(print_table(p, body, 0, if_child(children, FUNCTION_VALUE_INFO)));
    QUIRE_TRY(print_nodes(p, body, if_child(children, FUNCTION_NODE)));
    quire_write_str(p->w, "\n");
    return p->w->status;
}

/* --- models ----------------------------------------------------------------------------------- */

static quire_status
print_model(quire_printer *p, quire_bytes body)
{
    if (!p->options.brief) {
        quire_write_str(p->w, "#: quire 1");
        if (p->own_name != NULL) quire_write_str(p->w, " ");
        if (p->own_name != NULL) quire_text_write_escaped(p->w, quire_bytes_of(p->own_name));
        quire_write_str(p->w, "\n");
    }
    p->at_line = true;
    quire_print_begin(p);
    print_head(p, body, quire_text_model_keys);
    const uint64_t children =
        quire_print_children(p, body, (uint64_t)1 << MODEL_GRAPH | (uint64_t)1 << MODEL_FUNCTIONS);
    QUIRE_TRY(quire_print_remarks(p, QUIRE_PRINT_MODEL, body, children, 0, NULL));
    quire_write(p->w, p->text, p->n_text);
    quire_cursor c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number != if_child(children, MODEL_GRAPH)) continue;
        p->at_line = true;
        QUIRE_TRY(quire_print_graph(p, f.body));
        quire_write_str(p->w, "\n");
    }
    /* A text has a graph; the remark that holds the real one replaces it. */
    if (if_child(children, MODEL_GRAPH) == 0) quire_write_str(p->w, "graph () => () {}\n");
    c = quire_cursor_over(p->m, body);
    for (quire_field f; quire_cursor_next(&c, &f);) {
        if (f.number == if_child(children, MODEL_FUNCTIONS)) QUIRE_TRY(print_function(p, f.body));
    }
    return p->w->status;
}

static quire_status
print_specs(quire_printer *p)
{
    const quire_layer *layer = quire_layer_find(p->origin, "spec");
    quire_slot *slots;
    size_t n;
    if (layer == NULL || !p->options.layers) return QUIRE_OK;
    QUIRE_TRY(quire_layer_slots(p->ctx, layer, &slots, &n));
    for (size_t i = 0; i < n; i++) {
        quire_write_str(p->w, "#: spec ");
        quire_slot_print(p->w, p->origin, slots[i]);
        quire_write_str(p->w, " ");
        quire_spec_print(p->w, p->origin, quire_layer_record(layer, slots[i]));
        quire_write_str(p->w, "\n");
    }
    quire_free(p->ctx->alloc, slots, n * sizeof *slots);
    return p->w->status;
}

static quire_status
discard(quire_ctx *ctx, void *data, const void *bytes, size_t n)
{
    (void)ctx, (void)data, (void)bytes, (void)n;
    return QUIRE_OK;
}

/* The first line names the model's own file only if something refers to it, which shows when all
 * has been printed once. */
static quire_status
settle_own_name(quire_printer *p)
{
    if (p->own_name == NULL || p->options.brief) return QUIRE_OK;
    quire_writer *w = p->w;
    quire_writer *nowhere = quire_alloc(p->ctx->alloc, sizeof *nowhere);
    if (nowhere == NULL) return quire_nomem(p->ctx);
    nowhere->ctx = p->ctx;
    nowhere->write = discard;
    nowhere->status = QUIRE_OK;
    nowhere->n = 0;
    p->w = nowhere;
    const quire_status status = print_model(p, p->m->src);
    p->w = w;
    if (!p->has_references) p->own_name = NULL;
    quire_free(p->ctx->alloc, nowhere, sizeof *nowhere);
    return status;
}

static quire_status
print_export(quire_printer *p, quire_rope *rope, quire_model *exported)
{
    QUIRE_TRY(quire_print_load(p->ctx, p->origin, rope, exported));
    p->m = exported;
    p->rope = rope;
    p->own_source = quire_print_own_source(p->origin);
    p->own_name = quire_print_own_name(p->origin, p->own_source);
    p->parser.raw = true;
    p->parser.is_check = true;
    p->parser.build.keeps_records = true;
    if (p->own_name != NULL) p->parser.weights_name = quire_bytes_of(p->own_name);
    QUIRE_TRY(settle_own_name(p));
    QUIRE_TRY(print_model(p, exported->src));
    return print_specs(p);
}

quire_status
quire_model_print(quire_ctx *ctx, const quire_model *m, const quire_print_options *options,
                  quire_writer *w)
{
    quire_printer *p = quire_alloc(ctx->alloc, sizeof *p); /* a writer in it has 4 KiB */
    quire_rope rope;
    quire_model *exported = NULL;
    if (p == NULL) return quire_nomem(ctx);
    *p = (quire_printer){.ctx = ctx, .w = w, .origin = m, .options = *options};
    quire_text_parser_init(&p->parser, ctx, (quire_bytes){NULL, 0});
    quire_rope_init(&rope, ctx->alloc);
    quire_status status = quire_model_create(ctx, &exported);
    if (status == QUIRE_OK) status = print_export(p, &rope, exported);
    quire_model_destroy(ctx, exported);
    quire_rope_deinit(&rope);
    quire_text_parser_deinit(&p->parser);
    quire_ungrow(ctx->alloc, &p->text, &p->text_room, 1);
    quire_ungrow(ctx->alloc, &p->fields, &p->fields_room, sizeof *p->fields);
    quire_free(ctx->alloc, p, sizeof *p);
    return status;
}
