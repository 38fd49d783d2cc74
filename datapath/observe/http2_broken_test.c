// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: clients that break the rules of HTTP/2, and servers that answer early. */
#include "datapath/observe/http2_talk_test.h"

static const struct request *of_path(struct talk *t, const char *path)
{
	const struct request *r;

	for (unsigned i = 0; (r = world_request(t->world, REPORTER_SOURCE, i)); i++)
		if (!strcmp(r->path, path))
			return r;
	return NULL;
}

/* The client breaks the protocol: what it asked before is answered, the upload that was under way
 * is not whole, and what the server does not answer any more says why. */
static void test_broken_by_client(void **state)
{
	struct talk t = talk_new();
	char body[600] = {0};

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	wire_headers(t.wires[0], 0, 3, FIELDS("/b"));
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/c"));
	wire_frame(t.wires[0], 8, 0, 0, "abc", 3);
	flush(&t, false);
	wire_frame(t.wires[0], 0, END_STREAM, 3, body, 600);
	wire_headers(t.wires[0], END_STREAM, 7, FIELDS("/d"));
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], 0, 3, ":status: 404\n");
	wire_frame(t.wires[1], 0, END_STREAM, 3, body, 9);
	wire_frame(t.wires[1], 7, 0, 0, "\0\0\0\5\0\0\0\6", 8);
	flush(&t, true);
	world_close(t.world, true, 0);
	world_close(t.world, false, 0);
	assert_int_equal(of_path(&t, "/a")->status, 200);
	assert_int_equal(of_path(&t, "/a")->incomplete | of_path(&t, "/a")->flags, 0);
	assert_int_equal(of_path(&t, "/b")->status, 404);
	assert_int_equal(of_path(&t, "/b")->response_bytes, 9);
	assert_int_equal(of_path(&t, "/b")->incomplete, REQUEST_GAP(BODY));
	assert_int_equal(of_path(&t, "/c")->status, 0);
	assert_int_equal(of_path(&t, "/c")->flags, RESPONSE_FLAG(UC) | RESPONSE_FLAG(DPE));
	assert_int_equal(world_counts(t.world)->lost[OBSERVE_LOST_MALFORMED_HTTP2], 1);
	assert_int_equal(world_lost(t.world), 1);
	talk_free(&t);
}

/* A server that goes on all the same: what it answers is told, the next requests are read again. */
static void test_broken_and_answered(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	flush(&t, false);
	wire_frame(t.wires[0], 8, 0, 0, "abc", 3);
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
	wire_headers(t.wires[0], END_STREAM, 5, FIELDS("/c"));
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 201\n");
	flush(&t, true);
	wire_frame(t.wires[0], 6, 0, 0, "12345678", 8);
	wire_headers(t.wires[0], END_STREAM, 7, FIELDS("/d"));
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 400\n");
	wire_headers(t.wires[1], END_STREAM, 7, ":status: 204\n");
	flush(&t, true);
	assert_int_equal(t.world->request_count, 8);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->status, 200);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->incomplete, 0);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->status, 201);
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->path, "unknown");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->incomplete,
			 REQUEST_GAP(LOST) | REQUEST_GAP(TIMES));
	assert_int_equal(stream(&t, REPORTER_DESTINATION, 5)->status, 400);
	assert_int_equal(stream(&t, REPORTER_DESTINATION, 5)->flags, RESPONSE_FLAG(DPE));
	assert_int_equal(stream(&t, REPORTER_SOURCE, 7)->status, 204);
	assert_int_equal(world_lost(t.world), 1);
	talk_free(&t);
}

/* An answer that was under way when the client reset its stream is not lost: the request is told.
 */
static void test_answer_behind_reset(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
	wire_frame(t.wires[0], 3, 0, 1, "\0\0\0\10", 4);
	wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 3, ":status: 200\n");
	flush(&t, true);
	assert_int_equal(t.world->request_count, 4);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->status, 0);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->flags, RESPONSE_FLAG(DC));
	assert_int_equal(world_lost(t.world), 0);
	talk_free(&t);
}

/* The server refuses a request before its header block is complete: the exchange has what the rest
 * says, or, where the server wants no more of it, says what is known. */
