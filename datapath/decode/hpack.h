/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HPACK (RFC 7541) of one direction: header blocks in, the few fields that weft looks at out.
 * libnghttp2 inflates; this code handles a dynamic table that is known only in part. Pure. */
#pragma once

#include "datapath/decode/http.h"

struct hpack;

/* The fields whose values are kept, in the order of enum hpack_field. Values of all others are
 * dropped unseen. */
#define HPACK_FIELDS(X)                                                                            \
	X(METHOD, ":method")                                                                       \
	X(PATH, ":path")                                                                           \
	X(AUTHORITY, ":authority")                                                                 \
	X(SCHEME, ":scheme")                                                                       \
	X(STATUS, ":status")                                                                       \
	X(PROTOCOL, ":protocol")                                                                   \
	X(HOST, "host")                                                                            \
	X(CONTENT_TYPE, "content-type")                                                            \
	X(USER_AGENT, "user-agent")                                                                \
	X(TRACEPARENT, "traceparent")                                                              \
	X(REQUEST_ID, "x-request-id")                                                              \
	X(GRPC_STATUS, "grpc-status")

enum hpack_field {
#define X(name, text) HPACK_FIELD_##name,
	HPACK_FIELDS(X)
#undef X
		HPACK_FIELD_MAX
};

/* Bounds of what one block may keep: longer values are cut. */
#define HPACK_MAX_VALUE_BYTES 2048
#define HPACK_MAX_TEXT_BYTES  4096

#define HPACK_DEFAULT_TABLE_BYTES 4096 /* RFC 9113 6.5.2 */

/* The largest dynamic table that is followed; of a larger one only the newest part is known. */
#define HPACK_MAX_TABLE_BYTES 65536

/* The fields of one block. Large: allocate it on the stack for the time of the inflation, do not
 * keep it. */
struct hpack_fields {
	struct slice value[HPACK_FIELD_MAX]; /* absent: data NULL; the first of several wins, of
						several ids none does: empty */
	uint32_t known;			     /* fields that were decoded, wanted or not */
	bool pseudo;	    /* one of them was a pseudo-header field (RFC 9113 8.3) */
	bool incomplete;    /* some field's name or value is unknown */
	bool cut;	    /* some field did not fit and is left out, or its end is */
	bool unknown_first; /* so was the first field: pseudo-header fields may be among the unknown
			     */
	uint32_t text_used;
	char text[HPACK_MAX_TEXT_BYTES]; /* where the values are */
};

/* |midstream|: blocks were sent before, so the table holds entries that were not seen. NULL when
 * memory is short; free with hpack_free. */
struct hpack *hpack_new(bool midstream);
void hpack_free(struct hpack *h);

/* The receiver of this direction announced SETTINGS_HEADER_TABLE_SIZE. The largest value ever
 * announced bounds size updates, because blocks sent before the sender heard of a smaller one are
 * legal; smaller ones take effect by the sender's own size update, which RFC 7541 4.2 demands.
 * Before the first call any size is taken: what was announced is not known. */
void hpack_announce_table_size(struct hpack *h, uint32_t size_bytes);

/* Inflates a whole block. Returns DECODE_OK; DECODE_MALFORMED when it is not HPACK (RFC 7541;
 * values of fields outside of HPACK_FIELDS are not checked; size updates behind fields and whole
 * bytes of Huffman's padding are taken, as some servers do) or a size update exceeds what was
 * announced; DECODE_LIMIT when memory is short. After these two see hpack_reason, the inflater is
 * of no use any more. |ret| is filled in any case. */
enum decode_status hpack_inflate(struct hpack *h, struct slice block, struct hpack_fields *ret);

/* The same for a block that comes in parts, of which none needs to be kept but the end of one that
 * was not used: |*ret_used| bytes were, what is left begins the next part. A field is left out, its
 * place in the table kept, when its name is longer than 4 KiB or its value than 64 KiB as written:
 * no more is ever left of a part. |final|: the last part, and all of it is used. */
void hpack_begin(struct hpack *h, struct hpack_fields *ret);
enum decode_status hpack_inflate_part(struct hpack *h, struct slice part, bool final,
				      struct hpack_fields *fields, size_t *ret_used);

/* The field part of a head: everything but stream, end_stream, header_bytes and positions. The
 * slices point into |fields|. */
void hpack_fields_head(const struct hpack_fields *fields, struct http_head *ret_head);

/* What was wrong, a static string. */
const char *hpack_reason(const struct hpack *h);
