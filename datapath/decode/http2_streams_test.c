// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2 streams: midstream directions, streams without notes, the two directions of a
// connection.
#include "datapath/decode/http2.h"

#include "datapath/decode/http2_streams.h"
#include "datapath/decode/http2_wire_test.h"

/* ---- midstream directions */

static void midstream_inside_a_block(void **state)
{
	struct wire *w = wire_new();

	(void)state;
	wire_frame(w, CONTINUATION, 0, 1, "\377\377\377", 3);
	wire_frame(w, CONTINUATION, END_HEADERS, 1, "\200", 1);
	wire_headers(w, END_STREAM, 3, GET);
	check("midstream inside a block", w, &midstream_client, DECODE_OK,
	      "3 request method=GET path=/ authority=a scheme=http v20 end_stream [23,37] 6 bytes\n"
	      "3 end @37\n");
	w = wire_new();
	wire_headers(w, END_STREAM, 3, GET);
	wire_frame(w, CONTINUATION, END_HEADERS, 3, "", 0);
	check("but only at the start", w, &midstream_client, DECODE_MALFORMED, NULL);
}

static void midstream_requests(void **state)
{
	struct wire *w = wire_new();

	(void)state;
	wire_headers(w, END_STREAM, 1, GET "user-agent: u\n");
	w->used_bytes = 0;
	wire_headers(w, END_STREAM, 3, GET "user-agent: u\n");
	wire_headers(w, END_STREAM, 5,
		     ":method: GET\n:path: /new\n:scheme: http\n:authority: a\nuser-agent: u\n");
	wire_headers(w, END_STREAM, 7,
		     ":method: GET\n:path: /new\n:scheme: http\n:authority: b\nuser-agent: u\n");
	wire_headers(w, 0, 9, ":method: PUT\n:path: /new\n:scheme: http\n:authority: b\n");
	wire_headers(w, END_STREAM, 9, "user-agent: u\n");
	check("midstream requests", w, &midstream_client, DECODE_OK,
	      "3 request method=GET path=/ scheme=http v20 end_stream incomplete [1,14] 5 bytes\n"
	      "3 end @14\n"
	      "5 request method=GET path=/new scheme=http v20 end_stream incomplete [15,32] 9 "
	      "bytes\n"
	      "5 end @32\n"
	      "7 request method=GET path=/new authority=b scheme=http v20 end_stream incomplete "
	      "[33,52] 11 bytes\n"
	      "7 end @52\n"
	      "9 request method=PUT path=/new authority=b scheme=http v20 [53,73] 12 bytes\n"
	      "9 trailers v20 end_stream incomplete [74,83] 1 bytes\n"
	      "9 end @83\n");
}

/* Heads with unknown fields only: earlier frames of the stream decide whether they are trailers. */
static void midstream_responses(void **state)
{
	struct wire *w = wire_new();

	(void)state;
	wire_headers(w, 0, 1, ":status: 103\n");
	wire_headers(w, 0, 1, ":status: 418\ncontent-type: application/grpc\n");
	wire_headers(w, END_STREAM, 1, "grpc-status: 3\n");
	w->used_bytes = 0;
	wire_headers(w, END_STREAM, 11, "grpc-status: 3\n"); /* nothing was seen: may be anything */
	wire_headers(w, END_STREAM, 13,
		     "grpc-message: m\n"); /* a known field that does not occur in heads */
	wire_frame(w, DATA, 0, 15, "x", 1);
	wire_headers(w, END_STREAM, 15, "grpc-status: 3\n");
	wire_headers(w, 0, 17, ":status: 103\n");
	wire_headers(w, 0, 17, ":status: 418\n");
	wire_headers(w, END_STREAM, 17, "grpc-status: 3\n");
	wire_headers(w, 0, 19, ":status: 200\ncontent-type: application/grpc\n");
	wire_frame(w, DATA, 0, 19, "\0\0\0\0\0", 5);
	wire_headers(w, END_STREAM, 19, "grpc-status: 0\n");
	check("midstream responses", w, &midstream_server, DECODE_OK,
	      "11 response v20 end_stream incomplete [1,10] 1 bytes\n"
	      "11 end @10\n"
	      "13 trailers v20 end_stream [11,32] 13 bytes\n"
	      "13 end @32\n"
	      "15 body 1 @42\n"
	      "15 trailers v20 end_stream incomplete [43,52] 1 bytes\n"
	      "15 end @52\n"
	      "17 response v20 incomplete [53,62] 1 bytes\n"
	      "17 response v20 incomplete [63,72] 1 bytes\n"
	      "17 trailers v20 end_stream incomplete [73,82] 1 bytes\n"
	      "17 end @82\n"
	      "19 response 200 v20 incomplete [83,93] 2 bytes\n"
	      "19 grpc message\n"
	      "19 body 5 @107\n"
	      "19 trailers v20 end_stream incomplete [108,120] 4 bytes\n"
	      "19 end @120\n");
}

