// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies about datagrams whose addresses and ports another network namespace sends with, too:
 * those of a user's own, which may have any address and reach nothing, change nothing for others.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "control/apply/policy_mesh_test.h"

#define SERVER	 "10.1.1.1"
#define SERVER_2 "10.1.1.5" /* of the same machine */
#define DENIED	 "10.1.1.2" /* of the machine next to it, as the next two */
#define DENIED_2 "10.1.1.3"
#define STRANGER "10.1.1.4"
#define SHOP	 "10.1.1.9" /* the only workload that is allowed */
#define PORT	 8080

#define ROOTS	0
#define A_USERS CLONE_NEWUSER

static pid_t machine, users;
static uint16_t port = 5000; /* of a talk */
static int server;

/* ---- network namespaces */

/* One that root made, or that belongs to a user namespace: a process that is there. */
static pid_t place_make(int whose)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!unshare(whose | CLONE_NEWNET) && write(ready[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void place_end(pid_t place)
{
	kill(place, SIGKILL);
	assert_int_equal(waitpid(place, NULL, 0), place);
}

static void in_place(pid_t place, const char *command)
{
	char line[400];

	snprintf(line, sizeof(line), "nsenter -t %d -n sh -c '%s'", place, command);
	run(line);
}

/* |place| is at the other end of |device| of the server's. */
static void place_wire(pid_t place, const char *device)
{
	char line[400];

	snprintf(line, sizeof(line),
		 "ip link add %s type veth peer name eth0 netns %d && ip link set %s up && "
		 "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.%s.rp_filter=0",
		 device, place, device, device);
	run(line);
	in_place(place, "ip link set lo up && ip link set eth0 up");
}

/* What its owner can do: a device that leads nowhere. */
static void place_pretend(pid_t place, const char *addr)
{
	char line[200];

	in_place(place, "ip link set lo up && ip link add eth0 type veth peer name weft0 && "
			"ip link set weft0 up && ip link set eth0 up");
	snprintf(line, sizeof(line),
		 "ip address add %s/32 dev eth0 && ip route replace default dev eth0", addr);
	in_place(place, line);
}

/* ---- datagrams */

static int record_take(void *arg, void *record, size_t size_bytes)
{
	const struct weft_verdict *v = record;
	unsigned *denials = arg;

	(void)size_bytes;
	if (v->event.kind == WEFT_EVENT_VERDICT && v->verdict == WEFT_VERDICT_DENIED)
		++*denials;
	return 0;
}

static unsigned denials_take(void)
{
	unsigned denials = 0;

	reader_consume(reader, record_take, &denials);
	return denials;
}

/* To the server, from |from|, an address of any namespace. 0, or an errno. */
static int send_there(const char *from)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
	int fd cleanup_close = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control};
	struct in_pktinfo source = {0};
	struct sockaddr_storage addr;

	inet_pton(AF_INET, from, &source.ipi_spec_dst);
	m.msg_controllen = sizeof(control);
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(source)), SOL_IP, IP_PKTINFO};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &source, sizeof(source));
	sockaddr_make("0.0.0.0", port, &addr, &m.msg_namelen);
	if (setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on)) ||
	    bind(fd, (void *)&addr, m.msg_namelen))
		return errno;
	m.msg_name = &addr;
	sockaddr_make(SERVER, PORT, &addr, &m.msg_namelen);
	return sendmsg(fd, &m, 0) == 1 ? 0 : errno;
}

