// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the whole of observe with ring records in every order: no crash, nothing delivered twice,
 * nothing left behind. An input is a row of steps: an opcode, two bytes of choice, a length,
 * payload. */
#include <linux/types.h>

#include "datapath/observe/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COOKIES 6
#define SEEN	4096

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

struct run {
	struct observe *observe;
	uint64_t now_ns;
	uint32_t seqs[COOKIES][2]; /* what comes next, so that streams make progress */
	uint8_t delivered[SEEN];   /* by request id: a bit per reporter */
};

static void on_request(void *arg, const struct request *r)
{
	struct run *run = arg;
	uint8_t bit = (uint8_t)(1 << r->reporter);

	require(r->id && r->source && r->destination && r->client && r->server);
	require(memchr(r->path, 0, sizeof(r->path)) && memchr(r->method, 0, sizeof(r->method)));
	require(memchr(r->user_agent, 0, sizeof(r->user_agent)) && r->status <= 999);
	if (r->id >= SEEN)
		return;
	require(!(run->delivered[r->id] & bit));
	run->delivered[r->id] |= bit;
}

static void on_connection(void *arg, const struct connection *c)
{
	(void)arg;
	require(c->protocol && c->source && c->destination);
	require(c->sent_bytes >= c->previous_sent_bytes);
	require(c->received_bytes >= c->previous_received_bytes);
}

static int cgroup_path(void *arg, uint64_t id, char *out, size_t size)
{
	(void)arg;
	snprintf(out, size, "/system.slice/s%u.service", (unsigned)id);
	return id ? 0 : -2;
}

static struct weft_event header(struct run *run, uint16_t kind, size_t size_bytes)
{
	return (struct weft_event){
		.time_ns = run->now_ns, .size_bytes = (uint32_t)size_bytes, .kind = kind};
}

/* Cookies 2n and 2n + 1 are the two ends of connection n. */
static struct weft_tuple tuple_of(unsigned end)
{
	struct weft_tuple t = {.local_port = 80, .remote_port = 80};

	if (end & 1)
		t.remote_port = (uint16_t)(1000 + end / 2);
	else
		t.local_port = (uint16_t)(1000 + end / 2);
	t.local_addr[15] = end & 1;
	t.remote_addr[15] = !(end & 1);
	return t;
}

static void do_open(struct run *run, unsigned end, uint8_t choice)
{
	struct weft_open open = {.event = header(run, WEFT_EVENT_OPEN, sizeof(open)),
				 .cookie = end + 1,
				 .tuple = tuple_of(end),
				 .owner.cgroup_id = end,
				 .egress_seq = run->seqs[end][WEFT_EGRESS],
				 .ingress_seq = run->seqs[end][WEFT_INGRESS],
				 .role = choice % 4 == 3 ? WEFT_ROLE_UNKNOWN : (end & 1) + 1,
				 .flags = choice & 8	? WEFT_OPEN_MIDSTREAM
					  : choice & 16 ? WEFT_OPEN_AWAITED
							: 0};

	observe_event(run->observe, &open, sizeof(open));
}

static void do_segment(struct run *run, unsigned end, uint8_t choice, const uint8_t *data, size_t n)
{
	size_t whole = sizeof(struct weft_segment) + n;
	struct weft_segment *s = calloc(1, whole);
	uint8_t direction = choice & 1;
	uint32_t *next = &run->seqs[end][direction];
	int32_t shift =
		choice & 2 ? (int8_t)choice * 16 : 0; /* before its turn, again, or after a hole */

	require(s);
	s->event = header(run, WEFT_EVENT_SEGMENT, whole);
	s->cookie = end + 1;
	s->seq = *next + (uint32_t)shift;
	s->data_bytes = (uint16_t)n;
	s->packet_bytes = (uint32_t)n + (choice & 4);
	s->direction = direction;
	s->message = choice & 16 ? choice >> 5 : 0;
	s->frame = choice & 8 ? 1 + choice % 7 : 0;
	if (n)
		memcpy(s->data, data, n);
	if (!shift) {
		*next += (uint32_t)n;
		run->seqs[end ^ 1][!direction] = *next;
	}
	observe_event(run->observe, s, whole);
	free(s);
}

static void do_mark(struct run *run, unsigned end, uint8_t choice)
{
	struct weft_mark m = {.event = header(run, WEFT_EVENT_MARK, sizeof(m)),
			      .cookie = end + 1,
			      .end_seq = run->seqs[end][WEFT_INGRESS] + (choice & 2 ? choice : 0),
			      .bytes = choice * 8u};

	observe_event(run->observe, &m, sizeof(m));
}

static void do_close(struct run *run, unsigned end, uint8_t choice)
{
	struct weft_close c = {.event = header(run, WEFT_EVENT_CLOSE, sizeof(c)),
			       .cookie = end + 1,
			       .tuple = tuple_of(end),
			       .alive = (choice & 1) | (choice >> 6 & 2),
			       .role = choice & 2 ? (end & 1) + 1 : 0,
			       .counters = {.sent_bytes = choice * 64u,
					    .received_bytes = choice * 32u,
					    .flags = choice >> 3}};

	observe_event(run->observe, &c, sizeof(c));
}

static void do_secret(struct run *run, uint8_t choice, const uint8_t *data, size_t n)
{
	struct weft_secret s = {.event = header(run, WEFT_EVENT_SECRET, sizeof(s)),
				.tls_version = choice & 1 ? 0x0303 : 0x0304,
				.which = choice % 8,
				.secret_bytes = 32};

	memcpy(s.secret, data, n < 32 ? n : 32);
	observe_event(run->observe, &s, sizeof(s));
}

static void do_step(struct run *run, const uint8_t *step, const uint8_t *data, size_t n)
{
	unsigned end = step[1] % COOKIES;

	switch (step[0] % 9) {
	case 0:
		do_open(run, end, step[2]);
		break;
	case 1:
	case 2:
	case 3:
		do_segment(run, end, step[2], data, n);
		break;
	case 4:
		do_mark(run, end, step[2]);
		break;
	case 5:
		do_close(run, end, step[2]);
		break;
	case 6:
		do_secret(run, step[2], data, n);
		break;
	case 7:
		run->now_ns += step[2] * 20000000ull;
		observe_tick(run->observe, run->now_ns);
		break;
	default:
		observe_event(run->observe, data, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct run run = {.now_ns = 1000000000};
	struct observe_listener listener = {.arg = &run,
					    .request = on_request,
					    .connection = on_connection,
					    .cgroup_path = cgroup_path};
	struct observe_limits limits = observe_limits_default();

	limits.connections = 4;
	limits.requests_per_connection = 5;
	limits.identities = 3;
	limits.secrets = 8;
	limits.alive_interval_ns = 300000000;
	limits.connection_idle_ns = 2000000000;
	run.observe = observe_new(&limits, &listener, NULL);
	require(run.observe);
	for (size_t at = 0; at + 4 <= size_bytes;) {
		const uint8_t *step = data + at;
		size_t left = size_bytes - at - 4;
		size_t n = step[3] < left ? step[3] : left;
		uint8_t *copy = malloc(n ? n : 1); /* aligned as records are, its end guarded */

		require(copy);
		memcpy(copy, step + 4, n);
		run.now_ns += 100000;
		do_step(&run, step, copy, n);
		free(copy);
		at += 4 + n;
	}
	require(observe_counts(run.observe)->connections <= limits.connections);
	observe_free(run.observe);
	return 0;
}
