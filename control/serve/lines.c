// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One function per kind of record, fields in reading order. */
#include "control/serve/lines.h"

#include "base/address.h"
#include "control/export/json.h"
#include "control/signals/encryption.h"
#include "control/signals/istio.h"
#include "control/signals/verdicts.h"
#include "mesh-config/resolve/files.h"

#include <math.h>
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
	char text[ADDRESS_PORT_BYTES];

	json_put_string(j, key, address_port_text(addr, port ? port : -1, text));
}

/* Only for an end that a PROXY header names. */
static void add_proxied(struct json *j, const char *key, const struct endpoint *e)
{
	if (e->proxied)
		add_address(j, key, e->proxied_addr, e->proxied_port);
}

static void add_pid(struct json *j, const char *key, const struct endpoint *e)
{
	json_put_known(j, key, e->pid, e->pid);
}

static void add_reporter(struct json *j, const char *key, uint32_t reporter)
{
	json_put_string(j, key, reporter == REPORTER_SOURCE ? "source" : "destination");
}

/* Of |ids|, by whose reporter the names are. */
#define API_IDENTITIES(X, ids)                                                                     \
	X(add_reporter, "reporter", "text", "`source` or `destination`: whose view it is",         \
	  (ids)->reporter)                                                                         \
	X(json_put_string, "source", "text", "workload of the client", (ids)->source->workload)    \
	X(json_put_string, "source_namespace", "text", "its namespace", (ids)->source->namespace_) \
	X(json_put_string, "destination", "text", "workload of the server",                        \
	  (ids)->destination->workload)                                                            \
	X(json_put_string, "destination_namespace", "text", "its namespace",                       \
	  (ids)->destination->namespace_)

#define API_ENDS(X, ids, ends)                                                                     \
	X(json_put_string, "destination_service", "text", "service of the server",                 \
	  (ids)->destination->service)                                                             \
	X(add_address, "client", "address",                                                        \
	  "of the connection, without a port where that is not known", (ends)->client.addr,        \
	  (ends)->client.port)                                                                     \
	X(add_address, "server", "address", "as `client`", (ends)->server.addr,                    \
	  (ends)->server.port)                                                                     \
	X(add_proxied, "proxied_client", "address",                                                \
	  "the client that a PROXY protocol header (version 1 or 2) names; absent without one",    \
	  &(ends)->client)                                                                         \
	X(add_proxied, "proxied_server", "address", "the server that it names", &(ends)->server)   \
	X(add_pid, "client_pid", "process id", "of the client's program", &(ends)->client)         \
	X(add_pid, "server_pid", "process id", "of the server's program", &(ends)->server)

static void add_flags(struct json *j, const char *key, uint32_t flags)
{
	json_put_array(j, key);
#define X(name, flag, help)                                                                        \
	if (flags & RESPONSE_FLAG(name))                                                           \
		json_put_string(j, NULL, flag);
	RESPONSE_FLAGS(X)
#undef X
	json_put_array_end(j);
}

static void add_gaps(struct json *j, const char *key, uint32_t gaps)
{
	json_put_array(j, key);
#define X(name, text, meaning)                                                                     \
	if (gaps & REQUEST_GAP(name))                                                              \
		json_put_string(j, NULL, text);
	REQUEST_GAPS(X)
#undef X
	json_put_array_end(j);
}

static void add_lenient(struct json *j, const char *key, uint32_t forms)
{
	if (!forms)
		return;
	json_put_array(j, key);
#define X(name, label, ...)                                                                        \
	if (forms & HTTP_LENIENT_FORM(name))                                                       \
		json_put_string(j, NULL, label);
	HTTP_LENIENT(X)
#undef X
	json_put_array_end(j);
}

static void add_tls_version(struct json *j, const char *key, bool encrypted, uint16_t version)
{
	if (encrypted)
		json_put_string(j, key, encryption_version_name(version));
}

/* Milliseconds from |from_ns| to |to_ns|, null when one is not known. */
static void add_span(struct json *j, const char *key, uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns && to_ns >= from_ns)
		json_put_real(j, key, (double)(to_ns - from_ns) / 1e6);
	else
		json_put_null(j, key);
}

static void add_status(struct json *j, const char *key, const struct recent_request *r)
{
	struct request seen = {.status = r->status, .incomplete = r->incomplete};

	json_put_known(j, key, istio_status(&seen) != ISTIO_STATUS_UNKNOWN, r->status);
}

