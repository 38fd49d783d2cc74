// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a request head says, copied into the record of the request. */
#include "datapath/observe/heads.h"
#include "datapath/decode/grpc.h"
#include "datapath/decode/http1_fields.h"
#include "datapath/decode/redact.h"

static const char *protocol_name(const struct conn *c, enum http_version version)
{
	switch (version) {
	case HTTP_1_0:
		return "http1.0";
	case HTTP_2:
		return "http2";
	case HTTP_1_1:
		return "http1.1";
	default:
		return c->decoder->name;
	}
}

static void field_copy(struct request *r, struct slice s, char *out, size_t size)
{
	slice_copy(s, out, size);
	if (s.size_bytes >= size)
		r->incomplete |= REQUEST_GAP(CUT);
}

/* A field that may be one that was not understood. */
static struct slice known(struct slice s, bool missing)
{
	return !s.data && missing ? SLICE("unknown") : s;
}

/* A field that must be there. */
static struct slice needed(struct slice s)
{
	return s.size_bytes ? s : SLICE("unknown");
}

bool head_lacks_fields(const struct http_head *head)
{
	bool connects = slice_equal(head->method, SLICE("CONNECT"));

	if (head->version != HTTP_2 || head->incomplete || head->cut)
		return false;
	return !head->method.size_bytes || (!head->path.size_bytes && !connects);
}

void head_fill(const struct http_head *head, struct exchange *x)
{
	const char *protocol = protocol_name(x->conn, head->version);
	struct request *r = &x->record;

	slice_copy((struct slice){protocol, strlen(protocol)}, r->protocol, sizeof(r->protocol));
	field_copy(r, needed(head->method), r->method, sizeof(r->method));
	if (redact_path(needed(head->path), r->path, sizeof(r->path)) ||
	    head->path.size_bytes >= HTTP1_TARGET_MAX_BYTES)
		r->incomplete |= REQUEST_GAP(CUT);
	field_copy(r, redact_authority(known(head->authority, head->incomplete || head->cut)),
		   r->authority, sizeof(r->authority));
	field_copy(r, head->request_id, r->request_id, sizeof(r->request_id));
	field_copy(r, head->user_agent, r->user_agent, sizeof(r->user_agent));
	if (head->traceparent.data && traceparent_valid(head->traceparent))
		slice_copy(head->traceparent, r->traceparent, sizeof(r->traceparent));
	r->grpc = grpc_content_type(head->content_type);
}
