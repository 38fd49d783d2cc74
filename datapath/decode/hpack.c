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
#include "datapath/decode/huffman.h"

#include <nghttp2/nghttp2.h>

#include <stdlib.h>

#define INTEGER_MAX_BYTES 6    /* enough for any 32-bit number (RFC 7541 5.1) */
#define UNKNOWN_NAME	  0x00 /* one byte: our entry must not be larger than the sender's smallest */

#define STATIC_ENTRIES 61
/* No table has more entries than this. */
#define INDEX_MAX      (STATIC_ENTRIES + (1U << 20))
#define PSEUDO_ENTRIES 14 /* the first ones */

#define TOO_LONG UINT64_MAX /* no number */

/* Strings up to these sizes are inflated; libnghttp2 takes no longer values. */
#define NAME_MAX_BYTES	4096
#define VALUE_MAX_BYTES 65536

struct hpack {
	nghttp2_hd_inflater *inflater;
	uint32_t announced_bytes; /* bound of size updates */
	bool announced;
	bool partial; /* the sender's table may hold entries that ours does not */
	/* of the block */
	bool fields_begun;   /* size updates are over */
	bool pass_value;     /* the value after |pass_bytes| is passed over, too */
	uint32_t pass_bytes; /* the next bytes to pass over */
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

struct hpack *hpack_new(bool midstream)
{
	struct hpack *h = calloc(1, sizeof(*h));

	if (!h || nghttp2_hd_inflate_new(&h->inflater) ||
	    nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_MAX_TABLE_BYTES)) {
		hpack_free(h);
		return NULL;
	}
	h->announced_bytes = UINT32_MAX;
	h->partial = midstream;
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

	if (fields->value[field].data) {
		if (field == HPACK_FIELD_TRACEPARENT || field == HPACK_FIELD_REQUEST_ID)
			fields->value[field].size_bytes = 0;
		return;
	}
	if (value.size_bytes && !room) {
		fields->cut = true;
		return;
	}
	if (value.size_bytes > HPACK_MAX_VALUE_BYTES)
		value.size_bytes = HPACK_MAX_VALUE_BYTES;
	if (value.size_bytes > room) {
		fields->cut = true;
		value.size_bytes = room;
	}
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
			return fail(h, used == NGHTTP2_ERR_NOMEM ? DECODE_LIMIT : DECODE_MALFORMED,
				    nghttp2_strerror((int)used));
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			take_field(fields, &nv);
		data += used;
		size_bytes -= (size_t)used;
	}
	if (final)
		nghttp2_hd_inflate_end_headers(h->inflater);
	return DECODE_OK;
}

static enum decode_status inflate_until(struct hpack *h, const uint8_t *from, const uint8_t *to,
					struct hpack_fields *fields)
{
	return to > from ? inflate(h, from, (size_t)(to - from), false, fields) : DECODE_OK;
}

