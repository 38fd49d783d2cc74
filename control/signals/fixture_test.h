/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records for the tests of signals, export and serve. */
#pragma once

#include "control/signals/signals.h"
#include "datapath/decode/tls.h"

#include <stdio.h>
#include <string.h>

/* Puts a text into an array of char. */
#define fixture_set(array, text) snprintf(array, sizeof(array), "%s", text)

#define FIXTURE_SECOND 1000000000ull

static inline struct identity fixture_identity(uint32_t index, const char *workload)
{
	struct identity i = {.index = index, .kind = "process"};

	snprintf(i.workload, sizeof(i.workload), "%s", workload);
	snprintf(i.service, sizeof(i.service), "%s", workload);
	snprintf(i.app, sizeof(i.app), "%s", workload);
	fixture_set(i.namespace_, "unknown");
	fixture_set(i.version, "latest");
	return i;
}

static inline struct endpoint fixture_endpoint(uint8_t last, uint16_t port)
{
	return (struct endpoint){
		.addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0, [14] = 0, [15] = last},
		.port = port,
		.netns_ino = 1,
		.pid = last,
		.cookie = (uint64_t)last << 16 | port,
	};
}

/* A GET / answered with 200 in one millisecond; all in static storage of the including test. */
static struct identity fixture_client, fixture_server;
static struct endpoint fixture_client_at, fixture_server_at;

static inline struct request fixture_request(void)
{
	fixture_client = fixture_identity(1, "curl");
	fixture_server = fixture_identity(2, "nginx");
	fixture_client_at = fixture_endpoint(1, 40000);
	fixture_server_at = fixture_endpoint(2, 80);
	return (struct request){
		.id = 7,
		.reporter = REPORTER_DESTINATION,
		.source = &fixture_client,
		.destination = &fixture_server,
		.client = &fixture_client_at,
		.server = &fixture_server_at,
		.protocol = "http1.1",
		.method = "GET",
		.path = "/",
		.authority = "nginx",
		.status = 200,
		.grpc_status = -1,
		.request_bytes = 0,
		.response_bytes = 612,
		.start_ns = 5 * FIXTURE_SECOND,
		.request_end_ns = 5 * FIXTURE_SECOND,
		.first_byte_ns = 5 * FIXTURE_SECOND + 900000,
		.end_ns = 5 * FIXTURE_SECOND + 1000000,
	};
}

static inline struct connection fixture_connection(uint64_t id, enum connection_phase phase,
						   const char *protocol)
{
	(void)fixture_request();
	return (struct connection){
		.id = id,
		.reporter = REPORTER_DESTINATION,
		.phase = phase,
		.source = &fixture_client,
		.destination = &fixture_server,
		.client = &fixture_client_at,
		.server = &fixture_server_at,
		.protocol = protocol,
		.opened_ns = FIXTURE_SECOND,
		.now_ns = 2 * FIXTURE_SECOND,
	};
}

static inline struct signals *fixture_signals(struct signals_limits limits)
{
	struct signals *s = signals_new(&limits, NULL);

	if (s)
		signals_tick(s, 100 * FIXTURE_SECOND);
	return s;
}

/* The value of the label |name| of |s|, or NULL. */
static inline const char *fixture_label(const struct sample *s, const char *name)
{
	for (unsigned i = 0; i < s->label_count; i++) {
		if (!strcmp(s->labels[i].name, name))
			return s->labels[i].value;
	}
	return NULL;
}

/* Adds up all series of a metric whose label |name| (NULL = any) has |value|; histograms give their
 * count. */
static inline uint64_t fixture_sum(const struct signals *s, enum metric metric, const char *name,
				   const char *value)
{
	struct sample sample;
	enum collect got;
	uint64_t sum = 0;

	for (uint32_t i = 0; (got = signals_collect(s, metric, i, &sample)) != COLLECT_END; i++) {
		const char *found =
			name && got == COLLECT_SAMPLE ? fixture_label(&sample, name) : NULL;

		if (got != COLLECT_SAMPLE || (name && (!found || strcmp(found, value) != 0)))
			continue;
		sum += sample.buckets ? sample.buckets->count : sample.value;
	}
	return sum;
}
