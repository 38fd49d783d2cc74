/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a decoder of an application's protocol exports: one table of operations, registered by a row
 * of DECODERS. */
#pragma once

#include "datapath/decode/http.h"
#include "datapath/decode/match.h"

/* X(argument, name, symbol, malformed): the table is |symbol|_decoder; |symbol| is also the reason
 * of the loss of what is |malformed|. */
#define DECODERS(X, argument)                                                                      \
	X(argument, HTTP1, http1, "not valid HTTP/1")                                              \
	X(argument, HTTP2, http2, "not valid HTTP/2")

enum decoder_id {
#define X(argument, name, ...) DECODER_##name,
	DECODERS(X, )
#undef X
};

/* Operations on a decoder of one direction. Those marked "or NULL" are optional. A gap is fed like
 * bytes (struct feed). */
struct decoder {
	enum decoder_id id;
	const char *name; /* of the protocol, in records */
	/* Messages belong to streams by number, and kernel marks say where frames begin; else
	 * responses come in the order of the requests, and marks count messages. */
	bool multiplexed;
	struct slice upgrade; /* the Upgrade token that switches from HTTP/1 to it, or none */
	/* The first bytes with which a server that does not support this protocol answers a
	 * client's first bytes, in the protocol |refused_by|; empty: not known. */
	struct slice refusal;
	const struct decoder *refused_by;

	/* Whether |bytes| are the first that a client or server, |*ret_sender|, sends; |midstream|:
	 * bytes before them may be missing. */
	enum match (*begins)(struct slice bytes, bool midstream, enum http_side *ret_sender);
	/* Whether |bytes| are from the middle of a connection; or NULL. */
	enum match (*midstream)(struct slice bytes);

	/* What a message of |version| is called in records; or NULL: |name|. */
	const char *(*protocol)(enum http_version version);

	/* NULL when memory is short. */
	void *(*new)(enum http_side side, enum http_start start,
		     const struct http_listener *listener);
	void (*free)(void *decoder);
	/* |*ret_used|, which is all at first: bytes taken when DECODE_SWITCH is returned. */
	enum decode_status (*feed)(void *decoder, const struct feed *f, size_t *ret_used);
	/* How many bytes may be missing from here on without loss of synchronisation. */
	uint64_t (*body_left)(const void *decoder);
	/* Where the head that is being read began, and its stream; 0: no head is being read. */
	uint64_t (*head_first)(const void *decoder, uint32_t *ret_stream_id);
	/* The request that is being read was answered with |status|; or NULL. */
	void (*answered)(void *decoder, uint16_t status);
	/* Links the decoders of the two directions of one connection; or NULL. */
	void (*pair)(void *client, void *server);
	/* The direction was closed at |position|; or NULL. */
	void (*finish)(void *decoder, uint64_t position);
};

#define X(argument, name, symbol, ...) extern const struct decoder symbol##_decoder;
DECODERS(X, )
#undef X
