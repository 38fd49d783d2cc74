// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the HTTP decoders say becomes exchanges: requests paired with their responses. */
#include "datapath/observe/requests.h"
#include "datapath/observe/answers.h"
#include "datapath/observe/exchange.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_STATUS 999

/* What was not understood of a head, or is left out of it. */
static void note_gaps(struct exchange *x, const struct http_head *head)
{
	if (head->incomplete)
		x->record.incomplete |= REQUEST_GAP(HPACK);
	if (!head->cut)
		return;
	x->record.incomplete |= REQUEST_GAP(CUT);
	observe_count(x->conn, OBSERVE_LOST_LIMIT);
}

/* A message of |l7| has forms that are forgiven; |x|: its exchange, or NULL. */
static void note_lenient(struct l7_stream *l7, struct exchange *x, uint32_t forms)
{
	struct observe_counters *counters = &l7->conn->observe->counters;

	for (unsigned i = 0; forms >> i; i++)
		counters->lenient[l7->side][i] += forms >> i & 1;
	if (x)
		x->record.lenient |= forms;
}

/* What others forgive the server does not (nginx: 505 for a version). |status| 0: no answer. */
static void note_refused(struct exchange *x, uint16_t status)
{
	if ((x->record.lenient && (status == 400 || status == 505)) ||
	    (x->malformed && (!status || status == 400)))
		x->record.flags |= RESPONSE_FLAG(DPE);
}

/* Whether its client broke the rules: in this request, or anywhere on an HTTP/2 connection. */
static bool client_broke(const struct exchange *x)
{
	const struct conn *c = x->conn;

	return x->malformed || (c->decoder->multiplexed && c->flags & RESPONSE_FLAG(DPE));
}

static void take_head(struct exchange *x, const struct http_head *head)
{
	exchange_fill(x, head);
	note_gaps(x, head);
	x->type_unknown = head->type_unknown;
	x->malformed = head->lacks_fields;
	x->headless = false;
}

/* The head of a stream that was answered before the head was complete. Returns false when it is not
 * one. */
static bool take_late_head(struct l7_stream *l7, const struct http_head *head)
{
	struct http_state *h = l7->conn->http;
	struct exchange *x = exchange_find(h, head->stream_id);

	if (x && x->headless)
		take_head(x, head);
	return x || head->stream_id == h->early_stream;
}

static void on_request(void *arg, const struct http_head *head)
{
	struct l7_stream *l7 = arg;
	struct conn *c = l7->conn;
	bool in_order = !head->stream_id;
	struct exchange *x;

	if (!in_order && take_late_head(l7, head))
		return;
	l7->messages += in_order;
	if (c->http->answered_early) {
		c->http->answered_early = false;
		note_lenient(l7, NULL, head->lenient);
		return;
	}
	if (in_order && exchange_unanswered(c->http))
		c->answers_missed = false;
	if (in_order && l7->messages <= c->l7[SIDE_SERVER].messages)
		c->numbered = false; /* some response answers nothing */
	x = exchange_open(c, head->stream_id);
	if (in_order)
		c->http->current[l7->side] = x;
	else
		answers_note_stream(c->http, head->stream_id);
	note_lenient(l7, x, head->lenient);
	if (!x)
		return;
	x->number = l7->messages;
	take_head(x, head);
	exchange_note(x, MOMENT_START, l7, head->first);
	if (in_order && (head->upgrade.data || slice_equal(head->method, SLICE("CONNECT")))) {
		c->http->switching = x;
		c->http->switch_to = decoder_of_upgrade(head->upgrade);
	}
}

static struct exchange *exchange_of(struct l7_stream *l7, uint32_t stream_id)
{
	struct http_state *h = l7->conn->http;

	return stream_id ? exchange_find(h, stream_id) : h->current[l7->side];
}

static bool switches(const struct exchange *x, uint16_t status)
{
	if (x->conn->http->switching != x)
		return false;
	return status == 101 || (!strcmp(x->record.method, "CONNECT") && status / 100 == 2);
}

static void complete_if_ended(struct exchange *x)
{
	if (x->request_ended && x->response_ended)
		exchange_complete(x);
}

