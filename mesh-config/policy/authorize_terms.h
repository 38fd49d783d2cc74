/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One term of a policy to steps: sets of sources become bitmaps over numbers, prefixes and ports
 * sorted lists. */
#pragma once

#include "mesh-config/policy/identities.h"
#include "mesh-config/policy/steps.h"

struct terms;

/* Prepares the names that texts are matched against. |m|, |view| and |steps| must outlive it.
 * NULL when memory is short. */
struct terms *terms_new(const struct mesh *m, const struct identity_view *view,
			struct steps *steps);
void terms_free(struct terms *t);

/* The step that goes on at |yes| if |term| matches, else at |no|. 0 is also an error's answer: ask
 * steps->error in the end. */
uint32_t terms_put(struct terms *t, const struct mesh_term *term, uint32_t yes, uint32_t no);
