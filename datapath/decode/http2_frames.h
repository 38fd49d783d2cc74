/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frames of HTTP/2 as one table. Private to http2.c and http2_decoder.c. */
#pragma once

#include <stdint.h>

/* RFC 9113 6 */
enum {
	FLAG_END_STREAM = 0x01,
	FLAG_ACK = 0x01,
	FLAG_END_HEADERS = 0x04,
	FLAG_PADDED = 0x08,
	FLAG_PRIORITY = 0x20,
	SETTINGS_HEADER_TABLE_SIZE = 1,
	SETTINGS_MAX_FRAME_SIZE = 5,
};

enum scope { ON_CONNECTION, ON_STREAM, ON_EITHER };
#define ANY_BYTES      0xffffff
#define SETTINGS_BYTES 16380 /* that are parsed */

/* Frame types in the order of their numbers: on which streams they are allowed, the bounds of their
 * length, how much of the payload is gathered (if they have a header block: the bytes before it).
 */
#define FRAMES(X)                                                                                  \
	X(DATA, ON_STREAM, 0, ANY_BYTES, 0)                                                        \
	X(HEADERS, ON_STREAM, 0, ANY_BYTES, 0)                                                     \
	X(PRIORITY, ON_STREAM, 0, ANY_BYTES, 0)                                                    \
	X(RST_STREAM, ON_STREAM, 4, 4, ANY_BYTES)                                                  \
	X(SETTINGS, ON_CONNECTION, 0, ANY_BYTES, SETTINGS_BYTES)                                   \
	X(PUSH_PROMISE, ON_STREAM, 4, ANY_BYTES, 0)                                                \
	X(PING, ON_CONNECTION, 8, 8, 0)                                                            \
	X(GOAWAY, ON_CONNECTION, 8, ANY_BYTES, 8)                                                  \
	X(WINDOW_UPDATE, ON_EITHER, 4, 4, 0)                                                       \
	X(CONTINUATION, ON_STREAM, 0, ANY_BYTES, 0)

enum frame_type {
#define X(name, ...) FRAME_##name,
	FRAMES(X)
#undef X
		FRAME_MAX
};

static const struct {
	enum scope scope;
	uint32_t min_bytes, max_bytes, gathered_bytes;
} frame_rules[] = {
#define X(name, ...) [FRAME_##name] = {__VA_ARGS__},
	FRAMES(X)
#undef X
};
