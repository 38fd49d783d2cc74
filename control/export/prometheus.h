/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Signals as Prometheus text 0.0.4 or OpenMetrics 1.0, read piece by piece so that a large scrape
 * neither blocks nor needs much memory. Each series is one piece and consistent; series are held
 * (signals_hold) while a reader lives. */
#pragma once

#include "control/signals/signals.h"

#include <stdbool.h>
#include <stddef.h>

#define PROMETHEUS_TEXT_TYPE	    "text/plain; version=0.0.4; charset=utf-8"
#define PROMETHEUS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct prometheus;

/* NULL when memory is short. |s| must outlive the reader; free it with prometheus_free, soon. */
struct prometheus *prometheus_new(struct signals *s, bool openmetrics);
void prometheus_free(struct prometheus *p);

/* The next bytes of the exposition, at most |size|; 0 at its end, -ENOMEM when memory was short. */
long prometheus_read(struct prometheus *p, char *out, size_t size);

/* Whether an Accept header (may be NULL) prefers OpenMetrics 1.0 to the text format (RFC
 * 9110 12.5.1, q-values). */
bool prometheus_wants_openmetrics(const char *accept);
