// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From sockets to requests: random conversations are captured by the kernel half and understood by
 * observe, which must report every exchange once per reporter with its exact body bytes. */
#include "datapath/attach/core/capture_scenario_test.h"
#include "datapath/observe/observe.h"

#define EXCHANGES_MAX 2000
#define ROUNDS	      40
#define STREAMS_MAX   8

struct exchange {
	uint16_t status;
	uint64_t request_bytes, response_bytes;
	unsigned reported[REPORTER_MAX];
};

static struct exchange exchanges[EXCHANGES_MAX];
static unsigned exchange_count, strangers, wrong;
static uint32_t gaps_allowed; /* few times are kept of a message that comes in many pieces */

static struct exchange *exchange_add(uint16_t status, uint64_t request, uint64_t response)
{
	struct exchange *e = &exchanges[exchange_count++];

	assert_true(exchange_count <= EXCHANGES_MAX);
	*e = (struct exchange){status, request, response, {0}};
	return e;
}

/* ---- HTTP/1 */

static size_t body_size(void)
{
	switch (dice(5)) {
	case 0:
		return 0;
	case 1:
		return dice(300);
	case 2:
		return dice(5000);
	case 3:
		return dice(70000);
	}
	return dice(400000);
}

static void chunks(int direction, size_t size)
{
	while (size) {
		size_t one = 1 + dice((uint32_t)size);

		say(direction, "%zx\r\n", one);
		say_body(direction, one);
		say(direction, "\r\n");
		size -= one;
	}
	say(direction, dice(2) ? "0\r\n\r\n" : "0\r\nX-Sum: 1\r\n\r\n");
}

/* The rest of a head, and the body, framed in one of two ways. */
static void http1_body(int direction, size_t size)
{
	if (dice(2)) {
		say(direction, "Transfer-Encoding: chunked\r\n\r\n");
		chunks(direction, size);
		return;
	}
	say(direction, "Content-Length: %zu\r\n\r\n", size);
	say_body(direction, size);
}

static void http1_exchange(void)
{
	unsigned kind = dice(8), number = exchange_count;
	struct exchange *e = exchange_add(kind == 0 ? 204 : kind == 1 ? 304 : 200, 0, 0);

	if (kind == 2) { /* the answer says how long its body would be */
		say(CLIENT, "HEAD /%u HTTP/1.1\r\nHost: test\r\n\r\n", number);
		say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", dice(1000000));
		return;
	}
	e->request_bytes = dice(2) ? body_size() : 0;
	say(CLIENT, "%s /%u HTTP/1.1\r\nHost: test\r\nX-Fill: %0*u\r\n",
	    e->request_bytes ? "POST" : "GET", number, (int)(1 + dice(3000)), 0);
	if (e->request_bytes)
		http1_body(CLIENT, e->request_bytes);
	else
		say(CLIENT, "\r\n");
	say(SERVER, "HTTP/1.1 %u Text\r\nServer: test\r\n", e->status);
	if (kind < 2) {
		say(SERVER, "\r\n");
		return;
	}
	e->response_bytes = body_size();
	http1_body(SERVER, e->response_bytes);
}

static void http1_conversation(void)
{
	for (unsigned i = 1 + dice(12); i; i--)
		http1_exchange();
}

/* ---- HTTP/2 */

