/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 2: access to the generation in force. A program looks it up once, with mesh_open, and uses
 * it until it ends; the lookup checks every cell index against the arena's size. */
#pragma once

#include "bpf/lib/mesh_maps.bpf.h"

struct mesh {
	void *arena; /* inner map */
	const struct weft_mesh_header *header;
};

static __always_inline const void *mesh_cell(void *arena, __u32 index)
{
	return bpf_map_lookup_elem(arena, &index);
}

/* False: no mesh is in force. */
static __always_inline bool mesh_open(struct mesh *m)
{
	__u32 zero = 0;

	m->arena = bpf_map_lookup_elem(&weft_mesh, &zero);
	if (!m->arena)
		return false;
	m->header = mesh_cell(m->arena, 0);
	return m->header && m->header->magic == WEFT_MESH_MAGIC;
}

/* Whether matchers match programs. */
static __always_inline bool mesh_asks_programs(void)
{
	struct mesh m;

	return mesh_open(&m) && m.header->flags & WEFT_MESH_PROGRAMS;
}

static __always_inline bool mesh_key_is(const struct weft_mesh_key *key,
					const struct weft_mesh_key *other)
{
	__u32 a[5], b[5];

	__builtin_memcpy(a, __builtin_assume_aligned(key, 4), sizeof(a));
	__builtin_memcpy(b, __builtin_assume_aligned(other, 4), sizeof(b));
	return a[3] == b[3] && a[4] == b[4] && a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

/* The frontend or the address with this key: struct weft_mesh_front, struct weft_mesh_address. */
static __always_inline const void *mesh_find(const struct mesh *m,
					     const struct weft_mesh_table *table,
					     const struct weft_mesh_key *key)
{
	__u32 hash = weft_hash_key(key, m->header->seed);

	for (__u32 i = 0; i < WEFT_MESH_PROBES; i++) {
		const struct weft_mesh_key *found =
			mesh_cell(m->arena, table->first + ((hash + i) & table->mask));

		if (!found || !found->kind)
			return NULL;
		if (mesh_key_is(found, key))
			return found;
	}
	return NULL;
}

/* The matcher of kind WEFT_MATCH_* for |value|. */
static __always_inline const struct weft_mesh_matcher *mesh_match(const struct mesh *m, __u8 kind,
								  __u64 value)
{
	const struct weft_mesh_table *table = &m->header->matchers;
	__u32 hash = weft_hash_match(value, kind, m->header->seed);

	for (__u32 i = 0; i < WEFT_MESH_PROBES; i++) {
		const struct weft_mesh_matcher *found =
			mesh_cell(m->arena, table->first + ((hash + i) & table->mask));

		if (!found || !found->kind)
			return NULL;
		if (found->value == value && found->kind == kind)
			return found;
	}
	return NULL;
}

static __always_inline bool addr_is(const __u8 a[16], const __u8 b[16])
{
	__u64 x[2], y[2];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline bool mesh_addr_is_v4(const __u8 addr[16])
{
	__u32 words[3];

	__builtin_memcpy(words, addr, sizeof(words));
	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}