/* Of an unknown type: messages are reported once frame and message end together, or not at all. */
static void midstream_content(void **state)
{
	struct wire *w = wire_new();

	(void)state;
	wire_headers(w, END_STREAM, 1, GET "content-type: application/grpc\n");
	w->used_bytes = 0;
	wire_headers(w, 0, 3, GET "content-type: application/grpc\n");
	wire_frame(w, DATA, 0, 3, "\0\0\0\0\3a", 6);
	wire_frame(w, DATA, 0, 3, "bc\1\0\0\0\0\0\0", 9);
	wire_frame(w, DATA, 0, 3, "\0\0\0", 3);
	wire_frame(w, DATA, END_STREAM, 3, "\0\0\0\0\1x", 6);
	wire_headers(w, 0, 5, GET "content-type: application/grpc\n");
	wire_frame(w, DATA, 0, 5, "\0\0\0\0\2a", 6);
	wire_frame(w, DATA, END_STREAM, 5, "b\2cdef", 6);
	wire_headers(w, 0, 7, GET "content-type: application/grpc\n");
	wire_frame(w, DATA, END_STREAM, 7, "{\0\0\0\0\0", 6);
	check("midstream content", w, &midstream_client, DECODE_OK,
	      "3 request method=GET path=/ scheme=http v20 incomplete [1,14] 5 bytes\n"
	      "3 grpc message\n"
	      "3 grpc message\n"
	      "3 grpc message\n"
	      "3 grpc message\n"
	      "3 body 24 @74\n"
	      "3 end @74\n"
	      "5 request method=GET path=/ scheme=http v20 incomplete [75,88] 5 bytes\n"
	      "5 body 12 @118\n"
	      "5 end @118\n"
	      "7 request method=GET path=/ scheme=http v20 incomplete [119,132] 5 bytes\n"
	      "7 body 6 @147\n"
	      "7 end @147\n");
}

/* ---- two directions */

struct tally {
	uint64_t requests, responses, trailers, bodies, resets, forgotten;
};

static void tally_request(void *arg, const struct http_head *head)
{
	(void)head;
	((struct tally *)arg)->requests++;
}

static enum http_body tally_response(void *arg, const struct http_head *head)
{
	(void)head;
	((struct tally *)arg)->responses++;
	return HTTP_BODY_AS_FRAMED;
}

static void tally_trailers(void *arg, const struct http_head *head)
{
	(void)head;
	((struct tally *)arg)->trailers++;
}

static void tally_body(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position)
{
	(void)stream_id, (void)position;
	((struct tally *)arg)->bodies += size_bytes;
}

static void tally_reset(void *arg, uint32_t stream_id, uint32_t error_code, uint64_t position)
{
	(void)stream_id, (void)error_code, (void)position;
	((struct tally *)arg)->resets++;
}

static void tally_forgotten(void *arg, uint32_t stream_id)
{
	struct tally *t = arg;

	(void)stream_id;
	t->forgotten++;
}

static struct http_listener tally_listener(struct tally *t)
{
	return (struct http_listener){.arg = t,
				      .request = tally_request,
				      .response = tally_response,
				      .trailers = tally_trailers,
				      .body = tally_body,
				      .stream_forgotten = tally_forgotten,
				      .reset = tally_reset};
}

static void send_wire(struct http2 *h, struct wire *w)
{
	assert_int_equal(http2_feed(h, &(struct feed){w->data, w->used_bytes, 1, 1, 0, 0}),
			 DECODE_OK);
	w->used_bytes = 0;
}

