// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From sockets to golden signals: requests that a server leaves unanswered are in flight while they
 * hang and not afterwards; a queue that is full says so. Needs root. */
#include "datapath/attach/core/sandbox_test.h"

#include <linux/types.h>

#include "control/signals/signals.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/observe/observe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define REQUESTS 40
#define BACKLOG	 7
#define SECOND	 1000000000ull
#define REQUEST	 "GET /hang HTTP/1.1\r\nHost: test\r\n\r\n"
#define ANSWER	 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct attach *world;
static struct reader *reader;
static struct observe *observe;
static struct signals *signals;

static uint32_t netns_ino;

/* Others of the machine have connections too. Only payload of this control group is captured. */
static bool is_ours(const struct endpoint *end)
{
	return end->netns_ino == netns_ino;
}

static void on_request(void *arg, const struct request *r)
{
	(void)arg;
	signals_request(signals, r);
}

static void on_open_request(void *arg, const struct open_request *r)
{
	(void)arg;
	signals_open_request(signals, r);
}

static void on_connection(void *arg, const struct connection *c)
{
	(void)arg;
	if (is_ours(c->client) || is_ours(c->server))
		signals_connection(signals, c);
}

static void on_listener(void *arg, const struct listener *l)
{
	(void)arg;
	if (is_ours(&l->address))
		signals_listener(signals, l);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static int take(void *arg, void *record, size_t size_bytes)
{
	(void)arg;
	observe_event(observe, record, size_bytes);
	return 0;
}

/* As the agent does, once. */
static void tick(void)
{
	uint64_t now = now_ns();

	signals_tick(signals, now);
	reader_consume(reader, take, NULL);
	reader_heartbeat(reader, now);
	observe_tick(observe, now);
	usleep(20000);
}

static void pass(unsigned seconds)
{
	for (uint64_t end = now_ns() + seconds * SECOND; now_ns() < end;)
		tick();
}

static struct edge_row edge_of(enum reporter reporter)
{
	struct edge_row row;

	for (uint32_t i = 0; signals_edge(signals, i, &row); i++)
		if (row.reporter == reporter)
			return row;
	fail_msg("there is no edge");
	return row;
}

static int listen_at(int backlog, struct sockaddr_in *ret_addr)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(any);

	assert_int_equal(bind(fd, (void *)&any, size), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (void *)ret_addr, &size), 0);
	return fd;
}

static int call(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (const void *)at, sizeof(*at)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static void test_hanging_requests(void **state)
{
	int client[REQUESTS], server[REQUESTS];
	struct sockaddr_in at;
	int listener = listen_at(REQUESTS, &at);

	(void)state;
	for (int i = 0; i < REQUESTS; i++) {
		client[i] = call(&at);
		server[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(server[i] >= 0);
		assert_int_equal(send(client[i], REQUEST, sizeof(REQUEST) - 1, 0),
				 sizeof(REQUEST) - 1);
	}
	pass(13); /* the window holds nothing from before they began */
	for (int reporter = 0; reporter < 2; reporter++) {
		struct edge_row row = edge_of(reporter);

		assert_true(row.window_s == 10 && row.in_flight == REQUESTS);
		assert_int_equal(row.totals->requests, 0);
	}
	for (int i = 0; i < REQUESTS; i++) {
		if (i % 2)
			send(server[i], ANSWER, sizeof(ANSWER) - 1, 0);
		close(client[i]);
		close(server[i]);
	}
	pass(1);
	for (int reporter = 0; reporter < 2; reporter++) {
		struct edge_row row = edge_of(reporter);

		assert_true(row.in_flight <= REQUESTS);
		assert_int_equal(row.totals->requests, REQUESTS);
	}
	pass(11);
	for (int reporter = 0; reporter < 2; reporter++)
		assert_true(edge_of(reporter).in_flight == 0);
	close(listener);
}

static void test_full_queue(void **state)
{
	int client[2 * BACKLOG];
	struct sockaddr_in at;
	int listener = listen_at(BACKLOG, &at);
	struct edge_row row;

	(void)state;
	for (int i = 0; i < 2 * BACKLOG; i++)
		client[i] = call(&at);
	tick();
	assert_int_equal(attach_iterate(world, take, NULL), 0);
	row = edge_of(REPORTER_DESTINATION);
	assert_true(row.queue.fill == 1 && row.queue.drops >= BACKLOG - 1);
	close(listener);
	pass(1);
	row = edge_of(REPORTER_DESTINATION);
	assert_false(row.queue.fill <= 1);
	assert_true(row.queue.known && row.queue.drops >= BACKLOG - 1);
	for (int i = 0; i < 2 * BACKLOG; i++)
		close(client[i]);
}

static int begin(void **state)
{
	struct attach_options options = {.cgroup_path = cgroup_dir, .capture = true};
	struct observe_limits limits = observe_limits_default();
	struct signals_limits signal_limits = signals_limits_default();
	struct observe_listener listener = {.request = on_request,
					    .open_request = on_open_request,
					    .connection = on_connection,
					    .listener = on_listener};
	struct error err = {0};
	struct stat ns;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &ns), 0);
	netns_ino = (uint32_t)ns.st_ino;
	private_cgroup();
	observe = observe_new(&limits, &listener, &err);
	signals = signals_new(&signal_limits, &err);
	if (!observe || !signals || attach_new(&options, &world, &err) ||
	    reader_new(attach_reader_maps(world), &reader, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int end(void **state)
{
	(void)state;
	reader_free(reader);
	attach_free(world);
	leave_cgroup();
	observe_free(observe);
	signals_free(signals);
	return 0;
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
		cmocka_unit_test(test_hanging_requests),
		cmocka_unit_test(test_full_queue),
	};

	if (geteuid() || private_loopback())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_saturation", tests, begin, end);
}
