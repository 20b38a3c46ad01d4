/* resolve_case.h - a model and requests written as text, resolved; the outcome as text again. For
 * tests of resolve_*.c.
 */
#ifndef QUIRE_TESTS_RESOLVE_CASE_H
#define QUIRE_TESTS_RESOLVE_CASE_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/parse.h"
#include "passes/resolve.h"
#include "support/fault.h"
#include "support/suite.h"

#define MODEL "<ir_version: 8, opset_import: [\"\" : 17]>\n"
#define NOTE  "quire-annotations 1\n"
/* Activations, and the same with another observer. */
#define A       "u8 tensor affine zp=int observer=minmax"
#define A_HISTO "u8 tensor affine zp=int observer=histogram"
#define W       "i8 axis=0 symmetric zp=none observer=minmax"
#define B       "i8 tensor affine zp=int observer=minmax"

typedef struct resolve_case {
    quire_ctx ctx;
    fault_log log;
    quire_model *m;
    quire_claims claims;
    quire_resolved r;
    quire_text text; /* of the last resolve_case_... that gave a text */
    char error[2200];
    bool resolved;
} resolve_case;

/* Both texts must read. Claims on slots the graph does not have are refused, targets become
 * NAMED. */
static inline void
resolve_case_read(resolve_case *c, const char *model, const char *claims)
{
    quire_slot_reader reader;
    *c = (resolve_case){0};
    c->ctx = fault_ctx(NULL, NULL, &c->log);
    quire_status status = quire_model_parse(&c->ctx, quire_bytes_of(model), NULL, &c->m);
    ck_assert_msg(status == QUIRE_OK, "%s: %s\n%s", c->log.path, c->log.message, model);
    status = quire_slot_reader_init(&c->ctx, c->m, QUIRE_MISSING_NAMED, &reader);
    ck_assert_int_eq(status, QUIRE_OK);
    status = quire_claims_parse(&reader, quire_bytes_of(claims), &c->claims);
    ck_assert_msg(status == QUIRE_OK, "%s: %s\n%s", c->log.path, c->log.message, claims);
    quire_slot_reader_deinit(&reader);
}

static inline void
resolve_case_forget(resolve_case *c)
{
    if (c->resolved) quire_resolved_deinit(&c->ctx, &c->r);
    c->resolved = false;
    quire_text_free(&c->ctx, &c->text);
}

static inline quire_status
resolve_case_resolve(resolve_case *c, const quire_resolve_options *options)
{
    resolve_case_forget(c);
    const quire_status status = quire_resolve(&c->ctx, c->m, &c->claims, options, &c->r);
    c->resolved = status == QUIRE_OK || status == QUIRE_NONE;
    return status;
}

static inline void
resolve_case_close(resolve_case *c)
{
    resolve_case_forget(c);
    quire_claims_deinit(&c->ctx, &c->claims);
    quire_model_destroy(&c->ctx, c->m);
}

static inline const char *
resolve_case_end_text(resolve_case *c, quire_writer *w)
{
    ck_assert_int_eq(quire_writer_finish(w), QUIRE_OK);
    return c->text.ptr;
}

/* `a b; c d`: the groups, members by blanks. */
static inline const char *
resolve_case_groups(resolve_case *c)
{
    quire_writer w;
    quire_text_free(&c->ctx, &c->text);
    quire_writer_to_text(&w, &c->ctx, &c->text);
    for (size_t g = 0; g < c->r.n_groups; g++) {
        for (uint32_t i = 0; i < c->r.groups[g].n_members; i++) {
            const uint32_t a = c->r.members[c->r.groups[g].members + i];
            ck_assert_uint_eq(c->r.annotations[a].group, g);
            quire_write_str(&w, i > 0 ? " " : g > 0 ? "; " : "");
            quire_slot_print(&w, c->m, c->r.annotations[a].slot);
        }
    }
    return resolve_case_end_text(c, &w);
}

