/* ort_api.h - the part of ONNX Runtime's C interface that a library of operators needs, version 17.
 *
 * The interface is one table of functions that only ever grows at its end, so where a function is
 * in it is a fact that holds for every version from the one that brought it. Here each function
 * that is used is named with its number in the table (docs/kernels-in-ort.md says how these were
 * checked). Names of types and functions are the runtime's; the wording is ours.
 *
 * A function that returns an OrtStatus returns NULL where all went well, else what went wrong; its
 * caller releases it or returns it to the runtime.
 */
#ifndef QUIRE_ORT_ORT_API_H
#define QUIRE_ORT_ORT_API_H

#include <stddef.h>
#include <stdint.h>

enum {
    ORT_API_VERSION = 17 /* of ONNX Runtime 1.17, the first with all that is used */
};

/* Of the runtime; here they are only handed on. */
typedef struct OrtStatus OrtStatus;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtShapeInferContext OrtShapeInferContext;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtOpAttr OrtOpAttr;
typedef struct OrtCustomOp OrtCustomOp;
typedef struct OrtApi OrtApi;

/* Enumerations of the interface, as far as they are used. */
typedef enum ort_code { ORT_CODE_FAIL = 1, ORT_CODE_INVALID_ARGUMENT = 2 } ort_code;

typedef enum ort_element {
    ORT_ELEMENT_ANY = 0,
    ORT_ELEMENT_FLOAT = 1,
    ORT_ELEMENT_UINT8 = 2,
    ORT_ELEMENT_INT32 = 6,
    ORT_ELEMENT_INT64 = 7,
    ORT_ELEMENT_FLOAT16 = 10,
    ORT_ELEMENT_BFLOAT16 = 16
} ort_element;

typedef enum ort_attribute { ORT_ATTRIBUTE_INT = 1 } ort_attribute;
typedef enum ort_memory { ORT_MEMORY_DEFAULT = 0 } ort_memory;
typedef enum ort_formal { ORT_FORMAL_REQUIRED = 0 } ort_formal;

/* X(number in the table, name, result, parameters). */
#define ORT_API_TABLE(X)                                                                           \
    /* Makes a status; the message is copied. */                                                   \
    X(0, CreateStatus, OrtStatus *, (ort_code code, const char *message))                          \
    /* The caller's to release, after the last session that knows it. */                           \
    X(26, CreateCustomOpDomain, OrtStatus *, (const char *domain, OrtCustomOpDomain **out))        \
    /* This and the next keep the pointer. */                                                      \
    X(27, CustomOpDomain_Add, OrtStatus *, (OrtCustomOpDomain * domain, const OrtCustomOp *op))    \
    X(28, AddCustomOpDomain, OrtStatus *,                                                          \
      (OrtSessionOptions * options, OrtCustomOpDomain * domain))                                   \
    X(51, GetTensorMutableData, OrtStatus *, (const OrtValue *value, void **out))                  \
    /* Borrowed from the type. */                                                                  \
    X(55, CastTypeInfoToTensorInfo, OrtStatus *,                                                   \
      (const OrtTypeInfo *type, const OrtTensorTypeAndShapeInfo **out))                            \
    /* The caller's to release. */                                                                 \
    X(57, CreateTensorTypeAndShapeInfo, OrtStatus *, (OrtTensorTypeAndShapeInfo * *out))           \
    X(58, SetTensorElementType, OrtStatus *, (OrtTensorTypeAndShapeInfo * info, ort_element type)) \
    X(59, SetDimensions, OrtStatus *,                                                              \
      (OrtTensorTypeAndShapeInfo * info, const int64_t *dims, size_t n))                           \
    X(60, GetTensorElementType, OrtStatus *,                                                       \
      (const OrtTensorTypeAndShapeInfo *info, ort_element *out))                                   \
    X(61, GetDimensionsCount, OrtStatus *, (const OrtTensorTypeAndShapeInfo *info, size_t *out))   \
    /* -1: not known. */                                                                           \
    X(62, GetDimensions, OrtStatus *,                                                              \
      (const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t n))                            \
    /* "" where there is none; borrowed from the info. */                                          \
    X(63, GetSymbolicDimensions, OrtStatus *,                                                      \
      (const OrtTensorTypeAndShapeInfo *info, const char **names, size_t n))                       \
    /* The caller's to release, as all of this table. */                                           \
    X(65, GetTensorTypeAndShape, OrtStatus *,                                                      \
      (const OrtValue *value, OrtTensorTypeAndShapeInfo **out))                                    \
    X(86, KernelInfoGetAttribute_int64, OrtStatus *,                                               \
      (const OrtKernelInfo *info, const char *name, int64_t *out))                                 \
    /* Borrowed from the context. */                                                               \
    X(90, KernelContext_GetInput, OrtStatus *,                                                     \
      (const OrtKernelContext *context, size_t index, const OrtValue **out))                       \
    X(91, KernelContext_GetOutput, OrtStatus *,                                                    \
      (OrtKernelContext * context, size_t index, const int64_t *dims, size_t n, OrtValue **out))   \
    X(93, ReleaseStatus, void, (OrtStatus * status))                                               \
    X(98, ReleaseTypeInfo, void, (OrtTypeInfo * type))                                             \
    X(99, ReleaseTensorTypeAndShapeInfo, void, (OrtTensorTypeAndShapeInfo * info))                 \
    X(101, ReleaseCustomOpDomain, void, (OrtCustomOpDomain * domain))                              \
    /* The caller's to release. */                                                                 \
    X(234, KernelInfo_GetInputTypeInfo, OrtStatus *,                                               \
      (const OrtKernelInfo *info, size_t index, OrtTypeInfo **out))                                \
    /* Sets *is_constant; the value is borrowed. */                                                \
    X(249, KernelInfoGetConstantInput_tensor, OrtStatus *,                                         \
      (const OrtKernelInfo *info, size_t index, int *is_constant, const OrtValue **out))           \
    /* Borrowed from the context. */                                                               \
    X(268, ShapeInferContext_GetInputTypeShape, OrtStatus *,                                       \
      (const OrtShapeInferContext *context, size_t index, OrtTensorTypeAndShapeInfo **out))        \
    X(269, ShapeInferContext_GetAttribute, OrtStatus *,                                            \
      (const OrtShapeInferContext *context, const char *name, const OrtOpAttr **out))              \
    /* Copies the info. */                                                                         \
    X(270, ShapeInferContext_SetOutputTypeShape, OrtStatus *,                                      \
      (const OrtShapeInferContext *context, size_t index, const OrtTensorTypeAndShapeInfo *info))  \
    /* Copies the names. */                                                                        \
    X(271, SetSymbolicDimensions, OrtStatus *,                                                     \
      (OrtTensorTypeAndShapeInfo * info, const char **names, size_t n))                            \
    X(272, ReadOpAttr, OrtStatus *,                                                                \
      (const OrtOpAttr *attribute, ort_attribute type, void *data, size_t size, size_t *out))      \
    /* Calls work(data, i) for each i < n on the session's threads, and returns after all. */      \
    X(274, KernelContext_ParallelFor, OrtStatus *,                                                 \
      (const OrtKernelContext *context, void (*work)(void *data, size_t i), size_t n,              \
       size_t n_batches, void *data))

