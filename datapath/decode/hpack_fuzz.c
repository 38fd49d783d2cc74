// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fuzzes header blocks. An inflater that believes itself midstream must make the same of whatever a
// plain one accepts, and may accept more only by calling it incomplete.
#include "datapath/decode/hpack.h"

#include <stdlib.h>

/* The announced table size, the size of parts, then blocks, each behind its length in two bytes. */
#define OPTION_BYTES 2

/* Three inflaters of one direction. */
struct inflaters {
	struct hpack *plain, *midstream, *parted;
	size_t part_bytes;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static bool same_fields(const struct hpack_fields *a, const struct hpack_fields *b)
{
	for (unsigned i = 0; i < HPACK_FIELD_MAX; i++) {
		struct slice x = a->value[i], y = b->value[i];

		if (!x.data != !y.data || (x.data && !slice_equal(x, y)))
			return false;
	}
	return a->known == b->known && a->pseudo == b->pseudo && a->incomplete == b->incomplete &&
	       a->cut == b->cut;
}

/* The slices must lie in the text, whatever the block was. */
static void check_fields(const struct hpack_fields *f)
{
	struct http_head head;

	check(f->text_used <= sizeof(f->text));
	for (unsigned i = 0; i < HPACK_FIELD_MAX; i++) {
		const struct slice *v = &f->value[i];

		check(!v->data ||
		      (v->data >= f->text && v->data + v->size_bytes <= f->text + f->text_used));
	}
	hpack_fields_head(f, &head);
	check(head.status < 1000 && head.grpc_status >= -1 && head.grpc_status <= 16);
}

/* In parts, each from a heap copy. */
static enum decode_status inflate_parts(const struct inflaters *all, struct slice block,
					struct hpack_fields *ret)
{
	enum decode_status status = DECODE_OK;
	size_t from = 0, to = 0, used;

	hpack_begin(all->parted, ret);
	while (status == DECODE_OK && (to < block.size_bytes || !to)) {
		bool final = block.size_bytes - to <= all->part_bytes;
		char *copy;

		to = final ? block.size_bytes : to + all->part_bytes;
		copy = malloc(to - from + 1);
		memcpy(copy, block.data + from, to - from);
		status = hpack_inflate_part(all->parted, (struct slice){copy, to - from}, final,
					    ret, &used);
		free(copy);
		check(used <= to - from);
		check(status != DECODE_OK || !final || used == to - from);
		from += used;
		if (final)
			break;
	}
	return status;
}

/* Returns whether all can go on. */
static bool inflate_all(const struct inflaters *all, struct slice block)
{
	static struct hpack_fields a, b, c;
	enum decode_status plain_status = hpack_inflate(all->plain, block, &a);
	enum decode_status midstream_status = hpack_inflate(all->midstream, block, &b);

	check(inflate_parts(all, block, &c) == plain_status);
	check(plain_status != DECODE_OK || same_fields(&a, &c));
	check_fields(&a);
	check_fields(&b);
	if (plain_status == DECODE_OK)
		check(midstream_status == DECODE_OK && same_fields(&a, &b));
	else if (midstream_status == DECODE_OK)
		check(b.incomplete && hpack_reason(all->plain)[0]);
	return plain_status == DECODE_OK;
}

/* Inflates all blocks in a heap copy each, so that over-reads show. */
static void inflate_blocks(const struct inflaters *all, const uint8_t *data, size_t size_bytes)
{
	bool going_on = true;

	while (going_on && size_bytes >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size_bytes -= 2;
		n = n < size_bytes ? n : size_bytes;
		char *copy = malloc(n + !n);

		memcpy(copy, data, n);
		going_on = inflate_all(all, (struct slice){copy, n});
		free(copy);
		data += n;
		size_bytes -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	if (size_bytes < OPTION_BYTES)
		return 0;
	struct hpack *inflaters[] = {hpack_new(false), hpack_new(true), hpack_new(false)};

	for (int i = 0; i < 3 && data[0]; i++)
		hpack_announce_table_size(inflaters[i], data[0] * 1024U);
	inflate_blocks(&(struct inflaters){inflaters[0], inflaters[1], inflaters[2], 1U + data[1]},
		       data + OPTION_BYTES, size_bytes - OPTION_BYTES);
	for (int i = 0; i < 3; i++)
		hpack_free(inflaters[i]);
	return 0;
}
