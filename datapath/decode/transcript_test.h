/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes down what an HTTP decoder tells its listener, as text that tests compare. For cmocka
 * tests. */
#pragma once

#include "datapath/decode/http.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a decoder told its listener, one line each. Body bytes are summed up per stream and written
 * when the stream's next event comes, so that the text does not depend on how the
 * bytes were cut. */
struct transcript {
	char text[32768];
	size_t used_bytes;
	struct transcript_body {
		uint32_t stream_id;
		uint64_t size_bytes;
		uint64_t position;
	} bodies[64];
	uint32_t forms;	     /* of the body that passes, written with its end: as above */
	enum http_body body; /* what `response` answers */
};

static inline void __attribute__((format(printf, 2, 3), unused))
transcript_line(struct transcript *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(t->text + t->used_bytes, sizeof(t->text) - t->used_bytes, format, args);
	va_end(args);
	assert_true(n >= 0 && t->used_bytes + (size_t)n + 1 < sizeof(t->text));
	t->used_bytes += (size_t)n;
	t->text[t->used_bytes++] = '\n';
	t->text[t->used_bytes] = 0;
}

static inline struct transcript_body *transcript_body_of(struct transcript *t, uint32_t stream_id)
{
	struct transcript_body *b = t->bodies;

	while (b->size_bytes && b->stream_id != stream_id) {
		b++;
		assert_true(b < t->bodies + sizeof(t->bodies) / sizeof(t->bodies[0]));
	}
	return b;
}

static inline void transcript_flush(struct transcript *t, uint32_t stream_id)
{
	struct transcript_body *b = transcript_body_of(t, stream_id);
	struct transcript_body *last = b;

	if (!b->size_bytes)
		return;
	transcript_line(t, "%u body %" PRIu64 " @%" PRIu64, stream_id, b->size_bytes, b->position);
	while (last + 1 < t->bodies + sizeof(t->bodies) / sizeof(t->bodies[0]) &&
	       last[1].size_bytes)
		last++;
	*b = *last;
	last->size_bytes = 0;
}

static inline void transcript_field(char *out, size_t size, const char *name, struct slice s)
{
	size_t used = strlen(out);

	if (s.data)
		snprintf(out + used, size - used, " %s=%.*s", name, (int)s.size_bytes, s.data);
}

/* " lenient:a,b" when |forms| are any. */
static inline void transcript_lenient(char *out, size_t size, uint32_t forms)
{
	const char *between = " lenient:";
	size_t used = strlen(out);

#define X(name, label, ...)                                                                        \
	if (forms & HTTP_LENIENT_FORM(name)) {                                                     \
		used += (size_t)snprintf(out + used, size - used, "%s%s", between, label);         \
		between = ",";                                                                     \
	}
	HTTP_LENIENT(X)
#undef X
	assert_true(used < size);
}

/* "1 request GET /path authority=a ... [first,last] 34 bytes"; absent fields are left out. */
static inline void transcript_head(struct transcript *t, const char *what,
				   const struct http_head *h)
{
	char fields[8192] = "";

	transcript_flush(t, h->stream_id);
	if (h->status)
		snprintf(fields, sizeof(fields), " %u", h->status);
	transcript_field(fields, sizeof(fields), "method", h->method);
	transcript_field(fields, sizeof(fields), "path", h->path);
	transcript_field(fields, sizeof(fields), "authority", h->authority);
	transcript_field(fields, sizeof(fields), "scheme", h->scheme);
	transcript_field(fields, sizeof(fields), "content-type", h->content_type);
	transcript_field(fields, sizeof(fields), "user-agent", h->user_agent);
	transcript_field(fields, sizeof(fields), "traceparent", h->traceparent);
	transcript_field(fields, sizeof(fields), "request-id", h->request_id);
	transcript_field(fields, sizeof(fields), "upgrade", h->upgrade);
	transcript_lenient(fields, sizeof(fields), h->lenient);
	if (h->grpc_status != GRPC_STATUS_UNKNOWN)
		snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields),
			 " grpc-status=%d", h->grpc_status);
	transcript_line(t, "%u %s%s v%d%s%s%s [%" PRIu64 ",%" PRIu64 "] %u bytes", h->stream_id,
			what, fields, h->version, h->end_stream ? " end_stream" : "",
			h->incomplete ? " incomplete" : "", h->cut ? " cut" : "", h->first, h->last,
			h->header_bytes);
}

static inline void transcript_request(void *arg, const struct http_head *head)
{
	transcript_head(arg, "request", head);
}

static inline enum http_body transcript_response(void *arg, const struct http_head *head)
{
	struct transcript *t = arg;

	transcript_head(t, "response", head);
	return t->body;
}

static inline void transcript_flush_forms(struct transcript *t)
{
	char text[512] = "";

	if (!t->forms)
		return;
	transcript_lenient(text, sizeof(text), t->forms);
	transcript_flush(t, 0);
	transcript_line(t, "0%s", text);
	t->forms = 0;
}

static inline void transcript_trailers(void *arg, const struct http_head *head)
{
	transcript_flush_forms(arg);
	transcript_head(arg, "trailers", head);
}

static inline void transcript_body_bytes(void *arg, uint32_t stream_id, uint64_t size_bytes,
					 uint64_t position)
{
	struct transcript_body *b = transcript_body_of(arg, stream_id);

	b->stream_id = stream_id;
	b->size_bytes += size_bytes;
	b->position = position;
}

static inline void transcript_forms(void *arg, uint32_t forms)
{
	struct transcript *t = arg;

	assert_false(t->forms & forms);
	t->forms |= forms;
}

static inline void transcript_grpc_message(void *arg, uint32_t stream_id)
{
	transcript_line(arg, "%u grpc message", stream_id);
}

static inline void transcript_end(void *arg, uint32_t stream_id, uint64_t position)
{
	transcript_flush(arg, stream_id);
	transcript_flush_forms(arg);
	transcript_line(arg, "%u end @%" PRIu64, stream_id, position);
}

static inline void transcript_reset(void *arg, uint32_t stream_id, uint32_t error_code,
				    uint64_t position)
{
	transcript_flush(arg, stream_id);
	transcript_line(arg, "%u reset %u @%" PRIu64, stream_id, error_code, position);
}

static inline void transcript_goaway(void *arg, uint32_t last_stream_id, uint32_t error_code,
				     uint64_t position)
{
	transcript_line(arg, "goaway %u %u @%" PRIu64, last_stream_id, error_code, position);
}

/* A listener that writes everything into |t|. */
static inline struct http_listener transcript_listener(struct transcript *t)
{
	return (struct http_listener){
		.arg = t,
		.request = transcript_request,
		.response = transcript_response,
		.body = transcript_body_bytes,
		.grpc_message = transcript_grpc_message,
		.lenient = transcript_forms,
		.trailers = transcript_trailers,
		.end = transcript_end,
		.reset = transcript_reset,
		.goaway = transcript_goaway,
	};
}
