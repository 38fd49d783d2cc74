// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an exchange costs the agent: the ring records of real TLS sessions and of clear ones,
 * recorded in memory, go through observe, signals and the recent requests as in the worker, no
 * kernel. Prints the best round's ns per exchange (two segments, two marks, two reports). Usage:
 * agent_bench [load|all [connections [exchanges [rounds]]]] */
#include "datapath/observe/tls_session_test.h"

#include "control/serve/recent.h"
#include "control/signals/signals.h"
#include "datapath/observe/observe.h"

#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define RECENT_REQUESTS	   4096
#define RECENT_CONNECTIONS 1024
#define RECORD_MAX_BYTES   16384
#define REQUEST		   "GET / HTTP/1.1\r\nHost: 10.255.255.1:8080\r\n\r\n"
#define RESPONSE                                                                                   \
	"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\n"       \
	"Content-Type: application/octet-stream\r\nContent-Length: 12\r\nConnection: "             \
	"keep-alive\r\n\r\n" BODY
#define BODY	"hello, world"
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct load {
	const char *name;
	bool tls;
	uint32_t streams; /* HTTP/2: exchanges that go in one record; 0: HTTP/1.1 */
};

static const struct load loads[] = {
	{"http1", false, 0}, {"tls1", true, 0},	  {"h2c", false, 10},
	{"tls2", true, 10},  {"tls2-1", true, 1},
};

/* A connection while it is recorded. */
struct pair {
	struct session *session; /* NULL: clear */
	nghttp2_hd_deflater *deflaters[2];
	uint32_t index;
	uint32_t seqs[2]; /* of what client and server send next */
	uint32_t stream_id;
};

/* Ring records, each at a multiple of eight bytes. */
struct recording {
	uint8_t *data;
	size_t size_bytes;
	size_t used_bytes;
	uint64_t time_ns;
};

struct agent {
	struct observe *observe;
	struct signals *signals;
	struct recent *recent;
	uint64_t reports;
};

/* ---- recording */

static void record(struct recording *r, const void *event, size_t head_bytes, const void *tail,
		   size_t tail_bytes)
{
	size_t whole = (head_bytes + tail_bytes + 7) & ~(size_t)7;

	if (r->used_bytes + whole > r->size_bytes) {
		r->size_bytes = 2 * r->size_bytes + whole;
		r->data = realloc(r->data, r->size_bytes);
	}
	memcpy(r->data + r->used_bytes, event, head_bytes);
	if (tail_bytes)
		memcpy(r->data + r->used_bytes + head_bytes, tail, tail_bytes);
	r->used_bytes += whole;
}

static uint64_t cookie_of(const struct pair *p, bool server)
{
	return 2 * (uint64_t)p->index + 1 + server;
}

static void record_open(struct recording *r, const struct pair *p, bool server)
{
	struct weft_open open = {
		.event = {r->time_ns, sizeof(open), WEFT_EVENT_OPEN, 0},
		.cookie = cookie_of(p, server),
		.tuple = {.local_addr[15] = server, .remote_addr[15] = !server},
		.owner = {.pid = 1 + server, .comm = "bench"},
		.role = server ? WEFT_ROLE_SERVER : WEFT_ROLE_CLIENT,
	};

	open.tuple.local_port = (uint16_t)(server ? 80 : p->index);
	open.tuple.remote_port = (uint16_t)(server ? p->index : 80);
	memcpy(open.tuple.local_addr, &p->index, 4);
	memcpy(open.tuple.remote_addr, &p->index, 4);
	record(r, &open, sizeof(open), NULL, 0);
}

static void record_secret(struct recording *r, const struct weft_secret *secret)
{
	struct weft_secret s = *secret;

	s.event = (struct weft_event){r->time_ns, sizeof(s), WEFT_EVENT_SECRET, 0};
	record(r, &s, sizeof(s), NULL, 0);
}

/* One segment leaves an end and arrives at the other. */
static void record_bytes(struct recording *r, struct pair *p, bool server, const void *data,
			 size_t n)
{
	struct weft_segment segment = {
		.event = {r->time_ns, (uint32_t)(sizeof(segment) + n), WEFT_EVENT_SEGMENT, 0},
		.cookie = cookie_of(p, server),
		.seq = p->seqs[server],
		.data_bytes = (uint16_t)n,
		.direction = WEFT_EGRESS,
		.packet_bytes = (uint32_t)n,
	};
	struct weft_mark mark = {.event = {r->time_ns + 9000, sizeof(mark), WEFT_EVENT_MARK, 0},
				 .cookie = cookie_of(p, !server),
				 .end_seq = p->seqs[server] + (uint32_t)n,
				 .bytes = (uint32_t)n};

	record(r, &segment, sizeof(segment), data, n);
	record(r, &mark, sizeof(mark), NULL, 0);
	p->seqs[server] += (uint32_t)n;
	r->time_ns += 20000;
}

