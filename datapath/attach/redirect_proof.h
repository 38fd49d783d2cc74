/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Proof that this kernel's redirected sockets behave as TCP ones do for those who read them. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct redirect_proof {
	int listener_fd; /* on the loopback; its address is the only one that is accelerated */
	int lanes_fd;	 /* weft_lanes */
	bool splice;	 /* out: splice() reads redirected bytes */
	bool waits_all;	 /* out: MSG_WAITALL waits for all of them */
};

/* Opens the listener on a port of its own. Its port, or a negative errno. */
int redirect_proof_listen(struct redirect_proof *proof);

/* Connects to the listener and tries everything. 0; -ENOTSUP with a sentence of what is wrong;
 * -errno when the connection could not be made. Takes about half a second. */
int redirect_proof_run(struct redirect_proof *proof, struct error *err);