static void test_answered_early(void **state)
{
	static const char *const ends[] = {"\0\0\0\0", NULL};
	uint8_t head[200];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct talk t = talk_new();
		size_t size, cut;

		flush(&t, false);
		wire_headers(t.wires[0], END_STREAM, 1, FIELDS("/a"));
		size = t.wires[0]->used_bytes;
		cut = size - 4;
		memcpy(head, t.wires[0]->data, size);
		t.wires[0]->used_bytes = cut;
		flush(&t, false);
		wire_headers(t.wires[1], END_STREAM, 1, ":status: 400\n");
		if (ends[i])
			wire_frame(t.wires[1], 3, 0, 1, ends[i], 4);
		flush(&t, true);
		wire_bytes(t.wires[0], head + cut, size - cut);
		wire_headers(t.wires[0], END_STREAM, 3, FIELDS("/b"));
		flush(&t, false);
		wire_headers(t.wires[1], END_STREAM, 3, ":status: 200\n");
		flush(&t, true);
		assert_int_equal(t.world->request_count, 4);
		assert_string_equal(stream(&t, REPORTER_SOURCE, 1)->path, i ? "/a" : "unknown");
		assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->status, 400);
		assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->flags, RESPONSE_FLAG(DPE));
		assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->status, 200);
		assert_int_equal(world_lost(t.world), 0);
		talk_free(&t);
	}
}

/* Requests without what each has to have: 400 or a reset. */
static void test_lacking_fields(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, ":method: GET\n:scheme: http\n:authority: shop\n");
	wire_headers(t.wires[0], END_STREAM, 3, ":method: \n:scheme: http\n:path: /b\n");
	wire_headers(t.wires[0], END_STREAM, 5, ":method: GET\n:scheme: http\n:path: \n");
	wire_headers(t.wires[0], END_STREAM, 7, ":method: CONNECT\n:authority: shop:443\n");
	flush(&t, false);
	wire_headers(t.wires[1], END_STREAM, 1, ":status: 400\n");
	wire_frame(t.wires[1], 3, 0, 3, "\0\0\0\1", 4);
	wire_headers(t.wires[1], END_STREAM, 5, ":status: 200\n");
	wire_headers(t.wires[1], END_STREAM, 7, ":status: 400\n");
	flush(&t, true);
	assert_string_equal(stream(&t, REPORTER_SOURCE, 1)->path, "unknown");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 1)->flags, RESPONSE_FLAG(DPE));
	assert_string_equal(stream(&t, REPORTER_SOURCE, 3)->method, "unknown");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 3)->flags,
			 RESPONSE_FLAG(UR) | RESPONSE_FLAG(DPE));
	assert_string_equal(stream(&t, REPORTER_SOURCE, 5)->path, "unknown");
	assert_int_equal(stream(&t, REPORTER_SOURCE, 5)->flags, 0);
	assert_int_equal(stream(&t, REPORTER_SOURCE, 7)->flags, 0);
	talk_free(&t);
}

/* The client closes before there is an answer: it broke the rules all the same. */
static void test_lacking_and_given_up(void **state)
{
	struct talk t = talk_new();

	(void)state;
	wire_headers(t.wires[0], END_STREAM, 1, ":method: GET\n:scheme: http\n:authority: shop\n");
	wire_headers(t.wires[0], END_STREAM, 3, ":method: GET\n:scheme: http\n:path: /b\n");
	flush(&t, false);
	world_leave(t.world, false, WEFT_CLOSE_LEFT);
	world_close(t.world, false, WEFT_END_LEFT);
	world_close(t.world, true, WEFT_END_PEER_FIRST);
	for (int r = 0; r < REPORTER_MAX; r++) {
		assert_int_equal(stream(&t, r, 1)->flags, RESPONSE_FLAG(DC) | RESPONSE_FLAG(DPE));
		assert_int_equal(stream(&t, r, 3)->flags, RESPONSE_FLAG(DC));
	}
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_by_client),
		cmocka_unit_test(test_broken_and_answered),
		cmocka_unit_test(test_answer_behind_reset),
		cmocka_unit_test(test_answered_early),
		cmocka_unit_test(test_lacking_fields),
		cmocka_unit_test(test_lacking_and_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
