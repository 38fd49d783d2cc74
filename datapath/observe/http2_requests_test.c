// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: HTTP/2 and gRPC in the clear. */
#include "datapath/decode/http2_streams.h"
#include "datapath/observe/http2_talk_test.h"

static void test_interleaved(void **state)
{
	struct talk t = talk_new();
	char body[600] = {0};

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/one"));
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/two?id=7"));
	wire_headers(t.wires[0], 0, 5, ":method: POST\n:scheme: http\n:path: /three\n");
	flush(&t, false);
	wire_headers(t.wires[1], 0, 3, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 404\n");
	wire_frame(t.wires[1], 0, 0, 3, body, 100);
	flush(&t, true);
	wire_frame(t.wires[0], 0, END_STREAM, 5, body, 600);
	flush(&t, false);
	wire_headers(t.wires[1], 0, 5, ":status: 103\n");
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 503\n");
	wire_frame(t.wires[1], 0, END_STREAM, 3, body, 23);
	flush(&t, true);

	assert_int_equal(t.world->request_count, 6);
	for (int reporter = 0; reporter < 2; reporter++) {
		const struct request *one = stream(&t, reporter, 1), *two = stream(&t, reporter, 3),
				     *three = stream(&t, reporter, 5);

		assert_int_equal(one->status, 404);
		assert_string_equal(one->path, "/one");
		assert_string_equal(one->protocol, "http2");
		assert_int_equal(two->status, 200);
		assert_string_equal(two->path, "/two?id=");
		assert_int_equal(two->response_bytes, 123);
		assert_int_equal(three->status, 503);
		assert_int_equal(three->request_bytes, 600);
		assert_int_equal(two->end_ns - two->first_byte_ns, 2 * MS);
		assert_int_equal(two->incomplete | one->incomplete | three->incomplete, 0);
	}
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

static void test_secrets_in_targets(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1,
		     ":method: GET\n:scheme: http\n:path: /a;jsessionid=SECRET\n"
		     ":authority: user:SECRET@shop\n");
	wire_headers(t.wires[0], END_STREAM, 3,
		     ":method: CONNECT\n:authority: user:SECRET@shop:443\n");
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 403\n");
	flush(&t, true);
	assert_string_equal(stream(&t, REPORTER_SOURCE, 1)->path, "/a;jsessionid=");
	assert_string_equal(stream(&t, REPORTER_SOURCE, 1)->authority, "shop");
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->authority, "shop:443");
	talk_free(&t);
}

/* A field of more than is looked at, in a block of many frames: it alone is missing, and that is
 * said. */
static void test_long_fields(void **state)
{
	static uint8_t block[80016] = {0x82, 0x86, 0x01, 4, 's', 'h', 'o', 'p', 0x04, 0x7f};
	struct talk t = talk_new();
	size_t size = sizeof(block) - 16, length = 80000 - 127;

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	memset(block + 13, 'p', size);
	block[10] = 128 | (length & 127);
	block[11] = 128 | (length >> 7 & 127);
	block[12] = (uint8_t)(length >> 14);
	wire_frame(t.wires[0], 1, END_STREAM, 3, block, 13);
	for (size_t at = 0; at < size; at += 16000) {
		wire_frame(t.wires[0], 9, at + 16000 == size ? 4 : 0, 3, block + 13 + at, 16000);
		flush(&t, false);
	}
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/a"));
	flush(&t, false);
	for (uint32_t id = 1; id <= 5; id += 2)
		wire_headers(t.wires[1], END_STREAM, id, ":status: 200\n");
	flush(&t, true);
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->path, "unknown");
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->authority, "shop");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->incomplete, REQUEST_GAP(CUT));
	assert_string_equal(stream(&t, REPORTER_SOURCE, 5)->path, "/a");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 5)->incomplete, 0);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 5)->status, 200);
	assert_int_equal(world_lost(t.world), 1);
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_LIMIT], 1);
	talk_free(&t);
}

