// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Over a veth pair whose far side is worked off by another core, the order of bytes holds: with
 * short first messages over 100,000 connections, and in streams that go back to TCP; it does not
 * without the rule that keeps it. Needs root. */
#include "datapath/attach/mesh/redirect.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/core/sandbox_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PORT	    7100
#define BYTES_MAX   1024
#define SEEN_MAX_MS 240000

/* What the near side says without waiting for an answer; its first message has one byte. */
struct plan {
	const char *name;
	unsigned connections;
	unsigned messages;
	unsigned longer_by;    /* bytes, each message than the one before */
	unsigned interject_at; /* bytes after which the far side says one, unasked; 0 = never */
};

static const struct plan SHORT = {"short first message", 100000, 6, 1, 0};
static const struct plan STREAM = {"stream", 4000, 300, 0, 64};

static const char FAR_ADDRESS[] = "198.18.77.2";
static pid_t far_pid; /* holds the namespace of the far side */
static char why_skipped[96];

static int far_pin(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", far_pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

/* A process that does nothing but be in a namespace. */
static pid_t namespace_hold(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	byte = 0;
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Two namespaces and a veth pair; packets for the far side wait for the second core. */
static bool wires_make(void)
{
	far_pid = namespace_hold();
	return far_pid > 0 && !sh("ip link add near type veth peer name far netns %d", far_pid) &&
	       !sh("ip addr add 198.18.77.1/24 dev near && ip link set near up") &&
	       !sh("nsenter --net=/proc/%d/ns/net sh -c 'ip addr add %s/24 dev far && "
		   "ip link set far up && ip link set lo up && mount -t sysfs none /mnt && "
		   "echo 2 > /mnt/class/net/far/queues/rx-0/rps_cpus && umount /mnt'",
		   far_pid, FAR_ADDRESS);
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* ---- the far side: reads, compares, answers */

struct server {
	const struct plan *plan;
	int listener_fd;
	unsigned misordered;
};

static int listener_open(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 128))
		return -1;
	return fd;
}

static size_t bytes_of(const struct plan *plan)
{
	return plan->messages + plan->longer_by * plan->messages * (plan->messages - 1) / 2;
}

static char byte_at(size_t i)
{
	return (char)(i % 251);
}

static bool in_order(int fd, const struct plan *plan)
{
	size_t have = 0, bytes = bytes_of(plan);
	bool silent = plan->interject_at;
	char got[BYTES_MAX];
	ssize_t n = 1;

	while (have < bytes && n > 0) {
		n = recv(fd, got + have, bytes - have, 0);
		have += n > 0 ? (size_t)n : 0;
		if (silent && have >= plan->interject_at)
			silent = send(fd, "i", 1, MSG_NOSIGNAL) != 1;
	}
	for (size_t i = 0; i < have; i++)
		if (got[i] != byte_at(i))
			return false;
	return have == bytes;
}

static void *serve(void *arg)
{
	struct server *server = arg;
	cleanup_close int ns = far_pin();
	int fd = -1;

	setns(ns, CLONE_NEWNET);
	pin_to(1);
	server->listener_fd = listener_open();
	while ((fd = accept(server->listener_fd, NULL, NULL)) >= 0) {
		if (!in_order(fd, server->plan))
			server->misordered++;
		send(fd, "k", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* ---- the near side */

static bool say_all(int fd, const struct plan *plan)
{
	size_t at = 0, bytes = 1;
	char sent[BYTES_MAX];

	for (size_t i = 0; i < bytes_of(plan); i++)
		sent[i] = byte_at(i);
	for (unsigned i = 0; i < plan->messages; i++) {
		if (send(fd, sent + at, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
			return false;
		at += bytes;
		bytes += plan->longer_by;
	}
	return true;
}

/* An abort at the end: no port waits in TIME_WAIT. */
static bool ask(const struct plan *plan)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger abort_it = {.l_onoff = 1};
	struct timeval wait = {.tv_sec = 5};
	char byte = 0;

	inet_pton(AF_INET, FAR_ADDRESS, &address.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) || !say_all(fd, plan))
		return false;
	while (byte != 'k')
		if (recv(fd, &byte, 1, 0) != 1)
			return false;
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct result {
	unsigned connections;
	unsigned misordered;
	uint64_t counts[WEFT_COUNT_MAX];
};

static void run(struct server *server, struct result *result)
{
	uint64_t end_ms = now_ms() + SEEN_MAX_MS;

	while (result->connections < server->plan->connections && !server->misordered &&
	       now_ms() < end_ms) {
		assert_true(ask(server->plan));
		result->connections++;
	}
	result->misordered = server->misordered;
}

/* Ends at the first misordered connection. */
static void stress(const struct plan *plan, bool out_of_order, struct result *result)
{
	struct attach_options options = {
		.redirect = true, .redirect_out_of_order = out_of_order, .cgroup_path = cgroup_dir};
	struct redirect_service service;
	uint64_t lost[WEFT_LOSS_MAX];
	struct server server = {.plan = plan, .listener_fd = -1};
	struct redirect *redirect = NULL;
	struct attach *attach = NULL;
	struct reader *reader;
	struct error err = {0};
	pthread_t thread;

	redirect_service_parse(":7100", &service);
	service.flags = WEFT_ACCEL_TRUSTED;
	if (attach_new(&options, &attach, &err) ||
	    reader_new(attach_reader_maps(attach), &reader, &err) ||
	    redirect_new(attach, cgroup_dir, &redirect, &err) ||
	    redirect_set(redirect, &service, 1, &err))
		fail_msg("%s", err.text);
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	while (__atomic_load_n(&server.listener_fd, __ATOMIC_SEQ_CST) < 0)
		usleep(1000);
	pin_to(0);
	run(&server, result);
	shutdown(server.listener_fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server.listener_fd);
	reader_counters(reader, lost, result->counts);
	redirect_free(redirect);
	reader_free(reader);
	attach_free(attach);
}

static void say(const struct plan *plan, const char *what, const struct result *r)
{
	printf("%s, %s: %u connections, %u misordered; %llu pairs, %llu messages past TCP, "
	       "%llu directions late, %llu back to TCP as streams\n",
	       plan->name, what, r->connections, r->misordered,
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_PAIRS],
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_MESSAGES],
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_LATE],
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_STREAM]);
}

static void order_holds(const struct plan *plan, struct result *result)
{
	if (why_skipped[0]) {
		printf("skipped: %s\n", why_skipped);
		skip();
	}
	stress(plan, false, result);
	say(plan, "as it is", result);
	assert_int_equal(result->misordered, 0);
	assert_int_equal(result->connections, plan->connections);
}

static void order_breaks_without_the_rule(const struct plan *plan)
{
	struct result result = {0};

	if (why_skipped[0])
		skip();
	stress(plan, true, &result);
	say(plan, "without the rule", &result);
	assert_true(result.misordered > 0);
}

static void test_order_holds(void **state)
{
	struct result result = {0};

	(void)state;
	order_holds(&SHORT, &result);
	assert_true(result.counts[WEFT_COUNT_REDIRECT_MESSAGES] > SHORT.connections);
	assert_true(result.counts[WEFT_COUNT_REDIRECT_LATE] > 0); /* the race was there */
}

static void test_order_breaks_without_the_rule(void **state)
{
	(void)state;
	order_breaks_without_the_rule(&SHORT);
}

static void test_order_of_streams_holds(void **state)
{
	struct result result = {0};

	(void)state;
	order_holds(&STREAM, &result);
	assert_true(result.counts[WEFT_COUNT_REDIRECT_STREAM] >
		    100); /* more, the idler the machine */
}

static void test_order_of_streams_breaks_without_the_rule(void **state)
{
	(void)state;
	order_breaks_without_the_rule(&STREAM);
}

static void prepare(void)
{
	if (geteuid())
		snprintf(why_skipped, sizeof(why_skipped), "root is needed");
	else if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		snprintf(why_skipped, sizeof(why_skipped), "a second core is needed");
	else if (private_loopback() || !private_cgroup() || !wires_make())
		snprintf(why_skipped, sizeof(why_skipped), "no namespaces of its own");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_breaks_without_the_rule),
		cmocka_unit_test(test_order_holds),
		cmocka_unit_test(test_order_of_streams_breaks_without_the_rule),
		cmocka_unit_test(test_order_of_streams_holds),
	};
	int failed;

	prepare();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (far_pid > 0) {
		kill(far_pid, SIGKILL);
		waitpid(far_pid, NULL, 0);
	}
	leave_cgroup();
	return failed;
}
