/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: conversations over real sockets whose every byte is known, the ring records they
 * cause, and what must hold between the two. Needs root. */
#pragma once

#include <linux/types.h>

#include "datapath/attach/attach.h"
#include "datapath/attach/sandbox_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#define CLIENT	    0 /* also the direction: bytes that the client sends */
#define SERVER	    1
#define TURNS_MAX   4096
#define ENDS_MAX    65536
#define ARENA_BYTES (256u << 20)

/* One direction of a conversation. */
struct model {
	uint8_t *bytes;
	uint8_t *must;	  /* 1: not body, has to be captured; 0: body */
	uint8_t *seen[2]; /* how often it was captured, by end */
	size_t size, sent, room;
	struct {
		size_t at;
		uint64_t done_ns; /* when the receiver had read it */
	} ends[ENDS_MAX];	  /* of bodies */
	size_t end_count, end_done;
};

struct turn {
	int direction;
	size_t size;
};

struct talk {
	int fd[2];
	uint64_t cookie[2];
	struct sockaddr_storage addr[2];
	uint32_t first_seq[2]; /* by direction */
	struct weft_open open[2];
	struct weft_close close[2];
	int opens[2], closes[2];
	struct model model[2];
	struct turn turns[TURNS_MAX];
	size_t turn_count;
	bool remote; /* each end takes the other for one on another node */
	size_t body_copied;
};

static struct attach *world;
static uint8_t *arena;
static size_t arena_used;
static struct talk talk;
static bool silent; /* no heartbeats */
static const char *pin_dir;
static uint64_t seed = 1;

static inline uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what is said */

static void say_marked(int direction, const void *bytes, size_t size, uint8_t must)
{
	struct model *m = &talk.model[direction];
	struct turn *last = talk.turn_count ? &talk.turns[talk.turn_count - 1] : NULL;

	while (m->size + size > m->room) {
		m->room = m->room ? m->room * 2 : 65536;
		m->bytes = realloc(m->bytes, m->room);
		m->must = realloc(m->must, m->room);
	}
	memcpy(m->bytes + m->size, bytes, size);
	memset(m->must + m->size, must, size);
	m->size += size;
	if (!last || last->direction != direction) {
		assert_true(talk.turn_count < TURNS_MAX);
		last = &talk.turns[talk.turn_count++];
		*last = (struct turn){direction, 0};
	}
	last->size += size;
}

__attribute__((format(printf, 2, 3))) static void say(int direction, const char *format, ...)
{
	static char text[65536];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say_marked(direction, text, (size_t)size, 1);
}

/* A body of |size| bytes; full of what looks like heads, chunks and frames. */
static void say_body(int direction, size_t size)
{
	static const char bait[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n";
	struct model *m = &talk.model[direction];
	uint8_t *bytes = calloc(1, size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)bait[i % (sizeof(bait) - 1)];
	say_marked(direction, bytes, size, 0);
	free(bytes);
	assert_true(m->end_count < ENDS_MAX);
	if (size)
		m->ends[m->end_count++].at = m->size;
}

/* ---- records */

static int keep(void *arg, void *record, size_t size_bytes)
{
	uint64_t size = (size_bytes + 7) & ~7ull;

	(void)arg;
	if (arena_used + 8 + size > ARENA_BYTES)
		return 0;
	memcpy(arena + arena_used, &size, 8);
	memcpy(arena + arena_used + 8, record, size_bytes);
	arena_used += 8 + size;
	return 0;
}

static void consume(void)
{
	if (!silent)
		attach_heartbeat(world, now_ns());
	attach_consume(world, keep, NULL);
}

static int side_of(uint64_t cookie)
{
	return cookie == talk.cookie[CLIENT] ? CLIENT : cookie == talk.cookie[SERVER] ? SERVER : -1;
}

/* ---- ends of the conversation */

static const uint8_t *addr_of(int side)
{
	static uint8_t mapped[2][16];
	struct sockaddr_in *v4 = (void *)&talk.addr[side];

	if (v4->sin_family == AF_INET6)
		return ((struct sockaddr_in6 *)v4)->sin6_addr.s6_addr;
	mapped[side][10] = mapped[side][11] = 0xff;
	memcpy(mapped[side] + 12, &v4->sin_addr, 4);
	return mapped[side];
}

static uint16_t port_of(int side)
{
	return ntohs(((struct sockaddr_in *)&talk.addr[side])->sin_port);
}

static const char *program_name(void)
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
		talk.opens[i] = talk.closes[i] = 0;
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

static int listen_on(int family, struct sockaddr_storage *addr, socklen_t *size)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*size = sizeof(*addr);
	if (bind(fd, family == AF_INET6 ? (void *)&v6 : (void *)&v4,
		 family == AF_INET6 ? sizeof(v6) : sizeof(v4)) ||
	    listen(fd, 16) || getsockname(fd, (void *)addr, size))
		fail_msg("listen: %s", strerror(errno));
	return fd;
}

/* A connection over the loopback. */
static void talk_connect(int family)
{
	struct sockaddr_storage addr;
	socklen_t size;
	int listener = listen_on(family, &addr, &size);

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
static void talk_play(size_t (*cut)(size_t left))
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

static void talk_close(void)
{
	shutdown(talk.fd[CLIENT], SHUT_WR);
	close(talk.fd[SERVER]);
	close(talk.fd[CLIENT]);
}

/* ---- life */

static void world_attach(void)
{
	struct attach_options options = {
		.ring_bytes = 64u << 20, .capture = true, .pin_dir = pin_dir};
	struct error err = {0};
	uint64_t dropped;

	options.cgroup_path = cgroup_dir[0] ? cgroup_dir : NULL;
	if (attach_new(&options, &world, &err) || attach_ring_open(world, &dropped, &err))
		fail_msg("%s", err.text);
}

static int world_begin(void **state)
{
	(void)state;
	private_cgroup();
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(arena, MAP_FAILED);
	world_attach();
	return 0;
}

static int world_end(void **state)
{
	(void)state;
	attach_free(world);
	leave_cgroup();
	return 0;
}
