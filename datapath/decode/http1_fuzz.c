// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the HTTP/1 decoder. The first byte of the input chooses the side, the answer to response
 * heads, whether parts of bodies are fed as gaps, and what answers come early; the second how the
 * rest is cut into pieces. */
#include "datapath/decode/http1.h"
#include "datapath/decode/http1_fields.h"

#include <stdlib.h>

#define HEAD_MAX_BYTES 65536

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

struct account {
	uint64_t fed_bytes;
	uint64_t body_bytes;
	uint64_t position; /* of what was reported last */
	bool open;	   /* a message began and did not end */
	enum http_body body;
	uint32_t forms; /* forgiven in the message that is open */
	unsigned sum;	/* of the bytes of slices: each must be readable */
};

static void advance(struct account *a, uint64_t position)
{
	require(position >= a->position && position <= a->fed_bytes);
	a->position = position;
}

static void touch(struct account *a, struct slice s, size_t limit_bytes)
{
	require(s.size_bytes <= limit_bytes && (s.data || !s.size_bytes));
	for (size_t i = 0; i < s.size_bytes; i++)
		a->sum += (unsigned char)s.data[i];
}

static void check_head(struct account *a, const struct http_head *h)
{
	require(h->first <= h->last && h->header_bytes == h->last - h->first + 1);
	require(h->header_bytes <= HEAD_MAX_BYTES && h->stream_id == 0);
	require(h->version == HTTP_1_0 || h->version == HTTP_1_1);
	require(!(h->lenient >> HTTP_LENIENT_MAX));
	advance(a, h->first);
	advance(a, h->last);
	touch(a, h->method, 32);
	touch(a, h->path, HTTP1_TARGET_MAX_BYTES);
	touch(a, h->authority, HTTP1_TARGET_MAX_BYTES);
	touch(a, h->scheme, HTTP1_TARGET_MAX_BYTES);
	touch(a, h->content_type, 256);
	touch(a, h->user_agent, 256);
	touch(a, h->traceparent, 256);
	touch(a, h->request_id, 256);
	touch(a, h->upgrade, 256);
}

static void on_request(void *arg, const struct http_head *head)
{
	struct account *a = arg;

	check_head(a, head);
	require(!a->open && head->method.size_bytes && head->path.size_bytes && !head->status);
	a->open = true;
	a->forms = head->lenient;
}

static enum http_body on_response(void *arg, const struct http_head *head)
{
	struct account *a = arg;

	check_head(a, head);
	require(!a->open && !head->method.data && !head->path.data);
	a->open = head->status / 100 != 1 || head->status == 101;
	a->forms = head->lenient;
	return a->body;
}

static void on_body(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position)
{
	struct account *a = arg;

	require(a->open && !stream_id && size_bytes);
	advance(a, position);
	a->body_bytes += size_bytes;
	require(a->body_bytes <= a->fed_bytes);
}

/* Each form is told once of a message. */
static void on_lenient(void *arg, uint32_t forms)
{
	struct account *a = arg;

	require(forms && !(forms >> HTTP_LENIENT_MAX));
	require(!a->open || !(forms & a->forms));
	a->forms |= forms;
}

static void on_trailers(void *arg, const struct http_head *head)
{
	struct account *a = arg;

	require(a->open);
	check_head(a, head);
}

static void on_end(void *arg, uint32_t stream_id, uint64_t position)
{
	struct account *a = arg;

	require(a->open && !stream_id);
	advance(a, position);
	a->open = false;
}

static enum decode_status feed(struct http1 *h, struct account *a, const uint8_t *data,
			       size_t size_bytes, size_t *ret_used)
{
	struct feed f = {data, size_bytes, a->fed_bytes + 1, 1, 0, 0};

	a->fed_bytes += size_bytes;
	enum decode_status status = http1_feed(h, &f, ret_used);

	require(*ret_used <= size_bytes);
	a->fed_bytes -= size_bytes - *ret_used;
	return status;
}

/* Half of what is left of a body does not come: that is never an error. */
static void feed_gap(struct http1 *h, struct account *a)
{
	uint64_t left = http1_body_left(h);
	size_t used;

	left = left < 1 << 20 ? left : 1 << 20;
	require(feed(h, a, NULL, left / 2, &used) == DECODE_OK);
}

/* The client of a refused Upgrade goes on; after a granted one there is nothing more to decode. */
static void run(struct http1 *h, struct account *a, const uint8_t *data, size_t size_bytes,
		unsigned piece_bytes, bool gaps, bool resume, uint16_t answer)
{
	while (size_bytes) {
		size_t n = piece_bytes && piece_bytes < size_bytes ? piece_bytes : size_bytes, used;
		uint8_t *piece = malloc(n);

		require(piece);
		memcpy(piece, data, n);
		enum decode_status status = feed(h, a, piece, n, &used);

		free(piece);
		if (status != DECODE_OK && (status != DECODE_SWITCH || !resume))
			return;
		require(used == n || status == DECODE_SWITCH);
		data += used;
		size_bytes -= used;
		if (answer)
			http1_answer(h, answer);
		if (gaps)
			feed_gap(h, a);
	}
	bool cut = http1_finish(h, a->fed_bytes);

	require(cut || !a->open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct account a = {0};
	const struct http_listener listener = {
		.arg = &a,
		.request = on_request,
		.response = on_response,
		.body = on_body,
		.lenient = on_lenient,
		.trailers = on_trailers,
		.end = on_end,
	};

	if (size_bytes < 2)
		return 0;
	bool responses = data[0] & 1, gaps = data[0] & 8;
	struct http1 *h = http1_new(responses ? HTTP_SERVER : HTTP_CLIENT, &listener);

	require(h);
	a.body = (enum http_body)((data[0] >> 1 & 3) % 3);
	run(h, &a, data + 2, size_bytes - 2, data[1] & 63, gaps, !responses,
	    !(data[0] & 16) ? 0
	    : data[0] & 32  ? 417
			    : 100);
	http1_free(h);
	return 0;
}
