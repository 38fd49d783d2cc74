// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Endpoints of every service, from slices, entries and selected workloads; then its subsets. */
#include "mesh-config/resolve/reuse.h"

#include <stdio.h>
#include <stdlib.h>

struct endpoint_work {
	struct resolve *r;
	uint32_t service;
	const struct mesh_service *s; /* good while no service is added */
	uint32_t default_ports;	      /* run of its target ports, MESH_NONE: not made yet */
	bool publish_not_ready;
	bool sorted; /* so far */
};

static const struct mesh_locality nowhere = {pool_empty, pool_empty, pool_empty};

/* ---- ports */

static const struct mesh_port *service_port(const struct endpoint_work *w, uint32_t i)
{
	return &ROWS(w->r, ports, struct mesh_port)[w->s->port_first + i];
}

static uint32_t default_ports(struct endpoint_work *w)
{
	if (w->default_ports != MESH_NONE)
		return w->default_ports;
	w->default_ports = ROWS_END(w->r, target_ports);
	for (uint32_t i = 0; i < w->s->port_count; i++) {
		uint16_t port = service_port(w, i)->target_port;

		*ROW_ADD(w->r, target_ports, uint16_t) = port;
	}
	return w->default_ports;
}

/* What a slice's |ports| say about each port of the service: by name, or one to one. */
static uint32_t slice_ports(struct endpoint_work *w, const struct draft_list *ports)
{
	const struct draft_port *p = ports->items;
	uint32_t first = ROWS_END(w->r, target_ports);

	for (uint32_t i = 0; i < w->s->port_count; i++) {
		const struct mesh_port *mine = service_port(w, i);
		uint16_t port = 0, target = mine->target_port;

		for (uint32_t j = 0; j < ports->count; j++)
			if (p[j].name == mine->name && p[j].protocol == mine->protocol)
				port = p[j].port ? (uint16_t)p[j].port : target;
		*ROW_ADD(w->r, target_ports, uint16_t) = port;
	}
	return first;
}

/* What a map of names says, else the default. */
static uint32_t named_ports(struct endpoint_work *w, const struct draft_list *numbers)
{
	const struct draft_number *n = numbers->items;
	uint32_t first = ROWS_END(w->r, target_ports);

	if (!numbers->count)
		return default_ports(w);
	for (uint32_t i = 0; i < w->s->port_count; i++) {
		const struct mesh_port *mine = service_port(w, i);
		uint16_t port = mine->target_port;

		for (uint32_t j = 0; j < numbers->count; j++)
			if (n[j].key == mine->name)
				port = (uint16_t)n[j].value;
		*ROW_ADD(w->r, target_ports, uint16_t) = port;
	}
	return first;
}

/* ---- endpoints */

/* Where others know no more than the address either, it is its own service's. */
static uint32_t workload_of(const struct endpoint_work *w, const uint8_t address[16])
{
	uint32_t found = workload_at(w->r, address);

	if (found == MESH_NONE || !ROWS(w->r, workloads, struct mesh_workload)[found].bare ||
	    !bare_workload_has(w->r, w->service, address))
		return found;
	return w->r->work[w->service].made[MADE_BARE].first;
}

static struct mesh_endpoint *endpoint_add(struct endpoint_work *w, const uint8_t address[16],
					  const struct draft *d, struct place at)
{
	struct mesh_endpoint *e = ROW_ADD(w->r, endpoints, struct mesh_endpoint);

	memcpy(e->address, address, sizeof(e->address));
	w->sorted &= ROWS_END(w->r, endpoints) - w->s->endpoint_first < 2 ||
		     memcmp(e[-1].address, address, sizeof(e->address)) < 0;
	e->service = w->service;
	e->weight = 1;
	e->workload = workload_of(w, address);
	e->name = pool_empty;
	e->labels = pool_labels_none;
	e->locality = &nowhere;
	e->position = position_of(d, at);
	if (e->workload != MESH_NONE) {
		e->labels = ROWS(w->r, workloads, struct mesh_workload)[e->workload].labels;
		w->r->work[w->service].hash += ROWS(w->r, workload_hashes, uint64_t)[e->workload];
	}
	return e;
}

