// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HPACK: the examples of RFC 7541, bounds, bad blocks, and what a midstream direction may say.
#include "datapath/decode/hpack.h"

#include "datapath/decode/http2_wire_test.h"

#include <stdio.h>

/* Spells out every field that was kept, and what is known about the others. */
static const char *told(const struct hpack_fields *f)
{
	static char text[8192];
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < HPACK_FIELD_MAX; i++) {
		if (f->value[i].data)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%u=%.*s ", i,
						 (int)f->value[i].size_bytes, f->value[i].data);
	}
	snprintf(text + used, sizeof(text) - used, "known=%u%s%s%s%s", f->known,
		 f->pseudo ? " pseudo" : "", f->incomplete ? " incomplete" : "",
		 f->unknown_first ? " unknown_first" : "", f->cut ? " cut" : "");
	return text;
}

static size_t parse_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	int skip;

	for (unsigned byte; sscanf(hex, " %2x%n", &byte, &skip) == 1; hex += skip)
		out[n++] = (uint8_t)byte;
	return n;
}

/* Adds header lines to |out|; returns the new length. */
static size_t __attribute__((format(printf, 4, 5)))
add_line(char *out, size_t used, size_t size_bytes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(out + used, size_bytes - used, format, args);

	va_end(args);
	assert_true(n >= 0 && used + (size_t)n < size_bytes);
	return used + (size_t)n;
}

/* The block lies at the end of its allocation, so that the sanitizer sees each byte too far. */
static enum decode_status inflate(struct hpack *h, const void *data, size_t size_bytes,
				  struct hpack_fields *fields)
{
	char *copy = malloc(size_bytes ? size_bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, size_bytes);
	enum decode_status status = hpack_inflate(h, (struct slice){copy, size_bytes}, fields);

	free(copy);
	return status;
}

static void expect(struct hpack *h, const char *hex, enum decode_status status, const char *text)
{
	uint8_t block[1024];
	struct hpack_fields fields;

	assert_int_equal(inflate(h, block, parse_hex(hex, block), &fields), status);
	if (text)
		assert_string_equal(told(&fields), text);
}

/* RFC 7541 C.3 and C.4: the same requests without and with Huffman coding. */
static void requests_of_the_rfc(void **state)
{
	static const char *const blocks[2][3] = {
		{"828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
		 "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"},
		{"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
		 "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"},
	};
	(void)state;
	for (int coding = 0; coding < 2; coding++) {
		struct hpack *h = hpack_new(false);

		expect(h, blocks[coding][0], DECODE_OK,
		       "0=GET 1=/ 2=www.example.com 3=http known=4 pseudo");
		expect(h, blocks[coding][1], DECODE_OK,
		       "0=GET 1=/ 2=www.example.com 3=http known=5 pseudo");
		expect(h, blocks[coding][2], DECODE_OK,
		       "0=GET 1=/index.html 2=www.example.com 3=https known=5 pseudo");
		hpack_free(h);
	}
}

/* Fields whose values are not kept: left out where the table does not keep them (nginx makes it
 * empty), else they take their place in it. Their values may be anything. */
static void needless_fields(void **state)
{
	struct hpack *h = hpack_new(false);

	(void)state;
	expect(h, "20 88 7605 6e67696e78 5f03 612f62 0f0d02 3132", DECODE_OK,
	       "4=200 7=a/b known=4 pseudo");
	expect(h, "88 7605 6e67696e78 61818f 5f03 612f62 90", DECODE_OK,
	       "4=200 7=a/b known=5 pseudo");
	expect(h, "3fe11f 88 5f03 612f62 7605 6e67696e78", DECODE_OK, "4=200 7=a/b known=3 pseudo");
	expect(h, "89 0f27 05 6e67696e78 bf be", DECODE_OK, "4=204 7=a/b known=4 pseudo");
	expect(h, "88 0f27 05 6e6769", DECODE_MALFORMED, NULL);
	hpack_free(h);
}

/* RFC 7541 C.5 and C.6, with a table of 256 bytes: entries are evicted. */
static void responses_of_the_rfc(void **state)
{
	static const char *const blocks[2][2] = {
		{"3fe101 4803333032 580770726976617465 611d"
		 "4d6f6e2c203231204f637420323031332032303a31333a323120474d54 6e17"
		 "68747470733a2f2f7777772e6578616d706c652e636f6d",
		 "4803333037c1c0bf"},
		{"3fe101 "
		 "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d"
		 "29ad171863c78f0b97c8e9ae82ae43d3",
		 "4883640effc1c0bf"},
	};
	(void)state;
	for (int coding = 0; coding < 2; coding++) {
		struct hpack *h = hpack_new(false);

		expect(h, blocks[coding][0], DECODE_OK, "4=302 known=4 pseudo");
		expect(h, blocks[coding][1], DECODE_OK, "4=307 known=4 pseudo");
		expect(h, "88c1c0bf", DECODE_OK, "4=200 known=4 pseudo");
		hpack_free(h);
	}
}