static void frame_header(int direction, size_t size, uint8_t type, uint8_t flags, uint32_t stream)
{
	say_marked(direction,
		   (uint8_t[]){(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type,
			       flags, 0, 0, (uint8_t)(stream >> 8), (uint8_t)stream},
		   9, 1);
}

static void settings_frame(int direction)
{
	frame_header(direction, 0, 4, 0, 0);
}

/* HPACK: indexed fields and literals that are not indexed (RFC 7541 6). */
static void http2_request_head(uint32_t stream, unsigned number, bool ends)
{
	uint8_t block[64] = {ends ? 0x82 : 0x83, 0x86, 0x01, 4, 't', 'e', 's', 't', 0x04};
	int length = snprintf((char *)block + 10, 50, "/%u", number);

	block[9] = (uint8_t)length;
	frame_header(CLIENT, 10 + (size_t)length, 1, ends ? 5 : 4, stream);
	say_marked(CLIENT, block, 10 + (size_t)length, 1);
}

static void http2_response_head(uint32_t stream, uint16_t status, bool ends)
{
	uint8_t block[6] = {0x08, 3};
	char digits[8];

	snprintf(digits, sizeof(digits), "%u", status);
	memcpy(block + 2, digits, 3);
	frame_header(SERVER, 5, 1, ends ? 5 : 4, stream);
	say_marked(SERVER, block, 5, 1);
}

struct open_stream {
	uint32_t id;
	struct exchange *exchange;
	size_t left[2]; /* by direction */
};

static void http2_data(int direction, struct open_stream *s)
{
	size_t one = 1 + dice(dice(2) ? 600 : 16384);

	one = one < s->left[direction] ? one : s->left[direction];
	s->left[direction] -= one;
	frame_header(direction, one, 0, !s->left[direction], s->id);
	say_body(direction, one);
}

/* Sends what is left of a direction, the streams mixed. */
static void http2_interleave(int direction, struct open_stream *streams, unsigned count)
{
	size_t left = 1;

	while (left) {
		struct open_stream *s = &streams[dice(count)];

		if (s->left[direction])
			http2_data(direction, s);
		left = 0;
		for (unsigned i = 0; i < count; i++)
			left += streams[i].left[direction];
	}
}

static void http2_round(uint32_t *next_id)
{
	struct open_stream streams[STREAMS_MAX];
	unsigned count = 1 + dice(STREAMS_MAX);

	for (unsigned i = 0; i < count; i++, *next_id += 2) {
		uint64_t request = dice(2) ? 0 : body_size() / 4;
		unsigned number = exchange_count;
		struct exchange *e = exchange_add(dice(2) ? 200 : 404, request, body_size() / 4);

		streams[i] = (struct open_stream){*next_id, e, {request, e->response_bytes}};
		http2_request_head(*next_id, number, !request);
	}
	http2_interleave(CLIENT, streams, count);
	for (unsigned i = 0; i < count; i++)
		http2_response_head(streams[i].id, streams[i].exchange->status,
				    !streams[i].left[SERVER]);
	http2_interleave(SERVER, streams, count);
}

static void http2_conversation(void)
{
	uint32_t next_id = 1;

	say(CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	settings_frame(CLIENT);
	settings_frame(SERVER);
	for (unsigned i = 1 + dice(4); i; i--)
		http2_round(&next_id);
}

/* ---- what observe makes of it */

static void take(void *arg, const struct request *r)
{
	unsigned number = (unsigned)strtoul(r->path + 1, NULL, 10);
	struct exchange *e = &exchanges[number < EXCHANGES_MAX ? number : 0];

	(void)arg;
	strangers += number >= exchange_count;
	e->reported[r->reporter]++;
	if (r->status == e->status && r->request_bytes == e->request_bytes &&
	    r->response_bytes == e->response_bytes && !(r->incomplete & ~gaps_allowed) &&
	    (gaps_allowed || (r->start_ns && r->start_ns <= r->end_ns)))
		return;
	wrong++;
	print_message("/%u by %u: status %u of %u, bytes %lu of %lu and %lu of %lu, gaps %x\n",
		      number, r->reporter, r->status, e->status, r->request_bytes, e->request_bytes,
		      r->response_bytes, e->response_bytes, r->incomplete);
}

static void observe_all(void)
{
	struct observe_listener listener = {.request = take};
	struct observe_limits limits = observe_limits_default();
	struct error err = {0};
	struct observe *o = observe_new(&limits, &listener, &err);

	assert_non_null(o);
	consume();
	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_event *event = (void *)(arena + at + 8);

		observe_event(o, event, event->size_bytes);
	}
	observe_tick(o, now_ns() + 1000000000u);
	observe_free(o);
}

static void converse(void (*speak)(void), size_t (*cut)(size_t left))
{
	uint64_t began = seed;

	talk_forget();
	exchange_count = strangers = wrong = 0;
	speak();
	talk_connect(dice(2) ? AF_INET : AF_INET6);
	talk_play(cut);
	talk_close();
	observe_all();
	for (unsigned i = 0; i < exchange_count; i++)
		for (unsigned reporter = 0; reporter < REPORTER_MAX; reporter++)
			wrong += exchanges[i].reported[reporter] != 1;
	if (strangers || wrong)
		fail_msg("seed %lu: of %u exchanges %u wrong, %u strangers", began, exchange_count,
			 wrong, strangers);
}

static void rounds(void (*speak)(void))
{
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 1;
	for (int i = 0; i < ROUNDS; i++) {
		gaps_allowed = i % 2 ? 0 : REQUEST_GAP(TIMES);
		converse(speak, i % 2 ? whole : random_cut);
	}
}

static void test_http1(void **state)
{
	(void)state;
	rounds(http1_conversation);
}

static void test_http2(void **state)
{
	(void)state;
	rounds(http2_conversation);
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_http1),
					   cmocka_unit_test(test_http2)};

	if (geteuid() || private_loopback())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_observe", tests, world_begin, world_end);
}
