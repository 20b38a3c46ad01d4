/* base.c - what a status is called and means, and the context of a plain program. */
#include "base/base.h"

#include "base/alloc.h"
#include "base/io.h"

const char *
quire_status_name(quire_status status)
{
    switch (status) {
#define NAME_CASE(name, value, exit_code, meaning)                                                 \
    case QUIRE_##name: return #name;
        QUIRE_STATUS_TABLE(NAME_CASE)
#undef NAME_CASE
    }
    return "unknown status";
}

int
quire_status_exit_code(quire_status status)
{
    switch (status) {
#define EXIT_CASE(name, value, exit_code, meaning)                                                 \
    case QUIRE_##name: return exit_code;
        QUIRE_STATUS_TABLE(EXIT_CASE)
#undef EXIT_CASE
    }
    return 70;
}

quire_ctx
quire_ctx_default(void)
{
    return (quire_ctx){.alloc = &quire_allocator_libc, .io = &quire_io_posix};
}
