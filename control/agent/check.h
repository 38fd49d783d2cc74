/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is attached where, what is off and why: the JSON behind `weft check`. */
#pragma once

#include "control/agent/check_parts.h"
#include "control/export/text.h"

/* Writes one JSON object and a line end. */
void check_write(const struct check *check, struct text *out);
