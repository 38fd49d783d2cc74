// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks both models side by side; what has the same hash is not looked at. */
#include "mesh-config/diff.h"

#include "mesh-config/diff_text.h"

#include <stdio.h>
#include <string.h>

struct diff {
	const struct mesh *old, *new;
	void (*visit)(void *arg, const struct diff_line *line);
	void *arg;
	uint32_t count;
	char object[256]; /* the one that is looked at */
};

static void tell(struct diff *d, char sign, const char *what)
{
	struct diff_line line = {sign, d->object, what};

	d->count++;
	d->visit(d->arg, &line);
}

static void name_object(struct diff *d, const char *kind, const char *namespace_name,
			const char *name)
{
	snprintf(d->object, sizeof(d->object), "%s %s/%s", kind, namespace_name, name);
}

/* ---- values of an object */

static void compare_texts(struct diff *d, const char *what, const char *old, const char *new)
{
	struct diff_text t = {.used = 0};

	if (!strcmp(old, new))
		return;
	diff_text_add(&t, "%s %s to %s", what, old[0] ? old : "none", new[0] ? new : "none");
	tell(d, '~', t.text);
}

static void compare_numbers(struct diff *d, const char *what, uint32_t old, uint32_t new)
{
	struct diff_text t = {.used = 0};

	if (old == new)
		return;
	diff_text_add(&t, "%s %u to %u", what, old, new);
	tell(d, '~', t.text);
}

static void compare_labels(struct diff *d, const char *what, const struct mesh_labels *old,
			   const struct mesh_labels *new)
{
	struct diff_text a, b;

	diff_text_labels(&a, old);
	diff_text_labels(&b, new);
	compare_texts(d, what, a.text, b.text);
}

static void compare_localities(struct diff *d, const struct mesh_locality *old,
			       const struct mesh_locality *new)
{
	struct diff_text a, b;

	diff_text_locality(&a, old);
	diff_text_locality(&b, new);
	compare_texts(d, "locality", a.text, b.text);
}

/* ---- lists of an object: |text| says what is in each */

struct list {
	const struct mesh *mesh;
	uint32_t first, count;
	void (*text)(const struct mesh *m, uint32_t index, struct diff_text *ret);
};

static bool list_has(const struct list *l, const char *wanted)
{
	struct diff_text t;

	for (uint32_t i = 0; i < l->count; i++) {
		l->text(l->mesh, l->first + i, &t);
		if (!strcmp(t.text, wanted))
			return true;
	}
	return false;
}

static void tell_missing(struct diff *d, const char *what, const struct list *from,
			 const struct list *in, const char *happened)
{
	struct diff_text t, line;

	for (uint32_t i = 0; i < from->count; i++) {
		from->text(from->mesh, from->first + i, &t);
		if (list_has(in, t.text))
			continue;
		line.used = 0;
		diff_text_add(&line, "%s %s %s", what, t.text, happened);
		tell(d, '~', line.text);
	}
}

static void compare_lists(struct diff *d, const char *what, const struct list *old,
			  const struct list *new)
{
	tell_missing(d, what, old, new, "went");
	tell_missing(d, what, new, old, "came");
}

static void text_vip(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	diff_text_prefix(ret, &m->vips[i].prefix);
}

static void text_host(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	ret->used = 0;
	diff_text_add(ret, "%s", m->hosts[i]);
}

static void text_port(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	diff_text_port(ret, &m->ports[i]);
}

static void text_route(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	diff_text_route(ret, m, &m->routes[i]);
}

static void text_subset(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	diff_text_subset(ret, &m->subsets[i]);
}

static void text_address(const struct mesh *m, uint32_t i, struct diff_text *ret)
{
	diff_text_address(ret, m->addresses[i].address);
}

/* ---- services */

static void compare_traffic(struct diff *d, const struct mesh_traffic *old,
			    const struct mesh_traffic *new)
{
	compare_texts(d, "balance", diff_balance_name(old->balance),
		      diff_balance_name(new->balance));
	compare_numbers(d, "locality failover", old->locality_enabled, new->locality_enabled);
	compare_numbers(d, "maglev table", old->maglev_size, new->maglev_size);
	compare_numbers(d, "distribute rows", old->distribute_count, new->distribute_count);
	compare_numbers(d, "failover rows", old->failover_count, new->failover_count);
	compare_numbers(d, "maxConnections", old->max_connections, new->max_connections);
	compare_numbers(d, "connect rate", old->connect_rate, new->connect_rate);
	compare_numbers(d, "outlierDetection", old->outlier.enabled, new->outlier.enabled);
	compare_numbers(d, "consecutive5xxErrors", old->outlier.consecutive_5xx,
			new->outlier.consecutive_5xx);
	compare_numbers(d, "consecutiveGatewayErrors", old->outlier.consecutive_gateway_errors,
			new->outlier.consecutive_gateway_errors);
	compare_numbers(d, "outlier interval (ms)", old->outlier.interval_ms,
			new->outlier.interval_ms);
	compare_numbers(d, "baseEjectionTime (ms)", old->outlier.base_ejection_ms,
			new->outlier.base_ejection_ms);
	compare_numbers(d, "maxEjectionPercent", old->outlier.max_ejection_percent,
			new->outlier.max_ejection_percent);
	compare_numbers(d, "minHealthPercent", old->outlier.min_health_percent,
			new->outlier.min_health_percent);
}

