// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One reading loop over five kinds of pieces. */
#include "control/serve/pieces.h"

#include "control/serve/lines.h"
#include "mesh-config/resolve/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MAX_BYTES 65536

/* The result of making a piece; a piece may be empty (filtered out). */
enum piece { PIECE_MADE, PIECE_WAIT, PIECE_END };

struct pieces {
	struct pieces_context *context;
	enum piece (*next)(struct pieces *s);
	struct prometheus *prometheus; /* only for metrics */
	struct filter filter;
	enum recent_kind kind;
	bool follow;
	bool holding; /* series positions */
	uint64_t position;
	uint64_t end;		  /* for listings of recent records without follow */
	uint64_t from, since_ns;  /* the oldest that was looked at, and its time */
	bool looked;		  /* the position and time searched are still to be reported */
	struct mesh_files *files; /* |position| is the place */
	size_t file_at;		  /* offset in that file */
	struct text piece;
	size_t taken;
};

static struct pieces *pieces_new(struct pieces_context *context,
				 enum piece (*next)(struct pieces *s), const struct filter *f)
{
	struct pieces *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->context = context;
	s->next = next;
	s->piece = text_new(PIECE_MAX_BYTES);
	if (f)
		s->filter = *f;
	return s;
}

void pieces_free(struct pieces *s)
{
	if (!s)
		return;
	if (s->holding)
		signals_release(s->context->signals);
	prometheus_free(s->prometheus);
	mesh_files_put(s->files);
	text_free(&s->piece);
	free(s);
}

/* ---- the pieces ---- */

static enum piece next_edge(struct pieces *s)
{
	struct edge_row row;

	if (!signals_edge(s->context->signals, (uint32_t)s->position++, &row))
		return PIECE_END;
	if (filter_edge(&s->filter, &row))
		lines_edge(&s->piece, &row);
	return PIECE_MADE;
}

/* When a connection closes, the last one moves to its place: iterating from the end misses no
 * living one, and may list one twice, with the same id. */
static enum piece next_living(struct pieces *s)
{
	const struct living *l;
	enum reporter reporter;
	uint64_t id;

	if (!s->position)
		return PIECE_END;
	l = signals_living(s->context->signals, (uint32_t)--s->position, &reporter, &id);
	if (l && l->source && filter_living(&s->filter, l, reporter))
		lines_living(&s->piece, l, reporter, id, s->context->wall_offset_ns);
	return PIECE_MADE;
}

static bool passes(const struct pieces *s, uint64_t position)
{
	const struct recent *r = s->context->recent;

	if (s->kind == RECENT_REQUESTS)
		return filter_request(&s->filter, recent_request_at(r, position));
	if (s->kind == RECENT_VERDICTS)
		return filter_verdict(&s->filter, recent_verdict_at(r, position));
	return filter_connection(&s->filter, recent_connection_at(r, position));
}

static void add_record(struct pieces *s, uint64_t position)
{
	const struct recent *r = s->context->recent;

	if (s->kind == RECENT_REQUESTS)
		lines_request(&s->piece, recent_request_at(r, position),
			      s->context->wall_offset_ns);
	else if (s->kind == RECENT_VERDICTS)
		lines_verdict(&s->piece, recent_verdict_at(r, position),
			      s->context->wall_offset_ns);
	else
		lines_connection(&s->piece, recent_connection_at(r, position),
				 s->context->wall_offset_ns);
}

static enum piece next_recent(struct pieces *s)
{
	uint64_t first = recent_first(s->context->recent, s->kind);
	uint64_t end = s->follow ? recent_end(s->context->recent, s->kind) : s->end;

	if (s->position < first) {
		uint64_t lost = (first < end ? first : end) - s->position;

		s->context->lost += lost;
		s->position += lost;
		lines_lost(&s->piece, lost);
		return PIECE_MADE;
	}
	while (s->position < end) {
		uint64_t position = s->position++;

		if (!passes(s, position))
			continue;
		add_record(s, position);
		return PIECE_MADE;
	}
	if (s->follow)
		return PIECE_WAIT;
	if (!s->looked)
		return PIECE_END;
	lines_looked(&s->piece, s->end - s->from, s->since_ns, s->context->wall_offset_ns);
	s->looked = false;
	return PIECE_MADE;
}