/* A slice says but the zone: it lies in the region that this node is in. */
static const struct mesh_locality *zone_locality(struct resolve *r, const struct mesh_locality *l)
{
	const char *region = r->mesh->settings.node_locality->region;
	char text[512];
	int n = snprintf(text, sizeof(text), "%s/%s", region, l->zone);

	if (!region[0] || l->region[0] || n >= (int)sizeof(text))
		return l;
	l = pool_locality(r->pool, (struct slice){text, (size_t)n});
	r->failed |= !l;
	return l ? l : &nowhere;
}

static void slice_endpoint_add(struct endpoint_work *w, const struct draft *d,
			       const struct draft_slice_endpoint *from, const uint8_t address[16],
			       uint32_t ports)
{
	struct mesh_endpoint *e = endpoint_add(w, address, d, from->at);
	const char *node = w->r->mesh->settings.node_name;

	e->ports_first = ports;
	e->health = w->publish_not_ready ? MESH_READY : from->health;
	e->local_node = node[0] && from->node_name == node;
	e->name = from->name;
	if (from->locality)
		e->locality = zone_locality(w->r, from->locality);
}

static void slice_add(struct endpoint_work *w, const struct draft *d)
{
	const struct draft_slice *slice = d->spec;
	const struct draft_slice_endpoint *from = slice->endpoints.items;
	uint32_t ports = slice_ports(w, &slice->ports);

	w->r->work[w->service].hash += d->hash;
	for (uint32_t i = 0; i < slice->endpoints.count && !w->r->failed; i++) {
		const struct draft_address *more = from[i].addresses.items;

		if (from[i].addresses.count)
			slice_endpoint_add(w, d, &from[i], from[i].address, ports);
		for (uint32_t j = 1; j < from[i].addresses.count; j++)
			slice_endpoint_add(w, d, &from[i], more[j].prefix.address, ports);
	}
}

static void old_addresses_add(struct endpoint_work *w, const struct draft *d,
			      const struct draft_list *list, uint32_t ports, bool ready)
{
	const struct draft_endpoints_address *from = list->items;
	const char *node = w->r->mesh->settings.node_name;

	for (uint32_t i = 0; i < list->count && !w->r->failed; i++) {
		struct mesh_endpoint *e = endpoint_add(w, from[i].ip.prefix.address, d, from[i].at);

		e->ports_first = ports;
		e->health = ready || w->publish_not_ready ? MESH_READY : MESH_NOT_READY;
		e->local_node = node[0] && from[i].node_name == node;
		e->name = from[i].target ? from[i].target->name : pool_empty;
	}
}

static void old_endpoints_add(struct endpoint_work *w, const struct draft *d)
{
	const struct draft_endpoints *spec = d->spec;
	const struct draft_endpoints_subset *subset = spec->subsets.items;

	w->r->work[w->service].hash += d->hash;
	for (uint32_t i = 0; i < spec->subsets.count; i++) {
		uint32_t ports = slice_ports(w, &subset[i].ports);

		old_addresses_add(w, d, &subset[i].ready, ports, true);
		old_addresses_add(w, d, &subset[i].not_ready, ports, false);
	}
}

/* NULL: it has no address. */
static struct mesh_endpoint *entry_add(struct endpoint_work *w, const struct draft *d,
				       const struct draft_workload_entry *from)
{
	struct mesh_endpoint *e;
	uint32_t ports;

	if (!from->prefix.bits || w->r->failed)
		return NULL;
	ports = named_ports(w, &from->ports);
	e = endpoint_add(w, from->prefix.address, d, from->at);
	e->ports_first = ports;
	e->weight = from->weight ? from->weight : 1;
	e->labels = from->labels;
	if (from->locality)
		e->locality = from->locality;
	return e;
}

