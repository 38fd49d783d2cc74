/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The socket pairs between the loader and the worker: one for each thread that answers. */
#pragma once

#include "control/ipc/ipc.h"

enum ipc_process { IPC_PROCESS_LOADER, IPC_PROCESS_WORKER };

struct ipc_links {
	struct ipc asks[IPC_THREAD_COUNT]; /* ends of the other process */
	struct ipc answers[IPC_THREAD_COUNT];
};

/* 0 or a negative errno with |err|. Close with ipc_links_close. */
int ipc_links_open(struct ipc_links *l, struct error *err);
void ipc_links_close(struct ipc_links *l);

/* After fork: closes the other process's ends. */
void ipc_links_keep(struct ipc_links *l, enum ipc_process process);
