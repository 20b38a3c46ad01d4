/* bag_question.h - what may be asked of a table, and the answer by quire/kernels.h read literally:
 * index by index, element by element.
 */
#ifndef QUIRE_TESTS_SUPPORT_BAG_QUESTION_H
#define QUIRE_TESTS_SUPPORT_BAG_QUESTION_H

#include "support/bag_table.h"

#define BAG_MAX_BAGS   100
#define BAG_MAX_IDS    20500
#define BAG_MAX_ANSWER (8 * BAG_TABLE_MAX_WIDTH)

typedef enum bag_kind {
    BAG_SUM,
    BAG_SUM_F32, /* weighted */
    BAG_SUM_F16,
    BAG_SUM_BF16,
    BAG_MEAN,
    BAG_MAX,
    BAG_LOOKUP,
    BAG_KINDS
} bag_kind;

typedef enum bag_skip {
    BAG_SKIP_NONE,
    BAG_SKIP_WRAP, /* nothing is skipped, indices are negative */
    BAG_SKIP_PRUNED,
    BAG_SKIP_PADDING,
    BAG_SKIP_PADDING_PRUNED,
    BAG_SKIP_PADDING_WRAP,
    BAG_SKIPS
} bag_skip;

/* How many indices there are to a bag. */
typedef enum bag_size {
    BAG_SHORT,  /* about five, often none            */
    BAG_MIDDLE, /* about a hundred                   */
    BAG_LONG    /* about a thousand in one of them   */
} bag_size;

typedef struct bag_question {
    const bag_table *table;
    bag_kind kind;
    bag_skip skip;
    uint64_t fixed; /* of bags that all have so many; else they are ragged */
    bool is_fixed;
    int64_t padding;
    uint64_t n_bags;
    uint64_t starts[BAG_MAX_BAGS + 1];
    int64_t ids[BAG_MAX_IDS];
    float weights[BAG_MAX_IDS];
    float answer[BAG_MAX_ANSWER];        /* [n_bags][width]                        */
    uint16_t rounded[2][BAG_MAX_ANSWER]; /* the same, for narrow outputs       */
} bag_question;

/* Another way to ask the same. */
typedef struct bag_way {
    quire_isa isa;
    quire_bag_form form; /* FIXED if the question is */
    quire_bag_index index;
    quire_bag_index offset;
    quire_float_type out;
    bool gap; /* between rows of output */
} bag_way;

/* Draws bags, indices and weights, and works out the answer. Lookups are fixed, of one index. */
void bag_question_draw(bag_question *q, const bag_table *t, bag_kind kind, bag_skip skip,
                       bool is_fixed, bag_size size, random_state *r);

/* The same with `n_bags` bags whose lengths are 1 to 2 * average + 1.
 * n_bags * width <= BAG_MAX_ANSWER. */
void bag_question_draw_even(bag_question *q, const bag_table *t, bag_kind kind, bag_skip skip,
                            uint64_t n_bags, uint64_t average, random_state *r);

/* Whether the library answers as it should: in one run or several, alone or as a batch, at any
 * alignment, next to pages that may not be touched, in any floating-point environment, and with the
 * bytes between rows of output left alone. If not, says so and of what. */
bool bag_question_check(const bag_question *q, const bag_way *way, random_state *r);

#endif
