// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcap-ng, on the sets of the process as they are now. */
#include "control/rights.h"

#include <cap-ng.h>

void rights_give_up(int capability)
{
	capng_get_caps_process();
	if (!capng_have_capability(CAPNG_PERMITTED, (unsigned)capability))
		return;
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
		     (unsigned)capability);
	capng_apply(CAPNG_SELECT_CAPS);
}
