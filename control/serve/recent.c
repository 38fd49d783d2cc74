// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two rings of fixed-size records addressed by ever-growing positions. */
#include "control/serve/recent.h"

#include "datapath/decode/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ring {
	uint64_t end;
	uint32_t mask;
};

struct recent {
	struct ring rings[RECENT_KIND_MAX];
	struct recent_request *requests;
	struct recent_connection *connections;
	struct recent_verdict *verdicts;
};

static uint32_t round_up(uint32_t n)
{
	uint32_t size = 16;

	while (size < n && size < 1u << 30)
		size *= 2;
	return size;
}

struct recent *recent_new(uint32_t requests, uint32_t connections, uint32_t verdicts)
{
	struct recent *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	requests = round_up(requests);
	connections = round_up(connections);
	verdicts = round_up(verdicts);
	r->rings[RECENT_REQUESTS].mask = requests - 1;
	r->rings[RECENT_CONNECTIONS].mask = connections - 1;
	r->rings[RECENT_VERDICTS].mask = verdicts - 1;
	r->requests = calloc(requests, sizeof(*r->requests));
	r->connections = calloc(connections, sizeof(*r->connections));
	r->verdicts = calloc(verdicts, sizeof(*r->verdicts));
	if (r->requests && r->connections && r->verdicts)
		return r;
	recent_free(r);
	return NULL;
}

void recent_free(struct recent *r)
{
	if (!r)
		return;
	free(r->requests);
	free(r->connections);
	free(r->verdicts);
	free(r);
}

static uint32_t take(struct ring *r)
{
	return (uint32_t)r->end++ & r->mask;
}

static char *put(char *out, const char *text, size_t max)
{
	size_t n = strnlen(text, max - 1);

	memcpy(out, text, n);
	out[n] = 0;
	return out + n + 1;
}

_Static_assert(sizeof(((struct request *)0)->method) + sizeof(((struct request *)0)->path) +
			       sizeof(((struct request *)0)->authority) +
			       sizeof(((struct request *)0)->traceparent) +
			       sizeof(((struct request *)0)->request_id) +
			       sizeof(((struct request *)0)->user_agent) <=
		       sizeof(((struct recent_request *)0)->text),
	       "the strings fit");

static void put_strings(struct recent_request *to, const struct request *from)
{
	char *at = to->text;

	at = put(at, from->method, sizeof(from->method));
	at = put(at, from->path, sizeof(from->path));
	at = put(at, from->authority, sizeof(from->authority));
	at = put(at, from->traceparent, sizeof(from->traceparent));
	at = put(at, from->request_id, sizeof(from->request_id));
	put(at, from->user_agent, sizeof(from->user_agent));
}

void recent_add_request(struct recent *r, const struct request *request)
{
	struct recent_request *to = &r->requests[take(&r->rings[RECENT_REQUESTS])];

	to->id = request->id;
	to->source = request->source;
	to->destination = request->destination;
	to->client = *request->client;
	to->server = *request->server;
	to->request_bytes = request->request_bytes;
	to->response_bytes = request->response_bytes;
	to->request_messages = request->request_messages;
	to->response_messages = request->response_messages;
	to->start_ns = request->start_ns;
	to->request_end_ns = request->request_end_ns;
	to->first_byte_ns = request->first_byte_ns;
	to->end_ns = request->end_ns;
	to->stream_id = request->stream_id;
	to->reset_code = request->reset_code;
	to->flags = request->flags;
	to->incomplete = request->incomplete;
	to->lenient = request->lenient;
	to->grpc_status = request->grpc_status;
	to->status = request->status;
	to->tls_version = request->tls ? request->tls->version : 0;
	to->reporter = (uint8_t)request->reporter;
	to->grpc = request->grpc;
	to->reset = request->reset;
	to->encrypted = request->encrypted;
	memcpy(to->protocol, request->protocol, sizeof(to->protocol));
	put_strings(to, request);
}

void recent_add_connection(struct recent *r, const struct connection *c)
{
	struct recent_connection *to;

	if (c->phase == CONNECTION_ALIVE)
		return;
	to = &r->connections[take(&r->rings[RECENT_CONNECTIONS])];
	*to = (struct recent_connection){
		.id = c->id,
		.source = c->source,
		.destination = c->destination,
		.client = *c->client,
		.server = *c->server,
		.opened_ns = c->opened_ns,
		.now_ns = c->now_ns,
		.bytes_known = c->bytes_known,
		.sent_bytes = c->sent_bytes,
		.received_bytes = c->received_bytes,
		.requests = c->requests,
		.handshake_us = c->handshake_us,
		.srtt_us = c->counters.srtt_us,
		.retransmits = c->counters.retransmits,
		.flags = c->flags,
		.end_flags = c->counters.flags,
		.reporter = (uint8_t)c->reporter,
		.phase = (uint8_t)c->phase,
		.encrypted = c->encrypted,
		.tls = tls_shown_of(c),
	};
	snprintf(to->protocol, sizeof(to->protocol), "%s", c->protocol);
}

void recent_add_verdict(struct recent *r, const struct verdict *v)
{
	struct recent_verdict *to = &r->verdicts[take(&r->rings[RECENT_VERDICTS])];

	to->verdict = *v;
	to->client = *v->client;
	to->server = *v->server;
	to->verdict.client = to->verdict.server = NULL;
}

uint64_t recent_first(const struct recent *r, enum recent_kind kind)
{
	const struct ring *ring = &r->rings[kind];

	return ring->end > ring->mask ? ring->end - ring->mask - 1 : 0;
}

uint64_t recent_end(const struct recent *r, enum recent_kind kind)
{
	return r->rings[kind].end;
}

const struct recent_request *recent_request_at(const struct recent *r, uint64_t position)
{
	return &r->requests[position & r->rings[RECENT_REQUESTS].mask];
}

const struct recent_connection *recent_connection_at(const struct recent *r, uint64_t position)
{
	return &r->connections[position & r->rings[RECENT_CONNECTIONS].mask];
}

const struct recent_verdict *recent_verdict_at(const struct recent *r, uint64_t position)
{
	return &r->verdicts[position & r->rings[RECENT_VERDICTS].mask];
}

static const char *next_string(const char **at)
{
	const char *s = *at;

	*at += strlen(s) + 1;
	return s;
}

struct recent_strings recent_strings_of(const struct recent_request *request)
{
	const char *at = request->text;
	struct recent_strings s;

	s.method = next_string(&at);
	s.path = next_string(&at);
	s.authority = next_string(&at);
	s.traceparent = next_string(&at);
	s.request_id = next_string(&at);
	s.user_agent = next_string(&at);
	return s;
}
