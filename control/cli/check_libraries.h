/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of one TLS library, as each container has its own, are one line of `weft check`. */
#pragma once

#include "control/cli/command.h"

/* Of |rows|, objects with "path", "program", "result" and "problem": where the files that are alike
 * (those with a "stack" have the same; of others name without version, result and problem are the
 * same) lie and which programs use them, fit for a terminal: "/lib/libx.so.3 and 2 more files, in
 * java and curl". False: an earlier row has named this one. */
bool check_libraries(const json_t *rows, size_t at, char out[SHOWN_MAX]);

/* Why they are not opened, and which versions there are: "Go: no probe ... (go1.19.8, go1.26.8)".
 */
void check_libraries_problem(const json_t *rows, size_t at, char out[SHOWN_MAX]);
