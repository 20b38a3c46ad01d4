/* add_chain.c - see add_chain.h. The nodes are made one after the other, so their ids are, too. */
#include "support/add_chain.h"

#include <stdio.h>

#include "graph/edit.h"
#include "graph/parse.h"

static const char model_text[] = "<ir_version: 8, opset_import: [\"\" : 17]>\n"
                                 "g (float[4] x) => (float[4] x) { }\n";

const char *
add_chain_spelling_text(add_chain_spelling spelling)
{
    static const char *const texts[] = {"result shared with operand 0", "every pointer backward",
                                        "every pointer forward", "every operand explicit",
                                        "every slot explicit"};
    return texts[spelling];
}

quire_status
add_chain_make(quire_ctx *ctx, uint32_t n, quire_model **out_model)
{
    quire_model *m;
    QUIRE_TRY(quire_model_parse(ctx, quire_bytes_of(model_text), NULL, &m));
    const quire_value x = quire_graph_at(m, m->main)->inputs[0].value;
    quire_value last = x;
    quire_status status = QUIRE_OK;
    for (uint32_t i = 1; i <= n && status == QUIRE_OK; i++) {
        char text[16];
        quire_node node;
        snprintf(text, sizeof text, "h%u", (unsigned)i);
        const quire_value inputs[] = {last, x};
        const quire_bytes name = quire_bytes_of(text);
        const quire_node_make make = {.graph = m->main,
                                      .domain = "",
                                      .op_type = "Add",
                                      .inputs = inputs,
                                      .n_inputs = 2,
                                      .outputs = &name,
                                      .n_outputs = 1};
        status = quire_node_create(ctx, m, &make, (quire_node){0}, &node);
        if (status == QUIRE_OK) last = quire_node_result(m, node, 0);
    }
    if (status != QUIRE_OK) quire_model_destroy(ctx, m);
    *out_model = m;
    return status;
}

quire_slot
add_chain_slot(const quire_model *m, uint32_t i, uint32_t k)
{
    const quire_node first = quire_graph_at(m, m->main)->first;
    const quire_node node = {first.id + i - 1};
    if (k == 2) return (quire_slot){QUIRE_SLOT_RESULT, quire_node_result(m, node, 0).id};
    return (quire_slot){QUIRE_SLOT_USE, quire_node_operand(m, node, k).id};
}

typedef struct wanted {
    quire_ctx *ctx;
    quire_model *m;
    quire_claims *claims;
    quire_sym who;
    quire_spec_ref specs[4];
} wanted;

static quire_status
want(const wanted *w, quire_slot slot, quire_spec_ref spec)
{
    const quire_claim claim = {.slot = slot, .spec = spec, .who = w->who};
    return quire_claims_add(w->ctx, w->claims, &claim);
}

static quire_spec_ref
shared_with(quire_slot slot)
{
    return (quire_spec_ref){.target = slot};
}

/* The claims on node i of n. */
static quire_status
want_node(const wanted *w, uint32_t i, uint32_t n, add_chain_spelling spelling)
{
    const quire_slot first = add_chain_slot(w->m, i, 0);
    const quire_slot second = add_chain_slot(w->m, i, 1);
    const quire_slot result = add_chain_slot(w->m, i, 2);
    const quire_spec_ref spec = w->specs[0];
    switch (spelling) {
    case CHAIN_RESULT_SHARED:
        QUIRE_TRY(want(w, first, spec));
        return want(w, result, shared_with(first));
    case CHAIN_BACKWARD:
        QUIRE_TRY(want(w, first, i == 1 ? spec : shared_with(add_chain_slot(w->m, i - 1, 2))));
        return want(w, result, shared_with(first));
    case CHAIN_FORWARD:
        QUIRE_TRY(want(w, first, shared_with(result)));
        return want(w, result, i == n ? spec : shared_with(add_chain_slot(w->m, i + 1, 0)));
    case CHAIN_EXPLICIT:
        QUIRE_TRY(want(w, first, spec));
        QUIRE_TRY(want(w, second, spec));
        return want(w, result, shared_with(first));
    case CHAIN_FULL:
        QUIRE_TRY(want(w, first, w->specs[i / 7 % 4]));
        QUIRE_TRY(want(w, second, w->specs[i % 4]));
        return want(w, result, w->specs[(i + 1) / 7 % 4]);
    }
    return QUIRE_OK;
}

quire_status
add_chain_claim(quire_ctx *ctx, quire_model *m, uint32_t n, add_chain_spelling spelling,
                quire_claims *io_claims)
{
    wanted w = {.ctx = ctx, .m = m, .claims = io_claims};
    QUIRE_TRY(quire_syms_intern(ctx, &m->syms, quire_bytes_of("chain"), &w.who));
    for (uint32_t k = 0; k < 4; k++) {
        quire_spec spec = {.kind = QUIRE_SPEC_QUANTIZED,
                           .dtype = k % 2 == 0 ? QUIRE_DTYPE_UINT8 : QUIRE_DTYPE_INT8,
                           .zero_point = QUIRE_ZERO_POINT_INT,
                           .dynamic = k / 2};
        QUIRE_TRY(quire_spec_canonicalize(ctx, &spec, NULL));
        QUIRE_TRY(quire_spec_intern(ctx, m, &spec, &w.specs[k]));
    }
    for (uint32_t i = 1; i <= n; i++)
        QUIRE_TRY(want_node(&w, i, n, spelling));
    return QUIRE_OK;
}
