/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh as the kernel half reads it: one arena of equal cells per generation, and the state that
 * outlives generations. Part of bpf/abi.h, which is what others include.
 *
 * An arena is an array map of 64-byte cells, referenced by the only slot of `weft_mesh` (an array
 * of maps). A write to that slot puts a whole generation in force; a program that has looked the
 * slot up uses that generation until it ends. Cells refer to each other by index; index 0 is the
 * header and means "none" elsewhere. An arena does not change while it is in force. What changes
 * (connections, ejection, rotation) lies in `weft_endpoints` and `weft_services`, whose indexes
 * ("state") stay with an endpoint (service, address, port), a service or a pool over generations
 * and over agents: an agent that starts learns them from the arena in force, where |key| identifies
 * the owner of each. Records name services and endpoints by the same numbers. */
#pragma once

#define WEFT_MESH_CELL_BYTES 64u
#define WEFT_MESH_MAGIC	     0x77656674u

/* Hash tables with linear probing: buckets of one cell each, from hash & mask on. A table is built
 * so that no key lies further than WEFT_MESH_PROBES from its first bucket. An empty bucket has
 * |kind| 0. */
#define WEFT_MESH_PROBES 16u

struct weft_mesh_table {
	__u32 first; /* cell */
	__u32 mask;  /* buckets - 1 */
};

/* Cell 0. */
struct weft_mesh_header {
	__u32 magic;
	__u32 abi_version; /* WEFT_ABI_VERSION */
	__u64 generation;  /* 1, 2, ... */
	__u64 config_hash;
	__u32 seed;			  /* of the hash tables */
	__u32 cells;			  /* in use */
	struct weft_mesh_table fronts;	  /* service addresses */
	struct weft_mesh_table addresses; /* of workloads, and their prefixes */
	struct weft_mesh_table matchers;  /* of processes */
	__u32 prefixes;			  /* cell: struct weft_mesh_lengths; 0 = none */
	__u32 flags;			  /* WEFT_MESH_* */
};

#define WEFT_MESH_POLICIES 1u /* there is at least one policy */
#define WEFT_MESH_BALANCES 2u /* there is at least one frontend */
#define WEFT_MESH_ENDS	   4u /* there is a policy that ends established connections */
#define WEFT_MESH_PROGRAMS 8u /* matchers match programs */
#define WEFT_MESH_LACKS(kind)                                                                      \
	(0x100u << (kind)) /* no matcher has this WEFT_MATCH_*: the lookup is skipped */

/* The key of a frontend or an address. The hash covers all 20 bytes. */
struct weft_mesh_key {
	__u8 addr[16]; /* IPv4 mapped */
	__u16 port;    /* host order; addresses: 0 = any port; prefixes: their length */
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP; addresses: 0 */
	__u8 kind;     /* WEFT_KEY_* */
};

#define WEFT_KEY_FRONT	 1
#define WEFT_KEY_ADDRESS 2
#define WEFT_KEY_PREFIX	 3

/* A frontend: a service's address and port, to which clients connect. */
struct weft_mesh_front {
	struct weft_mesh_key key;
	__u32 service; /* cell */
	__u32 route;   /* first of |routes| cells; the route that is used if there is no |match| */
	__u32 routes;  /* including the additional cells of long routes (weft_mesh_route.more) */
	__u32 match;   /* first step; ends in ALLOW with the route's cell as |policy|; 0 = none */
	__u32 asks;    /* WEFT_ASKS_*: what the decision needs to know of the client */
	__u32 pad[6];
};

#define WEFT_ASKS_ADDR	 1u /* its address, for Maglev or session affinity */
#define WEFT_ASKS_ROUTE	 2u /* the result of |match| */
#define WEFT_ASKS_SOURCE 4u /* its workload, for |match| */

struct weft_mesh_service {
	__u64 key;		   /* hash of namespace and name */
	__u32 state;		   /* index in weft_services */
	__u32 max_connections;	   /* 0 = no bound */
	__u32 connects_per_second; /* 0 = no bound */
	__u32 affinity_s;	   /* 0 = none */
	__u32 flags;		   /* WEFT_SERVICE_* */
	__u32 policy; /* first step for clients of this service; 0 = use the endpoint's */
	__u32 pad[8];
};

#define WEFT_SERVICE_ACCELERATE 1u

#define WEFT_ROUTE_SPLITS 6u

/* Destinations of a route: |splits| pools, each with the upper end of its share of |total_weight|.
 * A number below |total_weight| selects the first split whose |upper| is above it. With more than
 * WEFT_ROUTE_SPLITS the next |more| cells are routes too, of which only |split| is used. No splits:
 * no destination (UH). A connection that no route takes keeps its address. */
struct weft_mesh_route {
	__u32 pad;
	__u16 splits; /* with those in the cells that follow */
	__u16 more;
	__u32 total_weight;
	__u32 pad2;
	struct {
		__u32 upper;
		__u32 pool; /* cell */
	} split[WEFT_ROUTE_SPLITS];
};

