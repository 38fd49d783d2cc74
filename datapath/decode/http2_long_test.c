// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HTTP/2 header blocks and fields of any length: the fields of a long block are reported, a field
// left out is marked, and the blocks after it are right.
#include "datapath/decode/http2.h"

#include "datapath/decode/http2_wire_test.h"

#define FRAME_BYTES 16384
#define BLOCK_BYTES 524288

/* More than a test's wire buffer has room for. */
struct flow {
	uint8_t data[2 * BLOCK_BYTES];
	size_t used_bytes;
	struct wire *deflater;
};

static struct flow *flow_new(void)
{
	struct flow *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->deflater = client_wire();
	memcpy(f->data, f->deflater->data, f->deflater->used_bytes);
	f->used_bytes = f->deflater->used_bytes;
	return f;
}

/* A block as HEADERS and CONTINUATION frames of |frame_bytes| each. */
static void flow_block(struct flow *f, uint32_t stream_id, const uint8_t *block, size_t size_bytes,
		       size_t frame_bytes)
{
	for (size_t at = 0, n; at == 0 || at < size_bytes; at += n) {
		uint8_t type = at ? CONTINUATION : HEADERS;

		n = size_bytes - at < frame_bytes ? size_bytes - at : frame_bytes;
		f->deflater->used_bytes = 0;
		wire_frame(f->deflater, type,
			   (at ? 0 : END_STREAM) | (at + n == size_bytes ? END_HEADERS : 0),
			   stream_id, block + at, n);
		assert_true(f->used_bytes + f->deflater->used_bytes <= sizeof(f->data));
		memcpy(f->data + f->used_bytes, f->deflater->data, f->deflater->used_bytes);
		f->used_bytes += f->deflater->used_bytes;
	}
}

static void flow_request(struct flow *f, uint32_t stream_id, const char *lines, size_t frame_bytes)
{
	static uint8_t block[BLOCK_BYTES];
	size_t n = wire_block(f->deflater, lines, block, sizeof(block));

	flow_block(f, stream_id, block, n, frame_bytes);
}

/* Cuts positions and sizes from the lines of |text|. */
static void cut_numbers(char *text)
{
	char *out = text;

	for (char *line = text, *end; *line; line = end + 1) {
		size_t n = strcspn(line, "[@\n");

		end = strchr(line, '\n');
		n -= line + n < end; /* the blank before it */
		memmove(out, line, n);
		out += n;
		*out++ = '\n';
	}
	*out = 0;
}

/* The events of |f|, which must not depend on how its bytes arrive. Frees |f|. */
static void expect(struct flow *f, const char *text)
{
	static const size_t pieces[] = {1, 13, 4032, 2 * BLOCK_BYTES};
	static struct transcript t;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct http2 *h;

		memset(&t, 0, sizeof(t));
		h = open_http2(&t, &client);
		for (size_t at = 0; at < f->used_bytes; at += pieces[i]) {
			size_t left = f->used_bytes - at, n = left < pieces[i] ? left : pieces[i];
			char *copy = malloc(n);

			memcpy(copy, f->data + at, n);
			assert_int_equal(
				http2_feed(h, &(struct feed){(uint8_t *)copy, n, 1, 0, 0, 0}),
				DECODE_OK);
			free(copy);
		}
		cut_numbers(t.text);
		assert_string_equal(t.text, text);
		http2_free(h);
	}
	wire_free(f->deflater);
	free(f);
}

/* Many fields, each of which evicts others from the table. */
static char *many_fields(const char *lines, unsigned count)
{
	size_t size = 2048 * (count + 1), n;
	char *text = malloc(size);

	n = (size_t)snprintf(text, size, "%s", lines);
	for (unsigned i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, size - n, "x-field-%u: %01900u\n", i, i);
	return text;
}

static void long_blocks(void **state)
{
	static const size_t frames[] = {FRAME_BYTES, 1000, 61};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct flow *f = flow_new();
		char *lines = many_fields(
			":method: GET\n:path: /long\n:scheme: http\n:authority: a\n", 50);

		flow_request(f, 1, GET "user-agent: u\n", FRAME_BYTES);
		flow_request(f, 3, lines, frames[i]);
		flow_request(f, 5, lines, frames[i]);
		flow_request(f, 7, GET "user-agent: u\n", FRAME_BYTES);
		free(lines);
		expect(f, "1 request method=GET path=/ authority=a scheme=http user-agent=u v20 "
			  "end_stream\n1 end\n"
			  "3 request method=GET path=/long authority=a scheme=http v20 "
			  "end_stream\n3 end\n"
			  "5 request method=GET path=/long authority=a scheme=http v20 "
			  "end_stream\n5 end\n"
			  "7 request method=GET path=/ authority=a scheme=http user-agent=u v20 "
			  "end_stream\n7 end\n");
	}
}

/* ---- fields with a string that is too long to be decoded */

/* A number with a prefix of 7 bits (RFC 7541 5.1). */
static size_t put_length(uint8_t *out, size_t value)
{
	size_t n = 0;

	out[n++] = 127;
	for (value -= 127; value >= 128; value >>= 7)
		out[n++] = 128 | (value & 127);
	out[n++] = (uint8_t)value;
	return n;
}

