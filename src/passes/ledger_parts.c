/* ledger_parts.c - see ledger_parts.h. */
#include "passes/ledger_parts.h"

#include "base/diag.h"
#include "graph/dtype.h"
#include "graph/path.h"

ledger_type
ledger_type_of(const quire_model *m, quire_value v)
{
    if (v.id == 0 || quire_value_name(m, v).len == 0) return LEDGER_OTHER;
    switch (quire_value_at(m, v)->elem_type) {
    case QUIRE_DTYPE_UNDEFINED: return LEDGER_UNKNOWN;
    case QUIRE_DTYPE_FLOAT:
    case QUIRE_DTYPE_FLOAT16:
    case QUIRE_DTYPE_BFLOAT16:
    case QUIRE_DTYPE_DOUBLE: return LEDGER_FLOAT;
    default: return LEDGER_OTHER;
    }
}

const quire_annotation *
ledger_find(const quire_annotations *a, quire_slot slot)
{
    return a->resolved.n_annotations > 0 ? quire_resolved_at(&a->resolved, slot) : NULL;
}

const quire_claim *
ledger_claims(const quire_annotations *a, const quire_annotation *annotation)
{
    return a->resolved.claims.ptr + annotation->claims;
}

/* Rules are "NAME:LINE"; names of quantizers have no colon. */
bool
ledger_is_rule(const quire_model *m, const quire_annotations *a, quire_sym who)
{
    if (a->rules.path == NULL) return false;
    const quire_bytes text = quire_sym_bytes(m, who);
    const size_t n = strlen(a->rules.name);
    return text.len > n && memcmp(text.ptr, a->rules.name, n) == 0 && text.ptr[n] == ':';
}

const char *
ledger_severity(quire_severity severity)
{
    static const char *const words[] = {"note", "warning", "error"};
    return words[severity];
}

/* --- names ------------------------------------------------------------------------------------ */

static quire_slot
first_result(const quire_model *m, quire_node n)
{
    const quire_node_rec *r = quire_node_at(m, n);
    for (uint32_t k = 0; k < r->n_out; k++) {
        if (quire_value_name(m, (quire_value){r->out.id + k}).len > 0)
            return (quire_slot){QUIRE_SLOT_RESULT, r->out.id + k};
    }
    return (quire_slot){0};
}

void
ledger_print_node(quire_writer *w, const quire_model *m, quire_node n)
{
    char path[QUIRE_PATH_ROOM];
    const quire_slot slot = first_result(m, n);
    if (slot.id != 0) {
        quire_slot_print(w, m, slot);
    } else {
        quire_write_str(w, quire_path_of_node(m, n, path));
    }
}

void
ledger_print_op(quire_writer *w, const quire_model *m, quire_node n)
{
    const quire_op_rec *op = quire_op_at(m, quire_node_at(m, n)->op);
    const quire_bytes domain = quire_sym_bytes(m, op->domain);
    if (domain.len > 0 && !quire_bytes_equal(domain, quire_bytes_of("ai.onnx"))) {
        ledger_print_text(w, domain);
        quire_write_str(w, ".");
    }
    ledger_print_text(w, quire_sym_bytes(m, op->type));
}

void
ledger_print_text(quire_writer *w, quire_bytes text)
{
    enum { PIECE = 128 };
    char out[4 * PIECE + 1];
    for (size_t at = 0, n; at < text.len; at += n) {
        n = text.len - at < PIECE ? text.len - at : PIECE;
        while (n < text.len - at && n > PIECE - 4 && (text.ptr[at + n] & 0xC0) == 0x80)
            n--; /* not inside a character */
        quire_escape(out, sizeof out, text.ptr + at, n);
        quire_write_str(w, out);
    }
}

static quire_bytes
words(const quire_model *m, quire_sym text)
{
    return text.id != 0 ? quire_sym_bytes(m, text) : (quire_bytes){0};
}

void
ledger_print_said(quire_writer *w, const quire_model *m, quire_sym who, quire_sym reason,
                  quire_sym text)
{
    const quire_bytes code = words(m, reason);
    ledger_print_text(w, code);
    quire_write_str(w, code.len > 0 ? ", by " : "by ");
    ledger_print_text(w, quire_sym_bytes(m, who));
    if (words(m, text).len > 0) quire_write_str(w, ": ");
    ledger_print_text(w, words(m, text));
}

/* --- JSON ------------------------------------------------------------------------------------- */

void
ledger_put_slot(quire_json *j, const quire_model *m, quire_slot slot)
{
    quire_writer w;
    quire_json_open_text(j, &w);
    quire_slot_print(&w, m, slot);
    quire_json_close_text(j, &w);
}

void
ledger_put_spec(quire_json *j, const quire_model *m, const quire_spec *spec)
{
    quire_writer w;
    quire_json_open_text(j, &w);
    quire_spec_print(&w, m, spec);
    quire_json_close_text(j, &w);
}

void
ledger_put_text(quire_json *j, quire_bytes text)
{
    quire_writer w;
    quire_json_open_text(j, &w);
    ledger_print_text(&w, text);
    quire_json_close_text(j, &w);
}

void
ledger_put_claimants(quire_json *j, const quire_model *m, const quire_claim *claims, size_t n)
{
    quire_json_begin(j, '[');
    for (size_t i = 0; i < n; i++)
        ledger_put_text(j, quire_sym_bytes(m, claims[i].who));
    quire_json_end(j, ']');
}

void
ledger_put_said(quire_json *j, const quire_model *m, quire_sym who, quire_sym reason,
                quire_sym text)
{
    quire_json_key(j, "by");
    ledger_put_text(j, quire_sym_bytes(m, who));
    if (reason.id != 0) {
        quire_json_key(j, "reason");
        ledger_put_text(j, quire_sym_bytes(m, reason));
    }
    quire_json_key(j, "text");
    ledger_put_text(j, words(m, text));
}

void
ledger_put_finding(quire_json *j, const quire_model *m, const quire_finding *finding)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "severity");
    quire_json_text(j, ledger_severity(finding->severity));
    quire_json_key(j, "slot");
    if (finding->slot.id != 0) ledger_put_slot(j, m, finding->slot);
    if (finding->slot.id == 0) quire_json_null(j);
    ledger_put_said(j, m, finding->who, (quire_sym){0}, finding->text);
    quire_json_end(j, '}');
}

void
ledger_put_annotation(quire_json *j, const quire_model *m, const quire_annotations *a,
                      const quire_annotation *annotation)
{
    quire_json_begin(j, '{');
    quire_json_key(j, "slot");
    ledger_put_slot(j, m, annotation->slot);
    quire_json_key(j, "spec");
    ledger_put_spec(j, m, quire_resolved_spec(m, &a->resolved, annotation));
    quire_json_key(j, "by");
    ledger_put_claimants(j, m, ledger_claims(a, annotation), annotation->n_sponsors);
    quire_json_key(j, "group");
    if (annotation->group != QUIRE_NO_GROUP) {
        quire_json_u64(j, annotation->group);
    } else {
        quire_json_null(j);
    }
    quire_json_end(j, '}');
}
