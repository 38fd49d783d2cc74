// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* By port, else by address, else by the longest prefix. */
#include "mesh-config/policy/holders.h"

#include <string.h>

/* Whether policies see the same in both. */
static bool holders_alike(const struct mesh_workload *a, const struct mesh_workload *b)
{
	return a->namespace_name == b->namespace_name && a->service_account == b->service_account &&
	       a->labels == b->labels;
}

static void add(const struct mesh *m, struct holders *h, uint32_t workload)
{
	for (uint32_t i = 0; i < h->count; i++)
		if (holders_alike(&m->workloads[h->workloads[i]], &m->workloads[workload]))
			return;
	if (h->count < WEFT_MESH_IDENTITIES)
		h->workloads[h->count++] = workload;
}

/* ---- by address */

static const struct mesh_address *claim_of(const struct mesh *m, uint32_t workload,
					   const uint8_t address[16])
{
	const struct mesh_workload *w = &m->workloads[workload];
	const struct mesh_address *found = NULL;

	for (uint32_t i = 0; i < w->address_count; i++) {
		const struct mesh_address *a = &m->addresses[w->address_first + i];

		if (!memcmp(a->address, address, 16) && (!found || found->conditional))
			found = a;
	}
	return found;
}

static bool any_named(const struct mesh *m, const uint8_t address[16])
{
	for (uint32_t i = 0; i < m->workload_count; i++)
		if (*m->workloads[i].name && claim_of(m, i, address))
			return true;
	return false;
}

static struct holders claims(const struct mesh *m, const uint8_t address[16], bool named,
			     bool conditional)
{
	struct holders h = {0};

	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_address *a =
			(*m->workloads[i].name != 0) == named ? claim_of(m, i, address) : NULL;

		if (a && (conditional || !a->conditional))
			add(m, &h, i);
	}
	return h;
}

/* ---- by port */

static bool serves(const struct mesh *m, const struct mesh_endpoint *e, uint16_t port)
{
	for (uint32_t i = 0; i < m->services[e->service].port_count; i++)
		if (m->target_ports[e->ports_first + i] == port)
			return true;
	return false;
}

static bool says(const struct mesh *m, const struct mesh_workload *w, uint16_t port)
{
	for (uint32_t i = 0; i < w->port_count; i++)
		if (m->workload_ports[w->port_first + i] == port)
			return true;
	return false;
}

static struct holders at_port(const struct mesh *m, const uint8_t address[16], uint16_t port,
			      bool named)
{
	struct holders h = {0};

	for (uint32_t i = 0; i < m->endpoint_count; i++) {
		const struct mesh_endpoint *e = &m->endpoints[i];

		if (e->workload != MESH_NONE && !memcmp(e->address, address, 16) &&
		    (*m->workloads[e->workload].name != 0) == named && serves(m, e, port) &&
		    claim_of(m, e->workload, address))
			add(m, &h, e->workload);
	}
	for (uint32_t i = 0; i < m->workload_count; i++)
		if ((*m->workloads[i].name != 0) == named && says(m, &m->workloads[i], port) &&
		    claim_of(m, i, address))
			add(m, &h, i);
	return h;
}

/* ---- by prefix */

/* Matchers are sorted: longer prefixes first. */
static struct holders in_prefix(const struct mesh *m, const uint8_t address[16])
{
	struct holders h = {0};
	uint8_t bits = 0;

	for (uint32_t i = 0; i < m->matcher_count; i++) {
		const struct mesh_matcher *at = &m->matchers[i];

		if (!mesh_matcher_is_prefix(at) || !mesh_prefix_has(&at->prefix, address))
			continue;
		if (h.count && at->prefix.bits != bits)
			break;
		bits = at->prefix.bits;
		add(m, &h, at->workload);
	}
	return h;
}

struct holders holders_at(const struct mesh *m, const uint8_t address[16], uint16_t port)
{
	bool named = any_named(m, address);
	struct holders h = claims(m, address, named, true), here = {0};

	if (h.count > 1) {
		if (port)
			here = at_port(m, address, port, named);
		h = here.count ? here : claims(m, address, named, false);
	}
	return h.count ? h : in_prefix(m, address);
}
