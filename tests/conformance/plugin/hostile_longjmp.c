/* hostile_longjmp.c - leaves its callback by a way that is none: what only a process of its
 * own contains (--isolate).
 */
#undef _FORTIFY_SOURCE /* which would abort instead */
#include <setjmp.h>

#include "hostile.h"

/* Never set: what it leads to is no place at all, whatever the compiler. */
static jmp_buf nowhere;

static quire_status
annotate(void *self, const quire_graph_api *g, const quire_claim_api *c)
{
    (void)self;
    (void)g;
    (void)c;
    longjmp(nowhere, 1);
}

HOSTILE_CHOICES("now", NULL)

static const quire_quantizer quantizer = {HOSTILE_QUANTIZER("hostile-longjmp"),
                                          .destroy = hostile_destroy, .support = hostile_support,
                                          .annotate = annotate};

static const void *
get_interface(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? &quantizer : NULL;
}

HOSTILE_PLUGIN("hostile-longjmp")
