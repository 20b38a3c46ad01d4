/* test_registry.c - plugins in the list of quantizers: what is believed, what is refused, files and
 * folders. PLUGINS is the folder of the shared objects of tests/conformance/plugin.
 */
#include <check.h>
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conformance/plugin/plain.h"
#include "plugin/registry.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"

typedef struct fixture {
    quire_ctx ctx;
    fault_alloc alloc;
    fault_io io;
    fault_log log;
    quire_registry registry;
    size_t n_builtin;
} fixture;

static void
setup(fixture *f)
{
    *f = (fixture){0};
    fault_alloc_init(&f->alloc, 0, false);
    fault_io_init(&f->io, 0, false, EIO);
    f->ctx = fault_ctx(&f->alloc, &f->io, &f->log);
    ck_assert_int_eq(quire_registry_init(&f->ctx, &f->registry), QUIRE_OK);
    f->n_builtin = f->registry.n_quantizers;
}

static void
teardown(fixture *f)
{
    quire_registry_deinit(&f->registry);
    ck_assert(fault_alloc_is_clean(&f->alloc));
}

static quire_status
load(fixture *f, const char *name)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.so", PLUGINS, name);
    return quire_registry_load(&f->ctx, &f->registry, path);
}

static const quire_known_quantizer *
find(const fixture *f, const char *name)
{
    return quire_registry_find(&f->registry, quire_bytes_of(name));
}

START_TEST(built_ins_are_there)
{
    fixture f;
    setup(&f);
    ck_assert_uint_ge(f.n_builtin, 1);
    ck_assert_uint_eq(f.registry.n_plugins, 1);
    ck_assert(f.registry.plugins[0]->path == NULL);
    ck_assert(find(&f, "embedding") != NULL);
    ck_assert(find(&f, "embeddin") == NULL);
    ck_assert(find(&f, "") == NULL);
    ck_assert_uint_eq(f.log.n_errors, 0);
    teardown(&f);
}
END_TEST

START_TEST(unknown_names_get_the_nearest)
{
    const quire_known_quantizer *known;
    fixture f;
    setup(&f);
    ck_assert_int_eq(quire_registry_get(&f.ctx, &f.registry, quire_bytes_of("embeding"), &known),
                     QUIRE_E_USAGE);
    ck_assert(strstr(f.log.message, "\"embeding\"; nearest: \"embedding\"") != NULL);
    ck_assert_int_eq(quire_registry_get(&f.ctx, &f.registry, quire_bytes_of("embedding"), &known),
                     QUIRE_OK);
    ck_assert_str_eq(known->quantizer->name, "embedding");
    teardown(&f);
}
END_TEST

START_TEST(a_good_plugin_is_loaded_once)
{
    const scratch folder = scratch_create();
    const char *link = scratch_path(&folder, "other.so");
    fixture f;
    setup(&f);
    ck_assert_int_eq(load(&f, "good"), QUIRE_OK);
    const quire_known_quantizer *good = find(&f, "good");
    ck_assert(good != NULL);
    ck_assert_str_eq(good->plugin->plugin->name, "good-plugin");
    ck_assert(strstr(good->plugin->path, "/good.so") != NULL);
    ck_assert_int_eq(load(&f, "good"), QUIRE_OK);
    ck_assert_int_eq(symlink(PLUGINS "/good.so", link), 0);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, link), QUIRE_OK);
    ck_assert_uint_eq(f.registry.n_quantizers, f.n_builtin + 1);
    ck_assert_uint_eq(f.registry.n_plugins, 2);
    ck_assert(find(&f, "good") == good);
    ck_assert_uint_eq(f.log.n_errors + f.log.n_others, 0);
    scratch_remove(&folder);
    teardown(&f);
}
END_TEST

/* As `quire --plugin good.so` in the folder of the file. */
START_TEST(a_name_without_a_folder_is_a_file_here)
{
    char before[1000];
    fixture f;
    setup(&f);
    ck_assert(getcwd(before, sizeof before) != NULL);
    ck_assert_int_eq(chdir(PLUGINS), 0);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, "good.so"), QUIRE_OK);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, "libm.so.6"), QUIRE_E_INVALID);
    ck_assert_int_eq(chdir(before), 0);
    teardown(&f);
}
END_TEST

