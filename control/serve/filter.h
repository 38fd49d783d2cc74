/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters over records. Values of one key are alternatives; all keys must match. */
#pragma once

#include "base/error.h"
#include "control/serve/recent.h"
#include "control/signals/signals.h"

#include <stdbool.h>

#define FILTER_VALUES_MAX 8

/* Kinds of lines: bits. */
enum filter_lines {
	FILTER_EDGES = 1,
	FILTER_CONNECTIONS = 2,
	FILTER_VERDICTS = 4,
	FILTER_REQUESTS = 8,
};

/* X(name, lines that have it, "meaning"): the keys of a query that filter, beside reporter. */
#define FILTER_KEYS(X)                                                                             \
	X(from, ~0,                                                                                \
	  "workload of the client or `NAMESPACE/WORKLOAD`, `*` and `?` allowed; of verdicts as "   \
	  "the mesh or as the machine calls it")                                                   \
	X(to, ~0, "likewise the server's")                                                         \
	X(protocol, ~FILTER_EDGES,                                                                 \
	  "`http`, `http1.1`, `http2`, `grpc`, `tcp`, `tls`, ... (a prefix)")                      \
	X(status, FILTER_REQUESTS,                                                                 \
	  "`404`, `5xx`, `5+` (500 and above), `0` (no response), `unknown`")                      \
	X(path, FILTER_REQUESTS, "a prefix, or with `*` and `?`")                                  \
	X(method, FILTER_REQUESTS, "in any case")                                                  \
	X(verdict, FILTER_VERDICTS,                                                                \
	  "`denied`, `noted`, `no_endpoint`, `overflow`, `ended`, `ejected`, `gone`, `any`")

enum filter_key {
#define X(name, ...) FILTER_KEY_##name,
	FILTER_KEYS(X)
#undef X
		FILTER_KEY_COUNT
};

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
#define X(name, ...) struct filter_values name;
			FILTER_KEYS(X)
#undef X
		};
	};
};

/* Adds one key and value of a query. 0, -ENOENT when the key is not a filter's, -EINVAL and |err|
 * on a bad value, -E2BIG and |err| when one key has too many values. |value| must outlive |f|. */
int filter_add(struct filter *f, const char *key, const char *value, struct error *err);

/* -EINVAL and |err| when |f| has a key that |lines|, called |name|, do not have; else 0. */
int filter_check(const struct filter *f, enum filter_lines lines, const char *name,
		 struct error *err);

bool filter_request(const struct filter *f, const struct recent_request *r);
bool filter_connection(const struct filter *f, const struct recent_connection *c);
bool filter_living(const struct filter *f, const struct living *l, enum reporter reporter);
bool filter_verdict(const struct filter *f, const struct recent_verdict *v);
bool filter_edge(const struct filter *f, const struct edge_row *e);

/* |pattern| with * (any run, slashes too) and ?, over all of |text|. Linear in practice, never
 * exponential. */
bool filter_glob(const char *pattern, const char *text);
