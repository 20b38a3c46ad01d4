/* test_ort_hostile.c - libquire_ort in sessions that are not as they should be: attributes, types and
 * shapes that make no sense, tables and indices of nothing, runtimes that are too old, threads in any
 * number and order. An error says what is wrong, nothing is read or written that is not there, and
 * bits depend on none of it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "support/suite.h"
#include "unit/ort_case.h"

#define HUGE_DIM ((int64_t)1 << 62)

/* --- registration ----------------------------------------------------------------------------- */

START_TEST(a_runtime_that_is_too_old_is_told_so)
{
    const OrtApiBase *base = fake_runtime();
    OrtSessionOptions options = {0};

    fake.version = 16;
    OrtStatus *status = RegisterCustomOps(&options, base);
    ort_expect(status, "needs ONNX Runtime 1.17 or newer, and this is 1.2.3");
    ck_assert_uint_eq(options.n_domains, 0);
    fake.version = 17;
    ort_expect_good(RegisterCustomOps(&options, base));
    ck_assert_uint_eq(options.n_domains, 1);
}
END_TEST

/* The file itself, as a runtime opens and closes it. */
typedef struct library {
    void *handle;
    OrtStatus *(*entry)(OrtSessionOptions *options, const OrtApiBase *base);
} library;

static library
library_open(void)
{
    library l = {.handle = dlopen(ORT_LIBRARY, RTLD_NOW | RTLD_LOCAL)};

    ck_assert_msg(l.handle != NULL, "%s", dlerror());
    void *symbol = dlsym(l.handle, "RegisterCustomOps");
    ck_assert_ptr_nonnull(symbol);
    memcpy(&l.entry, &symbol, sizeof l.entry);
    return l;
}

START_TEST(unloading_gives_back_the_domains_of_all_runtimes)
{
    for (int round = 0; round < 2; round++) {
        const library l = library_open();
        for (int i = 0; i < 3; i++) {
            OrtSessionOptions first = {0}, second = {0};
            const OrtApiBase *base = fake_runtime();
            ort_expect_good(l.entry(&first, base));
            ort_expect_good(l.entry(&second, base));
            ck_assert_ptr_eq(first.domains[0], second.domains[0]);
        }
        ck_assert_uint_eq(fake.n_domains, 3);
        ck_assert_int_eq(dlclose(l.handle), 0);
        ck_assert_uint_eq(fake.n_domains, 0);
    }
}
END_TEST

typedef struct registration {
    const library *library;
    const OrtApiBase *base;
    OrtSessionOptions options;
    OrtStatus *status;
} registration;

static void *
register_one(void *arg)
{
    registration *r = arg;

    r->status = r->library->entry(&r->options, r->base);
    return NULL;
}

/* Threads that find no operators at once make some each; all are whole, and none is lost. */
static void
register_at_once(void)
{
    enum { N = 8 };
    const library l = library_open();
    const OrtApiBase *base = fake_runtime();
    pthread_t threads[N];
    pthread_barrier_t meeting;
    registration all[N];

    pthread_barrier_init(&meeting, NULL, N);
    fake.meeting = &meeting;
    for (size_t i = 0; i < N; i++) {
        all[i] = (registration){.library = &l, .base = base};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, register_one, &all[i]), 0);
    }
    for (size_t i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < N; i++) {
        ort_expect_good(all[i].status);
        ck_assert_uint_eq(all[i].options.domains[0]->n_ops, 32);
    }
    fake.meeting = NULL;
    ck_assert_uint_eq(fake.n_domains, N);
    OrtSessionOptions later = {0};
    ort_expect_good(l.entry(&later, base));
    ck_assert_uint_eq(fake.n_domains, N);
    ck_assert_int_eq(dlclose(l.handle), 0);
    ck_assert_uint_eq(fake.n_domains, 0);
    pthread_barrier_destroy(&meeting);
}

START_TEST(threads_may_register_at_once)
{
    for (int round = 0; round < 40; round++)
        register_at_once();
}
END_TEST

