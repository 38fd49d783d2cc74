// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/1.x messages of one direction: llhttp parses, this file cuts the bytes into messages, keeps
 * the fields that weft looks at, and says how bodies are framed. */
#include "datapath/decode/http1.h"

#include "datapath/decode/grpc.h"
#include "datapath/decode/http1_fields.h"
#include "datapath/decode/http1_line.h"
#include "datapath/decode/http1_strict.h"
#include "datapath/decode/token.h"

#include <stdlib.h>

#include <llhttp.h>

#define HEAD_MAX_BYTES 65536

enum phase {
	BETWEEN, /* two messages */
	METHOD,
	HEAD,
	BODY, /* chunk framing included */
	TRAILERS,
	UNTIL_CLOSE,
};

struct http1 {
	llhttp_t parser;
	struct http_listener listener;
	enum http_side side;
	enum phase phase;
	enum decode_status status; /* what ended it; DECODE_SWITCH does not */
	const char *reason;
	bool reported;	   /* some head was */
	bool interim;	   /* the last head was a 1xx one */
	bool start_line;   /* no HTTP version was seen yet */
	bool head_stopped; /* llhttp paused after a head, else after a message */
	bool chunk_open;
	bool expects; /* requests: the body waits for an answer */
	bool refused; /* the answer was a final one */

	const struct feed *feed;
	const char *piece;  /* what llhttp is reading */
	size_t piece_index; /* its place in the feed; modulo 2^64: a line end may be longer than
			     * what it stands for */
	uint64_t fed_bytes; /* before this feed */
	uint64_t block_bytes_at; /* where the head or trailer block began, as |fed_bytes| counts */

	struct http1_strict strict;
	uint32_t reported_lenient; /* of |strict.noticed| */
	bool length_again;	   /* the field being read is another Content-Length */
	uint64_t length;	   /* of the one before */

	struct http1_fields fields; /* of the block being read */
};

static size_t index_of(const struct http1 *h, const char *at)
{
	return h->piece_index + (size_t)(at - h->piece);
}

static uint64_t position_of(const struct http1 *h, const char *at)
{
	return feed_position(h->feed, index_of(h, at));
}

static enum decode_status give_up(struct http1 *h, enum decode_status status, const char *reason)
{
	h->reason = reason;
	return status;
}

/* Reports the lenient forms that were accepted since the last report. */
static void report_lenient(struct http1 *h)
{
	uint32_t forms = h->strict.noticed & ~h->reported_lenient;

	h->reported_lenient |= forms;
	if (forms && h->listener.lenient)
		h->listener.lenient(h->listener.arg, forms);
}

static enum decode_status malformed(struct http1 *h, const char *reason)
{
	bool nothing_yet = !h->reported && h->start_line;

	return give_up(h, nothing_yet ? DECODE_NOT_MINE : DECODE_MALFORMED, reason);
}

static void block_start(struct http1 *h, const char *at)
{
	http1_fields_start(&h->fields, position_of(h, at));
	h->block_bytes_at = h->fed_bytes + index_of(h, at);
}

/* An unknown minor version is read as the latest one (RFC 9110 2.5). */
static enum http_version version_of(struct http1 *h)
{
	if (llhttp_get_http_major(&h->parser) != 1)
		return HTTP_VERSION_UNKNOWN;
	if (llhttp_get_http_minor(&h->parser) > 1)
		h->strict.noticed |= HTTP_LENIENT_FORM(VERSION);
	return llhttp_get_http_minor(&h->parser) ? HTTP_1_1 : HTTP_1_0;
}

/* Completes the block whose last byte is before |at|. */
static void block_end(struct http1 *h, const char *at)
{
	h->fields.head.version = version_of(h);
	h->fields.head.last = position_of(h, at - 1);
	h->fields.head.header_bytes = h->fed_bytes + index_of(h, at) - h->block_bytes_at;
}

/* ---- llhttp's callbacks: -1 only when memory is short */

