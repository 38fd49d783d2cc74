// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A client on another node, played by the test behind a tun device: packets come in any order,
 * twice, overlapping and late. */
#include "datapath/attach/capture_check_test.h"

#include <linux/if_tun.h>

#define SERVER_ADDR 0x0a090001 /* 10.9.0.1 */
#define CLIENT_ADDR 0x0a090002
#define CLIENT_PORT 40000
#define MSS	    1400
#define SYN	    2
#define ACK	    16

static int tun = -1;
static uint16_t client_port = CLIENT_PORT;
static uint32_t server_next; /* sequence number of the next byte from the server */

struct segment {
	struct {
		uint8_t version_ihl, tos;
		uint16_t bytes_be, id, fragment;
		uint8_t ttl, protocol;
		uint16_t checksum;
		uint32_t from_be, to_be;
	} ip;
	struct {
		uint16_t from_be, to_be;
		uint32_t seq_be, ack_be;
		uint8_t offset, flags;
		uint16_t window_be, checksum, urgent;
	} tcp;
	uint8_t data[65536];
};

static uint32_t sum_words(const void *at, size_t size, uint32_t sum)
{
	const uint8_t *byte = at;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void inject(uint8_t flags, uint32_t seq, const void *data, size_t size)
{
	static struct segment s;
	size_t tcp_bytes = sizeof(s.tcp) + size;

	memset(&s, 0, sizeof(s.ip) + sizeof(s.tcp));
	s.ip.version_ihl = 0x45;
	s.ip.bytes_be = htons((uint16_t)(sizeof(s.ip) + tcp_bytes));
	s.ip.ttl = 64;
	s.ip.protocol = IPPROTO_TCP;
	s.ip.from_be = htonl(CLIENT_ADDR);
	s.ip.to_be = htonl(SERVER_ADDR);
	s.ip.checksum = fold(sum_words(&s.ip, sizeof(s.ip), 0));
	s.tcp.from_be = htons(client_port);
	s.tcp.to_be = htons(port_of(SERVER));
	s.tcp.seq_be = htonl(seq);
	s.tcp.ack_be = flags & ACK ? htonl(server_next) : 0;
	s.tcp.offset = 0x50;
	s.tcp.flags = flags;
	s.tcp.window_be = htons(65535);
	if (size)
		memcpy(s.data, data, size);
	s.tcp.checksum = fold(sum_words(&s.tcp, tcp_bytes, 0) + IPPROTO_TCP + (uint32_t)tcp_bytes +
			      sum_words(&s.ip.from_be, 8, 0));
	assert_int_equal(write(tun, &s, sizeof(s.ip) + tcp_bytes), sizeof(s.ip) + tcp_bytes);
}

/* Takes what the server's kernel sent, up to |upto| bytes of payload in all; acknowledges it. */
static void listen_to_server(size_t upto)
{
	static struct segment s;
	struct pollfd p = {.fd = tun, .events = POLLIN};
	ssize_t n;

	while (server_next - talk.first_seq[SERVER] < upto && poll(&p, 1, 1000) > 0) {
		n = read(tun, &s, sizeof(s));
		if (n < 40 || s.ip.version_ihl >> 4 != 4 || ntohl(s.tcp.seq_be) != server_next)
			continue;
		server_next += (uint32_t)(n - 20 - (s.tcp.offset >> 4) * 4);
		inject(ACK, talk.first_seq[CLIENT] + (uint32_t)talk.model[CLIENT].sent, NULL, 0);
	}
	assert_int_equal(server_next - talk.first_seq[SERVER], upto);
}

static uint32_t wait_syn_ack(void)
{
	static struct segment s;
	struct pollfd p = {.fd = tun, .events = POLLIN};

	while (poll(&p, 1, 1000) > 0)
		if (read(tun, &s, sizeof(s)) >= 40 && s.ip.version_ihl >> 4 == 4 &&
		    s.tcp.flags == (SYN | ACK))
			return ntohl(s.tcp.seq_be);
	fail_msg("no SYN-ACK");
	return 0;
}

/* The sequence numbers of the client turn over soon. */
static void wire_connect(bool deferred)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(SERVER_ADDR)};
	struct sockaddr_in *client = (void *)&talk.addr[CLIENT];
	socklen_t size = sizeof(addr);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t first = (uint32_t)-3000;

	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, deferred ? sizeof(on) : 0);
	assert_int_equal(bind(listener, (void *)&addr, size), 0);
	assert_int_equal(listen(listener, 4), 0);
	getsockname(listener, (void *)&talk.addr[SERVER], &size);
	*client = (struct sockaddr_in){AF_INET, htons(++client_port), {htonl(CLIENT_ADDR)}, {0}};
	inject(SYN, first, NULL, 0);
	server_next = wait_syn_ack() + 1;
	talk.first_seq[CLIENT] = first + 1;
	talk.first_seq[SERVER] = server_next;
	if (deferred)
		inject(ACK, first + 1, talk.model[CLIENT].bytes, talk.turns[0].size);
	else
		inject(ACK, first + 1, NULL, 0);
	talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (talk.fd[SERVER] < 0)
		usleep(20000), talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(talk.fd[SERVER] >= 0);
	close(listener);
	side_learn(SERVER);
	talk.cookie[CLIENT] = 1; /* of no socket */
}

