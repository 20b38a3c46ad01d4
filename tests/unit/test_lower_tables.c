/* test_lower_tables.c - quantize-tables, lower-tables and sweep on small models.
 *
 * Codes, scales and zero points are worked out by hand from the formulas (docs/lowering.md). That
 * the lowered graph computes what it should is for the runtime to say: tests/conformance.
 */
#include "graph/layer.h"
#include "graph/tensor.h"
#include "plugin/quantize_file.h"
#include "unit/table_case.h"

#define TO_LOWERED "find-tables,annotate-tables,quantize-tables,lower-tables"
#define TO_SWEPT   TO_LOWERED ",sweep"

/* Row 0: scale 1, zero point 0. Row 1: scale 1, zero point 1. Row 2: all zero. Row 3: scale 2, zero
 * point 128. */
#define TABLE_BYTES "float[4,4] W = {0,1,2,255, -1,0,1,254, 0,0,0,0, -256,0,2,254}"
/* One row for 4 bits: scale 1, zero point 0; five columns, so three bytes. */
#define TABLE_NIBBLES "float[1,5] W = {0,1,2,14,15}"

static void
lower(table_case *c, const char *passes)
{
    const quire_status status = table_case_run(c, passes);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", c->log.path, c->log.message);
}

static void
name_all(table_case *c, uint32_t bits)
{
    static quire_bits_for every;
    every = (quire_bits_for){.glob = "*", .bits = bits};
    c->options.bits_for = &every;
    c->options.n_bits_for = 1;
}

/* Operators of the main graph but Constants, in order. */
static const char *
operators(const table_case *c)
{
    static char text[1024];
    const quire_model *m = c->run.model;
    text[0] = '\0';
    for (quire_node n = quire_graph_at(m, m->main)->first; n.id != 0;
         n = quire_node_at(m, n)->next) {
        const quire_bytes type = quire_sym_bytes(m, quire_op_at(m, quire_node_at(m, n)->op)->type);
        if (quire_node_kind(m, n) == QUIRE_OP_CONSTANT) continue;
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.*s", used > 0 ? " " : "", (int)type.len,
                 (const char *)type.ptr);
    }
    return text;
}

/* The initializer of the main graph called `name`; 0 if there is none. */
static quire_tensor
initializer(const table_case *c, const char *name)
{
    const quire_graph_rec *g = quire_graph_at(c->run.model, c->run.model->main);
    for (size_t k = 0; k < g->n_inits; k++) {
        const quire_tensor t = g->inits[k].tensor;
        if (g->inits[k].flags & QUIRE_DEAD) continue;
        if (same_text(quire_sym_bytes(c->run.model, quire_tensor_at(c->run.model, t)->name), name))
            return t;
    }
    return (quire_tensor){0};
}

static void
check_data(table_case *c, const char *name, const void *expected, size_t size)
{
    uint8_t data[256];
    const quire_tensor t = initializer(c, name);
    ck_assert_msg(t.id != 0, "no initializer %s", name);
    ck_assert_uint_le(size, sizeof data);
    ck_assert_int_eq(quire_tensor_read_all(&c->ctx, c->run.model, t, data, size), QUIRE_OK);
    ck_assert_mem_eq(data, expected, size);
}

START_TEST(bytes_by_hand)
{
    static const uint8_t codes[] = {0, 1, 2, 255, 0, 1, 2, 255, 0, 0, 0, 0, 0, 128, 129, 255};
    static const float scales[] = {1, 1, 1, 2};
    static const uint8_t zero_points[] = {0, 1, 0, 128};
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,4] y) <" TABLE_BYTES
                                  "> { y = Gather(W, i) }");
    name_all(&c, 8);
    lower(&c, TO_SWEPT);
    check_data(&c, "W.codes", codes, sizeof codes);
    check_data(&c, "W.scales", scales, sizeof scales);
    check_data(&c, "W.zero_points", zero_points, sizeof zero_points);
    ck_assert_uint_eq(initializer(&c, "W").id, 0);
    const quire_found_table *t = table_case_table(&c, "W");
    ck_assert_uint_eq(t->bytes_before, 64);
    ck_assert_uint_eq(t->bytes_after, 16 + 16 + 4);
    ck_assert(!t->has_worst && t->sum_ee == 0);
    ck_assert_str_eq(operators(&c), "Gather Cast Gather Cast Sub Gather Mul");
    table_case_close(&c);
}
END_TEST

