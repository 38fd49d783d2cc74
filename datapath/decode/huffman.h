/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Huffman code of HPACK (RFC 7541 5.2, B): how long it is. Pure. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

/* How many whole bytes of padding |coded| has beyond what is allowed (less than one byte), which
 * some servers take all the same as long as they are no end of string: all ones. 0 when it is not
 * coded or padded like this. */
uint32_t huffman_excess_bytes(struct slice coded);
