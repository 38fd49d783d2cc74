/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drops all privileges of this process permanently. */
#pragma once

#include "base/error.h"

/* Afterwards the process has no capability, can gain none, and may only make the system calls that
 * reading the ring and serving open sockets need: no open, no connect, no exec, no bpf, no ptrace.
 * A forbidden call fails with EPERM. 0 or a negative errno with |err|. */
int sandbox_enter(struct error *err);

/* Whether sandbox_enter would succeed, tried in a child process. */
int sandbox_try(struct error *err);
