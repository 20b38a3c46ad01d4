/* ort_api.c - see ort_api.h. */
#include "ort/ort_api.h"

#include <string.h>

void
ort_calls_take(ort_calls *out, const OrtApi *api)
{
    typedef void (*entry)(void);
    const unsigned char *table = (const unsigned char *)api;

#define ORT_TAKE(number, name, result, parameters)                                                 \
    memcpy(&out->name, table + (number) * sizeof(entry), sizeof(entry));
    ORT_API_TABLE(ORT_TAKE)
#undef ORT_TAKE
}

void
ort_calls_take_first(ort_calls *out, const OrtApi *api)
{
    memset(out, 0, sizeof *out);
    memcpy(&out->CreateStatus, api, sizeof out->CreateStatus);
}