/* Column j is in byte j mod 3, at bit 4 * (j / 3). */
START_TEST(nibbles_by_hand)
{
    static const uint8_t codes[] = {0 | 14 << 4, 1 | 15 << 4, 2};
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES
                                  "> { y = Gather(W, i) }");
    name_all(&c, 4);
    lower(&c, TO_SWEPT);
    check_data(&c, "W.codes", codes, sizeof codes);
    ck_assert_str_eq(operators(&c),
                     "Gather Mod BitShift Concat Slice Cast Gather Cast Sub Gather Mul");
    table_case_close(&c);
}
END_TEST

typedef struct chain {
    const char *model;
    uint32_t bits, block;
    int scale_f16, zero_point_float;
    const char *operators;
} chain;

/* What the graph looks like, by form. Tables of one zero: the text is allowed to repeat none, so
 * widths are small. */
static const chain chains[] = {
    {OPSET(18) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES "> { y = Gather(W, i) }", 4, 0, 0,
     0, "Gather BitwiseAnd BitShift Concat Slice Cast Gather Cast Sub Gather Mul"},
    {OPSET(18) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES "> { y = Gather(W, i) }", 2, 0, 0,
     0,
     "Gather BitwiseAnd BitShift BitwiseAnd BitShift BitwiseAnd Concat Slice Cast Gather Cast Sub "
     "Gather Mul"},
    {OPSET(17) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES "> { y = Gather(W, i) }", 8, 0, 1,
     1, "Gather Cast Gather Sub Gather Cast Mul"},
    {OPSET(17) "g (int64[N,1] i) => (float[N,5] y) <" TABLE_NIBBLES "> { y = GatherND(W, i) }", 8,
     0, 0, 0, "GatherND Cast GatherND Cast Sub GatherND Mul"},
    {OPSET(17) "g (int64[N] i) => (float16[N,5] y) <float16[1,5] W = {0,1,2,14,15}> { y = "
               "Gather(W, i) }",
     8, 0, 0, 0, "Gather Cast Gather Cast Sub Gather Mul Cast"},
    {OPSET(17) "g (int64[N] i) => (float[N,5] y) <float16[1,5] W = {0,1,2,14,15}> { w = Cast<to = "
               "1>(W) y = Gather(w, i) }",
     8, 0, 0, 0, "Gather Cast Gather Cast Sub Gather Mul Cast Cast"},
};

START_TEST(forms)
{
    const chain *f = &chains[_i];
    table_case c;
    table_case_open(&c, f->model);
    name_all(&c, f->bits);
    c.options.block = f->block;
    c.options.scale_f16 = f->scale_f16;
    c.options.zero_point_float = f->zero_point_float;
    lower(&c, TO_SWEPT);
    ck_assert_str_eq(operators(&c), f->operators);
    table_case_close(&c);
}
END_TEST

#define SEVENTEEN "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"
#define BLOCKED(opset, indices, more)                                                              \
    OPSET(opset)                                                                                   \
    "g (" indices ") => (float[] y) <float[1,17] W = {" SEVENTEEN "}> { " more " }"

