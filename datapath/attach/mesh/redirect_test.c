// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs see of an accelerated connection is what they see of a plain one: the same talk is
 * held over both, and what came of it is compared. Needs root. */
#include "datapath/attach/mesh/redirect.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/core/sandbox_test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#define PLAIN_PORT  7200
#define FAST_PORT   7201 /* accelerated without a trial */
#define TRIED_PORT  7202 /* accelerated once a program has shown how it reads */
#define LARGE_BYTES (64u << 20)
#define WAIT_MS	    2000

static struct attach *attach;
static struct reader *reader;
static struct redirect *redirect;
static char why_skipped[256];

struct talk {
	int near;
	int far;
	char said[512]; /* what came of it */
};

__attribute__((format(printf, 2, 3))) static void note(struct talk *t, const char *format, ...)
{
	size_t used = strlen(t->said);
	va_list args;

	va_start(args, format);
	vsnprintf(t->said + used, sizeof(t->said) - used, format, args);
	va_end(args);
}

/* The outcome of a call: its value, or the name of its errno. */
static void note_result(struct talk *t, const char *what, ssize_t result)
{
	if (result < 0)
		note(t, "%s: %s; ", what, strerrorname_np(errno));
	else
		note(t, "%s: %zd; ", what, result);
}

static struct sockaddr_in address_of(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void connect_ends(struct talk *t, uint16_t port)
{
	struct sockaddr_in address = address_of(port);
	cleanup_close int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval wait = {.tv_sec = WAIT_MS / 1000};
	int on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_false(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	assert_false(listen(listener, 1));
	t->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_false(connect(t->near, (struct sockaddr *)&address, sizeof(address)));
	t->far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(t->far >= 0);
	setsockopt(t->near, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(t->far, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	t->said[0] = 0;
}

static void close_ends(struct talk *t)
{
	cleanup_close_fd(&t->near);
	cleanup_close_fd(&t->far);
}

static uint64_t bytes_past_tcp(void)
{
	uint64_t lost[WEFT_LOSS_MAX], counts[WEFT_COUNT_MAX];

	reader_counters(reader, lost, counts);
	return counts[WEFT_COUNT_REDIRECT_BYTES];
}

/* Holds |talk| over a plain and over an accelerated connection. */
static void compare(void (*talk)(struct talk *t))
{
	struct talk plain, fast;
	uint64_t before;

	if (why_skipped[0]) {
		printf("skipped: %s\n", why_skipped);
		skip();
	}
	connect_ends(&plain, PLAIN_PORT);
	talk(&plain);
	close_ends(&plain);
	before = bytes_past_tcp();
	connect_ends(&fast, FAST_PORT);
	talk(&fast);
	close_ends(&fast);
	assert_true(bytes_past_tcp() > before);
	assert_string_equal(plain.said, fast.said);
}

/* ---- talks */

static void say_half_close(struct talk *t)
{
	char buffer[64];

	send(t->near, "question", 8, MSG_NOSIGNAL);
	shutdown(t->near, SHUT_WR);
	note_result(t, "read", recv(t->far, buffer, sizeof(buffer), 0));
	note_result(t, "end", recv(t->far, buffer, sizeof(buffer), 0));
	note_result(t, "answer", send(t->far, "answer", 6, MSG_NOSIGNAL));
	note_result(t, "read back", recv(t->near, buffer, sizeof(buffer), 0));
	close(t->far);
	t->far = -1;
	note_result(t, "end back", recv(t->near, buffer, sizeof(buffer), 0));
}

static void test_half_close(void **state)
{
	(void)state;
	compare(say_half_close);
}

static void abort_end(int *fd)
{
	struct linger abort_it = {.l_onoff = 1};

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	close(*fd);
	*fd = -1;
	usleep(20000);
}

/* The other end aborts: what is said on a socket that was reset. */
static void say_reset(struct talk *t)
{
	struct pollfd p = {.fd = t->near, .events = POLLIN | POLLRDHUP};
	char buffer[64];

	send(t->near, "question", 8, MSG_NOSIGNAL);
	note_result(t, "read", recv(t->far, buffer, sizeof(buffer), 0));
	abort_end(&t->far);
	note(t, "poll: %d %x; ", poll(&p, 1, WAIT_MS), p.revents);
	note_result(t, "read", recv(t->near, buffer, sizeof(buffer), 0));
	note_result(t, "read again", recv(t->near, buffer, sizeof(buffer), 0));
	note_result(t, "send", send(t->near, "more", 4, MSG_NOSIGNAL));
}

static void test_reset(void **state)
{
	(void)state;
	compare(say_reset);
}

/* What was sent before the abort can be read as far as with TCP. */
static void say_reset_behind_bytes(struct talk *t)
{
	char buffer[64];

	send(t->near, "question", 8, MSG_NOSIGNAL);
	abort_end(&t->near);
	note_result(t, "read", recv(t->far, buffer, 4, 0));
	note_result(t, "read again", recv(t->far, buffer, sizeof(buffer), 0));
}

static void test_reset_behind_bytes(void **state)
{
	(void)state;
	compare(say_reset_behind_bytes);
}

static void say_close_with_bytes(struct talk *t)
{
	char buffer[65536];
	ssize_t total = 0, n;

	memset(buffer, 'x', sizeof(buffer));
	for (int i = 0; i < 8; i++)
		send(t->near, buffer, sizeof(buffer), MSG_NOSIGNAL);
	close(t->near);
	t->near = -1;
	usleep(20000);
	while ((n = recv(t->far, buffer, sizeof(buffer), 0)) > 0)
		total += n;
	note_result(t, "all", total);
	note_result(t, "end", n);
}

static void test_close_with_bytes(void **state)
{
	(void)state;
	compare(say_close_with_bytes);
}

static void say_peek(struct talk *t)
{
	char buffer[64] = "";
	int waits = 0;

	send(t->near, "one", 3, MSG_NOSIGNAL);
	send(t->near, "two", 3, MSG_NOSIGNAL);
	usleep(5000);
	note_result(t, "peek", recv(t->far, buffer, 4, MSG_PEEK));
	note(t, "%.4s; ", buffer);
	note_result(t, "peek all", recv(t->far, buffer, sizeof(buffer), MSG_PEEK));
	ioctl(t->far, FIONREAD, &waits);
	note(t, "waits: %d; ", waits);
	note_result(t, "read", recv(t->far, buffer, 2, 0));
	note_result(t, "peek", recv(t->far, buffer, sizeof(buffer), MSG_PEEK));
	note_result(t, "read", recv(t->far, buffer, sizeof(buffer), 0));
	note(t, "%.4s; ", buffer);
	note_result(t, "nothing", recv(t->far, buffer, sizeof(buffer), MSG_PEEK | MSG_DONTWAIT));
}

static void test_peek(void **state)
{
	(void)state;
	compare(say_peek);
}

/* The receiver does not read: the sender blocks as with TCP, and all bytes arrive in the end. */
static void say_zero_window(struct talk *t)
{
	struct pollfd p = {.fd = t->near, .events = POLLOUT};
	unsigned char buffer[65536];
	size_t sent = 0, have = 0;
	bool right = true;
	ssize_t n;

	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (unsigned char)(i % 251);
	while ((n = send(t->near, buffer + sent % 251, 50200, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		sent += (size_t)n;
	note_result(t, "full", n);
	note(t, "bounded: %d; writable: %d; ", sent < (32u << 20), poll(&p, 1, 50));
	while (have < sent && (n = recv(t->far, buffer, sizeof(buffer), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			right = right && buffer[i] == have++ % 251;
	note(t, "all: %d; right: %d; writable: %d; ", have == sent, right, poll(&p, 1, WAIT_MS));
}

static void test_zero_window(void **state)
{
	(void)state;
	compare(say_zero_window);
}

static void *send_large(void *arg)
{
	struct talk *t = arg;
	unsigned char buffer[65521];
	size_t at = 0;
	ssize_t n = 1;

	while (at < LARGE_BYTES && n > 0) {
		size_t bytes =
			LARGE_BYTES - at < sizeof(buffer) ? LARGE_BYTES - at : sizeof(buffer);

		for (size_t i = 0; i < bytes; i++)
			buffer[i] = (unsigned char)((at + i) * 2654435761u >> 13);
		n = send(t->near, buffer, bytes, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
	}
	shutdown(t->near, SHUT_WR);
	return NULL;
}

static void say_large(struct talk *t)
{
	unsigned char buffer[40000];
	pthread_t thread;
	bool right = true;
	size_t have = 0;
	ssize_t n;

	assert_false(pthread_create(&thread, NULL, send_large, t));
	while ((n = recv(t->far, buffer, sizeof(buffer), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			right = right && buffer[i] == (unsigned char)(have++ * 2654435761u >> 13);
	pthread_join(thread, NULL);
	note(t, "%zu bytes, right: %d, end: %zd", have, right, n);
}

static void test_large(void **state)
{
	(void)state;
	compare(say_large);
}

/* Asked for on a connection that is accelerated already: from then on it is TCP's. */
static void say_low_water(struct talk *t)
{
	struct pollfd p = {.fd = t->far, .events = POLLIN};
	char buffer[64];
	int ten = 10;

	send(t->near, "early", 5, MSG_NOSIGNAL);
	note_result(t, "read", recv(t->far, buffer, sizeof(buffer), 0));
	setsockopt(t->far, SOL_SOCKET, SO_RCVLOWAT, &ten, sizeof(ten));
	send(t->near, "0123456789", 10, MSG_NOSIGNAL);
	note(t, "poll: %d; ", poll(&p, 1, WAIT_MS));
	note_result(t, "read", recv(t->far, buffer, sizeof(buffer), 0));
}

static void test_low_water(void **state)
{
	(void)state;
	compare(say_low_water);
}

/* ---- who is not accelerated */

static uint64_t past_tcp(uint16_t port, void (*talk)(struct talk *t))
{
	uint64_t before = bytes_past_tcp();
	struct talk t;

	connect_ends(&t, port);
	talk(&t);
	close_ends(&t);
	usleep(20000);
	return bytes_past_tcp() - before;
}

/* So that only how the far end reads can be what matters. */
static void answer_by_recv(struct talk *t)
{
	char buffer[64];

	send(t->far, "an answer", 9, MSG_NOSIGNAL);
	assert_int_equal(recv(t->near, buffer, sizeof(buffer), 0), 9);
}

static void say_by_splice(struct talk *t)
{
	char buffer[64];
	int ends[2];

	assert_false(pipe(ends));
	send(t->near, "spliced bytes", 13, MSG_NOSIGNAL);
	assert_int_equal(splice(t->far, NULL, ends[1], NULL, 13, 0), 13);
	assert_int_equal(read(ends[0], buffer, sizeof(buffer)), 13);
	assert_memory_equal(buffer, "spliced bytes", 13);
	answer_by_recv(t);
	close(ends[0]);
	close(ends[1]);
}

static void say_by_recv(struct talk *t)
{
	char buffer[64];

	send(t->near, "a question", 10, MSG_NOSIGNAL);
	assert_int_equal(recv(t->far, buffer, sizeof(buffer), 0), 10);
	answer_by_recv(t);
}

/* The mark of a program that never used the service goes away with its entry. */
static void services_set(bool tried)
{
	struct redirect_service services[2];
	struct error err = {0};

	redirect_service_parse("127.0.0.1:7201", &services[0]);
	services[0].flags = WEFT_ACCEL_TRUSTED;
	redirect_service_parse("127.0.0.1:7202", &services[1]);
	if (redirect_set(redirect, services, tried ? 2 : 1, &err))
		fail_msg("%s", err.text);
}

static void readers_forget(void)
{
	int fd = attach_map_fd(attach, "weft_readers");
	char key[72];

	while (!bpf_map_get_next_key(fd, NULL, key))
		bpf_map_delete_elem(fd, key);
}

static void test_program_shows_how_it_reads(void **state)
{
	(void)state;
	if (why_skipped[0])
		skip();
	readers_forget();
	assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 0);
	assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 19);
	assert_int_equal(past_tcp(PLAIN_PORT, say_by_recv), 0);
}

static void test_splice_is_never_accelerated(void **state)
{
	(void)state;
	if (why_skipped[0])
		skip();
	readers_forget();
	for (int i = 0; i < 4; i++)
		assert_int_equal(past_tcp(TRIED_PORT, say_by_splice), 0);
	for (int i = 0; i < 2; i++) /* the same program */
		assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 0);
}

static void say_waiting_for_all(struct talk *t)
{
	char buffer[8];

	send(t->near, "1234", 4, MSG_NOSIGNAL);
	send(t->near, "5678", 4, MSG_NOSIGNAL);
	assert_int_equal(recv(t->far, buffer, 8, MSG_WAITALL), 8);
	answer_by_recv(t);
}

static void test_waitall_is_never_accelerated(void **state)
{
	(void)state;
	if (why_skipped[0])
		skip();
	readers_forget();
	for (int i = 0; i < 4; i++)
		assert_int_equal(past_tcp(TRIED_PORT, say_waiting_for_all), 0);
}

static void stream(int from, int to, unsigned messages)
{
	char buffer[4096] = "";

	for (unsigned i = 0; i < messages; i++) {
		send(from, buffer, sizeof(buffer), MSG_NOSIGNAL);
		assert_int_equal(recv(to, buffer, sizeof(buffer), 0), sizeof(buffer));
	}
}

static void say_stream_down(struct talk *t)
{
	say_by_recv(t);
	stream(t->far, t->near, 200);
}

static void say_stream_up(struct talk *t)
{
	say_by_recv(t);
	stream(t->near, t->far, 200);
}

/* TCP does streams better. */
static void test_streams_stay_with_tcp(void **state)
{
	(void)state;
	if (why_skipped[0])
		skip();
	readers_forget();
	assert_int_equal(past_tcp(TRIED_PORT, say_stream_down), 0);
	for (int i = 0; i < 2; i++) /* its client takes part in streams */
		assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 0);
	readers_forget();
	past_tcp(TRIED_PORT, say_by_recv);
	assert_in_range(past_tcp(TRIED_PORT, say_stream_up), 64 * 4096, 66 * 4096);
	assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 0);
}

/* A service that is taken from the list: what lives goes on, what comes is plain. */
static void test_list_changes(void **state)
{
	uint64_t before;
	struct talk t;

	(void)state;
	if (why_skipped[0])
		skip();
	readers_forget();
	past_tcp(TRIED_PORT, say_by_recv);
	connect_ends(&t, TRIED_PORT);
	services_set(false);
	before = bytes_past_tcp();
	say_by_recv(&t);
	assert_int_equal(bytes_past_tcp() - before, 19);
	assert_int_equal(past_tcp(TRIED_PORT, say_by_recv), 0);
	close_ends(&t);
	services_set(true);
}

static void test_service_parse(void **state)
{
	struct redirect_service s;

	(void)state;
	assert_int_equal(redirect_service_parse("10.1.2.3:80", &s), 0);
	assert_int_equal(s.key.port, 80);
	assert_memory_equal(s.key.addr + 10, "\xff\xff\x0a\x01\x02\x03", 6);
	assert_int_equal(redirect_service_parse("[fd00::1]:65535", &s), 0);
	assert_memory_equal(s.key.addr, "\xfd\0", 2);
	assert_int_equal(redirect_service_parse(":8080", &s), 0);
	assert_memory_equal(s.key.addr, (char[16]){0}, 16);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(
			redirect_service_parse((const char *[]){"", "80", "host:80", "::1:80",
								"1.2.3.4:0", "1.2.3.4:x", "[::1:80",
								":70000"}[i],
					       &s),
			-EINVAL);
}

static void prepare(void)
{
	struct attach_options options = {.redirect = true, .cgroup_path = cgroup_dir};
	struct error err = {0};

	if (geteuid())
		snprintf(why_skipped, sizeof(why_skipped), "root is needed");
	else if (private_loopback() || !private_cgroup())
		snprintf(why_skipped, sizeof(why_skipped), "no namespace of its own");
	else if (attach_new(&options, &attach, &err) ||
		 reader_new(attach_reader_maps(attach), &reader, &err) ||
		 redirect_new(attach, cgroup_dir, &redirect, &err))
		snprintf(why_skipped, sizeof(why_skipped), "%s", err.text);
	else
		services_set(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_parse),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_behind_bytes),
		cmocka_unit_test(test_close_with_bytes),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_low_water),
		cmocka_unit_test(test_program_shows_how_it_reads),
		cmocka_unit_test(test_splice_is_never_accelerated),
		cmocka_unit_test(test_waitall_is_never_accelerated),
		cmocka_unit_test(test_streams_stay_with_tcp),
		cmocka_unit_test(test_list_changes),
	};
	int failed;

	prepare();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	redirect_free(redirect);
	reader_free(reader);
	attach_free(attach);
	leave_cgroup();
	return failed;
}