static void add_grpc_status(struct json *j, const char *key, const struct recent_request *r)
{
	if (r->grpc)
		json_put_known(j, key, r->grpc_status >= 0, (uint64_t)r->grpc_status);
}

static void add_if(struct json *j, const char *key, bool applies, uint64_t value)
{
	if (applies)
		json_put_number(j, key, value);
}

#define API_REQUESTS(X)                                                                            \
	X(add_time, "time", "time",                                                                \
	  "its first byte left the client (`source`) or arrived (`destination`); unknown: its "    \
	  "end",                                                                                   \
	  r->start_ns ? r->start_ns : r->end_ns, wall_offset_ns)                                   \
	X(json_put_number, "id", "number", "the same for both reporters", r->id)                   \
	API_IDENTITIES(X, r)                                                                       \
	API_ENDS(X, r, r)                                                                          \
	X(json_put_string, "protocol", "text", "`http1.1`, `http2`, ...", r->protocol)             \
	X(json_put_string, "method", "text", "as sent", s.method)                                  \
	X(json_put_string, "path", "text", "without values of parameters", s.path)                 \
	X(json_put_string, "authority", "text", "without user information", s.authority)           \
	X(add_status, "status", "number", "of the response; 0: none", r)                           \
	X(json_put_bool, "grpc", "boolean", "whether it is gRPC", r->grpc)                         \
	X(add_grpc_status, "grpc_status", "number", "of gRPC only", r)                             \
	X(add_if, "request_messages", "number", "gRPC messages of the client; of gRPC only",       \
	  r->grpc, r->request_messages)                                                            \
	X(add_if, "response_messages", "number", "gRPC messages of the server; of gRPC only",      \
	  r->grpc, r->response_messages)                                                           \
	X(json_put_number, "request_bytes", "bytes",                                               \
	  "body of the request; with `body` in `incomplete` what was seen of it",                  \
	  r->request_bytes)                                                                        \
	X(json_put_number, "response_bytes", "bytes", "body of the response, likewise",            \
	  r->response_bytes)                                                                       \
	X(add_span, "duration_ms", "ms",                                                           \
	  "from the first byte of the request to the last of the response", r->start_ns,           \
	  r->end_ns)                                                                               \
	X(add_span, "first_byte_ms", "ms",                                                         \
	  "from the first byte of the request to the first of the response", r->start_ns,          \
	  r->first_byte_ns)                                                                        \
	X(json_put_number, "stream_id", "number", "stream of HTTP/2; of HTTP/1 0", r->stream_id)   \
	X(add_if, "reset_code", "number", "error code of RST_STREAM, where the stream was reset",  \
	  r->reset, r->reset_code)                                                                 \
	X(add_flags, "flags", "list of text", "response flags, see [losses.md](losses.md)",        \
	  r->flags)                                                                                \
	X(add_gaps, "incomplete", "list of text", "what is missing, see [losses.md](losses.md)",   \
	  r->incomplete)                                                                           \
	X(add_lenient, "lenient", "list of text",                                                  \
	  "forms of HTTP/1 that were forgiven, see [losses.md](losses.md); absent without any",    \
	  r->lenient)                                                                              \
	X(json_put_bool, "encrypted", "boolean", "whether the connection speaks TLS",              \
	  r->encrypted)                                                                            \
	X(add_tls_version, "tls_version", "text", "of TLS only", r->encrypted, r->tls_version)     \
	X(json_put_optional, "traceparent", "text",                                                \
	  "header of this name; absent without it and where the head has several", s.traceparent)  \
	X(json_put_optional, "request_id", "text", "header `x-request-id`, likewise",              \
	  s.request_id)                                                                            \
	X(json_put_optional, "user_agent", "text", "header of this name; absent without it",       \
	  s.user_agent)

void lines_request(struct text *t, const struct recent_request *r, int64_t wall_offset_ns)
{
	struct recent_strings s = recent_strings_of(r);

	JSON_LINE(t, API_REQUESTS);
}

