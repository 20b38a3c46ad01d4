/* tables.h - embedding tables and their lookups: what find-tables found and what became of it.
 *
 * One quire_tables belongs to one run of the passes over one model. find-tables fills lookups and
 * tables; annotate-tables decides and writes specs to the spec layer; quantize-tables reads specs
 * and makes codes; lower-tables rewrites the lookups; the report reads it all.
 */
#ifndef QUIRE_PASSES_TABLES_H
#define QUIRE_PASSES_TABLES_H

#include "base/spool.h"
#include "graph/model.h"
#include "graph/spec.h"
#include "passes/reasons.h"
#include "quire/quire.h"

/* One Gather, GatherND or ATen embedding node. */
typedef struct quire_lookup {
    quire_node node;
    uint32_t table;      /* index + 1 into tables[], 0: leads to no table */
    quire_reason reason; /* 0: eligible */
    quire_bytes message; /* what was found; the reason's own sentence if empty */
    int32_t type; /* element type of the lookup's result (after a widening Cast on the table) */
    bool lowered;
    /* For the report after the node is gone: */
    quire_bytes path;       /* report path + first result */
    quire_bytes graph_path; /* report path of its graph   */
    quire_bytes table_name; /* empty: null                */
} quire_lookup;

typedef struct quire_found_table {
    quire_value value; /* initializer, or result of the Constant node */
    quire_tensor tensor;
    quire_graph graph; /* that holds it */
    quire_bytes name, graph_path;
    int32_t dtype;
    uint64_t rows, width;
    uint32_t n_lookups, n_eligible;
    bool keeps_float; /* it has other uses (incl. lookups that are left alone) */
    bool external;
    quire_bytes *other_uses; /* report paths */
    size_t n_other_uses, other_uses_room;
    quire_reason excluded; /* a reason that takes the whole table out, 0: none */
    /* decided by annotate-tables, read back from the specs by quantize-tables */
    uint32_t bits, block; /* block 0: per row */
    bool zero_point_float, scale_f16, search_mse;
    float eps; /* scales not greater become 1 (quire_row_choice.eps); 0: no such rule */
    bool quantized;
    /* made by quantize-tables */
    quire_value codes, scales,
        zero_points; /* dequantized target: codes is the float table, others 0 */
    quire_bytes codes_name, scales_name, zero_points_name;
    uint64_t bytes_before, bytes_after;
    double sum_xx, sum_ee; /* over the table, row-major order */
    bool has_worst;
    uint64_t worst_row;
    uint64_t flattened_rows; /* that eps gave the scale 1 although their elements differ */
    double worst_sqnr_db;
    /* Of the bytes of all parts, for verification of the written file: table_codes.h */
    uint64_t check;
} quire_found_table;

struct quire_resolved;

/* What annotate-tables made of one annotation. `table` and `lookup` are index + 1, 0: none. */
typedef struct quire_annotated {
    uint32_t table;  /* lowered, if that table is quantized in the end */
    uint32_t lookup; /* has to do with it: its reason is why it is not lowered */
    bool overruled;  /* the lookups that read the tensor obey other annotations */
} quire_annotated;

typedef struct quire_tables {
    const quire_quantize_options *options;
    /* Annotations that decide, attached to the model; NULL: nothing asks for a table. */
    const struct quire_resolved *resolved;
    const struct quire_account *account; /* what quantizers said beside them; NULL: none ran */
    quire_annotated *annotated; /* n_annotated of them, by index into resolved->annotations */
    size_t n_annotated;
    quire_lookup *lookups; /* graph order */
    size_t n_lookups, lookups_room;
    quire_found_table *tables; /* in order of first lookup */
    size_t n_tables, tables_room;
    /* What lower-tables made for calls (lower_call.c), in the model's arena; NULL: none. */
    struct quire_call_function *functions;
    /* quantize-tables leaves the data of its initializers to be made when the model is saved, which
     * must then be the next that is done with them; else they are made at once, in the spool. */
    bool made_when_saved;
    uint64_t payload_done, payload_total; /* of the tables that are quantized, for the progress */
    quire_spool spool;                    /* codes, scales and zero points on their way */
    bool has_spool;
    const char *beside; /* where the spool goes: the output's path */
    bool plan_only;     /* dry run: nothing is read, payloads are zeros */
} quire_tables;

void quire_tables_init(quire_tables *tables, const quire_quantize_options *options);
/* Closes the spool: call after the model was saved and destroyed. */
void quire_tables_deinit(quire_ctx *ctx, quire_tables *tables);

#endif
