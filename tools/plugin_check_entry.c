/* plugin_check_entry.c - tests of what a plugin says before anything is created: its symbols, its
 * entry, its descriptors.
 */
#include <dlfcn.h>
#include <elf.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "passes/annotate.h"
#include "plugin/builtin.h"
#include "plugin_check.h"

enum { ROUNDS = 100, MAX_INTERFACES = 1000 };

/* --- loading ---------------------------------------------------------------------------------- */

static double
clock_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool
open_library(kit *k)
{
    char path[4200];
    snprintf(path, sizeof path, "%s%s", strchr(k->path, '/') == NULL ? "./" : "", k->path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *text = dlerror();
        const size_t n = strlen(path);
        if (text == NULL) text = "for no stated reason";
        if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0) text += n + 2;
        kit_say(k, KIT_FAIL, "%s", text);
        return false;
    }
    void *symbol = dlsym(library, "quire_plugin_entry");
    if (symbol == NULL) {
        kit_say(k, KIT_FAIL, "it exports no quire_plugin_entry");
        return false;
    }
    memcpy(&k->entry, &symbol, sizeof k->entry); /* C has no cast from data to code */
    return true;
}

/* Everything a host asks for to list what there is. */
static void
scan(const quire_plugin *plugin)
{
    static const char *const ids[] = {QUIRE_QUANTIZER_1, QUIRE_QPARAMS_1};
    if (plugin->size < QUIRE_SIZE_TO(quire_plugin, get_interface) || plugin->get_interface == NULL)
        return;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        uint32_t k = 0;
        while (k < MAX_INTERFACES && plugin->get_interface(ids[i], k) != NULL)
            k++;
    }
}

bool
kit_load(kit *k)
{
    const double begin = clock_of(CLOCK_MONOTONIC);
    const double begin_cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    k->entry = quire_builtin_entry;
    if (k->path != NULL && !open_library(k)) return false;
    k->plugin = k->entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    if (k->plugin == NULL) {
        kit_say(k, KIT_FAIL, "its entry says that it cannot serve interface %d.%d, which this is",
                QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
        return false;
    }
    scan(k->plugin);
    k->scan_seconds = clock_of(CLOCK_MONOTONIC) - begin;
    k->scan_cpu_seconds = clock_of(CLOCK_PROCESS_CPUTIME_ID) - begin_cpu;
    return true;
}

static bool
add_to_registry(kit *k)
{
    quire_status status = quire_registry_init(&k->voice.ctx, &k->registry);
    if (status == QUIRE_OK && k->path != NULL)
        status = quire_registry_add(&k->voice.ctx, &k->registry, k->plugin, k->path);
    return status == QUIRE_OK;
}

bool
kit_register(kit *k)
{
    if (!add_to_registry(k)) {
        kit_say(k, KIT_SKIP, "the descriptor is not sound: see descriptor-complete");
        return false;
    }
    if (k->only == NULL || kit_quantizer(k, 0) != NULL) return true;
    kit_say(k, KIT_FAIL, "the plugin has no quantizer as --quantizer \"%s\" names it", k->only);
    return false;
}

const quire_known_quantizer *
kit_quantizer(kit *k, size_t i)
{
    const char *only = k->only != NULL ? k->only : "";
    const size_t len = strcspn(only, ":");
    for (size_t at = 0; at < k->registry.n_quantizers; at++) {
        const quire_known_quantizer *known = k->registry.quantizers[at];
        const char *name = known->quantizer->name;
        if (known->plugin->plugin != k->plugin) continue;
        if (len > 0 && (strlen(name) != len || memcmp(name, only, len) != 0)) continue;
        if (i-- == 0) return known;
    }
    return NULL;
}

/* --- the entry -------------------------------------------------------------------------------- */

static bool
same_interfaces(const quire_plugin *plugin)
{
    static const char *const ids[] = {QUIRE_QUANTIZER_1, QUIRE_QPARAMS_1};
    if (plugin->size < QUIRE_SIZE_TO(quire_plugin, get_interface) || plugin->get_interface == NULL)
        return true;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (uint32_t n = 0; n < 16; n++) {
            if (plugin->get_interface(ids[i], n) != plugin->get_interface(ids[i], n)) return false;
        }
    }
    return true;
}

