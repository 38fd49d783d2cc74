/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: random policies and connections, written as operators do (spec_test.h), and the
 * same policies in the form of the model. */
#pragma once

#include "mesh-config/policy/authorize.h"
#include "mesh-config/policy/oracle_test.h"

#define WORLD_POLICIES 8
#define WORLD_MANY     4096
#define COUNT_OF(a)    ((int)(sizeof(a) / sizeof(*(a))))

static uint64_t world_seed;

static uint32_t dice(uint32_t sides)
{
	world_seed = world_seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(world_seed >> 33) % sides;
}

#define ONE_OF(array) ((array)[dice(COUNT_OF(array))])

static const char *const namespaces[] = {"shop", "pay", "istio-system", "web", "web-eu"};
static const char *const accounts[] = {"default", "api", "db", "api-2", ""};
static const char *addresses[] = {"10.0.0.1",	  "10.0.0.2",	 "10.0.1.7",	"10.9.3.4",
				  "192.168.77.5", "172.16.0.1",	 "2001:db8::1", "2001:db8::2:1",
				  "fd00::7",	  "203.0.113.4", "127.0.0.1",	"::1"};
static const char *texts[][9] = {
	{"cluster.local/ns/shop/sa/api", "cluster.local/ns/pay/*", "*/sa/db", "*", "*api",
	 "cluster.local/ns/web/sa/default", "other.domain/ns/shop/sa/api", "cluster.local/ns/web*",
	 "cluster.local/ns/web-eu/sa/api-2"},
	{"shop", "pay", "web*", "*eu", "*", "nobody", "s*", "*p", "web"},
	{"shop/api", "pay/db", "web/default", "web-eu/api", "shop/db", "pay/api", "pay/default",
	 "web/api-2", "nobody/api"},
	{"10.0.0.0/16", "10.0.0.1", "0.0.0.0/0", "2001:db8::/32", "::/0", "192.168.77.5/32",
	 "172.16.0.0/12", "203.0.113.0/30", "2001:db8::2:0/112"},
	{"10.0.0.0/16", "10.0.0.2", "10.0.1.0/24", "fd00::/8", "127.0.0.0/8", "2001:db8::1",
	 "203.0.113.4", "10.0.0.0/31", "::1"},
	{"80", "443", "8080", "53", "1", "65535", "9090", "8443", "22"},
	{"/admin", "/a*", "*.js", "*", "/b", "/c", "/d", "/e", "/f"},
};

static void random_list(struct spec_list *list, enum spec_field field, int at_least)
{
	list->count = at_least + (int)dice((uint32_t)(SPEC_VALUES + 1 - at_least));
	for (int i = 0; i < list->count; i++)
		snprintf(list->items[i], sizeof(list->items[i]), "%s", texts[field][dice(9)]);
}

static void random_match(struct spec_match *m, enum spec_field field)
{
	m->field = field;
	random_list(&m->values, field, 0);
	random_list(&m->not_values, field, m->values.count == 0);
	if (m->values.count && dice(2))
		m->not_values.count = 0;
}

static void random_part(struct spec_part *p, enum spec_field first, enum spec_field last)
{
	p->count = 0;
	for (enum spec_field f = first; f <= last; f++)
		if (dice(3) == 0)
			random_match(&p->matches[p->count++], f);
	if (last == SPEC_PORTS && dice(6) == 0)
		random_match(&p->matches[p->count++], SPEC_PATHS);
}

static void random_rule(struct spec_rule *r)
{
	enum spec_field field;

	r->from_count = (int)dice(SPEC_PARTS);
	r->to_count = (int)dice(SPEC_PARTS);
	r->when_count = (int)dice(8) < 5 ? 0 : 1 + (int)dice(SPEC_PARTS);
	for (int i = 0; i < r->from_count; i++)
		random_part(&r->from[i], SPEC_PRINCIPALS, SPEC_IP_BLOCKS);
	for (int i = 0; i < r->to_count; i++)
		random_part(&r->to[i], SPEC_PORTS, SPEC_PORTS);
	for (int i = 0; i < r->when_count; i++) {
		field = dice(12) ? (enum spec_field)dice(SPEC_PATHS) : SPEC_PATHS;
		r->when[i].count = 1;
		random_match(&r->when[i].matches[0], field);
	}
}

static void random_policy(struct spec_policy *p)
{
	snprintf(p->namespace_name, sizeof(p->namespace_name), "%s", ONE_OF(namespaces));
	p->action = (enum spec_action)dice(3);
	p->dry_run = dice(5) == 0;
	p->selector[0][0] = 0;
	if (dice(2)) {
		snprintf(p->selector[0], sizeof(p->selector[0]), "%s", dice(2) ? "app" : "tier");
		snprintf(p->selector[1], sizeof(p->selector[1]), "%u", dice(2));
	}
	p->rule_count = (int)dice(SPEC_PARTS + 1);
	for (int i = 0; i < p->rule_count; i++)
		random_rule(&p->rules[i]);
}

static int policy_order(const void *a, const void *b)
{
	const struct spec_policy *x = a, *y = b;

	return strcmp(x->namespace_name, y->namespace_name);
}

static inline int random_policies(struct spec_policy *p)
{
	int count = (int)dice(WORLD_POLICIES + 1);

	for (int i = 0; i < count; i++)
		random_policy(&p[i]);
	qsort(p, (size_t)count, sizeof(*p), policy_order);
	return count;
}

static void random_peer(struct spec_peer *p, bool known)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->address, sizeof(p->address), "%s", ONE_OF(addresses));
	if (!known)
		return;
	snprintf(p->namespace_name, sizeof(p->namespace_name), "%s", ONE_OF(namespaces));
	snprintf(p->account, sizeof(p->account), "%s", ONE_OF(accounts));
	snprintf(p->labels[0][0], sizeof(p->labels[0][0]), "%s", "app");
	snprintf(p->labels[1][0], sizeof(p->labels[1][0]), "%s", "tier");
	snprintf(p->labels[0][1], sizeof(p->labels[0][1]), "%u", dice(2));
	snprintf(p->labels[1][1], sizeof(p->labels[1][1]), "%u", dice(2));
}

static inline void random_connection(struct spec_connection *c)
{
	random_peer(&c->source, dice(5) > 0);
	random_peer(&c->target, true);
	c->port = (int)strtol(texts[SPEC_PORTS][dice(9)], NULL, 10);
}
