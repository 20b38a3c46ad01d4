/* test_groups.c - which slots share, after the examples of PT2E's own tests and papers; numbers are
 * those of the acceptance rows. Expected groups are worked out by hand from the definition in
 * resolve.h.
 */
#include "resolve_case.h"

/* --- rows of the acceptance table ------------------------------------------------------------- */

#define CONV(r) r "<-0 " A " by q\n" r "<-1 " W " by q\n" r " " A " by q\n"

START_TEST(row_26_inputs_and_output_of_a_concat_share)
{
    expect_groups(MODEL "g (float[2] x, float[2] y, float[2] v, float[2] w) => (float[2] o) {\n"
                        "p = Conv (x, v) q = Conv (y, w) o = Concat <axis = 1> (p, q) }\n",
                  CONV("p") CONV("q") "o<-0 " A " by q\n"
                                      "o<-1 = o<-0 by q\n"
                                      "o = o<-0 by q\n",
                  "p<-0; p<-1; p q o<-0 o<-1 o; q<-0; q<-1");
}
END_TEST

static const char two_concats[] =
    MODEL "g (float[2] x, float[2] y, float[2] v, float[2] w, float[2] s, float[2] t) => "
          "(float[2] o) {\n"
          "p = Conv (x, v) q = Conv (y, w) c = Concat <axis = 1> (p, q) z = Add (s, t)\n"
          "o = Concat <axis = 0> (z, c) }\n";

START_TEST(row_27_sharing_passes_from_concat_to_concat)
{
    expect_groups(two_concats,
                  CONV("p") CONV("q") "c<-0 " A " by q\n"
                                      "c<-1 = c<-0 by q\n"
                                      "c = c<-0 by q\n"
                                      "o<-0 " A " by q\n"
                                      "o<-1 = o<-0 by q\n"
                                      "o = o<-0 by q\n",
                  "p<-0; p<-1; p q c<-0 c<-1 c o<-0 o<-1 o; q<-0; q<-1");
}
END_TEST

START_TEST(row_28_the_same_with_their_second_operand)
{
    expect_groups(two_concats,
                  CONV("p") CONV("q") "c<-0 = c<-1 by q\n"
                                      "c<-1 " A " by q\n"
                                      "c = c<-1 by q\n"
                                      "o<-0 = o<-1 by q\n"
                                      "o<-1 " A " by q\n"
                                      "o = o<-1 by q\n",
                  "p<-0; p<-1; p q c<-0 c<-1 c o<-0 o<-1 o; q<-0; q<-1");
}
END_TEST

#define ADD_APART(r)                                                                               \
    r "<-0 " A " by q noshare\n" r "<-1 = " r "<-0 by q noshare\n" r " = " r "<-0 by q noshare\n"

START_TEST(row_29_additions_that_share_with_nobody_else)
{
    expect_groups(MODEL "g (float[2] x, float[2] y) => (float[2] o) {\n"
                        "a = Add (x, y) b = Add (a, y) o = Add (b, a) }\n",
                  ADD_APART("a") ADD_APART("b") ADD_APART("o"),
                  "a<-0 a<-1 a; b<-0 b<-1 b; o<-0 o<-1 o");
}
END_TEST

/* PT2E recurses for ever on the second graph; its order of nodes decides. */
START_TEST(row_30_clone_and_equal)
{
    expect_groups(MODEL "g (float[2] x) => (bool[2] e) { c = Identity (x) e = Equal (c, x) }\n",
                  "c<-0 " A " by q\n"
                  "c = c<-0 by q\n"
                  "e<-0 " A " by q\n"
                  "e<-1 = e<-0 by q\n",
                  "c<-0 c e<-0 e<-1");
}
END_TEST

static const char clone_eq_relu[] = "c<-0 " A " by q\n"
                                    "c = c<-0 by q\n"
                                    "e<-0 " A " by q\n"
                                    "e<-1 = e<-0 by q\n"
                                    "t<-0 " A " by q\n";

START_TEST(clone_eq_relu_is_one_group_in_either_order)
{
    expect_groups(MODEL "g (float[2] x) => (bool[2] e, float[2] t) {\n"
                        "c = Identity (x) e = Equal (c, x) t = Relu (c) }\n",
                  clone_eq_relu, "c<-0 c e<-0 e<-1 t<-0");
    expect_groups(MODEL "g (float[2] x) => (bool[2] e, float[2] t) {\n"
                        "c = Identity (x) t = Relu (c) e = Equal (c, x) }\n",
                  clone_eq_relu, "c<-0 c t<-0 e<-0 e<-1");
}
END_TEST

