// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One function per kind of record, fields in reading order. */
#include "control/serve/lines.h"

#include "control/export/json.h"
#include "control/signals/encryption.h"
#include "control/signals/istio.h"
#include "control/signals/verdicts.h"
#include "mesh-config/resolve/files.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_NS     1000000000ll
#define FILE_PART_MAX 8192 /* bytes of a file in one line */

/* RFC 3339 in UTC with microseconds; null when |at_ns| is 0 (not known). */
static void add_time(struct json *j, const char *key, uint64_t at_ns, int64_t wall_offset_ns)
{
	int64_t wall_ns = (int64_t)at_ns + wall_offset_ns;
	time_t seconds = (time_t)(wall_ns / SECOND_NS);
	char text[48];
	struct tm tm;
	size_t used;

	if (!at_ns || !gmtime_r(&seconds, &tm)) {
		json_put_null(j, key);
		return;
	}
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, sizeof(text) - used, ".%06lldZ",
		 (long long)(wall_ns % SECOND_NS / 1000));
	json_put_string(j, key, text);
}

/* Without a port where it is not known. */
static void add_address(struct json *j, const char *key, const uint8_t addr[16], uint16_t port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char address[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 10];
	bool v4 = !memcmp(addr, mapped, sizeof(mapped));

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, address, sizeof(address));
	if (port)
		snprintf(text, sizeof(text), v4 ? "%s:%u" : "[%s]:%u", address, port);
	else
		snprintf(text, sizeof(text), v4 ? "%s" : "[%s]", address);
	json_put_string(j, key, text);
}

static void add_pid(struct json *j, const char *key, const struct endpoint *e)
{
	if (e->pid)
		json_put_number(j, key, e->pid);
	else
		json_put_null(j, key);
}

static void add_ends(struct json *j, const struct identity *source,
		     const struct identity *destination, const struct endpoint *client,
		     const struct endpoint *server)
{
	json_put_string(j, "source", source->workload);
	json_put_string(j, "source_namespace", source->namespace_);
	json_put_string(j, "destination", destination->workload);
	json_put_string(j, "destination_namespace", destination->namespace_);
	json_put_string(j, "destination_service", destination->service);
	add_address(j, "client", client->addr, client->port);
	add_address(j, "server", server->addr, server->port);
	if (client->proxied)
		add_address(j, "proxied_client", client->proxied_addr, client->proxied_port);
	if (server->proxied)
		add_address(j, "proxied_server", server->proxied_addr, server->proxied_port);
	add_pid(j, "client_pid", client);
	add_pid(j, "server_pid", server);
}

static void add_reporter(struct json *j, uint32_t reporter)
{
	json_put_string(j, "reporter", reporter == REPORTER_SOURCE ? "source" : "destination");
}

static void add_flags(struct json *j, uint32_t flags)
{
	json_put_array(j, "flags");
#define X(name, flag, help)                                                                        \
	if (flags & RESPONSE_FLAG(name))                                                           \
		json_put_string(j, NULL, flag);
	RESPONSE_FLAGS(X)
#undef X
	json_put_array_end(j);
}

static void add_gaps(struct json *j, uint32_t gaps)
{
	json_put_array(j, "incomplete");
#define X(name, text, meaning)                                                                     \
	if (gaps & REQUEST_GAP(name))                                                              \
		json_put_string(j, NULL, text);
	REQUEST_GAPS(X)
#undef X
	json_put_array_end(j);
}

static void add_lenient(struct json *j, uint32_t forms)
{
	if (!forms)
		return;
	json_put_array(j, "lenient");
#define X(name, label, ...)                                                                        \
	if (forms & HTTP_LENIENT_FORM(name))                                                       \
		json_put_string(j, NULL, label);
	HTTP_LENIENT(X)
#undef X
	json_put_array_end(j);
}

static void add_tls_version(struct json *j, bool encrypted, uint16_t version)
{
	json_put_bool(j, "encrypted", encrypted);
	if (encrypted)
		json_put_string(j, "tls_version", encryption_version_name(version));
}

/* Milliseconds from |from_ns| to |to_ns|, null when one is not known. */
static void add_span(struct json *j, const char *key, uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns && to_ns >= from_ns)
		json_put_real(j, key, (double)(to_ns - from_ns) / 1e6);
	else
		json_put_null(j, key);
}

