/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The latest requests and connection events, in rings that any number of readers follow
 * independently. Recording is one copy without formatting; a slow reader loses the oldest records
 * and gets their number. */
#pragma once

#include "control/signals/tls_shown.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

/* The strings of a recorded request, all NUL-terminated; empty where not known. */
struct recent_strings {
	const char *method;
	const char *path;
	const char *authority;
	const char *traceparent;
	const char *request_id;
	const char *user_agent;
};

/* A request as recorded: struct request without what is borrowed. Meanings and units as there. */
struct recent_request {
	uint64_t id;
	const struct identity *source;
	const struct identity *destination;
	struct endpoint client;
	struct endpoint server;
	uint64_t request_bytes;
	uint64_t response_bytes;
	uint64_t request_messages;
	uint64_t response_messages;
	uint64_t start_ns;
	uint64_t request_end_ns;
	uint64_t first_byte_ns;
	uint64_t end_ns;
	uint32_t stream_id;
	uint32_t reset_code;
	uint32_t flags;
	uint32_t incomplete;
	uint32_t lenient;
	int32_t grpc_status;
	uint16_t status;
	uint16_t tls_version; /* 0 = clear text or not known */
	uint8_t reporter;
	bool grpc;
	bool reset;
	bool encrypted;
	char protocol[8];
	char text[584]; /* the six strings, one after another */
};

/* A connection that opened or closed. */
struct recent_connection {
	uint64_t id;
	const struct identity *source;
	const struct identity *destination;
	struct endpoint client;
	struct endpoint server;
	uint64_t opened_ns;
	uint64_t now_ns;
	uint64_t sent_bytes;
	uint64_t received_bytes;
	uint64_t requests;
	uint32_t handshake_us;
	uint32_t srtt_us;
	uint32_t retransmits;
	uint32_t flags;
	uint32_t end_flags; /* WEFT_END_* */
	uint8_t reporter;
	uint8_t phase;
	bool closing;
	bool encrypted;
	bool bytes_known;
	char protocol[12];
	struct tls_shown tls;
};

/* A verdict: struct verdict without what is borrowed. */
struct recent_verdict {
	struct verdict verdict; /* client, server: NULL */
	struct endpoint client;
	struct endpoint server;
};

/* Rings of |requests|, |connections| and |verdicts| records (each rounded up to a power of two;
 * memory is touched as they fill). NULL when memory is short. Free with recent_free. */
struct recent *recent_new(uint32_t requests, uint32_t connections, uint32_t verdicts);
void recent_free(struct recent *r);

void recent_add_request(struct recent *r, const struct request *request);
/* A connection's opening or its end. Reports of living ones are not stored: they would displace the
 * others. */
void recent_add_connection(struct recent *r, const struct connection *c);
void recent_add_verdict(struct recent *r, const struct verdict *v);

/* Which ring. */
enum recent_kind { RECENT_REQUESTS, RECENT_CONNECTIONS, RECENT_VERDICTS, RECENT_KIND_MAX };

/* Positions: record n of a kind is the n-th ever added. |first| is the oldest one kept, |end| one
 * past the newest. */
uint64_t recent_first(const struct recent *r, enum recent_kind kind);
uint64_t recent_end(const struct recent *r, enum recent_kind kind);

/* The record at |position|, first <= position < end; valid until the next add. */
const struct recent_request *recent_request_at(const struct recent *r, uint64_t position);
const struct recent_connection *recent_connection_at(const struct recent *r, uint64_t position);
const struct recent_verdict *recent_verdict_at(const struct recent *r, uint64_t position);

struct recent_strings recent_strings_of(const struct recent_request *request);
