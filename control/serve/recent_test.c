// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rings of records and the filters over them. */
#include "control/serve/recent.h"

#include "control/serve/filter.h"
#include "control/signals/fixture_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_last_ones_are_kept(void **state)
{
	struct recent *r = recent_new(16, 16, 16);
	struct request q = fixture_request();

	(void)state;
	assert_int_equal(recent_first(r, RECENT_REQUESTS), 0);
	for (q.id = 0; q.id < 100; q.id++)
		recent_add_request(r, &q);
	assert_int_equal(recent_end(r, RECENT_REQUESTS), 100);
	assert_int_equal(recent_first(r, RECENT_REQUESTS), 84);
	for (uint64_t i = 84; i < 100; i++)
		assert_int_equal(recent_request_at(r, i)->id, i);
	assert_int_equal(recent_end(r, RECENT_CONNECTIONS), 0);
	recent_free(r);
}

static void test_strings_survive_at_full_length(void **state)
{
	struct recent *r = recent_new(16, 16, 16);
	struct request q = fixture_request();
	struct recent_strings s;

	(void)state;
	memset(q.method, 'M', sizeof(q.method) - 1);
	memset(q.path, 'p', sizeof(q.path) - 1);
	memset(q.authority, 'a', sizeof(q.authority) - 1);
	memset(q.traceparent, 't', sizeof(q.traceparent) - 1);
	memset(q.request_id, 'r', sizeof(q.request_id) - 1);
	memset(q.user_agent, 'u', sizeof(q.user_agent) - 1);
	recent_add_request(r, &q);
	s = recent_strings_of(recent_request_at(r, 0));
	assert_string_equal(s.method, q.method);
	assert_string_equal(s.path, q.path);
	assert_string_equal(s.authority, q.authority);
	assert_string_equal(s.traceparent, q.traceparent);
	assert_string_equal(s.request_id, q.request_id);
	assert_string_equal(s.user_agent, q.user_agent);
	recent_free(r);
}

