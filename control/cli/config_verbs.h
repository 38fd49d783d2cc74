/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verbs of `weft config` that have a file of their own. */
#pragma once

#include "control/cli/command.h"

int config_diff(const struct context *context, const struct arguments *a);
int config_apply(const struct context *context, const struct arguments *a);
int config_dump(const struct context *context, const struct arguments *a);
int config_convert(const struct context *context, const struct arguments *a);
