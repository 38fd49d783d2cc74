// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fuzzes header blocks. An inflater that believes itself joined must make the same of whatever a
// plain one accepts, and may accept more only by calling it incomplete.
#include "datapath/decode/hpack.h"

#include <stdlib.h>

/* The announced table size, then blocks, each behind its length in two bytes. */
#define OPTION_BYTES 1

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
	return a->known == b->known && a->pseudo == b->pseudo && a->incomplete == b->incomplete;
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

/* Returns whether both can go on. */
static bool inflate_both(struct hpack *plain, struct hpack *joined, struct slice block)
{
	static struct hpack_fields a, b;
	enum decode_status plain_status = hpack_inflate(plain, block, &a);
	enum decode_status joined_status = hpack_inflate(joined, block, &b);

	check_fields(&a);
	check_fields(&b);
	if (plain_status == DECODE_OK)
		check(joined_status == DECODE_OK && same_fields(&a, &b));
	else if (joined_status == DECODE_OK)
		check(b.incomplete && hpack_reason(plain)[0]);
	return plain_status == DECODE_OK;
}

/* Inflates all blocks in a heap copy each, so that over-reads show. */
static void inflate_blocks(struct hpack *plain, struct hpack *joined, const uint8_t *data,
			   size_t size_bytes)
{
	bool going_on = true;

	while (going_on && size_bytes >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size_bytes -= 2;
		n = n < size_bytes ? n : size_bytes;
		char *copy = malloc(n + !n);

		memcpy(copy, data, n);
		going_on = inflate_both(plain, joined, (struct slice){copy, n});
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
	struct hpack *plain = hpack_new(false), *joined = hpack_new(true);

	if (data[0]) {
		hpack_announce_table_size(plain, data[0] * 1024U);
		hpack_announce_table_size(joined, data[0] * 1024U);
	}
	inflate_blocks(plain, joined, data + OPTION_BYTES, size_bytes - OPTION_BYTES);
	hpack_free(plain);
	hpack_free(joined);
	return 0;
}
