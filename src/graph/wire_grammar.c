/* wire_grammar.c - walks the generated descriptors once, breadth first, from ModelProto. */
#include "graph/wire_grammar.h"

#include "base/diag.h"
#include "graph/model.h"

/* A new name: its entry in the symbol table, its slots there, and what growing them wastes. */
enum { NAME_COST = 48, NUMBER_COST = 8, LEAF_COST = 32 };

/* What the importer makes of one message. */
static uint16_t
message_cost(const ProtobufCMessageDescriptor *d)
{
    if (d == &onnx__node_proto__descriptor) return sizeof(quire_node_rec);
    if (d == &onnx__attribute_proto__descriptor) return sizeof(quire_attr_rec);
    if (d == &onnx__graph_proto__descriptor) return sizeof(quire_graph_rec);
    if (d == &onnx__function_proto__descriptor) return sizeof(quire_graph_rec);
    if (d == &onnx__training_info_proto__descriptor) return sizeof(quire_training_rec);
    if (d == &onnx__tensor_annotation__descriptor) return sizeof(quire_graph_note);
    if (d == &onnx__tensor_proto__descriptor || d == &onnx__sparse_tensor_proto__descriptor) {
        return sizeof(quire_tensor_rec) + sizeof(quire_value_rec) + sizeof(quire_graph_init);
    }
    if (d == &onnx__value_info_proto__descriptor) {
        return sizeof(quire_value_rec) + sizeof(quire_graph_info);
    }
    return LEAF_COST;
}

/* What one name costs beyond itself: the operand or the value it becomes. */
static uint16_t
name_cost(const ProtobufCMessageDescriptor *d, uint32_t number)
{
    const bool node = d == &onnx__node_proto__descriptor;
    const bool function = d == &onnx__function_proto__descriptor;
    if (node && number == 1) return NAME_COST + sizeof(quire_use_rec);
    if (node && number == 2) return NAME_COST + sizeof(quire_value_rec);
    if (function && (number == 4 || number == 5)) {
        return NAME_COST + sizeof(quire_value_rec) + sizeof(quire_graph_input);
    }
    return NAME_COST;
}

static quire_wire_kind
kind_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING: return QUIRE_KIND_STRING;
    case PROTOBUF_C_TYPE_BYTES: return QUIRE_KIND_BYTES;
    case PROTOBUF_C_TYPE_MESSAGE: return QUIRE_KIND_MESSAGE;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return QUIRE_KIND_I32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return QUIRE_KIND_I64;
    default: return QUIRE_KIND_VARINT;
    }
}

/* Index of the message's rules, added to the end of the table if it is new; the table's size if
 * it is full. */
static size_t
message_index(quire_grammar *grammar, const ProtobufCMessageDescriptor *d)
{
    size_t i = 0;
    while (i < grammar->n_messages && grammar->messages[i].descriptor != d)
        i++;
    if (i == grammar->n_messages && i < QUIRE_GRAMMAR_MESSAGES) {
        grammar->messages[i].descriptor = d;
        grammar->n_messages++;
    }
    return i;
}

/* Members of one oneof share the place of its case; `cases` lists those met so far in this
 * message. */
static size_t
oneof_index(unsigned cases[QUIRE_GRAMMAR_ONEOFS], size_t *n_cases, unsigned place)
{
    size_t i = 0;
    while (i < *n_cases && cases[i] != place)
        i++;
    if (i == *n_cases && i < QUIRE_GRAMMAR_ONEOFS) cases[(*n_cases)++] = place;
    return i;
}

static bool
add_fields(quire_grammar *grammar, quire_message_rule *message)
{
    const ProtobufCMessageDescriptor *d = message->descriptor;
    unsigned cases[QUIRE_GRAMMAR_ONEOFS];
    size_t n_cases = 0;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        if (f->id >= QUIRE_GRAMMAR_FIELDS) return false;
        quire_field_rule *rule = &message->fields[f->id];
        rule->kind = (uint8_t)kind_of(f->type);
        rule->repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
        rule->cost = NUMBER_COST;
        if (rule->kind == QUIRE_KIND_STRING) rule->cost = name_cost(d, f->id);
        if (rule->kind == QUIRE_KIND_MESSAGE) {
            const size_t index = message_index(grammar, f->descriptor);
            if (index == QUIRE_GRAMMAR_MESSAGES) return false;
            rule->message = (uint8_t)index;
            rule->cost = message_cost(f->descriptor);
        }
        if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            const size_t index = oneof_index(cases, &n_cases, f->quantifier_offset);
            if (index == QUIRE_GRAMMAR_ONEOFS) return false;
            rule->oneof = (uint8_t)(1 + index);
        }
    }
    return true;
}

quire_status
quire_grammar_init(quire_ctx *ctx, quire_grammar *grammar)
{
    memset(grammar, 0, sizeof *grammar);
    message_index(grammar, &onnx__model_proto__descriptor);
    for (size_t i = 0; i < grammar->n_messages; i++) {
        if (!add_fields(grammar, &grammar->messages[i])) {
            return quire_bug(ctx, "onnx.proto has outgrown the tables of wire_grammar.h");
        }
    }
    grammar->graph = (uint8_t)message_index(grammar, &onnx__graph_proto__descriptor);
    grammar->type = (uint8_t)message_index(grammar, &onnx__type_proto__descriptor);
    return QUIRE_OK;
}

const char *
quire_grammar_name(const quire_message_rule *message, uint32_t number)
{
    const ProtobufCMessageDescriptor *d = message->descriptor;
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (d->fields[i].id == number) return d->fields[i].name;
    }
    return NULL;
}
