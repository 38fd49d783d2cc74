/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests and benches: meshes made by numbers. What a service is follows from its number and its
 * version alone; another version is a small change. */
#pragma once

#include "mesh-config/compile/keys.h"
#include "mesh-config/model/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct world_spec {
	uint32_t services;
	uint32_t endpoints; /* of a service */
	uint32_t policies;
	bool plain;	   /* no routes, subsets, tiers, Maglev; every endpoint ready */
	uint8_t *versions; /* by service; 0xff: it is not there */
};

struct world_array {
	void *items;
	uint32_t count, capacity;
};

struct world {
	struct mesh mesh;
	struct world_array services, service_hashes, vips, ports, endpoints, target_ports, subsets,
		members, traffic, routes, destinations, prefixes, workloads, workload_hashes,
		addresses, policies, rules, clauses, terms, values, texts;
	struct mesh_locality localities[8];
	const char *zones[8];
};

static inline uint32_t world_random(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t words[3] = {a, b, c};

	return (uint32_t)table_hash(words, sizeof(words), 99);
}

static inline void *world_add(struct world_array *a, size_t item_bytes)
{
	if (a->count == a->capacity) {
		a->capacity = a->capacity * 2 + 64;
		a->items = realloc(a->items, a->capacity * item_bytes);
		assert(a->items);
	}
	memset((char *)a->items + a->count * item_bytes, 0, item_bytes);
	return (char *)a->items + a->count++ * item_bytes;
}

#define WORLD_ADD(w, array, type) ((type *)world_add(&(w)->array, sizeof(type)))

static inline const char *world_text(struct world *w, const char *format, uint32_t a, uint32_t b)
{
	char text[64];
	char **kept = WORLD_ADD(w, texts, char *);

	snprintf(text, sizeof(text), format, a, b);
	*kept = strdup(text);
	assert(*kept);
	return *kept;
}

static inline const struct mesh_labels *world_labels(struct world *w, const char *key,
						     const char *value)
{
	struct mesh_labels *l = calloc(1, sizeof(*l) + sizeof(struct mesh_label));
	char **kept = WORLD_ADD(w, texts, char *);

	assert(l);
	*kept = (char *)l;
	l->count = key != NULL;
	l->items[0] = (struct mesh_label){key, value};
	return l;
}

static inline void world_ipv4(uint8_t ret[16], uint8_t net, uint32_t host)
{
	const uint8_t address[16] = {[10] = 0xff,	   0xff,	 net, (uint8_t)(host >> 16),
				     (uint8_t)(host >> 8), (uint8_t)host};

	memcpy(ret, address, sizeof(address));
}

/* ---- one service */

/* The label sets of the workloads of a service; made once for each. */
struct world_like {
	const char *namespace_name, *account;
	const struct mesh_labels *labels[2];
};

static inline uint32_t world_workload(struct world *w, const struct world_like *like, uint32_t host,
				      uint32_t version)
{
	struct mesh_workload *k = WORLD_ADD(w, workloads, struct mesh_workload);
	struct mesh_address *a = WORLD_ADD(w, addresses, struct mesh_address);

	world_ipv4(a->address, 10, host);
	*k = (struct mesh_workload){
		.namespace_name = like->namespace_name,
		.name = host % 2 ? world_text(w, "pod-%u-%u", host >> 8, host & 0xff) : "",
		.service_account = like->account,
		.canonical_service = "",
		.canonical_revision = "",
		.labels = like->labels[version % 2],
		.locality = {"", "", ""},
		.address_first = w->addresses.count - 1,
		.address_count = 1,
	};
	*WORLD_ADD(w, workload_hashes, uint64_t) =
		key_add(key_add_text(key_add_text(version % 2, k->namespace_name), k->name),
			a->address, 16);
	return w->workloads.count - 1;
}

/* Something that makes the service that was added last. */
static inline void world_mix(struct world *w, uint64_t number)
{
	uint64_t *hash = (uint64_t *)w->service_hashes.items + w->service_hashes.count - 1;

	*hash = key_add_number(*hash, number);
}

static inline void world_endpoints(struct world *w, const struct world_spec *spec, uint32_t i,
				   const struct world_like *like, struct mesh_service *s)
{
	uint32_t version = spec->versions[i], luck;
	struct mesh_endpoint *e;

	s->endpoint_first = w->endpoints.count;
	for (uint32_t j = 0; j < spec->endpoints; j++) {
		luck = world_random(i, j, version);
		if (version && luck % 7 == 0 && !(spec->plain && j != version % spec->endpoints))
			continue; /* it left */
		e = WORLD_ADD(w, endpoints, struct mesh_endpoint);
		world_ipv4(e->address, 10, i << 8 | j);
		e->service = w->services.count - 1;
		e->ports_first = (i % 3) * 2;
		e->weight = spec->plain ? 1 : 1 + world_random(i, j, 1) % 100;
		e->workload = world_workload(w, like, i << 8 | j, version);
		e->health = spec->plain || luck % 11 ? MESH_READY
						     : (luck % 2 ? MESH_DRAINING : MESH_NOT_READY);
		e->name = "";
		e->labels = like->labels[j % 2];
		e->locality = &w->localities[world_random(i, j, 2) % 8];
		world_mix(w, key_add(0, e->address, 16) + luck);
	}
	s->endpoint_count = w->endpoints.count - s->endpoint_first;
}

