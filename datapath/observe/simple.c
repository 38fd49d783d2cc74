// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/0.9: a request that is one line without a version, and a response without a head. */
#include "datapath/observe/simple.h"

#include "datapath/decode/decoder.h"
#include "datapath/decode/http1_line.h"
#include "datapath/observe/exchange.h"
#include "datapath/observe/requests.h"

static bool is_line_end(const struct feed *f)
{
	for (size_t i = 0; f->data && i < f->size_bytes; i++)
		if (f->data[i] != '\r' && f->data[i] != '\n')
			return false;
	return f->data;
}

bool simple_begins(struct conn *c, struct slice line, uint64_t first, uint64_t last)
{
	struct slice target = http1_simple_target(line);

	if (!target.size_bytes || c->unsynced || c->l7[SIDE_SERVER].state != L7_NEW)
		return false;
	c->simple = (struct simple){.first = first,
				    .last = last,
				    .target_cut = target.size_bytes >= sizeof(c->simple.target)};
	slice_copy(target, c->simple.target, sizeof(c->simple.target));
	return true;
}

void simple_note(struct conn *c, unsigned side, const struct feed *f)
{
	struct simple *s = &c->simple;

	if (!s->first || !f->size_bytes)
		return;
	if (side == SIDE_CLIENT) {
		s->first = is_line_end(f) ? s->first : 0;
		return;
	}
	if (!s->answer_bytes)
		s->answer_first = f->at;
	s->answer_last = feed_position(f, f->size_bytes - 1);
	s->answer_bytes += f->size_bytes;
}

void simple_finish(struct conn *c)
{
	struct l7_stream *requests = &c->l7[SIDE_CLIENT], *answers = &c->l7[SIDE_SERVER];
	const struct simple *s = &c->simple;
	struct http_head head = {.version = HTTP_0_9,
				 .method = SLICE("GET"),
				 .path = {s->target, strlen(s->target)},
				 .target_cut = s->target_cut};
	struct exchange *x;

	if (!s->first || !s->answer_bytes || c->decoder || !requests_prepare(c))
		return;
	x = exchange_open(c, 0);
	if (!x)
		return;
	c->decoder = &http1_decoder;
	c->opaque = false;
	exchange_fill(x, &head);
	x->record.incomplete |= REQUEST_GAP(STATUS);
	x->record.response_bytes = s->answer_bytes;
	x->request_ended = x->response_begun = x->response_ended = true;
	exchange_note(x, MOMENT_START, requests, s->first);
	exchange_note(x, MOMENT_REQUEST_END, requests, s->last);
	exchange_note(x, MOMENT_FIRST_BYTE, answers, s->answer_first);
	exchange_note(x, MOMENT_END, answers, s->answer_last);
	exchange_complete(x);
}