static void add_status(struct json *j, const struct recent_request *r)
{
	struct request seen = {.status = r->status, .incomplete = r->incomplete};

	if (istio_status(&seen) == ISTIO_STATUS_UNKNOWN)
		json_put_null(j, "status");
	else
		json_put_number(j, "status", r->status);
}

static void add_grpc(struct json *j, const struct recent_request *r)
{
	json_put_bool(j, "grpc", r->grpc);
	if (!r->grpc)
		return;
	if (r->grpc_status < 0)
		json_put_null(j, "grpc_status");
	else
		json_put_number(j, "grpc_status", (uint64_t)r->grpc_status);
	json_put_number(j, "request_messages", r->request_messages);
	json_put_number(j, "response_messages", r->response_messages);
}

static void add_optional(struct json *j, const char *key, const char *value)
{
	if (*value)
		json_put_string(j, key, value);
}

void lines_request(struct text *t, const struct recent_request *r, int64_t wall_offset_ns)
{
	struct recent_strings s = recent_strings_of(r);
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	add_time(&j, "time", r->start_ns ? r->start_ns : r->end_ns, wall_offset_ns);
	json_put_number(&j, "id", r->id);
	add_reporter(&j, r->reporter);
	add_ends(&j, r->source, r->destination, &r->client, &r->server);
	json_put_string(&j, "protocol", r->protocol);
	json_put_string(&j, "method", s.method);
	json_put_string(&j, "path", s.path);
	json_put_string(&j, "authority", s.authority);
	add_status(&j, r);
	add_grpc(&j, r);
	json_put_number(&j, "request_bytes", r->request_bytes);
	json_put_number(&j, "response_bytes", r->response_bytes);
	add_span(&j, "duration_ms", r->start_ns, r->end_ns);
	add_span(&j, "first_byte_ms", r->start_ns, r->first_byte_ns);
	json_put_number(&j, "stream_id", r->stream_id);
	if (r->reset)
		json_put_number(&j, "reset_code", r->reset_code);
	add_flags(&j, r->flags);
	add_gaps(&j, r->incomplete);
	add_lenient(&j, r->lenient);
	add_tls_version(&j, r->encrypted, r->tls_version);
	add_optional(&j, "traceparent", s.traceparent);
	add_optional(&j, "request_id", s.request_id);
	add_optional(&j, "user_agent", s.user_agent);
	json_put_object_end(&j);
	json_put_line(&j);
}

static void add_known(struct json *j, const char *key, uint64_t value)
{
	if (value)
		json_put_number(j, key, value);
	else
		json_put_null(j, key);
}

static void add_bytes(struct json *j, const char *key, bool known, uint64_t bytes)
{
	if (known)
		json_put_number(j, key, bytes);
	else
		json_put_null(j, key);
}

static void add_tls(struct json *j, bool encrypted, uint16_t version, const char *state,
		    const char *cipher, const char *sni, const char *alpn)
{
	add_tls_version(j, encrypted, version);
	add_optional(j, "tls_state", state);
	add_optional(j, "cipher", cipher);
	add_optional(j, "sni", sni);
	add_optional(j, "alpn", alpn);
}

static void add_end(struct json *j, uint32_t flags)
{
	json_put_array(j, "end");
	if (flags & WEFT_END_RESET_SENT)
		json_put_string(j, NULL, "reset_sent");
	if (flags & WEFT_END_RESET_RECEIVED)
		json_put_string(j, NULL, "reset_received");
	if (flags & WEFT_END_FAILED)
		json_put_string(j, NULL, "failed");
	if (flags & WEFT_END_REFUSED)
		json_put_string(j, NULL, "refused");
	if (flags & WEFT_END_TIMEOUT)
		json_put_string(j, NULL, "timeout");
	if (flags & WEFT_END_ABANDONED)
		json_put_string(j, NULL, "abandoned");
	json_put_array_end(j);
}

