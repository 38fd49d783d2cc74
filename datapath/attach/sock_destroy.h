/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends TCP and UDP sockets from outside, as `ss --kill` does: SOCK_DESTROY of sock_diag(7), in the
 * network namespace that a socket is in. The program that holds it gets ECONNABORTED, the other end
 * of TCP a RST. Needs CAP_NET_ADMIN, for other namespaces than one's own CAP_SYS_ADMIN too. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"

#include <stddef.h>

struct sock_target {
	struct weft_tuple tuple;
	__u64 cookie;
	__u32 number;	/* the caller's */
	__u32 pid;	/* of somebody in the namespace, 0 = not known */
	__u32 protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	int result;	/* 0: it is ended; -ENOENT: it is gone; -EOPNOTSUPP: the kernel has no
			 * CONFIG_INET_DIAG_DESTROY; -ESRCH: nobody is in its namespace; else what the
			 * kernel said */
};

/* Ends all of |targets|, and orders them anew. Fills in their results. */
void sock_destroy(struct sock_target *targets, size_t count);
