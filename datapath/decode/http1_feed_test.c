// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The HTTP/1 decoder between feeds: gaps, positions, limits, what is kept and how it is left and
 * rejoined. */
#include "datapath/decode/http1.h"

#include "datapath/decode/http1_fields.h"
#include "datapath/decode/transcript_test.h"

/* A decoder with its transcript, fed from literals at growing positions. */
struct rig {
	struct transcript t;
	struct http1 *h;
	uint64_t position;
	size_t used_bytes;
};

static void rig_open(struct rig *r, enum http_side side)
{
	struct http_listener listener = transcript_listener(&r->t);

	memset(r, 0, sizeof(*r));
	r->h = http1_new(side, &listener);
	assert_non_null(r->h);
}

static enum decode_status rig_feed(struct rig *r, const char *data, size_t size_bytes)
{
	struct feed f = {(const uint8_t *)data, size_bytes, r->position + 1, 1, 0, 0};

	r->position += size_bytes;
	return http1_feed(r->h, &f, &r->used_bytes);
}

static enum decode_status rig_text(struct rig *r, const char *text)
{
	return rig_feed(r, text, strlen(text));
}

static void test_gap_in_length(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_SERVER);
	assert_int_equal(rig_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nab"),
			 DECODE_OK);
	assert_int_equal(http1_body_left(r.h), 999998);
	assert_int_equal(rig_feed(&r, NULL, 999000), DECODE_OK);
	assert_int_equal(http1_body_left(r.h), 998);
	assert_false(http1_idle(r.h));
	assert_int_equal(rig_feed(&r, NULL, 998), DECODE_OK);
	assert_true(http1_idle(r.h));
	assert_int_equal(rig_text(&r, "HTTP/1.1 204 No Content\r\n\r\n"), DECODE_OK);
	assert_string_equal(r.t.text,
			    "0 response 200 v11 [1,44] 44 bytes\n"
			    "0 body 1000000 @1000044\n0 end @1000044\n"
			    "0 response 204 v11 [1000045,1000071] 27 bytes\n0 end @1000071\n");
	http1_free(r.h);
}

static void test_gap_in_chunk(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_CLIENT);
	rig_text(&r, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_int_equal(http1_body_left(r.h), 0);
	rig_text(&r, "100");
	assert_int_equal(http1_body_left(r.h), 0);
	rig_text(&r, "00\r\nx");
	assert_int_equal(http1_body_left(r.h), 0xffff);
	assert_int_equal(rig_feed(&r, NULL, 0xffff), DECODE_OK);
	assert_int_equal(http1_body_left(r.h), 0);
	assert_int_equal(rig_text(&r, "\r\n0\r\n\r\n"), DECODE_OK);
	assert_true(http1_idle(r.h));
	assert_string_equal(r.t.text, "0 request method=POST path=/ v11 [1,47] 47 bytes\n"
				      "0 body 65536 @65590\n0 end @65597\n");
	http1_free(r.h);
}

static void test_gap_until_close(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_SERVER);
	rig_text(&r, "HTTP/1.0 200 OK\r\n\r\n");
	assert_int_equal(rig_feed(&r, NULL, 1ul << 40), DECODE_OK);
	assert_false(http1_finish(r.h, r.position));
	assert_string_equal(r.t.text,
			    "0 response 200 v10 [1,19] 19 bytes\n"
			    "0 body 1099511627776 @1099511627795\n0 end @1099511627795\n");
	http1_free(r.h);
}

/* A gap that leaves the body: what was body is counted, the message is complete, the
 * rest is lost. */
static void test_gap_beyond_body(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_CLIENT);
	rig_text(&r, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
	assert_int_equal(rig_feed(&r, NULL, 4), DECODE_DESYNC);
	assert_string_equal(r.t.text, "0 request method=POST path=/ v11 [1,38] 38 bytes\n"
				      "0 body 3 @41\n0 end @41\n");
	assert_int_equal(rig_text(&r, "GET / HTTP/1.1\r\n\r\n"), DECODE_DESYNC);
	http1_free(r.h);
}

static void test_gap_elsewhere(void **state)
{
	static const char *const before[] = {
		"",
		"GE",
		"GET / HTTP/1.1\r\nHo",
		"GET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ",
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		rig_open(&r, HTTP_CLIENT);
		assert_int_equal(rig_text(&r, before[i]), DECODE_OK);
		assert_int_equal(rig_feed(&r, NULL, 0), DECODE_OK);
		assert_int_equal(rig_feed(&r, NULL, 1), DECODE_DESYNC);
		http1_free(r.h);
	}
}

/* Plaintext of one TLS record: every byte has the position of the record's end. */
static void test_positions_of_a_record(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok";
	struct feed f = {(const uint8_t *)text, sizeof(text) - 1, 700, 0, 0, 0};
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_CLIENT);
	assert_int_equal(http1_feed(r.h, &f, &r.used_bytes), DECODE_OK);
	assert_string_equal(r.t.text, "0 request method=POST path=/ v11 [700,700] 38 bytes\n"
				      "0 body 2 @700\n0 end @700\n");
	http1_free(r.h);
}

