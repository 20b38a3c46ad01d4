/* test_annotate.c - sources of annotations, the model's entry, what passes leave of annotations.
 *
 * Expectations are written by hand from annotate.h; blanks are compared as one.
 */
#include "graph/carrier.h"
#include "graph/edit.h"
#include "graph/layer.h"
#include "passes/annotate.h"
#include "support/scratch.h"
#include "unit/table_case.h"

#define U8   "u8 tensor affine zp=int"
#define HEAD "quire-annotations 1\n"
#define MODEL                                                                                      \
    OPSET(17)                                                                                      \
    "g (float[2] x) => (float[2] y) {"                                                             \
    " a = Neg(x) b = Abs(a) c = Add(b, a) d = Sub(c, a) y = Relu(d) }"

typedef struct note_case { /* an annotated model */
    table_case model;
    quire_resolved r;
} note_case;

static void
parse_claims(quire_ctx *ctx, quire_model *m, const char *text, quire_claims *claims)
{
    quire_slot_reader reader;
    const fault_log *log = ctx->sink_data;
    ck_assert_int_eq(quire_slot_reader_init(ctx, m, QUIRE_MISSING_REFUSED, &reader), QUIRE_OK);
    const quire_status status = quire_claims_parse(&reader, quire_bytes_of(text), claims);
    ck_assert_msg(status == QUIRE_OK, "%s\n%s", log->message, text);
    quire_slot_reader_deinit(&reader);
}

static void
open_case(note_case *c, const char *model, const char *annotations)
{
    quire_claims claims = {0};
    const quire_resolve_options options = {0};
    table_case_open(&c->model, model);
    quire_ctx *ctx = &c->model.ctx;
    parse_claims(ctx, c->model.run.model, annotations, &claims);
    const quire_status status = quire_resolve(ctx, c->model.run.model, &claims, &options, &c->r);
    ck_assert_msg(status == QUIRE_OK, "%s", c->r.message.ptr);
    quire_claims_deinit(ctx, &claims);
    ck_assert_int_eq(quire_annotations_attach(ctx, c->model.run.model, &c->r), QUIRE_OK);
}

static void
close_case(note_case *c)
{
    quire_resolved_deinit(&c->model.ctx, &c->r);
    table_case_close(&c->model);
}

/* Runs of blanks become one, those before a newline none. */
static void
squeeze(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == ' ' && (p[1] == ' ' || p[1] == '\n')) continue;
        *out++ = *p;
    }
    *out = '\0';
}

static void
claims_to_text(quire_ctx *ctx, const quire_model *m, const quire_claims *claims, quire_text *out)
{
    quire_writer w;
    quire_writer_to_text(&w, ctx, out);
    quire_claims_print(&w, m, claims);
    ck_assert_int_eq(quire_writer_finish(&w), QUIRE_OK);
    squeeze(out->ptr);
}

/* What is left prints as `expected`, and resolves. */
static void
check_left(note_case *c, const char *expected)
{
    quire_ctx *ctx = &c->model.ctx;
    quire_model *m = c->model.run.model;
    const quire_resolve_options options = {0};
    quire_claims left = {0};
    quire_text text;
    quire_resolved again;
    ck_assert_int_eq(quire_annotations_left(ctx, m, &c->r, &left), QUIRE_OK);
    claims_to_text(ctx, m, &left, &text);
    ck_assert_str_eq(text.ptr, expected);
    const quire_status status = quire_resolve(ctx, m, &left, &options, &again);
    ck_assert_msg(status == QUIRE_OK, "%s", again.message.ptr);
    quire_resolved_deinit(ctx, &again);
    quire_text_free(ctx, &text);
    quire_claims_deinit(ctx, &left);
}

static quire_value
value_called(const quire_model *m, const char *name)
{
    for (uint32_t id = 1; id < m->values.count; id++) {
        if (same_text(quire_value_name(m, (quire_value){id}), name)) return (quire_value){id};
    }
    ck_abort_msg("no value %s", name);
    return (quire_value){0};
}

