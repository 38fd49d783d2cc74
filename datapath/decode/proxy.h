/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The header that a proxy puts in front of a connection, so that the server learns who the client
 * is: HAProxy's PROXY protocol, versions 1 and 2 (proxy-protocol.txt, sections 2.1 and 2.2). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_MAX_BYTES 107 /* of version 1; more is never needed to read a header */

enum proxy_result {
	PROXY_MORE, /* the beginning of a header, as far as it goes */
	PROXY_NONE, /* something else, or a header that no receiver takes */
	PROXY_DONE,
};

struct proxy_header {
	uint32_t size_bytes; /* of all that is in front of the payload, up to 65551 */
	bool named; /* the addresses are known: not so of UNKNOWN, LOCAL and unix sockets */
	uint8_t client_addr[16]; /* IPv4 mapped */
	uint8_t server_addr[16];
	uint16_t client_port; /* host order */
	uint16_t server_port;
};

/* Reads the header that |data|, the first bytes of a connection, begins with. With PROXY_MAX_BYTES
 * the answer is never PROXY_MORE; the header may be longer than what is given. |*ret| is filled
 * with PROXY_DONE alone. */
enum proxy_result proxy_read(const uint8_t *data, size_t size_bytes, struct proxy_header *ret);