static void test_globs(void **state)
{
	(void)state;
	assert_true(filter_glob("nginx", "nginx"));
	assert_false(filter_glob("nginx", "nginx2"));
	assert_true(filter_glob("/a/*/z", "/a/b/c/z"));
	assert_true(filter_glob("*", ""));
	assert_true(filter_glob("a?c*", "abc"));
	assert_false(filter_glob("a?c", "ac"));
	assert_true(filter_glob("*ab*ab*", "xxabyyabzz"));
	assert_false(
		filter_glob("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* Whether |q| passes the filter written as key=value pairs. */
static bool passes(const struct request *q, const char *const *pairs)
{
	struct recent *r = recent_new(16, 16, 16);
	struct filter f = {0};
	bool result;

	for (; pairs[0]; pairs += 2)
		assert_int_equal(filter_add(&f, pairs[0], pairs[1], NULL), 0);
	recent_add_request(r, q);
	result = filter_request(&f, recent_request_at(r, 0));
	recent_free(r);
	return result;
}
#define PASSES(q, ...) passes(q, (const char *const[]){__VA_ARGS__, NULL})

static void test_request_filters(void **state)
{
	struct request q = fixture_request();

	(void)state;
	fixture_client_at.cookie = 0;
	fixture_set(q.path, "/api/items/7");
	q.status = 503;
	assert_true(PASSES(&q, "from", "curl"));
	assert_false(PASSES(&q, "from", "wget"));
	assert_true(PASSES(&q, "from", "wget", "from", "cu*"));
	assert_false(PASSES(&q, "from", "curl", "to", "apache"));
	assert_true(PASSES(&q, "to", "ngin?"));
	assert_true(PASSES(&q, "status", "503"));
	assert_true(PASSES(&q, "status", "5xx"));
	assert_true(PASSES(&q, "status", "4+"));
	assert_false(PASSES(&q, "status", "4xx"));
	assert_false(PASSES(&q, "status", "unknown"));
	assert_true(PASSES(&q, "status", "404", "status", "503"));
	assert_true(PASSES(&q, "path", "/api"));
	assert_true(PASSES(&q, "path", "/api/*/7"));
	assert_false(PASSES(&q, "path", "/api/*/8"));
	assert_false(PASSES(&q, "path", "/v2"));
	assert_true(PASSES(&q, "method", "get"));
	assert_false(PASSES(&q, "method", "post"));
	assert_true(PASSES(&q, "protocol", "http"));
	assert_false(PASSES(&q, "protocol", "http2"));
	assert_false(PASSES(&q, "protocol", "grpc"));
	q.grpc = true;
	assert_true(PASSES(&q, "protocol", "grpc"));
	q.status = 0;
	q.incomplete = REQUEST_GAP(LOST);
	assert_true(PASSES(&q, "status", "unknown"));
	assert_false(PASSES(&q, "status", "0"));
}

static void test_reporters(void **state)
{
	struct request q = fixture_request();

	(void)state;
	assert_false(PASSES(&q, "reporter", "once"));
	assert_true(PASSES(&q, "reporter", "both"));
	assert_true(PASSES(&q, "reporter", "destination"));
	assert_false(PASSES(&q, "reporter", "source"));
	fixture_client_at.cookie = 0;
	assert_true(PASSES(&q, "reporter", "once"));
	q.reporter = REPORTER_SOURCE;
	assert_true(PASSES(&q, "reporter", "once"));
}

static bool verdict_passes(const struct verdict *v, const char *key, const char *value)
{
	struct recent *r = recent_new(16, 16, 16);
	struct filter f = {0};
	bool result;

	assert_int_equal(filter_add(&f, key, value, NULL), 0);
	recent_add_verdict(r, v);
	result = filter_verdict(&f, recent_verdict_at(r, 0));
	recent_free(r);
	return result;
}

/* By the name in `weft observe`, by the mesh's, and by the machine's. */
static void test_ends_by_all_their_names(void **state)
{
	struct request q = fixture_request();
	struct verdict v = {.source = q.source,
			    .destination = q.destination,
			    .client = q.client,
			    .server = q.server,
			    .verdict = WEFT_VERDICT_DENIED,
			    .source_workload = "shop/front",
			    .target_workload = "none"};

	(void)state;
	assert_true(verdict_passes(&v, "from", "shop/front"));
	assert_true(verdict_passes(&v, "from", "front"));
	assert_true(verdict_passes(&v, "from", "shop/*"));
	assert_true(verdict_passes(&v, "from", "curl"));
	assert_true(verdict_passes(&v, "to", "nginx"));
	assert_false(verdict_passes(&v, "from", "shop/cart"));
	assert_false(verdict_passes(&v, "to", "shop/*"));
	assert_true(verdict_passes(&v, "verdict", "denied"));
	assert_false(verdict_passes(&v, "verdict", "gone"));
	fixture_client_at.cookie = 0;
	assert_true(PASSES(&q, "from", "unknown/curl"));
	assert_false(PASSES(&q, "from", "shop/curl"));
} /* However many stay alive. */
static void test_openings_are_kept_beside_the_living(void **state)
{
	struct recent *r = recent_new(16, 16, 16);
	struct connection c = fixture_connection(1, CONNECTION_OPENED, "http1");

	(void)state;
	recent_add_connection(r, &c);
	c.phase = CONNECTION_ALIVE;
	for (c.id = 2; c.id < 1000; c.id++)
		recent_add_connection(r, &c);
	c.phase = CONNECTION_CLOSED;
	recent_add_connection(r, &c);
	assert_int_equal(recent_first(r, RECENT_CONNECTIONS), 0);
	assert_int_equal(recent_end(r, RECENT_CONNECTIONS), 2);
	assert_int_equal(recent_connection_at(r, 0)->id, 1);
	assert_int_equal(recent_connection_at(r, 1)->phase, CONNECTION_CLOSED);
	recent_free(r);
}

static void test_bad_filters(void **state)
{
	struct filter f = {0};
	struct error err = {0};

	(void)state;
	assert_int_equal(filter_add(&f, "colour", "red", &err), -ENOENT);
	assert_int_equal(filter_add(&f, "status", "many", &err), -EINVAL);
	assert_int_equal(filter_add(&f, "status", "", &err), -EINVAL);
	assert_int_equal(filter_add(&f, "status", "99999", &err), -EINVAL);
	assert_int_equal(filter_add(&f, "reporter", "nobody", &err), -EINVAL);
	assert_int_equal(filter_add(&f, "verdict", "foo", &err), -EINVAL);
	assert_non_null(strstr(err.text, "any, noted, denied, no_endpoint"));
	for (unsigned i = 0; i < FILTER_VALUES_MAX; i++)
		assert_int_equal(filter_add(&f, "from", "a", &err), 0);
	assert_int_equal(filter_add(&f, "from", "a", &err), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_ones_are_kept),
		cmocka_unit_test(test_strings_survive_at_full_length),
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_request_filters),
		cmocka_unit_test(test_reporters),
		cmocka_unit_test(test_ends_by_all_their_names),
		cmocka_unit_test(test_openings_are_kept_beside_the_living),
		cmocka_unit_test(test_bad_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