static const char conv_with_bias[] =
    MODEL "g (float[2] x, float[2] w, float[2] b) => (float[2] o) { o = Conv (x, w, b) }\n";

START_TEST(row_31_a_bias_derived_from_the_operands)
{
    expect_groups(conv_with_bias,
                  "o<-0 " A " by q\n"
                  "o<-1 " W " by q\n"
                  "o<-2 i32 tensor symmetric zp=none derived bias(o<-0, o<-1) by q\n"
                  "o " A " by q\n",
                  "o<-0; o<-1; o<-2; o");
}
END_TEST

START_TEST(row_32_a_bias_derived_per_channel)
{
    resolve_case c;
    resolve_case_read(&c, conv_with_bias,
                      NOTE "o<-2 i32 axis=0 symmetric zp=none range=-2147483648..2147483647 "
                           "derived bias(o<-0, o<-1) by q\n"
                           "o<-1 " W " by q\n"
                           "o<-0 " A " by q\n");
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c), "o<-0; o<-1; o<-2");
    ck_assert_str_eq(resolve_case_spec(&c, "o<-2"),
                     "i32 axis=0 symmetric zp=none derived bias(o<-0, o<-1)");
    resolve_case_close(&c);
}
END_TEST

#define SIGMOID_ADD                                                                                \
    MODEL "g (float[2] x, float[2] y) => (float[2] o) { s = Sigmoid (x) o = Add (s, y) }\n"
#define FIXED "u8 tensor affine zp=int fixed(0x1p-8, 0)"

START_TEST(row_33_fixed_specs_hold_everywhere)
{
    resolve_case c;
    resolve_case_read(&c, SIGMOID_ADD, NOTE "s<-0 " FIXED " by q\ns = s<-0 by q\no<-0 = s by q\n");
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c), "s<-0 s o<-0");
    ck_assert_str_eq(resolve_case_spec(&c, "o<-0"), FIXED);
    resolve_case_close(&c);
}
END_TEST

START_TEST(row_35_equal_fixed_specs_share)
{
    expect_groups(SIGMOID_ADD,
                  "s<-0 " A " by q\n"
                  "s " FIXED " by q\n"
                  "o<-0 " FIXED " by q\n"
                  "o<-1 " A " by q\n"
                  "o " A " by q\n",
                  "s<-0; s o<-0; o<-1; o");
    expect_groups(SIGMOID_ADD,
                  "s " FIXED " by q\n"
                  "o<-0 u8 tensor affine zp=int fixed(0x1p-7, 0) by q\n",
                  "s; o<-0");
    expect_groups(SIGMOID_ADD,
                  "s " FIXED " by q\n"
                  "o<-0 u8 tensor affine zp=int fixed(0x1p-8, 1) by q\n",
                  "s; o<-0");
    expect_groups(SIGMOID_ADD, "s " FIXED " by q\no<-0 u8 tensor affine zp=int by q\n", "s; o<-0");
}
END_TEST

/* --- the worked example ----------------------------------------------------------------------- */

static const char worked[] =
    MODEL "g (float[2] x, float[2] y, float[2] w, float[2] b) => (float[2] o) {\n"
          "k = Conv (x, w, b) r = Relu (k) a = Add (r, y) o = Concat <axis = 0> (r, a) }\n";

#define WORKED(on_add, on_concat)                                                                  \
    "k<-0 " A " by q\n"                                                                            \
    "k<-1 " W " by q\n"                                                                            \
    "r " A " by q\n"                                                                               \
    "a<-0 " A " by q" on_add "\n"                                                                  \
    "a<-1 " A " by q" on_add "\n"                                                                  \
    "a " A " by q\n"                                                                               \
    "o<-0 " A " by q" on_concat "\n"                                                               \
    "o<-1 = o<-0 by q" on_concat "\n"                                                              \
    "o = o<-0 by q\n"

START_TEST(example_3_9_all_may_share)
{
    expect_groups(worked, WORKED("", ""), "k<-0; k<-1; r a<-0 a o<-0 o<-1 o; a<-1");
}
END_TEST

START_TEST(example_3_9_the_concat_may_not)
{
    expect_groups(worked, WORKED("", " noshare"), "k<-0; k<-1; r a<-0 o<-0 o<-1 o; a<-1; a");
}
END_TEST

