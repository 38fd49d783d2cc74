/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the model that concerns signals only: Telemetry and weft's kind Objective. */
#pragma once

#include "mesh-config/model/fields.h"

/* Of no effect: only that it is there, and whether it is another one, is known of it. */
struct mesh_telemetry {
	uint64_t hash; /* of its content */
	const char *namespace_name;
	const char *name;
	struct mesh_position position;
};

/* Of the kind Objective. */
#define PROMISE_FIELDS(F, N, s)                                                                    \
	F(s, target_ratio, "target", REAL, "share of good requests, as 0.999", .required = true)   \
	F(s, window_ms, "window", DURATION, "over which it holds", .min = 60000,                   \
	  DEFAULT(2592000000u))                                                                    \
	F(s, latency_ms, "latency", DURATION, "slower requests are not good", .min = 1,            \
	  UNSAID("any"))                                                                           \
	F(s, path_prefix, "pathPrefix", TEXT, "only these requests")

struct mesh_promise {
	PROMISE_FIELDS(FIELD_MEMBER, FIELD_NO_MEMBER, ) /* latency 0: any; path "": every request */
};

/* A promise about a service. */
struct mesh_objective {
	const char *namespace_name;
	const char *name;
	uint32_t service;
	struct mesh_promise promise;
	struct mesh_position position;
};
