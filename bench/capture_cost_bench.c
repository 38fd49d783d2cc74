// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a run of each program of the kernel half costs while one connection over loopback exchanges
 * small HTTP/1 messages: nanoseconds by the kernel's own statistics, the best of several rounds.
 * Needs root. Usage: capture_cost_bench [EXCHANGES] */
#include "datapath/attach/attach.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	     7
#define PROGRAMS_MAX 16

static const char REQUEST[] =
	"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\n"
	"Accept: *\r\n\r\n";
#define HEAD_BYTES 240
#define BODY_BYTES 612
static char response[HEAD_BYTES + BODY_BYTES];

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
	static char got[4096];

	if (send(from, bytes, size, 0) != (ssize_t)size ||
	    recv(to, got, size, MSG_WAITALL) != (ssize_t)size)
		fail("exchange");
}

static void exchange(struct attach *a, unsigned times)
{
	int fd[2];

	connect_pair(fd);
	for (unsigned i = 0; i < times; i++) {
		carry(fd[0], fd[1], REQUEST, sizeof(REQUEST) - 1);
		carry(fd[1], fd[0], response, HEAD_BYTES);
		carry(fd[1], fd[0], response + HEAD_BYTES, BODY_BYTES);
		if (i % 256)
			continue;
		attach_heartbeat(a, now_ns());
		attach_consume(a, drop, NULL);
	}
	close(fd[0]);
	close(fd[1]);
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

static void statistics(const struct attach *a)
{
	unsigned i = 0;

	attach_visit_programs(a, take, &i);
}

int main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)atoi(argv[1]) : 20000;
	struct attach_options options = {.ring_bytes = 8u << 20, .capture = true};
	struct attach *a;
	struct error err;

	snprintf(response, sizeof(response),
		 "HTTP/1.1 200 OK\r\nContent-Length: 612\r\nX-Fill: %0190d\r\n\r\n", 0);
	if (strlen(response) != HEAD_BYTES)
		fail("the head is not as long as it should be");
	memset(response + HEAD_BYTES, 'b', BODY_BYTES);
	if (attach_new(&options, &a, &err) || attach_ring_open(a, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		fail("BPF statistics");
	exchange(a, 1000);
	for (int round = 0; round <= ROUNDS; round++) {
		statistics(a);
		exchange(a, times);
	}
	statistics(a);
	for (unsigned i = 0; i < cost_count; i++)
		if (costs[i].best_ns)
			printf("%-14s %6.1f ns\n", costs[i].name, (double)costs[i].best_ns / 10);
	attach_free(a);
	return 0;
}
