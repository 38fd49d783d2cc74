// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which exchange a response answers, and what it is where its request was not parsed. */
#include "datapath/observe/answers.h"

#define STATUS_NO_REQUEST 408 /* the server timed out waiting for one */

void answers_note_stream(struct http_state *h, uint32_t stream_id)
{
	if (!h->missed_before)
		h->missed_before = stream_id;
	if (stream_id > h->highest_stream)
		h->highest_stream = stream_id;
}

/* Whether the stream of an answer, which has no open exchange, is one whose request was never seen:
 * not one that was given up, one that the client has reset, or one that was pushed (even numbers,
 * RFC 9113 5.1.1). */
static bool is_unseen(const struct http_state *h, uint32_t stream_id)
{
	if (stream_id % 2 == 0 || stream_id <= h->forgotten_stream)
		return false;
	return stream_id > h->highest_stream ||
	       (stream_id > h->missed_after && stream_id < h->missed_before);
}

/* Whether servers say |status| of a head of which more is to come, or nothing came. */
static bool refuses_early(uint16_t status, bool something)
{
	static const uint16_t statuses[] = {400, 413, 414, 431, 505};
	bool refuses = status == STATUS_NO_REQUEST;

	for (size_t i = 0; something && i < sizeof(statuses) / sizeof(statuses[0]); i++)
		refuses |= status == statuses[i];
	return refuses;
}

/* An exchange whose request is not known; NULL when there are too many. */
static struct exchange *exchange_unknown(struct conn *c, uint32_t stream_id)
{
	struct exchange *x = exchange_open(c, stream_id);

	if (!x)
		return NULL;
	exchange_fill(x, &(struct http_head){0});
	x->request_ended = true;
	x->gaps[REPORTER_SOURCE] = x->gaps[REPORTER_DESTINATION] = true;
	return x;
}

/* The exchange of a response on a stream whose request head is still being read: some servers
 * reject an invalid request before its end. */
static struct exchange *exchange_headless(struct conn *c, uint32_t stream_id)
{
	struct l7_stream *requests = &c->l7[SIDE_CLIENT];
	uint32_t head_stream = 0;
	struct exchange *x;
	uint64_t first = 0;

	if (requests->state == L7_RUNNING)
		first = c->decoder->head_first(requests->decoder, &head_stream);
	if (head_stream != stream_id)
		return NULL;
	x = exchange_unknown(c, stream_id);
	if (!x)
		return NULL;
	answers_note_stream(c->http, stream_id);
	c->http->early_stream = stream_id;
	x->headless = x->malformed = true;
	x->request_ended = false;
	x->gaps[REPORTER_SOURCE] = x->gaps[REPORTER_DESTINATION] = false;
	exchange_note(x, MOMENT_START, requests, first);
	return x;
}

/* The exchange of a response on a stream whose request was not parsed: the server accepted a
 * request that weft could not read. NULL where bytes of the client may be lost. */
static struct exchange *exchange_unseen(struct conn *c, uint32_t stream_id, uint16_t status)
{
	bool broken = c->flags & RESPONSE_FLAG(DPE) && !c->break_in_doubt;
	struct exchange *x;

	if (!broken || !is_unseen(c->http, stream_id))
		return NULL;
	x = exchange_unknown(c, stream_id);
	if (x && status >= 400)
		x->record.flags |= RESPONSE_FLAG(DPE);
	else if (x)
		x->record.incomplete |= REQUEST_GAP(LOST);
	return x;
}

/* The position of a request head that could not be parsed or is not complete, and has no response;
 * 0: there is none. Each is returned once. */
static uint64_t unparsed_head(struct conn *c)
{
	struct l7_stream *l7 = &c->l7[SIDE_CLIENT];
	uint64_t first = l7->broken_at;
	uint32_t stream_id;

	l7->broken_at = 0;
	if (first || l7->state != L7_RUNNING || c->http->answered_early)
		return first;
	first = c->decoder->head_first(l7->decoder, &stream_id);
	c->http->answered_early = first;
	return first;
}

/* The exchange of a response to a request head that could not be parsed or is not complete, or to
 * no request: a server may time out waiting for one. The request of any other response was not
 * seen. NULL: the response may belong to a request that was given up. */
static struct exchange *exchange_unparsed(struct l7_stream *l7, uint16_t status)
{
	struct conn *c = l7->conn;
	struct l7_stream *requests = &c->l7[SIDE_CLIENT];
	bool broken = requests->state == L7_BROKEN, refused;
	struct exchange *x;
	uint64_t first;

	if (c->http->untracked)
		return NULL;
	first = unparsed_head(c);
	if (!first && !broken && (status < 400 || c->unsynced || c->lost))
		return NULL;
	x = exchange_unknown(c, 0);
	if (!x)
		return NULL;
	if (first) {
		x->gaps[REPORTER_SOURCE] = x->gaps[REPORTER_DESTINATION] = false;
		exchange_note(x, MOMENT_START, requests, first);
	}
	refused = broken ? status >= 400 && !c->break_in_doubt : refuses_early(status, first);
	if (!refused)
		x->record.incomplete |= REQUEST_GAP(LOST);
	else if (first || broken)
		x->record.flags |= RESPONSE_FLAG(DPE);
	return x;
}

void answers_give_up(struct exchange *x)
{
	x->record.incomplete |= REQUEST_GAP(LOST) | REQUEST_GAP(BODY);
	observe_count(x->conn, OBSERVE_LOST_UNPAIRED_REQUEST);
}

/* The open exchange of the request |number|, or NULL. The answers to those before it are lost. */
static struct exchange *exchange_numbered(struct http_state *h, uint32_t number)
{
	struct exchange *x;

	while ((x = exchange_unanswered(h)) && x->number < number) {
		answers_give_up(x);
		exchange_complete(x);
	}
	return x && x->number == number ? x : NULL;
}

struct exchange *answers_find(struct l7_stream *l7, uint32_t stream_id, uint16_t status)
{
	const struct l7_stream *requests = &l7->conn->l7[SIDE_CLIENT];
	bool numbered = l7->conn->numbered;
	struct http_state *h = l7->conn->http;
	struct exchange *x;

	if (stream_id) {
		x = exchange_find(h, stream_id);
		x = x ? x : exchange_headless(l7->conn, stream_id);
		x = x ? x : exchange_unseen(l7->conn, stream_id, status);
	} else {
		l7->messages++;
		x = numbered ? exchange_numbered(h, l7->messages) : exchange_unanswered(h);
		l7->conn->answers_missed = !x;
		if (!x && !(numbered &&
			    (l7->messages <= requests->messages || requests->state == L7_LOST)))
			x = exchange_unparsed(l7, status);
		h->current[l7->side] = x;
	}
	if (!x && h->untracked) /* its request was beyond the limit */
		h->untracked--;
	else if (!x && (!stream_id || is_unseen(h, stream_id)))
		observe_count(l7->conn, OBSERVE_LOST_UNPAIRED_RESPONSE);
	return x;
}
