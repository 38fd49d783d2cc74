/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which connects show whether an endpoint is healthy. Those in an unprivileged user's network
 * namespace do not, as they may never have left it; nor does a failure that policy caused, or one
 * that the program did not wait for. */
#pragma once

#include "datapath/observe/record.h"
#include "mesh-config/model/model.h"

struct evidence;

/* NULL when memory is short. */
struct evidence *evidence_new(uint64_t seed);
void evidence_free(struct evidence *e);

/* A decision of this node, before the record of the client's connection. */
void evidence_verdict(struct evidence *e, const struct verdict *v);

/* Whether |r|, |c| is the outcome of a client that counts. |m| is the mesh of |generation|: the
 * policies that a server on another node has, too. */
bool evidence_request(const struct request *r);
bool evidence_connect(struct evidence *e, const struct mesh *m, uint64_t generation,
		      const struct connection *c);
