/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which records a reader wants. The same key given twice means either, different keys mean both. */
#pragma once

#include "base/error.h"
#include "control/serve/recent.h"
#include "control/signals/signals.h"

#include <stdbool.h>

#define FILTER_VALUES_MAX 8

/* X(name): the keys of a query that filter. from, to: workload or "NAMESPACE/WORKLOAD", exact or
 * with
 * * and ?; of a verdict as the mesh or as the machine calls it. protocol: "http", "http1",
 * "http1.1", "http2", "grpc", "tcp", "tls", ... (a prefix of the record's, or grpc). status: "404",
 * "5xx", "5+" (500 and above), "0", "unknown". path: with * and ?, else a prefix. method: exact, in
 * any case. verdict: what verdicts_word says or "any", of verdicts only. reporter: "source",
 * "destination", "both", or "once" (the default: the client's view where there is one, else the
 * server's). */
#define FILTER_KEYS(X) X(from) X(to) X(protocol) X(status) X(path) X(method) X(verdict)

enum filter_key {
#define X(name) FILTER_KEY_##name,
	FILTER_KEYS(X)
#undef X
		FILTER_KEY_COUNT
};

/* What lines of each kind have: sets of keys, beside reporter. */
#define FILTER_HAS(name)      (1u << FILTER_KEY_##name)
#define FILTER_OF_EDGES	      (FILTER_HAS(from) | FILTER_HAS(to))
#define FILTER_OF_CONNECTIONS (FILTER_OF_EDGES | FILTER_HAS(protocol))
#define FILTER_OF_VERDICTS    (FILTER_OF_CONNECTIONS | FILTER_HAS(verdict))
#define FILTER_OF_REQUESTS                                                                         \
	(FILTER_OF_CONNECTIONS | FILTER_HAS(status) | FILTER_HAS(path) | FILTER_HAS(method))

struct filter_values {
	unsigned count;
	const char *values[FILTER_VALUES_MAX]; /* borrowed */
};

enum filter_reporter { FILTER_ONCE, FILTER_SOURCE, FILTER_DESTINATION, FILTER_BOTH };

struct filter {
	enum filter_reporter reporter;
	union {
		struct filter_values keys[FILTER_KEY_COUNT];
		struct {
#define X(name) struct filter_values name;
			FILTER_KEYS(X)
#undef X
		};
	};
};

/* Adds one key and value of a query. 0, -ENOENT when the key is not a filter's, -EINVAL and |err|
 * on a bad value, -E2BIG and |err| when one key has too many values. |value| must outlive |f|. */
int filter_add(struct filter *f, const char *key, const char *value, struct error *err);

/* -EINVAL and |err| when |f| asks for what |lines| ("edges"), that have |keys|, do not have; else
 * 0.
 */
int filter_check(const struct filter *f, unsigned keys, const char *lines, struct error *err);

bool filter_request(const struct filter *f, const struct recent_request *r);
bool filter_connection(const struct filter *f, const struct recent_connection *c);
bool filter_living(const struct filter *f, const struct living *l, enum reporter reporter);
bool filter_verdict(const struct filter *f, const struct recent_verdict *v);
bool filter_edge(const struct filter *f, const struct edge_row *e);

/* |pattern| with * (any run, slashes too) and ?, over all of |text|. Linear in practice, never
 * exponential. */
bool filter_glob(const char *pattern, const char *text);
