/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `weft simulate`: where a connect would go, decided by the kernel's own code on what is in force.
 */
#pragma once

#include "base/error.h"

struct broker;
struct generation;
struct text;

/* |from|: an address, WORKLOAD or NAMESPACE/WORKLOAD; "" = anybody. |to|: ADDRESS:PORT, a host, a
 * service or NAMESPACE/SERVICE, with :PORT unless it has one port only. Writes one JSON object and
 * a line end. 0; -EINVAL, -ENOENT or what asking the kernel met, with |err|. */
int simulate_write(const struct generation *g, struct broker *broker, const char *from,
		   const char *to, struct text *out, struct error *err);
