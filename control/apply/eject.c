// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hosts are stored by service; the record of an endpoint is found by its state number, so that it
 * outlives generations. */
#include "control/apply/eject.h"

#include "base/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE	     UINT32_MAX
#define NS_PER_MS    1000000ull
#define PER_THOUSAND 1000.0

struct address {
	uint8_t addr[16];
	uint16_t port;
	uint16_t pad[3];
};

/* The start of an address's list of hosts. */
struct place {
	struct address address; /* the key */
	uint32_t first;
	uint32_t pad;
};

/* The history of an endpoint. */
struct record {
	uint64_t state; /* the key: the index, widened */
	uint32_t in_a_row[EJECT_CONNECT + 1];
	uint32_t times;	      /* number of ejections, minus one for each healthy interval */
	uint32_t total_times; /* number of ejections */
	uint32_t requests;    /* in this interval */
	uint32_t successes;
	uint32_t timed; /* requests with a known latency */
	uint32_t reason;
	uint64_t duration_ns; /* sum of them */
	uint64_t until_ns;    /* 0: not ejected */
	bool alive;	      /* in the present generation */
};

struct host {
	struct record *record; /* NULL: no room */
	uint32_t service;      /* index */
	uint32_t next;	       /* of the same address */
};

/* A port of a service. */
struct service {
	struct mesh_outlier policy;
	uint32_t number;
	uint32_t first, hosts;
	uint32_t ejected;
};

struct eject {
	eject_listener *listener;
	void *arg;
	uint32_t host_max;
	uint64_t seed;
	struct host *hosts;
	uint32_t host_count;
	struct service *services;
	uint32_t service_count, service_room;
	uint64_t *interval_ends_ns; /* by the services' numbers; 0: none has begun */
	struct table *places;
	struct table *records;
	struct eject_counts counts;
};

static const char *const REASONS[] = {
#define X(name, text) text,
	EJECT_REASONS(X)
#undef X
};

const char *eject_reason_text(enum eject_reason reason)
{
	return reason < EJECT_REASON_MAX ? REASONS[reason] : "unknown";
}

struct eject *eject_new(uint32_t hosts, uint64_t seed, eject_listener *listener, void *arg)
{
	struct eject *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->listener = listener;
	e->arg = arg;
	e->host_max = hosts;
	e->seed = seed;
	e->hosts = calloc(hosts, sizeof(*e->hosts));
	e->places = table_new(hosts, sizeof(struct place), sizeof(struct address), seed);
	e->records = table_new(hosts, sizeof(struct record), sizeof(uint64_t), seed);
	e->interval_ends_ns = calloc(EJECT_SERVICES, sizeof(*e->interval_ends_ns));
	if (e->hosts && e->places && e->records && e->interval_ends_ns)
		return e;
	eject_free(e);
	return NULL;
}

void eject_free(struct eject *e)
{
	if (!e)
		return;
	table_free(e->places);
	table_free(e->records);
	free(e->hosts);
	free(e->services);
	free(e->interval_ends_ns);
	free(e);
}

const struct eject_counts *eject_counts(const struct eject *e)
{
	return &e->counts;
}

static struct record *record_find(const struct eject *e, uint32_t state)
{
	uint64_t key = state;

	return table_find(e->records, &key);
}

uint64_t eject_until_ns(const struct eject *e, uint32_t state)
{
	const struct record *r = record_find(e, state);

	return r ? r->until_ns : 0;
}

/* ---- in and out */

static bool closes(const struct service *s)
{
	uint64_t healthy = s->hosts - s->ejected;

	return s->policy.close_connections &&
	       healthy * 100 >= (uint64_t)s->hosts * s->policy.min_health_percent && healthy;
}

static void notify(struct eject *e, const struct record *r, const struct service *s, bool ejected)
{
	struct eject_change change = {
		.state = (uint32_t)r->state,
		.service = s ? s->number : NONE,
		.ejected = ejected,
		.close = ejected && s && closes(s),
		.reason = r->reason,
		.times = r->total_times,
		.until_ns = r->until_ns,
	};

	e->listener(e->arg, &change);
}

static void restore(struct eject *e, struct record *r, struct service *s)
{
	r->until_ns = 0;
	memset(r->in_a_row, 0, sizeof(r->in_a_row));
	e->counts.active--;
	if (s)
		s->ejected--;
	notify(e, r, s, false);
}

static bool may_eject(const struct service *s)
{
	uint64_t after = s->ejected + 1;

	if (!s->policy.max_ejection_percent)
		return false;
	return after == 1 || after * 100 <= (uint64_t)s->hosts * s->policy.max_ejection_percent;
}