void lines_connection(struct text *t, const struct recent_connection *c, int64_t wall_offset_ns)
{
	static const char *const phases[] = {"opened", "alive", "closed"};
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	add_time(&j, "time", c->now_ns, wall_offset_ns);
	json_put_string(&j, "event", c->closing ? "closing" : phases[c->phase % 3]);
	json_put_number(&j, "id", c->id);
	add_reporter(&j, c->reporter);
	add_ends(&j, c->source, c->destination, &c->client, &c->server);
	json_put_string(&j, "protocol", c->protocol);
	add_time(&j, "opened", c->opened_ns, wall_offset_ns);
	add_span(&j, "age_ms", c->opened_ns, c->now_ns);
	add_bytes(&j, "sent_bytes", c->bytes_known, c->sent_bytes);
	add_bytes(&j, "received_bytes", c->bytes_known, c->received_bytes);
	json_put_number(&j, "requests", c->requests);
	add_known(&j, "handshake_us", c->handshake_us);
	add_known(&j, "srtt_us", c->srtt_us);
	json_put_number(&j, "retransmits", c->retransmits);
	add_flags(&j, c->flags);
	add_end(&j, c->end_flags);
	add_tls(&j, c->encrypted, c->tls_version, c->tls_state, c->cipher, c->sni, c->alpn);
	json_put_object_end(&j);
	json_put_line(&j);
}

void lines_verdict(struct text *t, const struct recent_verdict *r, int64_t wall_offset_ns)
{
	const struct verdict *v = &r->verdict;
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	add_time(&j, "time", v->time_ns, wall_offset_ns);
	json_put_string(&j, "verdict", verdicts_word(v->verdict));
	add_reporter(&j, v->reporter);
	add_ends(&j, v->source, v->destination, &r->client, &r->server);
	json_put_string(&j, "protocol", verdicts_protocol(v->protocol));
	json_put_string(&j, "policy", v->policy);
	json_put_number(&j, "rule", v->rule);
	json_put_string(&j, "source_workload", v->source_workload);
	json_put_string(&j, "destination_workload", v->target_workload);
	json_put_string(&j, "service", v->service);
	add_flags(&j, v->flags);
	json_put_object_end(&j);
	json_put_line(&j);
}

void lines_living(struct text *t, const struct living *l, enum reporter reporter, uint64_t id,
		  int64_t wall_offset_ns)
{
	struct recent_connection c = {
		.id = id,
		.source = l->source,
		.destination = l->destination,
		.client = l->client,
		.server = l->server,
		.opened_ns = l->opened_ns,
		.now_ns = l->now_ns,
		.bytes_known = l->bytes_known,
		.sent_bytes = l->sent_bytes,
		.received_bytes = l->received_bytes,
		.requests = l->requests,
		.handshake_us = l->handshake_us,
		.srtt_us = l->srtt_us,
		.retransmits = l->retransmits,
		.flags = l->flags,
		.tls_version = l->tls_version,
		.reporter = (uint8_t)reporter,
		.phase = CONNECTION_ALIVE,
		.closing = l->closing,
		.encrypted = l->encrypted,
	};

	memcpy(c.protocol, l->protocol, sizeof(c.protocol));
	memcpy(c.tls_state, l->tls_state, sizeof(c.tls_state));
	memcpy(c.cipher, l->cipher, sizeof(c.cipher));
	memcpy(c.sni, l->sni, sizeof(c.sni));
	memcpy(c.alpn, l->alpn, sizeof(c.alpn));
	lines_connection(t, &c, wall_offset_ns);
}

/* An object of those that there are. */
static void add_tls_states(struct json *j, const struct edge *e)
{
	json_put_object(j, "tls_states");
	for (unsigned i = 0; i < ENCRYPTION_STATES; i++) {
		if (e->tls_states[i])
			json_put_number(j, encryption_state_name(i), e->tls_states[i]);
	}
	json_put_object_end(j);
}

static void add_totals(struct json *j, const struct edge *e)
{
	json_put_object(j, "totals");
	json_put_number(j, "requests", e->requests);
	json_put_number(j, "errors", e->errors);
	json_put_number(j, "client_errors", e->client_errors);
	json_put_number(j, "unknown", e->unknown);
	json_put_number(j, "encrypted_requests", e->encrypted_requests);
	json_put_number(j, "request_bytes", e->request_bytes);
	json_put_number(j, "response_bytes", e->response_bytes);
	json_put_number(j, "sent_bytes", e->sent_bytes);
	json_put_number(j, "received_bytes", e->received_bytes);
	json_put_number(j, "connections_opened", e->opened);
	json_put_number(j, "connections_closed", e->closed);
	json_put_number(j, "connections_failed", e->failed);
	json_put_number(j, "retransmits", e->retransmits);
	json_put_number(j, "resets_by_client", e->resets_by_client);
	json_put_number(j, "resets_by_server", e->resets_by_server);
	json_put_object_end(j);
}

