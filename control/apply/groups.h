/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a control group's path may name: who may make groups below one gives them any name. Pure. */
#pragma once

#include "base/slice.h"

/* How sure it is that a group is a unit of the machine's service manager. */
enum group_rank {
	GROUP_OF_OTHERS, /* below another unit: of a manager of a user, of a container, of a service
			    that makes groups */
	GROUP_MAYBE,	 /* below what is neither unit nor slice */
	GROUP_OF_SYSTEM, /* below slices alone (systemd.slice(5)) */
};

/* Of a group whose path, without its last component, is |above| ("/system.slice/", "/", ""). */
enum group_rank group_rank(struct slice above);

/* Whether |above| leads through the service manager of a user (user@.service(5)), who may make what
 * is below it. */
bool group_is_of_user(struct slice above);
