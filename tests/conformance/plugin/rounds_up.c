/* rounds_up.c - changes the rounding mode and the locale while it is loaded, as code linked with
 * -ffast-math or an eager library does.
 */
#include <fenv.h>
#include <locale.h>

#include "plain.h"

__attribute__((constructor)) static void
change_everything(void)
{
    fesetround(FE_UPWARD);
    setlocale(LC_ALL, "C.UTF-8");
}

static const quire_quantizer quantizer = PLAIN_QUANTIZER("rounds-up");

PLAIN_ONE("rounds-up", &quantizer)
