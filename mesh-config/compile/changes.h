/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two sequences of hashes compared: which runs are in both. */
#pragma once

#include <stdint.h>

/* |count| elements that are the same in both, in order. */
struct changes_run {
	uint32_t old_first, new_first, count;
};

struct changes {
	struct changes_run *runs; /* ascending in both */
	uint32_t count, capacity;
};

/* Fills |ret|, which may hold an earlier result. What lies outside of the runs changed, came or
 * went; where much moved about, runs may be missed. Linear. 0 or -ENOMEM. */
int changes_find(const uint64_t *old_hashes, uint32_t old_count, const uint64_t *new_hashes,
		 uint32_t new_count, struct changes *ret);
void changes_free(struct changes *c);
