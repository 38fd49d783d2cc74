// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2: the events that a listener gets, for any way in which the bytes arrive.
#include "datapath/decode/http2.h"

#include "datapath/decode/http2_wire_test.h"

static void a_request_and_its_body(void **state)
{
	struct wire *w = client_wire();

	(void)state;
	wire_headers(w, 0, 1,
		     ":method: POST\n:path: /a?b\n:scheme: http\n:authority: h:80\n"
		     "content-type: text/plain\nuser-agent: u\ntraceparent: 00-1-2-01\n"
		     "x-request-id: r\ncookie: secret\n");
	wire_frame(w, WINDOW, 0, 0, "\0\0\1\0", 4);
	wire_frame(w, DATA, 0, 1, "hello", 5);
	wire_frame(w, DATA, END_STREAM, 1, "!", 1);
	check("request with body", w, &client, DECODE_OK,
	      "1 request method=POST path=/a?b authority=h:80 scheme=http content-type=text/plain "
	      "user-agent=u traceparent=00-1-2-01 request-id=r v20 [34,104] 62 bytes\n"
	      "1 body 6 @141\n1 end @141\n");
}

static void responses(void **state)
{
	struct wire *w = server_wire();

	(void)state;
	wire_headers(w, 0, 1, ":status: 103\nlink: a\n");
	wire_headers(w, 0, 3, ":status: 204\n");
	wire_headers(w, 0, 1, ":status: 200\ncontent-type: text/html\n");
	wire_frame(w, DATA, PADDED, 1, "\3hello\0\0\0", 9);
	wire_frame(w, DATA, 0, 1, "", 0);
	wire_frame(w, DATA, END_STREAM, 3, "", 0);
	wire_frame(w, DATA, PADDED, 1, "\1\0", 2);
	wire_headers(w, END_STREAM, 1, "x-checksum: 1\n");
	wire_headers(w, END_STREAM, 5, ":status: 404\n");
	check("responses", w, &server, DECODE_OK,
	      "1 response 103 v20 [16,31] 7 bytes\n"
	      "3 response 204 v20 [32,41] 1 bytes\n"
	      "1 response 200 content-type=text/html v20 [42,60] 10 bytes\n"
	      "3 end @96\n"
	      "1 body 5 @75\n"
	      "1 trailers v20 end_stream [108,128] 12 bytes\n"
	      "1 end @128\n"
	      "5 response 404 v20 end_stream [129,138] 1 bytes\n"
	      "5 end @138\n");
}

static void grpc_calls(void **state)
{
	struct wire *w = server_wire();

	(void)state;
	wire_headers(w, 0, 1, ":status: 200\ncontent-type: application/grpc+proto\n");
	wire_headers(w, 0, 3, ":status: 200\ncontent-type: application/grpc\n");
	wire_frame(w, DATA, 0, 1, "\0\0\0\0\5he", 7);
	wire_frame(w, DATA, 0, 3, "\0\0\0", 3);
	wire_frame(w, DATA, 0, 1, "llo\0\0\0\0\0\1", 9);
	wire_frame(w, DATA, PADDED, 3, "\2\0\2abxx", 7);
	wire_frame(w, DATA, 0, 1, "\0\0\0\0", 4);
	wire_headers(w, END_STREAM, 1, "grpc-status: 0\ngrpc-message: \n");
	wire_headers(w, END_STREAM, 3, "grpc-status: 5\n");
	wire_headers(w, END_STREAM, 5,
		     ":status: 200\ncontent-type: application/grpc\ngrpc-status: 12\n");
	check("gRPC", w, &server, DECODE_OK,
	      "1 response 200 content-type=application/grpc+proto v20 [16,43] 19 bytes\n"
	      "3 response 200 content-type=application/grpc v20 [44,66] 14 bytes\n"
	      "1 grpc message\n"
	      "1 grpc message\n"
	      "3 grpc message\n"
	      "1 grpc message\n"
	      "1 body 20 @141\n"
	      "1 trailers grpc-status=0 v20 end_stream [142,174] 24 bytes\n"
	      "1 end @174\n"
	      "3 body 7 @126\n"
	      "3 trailers grpc-status=5 v20 end_stream [175,187] 4 bytes\n"
	      "3 end @187\n"
	      "5 response 200 content-type=application/grpc grpc-status=12 v20 end_stream "
	      "[188,202] 6 bytes\n"
	      "5 end @202\n");
}

