/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `weft simulate`: the endpoint a connect would get, determined by the kernel's own code with the
 * generation in force, and what policies decide about it. */
#pragma once

#include "base/error.h"

struct ipc;
struct explain_kernel;
struct generation;
struct text;

/* |from|: an address, WORKLOAD or NAMESPACE/WORKLOAD, in whichever way it is known; "" = any
 * client. |to|: ADDRESS:PORT, a host, a service or NAMESPACE/SERVICE, with :PORT unless it has one
 * port only. Writes one JSON object and a line end: "verdict" is that of balancing and policies
 * together, "policy" what policies say as explain_put writes it, "hint" what was probably meant. 0;
 * -EINVAL, -ENOENT or what asking the kernel met, with |err|. */
int simulate_write(const struct generation *g, struct ipc *loader,
		   const struct explain_kernel *kernel, const char *from, const char *to,
		   struct text *out, struct error *err);
