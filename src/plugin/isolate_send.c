/* isolate_send.c - the isolated process: does the work and writes what came of it. */
#include "base/diag.h"
#include "plugin/isolate_wire.h"

typedef struct channel {
    quire_ctx ctx; /* of the work; its sink is this channel */
    quire_ctx quiet;
    quire_writer w; /* to the pipe */
} channel;

/* --- fields ----------------------------------------------------------------------------------- */

static void
send_bytes(channel *c, quire_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    quire_write_str(&c->w, " =");
    for (size_t i = 0; i < bytes.len; i++) {
        const uint8_t byte = bytes.ptr[i];
        const char escaped[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        const bool plain = byte > ' ' && byte < 0x7f && byte != '%';
        quire_write(&c->w, plain ? (const void *)&bytes.ptr[i] : escaped, plain ? 1 : 3);
    }
}

static void
send_text(channel *c, const char *text)
{
    send_bytes(c, quire_bytes_of(text != NULL ? text : ""));
}

static void
send_sym(channel *c, const quire_model *m, quire_sym sym)
{
    send_bytes(c, sym.id != 0 ? quire_sym_bytes(m, sym) : (quire_bytes){0});
}

static void
send_number(channel *c, uint64_t number)
{
    quire_writef(&c->w, " =%llu", (unsigned long long)number);
}

/* Out of this process before a plugin can end it. */
static void
end_line(channel *c, bool flush)
{
    quire_write_str(&c->w, "\n");
    if (flush && quire_writer_finish(&c->w) != QUIRE_OK) return; /* nobody is left to be told */
}

/* --- what happens meanwhile ------------------------------------------------------------------- */

static void
send_entering(void *data, const char *plugin, const char *quantizer, const char *where)
{
    channel *c = data;
    quire_write_str(&c->w, "at");
    send_text(c, plugin);
    send_text(c, quantizer);
    send_text(c, where);
    end_line(c, true);
}

static void
send_diagnostic(void *data, const quire_diagnostic *d)
{
    channel *c = data;
    quire_write_str(&c->w, "say");
    send_number(c, (uint64_t)d->severity);
    send_number(c, (uint64_t)d->status);
    send_text(c, d->file);
    send_text(c, d->path);
    send_text(c, d->message);
    end_line(c, true);
}

/* --- the outcome ------------------------------------------------------------------------------ */

static void
send_account(channel *c, const quire_model *m, const quire_account *account)
{
    for (size_t i = 0; i < account->n_quantizers; i++) {
        quire_write_str(&c->w, "quantizer");
        send_sym(c, m, account->quantizers[i]);
        end_line(c, false);
    }
    for (size_t i = 0; i < account->n_skips; i++) {
        const quire_skip *skip = &account->skips[i];
        quire_write_str(&c->w, "skip");
        send_number(c, skip->node.id);
        send_sym(c, m, skip->who);
        send_sym(c, m, skip->reason);
        send_sym(c, m, skip->text);
        end_line(c, false);
    }
    for (size_t i = 0; i < account->n_findings; i++) {
        const quire_finding *finding = &account->findings[i];
        quire_write_str(&c->w, "finding");
        send_number(c, (uint64_t)finding->severity);
        send_number(c, finding->slot.kind);
        send_number(c, finding->slot.id);
        send_sym(c, m, finding->who);
        send_sym(c, m, finding->text);
        end_line(c, false);
    }
}

static quire_status
send_annotations(channel *c, const quire_model *m, const quire_annotations *a)
{
    quire_text text;
    quire_writer w;
    quire_writer_to_text(&w, &c->ctx, &text);
    quire_claims_print(&w, m, &a->resolved.claims);
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) {
        send_account(c, m, &a->account);
        quire_write_str(&c->w, "annotations");
        send_number(c, text.len);
        end_line(c, false);
        quire_write(&c->w, text.ptr, text.len);
    }
    quire_text_free(&c->ctx, &text);
    return status;
}

static quire_status
fail_transformed(channel *c)
{
    return quire_fail(&c->ctx, QUIRE_E_USAGE, NULL,
                      "a transform changed the graph, and the changed graph stays in the isolated "
                      "process; leave --isolate out");
}

void
quire_isolated_work(const quire_ctx *ctx, quire_model *m, const quire_isolation *isolation, int fd)
{
    channel c = {.ctx = *ctx, .quiet = *ctx};
    const quire_watch watch = {.entering = send_entering, .data = &c};
    quire_annotations a;
    c.ctx.sink = send_diagnostic;
    c.ctx.sink_data = &c;
    c.ctx.progress = NULL;
    c.quiet.sink = NULL;
    quire_writer_to_fd(&c.w, &c.quiet, fd);
    quire_write_str(&c.w, QUIRE_ISOLATED_FIRST_LINE "\n");
    quire_status status = isolation->work(&c.ctx, m, &watch, isolation->data, &a);
    if (status == QUIRE_OK) {
        status = a.transformed ? fail_transformed(&c) : send_annotations(&c, m, &a);
        quire_annotations_deinit(&c.ctx, &a);
    }
    quire_write_str(&c.w, "end");
    send_number(&c, (uint64_t)status);
    end_line(&c, true);
}
