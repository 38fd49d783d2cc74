/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: a generation with random policies, and workloads of every kind that random connections
 * have, known by loopback addresses: sources 127.0.2.x, targets 127.0.1.x. */
#pragma once

#include "datapath/attach/mesh/mesh_world_test.h"

#include "mesh-config/policy/names_test.h"

#define BUCKETS	   256
#define KINDS	   (COUNT_OF(namespaces) * COUNT_OF(accounts) * 4)
#define TARGETS	   (COUNT_OF(namespaces) * 4)
#define STRANGERS  5 /* source addresses that no workload has */
#define TEST_PORTS 4

static struct model model;
static struct names names;
static struct spec_policy specs[WORLD_POLICIES];
static int spec_count;
static bool spec_ends[WORLD_POLICIES]; /* policies that end connections */
static uint32_t first_source;	       /* cell: identity of 127.0.2.1 */

/* Blocks and ports that real connections can use. */
static void world_on_loopback(void)
{
	static const char *const blocks[9] = {"127.0.2.0/26", "127.0.2.7",    "0.0.0.0/0",
					      "127.0.1.0/24", "::/0",	      "127.0.2.64/27",
					      "127.0.0.0/8",  "127.0.3.0/30", "127.0.3.1/32"};
	static const char *const targets[9] = {"127.0.1.0/29", "127.0.1.3",    "127.0.1.16/28",
					       "0.0.0.0/0",    "127.0.1.1",    "::1",
					       "127.0.1.8/31", "127.0.2.0/24", "127.0.1.20/32"};

	memcpy(texts[SPEC_IP_BLOCKS], blocks, sizeof(blocks));
	memcpy(texts[SPEC_DESTINATION_IP], targets, sizeof(targets));
}

static void peer_of_kind(struct spec_peer *p, uint32_t kind)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->namespace_name, sizeof(p->namespace_name), "%s",
		 namespaces[kind % COUNT_OF(namespaces)]);
	kind /= COUNT_OF(namespaces);
	snprintf(p->labels[0][0], sizeof(p->labels[0][0]), "%s", "app");
	snprintf(p->labels[1][0], sizeof(p->labels[1][0]), "%s", "tier");
	snprintf(p->labels[0][1], sizeof(p->labels[0][1]), "%u", kind % 2);
	snprintf(p->labels[1][1], sizeof(p->labels[1][1]), "%u", kind / 2 % 2);
	snprintf(p->account, sizeof(p->account), "%s", accounts[kind / 4 % COUNT_OF(accounts)]);
}

static uint32_t identity_add(const struct spec_peer *p, uint32_t number, const struct authorize *a)
{
	uint32_t index = cells_take(1);
	struct weft_mesh_identity *id = cell(index);

	*id = (struct weft_mesh_identity){
		.number = number,
		.namespace_number = number_of(namespaces, COUNT_OF(namespaces), p->namespace_name),
		.class_number = class_of(p),
	};
	id->principal_number = id->namespace_number * COUNT_OF(accounts) +
			       number_of(accounts, COUNT_OF(accounts), p->account);
	id->policy = a->policies.by_class[id->class_number];
	return index;
}

static void address_add(const char *text, uint32_t identity)
{
	const struct weft_mesh_header *h = cell(0);
	struct weft_mesh_key key = {.kind = WEFT_KEY_ADDRESS};
	struct weft_mesh_address *a;
	uint32_t at;

	addr_parse(text, key.addr);
	at = weft_hash_key(&key, h->seed);
	while ((a = cell(h->addresses.first + (at & h->addresses.mask)))->key.kind)
		at++;
	*a = (struct weft_mesh_address){.key = key, .identity = identity};
}

static void workloads_add(const struct authorize *a)
{
	struct spec_peer p;
	char text[32];

	for (uint32_t i = 0; i < TARGETS; i++) {
		peer_of_kind(&p, i);
		snprintf(text, sizeof(text), "127.0.1.%u", i + 1);
		address_add(text, identity_add(&p, 1000 + i, a));
	}
	first_source = used;
	for (uint32_t i = 0; i < KINDS; i++) {
		peer_of_kind(&p, i);
		snprintf(text, sizeof(text), "127.0.2.%u", i + 1);
		address_add(text, identity_add(&p, 2000 + i, a));
	}
}