/* An endpoint for each address of a workload. */
static void addresses_add(struct endpoint_work *w, const struct draft *d,
			  const struct draft_workload *spec)
{
	struct resolve *r = w->r;
	const struct mesh_workload *of = &ROWS(r, workloads, struct mesh_workload)[d->index];
	uint32_t ports = named_ports(w, &spec->ports);

	for (uint32_t i = 0; i < of->address_count && !r->failed; i++) {
		const struct mesh_address *a =
			&ROWS(r, addresses, struct mesh_address)[of->address_first + i];
		struct mesh_endpoint *e = endpoint_add(w, a->address, d, d->at);

		e->ports_first = ports;
		e->workload = d->index;
		e->weight = spec->weight ? spec->weight : 1;
		e->name = d->name;
		e->labels = d->labels;
		if (spec->locality)
			e->locality = spec->locality;
	}
}

static void workload_add(struct resolve *r, void *arg, struct draft *d)
{
	struct endpoint_work *w = arg;

	r->work[w->service].hash += d->hash;
	if (d->kind == KIND_WORKLOAD_ENTRY) {
		struct mesh_endpoint *e = entry_add(w, d, d->spec);

		if (!e)
			return;
		e->workload = d->index;
		e->name = d->name;
		e->labels = d->labels;
		return;
	}
	if (d->kind == KIND_POD)
		addresses_add(w, d, &(struct draft_workload){.weight = 1});
	else if (d->kind == KIND_WORKLOAD)
		addresses_add(w, d, d->spec);
}

/* ---- order */

static int endpoint_order(const void *left, const void *right)
{
	const struct mesh_endpoint *a = left, *b = right;
	int order = memcmp(a->address, b->address, sizeof(a->address));

	if (order || a->ports_first == b->ports_first)
		return order;
	return a->ports_first < b->ports_first ? -1 : 1;
}

/* The same address with the same ports, from two slices or two sources, is one endpoint: the
 * first. */
static void endpoints_sort(struct endpoint_work *w, uint32_t count)
{
	struct mesh_endpoint *e = ROWS(w->r, endpoints, struct mesh_endpoint);
	const uint16_t *ports = ROWS(w->r, target_ports, uint16_t);
	uint32_t kept = 0;

	if (!count)
		return;
	e += w->s->endpoint_first;
	qsort(e, count, sizeof(*e), endpoint_order);
	for (uint32_t i = 0; i < count; i++) {
		const struct mesh_endpoint *last = kept ? &e[kept - 1] : NULL;

		if (last && !memcmp(last->address, e[i].address, 16) && ports &&
		    !memcmp(ports + last->ports_first, ports + e[i].ports_first,
			    w->s->port_count * sizeof(*ports)))
			continue;
		e[kept++] = e[i];
	}
	w->r->rows[ROWS_endpoints].count -= count - kept;
}

/* ---- subsets */

static void subset_members(struct resolve *r, const struct mesh_service *s,
			   struct mesh_subset *subset)
{
	const struct mesh_endpoint *e = ROWS(r, endpoints, struct mesh_endpoint);
	uint32_t end = s->endpoint_first + s->endpoint_count;

	subset->member_first = ROWS_END(r, members);
	for (uint32_t i = s->endpoint_first; i < end && !r->failed; i++)
		if (mesh_labels_select(subset->labels, e[i].labels)) {
			*ROW_ADD(r, members, uint32_t) = i;
			subset->member_count++;
		}
}

/* The one among rules that are merged that has a traffic policy; NULL: none has one. */
static const struct draft *rule_with_traffic(const struct draft *rules)
{
	const struct draft_destination_rule *rule;

	for (; rules; rules = rule_next(rules)) {
		rule = rules->spec;
		if (rule->traffic)
			return rules;
	}
	return NULL;
}

static void failover_check(struct resolve *r, const struct draft *d,
			   const struct draft_traffic *from, uint32_t traffic)
{
	const struct draft_locality_setting *s = from->balancer ? from->balancer->locality : NULL;

	if (s && s->enabled && s->failover.count && !r->failed &&
	    !ROWS(r, traffic, struct mesh_traffic)[traffic].outlier.enabled)
		resolve_problem(r, d, PROBLEM_HARMLESS, s->failover.at,
				"\"failover\" takes outlierDetection");
}