/* Load balancing algorithms (weft_mesh_pool.balance). */
#define WEFT_BALANCE_RANDOM	 0
#define WEFT_BALANCE_ROUND_ROBIN 1
#define WEFT_BALANCE_LEAST	 2 /* least connections, weighted */
#define WEFT_BALANCE_MAGLEV	 3 /* by the client's address */

#define WEFT_POOL_TIERS 4u /* local first; the last tier holds all that do not fit */

/* The endpoints of a service's subset and port: |endpoints| cells from |first|, grouped by tier
 * (locality priority). A tier is used while enough of its endpoints are not ejected. The Maglev
 * table covers the first tier. If a slot's endpoint is ejected the next slots are tried; in other
 * tiers, and if those fail too, rendezvous hashing on the client's address is used. */
struct weft_mesh_pool {
	__u32 first;
	__u32 endpoints;
	__u32 service; /* cell */
	__u32 state;   /* index in weft_services: rotation of this pool */
	__u8 balance;  /* WEFT_BALANCE_* */
	__u8 tiers;
	__u8 min_health_percent; /* panic threshold: below it ejection is ignored */
	__u8 pad;
	__u32 maglev;	    /* first cell of the table: 16 endpoint numbers (__u32) in each */
	__u32 maglev_slots; /* 0 = none; prime */
	__u32 subset; /* number of the subset in the service, WEFT_NUMBER_NONE = all endpoints */
	struct {
		__u32 first; /* endpoint number in the pool */
		__u32 endpoints;
	} tier[WEFT_POOL_TIERS];
};

/* A member of a pool. Random choice uses the alias method (Walker, Vose) inside a tier: with
 * probability (|keep| + 1) / 2^32 (a random 32-bit number is at most |keep|) this endpoint is
 * chosen, else the tier's endpoint number |alias|. |keep| 0xffffffff always chooses this one. Round
 * robin: number n of the rotation over t endpoints looks at n % t, with (n / t) * 0x9e3779b9 in
 * place of the random number. Least connections (by |weight|): a random choice selects a group,
 * whose endpoints are compared. Each connection takes |unit| of an endpoint's weight; the endpoints
 * that have used up theirs the fewest times are next. */
struct weft_mesh_endpoint {
	__u8 addr[16];
	__u16 port;
	__u16 weight;	/* 1.. */
	__u32 state;	/* index in weft_endpoints */
	__u32 identity; /* cell */
	__u32 keep;
	__u32 alias;   /* number in the tier */
	__u32 service; /* cell of its service, which may differ from the frontend's */
	struct {
		__u32 first; /* number in the pool */
		__u32 endpoints;
		__u32 unit; /* the least weight among them */
	} group; /* endpoints with the same share of a locality's connections; else the tier */
	__u32 pad[3];
};

/* What changes while a generation is in force. Elements of mmapable array maps. */
struct weft_endpoint_state {
	__u64 connects;	   /* connections that were sent here */
	__u32 connections; /* of them established or connecting now */
	__u32 flags;	   /* WEFT_EJECTED...: written by the agent */
	__u64 failures;	   /* connects that did not succeed (refused, timeout) */
	__u64 pad;
};

#define WEFT_EJECTED	   1u
#define WEFT_EJECTED_CLOSE 2u /* with WEFT_EJECTED: its connections are ended */
#define WEFT_GONE	   4u /* removed from its service: connected datagram sockets are ended */

struct weft_service_state {
	__u64 rotation;	   /* round robin: the next number */
	__u64 tokens_ns;   /* connect rate: time of the last token taken (GCRA) */
	__u32 connections; /* live now */
	__u32 pad;
	__u64 connects;
	__u64 no_endpoint; /* refused: flag UH */
	__u64 overflow;	   /* refused: flag UO */
	__u64 denied;	   /* refused: by policy */
	__u64 pad2;
};

#define WEFT_MESH_ENDPOINTS 262144u /* elements of weft_endpoints */
#define WEFT_MESH_SERVICES  65536u  /* of weft_services: services and pools */

_Static_assert(sizeof(struct weft_mesh_table) == 8, "table");
_Static_assert(sizeof(struct weft_mesh_key) == 20, "key");
_Static_assert(sizeof(struct weft_mesh_header) == 64, "mesh header");
_Static_assert(sizeof(struct weft_mesh_front) == 64, "front");
_Static_assert(sizeof(struct weft_mesh_service) == 64, "mesh service");
_Static_assert(sizeof(struct weft_mesh_route) == 64, "route");
_Static_assert(sizeof(struct weft_mesh_pool) == 64, "pool");
_Static_assert(sizeof(struct weft_mesh_endpoint) == 64, "mesh endpoint");
_Static_assert(sizeof(struct weft_endpoint_state) == 32, "endpoint state");
_Static_assert(sizeof(struct weft_service_state) == 64, "service state");