static void
check_operator(const OrtCustomOp *op, const OrtSessionOptions *options)
{
    ck_assert_uint_eq(op->version, ORT_API_VERSION);
    ck_assert_ptr_null(op->GetExecutionProviderType(op));
    ck_assert_uint_eq(op->GetInputTypeCount(op), N_OPERANDS);
    ck_assert_uint_eq(op->GetOutputTypeCount(op), 1);
    ck_assert_int_eq(op->GetInputType(op, CODES), ORT_ELEMENT_UINT8);
    ck_assert_int_eq(op->GetInputType(op, INDICES), ORT_ELEMENT_ANY);
    ck_assert_int_eq(op->GetInputCharacteristic(op, CODES), ORT_FORMAL_REQUIRED);
    ck_assert_int_eq(op->GetOutputCharacteristic(op, 0), ORT_FORMAL_REQUIRED);
    ck_assert_int_eq(op->GetInputMemoryType(op, CODES), ORT_MEMORY_DEFAULT);
    ck_assert_int_eq(op->GetStartVersion(op), 1);
    ck_assert_int_eq(op->GetEndVersion(op), 1);
    ck_assert_ptr_eq(ort_op(options, op->GetName(op)), op); /* no other has its name */
}

START_TEST(operators_describe_themselves)
{
    static const struct {
        const char *name;
        ort_element type;
    } some[] = {{"Lookup", ORT_ELEMENT_FLOAT},
                {"Lookup_1", ORT_ELEMENT_FLOAT},
                {"Lookup_15", ORT_ELEMENT_FLOAT},
                {"LookupFloat16", ORT_ELEMENT_FLOAT16},
                {"LookupFloat16_7", ORT_ELEMENT_FLOAT16},
                {"LookupBFloat16", ORT_ELEMENT_BFLOAT16},
                {"LookupBFloat16_7", ORT_ELEMENT_BFLOAT16}};
    OrtSessionOptions options = {0};

    ort_expect_good(RegisterCustomOps(&options, fake_runtime()));
    ck_assert_uint_eq(options.domains[0]->n_ops, 32);
    for (size_t i = 0; i < options.domains[0]->n_ops; i++)
        check_operator(options.domains[0]->ops[i], &options);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        const OrtCustomOp *op = ort_op(&options, some[i].name);
        ck_assert_msg(op != NULL && op->GetOutputType(op, 0) == some[i].type, "%s", some[i].name);
    }
    ck_assert_ptr_null(ort_op(&options, "Lookup_16"));
    ck_assert_ptr_null(ort_op(&options, "LookupFloat16_8"));
}
END_TEST

/* --- attributes and types --------------------------------------------------------------------- */

static void
infer(ort_case *c, OrtShapeInferContext *context)
{
    context->node = &c->node;
    context->has_result = false;
    ck_assert_ptr_null(c->op->InferOutputShapeFn(c->op, context));
    ort_expect_clean();
}

static void
expect_no_kernel(ort_case *c, const char *part)
{
    ort_expect(ort_case_create(c), part);
    ck_assert_ptr_null(c->kernel);
    ort_expect_clean();
}

START_TEST(attributes_that_are_missing_or_no_integers)
{
    static const char *const names[] = {"bits",        "block",       "width",
                                        "stored_type", "index_depth", "index_rank"};
    const bool is_inferred[] = {false, false, true, false, true, true};
    ort_case c;

    ort_case_open(&c, 3, 4);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        OrtOpAttr *attribute = ort_case_attribute(&c, names[i]);
        const OrtOpAttr good = *attribute;
        OrtShapeInferContext context = {.inputs[INDICES] = {.rank = 1, .dims = {7}}};
        attribute->name = "other";
        expect_no_kernel(&c, "no attribute of that name");
        infer(&c, &context);
        ck_assert(context.has_result == !is_inferred[i]);
        *attribute = good;
        attribute->type = (ort_attribute)3;
        expect_no_kernel(&c, "no integer");
        infer(&c, &context);
        ck_assert(context.has_result == !is_inferred[i]);
        *attribute = good;
    }
    ort_expect_good(ort_case_create(&c));
    ort_case_close(&c);
}
END_TEST