static void bad_blocks(void **state)
{
	static const char *const blocks[] = {
		"80",			      /* index 0 */
		"be",			      /* beyond an empty table */
		"ffffffffffffff7f",	      /* an integer that overflows */
		"4004616263",		      /* a string cut short */
		"418cf1e3c2e5f23a6ba0ab90f4", /* and a Huffman-coded one */
		"418100",		      /* padding that is not all ones */
		"4184ffffffff",		      /* padding that is an end of string */
		"822040",		      /* a field cut short behind a size update */
		"823f",			      /* a size update cut short */
		"3fffffffffff7f",
		"40",
		"00",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct hpack *h = hpack_new(false);
		struct hpack *midstream = hpack_new(true);

		expect(h, blocks[i], DECODE_MALFORMED, NULL);
		assert_true(hpack_reason(h)[0]);
		expect(midstream, blocks[i], i == 1 ? DECODE_OK : DECODE_MALFORMED, NULL);
		hpack_free(h);
		hpack_free(midstream);
	}
}

static void size_updates(void **state)
{
	struct hpack *h = hpack_new(false);

	(void)state;
	expect(h, "3fe13f82", DECODE_OK, NULL); /* 8192: who knows what was announced */
	hpack_announce_table_size(h, 100);
	expect(h, "3fe11f82", DECODE_OK, NULL); /* 4096: legal until the sender hears of it */
	expect(h, "3f45 20 3f45 82", DECODE_OK, NULL); /* 100, 0, 100 */
	expect(h, "3fe13f82", DECODE_MALFORMED, NULL); /* 8192 was never announced */
	hpack_free(h);
}

/* Padding of whole bytes, which some servers take: the field is what it says, and so are its name
 * and what the table keeps. */
static void excess_padding(void **state)
{
	struct hpack *h = hpack_new(false), *midstream = hpack_new(true);

	(void)state;
	expect(h, "82 418ef1e3c2e5f23a6ba0ab90f4ffffff", DECODE_OK,
	       "0=GET 2=www.example.com known=2 pseudo");
	expect(h, "be 0082 1fff 82 1fff", DECODE_OK, "2=www.example.com known=2 pseudo");
	expect(h, "40 82 1fff 82 1fff 44 82 63ff bf", DECODE_OK, "1=/ known=3 pseudo");
	expect(midstream, "82 be 7f20 83 1fffff 44 82 63ff", DECODE_OK,
	       "0=GET 1=/ known=2 pseudo incomplete");
	expect(midstream, "be bf", DECODE_OK, "1=/ known=1 pseudo incomplete");
	hpack_free(h);
	hpack_free(midstream);
}

/* Some servers take them behind fields: what was in the table before is gone. */
static void size_updates_behind_fields(void **state)
{
	struct hpack *h = hpack_new(false), *midstream = hpack_new(true);

	(void)state;
	expect(h, "82 44022f61 20 3fe11f 44022f62 84", DECODE_OK, "0=GET 1=/a known=4 pseudo");
	expect(h, "82be", DECODE_OK, "0=GET 1=/b known=2 pseudo");
	expect(h, "82bf", DECODE_MALFORMED, NULL);
	expect(midstream, "82 be 20 3fe11f 44022f62", DECODE_OK,
	       "0=GET 1=/b known=2 pseudo incomplete");
	expect(midstream, "82be 20", DECODE_OK, "0=GET 1=/b known=2 pseudo");
	hpack_free(h);
	hpack_free(midstream);
}

/* A table larger than we follow: what lies beyond ours is unknown, the rest is right. */
static void a_huge_table(void **state)
{
	struct hpack *h = hpack_new(false);

	(void)state;
	hpack_announce_table_size(h, 1 << 20);
	expect(h, "3fe1ff3f 82 44022f61", DECODE_OK, "0=GET 1=/a known=2 pseudo");
	expect(h, "82be", DECODE_OK, "0=GET 1=/a known=2 pseudo");
	expect(h, "82bf", DECODE_OK, "0=GET known=1 pseudo incomplete");
	expect(h, "20 82", DECODE_OK, "0=GET known=1 pseudo");
	expect(h, "be", DECODE_MALFORMED, NULL); /* an empty table is known in full */
	hpack_free(h);
}

