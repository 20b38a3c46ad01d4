/* guarded.h - names for the checks that stand between quire and what a plugin says and does.
 *
 * Each has a name so that a test can show that it is needed: a build with QUIRE_WITHOUT_GUARD set
 * to one of these numbers does without that check, and the plugin of tests/conformance/plugin that
 * it is for must then get away with something (ctest conformance/guard-NAME).
 */
#ifndef QUIRE_PLUGIN_GUARDED_H
#define QUIRE_PLUGIN_GUARDED_H

/* The file a guard is in, its name, what it is against, and the texts of tests/golden/hostile that
 * need it. tests/CMakeLists.txt reads the rows. */
#define QUIRE_GUARDS(X)                                                                            \
    X(host_view, STRUCT_SIZES, "structs of a size that is none",                                   \
      "sizes-short sizes-huge sizes-none")                                                         \
    X(host_view, FOREIGN_IDS, "ids that are none of the model's",                                  \
      "ids-node ids-value ids-graph ids-place")                                                    \
    X(host_view, ERASED, "ids of what was erased", "erased-claim erased-read")                     \
    X(host_view, STRINGS, "strings without end, or nowhere", "strings-huge strings-none")          \
    X(host_view, KEPT_TABLES, "tables used after their callback", "kept-validate kept-destroy")    \
    X(host_view, FLOODS, "more than a model can need",                                             \
      "floods-claims floods-skips floods-findings")                                                \
    X(host, MESSAGES, "more messages than a person reads", "floods-messages")                      \
    X(host, STATUS, "numbers that are no status", "status-huge status-negative qparams-status")    \
    X(host_spec, TARGETS, "targets that are not there",                                            \
      "targets-countless targets-nine targets-nowhere")                                            \
    X(guard, ARITHMETIC, "a changed rounding mode", "settings-arithmetic")                         \
    X(guard, LOCALE, "a changed locale", "settings-locale")                                        \
    X(descriptor, TEXTS, "texts without end", "descriptor")                                        \
    X(options_check, OPTIONS, "values outside of the options struct", "options")                   \
    X(run, VERIFIER, "transforms that leave no graph", "edits-cycle")                              \
    X(supports, SUPPORTS, "support rows without end", "supports-endless")                          \
    X(formula, PARAMETERS, "parameters that are none",                                             \
      "qparams-nan qparams-zero qparams-negative qparams-infinite "                                \
      "qparams-zero-point")                                                                        \
    X(formula, OVERRUN, "writing into what is the host's",                                         \
      "qparams-overrun qparams-count qparams-input")                                               \
    X(isolate, ISOLATION, "everything else",                                                       \
      "isolated-abort isolated-wild isolated-longjmp isolated-spin")

enum {
    QUIRE_GUARD_NONE,
#define X(file, name, against, golden) QUIRE_GUARD_##name,
    QUIRE_GUARDS(X)
#undef X
};

#ifndef QUIRE_WITHOUT_GUARD
#define QUIRE_WITHOUT_GUARD NONE
#endif
#define QUIRE_GUARD_CAT_(a, b) a##b
#define QUIRE_GUARD_CAT(a, b)  QUIRE_GUARD_CAT_(a, b)
/* 1, unless this build does without the check. */
#define QUIRE_GUARD(name)                                                                          \
    ((int)QUIRE_GUARD_##name != (int)QUIRE_GUARD_CAT(QUIRE_GUARD_, QUIRE_WITHOUT_GUARD))

#endif
