/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: conversations over real sockets whose every byte is known, the ring records they
 * cause, and what must hold between the two. Needs root. */
#pragma once

#include <linux/types.h>

#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/core/sandbox_test.h"

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
	struct weft_close close[2], left[2]; /* |left|: the latest that says how it will end */
	int opens[2], closes[2], leaves[2];
	struct model model[2];
	struct turn turns[TURNS_MAX];
	size_t turn_count;
	bool remote; /* each end takes the other for one on another node */
	size_t body_copied;
};

static struct attach *world;
static struct reader *reader;
static uint8_t *arena;
static size_t arena_used;
static struct talk talk;
static bool silent; /* no heartbeats */
static bool unread; /* records stay in the ring */
static uint32_t ring_bytes = 64u << 20;
static const char *pin_dir;
static uint64_t seed = 1;

static inline uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return sides > 1 ? (uint32_t)(seed >> 33) % sides : 0;
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

/* What |direction| says next is another write. */
static inline void say_apart(int direction)
{
	assert_true(talk.turn_count < TURNS_MAX);
	talk.turns[talk.turn_count++] = (struct turn){direction, 0};
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
		reader_heartbeat(reader, now_ns());
	if (!unread)
		reader_consume(reader, keep, NULL);
}

static inline int side_of(uint64_t cookie)
{
	return cookie == talk.cookie[CLIENT] ? CLIENT : cookie == talk.cookie[SERVER] ? SERVER : -1;
}

/* ---- life */

static void world_attach(void)
{
	struct attach_options options = {
		.ring_bytes = ring_bytes, .capture = true, .pin_dir = pin_dir};
	struct error err = {0};

	options.cgroup_path = cgroup_dir[0] ? cgroup_dir : NULL;
	if (attach_new(&options, &world, &err) ||
	    reader_new(attach_reader_maps(world), &reader, &err))
		fail_msg("%s", err.text);
}

static void world_detach(void)
{
	reader_free(reader);
	attach_free(world);
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
	world_detach();
	leave_cgroup();
	return 0;
}
