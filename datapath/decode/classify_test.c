// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Protocols that classify must find, and bytes that it must not take for one of them. */
#include "datapath/decode/classify.h"

#include "datapath/decode/fixture_test.h"

#include <stdlib.h>

#define SETTINGS_FRAME "\0\0\x0c\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"
#define WINDOW_FRAME   "\0\0\x04\x08\0\0\0\0\0\0\0\xff\xff"
#define HEADERS_HEAD   "\0\0\x80\x01\x25\0\0\0\x0d"
#define CLIENT_HELLO                                                                               \
	"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"                                                 \
	"0123456789abcdef0123456789abcdef\x20"                                                     \
	"0123456789abcdef0123456789abcdef\0\x02"
#define SERVER_HELLO                                                                               \
	"\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03"                                                   \
	"0123456789abcdef0123456789abcdef\0\x13\x01"

/* Results for the protocols of decoders, in addition to enum classify_result. */
enum {
	CLASSIFY_HTTP1_REQUEST = CLASSIFY_DECODER + 1,
	CLASSIFY_HTTP1_RESPONSE,
	CLASSIFY_HTTP2,
	CLASSIFY_HTTP2_MIDSTREAM,
};

struct sample {
	struct slice bytes;
	bool midstream;
	int result;
};

static const struct sample samples[] = {
	{SLICE("GET / HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("GET / HTTP/1.1\r\n"), true, CLASSIFY_HTTP1_REQUEST},
	{SLICE("GET  /   HTTP/1.1\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("\r\nGET / HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("\nGET / HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("\n\nGET / HTTP/1.1\r\n"), true, CLASSIFY_HTTP1_REQUEST},
	{SLICE("OPTIONS * HTTP/1.0\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("CONNECT [::1]:443 HTTP/1.1"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("VERSION-CONTROL http://a/ HTTP/1.1"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("BREW /pot-1 HTTP/1.1"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("patch /a HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("Get / HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("m-search * HTTP/1.1\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("it's.a~token http://a/ HTTP/1.0\r\n"), false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / HTTP/1.1\r\n"), false,
	 CLASSIFY_HTTP1_REQUEST},
	{SLICE("get /a-long-path-that-goes-on-and-on/and-does-not-end/within-64-bytes/at-all"),
	 false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("GET /a-long-path-that-goes-on-and-on/and-does-not-end/within-64-bytes/at-all"),
	 false, CLASSIFY_HTTP1_REQUEST},
	{SLICE("HTTP/1.1 200 OK\r\n"), false, CLASSIFY_HTTP1_RESPONSE},
	{SLICE("HTTP/1.0 404"), true, CLASSIFY_HTTP1_RESPONSE},
	{SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), false, CLASSIFY_HTTP2},
	{SLICE(SETTINGS_FRAME), false, CLASSIFY_HTTP2},
	{SLICE("\0\0\0\x04\0\0\0\0\0"), false, CLASSIFY_HTTP2},
	{SLICE(WINDOW_FRAME HEADERS_HEAD), true, CLASSIFY_HTTP2_MIDSTREAM},
	{SLICE(WINDOW_FRAME), true, CLASSIFY_HTTP2_MIDSTREAM},
	{SLICE(WINDOW_FRAME "\0\x20\0\0\1\0\0\0\x0d"), true, CLASSIFY_HTTP2_MIDSTREAM},
	{SLICE("\0\0\x39\0\0\0\0\0\x0d"
	       "0123456789012345678901234567890123456789012345678901234567\0\0\4"),
	 true, CLASSIFY_OPAQUE},
	{SLICE("\0\0\x39\0\0\0\0\0\x0d"
	       "012345678901234567890123456789012345678901234567890123456\0\0\4"),
	 true, CLASSIFY_HTTP2_MIDSTREAM},
	{SLICE("\0\x40\0\0\0\0\0\0\x0dhello"), true, CLASSIFY_HTTP2_MIDSTREAM},
	{SLICE(CLIENT_HELLO), false, CLASSIFY_TLS},
	{SLICE(SERVER_HELLO), false, CLASSIFY_TLS},
	{SLICE("\x17\x03\x03\x01\0"), true, CLASSIFY_TLS},
	{SLICE("\x14\x03\x03\0\x01\x01\x16\x03\x03\0\x28"), true, CLASSIFY_TLS},
	/* ---- none of these */
	{SLICE("ST /page HTTP/1.1\r\n"), true, CLASSIFY_OPAQUE},
	{SLICE("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("\r\n\r\n\r\nGET / HTTP/1.1\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("\r\nHTTP/1.1 200 OK\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("\r\nhello\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("AUTH long-argument-without-any-white-space-that-goes-on-for-more-than-64-bytes"),
	 false, CLASSIFY_OPAQUE},
	{SLICE("HELO mail.test\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("220 mail.test ESMTP\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("a001 LOGIN a b\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("HEAD <a@b>\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("POST\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("GET /\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("GET / FTP/1.1\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("get key\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("get /key\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("set key 0 0 5\r\nhello\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("USER anonymous\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("INVITE sip:a@b SIP/2.0\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("G@T / HTTP/1.1\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE(" GET / HTTP/1.1\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("patch /a HTTP/1.1\r\n"), true, CLASSIFY_OPAQUE}, /* or "dispatch" */
	{SLICE("*3\r\n$3\r\nSET\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("HTTP/2 200\r\n"), false, CLASSIFY_OPAQUE},
	{SLICE("HTTP/1.1 2x0 OK"), false, CLASSIFY_OPAQUE},
	{SLICE("AMQP\0\0\x09\x01"), false, CLASSIFY_OPAQUE},
	{SLICE("\0\0\0\x08\x04\xd2\x16\x2f"), false, CLASSIFY_OPAQUE}, /* PostgreSQL SSLRequest */
	{SLICE("\x4a\0\0\0\x0a"
	       "8.0.36"),
	 false, CLASSIFY_OPAQUE}, /* MySQL greeting */
	/* yamux: window update that opens a stream, then data; a ping; go away */
	{SLICE("\0\x01\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x05hello"), false,
	 CLASSIFY_OPAQUE},
	{SLICE("\0\x01\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x05hello"), true,
	 CLASSIFY_OPAQUE},
	{SLICE("\0\0\0\0\0\0\0\x01\0\0\0\x05hello"), true, CLASSIFY_OPAQUE},
	{SLICE("\0\x02\0\x01\0\0\0\0\0\0\0\x01"), true, CLASSIFY_OPAQUE},
	{SLICE("\0\x03\0\0\0\0\0\0\0\0\0\0"), true, CLASSIFY_OPAQUE},
	/* impossible HTTP/2 frames */
	{SLICE("\0\0\x05\x04\0\0\0\0\0abcde"), false, CLASSIFY_OPAQUE},	  /* SETTINGS of 5 bytes */
	{SLICE("\0\0\x06\x04\x01\0\0\0\0abcdef"), true, CLASSIFY_OPAQUE}, /* an ACK with content */
	{SLICE("\0\0\x06\x04\0\0\0\0\x01"
	       "abcdef"),
	 false, CLASSIFY_OPAQUE}, /* on a stream */
	{SLICE("\0\0\x08\x06\0\0\0\0\x01"
	       "abcdefgh"),
	 true, CLASSIFY_OPAQUE},				 /* PING on a stream */
	{SLICE("\0\0\x01\0\0\0\0\0\0a"), true, CLASSIFY_OPAQUE}, /* DATA without a stream */
	{SLICE("\0\0\x01\0\0\0\0\0\x02"
	       "a"),
	 true, CLASSIFY_OPAQUE}, /* an even stream */
	{SLICE("\0\0\x01\0\x02\0\0\0\x01"
	       "a"),
	 true, CLASSIFY_OPAQUE}, /* an undefined flag */
	{SLICE("\0\0\x01\0\0\x80\0\0\x01"
	       "a"),
	 true, CLASSIFY_OPAQUE}, /* the reserved bit */
	{SLICE(WINDOW_FRAME "\0\0\x04\x09\x01\0\0\0\x01"), true, CLASSIFY_OPAQUE},
	{SLICE(WINDOW_FRAME HEADERS_HEAD), false, CLASSIFY_OPAQUE}, /* not a valid start */
	/* looks like TLS */
	{SLICE("\x16\x03\x01\x02\0\x05\0\x01\xfc\x03\x03"), false, CLASSIFY_OPAQUE},
	{SLICE("\x16\x03\x01\x02\0\x01\0\x01\xfc\x04\x03"), false, CLASSIFY_OPAQUE},
	{SLICE("\x16\x03\x01\x02\0\x01\0\0\x05\x03\x03"), false, CLASSIFY_OPAQUE},
	{SLICE("\x16\x03\x01\xff\xff\x01\0\x01\xfc\x03\x03"), false, CLASSIFY_OPAQUE},
	{SLICE("\x17\x03\x03\x01\0"), false, CLASSIFY_OPAQUE},
	{SLICE("\x17\x03\x05\x01\0"), true, CLASSIFY_OPAQUE},
	{SLICE("\x17\x03\x03\x41\x01"), true, CLASSIFY_OPAQUE},
	{SLICE("\x18\x03\x03\0\x10"), true, CLASSIFY_OPAQUE},
	{SLICE("\x14\x03\x03\0\x02\x01\x01"), true, CLASSIFY_OPAQUE},
	{SLICE("\x15\x03\x03\0\x02\x01\0garbage"), true, CLASSIFY_OPAQUE},
	/* ---- too few bytes */
	{{0}, false, CLASSIFY_MORE},
	{SLICE("GE"), false, CLASSIFY_MORE},
	{SLICE("GET /a-path"), false, CLASSIFY_MORE},
	{SLICE("GET   "), false, CLASSIFY_MORE},
	{SLICE("GET /a-path  "), false, CLASSIFY_MORE},
	{SLICE("GET /a-path HTT"), false, CLASSIFY_MORE},
	{SLICE("HTTP/1."), false, CLASSIFY_MORE},
	{SLICE("PRI * HTTP/2.0\r\n"), false, CLASSIFY_MORE},
	{SLICE("\0\0\x12\x04"), false, CLASSIFY_MORE},
	{SLICE("\x16\x03\x01\x02"), false, CLASSIFY_MORE},
	{SLICE("\x17\x03"), true, CLASSIFY_MORE},
	{SLICE(HEADERS_HEAD "abc"), true, CLASSIFY_MORE},
	{SLICE(WINDOW_FRAME "\0\0\4\x08\0\0"), true, CLASSIFY_MORE},
};

static int kind_of(struct classified k)
{
	if (k.result != CLASSIFY_DECODER)
		return k.result;
	if (k.decoder == &http2_decoder)
		return k.midstream ? CLASSIFY_HTTP2_MIDSTREAM : CLASSIFY_HTTP2;
	assert_ptr_equal(k.decoder, &http1_decoder);
	assert_false(k.midstream);
	return k.sender == HTTP_CLIENT ? CLASSIFY_HTTP1_REQUEST : CLASSIFY_HTTP1_RESPONSE;
}

/* From the end of a guarded page: an over-read faults. */
static int guarded(const char *data, size_t size_bytes, bool midstream)
{
	uint8_t *piece = fixture_guarded_end() - size_bytes;

	if (size_bytes)
		memcpy(piece, data, size_bytes);
	return kind_of(classify(piece, size_bytes, midstream));
}

/* With fewer bytes the result may be CLASSIFY_MORE, or (midstream) that of a complete frame, but
 * never another protocol. */
static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *x = &samples[i];

		if (guarded(x->bytes.data, x->bytes.size_bytes, x->midstream) != x->result)
			fail_msg("sample %zu (%.20s): %d instead of %d", i, x->bytes.data,
				 guarded(x->bytes.data, x->bytes.size_bytes, x->midstream),
				 x->result);
		for (size_t cut = 0; cut < x->bytes.size_bytes; cut++) {
			int r = guarded(x->bytes.data, cut, x->midstream);

			if (r != CLASSIFY_MORE && r != x->result && !x->midstream)
				fail_msg("sample %zu cut at %zu: %d", i, cut, r);
		}
	}
}

/* Random bytes: with a given seed none are taken for a protocol; 64 bytes are always enough. */
static void test_random(void **state)
{
	unsigned seed = 7, taken = 0;
	char bytes[CLASSIFY_MAX_BYTES];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)rand_r(&seed);
		int fresh = guarded(bytes, sizeof(bytes), false);
		int midstream = guarded(bytes, sizeof(bytes), true);

		taken += fresh != CLASSIFY_OPAQUE;
		taken += midstream != CLASSIFY_OPAQUE;
	}
	assert_int_equal(taken, 0);
}

static void test_enough_is_enough(void **state)
{
	char bytes[CLASSIFY_MAX_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t n = samples[i].bytes.size_bytes;

		memset(bytes, 'a', sizeof(bytes));
		if (n)
			memcpy(bytes, samples[i].bytes.data, n < sizeof(bytes) ? n : sizeof(bytes));
		assert_int_not_equal(guarded(bytes, sizeof(bytes), false), CLASSIFY_MORE);
		assert_int_not_equal(guarded(bytes, sizeof(bytes), true), CLASSIFY_MORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_enough_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
