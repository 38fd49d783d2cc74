/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names for the numbers of a verdict record in its generation. */
#pragma once

#include "control/apply/generation.h"
#include "datapath/observe/observe.h"

/* |ret| comes zeroed; what |g| does not know stays "". */
void verdict_names_find(const struct generation *g, const struct weft_verdict *v,
			struct observe_verdict_names *ret);