static void test_skipped_data(void **state)
{
	struct talk t = talk_new();
	static const uint8_t head[9] = {0, 0x40, 0, 0, END_STREAM, 0, 0, 0, 1}; /* 16384 bytes */
	const struct request *r;

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/big"));
	flush(&t, false);
	wire_headers(t.wires[1], 0, 1, ":status: 200\n");
	wire_bytes(t.wires[1], head, sizeof(head));
	flush(&t, true);
	world_skip(t.world, true, 16384);
	t.world->now_ns += 9 * MS;
	world_skip_end(t.world, true);
	world_arrive(t.world, true);
	r = stream(&t, REPORTER_DESTINATION, 1);
	assert_non_null(r);
	assert_int_equal(r->response_bytes, 16384);
	assert_int_equal(r->end_ns, t.world->now_ns);
	assert_int_equal(r->end_ns - r->first_byte_ns, 10 * MS);
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

static void test_grpc(void **state)
{
	struct talk t = talk_new();
	const struct request *r;

	(void)state;
	wire_headers(t.wires[0], 0, 1, GRPC);
	wire_frame(t.wires[0], 0, END_STREAM, 1, "\0\0\0\0\1x\0\0\0\0\2yz", 13);
	flush(&t, false);
	wire_headers(t.wires[1], 0, 1, ":status: 200\ncontent-type: application/grpc\n");
	wire_frame(t.wires[1], 0, 0, 1, "\0\0\0\0\1x", 6);
	wire_headers(t.wires[1], END_STREAM, 1, "grpc-status: 14\n");
	wire_headers(t.wires[0], END_STREAM, 3, GRPC);
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 3,
		     ":status: 200\ncontent-type: application/grpc\ngrpc-status: 5\n");
	wire_headers(t.wires[0], END_STREAM, 5, GRPC);
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 200\ncontent-type: application/grpc\n");
	flush(&t, true);
	r = stream(&t, REPORTER_SOURCE, 1);
	assert_true(r->grpc);
	assert_int_equal(r->grpc_status, 14);
	assert_int_equal(r->request_messages, 2);
	assert_int_equal(r->response_messages, 1);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->grpc_status, 5);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 5)->grpc_status, -1);
	talk_free(&t);
}

/* Four messages each way on every stream, the streams in turn, all open at once. */
static void talk_in_turn(struct talk *t, uint32_t streams)
{
	static const char message[] = "\0\0\0\0\2xy";

	for (uint32_t id = 1; id < 2 * streams; id += 2) {
		wire_headers(t->wires[0], 0, id, GRPC);
		flush(t, false);
		wire_headers(t->wires[1], 0, id, ":status: 200\ncontent-type: application/grpc\n");
		flush(t, true);
	}
	for (int round = 0; round < 4; round++) {
		for (uint32_t id = 1; id < 2 * streams; id += 2) {
			wire_frame(t->wires[0], 0, round == 3 ? END_STREAM : 0, id, message, 7);
			wire_frame(t->wires[1], 0, 0, id, message, 7);
			flush(t, false);
			flush(t, true);
		}
	}
	for (uint32_t id = 1; id < 2 * streams; id += 2) {
		wire_headers(t->wires[1], END_STREAM, id, "grpc-status: 0\n");
		flush(t, true);
	}
}

static void test_grpc_on_many_streams(void **state)
{
	struct talk t = talk_new();

	(void)state;
	talk_in_turn(&t, 200);
	assert_int_equal(t.world->request_count, 400);
	for (unsigned i = 0; i < t.world->request_count; i++) {
		assert_int_equal(t.world->requests[i].request_messages, 4);
		assert_int_equal(t.world->requests[i].response_messages, 4);
		assert_int_equal(t.world->requests[i].incomplete, 0);
	}
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

/* Of more streams than are noted the count is right or marked as not. */
static void test_grpc_on_too_many_streams(void **state)
{
	struct observe_limits limits = observe_limits_default();
	struct talk t;
	unsigned marked = 0;

	(void)state;
	limits.requests_per_connection = 2 * HTTP2_MAX_STREAMS;
	t = talk_new_with(&limits);
	talk_in_turn(&t, HTTP2_MAX_STREAMS + 50);
	assert_int_equal(t.world->request_count, 2 * (HTTP2_MAX_STREAMS + 50));
	for (unsigned i = 0; i < t.world->request_count; i++) {
		const struct request *r = &t.world->requests[i];

		if (r->incomplete & REQUEST_GAP(BODY))
			marked++;
		else
			assert_int_equal(r->request_messages + r->response_messages, 8);
	}
	assert_true(marked > 0);
	assert_true(world_counts(t.world)->lost[OBSERVE_LOST_LIMIT] > 0);
	talk_free(&t);
}

static void test_resets(void **state)
{
	struct talk t = talk_new();
	static const uint8_t cancel[4] = {0, 0, 0, 8}, refused[4] = {0, 0, 0, 7}, none[4];
	const struct request *r;

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
	wire_headers(t.wires[0], 0, 5, FIELDS("/c"));
	flush(&t, false);
	wire_frame(t.wires[0], 3, 0, 1, cancel, 4);
	flush(&t, false);
	wire_frame(t.wires[1], 3, 0, 3, refused, 4);
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 200\n");
	wire_frame(t.wires[1], 3, 0, 5, none, 4); /* done, the rest of the request is not wanted */
	flush(&t, true);
	assert_int_equal(t.world->request_count, 6);
	r = stream(&t, REPORTER_SOURCE, 1);
	assert_true(r->reset);
	assert_int_equal(r->reset_code, 8);
	assert_int_equal(r->flags, RESPONSE_FLAG(DC));
	assert_int_equal(r->status, 0);
	assert_int_equal(r->end_ns - r->start_ns, MS);
	r = stream(&t, REPORTER_DESTINATION, 3);
	assert_int_equal(r->flags, RESPONSE_FLAG(UR));
	assert_int_equal(r->reset_code, 7);
	r = stream(&t, REPORTER_DESTINATION, 5);
	assert_false(r->reset);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->incomplete, REQUEST_GAP(UPLOAD));
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->incomplete, 0);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->incomplete, 0);
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

