// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The metric table as data. */
#include "control/signals/metrics.h"

const struct metric_row metric_rows[METRIC_MAX] = {
#define X(name, type, text, unit, collector, help)                                                 \
	[METRIC_##name] = {METRIC_##type, text, unit, help},
	METRICS(X)
#undef X
};

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = {"counter", "gauge", "histogram"};

	return names[type];
}