static void add_drops(struct json *j, const struct listen_state *queue)
{
	if (queue->known)
		json_put_number(j, "queue_drops", queue->drops);
	else
		json_put_real(j, "queue_drops", NAN);
}

void lines_edge(struct text *t, const struct edge_row *e)
{
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	add_reporter(&j, e->reporter);
	json_put_string(&j, "source", e->source->workload);
	json_put_string(&j, "source_namespace", e->source->namespace_);
	json_put_string(&j, "destination", e->destination->workload);
	json_put_string(&j, "destination_namespace", e->destination->namespace_);
	json_put_bool(&j, "self", e->own);
	json_put_real(&j, "window_s", e->window_s);
	json_put_real(&j, "request_rate", e->request_rate);
	json_put_real(&j, "error_share", e->error_share);
	json_put_real(&j, "client_error_share", e->client_error_share);
	json_put_real(&j, "unknown_share", e->unknown_share);
	json_put_real(&j, "p50_ms", e->p50_ms);
	json_put_real(&j, "p90_ms", e->p90_ms);
	json_put_real(&j, "p99_ms", e->p99_ms);
	json_put_real(&j, "request_bytes_rate", e->request_bytes_rate);
	json_put_real(&j, "response_bytes_rate", e->response_bytes_rate);
	json_put_real(&j, "sent_bytes_rate", e->sent_bytes_rate);
	json_put_real(&j, "received_bytes_rate", e->received_bytes_rate);
	json_put_number(&j, "connections_open", e->totals->open);
	json_put_real(&j, "connections_opened_rate", e->opened_rate);
	json_put_real(&j, "connections_closed_rate", e->closed_rate);
	json_put_real(&j, "connections_failed_rate", e->failed_rate);
	json_put_real(&j, "in_flight", e->in_flight);
	json_put_real(&j, "queue_fill", e->queue.fill);
	add_drops(&j, &e->queue);
	add_optional(&j, "tls_state", e->tls_state);
	if (e->tls_state[0])
		add_tls_states(&j, e->totals);
	add_totals(&j, e->totals);
	json_put_object_end(&j);
	json_put_line(&j);
}

void lines_lost(struct text *t, uint64_t count)
{
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	json_put_number(&j, "lost", count);
	json_put_object_end(&j);
	json_put_line(&j);
}

void lines_looked(struct text *t, uint64_t count, uint64_t since_ns, int64_t wall_offset_ns)
{
	struct json j = json_to(t);

	json_put_object(&j, NULL);
	json_put_number(&j, "looked_at", count);
	add_time(&j, "since", since_ns, wall_offset_ns);
	json_put_object_end(&j);
	json_put_line(&j);
}

/* Where a part of at most FILE_PART_MAX bytes ends: not within a character. */
static size_t part_end(struct slice bytes, size_t at)
{
	size_t end = at + FILE_PART_MAX;

	if (end >= bytes.size_bytes)
		return bytes.size_bytes;
	while (end > at + FILE_PART_MAX - 4 && ((uint8_t)bytes.data[end] & 0xc0) == 0x80)
		end--;
	return end;
}

size_t lines_file(struct text *t, const struct mesh_file *f, size_t at)
{
	char part[FILE_PART_MAX + 1];
	struct json j = json_to(t);
	size_t end;

	if (!at && slice_starts_with(f->bytes, SLICE("\xef\xbb\xbf")))
		at = 3; /* a byte order mark is none of the content */
	end = part_end(f->bytes, at);
	slice_copy((struct slice){f->bytes.data + at, end - at}, part, sizeof(part));
	json_put_object(&j, NULL);
	json_put_string(&j, "file", f->name);
	json_put_string(&j, "text", part);
	json_put_object_end(&j);
	json_put_line(&j);
	return end;
}