/* The spec in force at the group of annotation number a. */
static inline const char *
resolve_case_spec(resolve_case *c, const char *slot)
{
    quire_writer w;
    for (size_t i = 0; i < c->r.n_annotations; i++) {
        quire_text_free(&c->ctx, &c->text);
        quire_writer_to_text(&w, &c->ctx, &c->text);
        quire_slot_print(&w, c->m, c->r.annotations[i].slot);
        if (strcmp(resolve_case_end_text(c, &w), slot) != 0) continue;
        quire_text_free(&c->ctx, &c->text);
        quire_writer_to_text(&w, &c->ctx, &c->text);
        quire_spec_print(&w, c->m, quire_resolved_spec(c->m, &c->r, &c->r.annotations[i]));
        return resolve_case_end_text(c, &w);
    }
    return "(not annotated)";
}

/* The slots of the error, by blanks. */
static inline const char *
resolve_case_error_slots(resolve_case *c)
{
    quire_writer w;
    quire_text_free(&c->ctx, &c->text);
    quire_writer_to_text(&w, &c->ctx, &c->text);
    for (size_t i = 0; i < c->r.n_error_slots; i++) {
        if (i > 0) quire_write_str(&w, " ");
        quire_slot_print(&w, c->m, c->r.error_slots[i]);
    }
    return resolve_case_end_text(c, &w);
}

/* The links of every group connect its members and nothing else. */
static inline void
resolve_case_check_links(const resolve_case *c)
{
    size_t n = 0;
    for (size_t g = 0; g < c->r.n_groups; g++) {
        const quire_group *group = &c->r.groups[g];
        const uint32_t first = c->r.members[group->members];
        ck_assert_uint_eq(group->members - g, n);
        n += group->n_members - 1;
        for (uint32_t i = 0; i < group->n_members; i++) {
            quire_ctx ctx = c->ctx;
            const uint32_t to = c->r.members[group->members + i];
            uint32_t at = first;
            quire_link *links;
            size_t n_links;
            ck_assert_int_eq(quire_resolved_chain(&ctx, &c->r, first, to, &links, &n_links),
                             QUIRE_OK);
            for (size_t k = 0; k < n_links; k++) {
                ck_assert_uint_eq(links[k].a, at);
                at = links[k].b;
            }
            ck_assert_uint_eq(at, to);
            quire_free(ctx.alloc, links, n_links * sizeof *links);
        }
    }
    ck_assert_uint_eq(c->r.n_links, n);
}

/* `claims` without the first line over `model` gives these groups; the list turned around, too. */
static inline void
expect_groups(const char *model, const char *claims, const char *groups)
{
    resolve_case c;
    char text[4096];
    snprintf(text, sizeof text, NOTE "%s", claims);
    resolve_case_read(&c, model, text);
    for (int turn = 0; turn < 2; turn++) {
        const quire_status status = resolve_case_resolve(&c, NULL);
        ck_assert_msg(status == QUIRE_OK, "%s", c.r.message.ptr);
        ck_assert_str_eq(resolve_case_groups(&c), groups);
        resolve_case_check_links(&c);
        for (size_t i = 0; i < c.claims.n / 2; i++) {
            const quire_claim claim = c.claims.ptr[i];
            c.claims.ptr[i] = c.claims.ptr[c.claims.n - 1 - i];
            c.claims.ptr[c.claims.n - 1 - i] = claim;
        }
    }
    resolve_case_close(&c);
}

/* ... gives this error, which touches these slots. The message in full. */
static inline void
expect_error(const char *model, const char *claims, const char *slots, const char *message)
{
    resolve_case c;
    char text[4096];
    snprintf(text, sizeof text, NOTE "%s", claims);
    resolve_case_read(&c, model, text);
    ck_assert_int_eq(resolve_case_resolve(&c, NULL), QUIRE_NONE);
    ck_assert_str_eq(c.r.message.ptr, message);
    ck_assert_str_eq(resolve_case_error_slots(&c), slots);
    ck_assert_uint_eq(c.log.n_errors, 0);
    const char *name = quire_named_error_text(c.r.error);
    ck_assert_msg(strncmp(message, name, strlen(name)) == 0, "%s", name);
    resolve_case_close(&c);
}

static inline int
resolve_case_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}

#endif