static enum piece next_file(struct pieces *s)
{
	const struct mesh_file *f;

	while (s->position < s->files->count && !s->files->items[s->position])
		s->position++;
	if (s->position == s->files->count)
		return PIECE_END;
	f = s->files->items[s->position];
	s->file_at = lines_file(&s->piece, f, s->file_at);
	if (s->file_at < f->bytes.size_bytes)
		return PIECE_MADE;
	s->position++;
	s->file_at = 0;
	return PIECE_MADE;
}

/* ---- construction ---- */

struct pieces *pieces_metrics(struct pieces_context *context, bool openmetrics)
{
	struct pieces *s = pieces_new(context, NULL, NULL);

	if (!s)
		return NULL;
	s->prometheus = prometheus_new(context->signals, openmetrics);
	if (s->prometheus)
		return s;
	pieces_free(s);
	return NULL;
}

struct pieces *pieces_edges(struct pieces_context *context, const struct filter *f)
{
	struct pieces *s = pieces_new(context, next_edge, f);

	if (!s)
		return NULL;
	signals_hold(context->signals);
	s->holding = true;
	return s;
}

struct pieces *pieces_living(struct pieces_context *context, const struct filter *f)
{
	struct pieces *s = pieces_new(context, next_living, f);

	if (s)
		s->position = signals_living_count(context->signals);
	return s;
}

static uint64_t time_of(const struct pieces *s, uint64_t position)
{
	const struct recent *r = s->context->recent;
	const struct recent_request *request;

	if (s->kind == RECENT_VERDICTS)
		return recent_verdict_at(r, position)->verdict.time_ns;
	if (s->kind == RECENT_CONNECTIONS)
		return recent_connection_at(r, position)->now_ns;
	request = recent_request_at(r, position);
	return request->start_ns ? request->start_ns : request->end_ns;
}

/* The position from which |last| records that pass are left. */
static uint64_t start_of_last(const struct pieces *s, uint64_t last)
{
	uint64_t first = recent_first(s->context->recent, s->kind);
	uint64_t position = s->end;

	while (last && position > first) {
		position--;
		last -= passes(s, position);
	}
	return position;
}

struct pieces *pieces_recent(struct pieces_context *context, enum recent_kind kind,
			     const struct pieces_query *q)
{
	struct pieces *s = pieces_new(context, next_recent, q->filter);

	if (!s)
		return NULL;
	s->kind = kind;
	s->follow = q->follow;
	s->looked = q->looked;
	s->end = recent_end(context->recent, kind);
	s->position = s->from = start_of_last(s, q->last);
	s->since_ns = s->from < s->end ? time_of(s, s->from) : 0;
	return s;
}

struct pieces *pieces_files(struct pieces_context *context, const struct text *head,
			    struct mesh_files *files)
{
	struct pieces *s = pieces_new(context, next_file, NULL);

	if (!s) {
		mesh_files_put(files);
		return NULL;
	}
	s->files = files;
	text_add(&s->piece, head->data, head->used);
	return s;
}

/* ---- reading ---- */

static size_t take_piece(struct pieces *s, char *out, size_t size)
{
	size_t left = s->piece.used - s->taken;
	size_t n = left < size ? left : size;

	if (n)
		memcpy(out, s->piece.data + s->taken, n);
	s->taken += n;
	return n;
}

static long read_metrics(struct pieces *s, char *out, size_t size)
{
	long n = prometheus_read(s->prometheus, out, size);

	return n ? n : -ENODATA;
}

long pieces_read(struct pieces *s, char *out, size_t size)
{
	enum piece made = PIECE_MADE;
	size_t written = 0;

	if (s->prometheus)
		return read_metrics(s, out, size);
	for (;;) {
		written += take_piece(s, out + written, size - written);
		if (written == size || made != PIECE_MADE)
			break;
		text_clear(&s->piece);
		s->taken = 0;
		made = s->next(s);
		if (s->piece.failed)
			return -ENOMEM;
	}
	if (written)
		return (long)written;
	return made == PIECE_WAIT ? 0 : -ENODATA;
}

bool pieces_ready(const struct pieces *s)
{
	return !s->follow || s->taken < s->piece.used ||
	       s->position < recent_end(s->context->recent, s->kind);
}

bool pieces_is_live(const struct pieces *s)
{
	return s->follow;
}
