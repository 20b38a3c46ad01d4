/* quantizers.h - the quantizers and formulas that come with quire.
 *
 * They are written as any vendor's are: against quire/plugin.h and the C library, nothing else.
 */
#ifndef QUIRE_QUANTIZERS_QUANTIZERS_H
#define QUIRE_QUANTIZERS_QUANTIZERS_H

#include "quire/plugin.h"

extern const quire_quantizer quire_quantizer_embedding;
extern const quire_quantizer quire_quantizer_pt2e_embedding;
extern const quire_quantizer quire_quantizer_composable;

extern const quire_formula quire_formula_bias;

/* What quire_plugin_entry is to a shared object; a name of its own, because a program that links
 * the library may be a plugin, too. */
const quire_plugin *quire_builtin_entry(uint32_t host_major, uint32_t host_minor);

#endif
