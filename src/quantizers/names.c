/* names.c - see names.h. */
#include "quantizers/names.h"

#include <stdio.h>
#include <string.h>

/* --- classes of bytes ------------------------------------------------------------------------- */

static bool
is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alpha(unsigned char c)
{
    return is_upper(c) || is_lower(c);
}

static bool
is_alnum(unsigned char c)
{
    return is_alpha(c) || is_digit(c);
}

static bool
is_xdigit(unsigned char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool
is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_graph(unsigned char c)
{
    return c > ' ' && c < 0x7f;
}

static bool
is_print(unsigned char c)
{
    return c >= ' ' && c < 0x7f;
}

static bool
is_punct(unsigned char c)
{
    return is_graph(c) && !is_alnum(c);
}

static bool
is_cntrl(unsigned char c)
{
    return c < ' ' || c == 0x7f;
}

typedef struct byte_class { /* `[:alpha:]` in a set, as in the C locale */
    const char *name;
    bool (*has)(unsigned char c);
} byte_class;

static const byte_class classes[] = {
    {"[:upper:]", is_upper}, {"[:lower:]", is_lower}, {"[:digit:]", is_digit},
    {"[:alpha:]", is_alpha}, {"[:alnum:]", is_alnum}, {"[:xdigit:]", is_xdigit},
    {"[:blank:]", is_blank}, {"[:space:]", is_space}, {"[:graph:]", is_graph},
    {"[:print:]", is_print}, {"[:punct:]", is_punct}, {"[:cntrl:]", is_cntrl},
};

/* The class that begins at glob[at], or NULL. */
static const byte_class *
class_at(quire_string glob, size_t at)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const size_t len = strlen(classes[i].name);
        if (glob.len - at >= len && memcmp(glob.ptr + at, classes[i].name, len) == 0)
            return &classes[i];
    }
    return NULL;
}

/* --- globs ------------------------------------------------------------------------------------ */

/* Index behind the set that begins at glob[at] == '[', or 0 if it is not closed. A `]` that comes
 * first is a member. */
static size_t
set_end(quire_string glob, size_t at)
{
    size_t i = at + 1;
    if (i < glob.len && (glob.ptr[i] == '!' || glob.ptr[i] == '^')) i++;
    if (i < glob.len && glob.ptr[i] == ']') i++;
    for (; i < glob.len; i++) {
        const byte_class *class = glob.ptr[i] == '[' ? class_at(glob, i) : NULL;
        if (class != NULL) {
            i += strlen(class->name) - 1;
        } else if (glob.ptr[i] == '\\') {
            i++;
        } else if (glob.ptr[i] == ']') {
            return i + 1;
        }
    }
    return 0;
}

/* A byte of a set, less its backslash. */
static unsigned char
set_byte(quire_string glob, size_t *io_at)
{
    if (glob.ptr[*io_at] == '\\') ++*io_at;
    return (unsigned char)glob.ptr[(*io_at)++];
}

/* Is c in the set glob[at, end), brackets included? */
static bool
in_set(quire_string glob, size_t at, size_t end, unsigned char c)
{
    size_t i = at + 1;
    bool found = false;
    const bool negated = glob.ptr[i] == '!' || glob.ptr[i] == '^';
    if (negated) i++;
    while (i < end - 1) {
        const byte_class *class = glob.ptr[i] == '[' ? class_at(glob, i) : NULL;
        if (class != NULL) {
            found = found || class->has(c);
            i += strlen(class->name);
            continue;
        }
        const unsigned char first = set_byte(glob, &i);
        unsigned char last = first;
        if (i + 1 < end - 1 && glob.ptr[i] == '-') {
            i++;
            last = set_byte(glob, &i);
        }
        if (first <= c && c <= last) found = true;
    }
    return found != negated;
}

/* Does what stands at glob[*io_at], which is no star, match c? Then *io_at is behind it. */
static bool
match_one(quire_string glob, size_t *io_at, unsigned char c)
{
    const size_t at = *io_at;
    const size_t end = glob.ptr[at] == '[' ? set_end(glob, at) : 0;
    if (end != 0) {
        *io_at = end;
        return in_set(glob, at, end, c);
    }
    const bool escaped = glob.ptr[at] == '\\' && at + 1 < glob.len;
    *io_at = at + (escaped ? 2 : 1);
    if (glob.ptr[at] == '?') return true;
    return (unsigned char)glob.ptr[escaped ? at + 1 : at] == c;
}

