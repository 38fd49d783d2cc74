// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pairs requests with responses and delivers each exchange once per local end. */
#include "datapath/observe/requests.h"
#include "datapath/decode/redact.h"
#include "datapath/observe/report.h"
#include "datapath/observe/transport.h"

#include <stdlib.h>

#define MAX_STATUS 999

/* ---- keeping exchanges --------------------------------------------------------------------------
 */

static struct exchange *exchange_take(struct observe *o)
{
	struct exchange *x = o->free_exchanges;

	if (x) {
		o->free_exchanges = x->next;
		return x;
	}
	if (o->exchanges == EXCHANGES_MAX)
		return NULL;
	x = malloc(sizeof(*x));
	if (x)
		o->exchanges++;
	return x;
}

static void exchange_release(struct exchange *x)
{
	struct observe *o = x->conn->observe;

	x->next = o->free_exchanges;
	o->free_exchanges = x;
}

void requests_free_pool(struct observe *o)
{
	while (o->free_exchanges) {
		struct exchange *x = o->free_exchanges;

		o->free_exchanges = x->next;
		free(x);
	}
}

static struct exchange **bucket_of(struct http_state *h, uint32_t stream_id)
{
	return &h->buckets[stream_id / 2 % STREAM_BUCKETS];
}

static struct exchange *find_stream(struct http_state *h, uint32_t stream_id)
{
	struct exchange *x = *bucket_of(h, stream_id);

	while (x && x->record.stream_id != stream_id)
		x = x->next;
	return x;
}

static void bucket_add(struct http_state *h, struct exchange *x)
{
	struct exchange **bucket = bucket_of(h, x->record.stream_id);

	x->next = *bucket;
	*bucket = x;
}

static void bucket_remove(struct http_state *h, struct exchange *x)
{
	struct exchange **at = bucket_of(h, x->record.stream_id);

	while (*at && *at != x)
		at = &(*at)->next;
	if (*at)
		*at = x->next;
}

static struct exchange *first_open(const struct http_state *h)
{
	return list_empty(&h->open) ? NULL : list_entry(h->open.next, struct exchange, open);
}

/* HTTP/1: responses come in the order of the requests (RFC 9112 9.3.2). */
static struct exchange *first_unanswered(const struct http_state *h)
{
	for (struct list *n = h->open.next; n != &h->open; n = n->next) {
		struct exchange *x = list_entry(n, struct exchange, open);

		if (!x->response_ended)
			return x;
	}
	return NULL;
}

static void exchange_clear(struct exchange *x)
{
	struct request *r = &x->record;

	memset(x, 0, offsetof(struct exchange, record));
	memset(x->times, 0, sizeof(*x) - offsetof(struct exchange, times));
	memset(&r->stream_id, 0,
	       offsetof(struct request, traceparent) - offsetof(struct request, stream_id));
	r->protocol[0] = r->method[0] = r->path[0] = r->authority[0] = 0;
	r->traceparent[0] = r->request_id[0] = r->user_agent[0] = 0;
	r->grpc = false;
	r->grpc_status = GRPC_STATUS_UNKNOWN;
	r->flags = r->incomplete = 0;
	r->tls = NULL;
}

/* A new open exchange; NULL (counted) when there are too many. */
static struct exchange *exchange_open(struct conn *c, uint32_t stream_id)
{
	struct observe *o = c->observe;
	struct http_state *h = c->http;
	struct exchange *x = NULL;

	if (h->count < o->limits.requests_per_connection &&
	    (c->app == APP_HTTP2 ||
	     !h->untracked)) /* untracked ones keep their place in the order */
		x = exchange_take(o);
	if (!x) {
		observe_count(c, OBSERVE_LOST_TOO_MANY_REQUESTS);
		h->untracked++;
		return NULL;
	}
	exchange_clear(x);
	x->conn = c;
	x->record.id = ++o->next_request_id;
	x->record.stream_id = stream_id;
	list_append(&h->open, &x->open);
	h->count++;
	if (c->app == APP_HTTP2)
		bucket_add(h, x);
	return x;
}