static void values_are_bounded(void **state)
{
	static char lines[4 * 3100];
	static uint8_t block[32768];
	struct wire *w = wire_new();
	struct hpack *h = hpack_new(false);
	struct hpack_fields fields;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {":path", ":authority", "user-agent"};

		n = add_line(lines, n, sizeof(lines), "%s: %3000d\n", names[i], i);
	}
	n = wire_block(w, lines, block, sizeof(block));
	assert_int_equal(inflate(h, block, n, &fields), DECODE_OK);
	assert_int_equal(fields.value[HPACK_FIELD_PATH].size_bytes, HPACK_MAX_VALUE_BYTES);
	assert_int_equal(fields.value[HPACK_FIELD_AUTHORITY].size_bytes, HPACK_MAX_VALUE_BYTES);
	assert_null(fields.value[HPACK_FIELD_USER_AGENT].data);
	assert_true(fields.cut);
	hpack_free(h);
	wire_free(w);
}

static void heads(void **state)
{
	static const struct {
		const char *status, *grpc_status;
		uint16_t want;
		int want_grpc;
	} cases[] = {
		{"200", "0", 200, 0},
		{"99", "16", 0, 16},
		{"2000", "17", 0, GRPC_STATUS_UNKNOWN},
		{"2x0", "", 0, GRPC_STATUS_UNKNOWN},
		{"", "-1", 0, GRPC_STATUS_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hpack_fields fields = {0};
		struct http_head head;

		fields.value[HPACK_FIELD_STATUS] =
			(struct slice){cases[i].status, strlen(cases[i].status)};
		fields.value[HPACK_FIELD_GRPC_STATUS] =
			(struct slice){cases[i].grpc_status, strlen(cases[i].grpc_status)};
		fields.value[HPACK_FIELD_HOST] = SLICE("h");
		hpack_fields_head(&fields, &head);
		assert_int_equal(head.status, cases[i].want);
		assert_int_equal(head.grpc_status, cases[i].want_grpc);
		assert_true(slice_equal(head.authority, SLICE("h")));
		fields.incomplete = true; /* :authority may be there, unknown */
		hpack_fields_head(&fields, &head);
		assert_null(head.authority.data);
		fields.value[HPACK_FIELD_AUTHORITY] = SLICE("");
		hpack_fields_head(&fields, &head);
		assert_true(head.authority.data && !head.authority.size_bytes);
	}
}

/* ---- midstream */

#define BLOCKS 60

/* Requests whose fields come and go from the table: repeated ones, new ones, ones too
 * large for it. */
static size_t any_request(struct wire *w, uint8_t *out, size_t out_bytes)
{
	static char lines[16384];
	size_t n = 0;

	n = add_line(lines, n, sizeof(lines), ":method: %s\n:path: /p/%d\n",
		     rand() % 3 ? "GET" : "PATCH", rand() % 40);
	n = add_line(lines, n, sizeof(lines), ":authority: host-%d\n", rand() % 5);
	if (rand() % 2)
		n = add_line(lines, n, sizeof(lines), "user-agent: agent %0*d\n", rand() % 300,
			     rand() % 7);
	if (rand() % 2)
		n = add_line(lines, n, sizeof(lines), "x-new-%d: %d\n", rand() % 50, rand() % 9);
	if (rand() % 20 == 0)
		n = add_line(lines, n, sizeof(lines), "x-large: %0*d\n", 6000, rand());
	if (rand() % 2)
		add_line(lines, n, sizeof(lines), "traceparent: 00-%032d-%016d-01\n", rand(),
			 rand());
	return wire_block(w, lines, out, out_bytes);
}

/* What a midstream inflater says must be what one that saw all says, or be marked as incomplete. */
static unsigned compare(const struct hpack_fields *all, const struct hpack_fields *midstream)
{
	unsigned same = 0;

	for (unsigned i = 0; i < HPACK_FIELD_MAX; i++) {
		if (midstream->value[i].data)
			assert_true(slice_equal(midstream->value[i], all->value[i]));
		else if (all->value[i].data)
			assert_true(midstream->incomplete);
		same += !!midstream->value[i].data;
	}
	assert_true(midstream->known <= all->known);
	if (!midstream->incomplete)
		assert_int_equal(midstream->known, all->known);
	return same;
}

static void start_at(uint8_t (*blocks)[16384], const size_t *sizes, unsigned from, unsigned *counts)
{
	struct hpack *all = hpack_new(false), *midstream = hpack_new(true);
	static struct hpack_fields truth, said;

	for (unsigned i = 0; i < BLOCKS; i++) {
		assert_int_equal(inflate(all, blocks[i], sizes[i], &truth), DECODE_OK);
		if (i < from)
			continue;
		assert_int_equal(inflate(midstream, blocks[i], sizes[i], &said), DECODE_OK);
		counts[0] += compare(&truth, &said);
		counts[1] += said.incomplete;
		counts[2]++;
	}
	hpack_free(all);
	hpack_free(midstream);
}

/* The sender's table: default, tiny, none, larger than ours, changed on the way. */
static void midstream_directions_are_never_wrong(void **state)
{
	static const uint32_t tables[] = {4096, 128, 0, 40000, 600};
	static uint8_t blocks[BLOCKS][16384];
	size_t sizes[BLOCKS];
	unsigned counts[3] = {0};

	(void)state;
	srand(7541);
	for (unsigned round = 0; round < 40; round++) {
		struct wire *w = wire_new();

		nghttp2_hd_deflate_change_table_size(w->deflater, tables[round % 5]);
		for (unsigned i = 0; i < BLOCKS; i++) {
			if (rand() % 30 == 0)
				nghttp2_hd_deflate_change_table_size(w->deflater,
								     tables[rand() % 5]);
			sizes[i] = any_request(w, blocks[i], sizeof(blocks[i]));
		}
		for (unsigned from = 0; from < BLOCKS; from += 7)
			start_at(blocks, sizes, from, counts);
		wire_free(w);
	}
	printf("midstream: %u fields right, %u of %u blocks incomplete\n", counts[0], counts[1],
	       counts[2]);
	assert_true(counts[1] > 0 && counts[1] < counts[2] / 2);
}

/* Unknown entries by hand: as a field, as a name, as a name that is inserted and
 * referred to again. */
static void unknown_entries(void **state)
{
	struct hpack *h = hpack_new(true);

	(void)state;
	expect(h, "82 be 84", DECODE_OK, "0=GET 1=/ known=2 pseudo incomplete");
	expect(h, "be 84", DECODE_OK, "1=/ known=1 pseudo incomplete unknown_first");
	expect(h, "82 0f2f 0161", DECODE_OK, "0=GET known=1 pseudo incomplete");
	expect(h, "44022f61", DECODE_OK, "1=/a known=1 pseudo"); /* inserted: index 62 */
	expect(h, "7f00 0162 82", DECODE_OK, "0=GET known=1 pseudo incomplete unknown_first");
	expect(h, "82 bf", DECODE_OK, "0=GET 1=/a known=2 pseudo");	  /* one further back */
	expect(h, "82 be", DECODE_OK, "0=GET known=1 pseudo incomplete"); /* of unknown name */
	expect(h, "82 c0", DECODE_OK, "0=GET known=1 pseudo incomplete");
	expect(h, "7e 0163 82", DECODE_OK, "0=GET known=1 pseudo incomplete unknown_first");
	expect(h, "82 c0", DECODE_OK, "0=GET 1=/a known=2 pseudo");
	expect(h, "", DECODE_OK, "known=0");
	hpack_free(h);
}

/* A block of a midstream inflater that has nothing unknown is what a plain one makes of it. */
static void truncated_blocks(void **state)
{
	uint8_t block[256];
	size_t n = parse_hex("828684418cf1e3c2e5f23a6ba0ab90f4ff5886a8eb10649cbf", block);
	struct hpack_fields a, b;

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		struct hpack *plain = hpack_new(false), *midstream = hpack_new(true);
		enum decode_status status = inflate(plain, block, cut, &a);

		assert_int_equal(inflate(midstream, block, cut, &b), status);
		if (status == DECODE_OK)
			assert_int_equal(a.known, b.known);
		hpack_free(plain);
		hpack_free(midstream);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_the_rfc),
		cmocka_unit_test(needless_fields),
		cmocka_unit_test(responses_of_the_rfc),
		cmocka_unit_test(bad_blocks),
		cmocka_unit_test(size_updates),
		cmocka_unit_test(size_updates_behind_fields),
		cmocka_unit_test(excess_padding),
		cmocka_unit_test(a_huge_table),
		cmocka_unit_test(values_are_bounded),
		cmocka_unit_test(heads),
		cmocka_unit_test(midstream_directions_are_never_wrong),
		cmocka_unit_test(unknown_entries),
		cmocka_unit_test(truncated_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
