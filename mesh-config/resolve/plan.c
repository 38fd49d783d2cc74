// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a change concerns. Drafts that are gone and drafts that came are matched; a kind whose
 * change may reach further than is known here makes reuse impossible. */
#include "mesh-config/resolve/reuse.h"

#include <stdlib.h>

#define DRAFTS_MAX 4096 /* of those that changed; with more everything is made anew */

/* An object before and after; one of them may be NULL. */
struct change {
	struct draft *old, *new;
};

/* ---- whom it concerns */

static const struct mesh_labels *selector_of(const struct draft *d)
{
	const struct draft_service *service = d->spec;
	const struct draft_service_entry *entry = d->spec;

	if (d->kind == KIND_SERVICE)
		return service->selector;
	return entry->selector ? entry->selector->labels : NULL;
}

/* The first service of a namespace, in their order. */
static uint32_t namespace_find(const struct mesh *m, const char *namespace_name)
{
	uint32_t low = 0, high = m->service_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(m->services[middle].namespace_name, namespace_name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void touch_selecting(struct resolve *r, const struct draft *workload)
{
	const struct mesh *last = r->reuse->last->mesh;
	uint32_t i = namespace_find(last, workload->namespace_name);

	for (; i < last->service_count &&
	       last->services[i].namespace_name == workload->namespace_name;
	     i++) {
		const struct mesh_labels *selector = selector_of(r->work[i].draft);

		if (selector && mesh_labels_select(selector, workload->labels))
			reuse_touch(r->reuse, i);
	}
}

/* ---- what may change of a service */

static bool hosts_same(const struct draft_list *a, const struct draft_list *b)
{
	const struct draft_text *x = a->items, *y = b->items;
	bool same = a->count == b->count;

	for (uint32_t i = 0; same && i < a->count; i++)
		same = x[i].text == y[i].text;
	return same;
}

static bool addresses_same(const struct draft_list *a, const struct draft_list *b)
{
	const struct draft_address *x = a->items, *y = b->items;
	bool same = a->count == b->count;

	for (uint32_t i = 0; same && i < a->count; i++)
		same = !memcmp(&x[i].prefix, &y[i].prefix, sizeof(x->prefix));
	return same;
}

static bool ports_same(const struct draft_list *a, const struct draft_list *b)
{
	const struct draft_port *x = a->items, *y = b->items;
	bool same = a->count == b->count;

	for (uint32_t i = 0; same && i < a->count; i++)
		same = x[i].name == y[i].name && x[i].port == y[i].port &&
		       x[i].target.text == y[i].target.text && x[i].protocol == y[i].protocol &&
		       x[i].app_protocol == y[i].app_protocol;
	return same;
}

/* All but the endpoints. */
static bool entry_same(const struct draft *a, const struct draft *b)
{
	const struct draft_service_entry *x = a->spec, *y = b->spec;

	return x->resolution == y->resolution && x->location == y->location &&
	       hosts_same(&x->hosts, &y->hosts) && addresses_same(&x->addresses, &y->addresses) &&
	       ports_same(&x->ports, &y->ports);
}

static bool has_workloads(const struct draft *d)
{
	const struct draft_service_entry *s = d->spec;
	const struct draft_workload_entry *e = s->endpoints.items;

	for (uint32_t i = 0; i < s->endpoints.count; i++)
		if (e[i].labels->count || e[i].service_account[0])
			return true;
	return false;
}

/* ---- each kind */

static void workloads_add(struct resolve *r, const struct change *c, uint32_t service)
{
	const struct workload_range *w =
		service == MESH_NONE ? NULL : &r->work[service].made[MADE_INLINE];

	r->reuse->workloads[r->reuse->workload_count++] = (struct reuse_workloads){
		.draft = c->new,
		.service = service,
		.first = w ? w->first : c->old->index,
		.count = w ? w->count : 1,
		.differ = c->old->hash != c->new->hash,
	};
}

/* The endpoints of |service| of which but the address is known. */
static void bare_plan(struct resolve *r, uint32_t service)
{
	const struct workload_range *w = &r->work[service].made[MADE_BARE];
	const struct mesh *last = r->reuse->last->mesh;
	bool like;

	if (bare_workload_same(r, service, w->count ? &last->workloads[w->first] : NULL,
			       w->count ? last->workload_hashes[w->first] : 0, &like))
		return;
	r->reuse->workloads[r->reuse->workload_count++] = (struct reuse_workloads){
		.service = service,
		.sort = MADE_BARE,
		.first = w->first,
		.count = w->count,
		.differ = !like,
	};
}

static void plan_service(struct resolve *r, const struct change *c)
{
	uint32_t service = c->old ? c->old->index : MESH_NONE;
	bool entry = c->new && c->new->kind == KIND_SERVICE_ENTRY;

	if (!c->old || !c->new || c->old->hash != c->new->hash) {
		if (!c->old || !c->new || !entry || !entry_same(c->old, c->new)) {
			r->reuse->impossible = true;
			return;
		}
	}
	c->new->index = service;
	r->work[service].draft = c->new;
	ROWS(r, services, struct mesh_service)
	[service].position = position_of(c->new, c->new->at);
	reuse_touch(r->reuse, service);
	if (entry && (r->work[service].made[MADE_INLINE].count || has_workloads(c->new)))
		workloads_add(r, c, service);
	bare_plan(r, service);
}

/* Of slices and Endpoints. */
static void plan_endpoints(struct resolve *r, const struct draft *d)
{
	uint32_t service = service_resolve(r, d->namespace_name, d->sort_name);

	if (service == MESH_NONE || r->work[service].draft->kind != KIND_SERVICE) {
		r->reuse->impossible = true; /* they are lost, and that is said */
		return;
	}
	reuse_touch(r->reuse, service);
	bare_plan(r, service);
}

static void plan_workload(struct resolve *r, const struct change *c)
{
	if (!c->old || !c->new) {
		r->reuse->impossible = true;
		return;
	}
	touch_selecting(r, c->old);
	touch_selecting(r, c->new);
	workloads_add(r, c, MESH_NONE);
	r->reuse->again[STAGE_WARNINGS] = true; /* they are about its labels, and say where it is */
}

/* |d|: one of both. */
static void plan_change(struct resolve *r, const struct draft *d, const struct change *c)
{
	struct reuse *u = r->reuse;

	switch ((enum kind_concern)kinds[d->kind].concerns) {
	case CONCERNS_NOTHING:
		break;
	case CONCERNS_SERVICES:
		plan_service(r, c);
		break;
	case CONCERNS_ENDPOINTS:
		plan_endpoints(r, d);
		break;
	case CONCERNS_WORKLOADS:
		plan_workload(r, c);
		break;
	case CONCERNS_ROUTES:
		u->again[STAGE_ROUTES] = true;
		break;
	case CONCERNS_POLICIES:
		u->again[STAGE_POLICIES] = u->again[STAGE_WARNINGS] = true;
		break;
	case CONCERNS_SIGNALS:
		u->again[STAGE_SIGNALS] = true;
		break;
	case CONCERNS_ALL:
		u->impossible = true;
		break;
	}
}

/* ---- what changed */

struct draft_set {
	struct draft **items;
	uint32_t count;
};

static void set_add(struct draft_set *set, const struct source_file *f)
{
	for (struct draft *d = f ? f->drafts : NULL; d; d = d->next)
		if (set->count++ < DRAFTS_MAX)
			set->items[set->count - 1] = d;
}

/* Texts of one pool: equal if their pointers are, and any order will do. */
static int identity_order(const struct draft *a, const struct draft *b)
{
	const void *const x[] = {a->namespace_name, a->name, a->sort_name};
	const void *const y[] = {b->namespace_name, b->name, b->sort_name};

	return a->kind != b->kind ? a->kind - b->kind : memcmp(x, y, sizeof(x));
}

static int identity_compare(const void *left, const void *right)
{
	return identity_order(*(struct draft *const *)left, *(struct draft *const *)right);
}

static bool set_sort(const struct draft_set *set)
{
	if (set->count > DRAFTS_MAX)
		return false;
	if (set->count)
		qsort(set->items, set->count, sizeof(*set->items), identity_compare);
	for (uint32_t i = 1; i < set->count; i++)
		if (!identity_order(set->items[i - 1], set->items[i]))
			return false; /* given twice */
	return true;
}

/* The same object in a file that did not change. */
static bool is_double(const struct resolve *r, const struct draft *d)
{
	const struct catalog *c = &r->source->catalogs[d->kind];

	for (uint32_t i = catalog_find(c, d->namespace_name, d->sort_name);
	     i < c->count && c->items[i]->namespace_name == d->namespace_name &&
	     c->items[i]->sort_name == d->sort_name;
	     i++)
		if (c->items[i] != d && c->items[i]->name == d->name)
			return true;
	return false;
}

static void plan_all(struct resolve *r, const struct draft_set *old, const struct draft_set *new)
{
	uint32_t i = 0, j = 0;

	while ((i < old->count || j < new->count) && !r->reuse->impossible) {
		int order = i == old->count   ? 1
			    : j == new->count ? -1
					      : identity_order(old->items[i], new->items[j]);
		const struct draft *d = order < 0 ? old->items[i] : new->items[j];
		struct change c = {order <= 0 ? old->items[i++] : NULL,
				   order >= 0 ? new->items[j++] : NULL};

		if (order >= 0 && is_double(r, d))
			r->reuse->impossible = true;
		else
			plan_change(r, d, &c);
	}
}

static int workloads_order(const void *left, const void *right)
{
	const struct reuse_workloads *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->sort != b->sort)
		return a->sort < b->sort ? -1 : 1;
	return a->service < b->service ? -1 : a->service > b->service;
}

/* Several slices of a service concern the same ones. */
static void workloads_sort(struct reuse *u)
{
	uint32_t kept = 0;

	if (u->workload_count)
		qsort(u->workloads, u->workload_count, sizeof(*u->workloads), workloads_order);
	for (uint32_t i = 0; i < u->workload_count; i++)
		if (!kept || workloads_order(&u->workloads[kept - 1], &u->workloads[i]))
			u->workloads[kept++] = u->workloads[i];
	u->workload_count = kept;
}

void reuse_plan(struct resolve *r)
{
	struct draft *items[2][DRAFTS_MAX];
	struct draft_set old = {items[0], 0}, new = {items[1], 0};
	const struct mesh_source *s = r->source;
	struct reuse *u = r->reuse;

	for (const struct source_file *f = s->gone; f; f = f->next)
		set_add(&old, f);
	for (uint32_t i = 0; i < s->changed_count; i++) {
		const struct source_file *f = s->files[s->changed[i]];

		u->impossible |= f && file_is_broken(f);
		set_add(&new, f);
	}
	u->workloads =
		arena_array(&r->arena, struct reuse_workloads, old.count + 2u * new.count + 1u);
	u->is_touched = arena_array(&r->arena, bool, ROWS_END(r, services) + 1u);
	if (!u->workloads || !u->is_touched || u->impossible || !set_sort(&old) ||
	    !set_sort(&new)) {
		u->impossible = true;
		return;
	}
	plan_all(r, &old, &new);
	workloads_sort(u);
}
