/* ort_fake.h - an ONNX Runtime for tests of src/ort: its table of functions with none behind it.
 *
 * A test fills in what the runtime would know of a node, calls the operator, and looks at what it
 * did. Each call that may fail can be made to fail; what is not given back is counted; what no
 * runtime was ever asked (a function that is not in ort_api.h, another number of dimensions than
 * there are) ends the program. It knows nothing of our operators.
 */
#ifndef QUIRE_TESTS_SUPPORT_ORT_FAKE_H
#define QUIRE_TESTS_SUPPORT_ORT_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ort/ort_api.h"

enum { FAKE_MAX_RANK = 80, FAKE_MAX_ATTRIBUTES = 8, FAKE_MAX_INPUTS = 4, FAKE_MAX_OPS = 64 };

struct OrtStatus {
    ort_code code;
    char message[512];
};

struct OrtTensorTypeAndShapeInfo {
    ort_element type;
    size_t rank;
    int64_t dims[FAKE_MAX_RANK];
    const char *names[FAKE_MAX_RANK]; /* handed out as they are, NULL too */
};

struct OrtTypeInfo {
    bool is_no_tensor;
    OrtTensorTypeAndShapeInfo tensor;
};

struct OrtValue {
    OrtTensorTypeAndShapeInfo info;
    void *data; /* the test's; of an output, malloc'ed to its exact size, NULL if that is 0 */
};

struct OrtOpAttr {
    const char *name;
    ort_attribute type;
    int64_t value;
};

/* A node as all three contexts see it; attributes end where a name is NULL. */
struct OrtKernelInfo {
    OrtOpAttr attributes[FAKE_MAX_ATTRIBUTES];
    OrtTypeInfo inputs[FAKE_MAX_INPUTS];
    const OrtValue *constants[FAKE_MAX_INPUTS]; /* NULL: not constant */
};

typedef enum fake_pool {
    FAKE_POOL_IN_ORDER,
    FAKE_POOL_BACKWARDS,
    FAKE_POOL_THREADS, /* n_threads of them */
    FAKE_POOL_HALF     /* does every other part, and returns an error */
} fake_pool;

struct OrtKernelContext {
    const OrtValue *inputs[FAKE_MAX_INPUTS]; /* NULL is handed out */
    bool has_no_output;                      /* asked for the output, gives NULL */
    OrtValue output;
    fake_pool pool;
    size_t n_threads;
    atomic_size_t n_parts; /* that were done */
};

struct OrtShapeInferContext {
    const OrtKernelInfo *node;
    OrtTensorTypeAndShapeInfo inputs[FAKE_MAX_INPUTS];
    bool has_result;
    OrtTensorTypeAndShapeInfo result; /* names are copied as they are: look at once */
};

struct OrtCustomOpDomain {
    char name[32];
    size_t n_ops;
    const OrtCustomOp *ops[FAKE_MAX_OPS];
};

struct OrtSessionOptions {
    size_t n_domains;
    const OrtCustomOpDomain *domains[4];
};

typedef struct fake_ort {
    uint32_t version;      /* the newest table it has; 0: any */
    atomic_size_t n_calls; /* that may fail */
    size_t fail_at;        /* 1 is the first; 0: never */
    bool sticky;           /* all from there on */
    const char *last;      /* that failed; NULL: none did */
    pthread_barrier_t
        *meeting; /* NULL, or where threads wait before each step of making a domain */
    atomic_size_t n_domains_made;
    /* What was not released: */
    atomic_size_t n_statuses, n_infos, n_types, n_domains;
} fake_ort;

extern fake_ort fake;

/* Another runtime, with a table of its own; its GetApi gives it until the next one is made. Counts
 * and failures are as at the start, but for domains. */
const OrtApiBase *fake_runtime(void);

/* Frees what a kernel put into a context. */
void fake_context_clear(OrtKernelContext *context);
/* Frees a status, as a runtime that was returned it. */
void fake_status_free(OrtStatus *status);

#endif
