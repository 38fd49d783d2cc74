/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The addresses that may be accelerated: endpoints of services with that setting. */
#pragma once

#include "control/ipc/ipc.h"
#include "control/apply/generation.h"

struct accelerate {
	uint64_t sent_hash; /* of the loader's list; 0: none */
};

/* Sends the list to the loader if it changed. |problem|: why a part of it is not in force, "" if
 * all is. False: the loader did not answer in time; try again. */
bool accelerate_send(struct accelerate *a, struct ipc *loader, const struct generation *g,
		     char *problem, size_t size);
