/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Golden signals per edge, source workload to destination workload, as one reporter sees it: totals
 * and the last seconds. */
#pragma once

#include "control/signals/encryption.h"
#include "control/signals/histogram.h"
#include "control/signals/listeners.h"
#include "control/signals/series.h"
#include "control/signals/workloads.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

#define GOLDEN_INTERVAL_NS 1000000000ull
#define GOLDEN_INTERVALS   10

struct edge_key {
	uint32_t source; /* workload.workload_id */
	uint32_t destination;
	uint32_t reporter;
	uint32_t pad;
};

/* One second of an edge. */
struct edge_interval {
	uint64_t number; /* which second, + 1: 0 = never used */
	uint64_t requests;
	uint64_t errors;
	uint64_t client_errors;
	uint64_t unknown; /* outcomes */
	uint64_t open_ns; /* sum over all requests of the time that each was open in it */
	uint64_t request_bytes;
	uint64_t response_bytes;
	uint64_t sent_bytes;
	uint64_t received_bytes;
	uint64_t opened;
	uint64_t closed;
	uint64_t failed;
	struct histogram latency; /* ns */
};

struct edge {
	const struct identity *source; /* NULL in a new one; labels: workload, namespace_ */
	const struct identity *destination;
	uint64_t first_interval;
	uint64_t requests;
	uint64_t errors;
	uint64_t client_errors;
	uint64_t unknown;	/* outcomes */
	uint64_t request_bytes; /* bodies */
	uint64_t response_bytes;
	uint64_t sent_bytes; /* connection payload, server to client */
	uint64_t received_bytes;
	uint64_t opened;
	uint64_t closed;
	uint64_t failed;
	uint64_t retransmits;
	uint64_t resets_by_client;
	uint64_t resets_by_server;
	uint64_t encrypted_requests;
	uint64_t tls_states[ENCRYPTION_STATES]; /* connections, each by the first state that was
						   reported */
	uint64_t own_requests;			/* of these, to the agent itself */
	uint64_t own_opened;
	uint32_t open;
	struct buckets handshake;			 /* us */
	struct buckets srtt;				 /* us */
	struct edge_interval ring[GOLDEN_INTERVALS + 1]; /* the last one is still filling */
};

/* The row shown to operators: per second over the last |window_s| complete seconds. */
struct edge_row {
	enum reporter reporter;
	bool other_side; /* the other reporter has a row for this edge, too */
	bool own;	 /* all its requests and connections are to the agent itself */
	const struct identity *source;
	const struct identity *destination;
	const struct edge *totals;
	const char *tls_state; /* of most of its connections that speak TLS; "": there are none */
	double window_s;       /* 0: no complete second yet, rates are 0 */
	double request_rate;
	double error_share; /* 0..1 of the requests whose outcome is known: no response, 5xx, gRPC
			     * status not OK; NAN without any */
	double client_error_share; /* 0..1 of the same: 4xx */
	double unknown_share;	   /* 0..1 of all: the outcome is not known; NAN without requests */
	double p50_ms;		   /* NAN without known durations */
	double p90_ms;
	double p99_ms;
	double request_bytes_rate;
	double response_bytes_rate;
	double sent_bytes_rate;
	double received_bytes_rate;
	double opened_rate;
	double closed_rate;
	double failed_rate;
	double in_flight;	   /* mean number of open requests */
	struct listen_state queue; /* of the destination */
};

/* How a request ended, for error shares. */
enum golden_outcome { GOLDEN_OK, GOLDEN_CLIENT_ERROR, GOLDEN_ERROR, GOLDEN_UNKNOWN };
enum golden_outcome golden_outcome(const struct request *r);

/* The edge of these ends; NULL when there is no room for an overflow edge either. */
struct edge *golden_edge(struct series *edges, enum reporter reporter,
			 const struct workload *source, const struct workload *destination,
			 uint64_t now_ns);

/* The interval of |now_ns|, emptied if it held an older second. */
struct edge_interval *golden_interval(struct edge *e, uint64_t now_ns);

/* Counts a connection that speaks TLS. */
void golden_add_tls(struct edge *e, const char *tls_state);

void golden_add_request(struct edge *e, const struct request *r, uint64_t now_ns);

/* A request was open from |from_ns| to |until_ns|; if |from_ns| is later, the difference was added
 * too much before and is subtracted. */
void golden_add_open(struct edge *e, uint64_t from_ns, uint64_t until_ns, uint64_t now_ns);

/* Mean number of open requests over the complete seconds of the window. */
double golden_in_flight(const struct edge *e, uint64_t now_ns);

/* Fills everything of |ret| but other_side and the queue. */
void golden_row(const struct edge *e, const struct edge_key *key, uint64_t now_ns,
		struct edge_row *ret);
