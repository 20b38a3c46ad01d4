/* text.h - what printing and parsing of the text form share. Only for print*.c, parse*.c and
 * text_*.c.
 *
 * Both sides work on messages, not on the graph: print.c walks the bytes an export would write,
 * parse.c builds such bytes and imports them. A record is its syntax, changed by the `#:` lines in
 * front of it: print.c parses its own syntax, compares, and states the difference. So nothing is
 * lost, and nothing has to be listed.
 */
#ifndef QUIRE_GRAPH_TEXT_H
#define QUIRE_GRAPH_TEXT_H

#include "base/arena.h"
#include "base/rope.h"
#include "base/writer.h"
#include "graph/model.h"
#include "graph/wire.h"
#include "onnx.pb-c.h"

/* --- messages under construction (text_message.c) --------------------------------------------- */

typedef struct quire_text_field {
    struct quire_text_field *next;
    struct quire_text_message *message; /* a record inside; NULL: bytes or weights            */
    quire_bytes bytes;                  /* the whole field, tag included                      */
    uint64_t off, len;                  /* weights: where they are in the model's own file    */
    uint32_t number;
    bool is_weights;
} quire_text_field;

typedef struct quire_text_message {
    quire_text_field *first, *last;
} quire_text_message;

typedef struct quire_text_build {
    quire_ctx *ctx;
    quire_arena arena;
    bool keeps_records; /* put_message never makes bytes of a small record */
} quire_text_build;

/* All append a field and report QUIRE_E_NOMEM. Bytes are copied. */
QUIRE_MUST_USE quire_status quire_text_put_int(quire_text_build *b, quire_text_message *m,
                                               uint32_t number, int64_t value);
QUIRE_MUST_USE quire_status quire_text_put_fixed(quire_text_build *b, quire_text_message *m,
                                                 uint32_t number, uint64_t bits, size_t size);
QUIRE_MUST_USE quire_status quire_text_put_bytes(quire_text_build *b, quire_text_message *m,
                                                 uint32_t number, quire_bytes bytes);
QUIRE_MUST_USE quire_status quire_text_put_whole(quire_text_build *b, quire_text_message *m,
                                                 uint32_t number, quire_bytes whole);
QUIRE_MUST_USE quire_status quire_text_put_message(quire_text_build *b, quire_text_message *m,
                                                   uint32_t number, quire_text_message *inner);
QUIRE_MUST_USE quire_status quire_text_put_weights(quire_text_build *b, quire_text_message *m,
                                                   uint32_t number, uint64_t off, uint64_t len);
/* A message without records and weights as bytes, put as field `number` of `m`. */
QUIRE_MUST_USE quire_status quire_text_put_leaf(quire_text_build *b, quire_text_message *m,
                                                uint32_t number, const quire_text_message *leaf);
/* Removes the fields whose numbers occur in `numbers`. Both must be sorted. */
void quire_text_drop(quire_text_message *m, const quire_text_message *numbers);
/* Moves the fields of `more` behind those of `m`. */
void quire_text_append(quire_text_message *m, const quire_text_message *more);
/* By field number; fields of one number keep their order. */
void quire_text_sort(quire_text_message *m);
/* Appends the message's fields to a rope; weights come from `weights`. Recursive over records, so
 * at most 32 graphs deep. */
QUIRE_MUST_USE quire_status quire_text_emit(quire_text_build *b, const quire_text_message *m,
                                            const quire_source *weights, quire_rope *rope);

size_t quire_text_varint_size(uint64_t x);

/* --- the lexer (text_lex.c) ------------------------------------------------------------------- */

/* A run of `#:` lines in front of a record; ptr NULL: none. */
typedef struct quire_text_remarks {
    const uint8_t *ptr, *end;
} quire_text_remarks;