START_TEST(bad_files_are_refused_in_a_sentence)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"foreign_major", "is built for interface 2.0 and this is 1.0"},
        {"no_entry", "it exports no quire_plugin_entry"},
        {"null_entry", "says that it cannot serve interface 1.0"},
        {"unresolved", "undefined symbol: quire_function_that_nobody_has"},
        {"short_plugin", "the plugin's descriptor says it has"},
        {"short_quantizer", "the descriptor of quantizer 0 says it has"},
        {"no_name", "the name of quantizer 0 is missing or no name"},
        {"taken_name", "its quantizer embedding is there already, built in"},
        {"two_of_one_name", "two quantizers of the plugin are called twin"},
        {"endless", "more than 256 quantizers, or get_interface has no end"},
        {"bad_options_0", "quantizer bad-options: option a takes 8 bytes at offset 20 of a struct"},
        {"bad_options_1", "options a and b overlap"},
        {"bad_options_2", "the default of option a is \"9\"; it takes a whole number from 1 to 8"},
        {"bad_options_3", "option a has type 6"},
        {"bad_options_4", "option a has no choices"},
        {"bad_options_5", "option a is there twice"},
        {"bad_options_6", "option a is at offset 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        setup(&f);
        const quire_status status = load(&f, cases[i].name);
        ck_assert_msg(status == QUIRE_E_PLUGIN, "%s: %d", cases[i].name, (int)status);
        ck_assert_uint_eq(f.log.n_errors, 1);
        ck_assert_msg(strstr(f.log.message, cases[i].message) != NULL, "%s: %s", cases[i].name,
                      f.log.message);
        ck_assert_msg(strstr(f.log.file, cases[i].name) != NULL, "%s: %s", cases[i].name,
                      f.log.file);
        ck_assert_uint_eq(f.registry.n_quantizers, f.n_builtin);
        ck_assert_uint_eq(f.registry.n_plugins, 1);
        ck_assert_int_eq(load(&f, "good"), QUIRE_OK); /* nothing is broken */
        teardown(&f);
    }
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    const scratch folder = scratch_create();
    const char *pipe_path = scratch_path(&folder, "pipe.so");
    fixture f;
    setup(&f);
    ck_assert_int_eq(load(&f, "not-there"), QUIRE_E_INVALID);
    ck_assert(strstr(f.log.message, "No such file") != NULL);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, folder.path), QUIRE_E_INVALID);
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, pipe_path), QUIRE_E_INVALID);
    ck_assert(strstr(f.log.message, "it is no file") != NULL);
    scratch_write(&folder, "text.so", "no shared object", 16);
    ck_assert_int_eq(quire_registry_load(&f.ctx, &f.registry, scratch_path(&folder, "text.so")),
                     QUIRE_E_PLUGIN);
    ck_assert(strstr(f.log.message, "it cannot be loaded: ") != NULL);
    ck_assert_uint_eq(f.log.n_errors, 4);
    scratch_remove(&folder);
    teardown(&f);
}
END_TEST