/* RFC 7541 5.1; TOO_LONG when it is longer than any number that is legal here. */
static uint64_t read_integer(struct cursor *c, unsigned prefix_bits)
{
	uint32_t mask = (1U << prefix_bits) - 1;
	uint64_t value = cursor_u8(c) & mask;
	unsigned shift = 0;
	uint8_t byte;

	if (value < mask)
		return value;
	do {
		byte = cursor_u8(c);
		value += (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 7 * (INTEGER_MAX_BYTES - 1));
	return byte & 0x80 || value > UINT32_MAX ? TOO_LONG : value;
}

/* With |first| in the bits before it; gives it to the inflater. */
static enum decode_status inflate_integer(struct hpack *h, uint8_t first, unsigned prefix_bits,
					  uint32_t value, struct hpack_fields *fields)
{
	uint32_t mask = (1U << prefix_bits) - 1;
	uint8_t bytes[INTEGER_MAX_BYTES] = {first | (value < mask ? value : mask)};
	size_t used = 1;

	if (value >= mask) {
		for (value -= mask; value >= 0x80; value >>= 7)
			bytes[used++] = 0x80 | (value & 0x7f);
		bytes[used++] = value;
	}
	return inflate(h, bytes, used, false, fields);
}

static enum decode_status inflate_size_update(struct hpack *h, uint32_t size_bytes,
					      struct hpack_fields *fields)
{
	uint32_t ours = size_bytes < HPACK_MAX_TABLE_BYTES ? size_bytes : HPACK_MAX_TABLE_BYTES;

	if (size_bytes > h->announced_bytes)
		return fail(h, DECODE_MALFORMED, "header table size over SETTINGS");
	if (size_bytes > ours)
		h->partial = true;
	else if (!size_bytes)
		h->partial = false; /* both tables are empty */
	return inflate_integer(h, 0x20, 5, ours, fields);
}

static bool at_size_update(const struct cursor *c)
{
	return (*c->next & 0xe0) == 0x20;
}

/* Reads the size update at the cursor. |*ret_cut|: it is not complete, and the cursor stays before
 * it. */
static enum decode_status take_size_update(struct hpack *h, struct cursor *c, bool final,
					   struct hpack_fields *fields, bool *ret_cut)
{
	const uint8_t *start = c->next;
	uint64_t size_bytes = read_integer(c, 5);

	*ret_cut = c->failed;
	if (size_bytes == TOO_LONG || (c->failed && final))
		return fail(h, DECODE_MALFORMED, "header table size");
	if (!c->failed)
		return inflate_size_update(h, (uint32_t)size_bytes, fields);
	c->next = start;
	return DECODE_OK;
}

/* Size updates stand at the front of a block (RFC 7541 4.2). */
static enum decode_status inflate_size_updates(struct hpack *h, struct cursor *c, bool final,
					       struct hpack_fields *fields)
{
	enum decode_status status = DECODE_OK;
	bool cut = false;

	while (status == DECODE_OK && !cut && !h->fields_begun && cursor_left(c)) {
		h->fields_begun = !at_size_update(c);
		if (!h->fields_begun)
			status = take_size_update(h, c, final, fields, &cut);
	}
	return status;
}

/* How a field is written (RFC 7541 6). */
struct representation {
	const uint8_t *start, *value;
	const uint8_t *name;				/* NULL: an index */
	uint32_t name_excess_bytes, value_excess_bytes; /* of Huffman's padding */
	uint32_t index;					/* 0: the name is a literal */
	bool indexed;					/* all of the field is an entry */
	bool insert;
	bool bad;	      /* has an impossible number */
	bool giant_name;      /* |giant_bytes| are of the name */
	uint32_t giant_bytes; /* of a string that is not looked at: the cursor is before it */
};

/* A string of a representation. */
static void read_string(struct cursor *c, struct representation *r, uint32_t max_bytes,
			uint32_t *ret_excess_bytes)
{
	bool huffman = cursor_left(c) && *c->next & 0x80;
	uint64_t size_bytes = read_integer(c, 7);
	struct slice string;

	if (size_bytes == TOO_LONG) {
		r->bad = true;
	} else if (!c->failed && size_bytes > max_bytes) {
		r->giant_bytes = (uint32_t)size_bytes;
	} else {
		string = cursor_take(c, size_bytes);
		if (huffman && !c->failed)
			*ret_excess_bytes = huffman_excess_bytes(string);
	}
}

/* Fails the cursor when it is cut. */
static struct representation read_representation(struct cursor *c)
{
	struct representation r = {.start = c->next, .indexed = *c->next & 0x80};
	uint64_t index;

	r.insert = !r.indexed && *c->next & 0x40;
	index = read_integer(c, r.indexed ? 7 : r.insert ? 6 : 4);
	r.bad = !c->failed && ((r.indexed && !index) || index > INDEX_MAX);
	r.index = (uint32_t)index;
	if (r.bad || r.indexed)
		return r;
	if (!r.index) {
		r.name = c->next;
		read_string(c, &r, NAME_MAX_BYTES, &r.name_excess_bytes);
	}
	r.giant_name = r.giant_bytes;
	r.value = c->next;
	if (!r.bad && !r.giant_name)
		read_string(c, &r, VALUE_MAX_BYTES, &r.value_excess_bytes);
	return r;
}

/* Inflates a string without its excess padding, which libnghttp2 rejects. */
static enum decode_status inflate_string(struct hpack *h, const uint8_t *from, const uint8_t *to,
					 uint32_t excess_bytes, struct hpack_fields *fields)
{
	struct cursor c = cursor_over(from, (size_t)(to - from));
	enum decode_status status;
	uint32_t size_bytes;

	if (!excess_bytes)
		return inflate_until(h, from, to, fields);
	size_bytes = (uint32_t)read_integer(&c, 7) - excess_bytes;
	status = inflate_integer(h, 0x80, 7, size_bytes, fields);
	return status == DECODE_OK ? inflate_until(h, c.next, c.next + size_bytes, fields) : status;
}

/* Inflates a field whose strings may have excess padding. */
static enum decode_status inflate_loose(struct hpack *h, const struct representation *r,
					const struct cursor *c, struct hpack_fields *fields)
{
	enum decode_status status =
		inflate_until(h, r->start, r->name ? r->name : r->value, fields);

	if (status == DECODE_OK && r->name)
		status = inflate_string(h, r->name, r->value, r->name_excess_bytes, fields);
	if (status == DECODE_OK)
		status = inflate_string(h, r->value, c->next, r->value_excess_bytes, fields);
	return status;
}

/* Inserts an entry with an unknown name, so that the indices of later entries stay right. */
static enum decode_status insert_unknown(struct hpack *h, const uint8_t *value, size_t value_bytes,
					 uint32_t excess_bytes, struct hpack_fields *fields)
{
	static const uint8_t name[] = {0x40, 1, UNKNOWN_NAME};
	enum decode_status status = inflate(h, name, sizeof(name), false, fields);

	if (status != DECODE_OK)
		return status;
	return inflate_string(h, value, value + value_bytes, excess_bytes, fields);
}

/* Passes over a field with a string that is too long to be kept. Where the field is inserted into
 * the table, an entry stands for it that is smaller than the sender's, so that our table never
 * evicts an entry that the sender's still holds. */
static enum decode_status pass_giant(struct hpack *h, const struct representation *r,
				     struct hpack_fields *fields)
{
	static const uint8_t empty[] = {0};
	bool incomplete = fields->incomplete, unknown_first = fields->unknown_first;
	enum decode_status status = DECODE_OK;

	h->pass_bytes = r->giant_bytes;
	h->pass_value = r->giant_name;
	fields->known++;
	fields->cut = true;
	fields->pseudo |= r->index && r->index <= PSEUDO_ENTRIES;
	if (r->insert)
		status = insert_unknown(h, empty, sizeof(empty), 0, fields);
	fields->incomplete = incomplete;
	fields->unknown_first = unknown_first;
	return status;
}

/* Continues to pass over a field; the cursor stops before a length that is not complete. */
static enum decode_status pass_rest(struct hpack *h, struct cursor *c, bool final)
{
	while (h->pass_bytes || h->pass_value) {
		const uint8_t *start = c->next;
		size_t left = cursor_left(c);
		uint64_t value_bytes;

		c->next += left < h->pass_bytes ? left : h->pass_bytes;
		h->pass_bytes -= (uint32_t)(c->next - start);
		if (!h->pass_bytes && !h->pass_value)
			break;
		start = c->next;
		value_bytes = h->pass_bytes ? 0 : read_integer(c, 7);
		if (value_bytes == TOO_LONG || (final && (h->pass_bytes || c->failed)))
			return fail(h, DECODE_MALFORMED, "header field representation");
		if (h->pass_bytes || c->failed) {
			c->next = start;
			c->failed = false;
			break;
		}
		h->pass_bytes = (uint32_t)value_bytes;
		h->pass_value = false;
	}
	return DECODE_OK;
}

/* A field whose value is not among HPACK_FIELDS and that does not enter the table. */
static bool is_needless(const struct hpack *h, const struct representation *r)
{
	if (!r->index || r->index > STATIC_ENTRIES || wanted_entries >> r->index & 1)
		return false;
	return !r->insert || !nghttp2_hd_inflate_get_max_dynamic_table_size(h->inflater);
}

/* One field by itself; the cursor is behind it. */
static enum decode_status take_representation(struct hpack *h, const struct representation *r,
					      struct cursor *c, bool final,
					      struct hpack_fields *fields)
{
	enum decode_status status;

	if (r->giant_bytes) {
		status = pass_giant(h, r, fields);
		return status == DECODE_OK ? pass_rest(h, c, final) : status;
	}
	if (is_needless(h, r)) {
		fields->known++;
		return DECODE_OK;
	}
	if (r->index > nghttp2_hd_inflate_get_num_table_entries(h->inflater)) {
		/* we do not hold the entry of its name, or of name and value */
		if (r->insert)
			return insert_unknown(h, r->value, (size_t)(c->next - r->value),
					      r->value_excess_bytes, fields);
		mark_unknown(fields);
		return DECODE_OK;
	}
	return r->indexed ? inflate_until(h, r->start, c->next, fields)
			  : inflate_loose(h, r, c, fields);
}

/* Whether the inflater may get this field together with its neighbours. */
static bool is_plain(const struct hpack *h, const struct representation *r)
{
	return !h->partial && !r->giant_bytes && !r->name_excess_bytes && !r->value_excess_bytes &&
	       !is_needless(h, r);
}

/* Inflates the rest from |from| on; |cut|: it ends inside |r|. Invalid data is inflated, too, so
 * that the inflater reports the error. */
static enum decode_status inflate_end(struct hpack *h, struct cursor *c, const uint8_t *from,
				      const struct representation *r, bool cut, bool final,
				      struct hpack_fields *fields)
{
	enum decode_status status;

	if (!cut && !final)
		return inflate_until(h, from, c->next, fields);
	if (cut && !final && !r->bad) {
		c->next = r->start;
		return inflate_until(h, from, r->start, fields);
	}
	status = inflate(h, from, (size_t)(c->end - from), true, fields);
	if (status == DECODE_OK && cut)
		return fail(h, DECODE_MALFORMED, "header field representation");
	return status;
}

/* Inflates runs of plain fields in one call each, and the fields between them one by one. */
static enum decode_status inflate_fields(struct hpack *h, struct cursor *c, bool final,
					 struct hpack_fields *fields)
{
	const uint8_t *from = c->next;
	enum decode_status status = DECODE_OK;
	struct representation r = {0};
	bool cut = false;

	while (status == DECODE_OK && cursor_left(c)) {
		bool update = at_size_update(c);

		r = update ? (struct representation){.start = c->next} : read_representation(c);
		cut = c->failed || r.bad;
		if (cut)
			break;
		if (!update && is_plain(h, &r))
			continue;
		status = inflate_until(h, from, r.start, fields);
		if (status == DECODE_OK && update) {
			/* some servers accept it after a field; libnghttp2 at the start only */
			nghttp2_hd_inflate_end_headers(h->inflater);
			status = take_size_update(h, c, final, fields, &cut);
		} else if (status == DECODE_OK) {
			status = take_representation(h, &r, c, final, fields);
		}
		from = c->next;
		if (cut || h->pass_bytes || h->pass_value)
			break;
	}
	return status == DECODE_OK ? inflate_end(h, c, from, &r, cut, final, fields) : status;
}

void hpack_begin(struct hpack *h, struct hpack_fields *ret)
{
	memset(ret, 0, offsetof(struct hpack_fields, text));
	h->fields_begun = false;
	h->pass_bytes = 0;
	h->pass_value = false;
}

enum decode_status hpack_inflate_part(struct hpack *h, struct slice part, bool final,
				      struct hpack_fields *fields, size_t *ret_used)
{
	struct cursor c = cursor_over(part.data, part.size_bytes);
	const uint8_t *start = c.next;
	enum decode_status status = pass_rest(h, &c, final);

	if (status == DECODE_OK)
		status = inflate_size_updates(h, &c, final, fields);
	if (status == DECODE_OK && (h->fields_begun || final) && !h->pass_bytes && !h->pass_value)
		status = inflate_fields(h, &c, final, fields);
	*ret_used = (size_t)(c.next - start);
	return status;
}

enum decode_status hpack_inflate(struct hpack *h, struct slice block, struct hpack_fields *ret)
{
	size_t used;

	hpack_begin(h, ret);
	return hpack_inflate_part(h, block, true, ret, &used);
}

const char *hpack_reason(const struct hpack *h)
{
	return h->reason;
}