static void service_traffic(struct resolve *r, uint32_t service)
{
	struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	struct service_work *w = &r->work[service];
	const struct draft *said = rule_with_traffic(w->rules);
	const struct draft_destination_rule *rule = said ? said->spec : NULL;

	if (!w->rules && !w->detection)
		return;
	s->traffic = traffic_add(r, w->rules, 0, rule ? rule->traffic : NULL);
	for (const struct draft *d = w->rules; d; d = rule_next(d))
		w->hash += d->hash;
	if (w->detection && !r->failed) {
		w->hash += w->detection->hash;
		outlier_add(&ROWS(r, traffic, struct mesh_traffic)[s->traffic].outlier,
			    w->detection);
	}
	if (rule)
		failover_check(r, said, rule->traffic, s->traffic);
}

static void subsets_add(struct resolve *r, uint32_t service, const struct draft *d)
{
	struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	const struct draft_destination_rule *rule = d->spec;
	const struct draft_subset *from = rule->subsets.items;

	for (uint32_t i = 0; i < rule->subsets.count && !r->failed; i++) {
		uint32_t traffic = from[i].traffic ? traffic_add(r, r->work[service].rules,
								 s->traffic, from[i].traffic)
						   : s->traffic;
		struct mesh_subset *to = ROW_ADD(r, subsets, struct mesh_subset);

		*to = (struct mesh_subset){.service = service,
					   .name = from[i].name.text,
					   .labels = from[i].labels,
					   .traffic = traffic,
					   .position = position_of(d, from[i].at)};
		subset_members(r, s, to);
		s->subset_count++;
		if (from[i].traffic)
			failover_check(r, d, from[i].traffic, traffic);
		if (!to->member_count && !r->incomplete && s->resolution == MESH_STATIC)
			resolve_problem(r, d, PROBLEM_EMPTY_SUBSET, from[i].name.at,
					"no endpoint of %s/%s is in subset \"%s\"",
					s->namespace_name, s->name, from[i].name.text);
	}
}

/* ---- all services */

/* Cursors over objects that are sorted as services are. */
struct joins {
	struct draft *const *slices, *const *old;
	uint32_t slice_count, old_count;
	uint32_t slice, old_at;
};

static int join_order(const struct draft *d, const struct draft *service)
{
	if (d->namespace_name != service->namespace_name)
		return strcmp(d->namespace_name, service->namespace_name);
	return d->sort_name == service->name ? 0 : strcmp(d->sort_name, service->name);
}

static void lost_report(struct resolve *r, const struct draft *d)
{
	if (r->incomplete)
		return;
	if (d->sort_name[0])
		resolve_problem(r, d, PROBLEM_LOST_OBJECT, d->at, "there is no Service %s/%s",
				d->namespace_name, d->sort_name);
	else {
		resolve_problem(r, d, PROBLEM_LOST_OBJECT, d->at,
				"the EndpointSlice belongs to no Service");
		problem_hint(r->problems, "label kubernetes.io/service-name names it");
	}
}

static void kubernetes_endpoints(struct endpoint_work *w, const struct draft *d, struct joins *j)
{
	const struct draft_service *spec = d->spec;
	bool sliced = false;

	w->publish_not_ready = spec->publish_not_ready == 1;
	for (; j->slice < j->slice_count; j->slice++) {
		int order = join_order(j->slices[j->slice], d);

		if (order > 0)
			break;
		if (order < 0) {
			lost_report(w->r, j->slices[j->slice]);
			continue;
		}
		slice_add(w, j->slices[j->slice]);
		sliced = true;
	}
	for (; j->old_at < j->old_count; j->old_at++) {
		int order = join_order(j->old[j->old_at], d);

		if (order > 0)
			break;
		if (order < 0)
			lost_report(w->r, j->old[j->old_at]);
		else if (!sliced)
			old_endpoints_add(w, j->old[j->old_at]);
	}
	if (spec->selector->count)
		workloads_select(w->r, d->namespace_name, spec->selector, workload_add, w);
}