/* The functions taken out of the table. */
typedef struct ort_calls {
#define ORT_CALL(number, name, result, parameters) result(*name) parameters;
    ORT_API_TABLE(ORT_CALL)
#undef ORT_CALL
} ort_calls;

/* Of a table of version ORT_API_VERSION or newer. */
void ort_calls_take(ort_calls *out, const OrtApi *api);
/* Of any table: CreateStatus alone, which is the first function of all of them; the rest NULL. */
void ort_calls_take_first(ort_calls *out, const OrtApi *api);

/* The symbol a library of operators exports gets one of these. */
typedef struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version); /* NULL: the runtime is older than that */
    const char *(*GetVersionString)(void);
} OrtApiBase;

/* An operator as the runtime asks for it, up to version 17. Members that are NULL are not called:
 * those of a version before 16 that CreateKernelV2 and KernelComputeV2 stand for, and those of
 * variadic operands. All but InferOutputShapeFn are called with valid indices only. */
struct OrtCustomOp {
    uint32_t version;
    void *(*CreateKernel)(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info);
    const char *(*GetName)(const OrtCustomOp *op);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *op); /* NULL: the CPU */
    ort_element (*GetInputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetInputTypeCount)(const OrtCustomOp *op);
    ort_element (*GetOutputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetOutputTypeCount)(const OrtCustomOp *op);
    void (*KernelCompute)(void *kernel, OrtKernelContext *context);
    void (*KernelDestroy)(void *kernel);
    ort_formal (*GetInputCharacteristic)(const OrtCustomOp *op, size_t index);
    ort_formal (*GetOutputCharacteristic)(const OrtCustomOp *op, size_t index);
    ort_memory (*GetInputMemoryType)(const OrtCustomOp *op, size_t index);
    int (*GetVariadicInputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicInputHomogeneity)(const OrtCustomOp *op);
    int (*GetVariadicOutputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *op);
    OrtStatus *(*CreateKernelV2)(const OrtCustomOp *op, const OrtApi *api,
                                 const OrtKernelInfo *info, void **out_kernel);
    OrtStatus *(*KernelComputeV2)(void *kernel, OrtKernelContext *context);
    /* What it returns is dropped by the runtime and would leak: always NULL. */
    OrtStatus *(*InferOutputShapeFn)(const OrtCustomOp *op, OrtShapeInferContext *context);
    int (*GetStartVersion)(const OrtCustomOp *op); /* versions of the domain it is for */
    int (*GetEndVersion)(const OrtCustomOp *op);
};

#endif
