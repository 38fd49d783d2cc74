/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: another node, played by the test behind a tun device. */
#pragma once

#include "datapath/attach/core/capture_check_test.h"

#include <linux/if_tun.h>

#define HERE_ADDR  0x0a090001 /* 10.9.0.1 */
#define THERE_ADDR 0x0a090002
#define THERE_PORT 40000
#define MSS	   1400
#define FIN	   1
#define SYN	   2
#define RST	   4
#define ACK	   16

static int tun = -1;
static int there = CLIENT; /* the side that the test plays */
static uint16_t there_port = THERE_PORT;
static uint32_t here_next; /* sequence number of the next byte from here */

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

static inline void inject(uint8_t flags, uint32_t seq, const void *data, size_t size)
{
	static struct segment s;
	size_t tcp_bytes = sizeof(s.tcp) + size;

	memset(&s, 0, sizeof(s.ip) + sizeof(s.tcp));
	s.ip.version_ihl = 0x45;
	s.ip.bytes_be = htons((uint16_t)(sizeof(s.ip) + tcp_bytes));
	s.ip.ttl = 64;
	s.ip.protocol = IPPROTO_TCP;
	s.ip.from_be = htonl(THERE_ADDR);
	s.ip.to_be = htonl(HERE_ADDR);
	s.ip.checksum = fold(sum_words(&s.ip, sizeof(s.ip), 0));
	s.tcp.from_be = htons(port_of(there));
	s.tcp.to_be = htons(port_of(!there));
	s.tcp.seq_be = htonl(seq);
	s.tcp.ack_be = flags & ACK ? htonl(here_next) : 0;
	s.tcp.offset = 0x50;
	s.tcp.flags = flags;
	s.tcp.window_be = htons(65535);
	if (size)
		memcpy(s.data, data, size);
	s.tcp.checksum = fold(sum_words(&s.tcp, tcp_bytes, 0) + IPPROTO_TCP + (uint32_t)tcp_bytes +
			      sum_words(&s.ip.from_be, 8, 0));
	assert_int_equal(write(tun, &s, sizeof(s.ip) + tcp_bytes), sizeof(s.ip) + tcp_bytes);
}

/* The next TCP packet from here, and how much payload it has; -1: none comes. */
static ssize_t hear(struct segment *s)
{
	struct pollfd p = {.fd = tun, .events = POLLIN};
	ssize_t n;

	while (poll(&p, 1, 1000) > 0) {
		n = read(tun, s, sizeof(*s));
		if (n >= 40 && s->ip.version_ihl >> 4 == 4)
			return n - 20 - (s->tcp.offset >> 4) * 4;
	}
	return -1;
}

/* Takes what was sent from here, up to |upto| bytes of payload in all; acknowledges it. */
static inline void listen_to(size_t upto, bool acknowledge)
{
	static struct segment s;
	ssize_t n = 0;

	while (here_next - talk.first_seq[!there] < upto && n >= 0) {
		n = hear(&s);
		if (n <= 0 || ntohl(s.tcp.seq_be) != here_next)
			continue;
		here_next += (uint32_t)n;
		if (acknowledge)
			inject(ACK, talk.first_seq[there] + (uint32_t)talk.model[there].sent, NULL,
			       0);
	}
	assert_int_equal(here_next - talk.first_seq[!there], upto);
}

/* The next packet with these flags: its sequence number. */
static inline uint32_t wait_for(uint8_t flags)
{
	static struct segment s;

	while (hear(&s) >= 0)
		if ((s.tcp.flags & flags) == flags)
			return ntohl(s.tcp.seq_be);
	fail_msg("no packet with flags %u", flags);
	return 0;
}

/* A connection with the other node, which comes from its next port. */
static inline int listen_here(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(HERE_ADDR)};
	struct sockaddr_in *client = (void *)&talk.addr[CLIENT];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(addr);

	assert_int_equal(bind(listener, (void *)&addr, size), 0);
	assert_int_equal(listen(listener, 4), 0);
	getsockname(listener, (void *)&talk.addr[SERVER], &size);
	*client = (struct sockaddr_in){AF_INET, htons(++there_port), {htonl(THERE_ADDR)}, {0}};
	there = CLIENT;
	talk.cookie[CLIENT] = 1; /* of no socket */
	return listener;
}

static inline void accept_here(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	poll(&p, 1, 1000);
	talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(talk.fd[SERVER] >= 0);
	close(listener);
	side_learn(SERVER);
}

static inline int tun_open(void)
{
	struct ifreq r = {.ifr_name = "weft0", .ifr_flags = IFF_TUN | IFF_NO_PI};

	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &r))
		return -1;
	return system("ip address add 10.9.0.1/24 dev weft0 && ip link set weft0 up");
}
