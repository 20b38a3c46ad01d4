/* smoke.c - drives a fuzz target without a fuzzer: the given files, whole and damaged, the same
 * every time.
 *
 * smoke ROUNDS FILE...: each file as it is, then ROUNDS times cut, patched or with a stretch copied
 * over another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FILE_MAX = 1 << 16 };

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t
damage(uint8_t *bytes, size_t n, uint64_t *state)
{
    static const uint8_t interesting[] = {0x00, 0x01, 0x7f, 0x80, 0xff,
                                          0x0a, 0x2a, 0x32, 0x3a, 0x4a};
    for (uint64_t k = 1 + next_random(state) % 4; k > 0; k--) {
        const size_t at = (size_t)(next_random(state) % n), from = (size_t)(next_random(state) % n);
        const size_t rest = n - (at > from ? at : from), len = (size_t)(next_random(state) % 64);
        switch (next_random(state) % 4) {
        case 0: bytes[at] = (uint8_t)next_random(state); break;
        case 1: bytes[at] = interesting[next_random(state) % sizeof interesting]; break;
        case 2: memmove(bytes + at, bytes + from, len < rest ? len : rest); break;
        default: n = at + 1; break;
        }
    }
    return n;
}

static void
drive(const uint8_t *file, size_t n, long rounds, uint64_t seed)
{
    LLVMFuzzerTestOneInput(file, n);
    for (long i = 0; i < rounds && n > 0; i++) {
        uint8_t *copy = malloc(n); /* of just this size, so that a sanitizer sees its end */
        if (copy == NULL) abort();
        memcpy(copy, file, n);
        const size_t left = damage(copy, n, &seed);
        uint8_t *exact = malloc(left);
        if (exact == NULL) abort();
        memcpy(exact, copy, left);
        LLVMFuzzerTestOneInput(exact, left);
        free(exact);
        free(copy);
    }
}

int
main(int argc, char **argv)
{
    static uint8_t file[FILE_MAX];
    if (argc < 3) {
        fprintf(stderr, "usage: smoke ROUNDS FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (f == NULL) {
            perror(argv[i]);
            return 2;
        }
        const size_t n = fread(file, 1, sizeof file, f);
        const int whole = feof(f);
        fclose(f);
        if (whole) drive(file, n, atol(argv[1]), (uint64_t)i * 0x9e3779b97f4a7c15u + 1);
    }
    return 0;
}