/* Of sanitizers, which have an allocator of their own. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t
allocated_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes != NULL
               ? __sanitizer_get_current_allocated_bytes()
               : mallinfo2().uordblks;
}

void
kit_test_entry_is_pure(kit *k)
{
    const quire_plugin first = *k->plugin;
    bool same = true;
    const size_t before = allocated_bytes();
    for (int i = 0; i < ROUNDS && same; i++)
        same = k->entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR) == k->plugin;
    const size_t after = allocated_bytes();
    if (!same) kit_say(k, KIT_FAIL, "the entry gave another descriptor when it was asked again");
    if (memcmp(&first, k->plugin, sizeof first) != 0)
        kit_say(k, KIT_FAIL, "the descriptor changed while the entry was asked again");
    if (!same_interfaces(k->plugin))
        kit_say(k, KIT_FAIL, "get_interface gave another answer when it was asked again");
    if (after > before)
        kit_say(k, KIT_FAIL, "the entry allocates: %zu bytes in %d calls", after - before, ROUNDS);
}

void
kit_test_entry_refuses_foreign_major(kit *k)
{
    static const uint32_t foreign[] = {0, QUIRE_ABI_MAJOR + 1, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (k->entry(foreign[i], 0) != NULL)
            kit_say(k, KIT_FAIL,
                    "asked by a host of major version %u the entry answers a descriptor, not NULL",
                    foreign[i]);
    }
    if (k->entry(QUIRE_ABI_MAJOR, 1000) == NULL)
        kit_say(k, KIT_FAIL,
                "asked by a host of version %d.1000 the entry answers NULL; a later "
                "minor version serves every earlier one",
                QUIRE_ABI_MAJOR);
}

void
kit_test_scan_under_100_ms(kit *k)
{
    const double limit = 0.1, patience = 1;
    if (k->scan_cpu_seconds > limit || k->scan_seconds > patience)
        kit_say(k, KIT_FAIL, "it took more than %s", k->scan_seconds > patience ? "1 s" : "100 ms");
    else if (k->scan_seconds > limit)
        kit_say(k, KIT_WARN,
                "it took more than 100 ms, though it did not compute so long: the "
                "machine is busy, or the plugin waits");
}

void
kit_test_unknown_interface_is_null(kit *k)
{
    static const struct {
        const char *id;
        uint32_t index;
    } asked[] = {{"", 0},
                 {"quire.nothing/1", 0},
                 {"quire.quantizer/9999", 0},
                 {"quire.quantizer/", 0},
                 {QUIRE_QUANTIZER_1, UINT32_MAX},
                 {QUIRE_QPARAMS_1, UINT32_MAX}};
    if (!kit_register(k)) return;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (k->plugin->get_interface(asked[i].id, asked[i].index) != NULL)
            kit_say(k, KIT_FAIL, "get_interface(\"%s\", %u) is not NULL", asked[i].id,
                    asked[i].index);
    }
}

void
kit_test_descriptor_complete(kit *k)
{
    if (!add_to_registry(k)) {
        kit_say(k, KIT_FAIL, "%s", k->voice.error);
        return;
    }
    if (k->plugin->abi_minor > QUIRE_ABI_MINOR)
        kit_say(k, KIT_WARN, "built for interface %u.%u; this is %d.%d", k->plugin->abi_major,
                k->plugin->abi_minor, QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    for (size_t i = 0; kit_quantizer(k, i) != NULL; i++) {
        const quire_quantizer *q = kit_quantizer(k, i)->quantizer;
        if (q->flags != 0)
            kit_say(k, KIT_FAIL, "quantizer \"%s\": flags are 0x%x; allowed is 0", q->name,
                    q->flags);
        if (q->summary[0] == '\0') kit_say(k, KIT_WARN, "quantizer \"%s\" has no summary", q->name);
    }
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* A piece of the file, or NULL if it is not all there. */
static const void *
piece(const quire_text *file, uint64_t offset, uint64_t size)
{
    return offset <= file->len && size <= file->len - offset ? file->ptr + offset : NULL;
}

static bool
is_exported(const Elf64_Sym *symbol, const char *name)
{
    const unsigned bind = ELF64_ST_BIND(symbol->st_info);
    const unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    if (symbol->st_shndx == SHN_UNDEF || bind == STB_LOCAL) return false;
    if (visibility == STV_HIDDEN || visibility == STV_INTERNAL) return false;
    /* What compilers, linkers and sanitizers put in begins so; no plugin may name anything so. */
    const bool reserved = strncmp(name, "__", 2) == 0;
    return !reserved && strcmp(name, "_init") != 0 && strcmp(name, "_fini") != 0 &&
           strcmp(name, "_edata") != 0 && strcmp(name, "_end") != 0;
}

static void
judge_symbols(kit *k, const quire_text *file, const Elf64_Shdr *table, const Elf64_Shdr *strings)
{
    const char *names = piece(file, strings->sh_offset, strings->sh_size);
    const Elf64_Sym *symbols = piece(file, table->sh_offset, table->sh_size);
    if (names == NULL || symbols == NULL || strings->sh_size == 0 ||
        names[strings->sh_size - 1] != '\0') {
        kit_say(k, KIT_WARN, "its table of symbols cannot be read");
        return;
    }
    size_t n = 0;
    const char *other = NULL;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, symbols + i, sizeof symbol);
        const char *name = symbol.st_name < strings->sh_size ? names + symbol.st_name : "?";
        if (!is_exported(&symbol, name) || strcmp(name, "quire_plugin_entry") == 0) continue;
        if (n++ == 0) other = name;
    }
    if (n > 0)
        kit_say(k, KIT_FAIL,
                "%zu symbol%s exported besides quire_plugin_entry, such as %s; compile with "
                "-fvisibility=hidden",
                n, n == 1 ? " is" : "s are", other);
}

static void
find_symbols(kit *k, const quire_text *file)
{
    const Elf64_Ehdr *head = piece(file, 0, sizeof *head);
    if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_shentsize != sizeof(Elf64_Shdr)) {
        kit_say(k, KIT_WARN, "it is no 64-bit ELF file with sections: its symbols are not known");
        return;
    }
    const Elf64_Shdr *sections =
        piece(file, head->e_shoff, (uint64_t)head->e_shnum * sizeof *sections);
    for (uint32_t i = 0; sections != NULL && i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_link >= head->e_shnum) continue;
        judge_symbols(k, file, &sections[i], &sections[sections[i].sh_link]);
        return;
    }
    kit_say(k, KIT_WARN, "it has no table of symbols");
}

void
kit_test_one_exported_symbol(kit *k)
{
    quire_text file;
    if (k->path == NULL) {
        kit_say(k, KIT_SKIP, "it is built in");
        return;
    }
    if (quire_read_text_file(&k->voice.ctx, k->path, &file) != QUIRE_OK) {
        kit_say(k, KIT_FAIL, "%s", k->voice.error);
        return;
    }
    find_symbols(k, &file);
    quire_text_free(&k->voice.ctx, &file);
}
