// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tells protocols by their first bytes, and would rather say "opaque" than be wrong. */
#include "datapath/decode/classify.h"

#include "base/slice.h"
#include "datapath/decode/http2.h"
#include "datapath/decode/token.h"

#define HTTP2_FRAME_HEAD_BYTES 9
#define HTTP2_MAX_FRAME_BYTES  16384   /* RFC 9113 4.2: what every peer may send */
#define HTTP2_MAX_DATA_BYTES   4194304 /* announced by peers that speak gRPC */
#define TLS_RECORD_HEAD_BYTES  5
#define TLS_MAX_RECORD_BYTES   16640 /* 2^14 + 256, RFC 8446 5.2 */

/* The IANA registry of methods, and what UPnP and caches add. */
static const struct slice methods[] = {
	SLICE("ACL"),
	SLICE("BASELINE-CONTROL"),
	SLICE("BIND"),
	SLICE("CHECKIN"),
	SLICE("CHECKOUT"),
	SLICE("CONNECT"),
	SLICE("COPY"),
	SLICE("DELETE"),
	SLICE("GET"),
	SLICE("HEAD"),
	SLICE("LABEL"),
	SLICE("LINK"),
	SLICE("LOCK"),
	SLICE("MERGE"),
	SLICE("MKACTIVITY"),
	SLICE("MKCALENDAR"),
	SLICE("MKCOL"),
	SLICE("MKREDIRECTREF"),
	SLICE("MKWORKSPACE"),
	SLICE("MOVE"),
	SLICE("OPTIONS"),
	SLICE("ORDERPATCH"),
	SLICE("PATCH"),
	SLICE("POST"),
	SLICE("PROPFIND"),
	SLICE("PROPPATCH"),
	SLICE("PUT"),
	SLICE("QUERY"),
	SLICE("REBIND"),
	SLICE("REPORT"),
	SLICE("SEARCH"),
	SLICE("TRACE"),
	SLICE("UNBIND"),
	SLICE("UNCHECKOUT"),
	SLICE("UNLINK"),
	SLICE("UNLOCK"),
	SLICE("UPDATE"),
	SLICE("UPDATEREDIRECTREF"),
	SLICE("VERSION-CONTROL"),
	SLICE("M-SEARCH"),
	SLICE("NOTIFY"),
	SLICE("PURGE"),
	SLICE("SUBSCRIBE"),
	SLICE("UNSUBSCRIBE"),
};

/* A matcher's answer. MAYBE: these bytes fit, more are needed. */
enum match { NO, MAYBE, YES };

/* MAYBE while |s| is a proper beginning of |literal|, YES once it begins with all of it. */
static enum match match_literal(struct slice s, struct slice literal)
{
	if (slice_starts_with(s, literal))
		return YES;
	return slice_starts_with(literal, s) ? MAYBE : NO;
}

static struct slice after(struct slice s, size_t size_bytes)
{
	return (struct slice){s.data + size_bytes, s.size_bytes - size_bytes};
}

static uint8_t byte_at(struct slice s, size_t index)
{
	return (uint8_t)s.data[index];
}

static uint32_t number_at(struct slice s, size_t index, size_t size_bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size_bytes; i++)
		value = value << 8 | byte_at(s, index + i);
	return value;
}

/* ---- HTTP/1 (RFC 9112) */

static bool is_known_method(struct slice method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (slice_equal(method, methods[i]))
			return true;
	return false;
}

/* Servers take more than one space where one belongs. */
static struct slice after_spaces(struct slice s)
{
	while (s.size_bytes && *s.data == ' ')
		s = after(s, 1);
	return s;
}

/* How a target may begin. */
static bool begins_target(uint8_t c)
{
	bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
	bool digit = c >= '0' && c <= '9';

	return c == '/' || c == '*' || c == '[' || letter || digit;
}

static enum match match_target(struct slice s)
{
	size_t n = 0;

	if (!s.size_bytes)
		return MAYBE;
	if (!begins_target(byte_at(s, 0)))
		return NO;
	while (n < s.size_bytes && byte_at(s, n) > ' ' && byte_at(s, n) != 0x7f)
		n++;
	if (n == s.size_bytes)
		return MAYBE;
	return byte_at(s, n) == ' ' ? match_literal(after_spaces(after(s, n)), SLICE("HTTP/1."))
				    : NO;
}

/* Behind the empty lines that a server is to ignore (RFC 9112 2.2), as far as they are one or two.
 */
static struct slice after_empty_lines(struct slice s)
{
	for (int i = 0; i < 4 && s.size_bytes && (*s.data == '\r' || *s.data == '\n'); i++)
		s = after(s, 1);
	return s;
}

/* A method is any token (RFC 9110 9.1). Many line protocols look like "WORD argument" too: where
 * the version is not here yet, a method that nobody registered needs a path. */
