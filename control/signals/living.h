/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Living connections, one entry per reporter: what was already counted of each, and what
 * `connections` shows. */
#pragma once

#include "control/signals/tls_shown.h"
#include "control/signals/workloads.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stdint.h>

struct living_key {
	uint64_t id;
	uint32_t reporter;
	uint32_t pad;
};

/* A copy of struct connection that borrows only identities. */
struct living {
	const struct identity *source; /* NULL in a new one */
	const struct identity *destination;
	uint32_t edge_source; /* workload ids of the edge that counts it as open */
	uint32_t edge_destination;
	struct endpoint client;
	struct endpoint server;
	char protocol[12];
	struct tls_shown tls;
	bool encrypted;
	bool tcp_opened;  /* is in istio_tcp_connections_opened_total */
	bool tls_counted; /* is in weft_tls_connections_total */
	bool handshake_counted;
	uint32_t handshake_us;
	uint32_t flags;
	uint64_t opened_ns;
	uint64_t now_ns;
	bool closing;
	bool bytes_known;    /* since it opened */
	uint64_t sent_bytes; /* counted so far for the edge */
	uint64_t received_bytes;
	uint64_t tcp_sent_bytes; /* counted so far for istio_tcp_* */
	uint64_t tcp_received_bytes;
	uint64_t requests;
	uint32_t srtt_us;
	uint32_t retransmits;
};

/* Copies the fields that are shown; the counts stay. */
void living_update(struct living *l, const struct connection *c);

/* Whether a connection is counted as TCP, by its report. */
enum living_kind { LIVING_UNDECIDED, LIVING_HTTP, LIVING_TCP };
enum living_kind living_kind(const struct connection *c);
