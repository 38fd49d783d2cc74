// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcap-ng, on the sets of the process as they are now. */
#include "control/agent/rights.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>

void rights_pass_on(int capability)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (capng_get_caps_process() ||
	    !capng_have_capability(CAPNG_PERMITTED, (unsigned)capability))
		return;
	capng_update(CAPNG_ADD, CAPNG_INHERITABLE, (unsigned)capability);
	if (!capng_apply(CAPNG_SELECT_CAPS))
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

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