static void eject_host(struct eject *e, struct host *h, enum eject_reason reason, uint64_t now_ns)
{
	struct service *s = &e->services[h->service];
	struct record *r = h->record;
	uint64_t out_ms;

	memset(r->in_a_row, 0, sizeof(r->in_a_row));
	if (r->until_ns)
		return;
	if (!may_eject(s)) {
		e->counts.held_back++;
		return;
	}
	r->times++;
	r->total_times++;
	out_ms = (uint64_t)s->policy.base_ejection_ms * r->times;
	if (out_ms > EJECT_MAX_EJECTION_MS)
		out_ms = s->policy.base_ejection_ms > EJECT_MAX_EJECTION_MS
				 ? s->policy.base_ejection_ms
				 : EJECT_MAX_EJECTION_MS;
	r->until_ns = now_ns + out_ms * NS_PER_MS;
	r->reason = reason;
	s->ejected++;
	e->counts.active++;
	e->counts.ejections[reason]++;
	notify(e, r, s, true);
}

/* ---- outcomes */

static uint32_t hosts_at(const struct eject *e, const uint8_t addr[16], uint16_t port)
{
	struct address key = {.port = port};
	const struct place *place;

	memcpy(key.addr, addr, 16);
	place = table_find(e->places, &key);
	return place ? place->first : NONE;
}

/* One more consecutive failure: ejects at |limit|. */
static void add_failure(struct eject *e, struct host *h, enum eject_reason reason, uint32_t limit,
			uint64_t now_ns)
{
	if (limit && ++h->record->in_a_row[reason] >= limit)
		eject_host(e, h, reason, now_ns);
}

static void take_status(struct eject *e, struct host *h, uint16_t status, uint64_t now_ns)
{
	const struct mesh_outlier *p = &e->services[h->service].policy;
	struct record *r = h->record;

	if (status && status < 500) {
		r->in_a_row[EJECT_5XX] = r->in_a_row[EJECT_GATEWAY] = 0;
		return;
	}
	if (!status || (status >= 502 && status <= 504))
		add_failure(e, h, EJECT_GATEWAY, p->consecutive_gateway_errors, now_ns);
	else
		r->in_a_row[EJECT_GATEWAY] = 0;
	add_failure(e, h, EJECT_5XX, p->consecutive_5xx, now_ns);
}

void eject_request(struct eject *e, const uint8_t addr[16], uint16_t port, uint16_t status,
		   uint64_t duration_ns, uint64_t now_ns)
{
	for (uint32_t i = hosts_at(e, addr, port); i != NONE; i = e->hosts[i].next) {
		struct record *r = e->hosts[i].record;

		r->requests++;
		r->successes += status && status < 500;
		if (duration_ns) {
			r->timed++;
			r->duration_ns += duration_ns;
		}
		take_status(e, &e->hosts[i], status, now_ns);
	}
}

void eject_connect(struct eject *e, const uint8_t addr[16], uint16_t port, bool succeeded,
		   uint64_t now_ns)
{
	for (uint32_t i = hosts_at(e, addr, port); i != NONE; i = e->hosts[i].next) {
		struct host *h = &e->hosts[i];
		const struct mesh_outlier *p = &e->services[h->service].policy;

		if (succeeded) {
			h->record->in_a_row[EJECT_CONNECT] = 0;
		} else if (p->split_local_origin) {
			add_failure(e, h, EJECT_CONNECT, p->consecutive_local_failures, now_ns);
		} else {
			h->record->requests++;
			take_status(e, h, 503, now_ns); /* what a proxy would answer */
		}
	}
}

/* ---- intervals */

static bool is_ranked(const struct service *s, const struct host *h)
{
	return !h->record->until_ns && h->record->requests &&
	       h->record->requests >= s->policy.compare.minimum_requests;
}

static double success_rate(const struct record *r)
{
	return (double)r->successes / r->requests;
}

/* Whether there are enough rates; the threshold below which an endpoint is an outlier. */
static bool rate_threshold(const struct eject *e, const struct service *s, double *ret)
{
	double sum = 0, squares = 0, mean;
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->hosts; i++) {
		const struct host *h = &e->hosts[s->first + i];

		if (!is_ranked(s, h))
			continue;
		sum += success_rate(h->record);
		squares += success_rate(h->record) * success_rate(h->record);
		count++;
	}
	if (!count || count < s->policy.compare.minimum_hosts)
		return false;
	mean = sum / count;
	*ret = mean - sqrt(fmax(0, squares / count - mean * mean)) *
			      s->policy.compare.success_rate_stdev_factor / PER_THOUSAND;
	return true;
}

