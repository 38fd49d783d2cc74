/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the model share: places in files, labels, localities, prefixes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MESH_NONE UINT32_MAX /* an index that points nowhere */

/* Where an object was written, for messages: lines and columns from 1. |file| indexes
 * mesh->files. */
struct mesh_position {
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

struct mesh_label {
	const char *key;
	const char *value;
};

/* Sorted by key, keys unique, interned like texts. Never NULL in a model; empty has count 0. */
struct mesh_labels {
	uint32_t count;
	struct mesh_label items[];
};

/* As Istio writes it: region/zone/subzone, "" from the first part that is not known. */
struct mesh_locality {
	const char *region;
	const char *zone;
	const char *subzone;
};

/* |bits| counts in the 16 bytes: 96 + n for an IPv4 /n. Bits behind the prefix are 0. */
struct mesh_prefix {
	uint8_t address[16];
	uint8_t bits;
};

struct mesh_address {
	uint8_t address[16];
	bool conditional; /* of a process of this workload only if more holds: its matchers say */
};
