/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The drafts of one kind in order, kept so while files come and go. */
#pragma once

#include "mesh-config/schema/draft.h"

/* Sorted by namespace, sort name and name, then by place, up to |sorted|; what was added since is
 * behind. */
struct catalog {
	struct draft **items;
	uint32_t count, sorted, capacity;
};

/* False when memory is short. */
bool catalog_add(struct catalog *c, struct draft *d);

/* Takes the drafts of |kind| among those of one file (the list |d|) out. */
void catalog_remove(struct catalog *c, struct draft *d, enum kind_id kind);

/* Puts what was added in its place. False when memory is short. */
bool catalog_sort(struct catalog *c);

/* How many of a sorted catalog come before this namespace and sort name. */
uint32_t catalog_find(const struct catalog *c, const char *namespace_name, const char *sort_name);