static void add_end(struct json *j, const char *key, uint32_t flags)
{
	json_put_array(j, key);
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

#define API_CONNECTIONS(X)                                                                         \
	X(add_time, "time", "time", "when it was so", c->now_ns, wall_offset_ns)                   \
	X(json_put_string, "event", "text",                                                        \
	  "`opened`; `alive`; `closing`: its program has closed it, TCP has not done with it; "    \
	  "`closed`",                                                                              \
	  c->closing ? "closing" : phases[c->phase % 3])                                           \
	X(json_put_number, "id", "number", "the same for both reporters", c->id)                   \
	API_IDENTITIES(X, c)                                                                       \
	API_ENDS(X, c, c)                                                                          \
	X(json_put_string, "protocol", "text", "`http1.1`, `http2`, `tls`, `tcp`, ...",            \
	  c->protocol)                                                                             \
	X(add_time, "opened", "time", "when it began; of one that failed its first packet",        \
	  c->opened_ns, wall_offset_ns)                                                            \
	X(add_span, "age_ms", "ms", "from `opened` to `time`", c->opened_ns, c->now_ns)            \
	X(json_put_known, "sent_bytes", "bytes",                                                   \
	  "server to client; of a living one as it was a few seconds ago, null before it was "     \
	  "looked at",                                                                             \
	  c->bytes_known, c->sent_bytes)                                                           \
	X(json_put_known, "received_bytes", "bytes", "client to server, likewise", c->bytes_known, \
	  c->received_bytes)                                                                       \
	X(json_put_number, "requests", "number", "requests that were seen on it", c->requests)     \
	X(json_put_known, "handshake_us", "us", "time of TCP's handshake", c->handshake_us,        \
	  c->handshake_us)                                                                         \
	X(json_put_known, "srtt_us", "us", "smoothed round trip time of TCP", c->srtt_us,          \
	  c->srtt_us)                                                                              \
	X(json_put_number, "retransmits", "number", "segments sent again", c->retransmits)         \
	X(add_flags, "flags", "list of text", "response flags, see [losses.md](losses.md)",        \
	  c->flags)                                                                                \
	X(add_end, "end", "list of text",                                                          \
	  "how it ended: `reset_sent`, `reset_received`, `failed`, and why: `refused`, `timeout` " \
	  "of the kernel, `abandoned` by its program",                                             \
	  c->end_flags)                                                                            \
	X(json_put_bool, "encrypted", "boolean", "whether it speaks TLS", c->encrypted)            \
	X(add_tls_version, "tls_version", "text", "of TLS only", c->encrypted, c->tls.version)     \
	X(json_put_optional, "tls_state", "text",                                                  \
	  "`open`, or why TLS is not read, see [tls.md](tls.md); of TLS only", c->tls.state)       \
	X(json_put_optional, "cipher", "text", "name of the cipher suite", c->tls.cipher)          \
	X(json_put_optional, "sni", "text", "name of the server that the client sent", c->tls.sni) \
	X(json_put_optional, "alpn", "text", "protocol that the server chose", c->tls.alpn)        \
	X(add_gaps, "incomplete", "list of text", "`cut`: `sni` or `alpn` is longer than shown",   \
	  c->tls.cut ? REQUEST_GAP(CUT) : 0)

void lines_connection(struct text *t, const struct recent_connection *c, int64_t wall_offset_ns)
{
	static const char *const phases[] = {"opened", "alive", "closed"};

	JSON_LINE(t, API_CONNECTIONS);
}

#define API_VERDICTS(X)                                                                            \
	X(add_time, "time", "time", "when it was decided", v->time_ns, wall_offset_ns)             \
	X(json_put_string, "verdict", "text", "as the filter `verdict`",                           \
	  verdicts_word(v->verdict))                                                               \
	API_IDENTITIES(X, v)                                                                       \
	API_ENDS(X, v, r)                                                                          \
	X(json_put_string, "protocol", "text", "`tcp`, `udp`, ...",                                \
	  verdicts_protocol(v->protocol))                                                          \
	X(json_put_string, "policy", "text",                                                       \
	  "`NAMESPACE/NAME` of the policy that decided; empty: none", v->policy)                   \
	X(json_put_number, "rule", "number", "its rule, from 1; 0: none", v->rule)                 \
	X(json_put_string, "source_workload", "text", "the client as the mesh calls it",           \
	  v->source_workload)                                                                      \
	X(json_put_string, "destination_workload", "text", "the server as the mesh calls it",      \
	  v->target_workload)                                                                      \
	X(json_put_string, "service", "text", "the service that the client connected to",          \
	  v->service)                                                                              \
	X(add_flags, "flags", "list of text", "response flags, see [losses.md](losses.md)",        \
	  v->flags)

void lines_verdict(struct text *t, const struct recent_verdict *r, int64_t wall_offset_ns)
{
	const struct verdict *v = &r->verdict;

	JSON_LINE(t, API_VERDICTS);
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
		.tls = l->tls,
		.reporter = (uint8_t)reporter,
		.phase = CONNECTION_ALIVE,
		.closing = l->closing,
		.encrypted = l->encrypted,
	};

	memcpy(c.protocol, l->protocol, sizeof(c.protocol));
	lines_connection(t, &c, wall_offset_ns);
}