/* Takes the node that makes `name` out; readers of its result read its operand 0. */
static void
bypass(note_case *c, const char *name)
{
    quire_ctx *ctx = &c->model.ctx;
    quire_model *m = c->model.run.model;
    const quire_value v = value_called(m, name);
    const quire_node n = quire_value_node(m, v);
    ck_assert_int_eq(quire_value_replace_all_uses(ctx, m, v, quire_node_input(m, n, 0)), QUIRE_OK);
    ck_assert_int_eq(quire_node_erase(ctx, m, n), QUIRE_OK);
}

/* --- what is left ----------------------------------------------------------------------------- */

START_TEST(without_edits_all_is_left)
{
    static const char text[] =
        HEAD "x float by r\n"
             "b<-0 " U8 " by p,q !3 noshare\n"
             "c<-0 = b<-0 by p # reason: \"sum\"; lost: float by z !-1\n"
             "c i32 tensor symmetric zp=none derived bias(b<-0, c<-0) by p\n";
    note_case c;
    open_case(&c, MODEL, text);
    check_left(&c, text);
    close_case(&c);
}
END_TEST

START_TEST(the_least_that_is_left_carries_the_spec_of_its_group)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " by p\n"
                   "c<-0 = b<-0 by p # reason: \"why\"\n"
                   "d<-0 = c<-0 by p\n"
                   "y<-0 = b<-0 by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-0 " U8 " by p # reason: \"why\"\n"
                        "d<-0 = c<-0 by p\n"
                        "y<-0 = c<-0 by p\n");
    close_case(&c);
}
END_TEST

START_TEST(a_slot_that_carries_the_spec_is_pointed_at_before_lesser_ones)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " by p\n" /* of a: linked implicitly to the others that read a */
                   "b = b<-0 by p\n"
                   "c<-1 " U8 " by p\n"
                   "d<-1 " U8 " by p\n"
                   "y = b<-0 by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-1 " U8 " by p\n"
                        "d<-1 " U8 " by p\n"
                        "y = c<-1 by p\n");
    close_case(&c);
}
END_TEST

START_TEST(the_group_keeps_its_observer_if_something_pointed_at_it)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " observer=hist by p !2\n"
                   "c<-1 " U8 " observer=minmax by p\n"
                   "y = b<-0 by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-1 " U8 " observer=hist by p\n"
                        "y = c<-1 by p\n");
    close_case(&c);
}
END_TEST

START_TEST(a_slot_keeps_its_own_observer_if_nothing_pointed_elsewhere)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " observer=hist by p !2\n"
                   "c<-1 " U8 " observer=minmax by p\n"
                   "y = c<-1 by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-1 " U8 " observer=minmax by p\n"
                        "y = c<-1 by p\n");
    close_case(&c);
}
END_TEST

START_TEST(sources_of_derived_are_replaced_within_their_group)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " by p\n"
                   "c<-0 = b<-0 by p\n"
                   "y i32 tensor symmetric zp=none derived bias(b<-0, c<-0) by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-0 " U8 " by p\n"
                        "y i32 tensor symmetric zp=none derived bias(c<-0, c<-0) by p\n");
    close_case(&c);
}
END_TEST

START_TEST(derived_of_a_group_that_is_gone_goes_with_its_whole_group)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "x float by p\n"
                   "b<-0 i8 tensor symmetric zp=none by p\n"
                   "c<-0 " U8 " by p\n"
                   "c i32 tensor symmetric zp=none derived bias(c<-0, b<-0) by p\n"
                   "d<-0 = c by p\n"
                   "d i32 tensor symmetric zp=none derived more(d<-0) by p\n"
                   "y = d by p\n");
    bypass(&c, "b");
    check_left(&c, HEAD "x float by p\n"
                        "c<-0 " U8 " by p\n");
    close_case(&c);
}
END_TEST