/* A request in |frames| fragments, with padding and priority on the first. */
static void wire_fragments(struct wire *w, uint32_t stream_id, size_t frames, const char *lines)
{
	uint8_t block[32768], first[32768] = {2, 0, 0, 0, 0, 16};
	size_t n = wire_block(w, lines, block, sizeof(block)), each = n / frames, sent = each;

	memcpy(first + 6, block, each);
	wire_frame(w, HEADERS, END_STREAM | PADDED | PRIO | (frames == 1 ? END_HEADERS : 0),
		   stream_id, first, 6 + each + 2);
	for (size_t i = 2; i <= frames; i++, sent += each)
		wire_frame(w, CONTINUATION, i == frames ? END_HEADERS : 0, stream_id, block + sent,
			   i == frames ? n - sent : each);
}

static void fragments(void **state)
{
	struct wire *w = client_wire();

	(void)state;
	wire_fragments(w, 1, 1, GET);
	wire_fragments(w, 3, 3, GET "user-agent: fragmented by a client\n");
	wire_fragments(w, 5, 9, GET "user-agent: fragmented by a client\nx-request-id: abcdef\n");
	wire_frame(w, HEADERS, END_STREAM, 7, "", 0);
	wire_frame(w, CONTINUATION, 0, 7, "", 0);
	wire_frame(w, CONTINUATION, END_HEADERS, 7, "\202\204\206\101\001h", 6);
	wire_frame(w, HEADERS, END_STREAM | PADDED, 9, "\3abc", 4);
	wire_frame(w, CONTINUATION, END_HEADERS, 9, "\202\204\206\276", 4);
	check("fragments", w, &client, DECODE_OK,
	      "1 request method=GET path=/ authority=a scheme=http v20 end_stream [34,56] 6 bytes\n"
	      "1 end @56\n"
	      "3 request method=GET path=/ authority=a scheme=http user-agent=fragmented by a "
	      "client v20 end_stream [57,113] 22 bytes\n"
	      "3 end @113\n"
	      "5 request method=GET path=/ authority=a scheme=http user-agent=fragmented by a "
	      "client request-id=abcdef v20 end_stream [114,224] 22 bytes\n"
	      "5 end @224\n"
	      "7 request method=GET path=/ authority=h scheme=http v20 end_stream [225,257] 6 "
	      "bytes\n"
	      "7 end @257\n"
	      "9 request method=GET path=/ authority=h scheme=http v20 end_stream [258,283] 4 "
	      "bytes\n"
	      "9 end @283\n");
}

static void pushes(void **state)
{
	struct wire *w = server_wire();
	uint8_t block[256] = {0, 0, 0, 2};
	size_t n = 4 + wire_block(w, GET "user-agent: pushed\n", block + 4, 200);

	(void)state;
	wire_frame(w, PUSH, 0, 1, block, 10);
	wire_frame(w, CONTINUATION, END_HEADERS, 1, block + 10, n - 10);
	wire_headers(w, END_STREAM, 2, ":status: 200\nuser-agent: pushed\n");
	check("pushes", w, &server, DECODE_OK,
	      "2 response 200 user-agent=pushed v20 end_stream [51,61] 2 bytes\n"
	      "2 end @61\n");
}

static void connection_frames(void **state)
{
	struct wire *w = server_wire();

	(void)state;
	wire_frame(w, SETTINGS, ACK, 0, "", 0);
	wire_frame(w, PING, 0, 0, "12345678", 8);
	wire_frame(w, PRIORITY, 0, 3, "12345", 5);
	wire_frame(w, 0x55, 0xff, 7, "whatever", 8);
	wire_frame(w, 0x0c, 0, 0, "", 0);
	wire_headers(w, 0, 1, ":status: 200\n");
	wire_frame(w, RST, 0, 1, "\0\0\0\10", 4);
	wire_frame(w, WINDOW, 0, 1, "\0\0\0\1", 4);
	wire_frame(w, GOAWAY, 0, 0, "\200\0\0\1\0\0\0\13enhance your calm", 25);
	check("connection frames", w, &server, DECODE_OK,
	      "1 response 200 v20 [82,91] 1 bytes\n"
	      "1 reset 8 @104\n"
	      "goaway 1 11 @134\n");
}

