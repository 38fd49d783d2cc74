/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Converts objectives of the mesh to the form of signals. */
#pragma once

#include "control/signals/objectives.h"
#include "mesh-config/model/model.h"

/* The caller frees them; NULL when memory is short. */
struct objective *objective_rows(const struct mesh *m, uint32_t *ret_count);
