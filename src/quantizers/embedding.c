/* embedding.c - the quantizer `embedding`: embedding tables, by rows or blocks, at 8, 4 or 2 bits.
 *
 * Asks at operand 0 of every Gather and GatherND that takes rows of a constant float matrix. Which
 * tables, and how, the options say. The flags of `quire quantize` are options of this quantizer,
 * under the same names.
 */
#include "quantizers/lookups.h"
#include "quantizers/names.h"
#include "quantizers/quantizers.h"
#include "quantizers/selected.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRY QUIRE_RETURN_IF_FAILED

enum { FLOAT = 1, UINT8 = 2, FLOAT16 = 10, UINT4 = 21, UINT2 = 25 };
enum { KEEP_FLOAT = 0 }; /* bits of a bits-for */
enum { MESSAGE_ROOM = 640 };

typedef struct settings {
    int32_t bits, block, zero_point, scales, search; /* indices of choices */
    int64_t min_elements;
    double min_sqnr; /* 0: any */
    quire_string only, skip, select, bits_for;
} settings;

static const char *const bits_choices[] = {"8", "4", "2", NULL};
static const char *const block_choices[] = {"0", "16", "32", "64", "128", "256", NULL};
static const char *const zero_point_choices[] = {"int", "float", NULL};
static const char *const scale_choices[] = {"f32", "f16", NULL};
static const char *const search_choices[] = {"auto", "minmax", "mse", NULL};
static const uint32_t bits_of_choice[] = {8, 4, 2};
static const uint32_t block_of_choice[] = {0, 16, 32, 64, 128, 256};
enum { SEARCH_AUTO, SEARCH_MINMAX, SEARCH_MSE };

#define CHOICE(option, field, list, default_text, help_text)                                       \
    {                                                                                              \
        .size = sizeof(quire_option), .type = QUIRE_OPTION_CHOICE, .name = option,                 \
        .help = help_text, .otherwise = default_text, .choices = list,                             \
        .offset = offsetof(settings, field)                                                        \
    }
#define TEXT(option, field, help_text)                                                             \
    {                                                                                              \
        .size = sizeof(quire_option), .type = QUIRE_OPTION_STRING, .name = option,                 \
        .help = help_text, .otherwise = "", .offset = offsetof(settings, field)                    \
    }

static const quire_option options[] = {
    CHOICE("bits", bits, bits_choices, "8", "bits of a code"),
    CHOICE("block", block, block_choices, "0", "columns that share a scale; 0: whole rows"),
    CHOICE("zero-point", zero_point, zero_point_choices, "int", "integer or float32 zero points"),
    CHOICE("scales", scales, scale_choices, "f32", "type of the scales"),
    CHOICE("search", search, search_choices, "auto",
           "how scales are chosen; auto: minmax at 8 bits, mse below"),
    TEXT("only", only, "only tables that one of these globs names: GLOB;GLOB"),
    TEXT("skip", skip, "no tables that one of these globs names: GLOB;GLOB"),
    TEXT("select", select, "only tables that this selector selects (docs/selectors.md)"),
    TEXT("bits-for", bits_for,
         "bits of some tables, the last match counts: GLOB=4;GLOB=float; such tables may be of any "
         "size"),
    {
        .size = sizeof(quire_option),
        .type = QUIRE_OPTION_INT,
        .name = "min-elements",
        .help = "smaller tables are left alone",
        .otherwise = "1024",
        .least = 0,
        .most = 0x1p63,
        .offset = offsetof(settings, min_elements),
    },
    {
        .size = sizeof(quire_option),
        .type = QUIRE_OPTION_FLOAT,
        .name = "min-sqnr",
        .help = "decibels that a table is to keep: its bits are raised until it does, else it is "
                "left alone; 0: any",
        .otherwise = "0",
        .least = 0,
        .most = 1000,
        .offset = offsetof(settings, min_sqnr),
    },
};

/* What measuring a table came to, so that it is read once however many lookups it has. */
typedef struct measured {
    uint32_t bits;         /* that suffice, or the last tried; 0: not measured yet */
    double below, reached; /* dB of the bits before those (if any), and of those    */
} measured;