typedef struct quire_text_parser {
    quire_text_build build;
    const uint8_t *start, *p, *end;
    quire_text_remarks pending; /* seen, and not yet taken by a record                     */
    uint8_t *scratch;           /* elements of the tensor being read                       */
    size_t n_scratch, scratch_room;
    quire_bytes weights_name;   /* of `#: quire 1 "name"`: the model's own file; ptr NULL  */
    quire_source weights;       /* that file, from the first reference into it on          */
    const char *path;           /* of the text, beside which that file is; may be NULL     */
    bool has_weights, is_check; /* is_check: print.c reads its own text; nothing is opened */
    bool raw;                   /* values of tensors become raw_data                       */
    uint32_t depth, n_graphs;   /* types or messages, and graphs, around this place        */
    char where[48];             /* path of messages: line:column                           */
} quire_text_parser;

/* Of the C locale, whatever locale the program set. */
static inline bool
quire_text_is_space(int c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}
static inline bool
quire_text_is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static inline bool
quire_text_is_alpha(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool
quire_text_is_alnum(int c)
{
    return quire_text_is_alpha(c) || quire_text_is_digit(c);
}

void quire_text_parser_init(quire_text_parser *t, quire_ctx *ctx, quire_bytes text);
void quire_text_parser_deinit(quire_text_parser *t);

/* Reports QUIRE_E_INVALID at the current place (line:column). */
quire_status quire_text_fail(quire_text_parser *t, const char *format, ...) QUIRE_PRINTF(2, 3);
/* Skips blanks and comments, keeping `#:` lines; the next byte, 0 at the end. */
int quire_text_peek(quire_text_parser *t);
/* Takes `c` if it is next. */
bool quire_text_match(quire_text_parser *t, char c);
QUIRE_MUST_USE quire_status quire_text_expect(quire_text_parser *t, char c);
/* The same for the end of a list of records: `#:` lines before it belong to nothing and are an
 * error. */
QUIRE_MUST_USE quire_status quire_text_close(quire_text_parser *t, char c);
/* Takes "..." (three points: here is something that only `#:` lines say). */
bool quire_text_match_elision(quire_text_parser *t);
/* The identifier that comes next, not taken; empty if none. */
quire_bytes quire_text_peek_word(quire_text_parser *t);
/* A quoted string, in the arena. */
QUIRE_MUST_USE quire_status quire_text_string(quire_text_parser *t, quire_bytes *out);
/* A word or a quoted string. */
QUIRE_MUST_USE quire_status quire_text_name(quire_text_parser *t, const char *what,
                                            quire_bytes *out);
/* A number's letters, not converted; *out_float if it has a point or an exponent or is inf or nan.
 * Empty if none comes. */
quire_bytes quire_text_number(quire_text_parser *t, bool *out_float);
QUIRE_MUST_USE quire_status quire_text_int(quire_text_parser *t, int64_t *out);
QUIRE_MUST_USE quire_status quire_text_int_of(quire_text_parser *t, quire_bytes number,
                                              int64_t *out);
QUIRE_MUST_USE quire_status quire_text_float_of(quire_text_parser *t, quire_bytes number,
                                                float *out);
QUIRE_MUST_USE quire_status quire_text_double_of(quire_text_parser *t, quire_bytes number,
                                                 double *out);

/* The `#:` lines in front of the record that begins here. */
quire_text_remarks quire_text_take_remarks(quire_text_parser *t);
/* Is one of them this word? */
bool quire_text_has_remark(const quire_text_remarks *remarks, const char *word);

/* --- `#:` lines (text_remarks.c) -------------------------------------------------------------- */

/* Changes `m`, as its syntax made it, by the remarks, and sorts it. */
QUIRE_MUST_USE quire_status quire_text_finish(quire_text_parser *t,
                                              const quire_text_remarks *remarks,
                                              const ProtobufCMessageDescriptor *d,
                                              quire_text_message *m);
/* `#: quire 1 "name"`, if it is among the remarks of the model. */
QUIRE_MUST_USE quire_status quire_text_read_header(quire_text_parser *t,
                                                   const quire_text_remarks *remarks);

/* Are tag, length and value of the field in their shortest form? */
bool quire_text_is_shortest(const quire_field *f);
/* One field as `name: value`, bulk read and included. Reports QUIRE_E_IO, QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_text_write_field(quire_writer *w, const quire_model *m,
                                                   const ProtobufCMessageDescriptor *d,
                                                   const quire_field *f);
void quire_text_write_field_name(quire_writer *w, const ProtobufCMessageDescriptor *d,
                                 uint32_t number);
/* Quoted, printable ASCII, the rest as \xNN. */
void quire_text_write_escaped(quire_writer *w, quire_bytes bytes);

/* --- records (parse_*.c) ---------------------------------------------------------------------- */

/* Each reads the syntax of one record, from its first byte; those without a parameter for them take
 * their remarks. */
QUIRE_MUST_USE quire_status quire_text_parse_graph(quire_text_parser *t,
                                                   const quire_text_remarks *remarks,
                                                   quire_text_message *m);
QUIRE_MUST_USE quire_status quire_text_parse_node(quire_text_parser *t, quire_text_message *m);
/* `<a = 1, b = 2>` as fields `number` of `holder`, if it is there. */
QUIRE_MUST_USE quire_status quire_text_parse_attributes(quire_text_parser *t, uint32_t number,
                                                        quire_text_message *holder);
QUIRE_MUST_USE quire_status quire_text_parse_attribute(quire_text_parser *t, quire_text_message *m);
/* `[type] name` as field `number` (input, output, value_info) of graph or function `holder`; with
 * `= data` an initializer, beside an input or in place of a value_info. */
QUIRE_MUST_USE quire_status quire_text_parse_info(quire_text_parser *t, uint32_t number,
                                                  quire_text_message *holder);
/* The tensor of an attribute. */
QUIRE_MUST_USE quire_status quire_text_parse_tensor(quire_text_parser *t,
                                                    const quire_text_remarks *remarks,
                                                    quire_text_message *m);
/* A function's name, parameters, operands and results; then its value infos and nodes. */
QUIRE_MUST_USE quire_status quire_text_parse_signature(quire_text_parser *t, quire_text_message *m);
QUIRE_MUST_USE quire_status quire_text_parse_body(quire_text_parser *t, quire_text_message *m);
/* Head and signature. */
QUIRE_MUST_USE quire_status quire_text_parse_function_head(quire_text_parser *t,
                                                           quire_text_message *m);
/* `<ir_version: 8, ...>`, if it is there. */
QUIRE_MUST_USE quire_status quire_text_parse_model_head(quire_text_parser *t,
                                                        quire_text_message *m);

/* Opens the model's own file, once. Reports QUIRE_E_INVALID. parse.c closes it. */
QUIRE_MUST_USE quire_status quire_text_open_weights(quire_text_parser *t);

/* --- types and tensors (parse_type.c, parse_tensor.c) ----------------------------------------- */

typedef struct quire_text_type {
    bool is_tensor, has_shape;
    int32_t elem_type;
    int64_t *dims; /* -1: not a number */
    size_t n_dims;
    quire_bytes bytes; /* TypeProto */
} quire_text_type;

/* Is the word the name of an element type, or seq, map, optional, sparse_tensor, opaque? */
bool quire_text_is_type(quire_bytes word);
QUIRE_MUST_USE quire_status quire_text_parse_type(quire_text_parser *t, quire_text_type *out);
/* Behind type and name: `{values}`, `["key": "value"]` or `...`; puts dims, type and data. `typed`,
 * `external`: remarks. */
QUIRE_MUST_USE quire_status quire_text_parse_data(quire_text_parser *t, const quire_text_type *type,
                                                  const quire_text_remarks *remarks,
                                                  quire_text_message *m);

/* A property of a model or function between `<` and `>`: printed in this order, read in any. */
typedef struct quire_text_key {
    const char *word; /* NULL ends a table */
    uint32_t number;  /* field of the message */
    char kind;        /* i integer, s string, o opset imports, m metadata */
} quire_text_key;
extern const quire_text_key quire_text_model_keys[];
extern const quire_text_key quire_text_function_keys[];

/* Bytes of one value between braces: half bytes come in pairs. 0: no such spelling. */
size_t quire_text_unit(int32_t dtype);

extern const char *const quire_text_attr_types[15]; /* by AttributeType */

#endif
