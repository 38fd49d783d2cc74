/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics of weft by number, and the row of each. */
#pragma once

#include "control/signals/metric_table.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric {
#define X(name, ...) METRIC_##name,
	METRICS(X)
#undef X
		METRIC_MAX
};

struct metric_row {
	enum metric_type type;
	const char *name; /* counters: with _total */
	const char *unit; /* "" or the suffix of the name (before _total) */
	const char *help;
};

/* One row per metric, by enum metric. */
extern const struct metric_row metric_rows[METRIC_MAX];

/* "counter", "gauge", "histogram". */
const char *metric_type_name(enum metric_type type);
