/* ort_host.c - a program in C that runs a model of target quire in ONNX Runtime with our operators.
 *
 *     ort_host LIBONNXRUNTIME LIBQUIRE_ORT MODEL ROWS
 *
 * MODEL looks up `i` in a table of ROWS x 64 and returns `y`. Prints the sum of the bits of what it
 * looked up, for the test to compare; then a wrong index has to be an error that says so. The runtime
 * is opened at run time, functions are taken by their number, as in src/ort/ort_api.h.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort/ort_api.h"

enum { WIDTH = 64, N_INDICES = 5000 };

typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtMemoryInfo OrtMemoryInfo;

#define HOST_TABLE(X)                                                                              \
    X(2, GetErrorMessage, const char *, (const OrtStatus *status))                                 \
    X(3, CreateEnv, OrtStatus *, (int level, const char *id, OrtEnv **out))                        \
    X(7, CreateSession, OrtStatus *,                                                               \
      (const OrtEnv *env, const char *path, const OrtSessionOptions *options, OrtSession **out))   \
    X(9, Run, OrtStatus *,                                                                         \
      (OrtSession * session, const void *options, const char *const *in_names,                     \
       const OrtValue *const *in, size_t n_in, const char *const *out_names, size_t n_out,         \
       OrtValue **out))                                                                            \
    X(10, CreateSessionOptions, OrtStatus *, (OrtSessionOptions * *out))                           \
    X(49, CreateTensorWithDataAsOrtValue, OrtStatus *,                                             \
      (const OrtMemoryInfo *info, void *data, size_t size, const int64_t *dims, size_t n,          \
       ort_element type, OrtValue **out))                                                          \
    X(51, GetTensorMutableData, OrtStatus *, (const OrtValue *value, void **out))                  \
    X(69, CreateCpuMemoryInfo, OrtStatus *, (int allocator, int memory, OrtMemoryInfo **out))      \
    X(92, ReleaseEnv, void, (OrtEnv * env))                                                        \
    X(93, ReleaseStatus, void, (OrtStatus * status))                                               \
    X(94, ReleaseMemoryInfo, void, (OrtMemoryInfo * info))                                         \
    X(95, ReleaseSession, void, (OrtSession * session))                                            \
    X(96, ReleaseValue, void, (OrtValue * value))                                                  \
    X(100, ReleaseSessionOptions, void, (OrtSessionOptions * options))                             \
    X(228, RegisterCustomOpsLibrary_V2, OrtStatus *,                                               \
      (OrtSessionOptions * options, const char *path))

typedef struct host {
#define HOST_MEMBER(number, name, result, parameters) result(*name) parameters;
    HOST_TABLE(HOST_MEMBER)
#undef HOST_MEMBER
} host;

static host ort;

static void
check(OrtStatus *status)
{
    if (status == NULL) return;
    fprintf(stderr, "ort_host: %s\n", ort.GetErrorMessage(status));
    exit(1);
}

static void
take_functions(const char *path)
{
    typedef void (*entry)(void);
    const OrtApiBase *(*get_base)(void);
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library != NULL ? dlsym(library, "OrtGetApiBase") : NULL;

    if (symbol == NULL) {
        fprintf(stderr, "ort_host: %s\n", dlerror());
        exit(2);
    }
    memcpy(&get_base, &symbol, sizeof symbol);
    const unsigned char *table = (const unsigned char *)get_base()->GetApi(ORT_API_VERSION);
#define HOST_TAKE(number, name, result, parameters)                                                \
    memcpy(&ort.name, table + (number) * sizeof(entry), sizeof(entry));
    HOST_TABLE(HOST_TAKE)
#undef HOST_TAKE
}

static OrtStatus *
look_up(OrtSession *session, const OrtMemoryInfo *memory, int64_t *indices, OrtValue **out)
{
    const char *const in_names[] = {"i"}, *const out_names[] = {"y"};
    const int64_t n = N_INDICES;
    OrtValue *in;
    OrtStatus *status;

    *out = NULL;
    check(ort.CreateTensorWithDataAsOrtValue(memory, indices, N_INDICES * sizeof *indices, &n, 1,
                                             ORT_ELEMENT_INT64, &in));
    const OrtValue *const ins[] = {in};
    status = ort.Run(session, NULL, in_names, ins, 1, out_names, 1, out);
    ort.ReleaseValue(in);
    return status;
}

static uint64_t
sum_bits(const OrtValue *value)
{
    uint64_t sum = 0;
    void *data;

    check(ort.GetTensorMutableData(value, &data));
    for (size_t k = 0; k < (size_t)N_INDICES * WIDTH; k++) {
        uint32_t bits;
        memcpy(&bits, (const float *)data + k, sizeof bits);
        sum += bits;
    }
    return sum;
}

static int
expect_fault(OrtSession *session, const OrtMemoryInfo *memory, int64_t *indices, int64_t rows)
{
    char wanted[128];
    OrtValue *out;

    indices[7] = rows;
    OrtStatus *status = look_up(session, memory, indices, &out);
    snprintf(wanted, sizeof wanted, "index 7 is %" PRId64 ", and the table has %" PRId64 " rows",
             rows, rows);
    const int fine = status != NULL && strstr(ort.GetErrorMessage(status), wanted) != NULL;
    if (!fine) fprintf(stderr, "ort_host: a wrong index is no error, or another one\n");
    if (status != NULL) ort.ReleaseStatus(status);
    return fine ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static int64_t indices[N_INDICES];
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtValue *out;

    if (argc != 5) return 2;
    take_functions(argv[1]);
    const int64_t rows = strtoll(argv[4], NULL, 10);
    for (int64_t k = 0; k < N_INDICES; k++)
        indices[k] = k * k % (2 * rows) - rows;
    check(ort.CreateEnv(3, "ort_host", &env));
    check(ort.CreateSessionOptions(&options));
    check(ort.RegisterCustomOpsLibrary_V2(options, argv[2]));
    check(ort.CreateSession(env, argv[3], options, &session));
    check(ort.CreateCpuMemoryInfo(1, 0, &memory));
    check(look_up(session, memory, indices, &out));
    printf("%" PRIu64 "\n", sum_bits(out));
    ort.ReleaseValue(out);
    const int code = expect_fault(session, memory, indices, rows);
    ort.ReleaseMemoryInfo(memory);
    ort.ReleaseSession(session);
    ort.ReleaseSessionOptions(options);
    ort.ReleaseEnv(env);
    return code;
}