static enum match match_request_line(struct slice s, bool known_only)
{
	enum match match;
	bool known;
	size_t n = 0, all_bytes = s.size_bytes;
	struct slice target;

	s = after_empty_lines(s);
	while (n < s.size_bytes && token_has(byte_at(s, n)))
		n++;
	if (n == s.size_bytes)
		return MAYBE;
	known = is_known_method((struct slice){s.data, n});
	if (!n || byte_at(s, n) != ' ' || (known_only && !known))
		return NO;
	target = after_spaces(after(s, n));
	match = match_target(target);
	if (match != MAYBE || all_bytes < CLASSIFY_MAX_BYTES)
		return match;
	return known || (target.size_bytes && *target.data == '/') ? YES : NO;
}

static enum match match_http1_request(struct slice s)
{
	return match_request_line(s, false);
}

/* What comes before these bytes may be missing: "ST" is the end of a method. */
static enum match match_http1_joined(struct slice s)
{
	return match_request_line(s, true);
}

/* "HTTP/1.x nnn" */
static enum match match_http1_response(struct slice s)
{
	static const char form[] = "HTTP/1.0 000";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (i == s.size_bytes)
			return MAYBE;
		uint8_t c = byte_at(s, i);

		if (form[i] == '0' ? c < '0' || c > '9' : c != (uint8_t)form[i])
			return NO;
	}
	return YES;
}

/* ---- HTTP/2 (RFC 9113) */

enum frame_type {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION,
	FRAME_TYPE_MAX
};

/* What a frame of a type may look like. Streams that carry requests have odd numbers. */
static const struct frame_rule {
	uint8_t flags;
	bool on_stream;
	bool on_connection;
	uint32_t min_bytes;
	uint32_t max_bytes;
} frame_rules[FRAME_TYPE_MAX] = {
	[DATA] = {0x09, true, false, 0, HTTP2_MAX_DATA_BYTES},
	[HEADERS] = {0x2d, true, false, 1, HTTP2_MAX_FRAME_BYTES},
	[PRIORITY] = {0, true, false, 5, 5},
	[RST_STREAM] = {0, true, false, 4, 4},
	[SETTINGS] = {0x01, false, true, 0, 6 * 64},
	[PUSH_PROMISE] = {0x0c, true, false, 5, HTTP2_MAX_FRAME_BYTES},
	[PING] = {0x01, false, true, 8, 8},
	[GOAWAY] = {0, false, true, 8, HTTP2_MAX_FRAME_BYTES},
	[WINDOW_UPDATE] = {0, true, true, 4, 4},
	[CONTINUATION] = {0x04, true, false, 1, HTTP2_MAX_FRAME_BYTES},
};

static bool is_frame_head(struct slice s)
{
	uint32_t size_bytes = number_at(s, 0, 3);
	uint8_t type = byte_at(s, 3), flags = byte_at(s, 4);
	uint32_t stream_id = number_at(s, 5, 4);

	if (type >= FRAME_TYPE_MAX)
		return false;
	const struct frame_rule *rule = &frame_rules[type];

	if (flags & ~rule->flags || size_bytes < rule->min_bytes || size_bytes > rule->max_bytes)
		return false;
	if (type == SETTINGS && (size_bytes % 6 || (flags && size_bytes)))
		return false;
	return stream_id ? rule->on_stream && stream_id >> 31 == 0 && (stream_id & 1)
			 : rule->on_connection;
}

static enum match match_http2_settings(struct slice s)
{
	static const uint8_t kind[] = {SETTINGS, 0, 0, 0, 0, 0};
	size_t n = s.size_bytes < HTTP2_FRAME_HEAD_BYTES ? s.size_bytes : HTTP2_FRAME_HEAD_BYTES;

	if (n && byte_at(s, 0))
		return NO;
	if (n > 3 && memcmp(s.data + 3, kind, n - 3) != 0)
		return NO;
	if (n < HTTP2_FRAME_HEAD_BYTES)
		return MAYBE;
	return is_frame_head(s) ? YES : NO;
}

static enum match match_http2_start(struct slice s)
{
	enum match match = match_literal(s, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));

	return match == NO ? match_http2_settings(s) : match;
}

/* The start of a DATA frame whose payload the kernel half leaves out, but for the head of a gRPC
 * message. */
static bool is_left_out(struct slice s, size_t frame_bytes)
{
	return byte_at(s, 3) == DATA &&
	       s.size_bytes == HTTP2_FRAME_HEAD_BYTES + HTTP2_LEFT_HEAD_BYTES &&
	       frame_bytes > s.size_bytes;
}

/* The bytes behind a frame are fewer than a head, and may begin another one. */
static enum match match_frame_cut(struct slice s, size_t frame_bytes)
{
	if (s.size_bytes <= frame_bytes || s.size_bytes < CLASSIFY_MAX_BYTES)
		return MAYBE;
	return byte_at(s, frame_bytes) ? NO : YES;
}