static int on_url(llhttp_t *parser, const char *at, size_t size_bytes)
{
	struct http1 *h = parser->data;

	return http1_fields_target(&h->fields, at, size_bytes) ? 0 : -1;
}

static int on_version_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	h->start_line = false;
	return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t size_bytes)
{
	struct http1 *h = parser->data;

	if (h->phase == BODY) {
		block_start(h, at);
		h->phase = TRAILERS;
	}
	http1_fields_name(&h->fields, at, size_bytes);
	return 0;
}

/* llhttp takes one Content-Length. Another one is read as if it were the first. */
static void length_begin(struct http1 *h)
{
	h->length_again = h->phase == HEAD && (h->parser.flags & F_CONTENT_LENGTH) &&
			  http1_fields_name_is(&h->fields, SLICE("content-length"));
	if (!h->length_again)
		return;
	h->length = h->parser.content_length;
	h->parser.content_length = 0;
	h->parser.flags &= (uint16_t)~F_CONTENT_LENGTH;
}

/* When two lengths differ, servers that continue use the first one, clients the last. */
static void length_end(struct http1 *h)
{
	if (!h->length_again)
		return;
	h->length_again = false;
	if (h->length == h->parser.content_length) {
		h->strict.noticed |= HTTP_LENIENT_FORM(LENGTH_TWICE);
		return;
	}
	h->strict.noticed |= HTTP_LENIENT_FORM(LENGTH_DIFFERS);
	if (h->side == HTTP_CLIENT)
		h->parser.content_length = h->length;
}

static int on_header_field_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	length_begin(h);
	http1_fields_name_end(&h->fields);
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t size_bytes)
{
	struct http1 *h = parser->data;

	return http1_fields_value(&h->fields, at, size_bytes) ? 0 : -1;
}

static int on_header_value_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	length_end(h);
	http1_fields_value_end(&h->fields);
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	h->head_stopped = true;
	return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	h->head_stopped = false;
	return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	h->chunk_open = true;
	return 0;
}

static int on_chunk_complete(llhttp_t *parser)
{
	struct http1 *h = parser->data;

	h->chunk_open = false;
	return 0;
}

static void report_body(struct http1 *h, uint64_t size_bytes, uint64_t position)
{
	if (h->listener.body && size_bytes)
		h->listener.body(h->listener.arg, 0, size_bytes, position);
}

