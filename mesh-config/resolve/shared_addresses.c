// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether policies can tell workloads apart that have one address. Looks at addresses that several
 * workloads have, and at nothing else. */
#include "mesh-config/resolve/resolve.h"

#include "mesh-config/policy/authorize.h"

#include <stdlib.h>

/* A workload and an address or prefix of it. */
struct claim {
	uint8_t address[16];
	uint32_t bits;
	uint32_t workload;
	bool conditional;
};

struct shared {
	struct resolve *r;
	struct claim *claims;
	uint32_t count;
};

static const struct mesh_workload *workload_of(const struct shared *s, uint32_t number)
{
	return &ROWS(s->r, workloads, struct mesh_workload)[number];
}

/* ---- the object of a workload */

static const enum kind_id named_kinds[] = {KIND_WORKLOAD_ENTRY, KIND_WORKLOAD, KIND_WORKLOAD_GROUP,
					   KIND_POD};

static const struct draft *draft_named(const struct resolve *r, uint32_t workload)
{
	const struct mesh_workload *w = &ROWS(r, workloads, struct mesh_workload)[workload];
	uint64_t hash = ROWS(r, workload_hashes, uint64_t)[workload];

	for (size_t i = 0; i < sizeof(named_kinds) / sizeof(*named_kinds); i++) {
		const struct catalog *c = &r->source->catalogs[named_kinds[i]];

		for (uint32_t at = catalog_find(c, w->namespace_name, "");
		     at < c->count && c->items[at]->namespace_name == w->namespace_name; at++)
			if (c->items[at]->hash == hash &&
			    (c->items[at]->name == w->name || named_kinds[i] == KIND_POD))
				return c->items[at];
	}
	return NULL;
}

const struct draft *workload_draft(const struct resolve *r, uint32_t workload)
{
	if (*ROWS(r, workloads, struct mesh_workload)[workload].name)
		return draft_named(r, workload);
	for (uint32_t i = 0; i < ROWS_END(r, services); i++)
		for (uint32_t j = 0; j < MADE_COUNT; j++)
			if (workload - r->work[i].made[j].first < r->work[i].made[j].count)
				return r->work[i].draft;
	return NULL;
}

/* ---- what tells workloads apart */

/* Whether ALLOW policies select both workloads, and not the same ones. */
static bool allows_differ(const struct shared *s, const struct mesh_workload *a,
			  const struct mesh_workload *b)
{
	const struct mesh_policy *p = ROWS(s->r, policies, struct mesh_policy);
	const struct identity_class of_a = {a->namespace_name, a->labels};
	const struct identity_class of_b = {b->namespace_name, b->labels};
	bool for_a = false, for_b = false, differ = false;

	for (uint32_t i = 0; i < ROWS_END(s->r, policies); i++) {
		bool selects_a, selects_b;

		if (p[i].action != MESH_ALLOW || p[i].dry_run)
			continue;
		selects_a = authorize_selects(s->r->mesh, &p[i], &of_a);
		selects_b = authorize_selects(s->r->mesh, &p[i], &of_b);
		for_a |= selects_a;
		for_b |= selects_b;
		differ |= selects_a != selects_b;
	}
	return for_a && for_b && differ;
}

struct port_list {
	const uint16_t *items; /* NULL: there are none */
	uint32_t count;
};

static struct port_list ports_of_workload(const struct resolve *r, const struct mesh_workload *w)
{
	const uint16_t *all = ROWS(r, workload_ports, uint16_t);

	return (struct port_list){w->port_count ? all + w->port_first : NULL, w->port_count};
}

static struct port_list ports_of_endpoint(const struct resolve *r, const struct mesh_endpoint *e)
{
	const uint16_t *all = ROWS(r, target_ports, uint16_t);
	uint32_t count = ROWS(r, services, struct mesh_service)[e->service].port_count;

	return (struct port_list){count ? all + e->ports_first : NULL, count};
}

static bool has_port(struct port_list ports, uint16_t port)
{
	for (uint32_t i = 0; i < ports.count; i++)
		if (ports.items[i] == port)
			return true;
	return false;
}

/* Whether |workload| says of |port| that it is its own, or has an endpoint there. */
static bool serves(const struct shared *s, const uint8_t address[16], uint32_t workload,
		   uint16_t port)
{
	const struct mesh_endpoint *e = ROWS(s->r, endpoints, struct mesh_endpoint);

	if (has_port(ports_of_workload(s->r, workload_of(s, workload)), port))
		return true;
	for (uint32_t i = 0; i < ROWS_END(s->r, endpoints); i++)
		if (e[i].workload == workload && !memcmp(e[i].address, address, 16) &&
		    has_port(ports_of_endpoint(s->r, &e[i]), port))
			return true;
	return false;
}

/* Whether |other| serves one of |ports|; *|ret_any|: there is one. */
static bool ports_meet(const struct shared *s, const uint8_t address[16], struct port_list ports,
		       uint32_t other, bool *ret_any)
{
	for (uint32_t i = 0; i < ports.count; i++) {
		*ret_any |= ports.items[i] != 0;
		if (ports.items[i] && serves(s, address, other, ports.items[i]))
			return true;
	}
	return false;
}

