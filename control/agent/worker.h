/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The unprivileged half of the agent: reads the ring, observes, keeps signals, serves. It holds
 * file descriptors and nothing else: no capability, no file to open, nowhere to connect. */
#pragma once

#include "control/agent/options.h"
#include "control/ipc/links.h"

struct attach;
struct serve_sockets;

#define WORKER_MAPS_MAX 4

/* The descriptors of the kernel half that a worker has to have when it runs, at most
 * WORKER_MAPS_MAX. Returns how many. */
size_t worker_maps(const struct attach *attach, int *ret_fds);

/* Answers on |sockets|, which the next worker goes on with. Runs until SIGTERM or until the loader
 * is gone; writes one byte to |ready_fd| once it serves, or a sentence when it cannot. Returns the
 * exit code. */
int worker_run(const struct options *options, struct attach *attach, struct ipc_links *links,
	       const struct serve_sockets *sockets, int ready_fd);
