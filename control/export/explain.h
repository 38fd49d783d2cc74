/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `weft policy explain`: what policies say of a connection and why, for people. */
#pragma once

#include "control/export/explain_ask.h"

struct json;
struct text;

/* |from|, |to|: an address, WORKLOAD or NAMESPACE/WORKLOAD; |from| "" = a client that the mesh does
 * not know, at an address that is not known. |port|: where the workload listens. A workload that
 * has an address of its own is asked for by it, as a connection does: others may have it too. Where
 * a name is that of several in one namespace, as replicas are, the answer is the one that all of
 * them get, with the first one's address; -EEXIST if they do not get the same. A service is none of
 * them (-ENOENT), by its address neither. Of an address that is no workload's, what the network
 * namespace of this node that has it and the program that listens there are. |kernel| may be NULL.
 * Writes one JSON object and a line end. 0; -EINVAL, -EEXIST, -ENOENT, -ENOMEM or -E2BIG with
 * |err|. */
int explain_write(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		  const char *to, const char *port, struct text *out, struct error *err);

/* The verdict alone, as an object of |j|: "verdict", "why", "policy", "rule", "source", "target".
 * Its first word is |*ret_verdict| too. 0 or as explain_write; then nothing is written. */
int explain_put(struct json *j, const char *key, const struct mesh *m,
		const struct explain_kernel *kernel, const char *from, const char *to,
		const char *port, const char **ret_verdict, struct error *err);
