/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A self-test that redirected sockets behave like TCP sockets for their readers on this kernel. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct redirect_proof {
	int listener_fd; /* on the loopback; only its address is accelerated */
	int lanes_fd;	 /* weft_lanes */
	bool splice;	 /* out: splice() reads redirected bytes */
	bool waits_all;	 /* out: MSG_WAITALL waits for all of them */
};

/* Opens the listener on a free port. Returns the port, or a negative errno. */
int redirect_proof_listen(struct redirect_proof *proof);

/* Connects to the listener and runs all tests. 0; -ENOTSUP with the failure as text; -errno when
 * the connection could not be made. Takes about half a second. */
int redirect_proof_run(struct redirect_proof *proof, struct error *err);
