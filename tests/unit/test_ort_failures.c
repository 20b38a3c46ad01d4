/* test_ort_failures.c - libquire_ort when something fails: each call of the runtime's interface and
 * each allocation, one at a time and all from one on. It returns what the runtime said, leaves
 * nothing behind, and the next attempt does well.
 */
#include "support/suite.h"
#include "unit/ort_case.h"

/* --- allocations ------------------------------------------------------------------------------ */

enum { MAX_BLOCKS = 64 };

/* The linker sends calls of calloc and free here. While blocks are watched nobody calls calloc but
 * the library (support/ort_fake.c). */
static size_t calloc_calls, calloc_fail_at; /* 1 is the first; 0: never */
static bool is_watched;                     /* blocks are remembered */
static void *blocks[MAX_BLOCKS];

void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *block);

void *
__wrap_calloc(size_t n, size_t size)
{
    if (!is_watched) return __real_calloc(n, size);
    if (++calloc_calls == calloc_fail_at) return NULL;
    void *block = __real_calloc(n, size);
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        if (blocks[i] != NULL) continue;
        blocks[i] = block;
        return block;
    }
    abort();
}

void
__wrap_free(void *block)
{
    for (size_t i = 0; i < MAX_BLOCKS && block != NULL; i++) {
        if (blocks[i] == block) blocks[i] = NULL;
    }
    __real_free(block);
}

static void
watch(size_t fail_at)
{
    is_watched = true;
    calloc_calls = 0;
    calloc_fail_at = fail_at;
    memset(blocks, 0, sizeof blocks);
}

/* How many blocks were taken and not given back. */
static size_t
count_left(void)
{
    size_t n = 0;

    is_watched = false;
    for (size_t i = 0; i < MAX_BLOCKS; i++)
        n += blocks[i] != NULL;
    return n;
}

/* --- each call in turn ------------------------------------------------------------------------ */

static void
fail_from(size_t n, bool sticky)
{
    fake.n_calls = 0;
    fake.last = NULL;
    fake.fail_at = n;
    fake.sticky = sticky;
}

/* The error returned is the runtime's own, if one was to be. */
static void
expect_told(OrtStatus *status)
{
    fake.fail_at = 0;
    if (fake.last == NULL) {
        ort_expect_good(status);
    } else {
        ort_expect(status, fake.last);
    }
    ort_expect_clean();
}

/* Was nothing made to fail: are all calls done? */
static bool
is_over(void)
{
    return fake.last == NULL;
}

static void
register_again(const OrtApiBase *base)
{
    OrtSessionOptions options = {0};

    ort_expect_good(RegisterCustomOps(&options, base));
    ck_assert_uint_eq(options.n_domains, 1);
    ck_assert_str_eq(options.domains[0]->name, "ai.quire");
    ck_assert_uint_eq(options.domains[0]->n_ops, 32);
    ck_assert_ptr_nonnull(ort_op(&options, "Lookup_15"));
    ck_assert_ptr_nonnull(ort_op(&options, "LookupBFloat16_7"));
}

/* Domains there were, and one more if only its place in the session was refused: that one is whole,
 * and the next session takes it. */
static void
registration_fails_at(size_t n, bool sticky)
{
    const OrtApiBase *base = fake_runtime();
    const size_t before = fake.n_domains;
    OrtSessionOptions options = {0};

    watch(0);
    fail_from(n, sticky);
    OrtStatus *status = RegisterCustomOps(&options, base);
    const size_t left = count_left();
    expect_told(status);
    if (is_over()) return;
    const bool is_made = strcmp(fake.last, "AddCustomOpDomain") == 0;
    ck_assert_uint_eq(options.n_domains, 0);
    ck_assert_uint_eq(fake.n_domains - before, is_made);
    ck_assert_uint_eq(left, is_made); /* the record */
    const size_t made = fake.n_domains_made;
    register_again(base);
    ck_assert_uint_eq(fake.n_domains_made - made, !is_made);
}

START_TEST(each_call_of_a_registration)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        size_t n = 0;
        do {
            registration_fails_at(++n, sticky);
        } while (!is_over());
        ck_assert_uint_eq(n, 35); /* a domain, 32 operators, a session, and nothing */
    }
}
END_TEST

START_TEST(each_allocation_of_a_registration)
{
    OrtSessionOptions options = {0};
    const OrtApiBase *base = fake_runtime();
    const size_t before = fake.n_domains;

    watch(1);
    OrtStatus *status = RegisterCustomOps(&options, base);
    ck_assert_uint_eq(count_left(), 0);
    ort_expect(status, "out of memory");
    ort_expect_clean();
    ck_assert_uint_eq(options.n_domains, 0);
    ck_assert_uint_eq(fake.n_domains, before);
    register_again(base);
}
END_TEST

