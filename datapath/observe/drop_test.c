// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ring records lost at random under known traffic: what is reported is true, what is not is
 * counted. */
#include "datapath/observe/world_events_test.h"
#include "datapath/decode/http2_wire_test.h"

#define ROUNDS	  300
#define EXCHANGES 40
#define STREAMS	  4 /* at once, HTTP/2 */

static unsigned reported; /* whole ones of the rounds with a loss of 5 per mille */
static unsigned given_up; /* in the round at hand */

static int status_of(unsigned n)
{
	return 200 + (int)(n * 7 % 90);
}

static unsigned body_of(unsigned n)
{
	return n % 3 ? n % 11 : 5000; /* long ones are skipped in the kernel */
}

/* A record of the exchange |n|, "/n", says nothing but the truth. */
static void check_request(const struct request *r, uint8_t *seen)
{
	unsigned n = (unsigned)strtoul(r->path + 1, NULL, 10);

	assert_true(r->path[0] == '/' && n < EXCHANGES);
	assert_int_equal(r->flags, 0);
	assert_false(seen[n] & (1 << r->reporter));
	seen[n] |= (uint8_t)(1 << r->reporter);
	if (r->incomplete & REQUEST_GAP(LOST)) {
		assert_true(!r->status || r->status == status_of(n));
		assert_true(r->response_bytes <= body_of(n));
		given_up++;
		return;
	}
	assert_int_equal(r->status, status_of(n));
	assert_int_equal(r->response_bytes, body_of(n));
	if (!(r->incomplete & REQUEST_GAP(TIMES)))
		assert_int_equal(r->end_ns - r->start_ns,
				 r->reporter == REPORTER_SOURCE ? 5 * MS / 2 : 3 * MS / 2);
}

static void check_world(struct world *w)
{
	uint8_t seen[EXCHANGES] = {0};
	const uint64_t *lost = world_counts(w)->lost;

	given_up = 0;
	world_tick(w, 3000 * MS);
	world_tick(w, 3000 * MS);
	for (unsigned i = 0; i < w->request_count; i++)
		check_request(&w->requests[i], seen);
	if (given_up != lost[OBSERVE_LOST_UNPAIRED_REQUEST]) /* one end was never announced */
		assert_int_equal(given_up, 2 * lost[OBSERVE_LOST_UNPAIRED_REQUEST]);
	if (w->request_count < 2 * EXCHANGES)
		assert_true(world_lost(w) || w->drop_per_mille);
	assert_int_equal(lost[OBSERVE_LOST_BAD_EVENT] + lost[OBSERVE_LOST_TABLE_FULL], 0);
}

static struct world *world_with_loss(unsigned round)
{
	static const unsigned rates[] = {0, 5, 30, 100, 300};
	struct world *w = world_new();

	w->drop_per_mille = rates[round % 5];
	w->random = round * 7919;
	world_pair(w);
	return w;
}

static void world_end(struct world *w)
{
	world_close(w, false, 0);
	world_close(w, true, 0);
	check_world(w);
	if (!w->drop_per_mille) {
		assert_int_equal(w->request_count, 2 * EXCHANGES);
		assert_int_equal(world_lost(w), 0);
	}
	if (w->drop_per_mille == 5)
		reported += w->request_count - given_up;
	world_free(w);
}

/* Little loss costs little: what was lost is found again. */
static void check_recovery(void)
{
	assert_in_range(reported, ROUNDS / 5 * 2 * EXCHANGES * 8 / 10,
			ROUNDS / 5 * 2 * EXCHANGES - 1);
	reported = 0;
}

/* Each step of an exchange takes half a millisecond or one. */
static void step(struct world *w, bool from_server, const void *data, size_t size_bytes,
		 unsigned skipped_bytes)
{
	world_send_bytes(w, from_server, data, size_bytes);
	if (skipped_bytes) {
		world_skip(w, from_server, skipped_bytes);
		world_skip_end(w, from_server);
	}
	w->now_ns += MS / 2;
	world_arrive(w, from_server);
}

static void http1_request(struct world *w, unsigned n)
{
	char text[256];
	int size = snprintf(text, sizeof(text), "GET /%u HTTP/1.1\r\nHost: x\r\n\r\n", n);

	step(w, false, text, (size_t)size, 0);
}

static void http1_response(struct world *w, unsigned n)
{
	char text[256], zeros[16] = {0};
	unsigned body = body_of(n);
	int size = snprintf(text, sizeof(text) - 16,
			    "HTTP/1.1 %d Yes\r\nx-n: %u\r\nContent-Length: %u\r\n\r\n",
			    status_of(n), n, body);

	memcpy(text + size, zeros, sizeof(zeros));
	step(w, true, text, (size_t)size + (body < 16 ? body : 0), body < 16 ? 0 : body);
}