static void not_http2(void **state)
{
	struct wire *w = wire_new();

	(void)state;
	wire_bytes(w, "GET / HTTP/1.1\r\n\r\n", 18);
	check("HTTP/1", w, &client, DECODE_NOT_MINE, "");
	w = wire_new();
	wire_bytes(w, "\26\3\1\2\0\1\0\1\374\3\3", 11);
	check("TLS", w, &server, DECODE_NOT_MINE, "");
	w = wire_new();
	wire_frame(w, SETTINGS, ACK, 0, "", 0);
	check("SETTINGS that answer none", w, &server, DECODE_NOT_MINE, "");
}

static void check_malformed(const char *name, uint8_t type, uint8_t flags, uint32_t stream_id,
			    struct slice payload)
{
	struct wire *w = server_wire();

	wire_frame(w, type, flags, stream_id, payload.data, payload.size_bytes);
	check(name, w, &server, DECODE_MALFORMED, "");
}

static void malformed_frames(void **state)
{
	struct wire *w = server_wire();

	(void)state;
	check_malformed("lonely CONTINUATION", CONTINUATION, END_HEADERS, 1, SLICE("\202"));
	check_malformed("HEADERS without stream", HEADERS, END_HEADERS, 0, SLICE("\202"));
	check_malformed("DATA without stream", DATA, 0, 0, SLICE("a"));
	check_malformed("short RST_STREAM", RST, 0, 1, SLICE("abc"));
	check_malformed("long WINDOW_UPDATE", WINDOW, 0, 1, SLICE("abcde"));
	check_malformed("SETTINGS of a stream", SETTINGS, 0, 1, SLICE("abcdef"));
	check_malformed("odd SETTINGS", SETTINGS, 0, 0, SLICE("abcdefg"));
	check_malformed("padding longer than HEADERS", HEADERS, END_HEADERS | PADDED, 1,
			SLICE("\2\202"));
	check_malformed("padding longer than DATA", DATA, PADDED, 1, SLICE("\2a"));
	check_malformed("no room for the padding", DATA, PADDED, 1, SLICE(""));
	check_malformed("no room for the priority", HEADERS, END_HEADERS | PRIO, 1, SLICE("1234"));
	check_malformed("no room for the promise", PUSH, END_HEADERS, 1, SLICE("123"));
	check_malformed("not HPACK", HEADERS, END_HEADERS, 1, SLICE("\200"));
	wire_frame(w, HEADERS, 0, 1, "\210", 1);
	wire_frame(w, CONTINUATION, END_HEADERS, 3, "\210", 1);
	check("CONTINUATION of another stream", w, &server, DECODE_MALFORMED, "");
	w = server_wire();
	wire_frame(w, HEADERS, 0, 1, "\210", 1);
	wire_frame(w, PING, 0, 0, "12345678", 8);
	check("a frame inside a block", w, &server, DECODE_MALFORMED, "");
}

/* Deviations that some servers accept. */
static void forgiven_frames(void **state)
{
	static uint8_t settings[18000];
	struct wire *w = wire_new();

	(void)state;
	wire_bytes(w, WIRE_PREFACE, 24);
	wire_frame(w, HEADERS, END_HEADERS | END_STREAM, 1, "\202\204\206", 3);
	check("no SETTINGS of the client", w, &client, DECODE_OK,
	      "1 request method=GET path=/ scheme=http v20 end_stream [25,36] 3 bytes\n"
	      "1 end @36\n");
	w = client_wire();
	wire_frame(w, SETTINGS, 0, 5, "\0\143\0\0\0\1", 6);
	wire_frame(w, PING, 0, 5, "12345678", 8);
	wire_frame(w, GOAWAY, 0, 5, "\0\0\0\7\0\0\0\0", 8);
	wire_frame(w, HEADERS, END_HEADERS | END_STREAM, 1, "\202\204\206", 3);
	check("a stream where none may be", w, &client, DECODE_OK,
	      "goaway 7 0 @82\n"
	      "1 request method=GET path=/ scheme=http v20 end_stream [83,94] 3 bytes\n"
	      "1 end @94\n");
	w = client_wire();
	wire_frame(w, SETTINGS, 0, 0, settings, sizeof(settings));
	wire_frame(w, HEADERS, END_HEADERS | END_STREAM, 1, "\202\204\206", 3);
	check("many SETTINGS", w, &client, DECODE_OK,
	      "1 request method=GET path=/ scheme=http v20 end_stream [18043,18054] 3 bytes\n"
	      "1 end @18054\n");
	w = client_wire();
	wire_frame(w, SETTINGS, 0, 0, settings, sizeof(settings) - 1);
	check("many, and a part of one", w, &client, DECODE_MALFORMED, "");
}