typedef struct embedding {
    const quire_host *host;
    const quire_host_select *select;   /* NULL unless there is a selector  */
    const quire_host_measure *measure; /* NULL unless there is a min-sqnr  */
    settings set;
    uint8_t uses_bits[3]; /* by index of bits_of_choice: some option asks for them */
    /* Of the annotate that runs: */
    quire_selected selected;
    measured *measured; /* by value id */
    uint32_t n_measured;
} embedding;

/* --- options ---------------------------------------------------------------------------------- */

/* Messages about an option begin with its name: the host may know that it was given otherwise. */
static quire_status
say_entry(const quire_host *host, const char *option, quire_string entry, const char *what)
{
    char message[MESSAGE_ROOM];
    char shown[QUIRE_SHOWN_ROOM];
    quire_list_show(entry, shown);
    (void)snprintf(message, sizeof message, "%s \"%s\" %s", option, shown, what);
    return quire_say(host, QUIRE_E_USAGE, message);
}

/* GLOB=BITS, divided at the last `=`. False if it is none. */
static bool
read_bits_for(quire_string entry, quire_string *out_glob, uint32_t *out_bits)
{
    static const struct {
        const char *text;
        uint32_t bits;
    } words[] = {{"8", 8}, {"4", 4}, {"2", 2}, {"float", KEEP_FLOAT}};
    size_t at = entry.len;
    while (at > 0 && entry.ptr[at - 1] != '=')
        at--;
    if (at < 2) return false;
    *out_glob = (quire_string){entry.ptr, at - 1};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t len = strlen(words[i].text);
        if (entry.len - at != len || memcmp(entry.ptr + at, words[i].text, len) != 0) continue;
        *out_bits = words[i].bits;
        return true;
    }
    return false;
}

static size_t
index_of_bits(uint32_t bits)
{
    return bits == 8 ? 0 : bits == 4 ? 1 : 2;
}

static quire_status
note_bits(embedding *e)
{
    quire_string rest = e->set.bits_for, entry, glob;
    uint32_t bits;
    e->uses_bits[e->set.bits] = 1;
    while (quire_list_next(&rest, &entry)) {
        if (!read_bits_for(entry, &glob, &bits)) {
            return say_entry(e->host, "bits-for", entry,
                             "is not GLOB=BITS with BITS 8, 4, 2 or float");
        }
        if (bits != KEEP_FLOAT) e->uses_bits[index_of_bits(bits)] = 1;
    }
    for (size_t i = sizeof e->uses_bits - 1; e->set.min_sqnr > 0 && i > 0; i--)
        e->uses_bits[i - 1] |= e->uses_bits[i]; /* bits may be raised */
    return QUIRE_OK;
}

static quire_status
find_service(const quire_host *host, const char *option, const char *id, const void **out)
{
    char message[MESSAGE_ROOM];
    *out = host->get_service(host->ctx, id);
    if (*out != NULL) return QUIRE_OK;
    (void)snprintf(message, sizeof message, "option %s needs %s, which this host has not", option,
                   id);
    return quire_say(host, QUIRE_E_UNSUPPORTED, message);
}

static quire_status
find_services(embedding *e)
{
    const void *table;
    if (e->set.select.len > 0) {
        TRY(find_service(e->host, "select", QUIRE_HOST_SELECT_1, &table));
        e->select = table;
    }
    if (e->set.min_sqnr > 0) {
        TRY(find_service(e->host, "min-sqnr", QUIRE_HOST_MEASURE_1, &table));
        e->measure = table;
    }
    return QUIRE_OK;
}

static quire_status
create(const quire_host *host, const void *given, void **out_self)
{
    embedding *e = host->realloc(host->ctx, NULL, 0, sizeof *e);
    if (e == NULL) return QUIRE_E_NOMEM;
    memset(e, 0, sizeof *e);
    e->host = host;
    memcpy(&e->set, given, sizeof e->set);
    quire_status status = note_bits(e);
    if (status == QUIRE_OK) status = find_services(e);
    if (status != QUIRE_OK) {
        host->realloc(host->ctx, e, sizeof *e, 0);
        return status;
    }
    *out_self = e;
    return QUIRE_OK;
}

