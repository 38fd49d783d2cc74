/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A TLS secret, sent to the agent (part of bpf/abi.h). */
#pragma once

/* The secrets of a handshake (RFC 8446 7.1; TLS 1.2: the master secret, RFC 5246 8.1). */
#define WEFT_SECRET_UNKNOWN	     0 /* a traffic secret whose name was not seen */
#define WEFT_SECRET_MASTER	     1 /* TLS 1.2; both randoms are filled */
#define WEFT_SECRET_CLIENT_HANDSHAKE 2
#define WEFT_SECRET_SERVER_HANDSHAKE 3
#define WEFT_SECRET_CLIENT_TRAFFIC   4 /* also after a KeyUpdate */
#define WEFT_SECRET_SERVER_TRAFFIC   5
#define WEFT_SECRET_CLIENT_EARLY     6

#define WEFT_DIGEST_SHA256 1
#define WEFT_DIGEST_SHA384 2

/* WEFT_EVENT_SECRET. The agent never stores, logs or forwards it. */
struct weft_secret {
	struct weft_event event;
	__u64 cgroup_id;
	__u32 pid; /* thread group that derived it */
	__u32 tid;
	__u16 tls_version; /* 0x0303, 0x0304 */
	__u8 which;	   /* WEFT_SECRET_* */
	__u8 digest;	   /* WEFT_DIGEST_*; 0 = not seen */
	__u8 secret_bytes;
	__u8 has_client_random; /* TLS 1.2, Go */
	__u8 pad[2];
	__u8 secret[64];
	__u8 client_random[32];
	__u8 server_random[32];
};

_Static_assert(sizeof(struct weft_secret) == 168, "secret");
