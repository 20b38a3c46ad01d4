/* table_flags.c - see table_flags.h. */
#include "plugin/table_flags.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/real.h"
#include "plugin/annotate_with.h"
#include "plugin/recipe_text.h"

/* --- the text --------------------------------------------------------------------------------- */

typedef struct flag_writer {
    quire_ctx *ctx;
    quire_writer w;
    const quire_table_flags *flags;
    const char *between; /* before the next option */
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

/* The option `flag` is, as text; NULL: it is at its default. */
static const char *
member_text(const quire_quantize_options *o, quire_table_flag flag, char room[QUIRE_REAL_ROOM])
{
    const quire_quantize_options initial = QUIRE_QUANTIZE_OPTIONS_INIT;
    const uint64_t least = o->min_elements < INT64_MAX ? o->min_elements : INT64_MAX;
    uint64_t number = 0;
    switch (flag) {
    case QUIRE_TABLE_FLAG_BITS:
        if (o->bits == initial.bits) return NULL;
        number = o->bits;
        break;
    case QUIRE_TABLE_FLAG_BLOCK:
        if (o->block == initial.block) return NULL;
        number = o->block;
        break;
    case QUIRE_TABLE_FLAG_MIN_ELEMENTS:
        if (o->min_elements == initial.min_elements) return NULL;
        number = least;
        break;
    case QUIRE_TABLE_FLAG_ZERO_POINT: return o->zero_point_float ? "float" : NULL;
    case QUIRE_TABLE_FLAG_SCALES: return o->scale_f16 ? "f16" : NULL;
    case QUIRE_TABLE_FLAG_SEARCH:
        if (o->search < 0) return NULL;
        return o->search != 0 ? "mse" : "minmax";
    case QUIRE_TABLE_FLAG_MIN_SQNR:
        return o->min_sqnr > 0 ? quire_real_print(o->min_sqnr, room) : NULL;
    case QUIRE_N_TABLE_FLAGS: return NULL;
    }
    snprintf(room, QUIRE_REAL_ROOM, "%" PRIu64, number);
    return room;
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
write_list(quire_ctx *ctx, const char *name, const char *const *globs,
           const quire_bits_for *bits_for, size_t n, quire_text *out)
{
    static const char *const words[] = {"float", "", "2", "", "4", "", "", "", "8"};
    quire_writer w;
    quire_writer_to_text(&w, ctx, out);
    for (size_t i = 0; i < n; i++) {
        const char *glob = globs != NULL ? globs[i] : bits_for[i].glob;
        if (glob[0] == '\0') /* a list has no empty entries */
            return quire_fail_file(ctx, QUIRE_E_USAGE, NULL,
                                   "--%s \"\" matches the name of no table; leave it out", name);
        put_glob(&w, i > 0 ? ";" : "", glob);
        if (bits_for != NULL) quire_writef(&w, "=%s", words[bits_for[i].bits]);
    }
    return quire_writer_finish(&w);
}

static quire_status
put_list(flag_writer *f, const char *name, const char *const *globs, const quire_bits_for *bits_for,
         size_t n)
{
    quire_text list = {0};
    if (n == 0) return QUIRE_OK;
    const quire_status status = write_list(f->ctx, name, globs, bits_for, n, &list);
    if (status == QUIRE_OK) put(f, name, (quire_bytes){(const uint8_t *)list.ptr, list.len});
    quire_text_free(f->ctx, &list);
    return status;
}

static quire_status
put_all(flag_writer *f)
{
    static const char *const names[] = {
#define X(id, name) name,
        QUIRE_TABLE_FLAGS(X)
#undef X
    };
    const quire_quantize_options *o = f->flags->options;
    char room[QUIRE_REAL_ROOM];
    quire_write_str(&f->w, "embedding");
    for (size_t i = 0; i < QUIRE_N_TABLE_FLAGS; i++) {
        const char *value = f->flags->given[i];
        if (value == NULL) value = member_text(o, (quire_table_flag)i, room);
        if (value != NULL) put(f, names[i], quire_bytes_of(value));
    }
    QUIRE_TRY(put_list(f, "only", o->only, NULL, o->n_only));
    QUIRE_TRY(put_list(f, "skip", o->skip, NULL, o->n_skip));
    return put_list(f, "bits-for", NULL, o->bits_for, o->n_bits_for);
}

quire_status
quire_table_flags_text(quire_ctx *ctx, const quire_table_flags *flags, quire_text *out)
{
    flag_writer f = {.ctx = ctx, .flags = flags, .between = ":"};
    *out = (quire_text){0};
    quire_writer_to_text(&f.w, ctx, out);
    QUIRE_TRY(put_all(&f));
    return quire_writer_finish(&f.w);
}

/* --- annotating ------------------------------------------------------------------------------- */

static quire_status
annotate_by(quire_ctx *ctx, quire_model *m, const char *text, quire_annotations *out)
{
    const quire_annotators by = {.quantizers = &text, .n_quantizers = 1, .of_flags = true};
    quire_registry registry;
    QUIRE_TRY(quire_registry_init(ctx, &registry));
    const quire_status status = quire_annotate_with(ctx, m, &registry, &by, out);
    quire_registry_deinit(&registry);
    return status;
}

static quire_status
annotate(quire_ctx *ctx, quire_model *m, void *data, quire_annotations *out)
{
    quire_text text = {0};
    quire_status status = quire_table_flags_text(ctx, data, &text);
    if (status == QUIRE_OK) status = annotate_by(ctx, m, text.ptr, out);
    quire_text_free(ctx, &text);
    return status;
}

quire_annotator
quire_table_flags_annotator(const quire_table_flags *flags)
{
    return (quire_annotator){.annotate = annotate, .data = (void *)flags, .yields = true};
}