/* Which packets of a turn come next: |order| permutes the |count| packets of a turn. */
typedef void (*order_fn)(unsigned *order, unsigned count);

static void in_order(unsigned *order, unsigned count)
{
	(void)order;
	(void)count;
}

static void swapped(unsigned *order, unsigned count)
{
	for (unsigned i = 2; i + 1 < count; i += 5) {
		unsigned first = order[i];

		order[i] = order[i + 1];
		order[i + 1] = first;
	}
}

static void first_last(unsigned *order, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		order[i] = i + 1 < count ? i + 1 : 0;
}

static void shuffled(unsigned *order, unsigned count)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned other = dice(i), last = order[i - 1];

		order[i - 1] = order[other];
		order[other] = last;
	}
}

static void client_turn(size_t size, order_fn permute, unsigned repeat, size_t overlap)
{
	struct model *m = &talk.model[CLIENT];
	unsigned count = (unsigned)((size + MSS - 1) / MSS), order[200];
	size_t had = m->sent;

	assert_true(count < 200);
	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	permute(order, count);
	for (unsigned i = 0; i < count; i++) {
		size_t at = order[i] * MSS, one = size - at < MSS ? size - at : MSS;
		size_t back = at >= overlap ? overlap : 0;

		for (unsigned n = 0; n <= repeat; n++)
			inject(ACK, talk.first_seq[CLIENT] + (uint32_t)(had + at - back),
			       m->bytes + had + at - back, one + back);
	}
	m->sent += size;
	while (had < m->sent)
		had += receive(SERVER, had, m->sent);
	consume();
}

static void server_turn(size_t size)
{
	struct model *m = &talk.model[SERVER];

	assert_int_equal(send(talk.fd[SERVER], m->bytes + m->sent, size, 0), size);
	m->sent += size;
	listen_to_server(m->sent);
	consume();
}

static void exchange(size_t request, size_t response)
{
	say(CLIENT, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n", request);
	say_body(CLIENT, request);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", response);
	say_body(SERVER, response);
}

static void wire_check(const char *name, size_t body_max)
{
	close(talk.fd[SERVER]);
	inject(4, talk.first_seq[CLIENT] + (uint32_t)talk.model[CLIENT].sent, NULL, 0); /* RST */
	now_checking = name;
	faults = 0;
	check(&(struct expectation){.server_only = true, .no_ends = true, .body_max = body_max});
	assert_int_equal(faults, 0);
}

/* Two exchanges in an order that is not theirs, then two in order: bodies are skipped again. */
static void wire_play(const char *name, order_fn order, unsigned repeat, size_t overlap,
		      size_t body_max)
{
	talk_forget();
	talk.remote = true;
	twice_allowed = order != in_order || repeat || overlap;
	for (int i = 0; i < 4; i++)
		exchange(15000, 100);
	exchange(40000, 2000);
	wire_connect(false);
	for (size_t i = 0; i < talk.turn_count; i++) {
		bool plain = i >= 4;

		if (talk.turns[i].direction == SERVER)
			server_turn(talk.turns[i].size);
		else
			client_turn(talk.turns[i].size, plain ? in_order : order,
				    plain ? 0 : repeat, plain ? 0 : overlap);
	}
	wire_check(name, body_max);
}

static void test_in_order(void **state)
{
	(void)state;
	wire_play("in order", in_order, 0, 0, 16384);
}

static void test_twice(void **state)
{
	(void)state;
	wire_play("twice", in_order, 1, 0, 16384);
	wire_play("overlapping", in_order, 0, 700, 16384);
}

static void test_out_of_order(void **state)
{
	(void)state;
	wire_play("swapped", swapped, 0, 0, 45000);
	wire_play("first comes last", first_last, 0, 0, 45000);
	for (int i = 0; i < 20; i++)
		wire_play("shuffled", shuffled, 0, 0, 45000);
	wire_play("shuffled and twice", shuffled, 1, 0, 45000);
}

/* The first bytes come with the ACK that completes the handshake, at the listener. */
static void test_deferred(void **state)
{
	(void)state;
	talk_forget();
	talk.remote = true;
	twice_allowed = false;
	say(CLIENT, "GET /first HTTP/1.1\r\nHost: test\r\n\r\n");
	say(SERVER, "HTTP/1.1 204 None\r\n\r\n");
	exchange(3000, 100);
	wire_connect(true);
	talk.model[CLIENT].sent = talk.turns[0].size;
	for (size_t had = 0; had < talk.turns[0].size;)
		had += receive(SERVER, had, talk.turns[0].size);
	server_turn(talk.turns[1].size);
	client_turn(talk.turns[2].size, in_order, 0, 0);
	server_turn(talk.turns[3].size);
	wire_check("deferred", 0);
}

static int tun_open(void)
{
	struct ifreq r = {.ifr_name = "weft0", .ifr_flags = IFF_TUN | IFF_NO_PI};

	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &r))
		return -1;
	return system("ip address add 10.9.0.1/24 dev weft0 && ip link set weft0 up");
}

static void test_not_here(void **state)
{
	(void)state;
	print_message("skipped: needs root and /dev/net/tun\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_deferred),
	};

	if (geteuid() || private_loopback() || tun_open())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_wire", tests, world_begin, world_end);
}
