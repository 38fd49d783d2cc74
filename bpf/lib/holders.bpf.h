/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: the current holders of a socket, as walks over files found them; there may be several.
 * While a walk runs, findings of the walk before still count; a socket that no walk finds any more
 * (in flight between processes, registered with io_uring) keeps its last known holders. */
#pragma once

#include "bpf/lib/identity.bpf.h"

#define HOLDERS_UNKNOWN 0x7fffffff /* not a cell: no walk has found a holder to add */

static __always_inline struct weft_holding *holding(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weft_holding, &zero);
}

/* The oldest walk whose findings count. */
static __always_inline __u32 holders_since(const struct holders *holders)
{
	const struct weft_holding *all = holding();

	return all && holders->walk > all->completed ? holders->before : holders->walk;
}

static __always_inline bool holder_counts(const struct holder *holder, __u32 since)
{
	return holder->walk && holder->walk >= since;
}

/* The |number|th workload that holds a socket, for the generation and the address in |s|. 0: there
 * are no more; IDENTITY_MANY: more than the table holds. Consecutive equal ones count once. */
__weak __noinline int identity_of_holder(const struct holders *holders, struct identity_search *s,
					 __u32 number)
{
	bool found = false;
	__u32 since, last = 0;

	if (!holders || !s)
		return HOLDERS_UNKNOWN;
	since = holders_since(holders);
	for (__u32 i = 0; i < HOLDERS_MAX; i++) {
		const struct holder *holder = &holders->holder[i];

		if (!holder_counts(holder, since))
			continue;
		found = true;
		identity_of_facts(s, &holder->facts);
		if (!s->identity || s->identity == last)
			continue;
		last = s->identity;
		if (!number--)
			return (int)last;
	}
	if (!found)
		return HOLDERS_UNKNOWN;
	return !number && holders->more && holders->more >= since ? (int)IDENTITY_MANY : 0;
}

/* ---- events that may change the holders */

/* Wakes the agent for a walk, unless one is requested already. */
static __always_inline void holders_stir(void)
{
	struct weft_holding *all = holding();
	__u64 record = 0;

	if (!all || all->stirred)
		return;
	all->stirred = 1;
	bpf_ringbuf_output(&weft_stir, &record, sizeof(record), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void binder_add(__u32 pid)
{
	__u32 one = 1;

	if (!bpf_map_lookup_elem(&weft_binders, &pid))
		bpf_map_update_elem(&weft_binders, &pid, &one, BPF_ANY);
}

static __always_inline bool is_binder(__u32 pid)
{
	return bpf_map_lookup_elem(&weft_binders, &pid);
}
