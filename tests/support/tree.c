/* tree.c - see tree.h. */
#include "support/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
is_shown(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void
read_whole(int dir, tree_file *f)
{
    struct stat st;
    const int fd = openat(dir, f->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) abort();
    f->n = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
    f->bytes = malloc(f->n + 1);
    if (f->bytes == NULL || read(fd, f->bytes, f->n) != (ssize_t)f->n) abort();
    close(fd);
}

tree
tree_read(const char *folder)
{
    struct dirent **names;
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int n = scandir(folder, &names, is_shown, alphasort);
    if (dir < 0 || n < 0) abort();
    tree t = {.files = calloc((size_t)n + 1, sizeof(tree_file)), .n = (size_t)n};
    if (t.files == NULL) abort();
    for (int i = 0; i < n; i++) {
        snprintf(t.files[i].name, sizeof t.files[i].name, "%s", names[i]->d_name);
        read_whole(dir, &t.files[i]);
        free(names[i]);
    }
    free(names);
    close(dir);
    return t;
}

void
tree_free(tree *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->files[i].bytes);
    free(t->files);
    *t = (tree){0};
}

static void
remove_all(int dir, const tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (unlinkat(dir, t->files[i].name, 0) != 0) abort();
    }
}

void
tree_write(const tree *t, const char *folder)
{
    tree there = tree_read(folder);
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) abort();
    remove_all(dir, &there);
    tree_free(&there);
    for (size_t i = 0; i < t->n; i++) {
        const tree_file *f = &t->files[i];
        const int fd = openat(dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, f->bytes, f->n) != (ssize_t)f->n || close(fd) != 0) abort();
    }
    close(dir);
}

static bool
same_file(const tree_file *a, const tree_file *b)
{
    return strcmp(a->name, b->name) == 0 && a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

bool
tree_holds(const tree *whole, const tree *part)
{
    size_t k = 0;
    for (size_t i = 0; i < part->n; i++) {
        while (k < whole->n && strcmp(whole->files[k].name, part->files[i].name) < 0)
            k++;
        if (k == whole->n || !same_file(&whole->files[k], &part->files[i])) return false;
    }
    return true;
}

bool
tree_equal(const tree *a, const tree *b)
{
    return a->n == b->n && tree_holds(a, b);
}