START_TEST(example_3_9_the_addition_may_not)
{
    expect_groups(worked, WORKED(" noshare", ""), "k<-0; k<-1; r a<-0 a o<-0 o<-1 o; a<-1");
}
END_TEST

START_TEST(example_3_9_two_concats_in_a_row)
{
    static const char model[] = MODEL "g (float[2] x, float[2] y, float[2] z) => (float[2] o) {\n"
                                      "c = Concat <axis = 0> (x, y) o = Concat <axis = 0> (c, z) "
                                      "}\n";
    expect_groups(model,
                  "c<-0 " A " by q\nc<-1 = c<-0 by q\nc = c<-0 by q\n"
                  "o<-0 = o<-1 by q\no<-1 " A " by q\no = o<-1 by q\n",
                  "c<-0 c<-1 c o<-0 o<-1 o");
}
END_TEST

/* --- the error table of 3.6: what is accepted
 * --------------------------------------------------- */

START_TEST(a_pointer_may_lead_to_a_later_slot)
{
    expect_groups(MODEL "g (float[2] x) => (float[2] o) { r = Relu (x) o = Neg (r) }\n",
                  "r<-0 = r by q\nr = o by q\no " A " by q\n", "r<-0 r o");
}
END_TEST

/* --- tensors ---------------------------------------------------------------------------------- */

START_TEST(operands_of_one_node_are_slots_of_their_own)
{
    static const char twice[] = MODEL "g (float[2] v) => (float[2] o) { o = Add (v, v) }\n";
    expect_groups(twice, "o<-0 " A " by q\no<-1 " B " by q\n", "o<-0; o<-1");
    expect_groups(twice, "o<-0 " A " by q\no<-1 " A " by q\n", "o<-0 o<-1");
    expect_groups(twice, "o<-0 " A " by q noshare\no<-1 " A " by q noshare\n", "o<-0; o<-1");
    expect_groups(twice, "o<-0 " A " by q noshare\no<-1 " A " by q\nv " A " by q\n", "v o<-0 o<-1");
}
END_TEST

static const char three_readers[] = MODEL "g (float[2] x) => (float[2] v) {\n"
                                          "v = Relu (x) p = Neg (v) q = Neg (v) r = Neg (v) }\n";

START_TEST(noshare_keeps_operands_apart_unless_a_third_links_them)
{
    expect_groups(three_readers, "p<-0 " A " by q noshare\nq<-0 " A " by q noshare\n",
                  "p<-0; q<-0");
    expect_groups(three_readers,
                  "p<-0 " A " by q noshare\nq<-0 " A " by q noshare\nr<-0 " A " by q\n",
                  "p<-0 q<-0 r<-0");
    expect_groups(three_readers,
                  "p<-0 " A " by q noshare\nq<-0 " A " by q noshare\nr<-0 " B " by q\n",
                  "p<-0; q<-0; r<-0");
}
END_TEST

START_TEST(a_noshare_result_is_apart_from_its_readers)
{
    expect_groups(three_readers, "v " A " by q noshare\np<-0 " A " by q\nq<-0 " A " by q\n",
                  "v; p<-0 q<-0");
    expect_groups(three_readers, "v " A " by q\np<-0 " A " by q noshare\n", "v; p<-0");
}
END_TEST

START_TEST(a_graph_output_is_linked_by_operands_alone)
{
    expect_groups(three_readers, "v " A " by q\n->0 " A " by q\n", "v; ->0");
    expect_groups(three_readers, "v " A " by q\n->0 " A " by q noshare\np<-0 " A " by q\n",
                  "v p<-0 ->0");
    expect_groups(three_readers, "->0 " A " by q\np<-0 " A " by q noshare\n", "p<-0; ->0");
}
END_TEST

START_TEST(inputs_and_initializers_share_with_their_readers)
{
    expect_groups(MODEL "g (float[2] x) => (float[2] o) <float[2] w = {1, 2}> {\n"
                        "o = Add (x, w) p = Neg (w) }\n",
                  "x " A " by q\nw " W " by q\no<-0 " A " by q\no<-1 " W " by q\np<-0 " W " by q\n",
                  "x o<-0; w o<-1 p<-0");
}
END_TEST

static const char branches[] =
    MODEL "g (float[2] x, bool c) => (float[2] o) {\n"
          "v = Relu (x) u = Neg (v)\n"
          "o = If (c) <then_branch = t () => (float[2] p) { p = Neg (v) s = Neg (p) },\n"
          "  else_branch = e () => (float[2] q) { q = Relu (v) }> }\n";