START_TEST(who_pointed_at_a_derived_slot_that_is_gone_derives_itself)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "a<-0 " U8 " by p\n"
                   "b i32 tensor symmetric zp=none derived bias(a<-0) by p\n"
                   "c<-1 = b by p\n"
                   "d<-0 = b by q\n");
    bypass(&c, "b");
    check_left(&c, HEAD "a<-0 " U8 " by p\n"
                        "c<-1 i32 tensor symmetric zp=none derived bias(a<-0) by p\n"
                        "d<-0 = c<-1 by q\n");
    close_case(&c);
}
END_TEST

/* Two nodes go: the derived slot, and the source it names, whose group lives on in another slot. */
START_TEST(a_handed_derivation_names_what_is_left_of_its_sources)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " by p\n"
                   "b i32 tensor symmetric zp=none derived bias(b<-0) by p\n"
                   "c = b by q\n"
                   "y<-0 = b<-0 by q\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c i32 tensor symmetric zp=none derived bias(y<-0) by q\n"
                        "y<-0 " U8 " by q\n");
    close_case(&c);
}
END_TEST

START_TEST(a_handed_derivation_keeps_the_observer_of_its_source)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " observer=hist by p !2\n"
                   "b i32 tensor symmetric zp=none derived bias(b<-0) by p\n"
                   "c<-1 " U8 " observer=minmax by p\n"
                   "c = b by q\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-1 " U8 " observer=hist by p\n"
                        "c i32 tensor symmetric zp=none derived bias(c<-1) by q\n");
    close_case(&c);
}
END_TEST

START_TEST(losers_stay_unless_they_asked_for_a_slot_that_is_gone)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "b<-0 " U8 " by p\n"
                   "c<-1 float by p # reason: \"exact\"; lost: = b<-0 by q; lost: " U8
                   " by r !-2 noshare reason: \"all\"; lost: = y by s\n");
    bypass(&c, "b");
    check_left(&c, HEAD "c<-1 float by p # reason: \"exact\"; lost: = y by s; lost: " U8
                        " by r !-2 noshare reason: \"all\"\n");
    close_case(&c);
}
END_TEST

START_TEST(annotations_of_a_value_go_with_its_name)
{
    note_case c;
    open_case(&c, MODEL,
              HEAD "c " U8 " by p\n"
                   "d<-0 = c by p\n");
    quire_ctx *ctx = &c.model.ctx;
    quire_model *m = c.model.run.model;
    const quire_value old = value_called(m, "c");
    const quire_value inputs[] = {value_called(m, "b")};
    const quire_bytes name = quire_bytes_of("e");
    const quire_node_make make = {.graph = m->main,
                                  .domain = "",
                                  .op_type = "Neg",
                                  .inputs = inputs,
                                  .n_inputs = 1,
                                  .outputs = &name,
                                  .n_outputs = 1};
    quire_node made;
    ck_assert_int_eq(quire_node_create(ctx, m, &make, quire_value_node(m, old), &made), QUIRE_OK);
    const quire_value fresh = quire_node_result(m, made, 0);
    ck_assert_int_eq(quire_value_replace_all_uses(ctx, m, old, fresh), QUIRE_OK);
    ck_assert_int_eq(quire_value_take_name(ctx, m, fresh, old), QUIRE_OK);
    ck_assert_int_eq(quire_node_erase(ctx, m, quire_value_node(m, old)), QUIRE_OK);
    check_left(&c, HEAD "c " U8 " by p\n"
                        "d<-0 = c by p\n");
    close_case(&c);
}
END_TEST

START_TEST(attaching_anew_forgets_what_was_attached)
{
    note_case c;
    open_case(&c, MODEL, HEAD "b<-0 " U8 " by p\nc float by p\n");
    quire_ctx *ctx = &c.model.ctx;
    quire_model *m = c.model.run.model;
    quire_resolved none = {0};
    ck_assert_int_eq(quire_annotations_attach(ctx, m, &none), QUIRE_OK);
    check_left(&c, HEAD);
    close_case(&c);
}
END_TEST