static void tell_endpoint(struct diff *d, const struct mesh_endpoint *e, const char *happened)
{
	struct diff_text address, line = {.used = 0};

	diff_text_address(&address, e->address);
	diff_text_add(&line, "endpoint %s %s", address.text, happened);
	tell(d, '~', line.text);
}

static void compare_endpoint(struct diff *d, const struct mesh_endpoint *old,
			     const struct mesh_endpoint *new)
{
	struct diff_text a, b, line = {.used = 0};

	diff_text_endpoint(&a, d->old, old);
	diff_text_endpoint(&b, d->new, new);
	if (!strcmp(a.text, b.text))
		return;
	diff_text_add(&line, "%s to %s", a.text, b.text);
	tell_endpoint(d, new, line.text);
}

/* Both are ascending by address. */
static void compare_endpoints(struct diff *d, const struct mesh_service *old,
			      const struct mesh_service *new)
{
	const struct mesh_endpoint *a = d->old->endpoints + old->endpoint_first;
	const struct mesh_endpoint *b = d->new->endpoints + new->endpoint_first;
	const struct mesh_endpoint *a_end = a + old->endpoint_count;
	const struct mesh_endpoint *b_end = b + new->endpoint_count;
	int order;

	while (a < a_end || b < b_end) {
		order = a == a_end ? 1 : b == b_end ? -1 : memcmp(a->address, b->address, 16);
		if (order < 0)
			tell_endpoint(d, a++, "went");
		else if (order > 0)
			tell_endpoint(d, b++, "came");
		else
			compare_endpoint(d, a++, b++);
	}
}

static void compare_service_lists(struct diff *d, const struct mesh_service *a,
				  const struct mesh_service *b)
{
	const struct {
		const char *what;
		struct list old, new;
	} lists[] = {
		{"address",
		 {d->old, a->vip_first, a->vip_count, text_vip},
		 {d->new, b->vip_first, b->vip_count, text_vip}},
		{"host",
		 {d->old, a->host_first, a->host_count, text_host},
		 {d->new, b->host_first, b->host_count, text_host}},
		{"port",
		 {d->old, a->port_first, a->port_count, text_port},
		 {d->new, b->port_first, b->port_count, text_port}},
		{"subset",
		 {d->old, a->subset_first, a->subset_count, text_subset},
		 {d->new, b->subset_first, b->subset_count, text_subset}},
		{"route",
		 {d->old, a->route_first, a->route_count, text_route},
		 {d->new, b->route_first, b->route_count, text_route}},
	};

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		compare_lists(d, lists[i].what, &lists[i].old, &lists[i].new);
}

static void compare_service(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_service *a = &d->old->services[old], *b = &d->new->services[new];
	uint32_t before = d->count;

	if (a->hash == b->hash)
		return;
	compare_service_lists(d, a, b);
	compare_endpoints(d, a, b);
	compare_traffic(d, &d->old->traffic[a->traffic], &d->new->traffic[b->traffic]);
	compare_numbers(d, "session affinity (s)", a->session_affinity_s, b->session_affinity_s);
	compare_numbers(d, "acceleration", a->acceleration, b->acceleration);
	compare_numbers(d, "left alone", a->resolution == MESH_UNCHANGED,
			b->resolution == MESH_UNCHANGED);
	if (d->count == before)
		tell(d, '~', "changed");
}

/* ---- workloads and policies */

static void compare_workload(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_workload *a = &d->old->workloads[old], *b = &d->new->workloads[new];
	const struct list addresses[] = {
		{d->old, a->address_first, a->address_count, text_address},
		{d->new, b->address_first, b->address_count, text_address}};
	uint32_t before = d->count;

	if (a->hash == b->hash)
		return;
	compare_texts(d, "serviceAccount", a->service_account, b->service_account);
	compare_labels(d, "labels", a->labels, b->labels);
	compare_localities(d, &a->locality, &b->locality);
	compare_lists(d, "address", &addresses[0], &addresses[1]);
	if (d->count == before)
		tell(d, '~', "changed");
}

