// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How connections begin and end, and what becomes of those that the capture meets mid-life. */
#include "datapath/attach/core/capture_check_test.h"

static void exchange(size_t request, size_t response)
{
	say(CLIENT, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", request);
	say_body(CLIENT, request);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", response);
	say_body(SERVER, response);
}

static size_t whole(size_t left)
{
	return left;
}

static void check_named(const char *name, const struct expectation *e)
{
	now_checking = name;
	faults = 0;
	check(e);
	assert_int_equal(faults, 0);
}

static void begin(void)
{
	talk_forget();
	talk_connect(AF_INET);
}

static void test_half_close(void **state)
{
	(void)state;
	begin();
	exchange(10, 10);
	talk_play(whole);
	shutdown(talk.fd[CLIENT], SHUT_WR);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	say_body(SERVER, 100000);
	talk_play(whole);
	close(talk.fd[SERVER]);
	close(talk.fd[CLIENT]);
	check_named("half close", &(struct expectation){.body_max = 8192});
	assert_int_equal(talk.close[CLIENT].counters.flags, 0);
	assert_int_equal(talk.close[SERVER].counters.flags,
			 WEFT_END_PEER_FIRST | WEFT_END_LEFT | WEFT_END_PEER_LEFT);
	assert_int_equal(talk.leaves[CLIENT], 0); /* it went on reading */
	assert_int_equal(talk.leaves[SERVER], 2);
}

static void give_up_closing(int fd)
{
	close(fd);
}

static void give_up_shutting(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

/* |give_up| by the client, towards a server that holds its end open: told at that time, and before
 * TCP has done with it. */
static void given_up(void (*give_up)(int fd))
{
	uint64_t before, after;

	begin();
	say(CLIENT, "GET / HTTP/1.1\r\nHost: test\r\n\r\n");
	talk_play(whole);
	before = now_ns();
	give_up(talk.fd[CLIENT]);
	after = now_ns();
	close(talk.fd[SERVER]);
	if (give_up != give_up_closing)
		close(talk.fd[CLIENT]);
	check_named("given up", &(struct expectation){.body_max = 8192});
	assert_int_equal(talk.leaves[CLIENT], 1);
	assert_int_equal(talk.left[CLIENT].alive, WEFT_CLOSE_LEFT);
	assert_in_range(talk.left[CLIENT].event.time_ns, before, after);
	assert_int_equal(talk.left[CLIENT].counters.sent_bytes, talk.turns[0].size);
	assert_true(talk.close[CLIENT].event.time_ns > talk.left[CLIENT].event.time_ns);
}

static void test_given_up(void **state)
{
	(void)state;
	given_up(give_up_closing);
	given_up(give_up_shutting);
}

/* The first request arrives with the ACK that ends the handshake, before there is a socket for it.
 */
static void test_deferred(void **state)
{
	struct sockaddr_storage addr;
	socklen_t size;
	int on = 1, listener = listen_at(AF_INET, htonl(INADDR_LOOPBACK), &addr, &size);
	size_t first;

	(void)state;
	talk_forget();
	exchange(10, 10);
	exchange(20, 3000);
	first = talk.turns[0].size;
	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
	talk.fd[CLIENT] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(talk.fd[CLIENT], (void *)&addr, size), 0);
	side_learn(CLIENT);
	assert_int_equal(send(talk.fd[CLIENT], talk.model[CLIENT].bytes, first, 0), first);
	talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	side_learn(SERVER);
	talk.model[CLIENT].sent = first;
	for (size_t had = 0; had < first;)
		had += receive(SERVER, had, first);
	talk.turns[0].size = 0;
	talk_play(whole);
	talk_close();
	check_named("deferred", &(struct expectation){0});
}

static void test_linger_reset(void **state)
{
	struct linger linger = {.l_onoff = 1};

	(void)state;
	begin();
	exchange(10, 10);
	talk_play(whole);
	setsockopt(talk.fd[CLIENT], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(talk.fd[CLIENT]);
	usleep(1000);
	close(talk.fd[SERVER]);
	check_named("linger 0", &(struct expectation){0});
	assert_int_equal(talk.close[CLIENT].counters.flags, WEFT_END_RESET_SENT);
	assert_int_equal(talk.close[SERVER].counters.flags, WEFT_END_RESET_RECEIVED);
}

/* Closed with bytes unread: the kernel answers with RST. */
static void test_unread_reset(void **state)
{
	struct model *m = &talk.model[CLIENT];

	(void)state;
	begin();
	say(CLIENT, "GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(send(talk.fd[CLIENT], m->bytes, m->size, 0), m->size);
	usleep(1000);
	close(talk.fd[SERVER]);
	usleep(1000);
	close(talk.fd[CLIENT]);
	check_named("unread", &(struct expectation){0});
	assert_int_equal(talk.close[SERVER].counters.flags, WEFT_END_RESET_SENT);
	assert_int_equal(talk.close[CLIENT].counters.flags, WEFT_END_RESET_RECEIVED);
}

/* The flags of the one record that says how |side| closed. */
static uint32_t close_flags(int side)
{
	struct weft_close close = {0};
	int closes = 0;

	consume();
	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_event *event = (void *)(arena + at + 8);

		if (event->kind != WEFT_EVENT_CLOSE || side_of(*(uint64_t *)(event + 1)) != side)
			continue;
		memcpy(&close, event, sizeof(close));
		closes += close.alive == WEFT_CLOSE_GONE;
	}
	assert_int_equal(closes, 1);
	assert_int_equal(close.alive, WEFT_CLOSE_GONE); /* the last of them */
	return close.counters.flags;
}

/* Closed with bytes unread after shutdown(), while the other end does not take what was sent. With
 * |closes_second| the other end has said before that it sends no more. */
static void unread_after_shutdown(bool closes_second)
{
	static const char zeros[65536];

	begin();
	while (send(talk.fd[SERVER], zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(send(talk.fd[CLIENT], zeros, 10, 0), 10);
	if (closes_second)
		shutdown(talk.fd[CLIENT], SHUT_WR);
	usleep(1000);
	shutdown(talk.fd[SERVER], SHUT_WR);
	close(talk.fd[SERVER]);
	usleep(1000);
	close(talk.fd[CLIENT]);
	assert_true(close_flags(SERVER) & WEFT_END_RESET_SENT);
}

static void test_unread_after_shutdown(void **state)
{
	(void)state;
	unread_after_shutdown(false);
	unread_after_shutdown(true);
}

/* The only record of |cookie|: its end. */
static const struct weft_close *close_of(uint64_t cookie)
{
	const struct weft_close *found = NULL;

	consume();
	for (size_t at = 0; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		const struct weft_close *c = (void *)(arena + at + 8);

		if (c->cookie != cookie)
			continue;
		assert_null(found);
		assert_int_equal(c->event.kind, WEFT_EVENT_CLOSE);
		found = c;
	}
	assert_non_null(found);
	return found;
}

/* A connect to which no answer comes (a listener whose queue is full) until its program, or the
 * kernel, gives up: the one is said, the other too, and from which port and how long it was tried.
 */
static void unanswered(unsigned patience_ms, uint32_t flags)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), full[8], fd, one = 1;
	socklen_t size = sizeof(addr), cookie_size = sizeof(uint64_t);
	const struct weft_close *c;
	struct sockaddr_in from;
	uint64_t cookie, since;

	assert_int_equal(bind(listener, (void *)&addr, sizeof(addr)) || listen(listener, 0), 0);
	getsockname(listener, (void *)&addr, &size);
	for (int i = 0; i < 8; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(!connect(full[i], (void *)&addr, sizeof(addr)) || errno == EINPROGRESS);
	}
	talk_forget();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_size);
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &one, sizeof(one));
	since = now_ns();
	assert_int_equal(connect(fd, (void *)&addr, sizeof(addr)), -1);
	size = sizeof(from);
	getsockname(fd, (void *)&from, &size);
	poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, (int)patience_ms);
	close(fd);
	c = close_of(cookie);
	assert_int_equal(c->counters.flags, WEFT_END_FAILED | flags);
	assert_int_equal(c->tuple.local_port, ntohs(from.sin_port));
	assert_int_equal(c->tuple.remote_port, ntohs(addr.sin_port));
	assert_true(c->age_us <= (now_ns() - since) / 1000);
	if (flags & WEFT_END_ABANDONED)
		assert_true(c->age_us >= patience_ms * 1000);
	for (int i = 0; i < 8; i++)
		close(full[i]);
	close(listener);
}