START_TEST(a_captured_value_is_one_tensor_inside_and_outside)
{
    expect_groups(branches,
                  "v " A " by q\n"
                  "o/then_branch/p<-0 " A " by q\n"
                  "o/else_branch/q<-0 " A " by q\n"
                  "u<-0 " B " by q\n",
                  "v o/then_branch/p<-0 o/else_branch/q<-0; u<-0");
}
END_TEST

START_TEST(outputs_of_bodies_share_with_nothing)
{
    expect_groups(branches,
                  "o/then_branch/p " A " by q\n"
                  "o/then_branch/s<-0 " A " by q\n"
                  "o/then_branch/->0 " A " by q\n"
                  "o/else_branch/->0 = o/then_branch/->0 by q\n",
                  "o/then_branch/p o/then_branch/s<-0; o/then_branch/->0 o/else_branch/->0");
}
END_TEST

START_TEST(formals_of_bodies_share_with_nothing)
{
    static const char loop[] =
        MODEL "g (int64 n, bool c, float[2] x) => (float[2] o) {\n"
              "o = Loop (n, c, x) <body = b (int64 i, bool k, float[2] f) => (bool k2, float[2] h) "
              "{ k2 = Identity (k) h = Relu (f) j = Neg (f) }> }\n";
    expect_groups(loop,
                  "x " A " by q\n"
                  "o<-2 " A " by q\n"
                  "o/body/f " A " by q\n"
                  "o/body/h<-0 " A " by q\n"
                  "o/body/j<-0 " A " by q\n",
                  "x o<-2; o/body/f; o/body/h<-0 o/body/j<-0");
}
END_TEST

/* --- specs ------------------------------------------------------------------------------------ */

#define PAIR MODEL "g (float[2] x) => (float[2] o) { v = Relu (x) o = Neg (v) }\n"

START_TEST(every_field_but_the_observer_counts)
{
    static const char *const others[] = {
        "i8 tensor affine zp=int",           "u8 axis=0 affine zp=int",
        "u8 tensor symmetric zp=none",       "u8 tensor affine zp=float",
        "u8 tensor affine zp=int scale=f16", "u8 tensor affine zp=int dynamic",
        "u8 axis=0 block=32 affine zp=int",  "u8 tensor affine zp=int range=0..127"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char claims[256];
        snprintf(claims, sizeof claims, "v u8 tensor affine zp=int by q\no<-0 %s by q\n",
                 others[i]);
        expect_groups(PAIR, claims, "v; o<-0");
    }
    expect_groups(PAIR, "v " A " by q\no<-0 " A_HISTO " by q\n", "v o<-0");
    expect_groups(PAIR,
                  "v u8 axis=0 block=32 affine zp=int by q\n"
                  "o<-0 u8 axis=0 block=64 affine zp=int by q\n",
                  "v; o<-0");
}
END_TEST

START_TEST(a_default_range_equals_none)
{
    expect_groups(PAIR,
                  "v u8 tensor affine zp=int by q\n"
                  "o<-0 u8 tensor affine zp=int range=0..255 by q\n",
                  "v o<-0");
}
END_TEST

START_TEST(float_shares_with_nothing)
{
    resolve_case c;
    resolve_case_read(&c, PAIR, NOTE "v float by q\no<-0 float by q\no " A " by q\n");
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_groups(&c), "o");
    ck_assert_str_eq(resolve_case_spec(&c, "v"), "float");
    resolve_case_close(&c);
}
END_TEST

#define BIAS "i32 tensor symmetric zp=none derived bias(p<-0, p<-1)"
#define TWO_CONVS                                                                                  \
    MODEL "g (float[2] x, float[2] w, float[2] b) => (float[2] p) {\n"                             \
          "p = Conv (x, w, b) q = Conv (x, w, b) }\n"
#define OPERANDS "p<-0 " A " by q\np<-1 " W " by q\n"

START_TEST(equal_derived_specs_share_only_by_pointer)
{
    expect_groups(TWO_CONVS, OPERANDS "p<-2 " BIAS " by q\nq<-2 " BIAS " by q\n",
                  "p<-0; p<-1; p<-2; q<-2");
    expect_groups(TWO_CONVS, OPERANDS "p<-2 " BIAS " by q\nq<-2 = p<-2 by q\n",
                  "p<-0; p<-1; p<-2 q<-2");
}
END_TEST

