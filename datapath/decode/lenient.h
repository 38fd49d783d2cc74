/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Forms of HTTP/1 messages that break RFC 9112 and that servers or clients accept. Pure. */
#pragma once

#include <stdint.h>

/* X(name, label, ambiguous, text). |ambiguous|: two programs that read the same bytes may see
 * different messages in them, which is what request smuggling needs. */
#define HTTP_LENIENT(X)                                                                            \
	X(BARE_LF, "bare_lf", "yes", "a line of a head ends in LF alone")                          \
	X(BARE_CR, "bare_cr", "yes", "CR without LF in a head or in the line of a chunk")          \
	X(OBS_FOLD, "obs_fold", "yes", "a field's value goes on in the next line")                 \
	X(NO_COLON, "no_colon", "yes", "a line of a head has no colon")                            \
	X(SPACE_IN_NAME, "space_in_name", "yes",                                                   \
	  "white space before the colon of a field or in its name")                                \
	X(NAME, "name", "no", "a field's name has other characters than a token")                  \
	X(CONTROL, "control", "no", "control characters in a field's value")                       \
	X(SPACES, "spaces", "no", "more than one space in a request line, or one after it")        \
	X(VERSION, "version", "no", "HTTP/1 with another minor version than 0 and 1")              \
	X(LENGTH_TWICE, "length_twice", "no", "Content-Length twice, with one value")              \
	X(LENGTH_DIFFERS, "length_differs", "yes", "Content-Length twice, with two values")        \
	X(LENGTH_AND_CHUNKED, "length_and_chunked", "yes",                                         \
	  "Content-Length and Transfer-Encoding: chunked in one head")                             \
	X(TRANSFER_CODING, "transfer_coding", "yes",                                               \
	  "the last transfer coding of a request is not chunked")                                  \
	X(CHUNK_SPACE, "chunk_space", "yes", "white space around the size of a chunk")             \
	X(CHUNK_SIZE, "chunk_size", "yes",                                                         \
	  "a chunk without a hexadecimal size, or without a line end behind it")                   \
	X(CHUNK_EXTENSION, "chunk_extension", "yes", "control characters in a chunk's extension")  \
	X(CHUNK_BARE_LF, "chunk_bare_lf", "yes", "the line of a chunk ends in LF alone")

enum http_lenient_bit {
#define X(name, ...) HTTP_LENIENT_BIT_##name,
	HTTP_LENIENT(X)
#undef X
		HTTP_LENIENT_MAX
};
#define HTTP_LENIENT_FORM(name) (1u << HTTP_LENIENT_BIT_##name)