static enum http_body on_switch(struct l7_stream *l7, struct exchange *x,
				const struct http_head *head)
{
	struct conn *c = l7->conn;

	if (c->http->switch_to && head->status == 101) {
		x->record.status = 0; /* the answer follows on stream 1 */
		return HTTP_BODY_SWITCH;
	}
	c->http->switch_to = NULL;
	c->protocol = slice_equal_nocase(head->upgrade, SLICE("websocket")) ? "websocket" : "tcp";
	x->request_ended = x->response_ended = true;
	exchange_note(x, MOMENT_END, l7, head->last);
	exchange_complete(x);
	return HTTP_BODY_SWITCH;
}

/* Notifies the decoder of requests that the one it is reading is answered. */
static void notify_requests(struct conn *c, uint16_t status)
{
	struct http_state *h = c->http;
	struct l7_stream *requests = &c->l7[SIDE_CLIENT];
	struct exchange *x = exchange_unanswered(h);

	if (requests->state == L7_RUNNING && c->decoder->answered && x &&
	    x == h->current[SIDE_CLIENT])
		c->decoder->answered(requests->decoder, status);
}

/* Only gRPC has such a status: it shows what the type would. */
static void note_grpc_status(struct exchange *x, const struct http_head *head)
{
	if (head->grpc_status == GRPC_STATUS_UNKNOWN)
		return;
	x->record.grpc_status = head->grpc_status;
	x->record.grpc |= x->type_unknown;
}

static enum http_body on_response(void *arg, const struct http_head *head)
{
	struct l7_stream *l7 = arg;
	struct conn *c = l7->conn;
	struct exchange *x;

	notify_requests(c, head->status);
	if (head->status / 100 == 1 && head->status != 101) {
		note_lenient(l7, exchange_unanswered(c->http), head->lenient);
		return HTTP_BODY_AS_FRAMED;
	}
	x = answers_find(l7, head->stream_id, head->status);
	if (x && !x->response_begun)
		note_refused(x, head->status);
	note_lenient(l7, x, head->lenient);
	if (!x || x->response_begun)
		return HTTP_BODY_AS_FRAMED;
	x->record.status = head->status <= MAX_STATUS ? head->status : 0;
	note_gaps(x, head);
	if (switches(x, head->status)) {
		if (!(c->http->switch_to && head->status == 101))
			exchange_note(x, MOMENT_FIRST_BYTE, l7, head->first);
		return on_switch(l7, x, head);
	}
	exchange_note(x, MOMENT_FIRST_BYTE, l7, head->first);
	x->response_begun = true;
	x->in_doubt = false;
	if (head->content_type.size_bytes)
		x->type_unknown = false;
	x->record.grpc |= head->grpc;
	note_grpc_status(x, head);
	if (c->http->switching == x)
		c->http->switching = NULL;
	return strcmp(x->record.method, "HEAD") ? HTTP_BODY_AS_FRAMED : HTTP_BODY_NONE;
}

static void on_body(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_of(l7, stream_id);

	(void)position;
	if (!x)
		return;
	if (l7->side == SIDE_CLIENT)
		x->record.request_bytes += size_bytes;
	else
		x->record.response_bytes += size_bytes;
}

static void on_lenient(void *arg, uint32_t forms)
{
	struct l7_stream *l7 = arg;

	note_lenient(l7, l7->conn->http->current[l7->side], forms);
}

static void on_grpc_message(void *arg, uint32_t stream_id)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_of(l7, stream_id);

	if (!x)
		return;
	x->record.grpc = true;
	if (l7->side == SIDE_CLIENT)
		x->record.request_messages++;
	else
		x->record.response_messages++;
}

static void on_stream_forgotten(void *arg, uint32_t stream_id)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_of(l7, stream_id);

	observe_count(l7->conn, OBSERVE_LOST_LIMIT);
	if (x)
		x->record.incomplete |= REQUEST_GAP(BODY);
}

static void on_messages_missed(void *arg, uint32_t stream_id)
{
	struct exchange *x = exchange_of(arg, stream_id);

	if (x)
		x->record.incomplete |= REQUEST_GAP(BODY);
}

static void on_trailers(void *arg, const struct http_head *head)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_of(l7, head->stream_id);

	if (!x || l7->side != SIDE_SERVER)
		return;
	note_grpc_status(x, head);
	note_gaps(x, head);
}

