// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What records say of a head: ids, and whether its target was cut. */
#include "datapath/observe/http1_world_test.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* Of several ids none is told: which one others take is not known. A long one is cut and says so.
 */
static void test_ids(void **state)
{
#define ONE  "traceparent: " PARENT "\r\n"
#define LONG "0123456789abcdef0123456789abcdef"
	static const struct {
		const char *fields, *parent, *id;
		uint32_t incomplete;
	} cases[] = {
		{ONE, PARENT, "", 0},
		{ONE ONE, "", "", 0},
		{ONE "Traceparent: garbage\r\n", "", "", 0},
		{"traceparent:\r\n" ONE ONE, "", "", 0},
		{"x-request-id: a\r\n", "", "a", 0},
		{"x-request-id: a\r\n" ONE "X-Request-ID: b\r\n", PARENT, "", 0},
		{"x-request-id: " LONG LONG "\r\n", "", LONG "0123456789abcdef0123456789abcde",
		 REQUEST_GAP(CUT)},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		char text[256];

		world_pair(w);
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", cases[i / 2].fields);
		for (const char *at = text; *at && i % 2; at++)
			world_send_bytes(w, false, at, 1);
		if (i % 2 == 0)
			world_send(w, false, text);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(w->request_count, 2);
		assert_string_equal(w->requests[0].traceparent, cases[i / 2].parent);
		assert_string_equal(w->requests[0].request_id, cases[i / 2].id);
		assert_int_equal(w->requests[0].incomplete, cases[i / 2].incomplete);
		world_free(w);
	}
}

/* A long target is cut, which is known also where little of it is shown. */
static void test_target(void **state)
{
	static const char *const forms[] = {"", "http://example.net"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_new();
		int long_bytes = i / 2 ? 1024 : 900;
		char text[2048];

		world_pair(w);
		snprintf(text, sizeof(text), "GET %s/?%0*d HTTP/1.1\r\n\r\n", forms[i % 2],
			 long_bytes, 0);
		world_send(w, false, text);
		world_arrive(w, false);
		world_send(w, true, OK_HELLO);
		world_arrive(w, true);
		assert_int_equal(w->request_count, 2);
		assert_string_equal(w->requests[0].path, "/?");
		assert_int_equal(w->requests[0].incomplete, i / 2 ? REQUEST_GAP(CUT) : 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