/* ---- gaps */

/* Feeds |w| with the bytes [from, to) missing. */
static enum decode_status feed_with_gap(struct transcript *t, const struct wire *w,
					const struct start *start, size_t from, size_t to)
{
	*t = (struct transcript){0};
	struct http2 *h = open_http2(t, start);
	enum decode_status status = http2_feed(h, &(struct feed){w->data, from, 1, 1, 0, 0});

	if (status == DECODE_OK)
		status = http2_feed(h, &(struct feed){NULL, to - from, from + 1, 1, 0, 0});
	if (status == DECODE_OK)
		status = http2_feed(
			h, &(struct feed){w->data + to, w->used_bytes - to, to + 1, 1, 0, 0});
	http2_free(h);
	return status;
}

/* A gap inside a body has no effect; any other loses synchronisation, unless the missing bytes
 * would have been skipped. */
static void every_gap(void **state)
{
	static struct transcript whole, t;
	struct wire *w = client_wire();

	(void)state;
	wire_headers(w, 0, 1, ":method: POST\n:path: /\n:scheme: http\n:authority: a\n");
	size_t padded = w->used_bytes + 10;

	wire_frame(w, DATA, PADDED, 1, "\3hello\0\0\0", 9);
	size_t ping = w->used_bytes + 9;

	wire_frame(w, PING, 0, 0, "12345678", 8);
	wire_frame(w, DATA, END_STREAM, 1, "!!", 2);
	size_t last = w->used_bytes - 2;

	assert_int_equal(feed_with_gap(&whole, w, &client, 0, 0), DECODE_OK);
	for (size_t from = 0; from < w->used_bytes; from++) {
		for (size_t to = from + 1; to <= w->used_bytes; to++) {
			bool harmless = (from >= padded && to <= padded + 8) ||
					(from >= ping && to <= ping + 8) || from >= last;

			assert_int_equal(feed_with_gap(&t, w, &client, from, to),
					 harmless ? DECODE_OK : DECODE_DESYNC);
			if (harmless)
				assert_string_equal(t.text, whole.text);
		}
	}
	wire_free(w);
}

static void gaps_in_grpc(void **state)
{
	static struct transcript t;
	struct wire *w = server_wire();

	(void)state;
	wire_headers(w, 0, 1, ":status: 200\ncontent-type: application/grpc\n");
	size_t data = w->used_bytes + 9;

	wire_frame(w, DATA, END_STREAM, 1, "\0\0\0\0\3abc\0\0\0\0\1z", 14);
	assert_int_equal(feed_with_gap(&t, w, &server, data + 5, data + 8), DECODE_OK);
	assert_non_null(strstr(t.text, "1 grpc message\n1 grpc message\n1 body 14"));
	assert_int_equal(feed_with_gap(&t, w, &server, data + 5, data + 9), DECODE_OK);
	assert_null(strstr(t.text, "1 grpc message\n1 grpc message\n"));
	assert_non_null(strstr(t.text, "1 body 14"));
	wire_free(w);
}

static void what_may_be_skipped(void **state)
{
	struct transcript *t = calloc(1, sizeof(*t));
	struct wire *w = server_wire();
	struct http2 *h = open_http2(t, &server);

	(void)state;
	wire_headers(w, 0, 1, ":status: 200\ncontent-type: application/grpc\n");
	wire_headers(w, 0, 3, ":status: 200\n");
	wire_frame(w, DATA, PADDED, 3, "\2abcdXX", 7);
	size_t plain = w->used_bytes - 6;

	wire_frame(w, DATA, 0, 1, "\0\0\0\0\3abc\0\0\0\0\1z", 14);
	size_t grpc = w->used_bytes - 14;

	assert_true(!http2_body_left(h));
	http2_feed(h, &(struct feed){w->data, plain, 1, 1, 0, 0});
	assert_int_equal(http2_body_left(h), 4);
	http2_feed(h, &(struct feed){w->data + plain, grpc - plain, plain + 1, 1, 0, 0});
	assert_true(!http2_body_left(h)); /* a prefix comes */
	http2_feed(h, &(struct feed){w->data + grpc, 6, grpc + 1, 1, 0, 0});
	assert_int_equal(http2_body_left(h), 2);
	http2_feed(h, &(struct feed){w->data + grpc + 6, 8, grpc + 7, 1, 0, 0});
	w->used_bytes = 0;
	wire_frame(w, DATA, 0, 1, "\0\0\0\0\1a", 6);
	w->data[1] = 3; /* 774 bytes, of which the kernel half copies the first ones */
	http2_feed(h, &(struct feed){w->data, 9, grpc + 15, 1, 0, 0});
	assert_true(!http2_body_left(h));
	http2_feed(h, &(struct feed){w->data + 9, 5, grpc + 24, 1, 0, 0});
	assert_int_equal(http2_body_left(h), 769);
	http2_free(h);
	wire_free(w);
	free(t);
}