static void http1_exchange(struct world *w, unsigned n)
{
	http1_request(w, n);
	w->now_ns += 3 * MS / 2;
	http1_response(w, n);
}

/* 204 and 304 have no body, whatever they say. */
static bool has_body(unsigned n)
{
	return status_of(n) != 204;
}

static void test_http1(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world *w = world_with_loss(round);

		for (unsigned n = 0; n < EXCHANGES; n++) {
			assert_true(has_body(n) || !body_of(n));
			http1_exchange(w, n);
		}
		world_end(w);
	}
	check_recovery();
}

/* Up to |depth| requests are under way at once. */
static void http1_pipeline(struct world *w, unsigned depth, unsigned random)
{
	unsigned asked = 0, answered = 0;

	while (answered < EXCHANGES) {
		bool can_ask = asked < EXCHANGES && asked - answered < depth;

		random = random * 1664525 + 1013904223;
		if (can_ask && (asked == answered || (random >> 16) % 3))
			http1_request(w, asked++);
		else
			http1_response(w, answered++);
	}
}

/* Requests that overlap: each answer is told of its own request, or of none. */
static void test_http1_overlapping(void **state)
{
	static const unsigned rates[] = {0, 5, 30, 100, 300};
	unsigned told = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world *w = world_new();

		w->drop_per_mille = rates[round % 5];
		w->random = round * 7919;
		world_pair(w);
		http1_pipeline(w, 2 + round % 7, round);
		world_close(w, false, 0);
		world_close(w, true, 0);
		world_tick(w, 6000 * MS);
		for (unsigned i = 0; i < w->request_count; i++) {
			const struct request *r = &w->requests[i];

			if (r->incomplete & REQUEST_GAP(LOST))
				continue;
			assert_int_equal(r->status,
					 status_of((unsigned)strtoul(r->path + 1, NULL, 10)));
			told++;
		}
		world_free(w);
	}
	assert_in_range(told, ROUNDS * EXCHANGES, 2 * ROUNDS * EXCHANGES - 1);
}

static void http2_requests(struct world *w, struct wire *wire, unsigned first)
{
	char fields[256];

	for (unsigned n = first; n < first + STREAMS; n++) {
		snprintf(fields, sizeof(fields),
			 ":method: GET\n:scheme: http\n:path: /%u\n:authority: x\nx-n: %u\n", n, n);
		wire_headers(wire, 1, 1 + 2 * n, fields);
	}
	step(w, false, wire->data, wire->used_bytes, 0);
	wire->used_bytes = 0;
}

/* The answers to |first| and the next, out of order, in one packet or cut where a
 * body is skipped. */
static void http2_responses(struct world *w, struct wire *wire, unsigned first)
{
	static const uint8_t zeros[16];
	char fields[256];

	for (unsigned i = STREAMS; i-- > 0;) {
		unsigned n = first + i, body = body_of(n);
		uint8_t head[9] = {0, (uint8_t)(body >> 8), (uint8_t)body, 0, 1, 0, 0,
				   0, (uint8_t)(1 + 2 * n)};

		snprintf(fields, sizeof(fields), ":status: %d\nx-m: %u\n", status_of(n), n / 2);
		wire_headers(wire, 0, 1 + 2 * n, fields);
		wire_bytes(wire, head, sizeof(head));
		if (body < 16) {
			wire_bytes(wire, zeros, body);
			continue;
		}
		world_send_bytes(w, true, wire->data, wire->used_bytes);
		wire->used_bytes = 0;
		world_skip(w, true, body);
		world_skip_end(w, true);
	}
	step(w, true, wire->data, wire->used_bytes, 0);
	wire->used_bytes = 0;
}

static void test_http2(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world *w = world_with_loss(round);
		struct wire *wires[2] = {wire_new(), wire_new()};

		wire_bytes(wires[0], WIRE_PREFACE, strlen(WIRE_PREFACE));
		wire_frame(wires[0], 4, 0, 0, "", 0);
		wire_frame(wires[1], 4, 0, 0, "", 0);
		for (unsigned n = 0; n < EXCHANGES; n += STREAMS) {
			http2_requests(w, wires[0], n);
			w->now_ns += 3 * MS / 2;
			http2_responses(w, wires[1], n);
		}
		world_end(w);
		wire_free(wires[0]);
		wire_free(wires[1]);
	}
	check_recovery();
}

