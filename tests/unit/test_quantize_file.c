/* test_quantize_file.c - one file to another, with everything that can fail failing once.
 *
 * What a run writes is checked elsewhere, by programs that are not ours (tests/conformance). Here:
 * a failure is one error and leaves no file; success leaves exactly one, whatever failed without
 * harm.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/quantize_file.h"
#include "support/fault.h"
#include "support/scratch.h"
#include "support/suite.h"

static const char model[] =
    "<ir_version: 8, opset_import: [\"\" : 17]>\n"
    "g (int64[N] i, bool b) => (float[N,5] y, float16[N,4] z)\n"
    "<float[2,5] W = {0,1,2,14,15, -1,0,1,2,3}, float16[1,4] H = {0,15360,16384,23544}>\n"
    "{ c = Identity(W) y = Gather(c, i) z = Gather(H, i) }\n";

/* Both say: W and H in 4 bits, and a result that nothing lowers yet. */
static const char annotations[] =
    "quire-annotations 1\n"
    "W u4 axis=0 affine zp=int observer=mse by tables\n"
    "z<-0 = W by tables\n"
    "y i8 tensor affine zp=int observer=histogram by static !3 noshare\n";
static const char rules[] =
    "{\"format_version\": 1, \"rules\": [\n"
    "{\"select\": \"tensor:W and initializer\", \"spec\": \"u4 axis=0 affine zp=int\"},\n"
    "{\"select\": \"op:Gather and tensor:H\", \"spec\": \"u4 axis=0 affine zp=int\"},\n"
    "{\"select\": \"op:Gather and result\", \"spec\": \"i8 tensor affine zp=int\"}]}\n";

static const char recipe[] = "{\"format_version\": 1, \"quantizers\": [\n"
                             "{\"name\": \"embedding\", \"options\": {\"bits-for\": \"*=4\"}}]}\n";

static scratch dir;
static char input[128], output[128], text_path[128], rules_path[128], recipe_path[128];
static char report[1 << 14];

enum { N_FILES = 4 }; /* of a test that has not written anything */

static void
setup(void)
{
    dir = scratch_create();
    scratch_write(&dir, "in.onnx", model, strlen(model));
    scratch_write(&dir, "a.txt", annotations, strlen(annotations));
    scratch_write(&dir, "r.json", rules, strlen(rules));
    snprintf(input, sizeof input, "%s", scratch_path(&dir, "in.onnx"));
    snprintf(text_path, sizeof text_path, "%s", scratch_path(&dir, "a.txt"));
    snprintf(rules_path, sizeof rules_path, "%s", scratch_path(&dir, "r.json"));
    scratch_write(&dir, "q.json", recipe, strlen(recipe));
    snprintf(recipe_path, sizeof recipe_path, "%s", scratch_path(&dir, "q.json"));
    snprintf(output, sizeof output, "%s", scratch_path(&dir, "out.onnx"));
}

static void
teardown(void)
{
    scratch_remove(&dir);
}

static void
take_report(void *data, const char *text, size_t len)
{
    ++*(unsigned *)data;
    ck_assert_uint_lt(len, sizeof report);
    memcpy(report, text, len);
    report[len] = '\0';
}

static const quire_bits_for every = {.glob = "*", .bits = 4};

static quire_quantize_options
options_for(unsigned *n_reports)
{
    quire_quantize_options o = QUIRE_QUANTIZE_OPTIONS_INIT;
    o.input = input;
    o.output = output;
    o.bits_for = &every;
    o.n_bits_for = 1;
    o.report = take_report;
    o.report_data = n_reports;
    return o;
}

enum { BY_OPTIONS, BY_TEXT, BY_RULES, BY_RECIPE, N_SOURCES };

static quire_quantize_options
options_from(int source, unsigned *n_reports)
{
    quire_quantize_options o = options_for(n_reports);
    if (source == BY_OPTIONS) return o;
    o.n_bits_for = 0;
    o.annotations = source == BY_TEXT ? text_path : NULL;
    o.rules = source == BY_RULES ? rules_path : NULL;
    o.recipe = source == BY_RECIPE ? recipe_path : NULL;
    return o;
}

START_TEST(writes_and_reports)
{
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    quire_quantize_result result = {.size = sizeof result};
    o.report_format = QUIRE_FORMAT_JSON;
    ck_assert_int_eq(quire_quantize_file(&o, &result), QUIRE_OK);
    ck_assert_uint_eq(result.n_tables, 2);
    ck_assert_uint_eq(result.n_skipped, 0);
    ck_assert_uint_eq(n_reports, 1);
    ck_assert_int_eq(report[0], '{');
    size_t n;
    unsigned char *written = scratch_read(&dir, "out.onnx", &n);
    ck_assert_uint_eq(result.output_bytes, n);
    free(written);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES + 1);
}
END_TEST

