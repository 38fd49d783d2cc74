// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Short texts for people. */
#include "mesh-config/tools/diff_text.h"

#include "base/address.h"
#include "mesh-config/schema/draft_workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void diff_text_add(struct diff_text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->text + t->used, sizeof(t->text) - t->used, format, args);
	va_end(args);
	if (n > 0)
		t->used += (size_t)n;
	if (t->used >= sizeof(t->text))
		t->used = sizeof(t->text) - 1;
}

static void clear(struct diff_text *t)
{
	t->used = 0;
	t->text[0] = 0;
}

static void add_address(struct diff_text *t, const uint8_t address[16])
{
	char text[INET6_ADDRSTRLEN];

	diff_text_add(t, "%s", address_text(address, text));
}

static void add_prefix(struct diff_text *t, const struct mesh_prefix *p)
{
	add_address(t, p->address);
	if (p->bits < 128)
		diff_text_add(t, "/%d", address_is_v4(p->address) ? p->bits - 96 : p->bits);
}

static void add_labels(struct diff_text *t, const struct mesh_labels *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		diff_text_add(t, "%s%s=%s", i ? "," : "", l->items[i].key, l->items[i].value);
}

static void add_locality(struct diff_text *t, const struct mesh_locality *l)
{
	diff_text_add(t, "%s%s%s%s%s", l->region, l->zone[0] ? "/" : "", l->zone,
		      l->subzone[0] ? "/" : "", l->subzone);
}

void diff_text_address(struct diff_text *t, const uint8_t address[16])
{
	clear(t);
	add_address(t, address);
}

void diff_text_labels(struct diff_text *t, const struct mesh_labels *l)
{
	clear(t);
	add_labels(t, l);
}

void diff_text_locality(struct diff_text *t, const struct mesh_locality *l)
{
	clear(t);
	add_locality(t, l);
}

void diff_text_endpoint(struct diff_text *t, const struct mesh *m, const struct mesh_endpoint *e)
{
	static const char *const healths[] = {"ready", "draining", "not ready"};
	const struct mesh_service *s = &m->services[e->service];

	clear(t);
	for (uint32_t i = 0; i < s->port_count; i++)
		diff_text_add(t, "%s%u", i ? "," : "port ", m->target_ports[e->ports_first + i]);
	diff_text_add(t, " weight %u %s", e->weight, healths[e->health]);
	if (e->locality->region[0]) {
		diff_text_add(t, " in ");
		add_locality(t, e->locality);
	}
	if (e->labels->count) {
		diff_text_add(t, " labels ");
		add_labels(t, e->labels);
	}
}

/* ---- items of lists */

void diff_text_vip(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	clear(t);
	add_prefix(t, &m->vips[i].prefix);
}

void diff_text_host(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	clear(t);
	diff_text_add(t, "%s", m->hosts[i]);
}

void diff_text_workload_address(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	diff_text_address(t, m->addresses[i].address);
}

void diff_text_port(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	const struct mesh_port *p = &m->ports[i];

	clear(t);
	diff_text_add(t, "%u/%s", p->port, p->protocol == MESH_UDP ? "udp" : "tcp");
	if (p->name[0])
		diff_text_add(t, " %s", p->name);
	if (p->target_port && p->target_port != p->port)
		diff_text_add(t, " to %u", p->target_port);
}

static void add_destination(struct diff_text *t, const struct mesh *m,
			    const struct mesh_destination *d)
{
	const struct mesh_service *s = &m->services[d->service];

	diff_text_add(t, "%s/%s", s->namespace_name, s->name);
	if (d->subset != MESH_NONE)
		diff_text_add(t, " %s", m->subsets[d->subset].name);
	if (d->port)
		diff_text_add(t, ":%u", d->port);
	diff_text_add(t, " %u", d->weight);
}

void diff_text_route(const struct mesh *m, uint32_t index, struct diff_text *t)
{
	const struct mesh_route *r = &m->routes[index];

	clear(t);
	if (r->port)
		diff_text_add(t, "port %u ", r->port);
	for (uint32_t i = 0; i < r->prefix_count; i++) {
		diff_text_add(t, i ? "," : "subnets ");
		add_prefix(t, &m->prefixes[r->prefix_first + i]);
	}
	if (r->source_namespace[0])
		diff_text_add(t, " from namespace %s", r->source_namespace);
	if (r->source_labels->count) {
		diff_text_add(t, " from ");
		add_labels(t, r->source_labels);
	}
	for (uint32_t i = 0; i < r->destination_count; i++) {
		diff_text_add(t, "%s", i ? ", " : t->used ? " to " : "to ");
		add_destination(t, m, &m->destinations[r->destination_first + i]);
	}
}

