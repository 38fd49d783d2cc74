/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: an arena as text that does not depend on where cells lie or how things are numbered.
 */
#pragma once

#include "base/table.h"
#include "mesh-config/compile/view_test.h"
#include "mesh-config/policy/evaluate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const struct cells_view *view;
	FILE *out;
	bool keys; /* of services and workloads */
	const struct weft_mesh_front *fronts[65536];
	uint32_t front_count;
};

static inline void text_address(FILE *out, const uint8_t a[16])
{
	for (int i = 12; i < 16; i++)
		fprintf(out, "%s%u", i > 12 ? "." : "", a[i]);
}

static inline void text_key(const struct text *t, const char *what, uint64_t key)
{
	if (t->keys)
		fprintf(t->out, " %s %016llx", what, (unsigned long long)key);
}

static inline void text_endpoint(const struct text *t, const struct weft_mesh_endpoint *e)
{
	const struct weft_mesh_identity *i =
		e->identity ? cells_view_at(t->view, e->identity) : NULL;
	const struct weft_mesh_service *s = cells_view_at(t->view, e->service);

	fprintf(t->out, "      ");
	text_address(t->out, e->addr);
	fprintf(t->out, ":%u weight %u keep %08x alias %u%s", e->port, e->weight, e->keep, e->alias,
		i ? "" : " unknown");
	text_key(t, "of", s->key);
	text_key(t, "who", i ? i->key : 0);
	fprintf(t->out, "\n");
}

static inline void text_pool(const struct text *t, uint32_t cell)
{
	const struct weft_mesh_pool *p = cells_view_at(t->view, cell);
	const char *slots = cells_view_at(t->view, p->maglev);

	fprintf(t->out, "    pool balance %u health %u subset %d slots %u", p->balance,
		p->min_health_percent, (int)p->subset, p->maglev_slots);
	if (p->maglev_slots)
		text_key(t, "table", table_hash(slots, p->maglev_slots * 4, 0));
	fprintf(t->out, " tiers");
	for (uint32_t i = 0; i < p->tiers; i++)
		fprintf(t->out, " %u+%u", p->tier[i].first, p->tier[i].endpoints);
	fprintf(t->out, "\n");
	for (uint32_t i = 0; i < p->endpoints; i++)
		text_endpoint(t, cells_view_at(t->view, p->first + i));
}

/* What the graph at |step| says of a connection. */
static inline struct weft_policy_answer text_ask(const struct cells_view *v, uint32_t step,
						 const uint8_t source[16], const uint8_t target[16],
						 uint16_t port)
{
	const struct evaluate_cells cells = {cells_view_at(v, 1), 1, v->count - 1};
	const struct weft_mesh_identity *i = cells_view_identity(v, source, 0);
	struct weft_policy_question q = {.step = step,
					 .target_port = port,
					 .namespace_number = i ? i->namespace_number : ~0u,
					 .principal_number = i ? i->principal_number : ~0u,
					 .class_number = i ? i->class_number : ~0u};
	struct weft_policy_answer a;

	memcpy(q.source_addr, source, 16);
	memcpy(q.target_addr, target, 16);
	evaluate(&cells, &q, &a, NULL, NULL);
	return a;
}

static inline uint8_t text_answer(const struct cells_view *v, uint32_t step,
				  const uint8_t source[16], const uint8_t target[16], uint16_t port)
{
	struct weft_policy_answer a = text_ask(v, step, source, target, port);

	return a.broken ? 0xff : a.action;
}

/* The cell of the route that the client at |source| is sent along. */
static inline uint32_t text_taken(const struct cells_view *v, const struct weft_mesh_front *f,
				  const uint8_t source[16])
{
	struct weft_policy_answer a = text_ask(v, f->match, source, f->key.addr, f->key.port);

	return !f->match ? f->route : a.broken || a.action != WEFT_ACTION_ALLOW ? 0 : a.policy;
}

/* For which of some clients the route at |cell| is. */
static inline void text_match(const struct text *t, const struct weft_mesh_front *f, uint32_t cell)
{
	uint8_t source[16] = {[10] = 0xff, 0xff, 10};

	for (uint32_t i = 0; f->match && i < 64; i++) {
		source[14] = (uint8_t)(i / 4);
		source[15] = (uint8_t)(i % 4);
		fprintf(t->out, "%u", text_taken(t->view, f, source) == cell);
	}
}

static inline void text_front(const struct text *t, const struct weft_mesh_front *f)
{
	const struct weft_mesh_service *s = cells_view_at(t->view, f->service);
	const struct weft_mesh_route *r, *at;

	fprintf(t->out, "front ");
	text_address(t->out, f->key.addr);
	fprintf(t->out, ":%u/%u most %u rate %u affinity %u flags %u", f->key.port, f->key.protocol,
		s->max_connections, s->connects_per_second, s->affinity_s, s->flags);
	text_key(t, "service", s->key);
	fprintf(t->out, "\n");
	for (uint32_t i = 0; i < f->routes; i += 1 + r->more) {
		r = cells_view_at(t->view, f->route + i);
		fprintf(t->out, "  route of %u%s", r->total_weight, f->match ? " match " : "");
		text_match(t, f, f->route + i);
		fprintf(t->out, "\n");
		for (uint32_t j = 0; j < r->splits; j++) {
			at = r + j / WEFT_ROUTE_SPLITS;
			fprintf(t->out, "   up to %u\n", at->split[j % WEFT_ROUTE_SPLITS].upper);
			text_pool(t, at->split[j % WEFT_ROUTE_SPLITS].pool);
		}
	}
}

static inline void text_collect(void *arg, const struct weft_mesh_front *front)
{
	struct text *t = arg;

	if (t->front_count < 65536)
		t->fronts[t->front_count++] = front;
}

static inline int text_compare(const void *a, const void *b)
{
	return memcmp(*(const void *const *)a, *(const void *const *)b, 20);
}

/* The caller frees it. */
static inline char *text_of_cells(const struct cells_view *v, bool keys)
{
	static struct text t;
	char *text = NULL;
	size_t bytes;

	t = (struct text){.view = v, .out = open_memstream(&text, &bytes), .keys = keys};
	cells_view_fronts(v, text_collect, &t);
	qsort(t.fronts, t.front_count, sizeof(t.fronts[0]), text_compare);
	for (uint32_t i = 0; i < t.front_count; i++)
		text_front(&t, t.fronts[i]);
	fclose(t.out);
	return text;
}
