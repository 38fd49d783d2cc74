// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Short first messages over a veth pair whose far side is worked off by another core: the order of
 * bytes holds over 100,000 connections, and does not without the rule that keeps it. Needs root. */
#include "datapath/attach/redirect.h"

#include "base/cleanup.h"
#include "datapath/attach/attach.h"
#include "datapath/attach/sandbox_test.h"

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
#define CONNECTIONS 100000
#define MESSAGES    6 /* of 1, 2, ... bytes: the first is short */
#define BYTES	    (MESSAGES * (MESSAGES + 1) / 2)
#define SEEN_MAX_MS 240000

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

static bool in_order(int fd)
{
	char got[BYTES];
	size_t have = 0;
	ssize_t n = 1;

	while (have < BYTES && n > 0) {
		n = recv(fd, got + have, BYTES - have, 0);
		have += n > 0 ? (size_t)n : 0;
	}
	for (size_t i = 0; i < have; i++)
		if (got[i] != (char)('A' + i))
			return false;
	return have == BYTES;
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
		if (!in_order(fd))
			server->misordered++;
		send(fd, "k", 1, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

/* ---- the near side */

/* An abort at the end: no port waits in TIME_WAIT. */
static bool ask(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct linger abort_it = {.l_onoff = 1};
	struct timeval wait = {.tv_sec = 5};
	char sent[BYTES], byte;
	size_t at = 0;

	inet_pton(AF_INET, FAR_ADDRESS, &address.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return false;
	for (size_t i = 0; i < BYTES; i++)
		sent[i] = (char)('A' + i);
	for (size_t i = 1; i <= MESSAGES; at += i++)
		if (send(fd, sent + at, i, MSG_NOSIGNAL) != (ssize_t)i)
			return false;
	return recv(fd, &byte, 1, 0) == 1;
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

static void run(struct server *server, unsigned stop_at, struct result *result)
{
	uint64_t end_ms = now_ms() + SEEN_MAX_MS;

	while (result->connections < CONNECTIONS && server->misordered < stop_at &&
	       now_ms() < end_ms) {
		assert_true(ask());
		result->connections++;
	}
	result->misordered = server->misordered;
}

/* |stop_at| misordered connections are enough. */
static void stress(bool out_of_order, unsigned stop_at, struct result *result)
{
	struct attach_options options = {
		.redirect = true, .redirect_out_of_order = out_of_order, .cgroup_path = cgroup_dir};
	struct redirect_service service;
	uint64_t lost[WEFT_LOSS_MAX];
	struct server server = {.listener_fd = -1};
	struct redirect *redirect = NULL;
	struct attach *attach = NULL;
	struct error err = {0};
	pthread_t thread;

	redirect_service_parse(":7100", &service);
	service.flags = WEFT_ACCEL_TRUSTED;
	if (attach_new(&options, &attach, &err) ||
	    redirect_new(attach, cgroup_dir, &redirect, &err) ||
	    redirect_set(redirect, &service, 1, &err))
		fail_msg("%s", err.text);
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	while (__atomic_load_n(&server.listener_fd, __ATOMIC_SEQ_CST) < 0)
		usleep(1000);
	pin_to(0);
	run(&server, stop_at, result);
	shutdown(server.listener_fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server.listener_fd);
	attach_read_counters(attach, lost, result->counts);
	redirect_free(redirect);
	attach_free(attach);
}

static void say(const char *what, const struct result *r)
{
	printf("%s: %u connections, %u misordered; %llu pairs, %llu messages past TCP, "
	       "%llu directions late\n",
	       what, r->connections, r->misordered,
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_PAIRS],
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_MESSAGES],
	       (unsigned long long)r->counts[WEFT_COUNT_REDIRECT_LATE]);
}

static void test_order_holds(void **state)
{
	struct result result = {0};

	(void)state;
	if (why_skipped[0]) {
		printf("skipped: %s\n", why_skipped);
		skip();
	}
	stress(false, 1, &result);
	say("as it is", &result);
	assert_int_equal(result.misordered, 0);
	assert_int_equal(result.connections, CONNECTIONS);
	assert_true(result.counts[WEFT_COUNT_REDIRECT_MESSAGES] > CONNECTIONS);
	assert_true(result.counts[WEFT_COUNT_REDIRECT_LATE] > 0); /* the race was there */
}

static void test_order_breaks_without_the_rule(void **state)
{
	struct result result = {0};

	(void)state;
	if (why_skipped[0])
		skip();
	stress(true, 1, &result);
	say("without the rule", &result);
	assert_true(result.misordered > 0);
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
