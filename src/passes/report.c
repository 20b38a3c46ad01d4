/* report.c - the report as JSON; report_text.c is for people. The order of keys is fixed. */
#include "passes/report.h"

#include <math.h>

#include "base/json.h"
#include "passes/report_parts.h"

bool
report_has_table(const quire_report *r, const quire_found_table *t)
{
    return r->survey ? t->n_eligible > 0 && t->excluded == QUIRE_REASON_NONE : t->codes.id != 0;
}

bool
report_has_table_of(const quire_report *r, const quire_lookup *l)
{
    return l->reason == QUIRE_REASON_NONE && l->table != 0 &&
           report_has_table(r, &r->tables->tables[l->table - 1]);
}

double
report_sqnr_db(const quire_found_table *t)
{
    return t->sum_ee > 0 ? 10 * log10(t->sum_xx / t->sum_ee) : NAN;
}

/* Were the weights read, so that there is an error to tell? */
bool
report_has_error(const quire_report *r, const quire_found_table *t)
{
    return !r->survey && !r->dry_run && t->sum_ee > 0;
}

static void
put_name(quire_json *j, const char *key, const quire_report *r, quire_bytes name)
{
    quire_json_key(j, key);
    if (r->survey || name.len == 0) {
        quire_json_null(j);
    } else {
        quire_json_string(j, name);
    }
}

static void
put_worst(quire_json *j, const quire_report *r, const quire_found_table *t)
{
    quire_json_key(j, "worst_row");
    if (!report_has_error(r, t) || !t->has_worst) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '{');
    quire_json_key(j, "row");
    quire_json_u64(j, t->worst_row);
    quire_json_key(j, "sqnr_db");
    quire_json_double(j, t->worst_sqnr_db);
    quire_json_end(j, '}');
}

static void
put_users(quire_json *j, const quire_report *r, const quire_found_table *t)
{
    quire_json_key(j, "consumers");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < r->tables->n_lookups; i++) {
        const quire_lookup *l = &r->tables->lookups[i];
        if (l->reason == QUIRE_REASON_NONE && l->table != 0 &&
            &r->tables->tables[l->table - 1] == t)
            quire_json_string(j, l->path);
    }
    quire_json_end(j, ']');
    quire_json_key(j, "other_uses");
    quire_json_begin(j, '[');
    for (size_t i = 0; i < t->n_other_uses; i++)
        quire_json_string(j, t->other_uses[i]);
    quire_json_end(j, ']');
}

static void
put_form(quire_json *j, const quire_found_table *t)
{
    quire_json_key(j, "bits");
    quire_json_u64(j, t->bits);
    quire_json_key(j, "block");
    if (t->block != 0) {
        quire_json_u64(j, t->block);
    } else {
        quire_json_null(j);
    }
    quire_json_key(j, "zero_point");
    quire_json_text(j, t->zero_point_float ? "float" : "int");
    quire_json_key(j, "scale_type");
    quire_json_text(j, t->scale_f16 ? "f16" : "f32");
    quire_json_key(j, "search");
    quire_json_text(j, t->search_mse ? "mse" : "minmax");
    if (!(t->eps > 0)) return;
    quire_json_key(j, "eps");
    quire_json_double(j, (double)t->eps);
}

/* Only of tables with an eps; null where the weights were not read. */
static void
put_flattened(quire_json *j, const quire_report *r, const quire_found_table *t)
{
    if (!(t->eps > 0)) return;
    quire_json_key(j, "flattened_rows");
    if (r->survey || r->dry_run) {
        quire_json_null(j);
    } else {
        quire_json_u64(j, t->flattened_rows);
    }
}

static void
put_bytes(quire_json *j, const quire_report *r, const quire_found_table *t)
{
    uint64_t before = t->bytes_before;
    if (r->survey) quire_dtype_bytes(t->dtype, t->rows * t->width, &before);
    quire_json_key(j, "bytes_before");
    quire_json_u64(j, before);
    quire_json_key(j, "bytes_after");
    if (r->survey) {
        quire_json_null(j);
    } else {
        quire_json_u64(j, t->bytes_after);
    }
}

