// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// HPACK by libnghttp2's bare inflater, made to work with a dynamic table of which only the newest
// part is known.
//
// Why that is safe: an index counts from the newest entry. The sender's table and ours are both the
// newest part of one and the same sequence of insertions: eviction takes the oldest, a size update
// takes the oldest, and an entry that is too large for the table takes all that are older along
// (RFC 7541 4.3, 4.4). Whatever the two sizes are, index i therefore means the same insertion in
// both tables as long as both hold it; the sender refers to nothing that he does not hold; what we
// do not hold is beyond the end of our table and seen to be unknown. So a known entry is never
// resolved to a wrong field, and no size has to be guessed.
//
// The inflater ends at an index beyond its table. In partial mode each field's representation is
// therefore looked at before it is inflated: it goes to the inflater as it is when its index is
// known; an unknown field is left out, except that an insertion has to be made (later indexes count
// it), under a name that no header can have.
//
// Most fields of responses are neither wanted nor remembered by the table. The inflater does not
// get those: decoding their Huffman code would be most of its work.
#include "datapath/decode/hpack.h"

#include "base/cursor.h"

#include <nghttp2/nghttp2.h>

#include <stdlib.h>

#define INTEGER_MAX_BYTES 6    /* enough for any 32-bit number (RFC 7541 5.1) */
#define UNKNOWN_NAME	  0x00 /* one byte: our entry must not be larger than the sender's smallest */

#define STATIC_ENTRIES 61
/* No table has more entries than this. */
#define INDEX_MAX      (STATIC_ENTRIES + (1U << 20))

struct hpack {
	nghttp2_hd_inflater *inflater;
	uint32_t announced_bytes; /* bound of size updates */
	bool announced;
	bool partial; /* the sender's table may hold entries that ours does not */
	const char *reason;
};

/* Entries of the static table whose names are among HPACK_FIELDS (RFC 7541 A): the pseudo-header
 * fields, content-type, host, user-agent. */
static const uint64_t wanted_entries = 0x7ffe | 1ull << 31 | 1ull << 38 | 1ull << 58;

static const struct slice field_names[] = {
#define X(name, text) [HPACK_FIELD_##name] = {text, sizeof(text) - 1},
	HPACK_FIELDS(X)
#undef X
};

struct hpack *hpack_new(bool joined)
{
	struct hpack *h = calloc(1, sizeof(*h));

	if (!h || nghttp2_hd_inflate_new(&h->inflater) ||
	    nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_MAX_TABLE_BYTES)) {
		hpack_free(h);
		return NULL;
	}
	h->announced_bytes = UINT32_MAX;
	h->partial = joined;
	h->reason = "";
	return h;
}

void hpack_free(struct hpack *h)
{
	if (h && h->inflater)
		nghttp2_hd_inflate_del(h->inflater);
	free(h);
}

void hpack_announce_table_size(struct hpack *h, uint32_t size_bytes)
{
	if (!h->announced)
		h->announced_bytes = HPACK_DEFAULT_TABLE_BYTES;
	h->announced = true;
	if (size_bytes > h->announced_bytes)
		h->announced_bytes = size_bytes;
}

static enum decode_status fail(struct hpack *h, enum decode_status status, const char *reason)
{
	h->reason = reason;
	return status;
}

static void mark_unknown(struct hpack_fields *fields)
{
	fields->incomplete = true;
	if (!fields->known)
		fields->unknown_first = true;
}

/* Keeps a copy of a value, which is the inflater's until its next call. */
static void keep_value(struct hpack_fields *fields, enum hpack_field field, struct slice value)
{
	size_t room = HPACK_MAX_TEXT_BYTES - fields->text_used;

	if (fields->value[field].data)
		return;
	if (value.size_bytes && !room) {
		fields->incomplete = true;
		return;
	}
	if (value.size_bytes > HPACK_MAX_VALUE_BYTES)
		value.size_bytes = HPACK_MAX_VALUE_BYTES;
	if (value.size_bytes > room)
		value.size_bytes = room;
	fields->value[field] = (struct slice){fields->text + fields->text_used, value.size_bytes};
	memcpy(fields->text + fields->text_used, value.data, value.size_bytes);
	fields->text_used += value.size_bytes;
}

/* Most names differ in size or last letter. */
static bool name_is(struct slice name, struct slice wanted)
{
	return name.size_bytes == wanted.size_bytes &&
	       name.data[name.size_bytes - 1] == wanted.data[name.size_bytes - 1] &&
	       slice_equal(name, wanted);
}

static void take_field(struct hpack_fields *fields, const nghttp2_nv *nv)
{
	struct slice name = {(const char *)nv->name, nv->namelen};

	if (name.size_bytes == 1 && name.data[0] == UNKNOWN_NAME) {
		mark_unknown(fields);
		return;
	}
	fields->known++;
	if (name.size_bytes && name.data[0] == ':')
		fields->pseudo = true;
	for (unsigned i = 0; i < HPACK_FIELD_MAX; i++) {
		if (!name_is(name, field_names[i]))
			continue;
		keep_value(fields, i, (struct slice){(const char *)nv->value, nv->valuelen});
		return;
	}
}