START_TEST(attributes_that_make_no_sense)
{
    static const struct {
        const char *name;
        int64_t value;
        const char *says;
    } cases[] = {
        {"bits", -1, "bits -1"},
        {"bits", 0, "bits"},
        {"bits", 3, "bits"},
        {"bits", 9, "bits 9"},
        {"bits", INT64_MIN, "bits -9223372036854775808"},
        {"bits", ((int64_t)1 << 32) + 8, "bits 4294967304"},
        {"block", -16, "block -16"},
        {"block", 1, "block"},
        {"block", 7, "block"},
        {"block", 512, "block 512"},
        {"block", ((int64_t)1 << 32) + 16, "block 4294967312"},
        {"width", 0, "width 0"},
        {"width", -4, "width -4"},
        {"width", INT64_MIN, "width -9223372036854775808"},
        {"width", INT64_MAX, "fewer than 2^60"},
        {"stored_type", 0, "stored_type 0"},
        {"stored_type", 2, "stored_type 2"},
        {"stored_type", INT64_MAX, "stored_type 9223372036854775807"},
        {"stored_type", ((int64_t)1 << 32) + 1, "stored_type 4294967297"},
        {"index_depth", 2, "index_depth is 2"},
        {"index_depth", -1, "index_depth is -1"},
        {"index_depth", INT64_MIN, "index_depth is -9223372036854775808"},
    };
    ort_case c;

    ort_case_open(&c, 3, 4);
    ort_case_fix_tables(&c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OrtOpAttr *attribute = ort_case_attribute(&c, cases[i].name);
        const int64_t good = attribute->value;
        OrtShapeInferContext context = {.inputs[INDICES] = {.rank = 1, .dims = {7}}};
        attribute->value = cases[i].value;
        expect_no_kernel(&c, cases[i].says);
        infer(&c, &context);
        if (context.has_result) ck_assert_int_ge(context.result.dims[1], 1);
        attribute->value = good;
    }
    ort_expect_good(ort_case_create(&c));
    ort_case_close(&c);
}
END_TEST

START_TEST(types_of_operands_when_a_session_is_made)
{
    static const bool is_good[N_OPERANDS][24] = {
        [CODES] = {[ORT_ELEMENT_UINT8] = true},
        [SCALES] = {[ORT_ELEMENT_FLOAT] = true, [ORT_ELEMENT_FLOAT16] = true},
        [ZERO_POINTS] = {[ORT_ELEMENT_UINT8] = true, [ORT_ELEMENT_FLOAT] = true},
        [INDICES] = {[ORT_ELEMENT_INT32] = true, [ORT_ELEMENT_INT64] = true}};
    char says[40];
    ort_case c;

    ort_case_open(&c, 3, 4);
    for (size_t i = 0; i < N_OPERANDS; i++) {
        OrtTypeInfo *input = &c.node.inputs[i];
        const OrtTypeInfo good = *input;
        for (int type = -1; type < 24; type++) {
            if (type >= 0 && is_good[i][type]) continue;
            input->tensor.type = (ort_element)type;
            snprintf(says, sizeof says, "operand %zu has element type %d", i, type);
            expect_no_kernel(&c, says);
        }
        *input = good;
        input->is_no_tensor = true;
        snprintf(says, sizeof says, "operand %zu is no tensor", i);
        expect_no_kernel(&c, says);
        *input = good;
    }
    ort_expect_good(ort_case_create(&c));
    ort_case_close(&c);
}
END_TEST

START_TEST(types_of_operands_in_a_run)
{
    char says[40];
    ort_case c;

    ort_case_open(&c, 3, 4);
    ort_expect_good(ort_case_create(&c));
    for (size_t i = 0; i < N_OPERANDS; i++) {
        ort_element *type = &c.operands[i].info.type;
        const ort_element good = *type;
        *type = good == ORT_ELEMENT_INT64 ? ORT_ELEMENT_INT32 : ORT_ELEMENT_FLOAT16;
        snprintf(says, sizeof says, "operand %zu has element type %d", i, (int)*type);
        ort_expect(ort_case_run(&c), says);
        ort_expect_clean();
        *type = good;
    }
    ort_expect_good(ort_case_run(&c));
    ck_assert(ort_case_is_right(&c));
    ort_case_close(&c);
}
END_TEST

/* --- shapes ----------------------------------------------------------------------------------- */

typedef struct wrong_shape {
    size_t operand, rank;
    int64_t dims[3];
    const char *says;
} wrong_shape;

