// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Header blocks: a short one is stored until END_HEADERS; of a long one only an incomplete field is
 * stored. */
#include "datapath/decode/http2_block.h"

#include <stdlib.h>
#include <string.h>

#define PART_BYTES 16384
#define HELD_FIRST 1024

void http2_block_free(struct http2_block *b)
{
	free(b->held);
	free(b->fields);
	b->held = NULL;
	b->fields = NULL;
	b->held_bytes = b->held_size = 0;
	b->part_bytes = 0;
}

static bool reserve(struct http2_block *b, uint32_t size_bytes)
{
	uint32_t size = b->held_size ? b->held_size : HELD_FIRST;
	uint8_t *held;

	if (size_bytes <= b->held_size)
		return true;
	while (size < size_bytes)
		size *= 2;
	held = realloc(b->held, size);
	if (!held)
		return false;
	b->held = held;
	b->held_size = size;
	return true;
}

/* Inflates the stored bytes, except an incomplete field at their end. */
static enum decode_status inflate_part(struct http2_block *b)
{
	struct slice part = {(const char *)b->held, b->held_bytes};
	enum decode_status status;
	size_t used;

	if (!b->fields) {
		b->fields = malloc(sizeof(*b->fields));
		if (!b->fields)
			return DECODE_LIMIT;
		hpack_begin(b->hpack, b->fields);
	}
	status = hpack_inflate_part(b->hpack, part, false, b->fields, &used);
	b->held_bytes -= (uint32_t)used;
	memmove(b->held, b->held + used, b->held_bytes);
	b->part_bytes = b->held_bytes + PART_BYTES;
	return status;
}

/* The parts depend only on the bytes of the block, not on how they arrive. */
enum decode_status http2_block_take(struct http2_block *b, struct slice bytes, size_t *ret_taken)
{
	uint32_t room;

	if (!b->part_bytes)
		b->part_bytes = PART_BYTES;
	room = b->part_bytes - b->held_bytes;
	*ret_taken = bytes.size_bytes < room ? bytes.size_bytes : room;
	if (!reserve(b, b->held_bytes + (uint32_t)*ret_taken))
		return DECODE_LIMIT;
	memcpy(b->held + b->held_bytes, bytes.data, *ret_taken);
	b->held_bytes += (uint32_t)*ret_taken;
	b->size_bytes += *ret_taken;
	return b->held_bytes == b->part_bytes ? inflate_part(b) : DECODE_OK;
}

enum decode_status http2_block_end(struct http2_block *b, struct slice rest,
				   struct hpack_fields *fields,
				   const struct hpack_fields **ret_fields)
{
	size_t used;

	b->open = false;
	b->size_bytes += rest.size_bytes;
	if (!rest.size_bytes)
		rest = (struct slice){(const char *)b->held, b->held_bytes};
	*ret_fields = b->fields ? b->fields : fields;
	if (!b->fields)
		return hpack_inflate(b->hpack, rest, fields);
	return hpack_inflate_part(b->hpack, rest, true, b->fields, &used);
}
