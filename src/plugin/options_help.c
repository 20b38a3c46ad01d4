/* options_help.c - options as text: what a value may be, for messages, and a line of help each. */
#include "plugin/cut.h"
#include "plugin/options.h"

static void
write_choices(quire_writer *w, const quire_option *option, const char *between)
{
    for (size_t i = 0; option->choices[i] != NULL; i++)
        quire_writef(w, "%s%s", i == 0 ? "" : between, option->choices[i]);
}

/* A whole number as one: a million is not 1e+06. */
static void
write_bound(quire_writer *w, double bound)
{
    const double exact = 9007199254740992.0;
    if (bound >= -exact && bound <= exact && bound == (double)(int64_t)bound) {
        quire_writef(w, "%lld", (long long)bound);
    } else if (bound == 0x1p63) { /* of whole numbers, the first there is not */
        quire_write_str(w, "9223372036854775807");
    } else {
        quire_write_double(w, bound);
    }
}

static void
write_range(quire_writer *w, const quire_option *option, const char *before)
{
    if (!quire_option_has_range(option)) return;
    quire_write_str(w, before);
    write_bound(w, option->least);
    quire_write_str(w, " to ");
    write_bound(w, option->most);
}

void
quire_option_allowed(quire_ctx *ctx, const quire_option *option, char *out, size_t room)
{
    quire_cut cut;
    quire_writer w;
    quire_writer_to_cut(&w, ctx, &cut, out, room);
    if (option->type == QUIRE_OPTION_INT) quire_write_str(&w, "a whole number");
    if (option->type == QUIRE_OPTION_FLOAT) quire_write_str(&w, "a number");
    if (option->type == QUIRE_OPTION_BOOL) quire_write_str(&w, "true or false");
    if (option->type == QUIRE_OPTION_STRING) quire_write_str(&w, "a text");
    if (option->type == QUIRE_OPTION_CHOICE) {
        quire_write_str(&w, "one of ");
        write_choices(&w, option, ", ");
    } else {
        write_range(&w, option, " from ");
    }
    if (quire_writer_finish(&w) != QUIRE_OK) out[0] = '\0';
}

static void
write_left(quire_writer *w, const quire_option *option)
{
    static const char *const types[] = {[QUIRE_OPTION_INT] = "INT",
                                        [QUIRE_OPTION_FLOAT] = "NUMBER",
                                        [QUIRE_OPTION_BOOL] = "true|false",
                                        [QUIRE_OPTION_STRING] = "TEXT"};
    quire_writef(w, "%s=", option->name);
    if (option->type == QUIRE_OPTION_CHOICE) {
        write_choices(w, option, "|");
    } else {
        quire_write_str(w, types[option->type]);
    }
}

static void
write_help(quire_writer *w, const quire_option *option)
{
    enum { WIDTH = 26, LEFT_ROOM = 400 };
    char left[LEFT_ROOM];
    quire_cut cut;
    quire_writer narrow;
    quire_writer_to_cut(&narrow, w->ctx, &cut, left, sizeof left);
    write_left(&narrow, option);
    if (quire_writer_finish(&narrow) != QUIRE_OK) left[0] = '\0';
    quire_writef(w, "  %-*s %s (", WIDTH, left, option->help);
    write_range(w, option, "");
    if (quire_option_has_range(option)) quire_write_str(w, "; ");
    if (option->otherwise == NULL) {
        quire_write_str(w, "must be given");
    } else {
        quire_writef(w, "default %s", option->otherwise[0] == '\0' ? "none" : option->otherwise);
    }
    quire_write_str(w, ")\n");
}

void
quire_options_help(quire_writer *w, const quire_quantizer *quantizer)
{
    for (uint32_t i = 0; i < quantizer->n_options; i++)
        write_help(w, quire_option_at(quantizer, i));
}
