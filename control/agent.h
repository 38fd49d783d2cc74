/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of a running agent, for what wires them and what reports on them. */
#pragma once

#include "control/options.h"

#include <stdint.h>

struct agent {
	struct options options;
	struct attach *attach;
	struct observe *observe;
	struct signals *signals;
	struct recent *recent;
	struct serve *serve;
	struct libraries *libraries;   /* NULL: TLS off, or not possible here */
	struct interfaces *interfaces; /* NULL: no flows */
	struct health *health;
	char cgroup_root[256];
	char tls_problem[256];   /* why there are no libraries, else empty */
	char flows_problem[256]; /* why there are no interfaces, else empty */
	uint64_t started_ns;     /* CLOCK_MONOTONIC */
	uint64_t stale_records;  /* of an earlier agent's time, found in the ring at start */
	int statistics_fd;       /* BPF statistics are on while it is open; -1 */
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	bool ready;
	bool stop;
};
