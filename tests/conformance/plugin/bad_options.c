/* bad_options.c - option tables that cannot be, one shared object of each: CASE says which. */
#include "plain.h"

typedef struct options {
    int64_t a, b;
    int32_t c;
} options;

#define SIZE ((uint32_t)sizeof(quire_option))
#define AT_A offsetof(options, a)

static const char *const no_choices[] = {NULL};
static const char *const choices[] = {"one", "two", NULL};

static const quire_option tables[][2] = {
    /* outside: reaches beyond the struct */
    {{SIZE, QUIRE_OPTION_INT, "a", "help", "1", 0, 0, NULL, sizeof(options) - 4},
     {SIZE, QUIRE_OPTION_INT, "b", "help", "1", 0, 0, NULL, offsetof(options, b)}},
    /* overlap */
    {{SIZE, QUIRE_OPTION_INT, "a", "help", "1", 0, 0, NULL, AT_A},
     {SIZE, QUIRE_OPTION_BOOL, "b", "help", "true", 0, 0, NULL, AT_A + 4}},
    /* default out of range */
    {{SIZE, QUIRE_OPTION_INT, "a", "help", "9", 1, 8, NULL, AT_A},
     {SIZE, QUIRE_OPTION_INT, "b", "help", "1", 0, 0, NULL, offsetof(options, b)}},
    /* a type there is none of */
    {{SIZE, 6, "a", "help", "1", 0, 0, NULL, AT_A},
     {SIZE, QUIRE_OPTION_INT, "b", "help", "1", 0, 0, NULL, offsetof(options, b)}},
    /* no choices */
    {{SIZE, QUIRE_OPTION_CHOICE, "a", "help", "one", 0, 0, no_choices, AT_A},
     {SIZE, QUIRE_OPTION_CHOICE, "b", "help", "one", 0, 0, choices, offsetof(options, c)}},
    /* one name twice */
    {{SIZE, QUIRE_OPTION_INT, "a", "help", "1", 0, 0, NULL, AT_A},
     {SIZE, QUIRE_OPTION_INT, "a", "help", "1", 0, 0, NULL, offsetof(options, b)}},
    /* not aligned */
    {{SIZE, QUIRE_OPTION_INT, "a", "help", "1", 0, 0, NULL, 4},
     {SIZE, QUIRE_OPTION_INT, "b", "help", "1", 0, 0, NULL, offsetof(options, b)}},
};

static const quire_quantizer quantizer = {.size = sizeof quantizer,
                                          .options_size = sizeof(options),
                                          .name = "bad-options",
                                          .summary = "of a bad table",
                                          .options = tables[CASE],
                                          .n_options = 2,
                                          PLAIN_CALLBACKS};

PLAIN_ONE("bad-options", &quantizer)
