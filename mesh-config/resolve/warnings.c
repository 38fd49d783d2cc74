// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is sound and yet may not be what its author expects: policies that select no workload, or
 * whom more than their address must tell, and objects about services that are not balanced. */
#include "mesh-config/resolve/resolve.h"

#include "mesh-config/policy/authorize.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOKED_AT_MAX 1000 /* WorkloadEntries, for one policy */
#define VALUES_SHOWN  5

static bool is_enforced(const struct mesh_policy *p)
{
	return (p->action == MESH_ALLOW || p->action == MESH_DENY) && !p->dry_run;
}

static bool is_root(const struct resolve *r, const struct mesh_policy *p)
{
	return !strcmp(p->namespace_name, r->mesh->settings.root_namespace);
}

/* ---- what is known by its address alone */

/* A WorkloadEntry that |p| selects, NULL: none of the first ones. */
static const struct draft *entry_selected(const struct resolve *r, const struct mesh_policy *p)
{
	const struct catalog *c = &r->source->catalogs[KIND_WORKLOAD_ENTRY];
	uint32_t first = is_root(r, p) ? 0 : catalog_find(c, p->namespace_name, "");

	for (uint32_t i = first; i < c->count && i - first < LOOKED_AT_MAX; i++)
		if (authorize_selects(r->mesh, p,
				      &(struct identity_class){c->items[i]->namespace_name,
							       c->items[i]->labels}))
			return c->items[i];
	return NULL;
}

/* Once, not for each of them. */
static void address_only_check(struct resolve *r)
{
	const struct mesh_policy *p = ROWS(r, policies, struct mesh_policy);
	const struct draft *d = NULL;

	for (uint32_t i = 0; i < ROWS_END(r, policies) && !d; i++)
		if (is_enforced(&p[i]))
			d = entry_selected(r, &p[i]);
	if (!d)
		return;
	resolve_problem(r, d, PROBLEM_ADDRESS_ONLY, d->at,
			"policies select WorkloadEntries, as %s/%s: nodes that they do "
			"not run on protect no other address of theirs",
			d->namespace_name, d->name);
	problem_hint(r->problems,
		     "run weft on their nodes, or name each of their addresses (kind Workload)");
}

/* ---- what is known by the name of its executable alone */

/* Once, and only where such a name may be what lets a client in. */
static void bare_name_check(struct resolve *r)
{
	const struct mesh_policy *p = ROWS(r, policies, struct mesh_policy);
	const struct mesh_matcher *m = ROWS(r, matchers, struct mesh_matcher);
	const struct draft *d;
	bool allows = false;

	for (uint32_t i = 0; i < ROWS_END(r, policies) && !allows; i++)
		allows = p[i].action == MESH_ALLOW && !p[i].dry_run;
	for (uint32_t i = 0; i < ROWS_END(r, matchers) && allows; i++) {
		if (m[i].executable[0] != '*' || mesh_matcher_parts(&m[i]) != 1)
			continue;
		d = workload_draft(r, m[i].workload);
		if (d) {
			resolve_problem(r, d, PROBLEM_BARE_NAME, d->at,
					"%s/%s is known by the name of its executable "
					"alone, which every user can give to a program",
					d->namespace_name, d->name);
			problem_hint(r->problems,
				     "write its whole path, or add its uid, systemdUnit, cgroup or "
				     "container");
		}
		return;
	}
}

/* ---- namespaces and labels that workloads have */

struct classes {
	struct identity_class *items; /* each once, sorted by the pointer to the namespace */
	uint32_t count;
};

static bool class_same(const void *arg, uint32_t value, const void *key)
{
	const struct classes *c = arg;
	const struct identity_class *wanted = key;

	return c->items[value].namespace_name == wanted->namespace_name &&
	       c->items[value].labels == wanted->labels;
}

static int class_order(const void *left, const void *right)
{
	const struct identity_class *a = left, *b = right;
	uintptr_t x = (uintptr_t)a->namespace_name, y = (uintptr_t)b->namespace_name;

	return x < y ? -1 : x > y;
}

static void class_add(struct classes *c, struct lookup *l, const struct mesh_workload *w)
{
	const struct identity_class class = {w->namespace_name, w->labels};
	const struct identity_class *last = c->count ? &c->items[c->count - 1] : NULL;
	uint64_t hash;

	if (last && last->namespace_name == class.namespace_name && last->labels == class.labels)
		return; /* as its neighbour */
	hash = table_hash(&class, sizeof(class), 0);
	if (lookup_find(l, hash, class_same, c, &class) != MESH_NONE)
		return;
	c->items[c->count] = class;
	lookup_add(l, hash, c->count++);
}

