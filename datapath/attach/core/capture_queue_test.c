// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What listeners refuse because their accept queues are full is what the kernel counts as
 * ListenOverflows, of each, to its end. Needs root. */
#include "datapath/attach/core/sandbox_test.h"

#include <linux/types.h>

#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BACKLOG	  2
#define CALLS	  12
#define LISTENERS 3

/* A listener and what was told of it last. */
static struct queue {
	int fd, calls[CALLS];
	uint64_t cookie, drops;
	uint32_t backlog;
	bool told, ended;
} queues[LISTENERS];

static struct attach *world;
static struct reader *reader;

static int take(void *arg, void *record, size_t size_bytes)
{
	const struct weft_listen *listen = record;

	(void)arg;
	(void)size_bytes;
	for (int i = 0; i < LISTENERS && listen->event.kind == WEFT_EVENT_LISTEN; i++) {
		struct queue *q = &queues[i];

		if (listen->cookie != q->cookie)
			continue;
		assert_int_equal(listen->backlog_max, BACKLOG);
		q->drops = listen->drops;
		q->told = true;
		q->backlog = listen->backlog;
		q->ended = listen->ended;
	}
	return 0;
}

/* What the kernel counts as |name| in this network namespace. */
static uint64_t kernel_count(const char *name)
{
	FILE *file cleanup_fclose = fopen("/proc/thread-self/net/netstat", "re");
	static char names[8192], values[8192];
	const char *at, *value;
	size_t size = strlen(name);

	assert_true(file && fgets(names, sizeof(names), file) &&
		    fgets(values, sizeof(values), file));
	at = strchr(names, ' ');
	for (value = strchr(values, ' '); at && value; value = strchr(value + 1, ' ')) {
		if (!strncmp(at + 1, name, size) && at[1 + size] == ' ')
			return strtoull(value, NULL, 10);
		at = strchr(at + 1, ' ');
	}
	fail_msg("the kernel does not count %s", name);
	return 0;
}

static void listen_at(struct queue *q, int family, struct sockaddr_in6 *ret_addr)
{
	socklen_t size = sizeof(*ret_addr), cookie_size = sizeof(q->cookie);
	struct sockaddr_in6 any = {.sin6_family = (sa_family_t)family};

	*q = (struct queue){.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_int_equal(bind(q->fd, (void *)&any, size), 0);
	assert_int_equal(getsockopt(q->fd, SOL_SOCKET, SO_COOKIE, &q->cookie, &cookie_size), 0);
	assert_int_equal(listen(q->fd, BACKLOG), 0);
	assert_int_equal(getsockname(q->fd, (void *)ret_addr, &size), 0);
}

/* A connection to the port of |at| without waiting for it. */
static int call(int family, const struct sockaddr_in6 *at)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool v4 = family == AF_INET;
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6, .sin6_port = at->sin6_port, .sin6_addr = in6addr_loopback};
	struct sockaddr_in to4 = {.sin_family = AF_INET,
				  .sin_port = at->sin6_port,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (connect(fd, v4 ? (void *)&to4 : (void *)&to6, v4 ? sizeof(to4) : sizeof(to6)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

/* More calls than fit; SYNs are sent again after a second. */
static void fill(struct queue *q, int family, const struct sockaddr_in6 *at)
{
	for (int i = 0; i < CALLS; i++)
		q->calls[i] = call(family, at);
	for (int i = 0; i < 15; i++) {
		usleep(100000);
		reader_consume(reader, take, NULL); /* what others of the machine do too */
	}
}

static void finish(struct queue *q)
{
	close(q->fd);
	for (int i = 0; i < CALLS; i++)
		close(q->calls[i]);
}

static void read_walk(void)
{
	assert_int_equal(attach_iterate(world, take, NULL), 0);
}

static void test_overflows(void **state)
{
	static const int listens[LISTENERS] = {AF_INET, AF_INET6, AF_INET6};
	static const int calls[LISTENERS] = {AF_INET, AF_INET6, AF_INET};
	uint64_t before = kernel_count("ListenOverflows"), sum = 0;
	struct sockaddr_in6 at;

	(void)state;
	for (int i = 0; i < LISTENERS; i++) {
		uint64_t of_this = kernel_count("ListenOverflows");

		listen_at(&queues[i], listens[i], &at);
		fill(&queues[i], calls[i], &at);
		read_walk();
		of_this = kernel_count("ListenOverflows") - of_this;
		assert_true(of_this > CALLS - BACKLOG - 1 && queues[i].told && !queues[i].ended);
		assert_int_equal(queues[i].backlog, BACKLOG + 1);
		assert_int_equal(queues[i].drops, of_this);
		close(call(calls[i], &at)); /* after the last walk */
		finish(&queues[i]);
		reader_consume(reader, take, NULL);
		assert_true(queues[i].ended);
		sum += queues[i].drops;
	}
	assert_int_equal(sum, kernel_count("ListenOverflows") - before);
}

/* Handshakes whose last ACK waits for data count as drops of the socket. */
static void test_deferred(void **state)
{
	uint64_t before = kernel_count("TCPDeferAcceptDrop");
	struct sockaddr_in6 at;
	int on = 10;

	(void)state;
	listen_at(&queues[0], AF_INET, &at);
	assert_int_equal(setsockopt(queues[0].fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on)),
			 0);
	for (int i = 0; i < CALLS; i++)
		queues[0].calls[i] = i <= BACKLOG ? call(AF_INET, &at) : -1;
	usleep(100000);
	assert_int_equal(kernel_count("TCPDeferAcceptDrop"), before + BACKLOG + 1);
	read_walk();
	assert_true(queues[0].told);
	assert_int_equal(queues[0].drops, 0);
	finish(&queues[0]);
}

static int begin(void **state)
{
	struct attach_options options = {.cgroup_path = cgroup_dir, .capture = true};
	struct error err = {0};

	(void)state;
	private_cgroup();
	if (attach_new(&options, &world, &err) ||
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
		cmocka_unit_test(test_overflows),
		cmocka_unit_test(test_deferred),
	};

	if (geteuid() || private_loopback())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_queue", tests, begin, end);
}
