/* report_text.c - the report for people: tables, what was left alone and why, the receipt. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/real.h"
#include "passes/report_parts.h"

enum { NAME_ROOM = 64, MESSAGE_ROOM = 512, SIZE_ROOM = 16 };

/* 1234567 as "1.2 MB": three digits at most, decimal units. Integer arithmetic, so the same
 * everywhere. */
static const char *
size_text(uint64_t bytes, char out[SIZE_ROOM])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t scale = 1;
    size_t unit = 0;
    while (bytes / scale >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        scale *= 1000;
        unit++;
    }
    const uint64_t tenths = scale == 1 ? bytes * 10 : bytes / (scale / 10);
    if (unit > 0 && tenths < 1000) {
        snprintf(out, SIZE_ROOM, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
                 units[unit]);
    } else {
        snprintf(out, SIZE_ROOM, "%u %s", (unsigned)(tenths / 10), units[unit]);
    }
    return out;
}

static const char *
name_text(quire_bytes name, char out[NAME_ROOM])
{
    quire_escape(out, NAME_ROOM, name.ptr, name.len);
    return out;
}

/* Decibels with one decimal, or a dash where there is no error. */
static void
write_db(quire_writer *w, bool known, double db)
{
    char text[32];
    if (!known || !isfinite(db)) {
        quire_writef(w, "%8s", "-");
        return;
    }
    const long tenths = lround(db * 10);
    snprintf(text, sizeof text, "%s%ld.%ld", tenths < 0 ? "-" : "", labs(tenths) / 10,
             labs(tenths) % 10);
    quire_writef(w, "%8s", text);
}

static void
write_form(quire_writer *w, const quire_found_table *t)
{
    char text[64];
    snprintf(text, sizeof text, "%u bit%s%s%s%s%s", (unsigned)t->bits,
             t->block != 0 ? " blocks" : "", t->zero_point_float ? " float-zp" : "",
             t->scale_f16 ? " f16" : "", t->search_mse ? " mse" : "", t->eps > 0 ? " eps" : "");
    quire_writef(w, "  %-12s", text);
}

static uint64_t
bytes_before(const quire_report *r, const quire_found_table *t)
{
    uint64_t bytes = t->bytes_before;
    if (r->survey) quire_dtype_bytes(t->dtype, t->rows * t->width, &bytes);
    return bytes;
}

static void
write_table(quire_writer *w, const quire_report *r, const quire_found_table *t)
{
    char name[NAME_ROOM];
    char shape[48];
    char before[SIZE_ROOM];
    char after[SIZE_ROOM];
    snprintf(shape, sizeof shape, "%llu x %llu", (unsigned long long)t->rows,
             (unsigned long long)t->width);
    quire_writef(w, "  %-28s %14s", name_text(t->name, name), shape);
    write_form(w, t);
    quire_writef(w, " %8s -> %-8s", size_text(bytes_before(r, t), before),
                 r->survey ? "?" : size_text(t->bytes_after, after));
    write_db(w, report_has_error(r, t), report_sqnr_db(t));
    if (report_has_error(r, t) && t->has_worst) {
        write_db(w, true, t->worst_sqnr_db);
        quire_writef(w, " @%llu", (unsigned long long)t->worst_row);
    }
    quire_write_str(w, "\n");
}

static void
write_flattened(quire_writer *w, const quire_found_table *t)
{
    char eps[QUIRE_REAL_ROOM];
    if (t->flattened_rows == 0) return;
    quire_writef(w, "      %llu of %llu rows too narrow for eps %s: their scale became 1\n",
                 (unsigned long long)t->flattened_rows, (unsigned long long)t->rows,
                 quire_real_print((double)t->eps, eps));
}

