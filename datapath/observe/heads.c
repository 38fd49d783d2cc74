// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a request head says, copied into the record of the request. */
#include "datapath/observe/heads.h"
#include "datapath/decode/redact.h"

#include <stdio.h>

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

void head_fill(const struct http_head *head, struct exchange *x)
{
	const struct decoder *d = x->conn->decoder;
	struct request *r = &x->record;

	snprintf(r->protocol, sizeof(r->protocol), "%s",
		 d->protocol ? d->protocol(head->version) : d->name);
	field_copy(r, needed(head->method), r->method, sizeof(r->method));
	if (redact_path(needed(head->path), r->path, sizeof(r->path)) || head->target_cut)
		r->incomplete |= REQUEST_GAP(CUT);
	field_copy(r, redact_authority(known(head->authority, head->incomplete || head->cut)),
		   r->authority, sizeof(r->authority));
	field_copy(r, head->request_id, r->request_id, sizeof(r->request_id));
	field_copy(r, head->user_agent, r->user_agent, sizeof(r->user_agent));
	if (head->traceparent.data && traceparent_valid(head->traceparent))
		slice_copy(head->traceparent, r->traceparent, sizeof(r->traceparent));
	r->grpc = head->grpc;
}