static void send_from(pid_t place, const char *from)
{
	char path[64];
	int status = 0, fd = -1;
	pid_t pid = fork();

	if (!pid) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", place);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		_exit(setns(fd, CLONE_NEWNET) ? 255 : send_there(from));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whether the server gets it; else it is reported as denied there. */
static bool arrives(pid_t place, const char *from)
{
	char byte = 0;

	denials_take();
	send_from(place, from);
	for (int i = 0; i < 10000; i++) {
		if (recv(server, &byte, 1, MSG_DONTWAIT) == 1)
			return true;
		if (denials_take())
			return false;
		usleep(1000);
	}
	fail_msg("neither arrived nor denied: from %s", from);
	return false;
}

/* After a namespace of a user's sent with the same addresses and ports. */
static bool arrives_vouched(pid_t place, const char *from)
{
	port++;
	send_from(users, from);
	return arrives(place, from);
}

/* From another node: nothing sees who sends it. */
static bool arrives_from_afar(const char *from)
{
	bool there;

	leave_hooks(true);
	there = arrives(machine, from);
	leave_hooks(false);
	return there;
}

/* ---- tests */

static void policies_force(enum spec_action action, const char *namespace)
{
	one_rule(action, SPEC_NAMESPACES, namespace);
	policies_begin();
	address_add(SERVER, first_source - TARGETS + 3);
	address_add(SERVER_2, first_source - TARGETS + 3 + COUNT_OF(namespaces));
	address_add(DENIED, first_source + 1);
	address_add(DENIED_2, first_source + 1 + COUNT_OF(namespaces));
	address_add(SHOP, first_source);
	mesh_force();
}

/* Each machine is two workloads, so that its own end does not decide. */
static int world_make(void **state)
{
	struct sockaddr_storage addr;
	struct error err;
	socklen_t size;

	(void)state;
	if (reader_new(attach_reader_maps(attach), &reader, &err))
		fail_msg("%s", err.text);
	machine = place_make(ROOTS);
	users = place_make(A_USERS);
	place_wire(machine, "weft0");
	run("ip address add " SERVER "/24 dev weft0 && ip address add " SERVER_2 "/24 dev weft0");
	in_place(machine, "for n in 2 3 4; do ip address add 10.1.1.$n/24 dev eth0; done");
	sockaddr_make(SERVER, PORT, &addr, &size);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(server, (void *)&addr, size);
}

static int world_end(void **state)
{
	(void)state;
	close(server);
	place_end(users);
	place_end(machine);
	return 0;
}

static void test_vouches_for_none(void **state)
{
	(void)state;
	place_pretend(users, SHOP);
	policies_force(SPEC_ALLOW, namespaces[0]);
	port++;
	assert_false(arrives(machine, DENIED));
	assert_false(arrives_vouched(machine, DENIED));
	assert_false(arrives_vouched(machine, STRANGER));
	policies_force(SPEC_DENY, namespaces[1]);
	assert_false(arrives_vouched(machine, DENIED));
	assert_false(arrives_vouched(machine, STRANGER)); /* the machine's other addresses count */
	port++;
	assert_true(arrives_from_afar(STRANGER));
}

static void test_stops_none(void **state)
{
	(void)state;
	policies_force(SPEC_ALLOW, namespaces[0]);
	in_place(users,
		 "ip address flush dev eth0 && ip address add " DENIED "/32 dev eth0 && "
		 "ip address add " DENIED_2 "/32 dev eth0 && ip route replace default dev eth0");
	port++;
	assert_true(arrives_from_afar(SHOP));
	port++;
	send_from(users, SHOP);
	assert_true(arrives_from_afar(SHOP));
}

/* A process of the server's own network namespace, which does not have the address that it sends
 * from. */
static void test_stops_none_from_here(void **state)
{
	(void)state;
	policies_force(SPEC_ALLOW, namespaces[0]);
	port++;
	assert_true(arrives_from_afar(SHOP));
	port++;
	assert_false(arrives(getpid(), SHOP));
	assert_true(arrives_from_afar(SHOP));
	policies_force(SPEC_ALLOW, namespaces[3]); /* the server's own */
	port++;
	assert_false(arrives_from_afar(SHOP));
	port++;
	assert_true(arrives(getpid(), SHOP));
	assert_false(arrives_from_afar(SHOP));
}

/* A container in a user namespace, which root connected. */
static void test_is_its_address(void **state)
{
	pid_t container = place_make(A_USERS);

	(void)state;
	place_wire(container, "weft1");
	in_place(container,
		 "ip address add " SHOP "/32 dev eth0 && "
		 "ip address add " STRANGER "/32 dev eth0 && ip route add default dev eth0");
	run("ip route add " SHOP "/32 dev weft1");
	policies_force(SPEC_ALLOW, namespaces[0]);
	port++;
	assert_true(arrives(container, SHOP));
	port++;
	assert_false(arrives(container, STRANGER));
	place_end(container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_vouches_for_none, world_make),
		cmocka_unit_test(test_stops_none),
		cmocka_unit_test(test_stops_none_from_here),
		cmocka_unit_test_teardown(test_is_its_address, world_end),
	};

	names_fill(&names);
	world_on_loopback();
	return world_run(tests);
}