/* As over HTTP/1. */
static void test_ids(void **state)
{
#define PARENT "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a") PARENT "x-request-id: a\n");
	wire_headers(t.wires[0], END_STREAM, 3,
		     FIELDS("/b") PARENT "x-request-id: a\n" PARENT "x-request-id: a\n");
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 200\n");
	flush(&t, true);
	assert_int_equal(t.world->request_count, 4);
	assert_int_equal(strlen(stream(&t, REPORTER_SOURCE, 1)->traceparent), 55);
	assert_string_equal(stream(&t, REPORTER_SOURCE, 1)->request_id, "a");
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->traceparent, "");
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->request_id, "");
	talk_free(&t);
}

/* A request that the client itself, or the end of the connection, left without an end. */
static void test_uploads_cut(void **state)
{
	struct talk t = talk_new();
	static const uint8_t cancel[4] = {0, 0, 0, 8};

	(void)state;
	wire_headers(t.wires[0], 0, 1, FIELDS("/a"));
	wire_headers(t.wires[0], 0, 3, FIELDS("/b"));
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/c"));
	wire_frame(t.wires[0], 0, 0, 1, (const uint8_t *)"abc", 3);
	flush(&t, false);
	wire_frame(t.wires[0], 3, 0, 1, cancel, 4);
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 413\n");
	flush(&t, true);
	world_close(t.world, true, 0);
	world_close(t.world, false, 0);
	assert_int_equal(t.world->request_count, 6);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->incomplete, REQUEST_GAP(UPLOAD));
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->request_bytes, 3);
	assert_int_equal(stream(&t, REPORTER_DESTINATION, 3)->incomplete, REQUEST_GAP(UPLOAD));
	assert_int_equal(stream(&t, REPORTER_DESTINATION, 5)->incomplete, 0);
	talk_free(&t);
}

/* More resets than streams are kept: nothing is left open. */
static void test_rapid_reset(void **state)
{
	struct talk t = talk_new();
	static const uint8_t cancel[4] = {0, 0, 0, 8};

	(void)state;
	for (uint32_t id = 1; id < 2000; id += 2) {
		wire_headers(t.wires[0], END_STREAM, id, FIELDS("/"));
		wire_frame(t.wires[0], 3, 0, id, cancel, 4);
		if (id % 64 == 1)
			flush(&t, false);
	}
	flush(&t, false);
	assert_int_equal(world_counts(t.world)->requests[REPORTER_SOURCE], 1000);
	assert_int_equal(world_counts(t.world)->requests[REPORTER_DESTINATION], 1000);
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

static void test_lost_header_block(void **state)
{
	struct talk t = talk_new();
	const struct request *r;

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	flush(&t, false);
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/lost"));
	world_skip(t.world, false, (uint32_t)t.wires[0]->used_bytes);
	t.wires[0]->used_bytes = 0;
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/c"));
	wire_headers(t.wires[0], END_STREAM, 7, FIELDS("/lost"));
	flush(&t, false);
	for (uint32_t id = 1; id <= 7; id += 2)
		wire_headers(t.wires[1], END_STREAM, id, ":status: 200\n");
	flush(&t, true);
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_DESYNC], 1);
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 1);
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_UNPAIRED_RESPONSE], 1);
	r = stream(&t, REPORTER_SOURCE, 1);
	assert_int_equal(r->incomplete & REQUEST_GAP(LOST), REQUEST_GAP(LOST));
	assert_int_equal(r->status, 0);
	r = stream(&t, REPORTER_SOURCE, 5);
	assert_string_equal(r->path, "/c");	      /* written out in this block */
	assert_string_equal(r->authority, "unknown"); /* refers to the first one */
	assert_int_equal(r->incomplete, REQUEST_GAP(HPACK));
	assert_int_equal(stream(&t, REPORTER_SOURCE, 7)->status, 200);
	talk_free(&t);
}

