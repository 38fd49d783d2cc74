// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What programs see of balancing: the addresses that they asked for, in IPv4, IPv6 and datagrams.
 */
#include "datapath/attach/mesh/mesh_service_test.h"

/* ---- addresses */

static void expect_peer(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage is, wanted;
	socklen_t size = sizeof(is), wanted_size;

	memset(&is, 0, sizeof(is));
	sockaddr_make(addr, port, &wanted, &wanted_size);
	assert_int_equal(getpeername(fd, (void *)&is, &size), 0);
	assert_int_equal(size, wanted_size);
	assert_memory_equal(&is, &wanted, size);
}

static void test_peer_name(void **state)
{
	int fd, server = -1;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	fd = dial(VIP, PORT);
	assert_true(fd >= 0 && listener_accept(&server) >= 0);
	expect_peer(fd, VIP, PORT);
	hang_up(fd);
	close(server);
	fd = dial(listener_addr(0), ports[0]);
	assert_true(fd >= 0 && listener_accept(&server) >= 0);
	expect_peer(fd, listener_addr(0), ports[0]);
	hang_up(fd);
	close(server);
}

/* The process holds another socket than the one that the kernel connects. */
static void test_multipath(void **state)
{
	struct sockaddr_storage to;
	int fd = -1, server = -1;
	socklen_t size;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	if (fd < 0)
		skip();
	sockaddr_make(VIP, PORT, &to, &size);
	assert_int_equal(connect(fd, (void *)&to, size), 0);
	assert_true(listener_accept(&server) >= 0);
	expect_peer(fd, VIP, PORT);
	assert_int_equal(service(1)->connections, 1);
	hang_up(fd);
	close(server);
}

static void test_mapped(void **state)
{
	int fd, server = -1;

	(void)state;
	one_service(VIP, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	to_listener();
	fd = dial("::ffff:" VIP, PORT);
	assert_true(fd >= 0 && listener_accept(&server) >= 0);
	expect_peer(fd, "::ffff:" VIP, PORT);
	hang_up(fd);
	close(server);
	expect_none();
}

static void test_ipv6(void **state)
{
	int fd, server = -1;

	(void)state;
	listeners_close();
	listener_open(AF_INET6);
	one_service(VIP6, IPPROTO_TCP, WEFT_BALANCE_RANDOM);
	endpoint_add(last_pool(), 0, "127.0.1.1", 9, 2); /* not for a socket of this family */
	endpoint_add(cell(used - 2), 0, "::1", ports[0], 1);
	mesh_force();
	for (int i = 0; i < 20; i++) {
		fd = dial(VIP6, PORT);
		assert_true(fd >= 0 && listener_accept(&server) >= 0);
		expect_peer(fd, VIP6, PORT);
		hang_up(fd);
		close(server);
	}
	listeners_close();
	expect_none();
}

/* ---- datagrams */

static int udp_server(const char *addr, uint16_t *ret_port)
{
	struct sockaddr_storage at;
	socklen_t size;
	int fd = -1;

	sockaddr_make(addr, 0, &at, &size);
	fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (void *)&at, size), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &size), 0);
	*ret_port = ntohs(((struct sockaddr_in *)&at)->sin_port);
	return fd;
}

/* Answers what came. */
static void udp_echo(int server)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char byte;

	assert_int_equal(recvfrom(server, &byte, 1, MSG_DONTWAIT, (void *)&from, &size), 1);
	assert_int_equal(sendto(server, &byte, 1, 0, (void *)&from, size), 1);
}

static void expect_reply_from(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage is, wanted;
	socklen_t size = sizeof(is), wanted_size;
	char byte;

	memset(&is, 0, sizeof(is));
	sockaddr_make(addr, port, &wanted, &wanted_size);
	assert_int_equal(recvfrom(fd, &byte, 1, MSG_DONTWAIT, (void *)&is, &size), 1);
	assert_memory_equal(&is, &wanted, wanted_size);
}

static void datagrams(const char *vip, const char *server_addr)
{
	struct sockaddr_storage to;
	uint16_t ports_udp[2];
	socklen_t size;
	int servers[2], which = -1, fd;

	one_service(vip, IPPROTO_UDP, WEFT_BALANCE_ROUND_ROBIN);
	for (int i = 0; i < 2; i++) {
		servers[i] = udp_server(server_addr, &ports_udp[i]);
		endpoint_add(cell(used - 1 - (unsigned)i), 0, server_addr, ports_udp[i],
			     (unsigned)i + 1);
	}
	mesh_force();
	sockaddr_make(vip, PORT, &to, &size);
	fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 10; i++) {
		char byte = 1;

		assert_int_equal(sendto(fd, &byte, 1, 0, (void *)&to, size), 1);
		if (which < 0)
			which = recv(servers[0], &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1 ? 0 : 1;
		udp_echo(servers[which]); /* the same server for all of a socket */
		expect_reply_from(fd, vip, PORT);
	}
	close(fd);
	for (int i = 0; i < 2; i++)
		close(servers[i]);
}