static void rank_success(struct eject *e, struct service *s, uint64_t now_ns)
{
	double threshold;

	if (!s->policy.compare.success_rate_stdev_factor || !rate_threshold(e, s, &threshold))
		return;
	for (uint32_t i = 0; i < s->hosts; i++) {
		struct host *h = &e->hosts[s->first + i];

		if (is_ranked(s, h) && success_rate(h->record) < threshold)
			eject_host(e, h, EJECT_SUCCESS_RATE, now_ns);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of the ranked endpoints, the upper of two; 0 if they are too few. */
static double latency_median(const struct eject *e, const struct service *s)
{
	double *values = calloc(s->hosts, sizeof(*values)), median = 0;
	uint32_t count = 0;

	if (!values)
		return 0;
	for (uint32_t i = 0; i < s->hosts; i++) {
		const struct record *r = e->hosts[s->first + i].record;

		if (is_ranked(s, &e->hosts[s->first + i]) && r->timed)
			values[count++] = (double)r->duration_ns / r->timed;
	}
	qsort(values, count, sizeof(*values), by_value);
	if (count && count >= s->policy.compare.minimum_hosts)
		median = values[count / 2];
	free(values);
	return median;
}

static void rank_latency(struct eject *e, struct service *s, uint64_t now_ns)
{
	double limit;

	if (!s->policy.compare.latency_factor)
		return;
	limit = latency_median(e, s) * s->policy.compare.latency_factor / PER_THOUSAND;
	for (uint32_t i = 0; limit > 0 && i < s->hosts; i++) {
		struct host *h = &e->hosts[s->first + i];
		const struct record *r = h->record;

		if (is_ranked(s, h) && r->timed && (double)r->duration_ns / r->timed > limit)
			eject_host(e, h, EJECT_LATENCY, now_ns);
	}
}

static void interval_end(struct eject *e, struct service *s, uint64_t now_ns)
{
	rank_success(e, s, now_ns);
	rank_latency(e, s, now_ns);
	for (uint32_t i = 0; i < s->hosts; i++) {
		struct record *r = e->hosts[s->first + i].record;

		if (!r->until_ns && r->times)
			r->times--;
		r->requests = r->successes = r->timed = 0;
		r->duration_ns = 0;
	}
}

static void let_back(struct eject *e, struct service *s, uint64_t now_ns)
{
	for (uint32_t i = 0; i < s->hosts && s->ejected; i++) {
		struct record *r = e->hosts[s->first + i].record;

		if (r->until_ns && r->until_ns <= now_ns)
			restore(e, r, s);
	}
}

/* Whether an interval of the service ends now; the next one begins. */
static bool interval_is_over(struct eject *e, const struct service *s, uint64_t now_ns)
{
	uint64_t *end_ns = &e->interval_ends_ns[s->number];
	bool over = *end_ns && now_ns >= *end_ns;

	if (now_ns >= *end_ns)
		*end_ns = now_ns + s->policy.interval_ms * NS_PER_MS;
	return over;
}

void eject_tick(struct eject *e, uint64_t now_ns)
{
	bool over = false;

	for (uint32_t i = 0; i < e->service_count; i++) {
		struct service *s = &e->services[i];

		if (s->ejected)
			let_back(e, s, now_ns);
		if (!i || s[-1].number != s->number)
			over = interval_is_over(e, s, now_ns);
		if (over)
			interval_end(e, s, now_ns);
	}
}

/* ---- generations */

void eject_begin(struct eject *e)
{
	struct record *r;

	table_free(e->places);
	e->places = table_new(e->host_max, sizeof(struct place), sizeof(struct address), e->seed);
	e->host_count = e->service_count = 0;
	e->counts.hosts = e->counts.hosts_left_out = 0;
	for (r = table_oldest(e->records); r; r = table_next(e->records, r))
		r->alive = false;
}

void eject_service_add(struct eject *e, uint32_t service, const struct mesh_outlier *policy)
{
	struct service *s;

	if (service >= EJECT_SERVICES)
		return;
	if (e->service_count == e->service_room) {
		uint32_t room = e->service_room ? e->service_room * 2 : 64;
		struct service *more = realloc(e->services, room * sizeof(*more));

		if (!more)
			return;
		e->services = more;
		e->service_room = room;
	}
	s = &e->services[e->service_count++];
	*s = (struct service){.policy = *policy, .number = service, .first = e->host_count};
}

static struct record *record_get(struct eject *e, uint32_t state)
{
	uint64_t key = state;
	struct record *r = table_find(e->records, &key);

	return r ? r : table_insert(e->records, &key);
}

static struct place *place_get(struct eject *e, const struct address *key)
{
	struct place *p = table_find(e->places, key);

	if (p)
		return p;
	p = table_insert(e->places, key);
	if (p)
		p->first = NONE;
	return p;
}

void eject_host_add(struct eject *e, const uint8_t addr[16], uint16_t port, uint32_t state)
{
	struct address key = {.port = port};
	struct service *s;
	struct place *place = NULL;
	struct record *r = NULL;

	memcpy(key.addr, addr, 16);
	if (e->places && e->host_count < e->host_max && e->service_count)
		r = record_get(e, state);
	if (r)
		place = place_get(e, &key);
	if (!place) {
		e->counts.hosts_left_out++;
		return;
	}
	s = &e->services[e->service_count - 1];
	r->alive = true;
	s->ejected += r->until_ns != 0;
	s->hosts++;
	e->hosts[e->host_count] = (struct host){r, e->service_count - 1, place->first};
	place->first = e->host_count++;
	e->counts.hosts++;
}

void eject_commit(struct eject *e)
{
	struct record *next;

	for (struct record *r = table_oldest(e->records); r; r = next) {
		next = table_next(e->records, r);
		if (r->alive)
			continue;
		if (r->until_ns)
			restore(e, r, NULL);
		table_remove(e->records, r);
	}
}
