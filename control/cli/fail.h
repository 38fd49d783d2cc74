/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How `weft` ends. */
#pragma once

/* Exit codes. */
#define EXIT_FINE     0
#define EXIT_FAILED   1
#define EXIT_USAGE    2
#define EXIT_PROBLEMS 3 /* it ran well and found problems */

/* Prints "weft: TEXT" to stderr and returns |code|. */
int command_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
