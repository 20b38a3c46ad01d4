/* utf8.c - one byte at a time, eight while they are ASCII. */
#include "graph/utf8.h"

/* How many leading bytes are ASCII and not NUL. */
static size_t
skip_ascii(const uint8_t *bytes, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        /* A zero byte borrows into its top bit; a byte above 127 has it set. */
        if (((word | (word - ones)) & tops) != 0) break;
    }
    while (i < n && bytes[i] != 0 && bytes[i] < 0x80)
        i++;
    return i;
}

/* The first byte of a character that is not plain ASCII. */
static bool
start(quire_utf8 *state, uint8_t byte)
{
    if (byte < 0xc2 || byte > 0xf4) return false;
    state->need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    state->lo = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    state->hi = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool
step(quire_utf8 *state, uint8_t byte)
{
    if (state->need == 0) return byte < 0x80 ? byte != 0 : start(state, byte);
    if (byte < state->lo || byte > state->hi) return false;
    state->need--;
    state->lo = 0x80;
    state->hi = 0xbf;
    return true;
}

size_t
quire_utf8_check(quire_utf8 *state, const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (state->need == 0) i += skip_ascii(bytes + i, n - i);
        if (i == n || !step(state, bytes[i])) break;
        i++;
    }
    return i;
}