/* --- random ----------------------------------------------------------------------------------- */

enum { N_NODES = 14 };

static uint32_t
draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

/* A chain of additions of earlier values. */
static void
random_model(uint64_t *state, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, OPSET(17) "g (float[2] x) => (float[2] y) { ");
    for (uint32_t i = 0; i < N_NODES; i++) {
        char operands[2][8];
        for (int k = 0; k < 2; k++) {
            const uint32_t of = draw(state, i + 1);
            if (of == i) snprintf(operands[k], sizeof operands[k], "x");
            if (of != i) snprintf(operands[k], sizeof operands[k], "v%u", (unsigned)of);
        }
        n += (size_t)snprintf(out + n, room - n, "v%u = Add(%s, %s) ", (unsigned)i, operands[0],
                              operands[1]);
    }
    snprintf(out + n, room - n, "y = Neg(v%d) }", N_NODES - 1);
}

/* One line for each of some slots, none twice. Targets and sources are slots of earlier lines that
 * are not float, so that most sets resolve. */
static void
random_claims(uint64_t *state, char *out, size_t room)
{
    static const char *const specs[] = {"u8 tensor affine zp=int", "u8 tensor affine zp=int",
                                        "u8 tensor affine zp=int observer=hist",
                                        "i8 tensor symmetric zp=none", "float"};
    bool seen[N_NODES][3] = {{false}};
    char slots[24][16];
    uint32_t n_slots = 0;
    size_t n = (size_t)snprintf(out, room, HEAD);
    for (int i = 0; i < 24; i++) {
        const uint32_t node = draw(state, N_NODES);
        const uint32_t k = draw(state, 3);
        const uint32_t kind = n_slots == 0 ? 8 : draw(state, 12);
        const char *target = n_slots == 0 ? "" : slots[draw(state, n_slots)];
        const char *source = n_slots == 0 ? "" : slots[draw(state, n_slots)];
        char slot[16];
        if (seen[node][k]) continue;
        seen[node][k] = true;
        snprintf(slot, sizeof slot, k == 2 ? "v%u" : "v%u<-%u", (unsigned)node, (unsigned)k);
        n += (size_t)snprintf(out + n, room - n, "%s ", slot);
        if (kind < 6) n += (size_t)snprintf(out + n, room - n, "= %s", target);
        if (kind == 6)
            n += (size_t)snprintf(out + n, room - n,
                                  "i32 tensor symmetric zp=none derived f(%s, %s)", target, source);
        if (kind > 6) n += (size_t)snprintf(out + n, room - n, "%s", specs[kind % 5]);
        n += (size_t)snprintf(out + n, room - n, " by p !%u%s\n", (unsigned)draw(state, 3),
                              draw(state, 6) == 0 ? " noshare" : "");
        if (kind <= 6 || strcmp(specs[kind % 5], "float") != 0) strcpy(slots[n_slots++], slot);
    }
}

/* On every slot that is left the same spec is in force, but for the observer. */
static void
check_specs(const quire_model *m, const quire_resolved *before, const quire_resolved *after)
{
    for (size_t i = 0; i < after->n_annotations; i++) {
        const quire_annotation *now = &after->annotations[i];
        const quire_annotation *then = quire_resolved_at(before, now->slot);
        ck_assert_ptr_nonnull(then);
        const quire_spec *a = quire_resolved_spec(m, before, then);
        const quire_spec *b = quire_resolved_spec(m, after, now);
        ck_assert_uint_eq(a->kind, b->kind);
        ck_assert(a->kind != QUIRE_SPEC_QUANTIZED || quire_spec_agrees(a, b));
    }
}

/* Annotations that nothing excuses from being left: the node lives, and the spec is not derived. */
static size_t
count_living(const quire_model *m, const quire_resolved *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_annotations; i++) {
        const quire_annotation *a = &r->annotations[i];
        const quire_node node = quire_slot_node(m, a->slot);
        const bool derived = quire_resolved_spec(m, r, a)->kind == QUIRE_SPEC_DERIVED;
        if ((quire_node_at(m, node)->flags & QUIRE_DEAD) == 0 && !derived) n++;
    }
    return n;
}