/* An object of the fields that are present. */
static void add_tls_states(struct json *j, const char *key, const struct edge_row *row)
{
	const struct edge *e = row->totals;

	if (!row->tls_state[0])
		return;
	json_put_object(j, key);
	for (unsigned i = 0; i < ENCRYPTION_STATES; i++) {
		if (e->tls_states[i])
			json_put_number(j, encryption_state_name(i), e->tls_states[i]);
	}
	json_put_object_end(j);
}

#define API_EDGES_TOTALS(X)                                                                        \
	X(json_put_number, "requests", "number", "requests that ended", e->requests)               \
	X(json_put_number, "errors", "number",                                                     \
	  "of them without a response, with 5xx or a gRPC status that is not OK", e->errors)       \
	X(json_put_number, "client_errors", "number", "of them with 4xx", e->client_errors)        \
	X(json_put_number, "unknown", "number", "of them with an unknown outcome", e->unknown)     \
	X(json_put_number, "encrypted_requests", "number", "of them over TLS",                     \
	  e->encrypted_requests)                                                                   \
	X(json_put_number, "request_bytes", "bytes", "bodies of requests", e->request_bytes)       \
	X(json_put_number, "response_bytes", "bytes", "bodies of responses", e->response_bytes)    \
	X(json_put_number, "sent_bytes", "bytes", "server to client, all connections",             \
	  e->sent_bytes)                                                                           \
	X(json_put_number, "received_bytes", "bytes", "client to server, all connections",         \
	  e->received_bytes)                                                                       \
	X(json_put_number, "connections_opened", "number", "connections that opened", e->opened)   \
	X(json_put_number, "connections_closed", "number", "connections that closed", e->closed)   \
	X(json_put_number, "connections_failed", "number", "connects that failed", e->failed)      \
	X(json_put_number, "retransmits", "number", "segments sent again", e->retransmits)         \
	X(json_put_number, "resets_by_client", "number", "connections that the client reset",      \
	  e->resets_by_client)                                                                     \
	X(json_put_number, "resets_by_server", "number", "connections that the server reset",      \
	  e->resets_by_server)

static void add_totals(struct json *j, const char *key, const struct edge *e)
{
	JSON_OBJECT(key, API_EDGES_TOTALS);
}