/* Responses are missed: the requests that were open meanwhile are counted and say so, they are not
 * called unanswered. */
static void test_lost_responses(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	flush(&t, false);
	world_skip(t.world, true, 100);
	wire_bytes(t.wires[1], "\1\2\3\4 not a frame", 16);
	flush(&t, true);
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
	flush(&t, false);
	wire_bytes(t.wires[1], "\1\2\3\4 not a frame", 16);
	flush(&t, true);
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/c"));
	flush(&t, false);
	world_close(t.world, true, 0);
	world_close(t.world, false, 0);
	assert_int_equal(t.world->request_count, 2 * 3);
	for (unsigned i = 0; i < t.world->request_count; i++) {
		assert_int_equal(t.world->requests[i].status, 0);
		assert_int_equal(t.world->requests[i].flags, 0);
		assert_true(t.world->requests[i].incomplete & REQUEST_GAP(LOST));
	}
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 3);
	talk_free(&t);
}

static void test_midstream(void **state)
{
	struct talk t = {world_new(), {wire_new(), wire_new()}};
	const struct request *r;

	(void)state;
	world_discover(t.world, true);
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/old"));
	t.wires[0]->used_bytes = 0; /* before the agent */
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/old"));
	wire_frame(t.wires[0], 8, 0, 0, "\0\0\1\0", 4);
	world_segment(t.world, SERVER, WEFT_INGRESS, 77, t.wires[0]->data, t.wires[0]->used_bytes);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 500\n");
	world_segment(t.world, SERVER, WEFT_EGRESS, 99, t.wires[1]->data, t.wires[1]->used_bytes);
	assert_int_equal(t.world->request_count, 1);
	r = &t.world->requests[0];
	assert_int_equal(r->status, 500);
	assert_string_equal(r->method, "GET");
	assert_string_equal(r->authority, "unknown");
	assert_int_equal(r->incomplete, REQUEST_GAP(HPACK));
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_UNPAIRED_RESPONSE], 1);
	talk_free(&t);
}

/* The server's direction is decoded after requests passed: whether they were answered before is not
 * known, and each is complete by what comes. */
static void test_midstream_after_requests(void **state)
{
	struct talk t = {world_new(), {wire_new(), wire_new()}};
	static const uint8_t cancel[4] = {0, 0, 0, 8};

	(void)state;
	world_discover(t.world, true);
	for (uint32_t id = 1; id <= 11; id += 2)
		wire_headers(t.wires[0], END_STREAM, id, FIELDS("/"));
	wire_frame(t.wires[0], 8, 0, 0, "\0\0\1\0", 4);
	world_segment(t.world, SERVER, WEFT_INGRESS, 77, t.wires[0]->data, t.wires[0]->used_bytes);
	t.wires[0]->used_bytes = 0;
	wire_headers(t.wires[1], 0, 1, ":status: 200\n"); /* before the agent looked */
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 200\n");
	t.wires[1]->used_bytes = 0;
	wire_frame(t.wires[1], 0, END_STREAM, 1, "rest", 4);
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 204\n");
	wire_headers(t.wires[1], 0, 7, ":status: 200\n");
	wire_frame(t.wires[1], 3, 0, 9, cancel, 4);
	world_segment(t.world, SERVER, WEFT_EGRESS, 99, t.wires[1]->data, t.wires[1]->used_bytes);
	assert_int_equal(t.world->request_count, 3);
	world_close(t.world, true, 0);
	assert_int_equal(t.world->request_count, 6);
	for (uint32_t id = 1; id <= 11; id += 2) {
		const struct request *r = stream(&t, REPORTER_DESTINATION, id);
		bool known = id == 5 || id == 7;

		assert_int_equal(r->status, id == 5 ? 204 : id == 7 ? 200 : 0);
		assert_int_equal(r->flags, id == 7 ? RESPONSE_FLAG(DC) : 0);
		assert_int_equal(!(r->incomplete & REQUEST_GAP(LOST)), known);
	}
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_UNPAIRED_REQUEST], 4);
	talk_free(&t);
}