START_TEST(loading_leaves_arithmetic_and_locale_alone)
{
    char before[300];
    fixture f;
    setup(&f);
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    fesetround(FE_DOWNWARD);
    ck_assert_int_eq(load(&f, "rounds_up"), QUIRE_OK);
    ck_assert_int_eq(fegetround(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
    ck_assert_str_eq(setlocale(LC_ALL, NULL), before);
    ck_assert_uint_eq(f.log.n_others, 1);
    ck_assert(strstr(f.log.message, "changed the rounding mode") != NULL);
    ck_assert(find(&f, "rounds-up") != NULL);
    teardown(&f);
}
END_TEST

/* --- what a plugin says ----------------------------------------------------------------------- */

static const quire_quantizer *offered; /* what the toy below gives */

static const void *
offer(const char *id, uint32_t index)
{
    return strcmp(id, QUIRE_QUANTIZER_1) == 0 && index == 0 ? offered : NULL;
}

static const quire_plugin toy = {
    .size = sizeof toy, .abi_major = QUIRE_ABI_MAJOR, PLAIN_PLUGIN("toy"), .get_interface = offer};
static const quire_quantizer plain = PLAIN_QUANTIZER("plain");

static void
expect(quire_plugin plugin, quire_quantizer quantizer, const char *message)
{
    fixture f;
    setup(&f);
    offered = &quantizer;
    const quire_status status = quire_registry_add(&f.ctx, &f.registry, &plugin, "toy.so");
    ck_assert_msg(status == (message == NULL ? QUIRE_OK : QUIRE_E_PLUGIN), "%s: %s",
                  message == NULL ? "" : message, f.log.message);
    ck_assert_uint_eq(f.log.n_errors, message == NULL ? 0 : 1);
    ck_assert_uint_eq(f.registry.n_quantizers, f.n_builtin + (message == NULL ? 1 : 0));
    if (message != NULL) {
        ck_assert_msg(strstr(f.log.message, message) != NULL, "%s: %s", message, f.log.message);
        ck_assert_str_eq(f.log.file, "toy.so");
    }
    teardown(&f);
}

/* A page without a NUL, and nothing behind it. */
static char *
make_wall(void)
{
    const size_t page = 4096;
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    memset(pages, 'x', page);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    return pages;
}

START_TEST(descriptors)
{
    static char endless[5000]; /* no NUL within 4096 bytes */
    static char long_name[66];
    quire_plugin p;
    memset(endless, 'x', sizeof endless - 1);
    memset(long_name, 'x', sizeof long_name - 1);
    expect(toy, plain, NULL);
    expect((p = toy, p.size = sizeof p + 64, p.abi_minor = 9, p), plain, NULL); /* later minor */
    expect((p = toy, p.size = 0, p), plain, "says it has 0 bytes");
    expect((p = toy, p.size = 4, p.abi_major = 7, p), plain, "says it has 4 bytes");
    expect((p = toy, p.abi_major = 0, p), plain, "interface 0.0");
    expect((p = toy, p.abi_major = 7, p.size = 8, p), plain, "interface 7.0");
    expect((p = toy, p.id = NULL, p), plain, "the plugin's id");
    expect((p = toy, p.name = NULL, p), plain, "the plugin's name");
    expect((p = toy, p.name = "", p), plain, "the plugin's name");
    expect((p = toy, p.name = "a b", p), plain, "the plugin's name");
    expect((p = toy, p.name = long_name, p), plain, "the plugin's name");
    expect((p = toy, p.version = NULL, p), plain, "the plugin's version");
    expect((p = toy, p.version = "1\n2", p), plain, "the plugin's version");
    expect((p = toy, p.license = "\xff", p), plain, "the plugin's license");
    expect((p = toy, p.summary = endless, p), plain, "the plugin's summary");
    expect((p = toy, p.summary = make_wall(), p), plain, "the plugin's summary");
    expect((p = toy, p.name = make_wall(), p), plain, "the plugin's name");
    expect((p = toy, p.get_interface = NULL, p), plain, "no get_interface");
}
END_TEST

START_TEST(quantizers)
{
    static char endless[5000];
    quire_quantizer q;
    memset(endless, 'x', sizeof endless - 1);
    expect(toy, (q = plain, q.size = sizeof q + 64, q), NULL);
    expect(toy, (q = plain, q.size = 0, q), "quantizer 0 says it has 0 bytes");
    expect(toy, (q = plain, q.name = "", q), "the name of quantizer 0");
    expect(toy, (q = plain, q.name = "a:b", q), "the name of quantizer 0");
    expect(toy, (q = plain, q.name = "a,b", q), "the name of quantizer 0");
    expect(toy, (q = plain, q.name = "a/b", q), "the name of quantizer 0");
    expect(toy, (q = plain, q.name = endless, q), "the name of quantizer 0");
    expect(toy, (q = plain, q.summary = NULL, q), "quantizer plain: the summary");
    expect(toy, (q = plain, q.summary = endless, q), "quantizer plain: the summary");
    expect(toy, (q = plain, q.create = NULL, q), "quantizer plain has no function create");
    expect(toy, (q = plain, q.destroy = NULL, q), "has no function destroy");
    expect(toy, (q = plain, q.support = NULL, q), "has no function support");
    expect(toy, (q = plain, q.annotate = NULL, q), "has no function annotate");
    expect(toy, (q = plain, q.n_options = 1, q), "1 options and no table");
}
END_TEST

/* --- folders ---------------------------------------------------------------------------------- */

static void
link_plugin(const scratch *folder, const char *name, const char *as)
{
    char from[1000];
    snprintf(from, sizeof from, "%s/%s.so", PLUGINS, name);
    ck_assert_int_eq(symlink(from, scratch_path(folder, as)), 0);
}

START_TEST(folders_are_searched_by_name)
{
    const scratch folder = scratch_create();
    char path[1000];
    fixture f;
    setup(&f);
    link_plugin(&folder, "rounds_up", "z.so");
    link_plugin(&folder, "good", "a.so");
    link_plugin(&folder, "foreign_major", "m.so");
    link_plugin(&folder, "endless", "endless.so.1");
    link_plugin(&folder, "endless", ".hidden.so");
    snprintf(path, sizeof path, "/not/there::%s:", folder.path);
    ck_assert_int_eq(setenv("QUIRE_PLUGIN_PATH", path, 1), 0);
    ck_assert_int_eq(quire_registry_search(&f.ctx, &f.registry), QUIRE_OK);
    ck_assert_uint_ge(f.registry.n_quantizers, f.n_builtin + 2);
    ck_assert_str_eq(f.registry.quantizers[f.n_builtin]->quantizer->name, "good");
    ck_assert_str_eq(f.registry.quantizers[f.n_builtin + 1]->quantizer->name, "rounds-up");
    ck_assert_uint_eq(f.log.n_errors, 0);
    ck_assert_uint_ge(f.log.n_others, 1); /* m.so is another major version */
    ck_assert_int_eq(unsetenv("QUIRE_PLUGIN_PATH"), 0);
    scratch_remove(&folder);
    teardown(&f);
}
END_TEST

START_TEST(every_failure_is_told_and_nothing_leaks)
{
    const scratch folder = scratch_create();
    link_plugin(&folder, "good", "a.so");
    link_plugin(&folder, "taken_name", "b.so");
    ck_assert_int_eq(setenv("QUIRE_PLUGIN_PATH", folder.path, 1), 0);
    for (size_t fail_at = 1;; fail_at++) {
        fault_alloc alloc;
        fault_log log = {0};
        quire_registry registry;
        fault_alloc_init(&alloc, fail_at, false);
        quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
        quire_status status = quire_registry_init(&ctx, &registry);
        if (status == QUIRE_OK) {
            status = quire_registry_search(&ctx, &registry);
            quire_registry_deinit(&registry);
        }
        const bool failed = alloc.n_failed > 0;
        ck_assert_int_eq(status, failed ? QUIRE_E_NOMEM : QUIRE_OK);
        ck_assert_uint_eq(log.n_errors, failed ? 1 : 0);
        ck_assert(fault_alloc_is_clean(&alloc));
        if (!failed) break;
    }
    ck_assert_int_eq(unsetenv("QUIRE_PLUGIN_PATH"), 0);
    scratch_remove(&folder);
}
END_TEST

START_TEST(a_failing_disk_is_told)
{
    fixture f;
    setup(&f);
    f.io.fail_at = f.io.n_calls + 1;
    f.io.ops = FAULT_ALL;
    ck_assert_int_eq(load(&f, "good"), QUIRE_E_INVALID);
    ck_assert_uint_eq(f.log.n_errors, 1);
    teardown(&f);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("registry");
    TCase *all = tcase_create("all");
    tcase_add_test(all, built_ins_are_there);
    tcase_add_test(all, unknown_names_get_the_nearest);
    tcase_add_test(all, a_good_plugin_is_loaded_once);
    tcase_add_test(all, a_name_without_a_folder_is_a_file_here);
    tcase_add_test(all, bad_files_are_refused_in_a_sentence);
    tcase_add_test(all, what_is_no_file_is_refused);
    tcase_add_test(all, loading_leaves_arithmetic_and_locale_alone);
    tcase_add_test(all, descriptors);
    tcase_add_test(all, quantizers);
    tcase_add_test(all, folders_are_searched_by_name);
    tcase_add_test(all, every_failure_is_told_and_nothing_leaks);
    tcase_add_test(all, a_failing_disk_is_told);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
