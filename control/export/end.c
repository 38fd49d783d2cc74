// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares names. */
#include "control/export/end.h"

#include <string.h>

bool end_is_named(const char *wanted, const char *namespace_name, const char *name)
{
	size_t n = strlen(namespace_name);

	if (!strcmp(wanted, name))
		return true;
	return !strncmp(wanted, namespace_name, n) && wanted[n] == '/' &&
	       !strcmp(wanted + n + 1, name);
}
