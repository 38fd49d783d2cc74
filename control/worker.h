/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The unprivileged half of the agent: reads the ring, observes, keeps signals, serves. It holds
 * file descriptors and nothing else: no capability, no file to open, nowhere to connect. */
#pragma once

#include "control/apply/channel.h"
#include "control/broker.h"
#include "control/options.h"

struct attach;

/* Runs until SIGTERM or until the loader is gone; writes one byte to |ready_fd| once it serves, or
 * a sentence when it cannot. Returns the exit code. */
int worker_run(const struct options *options, struct attach *attach, struct broker *broker,
	       struct channel *channel, int ready_fd);
