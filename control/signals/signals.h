/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records in, bounded series out: what exporters and the API read. Pure: no system call, no clock,
 * no log. */
#pragma once

#include "base/error.h"
#include "control/signals/golden.h"
#include "control/signals/health.h"
#include "control/signals/living.h"
#include "control/signals/metrics.h"
#include "control/signals/sample.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

struct signals;

struct signals_limits {
	uint32_t series;       /* per family set (requests; TCP): default 10000 */
	uint32_t edges;	       /* default 1024, about 9.5 KiB each once used */
	uint32_t connections;  /* living, one per reporter: default 131072 */
	uint32_t identities;   /* at least observe_limits.identities: default 4096 */
	uint32_t listeners;    /* sockets: default 4096 */
	uint32_t certificates; /* default 1024 */
	uint32_t exemplars;    /* default 1024, 64 bytes each; a power of two */
	uint64_t idle_ns; /* series and edges that were idle for so long are removed: default 15 min
			   */
	uint64_t listener_idle_ns; /* listeners not reported for so long are gone: default 60 s */
	uint64_t
		connection_idle_ns; /* connections not reported for so long are gone: default 2 h */
	uint64_t seed; /* of the hashes: random, so that collisions cannot be constructed */
};
struct signals_limits signals_limits_default(void);

/* NULL and |err| on short memory or a bad limit. Free with signals_free. Identities given in
 * records must live until then. */
struct signals *signals_new(const struct signals_limits *limits, struct error *err);
void signals_free(struct signals *s);

/* Records of observe. Never fail: what exceeds a bound is counted in overflow series. */
void signals_request(struct signals *s, const struct request *r);
void signals_open_request(struct signals *s, const struct open_request *r);
void signals_connection(struct signals *s, const struct connection *c);
void signals_listener(struct signals *s, const struct listener *l);
void signals_verdict(struct signals *s, const struct verdict *v);

/* Sets the time (CLOCK_MONOTONIC) of the records that follow, and removes idle series. Call it
 * before the first record and about ten times a second. */
void signals_tick(struct signals *s, uint64_t now_ns);

/* The cluster's name in Istio's labels, borrowed; "Kubernetes", as Istio's, until the first call.
 */
void signals_set_cluster(struct signals *s, const char *name);

/* Address and port of the agent's own listener, copied; the address may be the unspecified one.
 * None until the first call. */
void signals_set_own(struct signals *s, const struct endpoint *own);

/* The agent's own health, copied; zero until the first call. */
void signals_set_health(struct signals *s, const struct health *h);

struct objective;

/* Replaces the objectives, see objectives_set. 0 or -ENOMEM. */
int signals_set_objectives(struct signals *s, const struct objective *rows, uint32_t count);
const struct health *signals_health(const struct signals *s);

/* While held, no series is removed, so that positions stay valid over several reads. Holds nest;
 * hold for seconds only. */
void signals_hold(struct signals *s);
void signals_release(struct signals *s);

enum collect {
	COLLECT_END,  /* no series at this position or beyond */
	COLLECT_SKIP, /* this position has no series of this metric */
	COLLECT_SAMPLE,
};

/* The series of |metric| at |position| (0, 1, ...), for exporters. |ret| borrows from |s| until its
 * next change. */
enum collect signals_collect(const struct signals *s, enum metric metric, uint32_t position,
			     struct sample *ret);

/* The edge at |position|, one row per reporter; false beyond the last one. */
bool signals_edge(const struct signals *s, uint32_t position, struct edge_row *ret);

/* How many connections live, counted once per reporter. */
uint32_t signals_living_count(const struct signals *s);

/* The living connection at |position|, one per reporter; NULL beyond the last one. |ret_reporter|
 * and |ret_id| may be NULL. */
const struct living *signals_living(const struct signals *s, uint32_t position,
				    enum reporter *ret_reporter, uint64_t *ret_id);
