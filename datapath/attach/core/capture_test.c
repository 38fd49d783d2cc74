// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Conversations in HTTP/1 and TLS, cut in many ways: what the kernel half captures
 * of them. */
#include "datapath/attach/core/capture_scenario_test.h"

/* ---- what is said: one function each */

static void request(const char *method, const char *path, size_t body)
{
	if (!body) {
		say(CLIENT, "%s %s HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n", method, path);
		return;
	}
	say(CLIENT, "%s %s HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n", method, path,
	    body);
	say_body(CLIENT, body);
}

static void response(int status, size_t body)
{
	say(SERVER, "HTTP/1.1 %d Text\r\nServer: test\r\nContent-Length: %zu\r\n\r\n", status,
	    body);
	say_body(SERVER, body);
}

static void chunk(int direction, size_t size)
{
	say(direction, "%zx\r\n", size);
	say_body(direction, size);
	say(direction, "\r\n");
}

static void small_gets(void)
{
	for (int i = 0; i < 20; i++) {
		request("GET", "/small", 0);
		response(200, (size_t)i * 40);
	}
}

static void empty_lines_first(void)
{
	say(CLIENT, "\r\n");
	small_gets();
	request("POST", "/after", 5000);
	say(CLIENT, "\n\n");
	response(200, 5000);
	small_gets();
}

static void empty_lines_before_answers(void)
{
	for (int i = 0; i < 3; i++) {
		request("GET", "/", 0);
		say(SERVER, "\r\n");
		response(200, 30);
	}
}

static void pipelined(void)
{
	for (int i = 0; i < 6; i++)
		request("GET", "/pipelined", 0);
	for (int i = 0; i < 6; i++)
		response(200, 10);
	request("GET", "/after", 0);
	response(200, 100);
}

static void pipelined_many(void)
{
	for (int i = 0; i < 30; i++)
		request("GET", "/pipelined", 0);
	for (int i = 0; i < 30; i++)
		response(200, 612);
	request("GET", "/after", 0);
	response(200, 100);
}

static void posts(void)
{
	const size_t sizes[] = {1, 100, 900, 4000, 5000, 70000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		request("POST", "/post", sizes[i]);
		response(201, 20);
	}
}

static void large(void)
{
	request("POST", "/large", 5u << 20);
	response(200, 7u << 20);
	request("GET", "/after", 0);
	response(200, 3u << 20);
	request("GET", "/after", 0);
	response(404, 30);
}

