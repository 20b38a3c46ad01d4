/* diff_tell.h - saying in one line what differs between two things. Only for diff*.c. */
#ifndef QUIRE_GRAPH_DIFF_TELL_H
#define QUIRE_GRAPH_DIFF_TELL_H

#include "graph/diff.h"
#include "graph/diff_content.h"
#include "onnx.pb-c.h"

enum { QUIRE_DETAIL_ROOM = 480 };

typedef struct quire_detail { /* parts joined by "; "; what does not fit is left out */
    size_t n;
    char text[QUIRE_DETAIL_ROOM];
} quire_detail;

/* One part. */
void quire_detail_put(quire_detail *detail, const char *format, ...) QUIRE_PRINTF(2, 3);
/* label "before" -> "after", escaped and cut. */
void quire_detail_texts(quire_detail *detail, const char *label, quire_bytes before,
                        quire_bytes after);
/* label 1 -> 2, from varint field `number` of two messages, if they differ. */
void quire_detail_number(quire_detail *detail, const quire_two *t, const char *label, quire_bytes a,
                         quire_bytes b, uint32_t number);
/* Names of the fields in the mask of quire_content_fields. */
void quire_detail_fields(quire_detail *detail, const ProtobufCMessageDescriptor *message,
                         uint64_t fields);
/* "com.microsoft.Gather"; "float[10,4]". */
void quire_detail_op(quire_detail *detail, const quire_model *m, quire_op op);
void quire_detail_tensor(quire_detail *detail, const quire_model *m, quire_tensor t);

/* What differs between two of a kind; nothing is put if they are the same. Bodies are not looked
 * into. */
QUIRE_MUST_USE quire_status quire_detail_tensors(const quire_two *t, quire_tensor a, quire_tensor b,
                                                 quire_detail *detail);
QUIRE_MUST_USE quire_status quire_detail_info(const quire_two *t, quire_bytes a, quire_bytes b,
                                              quire_detail *detail);
QUIRE_MUST_USE quire_status quire_detail_nodes(const quire_two *t, quire_node a, quire_node b,
                                               quire_detail *detail);

/* The attribute of node `in` of model b that is called as `name` is in model a; 0 if there is
 * none. `hint`: where it probably is. */
quire_attr quire_detail_find_attr(const quire_two *t, quire_sym name, quire_node in, uint32_t hint);

/* Adds a difference; its name is `path` and `name`. */
QUIRE_MUST_USE quire_status quire_diff_add(quire_ctx *ctx, quire_diff *diff, quire_change change,
                                           const char *kind, quire_bytes path, quire_bytes name,
                                           const quire_detail *detail);

#endif
