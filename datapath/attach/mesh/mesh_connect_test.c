// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs see of balancing: errors, and the endpoint that stays; and that connections are
 * counted out whatever becomes of them. */
#include "datapath/attach/mesh/mesh_service_test.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

static int verdicts[8];

static int verdict_count(void *arg, void *record, size_t size_bytes)
{
	const struct weft_verdict *v = record;

	(void)arg;
	(void)size_bytes;
	if (v->event.kind != WEFT_EVENT_VERDICT)
		return 0;
	assert_int_equal(v->tuple.remote_port, PORT);
	assert_int_equal(v->owner.pid, getpid());
	assert_int_not_equal(v->tuple.netns_ino, 0);
	assert_int_equal(v->service, 1);
	verdicts[v->verdict]++;
	return 0;
}

static void verdicts_read(void)
{
	memset(verdicts, 0, sizeof(verdicts));
	reader_consume(reader, verdict_count, NULL);
}

/* ---- no */

static void test_no_endpoint(void **state)
{
	uint64_t before = service(1)->no_endpoint;

	(void)state;
	verdicts_read();
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	mesh_force();
	assert_int_equal(dial(VIP, PORT), -ECONNREFUSED);
	assert_int_equal(dial_from(SOCK_STREAM | SOCK_NONBLOCK, NULL, VIP, PORT), -ECONNREFUSED);
	assert_int_equal(service(1)->no_endpoint - before, 2);
	verdicts_read();
	assert_int_equal(verdicts[WEFT_VERDICT_NO_ENDPOINT], 2);
}

static void test_max_connections(void **state)
{
	int fd[3], server[3] = {-1, -1, -1};

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM)->max_connections = 3;
	to_listener();
	for (int i = 0; i < 3; i++) {
		fd[i] = dial(VIP, PORT);
		assert_true(fd[i] >= 0);
		assert_true(listener_accept(&server[i]) >= 0);
	}
	assert_int_equal(dial(VIP, PORT), -ECONNREFUSED);
	hang_up(fd[0]);
	fd[0] = dial(VIP, PORT);
	assert_true(fd[0] >= 0);
	close(server[0]);
	assert_true(listener_accept(&server[0]) >= 0);
	for (int i = 0; i < 3; i++) {
		hang_up(fd[i]);
		close(server[i]);
	}
	assert_int_equal(service(1)->connections, 0);
	verdicts_read();
	assert_int_equal(verdicts[WEFT_VERDICT_OVERFLOW], 1);
}

static void test_rate(void **state)
{
	unsigned allowed = 0, refused = 0;
	struct timespec start, now;
	double seconds;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM)->connects_per_second = 100;
	to_listener();
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		int server = -1, fd = dial(VIP, PORT);

		if (fd >= 0) {
			assert_true(listener_accept(&server) >= 0);
			hang_up(fd);
			close(server);
		}
		fd >= 0 ? allowed++ : refused++;
		clock_gettime(CLOCK_MONOTONIC, &now);
		seconds = (double)(now.tv_sec - start.tv_sec) +
			  (double)(now.tv_nsec - start.tv_nsec) / 1e9;
	} while (seconds < 1);
	assert_in_range(allowed, 190, 205); /* what a second had gathered, and a second's */
	assert_true(refused > 0);
}

/* ---- counting out */

static void expect_none_soon(void)
{
	for (int i = 0; i < 1000 && endpoint(1)->connections; i++)
		usleep(1000);
	expect_none();
}

static void test_refused_by_endpoint(void **state)
{
	uint64_t failures = endpoint(1)->failures;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	endpoint_add(last_pool(), 0, "127.0.1.200", 9, 1);
	mesh_force();
	assert_int_equal(dial(VIP, PORT), -ECONNREFUSED);
	assert_int_equal(endpoint(1)->failures - failures, 1);
	expect_none();
}

/* There is no route: the attempt ends before its SYN. It is counted out when the socket is tried
 * again, or at the latest when it is closed. */
static void test_unreachable(void **state)
{
	struct sockaddr_storage to;
	socklen_t size;
	int fd = -1;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	endpoint_add(last_pool(), 0, "192.0.2.1", 80, 1);
	mesh_force();
	sockaddr_make(VIP, PORT, &to, &size);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(connect(fd, (void *)&to, size), -1);
		assert_int_equal(errno, ENETUNREACH);
		assert_int_equal(service(1)->connections, 1);
	}
	close(fd);
	expect_none();
}

/* A socket that failed connects again: to another service's address, to none, or away. */
static void test_retry(void **state)
{
	struct sockaddr away = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage to;
	socklen_t size;
	int fd, server = -1;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	mesh_force();
	sockaddr_make(VIP, PORT, &to, &size);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (void *)&to, size), -1);
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(connect(fd, (void *)&to, size), 0);
		assert_true(listener_accept(&server) >= 0);
		assert_int_equal(service(1)->connections, 1);
		assert_int_equal(connect(fd, &away, sizeof(away)), 0);
		assert_int_equal(service(1)->connections, 0);
		close(server);
	}
	sockaddr_make(listener_addr(0), ports[0], &to, &size);
	assert_int_equal(connect(fd, (void *)&to, size), 0);
	assert_true(listener_accept(&server) >= 0);
	expect_none();
	close(fd);
	close(server);
	expect_none();
}

