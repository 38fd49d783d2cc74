// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies at the server's end: clients that no hook sees when they connect are refused where they
 * arrive, as the judge says; and rules about addresses that a client does not have yet. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include "control/apply/policy_mesh_test.h"
#include "datapath/attach/mesh/lookups.h"
#include "mesh-config/model/programs.h"

#define WORLDS	    30
#define CONNECTIONS 60

static struct lookups *lookups;

static struct weft_verdict last;
static unsigned denials;

static int record_take(void *arg, void *record, size_t size_bytes)
{
	const struct weft_verdict *v = record;

	(void)arg;
	(void)size_bytes;
	if (v->event.kind == WEFT_EVENT_VERDICT && v->verdict == WEFT_VERDICT_DENIED) {
		last = *v;
		denials++;
	}
	return 0;
}

static unsigned denials_take(void)
{
	denials = 0;
	reader_consume(reader, record_take, NULL);
	return denials;
}

static void judged_arrivals(unsigned *allowed, unsigned *denied)
{
	struct spec_connection c;
	struct spec_verdict v;
	int fd = -1;

	denials_take();
	for (int i = 0; i < CONNECTIONS; i++) {
		loopback_connection(&c);
		v = spec_judge(specs, spec_count, &c);
		fd = dial_from(SOCK_STREAM, c.source.address, c.target.address, (uint16_t)c.port);
		if (fd >= 0)
			hang_up(fd);
		assert_int_equal(fd < 0 ? fd : 0, v.allowed ? 0 : -ECONNREFUSED);
		assert_int_equal(denials_take(), !v.allowed);
		*(v.allowed ? allowed : denied) += 1;
		if (v.allowed)
			continue;
		assert_int_equal(last.place, WEFT_PLACE_ACCEPT);
		assert_int_equal(last.rule, v.rule);
		assert_int_equal(last.tuple.local_port, c.port);
	}
}

static void test_refused_at_once(void **state)
{
	int netns cleanup_close = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	unsigned allowed = 0, denied = 0;
	struct error err;

	(void)state;
	if (reader_new(attach_reader_maps(attach), &reader, &err) ||
	    lookups_new(attach, &lookups, &err))
		fail_msg("%s", err.text);
	assert_int_equal(lookups_add(lookups, netns), 0);
	servers_open(SOCK_STREAM);
	leave_hooks(true);
	world_seed = 31;
	for (int w = 0; w < WORLDS; w++) {
		spec_count = random_policies(specs);
		policies_begin();
		mesh_force();
		judged_arrivals(&allowed, &denied);
	}
	leave_hooks(false);
	lookups_free(lookups);
	servers_close();
	print_message("%u arrivals allowed, %u answered with a RST, each as judged\n", allowed,
		      denied);
	assert_true(allowed > 100 && denied > 100);
}

/* ---- without the program at lookup: silence, no connection, no byte */

static void deny_all(void)
{
	memset(specs, 0, sizeof(specs[0]));
	snprintf(specs->namespace_name, sizeof(specs->namespace_name), "%s", "istio-system");
	spec_count = 1;
	policies_begin();
	mesh_force();
}

static bool connects(const char *from, const char *to, uint16_t port, int wait_ms)
{
	int fd cleanup_close = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd writable = {.fd = fd, .events = POLLOUT};
	struct sockaddr_storage addr;
	socklen_t size;

	sockaddr_make(from, 0, &addr, &size);
	assert_int_equal(bind(fd, (void *)&addr, size), 0);
	sockaddr_make(to, port, &addr, &size);
	if (!connect(fd, (void *)&addr, size))
		return true;
	return poll(&writable, 1, wait_ms) == 1 && !(writable.revents & (POLLERR | POLLHUP));
}

static void test_dropped_without_lookup(void **state)
{
	(void)state;
	servers_open(SOCK_STREAM);
	deny_all();
	denials_take();
	leave_hooks(true);
	assert_false(connects("127.0.2.1", "127.0.1.1", 80, 300));
	leave_hooks(false);
	assert_int_equal(denials_take(), 1);
	assert_int_equal(last.owner.pid, getpid()); /* of the listener */
	assert_int_equal(accept(servers[0], NULL, NULL), -1);
	servers_close();
}