static void on_end(void *arg, uint32_t stream_id, uint64_t position)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_of(l7, stream_id);

	if (!x)
		return;
	if (!stream_id)
		l7->conn->http->current[l7->side] = NULL;
	if (l7->side == SIDE_CLIENT && !x->request_ended) {
		x->request_ended = true;
		exchange_note(x, MOMENT_REQUEST_END, l7, position);
	} else if (l7->side == SIDE_SERVER && (x->response_begun || x->in_doubt) &&
		   !x->response_ended) {
		if (x->in_doubt)
			answers_give_up(x);
		x->response_ended = true;
		exchange_note(x, MOMENT_END, l7, position);
		l7->conn->http->pipelined |= l7->conn->http->count > 1;
	}
	complete_if_ended(x);
}

/* The server does not answer. */
static void refuse(struct exchange *x, uint32_t flag)
{
	x->record.flags |= flag;
	if (!x->response_begun)
		note_refused(x, 0);
}

/* What the client sends until it hears of a reset is not counted any more. */
static void on_reset(void *arg, uint32_t stream_id, uint32_t error_code, uint64_t position)
{
	struct l7_stream *l7 = arg;
	struct exchange *x = exchange_find(l7->conn->http, stream_id);

	if (!x)
		return;
	if (!x->request_ended)
		x->record.incomplete |= REQUEST_GAP(UPLOAD);
	if (!x->response_ended) {
		x->record.reset = true;
		x->record.reset_code = error_code;
		if (x->in_doubt)
			answers_give_up(x);
		else if (l7->side == SIDE_CLIENT)
			x->record.flags |= RESPONSE_FLAG(DC);
		else
			refuse(x, RESPONSE_FLAG(UR));
		exchange_note(x, MOMENT_END, l7, position);
	}
	exchange_complete(x);
}

struct http_listener requests_listener(struct l7_stream *l7)
{
	return (struct http_listener){
		.arg = l7,
		.request = on_request,
		.response = on_response,
		.body = on_body,
		.grpc_message = on_grpc_message,
		.stream_forgotten = on_stream_forgotten,
		.messages_missed = on_messages_missed,
		.lenient = on_lenient,
		.trailers = on_trailers,
		.end = on_end,
		.reset = on_reset,
	};
}

/* ---- a connection's exchanges as
 * a whole -------------------------------------------------------- */

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

uint32_t requests_open(const struct conn *c)
{
	return c->http ? c->http->count : 0;
}

void requests_drop(struct conn *c)
{
	struct http_state *h = c->http;
	struct exchange *x;

	if (!h)
		return;
	while ((x = exchange_first(h))) {
		if (x->record.stream_id > h->forgotten_stream)
			h->forgotten_stream = x->record.stream_id;
		x->record.incomplete |= REQUEST_GAP(LOST);
		if (!x->request_ended || !x->response_ended)
			x->record.incomplete |= REQUEST_GAP(BODY);
		observe_count(c, OBSERVE_LOST_UNPAIRED_REQUEST);
		exchange_complete(x);
	}
	h->untracked = 0;
	h->answered_early = false;
}

void requests_break(struct conn *c, bool malformed)
{
	struct exchange *x = c->http->current[SIDE_CLIENT];

	if (!x)
		return;
	c->http->current[SIDE_CLIENT] = NULL;
	x->record.incomplete |= REQUEST_GAP(BODY);
	if (malformed)
		x->record.flags |= RESPONSE_FLAG(DPE);
	x->request_ended = true;
	complete_if_ended(x);
}

void requests_lose(struct conn *c, unsigned side)
{
	struct exchange *x = c->http->current[side];

	if (side == SIDE_CLIENT) {
		requests_break(c, false);
	} else if (x) {
		answers_give_up(x);
		exchange_complete(x);
	}
}

void requests_break_streams(struct conn *c)
{
	struct list *next;

	for (struct list *n = c->http->open.next; n != &c->http->open; n = next) {
		struct exchange *x = list_entry(n, struct exchange, open);

		next = n->next;
		if (x->request_ended)
			continue;
		x->record.incomplete |= REQUEST_GAP(BODY);
		x->request_ended = true;
		complete_if_ended(x);
	}
}

void requests_resume(struct conn *c)
{
	c->http->missed_after = c->http->highest_stream;
	c->http->missed_before = 0;
}

bool requests_refuse(struct conn *c)
{
	struct exchange *x = c->http ? exchange_first(c->http) : NULL;

	if (!x)
		return false;
	x->record.flags |= RESPONSE_FLAG(DPE);
	x->request_ended = true;
	return true;
}

