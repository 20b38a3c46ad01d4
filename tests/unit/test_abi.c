/* test_abi.c - a plugin and a host of another age: tables that end before a member, behind
 * which there is no memory, and a table that says it is longer.
 */
#include <check.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "quire/plugin.h"
#include "support/suite.h"

static struct said {
    char text[100];
    int n_services, n_texts;
} said;

static void
report(void *ctx, quire_severity severity, quire_place where, quire_string message)
{
    (void)ctx;
    (void)severity;
    (void)where;
    ck_assert_uint_lt(message.len, sizeof said.text);
    memcpy(said.text, message.ptr, message.len);
    said.text[message.len] = '\0';
}

static const void *
get_service(void *ctx, const char *id)
{
    (void)ctx;
    said.n_services++;
    return strcmp(id, QUIRE_HOST_LOG_1) == 0 ? &said : NULL;
}

static quire_status
text_of(void *ctx, const quire_qspec *spec, quire_string *out_text)
{
    (void)ctx;
    said.n_texts++;
    *out_text = (quire_string){"float", 5};
    return spec->size == sizeof *spec ? QUIRE_OK : QUIRE_E_USAGE;
}

/* A copy of the first `size` bytes that ends where a page ends that may not be touched. */
static void *
at_the_edge(const void *table, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    const uint32_t says = (uint32_t)size;
    memcpy(pages + page - size, table, size);
    memcpy(pages + page - size, &says, sizeof says);
    return pages + page - size;
}

static const quire_quantizer *
load(void)
{
    const quire_plugin *(*entry)(uint32_t, uint32_t);
    void *library = dlopen(PLUGINS "/careful.so", RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    void *symbol = dlsym(library, "quire_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    const quire_plugin *plugin = entry(QUIRE_ABI_MAJOR, QUIRE_ABI_MINOR);
    return plugin->get_interface(QUIRE_QUANTIZER_1, 0);
}

static const quire_host host = {.size = sizeof host,
                                .abi_major = QUIRE_ABI_MAJOR,
                                .report = report,
                                .get_service = get_service};
static const quire_claim_api claims = {.size = sizeof claims, .text = text_of};

START_TEST(a_short_host_table_is_not_read_beyond_its_end)
{
    void *self;
    memset(&said, 0, sizeof said);
    const quire_host *whole = at_the_edge(&host, sizeof host);
    ck_assert_int_eq(load()->create(whole, NULL, &self), QUIRE_OK);
    ck_assert_int_eq(said.n_services, 1);
    ck_assert_str_eq(said.text, "");
    const quire_host *cut = at_the_edge(&host, QUIRE_SIZE_TO(quire_host, report));
    ck_assert(!QUIRE_HAS(cut, quire_host, get_service));
    ck_assert_int_eq(load()->create(cut, NULL, &self), QUIRE_OK);
    ck_assert_int_eq(said.n_services, 1);
    ck_assert_str_eq(said.text, "no services");
}
END_TEST

START_TEST(a_short_claim_table_is_not_read_beyond_its_end)
{
    void *self;
    memset(&said, 0, sizeof said);
    ck_assert_int_eq(load()->create(&host, NULL, &self), QUIRE_OK);
    const quire_claim_api *whole = at_the_edge(&claims, sizeof claims);
    ck_assert_int_eq(load()->annotate(self, NULL, whole), QUIRE_OK);
    ck_assert_int_eq(said.n_texts, 1);
    const quire_claim_api *cut = at_the_edge(&claims, QUIRE_SIZE_TO(quire_claim_api, type));
    ck_assert_int_eq(load()->annotate(self, NULL, cut), QUIRE_OK);
    ck_assert_int_eq(said.n_texts, 1);
    ck_assert_str_eq(said.text, "no text");
}
END_TEST

START_TEST(sizes_reach_to_the_end_of_a_member)
{
    quire_host h = {.size = QUIRE_SIZE_TO(quire_host, realloc)};
    ck_assert_uint_eq(h.size, offsetof(quire_host, report));
    ck_assert(QUIRE_HAS(&h, quire_host, realloc));
    ck_assert(!QUIRE_HAS(&h, quire_host, report));
    h.size = 4096;
    ck_assert(QUIRE_HAS(&h, quire_host, get_service));
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("abi");
    tcase_add_test(all, a_short_host_table_is_not_read_beyond_its_end);
    tcase_add_test(all, a_short_claim_table_is_not_read_beyond_its_end);
    tcase_add_test(all, sizes_reach_to_the_end_of_a_member);
    Suite *suite = suite_create("abi");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
