/* header.c - the headers alone, as a plugin uses them; C of every version and C++. */
#include "quire/plugin.h"

#include "quire/plugin_draft.h"

int quire_header_knows_services(const quire_host *host);
int quire_header_knows_drafts(const quire_observer *observer);

int
quire_header_knows_services(const quire_host *host)
{
    return QUIRE_HAS(host, quire_host, get_service);
}

int
quire_header_knows_drafts(const quire_observer *observer)
{
    return QUIRE_HAS(observer, quire_observer, derive_qparams);
}

const quire_plugin *
quire_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    if (host_major != QUIRE_ABI_MAJOR) return NULL;
    return NULL;
}
