/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Balancing, in addition to the arena that bpf/abi_mesh.h describes: the tables' hash, the state of
 * a pool, the request of `weft simulate`. Part of bpf/abi.h, which is what others include. */
#pragma once

/* The hash of all tables of an arena: over |count| 32-bit words in host byte order. */
static inline __u32 weft_hash(const __u32 *words, __u32 count, __u32 seed)
{
	__u64 h = seed + 0x9e3779b97f4a7c15ull;

	for (__u32 i = 0; i < count; i++) {
		h = (h ^ words[i]) * 0xd6e8feb86659fd93ull;
		h ^= h >> 32;
	}
	return (__u32)h;
}

/* First bucket of a frontend or an address: weft_mesh_table.first + (this & weft_mesh_table.mask);
 * the probe goes on with the next cells, cyclically. */
static inline __u32 weft_hash_key(const struct weft_mesh_key *key, __u32 seed)
{
	__u32 words[5];

	__builtin_memcpy(words, key, sizeof(words));
	return weft_hash(words, 5, seed);
}

/* First bucket of a matcher. */
static inline __u32 weft_hash_match(__u64 value, __u8 kind, __u32 seed)
{
	__u32 words[3] = {(__u32)value, (__u32)(value >> 32), kind};

	return weft_hash(words, 3, seed);
}

/* The element of weft_services that belongs to a pool. The kernel half computes the shares from the
 * ejected endpoints, at most every WEFT_POOL_HEALTH_NS. */
struct weft_pool_state {
	__u64 rotation;	  /* round robin: the next number */
	__u64 checked_ns; /* when the shares were computed */
	__u8 upper[4];	  /* upper end of each tier's share of |total| */
	__u8 total;	  /* 0 = no tier has an endpoint */
	__u8 panic;	  /* fewer than min_health_percent are healthy: ejection is ignored */
	__u16 generation; /* low bits of the generation that the shares were computed for */
	__u64 pad[5];
};

#define WEFT_POOL_HEALTH_NS 10000000ull

/* Context of the program `mesh_simulate`: which endpoint a connect would get. */
struct weft_simulation {
	/* request */
	__u8 source_addr[16]; /* all 0: any */
	__u8 addr[16];
	__u64 client;	 /* for affinity and Maglev if source_addr is 0; e.g. a netns cookie */
	__u64 cgroup_id; /* of the process, 0 = not known */
	__u32 netns_ino; /* 0 = not known */
	__u32 uid;	 /* WEFT_NUMBER_NONE = not known */
	__u16 port;
	__u8 protocol; /* IPPROTO_* */
	/* answer */
	__u8 verdict;	/* WEFT_VERDICT_* */
	__u32 service;	/* state, 0xffffffff = none */
	__u32 endpoint; /* the same */
	__u32 pool;	/* cell */
	__u8 endpoint_addr[16];
	__u16 endpoint_port;
	__u16 pad;
	__u32 source;	  /* request: cell of weft_mesh_identity in |generation|, 0 = not known */
	__u64 generation; /* 0 = no mesh in force */
};

_Static_assert(sizeof(struct weft_pool_state) == 64, "pool state");
_Static_assert(sizeof(struct weft_simulation) == 104, "simulation");
