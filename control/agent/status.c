// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Combines the loader's numbers with those of this process. */
#include "control/agent/status.h"

#include "control/agent/options.h"
#include "control/agent/simulate.h"
#include "control/agent/ring_guard.h"
#include "control/apply/generation.h"
#include "control/apply/mesh_runtime.h"
#include "control/ipc/ipc.h"
#include "control/ipc/loader_health.h"
#include "control/export/explain.h"
#include "control/export/json.h"
#include "control/serve/serve.h"
#include "control/signals/signals.h"

#include "base/process.h"
#include "base/version.h"
#include "datapath/attach/core/reader.h"
#include "datapath/observe/observe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status {
	struct status_parts parts;
	uint64_t started_ns;
	uint64_t started_s; /* since the epoch */
	struct health health;
	struct loader_health loader;
	char check[IPC_DATA_MAX];
};

struct status *status_new(const struct status_parts *parts, struct error *err)
{
	struct status *s = calloc(1, sizeof(*s));

	if (!s) {
		error_set(err, -ENOMEM, "no memory");
		return NULL;
	}
	s->parts = *parts;
	s->started_ns = process_now_ns();
	s->started_s = process_realtime_ns() / 1000000000u;
	return s;
}

void status_free(struct status *s)
{
	free(s);
}

static void take_loader(struct health *h, const struct loader_health *l)
{
	memcpy(h->programs, l->programs, sizeof(h->programs));
	memcpy(h->probes, l->probes, sizeof(h->probes));
	memcpy(h->interfaces, l->interfaces, sizeof(h->interfaces));
	h->program_count = l->program_count;
	h->probe_count = l->probe_count;
	h->interface_count = l->interface_count;
	h->loader_ms = l->time_ms;
}

void status_loader(struct status *s, const struct loader_health *health)
{
	s->loader = *health;
}

/* The counters of the kernel half, and the account of its records, continue over any number of
 * agents. */
static void take_account(struct health *h, const struct weft_reader *account)
{
	memcpy(h->observe.delivered, account->delivered, sizeof(h->observe.delivered));
	h->kernel_lost[WEFT_LOST_ABSENT_SEGMENT] = account->dropped[WEFT_EVENT_SEGMENT];
	h->kernel_lost[WEFT_LOST_ABSENT_MARK] = account->dropped[WEFT_EVENT_MARK];
	h->kernel_lost[WEFT_LOST_ABSENT_LIFECYCLE] =
		account->dropped[WEFT_EVENT_OPEN] + account->dropped[WEFT_EVENT_CLOSE] +
		account->dropped[WEFT_EVENT_LISTEN] + account->dropped[WEFT_EVENT_VERDICT];
	h->kernel_lost[WEFT_LOST_ABSENT_SECRET] = account->dropped[WEFT_EVENT_SECRET];
}

static void take_ring(struct status *s)
{
	struct reader_ring ring = reader_ring(s->parts.reader);

	s->health.ring_bytes = ring.bytes;
	s->health.ring_waiting_max = ring.waiting_max;
	s->health.ring_rescues = ring_guard_rescues(*s->parts.ring_guard);
}

/* |seen| is read last, so that it is never less than |delivered| + |lost|: the difference is in
 * flight. */
static void refresh_counts(struct status *s)
{
	struct health *h = &s->health;
	struct weft_reader account;

	s->parts.drain(s->parts.drain_arg);
	account = *reader_account(s->parts.reader);
	h->observe = *observe_counts(s->parts.observe);
	reader_counters(s->parts.reader, h->kernel_lost, h->kernel_counts);
	take_account(h, &account);
}

void status_refresh(void *arg)
{
	struct status *s = arg;
	struct health *h = &s->health;

	h->version = WEFT_VERSION;
	refresh_counts(s);
	take_loader(h, &s->loader);
	h->reader_lost = serve_lost(*s->parts.serve);
	h->clients_ended = serve_ended(*s->parts.serve);
	take_ring(s);
	h->process_cpu_ns = process_cpu_ns() + s->loader.loader_cpu_ns;
	h->process_resident_bytes = process_resident_bytes() + s->loader.loader_resident_bytes;
	h->process_open_fds = (uint32_t)s->loader.descriptors.used;
	h->process_max_fds = s->loader.descriptors.limit;
	h->process_start_s = s->started_s;
	if (s->parts.mesh_runtime) {
		mesh_runtime_health(s->parts.mesh_runtime, &h->mesh);
		h->mesh.ended = s->loader.revocation.ended;
		h->mesh.not_ended = s->loader.revocation.failed;
		h->mesh.owner_walks = s->loader.owners.walks;
		h->mesh.owner_walk_ns = s->loader.owners.cpu_ns;
		h->mesh.owner_changes = s->loader.owners.changes;
	}
	signals_set_health(s->parts.signals, h);
}

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += values[i];
	return total;
}