void diff_text_subset(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	const struct mesh_subset *s = &m->subsets[i];

	clear(t);
	diff_text_add(t, "%s (", s->name);
	add_labels(t, s->labels);
	diff_text_add(t, ")");
}

void diff_text_failover(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	clear(t);
	diff_text_add(t, "%s to %s", m->failovers[i].from_region, m->failovers[i].to_region);
}

void diff_text_distribute(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	const struct mesh_distribute *d = &m->distributes[i];

	clear(t);
	add_locality(t, &d->from);
	diff_text_add(t, " to ");
	add_locality(t, &d->to);
	diff_text_add(t, " %u", d->weight);
}

void diff_text_matcher(struct diff_text *t, const struct mesh_matcher *m)
{
	clear(t);
	for (uint32_t i = 0; i < match_schema.count; i++) {
		const struct field *f = &match_schema.fields[i];
		const char *at = (const char *)m + f->offset - match_schema.value;

		if (!schema_is_of_value(&match_schema, f))
			continue;
		if (f->type == FIELD_TEXT && **(const char *const *)at)
			diff_text_add(t, "%s%s %s", t->used ? ", " : "", f->name,
				      *(const char *const *)at);
		else if (f->type == FIELD_NUMBER && *(const uint32_t *)at != MESH_NONE)
			diff_text_add(t, "%s%s %u", t->used ? ", " : "", f->name,
				      *(const uint32_t *)at);
	}
	if (!m->has_prefix)
		return;
	diff_text_add(t, "%sip ", t->used ? ", " : "");
	add_prefix(t, &m->prefix);
}

/* ---- rules */

static void add_value(struct diff_text *t, const struct mesh_value *v)
{
	switch ((enum mesh_value_kind)v->kind) {
	case MESH_VALUE_EXACT:
		diff_text_add(t, "%s", v->text);
		break;
	case MESH_VALUE_PREFIX:
		diff_text_add(t, "%s*", v->text);
		break;
	case MESH_VALUE_SUFFIX:
		diff_text_add(t, "*%s", v->text);
		break;
	case MESH_VALUE_PRESENT:
		diff_text_add(t, "*");
		break;
	case MESH_VALUE_CIDR:
		add_prefix(t, &v->prefix);
		break;
	case MESH_VALUE_PORT:
		diff_text_add(t, "%u", v->port);
		break;
	}
}

static void add_terms(struct diff_text *t, const struct mesh *m, uint32_t first, uint32_t count)
{
	static const char *const names[] = {"principal", "namespace",	   "serviceAccount",
					    "ip",	 "destination ip", "port"};

	for (uint32_t i = 0; i < count; i++) {
		const struct mesh_term *term = &m->terms[first + i];

		diff_text_add(t, "%s%s%s ", i ? ", " : "", term->negated ? "not " : "",
			      names[term->attribute]);
		for (uint32_t v = 0; v < term->value_count; v++) {
			diff_text_add(t, "%s", v ? "|" : "");
			add_value(t, &m->values[term->value_first + v]);
		}
	}
}

static void add_clauses(struct diff_text *t, const struct mesh *m, const char *what, uint32_t first,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		diff_text_add(t, "%s%s(", t->used ? " " : "", i ? "or " : what);
		add_terms(t, m, m->clauses[first + i].term_first, m->clauses[first + i].term_count);
		diff_text_add(t, ")");
	}
}

void diff_text_rule(const struct mesh *m, uint32_t i, struct diff_text *t)
{
	const struct mesh_rule *r = &m->rules[i];

	clear(t);
	add_clauses(t, m, "from ", r->from_first, r->from_count);
	add_clauses(t, m, "to ", r->to_first, r->to_count);
	if (r->when_count) {
		diff_text_add(t, "%swhen (", t->used ? " " : "");
		add_terms(t, m, r->when_first, r->when_count);
		diff_text_add(t, ")");
	}
	if (!t->used)
		diff_text_add(t, "for everything");
	if (r->never)
		diff_text_add(t, ", which never matches");
}

const char *diff_balance_name(uint8_t balance)
{
	static const char *const names[] = {"random", "round robin", "least connections",
					    "maglev by source", "passthrough"};

	return names[balance];
}

const char *diff_action_name(uint8_t action)
{
	static const char *const names[] = {"ALLOW", "DENY", "AUDIT"};

	return names[action];
}