/* |data| is what the program writes. */
static void record_write(struct recording *r, struct pair *p, bool server, const void *data,
			 size_t n)
{
	uint8_t wire[RECORD_MAX_BYTES + 256];
	int size_bytes;

	if (!p->session) {
		record_bytes(r, p, server, data, n);
		return;
	}
	assert(SSL_write(p->session->ends[server], data, (int)n) == (int)n);
	size_bytes = BIO_read(SSL_get_wbio(p->session->ends[server]), wire, sizeof(wire));
	record_bytes(r, p, server, wire, (size_t)size_bytes);
}

static void record_handshake(struct recording *r, struct pair *p)
{
	const struct session *s = p->session;

	for (size_t i = 0; i < s->event_count; i++) {
		const struct session_event *e = &s->events[i];

		if (e->data)
			record_bytes(r, p, e->side, e->data, e->size_bytes);
		else
			record_secret(r, &e->secret);
	}
}

/* ---- HTTP/2 as h2load and nginx write it: requests refer to the table, responses do not */

static size_t put_frame(uint8_t *out, uint8_t type, uint8_t flags, uint32_t stream_id, size_t n)
{
	const uint8_t head[9] = {(uint8_t)(n >> 16),
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

#define FIELD(name, value, flags)                                                                  \
	{(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, flags}

static size_t put_head(uint8_t *out, struct pair *p, bool server, uint32_t stream_id)
{
	static const nghttp2_nv request[] = {
		FIELD(":method", "GET", 0),
		FIELD(":path", "/", 0),
		FIELD(":scheme", "https", 0),
		FIELD(":authority", "10.255.255.1:8443", 0),
		FIELD("user-agent", "h2load nghttp2/1.52.0", 0),
	};
	static const nghttp2_nv response[] = {
		FIELD(":status", "200", 0),
		FIELD("server", "nginx/1.22.1", NGHTTP2_NV_FLAG_NO_INDEX),
		FIELD("date", "Mon, 23 Nov 2026 08:00:00 GMT", NGHTTP2_NV_FLAG_NO_INDEX),
		FIELD("content-type", "application/octet-stream", NGHTTP2_NV_FLAG_NO_INDEX),
		FIELD("content-length", "12", NGHTTP2_NV_FLAG_NO_INDEX),
	};
	ssize_t n = nghttp2_hd_deflate_hd(p->deflaters[server], out + 9, 512,
					  server ? response : request, 5);

	return put_frame(out, 1, server ? 4 : 5, stream_id, (size_t)n);
}

static void start_http2(struct recording *r, struct pair *p)
{
	uint8_t out[64] = PREFACE;
	size_t n = sizeof(PREFACE) - 1;

	p->stream_id = 1;
	nghttp2_hd_deflate_new(&p->deflaters[0], 4096);
	nghttp2_hd_deflate_new(&p->deflaters[1], 4096);
	record_write(r, p, false, out, n + put_frame(out + n, 4, 0, 0, 0));
	record_write(r, p, true, out, put_frame(out, 4, 0, 0, 0));
}

static void exchange_http2(struct recording *r, struct pair *p, uint32_t streams)
{
	uint8_t out[RECORD_MAX_BYTES] = {0};
	size_t n = 0;

	for (uint32_t i = 0; i < streams; i++)
		n += put_head(out + n, p, false, p->stream_id + 2 * i);
	record_write(r, p, false, out, n);
	n = 0;
	for (uint32_t i = 0; i < streams; i++) {
		n += put_head(out + n, p, true, p->stream_id + 2 * i);
		memcpy(out + n + 9, BODY, sizeof(BODY) - 1);
		n += put_frame(out + n, 0, 1, p->stream_id + 2 * i, sizeof(BODY) - 1);
	}
	record_write(r, p, true, out, n);
	p->stream_id += 2 * streams;
}

/* ---- loads */

static struct session *session_start(SSL_CTX *contexts[2])
{
	struct session *s = session_new(contexts[TLS_CLIENT], contexts[TLS_SERVER], true, 1);

	while (!session_shake(s))
		;
	return s;
}

static void pair_start(struct recording *r, struct pair *p, const struct load *w,
		       SSL_CTX *contexts[2])
{
	record_open(r, p, false);
	record_open(r, p, true);
	if (w->tls) {
		p->session = session_start(contexts);
		record_handshake(r, p);
	}
	if (w->streams)
		start_http2(r, p);
}

static void exchange(struct recording *r, struct pair *p, const struct load *w)
{
	if (w->streams) {
		exchange_http2(r, p, w->streams);
		return;
	}
	record_write(r, p, false, REQUEST, sizeof(REQUEST) - 1);
	record_write(r, p, true, RESPONSE, sizeof(RESPONSE) - 1);
}

static void pair_free(struct pair *p)
{
	if (p->session)
		session_free(p->session);
	for (int i = 0; i < 2; i++)
		if (p->deflaters[i])
			nghttp2_hd_deflate_del(p->deflaters[i]);
}

static void contexts_new(SSL_CTX *ret[2])
{
	static const char suite[] = "TLS_AES_256_GCM_SHA384";
	EVP_PKEY *key = session_key(false);
	X509 *certificate = session_certificate(key, "shop", "DNS:shop.example");

	ret[TLS_CLIENT] = session_context(false, TLS1_3_VERSION, suite, NULL, NULL);
	ret[TLS_SERVER] = session_context(true, TLS1_3_VERSION, suite, key, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* Returns how many bytes of |r| are the start of the connections. */
static size_t record_all(struct recording *r, const struct load *w, uint32_t pairs,
			 uint32_t exchanges)
{
	struct pair *all = calloc(pairs, sizeof(*all));
	SSL_CTX *contexts[2];
	size_t start_bytes;

	contexts_new(contexts);
	for (uint32_t i = 0; i < pairs; i++) {
		all[i].index = i;
		pair_start(r, &all[i], w, contexts);
	}
	start_bytes = r->used_bytes;
	for (uint32_t i = 0; i < exchanges; i++)
		exchange(r, &all[i % pairs], w);
	for (uint32_t i = 0; i < pairs; i++)
		pair_free(&all[i]);
	SSL_CTX_free(contexts[0]);
	SSL_CTX_free(contexts[1]);
	free(all);
	return start_bytes;
}

/* ---- the agent */

static void take_request(void *arg, const struct request *r)
{
	struct agent *a = arg;

	a->reports += r->status == 200 && !r->incomplete;
	signals_request(a->signals, r);
	recent_add_request(a->recent, r);
}

static void take_connection(void *arg, const struct connection *c)
{
	struct agent *a = arg;

	signals_connection(a->signals, c);
	recent_add_connection(a->recent, c);
}

static void agent_new(struct agent *a)
{
	struct observe_limits limits = observe_limits_default();
	struct signals_limits signals_limits = signals_limits_default();
	struct observe_listener listener = {
		.arg = a, .request = take_request, .connection = take_connection};

	limits.requests_per_connection = 1024;
	*a = (struct agent){
		.observe = observe_new(&limits, &listener, NULL),
		.signals = signals_new(&signals_limits, NULL),
		.recent = recent_new(RECENT_REQUESTS, RECENT_CONNECTIONS, 16),
	};
	assert(a->observe && a->signals && a->recent);
	signals_tick(a->signals, 1);
}

static void agent_free(struct agent *a)
{
	observe_free(a->observe);
	signals_free(a->signals);
	recent_free(a->recent);
}

static void feed(struct agent *a, const struct recording *r, size_t from, size_t to)
{
	while (from < to) {
		const struct weft_event *e = (const struct weft_event *)(r->data + from);

		observe_event(a->observe, e, e->size_bytes);
		from += (e->size_bytes + 7) & ~(size_t)7;
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ns of one round; |*ret_reports| requests came out of it. */
static uint64_t replay(const struct recording *r, size_t start_bytes, uint64_t *ret_reports)
{
	struct agent a;
	uint64_t start, taken_ns;

	agent_new(&a);
	feed(&a, r, 0, start_bytes);
	start = cpu_ns();
	feed(&a, r, start_bytes, r->used_bytes);
	taken_ns = cpu_ns() - start;
	*ret_reports = a.reports;
	agent_free(&a);
	return taken_ns;
}

static void run(const struct load *w, uint32_t pairs, uint32_t exchanges, uint32_t rounds)
{
	struct recording r = {.time_ns = 1000000000};
	uint32_t each = w->streams ? w->streams : 1;
	size_t start_bytes = record_all(&r, w, pairs, exchanges / each);
	double requests = (double)(exchanges / each * each);
	uint64_t best_ns = UINT64_MAX, reports = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		uint64_t taken_ns = replay(&r, start_bytes, &reports);

		if (taken_ns < best_ns)
			best_ns = taken_ns;
	}
	printf("%-6s %6u connections: %5.0f ns per exchange, %4.2f reports each\n", w->name, pairs,
	       (double)best_ns / requests, (double)reports / requests);
	fflush(stdout);
	free(r.data);
	malloc_trim(0);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "all";
	uint32_t pairs = argc > 2 ? (uint32_t)atoi(argv[2]) : 32;
	uint32_t exchanges = argc > 3 ? (uint32_t)atoi(argv[3]) : 50000;
	uint32_t rounds = argc > 4 ? (uint32_t)atoi(argv[4]) : 10;

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (!strcmp(name, "all") || !strcmp(name, loads[i].name))
			run(&loads[i], pairs ? pairs : 1, exchanges, rounds ? rounds : 1);
	return 0;
}
