/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Endpoints of older clusters as EndpointSlices. */
#pragma once

#include "mesh-config/tools/canonical_state.h"

/* Adds the slices that say what these Endpoints do: one per subset and family of addresses. */
void canonical_slices_add(struct canonical_writer *w, const struct yaml_node *endpoints,
			  const struct yaml_node *metadata);

/* Takes made slices out again where their service has others. 0 or -ENOMEM. */
int canonical_slices_choose(struct canonical *c);
