/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Istio's standard series: requests and TCP connections by Istio's label set, label text only when
 * rendered. */
#pragma once

#include "control/signals/histogram.h"
#include "control/signals/principals.h"
#include "control/signals/sample.h"
#include "control/signals/series.h"
#include "control/signals/workloads.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

/* What a series counts (label request_protocol). X(NAME, "text") */
#define ISTIO_PROTOCOLS(X)                                                                         \
	X(HTTP, "http")                                                                            \
	X(GRPC, "grpc")                                                                            \
	X(TCP, "tcp")

enum istio_protocol {
#define X(name, text) ISTIO_PROTOCOL_##name,
	ISTIO_PROTOCOLS(X)
#undef X
};

/* Values of istio_key beside real ones. */
#define ISTIO_STATUS_UNKNOWN  0xffffu /* a response's status was perhaps not seen */
#define ISTIO_STATUS_OVERFLOW 0xfffeu
#define ISTIO_FLAGS_OVERFLOW  UINT32_MAX

/* The key of an Istio series. */
struct istio_key {
	uint32_t source; /* workload.labels_id */
	uint32_t destination;
	int32_t grpc_status; /* GRPC_STATUS_UNKNOWN (-1) = "unknown"; rendered for gRPC only */
	uint32_t flags;	     /* RESPONSE_FLAG() */
	uint32_t source_principal; /* principal.id */
	uint32_t destination_principal;
	uint16_t status; /* response code, ISTIO_STATUS_* */
	uint8_t reporter;
	uint8_t protocol; /* ISTIO_PROTOCOL_* */
	uint8_t pad[4];
};

/* Both ends of a series. */
struct istio_ends {
	const struct identity *source; /* NULL in a new series */
	const struct identity *destination;
	const char *source_principal; /* proven by certificates of the connection, or "unknown" */
	const char *destination_principal;
};

/* Values of a request series. */
struct istio_requests {
	struct istio_ends ends;
	uint64_t serial; /* never used twice: exemplars refer to it */
	uint64_t requests;
	uint64_t request_messages;
	uint64_t response_messages;
	struct buckets duration; /* ns */
	struct buckets request_bytes;
	struct buckets response_bytes;
};

/* Values of a TCP series. */
struct istio_tcp {
	struct istio_ends ends;
	uint64_t sent_bytes;	 /* server to client, for both reporters */
	uint64_t received_bytes; /* client to server */
	uint64_t opened;
	uint64_t closed;
};

/* The status code that is reported: the one seen, 0 when no response began, ISTIO_STATUS_UNKNOWN
 * when parts of the exchange that may have held it were not seen. */
uint16_t istio_status(const struct request *r);

/* Adds |r| and returns its series; |*ret_bucket| is that of its duration, or BUCKETS_MAX when not
 * known. NULL only when there is no room for an overflow series either. */
struct istio_requests *istio_add_request(struct series *requests, struct principals *principals,
					 const struct request *r, const struct workload *source,
					 const struct workload *destination, uint64_t now_ns,
					 unsigned *ret_bucket);

/* The TCP series for a connection with these ends and flags: it is opened before certificates are
 * seen, so it has no principals. NULL as above. */
struct istio_tcp *istio_tcp_series(struct series *tcp, enum reporter reporter,
				   const struct workload *source,
				   const struct workload *destination, uint32_t flags,
				   uint64_t now_ns);

/* Fills the labels of a series in Istio's order. */
void istio_labels(const struct istio_key *key, const char *cluster, const struct istio_ends *ends,
		  struct sample *ret);
