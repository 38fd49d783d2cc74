// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What acceleration gains and loses by the size of messages: ping-pong and streams over a loopback,
 * four kinds of connections in turn in one run: bare (weft does not see it), plain (watched by
 * weft), fast (past TCP as far as it may) and usual (a program that has to show first what it
 * does). Where both ends run matters as much: a message for an idle core waits until that has woken
 * up. Needs root. Usage: redirect_bench [ROUNDS] */
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/mesh/redirect.h"
#include "datapath/attach/core/sandbox_test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define EXCHANGES    2000
#define STREAM_BYTES (48u << 20)
#define WRITES_MAX   60000
#define ROUNDS_MAX   32
#define SIZE_MAX_    (256u << 10)
#define BAR	     0.85  /* of plain latency, */
#define BAR_SIZE     16384 /* up to messages of so many bytes */

enum kind { BARE, PLAIN, FAST, USUAL, KINDS };

enum { FAST_TO_PLAIN, FAST_TO_BARE, USUAL_TO_PLAIN, RATIOS };

static const enum kind OF[RATIOS][2] = {{FAST, PLAIN}, {FAST, BARE}, {USUAL, PLAIN}};

static const uint16_t PORTS[KINDS] = {7300, 7301, 7302, 7303};
static const unsigned SIZES[] = {64, 256, 1024, 4096, 16384, 65536, SIZE_MAX_};
#define SIZE_COUNT (sizeof(SIZES) / sizeof(SIZES[0]))

struct placement {
	const char *name;
	int near_cpu; /* -1: where the scheduler likes */
	int far_cpu;
};

static const struct placement FREE = {"cores as the scheduler chooses", -1, -1};
static const struct placement ONE = {"both ends on one core", 0, 0};
static const struct placement EACH = {"a core for each end", 0, 1};

static struct attach *attach;
static struct reader *reader;
static struct redirect *redirect;

struct ends {
	int near;
	int far;
	unsigned bytes; /* of a message */
	unsigned messages;
	int far_cpu;
	bool stream;
};

static void fail(const char *what)
{
	perror(what);
	leave_cgroup();
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < (int)sysconf(_SC_NPROCESSORS_ONLN); i++)
		if (cpu < 0 || cpu == i)
			CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A socket belongs to the control group in which it is made: only there is it seen. */
static void group_enter(bool seen)
{
	char *slash = strrchr(cgroup_dir, '/');

	if (!seen)
		*slash = 0;
	enter_cgroup(cgroup_dir);
	*slash = '/';
}

