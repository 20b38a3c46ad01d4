/* real.c - numbers in and out through the C library, with the "C" locale named explicitly: a host
 * program may have any other. For "C", newlocale opens no file and is as good as free.
 */
#include "base/real.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHORT = 6, LONGEST = 63 };

static bool
parse(const char *text, size_t n, locale_t c, double *out)
{
    char *end;
    errno = 0;
    *out = strtod_l(text, &end, c);
    return end == text + n && isfinite(*out);
}

static void
format(double x, locale_t c, char out[QUIRE_REAL_ROOM])
{
    double same;
    for (int digits = 1; digits <= SHORT; digits++) {
        const int n = snprintf(out, QUIRE_REAL_ROOM, "%.*g", digits, x);
        if (n <= SHORT && parse(out, (size_t)n, c, &same) && same == x) return;
    }
    snprintf(out, QUIRE_REAL_ROOM, "%a", x);
}

const char *
quire_real_print(double x, char out[QUIRE_REAL_ROOM])
{
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(c); /* of this thread only */
    format(x, c, out);
    uselocale(before);
    freelocale(c);
    return out;
}

/* What strtod takes beyond numbers - blanks, "nan", "infinity" - is none here. */
static bool
is_number_byte(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEFxXpP+-.", c) != NULL;
}

bool
quire_real_parse(quire_bytes text, double *out)
{
    char copy[LONGEST + 1] = {0};
    if (text.len == 0 || text.len > LONGEST) return false;
    memcpy(copy, text.ptr, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (!is_number_byte(copy[i])) return false;
    }
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const bool ok = parse(copy, text.len, c, out);
    freelocale(c);
    return ok;
}
