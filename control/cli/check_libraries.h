/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of one TLS library, of which each container has a copy, are one line of `weft check`. */
#pragma once

#include "control/cli/command.h"

/* |rows|: objects with "path", "program", "result" and "problem". Writes the files that are like
 * row |at| and the programs that use them, made safe for a terminal: "/lib/libx.so.3 and 2 more
 * files, in java and curl". Alike are files with the same "stack", else with the same name without
 * version, result and problem. False: an earlier row is like this one. */
bool check_libraries(const json_t *rows, size_t at, char out[SHOWN_MAX]);

/* The reason why they are not decrypted, and their versions: "Go: no probe ... (go1.19.8,
 * go1.26.8)". */
void check_libraries_problem(const json_t *rows, size_t at, char out[SHOWN_MAX]);