static void ends_open(struct ends *e, enum kind kind)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(PORTS[kind]),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener, on = 1;

	group_enter(kind != BARE);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		fail("listen");
	e->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(e->near, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	e->far = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(e->near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(e->far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void take(int fd, char *buffer, size_t bytes)
{
	ssize_t n = 1;

	for (size_t have = 0; have < bytes; have += (size_t)n) {
		n = recv(fd, buffer, bytes - have, 0);
		if (n <= 0)
			fail("recv");
	}
}

static void give(int fd, const char *buffer, size_t bytes)
{
	ssize_t n;

	for (size_t gone = 0; gone < bytes; gone += (size_t)n) {
		n = send(fd, buffer + gone, bytes - gone, MSG_NOSIGNAL);
		if (n < 0)
			fail("send");
	}
}

static void *far_side(void *arg)
{
	static char buffer[SIZE_MAX_];
	struct ends *e = arg;

	pin_to(e->far_cpu);
	if (e->stream) {
		take(e->far, buffer, 1);
		for (unsigned i = 0; i < e->messages; i++)
			take(e->far, buffer, e->bytes);
		give(e->far, buffer, 1);
		return NULL;
	}
	for (unsigned i = 0; i < e->messages; i++) {
		take(e->far, buffer, e->bytes);
		give(e->far, buffer, e->bytes);
	}
	return NULL;
}

/* Returns ns per exchange, or per message of a stream. */
static double measure(enum kind kind, unsigned bytes, bool stream, const struct placement *place)
{
	static char buffer[SIZE_MAX_];
	struct ends e = {.bytes = bytes, .stream = stream, .far_cpu = place->far_cpu};
	pthread_t thread;
	uint64_t began_ns;

	e.messages = stream ? STREAM_BYTES / bytes : EXCHANGES;
	if (e.messages > WRITES_MAX)
		e.messages = WRITES_MAX;
	reader_heartbeat(reader, now_ns());
	ends_open(&e, kind);
	pthread_create(&thread, NULL, far_side, &e);
	pin_to(place->near_cpu);
	began_ns = now_ns();
	if (stream)
		give(e.near, buffer, 1);
	for (unsigned i = 0; i < e.messages; i++) {
		give(e.near, buffer, bytes);
		if (!stream)
			take(e.near, buffer, bytes);
	}
	if (stream)
		take(e.near, buffer, 1);
	began_ns = now_ns() - began_ns;
	pthread_join(thread, NULL);
	close(e.near);
	close(e.far);
	return (double)began_ns / e.messages;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* Medians of |rounds|, the kinds in turn: of the times, and of the ratios within a round, since the
 * machine is not the same in each. */
static void alternate(unsigned bytes, bool stream, const struct placement *place, unsigned rounds,
		      double ret_ns[KINDS], double ret_ratios[RATIOS])
{
	double all[KINDS][ROUNDS_MAX], ratios[RATIOS][ROUNDS_MAX];

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned kind = 0; kind < KINDS; kind++)
			all[kind][round] = measure(kind, bytes, stream, place);
		for (unsigned i = 0; i < RATIOS; i++)
			ratios[i][round] = all[OF[i][0]][round] / all[OF[i][1]][round];
	}
	for (unsigned kind = 0; kind < KINDS; kind++)
		ret_ns[kind] = median(all[kind], rounds);
	for (unsigned i = 0; i < RATIOS; i++)
		ret_ratios[i] = median(ratios[i], rounds);
}

static bool table_print(bool stream, const struct placement *place, unsigned rounds)
{
	bool held = true;

	printf("%s, %s\n%10s %10s %10s %10s %10s %11s %11s %11s\n",
	       stream ? "stream, ns per message" : "ping-pong, ns per exchange", place->name,
	       "bytes", "bare", "plain", "fast", "usual", "fast/plain", "fast/bare", "usual/plain");
	for (unsigned i = 0; i < SIZE_COUNT; i++) {
		double ns[KINDS], ratios[RATIOS];

		alternate(SIZES[i], stream, place, rounds, ns, ratios);
		printf("%10u %10.0f %10.0f %10.0f %10.0f %11.2f %11.2f %11.2f\n", SIZES[i],
		       ns[BARE], ns[PLAIN], ns[FAST], ns[USUAL], ratios[FAST_TO_PLAIN],
		       ratios[FAST_TO_BARE], ratios[USUAL_TO_PLAIN]);
		held &= stream || SIZES[i] > BAR_SIZE || ratios[FAST_TO_PLAIN] <= BAR;
	}
	return held;
}

static void start(void)
{
	struct attach_options options = {
		.redirect = true, .capture = true, .cgroup_path = cgroup_dir};
	struct redirect_service services[2];
	struct error err = {0};

	if (private_loopback() || !private_cgroup())
		fail("a namespace and a control group of its own");
	redirect_service_parse("127.0.0.1:7302", &services[0]);
	services[0].flags = WEFT_ACCEL_TRUSTED;
	redirect_service_parse("127.0.0.1:7303", &services[1]);
	if (attach_new(&options, &attach, &err) ||
	    reader_new(attach_reader_maps(attach), &reader, &err) ||
	    redirect_new(attach, cgroup_dir, &redirect, &err) ||
	    redirect_set(redirect, services, 2, &err)) {
		fprintf(stderr, "%s\n", err.text);
		leave_cgroup();
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 7;
	bool held;

	start();
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	measure(USUAL, 64, false, &FREE); /* shows how it reads */
	held = table_print(false, &FREE, rounds);
	held &= table_print(false, &ONE, rounds);
	held &= table_print(false, &EACH, rounds);
	table_print(true, &FREE, rounds);
	printf("ping-pong up to %u bytes at most %.2f of plain: %s\n", BAR_SIZE, BAR,
	       held ? "yes" : "NO");
	redirect_free(redirect);
	reader_free(reader);
	attach_free(attach);
	leave_cgroup();
	return held ? 0 : 3;
}
