/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether what a policy says of a client can be true of any. */
#pragma once

#include "mesh-config/model/model.h"

#include <stddef.h>

/* Of a principal, a namespace or a service account (NAMESPACE/ACCOUNT). */
bool pattern_may_match(enum mesh_attribute attribute, const struct mesh_value *v,
		       const char *trust_domain);

/* What to do about one that cannot. */
void pattern_hint(enum mesh_attribute attribute, const char *text, const char *trust_domain,
		  char *out, size_t size);