static const chain blocked[] = {
    {BLOCKED(17, "int64[N] i", "y = Gather(W, i)"), 8, 16, 0, 0,
     "Gather Cast Gather Cast Sub Gather Mul Reshape Slice"},
    {BLOCKED(9, "int64[N] i", "y = Gather(W, i)"), 8, 16, 0, 0,
     "Gather Cast Gather Cast Sub Gather Mul Reshape Slice"},
    {BLOCKED(8, "int64[N] i", "y = Gather(W, i)"), 8, 16, 0, 0,
     "Gather Cast Gather Cast Sub Gather Mul Cast Reshape Slice"},
    {BLOCKED(12, "int64[N] j", "i = Unsqueeze<axes = [-1]>(j) y = GatherND(W, i)"), 8, 16, 0, 0,
     "Unsqueeze GatherND Cast GatherND Cast Sub GatherND Mul Reshape Slice"},
    {BLOCKED(12, "int64[N] j",
             "s = Constant<value = int64[3] {2, -1, 1}>() i = Reshape(j, s) y = GatherND(W, i)"),
     8, 16, 0, 0, "Reshape GatherND Cast GatherND Cast Sub GatherND Mul Reshape Slice"},
    /* A rank that nothing guarantees: shapes are read when the model runs. */
    {BLOCKED(17, "int64[N] j, int64[r] s", "i = Reshape(j, s) y = Gather(W, i)"), 8, 16, 0, 0,
     "Reshape Gather Cast Gather Cast Sub Gather Mul Shape Concat Reshape Slice"},
    {BLOCKED(12, "int64[N] j, int64[r] s",
             "k = Reshape(j, s) i = Unsqueeze<axes = [-1]>(k) y = GatherND(W, i)"),
     8, 16, 0, 0,
     "Reshape Unsqueeze GatherND Cast GatherND Cast Sub GatherND Mul Shape Slice Concat Reshape "
     "Slice"},
    {BLOCKED(10, "int64[N] j, int64[r] s", "i = Reshape(j, s) y = Gather(W, i)"), 8, 16, 0, 0,
     "Reshape Gather Cast Gather Cast Sub Gather Mul Reshape Slice Shape Concat Reshape"},
};

START_TEST(block_forms)
{
    const chain *f = &blocked[_i];
    table_case c;
    table_case_open(&c, f->model);
    name_all(&c, f->bits);
    c.options.block = f->block;
    lower(&c, TO_SWEPT);
    ck_assert_str_eq(operators(&c), f->operators);
    table_case_close(&c);
}
END_TEST

START_TEST(dequantized_target)
{
    table_case c;
    table_case_open(
        &c,
        OPSET(
            17) "g (int64[N] i) => (float[N,5] y, float16[N,5] z) <float16[1,5] W = {0,1,2,14,15}> "
                "{ w = Cast<to = 1>(W) y = Gather<axis = -2>(w, i) z = Gather(W, i) }");
    name_all(&c, 8);
    c.options.target = QUIRE_TARGET_DEQUANTIZED;
    lower(&c, TO_SWEPT);
    ck_assert_str_eq(operators(&c), "Gather Cast Gather");
    ck_assert_uint_ne(initializer(&c, "W.dequantized").id, 0);
    ck_assert_uint_eq(initializer(&c, "W").id, 0);
    ck_assert_uint_eq(initializer(&c, "W.codes").id, 0);
    table_case_close(&c);
}
END_TEST

/* The lookup's name and result live on in the last node; names in use are avoided. */
START_TEST(names)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i, float \"W.codes\", float \"y.centered\") => "
                                  "(float[N,4] y) <" TABLE_BYTES "> { [look] y = Gather(W, i) }");
    name_all(&c, 8);
    lower(&c, TO_SWEPT);
    const quire_model *m = c.run.model;
    const quire_node last = quire_graph_at(m, m->main)->last;
    ck_assert(same_text(quire_sym_bytes(m, quire_node_at(m, last)->name), "look"));
    ck_assert(same_text(quire_value_name(m, quire_node_result(m, last, 0)), "y"));
    ck_assert(same_text(table_case_table(&c, "W")->codes_name, "W.codes.1"));
    ck_assert(same_text(quire_value_name(m, quire_node_input(m, last, 0)), "y.centered.1"));
    ck_assert(table_case_lookup(&c, "y")->lowered);
    table_case_close(&c);
}
END_TEST

