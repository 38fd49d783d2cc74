/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The privileged half of the agent: loads and attaches the kernel half, finds libraries and
 * interfaces, answers the worker. It parses no traffic and answers only the worker. */
#pragma once

#include "control/agent/options.h"
#include "control/agent/worker.h"
#include "control/ipc/links.h"

#include "base/error.h"

#include <stdbool.h>

struct loader;

/* Loads every program that this kernel supports, without attaching. 0 or a negative errno with
 * |err|. Free with loader_free, which leaves pins in place: there are none before loader_begin.
 * |say| gets lines for the log, from any thread. */
int loader_new(const struct options *options, void (*say)(const char *line), struct loader **ret,
	       struct error *err);
void loader_free(struct loader *l);

/* Attaches it. 0 or a negative errno with |err|. */
int loader_begin(struct loader *l, struct error *err);

enum loader_state {
	LOADER_STARTS, /* the configuration is being read */
	LOADER_READY,  /* it is in force, or the last good one is, or there is no mesh */
	LOADER_WAITS,  /* it is not valid; the generation of another build stays in force */
	LOADER_IDLE,   /* it is not valid, and nothing is in force */
};

enum loader_state loader_state(struct loader *l);

/* What the next worker gets; the descriptors are |l|'s. */
struct worker_lent loader_lend(struct loader *l);

/* The time since a worker last said that it reads the ring. */
uint64_t loader_worker_silent_ns(const struct loader *l);

/* Whether CAP_SYS_ADMIN is needed after the start: for uprobes before Linux 6.6, and with a mesh to
 * end connections in other network namespaces. */
bool loader_needs_admin(const struct loader *l);

/* A new worker is at the other ends of |links|, which outlive the
 * connection. 0 or a negative errno with |err|. */
int loader_connect(struct loader *l, struct ipc_links *links, struct error *err);

/* Call before the loader's ends are closed. */
void loader_disconnect(struct loader *l);

/* Readable when loader_handle has work. */
int loader_fd(const struct loader *l);
void loader_handle(struct loader *l);

/* Reads the flow counters; every few seconds. */
void loader_tick(struct loader *l);

/* Answers what the worker asks. -EPIPE: the worker is gone. */
int loader_answer(struct loader *l);

/* Pushes to the worker, if there is one, what lives; and the numbers about the loader. */
void loader_push_living(struct loader *l);
void loader_push_health(struct loader *l);
