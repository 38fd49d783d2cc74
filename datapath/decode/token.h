/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The characters of HTTP tokens: methods and field names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* tchar of RFC 9110 section 5.6.2. */
static inline bool token_has(uint8_t c)
{
	static const uint64_t set[2] = {
		/* 0-9 and !#$%&'*+-. */
		0x03ff6cfa00000000,
		/* A-Z a-z and ^_`|~ */
		0x57ffffffc7fffffe,
	};

	return c < 128 && (set[c >> 6] >> (c & 63) & 1);
}
