/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the model that concerns signals only: Telemetry and weft's kind Objective. */
#pragma once

#include "mesh-config/model/base.h"

enum mesh_mode {
	MESH_CLIENT_AND_SERVER,
	MESH_CLIENT,
	MESH_SERVER,
};

struct mesh_tag_override {
	const char *tag;
	bool remove;	   /* REMOVE, else UPSERT */
	const char *value; /* of UPSERT: an expression, or a text in quotes */
};

struct mesh_metric_override {
	const char *metric; /* REQUEST_COUNT, ... or a custom name; "" for ALL_METRICS */
	uint8_t mode;	    /* enum mesh_mode */
	int8_t disabled;    /* -1 not said, 0, 1 */
	uint32_t tag_override_first, tag_override_count;
};

struct mesh_telemetry {
	const char *namespace_name;
	const char *name;
	uint8_t scope; /* enum mesh_scope */
	const struct mesh_labels *selector;
	uint32_t metric_override_first, metric_override_count;
	int8_t access_log_disabled;    /* -1 not said, 0, 1 */
	uint8_t access_log_mode;       /* enum mesh_mode */
	const char *access_log_filter; /* expression as written; "" */
	int8_t tracing_disabled;       /* -1 not said, 0, 1 */
	double sampling_percent;       /* negative: not said */
	struct mesh_position position;
};

/* A promise about a service. */
struct mesh_objective {
	const char *namespace_name;
	const char *name;
	uint32_t service;
	double target_ratio;	 /* 0.999 */
	uint32_t window_s;	 /* 30 days */
	uint32_t latency_ms;	 /* good only if not slower; 0: any */
	const char *path_prefix; /* "" every request */
	struct mesh_position position;
};