/* Two frames of which the second's head is there, or one that is all there is. */
static enum match match_http2_joined(struct slice s)
{
	if (s.size_bytes < HTTP2_FRAME_HEAD_BYTES)
		return byte_at(s, 0) ? NO : MAYBE;
	if (!is_frame_head(s))
		return NO;
	size_t frame_bytes = HTTP2_FRAME_HEAD_BYTES + number_at(s, 0, 3);

	if (frame_bytes == s.size_bytes || is_left_out(s, frame_bytes))
		return YES;
	if (s.size_bytes < frame_bytes + HTTP2_FRAME_HEAD_BYTES)
		return match_frame_cut(s, frame_bytes);
	return is_frame_head(after(s, frame_bytes)) ? YES : NO;
}

/* ---- TLS (RFC 8446 section 5.1 and 4.1) */

enum tls_content { CHANGE_CIPHER_SPEC = 20, ALERT, HANDSHAKE, APPLICATION_DATA };

static bool is_tls_record(struct slice s)
{
	uint8_t type = byte_at(s, 0), minor = byte_at(s, 2);
	uint32_t size_bytes = number_at(s, 3, 2);

	if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || byte_at(s, 1) != 3)
		return false;
	if (type == CHANGE_CIPHER_SPEC && size_bytes != 1)
		return false;
	return minor >= 1 && minor <= 4 && size_bytes >= 1 && size_bytes <= TLS_MAX_RECORD_BYTES;
}

/* Handshake type, 24 bits of length, legacy version, random, session id. */
static bool is_hello(struct slice s)
{
	uint32_t type = byte_at(s, 0), size_bytes = number_at(s, 1, 3);

	if ((type != 1 && type != 2) || size_bytes < 38 || size_bytes > 1 << 17)
		return false;
	if (byte_at(s, 4) != 3 || byte_at(s, 5) > 4)
		return false;
	return s.size_bytes <= 38 || byte_at(s, 38) <= 32;
}

static enum match match_tls_hello(struct slice s)
{
	const size_t hello_at = TLS_RECORD_HEAD_BYTES, needed = hello_at + 6;

	if (byte_at(s, 0) != HANDSHAKE || (s.size_bytes > 1 && byte_at(s, 1) != 3))
		return NO;
	if (s.size_bytes < needed)
		return MAYBE;
	/* SSL 3.0 in the record is what some clients of today still write. */
	if (byte_at(s, 2) > 4 || number_at(s, 3, 2) < 6 ||
	    number_at(s, 3, 2) > TLS_MAX_RECORD_BYTES)
		return NO;
	return is_hello(after(s, hello_at)) ? YES : NO;
}

/* Where the next record's head is there too, it must be one as well. */
static enum match match_tls_joined(struct slice s)
{
	if (s.size_bytes < TLS_RECORD_HEAD_BYTES) {
		uint8_t type = byte_at(s, 0);

		return type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA ? MAYBE : NO;
	}
	if (!is_tls_record(s))
		return NO;
	size_t record_bytes = TLS_RECORD_HEAD_BYTES + number_at(s, 3, 2);

	if (s.size_bytes < record_bytes + TLS_RECORD_HEAD_BYTES)
		return YES;
	return is_tls_record(after(s, record_bytes)) ? YES : NO;
}

static const struct matcher {
	enum match (*match)(struct slice s);
	enum classify_result result;
	bool at_start;
	bool when_joined;
} matchers[] = {
	{match_http1_request, CLASSIFY_HTTP1_REQUEST, true, false},
	{match_http1_joined, CLASSIFY_HTTP1_REQUEST, false, true},
	{match_http1_response, CLASSIFY_HTTP1_RESPONSE, true, true},
	{match_http2_start, CLASSIFY_HTTP2, true, true},
	{match_tls_hello, CLASSIFY_TLS, true, true},
	{match_http2_joined, CLASSIFY_HTTP2_JOINED, false, true},
	{match_tls_joined, CLASSIFY_TLS, false, true},
};

enum classify_result classify(const uint8_t *data, size_t size_bytes, bool joined)
{
	struct slice s = {(const char *)data, size_bytes};
	bool maybe = !size_bytes;

	for (size_t i = 0; size_bytes && i < sizeof(matchers) / sizeof(matchers[0]); i++) {
		if (!(joined ? matchers[i].when_joined : matchers[i].at_start))
			continue;
		enum match match = matchers[i].match(s);

		if (match == YES)
			return matchers[i].result;
		maybe |= match == MAYBE;
	}
	return maybe && size_bytes < CLASSIFY_MAX_BYTES ? CLASSIFY_MORE : CLASSIFY_OPAQUE;
}
