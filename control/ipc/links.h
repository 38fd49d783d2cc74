/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is between the loader and the worker: a socket pair for each thread that answers, and the
 * answers about TLS libraries, which both have in memory. */
#pragma once

#include "control/ipc/ipc.h"
#include "control/ipc/stack_answers.h"

enum ipc_process { IPC_PROCESS_LOADER, IPC_PROCESS_WORKER };

struct ipc_links {
	struct ipc asks[IPC_THREAD_COUNT]; /* ends of the other process */
	struct ipc answers[IPC_THREAD_COUNT];
	struct stack_answers *stacks; /* NULL: no memory for it */
	int stacks_fd;		      /* for the worker; -1: none */
};

/* The worker's ends, as descriptors. */
struct ipc_lent {
	int fds[IPC_THREAD_COUNT];
	int stacks_fd;
};

/* 0 or a negative errno with |err|. Close with ipc_links_close. */
int ipc_links_open(struct ipc_links *l, struct error *err);
void ipc_links_close(struct ipc_links *l);

/* After fork: closes the other process's ends. */
void ipc_links_keep(struct ipc_links *l, enum ipc_process process);

/* What the worker takes; the descriptors stay |l|'s. */
struct ipc_lent ipc_links_lend(const struct ipc_links *l);

/* In the worker: its ends. Close with ipc_links_close. */
void ipc_links_take(const struct ipc_lent *lent, struct ipc_links *ret);
