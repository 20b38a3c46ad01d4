/* table_flags.c - see table_flags.h. */
#include "table_flags.h"

#include "plugin/recipe_text.h"

typedef struct flag_writer {
    quire_writer w;
    const char *between; /* before the next option */
    quire_ctx *ctx;
} flag_writer;

static void
put(flag_writer *f, const char *name, quire_bytes value)
{
    quire_write_str(&f->w, f->between);
    quire_write_str(&f->w, name);
    quire_write_str(&f->w, "=");
    quire_option_write(&f->w, value);
    f->between = ",";
}

/* A glob as an entry of a list: its semicolons divide nothing. */
static void
put_glob(quire_writer *w, const char *between, const char *glob)
{
    quire_write_str(w, between);
    for (const char *at = glob; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            quire_write(w, at++, 1);
        } else if (*at == ';') {
            quire_write_str(w, "\\");
        }
        quire_write(w, at, 1);
    }
}

static quire_status
put_list(flag_writer *f, const char *name, const char *const *globs, const quire_bits_for *bits_for,
         size_t n)
{
    static const char *const words[] = {"float", "", "2", "", "4", "", "", "", "8"};
    quire_text list = {0};
    quire_writer w;
    if (n == 0) return QUIRE_OK;
    quire_writer_to_text(&w, f->ctx, &list);
    for (size_t i = 0; i < n; i++) {
        put_glob(&w, i > 0 ? ";" : "", globs != NULL ? globs[i] : bits_for[i].glob);
        if (bits_for != NULL) quire_writef(&w, "=%s", words[bits_for[i].bits]);
    }
    const quire_status status = quire_writer_finish(&w);
    if (status == QUIRE_OK) put(f, name, (quire_bytes){(const uint8_t *)list.ptr, list.len});
    quire_text_free(f->ctx, &list);
    return status;
}

static quire_status
put_all(flag_writer *f, const table_flags *flags, const quire_quantize_options *o)
{
    static const char *const names[] = {
#define X(id, name) name,
        TABLE_FLAGS(X)
#undef X
    };
    quire_write_str(&f->w, "embedding");
    for (size_t i = 0; i < N_TABLE_FLAGS; i++) {
        if (flags->value[i] != NULL) put(f, names[i], quire_bytes_of(flags->value[i]));
    }
    QUIRE_TRY(put_list(f, "only", o->only, NULL, o->n_only));
    QUIRE_TRY(put_list(f, "skip", o->skip, NULL, o->n_skip));
    return put_list(f, "bits-for", NULL, o->bits_for, o->n_bits_for);
}

quire_status
table_flags_text(cli *c, const table_flags *flags, const quire_quantize_options *o, quire_text *out)
{
    flag_writer f = {.between = ":", .ctx = &c->ctx};
    *out = (quire_text){0};
    quire_writer_to_text(&f.w, &c->ctx, out);
    QUIRE_TRY(put_all(&f, flags, o));
    return quire_writer_finish(&f.w);
}
