/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `weft policy explain`: the decision of the policies about a connection, and its reasons. */
#pragma once

#include "control/export/explain_query.h"

struct json;
struct text;

/* |from|, |to|: an address, WORKLOAD or NAMESPACE/WORKLOAD; |from| "" = an unknown client at an
 * unknown address. |port|: of the listener. A workload with an address of its own is looked up by
 * that address, as for a connection: others may have it, too. If several workloads of one namespace
 * have the name (replicas), the answer is the one that they have in common, with the first one's
 * address; -EEXIST if their answers differ. A service is not a workload (-ENOENT), and neither is
 * its address. For an address of no workload, the network namespace of this node that has the
 * address and the program that listens there are used. |kernel| may be NULL. Writes one JSON object
 * and a line end. 0; -EINVAL, -EEXIST, -ENOENT, -ENOMEM or -E2BIG with |err|. */
int explain_write(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		  const char *to, const char *port, struct text *out, struct error *err);

/* Only the verdict, as an object of |j|: "verdict", "why", "policy", "rule", "source", "target".
 * |*ret_verdict|: its first word. 0, or as explain_write, and nothing is written. */
int explain_put(struct json *j, const char *key, const struct mesh *m,
		const struct explain_kernel *kernel, const char *from, const char *to,
		const char *port, const char **ret_verdict, struct error *err);