void requests_doubt(struct conn *c)
{
	struct exchange *x;

	list_for_each_entry (x, &c->http->open, open)
		x->in_doubt = !x->response_ended;
}

/* Of what the client sends from a place on that was not seen, a body may have passed unread. */
void requests_cut_uploads(struct conn *c, bool read_all)
{
	struct exchange *x;

	if (!c->http)
		return;
	list_for_each_entry (x, &c->http->open, open) {
		if (x->request_ended)
			continue;
		if (read_all)
			x->record.incomplete |= REQUEST_GAP(UPLOAD);
		if (!read_all || c->midstream)
			x->record.incomplete |= REQUEST_GAP(BODY);
	}
}

/* What has passed of direction |side| up to |total_bytes|, and is read when the next record comes.
 */
static uint64_t unread_bytes(const struct conn *c, unsigned side, uint64_t total_bytes)
{
	uint64_t next = c->streams[side].next;

	return total_bytes > next ? total_bytes - next : 0;
}

/* All of |bytes| are of the body that is being read, and more of it follows. */
static bool is_in_body(const struct conn *c, unsigned side, uint64_t bytes)
{
	return !bytes || (!c->decoder->multiplexed && bytes < conn_body_left(c, side));
}

void requests_abandon(struct conn *c, uint64_t sent_bytes, uint64_t received_bytes,
		      uint64_t time_ns)
{
	uint64_t unsent = unread_bytes(c, SIDE_CLIENT, sent_bytes);
	uint64_t unread = unread_bytes(c, SIDE_SERVER, received_bytes);
	struct http_state *h = c->http;
	struct exchange *x;

	if (!h || !is_in_body(c, SIDE_SERVER, unread)) /* an answer may have ended there */
		return;
	list_for_each_entry (x, &h->open, open) {
		struct left_out out = {0};

		if (x->in_doubt || x->response_ended)
			continue;
		if (!x->request_ended)
			out.incomplete |= REQUEST_GAP(UPLOAD);
		if (!x->request_ended && !is_in_body(c, SIDE_CLIENT, unsent))
			out.incomplete |= REQUEST_GAP(BODY);
		else if (x == h->current[SIDE_CLIENT])
			out.request_bytes = unsent;
		if (x == h->current[SIDE_SERVER])
			out.response_bytes = unread;
		if (!x->response_begun && client_broke(x))
			out.flags = RESPONSE_FLAG(DPE);
		exchange_abandon(x, &out, time_ns);
	}
}

/* When |by| ended the connection for |reporter|, where its first close came at |time_ns|: TCP may
 * have tried for long to tell the other end. 0: not known. */
static uint64_t cut_at(const struct conn *c, unsigned by, enum reporter reporter, uint64_t time_ns)
{
	const struct end *e = &c->ends[reporter], *other = &c->ends[OTHER(reporter)];

	if (reporter == by && e->left_ns)
		return e->counters.sent_bytes == e->left_bytes ? e->left_ns : 0;
	if (reporter == by)
		return e->counters.flags & WEFT_END_LEFT ? 0 : time_ns;
	if (e->peer_left_ns && conn_is_local(c, by) && by == SIDE_CLIENT && !other->left_ns)
		return e->left_ns; /* it said only that it sends no more */
	if (e->peer_left_ns)
		return e->peer_left_ns;
	return other->left_ns || e->counters.flags & WEFT_END_PEER_LEFT ? 0 : time_ns;
}

void requests_cut(struct conn *c, unsigned by, bool reset, uint64_t time_ns)
{
	struct http_state *h = c->http;
	struct exchange *x;

	while (h && (x = exchange_first(h))) {
		if (x->in_doubt) {
			answers_give_up(x);
		} else if (!x->response_ended) {
			for (int r = 0; r < REPORTER_MAX; r++)
				x->times[MOMENT_END][r] = cut_at(c, by, r, time_ns);
			x->malformed = client_broke(x);
			refuse(x, by == SIDE_CLIENT ? RESPONSE_FLAG(DC)
				  : reset	    ? RESPONSE_FLAG(UR)
						    : RESPONSE_FLAG(UC));
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
	snprintf(x->record.protocol, sizeof(x->record.protocol), "%s", c->decoder->name);
	exchange_index(h, x);
}

void requests_free(struct conn *c)
{
	requests_drop(c);
	for (int side = 0; side < 2; side++)
		exchange_expire(c, side, UINT64_MAX);
	free(c->http);
	c->http = NULL;
}
