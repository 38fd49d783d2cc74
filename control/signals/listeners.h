/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listening sockets and their queues, added up by workload and port (several sockets may share a
 * port). */
#pragma once

#include "control/signals/series.h"
#include "control/signals/workloads.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

struct listeners;

/* All sockets of a workload that listen on one port. */
struct listen_queue {
	const struct identity *identity; /* labels: workload, namespace_ */
	uint64_t length;		 /* connections that wait now */
	uint64_t limit;
	uint64_t drops;	  /* total, including closed sockets */
	uint32_t sockets; /* each accepts one more than its limit */
	uint32_t workload_id;
	uint16_t port;
};

/* At most |limit| sockets. NULL when memory is short. */
struct listeners *listeners_new(uint32_t limit, uint64_t seed);
void listeners_free(struct listeners *l);

void listeners_add(struct listeners *l, const struct listener *report,
		   const struct workload *workload, uint64_t now_ns);

/* Forgets sockets that were not reported for |idle_ns|. */
void listeners_expire(struct listeners *l, uint64_t now_ns, uint64_t idle_ns);

/* The queue at |position| (0, 1, ...), NULL beyond the last. */
const struct listen_queue *listeners_at(const struct listeners *l, uint32_t position);

/* Of a workload. */
struct listen_state {
	double fill; /* 0..1: its fullest queue; 1: the next connection is refused; NAN: it has none
		      */
	uint64_t drops; /* of all queues that it has or had */
	bool known;	/* it has, or had one */
};

void listeners_of(const struct listeners *l, uint32_t workload_id, struct listen_state *ret);

const struct series *listeners_sockets(const struct listeners *l);