/* A server may answer an Upgrade with an ordinary response: the client then goes on with HTTP/1. */
static void test_upgrade_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_CLIENT);
	assert_int_equal(
		rig_text(&r, "GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
		DECODE_SWITCH);
	assert_true(http1_idle(r.h));
	assert_int_equal(rig_text(&r, "GET /2 HTTP/1.1\r\n\r\n"), DECODE_OK);
	assert_non_null(strstr(r.t.text, "path=/2 v11 [55,73]"));
	http1_free(r.h);
}

static void test_long_fields_are_cut(void **state)
{
	static char text[40000];
	struct rig r;

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece = piece * 7 + 1) {
		rig_open(&r, HTTP_CLIENT);
		int n = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\nHost: %0*d\r\n\r\n",
				 9000, 0, 20000, 0);
		for (int at = 0; at < n; at += (int)piece)
			assert_int_equal(rig_feed(&r, text + at,
						  at + (int)piece < n ? piece : (size_t)(n - at)),
					 DECODE_OK);
		char expect[2048];

		snprintf(expect, sizeof(expect),
			 "0 request method=GET path=/%0*d authority=%0*d v11 [1,%d] %d "
			 "bytes\n0 end @%d\n",
			 HTTP1_TARGET_MAX_BYTES - 1, 0, 256, 0, n, n, n);
		assert_string_equal(r.t.text, expect);
		http1_free(r.h);
	}
}

static enum decode_status feed_head_of(size_t value_bytes, size_t piece, struct rig *r)
{
	static char text[80000];
	size_t n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA: %0*d\r\n\r\n",
				    (int)value_bytes, 0);
	enum decode_status status = DECODE_OK;

	rig_open(r, HTTP_CLIENT);
	for (size_t at = 0; at < n && status == DECODE_OK; at += piece)
		status = rig_feed(r, text + at, at + piece < n ? piece : n - at);
	http1_free(r->h);
	return status;
}

static void test_head_limit(void **state)
{
	const size_t around = strlen("GET / HTTP/1.1\r\nA: \r\n\r\n");
	struct rig r;

	(void)state;
	assert_int_equal(feed_head_of(65536 - around, 80000, &r), DECODE_OK);
	assert_int_equal(feed_head_of(65536 - around, 999, &r), DECODE_OK);
	assert_int_equal(feed_head_of(65537 - around, 80000, &r), DECODE_LIMIT);
	assert_int_equal(feed_head_of(65537 - around, 999, &r), DECODE_LIMIT);
	assert_int_equal(feed_head_of(79000, 1, &r), DECODE_LIMIT);
	assert_string_equal(r.t.text, "");
}

/* Heads and trailers that never end are given up as soon as they are too long. */
static void test_endless_blocks(void **state)
{
	static const char *const before[] = {
		"GET / HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	};
	struct rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		enum decode_status status = DECODE_OK;

		rig_open(&r, HTTP_CLIENT);
		assert_int_equal(rig_text(&r, before[i]), DECODE_OK);
		while (status == DECODE_OK && r.position < 70000)
			status = rig_text(&r, "X-Filler: 0123456789\r\n");
		assert_int_equal(status, DECODE_LIMIT);
		assert_in_range(r.position, 65536, 65536 + 100);
		http1_free(r.h);
	}
}

/* A value folded over lines and over feeds, among others that are kept at the same time. */
static void test_folded_value_over_feeds(void **state)
{
	static const char folded[] = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: one\r\n two";
	struct rig r;

	(void)state;
	rig_open(&r, HTTP_CLIENT);
	assert_int_equal(rig_text(&r, folded), DECODE_OK);
	assert_int_equal(rig_text(&r, "three\r\n\r\n"), DECODE_OK);
	assert_non_null(strstr(r.t.text,
			       "path=/ authority=a user-agent=one twothree lenient:obs_fold v11"));
	http1_free(r.h);
}

static void test_reason_and_silence(void **state)
{
	static const struct http_listener none;
	struct http1 *h = http1_new(HTTP_CLIENT, &none);
	struct feed f = {
		(const uint8_t *)"GET / HTTP/1.1\r\nContent-Length: x\r\n", 35, 1, 1, 0, 0};
	size_t used;

	(void)state;
	assert_string_equal(http1_reason(h), "");
	assert_int_equal(http1_feed(h, &f, &used), DECODE_MALFORMED);
	assert_string_equal(http1_reason(h), "Invalid character in Content-Length");
	assert_false(http1_finish(h, 35));
	http1_free(h);
	http1_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gap_in_length),
		cmocka_unit_test(test_gap_in_chunk),
		cmocka_unit_test(test_gap_until_close),
		cmocka_unit_test(test_gap_beyond_body),
		cmocka_unit_test(test_gap_elsewhere),
		cmocka_unit_test(test_positions_of_a_record),
		cmocka_unit_test(test_upgrade_refused),
		cmocka_unit_test(test_long_fields_are_cut),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_endless_blocks),
		cmocka_unit_test(test_folded_value_over_feeds),
		cmocka_unit_test(test_reason_and_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