static const wrong_shape wrong_shapes[] = {
    {CODES, 0, {0}, "the codes do not have the shape"},
    {CODES, 1, {5}, "the codes do not have the shape"},
    {CODES, 3, {5, 1, 4}, "the codes do not have the shape"},
    {CODES, 2, {5, 3}, "the codes do not have the shape"},
    {CODES, 2, {5, 0}, "the codes do not have the shape"},
    {CODES, 2, {-5, 4}, "the codes do not have the shape"},
    {CODES, 2, {5, -4}, "the codes do not have the shape"},
    {CODES, 2, {INT64_MIN, 4}, "the codes do not have the shape"},
    {CODES, 2, {HUGE_DIM, 4}, "the scales do not have the shape"},
    {CODES, 64, {0}, "the codes do not have the shape"},
    {CODES, 65, {0}, "rank 65"},
    {CODES, FAKE_MAX_RANK, {0}, "rank 80"},
    {SCALES, 0, {0}, "the scales do not have the shape"},
    {SCALES, 1, {5}, "the scales do not have the shape"},
    {SCALES, 2, {4, 1}, "the scales do not have the shape"},
    {SCALES, 2, {0, 1}, "the scales do not have the shape"},
    {SCALES, 2, {5, 2}, "the scales do not have the shape"},
    {SCALES, 2, {-5, 1}, "the scales do not have the shape"},
    {SCALES, 2, {HUGE_DIM, 1}, "the scales do not have the shape"},
    {ZERO_POINTS, 2, {6, 1}, "the zero points do not have the shape"},
    {ZERO_POINTS, 2, {5, 0}, "the zero points do not have the shape"},
    {ZERO_POINTS, 3, {5, 1, 1}, "the zero points do not have the shape"},
};

static void
spoil(ort_case *c, const wrong_shape *w)
{
    OrtTensorTypeAndShapeInfo *info = &c->operands[w->operand].info;

    info->rank = w->rank;
    for (size_t k = 0; k < w->rank; k++)
        info->dims[k] = k < 3 ? w->dims[k] : 1;
}

/* Of constants when the session is made, else in the run; never are the data looked at. */
START_TEST(shapes_of_tables)
{
    for (size_t i = 0; i < sizeof wrong_shapes / sizeof *wrong_shapes; i++) {
        const wrong_shape *w = &wrong_shapes[i];
        ort_case c;
        ort_case_open(&c, 5, 4);
        ort_expect_good(ort_case_create(&c));
        spoil(&c, w);
        ort_expect(ort_case_run(&c), w->says);
        c.op->KernelDestroy(c.kernel);
        c.kernel = NULL;
        ort_case_fix_tables(&c);
        expect_no_kernel(&c, w->says);
        ort_case_close(&c);
    }
}
END_TEST

/* Blocks have a shape of three dimensions, and the number of groups is one of them. */
START_TEST(shapes_of_tables_in_blocks)
{
    static const int64_t groups[] = {3, 1, 0, -2, INT64_MIN, HUGE_DIM};

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        const int64_t codes[] = {5, groups[i], 16}, by_block[] = {5, 2, 1};
        ort_case c;
        ort_case_open(&c, 5, 4);
        ort_case_attribute(&c, "width")->value = 20;
        ort_case_attribute(&c, "block")->value = 16;
        ort_case_set(&c, CODES, ORT_ELEMENT_UINT8, 3, codes, 0);
        ort_case_set(&c, SCALES, ORT_ELEMENT_FLOAT, 3, by_block, 0);
        ort_case_set(&c, ZERO_POINTS, ORT_ELEMENT_UINT8, 3, by_block, 0);
        ort_expect_good(ort_case_create(&c));
        ort_expect(ort_case_run(&c), "the codes do not have the shape");
        ort_expect_clean();
        ort_case_close(&c);
    }
}
END_TEST

typedef struct index_shape {
    int64_t depth;
    size_t rank;
    int64_t dims[4];  /* further ones are 1 */
    const char *says; /* NULL: no error */
    int64_t count;    /* rows looked up */
} index_shape;