#define API_EDGES(X)                                                                               \
	API_IDENTITIES(X, e)                                                                       \
	X(json_put_bool, "self", "boolean",                                                        \
	  "all that it carries leads to the agent's own `/metrics`, `/ready` and the like; `weft " \
	  "edges` and `weft top` leave it out unless `--self`, `--from` or `--to` asks for it",    \
	  e->own)                                                                                  \
	X(json_put_real, "window_s", "s", "the time that rates are over", e->window_s)             \
	X(json_put_real, "request_rate", "1/s", "requests that ended", e->request_rate)            \
	X(json_put_real, "error_share", "0 to 1",                                                  \
	  "without a response, with 5xx or a gRPC status that is not OK, of requests whose "       \
	  "outcome is known; null without any",                                                    \
	  e->error_share)                                                                          \
	X(json_put_real, "client_error_share", "0 to 1", "with 4xx, likewise",                     \
	  e->client_error_share)                                                                   \
	X(json_put_real, "unknown_share", "0 to 1",                                                \
	  "of all requests: a response or a gRPC status that was not seen", e->unknown_share)      \
	X(json_put_real, "p50_ms", "ms", "median duration of requests, within 4.5 %", e->p50_ms)   \
	X(json_put_real, "p90_ms", "ms", "90th percentile", e->p90_ms)                             \
	X(json_put_real, "p99_ms", "ms", "99th percentile", e->p99_ms)                             \
	X(json_put_real, "request_bytes_rate", "bytes/s", "bodies of requests",                    \
	  e->request_bytes_rate)                                                                   \
	X(json_put_real, "response_bytes_rate", "bytes/s", "bodies of responses",                  \
	  e->response_bytes_rate)                                                                  \
	X(json_put_real, "sent_bytes_rate", "bytes/s", "server to client, all connections",        \
	  e->sent_bytes_rate)                                                                      \
	X(json_put_real, "received_bytes_rate", "bytes/s", "client to server, all connections",    \
	  e->received_bytes_rate)                                                                  \
	X(json_put_number, "connections_open", "number", "connections now", e->totals->open)       \
	X(json_put_real, "connections_opened_rate", "1/s", "connections that opened",              \
	  e->opened_rate)                                                                          \
	X(json_put_real, "connections_closed_rate", "1/s", "connections that closed",              \
	  e->closed_rate)                                                                          \
	X(json_put_real, "connections_failed_rate", "1/s", "connects that failed", e->failed_rate) \
	X(json_put_real, "in_flight", "number",                                                    \
	  "mean number of open requests: one that hangs counts while it does", e->in_flight)       \
	X(json_put_real, "queue_fill", "0 to 1",                                                   \
	  "the destination's fullest accept queue; 1: the next connection is refused; null "       \
	  "without one",                                                                           \
	  e->queue.fill)                                                                           \
	X(json_put_known, "queue_drops", "number",                                                 \
	  "what its accept queues refused because they were full, those of closed listeners too: " \
	  "each SYN and last ACK of a handshake, as `ListenOverflows` of the kernel; null when "   \
	  "it has had none",                                                                       \
	  e->queue.known, e->queue.drops)                                                          \
	X(json_put_optional, "tls_state", "text",                                                  \
	  "of most of its connections that speak TLS, see [tls.md](tls.md); absent without any",   \
	  e->tls_state)                                                                            \
	X(add_tls_states, "tls_states", "object", "how many connections have each `tls_state`", e) \
	X(add_totals, "totals", API_EDGES_TOTALS, "counts since the edge was first seen", e->totals)

void lines_edge(struct text *t, const struct edge_row *e)
{
	JSON_LINE(t, API_EDGES);
}

#define API_LOST(X)                                                                                \
	X(json_put_number, "lost", "number",                                                       \
	  "a line of its own: so many records were overwritten before a slow reader took them",    \
	  count)

void lines_lost(struct text *t, uint64_t count)
{
	JSON_LINE(t, API_LOST);
}

#define API_LOOKED(X)                                                                              \
	X(json_put_number, "looked_at", "number",                                                  \
	  "with `looked=1` in the last line: how many kept records were looked through", count)    \
	X(add_time, "since", "time", "of the oldest of them", since_ns, wall_offset_ns)

void lines_looked(struct text *t, uint64_t count, uint64_t since_ns, int64_t wall_offset_ns)
{
	JSON_LINE(t, API_LOOKED);
}

/* The end of a part of at most FILE_PART_MAX bytes, not within a character. */
static size_t part_end(struct slice bytes, size_t at)
{
	size_t end = at + FILE_PART_MAX;

	if (end >= bytes.size_bytes)
		return bytes.size_bytes;
	while (end > at + FILE_PART_MAX - 4 && ((uint8_t)bytes.data[end] & 0xc0) == 0x80)
		end--;
	return end;
}

#define API_CONFIG_TEXT(X)                                                                         \
	X(json_put_string, "file", "text", "path below the directory", f->name)                    \
	X(json_put_string, "text", "text",                                                         \
	  "a part of it; lines of the same file follow each other", part)

size_t lines_file(struct text *t, const struct mesh_file *f, size_t at)
{
	char part[FILE_PART_MAX + 1];
	size_t end;

	if (!at && slice_starts_with(f->bytes, SLICE("\xef\xbb\xbf")))
		at = 3; /* a byte order mark is not part of the content */
	end = part_end(f->bytes, at);
	slice_copy((struct slice){f->bytes.data + at, end - at}, part, sizeof(part));
	JSON_LINE(t, API_CONFIG_TEXT);
	return end;
}
