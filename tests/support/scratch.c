/* scratch.c - see scratch.h. */
#include "support/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

scratch
scratch_create(void)
{
    scratch s = {.path = "/tmp/quire-test-XXXXXX"};
    if (mkdtemp(s.path) == NULL) abort();
    return s;
}

static bool
is_real(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void
remove_tree(int parent, const char *name)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (is_real(entry) && unlinkat(dirfd(dir), entry->d_name, 0) != 0) {
            remove_tree(dirfd(dir), entry->d_name);
        }
    }
    if (dir != NULL) closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void
scratch_remove(const scratch *s)
{
    remove_tree(AT_FDCWD, s->path);
}

const char *
scratch_path(const scratch *s, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", s->path, name);
    return path;
}

void
scratch_write(const scratch *s, const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(scratch_path(s, name), "wb");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) abort();
}

unsigned char *
scratch_read(const scratch *s, const char *name, size_t *out_n)
{
    FILE *file = fopen(scratch_path(s, name), "rb");
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) != 0) abort();
    const long n = ftell(file);
    unsigned char *bytes = malloc((size_t)n + 1);
    rewind(file);
    if (n < 0 || bytes == NULL || fread(bytes, 1, (size_t)n, file) != (size_t)n) abort();
    fclose(file);
    *out_n = (size_t)n;
    return bytes;
}

size_t
scratch_count(const scratch *s)
{
    size_t n = 0;
    DIR *dir = opendir(s->path);
    const struct dirent *entry;
    if (dir == NULL) abort();
    while ((entry = readdir(dir)) != NULL)
        n += is_real(entry);
    closedir(dir);
    return n;
}