/* Plaintext of a TLS record: all bytes have one position. */
static void positions_of_a_record(void **state)
{
	struct transcript *t = calloc(1, sizeof(*t));
	struct wire *w = server_wire();
	struct http2 *h = open_http2(t, &server);

	(void)state;
	wire_headers(w, 0, 1, ":status: 200\n");
	wire_frame(w, DATA, END_STREAM, 1, "abc", 3);
	assert_int_equal(http2_feed(h, &(struct feed){w->data, w->used_bytes, 99, 0, 0, 0}),
			 DECODE_OK);
	assert_string_equal(t->text,
			    "1 response 200 v20 [99,99] 1 bytes\n1 body 3 @99\n1 end @99\n");
	http2_free(h);
	wire_free(w);
	free(t);
}

/* The status of a frame of |size_bytes| to a receiver that announced |settings|. */
static enum decode_status long_frame(const void *settings, size_t settings_bytes, bool paired,
				     uint32_t size_bytes)
{
	const uint8_t head[9] = {(uint8_t)(size_bytes >> 16), (uint8_t)(size_bytes >> 8),
				 (uint8_t)size_bytes, 0x9b};
	const struct http_listener deaf = {0};
	struct http2 *h[2] = {http2_new(HTTP_CLIENT, HTTP_FROM_START, &deaf),
			      http2_new(HTTP_SERVER, HTTP_FROM_START, &deaf)};
	struct wire *w = wire_new();
	enum decode_status status;

	wire_bytes(w, WIRE_PREFACE, 24);
	wire_frame(w, SETTINGS, 0, 0, settings, settings_bytes);
	assert_int_equal(http2_feed(h[0], &(struct feed){w->data, w->used_bytes, 1, 1, 0, 0}),
			 DECODE_OK);
	w->used_bytes = 0;
	wire_frame(w, SETTINGS, 0, 0, "", 0);
	wire_bytes(w, head, sizeof(head));
	if (paired)
		http2_pair(h[0], h[1]);
	status = http2_feed(h[1], &(struct feed){w->data, w->used_bytes, 1, 1, 0, 0});
	http2_free(h[0]);
	http2_free(h[1]);
	wire_free(w);
	return status;
}

/* Random bytes in place of a frame are an error, not skipped. */
static void frames_too_long(void **state)
{
	static const char many[18000] = {0};

	(void)state;
	assert_int_equal(long_frame("", 0, true, 16384), DECODE_OK);
	assert_int_equal(long_frame("", 0, true, 16385), DECODE_MALFORMED);
	assert_int_equal(long_frame("", 0, false, 16385), DECODE_OK); /* who knows */
	assert_int_equal(long_frame("\0\5\0\0\200\0", 6, true, 32768), DECODE_OK);
	assert_int_equal(long_frame("\0\5\0\0\200\0", 6, true, 32769), DECODE_MALFORMED);
	assert_int_equal(long_frame(many, sizeof(many), true, 32769), DECODE_OK); /* who knows */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_body),
		cmocka_unit_test(responses),
		cmocka_unit_test(frames_too_long),
		cmocka_unit_test(grpc_calls),
		cmocka_unit_test(fragments),
		cmocka_unit_test(pushes),
		cmocka_unit_test(connection_frames),
		cmocka_unit_test(not_http2),
		cmocka_unit_test(malformed_frames),
		cmocka_unit_test(forgiven_frames),
		cmocka_unit_test(every_gap),
		cmocka_unit_test(gaps_in_grpc),
		cmocka_unit_test(what_may_be_skipped),
		cmocka_unit_test(positions_of_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
