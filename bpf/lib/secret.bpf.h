/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: shared by all probes on TLS libraries: read the traced program's memory, send a
 * secret. */
#pragma once

#include "bpf/lib/emit.bpf.h"

/* Reads memory of the program; pages that are not present are faulted in, as an access by the
 * program would do. */
static __always_inline long user_read(void *to, __u32 size_bytes, __u64 from)
{
	if (!bpf_probe_read_user(to, size_bytes, (const void *)from))
		return 0;
	return bpf_copy_from_user(to, size_bytes, (const void *)from);
}

/* The settings if secrets of this thread's program are wanted, else NULL. */
static __always_inline const struct weft_settings *secrets_wanted(void)
{
	const struct weft_settings *set = settings();

	if (!set || !set->tls_keys || set->own_pid == bpf_get_current_pid_tgid() >> 32)
		return NULL;
	return set;
}

/* Sends |r|; fills in the event and the thread. No ring record is reserved while the program's
 * memory is read: that may sleep, and a reserved record blocks the reader. */
static __always_inline void secret_send(struct weft_secret *r, const struct weft_settings *set)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct weft_secret *record;

	r->cgroup_id = bpf_get_current_cgroup_id();
	r->pid = thread >> 32;
	r->tid = thread;
	event_fill(&r->event, WEFT_EVENT_SECRET, sizeof(*r), bpf_ktime_get_ns());
	record = bpf_ringbuf_reserve(&weft_ring, sizeof(*r), 0);
	if (!record) {
		count_lost(WEFT_LOST_RING_SECRET);
		return;
	}
	*record = *r;
	event_submit(record, set);
}