/* GET http://a with |path|, if any, then a field of |name_bytes| and |value_bytes|, inserted. */
static size_t put_giant(uint8_t *out, const char *path, size_t name_bytes, size_t value_bytes)
{
	size_t n = 0;

	out[n++] = 0x82;
	out[n++] = 0x86;
	if (path)
		out[n++] = 0x84;
	out[n++] = path ? 0x40 : 0x44; /* :path */
	if (path)
		n += put_length(out + n, name_bytes);
	memset(out + n, 'n', path ? name_bytes : 0);
	n += path ? name_bytes : 0;
	n += put_length(out + n, value_bytes);
	memset(out + n, 'v', value_bytes);
	n += value_bytes;
	out[n++] = 0x01; /* :authority */
	out[n++] = 1;
	out[n++] = 'a';
	return n;
}

static void giant_fields(void **state)
{
	static const uint8_t agent[] = {0x82, 0x84, 0x86, 0x01, 1, 'a', 0x7a, 1, 'w'};
	static const uint8_t newest[] = {0x82, 0x84, 0x86, 0x01, 1, 'a', 0xbe};
	static const size_t giants[][2] = {
		{200, 70000}, {5000, 200}, {5000, 70000}, {200000, 200000}};
	static uint8_t block[BLOCK_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(giants) / sizeof(giants[0]); i++) {
		struct flow *f = flow_new();

		flow_block(f, 1, block, put_giant(block, "/", giants[i][0], giants[i][1]),
			   FRAME_BYTES);
		flow_block(f, 3, agent, sizeof(agent), FRAME_BYTES);
		flow_block(f, 5, newest, sizeof(newest), FRAME_BYTES);
		expect(f, "1 request method=GET path=/ authority=a scheme=http v20 end_stream "
			  "cut\n1 end\n"
			  "3 request method=GET path=/ authority=a scheme=http user-agent=w v20 "
			  "end_stream\n3 end\n"
			  "5 request method=GET path=/ authority=a scheme=http user-agent=w v20 "
			  "end_stream\n5 end\n");
	}
}

static void giant_path(void **state)
{
	static uint8_t block[BLOCK_BYTES];
	struct flow *f = flow_new();

	(void)state;
	flow_block(f, 1, block, put_giant(block, NULL, 0, 70000), 1000);
	flow_request(f, 3, GET, FRAME_BYTES);
	expect(f, "1 request method=GET authority=a scheme=http v20 end_stream cut\n1 end\n"
		  "3 request method=GET path=/ authority=a scheme=http v20 end_stream\n3 end\n");
}

/* The sender's table is larger than ours and still holds what is older than the field. */
static void giant_in_a_large_table(void **state)
{
	static const uint8_t before[] = {0x3f, 0xe1, 0xff, 0x3f, 0x82, 0x84, 0x86,
					 0x01, 1,    'a',  0x7a, 1,    'u'};
	static const uint8_t newest[] = {0x82, 0x84, 0x86, 0x01, 1, 'a', 0xbe};
	static const uint8_t second[] = {0x82, 0x84, 0x86, 0x01, 1, 'a', 0xbf};
	static uint8_t block[BLOCK_BYTES];
	struct flow *f = flow_new();

	(void)state;
	flow_block(f, 1, before, sizeof(before), FRAME_BYTES);
	flow_block(f, 3, block, put_giant(block, "/", 200, 70000), FRAME_BYTES);
	flow_block(f, 5, newest, sizeof(newest), FRAME_BYTES);
	flow_block(f, 7, second, sizeof(second), FRAME_BYTES);
	expect(f, "1 request method=GET path=/ authority=a scheme=http user-agent=u v20 "
		  "end_stream\n1 end\n"
		  "3 request method=GET path=/ authority=a scheme=http v20 end_stream cut\n3 end\n"
		  "5 request method=GET path=/ authority=a scheme=http v20 end_stream "
		  "incomplete\n5 end\n"
		  "7 request method=GET path=/ authority=a scheme=http user-agent=u v20 "
		  "end_stream\n7 end\n");
}

/* A block that ends inside such a field. */
static void giant_cut(void **state)
{
	static uint8_t block[BLOCK_BYTES];
	size_t n = put_giant(block, "/", 5000, 70000);

	(void)state;
	for (size_t cut = 4; cut < n - 3; cut += cut < 20 || (cut > 4995 && cut < 5020) ? 1 : 997) {
		struct flow *f = flow_new();
		struct transcript t = {0};
		struct http2 *h = open_http2(&t, &client);

		flow_block(f, 1, block, cut, FRAME_BYTES);
		assert_int_equal(http2_feed(h, &(struct feed){f->data, f->used_bytes, 1, 1, 0, 0}),
				 DECODE_MALFORMED);
		http2_free(h);
		wire_free(f->deflater);
		free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_blocks), cmocka_unit_test(giant_fields),
		cmocka_unit_test(giant_path),  cmocka_unit_test(giant_in_a_large_table),
		cmocka_unit_test(giant_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
