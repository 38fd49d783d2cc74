/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every HTTP decoder reports to its listener, and how bytes are given to a decoder. Pure. */
#pragma once

#include "base/slice.h"
#include "datapath/decode/lenient.h"

#include <stdbool.h>
#include <stdint.h>

/* Who sends a direction: the client its requests, the server its responses. */
enum http_side { HTTP_CLIENT, HTTP_SERVER, HTTP_ANY_SIDE };

/* Bytes for a decoder. |at| is the position, in the connection's wire stream of this direction,
 * just AFTER the first byte; each further byte adds |step|: 1 for clear text; 0 for plaintext of a
 * TLS record, where every byte became available when the record's last byte arrived. Positions are
 * what listeners get back; "just after" so that a byte at position p has arrived once p bytes of
 * the stream arrived. */
struct feed {
	const uint8_t *data; /* NULL: a gap, |size_bytes| bytes that were not captured */
	size_t size_bytes;
	uint64_t at;
	uint32_t step;
	uint32_t message; /* HTTP/1: the first byte begins this message of the direction, as the
			     kernel half has counted from the first one (1) on; 0: not known */
	uint32_t frame; /* HTTP/2: as it has found, a frame begins at data[frame - 1], which may be
			   behind what is there; 0: not known */
};

static inline uint64_t feed_position(const struct feed *f, size_t index)
{
	return f->at + (uint64_t)f->step * index;
}

/* |f| without its first |used| bytes. */
static inline struct feed feed_rest(const struct feed *f, size_t used)
{
	return (struct feed){.data = f->data ? f->data + used : NULL,
			     .size_bytes = f->size_bytes - used,
			     .at = feed_position(f, used),
			     .step = f->step,
			     .message = used ? 0 : f->message,
			     .frame = f->frame > used ? (uint32_t)(f->frame - used) : 0};
}

/* Where in a connection a decoder begins. */
enum http_start {
	HTTP_FROM_START, /* HTTP/2: the client's direction begins with the preface (RFC 9113 3.4) */
	HTTP_MIDSTREAM,	 /* in the middle; HTTP/2: at the start of a frame, the HPACK table is not
			  * known
			  */
	HTTP_UPGRADED,	 /* HTTP/2 after 101: both sides start with SETTINGS, the client after its
			  * preface; the answer to the HTTP/1 request is stream 1 (RFC 7540 3.2) */
};

/* How a feed ended. After anything but DECODE_OK the decoder must not be fed again. */
enum decode_status {
	DECODE_OK,     /* everything was taken */
	DECODE_SWITCH, /* the message ended in a protocol switch (Upgrade, CONNECT): *ret_used bytes
			* were taken, the rest is another protocol's */
	DECODE_NOT_MINE,  /* not this protocol at all (nothing was reported yet) */
	DECODE_MALFORMED, /* breaks the protocol: see the decoder's reason */
	DECODE_DESYNC,	  /* a gap where no body was: the place in the stream is lost */
	DECODE_LIMIT,	  /* a bound was exceeded (header block, streams) */
};

/* HTTP versions as one number. */
enum http_version {
	HTTP_VERSION_UNKNOWN = 0,
	HTTP_0_9 = 9,
	HTTP_1_0 = 10,
	HTTP_1_1 = 11,
	HTTP_2 = 20
};

/* gRPC status that was not on the wire. */
#define GRPC_STATUS_UNKNOWN (-1)

/* The fields of a header block that weft looks at, borrowed for the time of the callback. An absent
 * field has data == NULL; an empty one data != NULL and size 0. Values of other fields are never
 * kept. */
struct http_head {
	uint32_t stream_id; /* 0 for HTTP/1 */
	enum http_version version;
	uint16_t status;   /* responses; 0 when not seen */
	bool end_stream;   /* HTTP/2: no body and no trailers follow */
	bool incomplete;   /* fields may be missing: HPACK entries from before the capture */
	bool cut;	   /* HTTP/2: a field is left out that was too long */
	bool target_cut;   /* HTTP/1: the end of the request target is left out */
	bool lacks_fields; /* a request without what each one has: it is malformed */
	bool grpc;	   /* its content type says gRPC */
	bool type_unknown; /* its content type may be a field that was not understood */
	uint32_t lenient;  /* HTTP/1: HTTP_LENIENT_FORM() that occur in it */
	uint32_t
		header_bytes; /* size of the block on the wire (HTTP/1: start line to blank line) */
	struct slice method;
	struct slice path;	/* request target as sent (HTTP/1 absolute form: already split into
				   authority and path) */
	struct slice authority; /* :authority, else Host; user information is still in it */
	struct slice scheme;
	struct slice content_type;
	struct slice user_agent;
	struct slice traceparent; /* W3C Trace Context; empty when there are several */
	struct slice request_id;  /* x-request-id; the same */
	struct slice expect;	  /* HTTP/1 Expect */
	struct slice upgrade; /* HTTP/1 Upgrade, both directions; HTTP/2: :protocol (RFC 8441) */
	int grpc_status; /* GRPC_STATUS_UNKNOWN when absent (trailers, or trailers-only responses)
			  */
	uint64_t first;	 /* position of the block's first byte */
	uint64_t last;	 /* position of its last byte */
};

/* How the body of the response that follows a head is framed; asked at each HTTP/1 response head,
 * because only the listener knows the request. */
enum http_body {
	HTTP_BODY_AS_FRAMED,
	HTTP_BODY_NONE,	  /* answer to HEAD */
	HTTP_BODY_SWITCH, /* answer to CONNECT (2xx), or 101: what follows is another protocol */
};

/* A listener. Any callback may be NULL. Callbacks of one direction come in stream order. */
struct http_listener {
	void *arg;
	/* A request head is complete. */
	void (*request)(void *arg, const struct http_head *head);
	/* A response head is complete; 1xx (but 101) come here too and are followed by the final
	 * one. */
	enum http_body (*response)(void *arg, const struct http_head *head);
	/* |size_bytes| of body content passed (chunk framing, padding and frame headers not
	 * counted), the last at |position|. */
	void (*body)(void *arg, uint32_t stream_id, uint64_t size_bytes, uint64_t position);
	/* A gRPC message began in this direction of the stream (5-byte prefix, gRPC over HTTP/2).
	 * Where the type is not known the content has shown that it is gRPC. */
	void (*grpc_message)(void *arg, uint32_t stream_id);
	/* HTTP/2: the decoder has no room for what it notes of this direction of the stream any
	 * more: gRPC messages that begin from here on are not reported. */
	void (*stream_forgotten)(void *arg, uint32_t stream_id);
	/* HTTP/2: where gRPC messages begin in this direction of the stream is not known any more:
	 * later ones are not reported. */
	void (*messages_missed)(void *arg, uint32_t stream_id);
	/* HTTP/1: HTTP_LENIENT_FORM() that occur outside of a complete head: in the body that
	 * passes, or in a head that is not parsed any further. */
	void (*lenient)(void *arg, uint32_t forms);
	/* Trailers are complete. */
	void (*trailers)(void *arg, const struct http_head *head);
	/* The message of this direction is complete; its last byte was at |position|. */
	void (*end)(void *arg, uint32_t stream_id, uint64_t position);
	/* HTTP/2: the sender of this direction reset the stream (RFC 9113 6.4). */
	void (*reset)(void *arg, uint32_t stream_id, uint32_t error_code, uint64_t position);
	/* HTTP/2: GOAWAY from the sender of this direction (RFC 9113 6.8). */
	void (*goaway)(void *arg, uint32_t last_stream_id, uint32_t error_code, uint64_t position);
};
