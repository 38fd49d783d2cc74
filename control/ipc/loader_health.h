/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the worker does not see of the agent: programs, interfaces, the loader's work. */
#pragma once

#include "control/signals/health.h"

#include "base/descriptors.h"
#include "datapath/attach/mesh/revocation.h"
#include "datapath/attach/mesh/owners.h"

#include <stdint.h>

/* The loader's part of the health numbers. */
struct loader_health {
	uint64_t time_ms; /* of these numbers, since the epoch; 0: there are none yet */
	uint64_t loader_cpu_ns;
	uint64_t loader_resident_bytes;
	struct descriptors descriptors;
	struct revocation_counts revocation;
	struct owners_counts owners;
	uint32_t program_count;
	uint32_t probe_count;
	uint32_t interface_count;
	uint32_t tls_keys; /* 1: secrets are taken */
	char pins_problem[256];
	struct health_program programs[HEALTH_PROGRAMS_MAX];
	struct health_probe probes[HEALTH_PROBES_MAX];
	struct health_interface interfaces[HEALTH_INTERFACES_MAX];
};
