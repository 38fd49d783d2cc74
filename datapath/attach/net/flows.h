/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the L4 flow counters of the kernel half in batches, sums them over CPUs and removes idle
 * flows. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct flows;

/* Traffic through one interface in one direction with one protocol. Never decreases: removed flows
 * stay included. */
struct flows_total {
	uint32_t ifindex;
	uint16_t direction; /* WEFT_INGRESS, WEFT_EGRESS */
	uint16_t protocol;  /* IPPROTO_TCP, IPPROTO_UDP, or 0: all others */
	uint64_t packets;   /* as in struct weft_flow */
	uint64_t bytes;
	uint32_t live; /* flows in the table at the last complete pass */
};

struct flows_health {
	uint64_t live;		 /* flows in the table at the last complete pass */
	uint64_t expired;	 /* removed by flows_read since flows_new */
	uint64_t evicted;	 /* evicted by the kernel since the first complete pass */
	uint64_t totals_evicted; /* interfaces evicted to make room for others */
};

/* One flow, summed over CPUs; both pointers are valid during the call. |expired|: it was just
 * removed. */
typedef void (*flows_fn)(void *arg, const struct weft_flow_key *key, const struct weft_flow *flow,
			 bool expired);

/* |map_fd| is weft_flows and stays the caller's. Flows idle for |idle_ns| are removed (0: never).
 * 0, -ENOMEM, or -EINVAL when the map is not of this ABI. Free with flows_free. */
int flows_new(int map_fd, uint64_t idle_ns, struct flows **ret_flows, struct error *err);
void flows_free(struct flows *f);

/* Reads flows for |budget_ns| at most (at least one batch); the next call continues there. |now_ns|
 * is CLOCK_MONOTONIC. |fn| may be NULL. A flow that is created or removed meanwhile may be visited
 * or not; no flow is visited twice in a pass unless the kernel moves it. Returns 1 at the end of a
 * pass, 0 when there is more, or the negative errno of the map operation (the pass then starts
 * again). */
int flows_read(struct flows *f, uint64_t now_ns, uint64_t budget_ns, flows_fn fn, void *arg);

/* Visits the totals as of the last complete pass. */
void flows_visit_totals(const struct flows *f,
			void (*visit)(void *arg, const struct flows_total *total), void *arg);

/* |created| is the kernel half's counter WEFT_COUNT_FLOWS_SEEN, read after the last complete pass;
 * evicted = created - expired - live, exact if no flow begins between the two readings, else
 * slightly too high. */
struct flows_health flows_health(struct flows *f, uint64_t created);