/* Losses of ring records; an entry for which a table had no room was never a record. */
static uint64_t events_lost(const struct health *h)
{
	static const char *const reasons[] = {
#define X(name, stage, reason, text) reason,
		WEFT_LOSSES(X)
#undef X
	};
	uint64_t total = 0;

	for (size_t i = 0; i < WEFT_LOSS_MAX; i++)
		if (strcmp(reasons[i], "flow") != 0 && strcmp(reasons[i], "connection") != 0)
			total += h->kernel_lost[i];
	return total;
}

#define API_STATUS_EVENTS(X)                                                                       \
	X(json_put_number, "seen", "number",                                                       \
	  "records that the kernel half made; in no answer less than `delivered` + `lost`",        \
	  counts[WEFT_COUNT_SEGMENTS_SEEN] + counts[WEFT_COUNT_MARKS_SEEN] +                       \
		  counts[WEFT_COUNT_LIFECYCLE_SEEN] + counts[WEFT_COUNT_SECRETS_SEEN])             \
	X(json_put_number, "delivered", "number", "of them delivered",                             \
	  sum(h->observe.delivered, 8))                                                            \
	X(json_put_number, "lost", "number", "of them lost, see [losses.md](losses.md)",           \
	  events_lost(h))

static void put_events(struct json *j, const char *key, const struct health *h)
{
	const uint64_t *counts = h->kernel_counts;

	JSON_OBJECT(key, API_STATUS_EVENTS);
}