/* What was dead before stays; what the run made useless goes, and what only that had read. */
START_TEST(sweep_takes_its_own_only)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (int64[N] i) => (float[N,4] y) <" TABLE_BYTES ", float[1] idle = {7}> "
                      "{ dead = Identity(i) a = Identity(W) b = Identity(a) y = Gather(b, i) }");
    name_all(&c, 8);
    lower(&c, TO_SWEPT);
    ck_assert_str_eq(operators(&c), "Identity Gather Cast Gather Cast Sub Gather Mul");
    ck_assert_uint_ne(initializer(&c, "idle").id, 0);
    ck_assert_uint_eq(initializer(&c, "W").id, 0);
    table_case_close(&c);
}
END_TEST

START_TEST(sweep_keeps_what_is_read)
{
    table_case c;
    table_case_open(
        &c, OPSET(17) "g (int64[N] i, float[4,4] x) => (float[N,4] y, float[4,4] z) <" TABLE_BYTES
                      "> { y = Gather(W, i) z = MatMul(x, W) }");
    name_all(&c, 8);
    lower(&c, TO_SWEPT);
    ck_assert_uint_ne(initializer(&c, "W").id, 0);
    ck_assert_uint_eq(table_case_table(&c, "W")->bytes_after, 64 + 16 + 16 + 4);
    table_case_close(&c);
}
END_TEST

/* Sets the spec of operand 0 of the lookup, as somebody other than annotate-tables would. */
static void
set_spec(table_case *c, const char *lookup, const char *text)
{
    const quire_node n = table_case_lookup(c, lookup)->node;
    const quire_slot slot = {.kind = 1, .id = quire_node_operand(c->run.model, n, 0).id};
    quire_bytes rest = quire_bytes_of(text);
    quire_slot_reader reader;
    quire_spec spec;
    ck_assert_int_eq(quire_slot_reader_init(&c->ctx, c->run.model, QUIRE_MISSING_REFUSED, &reader),
                     QUIRE_OK);
    const quire_status status = quire_spec_parse(&reader, NULL, &rest, &spec);
    quire_slot_reader_deinit(&reader);
    ck_assert_msg(status == QUIRE_OK, "%s: %s", text, c->log.message);
    ck_assert_int_eq(quire_specs_set(&c->ctx, c->run.model, slot, &spec), QUIRE_OK);
}

START_TEST(specs_differ)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,4] y, float[N,4] z) <" TABLE_BYTES
                                  "> { y = Gather(W, i) z = Gather(W, i) }");
    name_all(&c, 8);
    lower(&c, "find-tables,annotate-tables");
    set_spec(&c, "z", "u4 axis=0 affine zp=int observer=minmax");
    ck_assert_int_eq(table_case_run(&c, "quantize-tables"), QUIRE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"W\""));
    ck_assert_uint_eq(c.log.n_errors, 1);
    ck_assert_uint_eq(initializer(&c, "W.codes").id, 0);
    table_case_close(&c);
}
END_TEST

static const char *const no_table_specs[] = {
    "i8 axis=0 affine zp=int observer=minmax",
    "u8 axis=0 symmetric zp=none observer=minmax",
    "u8 axis=0 affine zp=int range=0..254 observer=minmax",
    "u8 tensor affine zp=int observer=minmax",
    "u8 axis=1 affine zp=int observer=minmax",
    "u8 axis=0 block=16 affine zp=int observer=minmax",
    "u8 axis=1 block=8 affine zp=int observer=minmax",
    "u8 axis=0 affine zp=int scale=bf16 observer=minmax",
    "u8 axis=0 affine zp=int dynamic observer=minmax",
    "u8 axis=0 affine zp=int observer=histogram",
    "u8 axis=0 affine zp=int observer=minmax(eps=0x1p-12)",
};

START_TEST(specs_that_no_table_has)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,4] y) <" TABLE_BYTES
                                  "> { y = Gather(W, i) }");
    lower(&c, "find-tables");
    set_spec(&c, "y", no_table_specs[_i]);
    ck_assert_int_eq(table_case_run(&c, "quantize-tables"), QUIRE_E_UNSUPPORTED);
    ck_assert_uint_eq(c.log.n_errors, 1);
    table_case_close(&c);
}
END_TEST

