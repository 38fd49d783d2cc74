/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The definition of struct signals, for signals.c and collect.c only. */
#pragma once

#include "control/signals/encryption.h"
#include "control/signals/exemplars.h"
#include "control/signals/istio.h"
#include "control/signals/listeners.h"
#include "control/signals/objectives.h"
#include "control/signals/signals.h"
#include "control/signals/verdicts.h"

/* The bounded sets, as label `table` names them. X(NAME, "text", where) */
#define SIGNALS_TABLES(X)                                                                          \
	X(REQUESTS, "requests", s->requests)                                                       \
	X(TCP, "tcp", s->tcp)                                                                      \
	X(EDGES, "edges", s->edges)                                                                \
	X(CONNECTIONS, "connections", s->living)                                                   \
	X(LISTENERS, "listeners", listeners_sockets(s->listeners))                                 \
	X(TLS, "tls", s->tls)                                                                      \
	X(CERTIFICATES, "certificates", s->certificates)                                           \
	X(VERDICTS, "verdicts", s->verdicts)

enum signals_table {
#define X(name, ...) SIGNALS_TABLE_##name,
	SIGNALS_TABLES(X)
#undef X
		SIGNALS_TABLE_MAX
};

struct signals {
	struct signals_limits limits;
	const char *cluster;
	uint64_t now_ns;
	uint64_t serial; /* the last one given to a request series */
	uint32_t holds;
	struct workloads *workloads;
	struct principals *principals;
	struct series *requests; /* istio_key: istio_requests */
	struct series *tcp;	 /* istio_key: istio_tcp */
	struct series *edges;	 /* edge_key: edge */
	struct series *living;	 /* living_key: living */
	struct series *tls;	 /* tls_key: tls_connections */
	struct series *certificates;
	struct series *verdicts; /* verdict_key: verdict_count */
	struct listeners *listeners;
	struct exemplars *exemplars;
	struct objectives objectives;
	uint64_t gaps[REPORTER_MAX][REQUEST_GAP_MAX];
	struct endpoint own; /* port 0: the agent has no listener */
	struct health health;
};