/* The same figures, no file. */
START_TEST(dry_run)
{
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    quire_quantize_result wet = {.size = sizeof wet}, dry = {.size = sizeof dry};
    o.dry_run = 1;
    o.output = NULL;
    ck_assert_int_eq(quire_quantize_file(&o, &dry), QUIRE_OK);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES);
    o.dry_run = 0;
    o.output = output;
    ck_assert_int_eq(quire_quantize_file(&o, &wet), QUIRE_OK);
    ck_assert_mem_eq(&wet, &dry, sizeof wet);
}
END_TEST

START_TEST(nothing_to_do)
{
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    quire_quantize_result result = {.size = sizeof result};
    o.n_bits_for = 0;
    ck_assert_int_eq(quire_quantize_file(&o, &result), QUIRE_NONE);
    ck_assert_uint_eq(result.n_skipped, 2);
    ck_assert_uint_eq(n_reports, 1);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES);
    o.allow_empty = 1;
    ck_assert_int_eq(quire_quantize_file(&o, &result), QUIRE_OK);
    ck_assert_uint_eq(result.input_bytes, result.output_bytes);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES + 1);
}
END_TEST

START_TEST(stops_when_asked)
{
    static const volatile int stop = 1;
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    o.canceled = &stop;
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_E_CANCELED);
    ck_assert_uint_eq(n_reports, 0);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES);
}
END_TEST

START_TEST(annotations_decide)
{
    unsigned n_reports = 0;
    quire_quantize_options o = options_from(_i, &n_reports);
    quire_quantize_result result = {.size = sizeof result};
    o.report_format = QUIRE_FORMAT_JSON;
    ck_assert_int_eq(quire_quantize_file(&o, &result), QUIRE_OK);
    ck_assert_uint_eq(result.n_tables, 2);
    ck_assert_ptr_nonnull(
        strstr(report, _i == BY_TEXT ? "\"source\": \"annotations\"" : "\"source\": \"rules\""));
    ck_assert_ptr_nonnull(strstr(report, "no-lowering"));
}
END_TEST

static void
expect_usage(quire_quantize_options *o, const char *says)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    ck_assert_int_eq(quire_quantize_run(&ctx, o, NULL), QUIRE_E_USAGE);
    ck_assert_uint_eq(log.n_errors, 1);
    ck_assert_msg(strstr(log.message, says) != NULL, "%s", log.message);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES);
}

/* Two sources, or a member about tables beside annotations: also one that only says its default. */
START_TEST(one_source)
{
    const char *glob = "*";
    unsigned n_reports = 0;
    quire_quantize_options o = options_from(BY_TEXT, &n_reports);
    o.rules = rules_path;
    expect_usage(&o, "both");
    o.rules = NULL;
    o.table_option = "--bits";
    expect_usage(&o, "--bits");
    o.table_option = NULL;
    const quire_quantize_options plain = o;
    o.bits = 4;
    expect_usage(&o, "bits");
    o = plain, o.block = 16;
    expect_usage(&o, "block");
    o = plain, o.zero_point_float = 1;
    expect_usage(&o, "zero_point_float");
    o = plain, o.scale_f16 = 1;
    expect_usage(&o, "scale_f16");
    o = plain, o.search = 1;
    expect_usage(&o, "search");
    o = plain, o.min_elements = 1;
    expect_usage(&o, "min_elements");
    o = plain, o.only = &glob, o.n_only = 1;
    expect_usage(&o, "only");
    o = plain, o.skip = &glob, o.n_skip = 1;
    expect_usage(&o, "skip");
    o = plain, o.n_bits_for = 1;
    expect_usage(&o, "bits_for");
    o = plain, o.min_sqnr = 20;
    expect_usage(&o, "min_sqnr");
    o = plain, o.recipe = recipe_path;
    expect_usage(&o, "a file of annotations and a recipe");
    o.annotations = NULL, o.table_option = "--bits";
    expect_usage(&o, "--bits and a recipe");
}
END_TEST

/* The file, and all that is told but its own name. */
START_TEST(options_do_what_their_recipe_does)
{
    unsigned n_reports = 0;
    size_t n_by_options, n_by_recipe;
    quire_quantize_options o = options_from(BY_OPTIONS, &n_reports);
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_OK);
    unsigned char *by_options = scratch_read(&dir, "out.onnx", &n_by_options);
    o = options_from(BY_RECIPE, &n_reports);
    o.report_format = QUIRE_FORMAT_JSON;
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_OK);
    unsigned char *by_recipe = scratch_read(&dir, "out.onnx", &n_by_recipe);
    ck_assert_uint_eq(n_by_options, n_by_recipe);
    ck_assert_mem_eq(by_options, by_recipe, n_by_recipe);
    ck_assert_ptr_nonnull(strstr(report, "\"source\": \"quantizers\""));
    free(by_options);
    free(by_recipe);
}
END_TEST

