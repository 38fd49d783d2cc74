// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What servers and clients forgive, in every way bytes can arrive: it is followed and named. */
#include "datapath/decode/http1_fixture_test.h"

static const struct fixture fixtures[] = {
	{
		.name = "lines that end in LF",
		REQUESTS("GET /a HTTP/1.1\nHost: a\n\nGET /b HTTP/1.1\r\nHost: b\n\r\n"),
		.expect = "0 request method=GET path=/a authority=a lenient:bare_lf v11 [1,25] 25 "
			  "bytes\n"
			  "0 end @25\n"
			  "0 request method=GET path=/b authority=b lenient:bare_lf v11 [26,52] 27 "
			  "bytes\n"
			  "0 end @52\n",
	},
	{
		.name = "a response in lines that end in LF",
		RESPONSES("HTTP/1.1 200 OK\nContent-Length: 2\n\nokHTTP/1.1 204 No\n\n"),
		.expect = "0 response 200 lenient:bare_lf v11 [1,35] 35 bytes\n"
			  "0 body 2 @37\n"
			  "0 end @37\n"
			  "0 response 204 lenient:bare_lf v11 [38,54] 17 bytes\n"
			  "0 end @54\n",
	},
	{
		.name = "the last line alone ends in CR LF",
		REQUESTS("GET /a HTTP/1.1\nHost: a\n\r\n"),
		.expect = "0 request method=GET path=/a authority=a lenient:bare_lf v11 [1,26] 26 "
			  "bytes\n"
			  "0 end @26\n",
	},
	{
		.name = "CR within a value, and before CR LF",
		REQUESTS("GET / HTTP/1.1\r\nHost: a\rb\r\r\nUser-Agent: \r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a b user-agent= lenient:bare_cr "
			  "v11 [1,44] 44 bytes\n"
			  "0 end @44\n",
	},
	{
		.name = "CR within a name, and in place of a line",
		REQUESTS("GET / HTTP/1.1\r\nHo\rst: a\r\n\rHost: b\r\n\r\n"),
		.expect = "0 request method=GET path=/ lenient:bare_cr v11 [1,38] 38 bytes\n"
			  "0 end @38\n",
	},
	{
		.name = "CR behind the version",
		REQUESTS("GET / HTTP/1.1\r\r\n\r\n"),
		.expect = "0 request method=GET path=/ lenient:bare_cr,spaces v11 [1,19] 19 bytes\n"
			  "0 end @19\n",
	},
	{
		.name = "a folded value",
		REQUESTS("GET / HTTP/1.1\r\nUser-Agent: one\r\n two\n three\r\nHost: a\r\n "
			 "\r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a user-agent=one two three "
			  "lenient:bare_lf,obs_fold v11 [1,60] 60 bytes\n"
			  "0 end @60\n",
	},
	{
		.name = "a folded length",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length:\r\n 2\r\n\r\nhi"),
		.expect = "0 request method=POST path=/ lenient:obs_fold v11 [1,40] 40 bytes\n"
			  "0 body 2 @42\n"
			  "0 end @42\n",
	},
	{
		.name = "a line without a colon",
		REQUESTS("GET / HTTP/1.1\r\nA\r\nHost: a\r\nB\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a lenient:bare_lf,no_colon v11 "
			  "[1,32] 32 bytes\n"
			  "0 end @32\n",
	},
	{
		.name = "a space before the colon",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length : 2\r\nHost\t: a\r\n\r\n"),
		.expect = "0 request method=POST path=/ lenient:space_in_name v11 [1,49] 49 bytes\n"
			  "0 end @49\n",
	},
	{
		.name = "a space within a name",
		REQUESTS("GET / HTTP/1.1\r\nA B: c\r\nHost: a\r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a lenient:space_in_name v11 "
			  "[1,35] 35 bytes\n"
			  "0 end @35\n",
	},
	{
		.name = "names that are no tokens",
		REQUESTS("GET / HTTP/1.1\r\nA@(B): c\r\n: d\r\nHost: a\r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a "
			  "lenient:no_colon,space_in_name,name v11 [1,42] 42 bytes\n"
			  "0 end @42\n",
	},
	{
		.name = "control characters in a value",
		REQUESTS("GET / HTTP/1.1\r\nUser-Agent: a\x01\x7f\xff b\r\n\r\n"),
		.expect = "0 request method=GET path=/ user-agent=a\x01\x7f\xff b "
			  "lenient:control v11 [1,38] 38 bytes\n"
			  "0 end @38\n",
	},
	{
		.name = "spaces in a request line",
		REQUESTS("GET  /  HTTP/1.1  \r\nHost: a\r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a lenient:spaces v11 [1,31] 31 "
			  "bytes\n"
			  "0 end @31\n",
	},
	{
		.name = "a later minor version",
		REQUESTS("GET / HTTP/1.2\r\nHost: a\r\n\r\nGET /b HTTP/1.9\r\n\r\n"),
		.expect = "0 request method=GET path=/ authority=a lenient:version v11 [1,27] 27 "
			  "bytes\n"
			  "0 end @27\n"
			  "0 request method=GET path=/b lenient:version v11 [28,46] 19 bytes\n"
			  "0 end @46\n",
	},
	{
		.name = "one length twice",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length: 2\r\nHost: a\r\ncontent-length: 2 "
			 "\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n"),
		.expect = "0 request method=POST path=/ authority=a lenient:length_twice v11 "
			  "[1,67] 67 bytes\n"
			  "0 body 2 @69\n"
			  "0 end @69\n"
			  "0 request method=GET path=/b v11 [70,88] 19 bytes\n"
			  "0 end @88\n",
	},
	{
		.name = "two lengths of a request",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhiGET "
			 "/b HTTP/1.1\r\n\r\n"),
		.expect =
			"0 request method=POST path=/ lenient:length_differs v11 [1,57] 57 bytes\n"
			"0 body 2 @59\n"
			"0 end @59\n"
			"0 request method=GET path=/b v11 [60,78] 19 bytes\n"
			"0 end @78\n",
	},
	{
		.name = "two lengths of a response",
		RESPONSES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello"),
		.expect = "0 response 200 lenient:length_differs v11 [1,57] 57 bytes\n"
			  "0 body 5 @62\n"
			  "0 end @62\n",
	},
	{
		.name = "both framings of a request",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length: 50\r\nTransfer-Encoding: "
			 "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
		.expect = "0 request method=POST path=/ lenient:length_and_chunked v11 [1,67] 67 "
			  "bytes\n"
			  "0 body 2 @72\n"
			  "0 end @79\n",
	},
	{
		.name = "both framings in the other order",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: "
			 "50\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
		.expect = "0 request method=POST path=/ lenient:length_and_chunked v11 [1,67] 67 "
			  "bytes\n"
			  "0 body 2 @72\n"
			  "0 end @79\n",
	},
	{
		.name = "a coding that is not known",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: "
			 "xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
		.expect = "0 request method=POST path=/ lenient:transfer_coding v11 [1,48] 48 "
			  "bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "spaces behind the size of a chunk",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n2\t "
			 ";a=b\r\nde\r\n 0\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n"
			  "0 body 5 @67\n"
			  "0 lenient:chunk_space\n"
			  "0 end @75\n",
	},
	{
		.name = "chunks in lines that end in LF",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n00\nX: "
			 "y\n\nGET /b HTTP/1.1\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n"
			  "0 body 3 @52\n"
			  "0 lenient:bare_lf,chunk_bare_lf\n"
			  "0 trailers v11 [57,62] 6 bytes\n"
			  "0 end @62\n"
			  "0 request method=GET path=/b v11 [63,81] 19 bytes\n"
			  "0 end @81\n",
	},
	{
		.name = "control characters and quotes in an extension",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: "
			 "chunked\r\n\r\n3;\x01\"\r\nabc\r\n0;\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n"
			  "0 body 3 @56\n"
			  "0 lenient:chunk_extension\n"
			  "0 end @64\n",
	},
	{
		.name = "CR in the line of a chunk",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: "
			 "chunked\r\n\r\n3\r\r\nabc\r\n0\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n"
			  "0 body 3 @54\n"
			  "0 lenient:bare_cr\n"
			  "0 end @61\n",
	},
	{
		.name = "a chunk without a size",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "a chunk of a size that is cut",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3x\r\nabc\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "an empty line in place of a size",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "a chunk without a line end",
		REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,47] 47 bytes\n",
		.status = DECODE_MALFORMED,
	},
	{
		.name = "chunks of a response with trailers that are no fields",
		RESPONSES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3 \nabc\nA  "
			  "\n0123456789\r\n0\n@: b\nX-Request-Id: 1\nC\n\n"),
		.expect = "0 response 200 v11 [1,47] 47 bytes\n"
			  "0 body 13 @68\n"
			  "0 lenient:bare_lf,no_colon,name,chunk_space,chunk_bare_lf\n"
			  "0 trailers request-id=1 v11 [73,96] 24 bytes\n"
			  "0 end @96\n",
	},
	{
		.name = "bodies are none of it",
		REQUESTS("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\n\rPOST / "
			 "HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\n\r \r\r\n0\r\n\r\n"),
		.expect = "0 request method=POST path=/ v11 [1,38] 38 bytes\n"
			  "0 body 4 @42\n"
			  "0 end @42\n"
			  "0 request method=POST path=/ v11 [43,89] 47 bytes\n"
			  "0 body 4 @96\n"
			  "0 end @103\n",
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