static void
destroy(void *self)
{
    embedding *e = self;
    const quire_host *host = e->host;
    host->realloc(host->ctx, e, sizeof *e, 0);
}

/* --- specs ------------------------------------------------------------------------------------ */

static bool
searches(const embedding *e, uint32_t bits)
{
    return e->set.search == SEARCH_AUTO ? bits < 8 : e->set.search == SEARCH_MSE;
}

/* Of a table that gets blocks, or whole rows: also one that is not wider than a block. */
static quire_qspec
spec_of(const embedding *e, uint32_t bits, bool in_blocks)
{
    static const int32_t types[] = {UINT8, UINT4, UINT2};
    return (quire_qspec){
        .size = sizeof(quire_qspec),
        .kind = QUIRE_QSPEC_QUANTIZED,
        .dtype = types[index_of_bits(bits)],
        .zero_point =
            e->set.zero_point != 0 ? QUIRE_QSPEC_ZERO_POINT_FLOAT : QUIRE_QSPEC_ZERO_POINT_INT,
        .granularity = in_blocks ? QUIRE_QSPEC_PER_BLOCK : QUIRE_QSPEC_PER_AXIS,
        .axis = in_blocks ? 1 : 0,
        .block = in_blocks ? block_of_choice[e->set.block] : 0,
        .scale_type = e->set.scales != 0 ? FLOAT16 : FLOAT,
        .observer = quire_string_of(searches(e, bits) ? "mse" : "minmax"),
    };
}

/* For each bits in use: rows and, if asked for, blocks; at Gather and at GatherND. */
static quire_status
support(void *self, uint32_t row, quire_support *out)
{
    const embedding *e = self;
    const uint32_t n_forms = e->set.block != 0 ? 2 : 1;
    const uint32_t n_rows = 2 * n_forms; /* of one bits */
    for (size_t i = 0; i < sizeof e->uses_bits; i++) {
        if (!e->uses_bits[i]) continue;
        if (row >= n_rows) {
            row -= n_rows;
            continue;
        }
        out->op = row % 2 == 0 ? "Gather" : "GatherND";
        out->is_result = 0;
        out->index = 0;
        out->spec = spec_of(e, bits_of_choice[i], row / 2 == 1);
        return QUIRE_OK;
    }
    return QUIRE_NONE;
}

/* --- one table -------------------------------------------------------------------------------- */

typedef struct decision {
    quire_value_id table;
    quire_string name;
    uint64_t rows, width;
    uint32_t bits;
    uint32_t raised_from;       /* by min-sqnr; 0: not raised */
    double below, reached;      /* dB of the bits before `bits`, and of `bits` */
    quire_string named_by;      /* the bits-for that decides; empty: none */
    const char *reason;         /* NULL: it is done */
    char message[MESSAGE_ROOM]; /* to the reason    */
    quire_qspec spec;
} decision;

static bool
named_in(quire_string list, quire_string name, quire_string *out_glob)
{
    while (quire_list_next(&list, out_glob)) {
        if (quire_glob_match(*out_glob, name)) return true;
    }
    return false;
}

/* The last bits-for that names the table; the option `bits` if none does. */
static void
choose_bits(const embedding *e, decision *d)
{
    quire_string rest = e->set.bits_for, entry, glob;
    uint32_t bits;
    d->bits = bits_of_choice[e->set.bits];
    d->named_by = (quire_string){NULL, 0};
    while (quire_list_next(&rest, &entry)) {
        if (!read_bits_for(entry, &glob, &bits) || !quire_glob_match(glob, d->name)) continue;
        d->bits = bits;
        d->named_by = entry;
    }
}

