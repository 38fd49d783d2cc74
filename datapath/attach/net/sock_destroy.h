/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends TCP and UDP sockets of other processes, as `ss --kill` does: SOCK_DESTROY of sock_diag(7),
 * in the socket's network namespace. The owning program gets ECONNABORTED, a TCP peer a RST. Needs
 * CAP_NET_ADMIN, for other network namespaces also CAP_SYS_ADMIN. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"

#include <stddef.h>

struct sock_target {
	struct weft_tuple tuple;
	__u64 cookie;
	__u32 number;	/* the caller's */
	__u32 pid;	/* of a process in the namespace, 0 = not known */
	__u32 protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	int result;	/* 0: it is ended; -ENOENT: it is gone; -EOPNOTSUPP: the kernel has no
			   CONFIG_INET_DIAG_DESTROY; -ESRCH: no process is in its namespace; else the
			   kernel's error */
};

/* Ends all |targets|, reorders them and fills in their results. */
void sock_destroy(struct sock_target *targets, size_t count);