static void test_nonblocking(void **state)
{
	struct sockaddr_storage to;
	struct pollfd poll_out = {.events = POLLOUT};
	socklen_t size;
	int server;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	sockaddr_make(VIP, PORT, &to, &size);
	poll_out.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(poll_out.fd, (void *)&to, size))
		assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(poll(&poll_out, 1, 1000), 1);
	assert_int_equal(connect(poll_out.fd, (void *)&to, size), 0);
	assert_true(listener_accept(&server) >= 0);
	assert_int_equal(service(1)->connections, 1);
	hang_up(poll_out.fd);
	close(server);
	expect_none();
}

/* Both ends close as it should be, one after the other: counted out once. */
static void test_close(void **state)
{
	int fd, server = -1;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	for (int i = 0; i < 200; i++) {
		fd = dial(VIP, PORT);
		assert_true(fd >= 0 && listener_accept(&server) >= 0);
		assert_int_equal(service(1)->connections, 1);
		close(i & 1 ? fd : server);
		close(i & 1 ? server : fd);
		expect_none_soon();
	}
}

/* The process is killed with its connections. */
static void test_killed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 10; i++)
			dial(VIP, PORT);
		pause();
	}
	for (int i = 0; i < 1000 && service(1)->connections < 10; i++)
		usleep(1000);
	assert_int_equal(service(1)->connections, 10);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	listeners_drain();
	expect_none_soon();
}

/* ---- the same client to the same endpoint */

static int endpoint_reached(const char *bound)
{
	int server = -1, fd = dial_from(SOCK_STREAM, bound, VIP, PORT), which;

	assert_true(fd >= 0);
	which = listener_accept(&server);
	hang_up(fd);
	close(server);
	return which;
}

static void many_endpoints(uint8_t balance, unsigned count, unsigned skip, uint32_t affinity_s)
{
	struct weft_mesh_pool *p;

	listeners_open(count);
	one_service(VIP, IPPROTO_TCP, balance)->affinity_s = affinity_s;
	p = last_pool();
	for (unsigned i = 0; i < count; i++)
		if (i != skip)
			endpoint_add(p, 0, listener_addr(i), ports[i], i + 1);
	mesh_force();
}

/* Stays over generations in which its endpoint has another place, until that is ejected. */
static void test_affinity(void **state)
{
	int first, next;

	(void)state;
	many_endpoints(WEFT_BALANCE_RANDOM, 20, 99, 60);
	first = endpoint_reached(NULL);
	for (int i = 0; i < 50; i++)
		assert_int_equal(endpoint_reached(NULL), first);
	many_endpoints(WEFT_BALANCE_RANDOM, 20, first == 0 ? 1 : 0, 60);
	for (int i = 0; i < 50; i++)
		assert_int_equal(endpoint_reached(NULL), first);
	endpoint((unsigned)first + 1)->flags = WEFT_EJECTED;
	next = endpoint_reached(NULL);
	assert_int_not_equal(next, first);
	for (int i = 0; i < 50; i++)
		assert_int_equal(endpoint_reached(NULL), next);
	endpoint((unsigned)first + 1)->flags = 0;
}

/* Without a table the hash of client and endpoint decides: whose endpoint does not go stays. */
static void test_faithful(void **state)
{
	int before[200];
	char source[32];

	(void)state;
	many_endpoints(WEFT_BALANCE_MAGLEV, 20, 99, 0);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "127.0.9.%u", i + 1);
		before[i] = endpoint_reached(source);
	}
	many_endpoints(WEFT_BALANCE_MAGLEV, 20, 7, 0);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "127.0.9.%u", i + 1);
		if (before[i] != 7)
			assert_int_equal(endpoint_reached(source), before[i]);
	}
}

static void test_simulate(void **state)
{
	struct weft_simulation s = {.port = PORT, .protocol = IPPROTO_TCP};
	uint64_t connects;
	uint8_t addr[16];

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	connects = service(1)->connects;
	addr_parse(VIP, s.addr);
	assert_int_equal(mesh_maps_simulate(maps, &s), 0);
	addr_parse(listener_addr(0), addr);
	assert_memory_equal(s.endpoint_addr, addr, 16);
	assert_int_equal(s.endpoint_port, ports[0]);
	assert_int_equal(s.service, 1);
	assert_int_equal(s.generation, mesh_maps_live(maps)->generation);
	assert_int_equal(service(1)->connects, connects);
	s.port = PORT + 1;
	assert_int_equal(mesh_maps_simulate(maps, &s), 0);
	assert_int_equal(s.service, WEFT_NUMBER_NONE);
	assert_int_equal(s.verdict, WEFT_VERDICT_ALLOWED);
}

static void test_clear(void **state)
{
	int fd, server = -1;

	(void)state;
	one_service("127.0.1.1", IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	mesh_force();
	assert_int_equal(mesh_maps_clear(maps), 0);
	listeners_open(1);
	fd = dial(listener_addr(0), ports[0]);
	assert_true(fd >= 0 && listener_accept(&server) >= 0);
	hang_up(fd);
	close(server);
}

static int ring_open(void **state)
{
	struct error err;

	(void)state;
	return reader_new(attach_reader_maps(attach), &reader, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_endpoint, ring_open),
		cmocka_unit_test(test_max_connections),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_refused_by_endpoint),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_nonblocking),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_faithful),
		cmocka_unit_test(test_simulate),
		cmocka_unit_test(test_clear),
	};

	return world_run(tests);
}
