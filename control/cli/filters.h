/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter options that edges, observe and connections share. weftd evaluates them. */
#pragma once

#include "control/cli/client.h"
#include "control/cli/options.h"

/* Adds the given filters (CLI_FILTERS, --verdict) to the query. Returns whether there were any. */
bool filters_add(struct client_url *url, const struct arguments *a);