START_TEST(derived_through_shared)
{
    expect_groups(TWO_CONVS,
                  "p<-0 = q<-0 by q\np<-1 " W " by q\np<-2 " BIAS " by q\nq<-0 " A " by q\n",
                  "p<-0 q<-0; p<-1; p<-2");
}
END_TEST

/* --- observers -------------------------------------------------------------------------------- */

static void
expect_spec(const char *claims, const char *slot, const char *spec, uint32_t n_differ)
{
    resolve_case c;
    char text[1024];
    snprintf(text, sizeof text, NOTE "%s", claims);
    resolve_case_read(&c, three_readers, text);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_OK);
    ck_assert_str_eq(resolve_case_spec(&c, slot), spec);
    ck_assert_uint_eq(c.r.n_groups, 1);
    ck_assert_uint_eq(c.r.groups[0].n_observers_differ, n_differ);
    resolve_case_close(&c);
}

START_TEST(observers_are_chosen_by_priority_then_bytes)
{
    expect_spec("v " A " by q\np<-0 " A_HISTO " by q\n", "v", A_HISTO, 1);
    expect_spec("v " A " by q !1\np<-0 " A_HISTO " by q\n", "p<-0", A, 1);
    expect_spec("v " A " by q !-1\np<-0 " A_HISTO " by q !-2\nq<-0 " A_HISTO " by q !-2\n", "p<-0",
                A, 2);
    expect_spec("v u8 tensor affine zp=int observer=m(b) by q\n"
                "p<-0 u8 tensor affine zp=int observer=m(a) by q\n"
                "q<-0 u8 tensor affine zp=int observer=m by q\n",
                "v", "u8 tensor affine zp=int observer=m", 2);
    expect_spec("v u8 tensor affine zp=int by q\np<-0 " A " by q\n", "p<-0",
                "u8 tensor affine zp=int", 1);
    /* Beaten at a low priority, best at a higher one. */
    expect_spec("v " A_HISTO " by q\np<-0 " A " by q\n"
                "q<-0 u8 tensor affine zp=int observer=mse by q !1\nr<-0 " A " by q !1\n",
                "v", A, 2);
    /* A shared slot has no say, whatever its priority. */
    expect_spec("v = q<-0 by q !9\np<-0 " A_HISTO " by q\nq<-0 " A " by q\n", "v", A_HISTO, 1);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("groups");
    tcase_add_test(all, row_26_inputs_and_output_of_a_concat_share);
    tcase_add_test(all, row_27_sharing_passes_from_concat_to_concat);
    tcase_add_test(all, row_28_the_same_with_their_second_operand);
    tcase_add_test(all, row_29_additions_that_share_with_nobody_else);
    tcase_add_test(all, row_30_clone_and_equal);
    tcase_add_test(all, clone_eq_relu_is_one_group_in_either_order);
    tcase_add_test(all, row_31_a_bias_derived_from_the_operands);
    tcase_add_test(all, row_32_a_bias_derived_per_channel);
    tcase_add_test(all, row_33_fixed_specs_hold_everywhere);
    tcase_add_test(all, row_35_equal_fixed_specs_share);
    tcase_add_test(all, example_3_9_all_may_share);
    tcase_add_test(all, example_3_9_the_concat_may_not);
    tcase_add_test(all, example_3_9_the_addition_may_not);
    tcase_add_test(all, example_3_9_two_concats_in_a_row);
    tcase_add_test(all, a_pointer_may_lead_to_a_later_slot);
    tcase_add_test(all, operands_of_one_node_are_slots_of_their_own);
    tcase_add_test(all, noshare_keeps_operands_apart_unless_a_third_links_them);
    tcase_add_test(all, a_noshare_result_is_apart_from_its_readers);
    tcase_add_test(all, a_graph_output_is_linked_by_operands_alone);
    tcase_add_test(all, inputs_and_initializers_share_with_their_readers);
    tcase_add_test(all, a_captured_value_is_one_tensor_inside_and_outside);
    tcase_add_test(all, outputs_of_bodies_share_with_nothing);
    tcase_add_test(all, formals_of_bodies_share_with_nothing);
    tcase_add_test(all, every_field_but_the_observer_counts);
    tcase_add_test(all, a_default_range_equals_none);
    tcase_add_test(all, float_shares_with_nothing);
    tcase_add_test(all, equal_derived_specs_share_only_by_pointer);
    tcase_add_test(all, derived_through_shared);
    tcase_add_test(all, observers_are_chosen_by_priority_then_bytes);
    return resolve_case_main(all, "groups");
}
