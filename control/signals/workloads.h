/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identities by their labels: identities with equal labels are one, so that no two series have the
 * same label set. */
#pragma once

#include "datapath/observe/record.h"

#include <stdint.h>

struct workloads;

/* An identity in series. Numbers are dense; 0 is the overflow identity. */
struct workload {
	uint32_t labels_id;		 /* equal for equal label sets (all but |kind|) */
	uint32_t workload_id;		 /* equal for equal workload and namespace */
	const struct identity *identity; /* one of those with these labels */
	const struct identity *named;	 /* one of those with this workload and namespace */
};

/* Represents everything beyond the bound of a table: all strings are "overflow". */
extern const struct identity identity_overflow;

/* For identities with index < |limit|; others are the overflow identity. NULL when
 * memory is short. */
struct workloads *workloads_new(uint32_t limit, uint64_t seed);
void workloads_free(struct workloads *w);

/* Never fails. |identity| must live as long as |w|. The result is valid until the next call with
 * the same index. */
const struct workload *workloads_resolve(struct workloads *w, const struct identity *identity);