/* Takes |x| out of the open ones. */
static void exchange_shut(struct exchange *x)
{
	struct http_state *h = x->conn->http;

	list_remove(&x->open);
	h->count--;
	if (x->record.stream_id)
		bucket_remove(h, x);
	for (int side = 0; side < 2; side++)
		if (h->current[side] == x)
			h->current[side] = NULL;
	if (h->switching == x)
		h->switching = NULL;
}

/* ---- delivery -----------------------------------------------------------------------------------
 */

static void deliver(struct exchange *x, enum reporter reporter)
{
	struct conn *c = x->conn;
	struct observe *o = c->observe;
	struct request *r = &x->record;
	uint32_t incomplete = r->incomplete;

	report_opened(c);
	r->reporter = reporter;
	r->source = c->ends[SIDE_CLIENT].identity;
	r->destination = c->ends[SIDE_SERVER].identity;
	r->client = &c->ends[SIDE_CLIENT].address;
	r->server = &c->ends[SIDE_SERVER].address;
	r->encrypted = c->encrypted;
	r->tls = transport_facts(c);
	r->start_ns = x->times[MOMENT_START][reporter];
	r->request_end_ns = x->times[MOMENT_REQUEST_END][reporter];
	r->first_byte_ns = x->times[MOMENT_FIRST_BYTE][reporter];
	r->end_ns = x->times[MOMENT_END][reporter];
	if (x->gaps[reporter])
		r->incomplete |= REQUEST_GAP(TIMES);
	c->ends[reporter].requests++;
	o->counters.requests[reporter]++;
	if (o->listener.request)
		o->listener.request(o->listener.arg, r);
	r->incomplete = incomplete;
}

/* Reports a complete exchange to each end that waits for nothing any more; frees it after the last.
 */
static void settle(struct exchange *x)
{
	bool waits = false;

	if (!x->complete)
		return;
	for (int side = 0; side < 2; side++) {
		if (x->pending[side]) {
			waits = true;
		} else if (!x->settled[side]) {
			x->settled[side] = true;
			if (!x->dropped && conn_is_local(x->conn, side))
				deliver(x, side);
		}
	}
	if (!waits)
		exchange_release(x);
}

static void exchange_complete(struct exchange *x)
{
	exchange_shut(x);
	x->complete = true;
	settle(x);
}

static void complete_if_ended(struct exchange *x)
{
	if (x->request_ended && x->response_ended)
		exchange_complete(x);
}

/* ---- times --------------------------------------------------------------------------------------
 */

static void time_set(struct exchange *x, enum moment what, enum reporter reporter, uint64_t time_ns)
{
	x->times[what][reporter] = time_ns;
	x->gaps[reporter] |= !time_ns;
}

static void wait_add(struct exchange *x, enum moment what, struct stream *s, uint64_t position,
		     enum reporter reporter)
{
	struct wait *w = &x->waits[what];

	*w = (struct wait){.exchange = x,
			   .position = position,
			   .asked_ns = x->conn->observe->now_ns,
			   .what = what};
	if (s->waits)
		s->last_wait->next = w;
	else
		s->waits = w;
	s->last_wait = w;
	x->pending[reporter]++;
	conn_want_tick(x->conn);
}

/* |what| happened with the byte at |position| of the direction that |lane| is: known to its sender
 * at once, to its receiver when it arrives. */
static void moment_note(struct exchange *x, enum moment what, struct lane *lane, uint64_t position)
{
	struct conn *c = x->conn;
	struct stream *s = &c->streams[lane->side];
	enum reporter receiver = OTHER(lane->side);
	uint64_t time_ns;

	if (conn_is_local(c, lane->side)) {
		time_ns = timeline_at(&s->sent, position);
		time_set(x, what, lane->side, time_ns);
		timeline_pass(&s->sent, position);
	}
	if (!conn_is_local(c, receiver))
		return;
	if (position > timeline_end(&s->arrived) && !c->ends[receiver].closed) {
		wait_add(x, what, s, position, receiver);
		return;
	}
	time_set(x, what, receiver, timeline_at(&s->arrived, position));
	timeline_pass(&s->arrived, position);
}

