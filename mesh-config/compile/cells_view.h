/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A compiled arena as a reader sees it: lookups as the kernel half does them, and a check that
 * everything in it points somewhere. */
#pragma once

#include "base/error.h"

#include <linux/types.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Borrowed cells: of cells_get(c, 0), of a mapped arena, of a file. */
struct cells_view {
	const void *cells;
	uint32_t count;
};

/* NULL when there is no such cell; 0 is the header. */
const void *cells_view_at(const struct cells_view *v, uint32_t index);
const struct weft_mesh_header *cells_view_header(const struct cells_view *v);

/* The front of a virtual address, port and protocol (IPPROTO_*); NULL if there is none. */
const struct weft_mesh_front *cells_view_front(const struct cells_view *v, const uint8_t addr[16],
					       uint16_t port, uint8_t protocol);

/* The workload of |addr|: by address and port, else by the address; NULL: none. */
const struct weft_mesh_identity *cells_view_identity(const struct cells_view *v,
						     const uint8_t addr[16], uint16_t port);

/* The first matcher of a chain; NULL if there is none. */
const struct weft_mesh_matcher *cells_view_matcher(const struct cells_view *v, uint8_t kind,
						   uint64_t value);

/* What a visitor of fronts gets, in the order of the table. */
void cells_view_fronts(const struct cells_view *v,
		       void (*visit)(void *arg, const struct weft_mesh_front *front), void *arg);

/* Whether every front leads to endpoints, every table finds its keys, and every index lies in the
 * arena. 0, or -EPROTO with the first thing that is wrong in |err|. */
int cells_view_check(const struct cells_view *v, struct error *err);
