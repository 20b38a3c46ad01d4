/* register.c - the one symbol ONNX Runtime looks for.
 *
 * A domain of operators belongs to the runtime it was made in, and a process may hold two (a Python
 * binding has one of its own), so there is a record for each, found by its table of functions and
 * shared by all its sessions. Records are never taken out while the library is loaded: the runtime
 * unloads it after the last session that uses it.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "ort/lookup.h"
#include "ort/shapes.h"

/* What the name says, and nothing else of this library, is visible from outside. */
#define EXPORT __attribute__((visibility("default")))

typedef struct record {
    struct record *next;
    const OrtApi *api;         /* the runtime's, which outlives this library */
    OrtCustomOpDomain *domain; /* ours; it points at `ops` */
    ort_calls calls;
    lookup_op ops[LOOKUP_N_OPS];
} record;

static _Atomic(record *) records;

static record *
find_record(const OrtApi *api)
{
    record *r = atomic_load(&records);

    while (r != NULL && r->api != api)
        r = r->next;
    return r;
}

static void
record_destroy(record *r)
{
    if (r->domain != NULL) r->calls.ReleaseCustomOpDomain(r->domain);
    free(r);
}

static OrtStatus *
make_domain(record *r)
{
    ORT_TRY(r->calls.CreateCustomOpDomain("ai.quire", &r->domain));
    for (int i = 0; i < LOOKUP_N_OPS; i++)
        ORT_TRY(r->calls.CustomOpDomain_Add(r->domain, &r->ops[i].op));
    return NULL;
}

/* Two threads may make one each: both are good, and later sessions use the one that came last. */
static OrtStatus *
add_record(const OrtApi *api, const ort_calls *calls, record **out)
{
    record *r = calloc(1, sizeof *r);
    OrtStatus *status;

    if (r == NULL) return ort_fail(calls, ORT_CODE_FAIL, "out of memory");
    r->api = api;
    r->calls = *calls;
    lookup_ops_init(r->ops, &r->calls);
    status = make_domain(r);
    if (status != NULL) {
        record_destroy(r);
        return status;
    }
    r->next = atomic_load(&records);
    while (!atomic_compare_exchange_weak(&records, &r->next, r))
        continue;
    *out = r;
    return NULL;
}

__attribute__((destructor)) static void
unload(void)
{
    record *r = atomic_exchange(&records, NULL);

    while (r != NULL) {
        record *next = r->next;
        record_destroy(r);
        r = next;
    }
}

EXPORT OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base);

EXPORT OrtStatus *
RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base)
{
    const OrtApi *api = base->GetApi(ORT_API_VERSION);
    ort_calls calls;
    record *r;

    if (api == NULL) {
        ort_calls_take_first(&calls, base->GetApi(1));
        return ort_fail(&calls, ORT_CODE_FAIL,
                        "libquire_ort needs ONNX Runtime 1.17 or newer, and this is %s",
                        base->GetVersionString());
    }
    ort_calls_take(&calls, api);
    r = find_record(api);
    if (r == NULL) ORT_TRY(add_record(api, &calls, &r));
    return calls.AddCustomOpDomain(options, r->domain);
}
