// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both text formats from one walk over the metric table; they differ in names of counters, numbers
 * of `le`, units, exemplars and the end mark. */
#include "control/export/prometheus.h"

#include "base/utf8.h"
#include "control/export/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One series: 20 buckets with all labels at their longest stay well below. */
#define PIECE_MAX_BYTES (1u << 20)

struct prometheus {
	struct signals *signals;
	bool openmetrics;
	bool started; /* the header of |metric| is written */
	bool ended;
	unsigned metric;
	uint32_t position;
	size_t taken; /* of |piece| */
	struct text piece;
	struct text labels;
	struct sample sample;
};

struct prometheus *prometheus_new(struct signals *s, bool openmetrics)
{
	struct prometheus *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->signals = s;
	p->openmetrics = openmetrics;
	p->piece = text_new(PIECE_MAX_BYTES);
	p->labels = text_new(PIECE_MAX_BYTES);
	signals_hold(s);
	return p;
}

void prometheus_free(struct prometheus *p)
{
	if (!p)
		return;
	signals_release(p->signals);
	text_free(&p->piece);
	text_free(&p->labels);
	free(p);
}

/* ---- pieces ---- */

/* The family's name: OpenMetrics leaves _total to the samples of a counter. */
static void add_family(struct prometheus *p, const struct metric_row *row)
{
	size_t size = strlen(row->name);

	if (p->openmetrics && row->type == METRIC_COUNTER)
		size -= sizeof("_total") - 1;
	text_add(&p->piece, row->name, size);
}

static void add_comment(struct prometheus *p, const char *keyword, const char *content)
{
	text_string(&p->piece, keyword);
	add_family(p, &metric_rows[p->metric]);
	text_char(&p->piece, ' ');
	text_string(&p->piece, content);
	text_char(&p->piece, '\n');
}

static void add_header(struct prometheus *p)
{
	const struct metric_row *row = &metric_rows[p->metric];

	add_comment(p, "# HELP ", row->help);
	add_comment(p, "# TYPE ", metric_type_name(row->type));
	if (p->openmetrics && *row->unit)
		add_comment(p, "# UNIT ", row->unit);
}

static void replace_unsafe(struct text *t, char c)
{
	(void)c;
	text_string(t, UTF8_REPLACEMENT);
}

static void add_label_value(struct text *t, const char *s)
{
	text_escaped(t, s, replace_unsafe);
}

/* All labels of the sample, without braces. */
static void render_labels(struct prometheus *p)
{
	text_clear(&p->labels);
	for (unsigned i = 0; i < p->sample.label_count; i++) {
		if (i)
			text_char(&p->labels, ',');
		text_string(&p->labels, p->sample.labels[i].name);
		text_string(&p->labels, "=\"");
		add_label_value(&p->labels, p->sample.labels[i].value);
		text_char(&p->labels, '"');
	}
}

/* Name, suffix and labels of a line; |le| may be NULL. */
static void add_line_start(struct prometheus *p, const char *suffix, const char *le)
{
	bool labels = p->labels.used > 0;

	text_string(&p->piece, metric_rows[p->metric].name);
	text_string(&p->piece, suffix);
	if (labels || le)
		text_char(&p->piece, '{');
	text_add(&p->piece, p->labels.data, p->labels.used);
	if (le) {
		text_string(&p->piece, labels ? ",le=\"" : "le=\"");
		text_string(&p->piece, le);
		text_char(&p->piece, '"');
	}
	if (labels || le)
		text_char(&p->piece, '}');
	text_char(&p->piece, ' ');
}

static void add_exemplar(struct prometheus *p, unsigned bucket)
{
	const struct exemplar *e = &p->sample.exemplar[bucket];

	if (!p->openmetrics || !(p->sample.exemplars >> bucket & 1))
		return;
	text_format(&p->piece, " # {trace_id=\"%s\",span_id=\"%s\"} ", e->trace_id, e->span_id);
	text_decimal(&p->piece, e->value, p->sample.bounds->decimals);
}