static void wait_resolve(struct stream *s, unsigned side, uint64_t time_ns)
{
	struct wait *w = s->waits;
	struct exchange *x = w->exchange;
	enum reporter receiver = OTHER(side);

	s->waits = w->next;
	time_set(x, w->what, receiver, time_ns);
	x->pending[receiver]--;
	settle(x);
}

void requests_arrived(struct conn *c, unsigned side, uint64_t end, uint64_t time_ns)
{
	struct stream *s = &c->streams[side];

	while (s->waits && s->waits->position <= end)
		wait_resolve(s, side, time_ns);
}

bool requests_expire(struct conn *c, unsigned side, uint64_t before_ns)
{
	struct stream *s = &c->streams[side];

	while (s->waits && s->waits->asked_ns < before_ns)
		wait_resolve(s, side, 0);
	return s->waits;
}

/* ---- what the decoders say ----------------------------------------------------------------------
 */

static const char *version_name(enum http_version version)
{
	switch (version) {
	case HTTP_1_0:
		return "http1.0";
	case HTTP_2:
		return "http2";
	default:
		return "http1.1";
	}
}

static void field_copy(struct request *r, struct slice s, char *out, size_t size)
{
	slice_copy(s, out, size);
	if (s.size_bytes >= size)
		r->incomplete |= REQUEST_GAP(CUT);
}

/* A field that must be there, or that may be one that was not understood. */
static struct slice known(struct slice s, bool missing)
{
	return !s.data && missing ? SLICE("unknown") : s;
}

static bool is_grpc(struct slice content_type)
{
	struct slice rest;

	if (!slice_starts_with(content_type, SLICE("application/grpc")))
		return false;
	rest = (struct slice){content_type.data + 16, content_type.size_bytes - 16};
	return !rest.size_bytes || rest.data[0] == '+' || rest.data[0] == ';';
}

static void request_fill(struct request *r, const struct http_head *head)
{
	struct slice version = {version_name(head->version), 0};

	version.size_bytes = strlen(version.data);
	slice_copy(version, r->protocol, sizeof(r->protocol));
	field_copy(r, known(head->method, true), r->method, sizeof(r->method));
	if (redact_path(known(head->path, true), r->path, sizeof(r->path)) ||
	    head->path.size_bytes >= HTTP1_TARGET_MAX_BYTES)
		r->incomplete |= REQUEST_GAP(CUT);
	field_copy(r, known(head->authority, head->incomplete), r->authority, sizeof(r->authority));
	field_copy(r, head->request_id, r->request_id, sizeof(r->request_id));
	field_copy(r, head->user_agent, r->user_agent, sizeof(r->user_agent));
	if (head->traceparent.data && traceparent_valid(head->traceparent))
		slice_copy(head->traceparent, r->traceparent, sizeof(r->traceparent));
	r->grpc = is_grpc(head->content_type);
	if (head->incomplete)
		r->incomplete |= REQUEST_GAP(HPACK);
}

static void note_upgrade(struct http_state *h, struct exchange *x, const struct http_head *head)
{
	if (head->upgrade.data || slice_equal(head->method, SLICE("CONNECT"))) {
		h->switching = x;
		h->to_http2 = slice_equal_nocase(head->upgrade, SLICE("h2c"));
	}
}

static void on_request(void *arg, const struct http_head *head)
{
	struct lane *lane = arg;
	struct conn *c = lane->conn;
	struct exchange *x;

	if (c->app == APP_HTTP2 && find_stream(c->http, head->stream_id))
		return;
	x = exchange_open(c, head->stream_id);
	if (c->app == APP_HTTP1)
		c->http->current[lane->side] = x;
	if (!x)
		return;
	request_fill(&x->record, head);
	moment_note(x, MOMENT_START, lane, head->first);
	if (c->app == APP_HTTP1)
		note_upgrade(c->http, x, head);
}

/* A response for which no open exchange is: one beyond the limit, one counted before, or one never
 * seen. */