static inline void world_subset(struct world *w, struct mesh_service *s, uint32_t i)
{
	struct mesh_subset *subset = WORLD_ADD(w, subsets, struct mesh_subset);

	*subset = (struct mesh_subset){.service = w->services.count - 1,
				       .name = "canary",
				       .labels = NULL,
				       .traffic = i % 5,
				       .member_first = w->members.count};
	s->subset_first = w->subsets.count - 1;
	s->subset_count = 1;
	for (uint32_t j = 0; j < s->endpoint_count; j += 2)
		*WORLD_ADD(w, members, uint32_t) = s->endpoint_first + j;
	subset->member_count = w->members.count - subset->member_first;
}

static inline void world_destination(struct world *w, uint32_t service, uint32_t subset,
				     uint32_t weight)
{
	*WORLD_ADD(w, destinations, struct mesh_destination) =
		(struct mesh_destination){.service = service, .subset = subset, .weight = weight};
}

/* Of every fourth service: a split, before it a route for some clients or targets. */
static inline void world_routes(struct world *w, struct mesh_service *s, uint32_t i,
				uint32_t version)
{
	uint32_t self = w->services.count - 1;
	struct mesh_route *r;

	s->route_first = w->routes.count;
	if (i % 8 == 0) {
		r = WORLD_ADD(w, routes, struct mesh_route);
		*r = (struct mesh_route){.service = self,
					 .port = 80,
					 .destination_first = w->destinations.count,
					 .destination_count = 1,
					 .prefix_first = 0,
					 .prefix_count = i % 16 == 0};
		r->source_namespace = i % 16 ? "ns-1" : "";
		r->source_labels = world_labels(w, i % 16 ? "app" : NULL, "app-1");
		world_destination(w, self, s->subset_first, 1);
	}
	r = WORLD_ADD(w, routes, struct mesh_route);
	*r = (struct mesh_route){.service = self,
				 .source_namespace = "",
				 .destination_first = w->destinations.count};
	r->source_labels = world_labels(w, NULL, NULL);
	world_destination(w, self, s->subset_first, 1 + version);
	world_destination(w, self, MESH_NONE, 99);
	if (self)
		world_destination(w, self - 1, MESH_NONE, 3); /* of the one before */
	for (uint32_t j = 0; i % 12 == 0 && j < 9; j++)
		world_destination(w, self, j % 2 ? MESH_NONE : s->subset_first, j);
	r->destination_count = w->destinations.count - r->destination_first;
	s->route_count = w->routes.count - s->route_first;
	world_mix(w, version);
}

static inline void world_service(struct world *w, const struct world_spec *spec, uint32_t i)
{
	uint32_t version = spec->versions[i];
	struct mesh_service *s = WORLD_ADD(w, services, struct mesh_service);
	struct mesh_vip *vip = WORLD_ADD(w, vips, struct mesh_vip);
	struct world_like like = {.namespace_name = world_text(w, "ns-%u", i % 100, 0)};
	const char *app = world_text(w, "app-%u", i, 0);

	like.account = world_text(w, "account-%u", i % 10, 0);
	like.labels[0] = world_labels(w, "app", app);
	like.labels[1] = world_labels(w, "app2", app);
	world_ipv4(vip->prefix.address, 11, i);
	vip->prefix.bits = 128;
	vip->service = w->services.count - 1;
	*s = (struct mesh_service){.namespace_name = like.namespace_name,
				   .name = app,
				   .vip_first = w->vips.count - 1,
				   .vip_count = i % 13 != 0,
				   .port_first = (i % 3) * 2,
				   .port_count = 1 + i % 2,
				   .traffic = spec->plain ? 0 : i % 5};
	*WORLD_ADD(w, service_hashes, uint64_t) =
		key_add_number(key_add_text(key_add_text(7, s->namespace_name), app), version);
	world_endpoints(w, spec, i, &like, s);
	if (!spec->plain && i % 4 == 0) {
		world_subset(w, s, i);
		world_routes(w, s, i, version);
	}
}

/* ---- what all share */