static void test_unanswered(void **state)
{
	(void)state;
	unanswered(100, WEFT_END_ABANDONED);
	unanswered(60000, WEFT_END_TIMEOUT);
}

static void test_refused(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons(9),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(uint64_t);
	const struct weft_close *c;
	uint64_t cookie;
	int fd = -1;

	(void)state;
	talk_forget();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	assert_int_equal(connect(fd, (void *)&addr, sizeof(addr)), -1);
	close(fd);
	c = close_of(cookie);
	assert_int_equal(c->counters.flags,
			 WEFT_END_FAILED | WEFT_END_REFUSED | WEFT_END_RESET_RECEIVED);
	assert_int_equal(c->owner.pid, getpid());
	assert_int_equal(c->tuple.remote_port, 9);
	assert_true(c->tuple.local_port);
}

/* What was said until now is not part of what is checked. */
static void forget_the_past(void)
{
	consume();
	arena_used = 0;
	for (int i = 0; i < 2; i++) {
		struct model *m = &talk.model[i];

		talk.first_seq[i] += (uint32_t)m->sent;
		memmove(m->bytes, m->bytes + m->sent, m->size - m->sent);
		memmove(m->must, m->must + m->sent, m->size - m->sent);
		m->size -= m->sent;
		m->sent = m->end_count = m->end_done = 0;
	}
}

