/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's part of the health numbers. */
#pragma once

#include "control/ipc/loader_health.h"

struct attach;
struct revocation;
struct flows;
struct interfaces;
struct libraries;
struct owners;

/* All except |attach| may be NULL: off, or not supported here. */
struct loader_health_parts {
	struct attach *attach;
	struct libraries *libraries;
	struct interfaces *interfaces;
	struct flows *flows;
	struct revocation *revocation;
	struct owners *owners;
};

void loader_health_fill(const struct loader_health_parts *parts, struct loader_health *ret);
