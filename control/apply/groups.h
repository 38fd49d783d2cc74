/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How far the path of a control group can be trusted: a user to whom a group is delegated gives
 * groups below it any name. Pure. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

/* How certain it is that a group is a unit of the host's service manager. */
enum group_rank {
	GROUP_OF_OTHERS, /* below another unit: of a manager of a user, of a container, of a service
			    that makes groups */
	GROUP_MAYBE,	 /* below what is neither unit nor slice */
	GROUP_OF_SYSTEM, /* below slices alone (systemd.slice(5)) */
};

/* Facts from the ancestors of a group, from the root down. */
struct group_above {
	enum group_rank rank;
	bool of_user; /* the service manager of a user (user@.service(5)) is one of them: that user
			 may make what is below it */
};

#define GROUP_TOP ((struct group_above){.rank = GROUP_OF_SYSTEM})

/* One group further down: |name| is above from here on. */
void group_descend(struct group_above *g, struct slice name);

/* Of a group whose path, without its last component, is |above| ("/system.slice/", "/", ""). */
enum group_rank group_rank(struct slice above);