static void test_datagrams(void **state)
{
	(void)state;
	datagrams(VIP, "127.0.0.1");
	datagrams(VIP6, "::1");
	expect_none();
}

static void test_datagrams_connected(void **state)
{
	int server, fd = -1;
	uint16_t port;
	char byte = 1;

	(void)state;
	server = udp_server("127.0.0.1", &port);
	one_service(VIP, IPPROTO_UDP, WEFT_BALANCE_RANDOM);
	endpoint_add(last_pool(), 0, "127.0.0.1", port, 1);
	mesh_force();
	for (int i = 0; i < 10; i++) {
		fd = dial_from(SOCK_DGRAM, NULL, VIP, PORT);
		assert_true(fd >= 0);
		assert_int_equal(service(1)->connections, 1);
		expect_peer(fd, VIP, PORT);
		assert_int_equal(send(fd, &byte, 1, 0), 1);
		udp_echo(server);
		expect_reply_from(fd, VIP, PORT);
		close(fd);
		expect_none();
	}
	close(server);
}

/* Sends a byte, to |addr| or where |fd| is connected to, and takes its echo, which must come from
 * |from|. */
static void exchange(int fd, int server, const char *addr, uint16_t port, const char *from,
		     uint16_t from_port)
{
	struct sockaddr_storage to;
	socklen_t size = 0;
	char byte = 1;

	if (addr)
		sockaddr_make(addr, port, &to, &size);
	assert_int_equal(sendto(fd, &byte, 1, 0, addr ? (void *)&to : NULL, size), 1);
	udp_echo(server);
	expect_reply_from(fd, from, from_port);
}

static void udp_connect(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t size;

	sockaddr_make(addr, port, &to, &size);
	assert_int_equal(connect(fd, (void *)&to, size), 0);
	expect_peer(fd, addr, port);
}

/* What a connected socket sends to the service by name goes where it is connected to: from
 * elsewhere it would not take an answer. */
static void test_datagrams_connected_by_name(void **state)
{
	int servers[4], which = -1, fd;
	uint16_t ports_udp[4];
	char byte = 1;

	(void)state;
	one_service(VIP, IPPROTO_UDP, WEFT_BALANCE_ROUND_ROBIN);
	for (unsigned i = 0; i < 4; i++) {
		servers[i] = udp_server("127.0.0.1", &ports_udp[i]);
		endpoint_add(cell(used - 1 - i), 0, "127.0.0.1", ports_udp[i], i + 1);
	}
	mesh_force();
	for (unsigned round = 0; round < 8; round++) {
		fd = dial_from(SOCK_DGRAM, NULL, VIP, PORT);
		assert_true(fd >= 0);
		assert_int_equal(send(fd, &byte, 1, 0), 1);
		for (which = 0; recv(servers[which], &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1;)
			which++;
		udp_echo(servers[which]);
		expect_reply_from(fd, VIP, PORT);
		for (unsigned i = 0; i < 5; i++)
			exchange(fd, servers[which], VIP, PORT, VIP, PORT);
		close(fd);
	}
	for (unsigned i = 0; i < 4; i++)
		close(servers[i]);
	expect_none();
}

/* Only what was translated on its way out is translated on its way back. */
static void test_datagrams_direct(void **state)
{
	const char *own = "127.0.0.1";
	uint16_t port;
	int server = udp_server(own, &port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	one_service(VIP, IPPROTO_UDP, WEFT_BALANCE_RANDOM);
	endpoint_add(last_pool(), 0, own, port, 1);
	mesh_force();
	for (int i = 0; i < 3; i++) {
		exchange(fd, server, VIP, PORT, VIP, PORT);
		exchange(fd, server, own, port, own, port);
	}
	exchange(fd, server, VIP, PORT, VIP, PORT);
	udp_connect(fd, own, port);
	exchange(fd, server, NULL, 0, own, port);
	udp_connect(fd, VIP, PORT);
	exchange(fd, server, NULL, 0, VIP, PORT);
	exchange(fd, server, own, port, own, port);
	exchange(fd, server, VIP, PORT, VIP, PORT);
	exchange(fd, server, NULL, 0, VIP, PORT);
	udp_connect(fd, own, port);
	exchange(fd, server, NULL, 0, own, port);
	expect_none();
	close(fd);
	close(server);
}

static void test_datagrams_refused(void **state)
{
	struct sockaddr_storage to;
	socklen_t size;
	char byte = 1;
	int fd = -1;

	(void)state;
	one_service(VIP, IPPROTO_UDP, WEFT_BALANCE_RANDOM);
	mesh_force();
	sockaddr_make(VIP, PORT, &to, &size);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sendto(fd, &byte, 1, 0, (void *)&to, size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_name),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_multipath),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_datagrams_connected),
		cmocka_unit_test(test_datagrams_connected_by_name),
		cmocka_unit_test(test_datagrams_direct),
		cmocka_unit_test(test_datagrams_refused),
	};

	return world_run(tests);
}
