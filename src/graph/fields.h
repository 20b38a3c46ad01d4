/* fields.h - field numbers of the spine, and reading of the messages that become records. Only for src/graph. */
#ifndef QUIRE_GRAPH_FIELDS_H
#define QUIRE_GRAPH_FIELDS_H

#include "graph/wire.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    MODEL_METADATA = 14,
    MODEL_TRAINING_INFO = 20,
    MODEL_FUNCTIONS = 25,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_VALUE_INFO = 13,
    GRAPH_ANNOTATION = 14,
    GRAPH_SPARSE_INITIALIZER = 15,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    NODE_DOMAIN = 7,
    NODE_OVERLOAD = 8,
    NODE_DEVICES = 10,
    ATTR_NAME = 1,
    ATTR_F = 2,
    ATTR_I = 3,
    ATTR_S = 4,
    ATTR_T = 5,
    ATTR_G = 6,
    ATTR_FLOATS = 7,
    ATTR_INTS = 8,
    ATTR_STRINGS = 9,
    ATTR_TENSORS = 10,
    ATTR_GRAPHS = 11,
    ATTR_TP = 14,
    ATTR_TYPE_PROTOS = 15,
    ATTR_TYPE = 20,
    ATTR_REF_NAME = 21,
    ATTR_SPARSE_TENSOR = 22,
    ATTR_SPARSE_TENSORS = 23,
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_SEGMENT = 3,
    TENSOR_FLOAT_DATA = 4,
    TENSOR_INT32_DATA = 5,
    TENSOR_STRING_DATA = 6,
    TENSOR_INT64_DATA = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW_DATA = 9,
    TENSOR_DOUBLE_DATA = 10,
    TENSOR_UINT64_DATA = 11,
    TENSOR_EXTERNAL_DATA = 13,
    TENSOR_DATA_LOCATION = 14,
    SPARSE_VALUES = 1,
    SPARSE_INDICES = 2,
    SPARSE_DIMS = 3,
    TRAINING_INITIALIZATION = 1,
    TRAINING_ALGORITHM = 2,
    FUNCTION_NAME = 1,
    FUNCTION_INPUT = 4,
    FUNCTION_OUTPUT = 5,
    FUNCTION_NODE = 7,
    FUNCTION_OPSET_IMPORT = 9,
    FUNCTION_DOMAIN = 10,
    FUNCTION_ATTRIBUTE_PROTO = 11,
    FUNCTION_VALUE_INFO = 12,
    FUNCTION_OVERLOAD = 13,
    INFO_NAME = 1,
    INFO_TYPE = 2,
    ANNOTATION_TENSOR_NAME = 1,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    OPSET_DOMAIN = 1,
    OPSET_VERSION = 2,
};

/* AttributeProto.AttributeType */
enum {
    TYPE_FLOAT = 1,
    TYPE_INT = 2,
    TYPE_STRING = 3,
    TYPE_TENSOR = 4,
    TYPE_GRAPH = 5,
    TYPE_FLOATS = 6,
    TYPE_INTS = 7,
    TYPE_STRINGS = 8,
    TYPE_TENSORS = 9,
    TYPE_GRAPHS = 10,
    TYPE_SPARSE_TENSOR = 11,
    TYPE_SPARSE_TENSORS = 12,
    TYPE_TYPE_PROTO = 13,
    TYPE_TYPE_PROTOS = 14,
};

/* Reads a TensorProto into a new record: sizes are checked (dims, payload length), nothing else is. `path` is for messages.
 * Reports QUIRE_E_INVALID, QUIRE_E_UNSUPPORTED. */
QUIRE_MUST_USE quire_status quire_tensor_import(quire_ctx *ctx, quire_model *m,
                                                const quire_field *field, const char *path,
                                                quire_tensor *out_tensor);
/* The same for a SparseTensorProto; its name is that of its values. */
QUIRE_MUST_USE quire_status quire_sparse_import(quire_ctx *ctx, quire_model *m,
                                                const quire_field *field, const char *path,
                                                quire_tensor *out_tensor);
/* Its indices: int64, one per value or one tuple per value, inside the tensor, rising. Reports QUIRE_E_INVALID. */
QUIRE_MUST_USE quire_status quire_sparse_check(quire_ctx *ctx, const quire_model *m, quire_tensor t,
                                               const char *path);
/* What is wrong with the type of a graph's input or output: an element type nobody knows, a
 * negative dimension; NULL if nothing. A missing type is not wrong: ONNX Runtime infers it. */
const char *quire_info_fault(const quire_model *m, quire_bytes info);
/* The TensorProto field that holds elements of this type when they are not raw; 0 for an unknown type. */
uint32_t quire_typed_field(int32_t dtype);
/* Element type and rank of a tensor type in a ValueInfoProto; 0 and -1 if it says nothing. */
void quire_info_read(const quire_model *m, quire_bytes info, int32_t *out_elem_type,
                     int32_t *out_rank);

#endif
