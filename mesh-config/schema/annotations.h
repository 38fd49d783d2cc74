/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Annotations that weft acts by. Those of others are left alone. */
#pragma once

#include "mesh-config/schema/draft.h"

/* Says what is wrong with those in |metadata| of the object. */
void annotations_check(struct reading *r, const struct draft *d, const struct yaml_node *metadata);

/* Whether it is there and true, in any form that Istio takes; what is none of them was said. */
bool annotation_is_true(const struct mesh_labels *annotations, const char *name);
