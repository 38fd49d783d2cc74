/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter options that edges, observe and connections share. weftd evaluates them. */
#pragma once

#include "control/cli/client.h"

/* Takes "--from NAME" and its like at |argv[*at]|: adds it to |url| and moves |*at| to its value.
 * True when it was one. */
bool filters_take(struct client_url *url, int argc, char **argv, int *at);
