// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sentences go to standard error. */
#include "control/cli/fail.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(int code, const char *format, ...)
{
	va_list args;

	fputs("weft: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}
