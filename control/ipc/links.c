// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Made before the fork; each process keeps its ends. */
#include "control/ipc/links.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const enum ipc_process PROCESSES[] = {
#define X(name, process) [IPC_##name] = IPC_PROCESS_##process,
	IPC_THREADS(X)
#undef X
};

static void end_close(struct ipc *i)
{
	if (i->fd >= 0)
		close(i->fd);
	i->fd = -1;
}

static int pair_open(struct ipc *asks, struct ipc *answers)
{
	int fds[2], size = 4 * IPC_DATA_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	asks->fd = fds[0];
	answers->fd = fds[1];
	for (unsigned i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int ipc_links_open(struct ipc_links *l, struct error *err)
{
	int r = 0;

	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++)
		l->asks[i] = l->answers[i] = (struct ipc){.fd = -1, .thread = i};
	for (unsigned i = 0; i < IPC_THREAD_COUNT && !r; i++)
		r = pair_open(&l->asks[i], &l->answers[i]);
	l->stacks = stack_answers_new();
	if (!r)
		return 0;
	ipc_links_close(l);
	return error_set(err, r, "cannot make a socket pair: %s", strerror(-r));
}

void ipc_links_close(struct ipc_links *l)
{
	ipc_links_keep(l, IPC_PROCESS_LOADER);
	ipc_links_keep(l, IPC_PROCESS_WORKER);
	stack_answers_free(l->stacks);
	l->stacks = NULL;
}

void ipc_links_keep(struct ipc_links *l, enum ipc_process process)
{
	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++)
		end_close(PROCESSES[i] == process ? &l->asks[i] : &l->answers[i]);
}

size_t ipc_links_descriptors(const struct ipc_links *l, int *ret_fds)
{
	size_t count = 0;

	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++) {
		if (l->asks[i].fd >= 0)
			ret_fds[count++] = l->asks[i].fd;
		if (l->answers[i].fd >= 0)
			ret_fds[count++] = l->answers[i].fd;
	}
	return count;
}