static bool
one_random_case(uint64_t *state)
{
    static char model[4096];
    static char claims_text[8192];
    table_case c;
    quire_claims claims = {0};
    quire_claims left = {0};
    quire_resolved before;
    quire_resolved after;
    const quire_resolve_options options = {0};
    random_model(state, model, sizeof model);
    random_claims(state, claims_text, sizeof claims_text);
    table_case_open(&c, model);
    quire_model *m = c.run.model;
    parse_claims(&c.ctx, m, claims_text, &claims);
    const bool good = quire_resolve(&c.ctx, m, &claims, &options, &before) == QUIRE_OK;
    if (good) {
        ck_assert_int_eq(quire_annotations_attach(&c.ctx, m, &before), QUIRE_OK);
        note_case as_case = {.model = c};
        for (uint32_t i = 0; i < N_NODES - 1; i++) {
            char name[8];
            snprintf(name, sizeof name, "v%u", (unsigned)i);
            if (draw(state, 3) == 0) bypass(&as_case, name);
        }
        ck_assert_int_eq(quire_annotations_left(&c.ctx, m, &before, &left), QUIRE_OK);
        const quire_status status = quire_resolve(&c.ctx, m, &left, &options, &after);
        ck_assert_msg(status == QUIRE_OK, "%s\n%s\n%s", model, claims_text, after.message.ptr);
        check_specs(m, &before, &after);
        ck_assert_uint_ge(after.n_annotations, count_living(m, &before));
        quire_resolved_deinit(&c.ctx, &after);
    }
    quire_resolved_deinit(&c.ctx, &before);
    quire_claims_deinit(&c.ctx, &left);
    quire_claims_deinit(&c.ctx, &claims);
    table_case_close(&c);
    return good;
}

START_TEST(whatever_is_erased_the_rest_resolves_to_the_same_specs)
{
    uint64_t state = 1;
    int n_good = 0;
    for (int i = 0; i < 4000; i++)
        n_good += one_random_case(&state);
    ck_assert_int_gt(n_good, 2000);
}
END_TEST

/* --- sources and the entry -------------------------------------------------------------------- */

START_TEST(without_a_source_there_is_nothing)
{
    table_case c;
    quire_annotations a;
    table_case_open(&c, MODEL);
    ck_assert_int_eq(quire_annotations_load(&c.ctx, c.run.model, NULL, NULL, NULL, &a), QUIRE_OK);
    ck_assert_int_eq(a.kind, QUIRE_FROM_NOTHING);
    ck_assert_uint_eq(a.resolved.n_annotations, 0);
    quire_annotations_deinit(&c.ctx, &a);
    table_case_close(&c);
}
END_TEST

START_TEST(what_is_stored_is_the_entry_and_is_loaded_again)
{
    note_case c;
    quire_annotations a;
    quire_bytes entry;
    open_case(&c, MODEL, HEAD "c = b<-0 by q\nb<-0 " U8 " by p\n");
    quire_ctx *ctx = &c.model.ctx;
    quire_model *m = c.model.run.model;
    ck_assert(!quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry));
    ck_assert_int_eq(quire_annotations_store(ctx, m, &c.r.claims), QUIRE_OK);
    ck_assert(quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry));
    ck_assert_uint_gt(entry.len, strlen(HEAD));
    ck_assert_int_eq(memcmp(entry.ptr, HEAD, strlen(HEAD)), 0);
    ck_assert_int_eq(quire_annotations_load(ctx, m, NULL, NULL, NULL, &a), QUIRE_OK);
    ck_assert_int_eq(a.kind, QUIRE_FROM_ENTRY);
    ck_assert_uint_eq(a.resolved.n_annotations, 2);
    ck_assert_uint_eq(a.resolved.n_groups, 1);
    quire_annotations_deinit(ctx, &a);
    const quire_claims none = {0};
    ck_assert_int_eq(quire_annotations_store(ctx, m, &none), QUIRE_OK);
    ck_assert(!quire_model_metadata(m, QUIRE_ANNOTATIONS_KEY, &entry));
    close_case(&c);
}
END_TEST

