// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2 as real programs send it: nghttp and nghttpd (push, trailers), h2load, gRPC's own core
// (four calls answered, one refused). The streams are the seeds of the fuzz target, behind its
// options.
#include "datapath/decode/http2.h"

#include "datapath/decode/http2_wire_test.h"

#include <stdio.h>

#define CORPUS	     "datapath/decode/http2_corpus/"
#define OPTION_BYTES 4 /* see http2_fuzz.c */

struct traffic {
	const char *name;
	const char *expect;
};

static const struct traffic traffic[] = {
	{"nghttp-client",
	 "1 request method=POST path=/index.html authority=127.0.0.1:18081 scheme=http "
	 "user-agent=test/1 traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 "
	 "v20 [46,148] 94 bytes\n"
	 "3 request method=POST path=/blob authority=127.0.0.1:18081 scheme=http user-agent=test/1 "
	 "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 v20 [149,175] 18 "
	 "bytes\n"
	 "5 request method=POST path=/absent authority=127.0.0.1:18081 scheme=http "
	 "user-agent=test/1 traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 "
	 "v20 [176,203] 19 bytes\n"
	 "1 body 2 @214\n"
	 "1 trailers v20 end_stream [215,231] 8 bytes\n"
	 "1 end @231\n"
	 "3 body 2 @242\n"
	 "3 trailers v20 end_stream [243,252] 1 bytes\n"
	 "3 end @252\n"
	 "5 body 2 @263\n"
	 "5 trailers v20 end_stream [264,273] 1 bytes\n"
	 "5 end @273\n"
	 "goaway 2 0 @299\n"},
	{"nghttp-server",
	 "1 response 200 content-type=text/html v20 [62,173] 103 bytes\n"
	 "3 response 200 v20 [174,194] 12 bytes\n"
	 "5 response 404 content-type=text/html; charset=UTF-8 v20 [195,233] 30 bytes\n"
	 "2 response 200 content-type=text/css v20 [234,260] 18 bytes\n"
	 "1 body 6 @275\n"
	 "1 trailers v20 end_stream [276,292] 8 bytes\n"
	 "1 end @292\n"
	 "3 body 3000 @3301\n"
	 "3 trailers v20 end_stream [3302,3311] 1 bytes\n"
	 "3 end @3311\n"
	 "5 body 148 @3468\n"
	 "5 trailers v20 end_stream [3469,3478] 1 bytes\n"
	 "5 end @3478\n"
	 "2 body 2 @3489\n"
	 "2 trailers v20 end_stream [3490,3499] 1 bytes\n"
	 "2 end @3499\n"},
	{"grpc-client", "1 request method=POST path=/t.S/One authority=127.0.0.1:18091 scheme=http "
			"content-type=application/grpc user-agent=grpc-python/1.51.1 grpc-c/29.0.0 "
			"(linux; chttp2) v20 [92,297] 197 bytes\n"
			"1 grpc message\n"
			"1 body 8 @327\n"
			"1 end @327\n"
			"3 request method=POST path=/t.S/One authority=127.0.0.1:18091 scheme=http "
			"content-type=application/grpc user-agent=grpc-python/1.51.1 grpc-c/29.0.0 "
			"(linux; chttp2) v20 [388,404] 8 bytes\n"
			"3 grpc message\n"
			"3 body 5 @431\n"
			"3 end @431\n"
			"5 request method=POST path=/t.S/Stream authority=127.0.0.1:18091 "
			"scheme=http content-type=application/grpc user-agent=grpc-python/1.51.1 "
			"grpc-c/29.0.0 (linux; chttp2) v20 [445,479] 26 bytes\n"
			"5 grpc message\n"
			"5 grpc message\n"
			"5 body 13 @523\n"
			"5 end @545\n"
			"7 request method=POST path=/t.S/None authority=127.0.0.1:18091 "
			"scheme=http content-type=application/grpc user-agent=grpc-python/1.51.1 "
			"grpc-c/29.0.0 (linux; chttp2) v20 [546,578] 24 bytes\n"
			"7 grpc message\n"
			"7 body 5 @605\n"
			"7 end @605\n"
			"9 request method=POST path=/t.S/One authority=127.0.0.1:18091 scheme=http "
			"content-type=application/grpc user-agent=grpc-python/1.51.1 grpc-c/29.0.0 "
			"(linux; chttp2) v20 [619,635] 8 bytes\n"
			"9 grpc message\n"
			"9 body 3005 @3662\n"
			"9 end @3662\n"},
	{"grpc-server", "1 response 200 content-type=application/grpc v20 [73,159] 78 bytes\n"
			"1 grpc message\n"
			"1 body 14 @182\n"
			"1 trailers grpc-status=0 v20 end_stream [183,206] 15 bytes\n"
			"1 end @206\n"
			"3 response 200 content-type=application/grpc v20 [250,261] 3 bytes\n"
			"3 grpc message\n"
			"3 body 5 @275\n"
			"3 trailers grpc-status=0 v20 end_stream [276,285] 1 bytes\n"
			"3 end @285\n"
			"5 response 200 content-type=application/grpc v20 [286,297] 3 bytes\n"
			"5 grpc message\n"
			"5 grpc message\n"
			"5 grpc message\n"
			"5 grpc message\n"
			"5 body 25 @410\n"
			"5 trailers grpc-status=0 v20 end_stream [411,420] 1 bytes\n"
			"5 end @420\n"
			"7 response 200 content-type=application/grpc grpc-status=12 v20 "
			"end_stream [421,479] 50 bytes\n"
			"7 end @479\n"
			"9 response 200 content-type=application/grpc v20 [493,504] 3 bytes\n"
			"9 grpc message\n"
			"9 body 9005 @9518\n"
			"9 trailers grpc-status=0 v20 end_stream [9519,9528] 1 bytes\n"
			"9 end @9528\n"},
	{"grpc-client-joined",
	 "5 request method=POST path=/t.S/Stream scheme=http v20 incomplete [14,48] 26 bytes\n"
	 "5 grpc message\n"
	 "5 grpc message\n"
	 "5 body 13 @92\n"
	 "5 end @114\n"
	 "7 request method=POST path=/t.S/None scheme=http v20 incomplete [115,147] 24 bytes\n"
	 "7 grpc message\n"
	 "7 body 5 @174\n"
	 "7 end @174\n"
	 "9 request method=POST scheme=http v20 incomplete [188,204] 8 bytes\n"
	 "9 grpc message\n"
	 "9 body 3005 @3231\n"
	 "9 end @3231\n"},
	{"grpc-server-joined",
	 "5 body 25 @113\n"
	 "5 trailers v20 end_stream incomplete [114,123] 1 bytes\n"
	 "5 end @123\n"
	 "7 response 200 grpc-status=12 v20 end_stream incomplete [124,182] 50 bytes\n"
	 "7 end @182\n"
	 "9 response 200 v20 incomplete [196,207] 3 bytes\n"
	 "9 grpc message\n"
	 "9 body 9005 @9221\n"
	 "9 trailers v20 end_stream incomplete [9222,9231] 1 bytes\n"
	 "9 end @9231\n"},
	{"h2load-client", NULL},
	{"h2load-client-joined", NULL},
	{"h2load-server", NULL},
	{"h2load-server-joined", NULL},
};

