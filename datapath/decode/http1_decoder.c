// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of the HTTP/1 decoder. */
#include "datapath/decode/decoder.h"
#include "datapath/decode/http1.h"
#include "datapath/decode/http1_line.h"

static enum match begins(struct slice bytes, bool midstream, enum http_side *ret_sender)
{
	enum match request = http1_match_request(bytes, midstream);
	enum match response = http1_match_response(bytes);

	*ret_sender = request == MATCH_YES ? HTTP_CLIENT : HTTP_SERVER;
	return request > response ? request : response;
}

static const char *protocol(enum http_version version)
{
	if (version == HTTP_0_9)
		return "http0.9";
	return version == HTTP_1_0 ? "http1.0" : "http1.1";
}

static void *new(enum http_side side, enum http_start start, const struct http_listener *listener)
{
	(void)start;
	return http1_new(side, listener);
}

static void release(void *decoder)
{
	http1_free(decoder);
}

static enum decode_status feed(void *decoder, const struct feed *f, size_t *ret_used)
{
	return http1_feed(decoder, f, ret_used);
}

static uint64_t body_left(const void *decoder)
{
	return http1_body_left(decoder);
}

static uint64_t head_first(const void *decoder, uint32_t *ret_stream_id)
{
	*ret_stream_id = 0;
	return http1_head_first(decoder);
}

static void answered(void *decoder, uint16_t status)
{
	http1_answer(decoder, status);
}

static void finish(void *decoder, uint64_t position)
{
	http1_finish(decoder, position);
}

const struct decoder http1_decoder = {
	.id = DECODER_HTTP1,
	.name = "http1",
	.begins = begins,
	.protocol = protocol,
	.new = new,
	.free = release,
	.feed = feed,
	.body_left = body_left,
	.head_first = head_first,
	.answered = answered,
	.finish = finish,
};