static const index_shape index_shapes[] = {
    {0, 0, {0}, NULL, 1},
    {0, 3, {2, 1, 3}, NULL, 6},
    {1, 1, {1}, NULL, 1},
    {1, 2, {6, 1}, NULL, 6},
    {0, 1, {0}, NULL, 0},
    {0, 2, {3, 0}, NULL, 0},
    {1, 2, {0, 1}, NULL, 0},
    {0, 3, {HUGE_DIM, HUGE_DIM, 0}, NULL, 0},
    {0, 63, {1, 2, 1, 1}, NULL, 2},
    {1, 64, {2, 1, 1, 1}, NULL, 2},
    {1, 0, {0}, "the indices have rank 0", 0},
    {0, 64, {1, 1, 1, 1}, "the indices have rank 64", 0},
    {0, 65, {1, 1, 1, 1}, "rank 65", 0},
    {1, 65, {1, 1, 1, 1}, "rank 65", 0},
    {1, 1, {3}, "the last dimension of the indices is 3, not 1", 0},
    {1, 2, {2, 0}, "the last dimension of the indices is 0, not 1", 0},
    {1, 2, {2, -1}, "dimensions that no tensor has", 0},
    {0, 1, {-1}, "dimensions that no tensor has", 0},
    {0, 2, {-2, -3}, "dimensions that no tensor has", 0},
    {0, 2, {0, -3}, "dimensions that no tensor has", 0},
    {0, 2, {INT64_MIN, 2}, "dimensions that no tensor has", 0},
    {0, 2, {HUGE_DIM, 4}, "dimensions that no tensor has", 0},
    {0, 3, {(int64_t)1 << 32, (int64_t)1 << 32, 1}, "dimensions that no tensor has", 0},
    {0, 2, {(int64_t)1 << 31, (int64_t)1 << 31}, "no memory for the output", 0},
    {0, 1, {INT64_MAX}, "no memory for the output", 0},
};

static void
set_index_shape(ort_case *c, const index_shape *s)
{
    int64_t dims[FAKE_MAX_RANK];

    for (size_t k = 0; k < FAKE_MAX_RANK; k++)
        dims[k] = k < 4 ? s->dims[k] : 1;
    int64_t *indices = (int64_t *)ort_case_set(c, INDICES, ORT_ELEMENT_INT64, s->rank, dims,
                                               (size_t)s->count * sizeof *indices);
    for (int64_t i = 0; i < s->count; i++)
        indices[i] = i % 2 == 0 ? 1 : -2;
}

/* The result has the dimensions of the indices, one less at a depth of 1, and that of a row. */
static void
check_result(const ort_case *c, const index_shape *s)
{
    const OrtTensorTypeAndShapeInfo *in = &c->operands[INDICES].info,
                                    *out = &c->context.output.info;
    const float *values = c->context.output.data;
    const size_t rank = in->rank - (size_t)s->depth;

    ck_assert_uint_eq(out->rank, rank + 1);
    ck_assert_int_eq(out->dims[rank], c->width);
    for (size_t k = 0; k < rank; k++)
        ck_assert_int_eq(out->dims[k], in->dims[k]);
    for (int64_t i = 0; i < s->count * c->width; i++) {
        const int64_t row = i / c->width % 2 == 0 ? 1 : c->n_rows - 2;
        ck_assert(values[i] == case_answer(row, i % c->width));
    }
}

START_TEST(shapes_of_indices)
{
    for (size_t i = 0; i < sizeof index_shapes / sizeof *index_shapes; i++) {
        const index_shape *s = &index_shapes[i];
        ort_case c;
        ort_case_open(&c, 5, 4);
        ort_case_attribute(&c, "index_depth")->value = s->depth;
        set_index_shape(&c, s);
        ort_expect_good(ort_case_create(&c));
        OrtStatus *status = ort_case_run(&c);
        if (s->says != NULL) {
            ort_expect(status, s->says);
        } else {
            ort_expect_good(status);
            check_result(&c, s);
        }
        ort_expect_clean();
        ort_case_close(&c);
    }
}
END_TEST

/* --- nothing ---------------------------------------------------------------------------------- */

START_TEST(tables_of_no_rows)
{
    for (int is_fixed = 0; is_fixed < 2; is_fixed++) {
        ort_case c;
        ort_case_open(&c, 0, 4);
        ort_case_set_indices(&c, 0);
        if (is_fixed) ort_case_fix_tables(&c);
        ort_expect_good(ort_case_create(&c));
        ort_expect_good(ort_case_run(&c));
        ck_assert(ort_case_is_right(&c));
        static const int64_t wrong[] = {0, -1, INT64_MAX, INT64_MIN};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            char says[80];
            ort_case_set_indices(&c, 1)[0] = wrong[i];
            snprintf(says, sizeof says, "index 0 is %lld, and the table has 0 rows",
                     (long long)wrong[i]);
            ort_expect(ort_case_run(&c), says);
            fake_context_clear(&c.context);
        }
        ort_case_close(&c);
    }
}
END_TEST

