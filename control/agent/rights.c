// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcap-ng, on the sets of the process as they are now. */
#include "control/agent/rights.h"

#include <cap-ng.h>
#include <errno.h>

int rights_give_up(int capability, struct error *err)
{
	if (capng_get_caps_process())
		return error_set(err, -EPERM, "the capabilities of this process cannot be read");
	if (!capng_have_capability(CAPNG_PERMITTED, (unsigned)capability))
		return 0;
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
		     (unsigned)capability);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return error_set(err, -EPERM, "cannot give up %s",
				 capng_capability_to_name((unsigned)capability));
	return 0;
}