static void
put_table(quire_json *j, const quire_report *r, const quire_found_table *t)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "name");
    quire_json_string(j, t->name);
    quire_json_key(j, "graph");
    quire_json_string(j, t->graph_path);
    quire_json_key(j, "dtype");
    quire_json_text(j, t->dtype == QUIRE_DTYPE_FLOAT ? "float32"
                                                     : quire_dtype_describe(t->dtype)->onnx);
    quire_json_key(j, "rows");
    quire_json_u64(j, t->rows);
    quire_json_key(j, "width");
    quire_json_u64(j, t->width);
    put_form(j, t);
    put_name(j, "codes", r, t->codes_name);
    put_name(j, "scales", r, t->scales_name);
    put_name(j, "zero_points", r, t->zero_points_name);
    put_bytes(j, r, t);
    quire_json_key(j, "sqnr_db");
    quire_json_double(j, report_has_error(r, t) ? report_sqnr_db(t) : NAN);
    put_worst(j, r, t);
    put_flattened(j, r, t);
    put_users(j, r, t);
    quire_json_end(j, '}');
}

static void
put_skipped(quire_json *j, const quire_lookup *l)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "node");
    quire_json_string(j, l->path);
    quire_json_key(j, "graph");
    quire_json_string(j, l->graph_path);
    quire_json_key(j, "table");
    if (l->table_name.len > 0) {
        quire_json_string(j, l->table_name);
    } else {
        quire_json_null(j);
    }
    quire_json_key(j, "reason");
    quire_json_text(j, quire_reason_code(l->reason));
    quire_json_key(j, "message");
    quire_json_string(j, l->message.len > 0 ? l->message
                                            : quire_bytes_of(quire_reason_text(l->reason)));
    quire_json_end(j, '}');
}

static void
put_pair(quire_json *j, const char *key, uint64_t in, uint64_t out)
{
    quire_json_key(j, key);
    quire_json_begin(j, '{');
    quire_json_key(j, "in");
    quire_json_u64(j, in);
    quire_json_key(j, "out");
    quire_json_u64(j, out);
    quire_json_end(j, '}');
}

static void
put_receipt(quire_json *j, const quire_receipt *r)
{
    quire_json_key(j, "receipt");
    if (r == NULL) {
        quire_json_null(j);
        return;
    }
    quire_json_begin(j, '{');
    quire_json_key(j, "input_bytes");
    quire_json_u64(j, r->input_bytes);
    quire_json_key(j, "output_bytes");
    quire_json_u64(j, r->output_bytes);
    quire_json_key(j, "kept");
    quire_json_u64(j, r->kept);
    quire_json_key(j, "removed");
    quire_json_u64(j, r->removed);
    quire_json_key(j, "added");
    quire_json_u64(j, r->added);
    put_pair(j, "rewritten", r->rewritten_in, r->rewritten_out);
    put_pair(j, "framing", r->framing_in, r->framing_out);
    quire_json_end(j, '}');
}

static void
write_json(quire_writer *w, const quire_report *r)
{
    quire_json j = {.w = w};
    quire_json_begin(&j, '{');
    quire_json_key(&j, "format_version");
    quire_json_u64(&j, 1);
    quire_json_key(&j, "dry_run");
    quire_json_bool(&j, r->dry_run);
    quire_json_key(&j, "source");
    quire_json_text(&j, r->source);
    quire_json_key(&j, "tables");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < r->tables->n_tables; i++) {
        if (report_has_table(r, &r->tables->tables[i])) put_table(&j, r, &r->tables->tables[i]);
    }
    quire_json_end(&j, ']');
    quire_json_key(&j, "skipped");
    quire_json_begin(&j, '[');
    for (size_t i = 0; i < r->tables->n_lookups; i++) {
        if (r->tables->lookups[i].reason != QUIRE_REASON_NONE)
            put_skipped(&j, &r->tables->lookups[i]);
    }
    quire_json_end(&j, ']');
    report_put_annotations(&j, r);
    put_receipt(&j, r->receipt);
    quire_json_end(&j, '}');
}

quire_status
quire_report_write(quire_writer *w, const quire_report *report, quire_format format)
{
    if (format == QUIRE_FORMAT_JSON) {
        write_json(w, report);
    } else {
        report_write_text(w, report);
    }
    return w->status;
}
