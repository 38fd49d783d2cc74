/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the numbers of a verdict record are called in the generation that it is of. */
#pragma once

#include "control/apply/generation.h"
#include "datapath/observe/observe.h"

/* |ret| comes zeroed; what |g| does not know stays "". */
void verdict_names_find(const struct generation *g, const struct weft_verdict *v,
			struct observe_verdict_names *ret);