static int on_body(llhttp_t *parser, const char *at, size_t size_bytes)
{
	struct http1 *h = parser->data;

	report_body(h, size_bytes, position_of(h, at + size_bytes - 1));
	return 0;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_version_complete = on_version_complete,
	.on_header_field = on_header_field,
	.on_header_field_complete = on_header_field_complete,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_chunk_complete = on_chunk_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* ---- messages */

/* llhttp starts afresh with each message: what it would remember (Connection: close, a refused
 * Upgrade) does not keep real peers from going on, and if they do not there is nothing to parse. */
static void message_end(struct http1 *h, uint64_t position)
{
	h->phase = BETWEEN;
	h->chunk_open = false;
	llhttp_reset(&h->parser);
	if (h->listener.end)
		h->listener.end(h->listener.arg, 0, position);
}

static enum decode_status request_head(struct http1 *h)
{
	h->fields.head.target_cut = h->fields.head.path.size_bytes >= HTTP1_TARGET_MAX_BYTES;
	h->fields.head.grpc = grpc_content_type(h->fields.head.content_type);
	http1_fields_target_end(&h->fields);
	if (h->listener.request)
		h->listener.request(h->listener.arg, &h->fields.head);
	h->phase = BODY;
	h->expects = slice_equal_nocase(h->fields.head.expect, SLICE("100-continue"));
	/* RFC 9112 6.3: where its body ends is not known */
	if (h->fields.head.lenient & HTTP_LENIENT_FORM(TRANSFER_CODING))
		return give_up(h, DECODE_MALFORMED, "Invalid Transfer-Encoding");
	return DECODE_OK;
}

/* RFC 9112 6.3: 1xx, 204, 304 and the answer to HEAD have no body, whatever their fields say. */
static enum decode_status response_head(struct http1 *h)
{
	const struct http_head *head = &h->fields.head;
	enum http_body body = HTTP_BODY_AS_FRAMED;

	h->fields.head.status = (uint16_t)llhttp_get_status_code(&h->parser);
	h->interim = head->status / 100 == 1 && head->status != 101;
	if (h->listener.response)
		body = h->listener.response(h->listener.arg, head);
	if (h->interim) {
		h->phase = BETWEEN;
		llhttp_reset(&h->parser);
	} else if (head->status == 101 || body == HTTP_BODY_SWITCH) {
		message_end(h, head->last);
		return DECODE_SWITCH;
	} else if (body == HTTP_BODY_NONE || head->status == 204 || head->status == 304) {
		message_end(h, head->last);
	} else {
		h->phase = llhttp_message_needs_eof(&h->parser) ? UNTIL_CLOSE : BODY;
	}
	return DECODE_OK;
}

/* Notes what the fields of a complete head say about its framing. */
static void notice_framing(struct http1 *h)
{
	unsigned flags = h->parser.flags;

	if (flags & F_CHUNKED && flags & F_CONTENT_LENGTH)
		h->strict.noticed |= HTTP_LENIENT_FORM(LENGTH_AND_CHUNKED);
	if (h->side == HTTP_CLIENT && (flags & F_TRANSFER_ENCODING) && !(flags & F_CHUNKED))
		h->strict.noticed |= HTTP_LENIENT_FORM(TRANSFER_CODING);
}

static enum decode_status head_done(struct http1 *h, const char *at)
{
	notice_framing(h);
	block_end(h, at);
	if (!h->fields.head.version)
		return give_up(h, h->reported ? DECODE_MALFORMED : DECODE_NOT_MINE,
			       "Invalid HTTP version");
	h->fields.head.lenient = h->reported_lenient = h->strict.noticed;
	if (h->fields.head.header_bytes > HEAD_MAX_BYTES)
		return give_up(h, DECODE_LIMIT, "head too long");
	h->reported = true;
	enum decode_status status = h->side == HTTP_CLIENT ? request_head(h) : response_head(h);

	http1_fields_forget(&h->fields);
	return status;
}

static enum decode_status message_done(struct http1 *h, const char *at)
{
	bool switches = h->side == HTTP_CLIENT && llhttp_get_upgrade(&h->parser);

	report_lenient(h);
	if (h->phase == TRAILERS) {
		block_end(h, at);
		if (h->listener.trailers)
			h->listener.trailers(h->listener.arg, &h->fields.head);
		http1_fields_forget(&h->fields);
	}
	message_end(h, position_of(h, at - 1));
	return switches ? DECODE_SWITCH : DECODE_OK;
}

/* ---- bytes: each take_ function moves |*at| on, at least by one byte or to another phase */

static void take_between(struct http1 *h, const char **at, const char *end)
{
	while (*at < end && (**at == '\r' || **at == '\n'))
		(*at)++;
	if (*at == end)
		return;
	block_start(h, *at);
	http1_strict_start(&h->strict, h->side == HTTP_CLIENT);
	h->reported_lenient = 0;
	h->length_again = false;
	h->start_line = true;
	h->phase = h->side == HTTP_CLIENT ? METHOD : HEAD;
}

/* llhttp knows only some methods, and of all of them only CONNECT frames a request in its own way:
 * any other is PUT for llhttp. */
static enum decode_status take_method(struct http1 *h, const char **at, const char *end)
{
	const char *start = *at, *p = start;

	while (p < end && token_has((uint8_t)*p))
		p++;
	if (!http1_fields_method(&h->fields, start, (size_t)(p - start)))
		return give_up(h, DECODE_LIMIT, "out of memory");
	*at = p;
	if (p == end)
		return DECODE_OK;
	if (*p != ' ' || !h->fields.head.method.size_bytes)
		return malformed(h, "Invalid method");
	struct slice method = slice_equal(h->fields.head.method, SLICE("CONNECT"))
				      ? SLICE("CONNECT")
				      : SLICE("PUT");

	llhttp_execute(&h->parser, method.data, method.size_bytes);
	h->phase = HEAD;
	return DECODE_OK;
}

/* Gives |s| to llhttp. It stands for the bytes of the feed up to |*at|, which is moved back to
 * where llhttp stops early. A message without a body ends in the same call as its head. */
static enum decode_status parse(struct http1 *h, struct slice s, const char **at, const char *end)
{
	const char *last = s.data + s.size_bytes, *stop, *reason;
	llhttp_errno_t error = llhttp_execute(&h->parser, s.data, s.size_bytes);

	while (error == HPE_PAUSED) {
		stop = llhttp_get_error_pos(&h->parser);
		*at -= last - stop;
		last = stop;
		enum decode_status status =
			h->head_stopped ? head_done(h, stop) : message_done(h, stop);

		if (status != DECODE_OK || h->phase != BODY)
			return status;
		llhttp_resume(&h->parser);
		h->expects &= *at == end; /* else the body comes with its head */
		error = llhttp_execute(&h->parser, stop, 0);
	}
	if (error == HPE_OK)
		return DECODE_OK;
	if (error == HPE_USER)
		return give_up(h, DECODE_LIMIT, "out of memory");
	report_lenient(h);
	reason = llhttp_get_error_reason(&h->parser);
	return malformed(h, reason && *reason ? reason : llhttp_errno_name(error));
}

/* Bytes of a body, or lines: these in the form that llhttp takes. */
static enum decode_status take_parsed(struct http1 *h, const char **at, const char *end)
{
	const char *start = *at;
	uint64_t left = http1_body_left(h);
	size_t bytes = (size_t)(end - start), index = index_of(h, start);
	struct slice give = {start, bytes < left ? bytes : (size_t)left};

	*at += left ? give.size_bytes : http1_strict_next(&h->strict, start, end, &give);
	if (!give.size_bytes)
		return DECODE_OK;
	h->piece = give.data;
	h->piece_index = index + (size_t)(*at - start) - give.size_bytes;
	return parse(h, give, at, end);
}

static enum decode_status take(struct http1 *h, const char **at, const char *end)
{
	h->piece = (const char *)h->feed->data;
	h->piece_index = 0;
	switch (h->phase) {
	case BETWEEN:
		take_between(h, at, end);
		return DECODE_OK;
	case METHOD:
		return take_method(h, at, end);
	case UNTIL_CLOSE:
		report_body(h, (size_t)(end - *at), position_of(h, end - 1));
		*at = end;
		return DECODE_OK;
	default:
		return take_parsed(h, at, end);
	}
}

/* The feed ends inside of a block: its fields must outlive the feed. */
static enum decode_status suspend_block(struct http1 *h)
{
	uint64_t block_bytes = h->fed_bytes + h->feed->size_bytes - h->block_bytes_at;

	if (h->phase != METHOD && h->phase != HEAD && h->phase != TRAILERS)
		return DECODE_OK;
	if (block_bytes > HEAD_MAX_BYTES)
		return give_up(h, DECODE_LIMIT,
			       h->phase == TRAILERS ? "trailers too long" : "head too long");
	return http1_fields_keep(&h->fields) ? DECODE_OK
					     : give_up(h, DECODE_LIMIT, "out of memory");
}

/* Whether the bytes are a request instead of the expected body. When the start of a method is cut
 * off by the end of the feed, only the methods in use count: they are in capitals. */
static bool begins_request(const struct feed *f)
{
	struct slice s = {(const char *)f->data, f->size_bytes};
	enum match match = http1_match_request(s, false);

	return match == MATCH_YES || (match == MATCH_MAYBE && *s.data >= 'A' && *s.data <= 'Z');
}

static enum decode_status feed_bytes(struct http1 *h, size_t *ret_used)
{
	const char *start = (const char *)h->feed->data;
	const char *at = start, *end = start + h->feed->size_bytes;
	enum decode_status status = DECODE_OK;

	if (h->refused && h->feed->size_bytes && begins_request(h->feed))
		message_end(h, h->fields.head.last);
	h->expects = h->refused = false;
	while (at < end && status == DECODE_OK)
		status = take(h, &at, end);
	*ret_used = (size_t)(at - start);
	if (h->phase == BODY || h->phase == TRAILERS)
		report_lenient(h);
	return status == DECODE_OK ? suspend_block(h) : status;
}

static enum decode_status feed_gap(struct http1 *h, size_t *ret_used)
{
	static char zeros[65536]; /* stands for the bytes of a body that were not captured */
	size_t size_bytes = h->feed->size_bytes, done = 0;
	uint64_t left = http1_body_left(h);
	enum decode_status status = DECODE_OK;

	h->expects = h->refused = false;
	if (h->phase == UNTIL_CLOSE && size_bytes) {
		report_body(h, size_bytes, feed_position(h->feed, size_bytes - 1));
		left = done = size_bytes;
	}
	while (done < size_bytes && done < left && status == DECODE_OK) {
		size_t n = size_bytes < left ? size_bytes - done : left - done;
		const char *at = zeros;

		n = n < sizeof(zeros) ? n : sizeof(zeros);
		h->piece = zeros;
		h->piece_index = done;
		status = take_parsed(h, &at, zeros + n);
		done += n;
	}
	*ret_used = done;
	if (status == DECODE_OK && done < size_bytes)
		return give_up(h, DECODE_DESYNC, "bytes missing outside of a body");
	return status;
}

struct http1 *http1_new(enum http_side side, const struct http_listener *listener)
{
	struct http1 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	llhttp_init(&h->parser, side == HTTP_CLIENT ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	llhttp_set_lenient_headers(&h->parser, true);
	llhttp_set_lenient_chunked_length(&h->parser, true);
	h->parser.lenient_flags |= LENIENT_VERSION;
	h->parser.data = h;
	h->listener = *listener;
	h->side = side;
	h->reason = "";
	return h;
}

void http1_free(struct http1 *h)
{
	if (!h)
		return;
	http1_fields_forget(&h->fields);
	free(h);
}

enum decode_status http1_feed(struct http1 *h, const struct feed *f, size_t *ret_used)
{
	enum decode_status status;

	*ret_used = 0;
	if (h->status != DECODE_OK)
		return h->status;
	h->feed = f;
	status = f->data ? feed_bytes(h, ret_used) : feed_gap(h, ret_used);
	h->feed = NULL;
	h->fed_bytes += *ret_used;
	if (status != DECODE_SWITCH)
		h->status = status;
	return status;
}

bool http1_finish(struct http1 *h, uint64_t position)
{
	if (h->phase == UNTIL_CLOSE || h->refused)
		message_end(h, h->refused ? h->fields.head.last : position);
	h->refused = false;
	return h->status == DECODE_OK && !http1_idle(h);
}

bool http1_idle(const struct http1 *h)
{
	return h->phase == BETWEEN && !h->interim;
}

void http1_answer(struct http1 *h, uint16_t status)
{
	h->refused = h->expects && h->phase == BODY && status >= 200;
	h->expects &= h->refused || status > 101; /* a hint does not say whether it is wanted */
}

uint64_t http1_head_first(const struct http1 *h)
{
	return h->phase == METHOD || h->phase == HEAD ? h->fields.head.first : 0;
}

uint64_t http1_body_left(const struct http1 *h)
{
	if (h->phase != BODY)
		return 0;
	return h->chunk_open || !(h->parser.flags & F_CHUNKED) ? h->parser.content_length : 0;
}

const char *http1_reason(const struct http1 *h)
{
	return h->reason;
}
