/* quire/plugin_draft.h - a DRAFT: interfaces that no host offers or asks for yet.
 *
 * They are here so that vendors can say what is wrong with them before they are frozen. Anything in
 * this file may change or go in any version, without a new major version; what is frozen moves to
 * quire/plugin.h under the id it has here. get_interface is not asked for these ids today. A plugin
 * that answers them all the same is loaded, and what it offers under them is not used.
 *
 * Rules, words and compilers: those of quire/plugin.h, which it includes.
 */
#ifndef QUIRE_PLUGIN_DRAFT_H
#define QUIRE_PLUGIN_DRAFT_H

#include "quire/plugin.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* --- quire.observers/1: calibration methods ---------------------------------------------------
 *
 * `observer=NAME(OPTIONS)` of a spec: what watches the tensors of a slot while samples run through
 * the model, and then says its parameters. Order of calls: create, observe for every batch, merge
 * where calibration was done in parts, derive_qparams, destroy. No model is at hand.
 *
 * Threads. [state]: calls on one state never overlap; those on different states may run at the same
 * time on any threads, create too.
 */

#define QUIRE_OBSERVERS_1 "quire.observers/1"

/* A batch: elements of a tensor in row-major order, without gaps; read only, good during the call.
 */
typedef struct quire_tensor_view {
    uint32_t size;
    int32_t dtype;       /* TensorProto.DataType: FLOAT 1; others if the observer's flags say so */
    uint32_t rank;       /* 0: one element */
    uint32_t reserved;   /* 0 */
    const int64_t *dims; /* rank of them, 0 or more each */
    const void *data;    /* NULL where there are no elements */
    uint64_t n_elements; /* product of dims */
} quire_tensor_view;

/* quire_observer.flags: merge and observe give the same bits in any order of batches. */
enum { QUIRE_OBSERVER_ORDER_FREE = 1u };

/* A method: static and never changed. */
typedef struct quire_observer {
    uint32_t size, options_size; /* bytes of the options struct; 0: no options */
    const char *name, *summary;  /* as those of quire_quantizer */
    const quire_option *options; /* n_options rows, each `size` of the first apart */
    uint32_t n_options, flags;   /* flags: 0 or QUIRE_OBSERVER_ORDER_FREE */
    /* Makes the state of one slot, or group of slots, to be quantized by `spec` (canonical, good
     * during the call). `options` is the filled struct, good during the call but for its strings.
     * QUIRE_E_UNSUPPORTED: not for such a spec, and why is reported. If it fails, nothing is left
     * allocated, and destroy is not called. [state] */
    quire_status (*create)(const quire_host *host, const void *options, const quire_qspec *spec,
                           void **out_state);
    /* [state] */
    void (*destroy)(void *state);
    /* Takes in a batch. NaN and infinity are passed over, or refused with QUIRE_E_INVALID; without
     * elements nothing changes. [state] */
    quire_status (*observe)(void *state, const quire_tensor_view *batch);
    /* `into` is as if it had observed what `from` has, after its own. Both are of one create with
     * equal options and spec; `from` is not changed. The host merges in the order of samples, so
     * that the outcome does not depend on the number of threads. [state], of both */
    quire_status (*merge)(void *into, const void *from);
    /* Fills the arrays of io_out, of which n and the pointers are set by the host: see
     * quire_qparams. The state is not changed; twice gives the same bits. QUIRE_E_INVALID: nothing
     * was observed from which parameters follow, and why is reported. [state] */
    quire_status (*derive_qparams)(const void *state, const quire_qspec *spec,
                                   quire_qparams *io_out);
} quire_observer;

#if defined(__cplusplus)
}
#endif

#endif
