/* spec_text.h - what printing and reading of slots, specs and claims share. Only for slot_*.c,
 * spec_*.c and claim_*.c.
 */
#ifndef QUIRE_GRAPH_SPEC_TEXT_H
#define QUIRE_GRAPH_SPEC_TEXT_H

#include "graph/spec.h"

/* --- printing (slot_print.c) ------------------------------------------------------------------ */

/* May `c` stand in a name without quotes? */
bool quire_slot_is_plain(uint8_t c);
/* One component of a path: plain if it is, else quoted. */
void quire_slot_print_name(quire_writer *w, quire_bytes name);
/* Quoted, with \xNN for `"`, `\` and every byte outside printable ASCII. */
void quire_slot_print_quoted(quire_writer *w, quire_bytes text);
/* The result by which n is named; 0 if it has none. */
quire_value quire_node_first_result(const quire_model *m, quire_node n);
/* The path of graph g, with a slash behind each component; nothing for the main graph. */
void quire_slot_print_path(quire_writer *w, const quire_model *m, quire_graph g);

/* Component of a body: the attribute's name; with an index behind it, `name[1]`, for the graphs
 * behind the first of a list, and where a name looks like that by itself. True if it does. */
bool quire_body_has_index(quire_bytes name, size_t *out_base, uint64_t *out_index);

/* --- finding (slot_names.c) ------------------------------------------------------------------- */

/* Makes and frees reader->places. */
QUIRE_MUST_USE quire_status quire_slot_names_make(quire_slot_reader *reader);
void quire_slot_names_free(quire_slot_reader *reader);
/* The living value of g called `name`; 0 if there is none. */
quire_value quire_slot_names_value(const quire_slot_reader *reader, quire_graph g,
                                   quire_bytes name);
/* The body of n that path component `name` means; 0 if there is none. */
quire_graph quire_slot_names_body(const quire_slot_reader *reader, quire_node n, quire_bytes name);
/* The function or training graph that path component `name` means; 0 if there is none. */
quire_graph quire_slot_names_root(const quire_slot_reader *reader, quire_bytes name);
/* Writes the names of g that are nearest to `wanted` (of results that name a node, or of all
 * values), as quire_names_nearest does. Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_slot_names_nearest(const quire_slot_reader *reader, quire_graph g,
                                                     quire_bytes wanted, bool of_nodes, char *out,
                                                     size_t room);

/* --- reading: one line (spec_line.c) ---------------------------------------------------------- */

typedef struct quire_line {
    quire_slot_reader *reader;
    const char *where;              /* may be NULL */
    const uint8_t *start, *p, *end; /* column 1, the next byte, behind the last */
    uint8_t *scratch;               /* room for names: no more than end - p at any time */
} quire_line;

/* Reports QUIRE_E_NOMEM. */
QUIRE_MUST_USE quire_status quire_line_open(quire_slot_reader *reader, const char *where,
                                            quire_bytes text, quire_line *out_line);
/* Reports QUIRE_E_INVALID at column t->p, "WHERE: column N: message"; returns it. */
quire_status quire_line_fail(quire_line *t, const char *format, ...) QUIRE_PRINTF(2, 3);
/* The context and path ("WHERE: column N") of a message about `at`. */
enum { QUIRE_PLACE_ROOM = 600 };
quire_ctx quire_line_place(const quire_line *t, const uint8_t *at, char out_path[QUIRE_PLACE_ROOM]);
void quire_line_blanks(quire_line *t);
/* Takes `text` if it is next. */
bool quire_line_take(quire_line *t, const char *text);
/* Blanks, then `text`; reports what was expected. */
QUIRE_MUST_USE quire_status quire_line_expect(quire_line *t, const char *text);
/* Letters, digits and `_.-` as far as they go; may be empty. */
quire_bytes quire_line_word(quire_line *t);
/* Takes `word` if it is the whole next word. */
bool quire_line_keyword(quire_line *t, const char *word);
QUIRE_MUST_USE quire_status quire_line_int(quire_line *t, int64_t *out);
QUIRE_MUST_USE quire_status quire_line_double(quire_line *t, double *out);
/* At a quotation mark: the text up to the next, escapes undone, in the line's scratch memory. */
QUIRE_MUST_USE quire_status quire_line_quoted(quire_line *t, quire_bytes *out);
/* A word of bytes for which `is_plain` holds, or a quoted text; *out is empty only if quoted. */
QUIRE_MUST_USE quire_status quire_line_name(quire_line *t, bool (*is_plain)(uint8_t),
                                            const char *what, quire_bytes *out);
/* The symbol of `text`, copied to the model's arena if it is new. */
QUIRE_MUST_USE quire_status quire_line_keep(quire_line *t, quire_bytes text, quire_sym *out);
/* Slot and spec; blanks before them are skipped (slot_read.c, spec_parse.c). */
QUIRE_MUST_USE quire_status quire_line_slot(quire_line *t, quire_slot *out);
QUIRE_MUST_USE quire_status quire_line_spec(quire_line *t, quire_spec *out);

#endif