static inline void world_commons(struct world *w)
{
	static const uint8_t balances[] = {MESH_BALANCE_LEAST_REQUEST, MESH_BALANCE_RANDOM,
					   MESH_BALANCE_ROUND_ROBIN, MESH_BALANCE_MAGLEV_SOURCE,
					   MESH_BALANCE_RANDOM};

	for (uint32_t i = 0; i < 8; i++)
		w->localities[i] = (struct mesh_locality){i & 1 ? "eu" : "us", i & 2 ? "a" : "b",
							  i & 4 ? "1" : "2"};
	for (uint32_t i = 0; i < 3; i++) {
		struct mesh_port http = {80, 8080, MESH_TCP, MESH_APP_HTTP, "http"};
		struct mesh_port dns = {53, 5353, i ? MESH_UDP : MESH_TCP, MESH_APP_UNKNOWN, "dns"};

		*WORLD_ADD(w, ports, struct mesh_port) = http;
		*WORLD_ADD(w, ports, struct mesh_port) = dns;
		*WORLD_ADD(w, target_ports, uint16_t) = (uint16_t)(8080 + i);
		*WORLD_ADD(w, target_ports, uint16_t) = 5353;
	}
	for (uint32_t i = 0; i < 5; i++)
		*WORLD_ADD(w, traffic, struct mesh_traffic) =
			(struct mesh_traffic){.balance = balances[i],
					      .locality_enabled = i == 4,
					      .maglev_size = 251,
					      .limits.max_connections = i * 100};
	*WORLD_ADD(w, prefixes, struct mesh_prefix) =
		(struct mesh_prefix){.address = {[10] = 0xff, 0xff, 11}, .bits = 104};
}

static inline void world_policy(struct world *w, uint32_t i)
{
	struct mesh_policy *p = WORLD_ADD(w, policies, struct mesh_policy);
	struct mesh_rule *r = WORLD_ADD(w, rules, struct mesh_rule);
	struct mesh_clause *c = WORLD_ADD(w, clauses, struct mesh_clause);
	struct mesh_term *t = WORLD_ADD(w, terms, struct mesh_term);
	struct mesh_value *v = WORLD_ADD(w, values, struct mesh_value);

	*v = (struct mesh_value){.kind = MESH_VALUE_EXACT,
				 .text = world_text(w, "ns-%u", (i + 1) % 100, 0)};
	*t = (struct mesh_term){MESH_SOURCE_NAMESPACE, i % 2, w->values.count - 1, 1};
	*c = (struct mesh_clause){w->terms.count - 1, 1};
	*r = (struct mesh_rule){.from_first = w->clauses.count - 1, .from_count = 1};
	*p = (struct mesh_policy){.hash = i + 1,
				  .namespace_name = world_text(w, "ns-%u", i % 100, 0),
				  .name = world_text(w, "policy-%u", i, 0),
				  .action = i % 3 ? MESH_ALLOW : MESH_DENY,
				  .scope = MESH_SCOPE_WORKLOADS,
				  .rule_first = w->rules.count - 1,
				  .rule_count = 1};
	p->selector = world_labels(w, "app", world_text(w, "app-%u", i, 0));
}

static inline void world_finish(struct world *w)
{
	static const struct mesh_locality here = {"eu", "a", "1"};
	struct mesh *m = &w->mesh;

#define WORLD_GIVE(array, one)                                                                     \
	m->array = w->array.items;                                                                 \
	m->one##_count = w->array.count
	WORLD_GIVE(services, service);
	WORLD_GIVE(service_hashes, service_hash);
	WORLD_GIVE(vips, vip);
	WORLD_GIVE(ports, port);
	WORLD_GIVE(endpoints, endpoint);
	WORLD_GIVE(target_ports, target_port);
	WORLD_GIVE(subsets, subset);
	WORLD_GIVE(members, member);
	WORLD_GIVE(routes, route);
	WORLD_GIVE(destinations, destination);
	WORLD_GIVE(prefixes, prefix);
	WORLD_GIVE(workloads, workload);
	WORLD_GIVE(workload_hashes, workload_hash);
	WORLD_GIVE(addresses, address);
	WORLD_GIVE(policies, policy);
	WORLD_GIVE(rules, rule);
	WORLD_GIVE(clauses, clause);
	WORLD_GIVE(terms, term);
	WORLD_GIVE(values, value);
#undef WORLD_GIVE
	m->traffic = w->traffic.items;
	m->traffic_count = w->traffic.count;
	m->settings = (struct mesh_settings){.root_namespace = "istio-system",
					     .trust_domain = "cluster.local",
					     .cluster_domain = "cluster.local",
					     .node_name = "",
					     .node_locality = &here};
	for (uint32_t i = 0; i < m->service_count; i++)
		m->hash = key_add_number(m->hash, m->service_hashes[i]);
}

/* The caller frees it with world_free, never with mesh_free. */
static inline struct world *world_new(const struct world_spec *spec)
{
	struct world *w = calloc(1, sizeof(*w));

	assert(w);
	world_commons(w);
	for (uint32_t i = 0; i < spec->services; i++)
		if (spec->versions[i] != 0xff)
			world_service(w, spec, i);
	for (uint32_t i = 0; i < spec->policies; i++)
		world_policy(w, i);
	world_finish(w);
	return w;
}

static inline void world_free(struct world *w)
{
	size_t count = (offsetof(struct world, localities) - offsetof(struct world, services)) /
		       sizeof(struct world_array);
	struct world_array *arrays;

	if (!w)
		return;
	arrays = &w->services;
	for (uint32_t i = 0; i < w->texts.count; i++)
		free(((char **)w->texts.items)[i]);
	for (size_t i = 0; i < count; i++)
		free(arrays[i].items);
	free(w);
}
