// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both ends on this node, in two network namespaces; the test carries their packets, and what the
 * client sends may still be on its way when the answer comes. */
#include "datapath/attach/core/capture_check_test.h"

#include <linux/if_tun.h>

#define PACKET_BYTES 2048
#define HELD_MAX     16

static struct end {
	int net; /* namespace */
	int tun;
} ends[2];

static struct packet {
	uint8_t bytes[PACKET_BYTES];
	size_t size;
} held[HELD_MAX];
static size_t held_count;

static void enter_net(int side)
{
	assert_int_equal(setns(ends[side].net, CLONE_NEWNET), 0);
}

/* IPv4 and TCP. */
static bool has_payload(const struct packet *p)
{
	size_t ip_bytes = (p->bytes[0] & 15u) * 4;

	return p->bytes[0] >> 4 == 4 && p->bytes[9] == IPPROTO_TCP &&
	       p->size > ip_bytes + (p->bytes[ip_bytes + 12] >> 4) * 4;
}

static void deliver(int side, const struct packet *p)
{
	assert_int_equal(write(ends[side].tun, p->bytes, p->size), p->size);
}

/* Takes each packet to the other end; with |holds| payload of the client waits. */
static void carry(bool holds)
{
	struct pollfd p[2] = {{ends[CLIENT].tun, POLLIN, 0}, {ends[SERVER].tun, POLLIN, 0}};
	struct packet one;
	ssize_t size;

	while (poll(p, 2, 30) > 0)
		for (int side = 0; side < 2; side++) {
			if (!(p[side].revents & POLLIN))
				continue;
			size = read(ends[side].tun, one.bytes, sizeof(one.bytes));
			assert_true(size > 0);
			one.size = (size_t)size;
			if (!holds || side == SERVER || !has_payload(&one)) {
				deliver(!side, &one);
				continue;
			}
			assert_true(held_count < HELD_MAX);
			held[held_count++] = one;
		}
}

static void release(void)
{
	for (size_t i = 0; i < held_count; i++)
		deliver(SERVER, &held[i]);
	held_count = 0;
	carry(false);
}

static void ends_connect(void)
{
	struct sockaddr_storage addr;
	socklen_t size;
	int listener, *client = &talk.fd[CLIENT];

	enter_net(SERVER);
	listener = listen_at(AF_INET, htonl(0x0a090001), &addr, &size); /* 10.9.0.1 */
	enter_net(CLIENT);
	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(*client, (void *)&addr, size), -1);
	carry(false);
	talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(talk.fd[SERVER] >= 0);
	close(listener);
	side_learn(CLIENT);
	side_learn(SERVER);
}

/* The next thing that |side| says. */
static void next_turn(int side, bool holds)
{
	static size_t turn;
	struct model *m = &talk.model[side];
	size_t size;

	turn = m->sent || talk.model[!side].sent ? turn : 0;
	assert_int_equal(talk.turns[turn].direction, side);
	size = talk.turns[turn++].size;
	assert_int_equal(send(talk.fd[side], m->bytes + m->sent, size, MSG_NOSIGNAL), size);
	m->sent += size;
	carry(holds);
	consume();
}

static void end_talk(void)
{
	for (int side = 0; side < 2; side++)
		for (size_t had = 0; had < talk.model[!side].sent;)
			had += receive(side, had, talk.model[!side].sent);
	carry(false);
	talk_close();
	carry(false);
}

/* The rest of a request, which looks like another one, comes to the server after its answer; it was
 * sent before the answer came to the client, which asks for something else then. */
static void cross(const char *rest, const char *next)
{
	char bait[64];
	int size = snprintf(bait, sizeof(bait), "%s /bait HTTP/1.1\r\n\r\n", rest);

	talk_forget();
	say(CLIENT, "PUT /a HTTP/1.1\r\nContent-Length: 1500\r\n\r\n");
	say_body(CLIENT, 500);
	say_apart(CLIENT);
	say_marked(CLIENT, bait, (size_t)size, 0);
	say_body(CLIENT, 1000 - (size_t)size);
	say(SERVER, "HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\n\r\n");
	say_body(SERVER, 10);
	say(CLIENT, "%s /b HTTP/1.1\r\n\r\n", next);
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
	if (next[0] == 'G')
		say_marked(SERVER,
			   "HTTP/1.1 101 Up\r\n\r\n\x80\x81\x82\x83\x84\x85 more and more bytes",
			   40, 0);
	say(CLIENT, "GET /c HTTP/1.1\r\n\r\n");
	say(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
	say_body(SERVER, 500);
	ends_connect();
	next_turn(CLIENT, false);
	next_turn(CLIENT, true);
	next_turn(SERVER, true);
	release();
	for (int i = 0; i < 2; i++) {
		next_turn(CLIENT, false);
		next_turn(SERVER, false);
	}
	end_talk();
	now_checking = rest;
	faults = 0;
	check(&(struct expectation){.no_ends = true});
	assert_int_equal(faults, 0);
}

static void test_crossing_get(void **state)
{
	(void)state;
	cross("GET", "HEAD");
}

static void test_crossing_head(void **state)
{
	(void)state;
	cross("HEAD", "GET");
}

static int end_make(int side, const char *command)
{
	struct ifreq r = {.ifr_name = "weft0", .ifr_flags = IFF_TUN | IFF_NO_PI};

	if (private_loopback())
		return -1;
	ends[side].net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ends[side].tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (ends[side].net < 0 || ends[side].tun < 0 || ioctl(ends[side].tun, TUNSETIFF, &r))
		return -1;
	return system(command);
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
		cmocka_unit_test(test_crossing_get),
		cmocka_unit_test(test_crossing_head),
	};

	if (geteuid() ||
	    end_make(CLIENT, "ip address add 10.9.0.2/24 dev weft0 && ip link set weft0 up") ||
	    end_make(SERVER, "ip address add 10.9.0.1/24 dev weft0 && ip link set weft0 up"))
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests_name("capture_delay", tests, world_begin, world_end);
}
