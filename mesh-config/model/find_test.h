/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: the lookups that a build leaves for the next one. */
#pragma once

#include "mesh-config/model/rows.h"

struct name_key {
	const char *namespace_name, *name;
};

static inline bool mesh_name_same(const void *arg, uint32_t value, const void *key)
{
	const struct mesh *m = arg;
	const struct name_key *wanted = key;

	return !strcmp(m->services[value].namespace_name, wanted->namespace_name) &&
	       !strcmp(m->services[value].name, wanted->name);
}

/* The index of the service with this namespace and name; MESH_NONE if there is none. */
static inline uint32_t mesh_service_find(const struct mesh *m, const char *namespace_name,
					 const char *name)
{
	const struct name_key key = {namespace_name, name};

	return lookup_find(&m->index->names, name_hash(namespace_name, name), mesh_name_same, m,
			   &key);
}

static inline bool service_has_port(const struct mesh *m, const struct mesh_service *s,
				    uint16_t port, uint8_t protocol)
{
	for (uint32_t i = 0; i < s->port_count; i++)
		if (m->ports[s->port_first + i].port == port &&
		    m->ports[s->port_first + i].protocol == protocol)
			return true;
	return false;
}

static inline bool mesh_vip_same(const void *arg, uint32_t value, const void *key)
{
	const struct mesh *m = arg;
	const struct mesh_vip *vip = &m->vips[value];
	const struct vip_key *wanted = key;

	return vip->prefix.bits == wanted->bits &&
	       !memcmp(vip->prefix.address, wanted->address, 16) &&
	       service_has_port(m, &m->services[vip->service], wanted->port, wanted->protocol);
}

/* The index of the service that has |address| as a virtual address and |port| of |protocol| (enum
 * mesh_protocol) among its ports; MESH_NONE if there is none. */
static inline uint32_t mesh_vip_find(const struct mesh *m, const uint8_t address[16], uint16_t port,
				     uint8_t protocol)
{
	struct vip_key key = {.port = port, .protocol = protocol};

	for (int bits = 128; bits >= 0; bits--) {
		uint32_t at;

		key.bits = (uint8_t)bits;
		if (bits == 128)
			memcpy(key.address, address, 16);
		else
			key.address[bits / 8] &= (uint8_t)~(0x80 >> bits % 8);
		at = lookup_find(&m->index->vip_ports, table_hash(&key, sizeof(key), 0),
				 mesh_vip_same, m, &key);
		if (at != MESH_NONE)
			return m->vips[at].service;
		if (bits == 128 && !m->index->has_networks)
			return MESH_NONE;
	}
	return MESH_NONE;
}