/* ---- HTTP/2 that is copied whole, cut anywhere */

struct talk {
	struct world *w;
	struct wire *wires[2];
	unsigned body[2][EXCHANGES]; /* bytes that were put into frames */
	uint32_t random;
};

static unsigned dice(struct talk *t, unsigned sides)
{
	t->random = t->random * 1664525 + 1013904223;
	return (t->random >> 12) % sides;
}

/* Sends what the server or the client has to say, in pieces. */
static void talk_send(struct talk *t, bool from_server)
{
	struct wire *wire = t->wires[from_server];
	size_t piece;

	for (size_t at = 0; at < wire->used_bytes; at += piece) {
		piece = 1 + dice(t, dice(t, 3) ? 900 : 30);
		if (piece > wire->used_bytes - at)
			piece = wire->used_bytes - at;
		world_send_bytes(t->w, from_server, wire->data + at, piece);
	}
	wire->used_bytes = 0;
	t->w->now_ns += MS / 2;
	world_arrive(t->w, from_server);
}

/* Frames of DATA of the streams from |first| on, in turns, until each has ended. */
static void talk_bodies(struct talk *t, bool from_server, unsigned first)
{
	static const uint8_t bait[] = {0, 0x20, 0, DATA, 0, 0, 0, 0, 1}; /* a frame's head */
	static uint8_t bytes[1024];
	bool ended[STREAMS] = {false};
	unsigned open = STREAMS;

	while (open) {
		unsigned i = dice(t, STREAMS), size = dice(t, dice(t, 4) ? 80 : 1000);

		if (ended[i])
			continue;
		for (unsigned j = 0; j < size; j++)
			bytes[j] = from_server ? bait[j % sizeof(bait)] : (uint8_t)dice(t, 256);
		ended[i] = !dice(t, 4);
		open -= ended[i];
		t->body[from_server][first + i] += size;
		wire_frame(t->wires[from_server], DATA, ended[i], 1 + 2 * (first + i), bytes, size);
		if (!dice(t, 3))
			talk_send(t, from_server);
	}
	talk_send(t, from_server);
}

static void talk_exchanges(struct talk *t, unsigned first)
{
	char fields[256];

	for (unsigned n = first; n < first + STREAMS; n++) {
		snprintf(fields, sizeof(fields),
			 ":method: POST\n:scheme: http\n:path: /%u\n:authority: x\nx-n: %u\n", n,
			 n);
		wire_headers(t->wires[0], 0, 1 + 2 * n, fields);
	}
	talk_send(t, false);
	talk_bodies(t, false, first);
	for (unsigned n = first; n < first + STREAMS; n++) {
		snprintf(fields, sizeof(fields), ":status: %d\nx-m: %u\n", status_of(n), n / 2);
		wire_headers(t->wires[1], 0, 1 + 2 * n, fields);
	}
	talk_bodies(t, true, first);
}

static void check_talk(struct talk *t)
{
	for (unsigned i = 0; i < t->w->request_count; i++) {
		const struct request *r = &t->w->requests[i];
		unsigned n = r->stream_id / 2;

		assert_true(n < EXCHANGES);
		assert_int_equal(r->flags, 0);
		assert_true(!r->status || r->status == status_of(n));
		if (r->incomplete & (REQUEST_GAP(LOST) | REQUEST_GAP(BODY)))
			continue;
		assert_int_equal(r->request_bytes, t->body[0][n]);
		assert_int_equal(r->response_bytes, t->body[1][n]);
	}
}

static void test_http2_cut(void **state)
{
	unsigned told = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct talk t = {.w = world_with_loss(round),
				 .wires = {wire_new(), wire_new()},
				 .random = round};

		wire_bytes(t.wires[0], WIRE_PREFACE, strlen(WIRE_PREFACE));
		wire_frame(t.wires[0], SETTINGS, 0, 0, "", 0);
		wire_frame(t.wires[1], SETTINGS, 0, 0, "", 0);
		for (unsigned n = 0; n < EXCHANGES; n += STREAMS)
			talk_exchanges(&t, n);
		world_close(t.w, false, 0);
		world_close(t.w, true, 0);
		world_tick(t.w, 6000 * MS);
		check_talk(&t);
		told += t.w->request_count;
		world_free(t.w);
		wire_free(t.wires[0]);
		wire_free(t.wires[1]);
	}
	assert_in_range(told, ROUNDS * EXCHANGES / 5, 2 * ROUNDS * EXCHANGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http1),
		cmocka_unit_test(test_http1_overlapping),
		cmocka_unit_test(test_http2),
		cmocka_unit_test(test_http2_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
