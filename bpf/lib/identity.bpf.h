/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: the workload of a process or an address in the generation in force: a cell of
 * weft_mesh_identity, 0 = none that the mesh knows. Global functions; each looks the generation up
 * again and finds nothing if it changed. */
#pragma once

#include "bpf/lib/conn.bpf.h"
#include "bpf/lib/mesh.bpf.h"
#include "bpf/lib/policy_maps.bpf.h"

#define IDENTITY_MANY	  0xffffffffu /* one of several; only an address can tell which */
#define IDENTITY_RANK_MAX 0xffffffffu

struct identity_search {
	__u64 generation;
	__u8 addr[16]; /* of the process, all 0: not known */
	__u32 rank;
	__u32 identity;
};

/* ---- by address */

/* The workload of exactly this address (and port) or prefix. */
__weak __noinline int identity_of_key(const struct weft_mesh_key *key, __u64 generation)
{
	const struct weft_mesh_address *found;
	struct mesh m;

	if (!key || !mesh_open(&m) || m.header->generation != generation)
		return 0;
	found = mesh_find(&m, &m.header->addresses, key);
	return found ? found->identity : 0;
}

/* The workload of the prefix of |address| with |bits| bits. A separate function, so that the loop
 * over lengths is verified without it. */
__weak __noinline int identity_of_bits(const struct weft_mesh_key *address, __u32 bits,
				       __u64 generation)
{
	struct weft_mesh_key key = {.port = bits, .kind = WEFT_KEY_PREFIX};
	__u64 words[2], high = ~0ull, low = 0;

	if (!address)
		return 0;
	if (bits < 64)
		high = bits ? ~0ull << (64 - bits) : 0;
	else if (bits > 64)
		low = ~0ull << ((128 - bits) & 63);
	__builtin_memcpy(words, address->addr, 16);
	words[0] &= bpf_cpu_to_be64(high);
	words[1] &= bpf_cpu_to_be64(low);
	__builtin_memcpy(key.addr, words, 16);
	return identity_of_key(&key, generation);
}

/* The workload of the longest prefix that contains the address. */
static __always_inline __u32 identity_of_prefix(const struct weft_mesh_key *address,
						__u64 generation)
{
	const struct weft_mesh_lengths *lengths = NULL;
	__u32 identity = 0;
	struct mesh m;

	if (!mesh_open(&m) || m.header->generation != generation)
		return 0;
	if (m.header->prefixes)
		lengths = mesh_cell(m.arena, m.header->prefixes);
	for (__u32 i = 0; lengths && !identity && i < WEFT_MESH_LENGTHS && i < lengths->count; i++)
		identity = identity_of_bits(address, lengths->bits[i], generation);
	return identity;
}

/* Order: address with this port, address with any port, prefixes. */
__weak __noinline int identity_of_addr(const struct weft_mesh_key *address, __u64 generation)
{
	struct weft_mesh_key key = {.kind = WEFT_KEY_ADDRESS};
	int identity;

	if (!address)
		return 0;
	__builtin_memcpy(key.addr, address->addr, 16);
	key.port = address->port;
	identity = identity_of_key(&key, generation);
	if (!identity && key.port) {
		key.port = 0;
		identity = identity_of_key(&key, generation);
	}
	return identity ? identity : identity_of_prefix(&key, generation);
}

/* ---- by facts about the process */

static __always_inline bool prefix_begins(const __u8 addr[16], const __u8 prefix[16], __u32 bits)
{
	__u64 a[2], p[2];

	__builtin_memcpy(a, addr, 16);
	__builtin_memcpy(p, prefix, 16);
	a[0] = bpf_be64_to_cpu(a[0] ^ p[0]);
	a[1] = bpf_be64_to_cpu(a[1] ^ p[1]);
	if (bits <= 64)
		return !bits || !(a[0] >> ((64 - bits) & 63));
	return !a[0] && !(a[1] >> ((128 - bits) & 63));
}

static __always_inline bool matcher_holds(const struct weft_mesh_matcher *m,
					  const struct identity_search *s,
					  const struct identity_facts *f)
{
	__u8 wants = m->wants;

	if (wants & 1 << WEFT_MATCH_NETNS && m->netns_ino != f->netns_ino)
		return false;
	if (wants & 1 << WEFT_MATCH_EXE && m->exe != f->program.name)
		return false;
	if (wants & 1 << WEFT_MATCH_PATH && !weft_program_is(&f->program, m->exe, m->path_more))
		return false;
	if (wants & 1 << WEFT_MATCH_OWNER && !weft_program_owned(&f->program, m->owner))
		return false;
	if (wants & 1 << WEFT_MATCH_UID && m->uid != f->uid)
		return false;
	if (!(wants & 1 << WEFT_MATCH_ADDRESS))
		return true;
	return (s->addr[10] || s->addr[0] || s->addr[15]) &&
	       prefix_begins(s->addr, m->prefix, m->prefix_bits);
}

/* Tries the chain of matchers of |value|; keeps the one with the lowest rank that holds. */
__weak __noinline int identity_try(struct identity_search *s, const struct identity_facts *f,
				   __u64 value, __u32 kind)
{
	const struct weft_mesh_matcher *found;
	struct mesh m;

	if (!s || !f || !mesh_open(&m) || m.header->generation != s->generation)
		return 0;
	found = mesh_match(&m, kind, value);
	for (int i = 0; i < WEFT_MESH_MATCHERS && found && found->rank < s->rank; i++) {
		if (matcher_holds(found, s, f)) {
			s->rank = found->rank;
			s->identity = found->identity;
			break;
		}
		found = found->next ? mesh_cell(m.arena, found->next) : NULL;
	}
	return 0;
}

/* Fills in |s->identity| from the facts and the address in |s|. */
__weak __noinline int identity_of_facts(struct identity_search *s, const struct identity_facts *f)
{
	struct mesh m;
	__u32 lacks;

	if (!s || !f)
		return 0;
	s->rank = IDENTITY_RANK_MAX;
	s->identity = 0;
	if (!mesh_open(&m))
		return 0;
	lacks = m.header->flags;
	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		if (f->cgroups[i] && !(lacks & WEFT_MESH_LACKS(WEFT_MATCH_CGROUP)))
			identity_try(s, f, f->cgroups[i], WEFT_MATCH_CGROUP);
	if (!(lacks & WEFT_MESH_LACKS(WEFT_MATCH_NETNS)))
		identity_try(s, f, f->netns_ino, WEFT_MATCH_NETNS);
	if (f->program.name && !(lacks & WEFT_MESH_LACKS(WEFT_MATCH_EXE)))
		identity_try(s, f, f->program.name, WEFT_MATCH_EXE);
	if (f->program.path && !(lacks & WEFT_MESH_LACKS(WEFT_MATCH_PATH)))
		identity_try(s, f, f->program.path, WEFT_MATCH_PATH);
	if (!(lacks & WEFT_MESH_LACKS(WEFT_MATCH_UID)))
		identity_try(s, f, f->uid, WEFT_MATCH_UID);
	return 0;
}

/* ---- the current process */

/* All but the program and the network namespace: callers take these from the socket, whose
 * namespace does not change. */
__weak __noinline int facts_of_current(struct identity_facts *f)
{
	if (!f)
		return 0;
	for (int i = 0; i < IDENTITY_CGROUPS; i++)
		f->cgroups[i] = bpf_get_current_ancestor_cgroup_id(i + 1);
	f->uid = (__u32)bpf_get_current_uid_gid();
	return 0;
}
