/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: every map, declared here, defined in bpf/maps.bpf.c. Names have at most 15 characters. */
#pragma once

#include "bpf/lib/kernel.bpf.h"

/* All events of the kernel half, in order. Resized by the loader before load. */
struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
};
extern struct ring_map weft_ring SEC(".maps");

/* Per-CPU counters: WEFT_LOST_* first, then WEFT_COUNT_*. */
struct counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_LOSS_MAX + WEFT_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct counter_map weft_counters SEC(".maps");

struct settings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_settings);
};
extern struct settings_map weft_settings SEC(".maps");

/* L4 flows of the chosen interfaces. */
struct flow_map {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct weft_flow_key);
	__type(value, struct weft_flow);
};
extern struct flow_map weft_flows SEC(".maps");
