// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Made by the loader; each process keeps its ends. */
#include "control/ipc/links.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const enum ipc_process PROCESSES[] = {
#define X(name, process) [IPC_##name] = IPC_PROCESS_##process,
	IPC_THREADS(X)
#undef X
};

static void fd_drop(int *fd)
{
	cleanup_close_fd(fd);
	*fd = -1;
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

static void ends_clear(struct ipc_links *l)
{
	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++)
		l->asks[i] = l->answers[i] = (struct ipc){.fd = -1, .thread = i};
}

int ipc_links_open(struct ipc_links *l, struct error *err)
{
	int r = 0;

	ends_clear(l);
	for (unsigned i = 0; i < IPC_THREAD_COUNT && !r; i++)
		r = pair_open(&l->asks[i], &l->answers[i]);
	l->stacks = stack_answers_new(&l->stacks_fd);
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
		fd_drop(&(PROCESSES[i] == process ? l->asks : l->answers)[i].fd);
	fd_drop(&l->stacks_fd);
}

struct ipc_lent ipc_links_lend(const struct ipc_links *l)
{
	struct ipc_lent lent = {.stacks_fd = l->stacks_fd};

	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++)
		lent.fds[i] = PROCESSES[i] == IPC_PROCESS_WORKER ? l->answers[i].fd : l->asks[i].fd;
	return lent;
}

void ipc_links_take(const struct ipc_lent *lent, struct ipc_links *ret)
{
	ends_clear(ret);
	for (unsigned i = 0; i < IPC_THREAD_COUNT; i++)
		(PROCESSES[i] == IPC_PROCESS_WORKER ? ret->answers : ret->asks)[i].fd =
			lent->fds[i];
	ret->stacks = lent->stacks_fd < 0 ? NULL : stack_answers_open(lent->stacks_fd);
	ret->stacks_fd = lent->stacks_fd;
	fd_drop(&ret->stacks_fd);
}