/* 100,000 streams that are opened and reset, half of them with a response that began. */
static void rapid_resets(void **state)
{
	struct tally t = {0};
	struct http_listener l = tally_listener(&t);
	struct http2 *a = http2_new(HTTP_CLIENT, HTTP_FROM_START, &l);
	struct http2 *b = http2_new(HTTP_SERVER, HTTP_FROM_START, &l);
	struct wire *out = client_wire(), *in = server_wire();

	(void)state;
	http2_pair(a, b);
	for (uint32_t i = 0; i < 100000; i++) {
		wire_headers(out, 0, 2 * i + 1, GET);
		send_wire(a, out);
		wire_headers(in, 0, 2 * i + 1, ":status: 200\n");
		send_wire(b, in);
		wire_frame(out, RST, 0, 2 * i + 1, "\0\0\0\10", 4);
		send_wire(a, out);
	}
	assert_int_equal(t.requests, 100000);
	assert_int_equal(t.responses, 100000);
	assert_int_equal(t.resets, 100000);
	assert_int_equal(http2_counts(a)->resets, 100000);
	assert_true(!http2_counts(a)->streams_forgotten && !http2_counts(b)->streams_forgotten);
	http2_free(a);
	http2_free(b);
	wire_free(out);
	wire_free(in);
}

#define STREAMS (HTTP2_MAX_STREAMS + 372u)

/* More streams at once than notes: the oldest are forgotten, and still reported right. */
static void more_streams_than_notes(void **state)
{
	struct tally t = {0};
	struct http_listener l = tally_listener(&t);
	struct http2 *a = http2_new(HTTP_CLIENT, HTTP_FROM_START, &l);
	struct http2 *b = http2_new(HTTP_SERVER, HTTP_FROM_START, &l);
	struct wire *out = client_wire(), *in = server_wire();

	(void)state;
	for (uint32_t id = 1; id < 2 * STREAMS; id += 2) {
		wire_headers(out, 0, id, GET);
		wire_headers(in, 0, id, ":status: 200\n");
		send_wire(a, out);
		send_wire(b, in);
	}
	for (uint32_t id = 1; id < 2 * STREAMS; id += 2) {
		wire_frame(out, DATA, 0, id, "ab", 2);
		wire_headers(out, END_STREAM, id, "x: y\n");
		wire_headers(in, END_STREAM, id, "grpc-status: 0\n");
		send_wire(a, out);
		send_wire(b, in);
	}
	assert_int_equal(t.requests, STREAMS);
	assert_int_equal(t.responses, STREAMS);
	assert_int_equal(t.trailers, 2 * STREAMS);
	assert_int_equal(t.bodies, 2 * STREAMS);
	assert_int_equal(http2_counts(a)->streams_forgotten, STREAMS - HTTP2_MAX_STREAMS);
	assert_int_equal(http2_counts(b)->streams_forgotten, STREAMS - HTTP2_MAX_STREAMS);
	assert_int_equal(t.forgotten, 2 * (STREAMS - HTTP2_MAX_STREAMS));
	http2_free(a);
	http2_free(b);
	wire_free(out);
	wire_free(in);
}

/* SETTINGS_HEADER_TABLE_SIZE of the client bounds what the server's encoder may use,
 * and only that. */
static void table_sizes(void **state)
{
	static const struct {
		const char *settings;
		const char *block; /* sets the table to 8192 */
		enum decode_status status;
	} cases[] = {
		{"\0\1\0\0\40\0", "\77\341\77\210", DECODE_OK},
		{"\0\1\0\0\37\377", "\77\341\77\210", DECODE_MALFORMED},
		{"\0\3\0\0\0\1", "\77\341\77\210", DECODE_MALFORMED},
		{"\0\1\0\0\0\0", "\77\341\37\210", DECODE_OK}, /* not yet acknowledged */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally t = {0};
		struct http_listener l = tally_listener(&t);
		struct http2 *a = http2_new(HTTP_CLIENT, HTTP_FROM_START, &l);
		struct http2 *b = http2_new(HTTP_SERVER, HTTP_FROM_START, &l);
		struct wire *out = wire_new(), *in = server_wire();

		http2_pair(a, b);
		wire_bytes(out, WIRE_PREFACE, 24);
		wire_frame(out, SETTINGS, 0, 0, cases[i].settings, 6);
		send_wire(a, out);
		http2_free(a); /* the pair ends with each of them */
		wire_frame(in, HEADERS, END_HEADERS, 1, cases[i].block, 4);
		assert_int_equal(
			http2_feed(b, &(struct feed){in->data, in->used_bytes, 1, 1, 0, 0}),
			cases[i].status);
		http2_free(b);
		wire_free(out);
		wire_free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(midstream_inside_a_block),
		cmocka_unit_test(midstream_requests),
		cmocka_unit_test(midstream_responses),
		cmocka_unit_test(midstream_content),
		cmocka_unit_test(rapid_resets),
		cmocka_unit_test(more_streams_than_notes),
		cmocka_unit_test(table_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
