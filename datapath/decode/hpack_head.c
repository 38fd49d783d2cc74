// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the fields of a header block say of the message that they begin or end.
#include "datapath/decode/grpc.h"
#include "datapath/decode/hpack.h"

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
	bool authority = value[HPACK_FIELD_AUTHORITY].data || fields->incomplete || fields->cut;

	*ret_head = (struct http_head){
		.version = HTTP_2,
		.status = parse_status(value[HPACK_FIELD_STATUS]),
		.incomplete = fields->incomplete,
		.cut = fields->cut,
		.grpc = grpc_content_type(value[HPACK_FIELD_CONTENT_TYPE]),
		.type_unknown = (fields->incomplete || fields->cut) &&
				!value[HPACK_FIELD_CONTENT_TYPE].data,
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
