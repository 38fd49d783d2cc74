// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a run of each program of the kernel half costs while connections over loopback exchange
 * small HTTP/1 messages, one per CPU: nanoseconds by the kernel's own statistics, the best of
 * several rounds, and what all of them cost together per exchange. Needs root. Usage:
 * capture_cost_bench [EXCHANGES] [CPUS] */
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/net/tc.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	     7
#define CPUS_MAX     64
#define WORK_BYTES   (512 * 1024)
#define PROGRAMS_MAX 16

static const char REQUEST[] =
	"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\n"
	"Accept: *\r\n\r\n";
static const char RESPONSE[] =
	"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
	"Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n"
	"hello, world";

struct cost {
	const char *name;
	uint64_t runs, ns, best_ns;
};

static struct cost costs[PROGRAMS_MAX];
static unsigned cost_count;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int drop(void *arg, void *record, size_t size_bytes)
{
	(void)arg;
	(void)record;
	(void)size_bytes;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void connect_pair(int fd[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (void *)&addr, size) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &size))
		fail("listen");
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[0], (void *)&addr, size))
		fail("connect");
	fd[1] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listener);
}

static void carry(int from, int to, const char *bytes, size_t size)
{
	char got[4096];

	if (send(from, bytes, size, 0) != (ssize_t)size ||
	    recv(to, got, size, MSG_WAITALL) != (ssize_t)size)
		fail("exchange");
}

/* Programs use the caches for their own ends between two messages. */
static void work(void)
{
	static __thread volatile char memory[WORK_BYTES];

	for (unsigned i = 0; i < sizeof(memory); i += 64)
		memory[i]++;
}

/* One connection, both ends of which are on one CPU. */
struct talker {
	struct reader *reader; /* of the one who also reads the ring, or NULL */
	pthread_t thread;
	unsigned cpu;
	unsigned times;
};

static void *talk(void *arg)
{
	const struct talker *t = arg;
	cpu_set_t cpus;
	int fd[2];

	CPU_ZERO(&cpus);
	CPU_SET(t->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	connect_pair(fd);
	for (unsigned i = 0; i < t->times; i++) {
		carry(fd[0], fd[1], REQUEST, sizeof(REQUEST) - 1);
		work();
		carry(fd[1], fd[0], RESPONSE, sizeof(RESPONSE) - 1);
		work();
		if (i % 256 || !t->reader)
			continue;
		reader_heartbeat(t->reader, now_ns());
		reader_consume(t->reader, drop, NULL);
	}
	close(fd[0]);
	close(fd[1]);
	return NULL;
}

static void exchange(struct reader *reader, unsigned times, unsigned cpus)
{
	struct talker talkers[CPUS_MAX];

	for (unsigned i = 0; i < cpus; i++) {
		talkers[i] = (struct talker){i ? NULL : reader, 0, i, times};
		if (pthread_create(&talkers[i].thread, NULL, talk, &talkers[i]))
			fail("thread");
	}
	for (unsigned i = 0; i < cpus; i++)
		pthread_join(talkers[i].thread, NULL);
}

/* Of all programs together. */
static uint64_t total_ns(void)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < cost_count; i++)
		ns += costs[i].ns;
	return ns;
}

static void take(void *arg, const struct attach_program *p)
{
	unsigned *i = arg;
	struct cost *c = &costs[*i];
	uint64_t runs = p->runs - c->runs;

	if (++*i > PROGRAMS_MAX)
		return;
	if (runs && c->runs && (!c->best_ns || (p->run_ns - c->ns) * 10 / runs < c->best_ns))
		c->best_ns = (p->run_ns - c->ns) * 10 / runs;
	*c = (struct cost){p->name, p->runs, p->run_ns, c->best_ns};
	cost_count = *i;
}

/* The flow counters of both directions, on the loopback interface. */
static const enum program TC_PROGRAMS[] = {
	[WEFT_INGRESS] = PROGRAM_weft_tc_ingress, [WEFT_EGRESS] = PROGRAM_weft_tc_egress};
static struct tc_hook tc_hooks[2];

static struct tc_place tc_place(int direction)
{
	return (struct tc_place){.ifindex = (int)if_nametoindex("lo"), .direction = direction};
}

static void tc_start(const struct attach *a)
{
	struct error err;

	for (int direction = 0; direction < 2; direction++) {
		struct tc_place place = tc_place(direction);

		if (tc_attach(&place, attach_program(a, TC_PROGRAMS[direction]),
			      &tc_hooks[direction], &err))
			fprintf(stderr, "%s\n", err.text);
	}
}

static void tc_stop(void)
{
	for (int direction = 0; direction < 2; direction++) {
		struct tc_place place = tc_place(direction);

		tc_detach(&place, &tc_hooks[direction]);
	}
}

static void statistics(const struct attach *a)
{
	unsigned i = 0;

	attach_visit_programs(a, take, &i);
	for (int direction = 0; direction < 2; direction++) {
		enum program tc = TC_PROGRAMS[direction];
		struct attach_program p = {.name = program_table[tc].name};

		if (attach_program_statistics(a, tc, &p.runs, &p.run_ns))
			fail(p.name);
		take(&i, &p);
	}
}

int main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 20000;
	unsigned cpus = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	uint64_t before, best = UINT64_MAX;
	struct attach_options options = {.ring_bytes = 8u << 20, .capture = true};
	struct attach *a;
	struct reader *reader;
	struct error err;

	if (!cpus || cpus > CPUS_MAX)
		fail("CPUS");
	if (attach_new(&options, &a, &err) || reader_new(attach_reader_maps(a), &reader, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		fail("BPF statistics");
	tc_start(a);
	exchange(reader, 1000, cpus);
	for (int round = 0; round <= ROUNDS; round++) {
		statistics(a);
		before = total_ns();
		exchange(reader, times, cpus);
		statistics(a);
		if (total_ns() - before < best)
			best = total_ns() - before;
	}
	for (unsigned i = 0; i < cost_count; i++)
		if (costs[i].best_ns)
			printf("%-14s %6.1f ns\n", costs[i].name, (double)costs[i].best_ns / 10);
	printf("%-14s %6.1f ns\n", "per exchange", (double)best / times / cpus);
	tc_stop();
	reader_free(reader);
	attach_free(a);
	return 0;
}
