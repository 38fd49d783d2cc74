// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two sets: sockets by cookie with their last report, queues by workload and port with
 * the sums. */
#include "control/signals/listeners.h"

#include <math.h>
#include <stdlib.h>

struct queue_key {
	uint32_t workload_id;
	uint32_t port;
};

struct listening_socket {
	struct queue_key queue; /* where it is added up; workload_id 0 and port 0 = nowhere yet */
	uint64_t length;
	uint64_t limit;
	uint64_t drops;
	bool in_queue; /* its gauges are in the queue's */
	bool ended;
};

struct listeners {
	struct series *sockets;
	struct series *queues;
};

struct listeners *listeners_new(uint32_t limit, uint64_t seed)
{
	struct listeners *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->sockets = series_new(limit, sizeof(uint64_t), sizeof(struct listening_socket), seed);
	l->queues = series_new(limit, sizeof(struct queue_key), sizeof(struct listen_queue), seed);
	if (l->sockets && l->queues)
		return l;
	listeners_free(l);
	return NULL;
}

void listeners_free(struct listeners *l)
{
	if (!l)
		return;
	series_free(l->sockets);
	series_free(l->queues);
	free(l);
}

/* Subtracts a socket's gauges from its queue; its drops stay counted. */
static void leave_queue(struct listeners *l, struct listening_socket *s)
{
	struct listen_queue *q = s->in_queue ? series_find(l->queues, &s->queue) : NULL;

	s->in_queue = false;
	if (!q)
		return;
	q->length -= s->length;
	q->limit -= s->limit;
	q->sockets--;
}

static struct listen_queue *join_queue(struct listeners *l, const struct queue_key *key,
				       const struct workload *workload, uint64_t now_ns)
{
	struct queue_key overflow = {0, 0};
	struct listen_queue *q = series_get(l->queues, key, &overflow, now_ns);
	const struct queue_key *found;

	if (!q || q->identity)
		return q;
	found = series_key(l->queues, q);
	q->identity = found->workload_id ? workload->named : &identity_overflow;
	q->workload_id = found->workload_id;
	q->port = (uint16_t)found->port;
	return q;
}

static void enter_queue(struct listen_queue *q, struct listening_socket *s,
			const struct listener *report)
{
	s->length = report->backlog;
	s->limit = report->backlog_max;
	s->in_queue = true;
	q->length += s->length;
	q->limit += s->limit;
	q->sockets++;
}

void listeners_add(struct listeners *l, const struct listener *report,
		   const struct workload *workload, uint64_t now_ns)
{
	struct listening_socket *s = series_get(l->sockets, &report->address.cookie, NULL, now_ns);
	struct queue_key queue = {workload->workload_id, report->address.port};
	struct listen_queue *q;

	/* the kernel releases a port that bind() chose before the socket ends */
	if (s && report->phase == LISTENER_ENDED && s->queue.port)
		queue = s->queue;
	q = s && queue.port ? join_queue(l, &queue, workload, now_ns) : NULL;
	if (!q)
		return;
	leave_queue(l, s);
	s->queue = *(const struct queue_key *)series_key(l->queues, q);
	q->drops += report->drops > s->drops ? report->drops - s->drops : 0;
	s->drops = report->drops > s->drops ? report->drops : s->drops;
	if (report->phase != LISTENER_ALIVE)
		s->ended = report->phase == LISTENER_ENDED;
	if (!s->ended)
		enter_queue(q, s, report);
}

static void forget_socket(void *arg, const void *key, void *value)
{
	(void)key;
	leave_queue(arg, value);
}

void listeners_expire(struct listeners *l, uint64_t now_ns, uint64_t idle_ns)
{
	series_expire(l->sockets, now_ns, idle_ns, forget_socket, l);
	series_expire(l->queues, now_ns, idle_ns, NULL, NULL);
}

const struct listen_queue *listeners_at(const struct listeners *l, uint32_t position)
{
	return series_at(l->queues, position);
}

/* Several connections may be queued at once where there is room for one. */
static double fill_of(const struct listen_queue *q)
{
	return fmin(1, (double)q->length / (double)(q->limit + q->sockets));
}

void listeners_of(const struct listeners *l, uint32_t workload_id, struct listen_state *ret)
{
	const struct listen_queue *q;

	*ret = (struct listen_state){.fill = NAN};
	for (uint32_t i = 0; (q = listeners_at(l, i)); i++) {
		if (q->workload_id != workload_id)
			continue;
		if (q->sockets)
			ret->fill = fmax(fill_of(q), isnan(ret->fill) ? 0 : ret->fill);
		ret->known = true;
		ret->drops += q->drops;
	}
}

const struct series *listeners_sockets(const struct listeners *l)
{
	return l->sockets;
}