/* ---- who a client is that is not bound to an address */

static int dial_unbound(void)
{
	int fd = dial("127.0.1.1", 80);

	if (fd < 0)
		return fd;
	hang_up(fd);
	return 0;
}

static void lookups_open(void)
{
	int netns cleanup_close = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct error err;

	if (lookups_new(attach, &lookups, &err))
		fail_msg("%s", err.text);
	assert_int_equal(lookups_add(lookups, netns), 0);
}

/* Its address is not known when it connects: the server's end decides. */
static void test_address_comes_later(void **state)
{
	(void)state;
	lookups_open();
	servers_open(SOCK_STREAM);
	one_rule(SPEC_DENY, SPEC_IP_BLOCKS, "127.0.0.0/24");
	policies_begin();
	mesh_force();
	assert_int_equal(dial_unbound(), -ECONNREFUSED);
	assert_int_equal(dial_from(SOCK_STREAM, "127.0.0.9", "127.0.1.1", 80), -EPERM);
	one_rule(SPEC_DENY, SPEC_IP_BLOCKS, "127.0.7.0/24");
	policies_begin();
	mesh_force();
	assert_int_equal(dial_unbound(), 0);
	servers_close();
	lookups_free(lookups);
}

static void matcher_add(uint8_t kind, uint64_t value, struct weft_mesh_matcher more)
{
	struct weft_mesh_header *h = cell(0);
	uint32_t at = weft_hash_match(value, kind, h->seed);
	struct weft_mesh_matcher *m;

	while ((m = cell(h->matchers.first + (at & h->matchers.mask)))->kind)
		at++;
	h->flags |= WEFT_MESH_PROGRAMS;
	*m = more;
	m->value = value;
	m->kind = kind;
	m->identity = first_source; /* of namespace shop */
	m->rank = 1;
}

/* This program, as the root of its mount namespace shows it (which need not be ours): asked by a
 * child that goes there. */
static const char *whole_path(void)
{
	static char path[300];
	char self[64], place[64];
	int answer[2], ns;
	ssize_t size;

	snprintf(self, sizeof(self), "/proc/%d/exe", getpid());
	snprintf(place, sizeof(place), "/proc/%d/ns/mnt", getpid());
	assert_int_equal(pipe(answer), 0);
	if (!fork()) {
		ns = open(place, O_RDONLY | O_CLOEXEC);
		size = setns(ns, CLONE_NEWNS) ? -1 : readlink(self, path, sizeof(path) - 1);
		_exit(size < 0 || write(answer[1], path, (size_t)size) != size);
	}
	size = read(answer[0], path, sizeof(path) - 1);
	assert_true(size > 0);
	path[size] = 0;
	close(answer[0]);
	close(answer[1]);
	return path;
}