static void expect_continue(void)
{
	say(CLIENT, "POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
	say(SERVER, "HTTP/1.1 100 Continue\r\n\r\n");
	say_body(CLIENT, 100000);
	response(200, 100);
	request("GET", "/after", 0);
	response(200, 200000);
}

/* The body is refused before it is sent; it is sent in the second try. */
static void expect_refused(void)
{
	for (int i = 0; i < 3; i++) {
		say(CLIENT, "POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n"
			    "\r\n");
		response(417, 10);
		request("POST", "/again", 50000);
		response(200, 100);
		say(CLIENT, "PUT /c HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: "
			    "chunked\r\n\r\n");
		response(401, 10);
		request("GET", "/after", 0);
		response(200, 100);
	}
}

/* After that a body is passed over, unless it begins like another answer. */
static void sent_all_the_same(void)
{
	static const uint8_t body[50000];

	say(CLIENT, "POST /c HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
	response(413, 10);
	say_body(CLIENT, 100000);
	request("GET", "/after", 0);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof(body));
	say_marked(SERVER, body, sizeof(body), 0);
	request("GET", "/like-an-answer", 0);
	response(200, 3000);
	request("GET", "/last", 0);
	response(200, 3000);
}

static void chunked(void)
{
	for (int turn = 0; turn < 3; turn++) {
		request("GET", "/chunked", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (size_t size = 1; size <= 100000; size = size * 5 / 2 + 1)
			chunk(SERVER, size);
		say(SERVER, "0\r\n\r\n");
	}
	request("GET", "/after", 0);
	response(200, 50000);
}

static void chunked_large(void)
{
	request("GET", "/chunked", 0);
	say(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 200; i++)
		chunk(SERVER, 20000 + (size_t)i);
	say(SERVER, "0\r\n\r\n");
	request("GET", "/after", 0);
	response(200, 500);
}

static void chunked_upload(void)
{
	say(CLIENT, "PUT /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 20; i++)
		chunk(CLIENT, 1 + dice(60000));
	say(CLIENT, "0\r\n\r\n");
	response(200, 10);
	request("GET", "/after", 0);
	response(200, 500);
}

static void trailers(void)
{
	for (int i = 0; i < 3; i++) {
		request("GET", "/trailers", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n");
		chunk(SERVER, 30000);
		say(SERVER, "0\r\nX-Sum: 12345\r\nContent-Length: 99\r\n\r\n");
	}
	request("GET", "/after", 0);
	response(200, 500);
}

static void heads_only(void)
{
	for (int i = 0; i < 3; i++) {
		request("HEAD", "/big", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
		request("GET", "/none", 0);
		say(SERVER, "HTTP/1.1 204 No Content\r\n\r\n");
		request("GET", "/not", 0);
		say(SERVER, "HTTP/1.1 304 Not Modified\r\nContent-Length: 77777\r\n\r\n");
		request("GET", "/after", 0);
		response(200, 3000);
	}
}

/* A HEAD request that waits for its turn costs nothing. */
static void heads_alone(void)
{
	for (int i = 0; i < 3; i++) {
		request("HEAD", "/big", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
		request("GET", "/big", 0);
		response(200, 200000);
	}
}

static void response_to(const char *method, size_t body)
{
	if (method[0] == 'G')
		response(200, body);
	else
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
}

/* Which answer is that to HEAD is not known where requests do not wait for their turn. */
static void pipelined_heads(void)
{
	static const char *const methods[] = {"GET", "HEAD", "GET", "HEAD", "HEAD", "GET"};
	const size_t count = sizeof(methods) / sizeof(*methods);

	for (size_t turn = 0; turn < 3 * count; turn++) {
		for (size_t i = 0; i <= turn % count; i++)
			request(methods[(turn + i) % count], "/pipelined", 0);
		for (size_t i = 0; i <= turn % count; i++)
			response_to(methods[(turn + i) % count], 300 * (i + turn));
	}
	request("HEAD", "/open", 0);
	request("HEAD", "/chunked", 0);
	request("GET", "/last", 0);
	say(SERVER, "HTTP/1.1 200 OK\r\nServer: test\r\n\r\n");
	say(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	response(200, 100);
	request("GET", "/after", 0);
	response(200, 100);
}

/* The same, with requests that come while answers to earlier ones are on their way. */
static void overlapping_heads(void)
{
	static const char *const methods[] = {"GET", "HEAD", "GET", "GET", "HEAD"};
	const size_t count = sizeof(methods) / sizeof(*methods);

	request("GET", "/first", 0);
	request(methods[0], "/overlapping", 0);
	response(200, 50);
	for (size_t turn = 0; turn < 8 * count; turn++) {
		request(methods[(turn + 1) % count], "/overlapping", 0);
		response_to(methods[turn % count], 1000 * (turn % 7));
	}
}

/* A request is asked when the body before is on its way, and one more after an interim answer. */
static void asked_early(void)
{
	for (int i = 0; i < 3; i++) {
		request("GET", "/big", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n");
		request("HEAD", "/early", 0);
		say_body(SERVER, 30000);
		say(SERVER, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
		request("GET", "/hinted", 0);
		response_to("HEAD", 0);
		response(200, 3000);
	}
}

/* Answers come while the request's body is on its way, and requests do not wait for their turn. */
static void answered_early(void)
{
	for (int i = 0; i < 3; i++) {
		say(CLIENT, "POST /empty HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: "
			    "100-continue\r\n\r\n");
		say(SERVER, "HTTP/1.1 100 Continue\r\n\r\n");
		chunk(CLIENT, 12);
		say(CLIENT, "0\r\n\r\n");
		if (i)
			say(SERVER, "HTTP/1.1 204 No Content\r\n\r\n");
		request("HEAD", "/busy", 0);
		if (!i)
			say(SERVER, "HTTP/1.1 204 No Content\r\n\r\n");
		if (i < 2)
			say(SERVER, "HTTP/1.1 503 Busy\r\nContent-Length: 197\r\n\r\n");
		say(CLIENT, "PUT /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (int n = 0; n < 4; n++)
			chunk(CLIENT, 300 + dice(9000));
		if (i == 2)
			say(SERVER, "HTTP/1.1 503 Busy\r\nContent-Length: 197\r\n\r\n");
		response(405, 157);
		for (int n = 0; n < 8; n++)
			chunk(CLIENT, 1 + dice(9000));
		say(CLIENT, "0\r\n\r\n");
		request("HEAD", "/ok", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
		request("GET", "/page", 0);
		request("HEAD", "/page", 0);
		response(200, 5000);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
	}
}

/* A chunk whose line is too long to be followed. */
static void chunk_extended(int direction, size_t size)
{
	say(direction, "%zx;signature=0123456789abcdef0123456789abcdef\r\n", size);
	say_body(direction, size);
	say(direction, "\r\n");
}

/* The answer comes in the middle of an upload that is not followed, and what is left of it begins
 * like a head; so does the rest of an answer that is not followed when the next request comes. */
static void lost_bodies(void)
{
	for (int i = 0; i < 3; i++) {
		say(CLIENT, "PUT /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
		chunk_extended(CLIENT, 300);
		say(CLIENT, "ffff;signature=0123456789abcdef0123456789abcdef\r\n");
		response(405, 157);
		say_marked(CLIENT, "POST / HTTP/1.1\r\nContent-Length: 500000\r\n\r\n", 43, 0);
		say_body(CLIENT, 0xffff - 43);
		say(CLIENT, "\r\n0\r\n\r\n");
		request("GET", "/chunked", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		chunk_extended(SERVER, 300);
		say(SERVER, "ffff;signature=0123456789abcdef0123456789abcdef\r\n");
		request("GET", "/next", 0);
		say_marked(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n", 44, 0);
		say_body(SERVER, 0xffff - 44);
		say(SERVER, "\r\n0\r\n\r\n");
		response(200, 5000);
	}
}

/* Bodies that begin like requests, after what is or is not an answer to theirs. */
static void bodies_like_requests(void)
{
	static const char bait[] = "HEAD /bait HTTP/1.1\r\nContent-Length: 500000\r\n\r\n";
	const char *interim[] = {"100 Continue", "102 Processing", "100 Go on, please",
				 "103 Early Hints\r\nLink: </a-style-sheet-of-the-page.css>; "
				 "rel=preload; as=style; nopush; crossorigin=anonymous"};

	for (size_t i = 0; i < 4; i++) {
		say(CLIENT,
		    "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %zu"
		    "\r\n\r\n",
		    sizeof(bait) - 1 + 1000);
		say(SERVER, "HTTP/1.1 %s\r\n\r\n", interim[i]);
		say_marked(CLIENT, bait, sizeof(bait) - 1, 0);
		say_body(CLIENT, 1000);
		response(200, 30);
		request("HEAD", "/a", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n");
		request("GET", "/a", 0);
		response(200, 30000);
	}
}

/* The rest of a refused body looks like a request to who sees only what begins a turn. */
static void rests_like_requests(void)
{
	static const char bait[] = "HEAD /bait HTTP/1.1\r\nContent-Length: 500000\r\n\r\n";

	for (int i = 0; i < 3; i++) {
		say(CLIENT, "PUT /a HTTP/1.1\r\nContent-Length: %zu\r\n\r\n",
		    sizeof(bait) - 1 + 3000);
		say_body(CLIENT, 3000);
		talk.model[CLIENT].end_count--; /* there is more of it */
		response(413, 30);
		say_marked(CLIENT, bait, sizeof(bait) - 1, 0);
		request("GET", "/a", 0);
		response(200, 70000);
		request("HEAD", "/a", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n");
	}
}

/* The same in a packet that is not the first one of the rest: "HEAD" where the next request is GET,
 * and the other way round. What is misread would pass over the answers that follow. */
static void later_rests_like_requests(void)
{
	static const char bait[] =
		"HTTP/1.1 101 Switching Protocols\r\n\r\n\x80\x81\x82\x83\x84\x85";
	static const char *const methods[] = {"HEAD", "GET"};

	for (int i = 0; i < 4; i++) {
		const char *next = methods[!(i & 1)];
		char rest[32];
		int size =
			snprintf(rest, sizeof(rest), "%s /bait HTTP/1.1\r\n\r\n", methods[i & 1]);

		say(CLIENT, "PUT /a HTTP/1.1\r\nContent-Length: 4000\r\n\r\n");
		say_body(CLIENT, 1000);
		response(413, 30);
		say_body(CLIENT, 1000);
		talk.model[CLIENT].end_count -= 2; /* there is more of it */
		say_apart(CLIENT);
		say_marked(CLIENT, rest, (size_t)size, 0);
		say_body(CLIENT, 2000 - (size_t)size);
		say_apart(CLIENT);
		request(next, "/a", 0);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof(bait) - 1);
		if (next[0] == 'G')
			say_marked(SERVER, bait, sizeof(bait) - 1, 0);
		request("GET", "/b", 0);
		response(200, 3000);
	}
}

/* Interim and final answer in one piece: the body is not sent. */
static void hinted_and_refused(void)
{
	for (int i = 0; i < 3; i++) {
		say(CLIENT, "PUT /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n"
			    "\r\n");
		say(SERVER, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
		response(417, 10);
		request("POST", "/again", 50000);
		response(200, 100);
	}
}

static void until_close(void)
{
	request("GET", "/close", 0);
	say(SERVER, "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n");
	say_body(SERVER, 300000);
	talk.model[SERVER].end_count--; /* only the close ends it */
}

static void websocket(void)
{
	say(CLIENT, "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	say(SERVER, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
		    "websocket\r\n\r\n");
	for (int i = 0; i < 50; i++) {
		say_marked(CLIENT, "\x82\x85\x01\x02\x03\x04hello", 11, 0);
		say_marked(SERVER, "\x82\x05hello", 7, 0);
	}
}

static void connect_tunnel(void)
{
	say(CLIENT, "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n");
	say(SERVER, "HTTP/1.1 200 Connection established\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		say_marked(CLIENT, "\xff\x01binary", 8, 0);
		say_marked(SERVER, "\xff\x02binary", 8, 0);
	}
}

static void heads_of(size_t size)
{
	char *value = malloc(size + 1);

	memset(value, 'v', size);
	value[size] = 0;
	for (int i = 0; i < 3; i++) {
		say(CLIENT, "POST /h HTTP/1.1\r\nCookie: %s\r\nContent-Length: 100000\r\n\r\n",
		    value);
		say_body(CLIENT, 100000);
		say(SERVER, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 200000\r\n\r\n",
		    value);
		say_body(SERVER, 200000);
	}
	free(value);
}

static void heads_1500(void)
{
	heads_of(1500);
}

static void heads_3900(void)
{
	heads_of(3900);
}

static void heads_9000(void)
{
	heads_of(9000);
}

static void tls_record(int direction, uint8_t type, size_t size)
{
	uint8_t *bytes = malloc(size + 5);

	for (size_t i = 0; i < size; i++)
		bytes[i + 5] = (uint8_t)dice(256);
	memcpy(bytes, (uint8_t[]){type, 3, 3, (uint8_t)(size >> 8), (uint8_t)size}, 5);
	say_marked(direction, bytes, size + 5, 1);
	free(bytes);
}

static void tls(void)
{
	tls_record(CLIENT, 22, 512);
	tls_record(SERVER, 22, 4000);
	for (int i = 0; i < 10; i++) {
		tls_record(CLIENT, 23, 100 + dice(400));
		for (int n = 0; n < 8; n++)
			tls_record(SERVER, 23, 16384);
	}
}

static void tls_refused(void)
{
	tls_record(CLIENT, 22, 200);
	tls_record(SERVER, 21, 2);
}

/* ---- the table */

static const struct scenario SCENARIOS[] = {
	{"small GETs", small_gets, {.attached = 20}, true, false},
	{"empty lines first", empty_lines_first, {0}, true, false},
	{"empty lines before answers", empty_lines_before_answers, {0}, true, false},
	{"pipelined", pipelined, {0}, true, false},
	{"pipelined, many", pipelined_many, {0}, false, false},
	{"POSTs", posts, {.body_max = K(24)}, false, false},
	{"large bodies", large, {.body_max = K(16)}, false, true},
	{"100-continue", expect_continue, {.body_max = K(8)}, false, false},
	{"100-continue refused", expect_refused, {.body_max = K(32)}, false, false},
	{"sent all the same", sent_all_the_same, {.body_max = K(32)}, false, false},
	{"chunked", chunked, {.body_max = K(120)}, false, false},
	{"chunked, large", chunked_large, {.body_max = K(100)}, false, true},
	{"chunked upload", chunked_upload, {.body_max = K(100)}, false, false},
	{"trailers", trailers, {.body_max = K(20)}, false, false},
	{"HEAD, 204, 304", heads_only, {0}, true, false},
	{"HEAD alone", heads_alone, {.body_max = K(16)}, false, false},
	{"pipelined HEAD", pipelined_heads, {0}, false, false},
	{"overlapping HEAD", overlapping_heads, {0}, false, false},
	{"asked early", asked_early, {0}, false, false},
	{"answered early", answered_early, {0}, false, false},
	{"lost bodies", lost_bodies, {0}, false, false},
	{"bodies like requests", bodies_like_requests, {0}, true, false},
	{"rests like requests", rests_like_requests, {0}, false, false},
	{"later rests like requests", later_rests_like_requests, {0}, false, false},
	{"hinted and refused", hinted_and_refused, {0}, false, false},
	{"until close", until_close, {.body_max = K(4)}, false, false},
	{"websocket", websocket, {.turns_opaque = true}, false, false},
	{"CONNECT", connect_tunnel, {.turns_opaque = true}, false, false},
	{"heads of 1500", heads_1500, {.body_max = K(16)}, false, false},
	{"heads of 3900", heads_3900, {.body_max = K(16)}, false, false},
	{"heads of 9000", heads_9000, {0}, false, false},
	{"TLS", tls, {0}, false, false},
	{"TLS refused", tls_refused, {0}, false, false},
};

int main(void)
{
	return scenarios_run("capture", SCENARIOS, sizeof(SCENARIOS) / sizeof(SCENARIOS[0]));
}
