/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telemetry and Objective: their fields, and what is read of them. */
#pragma once

#include "mesh-config/model/signals.h"
#include "mesh-config/schema/draft_policy.h"

#define PROVIDER_FIELDS(F, N, s)                                                                   \
	F(s, name, "name", TEXT, "one of the mesh's", .required = true, .form = FORM_FILLED)
DRAFT(provider, PROVIDER_FIELDS);

#define PROVIDERS_FIELD(F, N, s)                                                                   \
	N(WARNED(HARMLESS), "providers", LIST(OBJECT(provider)), "weft is the only provider")

#define METRIC_MATCH_FIELDS(F, N, s)                                                               \
	F(s, metric, "metric", ENUM(telemetry_metrics), "one of Istio's", .one_of = 1, DEFAULT(0)) \
	F(s, custom_metric, "customMetric", TEXT, "any other", .one_of = 1, .form = FORM_FILLED)   \
	F(s, mode, "mode", ENUM(reporter_modes), "who reports", DEFAULT(0))
DRAFT(metric_match, METRIC_MATCH_FIELDS);

#define TAG_OVERRIDE_FIELDS(F, N, s)                                                               \
	F(s, operation, "operation", ENUM(operations), "what to do with the tag", DEFAULT(0))      \
	F(s, value, "value", TEXT, "of UPSERT")
DRAFT_KEYED(tag_override, tag, TAG_OVERRIDE_FIELDS);

#define METRIC_OVERRIDE_FIELDS(F, N, s)                                                            \
	F(s, match, "match", OBJECT(metric_match), "which metrics")                                \
	F(s, disabled, "disabled", MAYBE, "not exported", UNSAID("false"))                         \
	F(s, tags, "tagOverrides", OBJECTS(tag_override), "by name of the tag")
DRAFT(metric_override, METRIC_OVERRIDE_FIELDS);

#define METRICS_FIELDS(F, N, s)                                                                    \
	F(s, overrides, "overrides", LIST(OBJECT(metric_override)), "changes, in order")           \
	PROVIDERS_FIELD(F, N, s)                                                                   \
	N(WARNED(HARMLESS), "reportingInterval", DURATION, "metrics are counted as things happen", \
	  .min = 1)
DRAFT(metrics, METRICS_FIELDS);

#define MODE_FIELDS(F, N, s) F(s, mode, "mode", ENUM(reporter_modes), "who reports", DEFAULT(0))
DRAFT(mode, MODE_FIELDS);

#define FILTER_FIELDS(F, N, s) F(s, expression, "expression", TEXT, "which are logged")
DRAFT(filter, FILTER_FIELDS);

#define ACCESS_LOG_FIELDS(F, N, s)                                                                 \
	F(s, match, "match", OBJECT(mode), "who reports")                                          \
	F(s, disabled, "disabled", MAYBE, "not logged", UNSAID("false"))                           \
	F(s, filter, "filter", OBJECT(filter), "which")                                            \
	PROVIDERS_FIELD(F, N, s)
DRAFT(access_log, ACCESS_LOG_FIELDS);

#define TRACING_FIELDS(F, N, s)                                                                    \
	F(s, sampling_percent, "randomSamplingPercentage", REAL,                                   \
	  "of spans that weft makes itself", .max = 100)                                           \
	F(s, disabled, "disableSpanReporting", MAYBE, "no spans", UNSAID("false"))                 \
	PROVIDERS_FIELD(F, N, s)                                                                   \
	N(WARNED(HARMLESS), "match", OBJECT(mode), "spans are of both sides")                      \
	N(WARNED(HARMLESS), "customTags", ANY, "spans have the tags of the semantic conventions")  \
	N(WARNED(HARMLESS), "enableIstioTags", BOOL,                                               \
	  "spans have the tags of the semantic conventions")                                       \
	N(WARNED(HARMLESS), "useRequestIdForTraceSampling", BOOL, "weft reads traceparent only")
DRAFT(tracing, TRACING_FIELDS);

#define TELEMETRY_FIELDS(F, N, s)                                                                  \
	F(s, selector, "selector", OBJECT(match_labels),                                           \
	  "workloads that it applies to; none: all of the namespace, in the root namespace all")   \
	F(s, metrics, "metrics", LIST(OBJECT(metrics)),                                            \
	  "of no effect (a warning): every metric is exported with every tag")                     \
	F(s, access_logging, "accessLogging", LIST(OBJECT(access_log)),                            \
	  "of no effect (a warning): there is no access log, see weft observe")                    \
	F(s, tracing, "tracing", LIST(OBJECT(tracing)),                                            \
	  "of no effect (a warning): no spans are reported")                                       \
	N(WARNED(HARMLESS), "targetRef", ANY, "gateways and waypoints are not weft's")             \
	N(WARNED(HARMLESS), "targetRefs", ANY, "gateways and waypoints are not weft's")
DRAFT(telemetry, TELEMETRY_FIELDS);

#define OBJECTIVE_FIELDS(F, N, s)                                                                  \
	F(s, service, "service", WORD, "host of the service", .required = true,                    \
	  .form = FORM_HOST_NOT_ALL)
DRAFT_OF(objective, OBJECTIVE_FIELDS, struct mesh_promise);
extern const struct schema objective_schema;

extern const char *const telemetry_metrics[], *const reporter_modes[];