/* An empty table is too small whatever the options say: there is nothing to quantize. */
static void
judge_size(const embedding *e, decision *d)
{
    const uint64_t n = d->rows * d->width;
    const uint64_t wanted = (uint64_t)e->set.min_elements;
    const bool named = d->named_by.len > 0 && d->bits != KEEP_FLOAT;
    if (n > 0 && (named || n >= wanted)) return;
    d->reason = "too-small";
    (void)snprintf(d->message, sizeof d->message, "%llu x %llu are %llu elements, fewer than %llu",
                   (unsigned long long)d->rows, (unsigned long long)d->width, (unsigned long long)n,
                   (unsigned long long)(n == 0 ? 1 : wanted));
}

static void
exclude(decision *d, const char *option, quire_string by, const char *what)
{
    char shown[QUIRE_SHOWN_ROOM];
    quire_list_show(by, shown);
    d->reason = "excluded";
    (void)snprintf(d->message, sizeof d->message, "%s \"%s\" %s", option, shown, what);
}

static void
judge_selection(const embedding *e, decision *d)
{
    quire_string glob;
    if (e->set.select.len > 0 && !quire_selected_has(&e->selected, d->table)) {
        exclude(d, "select", e->set.select, "does not select this table");
    } else if (e->set.only.len > 0 && !named_in(e->set.only, d->name, &glob)) {
        d->reason = "excluded";
        (void)snprintf(d->message, sizeof d->message, "only names other tables");
    } else if (named_in(e->set.skip, d->name, &glob)) {
        exclude(d, "skip", glob, "leaves this table out");
    } else if (d->named_by.len > 0 && d->bits == KEEP_FLOAT) {
        exclude(d, "bits-for", d->named_by, "keeps this table float");
    }
}

/* Codes, scales and zero points of a row, in bytes; a block is packed as a row of its width. */
static uint64_t
bytes_per_row(const embedding *e, const decision *d)
{
    const uint64_t block = d->spec.block, per_byte = 8 / d->bits;
    const uint64_t n_groups = block != 0 ? (d->width + block - 1) / block : 1;
    const uint64_t columns = block != 0 ? block : d->width;
    const uint64_t parameters = (e->set.scales != 0 ? 2 : 4) + (e->set.zero_point != 0 ? 4 : 1);
    return n_groups * ((columns + per_byte - 1) / per_byte + parameters);
}

static void
judge_gain(const embedding *e, decision *d, const quire_value_view *v, bool stays)
{
    const uint64_t before = d->width * (v->dtype == FLOAT ? 4 : 2), after = bytes_per_row(e, d);
    if (stays || d->named_by.len > 0 || after < before) return;
    d->reason = "not-smaller";
    (void)snprintf(d->message, sizeof d->message,
                   "codes and parameters would take %llu bytes a row, the table takes %llu",
                   (unsigned long long)after, (unsigned long long)before);
}

/* --- min-sqnr --------------------------------------------------------------------------------- */

/* Rounded down: what is below the floor shall not look as if it reached it. */
static double
shown_db(double db)
{
    return isfinite(db) ? floor(db * 1000) / 1000 : db;
}

static quire_qspec
spec_for(const embedding *e, const decision *d, uint32_t bits)
{
    return spec_of(e, bits, e->set.block != 0 && d->width > block_of_choice[e->set.block]);
}

/* Tries d->bits and what is above until one keeps enough. */
static quire_status
measure(const embedding *e, const decision *d, measured *out)
{
    *out = (measured){.bits = d->bits};
    for (;; out->bits *= 2) {
        const quire_qspec spec = spec_for(e, d, out->bits);
        TRY(e->measure->sqnr(e->measure->ctx, d->table, &spec, &out->reached));
        if (out->reached >= e->set.min_sqnr || out->bits == 8) return QUIRE_OK;
        out->below = out->reached;
    }
}

/* d->bits become those that keep as many dB as are asked for, or there is a reason. */
static quire_status
raise_bits(embedding *e, decision *d)
{
    TRY(quire_room_for(e->host, &e->measured, &e->n_measured, (uint64_t)d->table + 1,
                       sizeof *e->measured));
    measured *m = &e->measured[d->table];
    if (m->bits == 0) TRY(measure(e, d, m));
    d->raised_from = m->bits != d->bits ? d->bits : 0;
    d->bits = m->bits;
    d->below = m->below;
    d->reached = m->reached;
    d->spec = spec_for(e, d, d->bits);
    if (m->reached >= e->set.min_sqnr) return QUIRE_OK;
    d->reason = "min-sqnr";
    (void)snprintf(d->message, sizeof d->message, "%u bits keep %.3f dB, min-sqnr asks for %g dB",
                   (unsigned)d->bits, shown_db(d->reached), e->set.min_sqnr);
    return QUIRE_OK;
}

