// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* inet_pton and inet_ntop of either family. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_is_v4(const uint8_t address[16])
{
	return !memcmp(address, mapped, sizeof(mapped));
}

void address_of_v4(const void *v4, uint8_t ret_address[16])
{
	memcpy(ret_address, mapped, sizeof(mapped));
	memcpy(ret_address + 12, v4, 4);
}

bool address_parse(const char *text, uint8_t ret_address[16])
{
	if (inet_pton(AF_INET6, text, ret_address) == 1)
		return true;
	memcpy(ret_address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ret_address + 12) == 1;
}

const char *address_text(const uint8_t address[16], char out[INET6_ADDRSTRLEN])
{
	bool v4 = address_is_v4(address);

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, out,
			 INET6_ADDRSTRLEN);
}

const char *address_port_text(const uint8_t address[16], int port, char out[ADDRESS_PORT_BYTES])
{
	char text[INET6_ADDRSTRLEN], after[sizeof(":65535")] = "";

	if (port >= 0)
		snprintf(after, sizeof(after), ":%u", (uint16_t)port);
	snprintf(out, ADDRESS_PORT_BYTES, address_is_v4(address) ? "%s%s" : "[%s]%s",
		 address_text(address, text), after);
	return out;
}