static uint64_t file_value(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* Both ends find the process by |kind|; another value is no known process. */
static void matcher_check(uint8_t kind, uint64_t value, struct weft_mesh_matcher more)
{
	for (uint64_t other = 0; other < 2; other++) {
		policies_begin();
		matcher_add(kind, value + other, more);
		mesh_force();
		assert_int_equal(dial_unbound(), other ? -EPERM : 0);
	}
}

/* A path is known by more than the value that it is found by. */
static void program_check(void)
{
	struct weft_mesh_matcher more = {.wants = 1 << WEFT_MATCH_PATH};
	struct weft_program program;

	program_of(whole_path(), &program);
	matcher_check(WEFT_MATCH_EXE, program.name, (struct weft_mesh_matcher){0});
	more.exe = program.path;
	more.path_more = program.path_more;
	matcher_check(WEFT_MATCH_PATH, program.path, more);
	more.path_more++;
	policies_begin();
	matcher_add(WEFT_MATCH_PATH, program.path, more);
	mesh_force();
	assert_int_equal(dial_unbound(), -EPERM);
}

static void test_matchers(void **state)
{
	const struct weft_mesh_matcher none = {0};

	(void)state;
	servers_open(SOCK_STREAM);
	one_rule(SPEC_ALLOW, SPEC_NAMESPACES, "shop");
	matcher_check(WEFT_MATCH_CGROUP, file_value(cgroup_dir), none);
	matcher_check(WEFT_MATCH_NETNS, file_value("/proc/self/ns/net"), none);
	program_check();
	matcher_check(WEFT_MATCH_UID, geteuid(), none);
	servers_close();
}

/* Connects a socket that was made before its process went to a namespace of its own. An errno. */
static int moved_connect(void)
{
	struct sockaddr_storage to;
	int status = 0, fd = -1;
	socklen_t size;
	pid_t pid;

	sockaddr_make("127.0.1.1", 80, &to, &size);
	pid = fork();
	if (!pid) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			_exit(255);
		_exit(connect(fd, (void *)&to, size) ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_socket_stays(void **state)
{
	(void)state;
	for (uint64_t other = 0; other < 2; other++) {
		one_rule(SPEC_DENY, SPEC_NAMESPACES, "shop");
		policies_begin();
		matcher_add(WEFT_MATCH_NETNS, file_value("/proc/self/ns/net") + other,
			    (struct weft_mesh_matcher){0});
		mesh_force();
		assert_int_equal(moved_connect(), other ? 0 : EPERM);
	}
}

/* ---- who a network namespace is follows its addresses and the generation, however often it was
 * asked just before */

#define TURNS 20

static void allow_shop(void)
{
	one_rule(SPEC_ALLOW, SPEC_NAMESPACES, "shop");
	policies_begin();
}

/* |comes| and |goes| give and take the address of a workload that may connect. */
static void expect_turns(const char *comes, const char *goes)
{
	for (int i = 0; i < TURNS; i++) {
		assert_int_equal(dial_unbound(), -EPERM);
		run(comes);
		assert_int_equal(dial_unbound(), 0);
		assert_int_equal(dial_unbound(), 0);
		run(goes);
	}
	assert_int_equal(dial_unbound(), -EPERM);
}

static void test_addresses_come_and_go(void **state)
{
	(void)state;
	servers_open(SOCK_STREAM);
	allow_shop();
	address_add("fd00::7", first_source);
	mesh_force();
	expect_turns("ip address add 127.0.2.1/32 dev lo", "ip address del 127.0.2.1/32 dev lo");
	expect_turns("ip address add fd00::7/128 dev lo", "ip address del fd00::7/128 dev lo");
	servers_close();
}

static void test_devices_come_and_go(void **state)
{
	(void)state;
	servers_open(SOCK_STREAM);
	allow_shop();
	mesh_force();
	expect_turns("ip link add weft0 type veth peer name weft1 && "
		     "ip address add 127.0.2.1/32 dev weft0",
		     "ip link del weft0");
	servers_close();
}

/* Another address: it is one of two then, and may what both may. Which one it is the server's end
 * asks. */
static void test_second_workload(void **state)
{
	(void)state;
	lookups_open();
	servers_open(SOCK_STREAM);
	allow_shop();
	mesh_force();
	run("ip address add 127.0.2.1/32 dev lo");
	for (int i = 0; i < TURNS; i++) {
		assert_int_equal(dial_unbound(), 0);
		run("ip address add 127.0.2.2/32 dev lo");
		assert_int_equal(dial_unbound(), -ECONNREFUSED);
		run("ip address del 127.0.2.2/32 dev lo");
	}
	run("ip address del 127.0.2.1/32 dev lo");
	lookups_free(lookups);
	servers_close();
}

/* The same address is another workload's, and then one's that may connect again. */
static void test_generations(void **state)
{
	(void)state;
	servers_open(SOCK_STREAM);
	run("ip address add 10.9.9.9/32 dev lo");
	for (uint32_t i = 0; i < TURNS; i++) {
		allow_shop();
		address_add("10.9.9.9", first_source + i % 2);
		mesh_force();
		assert_int_equal(dial_unbound(), i % 2 ? -EPERM : 0);
		assert_int_equal(dial_unbound(), i % 2 ? -EPERM : 0);
	}
	run("ip address del 10.9.9.9/32 dev lo");
	servers_close();
}

/* ---- datagrams that a process sends to itself from an address that it does not have */

#define FORGED "fd00::9"

/* A socket for datagrams; |forging|: whether or not this namespace has |from|. */
static int datagrams_open(const char *from, uint16_t port, bool forging)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	const struct timeval patience = {.tv_sec = 10};
	struct sockaddr_storage addr;
	socklen_t size;

	sockaddr_make(from, port, &addr, &size);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (forging)
		assert_int_equal(setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (void *)&addr, size), 0);
	return fd;
}

/* 0, or -errno. */
static int datagram_send(int fd, const char *to, uint16_t port, const char *device)
{
	struct sockaddr_storage addr;
	socklen_t size;

	sockaddr_make(to, port, &addr, &size);
	if (device)
		((struct sockaddr_in6 *)&addr)->sin6_scope_id = if_nametoindex(device);
	return sendto(fd, "x", 1, 0, (void *)&addr, size) == 1 ? 0 : -errno;
}

/* A datagram from |mine| to a server at FORGED, which denies all, is refused; and, unless one that
 * came from there by way of |to| |opens|, it is so afterwards. */
static void forged_check(const char *mine, const char *to, const char *device, bool opens)
{
	static uint16_t port = 4000; /* of its own for each talk */
	int fd cleanup_close = datagrams_open(mine, ++port, false);
	int forging cleanup_close = datagrams_open(FORGED, 80, true);
	char byte = 0;

	assert_int_equal(datagram_send(fd, FORGED, 80, NULL), -EPERM);
	assert_int_equal(datagram_send(forging, to, port, device), 0);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_int_equal(datagram_send(fd, FORGED, 80, NULL) == -EPERM, !opens);
}

static void deny_forged(void)
{
	memset(specs, 0, sizeof(specs[0]));
	snprintf(specs->namespace_name, sizeof(specs->namespace_name), "%s", namespaces[1]);
	spec_count = 1;
	policies_begin();
	address_add(FORGED, first_source + 1);
	mesh_force();
}

static void test_forged_answers(void **state)
{
	(void)state;
	run("ip address add fd00::5/128 dev lo && ip link add weft0 type veth peer name weft1 && "
	    "sysctl -qw net.ipv6.conf.weft1.disable_ipv6=1 && "
	    "ip link set weft0 up && ip link set weft1 up");
	deny_forged();
	forged_check("::1", "::1", NULL, false);
	forged_check("fd00::5", "fd00::5", NULL, false);
	forged_check("::", "ff02::1", "weft0", false);
	run("ip address add 127.0.2.1/32 dev lo"); /* a workload, which no policy selects */
	forged_check("fd00::5", "fd00::5", NULL, false);
	run("ip address del 127.0.2.1/32 dev lo && ip link del weft0 && "
	    "ip address del fd00::5/128 dev lo");
}

/* Between two addresses of one namespace. */
static void test_true_answers(void **state)
{
	(void)state;
	run("ip address add " FORGED "/128 dev lo");
	deny_forged();
	forged_check("::1", "::1", NULL, true);
	run("ip address del " FORGED "/128 dev lo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_at_once),
		cmocka_unit_test(test_dropped_without_lookup),
		cmocka_unit_test(test_address_comes_later),
		cmocka_unit_test(test_matchers),
		cmocka_unit_test(test_socket_stays),
		cmocka_unit_test(test_addresses_come_and_go),
		cmocka_unit_test(test_devices_come_and_go),
		cmocka_unit_test(test_second_workload),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_forged_answers),
		cmocka_unit_test(test_true_answers),
	};

	names_fill(&names);
	world_on_loopback();
	return world_run(tests);
}
