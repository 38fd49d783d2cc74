// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the protocol of a direction by its first bytes; "opaque" where it is not certain. */
#include "datapath/decode/classify.h"

#define TLS_RECORD_HEAD_BYTES 5
#define TLS_MAX_RECORD_BYTES  16640 /* 2^14 + 256, RFC 8446 5.2 */

static const struct decoder *const decoders[] = {
#define X(argument, name, symbol, ...) &symbol##_decoder,
	DECODERS(X, )
#undef X
};
#define DECODER_COUNT (sizeof(decoders) / sizeof(decoders[0]))

/* ---- TLS (RFC 8446 section 5.1 and 4.1) */

enum tls_content { CHANGE_CIPHER_SPEC = 20, ALERT, HANDSHAKE, APPLICATION_DATA };

static bool is_tls_record(struct slice s)
{
	uint8_t type = match_byte(s, 0), minor = match_byte(s, 2);
	uint32_t size_bytes = match_number(s, 3, 2);

	if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || match_byte(s, 1) != 3)
		return false;
	if (type == CHANGE_CIPHER_SPEC && size_bytes != 1)
		return false;
	return minor >= 1 && minor <= 4 && size_bytes >= 1 && size_bytes <= TLS_MAX_RECORD_BYTES;
}

/* Handshake type, 24 bits of length, legacy version, random, session id. */
static bool is_hello(struct slice s)
{
	uint32_t type = match_byte(s, 0), size_bytes = match_number(s, 1, 3);

	if ((type != 1 && type != 2) || size_bytes < 38 || size_bytes > 1 << 17)
		return false;
	if (match_byte(s, 4) != 3 || match_byte(s, 5) > 4)
		return false;
	return s.size_bytes <= 38 || match_byte(s, 38) <= 32;
}

static enum match match_tls_hello(struct slice s)
{
	const size_t hello_at = TLS_RECORD_HEAD_BYTES, needed = hello_at + 6;

	if (match_byte(s, 0) != HANDSHAKE || (s.size_bytes > 1 && match_byte(s, 1) != 3))
		return MATCH_NO;
	if (s.size_bytes < needed)
		return MATCH_MAYBE;
	/* The record's version may be 3.0 (SSL 3.0): some current clients write it. */
	if (match_byte(s, 2) > 4 || match_number(s, 3, 2) < 6 ||
	    match_number(s, 3, 2) > TLS_MAX_RECORD_BYTES)
		return MATCH_NO;
	return is_hello(match_after(s, hello_at)) ? MATCH_YES : MATCH_NO;
}

/* If the head of the next record is there, too, it must be valid as well. */
static enum match match_tls_midstream(struct slice s)
{
	if (s.size_bytes < TLS_RECORD_HEAD_BYTES) {
		uint8_t type = match_byte(s, 0);

		return type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA ? MATCH_MAYBE
									      : MATCH_NO;
	}
	if (!is_tls_record(s))
		return MATCH_NO;
	size_t record_bytes = TLS_RECORD_HEAD_BYTES + match_number(s, 3, 2);

	if (s.size_bytes < record_bytes + TLS_RECORD_HEAD_BYTES)
		return MATCH_YES;
	return is_tls_record(match_after(s, record_bytes)) ? MATCH_YES : MATCH_NO;
}

/* ---- all of them */

/* Tries all protocols: for the first bytes of a connection, or for bytes from its |midst|. */
static enum match match_all(struct slice s, bool midstream, bool midst, struct classified *ret)
{
	enum match match = midst ? match_tls_midstream(s) : match_tls_hello(s), one;

	*ret = (struct classified){.result = CLASSIFY_TLS, .sender = HTTP_ANY_SIDE};
	for (size_t i = 0; i < DECODER_COUNT; i++) {
		enum http_side sender = HTTP_ANY_SIDE;

		one = !midst		       ? decoders[i]->begins(s, midstream, &sender)
		      : decoders[i]->midstream ? decoders[i]->midstream(s)
					       : MATCH_NO;
		if (one == MATCH_YES) {
			*ret = (struct classified){CLASSIFY_DECODER, decoders[i], sender, midst};
			return MATCH_YES;
		}
		match = one > match ? one : match;
	}
	return match;
}

struct classified classify(const uint8_t *data, size_t size_bytes, bool midstream)
{
	struct slice s = {(const char *)data, size_bytes};
	enum match match = MATCH_MAYBE, midst = MATCH_NO;
	struct classified k;

	if (size_bytes)
		match = match_all(s, midstream, false, &k);
	if (size_bytes && midstream && match != MATCH_YES)
		midst = match_all(s, midstream, true, &k);
	if (match == MATCH_YES || midst == MATCH_YES)
		return k;
	return (struct classified){
		.result = (match || midst) && size_bytes < CLASSIFY_MAX_BYTES ? CLASSIFY_MORE
									      : CLASSIFY_OPAQUE,
		.sender = HTTP_ANY_SIDE,
	};
}

struct classified classify_frame(void)
{
	return (struct classified){CLASSIFY_DECODER, &http2_decoder, HTTP_ANY_SIDE, true};
}

const struct decoder *decoder_of_upgrade(struct slice token)
{
	for (size_t i = 0; i < DECODER_COUNT; i++)
		if (decoders[i]->upgrade.data && slice_equal_nocase(token, decoders[i]->upgrade))
			return decoders[i];
	return NULL;
}
