// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One request and its acknowledgement. */
#include "datapath/attach/core/sock_diag.h"

#include <errno.h>
#include <linux/sock_diag.h>

struct nl_sock *sock_diag_open(void)
{
	struct nl_sock *diag = nl_socket_alloc();

	if (diag && nl_connect(diag, NETLINK_SOCK_DIAG)) {
		nl_socket_free(diag);
		return NULL;
	}
	return diag;
}

/* libnl's own codes stand for several errors of the kernel. */
static int take_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *arg)
{
	(void)from;
	*(int *)arg = answer->error;
	return NL_STOP;
}

int sock_diag_destroy(struct nl_sock *diag, const struct inet_diag_req_v2 *which)
{
	struct inet_diag_req_v2 request = *which;
	int error = 0;

	nl_socket_modify_err_cb(diag, NL_CB_CUSTOM, take_error, &error);
	if (nl_send_simple(diag, SOCK_DESTROY, 0, &request, sizeof(request)) < 0)
		return -EIO;
	return nl_wait_for_ack(diag) < 0 && !error ? -EIO : error;
}
