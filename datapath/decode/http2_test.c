// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2: what a listener hears, however the bytes arrive.
#include "datapath/decode/http2.h"

#include "datapath/decode/fixture_test.h"
#include "datapath/decode/wire_test.h"

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, PRIO = 32 };

struct start {
	enum http2_side side;
	enum http2_start start;
};

static const struct start client = {HTTP2_CLIENT, HTTP2_FROM_START};
static const struct start server = {HTTP2_SERVER, HTTP2_FROM_START};
static const struct start joined_client = {HTTP2_CLIENT, HTTP2_JOINED};
static const struct start joined_server = {HTTP2_SERVER, HTTP2_JOINED};

static void *open_http2(struct transcript *t, const void *arg)
{
	const struct start *s = arg;
	struct http_listener l = transcript_listener(t);

	return http2_new(s->side, s->start, &l);
}

static enum decode_status feed_http2(void *decoder, const struct feed *f, size_t *ret_used)
{
	(void)ret_used;
	return http2_feed(decoder, f);
}

static void close_http2(void *decoder)
{
	http2_free(decoder);
}

static const struct fixture_driver driver = {open_http2, feed_http2, NULL, close_http2};

/* Every way of feeding |w| must tell |expect| and end in |status|; frees |w|. */
static void check(const char *name, struct wire *w, const struct start *start,
		  enum decode_status status, const char *expect)
{
	struct fixture x = {.name = name,
			    .data = w->data,
			    .size_bytes = w->used_bytes,
			    .arg = start,
			    .status = status,
			    .expect = expect};

	fixture_check(&driver, &x);
	wire_free(w);
}

static struct wire *client_wire(void)
{
	struct wire *w = wire_new();

	wire_bytes(w, WIRE_PREFACE, 24);
	wire_frame(w, SETTINGS, 0, 0, "", 0);
	return w;
}

static struct wire *server_wire(void)
{
	struct wire *w = wire_new();

	wire_frame(w, SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
	return w;
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_body),
	};

	(void)server, (void)joined_client, (void)joined_server, (void)server_wire;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