/* Nothing that is understood says that it is gRPC, but for the content and a status. */
static void test_midstream_grpc(void **state)
{
	struct talk t = {world_new(), {wire_new(), wire_new()}};
	static const char answer[] = ":status: 200\ncontent-type: application/grpc\n";
	const struct request *r;

	(void)state;
	world_discover(t.world, true);
	wire_headers(t.wires[0], END_STREAM, 1, GRPC);
	wire_headers(t.wires[1], 0, 1, answer);
	t.wires[0]->used_bytes = t.wires[1]->used_bytes = 0;
	for (uint32_t id = 3; id <= 7; id += 2) {
		wire_headers(t.wires[0], 0, id, GRPC);
		wire_frame(t.wires[0], 0, END_STREAM, id, id == 7 ? "{xxxxx" : "\0\0\0\0\1x", 6);
	}
	world_segment(t.world, SERVER, WEFT_INGRESS, 77, t.wires[0]->data, t.wires[0]->used_bytes);
	for (uint32_t id = 3; id <= 7; id += 2) {
		wire_headers(t.wires[1], 0, id, answer);
		wire_headers(t.wires[1], END_STREAM, id,
			     id == 3 ? "grpc-message: m\n" : "grpc-status: 13\n");
	}
	world_segment(t.world, SERVER, WEFT_EGRESS, 99, t.wires[1]->data, t.wires[1]->used_bytes);
	assert_int_equal(t.world->request_count, 3);
	r = stream(&t, REPORTER_DESTINATION, 3);
	assert_true(r->grpc);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->grpc_status, GRPC_STATUS_UNKNOWN);
	assert_int_equal(r->request_messages, 1);
	assert_int_equal(stream(&t, REPORTER_DESTINATION, 5)->grpc_status, 13);
	r = stream(&t, REPORTER_DESTINATION, 7);
	assert_true(r->grpc); /* says the trailer */
	assert_int_equal(r->request_messages, 0);
	talk_free(&t);
}

static void test_upgrade(void **state)
{
	static const char switching[] =
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		"Upgrade: h2c\r\n\r\n";
	struct talk t = {world_new(), {wire_new(), wire_new()}};
	const struct request *r;

	(void)state;
	world_pair(t.world);
	world_send(t.world, false,
		   "GET /up HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		   "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
	world_arrive(t.world, false);
	wire_bytes(t.wires[1], switching, strlen(switching));
	wire_frame(t.wires[1], 4, 0, 0, "", 0);
	wire_headers(t.wires[1], 0, 1, ":status: 200\n");
	wire_frame(t.wires[1], 0, END_STREAM, 1, "hello", 5);
	flush(&t, true);
	wire_bytes(t.wires[0], WIRE_PREFACE, strlen(WIRE_PREFACE));
	wire_frame(t.wires[0], 4, 0, 0, "", 0);
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/next"));
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 204\n");
	flush(&t, true);
	assert_int_equal(t.world->request_count, 4);
	r = stream(&t, REPORTER_SOURCE, 1);
	assert_string_equal(r->path, "/up");
	assert_int_equal(r->status, 200);
	assert_int_equal(r->response_bytes, 5);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->status, 204);
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

static void test_close_with_open_streams(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
	flush(&t, false);
	wire_headers(t.wires[1], 0, 3, ":status: 200\n");
	flush(&t, true);
	world_close(t.world, true, 0);
	world_close(t.world, false, 0);
	assert_int_equal(t.world->request_count, 4);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->flags, RESPONSE_FLAG(UC));
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->status, 200);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->flags, RESPONSE_FLAG(UC));
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_secrets_in_targets),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_skipped_data),
		cmocka_unit_test(test_grpc),
		cmocka_unit_test(test_grpc_on_many_streams),
		cmocka_unit_test(test_grpc_on_too_many_streams),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_uploads_cut),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_rapid_reset),
		cmocka_unit_test(test_lost_header_block),
		cmocka_unit_test(test_lost_responses),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_midstream_after_requests),
		cmocka_unit_test(test_midstream_grpc),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_close_with_open_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