/* quantize-tables takes specs from anybody; a lookup without one stays as it is. */
START_TEST(spec_of_another)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES
                                  "> { y = Gather(W, i) }");
    lower(&c, "find-tables,quantize-tables,lower-tables,sweep");
    ck_assert_str_eq(operators(&c), "Gather");
    set_spec(&c, "y", "u4 axis=0 affine zp=int observer=mse");
    lower(&c, "quantize-tables,lower-tables,sweep");
    ck_assert_uint_eq(table_case_table(&c, "W")->bits, 4);
    ck_assert(table_case_table(&c, "W")->search_mse);
    ck_assert_uint_ne(initializer(&c, "W.codes").id, 0);
    table_case_close(&c);
}
END_TEST

/* Packed codes need opset 11; annotate-tables would not have asked. */
START_TEST(spec_beyond_the_opset)
{
    table_case c;
    table_case_open(&c, OPSET(9) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES
                                 "> { y = Gather(W, i) }");
    lower(&c, "find-tables");
    set_spec(&c, "y", "u4 axis=0 affine zp=int observer=mse");
    ck_assert_int_eq(table_case_run(&c, "quantize-tables,lower-tables"), QUIRE_E_UNSUPPORTED);
    table_case_close(&c);
}
END_TEST

#define WITH_NAN "float[2,5] W = {0,1,2,14,15, 1,2,3,nan,5}"

START_TEST(not_finite)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,5] y) <" WITH_NAN
                                  "> { y = Gather(W, i) }");
    name_all(&c, 8);
    ck_assert_int_eq(table_case_run(&c, TO_SWEPT), QUIRE_E_INVALID);
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"W\""));
    ck_assert_ptr_nonnull(strstr(c.log.message, "row 1, column 3"));
    table_case_close(&c);
}
END_TEST

START_TEST(not_finite_kept)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,5] y) <" WITH_NAN
                                  "> { y = Gather(W, i) }");
    name_all(&c, 8);
    c.options.keep_non_finite = 1;
    lower(&c, TO_SWEPT);
    ck_assert_str_eq(operators(&c), "Gather");
    ck_assert_int_eq(table_case_lookup(&c, "y")->reason, QUIRE_REASON_NON_FINITE);
    ck_assert_uint_eq(initializer(&c, "W.codes").id, 0);
    ck_assert(!table_case_table(&c, "W")->quantized);
    table_case_close(&c);
}
END_TEST

/* Non-finite stands before not-smaller in the order of reasons. */
START_TEST(not_finite_before_not_smaller)
{
    table_case c;
    table_case_open(
        &c,
        OPSET(17) "g (int64[N] i) => (float[N,1] y) <float[2,1] W = {0,inf}> { y = Gather(W, i) }");
    c.options.keep_non_finite = 1;
    lower(&c, TO_SWEPT);
    ck_assert_int_eq(table_case_lookup(&c, "y")->reason, QUIRE_REASON_NON_FINITE);
    table_case_close(&c);
}
END_TEST

START_TEST(scale_beyond_float16)
{
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,2] y) <float[2,2] W = "
                                  "{0,1,-3e38,3e38}> { y = Gather(W, i) }");
    name_all(&c, 8);
    c.options.scale_f16 = 1;
    ck_assert_int_eq(table_case_run(&c, TO_SWEPT), QUIRE_E_INVALID);
    ck_assert_ptr_nonnull(strstr(c.log.message, "\"W\", row 1"));
    table_case_close(&c);
}
END_TEST

/* A plan has the sizes, not the data: NaN is not seen. */
START_TEST(plan)
{
    static const uint8_t zeros[10];
    table_case c;
    table_case_open(&c, OPSET(17) "g (int64[N] i) => (float[N,5] y) <" WITH_NAN
                                  "> { y = Gather(W, i) }");
    name_all(&c, 8);
    c.tables.plan_only = true;
    lower(&c, TO_SWEPT);
    check_data(&c, "W.codes", zeros, 10);
    check_data(&c, "W.scales", zeros, 8);
    ck_assert_uint_eq(table_case_table(&c, "W")->bytes_after, 10 + 8 + 2);
    ck_assert(!c.tables.has_spool);
    table_case_close(&c);
}
END_TEST

