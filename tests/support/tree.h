/* tree.h - the files of a folder as one value: to compare what a run left with what it should have. */
#ifndef QUIRE_TESTS_TREE_H
#define QUIRE_TESTS_TREE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tree_file {
    char name[256];
    unsigned char *bytes;
    size_t n;
} tree_file;

typedef struct
    tree { /* files by name; folders inside are not looked into, but count as empty files */
    tree_file *files;
    size_t n;
} tree;

/* All hidden ones included. Aborts where a test cannot go on. */
tree tree_read(const char *folder);
void tree_free(tree *t);
/* Makes `folder` hold exactly this. */
void tree_write(const tree *t, const char *folder);
/* Is every file of `part` in `whole`, with the same bytes? */
bool tree_holds(const tree *whole, const tree *part);
bool tree_equal(const tree *a, const tree *b);

#endif
