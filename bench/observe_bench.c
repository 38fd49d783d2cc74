// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What observe costs: exchanges of local pairs as ring records, no kernel. Prints ns per exchange
 * (two segments, two marks, two reports) and bytes per connection. Usage: observe_bench
 * [connections [exchanges]] */
#include <linux/types.h>

#include "datapath/observe/observe.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFACE	 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0"
#define REQUEST                                                                                    \
	"GET /api/items/17?page=2 HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: "             \
	"bench/1.0\r\n"                                                                            \
	"Accept: */*\r\n\r\n"
#define RESPONSE                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\n"       \
	"Content-Type: text/plain\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n"

struct pair {
	uint32_t seqs[2]; /* of what client and server send next */
	uint32_t stream_id;
};

struct bench {
	struct observe *observe;
	struct pair *pairs;
	uint32_t pair_count;
	uint64_t time_ns;
	uint64_t reports;
	union {
		struct weft_segment segment;
		uint8_t record[4096];
	};
};

static void on_request(void *arg, const struct request *r)
{
	struct bench *b = arg;

	b->reports += r->status == 200;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t resident_bytes(void)
{
	size_t pages = 0, ignored;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%zu %zu", &ignored, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void open_end(struct bench *b, uint32_t index, bool server)
{
	const struct pair *p = &b->pairs[index];
	struct weft_open open = {
		.event = {b->time_ns, sizeof(open), WEFT_EVENT_OPEN, 0},
		.cookie = 2 * (uint64_t)index + 1 + server,
		.tuple = {.local_addr[15] = server, .remote_addr[15] = !server},
		.owner = {.pid = 1 + server, .comm = "bench"},
		.egress_seq = p->seqs[server],
		.ingress_seq = p->seqs[!server],
		.role = server ? WEFT_ROLE_SERVER : WEFT_ROLE_CLIENT,
	};

	open.tuple.local_port = (uint16_t)(server ? 80 : index);
	open.tuple.remote_port = (uint16_t)(server ? index : 80);
	memcpy(open.tuple.local_addr, &index, 4);
	memcpy(open.tuple.remote_addr, &index, 4);
	observe_event(b->observe, &open, sizeof(open));
}

/* One segment leaves an end and arrives at the other. */
static void carry(struct bench *b, uint32_t index, bool server, const void *data, size_t n)
{
	uint32_t *seq = &b->pairs[index].seqs[server];
	uint64_t cookie = 2 * (uint64_t)index + 1 + server;
	size_t whole = sizeof(b->segment) + n;
	struct weft_mark mark = {.event = {b->time_ns + 1000, sizeof(mark), WEFT_EVENT_MARK, 0},
				 .cookie = server ? cookie - 1 : cookie + 1,
				 .end_seq = *seq + (uint32_t)n,
				 .bytes = (uint32_t)n};

	b->segment = (struct weft_segment){
		.event = {b->time_ns, (uint32_t)whole, WEFT_EVENT_SEGMENT, 0},
		.cookie = cookie,
		.seq = *seq,
		.data_bytes = (uint16_t)n,
		.direction = WEFT_EGRESS,
		.packet_bytes = (uint32_t)n,
	};
	memcpy(b->segment.data, data, n);
	*seq += (uint32_t)n;
	observe_event(b->observe, &b->segment, whole);
	observe_event(b->observe, &mark, sizeof(mark));
	b->time_ns += 2000;
}

static void exchange_http1(struct bench *b, uint32_t index)
{
	static char response[sizeof(RESPONSE) + 100] = RESPONSE;

	carry(b, index, false, REQUEST, strlen(REQUEST));
	carry(b, index, true, response, strlen(RESPONSE) + 100);
}

static size_t frame(uint8_t *out, uint8_t type, uint8_t flags, uint32_t stream_id, size_t n)
{
	uint8_t head[9] = {(uint8_t)(n >> 16),
			   (uint8_t)(n >> 8),
			   (uint8_t)n,
			   type,
			   flags,
			   (uint8_t)(stream_id >> 24),
			   (uint8_t)(stream_id >> 16),
			   (uint8_t)(stream_id >> 8),
			   (uint8_t)stream_id};

	memcpy(out, head, sizeof(head));
	return sizeof(head) + n;
}

/* Headers of a client that uses the static table and literals without indexing. */
static void exchange_http2(struct bench *b, uint32_t index)
{
	static const char fields[] = "\x82\x86\x04\x0c/api/items/1\x01\x04shop";
	static const char answer[] = "\x88\x0f\x0d\x03"
				     "100";
	struct pair *p = &b->pairs[index];
	uint8_t out[512] = {0};
	size_t n;

	memcpy(out + 9, fields, sizeof(fields) - 1);
	n = frame(out, 1, 5, p->stream_id, sizeof(fields) - 1);
	carry(b, index, false, out, n);
	memset(out, 0, sizeof(out));
	memcpy(out + 9, answer, sizeof(answer) - 1);
	n = frame(out, 1, 4, p->stream_id, sizeof(answer) - 1);
	n += frame(out + n, 0, 1, p->stream_id, 100);
	carry(b, index, true, out, n);
	p->stream_id += 2;
}

static void start_http2(struct bench *b, uint32_t index)
{
	static const char start[] = PREFACE SETTINGS;

	b->pairs[index].stream_id = 1;
	carry(b, index, false, start, sizeof(start));
	carry(b, index, true, SETTINGS, sizeof(SETTINGS));
}

static bool bench_new(struct bench *b, uint32_t pair_count)
{
	struct observe_limits limits = observe_limits_default();
	struct observe_listener listener = {.arg = b, .request = on_request};

	*b = (struct bench){.pair_count = pair_count, .time_ns = 1000000000};
	b->observe = observe_new(&limits, &listener, NULL);
	b->pairs = calloc(pair_count, sizeof(*b->pairs));
	return b->observe && b->pairs;
}

static void bench_free(struct bench *b)
{
	observe_free(b->observe);
	free(b->pairs);
}

static void run(const char *name, uint32_t pair_count, uint32_t exchanges, bool http2)
{
	void (*exchange)(struct bench *, uint32_t) = http2 ? exchange_http2 : exchange_http1;
	size_t before = resident_bytes(), idle, used;
	struct bench b;
	uint64_t start;

	if (!bench_new(&b, pair_count))
		return;
	for (uint32_t i = 0; i < pair_count; i++) {
		open_end(&b, i, false);
		open_end(&b, i, true);
	}
	idle = resident_bytes() - before;
	for (uint32_t i = 0; i < pair_count; i++) {
		if (http2)
			start_http2(&b, i);
		exchange(&b, i);
	}
	used = resident_bytes() - before;
	b.reports = 0;
	start = cpu_ns();
	for (uint32_t i = 0; i < exchanges; i++)
		exchange(&b, i % pair_count);
	printf("%-6s %6u connections: %5.0f ns per exchange, %4.2f reports each; %5zu B per idle "
	       "connection, %5zu B with %s decoders\n",
	       name, pair_count, (double)(cpu_ns() - start) / exchanges,
	       (double)b.reports / exchanges, idle / pair_count, used / pair_count, name);
	bench_free(&b);
	malloc_trim(0);
}

int main(int argc, char **argv)
{
	uint32_t pairs = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
	uint32_t exchanges = argc > 2 ? (uint32_t)atoi(argv[2]) : 500000;

	run("http1", pairs ? pairs : 1, exchanges, false);
	run("http2", pairs ? pairs : 1, exchanges, true);
	return 0;
}
