// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fuzzes both sides of HTTP/2 in every start, with a gap. The events must not depend on how the
// bytes are cut.
#include "datapath/decode/http2.h"

#include <stdlib.h>

/* Side and start, how to cut, where and how long the gap is. */
#define OPTION_BYTES 4

struct told {
	uint64_t events; /* a hash of all events except bodies, which depend on the cuts */
	uint64_t body_bytes;
	uint64_t body_position;
};

static void tell_number(struct told *t, uint64_t number)
{
	t->events = (t->events ^ number) * 0x100000001b3;
}

static void tell_slice(struct told *t, struct slice s)
{
	tell_number(t, s.data ? s.size_bytes : UINT64_MAX);
	for (size_t i = 0; s.data && i < s.size_bytes; i++)
		tell_number(t, (uint8_t)s.data[i]);
}

static void tell_numbers(struct told *t, char what, uint64_t a, uint64_t b, uint64_t c)
{
	tell_number(t, (uint64_t)what);
	tell_number(t, a);
	tell_number(t, b);
	tell_number(t, c);
}

static void tell_head(struct told *t, char what, const struct http_head *head)
{
	const struct slice fields[] = {head->method,	  head->path,	      head->authority,
				       head->scheme,	  head->content_type, head->user_agent,
				       head->traceparent, head->request_id,   head->upgrade};

	if (head->first > head->last || head->version != HTTP_2)
		abort();
	tell_numbers(t, what, head->stream_id, head->first, head->last);
	tell_numbers(t, what, head->status, head->header_bytes,
		     (uint64_t)head->grpc_status << 3 | head->cut << 2 | head->end_stream << 1 |
			     head->incomplete);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		tell_slice(t, fields[i]);
}

static void on_request(void *arg, const struct http_head *head)
{
	tell_head(arg, 'q', head);
}

static enum http_body on_response(void *arg, const struct http_head *head)
{
	tell_head(arg, 'p', head);
	return HTTP_BODY_AS_FRAMED;
}

static void on_trailers(void *arg, const struct http_head *head)
{
	tell_head(arg, 't', head);
}

static void on_body(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position)
{
	struct told *t = arg;

	if (!stream_id || !size_bytes || position < t->body_position)
		abort();
	t->body_bytes += size_bytes;
	t->body_position = position;
}

static void on_grpc_message(void *arg, uint32_t stream_id)
{
	tell_numbers(arg, 'm', stream_id, 0, 0);
}

static void on_messages_missed(void *arg, uint32_t stream_id)
{
	tell_numbers(arg, 'n', stream_id, 0, 0);
}

static void on_end(void *arg, uint32_t stream_id, uint64_t position)
{
	tell_numbers(arg, 'e', stream_id, position, 0);
}

static void on_reset(void *arg, uint32_t stream_id, uint32_t error_code, uint64_t position)
{
	tell_numbers(arg, 'r', stream_id, error_code, position);
}

static void on_goaway(void *arg, uint32_t last_stream_id, uint32_t error_code, uint64_t position)
{
	tell_numbers(arg, 'g', last_stream_id, error_code, position);
}

/* Feeds one piece from a heap copy, so that over-reads and stale pointers are found. */
static enum decode_status feed_piece(struct http2 *h, const uint8_t *data, size_t from, size_t to)
{
	uint8_t *copy = data ? malloc(to - from) : NULL;

	if (copy)
		memcpy(copy, data + from, to - from);
	enum decode_status status =
		http2_feed(h, &(struct feed){copy, to - from, from + 1, 1, 0, 0});

	free(copy);
	return status;
}

/* The gap is never cut: synchronisation is lost at its first byte. */
static enum decode_status feed_all(struct http2 *h, const uint8_t *data, size_t size_bytes,
				   size_t gap_from, size_t gap_to, size_t piece)
{
	enum decode_status status = DECODE_OK;

	for (size_t from = 0, to; from < size_bytes && status == DECODE_OK; from = to) {
		size_t end = from < gap_from ? gap_from : size_bytes;

		to = from + piece < end ? from + piece : end;
		if (from == gap_from && gap_from < gap_to)
			to = gap_to;
		status = feed_piece(h, from >= gap_from && from < gap_to ? NULL : data, from, to);
		if (status == DECODE_OK && http2_body_left(h) > 1 << 24)
			abort();
	}
	return status;
}

static enum decode_status run(const uint8_t *options, const uint8_t *data, size_t size_bytes,
			      size_t piece, struct told *told)
{
	struct http_listener listener = {.arg = told,
					 .request = on_request,
					 .response = on_response,
					 .body = on_body,
					 .grpc_message = on_grpc_message,
					 .messages_missed = on_messages_missed,
					 .trailers = on_trailers,
					 .end = on_end,
					 .reset = on_reset,
					 .goaway = on_goaway};
	enum http_side side = options[0] & 1 ? HTTP_SERVER : HTTP_CLIENT;
	struct http2 *h = http2_new(side, (options[0] >> 1) % 3, &listener);
	struct http2 *peer = http2_new(!side, HTTP_MIDSTREAM, &listener);
	size_t gap_from = options[2] * 4U, gap_to = gap_from + options[3] * 2U;

	if (side == HTTP_CLIENT)
		http2_pair(h, peer);
	else
		http2_pair(peer, h);
	gap_from = gap_from < size_bytes ? gap_from : size_bytes;
	gap_to = gap_to < size_bytes ? gap_to : size_bytes;
	enum decode_status status = feed_all(h, data, size_bytes, gap_from, gap_to, piece);

	http2_free(h);
	http2_free(peer);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct told whole = {0}, cut = {0};

	if (size_bytes < OPTION_BYTES)
		return 0;
	size_t n = size_bytes - OPTION_BYTES;
	enum decode_status status = run(data, data + OPTION_BYTES, n, n, &whole);

	if (run(data, data + OPTION_BYTES, n, 1 + data[1] % 40, &cut) != status ||
	    memcmp(&whole, &cut, sizeof(whole)) != 0)
		abort();
	return 0;
}