static void entry_endpoints(struct endpoint_work *w, const struct draft *d)
{
	const struct draft_service_entry *spec = d->spec;
	const struct draft_workload_entry *inline_ones = spec->endpoints.items;
	uint32_t workload = w->r->work[w->service].made[MADE_INLINE].first;

	for (uint32_t i = 0; i < spec->endpoints.count; i++) {
		struct mesh_endpoint *e = entry_add(w, d, &inline_ones[i]);

		/* others may be at its address too: it is its own workload */
		if (inline_is_workload(&inline_ones[i]) && e)
			e->workload = workload++;
	}
	if (spec->selector)
		workloads_select(w->r, d->namespace_name, spec->selector->labels, workload_add, w);
}

static void service_begin(struct resolve *r, uint32_t service)
{
	struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	struct service_work *w = &r->work[service];

#define X(field) w->first[PART_##field] = ROWS_END(r, field);
	SERVICE_PARTS(X)
#undef X
	w->hash = w->draft->hash;
	s->endpoint_first = ROWS_END(r, endpoints);
	s->traffic = s->subset_first = s->subset_count = 0;
}

static void service_endpoints(struct resolve *r, uint32_t service, struct joins *joins)
{
	struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];
	const struct draft *d = r->work[service].draft;
	struct endpoint_work w = {r, service, s, MESH_NONE, false, true};
	uint32_t problems = r->problems->errors + r->problems->warnings;

	service_begin(r, service);
	if (d->kind == KIND_SERVICE)
		kubernetes_endpoints(&w, d, joins);
	else
		entry_endpoints(&w, d);
	if (!w.sorted && !r->failed)
		endpoints_sort(&w, ROWS_END(r, endpoints) - s->endpoint_first);
	s->endpoint_count = ROWS_END(r, endpoints) - s->endpoint_first;
	service_traffic(r, service);
	s->subset_first = r->work[service].rules ? ROWS_END(r, subsets) : 0;
	for (const struct draft *rule = r->work[service].rules; rule; rule = rule_next(rule))
		subsets_add(r, service, rule);
	r->work[service].noted = r->problems->errors + r->problems->warnings != problems;
}

static void ends_mark(struct resolve *r)
{
	struct service_work *end = &r->work[ROWS_END(r, services)];

#define X(field) end->first[PART_##field] = ROWS_END(r, field);
	SERVICE_PARTS(X)
#undef X
}

/* Of the services that changed; of the others the rows are copied. */
void resolve_touched(struct resolve *r)
{
	const struct reuse *u = r->reuse;
	struct joins joins = {0};
	uint32_t from = 0;

	joins.slices = drafts_of(r, KIND_ENDPOINT_SLICE, &joins.slice_count);
	joins.old = drafts_of(r, KIND_ENDPOINTS, &joins.old_count);
	traffic_add(r, NULL, MESH_NONE, NULL);
	for (uint32_t i = 0; i < u->touched_count && !r->failed; i++) {
		const struct draft *d = r->work[u->touched[i]].draft;

		endpoints_carry(r, from, u->touched[i]);
		joins.slice = catalog_find(&r->source->catalogs[KIND_ENDPOINT_SLICE],
					   d->namespace_name, d->name);
		joins.old_at = catalog_find(&r->source->catalogs[KIND_ENDPOINTS], d->namespace_name,
					    d->name);
		service_endpoints(r, u->touched[i], &joins);
		from = u->touched[i] + 1;
	}
	endpoints_carry(r, from, ROWS_END(r, services));
	ends_mark(r);
}

void resolve_endpoints(struct resolve *r)
{
	struct joins joins = {0};

	joins.slices = drafts_of(r, KIND_ENDPOINT_SLICE, &joins.slice_count);
	joins.old = drafts_of(r, KIND_ENDPOINTS, &joins.old_count);
	traffic_add(r, NULL, MESH_NONE, NULL);
	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++)
		service_endpoints(r, i, &joins);
	for (; joins.slice < joins.slice_count; joins.slice++)
		lost_report(r, joins.slices[joins.slice]);
	for (; joins.old_at < joins.old_count; joins.old_at++)
		lost_report(r, joins.old[joins.old_at]);
	if (!r->failed)
		ends_mark(r);
}
