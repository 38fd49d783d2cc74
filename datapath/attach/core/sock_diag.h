/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends sockets by sock_diag(7) in the network namespace of the calling thread. */
#pragma once

#include <netlink/netlink.h>
#include <linux/inet_diag.h>

/* NULL: see errno. Free with nl_socket_free. */
struct nl_sock *sock_diag_open(void);

/* 0; -EIO: no answer; else the kernel's error. */
int sock_diag_destroy(struct nl_sock *diag, const struct inet_diag_req_v2 *which);