static quire_status
load_text(table_case *c, const char *text, quire_annotations *a)
{
    const scratch s = scratch_create();
    scratch_write(&s, "a.annotations", text, strlen(text));
    const quire_status status = quire_annotations_load(
        &c->ctx, c->run.model, scratch_path(&s, "a.annotations"), NULL, NULL, a);
    scratch_remove(&s);
    return status;
}

START_TEST(a_text_file_stands_before_the_entry)
{
    table_case c;
    quire_annotations a;
    const quire_bytes entry = quire_bytes_of("no annotations at all");
    table_case_open(&c, MODEL);
    ck_assert_int_eq(quire_model_set_metadata(&c.ctx, c.run.model, QUIRE_ANNOTATIONS_KEY, &entry),
                     QUIRE_OK);
    ck_assert_int_eq(load_text(&c, HEAD "c float by p\n", &a), QUIRE_OK);
    ck_assert_int_eq(a.kind, QUIRE_FROM_TEXT);
    ck_assert_uint_eq(a.resolved.n_annotations, 1);
    quire_annotations_deinit(&c.ctx, &a);
    ck_assert_int_eq(quire_annotations_load(&c.ctx, c.run.model, NULL, NULL, NULL, &a),
                     QUIRE_E_INVALID);
    ck_assert_uint_eq(c.log.n_errors, 1);
    table_case_close(&c);
}
END_TEST

START_TEST(named_errors_and_unknown_slots_are_invalid)
{
    static const char *const wrong[] = {
        HEAD "nowhere float by p\n", HEAD "c float by p\nc " U8 " by q\n", HEAD "c = d by p\n", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        table_case c;
        quire_annotations a;
        table_case_open(&c, MODEL);
        ck_assert_int_eq(load_text(&c, wrong[i], &a), QUIRE_E_INVALID);
        ck_assert_uint_eq(c.log.n_errors, 1);
        table_case_close(&c);
    }
}
END_TEST

START_TEST(text_files_are_read_up_to_their_limit)
{
    fault_log log = {0};
    quire_ctx ctx = fault_ctx(NULL, NULL, &log);
    quire_text text;
    const scratch s = scratch_create();
    scratch_write(&s, "a", "12345", 5);
    scratch_write(&s, "empty", "", 0);
    ck_assert_int_eq(quire_read_text_file_up_to(&ctx, scratch_path(&s, "a"), 5, &text), QUIRE_OK);
    ck_assert_uint_eq(text.len, 5);
    ck_assert_str_eq(text.ptr, "12345");
    quire_text_free(&ctx, &text);
    ck_assert_int_eq(quire_read_text_file_up_to(&ctx, scratch_path(&s, "a"), 4, &text),
                     QUIRE_E_LIMIT);
    ck_assert_int_eq(quire_read_text_file(&ctx, scratch_path(&s, "empty"), &text), QUIRE_OK);
    ck_assert_str_eq(text.ptr, "");
    quire_text_free(&ctx, &text);
    ck_assert_int_eq(quire_read_text_file(&ctx, scratch_path(&s, "b"), &text), QUIRE_E_INVALID);
    ck_assert_int_eq(quire_read_text_file(&ctx, s.path, &text), QUIRE_E_INVALID);
    ck_assert_uint_eq(log.n_errors, 3);
    scratch_remove(&s);
}
END_TEST

/* --- failures --------------------------------------------------------------------------------- */

