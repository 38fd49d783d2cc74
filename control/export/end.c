// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares names and families. */
#include "control/export/end.h"

#include "base/address.h"

#include <errno.h>
#include <string.h>

bool end_is_named(const char *wanted, const char *namespace_name, const char *name)
{
	size_t n = strlen(namespace_name);

	if (!strcmp(wanted, name))
		return true;
	return !strncmp(wanted, namespace_name, n) && wanted[n] == '/' &&
	       !strcmp(wanted + n + 1, name);
}

int ends_agree(const uint8_t source[16], const uint8_t target[16], struct error *err)
{
	bool from_v4 = address_is_v4(source), to_v4 = address_is_v4(target);

	if (from_v4 == to_v4)
		return 0;
	return error_set(err, -EINVAL, "no connection goes from an %s address to an %s address",
			 from_v4 ? "IPv4" : "IPv6", to_v4 ? "IPv4" : "IPv6");
}