static size_t read_traffic(const char *name, uint8_t *out, size_t size_bytes)
{
	char path[256];

	snprintf(path, sizeof(path), CORPUS "%s", name);
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(out, 1, size_bytes, f) : 0;

	if (f)
		fclose(f);
	assert_true(n > OPTION_BYTES && n < size_bytes);
	return n;
}

static void all_traffic_however_cut(void **state)
{
	static uint8_t bytes[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(traffic) / sizeof(traffic[0]); i++) {
		size_t n = read_traffic(traffic[i].name, bytes, sizeof(bytes));
		struct start start = {bytes[0] & 1, (bytes[0] >> 1) % 3};
		struct fixture x = {.name = traffic[i].name,
				    .data = bytes + OPTION_BYTES,
				    .size_bytes = n - OPTION_BYTES,
				    .arg = &start,
				    .expect = traffic[i].expect};

		fixture_check(&driver, &x);
	}
}

static unsigned occurrences(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* h2load counted 30 requests and 30 answers of two bytes. */
static void h2load_counts(void **state)
{
	static const char *const names[] = {"h2load-client", "h2load-server"};
	static const char *const whats[] = {"request method=GET path=/push.css ",
					    "response 200 content-type=text/css "};
	static uint8_t bytes[65536];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t n = read_traffic(names[i], bytes, sizeof(bytes));
		struct transcript *t = calloc(1, sizeof(*t));
		struct http2 *h = open_http2(t, i ? &server : &client);
		struct feed f = {bytes + OPTION_BYTES, n - OPTION_BYTES, 1, 1, 0, 0};

		assert_int_equal(http2_feed(h, &f), DECODE_OK);
		assert_int_equal(occurrences(t->text, whats[i]), 30);
		assert_int_equal(occurrences(t->text, " end @"), 30);
		assert_int_equal(occurrences(t->text, " body 2 "), i ? 30 : 0);
		http2_free(h);
		free(t);
	}
}

