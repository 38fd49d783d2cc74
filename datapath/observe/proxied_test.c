// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to requests: connections that begin with a PROXY header, however it is cut. */
#include "datapath/observe/http1_world_test.h"

#define V1	"PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n"
#define V2_HEAD "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x70\xc0\0\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb"
#define PADDING                                                                                    \
	"\x04\0\x61"                                                                               \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"                         \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* a TLV, NOOP */
#define V2 V2_HEAD PADDING

static const struct slice headers[] = {SLICE(V1), SLICE(V2)};

/* |bytes| of the client in pieces: up to |split|, then |step| each; then an answer. */
static struct world *talk(struct slice bytes, size_t split, size_t step)
{
	struct world *w = world_new();

	world_pair(w);
	for (size_t at = 0, to; at < bytes.size_bytes; at = to) {
		to = at < split ? split : at + step;
		to = to < bytes.size_bytes ? to : bytes.size_bytes;
		world_send_bytes(w, false, bytes.data + at, to - at);
		world_arrive(w, false);
	}
	world_send(w, true, OK_HELLO);
	world_arrive(w, true);
	return w;
}

static void check_proxied(struct world *w)
{
	for (enum reporter side = REPORTER_SOURCE; side < REPORTER_MAX; side++) {
		const struct request *r = world_request(w, side, 0);

		assert_request(r, "GET", "/hello?name=", 200);
		assert_int_equal(r->incomplete, 0);
		assert_true(r->client->proxied && r->server->proxied);
		assert_memory_equal(r->client->proxied_addr + 12, "\xc0\0\x02\x01", 4);
		assert_memory_equal(r->server->proxied_addr + 12, "\xc6\x33\x64\x02", 4);
		assert_int_equal(r->client->proxied_port, 56789);
		assert_int_equal(r->server->proxied_port, 443);
	}
	assert_int_equal(w->request_count, 2);
	assert_int_equal(world_lost(w), 0);
}

static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		size_t size = headers[i].size_bytes + sizeof(GET) - 1;
		char *bytes = malloc(size);

		assert_non_null(bytes);
		memcpy(bytes, headers[i].data, headers[i].size_bytes);
		memcpy(bytes + headers[i].size_bytes, GET, sizeof(GET) - 1);
		for (size_t split = 0; split < size; split++) { /* 0: byte by byte */
			struct world *w =
				talk((struct slice){bytes, size}, split, split ? size : 1);

			check_proxied(w);
			world_free(w);
		}
		free(bytes);
	}
}

/* What only looks like a header is what it was: nothing is taken off. */
static void test_replayed(void **state)
{
	static const char text[] = "PROPFIND /hello HTTP/1.1\r\nHost: shop\r\n\r\n";

	(void)state;
	for (size_t split = 0; split < sizeof(text) - 1; split++) {
		struct world *w = talk(SLICE(text), split, split ? sizeof(text) : 1);

		assert_request(world_request(w, REPORTER_SOURCE, 0), "PROPFIND", "/hello", 200);
		assert_false(world_request(w, REPORTER_SOURCE, 0)->client->proxied);
		world_free(w);
	}
}

/* The proxy itself, or a client that it does not know: requests, and no address. */
static void test_unnamed(void **state)
{
	struct world *w = talk(SLICE("PROXY UNKNOWN\r\n" GET), 0, 64);

	(void)state;
	assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/hello?name=", 200);
	assert_false(world_request(w, REPORTER_SOURCE, 0)->client->proxied);
	world_free(w);
	w = talk(SLICE("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" GET), 0, 64);
	assert_request(world_request(w, REPORTER_SOURCE, 0), "GET", "/hello?name=", 200);
	assert_false(world_request(w, REPORTER_SOURCE, 0)->client->proxied);
	world_free(w);
}

/* A server sends none, and neither does a client that has said something: what it asks then is not
 * known. */
static void test_elsewhere(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_pair(w);
	world_send(w, true, V1);
	assert_int_equal(w->request_count, 0);
	world_free(w);
	w = talk(SLICE(V1 V1 GET), 0, 256);
	assert_request(world_request(w, REPORTER_SOURCE, 0), "unknown", "unknown", 200);
	assert_true(world_request(w, REPORTER_SOURCE, 0)->incomplete & REQUEST_GAP(LOST));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_unnamed),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