/* Begins a generation with the policies in |specs|; mesh_force puts it in force. */
static struct weft_mesh_header *policies_begin(void)
{
	struct weft_mesh_header *h = mesh_begin();
	struct authorize a;
	struct error err;

	h->flags = WEFT_MESH_POLICIES;
	h->addresses = (struct weft_mesh_table){cells_take(BUCKETS), BUCKETS - 1};
	h->matchers = (struct weft_mesh_table){cells_take(BUCKETS), BUCKETS - 1};
	model_fill(&model, specs, spec_count);
	for (int i = 0; i < spec_count; i++)
		model.policies[i].end_connections = spec_ends[i];
	if (authorize_compile(&model.mesh, &names.view, &a, &err))
		fail_msg("%s", err.text);
	authorize_place(&a, cells_take(a.steps.count));
	if (a.steps.count)
		memcpy(cell(a.steps.base), a.steps.cells,
		       a.steps.count * sizeof(struct weft_mesh_step));
	workloads_add(&a);
	authorize_free(&a);
	return h;
}

/* One policy for the whole mesh. */
static inline void one_rule(enum spec_action action, enum spec_field field, const char *value)
{
	struct spec_match *m = &specs->rules[0].from[0].matches[0];

	memset(specs, 0, sizeof(specs[0]));
	snprintf(specs->namespace_name, sizeof(specs->namespace_name), "%s", "istio-system");
	specs->action = action;
	specs->rule_count = specs->rules[0].from_count = specs->rules[0].from[0].count = 1;
	m->field = field;
	m->values.count = 1;
	snprintf(m->values.items[0], sizeof(m->values.items[0]), "%s", value);
	spec_count = 1;
}

/* A connection that can really be made. */
static inline void loopback_connection(struct spec_connection *c)
{
	uint32_t source = dice(KINDS + STRANGERS), target = dice(TARGETS);

	peer_of_kind(&c->target, target);
	snprintf(c->target.address, sizeof(c->target.address), "127.0.1.%u", target + 1);
	memset(&c->source, 0, sizeof(c->source));
	if (source < KINDS)
		peer_of_kind(&c->source, source);
	if (source < KINDS)
		snprintf(c->source.address, sizeof(c->source.address), "127.0.2.%u", source + 1);
	else
		snprintf(c->source.address, sizeof(c->source.address), "127.0.3.%u",
			 source - KINDS + 1);
	c->port = (int)strtol(texts[SPEC_PORTS][dice(TEST_PORTS)], NULL, 10);
}

/* ---- servers on every target's address and port, for connections that are really made */

static int servers[TARGETS * TEST_PORTS];

static inline void servers_open(int type)
{
	char text[32];

	for (int i = 0; i < TARGETS * TEST_PORTS; i++) {
		struct sockaddr_storage addr;
		socklen_t size;

		snprintf(text, sizeof(text), "127.0.1.%d", i / TEST_PORTS + 1);
		sockaddr_make(text, (uint16_t)strtol(texts[SPEC_PORTS][i % TEST_PORTS], NULL, 10),
			      &addr, &size);
		servers[i] = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(servers[i], (void *)&addr, size), 0);
		assert_true(type != SOCK_STREAM || !listen(servers[i], 256));
	}
}

static inline void servers_close(void)
{
	for (int i = 0; i < TARGETS * TEST_PORTS; i++)
		close(servers[i]);
}

/* ---- this process and its network namespace */

/* Sockets that are made from now on belong to a group that the programs are not attached to. */
static inline void leave_hooks(bool leave)
{
	char parent[300];

	snprintf(parent, sizeof(parent), "%s", cgroup_dir);
	*strrchr(parent, '/') = 0;
	assert_int_equal(enter_cgroup(leave ? parent : cgroup_dir), 0);
}

static inline void run(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}
