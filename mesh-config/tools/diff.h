/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs between two meshes, in words: what `weft config diff` prints. */
#pragma once

#include "mesh-config/model/model.h"

/* One difference. */
struct diff_line {
	char sign;	    /* '+' came, '-' went, '~' changed */
	const char *object; /* "service shop/cart" */
	const char *what; /* of a change: "endpoint 10.0.0.3 came", "balance random to maglev"; else
			     "" */
};

/* Tells |visit| each difference, objects by kind, then by namespace and name; texts are borrowed
 * during the visit. Returns how many, or -ENOMEM. Two that have the same hash do not differ; where
 * nothing differs with other hashes, what is written means the same. */
int mesh_diff(const struct mesh *old, const struct mesh *new,
	      void (*visit)(void *arg, const struct diff_line *line), void *arg);
