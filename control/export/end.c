// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Compares names, reads addresses. */
#include "control/export/end.h"

#include <arpa/inet.h>
#include <string.h>

bool end_is_named(const char *wanted, const char *namespace_name, const char *name)
{
	size_t n = strlen(namespace_name);

	if (!strcmp(wanted, name))
		return true;
	return !strncmp(wanted, namespace_name, n) && wanted[n] == '/' &&
	       !strcmp(wanted + n + 1, name);
}

bool end_address(const char *text, uint8_t ret_address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ret_address) == 1)
		return true;
	memcpy(ret_address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ret_address + 12) == 1;
}