/* The bits that would do may not be worth it. */
static void
explain_gain(const embedding *e, decision *d)
{
    char why[MESSAGE_ROOM / 2];
    (void)snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, d->message);
    (void)snprintf(d->message, sizeof d->message,
                   "%u bits keep %.3f dB, min-sqnr asks for %g dB; at %u bits %s",
                   (unsigned)(d->bits / 2), shown_db(d->below), e->set.min_sqnr, (unsigned)d->bits,
                   why);
}

static quire_status
decide(embedding *e, const quire_lookups *l, quire_value_id table, decision *d)
{
    quire_value_view v = {.size = sizeof v};
    TRY(l->api->value(l->api->ctx, table, &v));
    *d = (decision){.table = table, .name = v.name};
    d->rows = v.dims[0] > 0 ? (uint64_t)v.dims[0] : 0;
    d->width = v.dims[1] > 0 ? (uint64_t)v.dims[1] : 0;
    choose_bits(e, d);
    judge_size(e, d);
    if (d->reason == NULL) judge_selection(e, d);
    if (d->reason != NULL) return QUIRE_OK;
    const bool stays = quire_lookups_table_stays(l, table);
    d->spec = spec_for(e, d, d->bits);
    judge_gain(e, d, &v, stays);
    if (d->reason != NULL || e->measure == NULL) return QUIRE_OK;
    TRY(raise_bits(e, d));
    if (d->reason != NULL || d->raised_from == 0) return QUIRE_OK;
    judge_gain(e, d, &v, stays);
    if (d->reason != NULL) explain_gain(e, d);
    return QUIRE_OK;
}

/* --- globs that name nothing ------------------------------------------------------------------ */

typedef struct table_names {
    quire_string *of;
    uint32_t n, room;
} table_names;

/* Also of tables whose lookups are left alone: their names count. A table that several lookups read
 * may be there several times. */
static quire_status
collect_names(const quire_lookups *l, table_names *out)
{
    for (uint32_t i = 0; i < l->n; i++) {
        quire_value_view v = {.size = sizeof v};
        if (l->of[i].table == 0 || (i > 0 && l->of[i].table == l->of[i - 1].table)) continue;
        TRY(l->api->value(l->api->ctx, l->of[i].table, &v));
        TRY(quire_room_for(l->host, &out->of, &out->room, (uint64_t)out->n + 1, sizeof *out->of));
        out->of[out->n++] = v.name;
    }
    return QUIRE_OK;
}

static quire_status
check_glob(const quire_host *host, const table_names *names, const char *option, quire_string glob)
{
    char nearest[QUIRE_NEAREST_ROOM], what[QUIRE_NEAREST_ROOM + 64];
    for (uint32_t i = 0; i < names->n; i++) {
        if (quire_glob_match(glob, names->of[i])) return QUIRE_OK;
    }
    if (names->n == 0) {
        return say_entry(host, option, glob,
                         "matches nothing: the model has no lookup that leads to a table");
    }
    quire_nearest_names(glob, names->of, names->n, nearest);
    (void)snprintf(what, sizeof what, "matches the name of no table; nearest names: %s", nearest);
    return say_entry(host, option, glob, what);
}

static quire_status
check_list(const embedding *e, const table_names *names, const char *option, quire_string list)
{
    quire_string entry;
    while (quire_list_next(&list, &entry))
        TRY(check_glob(e->host, names, option, entry));
    return QUIRE_OK;
}