/* Of workloads that something but their address is known of. In the arena. */
static struct classes classes_list(struct resolve *r)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	uint32_t count = ROWS_END(r, workloads);
	struct classes c = {arena_array(&r->arena, struct identity_class, count + 1u), 0};
	struct lookup l = {0};

	if (!c.items || !lookup_init(&l, count)) {
		r->failed = true;
		return c;
	}
	for (uint32_t i = 0; i < count && !w[i].bare; i++)
		class_add(&c, &l, &w[i]);
	lookup_free(&l);
	if (c.count)
		qsort(c.items, c.count, sizeof(*c.items), class_order);
	return c;
}

/* Those that a policy with a selector may select. */
static struct classes classes_of(const struct resolve *r, const struct classes *all,
				 const struct mesh_policy *p)
{
	const struct identity_class wanted = {p->namespace_name, NULL};
	uint32_t low = 0, high = all->count, end;

	if (is_root(r, p))
		return *all;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (class_order(&all->items[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < all->count && !class_order(&all->items[end], &wanted);)
		end++;
	return (struct classes){all->items + low, end - low};
}

/* ---- policies that select no workload */

static const struct draft *policy_draft(const struct resolve *r, const struct mesh_policy *p)
{
	const struct catalog *c = &r->source->catalogs[KIND_AUTHORIZATION_POLICY];

	return c->items[catalog_find(c, p->namespace_name, p->name)];
}

static struct place selector_place(const struct draft *d)
{
	const struct draft_policy *spec = d->spec;

	return spec->selector ? spec->selector->at : d->at;
}

static bool is_among(const struct classes *c, const struct mesh_label *label)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (mesh_labels_find(c->items[i].labels, label->key) == label->value)
			return true;
	return false;
}

/* "app is: cart, till": what workloads have instead of |label|. */
static void values_write(const struct classes *c, const struct mesh_label *label, char *out,
			 size_t size)
{
	const char *shown[VALUES_SHOWN];
	uint32_t count = 0, at;
	size_t used = 0;

	for (uint32_t i = 0; i < c->count && count < VALUES_SHOWN && used < size; i++) {
		const char *value = mesh_labels_find(c->items[i].labels, label->key);

		for (at = 0; value && at < count && shown[at] != value;)
			at++;
		if (!value || at < count)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s", count ? ", " : "", value);
		shown[count++] = value;
	}
}

static void nobody_hint(struct resolve *r, const struct classes *c,
			const struct mesh_labels *selector)
{
	char values[200] = "";

	for (uint32_t i = 0; i < selector->count; i++) {
		if (is_among(c, &selector->items[i]))
			continue;
		values_write(c, &selector->items[i], values, sizeof(values));
		problem_hint(r->problems,
			     values[0] ? "label \"%s\" of workloads there: %s"
				       : "no workload there has a label \"%s\"",
			     selector->items[i].key, values);
		return;
	}
	problem_hint(r->problems, "workloads there have each of these labels, none has all");
}

static void selector_write(const struct mesh_labels *selector, char *out, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < selector->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s=%s", i ? ", " : "",
					 selector->items[i].key, selector->items[i].value);
}

/* Where no workload is known at all the policies may have come first. */
static void nobody_check(struct resolve *r, const struct classes *all, const struct mesh_policy *p)
{
	struct classes c = classes_of(r, all, p);
	const struct draft *d = policy_draft(r, p);
	char labels[200] = "";

	for (uint32_t i = 0; i < c.count; i++)
		if (authorize_selects(r->mesh, p, &c.items[i]))
			return;
	if (!c.count)
		return;
	selector_write(p->selector, labels, sizeof(labels));
	resolve_problem(r, d, PROBLEM_SELECTS_NOBODY, selector_place(d),
			"no workload of %s has the labels %s",
			is_root(r, p) ? "the mesh" : p->namespace_name, labels);
	nobody_hint(r, &c, p->selector);
}

/* ---- endpoints that no selector can select */

/* A service with endpoints of which but the address is known, in the namespace that |p| is for. */
static const struct draft *bare_service(const struct resolve *r, const struct mesh_policy *p)
{
	const struct mesh_workload *w = ROWS(r, workloads, struct mesh_workload);
	bool root = is_root(r, p);

	for (uint32_t end = ROWS_END(r, workloads); end && w[end - 1].bare; end--)
		if (root || w[end - 1].namespace_name == p->namespace_name)
			return workload_draft(r, end - 1);
	return NULL;
}