START_TEST(operands_and_results_that_are_not_there)
{
    char says[40];
    ort_case c;

    for (int is_fixed = 0; is_fixed < 2; is_fixed++) {
        ort_case_open(&c, 5, 4);
        if (is_fixed) ort_case_fix_tables(&c);
        ort_expect_good(ort_case_create(&c));
        for (size_t i = 0; i < N_OPERANDS; i++) {
            c.context.inputs[i] = NULL;
            snprintf(says, sizeof says, "operand %zu is missing", i);
            ort_expect(ort_case_run(&c), says);
            c.context.inputs[i] = &c.operands[i];
        }
        c.context.has_no_output = true;
        ort_expect(ort_case_run(&c), "no place for the result");
        ort_expect_clean();
        ort_case_close(&c);
    }
}
END_TEST

/* --- the shape of the result, when a model is loaded ------------------------------------------ */

typedef struct inference {
    int64_t depth, index_rank;
    OrtTensorTypeAndShapeInfo indices;
    bool is_told;
    size_t rank;
    int64_t dims[3];
} inference;

static const inference inferences[] = {
    {0, 1, {.rank = 1, .dims = {7}}, true, 2, {7, 4}},
    {0, 2, {.rank = 2, .dims = {-1, 7}, .names = {"batch", ""}}, true, 3, {-1, 7, 4}},
    {0, 2, {.rank = 2, .dims = {-1, 7}, .names = {NULL, NULL}}, false, 0, {0}},
    {0, 2, {.rank = 2, .dims = {3, 7}, .names = {NULL, NULL}}, true, 3, {3, 7, 4}},
    {0, 1, {.rank = 1, .dims = {-1}, .names = {""}}, false, 0, {0}},
    {0, 1, {.rank = 1, .dims = {INT64_MIN}, .names = {""}}, false, 0, {0}},
    {0, 0, {.rank = 0}, true, 1, {4}},
    {0, -1, {.rank = 0}, false, 0, {0}},
    {0, 2, {.rank = 0}, false, 0, {0}},
    {1, 0, {.rank = 0}, false, 0, {0}},
    {1, 1, {.rank = 1, .dims = {1}}, true, 1, {4}},
    {1, 2, {.rank = 2, .dims = {-1, 1}, .names = {"n", ""}}, true, 2, {-1, 4}},
    {2, 2, {.rank = 2, .dims = {3, 3}}, false, 0, {0}},
    {-1, 2, {.rank = 2, .dims = {3, 3}}, false, 0, {0}},
    {INT64_MIN, 2, {.rank = 2, .dims = {3, 3}}, false, 0, {0}},
    {0, 64, {.rank = 64}, false, 0, {0}},
    {1, 64, {.rank = 64}, false, 0, {0}},
    {0, 65, {.rank = 65}, false, 0, {0}},
    {0, 80, {.rank = 80}, false, 0, {0}},
};

START_TEST(inference_tells_what_is_known)
{
    ort_case c;

    ort_case_open(&c, 5, 4);
    for (size_t i = 0; i < sizeof inferences / sizeof *inferences; i++) {
        const inference *n = &inferences[i];
        OrtShapeInferContext context = {.inputs[INDICES] = n->indices};
        ort_case_attribute(&c, "index_depth")->value = n->depth;
        ort_case_attribute(&c, "index_rank")->value = n->index_rank;
        infer(&c, &context);
        ck_assert_msg(context.has_result == n->is_told, "case %zu", i);
        if (!n->is_told) continue;
        ck_assert_int_eq(context.result.type, ORT_ELEMENT_FLOAT);
        ck_assert_uint_eq(context.result.rank, n->rank);
        for (size_t k = 0; k < n->rank; k++) {
            const char *given = k + 1 < n->rank ? n->indices.names[k] : NULL;
            ck_assert_int_eq(context.result.dims[k], n->dims[k]);
            ck_assert_str_eq(context.result.names[k], given != NULL ? given : "");
        }
    }
    ort_case_close(&c);
}
END_TEST

