/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The unprivileged half of the agent: reads the ring, observes, keeps signals, serves. It holds
 * file descriptors and nothing else: no capability, no file to open, nowhere to connect. */
#pragma once

#include "control/agent/options.h"
#include "control/ipc/links.h"
#include "control/serve/serve.h"

#include "datapath/attach/mesh/mesh_state.h"
#include "datapath/attach/core/reader.h"

#define WORKER_NAME "weftd-worker"

/* What a worker gets of the kernel half. */
struct worker_lent {
	struct reader_maps reader;
	struct mesh_lent mesh; /* with options.config_dir */
	bool adopted;	       /* the kernel half of an earlier agent */
	bool earlier_build;    /* another build's mesh is in force until this one's is */
};

/* All that a worker gets: descriptors, of which it keeps the ring's and its sockets, and plain
 * values. */
struct worker_start {
	struct worker_lent lent;
	struct serve_sockets sockets;
	struct ipc_lent links;
	int ready_fd;
};

/* In a child of the loader: runs this program anew, as a worker that inherits the descriptors of
 * |start| and nothing else; |argv| is the loader's. Ends the process when that fails, with a
 * sentence to |start->ready_fd|. */
_Noreturn void worker_exec(const struct worker_start *start, char **argv);

/* Whether this program was started as a worker. */
bool worker_is(char *const *argv);

/* Answers on the sockets, which the next worker goes on with. Runs until SIGTERM or until the
 * loader is gone; writes one byte to |ready_fd| once it serves, or a sentence when it cannot.
 * Returns the exit code. */
int worker_main(const struct options *options);
