// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each algorithm writes into the same bounded buffer; the size that the message announces is not
 * used. */
#include "datapath/decode/tls_compressed.h"

#include "base/cursor.h"

#include <brotli/decode.h>
#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW_LOG_MAX 20 /* what zstd may allocate for a message: 1 MiB */

enum algorithm { ZLIB = 1, BROTLI = 2, ZSTD = 3 }; /* RFC 8879 7.3 */

static int read_zlib(struct slice in, char *out, size_t size, size_t *ret_bytes)
{
	z_stream z = {.next_in = (Bytef *)in.data,
		      .avail_in = (uInt)in.size_bytes,
		      .next_out = (Bytef *)out,
		      .avail_out = (uInt)size};
	int r = inflateInit(&z);

	if (r != Z_OK)
		return -ENOMEM;
	r = inflate(&z, Z_SYNC_FLUSH);
	*ret_bytes = size - z.avail_out;
	inflateEnd(&z);
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? 0 : -EBADMSG;
}

static int read_brotli(struct slice in, char *out, size_t size, size_t *ret_bytes)
{
	BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	const uint8_t *next_in = (const uint8_t *)in.data;
	uint8_t *next_out = (uint8_t *)out;
	size_t in_left = in.size_bytes, out_left = size;
	BrotliDecoderResult r;

	if (!state)
		return -ENOMEM;
	r = BrotliDecoderDecompressStream(state, &in_left, &next_in, &out_left, &next_out, NULL);
	*ret_bytes = size - out_left;
	BrotliDecoderDestroyInstance(state);
	return r == BROTLI_DECODER_RESULT_ERROR ? -EBADMSG : 0;
}

static int read_zstd(struct slice in, char *out, size_t size, size_t *ret_bytes)
{
	ZSTD_inBuffer from = {in.data, in.size_bytes, 0};
	ZSTD_outBuffer to = {out, size, 0};
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t r;

	if (!stream)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	r = ZSTD_decompressStream(stream, &to, &from);
	*ret_bytes = to.pos;
	ZSTD_freeDStream(stream);
	return ZSTD_isError(r) ? -EBADMSG : 0;
}

int tls_compressed_read(struct slice body, char *out, size_t size, size_t *ret_bytes)
{
	struct cursor c = cursor_over(body.data, body.size_bytes);
	uint16_t algorithm = cursor_u16_be(&c);
	struct slice in;
	uint32_t bytes;

	*ret_bytes = 0;
	cursor_u24_be(&c); /* of the message */
	bytes = cursor_u24_be(&c);
	in = cursor_take(&c, bytes < cursor_left(&c) ? bytes : cursor_left(&c));
	if (c.failed)
		return -EBADMSG;
	switch (algorithm) {
	case ZLIB:
		return read_zlib(in, out, size, ret_bytes);
	case BROTLI:
		return read_brotli(in, out, size, ret_bytes);
	case ZSTD:
		return read_zstd(in, out, size, ret_bytes);
	default:
		return -ENOTSUP;
	}
}