static void put_undecodable(struct json *j, const char *key, const struct health *h)
{
	json_put_object(j, key);
#define X(name, stage, reason, text)                                                               \
	if (!strcmp(stage, "decode") && h->observe.lost[OBSERVE_LOST_##name])                      \
		json_put_number(j, reason, h->observe.lost[OBSERVE_LOST_##name]);
	OBSERVE_LOSSES(X)
#undef X
	json_put_object_end(j);
}

#define API_STATUS_RING(X)                                                                         \
	X(json_put_number, "bytes", "bytes", "size of the ring buffer", s->health.ring_bytes)      \
	X(json_put_number, "waiting_max_bytes", "bytes", "its highest fill level",                 \
	  s->health.ring_waiting_max)                                                              \
	X(json_put_bool, "guarded", "boolean",                                                     \
	  "whether the ring guard may read it with real-time priority",                            \
	  ring_guard_works(*s->parts.ring_guard))                                                  \
	X(json_put_number, "rescues", "number", "how often the ring guard did",                    \
	  s->health.ring_rescues)

static void put_ring(struct json *j, const char *key, const struct status *s)
{
	JSON_OBJECT(key, API_STATUS_RING);
}

#define API_STATUS_DESCRIPTORS(X)                                                                  \
	X(json_put_number, "used", "number",                                                       \
	  "open file descriptors of the loader, which grow with what it observes", d->used)        \
	X(json_put_number, "limit", "number", "its limit", d->limit)                               \
	X(json_put_bool, "short", "boolean", "whether the reserve is used up",                     \
	  d->used + descriptors_reserve(d->limit) >= d->limit)

static void put_descriptors(struct json *j, const char *key, const struct descriptors *d)
{
	JSON_OBJECT(key, API_STATUS_DESCRIPTORS);
}

/* As configured, but with the actual port: 0 requests any. */
static void put_listen(struct json *j, const char *key, const struct status *s)
{
	const char *asked = s->parts.options->listen, *colon = strrchr(asked, ':');
	char text[128];

	snprintf(text, sizeof(text), "%.*s:%u", colon ? (int)(colon - asked) : 0, asked,
		 serve_port(*s->parts.serve));
	json_put_string(j, key, colon ? text : asked);
}

static void put_mesh(struct json *j, const char *key, struct mesh_runtime *mesh_runtime)
{
	if (mesh_runtime)
		mesh_runtime_write_short(mesh_runtime, j, key);
}

#define API_STATUS(X)                                                                              \
	X(json_put_string, "version", "text", "of the agent", WEFT_VERSION)                        \
	X(json_put_number, "uptime_ms", "ms", "since the agent's worker started",                  \
	  (process_now_ns() - s->started_ns) / 1000000u)                                           \
	X(json_put_bool, "adopted", "boolean",                                                     \
	  "whether it took over what an earlier agent had pinned", s->parts.adopted)               \
	X(put_listen, "listen", "address", "where it serves TCP", s)                               \
	X(json_put_string, "pin_dir", "text", "directory of the pins", o->pin_dir)                 \
	X(json_put_string, "pins_problem", "text",                                                 \
	  "why pins are missing, so that what they keep ends with the agent; empty: none is",      \
	  s->loader.pins_problem)                                                                  \
	X(json_put_string, "tls", "text", "`keys`: TLS is read; `off`",                            \
	  s->loader.tls_keys ? "keys" : "off")                                                     \
	X(json_put_bool, "layer7", "boolean", "whether it reads payload", !o->layer4_only)         \
	X(put_events, "events", API_STATUS_EVENTS, "records of the kernel half", h)                \
	X(put_undecodable, "undecodable", "object",                                                \
	  "how many directions could no longer be decoded, by reason of [losses.md](losses.md)",   \
	  h)                                                                                       \
	X(put_ring, "ring", API_STATUS_RING, "the ring buffer between kernel half and agent", s)   \
	X(json_put_number, "requests_source", "number", "requests reported by clients' ends",      \
	  h->observe.requests[REPORTER_SOURCE])                                                    \
	X(json_put_number, "requests_destination", "number", "requests reported by servers' ends", \
	  h->observe.requests[REPORTER_DESTINATION])                                               \
	X(json_put_number, "connections", "number", "connections followed now",                    \
	  h->observe.connections)                                                                  \
	X(json_put_number, "tls_connections", "number", "connections that spoke TLS",              \
	  h->observe.tls_connections)                                                              \
	X(json_put_number, "tls_opened", "number", "of them read", h->observe.tls_opened)          \
	X(put_mesh, "mesh", API_STATUS_MESH, "its configuration; absent without one",              \
	  s->parts.mesh_runtime)                                                                   \
	X(put_descriptors, "descriptors", API_STATUS_DESCRIPTORS, "of the loader",                 \
	  &s->loader.descriptors)                                                                  \
	X(json_put_real, "cpu_s", "s", "CPU time of loader and worker",                            \
	  (double)h->process_cpu_ns / 1e9)                                                         \
	X(json_put_number, "resident_bytes", "bytes", "resident memory of loader and worker",      \
	  h->process_resident_bytes)

void status_write(void *arg, struct text *out)
{
	struct status *s = arg;
	const struct options *o = s->parts.options;
	const struct health *h = &s->health;

	status_refresh(s);
	JSON_LINE(out, API_STATUS);
}

void status_write_check(void *arg, struct text *out)
{
	struct status *s = arg;
	struct ipc_answer answer = {.data = s->check, .size = sizeof(s->check)};
	int r;

	/* other threads may take the lock and read the ring while the loader is busy */
	ring_guard_unlock(*s->parts.ring_guard);
	r = ipc_ask(s->parts.loader, IPC_MESSAGE_CHECK, NULL, 0, &answer, NULL);
	ring_guard_lock(*s->parts.ring_guard);
	text_add(out, r ? "{}\n" : s->check, r ? 3 : answer.bytes);
}

bool status_ready(void *arg, char *why, size_t size)
{
	struct status *s = arg;

	return mesh_runtime_ready(s->parts.mesh_runtime, why, size);
}

void status_write_mesh(void *arg, struct text *out)
{
	struct status *s = arg;

	mesh_runtime_write_status(s->parts.mesh_runtime, s->parts.options->config_dir, out);
}

void status_write_services(void *arg, struct text *out)
{
	struct status *s = arg;

	mesh_runtime_write_services(s->parts.mesh_runtime, out);
}

void status_write_endpoints(void *arg, struct text *out)
{
	struct status *s = arg;

	mesh_runtime_write_endpoints(s->parts.mesh_runtime, out);
}

static int evaluate_kernel(void *arg, struct weft_explanation *e)
{
	struct ipc_answer answer = {.data = e, .size = sizeof(*e)};

	return ipc_ask(arg, IPC_MESSAGE_EXPLAIN, e, sizeof(*e), &answer, NULL) ? -ENOTSUP : 0;
}

static int find_where(void *arg, const struct weft_where *where, struct weft_place *ret)
{
	struct ipc_answer answer = {.data = ret, .size = WHERE_PLACES_MAX * sizeof(*ret)};

	if (ipc_ask(arg, IPC_MESSAGE_WHERE, where, sizeof(*where), &answer, NULL))
		return -ENOTSUP;
	return (int)(answer.bytes / sizeof(*ret));
}

/* Without a generation there are no requests to the kernel. */
static struct explain_kernel kernel_of(const struct status *s, const struct generation *g)
{
	return (struct explain_kernel){.names = g ? g->names : NULL,
				       .evaluate = evaluate_kernel,
				       .where = find_where,
				       .arg = s->parts.loader};
}

int status_explain(void *arg, const char *from, const char *to, const char *port, struct text *out,
		   struct error *err)
{
	const struct status *s = arg;
	const struct generation *g = mesh_runtime_generation(s->parts.mesh_runtime);
	const struct explain_kernel kernel = kernel_of(s, g);

	if (!g)
		return error_set(err, -ENOENT, "no configuration is in force yet");
	return explain_write(g->mesh, &kernel, from, to, port, out, err);
}

struct mesh_files *status_files(void *arg, uint64_t number, struct text *head, struct error *err)
{
	struct status *s = arg;

	return mesh_runtime_files(s->parts.mesh_runtime, number, head, err);
}

int status_simulate(void *arg, const char *from, const char *to, struct text *out,
		    struct error *err)
{
	const struct status *s = arg;
	const struct generation *g = mesh_runtime_generation(s->parts.mesh_runtime);
	const struct explain_kernel kernel = kernel_of(s, g);

	return simulate_write(g, s->parts.loader, &kernel, from, to, out, err);
}
