// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Gathers the fields of an HTTP/1 block in bounded memory. */
#include "datapath/decode/http1_fields.h"

#include "datapath/decode/redact.h"

#include <stdlib.h>

/* Name on the wire, member of struct http_head, most bytes gathered. The parts of the start line
 * have names that no field can have. */
#define FIELDS(X)                                                                                  \
	X(" method", method, HTTP1_METHOD_MAX_BYTES)                                               \
	X(" target", path, HTTP1_TARGET_MAX_BYTES)                                                 \
	X("host", authority, 256)                                                                  \
	X("content-type", content_type, 128)                                                       \
	X("user-agent", user_agent, 128)                                                           \
	X("traceparent", traceparent, 64)                                                          \
	X("x-request-id", request_id, 128)                                                         \
	X("expect", expect, 32)                                                                    \
	X("upgrade", upgrade, 64)

struct http1_field {
	struct slice name;
	size_t offset;
	size_t limit_bytes;
};

static const struct http1_field fields[] = {
#define X(name, member, limit) {SLICE(name), offsetof(struct http_head, member), limit},
	FIELDS(X)
#undef X
};
#define FIELD_COUNT  (sizeof(fields) / sizeof(fields[0]))
#define FIELD_METHOD (&fields[0])
#define FIELD_TARGET (&fields[1])

/* Room for every field at its limit. */
#define X(name, member, limit) +(limit)
enum { KEPT_MAX_BYTES = 0 FIELDS(X) };
#undef X
_Static_assert(KEPT_MAX_BYTES <= 2048, "a cut head must not hold more than 2 KiB");

static struct slice *value_of(struct http1_fields *f, const struct http1_field *field)
{
	return (struct slice *)((char *)&f->head + field->offset);
}

static bool is_kept(const struct http1_fields *f, const struct slice *s)
{
	return f->kept && s->data >= f->kept && s->data < f->kept + KEPT_MAX_BYTES;
}

static bool keep(struct http1_fields *f, struct slice *s)
{
	if (!s->size_bytes || is_kept(f, s))
		return true;
	if (!f->kept)
		f->kept = malloc(KEPT_MAX_BYTES);
	if (!f->kept)
		return false;
	memcpy(f->kept + f->kept_bytes, s->data, s->size_bytes);
	s->data = f->kept + f->kept_bytes;
	f->kept_bytes += s->size_bytes;
	return true;
}

/* A kept value can grow because it is the last one in the buffer: see http1_fields_keep. */
static bool append(struct http1_fields *f, const char *at, size_t size_bytes)
{
	struct slice *s = value_of(f, f->field);
	size_t room = f->field->limit_bytes - s->size_bytes;

	if (size_bytes > room)
		size_bytes = room;
	if (!size_bytes)
		return true;
	if (!s->size_bytes)
		s->data = at;
	if (!is_kept(f, s) && s->data + s->size_bytes == at) {
		s->size_bytes += size_bytes;
		return true;
	}
	if (!is_kept(f, s) && !http1_fields_keep(f))
		return false;
	memcpy(f->kept + f->kept_bytes, at, size_bytes);
	f->kept_bytes += size_bytes;
	s->size_bytes += size_bytes;
	return true;
}

/* A target in absolute form carries the authority, which takes precedence over Host. */
static void split_absolute(struct http_head *head)
{
	const char *start = head->path.data;
	const char *end = start + head->path.size_bytes;
	const char *colon;

	if (start == end || *start == '/')
		return;
	colon = memmem(start, head->path.size_bytes, "://", 3);
	if (!colon)
		return;
	const char *authority = colon + 3;
	const char *path =
		authority +
		target_authority_bytes((struct slice){authority, (size_t)(end - authority)});

	head->scheme = (struct slice){start, (size_t)(colon - start)};
	head->authority = (struct slice){authority, (size_t)(path - authority)};
	head->path = path < end ? (struct slice){path, (size_t)(end - path)} : SLICE("/");
}

void http1_fields_start(struct http1_fields *f, uint64_t first)
{
	f->head = (struct http_head){.grpc_status = GRPC_STATUS_UNKNOWN, .first = first};
}

void http1_fields_forget(struct http1_fields *f)
{
	free(f->kept);
	f->kept = NULL;
	f->kept_bytes = 0;
	f->field = NULL;
	f->name_bytes = 0;
}

bool http1_fields_method(struct http1_fields *f, const char *at, size_t size_bytes)
{
	f->field = FIELD_METHOD;
	return append(f, at, size_bytes);
}

bool http1_fields_target(struct http1_fields *f, const char *at, size_t size_bytes)
{
	f->field = FIELD_TARGET;
	return append(f, at, size_bytes);
}

void http1_fields_name(struct http1_fields *f, const char *at, size_t size_bytes)
{
	f->field = NULL;
	if (f->name_bytes + size_bytes <= HTTP1_NAME_MAX_BYTES)
		memcpy(f->name + f->name_bytes, at, size_bytes);
	f->name_bytes += size_bytes;
}

bool http1_fields_value(struct http1_fields *f, const char *at, size_t size_bytes)
{
	return !f->field || append(f, at, size_bytes);
}

/* |wanted| is in lower case. Most names differ in size or first letter. */
static bool name_is(struct slice name, struct slice wanted)
{
	return name.size_bytes == wanted.size_bytes && (name.data[0] | 0x20) == wanted.data[0] &&
	       slice_equal_nocase(name, wanted);
}

bool http1_fields_name_is(const struct http1_fields *f, struct slice wanted)
{
	return f->name_bytes <= HTTP1_NAME_MAX_BYTES &&
	       name_is((struct slice){f->name, f->name_bytes}, wanted);
}

void http1_fields_name_end(struct http1_fields *f)
{
	struct slice name = {f->name, f->name_bytes};

	f->name_bytes = 0;
	if (name.size_bytes > HTTP1_NAME_MAX_BYTES)
		return;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct slice *value = value_of(f, &fields[i]);

		if (!name_is(name, fields[i].name))
			continue;
		/* Of several fields with one name the first counts. Several ids count as none:
		 * which one other programs use is not known (by W3C Trace Context they use none of
		 * several traceparents). */
		if (value->data) {
			if (fields[i].offset == offsetof(struct http_head, traceparent) ||
			    fields[i].offset == offsetof(struct http_head, request_id))
				value->size_bytes = 0;
			continue;
		}
		f->field = &fields[i];
		*value = SLICE("");
	}
}

/* Drops the white space after the value, which is not part of it (RFC 9112 5.1). */
void http1_fields_value_end(struct http1_fields *f)
{
	if (!f->field)
		return;
	struct slice *s = value_of(f, f->field);

	while (s->size_bytes && strchr(" \t", s->data[s->size_bytes - 1]))
		s->size_bytes--;
	f->field = NULL;
}

/* The value that is being read is kept last, so that it can grow. */
bool http1_fields_keep(struct http1_fields *f)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (&fields[i] != f->field && !keep(f, value_of(f, &fields[i])))
			return false;
	return !f->field || keep(f, value_of(f, f->field));
}

void http1_fields_target_end(struct http1_fields *f)
{
	if (slice_equal(f->head.method, SLICE("CONNECT")))
		f->head.authority = f->head.path;
	else
		split_absolute(&f->head);
}
