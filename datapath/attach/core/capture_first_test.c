// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections whose first bytes are no usual request: any method, what a server of HTTP/1 refuses,
 * other protocols. */
#include "datapath/attach/core/capture_scenario_test.h"

/* A method is any token, and tells itself by the version behind it. The body of the first is so
 * short that no piece of it is left out where its head comes in pieces. */
static void any_method(void)
{
	static const char *const methods[] = {"patch", "Get", "m-search", "MMMMMMMMMMMMMMMMMMMM",
					      "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"};

	for (int i = 0; i < 10; i++) {
		const char *line_end = i % 2 ? "\n" : "\r\n";
		unsigned size = i ? 100000 : 1000;

		say(CLIENT, "%s /doc HTTP/1.1%sContent-Length: %u\r\n\r\n", methods[i % 5],
		    line_end, size);
		say_body(CLIENT, size);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		say_body(SERVER, 100000);
	}
}

static void long_method(void)
{
	say(CLIENT, "%070d /doc HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", 1);
	say_body(CLIENT, 1000);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	say_body(SERVER, 100000);
}

/* What begins a connection is no request, and a server of HTTP/1 says so. */
static void refused_first(void)
{
	say(CLIENT, "\1garbage\r\n\r\n");
	say(SERVER, "HTTP/1.1 400 Bad Request\r\nContent-Length: 100000\r\n\r\n");
	say_body(SERVER, 100000);
}

/* The same to the preface of HTTP/2. */
static void preface_refused(void)
{
	say(CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	say(SERVER, "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\n");
	say_body(SERVER, 5);
}

/* Words that are methods as well. */
static void memcached(void)
{
	for (int i = 0; i < 10; i++) {
		say_marked(CLIENT, "get key /\r\n", 11, 0);
		say_marked(SERVER, "VALUE key 0 5\r\n", 15, 0);
	}
}

/* An upload that nothing answers. */
static void opaque_upload(void)
{
	say_marked(CLIENT, "\1\2\3", 3, 0);
	say_body(CLIENT, 3000000);
}

static void random_bytes(void)
{
	for (int i = 0; i < 20; i++) {
		uint8_t bytes[300] = {0xff};

		for (size_t n = 1; n < sizeof(bytes); n++)
			bytes[n] = (uint8_t)dice(256);
		say_marked(i % 2, bytes, sizeof(bytes), 0);
	}
}

static void server_first(void)
{
	say_marked(SERVER, "220 mail.test ESMTP\r\n", 21, 0);
	for (int i = 0; i < 10; i++) {
		say_marked(CLIENT, "helo you\r\n", 10, 0);
		say_marked(SERVER, "250 fine\r\n", 10, 0);
	}
}

/* ---- the table */

static const struct scenario SCENARIOS[] = {
	{"any method", any_method, {.body_max = K(32)}, false, false},
	{"long method", long_method, {.body_max = K(8)}, true, false},
	{"refused first", refused_first, {.body_max = K(8)}, true, false},
	{"preface refused", preface_refused, {0}, true, false},
	{"memcached", memcached, {.opaque = true}, true, false},
	{"opaque upload",
	 opaque_upload,
	 {.body_max = 2048, .turns_opaque = true, .no_ends = true},
	 false,
	 true},
	{"random bytes", random_bytes, {.opaque = true}, false, false},
	{"server first", server_first, {.opaque = true}, false, false},
};

int main(void)
{
	return scenarios_run("capture_first", SCENARIOS, sizeof(SCENARIOS) / sizeof(SCENARIOS[0]));
}