static void count_unpaired(struct conn *c, uint32_t stream_id)
{
	struct http_state *h = c->http;

	if (h->untracked)
		h->untracked--;
	else if (!stream_id || stream_id > h->forgotten_stream)
		observe_count(c, OBSERVE_LOST_UNPAIRED_RESPONSE);
}

static struct exchange *exchange_of(struct lane *lane, uint32_t stream_id)
{
	struct http_state *h = lane->conn->http;

	return stream_id ? find_stream(h, stream_id) : h->current[lane->side];
}

/* The exchange that a response head answers; NULL when there is none (counted). */
static struct exchange *exchange_answered(struct lane *lane, uint32_t stream_id)
{
	struct http_state *h = lane->conn->http;
	struct exchange *x;

	if (stream_id) {
		x = find_stream(h, stream_id);
	} else {
		x = first_unanswered(h);
		h->current[lane->side] = x;
	}
	if (!x)
		count_unpaired(lane->conn, stream_id);
	return x;
}

static bool switches(const struct exchange *x, uint16_t status)
{
	if (x->conn->http->switching != x)
		return false;
	return status == 101 || (!strcmp(x->record.method, "CONNECT") && status / 100 == 2);
}

static void switch_note(struct conn *c, const struct http_head *head)
{
	bool websocket = slice_equal_nocase(head->upgrade, SLICE("websocket"));

	c->switched_to = websocket ? "websocket" : "tcp";
}

static enum http_body on_switch(struct lane *lane, struct exchange *x, const struct http_head *head)
{
	struct conn *c = lane->conn;

	if (c->http->to_http2 && head->status == 101) {
		x->record.status = 0; /* the answer follows on stream 1 */
		return HTTP_BODY_SWITCH;
	}
	c->http->to_http2 = false;
	switch_note(c, head);
	x->request_ended = x->response_ended = true;
	moment_note(x, MOMENT_END, lane, head->last);
	exchange_complete(x);
	return HTTP_BODY_SWITCH;
}

static enum http_body on_response(void *arg, const struct http_head *head)
{
	struct lane *lane = arg;
	struct conn *c = lane->conn;
	struct exchange *x;

	if (head->status / 100 == 1 && head->status != 101)
		return HTTP_BODY_AS_FRAMED;
	x = exchange_answered(lane, head->stream_id);
	if (!x || x->response_begun)
		return HTTP_BODY_AS_FRAMED;
	x->record.status = head->status <= MAX_STATUS ? head->status : 0;
	if (head->incomplete)
		x->record.incomplete |= REQUEST_GAP(HPACK);
	if (switches(x, head->status)) {
		if (!(c->http->to_http2 && head->status == 101))
			moment_note(x, MOMENT_FIRST_BYTE, lane, head->first);
		return on_switch(lane, x, head);
	}
	moment_note(x, MOMENT_FIRST_BYTE, lane, head->first);
	x->response_begun = true;
	x->record.grpc |= is_grpc(head->content_type) && c->app == APP_HTTP2;
	x->record.grpc_status = head->grpc_status;
	if (c->http->switching == x)
		c->http->switching = NULL;
	return strcmp(x->record.method, "HEAD") ? HTTP_BODY_AS_FRAMED : HTTP_BODY_NONE;
}

static void on_body(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position)
{
	struct lane *lane = arg;
	struct exchange *x = exchange_of(lane, stream_id);

	(void)position;
	if (!x)
		return;
	if (lane->side == SIDE_CLIENT)
		x->record.request_bytes += size_bytes;
	else
		x->record.response_bytes += size_bytes;
}

static void on_grpc_message(void *arg, uint32_t stream_id)
{
	struct lane *lane = arg;
	struct exchange *x = exchange_of(lane, stream_id);

	if (!x)
		return;
	if (lane->side == SIDE_CLIENT)
		x->record.request_messages++;
	else
		x->record.response_messages++;
}

static void on_trailers(void *arg, const struct http_head *head)
{
	struct lane *lane = arg;
	struct exchange *x = exchange_of(lane, head->stream_id);

	if (!x || lane->side != SIDE_SERVER)
		return;
	if (head->grpc_status != GRPC_STATUS_UNKNOWN)
		x->record.grpc_status = head->grpc_status;
	if (head->incomplete)
		x->record.incomplete |= REQUEST_GAP(HPACK);
}