/* --- threads ---------------------------------------------------------------------------------- */

enum { N_MANY = 20000 };

typedef struct pool_case {
    fake_pool pool;
    size_t n_threads;
} pool_case;

static const pool_case pools[] = {
    {FAKE_POOL_IN_ORDER, 1}, {FAKE_POOL_BACKWARDS, 1}, {FAKE_POOL_THREADS, 1},
    {FAKE_POOL_THREADS, 2},  {FAKE_POOL_THREADS, 3},   {FAKE_POOL_THREADS, 8},
    {FAKE_POOL_THREADS, 61}, {FAKE_POOL_HALF, 1},
};

/* Whoever does the parts, and if the runtime does only some of them, the result is the same. */
START_TEST(any_number_of_threads)
{
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        ort_case c;
        ort_case_open(&c, 300, 64);
        ort_case_set_indices(&c, N_MANY);
        ort_expect_good(ort_case_create(&c));
        c.context.pool = pools[i].pool;
        c.context.n_threads = pools[i].n_threads;
        ort_expect_good(ort_case_run(&c));
        ck_assert(ort_case_is_right(&c));
        ck_assert_uint_gt(c.context.n_parts, 8); /* or this shows nothing */
        ort_expect_clean();
        ort_case_close(&c);
    }
}
END_TEST

/* The first in order is told, whichever thread met one first; the kernel can be used further. */
START_TEST(a_wrong_index_is_told_by_any_number_of_threads)
{
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        ort_case c;
        ort_case_open(&c, 300, 64);
        int64_t *indices = ort_case_set_indices(&c, N_MANY);
        ort_expect_good(ort_case_create(&c));
        c.context.pool = pools[i].pool;
        c.context.n_threads = pools[i].n_threads;
        indices[N_MANY - 1] = 300;
        indices[N_MANY / 2] = -301;
        indices[N_MANY / 2 + 1] = INT64_MIN;
        ort_expect(ort_case_run(&c), "index 10000 is -301, and the table has 300 rows");
        ort_expect_clean();
        fake_context_clear(&c.context);
        ort_case_set_indices(&c, N_MANY);
        ort_expect_good(ort_case_run(&c));
        ck_assert(ort_case_is_right(&c));
        ort_case_close(&c);
    }
}
END_TEST

/* No part is made for a few lookups, so the runtime's threads are not asked. */
START_TEST(a_few_lookups_ask_for_no_threads)
{
    ort_case c;

    ort_case_open(&c, 300, 64);
    ort_expect_good(ort_case_create(&c));
    ort_expect_good(ort_case_run(&c));
    ck_assert(ort_case_is_right(&c));
    ck_assert_uint_eq(c.context.n_parts, 0);
    ort_case_close(&c);
}
END_TEST

/* --- all -------------------------------------------------------------------------------------- */

static void
add_tests(TCase *t)
{
    tcase_add_test(t, a_runtime_that_is_too_old_is_told_so);
    tcase_add_test(t, threads_may_register_at_once);
    tcase_add_test(t, unloading_gives_back_the_domains_of_all_runtimes);
    tcase_add_test(t, operators_describe_themselves);
    tcase_add_test(t, attributes_that_are_missing_or_no_integers);
    tcase_add_test(t, attributes_that_make_no_sense);
    tcase_add_test(t, types_of_operands_when_a_session_is_made);
    tcase_add_test(t, types_of_operands_in_a_run);
    tcase_add_test(t, shapes_of_tables);
    tcase_add_test(t, shapes_of_tables_in_blocks);
    tcase_add_test(t, shapes_of_indices);
    tcase_add_test(t, tables_of_no_rows);
    tcase_add_test(t, operands_and_results_that_are_not_there);
    tcase_add_test(t, inference_tells_what_is_known);
    tcase_add_test(t, any_number_of_threads);
    tcase_add_test(t, a_wrong_index_is_told_by_any_number_of_threads);
    tcase_add_test(t, a_few_lookups_ask_for_no_threads);
}

int
main(void)
{
    Suite *suite = suite_create("ort_hostile");
    TCase *tcase = tcase_create("ort");

    tcase_set_timeout(tcase, 60);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
