// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: HTTP/0.9, and what only looks like it. */
#include "datapath/observe/http1_world_test.h"

/* HTTP/0.9: its answer has no head and is what the server sends until it closes. The kernel half
 * counts it; inside of TLS it is read. */
static void test_simple_requests(void **state)
{
	static const struct {
		const char *parts[3], *path;
		uint32_t incomplete;
	} good[] = {
		{{"GET /old\r\n"}, "/old", 0},
		{{"GET /old?a=secret\n"}, "/old?a=", 0},
		{{"GET /o", "ld\r", "\n\r\n"}, "/old", 0},
		{{"GET /46_bytes_of_a_path_are_kept_of_a_simple_request_more_is_cut\r\n"},
		 "/46_bytes_of_a_path_are_kept_of_a_simple_reque",
		 REQUEST_GAP(CUT)},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(good) / sizeof(good[0]); i++) {
		struct world *w = world_new();
		const struct request *r;
		uint64_t start, end;

		world_pair(w);
		start = w->now_ns += 5 * MS;
		for (int part = 0; part < 3 && good[i / 2].parts[part]; part++) {
			world_send(w, false, good[i / 2].parts[part]);
			world_arrive(w, false);
		}
		end = w->now_ns += 5 * MS;
		if (i % 2)
			world_send(w, true, "<html>old</html>");
		else
			world_skip(w, true, 16);
		world_arrive(w, true);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 2);
		for (int reporter = 0; reporter < REPORTER_MAX; reporter++) {
			r = world_request(w, reporter, 0);
			assert_request(r, "GET", good[i / 2].path, 0);
			assert_string_equal(r->protocol, "http0.9");
			assert_int_equal(r->flags, 0);
			assert_int_equal(r->incomplete & ~REQUEST_GAP(TIMES),
					 good[i / 2].incomplete | REQUEST_GAP(STATUS));
			assert_int_equal(r->response_bytes, 16);
		}
		r = world_request(w, REPORTER_SOURCE, 0);
		assert_int_equal(r->start_ns, start);
		assert_int_equal(r->end_ns, end);
		world_free(w);
	}
}

/* Other protocols of lines, and what was not answered. */
static void test_no_simple_requests(void **state)
{
	static const char *const other[][3] = {
		{"GET key\r\n", "$2\r\nno\r\n"},
		{"GET /key\r\n", "$2\r\nno\r\n", "GET /other\r\n"},
		{"GET /key\r\nSET /key x\r\n", "$2\r\nno\r\n"},
		{"get /key\r\n", "END\r\n"},
		{"GET /key", "no line"},
		{"GET /key\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct world *w = world_new();

		world_pair(w);
		for (int part = 0; part < 3 && other[i][part]; part++)
			world_send(w, part % 2, other[i][part]);
		world_close(w, true, 0);
		assert_int_equal(w->request_count, 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple_requests),
		cmocka_unit_test(test_no_simple_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
