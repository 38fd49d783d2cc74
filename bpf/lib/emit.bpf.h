/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: counting and sending. Nothing is dropped without its counter. */
#pragma once

#include "bpf/lib/maps.bpf.h"

static __always_inline __u64 *counter_of(__u32 index)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct weft_cpu_counts *counts = bpf_map_lookup_elem(&weft_counters, &cpu);

	return counts && index < WEFT_LOSS_MAX + WEFT_COUNT_MAX ? &counts->of[index] : NULL;
}

/* Atomic although per CPU: a program in process context can be interrupted by one in softirq. */
static __always_inline void count_add(__u32 index, __u64 amount)
{
	__u64 *counter = counter_of(index);

	if (counter)
		__sync_fetch_and_add(counter, amount);
}

/* Counts one lost event; |loss| is a WEFT_LOST_*. */
static __always_inline void count_lost(__u32 loss)
{
	count_add(loss, 1);
}

/* Counts approximately: an interrupted addition may be lost. */
static __always_inline void count_about(__u32 what, __u64 amount)
{
	__u64 *counter = counter_of(WEFT_LOSS_MAX + what);

	if (counter)
		*counter += amount;
}

/* Counts |amount| of a WEFT_COUNT_*. */
static __always_inline void count(__u32 what, __u64 amount)
{
	count_add(WEFT_LOSS_MAX + what, amount);
}

static __always_inline struct weft_settings *settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weft_settings, &zero);
}

static __always_inline void event_fill(struct weft_event *event, __u16 kind, __u32 size_bytes,
				       __u64 time_ns)
{
	event->time_ns = time_ns;
	event->size_bytes = size_bytes;
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
}

/* Submits a record with |waiting| bytes before it; wakes the reader only when that is at least
 * ring_wakeup_bytes (the reader also polls on a timer). */
static __always_inline void event_submit_after(void *record, const struct weft_settings *set,
					       __u64 waiting)
{
	bpf_ringbuf_submit(record, waiting >= set->ring_wakeup_bytes ? BPF_RB_FORCE_WAKEUP
								     : BPF_RB_NO_WAKEUP);
}

static __always_inline void event_submit(void *record, const struct weft_settings *set)
{
	event_submit_after(record, set, bpf_ringbuf_query(&weft_ring, BPF_RB_AVAIL_DATA));
}