static void add_histogram(struct prometheus *p)
{
	const struct bucket_bounds *bounds = p->sample.bounds;
	const struct buckets *b = p->sample.buckets;
	uint64_t below = 0;

	for (unsigned i = 0; i < bounds->count; i++) {
		below += b->counts[i];
		add_line_start(p, "_bucket",
			       p->openmetrics ? bounds->text_openmetrics[i] : bounds->text[i]);
		text_number(&p->piece, below);
		add_exemplar(p, i);
		text_char(&p->piece, '\n');
	}
	add_line_start(p, "_sum", NULL);
	text_decimal(&p->piece, b->sum, bounds->decimals);
	text_char(&p->piece, '\n');
	add_line_start(p, "_count", NULL);
	text_number(&p->piece, b->count);
	text_char(&p->piece, '\n');
}

static void add_sample(struct prometheus *p)
{
	render_labels(p);
	if (p->sample.buckets) {
		add_histogram(p);
		return;
	}
	add_line_start(p, "", NULL);
	text_decimal(&p->piece, p->sample.value, p->sample.decimals);
	text_char(&p->piece, '\n');
}

/* Writes the next series into |piece|; writes nothing where there is none. */
static void next_series(struct prometheus *p)
{
	switch (signals_collect(p->signals, p->metric, p->position++, &p->sample)) {
	case COLLECT_SAMPLE:
		add_sample(p);
		break;
	case COLLECT_SKIP:
		break;
	case COLLECT_END:
		p->metric++;
		p->position = 0;
		p->started = false;
		break;
	}
}

/* One step: a header, a series, or the end. */
static void next_piece(struct prometheus *p)
{
	if (p->metric == METRIC_MAX) {
		if (p->openmetrics)
			text_string(&p->piece, "# EOF\n");
		p->ended = true;
	} else if (!p->started) {
		add_header(p);
		p->started = true;
	} else {
		next_series(p);
	}
}

long prometheus_read(struct prometheus *p, char *out, size_t size)
{
	size_t written = 0;

	while (written < size) {
		size_t left = p->piece.used - p->taken;
		size_t n = left < size - written ? left : size - written;

		if (n)
			memcpy(out + written, p->piece.data + p->taken, n);
		written += n;
		p->taken += n;
		if (p->taken < p->piece.used || p->ended)
			break;
		text_clear(&p->piece);
		p->taken = 0;
		next_piece(p);
		if (p->piece.failed || p->labels.failed)
			return -ENOMEM;
		if (p->ended && !p->piece.used)
			break;
	}
	return (long)written;
}

/* ---- content negotiation ---- */

/* The weight of one media range of Accept, 0 to 1000. */
static long weight(const char *range, size_t size)
{
	const char *q = memmem(range, size, "q=", 2);

	if (!q)
		return 1000;
	return (long)(strtod(q + 2, NULL) * 1000);
}

static bool is_range(const char *range, size_t size, const char *type)
{
	return size >= strlen(type) && !strncasecmp(range, type, strlen(type));
}

/* OpenMetrics without a version, or in the one that is written. */
static bool is_openmetrics(const char *range, size_t size)
{
	return is_range(range, size, "application/openmetrics-text") &&
	       (!memmem(range, size, "version=", 8) || memmem(range, size, "version=1.0.0", 13));
}

bool prometheus_wants_openmetrics(const char *accept)
{
	long openmetrics = 0, text = 0;

	while (accept && *accept) {
		size_t size = strcspn(accept, ",");
		long w = weight(accept, size);

		if (is_openmetrics(accept, size) && w > openmetrics)
			openmetrics = w;
		else if (is_range(accept, size, "text/plain") && w > text)
			text = w;
		accept += size;
		accept += strspn(accept, ", ");
	}
	return openmetrics > 0 && openmetrics >= text;
}