/* A new reader is told of every connection anew. */
static void restart(void)
{
	world_detach();
	world_attach();
	forget_the_past();
}

static const struct expectation JOINED = {.joined = true, .no_ends = true};

static void test_restart_between_messages(void **state)
{
	(void)state;
	begin();
	exchange(5000, 5000);
	talk_play(whole);
	restart();
	exchange(100, 200000);
	exchange(200000, 100);
	talk_play(whole);
	talk_close();
	check_named("restart between messages",
		    &(struct expectation){.joined = true, .body_max = 20000});
}

static void test_restart_in_a_body(void **state)
{
	(void)state;
	begin();
	exchange(10, 300000);
	talk_send(CLIENT, talk.turns[0].size, 0);
	talk_send(SERVER, 70000, 0);
	restart();
	memset(talk.model[SERVER].must, 0, talk.model[SERVER].size);
	talk_send(SERVER, talk.model[SERVER].size, 0);
	talk.turn_count = 0;
	exchange(100, 3000);
	exchange(100, 200000);
	talk_play(whole);
	talk_close();
	check_named("restart in a body", &JOINED);
}

/* Nothing is known of the handshake: each end captures both directions. */
static void test_older_than_the_programs(void **state)
{
	(void)state;
	world_detach();
	attach_detach(pin_dir);
	talk_connect(AF_INET6);
	world_attach();
	talk_forget();
	talk.remote = true;
	exchange(100, 200000);
	exchange(200000, 100);
	exchange(0, 0);
	talk_play(whole);
	talk_close();
	check_named("older", &(struct expectation){.joined = true, .body_max = 20000});
}

/* Records of this talk; what other programs do on this machine stands between them. */
static unsigned records_from(size_t at)
{
	unsigned count = 0;

	for (; at < arena_used; at += 8 + *(uint64_t *)(arena + at)) {
		struct weft_event *event = (void *)(arena + at + 8);

		count += side_of(*(uint64_t *)(event + 1)) >= 0;
	}
	return count;
}

/* Without a heartbeat capture stops after three seconds, counting goes on, and the next one finds
 * its way. */
static void test_heartbeat(void **state)
{
	size_t before;

	(void)state;
	begin();
	exchange(100, 1000);
	talk_play(whole);
	reader_heartbeat(reader, now_ns() - WEFT_HEARTBEAT_MAX_NS - 1);
	silent = true;
	before = arena_used;
	exchange(20, 70000);
	talk_play(whole);
	assert_int_equal(records_from(before), 0);
	silent = false;
	consume();
	forget_the_past();
	exchange(30, 5000);
	talk_play(whole);
	talk_close();
	check_named("after a pause", &JOINED);
	assert_int_equal(talk.close[CLIENT].counters.received_bytes, 1041 + 70042 + 5041);
}

static void test_not_here(void **state)
{
	(void)state;
	print_message("skipped: needs root\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_linger_reset),
		cmocka_unit_test(test_unread_reset),
		cmocka_unit_test(test_unread_after_shutdown),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_restart_between_messages),
		cmocka_unit_test(test_restart_in_a_body),
		cmocka_unit_test(test_older_than_the_programs),
		cmocka_unit_test(test_heartbeat),
	};

	pin_dir = "/mnt/weft";
	if (geteuid() || private_loopback() || mount("none", "/mnt", "tmpfs", 0, NULL))
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_life", tests, world_begin, world_end);
}