bool
quire_glob_match(quire_string glob, quire_string name)
{
    size_t g = 0, i = 0;
    size_t star = SIZE_MAX, resume = 0; /* behind the last star; where it began to match */
    while (i < name.len) {
        if (g < glob.len && glob.ptr[g] == '*') {
            star = ++g;
            resume = i;
        } else if (g < glob.len && match_one(glob, &g, (unsigned char)name.ptr[i])) {
            i++;
        } else if (star != SIZE_MAX) {
            g = star;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.ptr[g] == '*')
        g++;
    return g == glob.len;
}

/* --- lists ------------------------------------------------------------------------------------ */

bool
quire_list_next(quire_string *io_text, quire_string *out_entry)
{
    while (io_text->len > 0) {
        size_t len = 0;
        while (len < io_text->len && io_text->ptr[len] != ';')
            len += io_text->ptr[len] == '\\' && len + 1 < io_text->len ? 2 : 1;
        const size_t taken = len < io_text->len ? len + 1 : len;
        *out_entry = (quire_string){io_text->ptr, len};
        io_text->ptr += taken;
        io_text->len -= taken;
        if (len > 0) return true;
    }
    return false;
}

void
quire_list_show(quire_string entry, char out[QUIRE_SHOWN_ROOM])
{
    const size_t room = QUIRE_SHOWN_ROOM - sizeof "...";
    size_t n = 0, at = 0;
    while (at < entry.len && n + 2 <= room) {
        const bool pair = entry.ptr[at] == '\\' && at + 1 < entry.len;
        if (pair && entry.ptr[at + 1] != ';') out[n++] = entry.ptr[at];
        out[n++] = entry.ptr[at + pair];
        at += 1 + (size_t)pair;
    }
    const bool is_cut = at < entry.len;
    while (is_cut && n > 0 && (entry.ptr[at] & 0xc0) == 0x80) {
        n--;
        at--;
    }
    memcpy(out + n, is_cut ? "..." : "", is_cut ? sizeof "..." : 1);
}

/* --- nearest names ---------------------------------------------------------------------------- */

enum { COMPARED = 64, N_NEAREST = 3 };

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and replacements from a to b, of their first COMPARED bytes. */
static size_t
edits(quire_string a, quire_string b)
{
    size_t row[COMPARED + 1];
    const size_t n_a = least(a.len, COMPARED), n_b = least(b.len, COMPARED);
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t replaced = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n_b];
}

typedef struct ranking {
    uint32_t name[N_NEAREST];
    size_t edits[N_NEAREST];
    uint32_t n;
} ranking;

/* Of equally near names the earlier one stays in front. */
static void
rank(ranking *r, uint32_t name, size_t n_edits)
{
    uint32_t at = r->n;
    while (at > 0 && r->edits[at - 1] > n_edits)
        at--;
    if (at == N_NEAREST) return;
    if (r->n < N_NEAREST) r->n++;
    for (uint32_t i = r->n - 1; i > at; i--) {
        r->name[i] = r->name[i - 1];
        r->edits[i] = r->edits[i - 1];
    }
    r->name[at] = name;
    r->edits[at] = n_edits;
}

void
quire_nearest_names(quire_string wanted, const quire_string *names, uint32_t n,
                    char out[QUIRE_NEAREST_ROOM])
{
    ranking r = {.n = 0};
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++)
        rank(&r, i, edits(wanted, names[i]));
    out[0] = '\0';
    for (uint32_t k = 0; k < r.n; k++) {
        const quire_string name = names[r.name[k]];
        used += (size_t)snprintf(out + used, QUIRE_NEAREST_ROOM - used, "%s\"", k > 0 ? ", " : "");
        for (size_t i = 0; i < least(name.len, COMPARED); i++)
            out[used++] = name.ptr[i] >= ' ' && name.ptr[i] <= '~' ? name.ptr[i] : '?';
        out[used++] = '"';
        out[used] = '\0';
    }
}