/* The line of |text| about the head at the same place as |line|, or NULL. */
static const char *same_head(const char *text, const char *line)
{
	char place[64];
	const char *at = memchr(line, '[', strcspn(line, "\n"));

	if (!at)
		return NULL;
	snprintf(place, sizeof(place), "%.*s", (int)strcspn(at, "]"), at);
	const char *found = strstr(text, place);

	assert_non_null(found);
	while (found > text && found[-1] != '\n')
		found--;
	return found;
}

/* Everything reported of a head must also be in the line of a decoder that saw all bytes. Only a
 * block of a server with unknown fields only, on a stream of which nothing was seen, may be
 * reported as a response where it is trailers. */
static void check_words(const char *midstream, const char *all)
{
	char words[2048], truth[2048];

	snprintf(words, sizeof(words), "%.*s", (int)strcspn(midstream, "\n"), midstream);
	snprintf(truth, sizeof(truth), " %.*s ", (int)strcspn(all, "\n"), all);
	bool all_unknown = strstr(words, " response v20 ");

	for (char *rest = words, *word; (word = strsep(&rest, " "));) {
		char spaced[2048];

		snprintf(spaced, sizeof(spaced), " %s ", word);
		if (!strcmp(word, "incomplete") || (all_unknown && !strcmp(word, "response")))
			continue;
		if (!strstr(truth, spaced))
			fail_msg("\"%s\" of %s is not in %s", word, words, truth);
	}
}

/* Decodes from the frame boundary |from| on; returns how many heads were reported. */
static unsigned decode_from(const char *whole, const uint8_t *data, size_t size_bytes, size_t from,
			    enum http_side side)
{
	static struct transcript t;
	struct start start = {side, HTTP_MIDSTREAM};
	unsigned heads = 0;

	memset(&t, 0, sizeof(t));
	struct http2 *h = open_http2(&t, &start);
	struct feed f = {data + from, size_bytes - from, from + 1, 1, 0, 0};

	assert_int_equal(http2_feed(h, &f), DECODE_OK);
	http2_free(h);
	for (const char *line = t.text; *line; line += strcspn(line, "\n") + 1) {
		const char *all = same_head(whole, line);

		if (!all)
			continue;
		check_words(line, all);
		heads++;
	}
	return heads;
}

/* From any frame on: nothing that is reported is wrong, and every head after it is reported. */
static void midstream_traffic_is_never_wrong(void **state)
{
	static const char *const names[] = {"nghttp-client", "nghttp-server", "grpc-client",
					    "grpc-server",   "h2load-client", "h2load-server"};
	static uint8_t bytes[65536];
	static struct transcript whole;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		size_t n = read_traffic(names[i], bytes, sizeof(bytes)) - OPTION_BYTES;
		const uint8_t *data = bytes + OPTION_BYTES;
		enum http_side side = i % 2 ? HTTP_SERVER : HTTP_CLIENT;

		memset(&whole, 0, sizeof(whole));
		struct http2 *h = open_http2(&whole, side == HTTP_SERVER ? &server : &client);
		struct feed f = {data, n, 1, 1, 0, 0};

		assert_int_equal(http2_feed(h, &f), DECODE_OK);
		http2_free(h);
		unsigned left = occurrences(whole.text, " v20 ");

		for (size_t from = side == HTTP_SERVER ? 0 : 24; from < n;
		     from +=
		     9 + ((size_t)data[from] << 16 | data[from + 1] << 8 | data[from + 2])) {
			assert_int_equal(decode_from(whole.text, data, n, from, side), left);
			left -= data[from + 3] == HEADERS;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_traffic_however_cut),
		cmocka_unit_test(h2load_counts),
		cmocka_unit_test(midstream_traffic_is_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
