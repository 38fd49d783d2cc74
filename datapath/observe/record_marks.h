/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The marks of a record: what it lacks, and why an exchange or a connection failed. */
#pragma once

/* What is missing or not exact in the record of a request: bits of request.incomplete. One table:
 * names are label values, meanings go into the documents. */
#define REQUEST_GAPS(X)                                                                            \
	X(HPACK, "hpack_join",                                                                     \
	  "HTTP/2 fields refer to entries of a table that were sent before weft saw the "          \
	  "connection")                                                                            \
	X(TIMES, "times", "a time is not known: its record was lost, or there was none")           \
	X(BODY, "body",                                                                            \
	  "part of a body could not be counted: the sizes are those of the part that was seen")    \
	X(LOST, "lost", "the exchange was given up: the rest of it is not known")                  \
	X(CUT, "cut",                                                                              \
	  "a field was longer than what is kept of it: its start is shown, or `unknown`")          \
	X(STATUS, "status", "the response has no head (HTTP/0.9): its status is not known")        \
	X(UPLOAD, "upload_cut",                                                                    \
	  "the request was not sent to its end: `request_bytes` is what was sent of its body")

enum request_gap {
#define X(name, ...) REQUEST_GAP_BIT_##name,
	REQUEST_GAPS(X)
#undef X
		REQUEST_GAP_MAX
};
#define REQUEST_GAP(name) (1u << REQUEST_GAP_BIT_##name)

/* Envoy's response flags that an observer can know (one bit each). */
#define RESPONSE_FLAGS(X)                                                                          \
	X(UF, "UF", "connection to the destination failed")                                        \
	X(UC, "UC", "destination closed the connection before it answered")                        \
	X(UR, "UR", "destination reset the stream or connection")                                  \
	X(DC, "DC", "client closed or reset before the answer was complete")                       \
	X(DPE, "DPE", "the client broke the protocol")                                             \
	X(UH, "UH", "the service has no endpoint that takes connections")                          \
	X(UO, "UO", "the service takes no more connections")

enum response_flag {
#define X(name, ...) RESPONSE_FLAG_BIT_##name,
	RESPONSE_FLAGS(X)
#undef X
		RESPONSE_FLAG_MAX
};
#define RESPONSE_FLAG(name) (1u << RESPONSE_FLAG_BIT_##name)