/* Steps of 1/3 keep {0,1,2,14,15} and {-1,0,1,2,3} badly in 2 bits; 8 bits keep any table 40 dB. */
START_TEST(min_sqnr_raises_bits)
{
    const quire_bits_for two = {.glob = "W", .bits = 2};
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    o.bits_for = &two;
    o.report_format = QUIRE_FORMAT_JSON;
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_OK);
    ck_assert_ptr_nonnull(strstr(report, "\"bits\": 2"));
    o.min_sqnr = 40;
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_OK);
    ck_assert_ptr_null(strstr(report, "\"bits\": 2"));
    o.size = (uint32_t)offsetof(quire_quantize_options, min_sqnr); /* a program of before */
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_OK);
    ck_assert_ptr_nonnull(strstr(report, "\"bits\": 2"));
}
END_TEST

START_TEST(values_are_checked)
{
    const double wrong[] = {-1, 1000.5, (double)NAN};
    const quire_bits_for nothing = {.glob = "", .bits = 4};
    const char *glob = "";
    unsigned n_reports = 0;
    quire_quantize_options o = options_for(&n_reports);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.min_sqnr = wrong[i];
        expect_usage(&o, "min_sqnr");
    }
    o = options_for(&n_reports), o.skip = &glob, o.n_skip = 1;
    expect_usage(&o, "--skip \"\"");
    o = options_for(&n_reports), o.bits_for = &nothing;
    expect_usage(&o, "--bits-for \"\"");
}
END_TEST

START_TEST(nothing_is_written_over_the_recipe)
{
    unsigned n_reports = 0;
    quire_quantize_options o = options_from(BY_RECIPE, &n_reports);
    o.output = recipe_path;
    expect_usage(&o, "recipe");
}
END_TEST

/* After a run: a failure left nothing and was told once, a success wrote the file. */
static void
check_run(quire_status status, const fault_log *log, unsigned n_reports)
{
    const bool done = status == QUIRE_OK;
    ck_assert_uint_eq(log->n_errors, done ? 0 : 1);
    ck_assert_uint_eq(n_reports, done ? 1 : 0);
    ck_assert_uint_eq(scratch_count(&dir), N_FILES + (done ? 1 : 0));
    if (done) remove(output);
}

START_TEST(out_of_memory)
{
    for (size_t n = 1;; n++) {
        unsigned n_reports = 0;
        const quire_quantize_options o = options_from(_i / 2, &n_reports);
        fault_alloc fault;
        fault_log log = {0};
        fault_alloc_init(&fault, n, _i % 2 == 1);
        quire_ctx ctx = fault_ctx(&fault, NULL, &log);
        const quire_status status = quire_quantize_run(&ctx, &o, NULL);
        check_run(status, &log, n_reports);
        ck_assert_msg(fault_alloc_is_clean(&fault), "allocation %zu", n);
        if (fault.n_failed == 0) break;
    }
}
END_TEST

START_TEST(file_operations_fail)
{
    for (size_t n = 1;; n++) {
        unsigned n_reports = 0;
        const quire_quantize_options o = options_from(_i / 2, &n_reports);
        fault_io fault;
        fault_log log = {0};
        fault_io_init(&fault, n, _i % 2 == 1, 5 /* EIO */);
        /* What fails while tidying up is not seen from outside. */
        fault.ops = FAULT_ALL & ~(1u << FAULT_UNLINK | 1u << FAULT_CLOSE);
        quire_ctx ctx = fault_ctx(NULL, &fault, &log);
        const quire_status status = quire_quantize_run(&ctx, &o, NULL);
        check_run(status, &log, n_reports);
        ck_assert_msg(fault_io_is_clean(&fault), "operation %zu", n);
        if (fault.n_failed == 0) break;
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("quantize_file");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, writes_and_reports);
    tcase_add_test(tcase, dry_run);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, stops_when_asked);
    tcase_add_loop_test(tcase, annotations_decide, BY_TEXT, BY_RECIPE);
    tcase_add_test(tcase, options_do_what_their_recipe_does);
    tcase_add_test(tcase, min_sqnr_raises_bits);
    tcase_add_test(tcase, values_are_checked);
    tcase_add_test(tcase, nothing_is_written_over_the_recipe);
    tcase_add_test(tcase, one_source);
    tcase_add_loop_test(tcase, out_of_memory, 0, 2 * N_SOURCES);
    tcase_add_loop_test(tcase, file_operations_fail, 0, 2 * N_SOURCES);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
