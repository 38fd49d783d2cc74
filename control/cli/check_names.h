/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces that are alike are one line of `weft check`. */
#pragma once

#include "control/cli/command.h"

/* |rows|: objects with "name", "mode", "result" and "problem". Writes the names of all rows that
 * are like row |at|, made safe for a terminal: "eth0, lo and 213 veth*". False: an earlier row is
 * like this one. */
bool check_names(const json_t *rows, size_t at, char out[SHOWN_MAX]);