static void unselectable_check(struct resolve *r, const struct mesh_policy *p)
{
	const struct draft *service = bare_service(r, p), *d = policy_draft(r, p);

	if (!service)
		return;
	resolve_problem(r, d, PROBLEM_UNSELECTABLE, selector_place(d),
			"endpoints of %s are known by their address only: no "
			"selector selects them",
			service->title);
	problem_hint(r->problems,
		     "policies without selector hold for them; for others add their Pods (kubectl "
		     "get pods -A -o yaml), or a Workload or WorkloadEntry for each address");
}

/* Policies are in order of their namespaces: of each the first one tells it. */
static void selectors_check(struct resolve *r)
{
	const struct mesh_policy *p = ROWS(r, policies, struct mesh_policy);
	const struct classes all = classes_list(r);
	const char *told = NULL;

	for (uint32_t i = 0; i < ROWS_END(r, policies) && !r->failed && !r->incomplete; i++) {
		if (p[i].scope != MESH_SCOPE_WORKLOADS)
			continue;
		nobody_check(r, &all, &p[i]);
		if (is_enforced(&p[i]) && told != p[i].namespace_name) {
			told = p[i].namespace_name;
			unselectable_check(r, &p[i]);
		}
	}
}

void resolve_warnings(struct resolve *r)
{
	if (!ROWS_END(r, policies) || r->failed)
		return;
	address_only_check(r);
	bare_name_check(r);
	selectors_check(r);
}

/* ---- services that are not balanced */

static bool is_balanced(const struct resolve *r, uint32_t service)
{
	const struct mesh_service *s = &ROWS(r, services, struct mesh_service)[service];

	return s->resolution == MESH_STATIC && s->vip_count;
}

/* The first of those that share its host, of which none is; MESH_NONE: one is. */
static uint32_t unbalanced_first(const struct resolve *r, uint32_t service)
{
	uint32_t first = r->work[service].twin_first;

	first = first == MESH_NONE ? service : first;
	for (uint32_t i = first; i != MESH_NONE; i = r->work[i].twin_next)
		if (is_balanced(r, i))
			return MESH_NONE;
	return first;
}

static const char *address_hint(const struct draft *service)
{
	const struct draft_service *spec = service->spec;

	if (service->kind == KIND_SERVICE_ENTRY)
		return "give it addresses and resolution: STATIC";
	if (spec->type == SERVICE_EXTERNAL_NAME)
		return "a ServiceEntry with addresses names an external service to weft";
	return spec->headless ? "clients of a headless Service choose an endpoint themselves; one "
				"with a clusterIP is balanced"
			      : "kubectl get services -o yaml shows the clusterIP that the cluster "
				"gave it";
}

void unbalanced_warn(struct resolve *r, uint32_t service, const struct draft *d, struct place at)
{
	const struct draft *of = r->work[service].draft;
	bool addressed = ROWS(r, services, struct mesh_service)[service].vip_count;

	if (unbalanced_first(r, service) != service)
		return;
	resolve_problem(r, d, PROBLEM_UNBALANCED, at,
			"%s %s: connections to it are not balanced, and this has no "
			"effect",
			of->title, addressed ? "is not of resolution STATIC" : "has no address");
	problem_hint(r->problems, "%s", address_hint(of));
}

/* Rules count where routes of others lead to their service, too. */
void unbalanced_rules_warn(struct resolve *r)
{
	const struct mesh_destination *to = ROWS(r, destinations, struct mesh_destination);
	const struct mesh_route *routes = ROWS(r, routes, struct mesh_route);
	bool *led = arena_array(&r->arena, bool, ROWS_END(r, services) + 1u);

	r->failed |= !led;
	for (uint32_t i = 0; i < ROWS_END(r, routes) && led; i++)
		for (uint32_t j = 0; j < routes[i].destination_count; j++)
			if (is_balanced(r, routes[i].service))
				led[to[routes[i].destination_first + j].service] = true;
	for (uint32_t i = 0; i < ROWS_END(r, services) && led; i++)
		for (const struct draft *d = led[i] ? NULL : r->work[i].rules; d; d = rule_next(d))
			unbalanced_warn(r, i, d,
					((const struct draft_destination_rule *)d->spec)->host.at);
}
