/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The XDP program of one interface, attached as the only program there (no dispatcher: the program
 * is part of an object that is loaded already). It has no link: it stays when the process ends, and
 * the next agent replaces it. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct bpf_program;

/* Attaches |program| in native (driver) or generic mode; a program that an earlier agent left is
 * replaced, with a gap of some milliseconds. -EBUSY when a foreign program is attached, -EOPNOTSUPP
 * when the driver has no XDP, or another negative errno, with a sentence in |err|. */
int xdp_attach(int ifindex, const struct bpf_program *program, bool native, struct error *err);

/* Detaches weft's program, of any agent, and no other. True when there was one. Needs
 * CAP_SYS_ADMIN, as programs are looked up by id. */
bool xdp_detach(int ifindex);

/* The same for |program| only, as it was attached. Needs only CAP_NET_ADMIN. */
bool xdp_detach_own(int ifindex, const struct bpf_program *program, bool native);