static void
write_readers(quire_writer *w, const quire_report *r, const quire_found_table *t)
{
    char name[NAME_ROOM];
    quire_write_str(w, "      read by");
    for (size_t i = 0; i < r->tables->n_lookups; i++) {
        const quire_lookup *l = &r->tables->lookups[i];
        if (report_has_table_of(r, l) && &r->tables->tables[l->table - 1] == t)
            quire_writef(w, " %s", name_text(l->path, name));
    }
    quire_write_str(w, "\n");
    if (t->n_other_uses == 0) return;
    char size[SIZE_ROOM];
    quire_writef(w, "      also used by");
    for (size_t i = 0; i < t->n_other_uses && i < 4; i++)
        quire_writef(w, " %s", name_text(t->other_uses[i], name));
    if (t->n_other_uses > 4) quire_writef(w, " and %zu more", t->n_other_uses - 4);
    quire_writef(w, ": the float copy stays, %s\n", size_text(bytes_before(r, t), size));
}

static size_t
write_tables(quire_writer *w, const quire_report *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->tables->n_tables; i++) {
        const quire_found_table *t = &r->tables->tables[i];
        if (!report_has_table(r, t)) continue;
        if (n++ == 0) {
            quire_writef(w, "tables %35s  %-12s %20s %7s %7s\n", "rows x width", "form", "bytes",
                         "SQNR dB", "worst");
        }
        write_table(w, r, t);
        write_flattened(w, t);
        write_readers(w, r, t);
    }
    if (n == 0) quire_write_str(w, "tables: none to quantize\n");
    return n;
}

static void
write_reason(quire_writer *w, const quire_lookup *l)
{
    char node[NAME_ROOM], table[NAME_ROOM], message[MESSAGE_ROOM];
    const quire_bytes text =
        l->message.len > 0 ? l->message : quire_bytes_of(quire_reason_text(l->reason));
    quire_escape(message, sizeof message, text.ptr, text.len);
    quire_writef(w, "  %-24s %s", quire_reason_code(l->reason), name_text(l->path, node));
    if (l->table_name.len > 0) quire_writef(w, " (%s)", name_text(l->table_name, table));
    quire_writef(w, ": %s\n", message);
}

static void
write_skipped(quire_writer *w, const quire_report *r)
{
    bool any = false;
    for (size_t i = 0; i < r->tables->n_lookups; i++) {
        const quire_lookup *l = &r->tables->lookups[i];
        if (l->reason == QUIRE_REASON_NONE) continue;
        if (!any) quire_write_str(w, "\nleft alone\n");
        any = true;
        write_reason(w, l);
    }
}

static void
write_line(quire_writer *w, const char *label, uint64_t in, uint64_t out, const char *meaning)
{
    quire_writef(w, "  %-12s %14llu %14llu   %s\n", label, (unsigned long long)in,
                 (unsigned long long)out, meaning);
}

void
quire_receipt_write_text(quire_writer *w, const quire_receipt *r)
{
    quire_writef(w, "receipt %18s %14s   bytes\n", "in", "out");
    write_line(w, "kept", r->kept, r->kept, "verbatim");
    write_line(w, "removed", r->removed, 0, "only in the input");
    write_line(w, "added", 0, r->added, "only in the output");
    write_line(w, "rewritten", r->rewritten_in, r->rewritten_out, "the same thing, changed");
    write_line(w, "framing", r->framing_in, r->framing_out, "lengths of what holds the changes");
    write_line(w, "total", r->input_bytes, r->output_bytes, "the whole of both");
}

static void
write_summary(quire_writer *w, const quire_report *r, size_t n)
{
    char in[SIZE_ROOM];
    char out[SIZE_ROOM];
    if (r->receipt == NULL) return;
    quire_write_str(w, "\n");
    quire_receipt_write_text(w, r->receipt);
    quire_writef(w, "\n%s%s: %zu table%s, %s -> %s", r->dry_run ? "would write " : "",
                 r->output != NULL ? r->output : "", n, n == 1 ? "" : "s",
                 size_text(r->receipt->input_bytes, in), size_text(r->receipt->output_bytes, out));
    if (r->receipt->input_bytes > 0) {
        quire_writef(
            w, " (%llu%%)",
            (unsigned long long)((r->receipt->output_bytes * 100 + r->receipt->input_bytes / 2) /
                                 r->receipt->input_bytes));
    }
    quire_write_str(w, "\n");
}

void
report_write_text(quire_writer *w, const quire_report *r)
{
    const size_t n = write_tables(w, r);
    write_skipped(w, r);
    report_write_annotations(w, r);
    write_summary(w, r, n);
}