static enum decode_status inflate_failed(struct hpack *h, int error)
{
	return fail(h, error == NGHTTP2_ERR_NOMEM ? DECODE_LIMIT : DECODE_MALFORMED,
		    nghttp2_strerror(error));
}

/* Gives bytes of the block to the inflater, the end of the block when |final|. */
static enum decode_status inflate(struct hpack *h, const uint8_t *data, size_t size_bytes,
				  bool final, struct hpack_fields *fields)
{
	int flags = NGHTTP2_HD_INFLATE_EMIT;

	while (size_bytes || (flags & NGHTTP2_HD_INFLATE_EMIT)) {
		nghttp2_nv nv;
		ssize_t used;

		flags = 0;
		used = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, data, size_bytes, final);
		if (used < 0)
			return inflate_failed(h, (int)used);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			take_field(fields, &nv);
		data += used;
		size_bytes -= (size_t)used;
	}
	if (final)
		nghttp2_hd_inflate_end_headers(h->inflater);
	return DECODE_OK;
}

/* RFC 7541 5.1; fails the cursor when it is longer than any number that is legal here. */
static uint32_t read_integer(struct cursor *c, unsigned prefix_bits)
{
	uint32_t mask = (1U << prefix_bits) - 1;
	uint64_t value = cursor_u8(c) & mask;
	unsigned shift = 0;
	uint8_t byte;

	if (value < mask)
		return (uint32_t)value;
	do {
		byte = cursor_u8(c);
		value += (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 7 * (INTEGER_MAX_BYTES - 1));
	if (byte & 0x80 || value > UINT32_MAX)
		c->failed = true;
	return (uint32_t)value;
}

static void skip_string(struct cursor *c)
{
	cursor_take(c, read_integer(c, 7));
}

static enum decode_status inflate_size_update(struct hpack *h, uint32_t size_bytes,
					      struct hpack_fields *fields)
{
	uint32_t ours = size_bytes < HPACK_MAX_TABLE_BYTES ? size_bytes : HPACK_MAX_TABLE_BYTES;
	uint8_t update[INTEGER_MAX_BYTES] = {0x20 | (ours < 31 ? ours : 31)};
	size_t used = 1;

	if (size_bytes > h->announced_bytes)
		return fail(h, DECODE_MALFORMED, "header table size over SETTINGS");
	if (size_bytes > ours)
		h->partial = true;
	else if (!size_bytes)
		h->partial = false; /* both tables are empty */
	if (ours >= 31) {
		for (ours -= 31; ours >= 0x80; ours >>= 7)
			update[used++] = 0x80 | (ours & 0x7f);
		update[used++] = ours;
	}
	return inflate(h, update, used, false, fields);
}

static bool at_size_update(const struct cursor *c)
{
	return (*c->next & 0xe0) == 0x20;
}

/* Size updates stand at the front of a block (RFC 7541 4.2). */
static enum decode_status inflate_size_updates(struct hpack *h, struct cursor *c,
					       struct hpack_fields *fields)
{
	enum decode_status status = DECODE_OK;

	while (status == DECODE_OK && cursor_left(c) && at_size_update(c)) {
		uint32_t size_bytes = read_integer(c, 5);

		if (c->failed)
			return fail(h, DECODE_MALFORMED, "header table size");
		status = inflate_size_update(h, size_bytes, fields);
	}
	return status;
}

/* A field whose name (or, when it has no literal value, whose all) is an entry that we
 * do not hold. */
static enum decode_status inflate_unknown(struct hpack *h, bool insert, const uint8_t *value,
					  size_t value_bytes, struct hpack_fields *fields)
{
	static const uint8_t name[] = {0x40, 1, UNKNOWN_NAME};
	enum decode_status status;

	if (!insert) {
		mark_unknown(fields);
		return DECODE_OK;
	}
	status = inflate(h, name, sizeof(name), false, fields);
	if (status == DECODE_OK)
		status = inflate(h, value, value_bytes, false, fields);
	return status;
}

/* How a field is written (RFC 7541 6). */
struct representation {
	const uint8_t *start, *value;
	uint32_t index; /* 0: the name is a literal */
	bool indexed;	/* all of the field is an entry */
	bool insert;
};

/* Fails the cursor when it is cut or has an impossible number. */
static struct representation read_representation(struct cursor *c)
{
	struct representation r = {.start = c->next, .indexed = *c->next & 0x80};

	r.insert = !r.indexed && *c->next & 0x40;
	r.index = read_integer(c, r.indexed ? 7 : r.insert ? 6 : 4);
	if (!r.indexed && !r.index)
		skip_string(c);
	r.value = c->next;
	if (!r.indexed)
		skip_string(c);
	if ((r.indexed && !r.index) || r.index > INDEX_MAX)
		c->failed = true;
	return r;
}

/* A field that nobody wants, and that is not kept in the table. */
static bool is_needless(const struct hpack *h, const struct representation *r)
{
	if (!r->index || r->index > STATIC_ENTRIES || wanted_entries >> r->index & 1)
		return false;
	return !r->insert || !nghttp2_hd_inflate_get_max_dynamic_table_size(h->inflater);
}

static enum decode_status inflate_representation(struct hpack *h, struct cursor *c,
						 struct hpack_fields *fields)
{
	struct representation r = read_representation(c);

	if (c->failed)
		return fail(h, DECODE_MALFORMED, "header field representation");
	if (is_needless(h, &r)) {
		fields->known++;
		return DECODE_OK;
	}
	if (r.index <= nghttp2_hd_inflate_get_num_table_entries(h->inflater))
		return inflate(h, r.start, (size_t)(c->next - r.start), false, fields);
	return inflate_unknown(h, r.insert, r.value, (size_t)(c->next - r.value), fields);
}

static enum decode_status inflate_partial(struct hpack *h, struct cursor *c,
					  struct hpack_fields *fields)
{
	enum decode_status status = DECODE_OK;

	while (status == DECODE_OK && cursor_left(c)) {
		if (at_size_update(c))
			return fail(h, DECODE_MALFORMED, "header table size inside a block");
		status = inflate_representation(h, c, fields);
	}
	return status == DECODE_OK ? inflate(h, c->next, 0, true, fields) : status;
}

/* Gives the inflater all between needless fields at once, and what is wrong, so that it says so. */
static enum decode_status inflate_needed(struct hpack *h, struct cursor *c,
					 struct hpack_fields *fields)
{
	const uint8_t *from = c->next;
	enum decode_status status = DECODE_OK;

	while (status == DECODE_OK && cursor_left(c)) {
		struct representation r;

		if (at_size_update(c))
			return fail(h, DECODE_MALFORMED, "header table size inside a block");
		r = read_representation(c);
		if (c->failed)
			break;
		if (!is_needless(h, &r))
			continue;
		if (r.start > from)
			status = inflate(h, from, (size_t)(r.start - from), false, fields);
		fields->known++;
		from = c->next;
	}
	return status == DECODE_OK ? inflate(h, from, (size_t)(c->end - from), true, fields)
				   : status;
}

enum decode_status hpack_inflate(struct hpack *h, struct slice block, struct hpack_fields *ret)
{
	struct cursor c = cursor_over(block.data, block.size_bytes);
	enum decode_status status;

	memset(ret, 0, offsetof(struct hpack_fields, text));
	status = inflate_size_updates(h, &c, ret);
	if (status != DECODE_OK)
		return status;
	return h->partial ? inflate_partial(h, &c, ret) : inflate_needed(h, &c, ret);
}

/* A decimal number of at most |max_digits|, or -1. */
static int parse_number(struct slice s, size_t max_digits)
{
	int value = 0;

	if (!s.size_bytes || s.size_bytes > max_digits)
		return -1;
	for (size_t i = 0; i < s.size_bytes; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return -1;
		value = value * 10 + s.data[i] - '0';
	}
	return value;
}

static uint16_t parse_status(struct slice s)
{
	int status = parse_number(s, 3);

	return status >= 100 ? (uint16_t)status : 0;
}

/* The codes that gRPC defines are 0 to 16; anything else says nothing. */
static int parse_grpc_status(struct slice s)
{
	int status = parse_number(s, 2);

	return status >= 0 && status <= 16 ? status : GRPC_STATUS_UNKNOWN;
}

void hpack_fields_head(const struct hpack_fields *fields, struct http_head *ret_head)
{
	const struct slice *value = fields->value;
	/* an authority may be among the unknown fields; it would take precedence over Host */
	bool authority = value[HPACK_FIELD_AUTHORITY].data || fields->incomplete;

	*ret_head = (struct http_head){
		.version = HTTP_2,
		.status = parse_status(value[HPACK_FIELD_STATUS]),
		.incomplete = fields->incomplete,
		.method = value[HPACK_FIELD_METHOD],
		.path = value[HPACK_FIELD_PATH],
		.authority = value[authority ? HPACK_FIELD_AUTHORITY : HPACK_FIELD_HOST],
		.scheme = value[HPACK_FIELD_SCHEME],
		.content_type = value[HPACK_FIELD_CONTENT_TYPE],
		.user_agent = value[HPACK_FIELD_USER_AGENT],
		.traceparent = value[HPACK_FIELD_TRACEPARENT],
		.request_id = value[HPACK_FIELD_REQUEST_ID],
		.upgrade = value[HPACK_FIELD_PROTOCOL],
		.grpc_status = parse_grpc_status(value[HPACK_FIELD_GRPC_STATUS]),
	};
}

const char *hpack_reason(const struct hpack *h)
{
	return h->reason;
}
