// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rows of the edge table: parsed from JSON, sorted, written in columns. */
#include "control/cli/edges.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS 40
#define NAME_BYTES   (NAME_COLUMNS * 4 + 4)

static enum edges_order sort_order;
static bool sort_reverse;

const char *edges_order_name(enum edges_order order)
{
	static const char *const names[] = {
#define X(name, text) text,
		EDGES_ORDERS(X)
#undef X
	};

	return names[order];
}

bool edges_leave_out(struct edges *e, const json_t *o)
{
	bool out = !e->self && json_is_true(json_object_get(o, "self"));

	e->own += out;
	return out;
}

void edges_add(struct edges *e, const json_t *o)
{
	struct edge_view *row = &e->rows[e->count];

	if (e->count == EDGES_MAX) {
		e->dropped++;
		return;
	}
	e->count++;
	field_shown(o, "source", row->source);
	field_shown(o, "destination", row->destination);
	row->rate = field_real(o, "request_rate");
	row->error_share = field_real(o, "error_share");
	row->unknown_share = field_real(o, "unknown_share");
	row->p50_ms = field_real(o, "p50_ms");
	row->p90_ms = field_real(o, "p90_ms");
	row->p99_ms = field_real(o, "p99_ms");
	row->bytes_rate = field_real(o, "sent_bytes_rate") + field_real(o, "received_bytes_rate");
	row->opened_rate = field_real(o, "connections_opened_rate");
	row->in_flight = field_real(o, "in_flight");
	row->queue_fill = field_real(o, "queue_fill");
	row->open = field_number(o, "connections_open");
	snprintf(row->tls, sizeof(row->tls), "%.20s%s", field_text(o, "tls_state"),
		 json_object_size(json_object_get(o, "tls_states")) > 1 ? "+" : "");
}

static double sort_value(const struct edge_view *row)
{
	switch (sort_order) {
	case EDGES_BY_ERRORS:
		return row->error_share;
	case EDGES_BY_P99:
		return row->p99_ms;
	case EDGES_BY_BYTES:
		return row->bytes_rate;
	case EDGES_BY_SATURATION:
		return row->in_flight;
	default:
		return row->rate;
	}
}

static int compare(const void *a, const void *b)
{
	double x = sort_value(a), y = sort_value(b);
	int by_name = strcmp(((const struct edge_view *)a)->source,
			     ((const struct edge_view *)b)->source);

	x = isnan(x) ? -1 : x;
	y = isnan(y) ? -1 : y;
	if (x == y)
		return by_name ? by_name
			       : strcmp(((const struct edge_view *)a)->destination,
					((const struct edge_view *)b)->destination);
	return (x < y ? 1 : -1) * (sort_reverse ? -1 : 1);
}

void edges_sort(struct edges *e, enum edges_order order, bool reverse)
{
	sort_order = order;
	sort_reverse = reverse;
	qsort(e->rows, e->count, sizeof(e->rows[0]), compare);
}

/* The width of |s| in columns: one per UTF-8 character. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int name_width(const struct edges *e, bool destination)
{
	int width = destination ? 11 : 6;

	for (unsigned i = 0; i < e->count; i++) {
		int n = columns(destination ? e->rows[i].destination : e->rows[i].source);

		width = n > width ? n : width;
	}
	return width > NAME_COLUMNS ? NAME_COLUMNS : width;
}

/* |name| in exactly |width| columns: padded, or cut and ended with an ellipsis. */
static const char *name_cell(const char *name, int width, char out[NAME_BYTES])
{
	bool cut = columns(name) > width;
	int left = cut ? width - 1 : width;
	size_t used = 0;

	for (; *name && (left > 0 || (*name & 0xc0) == 0x80); name++) {
		left -= (*name & 0xc0) != 0x80;
		out[used++] = *name;
	}
	snprintf(out + used, NAME_BYTES - used, "%*s", cut ? 0 : left, cut ? "…" : "");
	return out;
}

const char *edges_header(const struct edges *e, char out[EDGES_LINE_MAX])
{
	snprintf(out, EDGES_LINE_MAX, "%-*s    %-*s %8s %7s %8s %8s %8s %8s %6s %7s %8s %6s  %s",
		 name_width(e, false), "SOURCE", name_width(e, true), "DESTINATION", "REQ/S",
		 "ERRORS", "P50", "P90", "P99", "BYTES/S", "CONNS", "OPENS/S", "INFLIGHT", "QUEUE",
		 "TLS");
	return out;
}

static const char *error_color(const struct colors *c, double share)
{
	if (isnan(share) || share <= 0)
		return "";
	return share >= 0.05 ? c->red : c->yellow;
}

/* The share among known outcomes; with a mark when there are unknown ones. */
static const char *error_cell(const struct edge_view *row, char out[16])
{
	bool partly = row->unknown_share > 0 && !isnan(row->error_share);
	char share[16];

	snprintf(out, 16, "%.14s%s", human_share(row->error_share, share), partly ? "?" : "");
	return out;
}

const char *edges_line(const struct edges *e, unsigned index, bool color, char out[EDGES_LINE_MAX])
{
	const struct edge_view *row = &e->rows[index];
	struct colors c = colors_of(color);
	char rate[16], errors[16], p50[16], p90[16], p99[16], bytes[16], opens[16], flight[16],
		queue[16];
	char source[NAME_BYTES], destination[NAME_BYTES];
	const char *warn = error_color(&c, row->error_share);

	snprintf(out, EDGES_LINE_MAX,
		 "%s %s->%s %s %8s %s%7s%s %8s %8s %8s %8s %6lld %7s %8s %6s  %s",
		 name_cell(row->source, name_width(e, false), source), c.dim, c.off,
		 name_cell(row->destination, name_width(e, true), destination),
		 human_rate(row->rate, rate), warn, error_cell(row, errors), warn[0] ? c.off : "",
		 human_ms(row->p50_ms, p50), human_ms(row->p90_ms, p90), human_ms(row->p99_ms, p99),
		 human_bytes(row->bytes_rate, bytes), row->open,
		 human_rate(row->opened_rate, opens), human_rate(row->in_flight, flight),
		 human_share(row->queue_fill, queue), row->tls[0] ? row->tls : "-");
	return out;
}

const char *edges_note(const struct edges *e, char out[EDGES_LINE_MAX])
{
	snprintf(out, EDGES_LINE_MAX, "%s",
		 e->count      ? ""
		 : e->filtered ? "(no such edge)"
			       : "(no traffic seen yet)");
	if (e->own)
		snprintf(out, EDGES_LINE_MAX, "(%u to weftd itself left out: --self)", e->own);
	return out;
}
