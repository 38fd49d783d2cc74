/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of 16 bytes: IPv6, or IPv4 mapped into it (RFC 4291 2.5.5.2). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_PORT_BYTES (INET6_ADDRSTRLEN + sizeof("[]:65535"))

bool address_is_v4(const uint8_t address[16]);

/* From the four bytes of an IPv4 address in network byte order. */
void address_of_v4(const void *v4, uint8_t ret_address[16]);

/* False: |text| is neither. */
bool address_parse(const char *text, uint8_t ret_address[16]);

/* Return |out|. IPv6 beside a port is in brackets, also where |port| is negative: none. */
const char *address_text(const uint8_t address[16], char out[INET6_ADDRSTRLEN]);
const char *address_port_text(const uint8_t address[16], int port, char out[ADDRESS_PORT_BYTES]);
