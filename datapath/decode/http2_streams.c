// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Notes on the streams of one direction: whether the head has passed, where the next gRPC message
// begins. Streams that ended or consist of one HEADERS frame have none.
#include "datapath/decode/http2_streams.h"

#include "datapath/decode/grpc.h"

#include <stdlib.h>
#include <string.h>

#define NOTES_AT_FIRST 4

/* Whether the head of a stream (not an interim one) has passed. */
enum head_seen { HEAD_NOT_SEEN, HEAD_UNSURE, HEAD_SEEN };

struct http2_note {
	uint32_t stream_id;
	uint32_t used; /* clock of the last use */
	enum head_seen head;
	bool unproven;	     /* the type is not known: if it is gRPC, the content shows it */
	uint32_t unreported; /* messages that began before that */
	struct grpc_prefixes grpc;
};

/* The first note of a stream that is not before |stream_id|. Numbers mostly grow. */
static uint32_t note_place(const struct http2_streams *s, uint32_t stream_id)
{
	uint32_t from = 0, to = s->notes_count;

	if (to && s->notes[to - 1].stream_id < stream_id)
		return to;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (s->notes[middle].stream_id < stream_id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct http2_note *note_find(struct http2_streams *s, uint32_t stream_id)
{
	uint32_t i = s->recent;

	if (i >= s->notes_count || s->notes[i].stream_id != stream_id) {
		i = note_place(s, stream_id);
		if (i == s->notes_count || s->notes[i].stream_id != stream_id)
			return NULL;
		s->recent = i;
	}
	s->notes[i].used = ++s->clock;
	return &s->notes[i];
}

static void note_remove(struct http2_streams *s, struct http2_note *note)
{
	memmove(note, note + 1, (size_t)(&s->notes[s->notes_count] - (note + 1)) * sizeof(*note));
	s->notes_count--;
}

static bool notes_grow(struct http2_streams *s)
{
	uint32_t size = s->notes_size ? 2 * s->notes_size : NOTES_AT_FIRST;
	struct http2_note *notes = NULL;

	if (size <= HTTP2_MAX_STREAMS)
		notes = realloc(s->notes, size * sizeof(*notes));
	if (!notes)
		return false;
	s->notes = notes;
	s->notes_size = size;
	return true;
}

static void note_give_way(struct http2_streams *s)
{
	const struct http_listener *l = &s->listener;
	struct http2_note *oldest = s->notes;

	(*s->forgotten)++;
	if (!s->notes_count)
		return;
	for (uint32_t i = 1; i < s->notes_count; i++)
		if (s->clock - s->notes[i].used > s->clock - oldest->used)
			oldest = &s->notes[i];
	if (l->stream_forgotten)
		l->stream_forgotten(l->arg, oldest->stream_id);
	note_remove(s, oldest);
}

/* Adds a note for a stream that has none; if there is no room, it replaces the least recently used
 * one. NULL when memory is short. */
static struct http2_note *note_add(struct http2_streams *s, uint32_t stream_id)
{
	struct http2_note *note;

	if (s->notes_count == s->notes_size && !notes_grow(s))
		note_give_way(s);
	if (s->notes_count == s->notes_size)
		return NULL;
	note = &s->notes[note_place(s, stream_id)];
	memmove(note + 1, note, (size_t)(&s->notes[s->notes_count] - note) * sizeof(*note));
	s->notes_count++;
	*note = (struct http2_note){.stream_id = stream_id, .used = ++s->clock};
	return note;
}

/* Whether a block is trailers, not a head. Trailers follow a head, have no pseudo-header fields and
 * end the stream (RFC 9113 8.1): the second and third condition decide where the notes or the
 * fields are incomplete. */
static bool is_trailers(struct http2_streams *s, const struct hpack_fields *fields,
			uint32_t stream_id, bool end_stream)
{
	const struct http2_note *note = note_find(s, stream_id);
	enum head_seen head = note ? note->head : HEAD_NOT_SEEN;

	if (s->side == HTTP_CLIENT && stream_id <= s->highest_stream)
		head = HEAD_SEEN; /* request heads come in the order of stream numbers (5.1.1) */
	if (head == HEAD_SEEN)
		return true;
	if (fields->pseudo)
		return false;
	if (s->side == HTTP_CLIENT)
		return true; /* :scheme is always in the static table, so no request is all unknown
			      */
	return head == HEAD_UNSURE ? end_stream : !fields->unknown_first;
}

/* Notes a head whose stream continues. An unknown status may be that of an interim response. */
static void note_head(struct http2_streams *s, const struct http_head *head)
{
	struct http2_note *note;

	if (s->side == HTTP_SERVER && head->status / 100 == 1)
		return;
	note = note_find(s, head->stream_id);
	if (!note)
		note = note_add(s, head->stream_id);
	if (!note)
		return;
	note->head = s->side == HTTP_SERVER && !head->status ? HEAD_UNSURE : HEAD_SEEN;
	note->unproven = head->type_unknown;
	note->unreported = 0;
	note->grpc = (struct grpc_prefixes){
		.counting = note->unproven || head->grpc,
	};
}

/* RFC 9113 8.3.1 */
static bool lacks_fields(const struct http_head *head)
{
	bool connects = slice_equal(head->method, SLICE("CONNECT"));

	if (head->incomplete || head->cut)
		return false;
	return !head->method.size_bytes || (!head->path.size_bytes && !connects);
}

static void report_head(struct http2_streams *s, const struct http_head *head)
{
	const struct http_listener *l = &s->listener;

	if (s->side == HTTP_CLIENT) {
		s->highest_stream = head->stream_id;
		if (l->request)
			l->request(l->arg, head);
	} else if (l->response) {
		l->response(l->arg, head);
	}
	if (!head->end_stream)
		note_head(s, head);
}

void http2_streams_fini(struct http2_streams *s)
{
	free(s->notes);
	*s = (struct http2_streams){0};
}

void http2_streams_block(struct http2_streams *s, const struct hpack_fields *fields,
			 const struct http_head *where)
{
	const struct http_listener *l = &s->listener;
	struct http_head head;

	hpack_fields_head(fields, &head);
	head.stream_id = where->stream_id;
	head.end_stream = where->end_stream;
	head.header_bytes = where->header_bytes;
	head.first = where->first;
	head.last = where->last;
	head.lacks_fields = s->side == HTTP_CLIENT && lacks_fields(&head);
	if (!is_trailers(s, fields, head.stream_id, head.end_stream))
		report_head(s, &head);
	else if (l->trailers)
		l->trailers(l->arg, &head);
	if (head.end_stream)
		http2_streams_end(s, head.stream_id, head.last);
}

/* DATA proves that the head has passed. */
void http2_streams_data(struct http2_streams *s, uint32_t stream_id, bool end_stream)
{
	struct http2_note *note = note_find(s, stream_id);

	if (!note && s->midstream && !end_stream)
		note = note_add(s, stream_id);
	if (note)
		note->head = HEAD_SEEN;
}

/* How many messages to report. If the content type is not known, none until a DATA frame and a
 * message end together, as those of gRPC senders do: other content would have to begin with a byte
 * of 0 or 1 and the number of bytes that follow. */
static uint32_t messages_begun(struct http2_note *note, const uint8_t *data, size_t size_bytes,
			       bool frame_ends)
{
	uint32_t begun = grpc_prefixes_take(&note->grpc, data, size_bytes);

	if (!note->unproven)
		return begun;
	note->unreported += begun;
	if (!frame_ends || !grpc_prefixes_between(&note->grpc))
		return 0;
	note->unproven = false;
	return note->unreported;
}

void http2_streams_body(struct http2_streams *s, uint32_t stream_id, const uint8_t *data,
			size_t size_bytes, bool frame_ends, uint64_t position)
{
	const struct http_listener *l = &s->listener;
	struct http2_note *note = note_find(s, stream_id);
	bool counting = note && note->grpc.counting;
	uint32_t begun = note ? messages_begun(note, data, size_bytes, frame_ends) : 0;

	while (begun-- && l->grpc_message)
		l->grpc_message(l->arg, stream_id);
	if (counting && !note->grpc.counting && !note->unproven && l->messages_missed)
		l->messages_missed(l->arg, stream_id);
	if (l->body)
		l->body(l->arg, stream_id, size_bytes, position);
}

void http2_streams_end(struct http2_streams *s, uint32_t stream_id, uint64_t position)
{
	http2_streams_forget(s, stream_id);
	if (s->listener.end)
		s->listener.end(s->listener.arg, stream_id, position);
}

void http2_streams_forget(struct http2_streams *s, uint32_t stream_id)
{
	struct http2_note *note = note_find(s, stream_id);

	if (note)
		note_remove(s, note);
}

uint64_t http2_streams_skippable(const struct http2_streams *s, uint32_t stream_id)
{
	uint32_t i = note_place(s, stream_id);

	if (i < s->notes_count && s->notes[i].stream_id == stream_id)
		return grpc_prefixes_skippable(&s->notes[i].grpc);
	return UINT64_MAX;
}