static quire_status
annotate_and_leave(quire_ctx *ctx, quire_model *m)
{
    quire_annotations a;
    quire_claims left = {0};
    QUIRE_TRY(quire_annotations_load(ctx, m, NULL, NULL, NULL, &a));
    quire_status status = quire_annotations_attach(ctx, m, &a.resolved);
    if (status == QUIRE_OK) status = quire_annotations_left(ctx, m, &a.resolved, &left);
    if (status == QUIRE_OK) status = quire_annotations_store(ctx, m, &left);
    quire_claims_deinit(ctx, &left);
    quire_annotations_deinit(ctx, &a);
    return status;
}

/* The n-th allocation fails; true once none does. */
static bool
run_with_fault(size_t n)
{
    static const char text[] =
        "<ir_version: 8, opset_import: [\"\" : 17], metadata_props: [\"ai.quire.annotations\": "
        "\"quire-annotations 1\nb<-0 u8 tensor affine zp=int by p\nc<-0 = b<-0 by q\ny i32 tensor "
        "symmetric zp=none derived bias(b<-0) by p\"]>"
        "g (float[2] x) => (float[2] y) { a = Neg(x) b = Abs(a) c = Add(b, a) y = Relu(c) }";
    fault_alloc alloc;
    fault_log log = {0};
    quire_model *m = NULL;
    fault_alloc_init(&alloc, n, false);
    quire_ctx ctx = fault_ctx(&alloc, NULL, &log);
    quire_status status = quire_model_parse(&ctx, quire_bytes_of(text), NULL, &m);
    if (status == QUIRE_OK) {
        status = annotate_and_leave(&ctx, m);
        quire_model_destroy(&ctx, m);
    }
    ck_assert_msg(status == QUIRE_OK || status == QUIRE_E_NOMEM, "%s: %s", log.path, log.message);
    ck_assert(fault_alloc_is_clean(&alloc));
    ck_assert_uint_eq(log.n_errors, status == QUIRE_OK ? 0 : 1);
    return alloc.n_failed == 0;
}

START_TEST(every_allocation_may_fail)
{
    size_t n = 1;
    while (!run_with_fault(n))
        n++;
    ck_assert_uint_gt(n, 30);
}
END_TEST

int
main(void)
{
    TCase *all = tcase_create("annotate");
    tcase_set_timeout(all, 300);
    tcase_add_test(all, without_edits_all_is_left);
    tcase_add_test(all, the_least_that_is_left_carries_the_spec_of_its_group);
    tcase_add_test(all, a_slot_that_carries_the_spec_is_pointed_at_before_lesser_ones);
    tcase_add_test(all, the_group_keeps_its_observer_if_something_pointed_at_it);
    tcase_add_test(all, a_slot_keeps_its_own_observer_if_nothing_pointed_elsewhere);
    tcase_add_test(all, sources_of_derived_are_replaced_within_their_group);
    tcase_add_test(all, derived_of_a_group_that_is_gone_goes_with_its_whole_group);
    tcase_add_test(all, who_pointed_at_a_derived_slot_that_is_gone_derives_itself);
    tcase_add_test(all, a_handed_derivation_names_what_is_left_of_its_sources);
    tcase_add_test(all, a_handed_derivation_keeps_the_observer_of_its_source);
    tcase_add_test(all, losers_stay_unless_they_asked_for_a_slot_that_is_gone);
    tcase_add_test(all, annotations_of_a_value_go_with_its_name);
    tcase_add_test(all, attaching_anew_forgets_what_was_attached);
    tcase_add_test(all, whatever_is_erased_the_rest_resolves_to_the_same_specs);
    tcase_add_test(all, without_a_source_there_is_nothing);
    tcase_add_test(all, what_is_stored_is_the_entry_and_is_loaded_again);
    tcase_add_test(all, a_text_file_stands_before_the_entry);
    tcase_add_test(all, named_errors_and_unknown_slots_are_invalid);
    tcase_add_test(all, text_files_are_read_up_to_their_limit);
    tcase_add_test(all, every_allocation_may_fail);
    return table_case_main(all, "annotate");
}
