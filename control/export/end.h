/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ways in which users name an end of a connection: a name of the mesh, or an address. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether |wanted|, "NAMESPACE/NAME" or "NAME", is this name. */
bool end_is_named(const char *wanted, const char *namespace_name, const char *name);

/* An IPv6 address or, mapped into IPv6 (RFC 4291 2.5.5.2), an IPv4 one. False: |text| is neither.
 */
bool end_address(const char *text, uint8_t ret_address[16]);
