/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: the maps of the mesh, declared here, defined in bpf/maps.bpf.c. They exist only if the
 * agent was started with a mesh. Maps, their keys and values and the fields in them keep their
 * names: another build shares their contents only if they are declared alike. */
#pragma once

#include "bpf/lib/kernel.bpf.h"

/* One generation; created by the agent with as many cells as it needs. */
struct arena_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, WEFT_MESH_CELL_BYTES);
};

/* Slot 0: the generation in force. */
struct mesh_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct arena_map);
};
extern struct mesh_map weft_mesh SEC(".maps");

struct endpoint_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEFT_MESH_ENDPOINTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_endpoint_state);
};
extern struct endpoint_map weft_endpoints SEC(".maps");

/* Services and pools. */
struct service_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEFT_MESH_SERVICES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct weft_service_state);
};
extern struct service_map weft_services SEC(".maps");

/* The endpoint that balancing selected for a socket: for getpeername, and to uncount it exactly
 * once. */
struct mesh_pick {
	__u8 asked_addr[16];
	__u8 endpoint_addr[16];
	__u16 asked_port;
	__u16 endpoint_port;
	__u32 endpoint; /* index in weft_endpoints */
	__u32 service;	/* in weft_services, MESH_NONE: the connection is not counted */
	__u32 phase;	/* BINDING_* */
	__u32 asked;	/* UDP: weft_asked may have entries of this socket */
	__u32 pad;
};

#define BINDING_NONE	    0 /* not counted, or uncounted again */
#define BINDING_SELECTED    1 /* counted; UDP: until the socket is released */
#define BINDING_CONNECTING  2 /* TCP: the SYN was sent */
#define BINDING_ESTABLISHED 3

struct binding_map {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mesh_pick);
};
extern struct binding_map weft_picks SEC(".maps");

/* Session affinity: of clients, and of the datagrams of one socket. */
struct sticky_key {
	__u64 client; /* affinity: its address or network namespace; datagrams: socket cookie */
	struct weft_mesh_key asked;
	__u32 kind; /* STICKY_* */
};

#define STICKY_AFFINITY 1
#define STICKY_SOCKET	2

struct sticky {
	__u64 until_ns;
	__u64 generation; /* of |number| and |pool| */
	__u32 pool;	  /* cell */
	__u32 number;	  /* of the endpoint in the pool */
	__u32 endpoint;	  /* index in weft_endpoints: stable over generations */
	__u32 pad;
};

struct sticky_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sticky_key);
	__type(value, struct sticky);
};
extern struct sticky_map weft_sticky SEC(".maps");

/* The service address that a socket used in its latest datagram to an endpoint: replies get it as
 * source. If it is the endpoint's own address, the socket, which is connected to the endpoint
 * through a service, sent to the endpoint directly. */
struct asked_key {
	__u64 cookie;
	__u8 addr[16]; /* of the endpoint */
	__u32 port;
	__u32 pad;
};

struct asked {
	__u8 addr[16];
	__u32 port;
	__u32 pad;
};

struct requested_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct asked_key);
	__type(value, struct asked);
};
extern struct requested_map weft_asked SEC(".maps");
