/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: a conversation over real sockets. */
#pragma once

#include "datapath/attach/core/capture_world_test.h"

/* ---- ends of the conversation */

static inline const uint8_t *addr_of(int side)
{
	static uint8_t mapped[2][16];
	struct sockaddr_in *v4 = (void *)&talk.addr[side];

	if (v4->sin_family == AF_INET6)
		return ((struct sockaddr_in6 *)v4)->sin6_addr.s6_addr;
	mapped[side][10] = mapped[side][11] = 0xff;
	memcpy(mapped[side] + 12, &v4->sin_addr, 4);
	return mapped[side];
}

static inline uint16_t port_of(int side)
{
	return ntohs(((struct sockaddr_in *)&talk.addr[side])->sin_port);
}

static inline const char *program_name(void)
{
	static char path[256];

	return readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 ? path : "";
}

/* The sequence number of the next byte that |fd| sends, as the kernel tells. */
static uint32_t next_seq(int fd)
{
	int on = 1, off = -1, queue = 2;
	uint32_t seq = 0;
	socklen_t size = sizeof(seq);

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue));
	getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &size);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), 0);
	return seq;
}

static void talk_forget(void)
{
	for (int i = 0; i < 2; i++) {
		talk.model[i].size = talk.model[i].sent = 0;
		talk.model[i].end_count = talk.model[i].end_done = 0;
		talk.opens[i] = talk.closes[i] = talk.leaves[i] = 0;
	}
	talk.turn_count = 0;
	talk.remote = false;
	consume();
	arena_used = 0;
}

static void side_learn(int side)
{
	socklen_t size = sizeof(talk.cookie[side]);
	socklen_t addr_size = sizeof(talk.addr[side]);
	int fd = talk.fd[side], on = 1;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &talk.cookie[side], &size);
	getsockname(fd, (void *)&talk.addr[side], &addr_size);
	talk.first_seq[side] = next_seq(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* |v4_be|: the address where |family| is IPv4; else the loopback's. */
static int listen_at(int family, uint32_t v4_be, struct sockaddr_storage *addr, socklen_t *size)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = v4_be};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*size = sizeof(*addr);
	if (bind(fd, family == AF_INET6 ? (void *)&v6 : (void *)&v4,
		 family == AF_INET6 ? sizeof(v6) : sizeof(v4)) ||
	    listen(fd, 16) || getsockname(fd, (void *)addr, size))
		fail_msg("listen: %s", strerror(errno));
	return fd;
}

/* A connection over the loopback. */
static inline void talk_connect(int family)
{
	struct sockaddr_storage addr;
	socklen_t size;
	int listener = listen_at(family, htonl(INADDR_LOOPBACK), &addr, &size);

	talk.fd[CLIENT] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(talk.fd[CLIENT], (void *)&addr, size))
		fail_msg("connect: %s", strerror(errno));
	talk.fd[SERVER] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	side_learn(CLIENT);
	side_learn(SERVER);
}

static size_t receive(int side, size_t had, size_t upto)
{
	static uint8_t bytes[1 << 18];
	struct model *m = &talk.model[!side];
	size_t room = upto - had < sizeof(bytes) ? upto - had : sizeof(bytes);
	struct pollfd p = {.fd = talk.fd[side], .events = POLLIN};
	ssize_t n = recv(talk.fd[side], bytes, room, 0);

	if (n < 0)
		poll(&p, 1, 100);
	for (; n > 0 && m->end_done < m->end_count && m->ends[m->end_done].at <= had + (size_t)n;)
		m->ends[m->end_done++].done_ns = now_ns();
	if (n > 0)
		assert_memory_equal(bytes, m->bytes + had, (size_t)n);
	return n > 0 ? (size_t)n : 0;
}

/* Sends the next |size| bytes of a direction and reads them at the other end. */
static void talk_send(int direction, size_t size, int flags)
{
	struct model *m = &talk.model[direction];
	size_t received = m->sent, upto = m->sent + size;

	while (m->sent < upto || (received < upto && !(flags & MSG_MORE))) {
		ssize_t n = m->sent < upto ? send(talk.fd[direction], m->bytes + m->sent,
						  upto - m->sent, flags | MSG_NOSIGNAL)
					   : 0;

		assert_true(n >= 0 || errno == EAGAIN);
		m->sent += n > 0 ? (size_t)n : 0;
		if (!(flags & MSG_MORE))
			received += receive(!direction, received, m->sent);
	}
	consume();
}

/* Says everything, in order of turns, each write as long as |cut| says. */
static inline void talk_play(size_t (*cut)(size_t left))
{
	for (size_t i = 0; i < talk.turn_count; i++)
		for (size_t left = talk.turns[i].size; left;) {
			size_t size = cut(left);

			size = size && size < left ? size : left;
			talk_send(talk.turns[i].direction, size, 0);
			left -= size;
		}
	talk.turn_count = 0;
}

static inline void talk_close(void)
{
	shutdown(talk.fd[CLIENT], SHUT_WR);
	close(talk.fd[SERVER]);
	close(talk.fd[CLIENT]);
}