static quire_status
check_names(const embedding *e, const table_names *names)
{
    quire_string rest = e->set.bits_for, entry, glob;
    uint32_t bits;
    TRY(check_list(e, names, "only", e->set.only));
    TRY(check_list(e, names, "skip", e->set.skip));
    while (quire_list_next(&rest, &entry)) {
        if (read_bits_for(entry, &glob, &bits)) TRY(check_glob(e->host, names, "bits-for", glob));
    }
    return QUIRE_OK;
}

static quire_status
check_options(embedding *e, const quire_lookups *l)
{
    table_names names = {.of = NULL};
    quire_status status;
    if (e->select != NULL) TRY(quire_selected_find(e->select, l, e->set.select, &e->selected));
    if (e->set.only.len + e->set.skip.len + e->set.bits_for.len == 0) return QUIRE_OK;
    status = collect_names(l, &names);
    if (status == QUIRE_OK) status = check_names(e, &names);
    if (names.of != NULL)
        e->host->realloc(e->host->ctx, names.of, names.room * sizeof *names.of, 0);
    return status;
}

/* --- annotate --------------------------------------------------------------------------------- */

/* Which rule asked, for `quire why`. */
static quire_status
ask(const embedding *e, const quire_claim_api *claims, quire_place place, const decision *d)
{
    char shown[QUIRE_SHOWN_ROOM], rule[QUIRE_SHOWN_ROOM + 200];
    int used = 0;
    rule[0] = '\0';
    quire_list_show(d->named_by, shown);
    if (shown[0] != '\0') used = snprintf(rule, sizeof rule, "bits-for %s", shown);
    if (d->raised_from != 0)
        (void)snprintf(rule + used, sizeof rule - (size_t)used,
                       "%sraised from %u to %u bits: %u keep %.3f dB, %u keep %.3f dB, min-sqnr "
                       "asks for %g dB",
                       used > 0 ? "; " : "", (unsigned)d->raised_from, (unsigned)d->bits,
                       (unsigned)(d->bits / 2), shown_db(d->below), (unsigned)d->bits,
                       shown_db(d->reached), e->set.min_sqnr);
    return claims->claim(claims->ctx, place, &d->spec, 0, 0, quire_string_of(rule));
}

/* Lookups of one table mostly follow each other: the last decision is kept. */
static quire_status
annotate_lookups(embedding *e, const quire_lookups *l, const quire_claim_api *claims)
{
    decision d = {.table = 0};
    for (uint32_t i = 0; i < l->n; i++) {
        const quire_table_lookup *lookup = &l->of[i];
        if (lookup->left.reason != NULL) {
            TRY(claims->skip(claims->ctx, lookup->node, quire_string_of(lookup->left.reason),
                             quire_string_of(lookup->left.text)));
            continue;
        }
        if (d.table != lookup->table) TRY(decide(e, l, lookup->table, &d));
        if (d.reason == NULL) {
            TRY(ask(e, claims, lookup->place, &d));
        } else {
            TRY(claims->skip(claims->ctx, lookup->node, quire_string_of(d.reason),
                             quire_string_of(d.message)));
        }
    }
    return QUIRE_OK;
}

static quire_status
annotate(void *self, const quire_graph_api *graph, const quire_claim_api *claims)
{
    embedding *e = self;
    quire_lookups l;
    quire_status status = quire_lookups_find(e->host, graph, QUIRE_CONSTANT_INDICES_LEFT, &l);
    e->selected = (quire_selected){.host = e->host};
    if (status == QUIRE_OK) status = check_options(e, &l);
    if (status == QUIRE_OK) status = annotate_lookups(e, &l, claims);
    quire_lookups_free(&l);
    quire_selected_free(&e->selected);
    if (e->measured != NULL)
        e->host->realloc(e->host->ctx, e->measured, e->n_measured * sizeof *e->measured, 0);
    e->measured = NULL;
    e->n_measured = 0;
    return status;
}

const quire_quantizer quire_quantizer_embedding = {
    .size = sizeof(quire_quantizer),
    .options_size = sizeof(settings),
    .name = "embedding",
    .summary = "embedding tables at 8, 4 or 2 bits, by rows or blocks",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .create = create,
    .destroy = destroy,
    .support = support,
    .annotate = annotate,
};