static void compare_policy(struct diff *d, uint32_t old, uint32_t new)
{
	const struct mesh_policy *a = &d->old->policies[old], *b = &d->new->policies[new];
	uint32_t before = d->count;

	if (a->hash == b->hash)
		return;
	compare_texts(d, "action", diff_action_name(a->action), diff_action_name(b->action));
	compare_numbers(d, "dry run", a->dry_run, b->dry_run);
	compare_numbers(d, "ends connections", a->end_connections, b->end_connections);
	compare_labels(d, "selector", a->selector, b->selector);
	compare_numbers(d, "rules", a->rule_count, b->rule_count);
	if (d->count == before)
		tell(d, '~', "rules changed");
}

static void compare_settings(struct diff *d)
{
	const struct mesh_settings *a = &d->old->settings, *b = &d->new->settings;

	snprintf(d->object, sizeof(d->object), "settings");
	compare_texts(d, "rootNamespace", a->root_namespace, b->root_namespace);
	compare_texts(d, "trustDomain", a->trust_domain, b->trust_domain);
	compare_texts(d, "clusterDomain", a->cluster_domain, b->cluster_domain);
	compare_texts(d, "nodeName", a->node_name, b->node_name);
	compare_localities(d, &a->node_locality, &b->node_locality);
}

/* ---- objects of a kind, ascending by namespace and name in both */

/* Where in a mesh the objects of a kind are, and in them their names. */
struct kind {
	const char *name;
	size_t count_at, objects_at, object_size, namespace_at, name_at;
	void (*compare)(struct diff *d, uint32_t old, uint32_t new);
};

#define KIND(one, many)                                                                            \
	{#one,                                                                                     \
	 offsetof(struct mesh, one##_count),                                                       \
	 offsetof(struct mesh, many),                                                              \
	 sizeof(struct mesh_##one),                                                                \
	 offsetof(struct mesh_##one, namespace_name),                                              \
	 offsetof(struct mesh_##one, name),                                                        \
	 compare_##one}

static const struct kind kinds[] = {KIND(service, services), KIND(workload, workloads),
				    KIND(policy, policies)};

static uint32_t kind_count(const struct kind *kind, const struct mesh *m)
{
	uint32_t count;

	memcpy(&count, (const char *)m + kind->count_at, sizeof(count));
	return count;
}

static void kind_names(const struct kind *kind, const struct mesh *m, uint32_t i,
		       const char *ret[2])
{
	const char *objects;

	memcpy(&objects, (const char *)m + kind->objects_at, sizeof(objects));
	objects += i * kind->object_size;
	memcpy(&ret[0], objects + kind->namespace_at, sizeof(ret[0]));
	memcpy(&ret[1], objects + kind->name_at, sizeof(ret[1]));
}

static int compare_names(const char *const a[2], const char *const b[2])
{
	int order = strcmp(a[0], b[0]);

	return order ? order : strcmp(a[1], b[1]);
}

/* Inline endpoints are workloads without a name: their services tell of them. */
static uint32_t skip_unnamed(const struct kind *kind, const struct mesh *m, uint32_t i,
			     const char *ret_names[2])
{
	for (; i < kind_count(kind, m); i++) {
		kind_names(kind, m, i, ret_names);
		if (ret_names[1][0])
			break;
	}
	return i;
}

static void compare_kind(struct diff *d, const struct kind *kind)
{
	uint32_t a = 0, a_end = kind_count(kind, d->old), b = 0, b_end = kind_count(kind, d->new);
	const char *old[2] = {"", ""}, *new[2] = {"", ""};
	int order;

	for (;;) {
		a = skip_unnamed(kind, d->old, a, old);
		b = skip_unnamed(kind, d->new, b, new);
		if (a == a_end && b == b_end)
			return;
		order = a == a_end ? 1 : b == b_end ? -1 : compare_names(old, new);
		name_object(d, kind->name, order > 0 ? new[0] : old[0],
			    order > 0 ? new[1] : old[1]);
		if (!order)
			kind->compare(d, a, b);
		else
			tell(d, order < 0 ? '-' : '+', "");
		a += order <= 0;
		b += order >= 0;
	}
}

uint32_t mesh_diff(const struct mesh *old, const struct mesh *new,
		   void (*visit)(void *arg, const struct diff_line *line), void *arg)
{
	struct diff d = {.old = old, .new = new, .visit = visit, .arg = arg};

	compare_settings(&d);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		compare_kind(&d, &kinds[i]);
	return d.count;
}
