// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Query keys to predicates over records. */
#include "control/serve/filter.h"

#include "control/signals/istio.h"
#include "control/signals/verdicts.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- reading ---- */

/* "404", "0", "5xx", "5+" or "unknown" to a range of codes; "unknown" is ISTIO_STATUS_UNKNOWN. */
static bool status_range(const char *value, unsigned *ret_low, unsigned *ret_high)
{
	char *end;
	unsigned long n;

	if (!strcmp(value, "unknown")) {
		*ret_low = *ret_high = ISTIO_STATUS_UNKNOWN;
		return true;
	}
	if (!isdigit((unsigned char)*value))
		return false;
	n = strtoul(value, &end, 10);
	if (n < 10 && !strcasecmp(end, "xx")) {
		*ret_low = (unsigned)n * 100;
		*ret_high = *ret_low + 99;
		return true;
	}
	if (n < 10 && !strcmp(end, "+")) {
		*ret_low = (unsigned)n * 100;
		*ret_high = 999;
		return true;
	}
	*ret_low = *ret_high = (unsigned)n;
	return !*end && n <= 999;
}

static int set_reporter(struct filter *f, const char *value, struct error *err)
{
	static const char *const names[] = {"once", "source", "destination", "both"};

	for (unsigned i = 0; i < 4; i++) {
		if (!strcmp(value, names[i])) {
			f->reporter = (enum filter_reporter)i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "reporter is once, source, destination or both");
}

/* 0, or -EINVAL with |err|, which lists the verdicts. */
static int verdict_check(const char *value, struct error *err)
{
	char words[200] = "any";

	for (unsigned i = 0; i <= WEFT_VERDICT_GONE; i++) {
		size_t used = strlen(words);

		if (!strcmp(value, verdicts_word((uint8_t)i)))
			return 0;
		snprintf(words + used, sizeof(words) - used, ", %s", verdicts_word((uint8_t)i));
	}
	return strcmp(value, "any") ? error_set(err, -EINVAL, "verdict is one of %s, not \"%.40s\"",
						words, value)
				    : 0;
}

static int add_value(struct filter_values *v, const char *key, const char *value, struct error *err)
{
	if (v->count == FILTER_VALUES_MAX)
		return error_set(err, -E2BIG, "at most %d values of %s", FILTER_VALUES_MAX, key);
	v->values[v->count++] = value;
	return 0;
}

static const struct key {
	const char *name;
	int lines;
} keys[FILTER_KEY_COUNT] = {
#define X(name, lines, meaning) {#name, lines},
	FILTER_KEYS(X)
#undef X
};

/* The values of |key|, or NULL. */
static struct filter_values *values_of(struct filter *f, const char *key)
{
	for (unsigned i = 0; i < FILTER_KEY_COUNT; i++)
		if (!strcmp(keys[i].name, key))
			return &f->keys[i];
	return NULL;
}

int filter_check(const struct filter *f, enum filter_lines lines, const char *name,
		 struct error *err)
{
	for (unsigned i = 0; i < FILTER_KEY_COUNT; i++)
		if (f->keys[i].count && !(keys[i].lines & (int)lines))
			return error_set(err, -EINVAL, "%s have no %s to ask for", name,
					 keys[i].name);
	return 0;
}

int filter_add(struct filter *f, const char *key, const char *value, struct error *err)
{
	struct filter_values *values = values_of(f, key);
	unsigned low, high;

	if (!strcmp(key, "reporter"))
		return set_reporter(f, value, err);
	if (!values)
		return -ENOENT;
	if (values == &f->status && !status_range(value, &low, &high))
		return error_set(err, -EINVAL, "status is a code, a class (5xx, 5+) or unknown");
	if (values == &f->verdict && verdict_check(value, err))
		return -EINVAL;
	return add_value(values, key, value, err);
}

/* ---- matching ---- */

bool filter_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool match_path(const char *pattern, const char *path)
{
	if (strpbrk(pattern, "*?"))
		return filter_glob(pattern, path);
	return !strncmp(path, pattern, strlen(pattern));
}

static bool match_status(const char *value, uint16_t status)
{
	unsigned low, high;

	return status_range(value, &low, &high) && status >= low && status <= high;
}

static bool match_prefix(const char *value, const char *text)
{
	return !strncasecmp(text, value, strlen(value));
}

static bool match_method(const char *value, const char *method)
{
	return !strcasecmp(value, method);
}

/* Whether no value was given or one of them matches |text|. */
static bool any(const struct filter_values *v, bool (*match)(const char *value, const char *text),
		const char *text)
{
	for (unsigned i = 0; i < v->count; i++) {
		if (match(v->values[i], text))
			return true;
	}
	return !v->count;
}

static bool any_protocol(const struct filter_values *v, const char *protocol, bool grpc)
{
	return any(v, match_prefix, protocol) || (grpc && any(v, match_prefix, "grpc"));
}

static bool any_status(const struct filter_values *v, uint16_t status)
{
	for (unsigned i = 0; i < v->count; i++) {
		if (match_status(v->values[i], status))
			return true;
	}
	return !v->count;
}

/* By the workload, or by "NAMESPACE/WORKLOAD". */
static bool is_called(const struct filter_values *v, const struct identity *id)
{
	char full[sizeof(id->namespace_) + 1 + sizeof(id->workload)];

	if (any(v, filter_glob, id->workload))
		return true;
	snprintf(full, sizeof(full), "%s/%s", id->namespace_, id->workload);
	return any(v, filter_glob, full);
}

static bool ends_match(const struct filter *f, const struct identity *source,
		       const struct identity *destination)
{
	return is_called(&f->from, source) && is_called(&f->to, destination);
}

/* By the machine's name, or by the mesh's: |mesh| is "NAMESPACE/WORKLOAD", or a word where it has
 * none. */
static bool is_called_by_either(const struct filter_values *v, const struct identity *id,
				const char *mesh)
{
	const char *slash = strchr(mesh, '/');

	return is_called(v, id) || any(v, filter_glob, mesh) ||
	       (slash && any(v, filter_glob, slash + 1));
}

/* |client_here|: the client's end is on this node, so there is a report of its own about the same.
 */
static bool reporter_matches(const struct filter *f, uint8_t reporter, bool client_here)
{
	switch (f->reporter) {
	case FILTER_SOURCE:
		return reporter == REPORTER_SOURCE;
	case FILTER_DESTINATION:
		return reporter == REPORTER_DESTINATION;
	case FILTER_BOTH:
		return true;
	default:
		return reporter == REPORTER_SOURCE || !client_here;
	}
}

static uint16_t status_of(const struct recent_request *r)
{
	struct request seen = {.status = r->status, .incomplete = r->incomplete};

	return istio_status(&seen);
}

bool filter_request(const struct filter *f, const struct recent_request *r)
{
	struct recent_strings s = recent_strings_of(r);

	return reporter_matches(f, r->reporter, r->client.cookie != 0) &&
	       ends_match(f, r->source, r->destination) &&
	       any_protocol(&f->protocol, r->protocol, r->grpc) &&
	       any_status(&f->status, status_of(r)) && any(&f->path, match_path, s.path) &&
	       any(&f->method, match_method, s.method);
}

bool filter_connection(const struct filter *f, const struct recent_connection *c)
{
	return reporter_matches(f, c->reporter, c->client.cookie != 0) &&
	       ends_match(f, c->source, c->destination) &&
	       any_protocol(&f->protocol, c->protocol, false);
}

static bool match_verdict(const char *value, const char *text)
{
	return !strcmp(value, "any") || !strcmp(value, text);
}

/* Each end decides for itself: both may note one connection, only one refuses it. */
bool filter_verdict(const struct filter *f, const struct recent_verdict *r)
{
	const struct verdict *v = &r->verdict;

	return reporter_matches(f, (uint8_t)v->reporter, false) &&
	       is_called_by_either(&f->from, v->source, v->source_workload) &&
	       is_called_by_either(&f->to, v->destination, v->target_workload) &&
	       any_protocol(&f->protocol, verdicts_protocol(v->protocol), false) &&
	       any(&f->verdict, match_verdict, verdicts_word(v->verdict));
}

bool filter_living(const struct filter *f, const struct living *l, enum reporter reporter)
{
	return reporter_matches(f, (uint8_t)reporter, l->client.cookie != 0) &&
	       ends_match(f, l->source, l->destination) &&
	       any_protocol(&f->protocol, l->protocol, false);
}

bool filter_edge(const struct filter *f, const struct edge_row *e)
{
	return reporter_matches(f, (uint8_t)e->reporter, e->other_side) &&
	       ends_match(f, e->source, e->destination);
}
