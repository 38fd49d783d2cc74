// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/1 fixtures in every way bytes can arrive. */
#include "datapath/decode/http1_fixture_test.h"

static const struct fixture fixtures[] = {
	{
		.name = "GET with every field",
		REQUESTS("GET /a?b=1 HTTP/1.1\r\nHost: shop.test\r\nuser-agent:  curl/8 \t\r\n"
			 "Accept: */*\r\nTRACEPARENT: 00-1-2-03\r\nX-Request-Id: r1\r\n"
			 "Content-Type:\r\nX-A-Name-Too-Long-To-Matter: 1\r\n\r\n"),
		.expect = "0 request method=GET path=/a?b=1 authority=shop.test content-type= "
			  "user-agent=curl/8 traceparent=00-1-2-03 request-id=r1 v11 [1,165] 165 "
			  "bytes\n"
			  "0 end @165\n",
	},
	{
		.name = "POST and a pipelined GET after empty lines",
		REQUESTS("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
			 "\r\n\r\nGET /q HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
		.expect = "0 request method=POST path=/p authority=a v11 [1,48] 48 bytes\n"
			  "0 body 5 @53\n0 end @53\n"
			  "0 request method=GET path=/q authority=a v10 [58,94] 37 bytes\n"
			  "0 end @94\n",
	},
	{
		.name = "chunked with extensions and trailers",
		REQUESTS("PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: "
			 "X-Request-Id\r\n\r\n"
			 "5;a;b=\"x;y\"\r\nhello\r\n3\r\n!!!\r\n0\r\nX-Request-Id: late\r\nX: "
			 "y\r\n\r\n"
			 "GET / HTTP/1.1\r\n\r\n"),
		.expect = "0 request method=PUT path=/c v11 [1,70] 70 bytes\n"
			  "0 body 8 @96\n"
			  "0 trailers request-id=late v11 [102,129] 28 bytes\n"
			  "0 end @129\n"
			  "0 request method=GET path=/ v11 [130,147] 18 bytes\n"
			  "0 end @147\n",
	},
	{
		.name = "chunked without trailers",
		RESPONSES("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
			  "A\r\n0123456789\r\n0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: "
			  "0\r\n\r\n"),
		.expect = "0 response 200 v11 [1,53] 53 bytes\n"
			  "0 body 10 @66\n0 end @73\n"
			  "0 response 404 v11 [74,118] 45 bytes\n"
			  "0 end @118\n",
	},
	{
		.name = "both framings in a response: chunked counts",
		RESPONSES("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n"
			  "2\r\nhi\r\n0\r\n\r\n"),
		.expect = "0 response 200 lenient:length_and_chunked v11 [1,67] 67 "
			  "bytes\n0 body 2 @72\n0 end @79\n",
	},
	{
		.name = "interim responses",
		RESPONSES("HTTP/1.1 100 Continue\r\n\r\n"
			  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n"
			  "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Type: text/plain "
			  "\r\n\r\nok"),
		.expect = "0 response 100 v11 [1,25] 25 bytes\n"
			  "0 response 103 v11 [26,84] 59 bytes\n"
			  "0 response 201 content-type=text/plain v11 [85,154] 70 bytes\n"
			  "0 body 2 @156\n0 end @156\n",
	},
	{
		.name = "an interim response and then nothing",
		RESPONSES("HTTP/1.1 100 Continue\r\n\r\n"),
		.expect = "0 response 100 v11 [1,25] 25 bytes\ncut short\n",
	},
	{
		.name = "204 and 304 have no body whatever they say",
		RESPONSES("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"
			  "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "HTTP/1.1 304 Not Modified\r\n\r\n"),
		.expect = "0 response 304 v11 [1,49] 49 bytes\n0 end @49\n"
			  "0 response 204 v11 [50,104] 55 bytes\n0 end @104\n"
			  "0 response 304 v11 [105,133] 29 bytes\n0 end @133\n",
	},
	{
		.name = "answers to HEAD",
		RESPONSES("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
			  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "HTTP/1.1 200 OK\r\n\r\n"),
		.body = HTTP_BODY_NONE,
		.expect = "0 response 200 v11 [1,41] 41 bytes\n0 end @41\n"
			  "0 response 200 v11 [42,88] 47 bytes\n0 end @88\n"
			  "0 response 200 v11 [89,107] 19 bytes\n0 end @107\n",
	},
	{
		.name = "a body until close",
		RESPONSES("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nall of\r\n\r\nthis"),
		.expect = "0 response 200 v10 [1,30] 30 bytes\n0 body 14 @44\n0 end @44\n",
	},
	{
		.name = "an empty body until close",
		RESPONSES("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
		.expect = "0 response 200 v11 [1,38] 38 bytes\n0 end @38\n",
	},
	{
		.name = "a response without a reason phrase, and no space before it",
		RESPONSES("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 "
			  "\r\nContent-Length: 0\r\n\r\n"),
		.expect = "0 response 200 v11 [1,35] 35 bytes\n0 end @35\n"
			  "0 response 500 v11 [36,71] 36 bytes\n0 end @71\n",
	},
	{
		.name = "keep-alive after Connection: close",
		REQUESTS("GET /1 HTTP/1.1\r\nConnection: close\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"
			 "GET /3 HTTP/1.1\r\n\r\n"),
		.expect = "0 request method=GET path=/1 v11 [1,38] 38 bytes\n0 end @38\n"
			  "0 request method=GET path=/2 v10 [39,57] 19 bytes\n0 end @57\n"
			  "0 request method=GET path=/3 v11 [58,76] 19 bytes\n0 end @76\n",
	},
	{
		.name = "bytes after a response that closes",
		RESPONSES("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok?"),
		.expect = "0 response 200 v11 [1,57] 57 bytes\n0 body 2 @59\n0 end @59\n",
		.status = DECODE_MALFORMED,
		.used_bytes = 59,
	},
	{
		.name = "absolute form",
		REQUESTS("GET http://me:secret@shop.test:80/a/b?c HTTP/1.1\r\nHost: other\r\n\r\n"
			 "GET http://shop.test HTTP/1.1\r\nHost: me:secret@other\r\n\r\n"
			 "GET http://shop.test?q=http://x HTTP/1.1\r\n\r\n"
			 "GET /redirect?to=http://x/ HTTP/1.1\r\nHost: u:p@h\r\n\r\n"),
		.expect =
			"0 request method=GET path=/a/b?c authority=me:secret@shop.test:80 "
			"scheme=http v11 "
			"[1,65] 65 bytes\n0 end @65\n"
			"0 request method=GET path=/ authority=shop.test scheme=http v11 "
			"[66,121] 56 bytes\n0 end @121\n"
			"0 request method=GET path=?q=http://x authority=shop.test scheme=http v11 "
			"[122,165] 44 bytes\n0 end @165\n"
			"0 request method=GET path=/redirect?to=http://x/ authority=u:p@h v11 "
			"[166,217] 52 bytes\n0 end @217\n",
	},
	{
		.name = "methods that llhttp does not know, and the asterisk",
		REQUESTS("OPTIONS * HTTP/1.1\r\n\r\nVERSION-CONTROL /v HTTP/1.1\r\n\r\n"
			 "fr!sch /w HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"),
		.expect =
			"0 request method=OPTIONS path=* v11 [1,22] 22 bytes\n0 end @22\n"
			"0 request method=VERSION-CONTROL path=/v v11 [23,53] 31 bytes\n0 end @53\n"
			"0 request method=fr!sch path=/w v11 [54,94] 41 bytes\n"
			"0 body 1 @95\n0 end @95\n",
	},
	{
		.name = "Upgrade asked for",
		REQUESTS("GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
			 "websocket\r\n\r\n"
			 "\x81\x05hello"),
		.expect = "0 request method=GET path=/ws upgrade=websocket v11 [1,73] 73 bytes\n"
			  "0 end @73\n",
		.status = DECODE_SWITCH,
		.used_bytes = 73,
	},
	{
		.name = "Upgrade asked for, with a body",
		REQUESTS("POST /h2c HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: "
			 "h2c\r\nContent-Length: 2\r\n"
			 "\r\nokPRI * HTTP/2.0\r\n\r\n"),
		.expect = "0 request method=POST path=/h2c upgrade=h2c v11 [1,76] 76 bytes\n"
			  "0 body 2 @78\n0 end @78\n",
		.status = DECODE_SWITCH,
		.used_bytes = 78,
	},
	{
		.name = "Upgrade granted",
		RESPONSES("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
			  "Upgrade: websocket\r\n\r\n\x81\x05hello"),
		.expect = "0 response 101 upgrade=websocket v11 [1,77] 77 bytes\n0 end @77\n",
		.status = DECODE_SWITCH,
		.used_bytes = 77,
	},
	{
		.name = "Upgrade offered by an ordinary response",
		RESPONSES("HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2,h2c\r\n"
			  "Content-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n"),
		.expect = "0 response 200 upgrade=h2,h2c v11 [1,76] 76 bytes\n"
			  "0 body 2 @78\n0 end @78\n0 response 204 v11 [79,105] 27 bytes\n0 end "
			  "@105\n",
	},
	{
		.name = "CONNECT",
		REQUESTS("CONNECT shop.test:443 HTTP/1.1\r\nHost: proxy\r\n\r\n\x16\x03\x01"),
		.expect = "0 request method=CONNECT path=shop.test:443 authority=shop.test:443 v11 "
			  "[1,47] 47 bytes\n0 end @47\n",
		.status = DECODE_SWITCH,
		.used_bytes = 47,
	},
	{
		.name = "CONNECT answered",
		RESPONSES("HTTP/1.1 200 Connection established\r\nContent-Length: "
			  "5\r\n\r\n\x16\x03\x01"),
		.body = HTTP_BODY_SWITCH,
		.expect = "0 response 200 v11 [1,58] 58 bytes\n0 end @58\n",
		.status = DECODE_SWITCH,
		.used_bytes = 58,
	},
	{
		.name = "a request cut short by the close",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"),
		.expect = "0 request method=POST path=/ v11 [1,39] 39 bytes\ncut short\n",
	},
	/* ---- what is not HTTP/1, and what breaks it */
	{.name = "binary", REQUESTS("\x16\x03\x01\x02"), .expect = "", .status = DECODE_NOT_MINE},
	{.name = "not HTTP",
	 REQUESTS("HELO mail.test\r\n"),
	 .expect = "",
	 .status = DECODE_NOT_MINE},
	{
		.name = "HTTP/0.9",
		REQUESTS("GET /\r\n\r\n"),
		.expect = "",
		.status = DECODE_NOT_MINE,
	},
	{
		.name = "the HTTP/2 preface",
		REQUESTS("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		.expect = "",
		.status = DECODE_NOT_MINE,
	},
	{
		.name = "RTSP",
		REQUESTS("DESCRIBE rtsp://a/b RTSP/1.0\r\n\r\n"),
		.expect = "",
		.status = DECODE_NOT_MINE,
	},
	{
		.name = "SSH where a response was expected",
		RESPONSES("SSH-2.0-OpenSSH_9.2\r\n"),
		.expect = "",
		.status = DECODE_NOT_MINE,
	},
	{
		.name = "a method that never ends",
		REQUESTS("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHI"),
		.expect = "cut short\n",
	},
	{
		.name = "a method longer than what is kept",
		REQUESTS("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHI / HTTP/1.1\r\n\r\n"),
		.expect = "0 request method=ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF path=/ v11 [1,50] 50 "
			  "bytes\n0 end @50\n",
	},
	{
		.name = "garbage after a good message",
		REQUESTS("GET / HTTP/1.1\r\n\r\n\x01\x02\x03"),
		.expect = "0 request method=GET path=/ v11 [1,18] 18 bytes\n0 end @18\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "a length that overflows",
		RESPONSES("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n"),
		.expect = "",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "a chunk size that overflows",
		RESPONSES("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n10000000000000000\r\n"),
		.expect = "0 response 200 v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "a chunk size that is none",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "NUL in a field",
		BYTES("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"),
		.arg = &requests,
		.expect = "0 request method=GET path=/ lenient:control v11 [1,26] 26 bytes\n"
			  "0 end @26\n",
	},
};

static void test_fixtures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++)
		fixture_check(&driver, &fixtures[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