static void on_end(void *arg, uint32_t stream_id, uint64_t position)
{
	struct lane *lane = arg;
	struct exchange *x = exchange_of(lane, stream_id);

	if (!x)
		return;
	if (!stream_id)
		lane->conn->http->current[lane->side] = NULL;
	if (lane->side == SIDE_CLIENT && !x->request_ended) {
		x->request_ended = true;
		moment_note(x, MOMENT_REQUEST_END, lane, position);
	} else if (lane->side == SIDE_SERVER && x->response_begun && !x->response_ended) {
		x->response_ended = true;
		moment_note(x, MOMENT_END, lane, position);
		lane->conn->http->pipelined |= lane->conn->http->count > 1;
	}
	complete_if_ended(x);
}

static void on_reset(void *arg, uint32_t stream_id, uint32_t error_code, uint64_t position)
{
	struct lane *lane = arg;
	struct exchange *x = find_stream(lane->conn->http, stream_id);

	if (!x)
		return;
	if (!x->response_ended) {
		x->record.reset = true;
		x->record.reset_code = error_code;
		x->record.flags |=
			lane->side == SIDE_CLIENT ? RESPONSE_FLAG(DC) : RESPONSE_FLAG(UR);
		moment_note(x, MOMENT_END, lane, position);
	}
	exchange_complete(x);
}

struct http_listener requests_listener(struct lane *lane)
{
	return (struct http_listener){
		.arg = lane,
		.request = on_request,
		.response = on_response,
		.body = on_body,
		.grpc_message = on_grpc_message,
		.trailers = on_trailers,
		.end = on_end,
		.reset = on_reset,
	};
}

/* ---- a connection's exchanges as a whole --------------------------------------------------------
 */

bool requests_prepare(struct conn *c)
{
	if (c->http)
		return true;
	c->http = calloc(1, sizeof(*c->http));
	if (!c->http) {
		observe_count(c, OBSERVE_LOST_MEMORY);
		return false;
	}
	list_init(&c->http->open);
	return true;
}

bool requests_unanswered(const struct conn *c)
{
	struct exchange *x = c->http ? first_unanswered(c->http) : NULL;

	return x && !x->response_begun;
}

void requests_drop(struct conn *c)
{
	struct http_state *h = c->http;
	struct exchange *x;

	if (!h)
		return;
	while ((x = first_open(h))) {
		if (x->record.stream_id > h->forgotten_stream)
			h->forgotten_stream = x->record.stream_id;
		x->dropped = true;
		observe_count(c, OBSERVE_LOST_UNPAIRED_REQUEST);
		exchange_complete(x);
	}
	h->untracked = 0;
}

void requests_cut(struct conn *c, unsigned by, bool reset, uint64_t time_ns)
{
	struct http_state *h = c->http;
	struct exchange *x;

	while (h && (x = first_open(h))) {
		if (!x->response_ended) {
			x->times[MOMENT_END][REPORTER_SOURCE] = time_ns;
			x->times[MOMENT_END][REPORTER_DESTINATION] = time_ns;
			x->record.flags |= by == SIDE_CLIENT ? RESPONSE_FLAG(DC)
					   : reset	     ? RESPONSE_FLAG(UR)
							     : RESPONSE_FLAG(UC);
		}
		exchange_complete(x);
	}
}

void requests_upgrade(struct conn *c)
{
	struct http_state *h = c->http;
	struct exchange *x = h->switching;

	h->current[SIDE_CLIENT] = h->current[SIDE_SERVER] = h->switching = NULL;
	if (!x)
		return;
	x->record.stream_id = 1;
	slice_copy(SLICE("http2"), x->record.protocol, sizeof(x->record.protocol));
	bucket_add(h, x);
}

void requests_free(struct conn *c)
{
	requests_drop(c);
	for (int side = 0; side < 2; side++)
		requests_expire(c, side, UINT64_MAX);
	free(c->http);
	c->http = NULL;
}
