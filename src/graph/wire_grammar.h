/* wire_grammar.h - the schema as a table that is fast to ask: message, field number, what may stand
 * there.
 *
 * Made from the generated descriptors for each check (28 messages, a few microseconds), so there is
 * nothing global to initialise. It also knows what a field will cost the importer in memory.
 */
#ifndef QUIRE_GRAPH_WIRE_GRAMMAR_H
#define QUIRE_GRAPH_WIRE_GRAMMAR_H

#include "base/base.h"
#include "onnx.pb-c.h"

enum { QUIRE_GRAMMAR_FIELDS = 32, QUIRE_GRAMMAR_MESSAGES = 48, QUIRE_GRAMMAR_ONEOFS = 2 };

typedef enum quire_wire_kind {
    QUIRE_KIND_UNKNOWN = 0, /* no such field */
    QUIRE_KIND_VARINT,
    QUIRE_KIND_I32,
    QUIRE_KIND_I64,
    QUIRE_KIND_STRING,
    QUIRE_KIND_BYTES,
    QUIRE_KIND_MESSAGE,
} quire_wire_kind;

typedef struct quire_field_rule {
    uint8_t kind;    /* quire_wire_kind                                      */
    uint8_t message; /* kind message: index into quire_grammar.messages       */
    uint8_t oneof;   /* 1 + which oneof of its message it belongs to; 0: none */
    bool repeated;
    uint16_t cost; /* projected bytes per occurrence (packed: per element)  */
} quire_field_rule;

typedef struct quire_message_rule {
    const ProtobufCMessageDescriptor *descriptor;
    quire_field_rule fields[QUIRE_GRAMMAR_FIELDS]; /* by number */
} quire_message_rule;

typedef struct quire_grammar {
    quire_message_rule messages[QUIRE_GRAMMAR_MESSAGES]; /* [0]: ModelProto */
    size_t n_messages;
    uint8_t graph, type; /* which ones are GraphProto and TypeProto: their nesting is limited */
} quire_grammar;

/* Reports QUIRE_E_INTERNAL if the schema has outgrown the table. */
QUIRE_MUST_USE quire_status quire_grammar_init(quire_ctx *ctx, quire_grammar *grammar);
/* Name of a field, NULL if it is unknown. */
const char *quire_grammar_name(const quire_message_rule *message, uint32_t number);

#endif
