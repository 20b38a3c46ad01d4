/* print_text.h - the state of one printing. Only for src/graph. */
#ifndef QUIRE_GRAPH_PRINT_TEXT_H
#define QUIRE_GRAPH_PRINT_TEXT_H

#include "graph/print.h"
#include "graph/text.h"

/* What is printed are the bytes an export of `origin` would write, loaded as `m` (skeleton only, no
 * records). */
typedef struct quire_printer {
    quire_ctx *ctx;
    quire_writer *w;
    const quire_model *origin, *m;
    const quire_rope *rope;
    const quire_source *own_source; /* the model's own file, NULL: none */
    quire_print_options options;
    const char *own_name; /* of the model's own file, for references; NULL: none  */
    bool has_references;  /* something refers to it                               */
    unsigned indent;
    bool at_line;     /* only indentation stands on this line; lists clear it     */
    bool gap;         /* a blank is due before a record that begins in this line  */
    quire_writer own; /* syntax of one record, to be parsed and compared          */
    uint8_t *text;
    size_t n_text, text_room;
    quire_field *fields; /* of that record */
    size_t n_fields, fields_room;
    quire_text_parser parser; /* of that syntax */
} quire_printer;

/* Starts the syntax of a record: p->own then writes into p->text. */
void quire_print_begin(quire_printer *p);
/* Which record the syntax is. */
typedef enum quire_print_kind {
    QUIRE_PRINT_MODEL,
    QUIRE_PRINT_GRAPH,
    QUIRE_PRINT_NODE,
    QUIRE_PRINT_ATTR,
    QUIRE_PRINT_INIT,
    QUIRE_PRINT_TENSOR,
    QUIRE_PRINT_INFO,
    QUIRE_PRINT_FUNCTION,
} quire_print_kind;
/* Ends it: parses the syntax, compares it with the record `body`, and writes `#:` lines for what
 * differs, each followed by a new line and indentation. `children`: bit i is set if fields i are
 * printed as records of their own. `weights_field`: field whose bytes the syntax refers to, 0 none.
 * `words`: remarks such as "typed" (NULL none). */
QUIRE_MUST_USE quire_status quire_print_remarks(quire_printer *p, quire_print_kind kind,
                                                quire_bytes body, uint64_t children,
                                                uint32_t weights_field, const char *words);
/* Exports `origin` into `rope` and loads its skeleton into `out`, an empty model. Both must outlive
 * the printing. */
QUIRE_MUST_USE quire_status quire_print_load(quire_ctx *ctx, const quire_model *origin,
                                             quire_rope *rope, quire_model *out);
/* The file that references are into, and its name as seen from the text; NULL: there is none. */
const quire_source *quire_print_own_source(const quire_model *m);
const char *quire_print_own_name(const quire_model *m, const quire_source *source);
/* Of the bits in `numbers` those whose fields can be records in the text: written in the shortest
 * form, all of them. Others are put into remarks byte by byte. */
uint64_t quire_print_children(const quire_printer *p, quire_bytes body, uint64_t numbers);
/* A new line, indented. */
void quire_print_line(quire_printer *p);

/* Is the bulk or small payload a stretch of the model's own file? *out_off: where. */
bool quire_print_find_weights(const quire_printer *p, const quire_field *f, uint64_t *out_off);

/* Pieces of syntax. */
bool quire_print_is_readable(quire_bytes s); /* may it stand in quotes as it is? */
void quire_print_quoted(quire_writer *w, quire_bytes s);
void quire_print_name(quire_writer *w, quire_bytes name);
void quire_print_float(quire_writer *w, float x, bool with_point);
/* False if the syntax has no words for this type; something may then have been written. */
bool quire_print_type(quire_writer *w, const quire_model *m, quire_bytes type);

/* A record and its remarks (print_tensor.c). An initializer: `float[2] w = {1,2}`; else an
 * attribute's `float[2] {1,2}`. */
QUIRE_MUST_USE quire_status quire_print_tensor(quire_printer *p, quire_bytes body,
                                               bool initializer);
QUIRE_MUST_USE quire_status quire_print_info(quire_printer *p, quire_bytes body);
/* `a = 1`, of a node or a function. */
QUIRE_MUST_USE quire_status quire_print_attribute(quire_printer *p, quire_bytes body);
/* Behind its remarks. */
QUIRE_MUST_USE quire_status quire_print_graph(quire_printer *p, quire_bytes body);

/* The last field `number`; false if there is none. */
bool quire_print_find(const quire_model *m, quire_bytes body, uint32_t number, quire_field *out);

#endif