/* Every allocation fails once: an error, nothing leaked. */
START_TEST(out_of_memory)
{
    static const char model[] =
        OPSET(17) "g (int64[N] i) => (float[N,5] y) <" TABLE_NIBBLES "> { y = Gather(W, i) }";
    for (size_t n = 1;; n++) {
        table_case c;
        fault_alloc fault;
        table_case_open(&c, model);
        name_all(&c, 2);
        fault_alloc_init(&fault, 0, _i == 1);
        quire_model_destroy(&c.ctx, c.run.model);
        c.ctx.alloc = &fault.allocator;
        ck_assert_int_eq(quire_model_parse(&c.ctx, quire_bytes_of(model), NULL, &c.run.model),
                         QUIRE_OK);
        fault.fail_at = fault.n_calls + n;
        const quire_status status = table_case_run(&c, TO_SWEPT);
        ck_assert(status == QUIRE_OK || (status == QUIRE_E_NOMEM && c.log.n_errors == 1));
        table_case_close(&c);
        ck_assert(fault_alloc_is_clean(&fault));
        if (status == QUIRE_OK) break;
    }
}
END_TEST

START_TEST(options_of_the_library)
{
    quire_quantize_options o = QUIRE_QUANTIZE_OPTIONS_INIT;
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    o.input = "in.onnx";
    ck_assert_int_eq(quire_quantize_run(&ctx, &o, NULL), QUIRE_E_USAGE); /* no output */
    o.output = "-";
    ck_assert_int_eq(quire_quantize_run(&ctx, &o, NULL), QUIRE_E_USAGE);
    o.output = "out.onnx";
    o.bits = 3;
    ck_assert_int_eq(quire_quantize_run(&ctx, &o, NULL), QUIRE_E_USAGE);
    o.bits = 8;
    o.block = 17;
    ck_assert_int_eq(quire_quantize_run(&ctx, &o, NULL), QUIRE_E_USAGE);
    o.block = 0;
    o.size = 8;
    ck_assert_int_eq(quire_quantize_run(&ctx, &o, NULL), QUIRE_E_USAGE);
    ck_assert_uint_eq(log.n_errors, 5);
    ck_assert_int_eq(quire_quantize_file(&o, NULL), QUIRE_E_USAGE);
    ck_assert_int_eq(quire_quantize_file(NULL, NULL), QUIRE_E_USAGE);
}
END_TEST

int
main(void)
{
    TCase *tcase = tcase_create("lower tables");
    tcase_add_test(tcase, bytes_by_hand);
    tcase_add_test(tcase, nibbles_by_hand);
    tcase_add_loop_test(tcase, forms, 0, sizeof chains / sizeof *chains);
    tcase_add_loop_test(tcase, block_forms, 0, sizeof blocked / sizeof *blocked);
    tcase_add_test(tcase, dequantized_target);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, sweep_takes_its_own_only);
    tcase_add_test(tcase, sweep_keeps_what_is_read);
    tcase_add_test(tcase, specs_differ);
    tcase_add_loop_test(tcase, specs_that_no_table_has, 0,
                        sizeof no_table_specs / sizeof *no_table_specs);
    tcase_add_test(tcase, spec_of_another);
    tcase_add_test(tcase, spec_beyond_the_opset);
    tcase_add_test(tcase, not_finite);
    tcase_add_test(tcase, not_finite_kept);
    tcase_add_test(tcase, not_finite_before_not_smaller);
    tcase_add_test(tcase, scale_beyond_float16);
    tcase_add_test(tcase, plan);
    tcase_add_loop_test(tcase, out_of_memory, 0, 2);
    tcase_add_test(tcase, options_of_the_library);
    return table_case_main(tcase, "lower_tables");
}
