/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's answers that the worker cannot go on without: paths of control groups, files
 * about containers. A thread of its own gives them, of real-time priority where that is allowed:
 * the loader may be busy with a library, or wait for a CPU, while records fill the ring. */
#pragma once

#include "control/ipc/ipc.h"

struct namer;

/* Answers what is asked at |asked|, which outlives it, until the other end is closed. |cgroup_root|
 * is borrowed. 0, or a negative errno with |err|. Free with namer_free, which
 * ends it. */
int namer_new(const char *cgroup_root, struct ipc *asked, struct namer **ret, struct error *err);
void namer_free(struct namer *n);
