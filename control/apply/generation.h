/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One state of the mesh as it is or was in force: immutable, shared by counting who holds it. The
 * numbers in the kernel's records (struct weft_verdict, cells) are indexes of its model. */
#pragma once

#include "mesh-config/model.h"

#include <stdint.h>

struct generation {
	uint64_t number;
	struct mesh *mesh;
	_Atomic uint32_t holders;
};

/* Takes over |mesh|; held once. NULL when memory is short. */
struct generation *generation_new(uint64_t number, struct mesh *mesh);

struct generation *generation_get(struct generation *g);

/* The last holder ends it. NULL is fine. */
void generation_put(struct generation *g);
