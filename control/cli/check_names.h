/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces that are alike are one line of `weft check`. */
#pragma once

#include "control/cli/command.h"

/* Of |rows|, objects with "name", "mode", "result" and "problem": the names of all that are like
 * row |at|, fit for a terminal: "eth0, lo and 213 veth*". False: an earlier row has named this one.
 */
bool check_names(const json_t *rows, size_t at, char out[SHOWN_MAX]);