static void
make_blocks(ort_case *c)
{
    const int64_t codes[] = {3, 2, 16}, by_block[] = {3, 2, 1};

    ort_case_set(c, CODES, ORT_ELEMENT_UINT8, 3, codes, sizeof(uint8_t[3][2][16]));
    ort_case_set(c, SCALES, ORT_ELEMENT_FLOAT16, 3, by_block, sizeof(uint16_t[3][2]));
    ort_case_set(c, ZERO_POINTS, ORT_ELEMENT_FLOAT, 3, by_block, sizeof(float[3][2]));
    ort_case_attribute(c, "block")->value = 16;
    ort_case_attribute(c, "width")->value = 20;
    c->width = 20;
}

static void
planning_fails_at(ort_case *c, size_t n, bool sticky)
{
    watch(0);
    fail_from(n, sticky);
    OrtStatus *status = ort_case_create(c);
    ck_assert((c->kernel != NULL) == is_over());
    if (c->kernel != NULL) c->op->KernelDestroy(c->kernel);
    c->kernel = NULL;
    ck_assert_uint_eq(count_left(), 0);
    expect_told(status);
    ort_expect_good(ort_case_create(c));
}

START_TEST(each_call_of_planning)
{
    for (int form = 0; form < 4; form++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            size_t n = 0;
            do {
                ort_case c;
                ort_case_open(&c, 3, 4);
                if (form & 1) ort_case_fix_tables(&c);
                if (form & 2) make_blocks(&c);
                planning_fails_at(&c, ++n, sticky);
                ort_case_close(&c);
            } while (!is_over());
            ck_assert_uint_ge(n, 20);
        }
    }
}
END_TEST

START_TEST(each_allocation_of_planning)
{
    ort_case c;

    ort_case_open(&c, 3, 4);
    ort_case_fix_tables(&c);
    watch(1);
    OrtStatus *status = ort_case_create(&c);
    ck_assert_uint_eq(count_left(), 0);
    ort_expect(status, "out of memory");
    ck_assert_ptr_null(c.kernel);
    ort_expect_clean();
    ort_case_close(&c);
}
END_TEST

/* Enough lookups for several parts. If the threads are refused, the kernel works without. */
static void
run_fails_at(ort_case *c, size_t n, bool sticky)
{
    watch(0);
    fail_from(n, sticky);
    OrtStatus *status = ort_case_run(c);
    ck_assert_uint_eq(calloc_calls, 0);
    ck_assert_uint_eq(count_left(), 0);
    if (!is_over() && strcmp(fake.last, "KernelContext_ParallelFor") == 0) {
        fake.fail_at = 0;
        ort_expect_good(status);
        ck_assert_uint_eq(c->context.n_parts, 0);
        ck_assert(ort_case_is_right(c));
        ort_expect_clean();
        return;
    }
    expect_told(status);
    if (is_over()) ck_assert(ort_case_is_right(c));
}

START_TEST(each_call_of_a_run)
{
    for (int is_fixed = 0; is_fixed < 2; is_fixed++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            ort_case c;
            ort_case_open(&c, 300, 32);
            ort_case_set_indices(&c, 4000);
            if (is_fixed) ort_case_fix_tables(&c);
            ort_expect_good(ort_case_create(&c));
            size_t n = 0;
            do {
                run_fails_at(&c, ++n, sticky);
                fake_context_clear(&c.context);
            } while (!is_over());
            ck_assert_uint_eq(n, is_fixed ? 16 : 28); /* constants were checked before */
            ort_case_close(&c);
        }
    }
}
END_TEST

/* What InferOutputShapeFn returns the runtime drops, so nothing may be lost with it. */
START_TEST(each_call_of_inference)
{
    ort_case c;

    ort_case_open(&c, 3, 4);
    for (int sticky = 0; sticky < 2; sticky++) {
        size_t n = 0;
        do {
            OrtShapeInferContext context = {.node = &c.node};
            context.inputs[INDICES] =
                (OrtTensorTypeAndShapeInfo){.rank = 2, .dims = {-1, 7}, .names = {"batch", ""}};
            watch(0);
            fail_from(++n, sticky);
            ck_assert_ptr_null(c.op->InferOutputShapeFn(c.op, &context));
            ck_assert_uint_eq(count_left(), 0);
            ort_expect_clean();
            ck_assert(context.has_result == is_over());
            fake.fail_at = 0;
        } while (!is_over());
        ck_assert_uint_eq(n, 17);
    }
    ort_case_close(&c);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ort_failures");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, each_call_of_a_registration);
    tcase_add_test(tcase, each_allocation_of_a_registration);
    tcase_add_test(tcase, each_call_of_planning);
    tcase_add_test(tcase, each_allocation_of_planning);
    tcase_add_test(tcase, each_call_of_a_run);
    tcase_add_test(tcase, each_call_of_inference);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
