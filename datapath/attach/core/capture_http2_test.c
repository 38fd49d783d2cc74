// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Conversations in HTTP/2, cut in many ways: what the kernel half captures of them. */
#include "datapath/attach/core/capture_scenario_test.h"

enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS, PING = 6, GOAWAY, WINDOW_UPDATE, CONTINUATION };

/* RFC 9113 4.1. Only payload of DATA is body. */
static void frame(int direction, uint8_t type, uint8_t flags, uint32_t stream, size_t size)
{
	uint8_t *payload = calloc(1, size + 1);
	uint8_t header[9] = {(uint8_t)(size >> 16),
			     (uint8_t)(size >> 8),
			     (uint8_t)size,
			     type,
			     flags,
			     (uint8_t)(stream >> 24),
			     (uint8_t)(stream >> 16),
			     (uint8_t)(stream >> 8),
			     (uint8_t)stream};

	say_marked(direction, header, sizeof(header), 1);
	if (type == DATA)
		say_body(direction, size);
	else
		say_marked(direction, payload, size, 1);
	free(payload);
}

static void preface(void)
{
	say(CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	frame(CLIENT, SETTINGS, 0, 0, 18);
	frame(CLIENT, WINDOW_UPDATE, 0, 0, 4);
}

static void greeting(void)
{
	preface();
	frame(CLIENT, HEADERS, 5, 1, 40);
	frame(SERVER, SETTINGS, 0, 0, 6);
	frame(SERVER, SETTINGS, 1, 0, 0);
	frame(CLIENT, SETTINGS, 1, 0, 0);
}

/* The server need not wait for the preface, and may say its first frame in pieces. */
static void server_first(void)
{
	frame(SERVER, SETTINGS, 0, 0, 6);
	greeting();
	frame(SERVER, HEADERS, 5, 1, 30);
	frame(CLIENT, HEADERS, 5, 3, 17);
	frame(SERVER, HEADERS, 4, 3, 30);
	frame(SERVER, DATA, 1, 3, 600);
}

static void small(void)
{
	greeting();
	for (uint32_t i = 0; i < 20; i++) {
		frame(SERVER, HEADERS, 4, i * 2 + 1, 30);
		frame(SERVER, DATA, 1, i * 2 + 1, i * 60);
		frame(CLIENT, HEADERS, 5, i * 2 + 3, 17);
	}
	frame(CLIENT, GOAWAY, 0, 0, 8);
}

static void large(void)
{
	greeting();
	for (uint32_t i = 0; i < 4; i++) {
		frame(SERVER, HEADERS, 4, i * 2 + 1, 30);
		for (int n = 0; n < 60; n++)
			frame(SERVER, DATA, n == 59, i * 2 + 1, 16384);
		frame(CLIENT, HEADERS, 4, i * 2 + 3, 17);
		frame(CLIENT, DATA, 1, i * 2 + 3, 1u << 20);
	}
}

/* Padding counts as payload (RFC 9113 6.1). */
static void padded(void)
{
	greeting();
	for (uint32_t i = 1; i < 40; i += 2) {
		frame(SERVER, HEADERS, 4, i, 10);
		frame(SERVER, DATA, 8, i, 300 + i * 40);
		frame(SERVER, DATA, 9, i, 1);
		frame(SERVER, DATA, 1, i, 0);
	}
}

/* Packets that end with the header of a frame, or a byte behind it, which says how much is padding.
 */
static void padded_cut(void)
{
	static const uint8_t header[9] = {0, 8, 0, DATA, 8, 0, 0, 0, 1}, length = 10;

	greeting();
	frame(SERVER, HEADERS, 4, 1, 10);
	for (int i = 0; i < 6; i++) {
		say_marked(SERVER, header, sizeof(header), 1);
		if (i % 2)
			say_apart(SERVER);
		say_marked(SERVER, &length, 1, 1);
		if (i % 3)
			say_apart(SERVER);
		say_body(SERVER, 2047);
	}
	frame(SERVER, DATA, 1, 1, 100);
}

static void tiny_frames(void)
{
	greeting();
	for (int i = 0; i < 5000; i++)
		frame(CLIENT, i % 2 ? WINDOW_UPDATE : RST_STREAM, 0, 1, 4);
	for (int i = 0; i < 3000; i++)
		frame(SERVER, DATA, 0, 1, (size_t)i % 3);
	frame(SERVER, HEADERS, 5, 1, 100);
}

/* More frames in a row than fit in a packet of 64 KiB: packets may be larger. */
static void empty_frames(void)
{
	greeting();
	for (int i = 0; i < 20000; i++)
		frame(SERVER, SETTINGS, 1, 0, 0);
	frame(SERVER, DATA, 1, 1, 100000);
	frame(SERVER, HEADERS, 5, 1, 100);
}

static void continuation(void)
{
	greeting();
	for (uint32_t i = 1; i < 9; i += 2) {
		frame(CLIENT, HEADERS, 0, i, 16384);
		frame(CLIENT, CONTINUATION, 0, i, 16384);
		frame(CLIENT, CONTINUATION, 4, i, 3000);
		frame(CLIENT, DATA, 1, i, 50000);
		frame(SERVER, HEADERS, 0, i, 100);
		frame(SERVER, CONTINUATION, 4, i, 1);
		frame(SERVER, DATA, 1, i, 2000);
	}
}

static void upgrade(void)
{
	say(CLIENT, "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
	say(SERVER,
	    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
	frame(SERVER, SETTINGS, 0, 0, 12);
	preface();
	for (uint32_t i = 1; i < 12; i += 2) {
		frame(SERVER, HEADERS, 4, i, 50);
		frame(SERVER, DATA, 1, i, 70000);
		frame(CLIENT, HEADERS, 4, i + 2, 50);
		frame(CLIENT, DATA, 1, i + 2, 3000);
	}
}

static const struct scenario SCENARIOS[] = {
	{"small", small, {0}, true, false},
	{"server first", server_first, {0}, true, false},
	{"large", large, {.body_max = K(64)}, false, true},
	{"padded", padded, {0}, true, false},
	{"padded, cut", padded_cut, {0}, false, false},
	{"tiny frames", tiny_frames, {0}, false, false},
	{"empty frames", empty_frames, {.body_max = K(20)}, false, false},
	{"CONTINUATION", continuation, {.body_max = K(20)}, false, false},
	{"upgrade", upgrade, {.body_max = K(30)}, false, false},
};

int main(void)
{
	return scenarios_run("capture_http2", SCENARIOS, sizeof(SCENARIOS) / sizeof(SCENARIOS[0]));
}
