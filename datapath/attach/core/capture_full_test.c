// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring without room: what is not copied is followed all the same. */
#include "datapath/attach/core/capture_talk_test.h"

#define EXCHANGES 60 /* more than the ring takes */
#define BODY	  30000

static size_t whole(size_t left)
{
	return left;
}

static size_t random_cut(size_t left)
{
	(void)left;
	return dice(2) ? 1 + dice(40) : 1 + dice(20000);
}

static void post(void)
{
	say(CLIENT, "POST /post HTTP/1.1\r\nContent-Length: %d\r\n\r\n", BODY);
	say_body(CLIENT, BODY);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
	say_body(SERVER, BODY);
}

/* Chunked, and the head is longer than what is copied at first. */
static void put(void)
{
	char filler[1500];

	memset(filler, 'x', sizeof(filler));
	filler[sizeof(filler) - 1] = 0;
	say(CLIENT, "PUT /put HTTP/1.1\r\nX: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
	    filler, BODY);
	say_body(CLIENT, BODY);
	say(CLIENT, "\r\n0\r\n\r\n");
	say(SERVER, "HTTP/1.1 103 Hint\r\n\r\n");
	say(SERVER, "HTTP/1.1 204 None\r\n\r\n");
}

static void get(void)
{
	say(CLIENT, "GET / HTTP/1.1\r\n\r\n");
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
}

static void play(unsigned first, unsigned count)
{
	static void (*const exchange[])(void) = {post, put, get};

	for (unsigned i = first; i < first + count; i++)
		exchange[i % 3]();
	talk_play(whole);
}

/* What the records tell of the messages of |direction|: which were seen, how many bytes there are.
 */
static size_t look(int direction, bool seen[2 * EXCHANGES + 1])
{
	const struct model *m = &talk.model[direction];
	size_t bytes = 0;

	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_segment *s = (void *)(arena + at + 8);
		uint32_t place;

		if (s->event.kind != WEFT_EVENT_SEGMENT || s->cookie != talk.cookie[direction])
			continue;
		place = s->seq - talk.first_seq[direction];
		bytes += s->data_bytes;
		assert_false(s->flags & WEFT_SEGMENT_RAW);
		assert_memory_equal(m->bytes + place, s->data, s->data_bytes);
		if (!s->message)
			continue;
		assert_in_range(s->message, 1, 2 * EXCHANGES);
		assert_true(m->must[place]);
		assert_true(!memcmp(s->data, "P", 1) || !memcmp(s->data, "GET /", 5) ||
			    !memcmp(s->data, "HTTP/1.1 ", 9));
		seen[s->message] = true;
	}
	return bytes;
}

static unsigned count(const bool seen[2 * EXCHANGES + 1], unsigned first)
{
	unsigned sum = 0;

	for (unsigned i = first; i < first + EXCHANGES; i++)
		sum += seen[i];
	return sum;
}

/* Behind a time without room each message is known by its number, and no body is copied, whatever
 * it looks like. */
static void test_full(void **state)
{
	bool seen[2][2 * EXCHANGES + 1] = {0};

	(void)state;
	talk_forget();
	talk_connect(AF_INET);
	unread = true;
	play(0, EXCHANGES);
	unread = false;
	consume();
	look(CLIENT, seen[CLIENT]);
	look(SERVER, seen[SERVER]);
	assert_in_range(count(seen[CLIENT], 1), 1, EXCHANGES - 10);
	assert_in_range(count(seen[SERVER], 1), 1, EXCHANGES - 10);
	arena_used = 0;
	play(EXCHANGES, EXCHANGES);
	assert_in_range(look(CLIENT, seen[CLIENT]), 1, EXCHANGES * 3000);
	assert_in_range(look(SERVER, seen[SERVER]), 1, EXCHANGES * 3000);
	assert_int_equal(count(seen[CLIENT], EXCHANGES + 1), EXCHANGES);
	assert_int_equal(count(seen[SERVER], EXCHANGES + 1), EXCHANGES);
	talk_close();
}

/* ---- HTTP/2 */

#define FRAMES 400

static bool begins_frame[1 << 23];

static void frame(int direction, uint8_t type, size_t size)
{
	uint8_t head[9] = {(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type};

	head[8] = type != 4;
	begins_frame[talk.model[direction].size] |= direction == CLIENT;
	say_marked(direction, head, sizeof(head), 1);
	say_body(direction, size);
}

static void frames(void)
{
	for (int i = 0; i < FRAMES; i++)
		frame(CLIENT, 0, dice(3) ? dice(700) : dice(16384));
	talk_play(random_cut);
}

/* How many records say where a frame begins, which is true. */
static unsigned look_frames(void)
{
	unsigned found = 0;

	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_segment *s = (void *)(arena + at + 8);

		if (s->event.kind != WEFT_EVENT_SEGMENT || s->cookie != talk.cookie[CLIENT])
			continue;
		assert_false(s->flags & WEFT_SEGMENT_RAW);
		if (!s->frame || s->frame > s->data_bytes)
			continue;
		assert_true(begins_frame[s->seq - talk.first_seq[CLIENT] + s->frame - 1]);
		found++;
	}
	arena_used = 0;
	return found;
}

/* Where frames begin is known behind a time without room, however they are cut. */
static void test_full_http2(void **state)
{
	(void)state;
	talk_forget();
	talk_connect(AF_INET);
	say(CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	frame(CLIENT, 4, 0);
	frame(SERVER, 4, 0);
	talk_play(whole);
	unread = true;
	frames();
	unread = false;
	consume();
	assert_in_range(look_frames(), 1, FRAMES / 4);
	frames();
	assert_in_range(look_frames(), FRAMES / 4, FRAMES * 4);
	talk_close();
}

static void test_not_here(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_full),
					   cmocka_unit_test(test_full_http2)};

	ring_bytes = 65536;
	if (geteuid() || private_loopback())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_full", tests, world_begin, world_end);
}