/* Whether |workload| has ports at |address|, and |other| none of them. */
static bool has_own_ports(const struct shared *s, const uint8_t address[16], uint32_t workload,
			  uint32_t other)
{
	const struct mesh_endpoint *e = ROWS(s->r, endpoints, struct mesh_endpoint);
	bool any = false;

	if (ports_meet(s, address, ports_of_workload(s->r, workload_of(s, workload)), other, &any))
		return false;
	for (uint32_t i = 0; i < ROWS_END(s->r, endpoints); i++)
		if (e[i].workload == workload && !memcmp(e[i].address, address, 16) &&
		    ports_meet(s, address, ports_of_endpoint(s->r, &e[i]), other, &any))
			return false;
	return any;
}

/* An endpoint that no object describes is called after its service. */
static const char *called(const struct mesh_workload *w, const struct draft *d)
{
	return w->bare ? d->name : mesh_workload_title(w);
}

static void undecidable_report(const struct shared *s, uint32_t first, uint32_t second)
{
	const struct mesh_workload *a = workload_of(s, first), *b = workload_of(s, second);
	const struct draft *of_a = workload_draft(s->r, first);
	const struct draft *d = workload_draft(s->r, second);

	if (!d || !of_a)
		return;
	resolve_problem(s->r, d, PROBLEM_UNDECIDABLE,
			(struct place){b->position.line, b->position.column},
			"%s/%s has an address of %s/%s, different ALLOW policies select "
			"them, and no ports tell them apart",
			b->namespace_name, called(b, d), a->namespace_name, called(a, of_a));
	problem_hint(s->r->problems,
		     "select each of them with a service that says its port, or know them by "
		     "executable, systemdUnit or cgroup (kind Workload)");
}

/* ---- groups of claims */

static int claim_order(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = memcmp(a->address, b->address, sizeof(a->address));

	if (order || a->bits != b->bits)
		return order ? order : (int)a->bits - (int)b->bits;
	return a->workload < b->workload ? -1 : a->workload > b->workload;
}

static bool same_place(const struct claim *a, const struct claim *b)
{
	return a->bits == b->bits && !memcmp(a->address, b->address, sizeof(a->address));
}

/* Those with a name count, if one has; who is known by more than the address is told apart. */
static bool is_counted(const struct shared *s, const struct claim *c, bool named)
{
	return !c->conditional && (*workload_of(s, c->workload)->name != 0) == named;
}

static void group_check(const struct shared *s, const struct claim *c, uint32_t count)
{
	bool named = false;

	for (uint32_t i = 0; i < count; i++)
		named |= *workload_of(s, c[i].workload)->name != 0;
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t j = 0; j < i; j++) {
			uint32_t a = c[j].workload, b = c[i].workload;

			if (a == b || !is_counted(s, &c[i], named) || !is_counted(s, &c[j], named))
				continue;
			if (!allows_differ(s, workload_of(s, a), workload_of(s, b)) ||
			    (c[i].bits == 128 && has_own_ports(s, c[i].address, a, b) &&
			     has_own_ports(s, c[i].address, b, a)))
				continue;
			undecidable_report(s, a, b);
			return; /* once for each address */
		}
}

static void groups_check(const struct shared *s)
{
	uint32_t end;

	for (uint32_t i = 0; i < s->count; i = end) {
		for (end = i + 1; end < s->count && same_place(&s->claims[i], &s->claims[end]);)
			end++;
		if (end > i + 1)
			group_check(s, &s->claims[i], end - i);
	}
}

static void claims_collect(struct shared *s)
{
	const struct mesh_workload *w = ROWS(s->r, workloads, struct mesh_workload);
	const struct mesh_address *a = ROWS(s->r, addresses, struct mesh_address);
	const struct mesh_matcher *m = ROWS(s->r, matchers, struct mesh_matcher);

	for (uint32_t i = 0; i < ROWS_END(s->r, workloads); i++)
		for (uint32_t j = 0; j < w[i].address_count; j++) {
			struct claim *c = &s->claims[s->count++];

			memcpy(c->address, a[w[i].address_first + j].address, sizeof(c->address));
			c->conditional = a[w[i].address_first + j].conditional;
			c->bits = 128;
			c->workload = i;
		}
	for (uint32_t i = 0; i < ROWS_END(s->r, matchers); i++) {
		if (!mesh_matcher_is_prefix(&m[i]))
			continue;
		memcpy(s->claims[s->count].address, m[i].prefix.address, 16);
		s->claims[s->count].bits = m[i].prefix.bits;
		s->claims[s->count++].workload = m[i].workload;
	}
}

void resolve_shared(struct resolve *r)
{
	struct shared s = {.r = r};

	if (!ROWS_END(r, policies) || r->failed || !r->index->shares)
		return;
	s.claims = calloc(ROWS_END(r, addresses) + ROWS_END(r, matchers) + 1u, sizeof(*s.claims));
	if (!s.claims) {
		r->failed = true;
		return;
	}
	claims_collect(&s);
	qsort(s.claims, s.count, sizeof(*s.claims), claim_order);
	groups_check(&s);
	free(s.claims);
}
