/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the L4 flow counters of the kernel half in batches, adds up their CPUs and takes out the
 * idle ones. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct flows;

/* What went through one interface in one direction with one protocol. Never goes down: flows that
 * were taken out stay in it. */
struct flows_total {
	uint32_t ifindex;
	uint16_t direction; /* WEFT_INGRESS, WEFT_EGRESS */
	uint16_t protocol;  /* IPPROTO_TCP, IPPROTO_UDP, or 0: all others */
	uint64_t packets;   /* as in struct weft_flow */
	uint64_t bytes;
	uint32_t live; /* flows in the table at the last complete pass */
};

struct flows_health {
	uint64_t live;	  /* flows in the table at the last complete pass */
	uint64_t expired; /* taken out by flows_read since flows_new */
	uint64_t evicted; /* thrown out by the kernel to make room since the first complete pass */
	uint64_t totals_evicted; /* interfaces forgotten to make room for others */
};

/* One flow, its CPUs added up; both pointers are valid during the call. |expired|: it was just
 * taken out. */
typedef void (*flows_fn)(void *arg, const struct weft_flow_key *key, const struct weft_flow *flow,
			 bool expired);

/* |map_fd| is weft_flows and stays the caller's. Flows idle for |idle_ns| are taken out (0: never).
 * 0, -ENOMEM, or -EINVAL when the map is not of this ABI. Free with flows_free. */
int flows_new(int map_fd, uint64_t idle_ns, struct flows **ret_flows, struct error *err);
void flows_free(struct flows *f);

/* Reads flows for |budget_ns| at most (one batch at least); the next call goes on where this one
 * stopped. |now_ns| is CLOCK_MONOTONIC. |fn| may be NULL. A flow that comes or goes meanwhile may
 * be met or not; none is met twice in a pass except while the kernel moves it. Returns 1 at the end
 * of a pass, 0 when there is more, or the negative errno of the map operation (the pass then begins
 * anew). */
int flows_read(struct flows *f, uint64_t now_ns, uint64_t budget_ns, flows_fn fn, void *arg);

/* Walks the totals as of the last complete pass. */
void flows_visit_totals(const struct flows *f,
			void (*visit)(void *arg, const struct flows_total *total), void *arg);

/* |created| is the kernel half's counter WEFT_COUNT_FLOWS_SEEN, read after the last complete pass;
 * evicted = created - expired - live, exact while no flow begins between the two readings, else a
 * little high. */
struct flows_health flows_health(struct flows *f, uint64_t created);
