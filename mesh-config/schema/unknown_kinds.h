/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is said of documents whose kind weft does not read. */
#pragma once

#include "mesh-config/schema/schema.h"
#include "mesh-config/yaml/yaml.h"

#define UNKNOWN_KINDS_MAX 64

/* Of one file: hashes of the harmless kinds that were said, each once. All zero is empty. */
struct unknown_kinds {
	uint64_t said[UNKNOWN_KINDS_MAX];
	uint32_t count;
};

/* Reports the object |node| of that |kind| (its node) and API |group|, which is none of kinds[].
 * Whatever may change what is allowed is said of each object; a harmless kind once per group and
 * file. An object may take E3002 upon itself (weft.dev/accept), and is left out then as well. */
void unknown_kinds_report(struct reading *r, struct unknown_kinds *u, const struct yaml_node *node,
			  const struct yaml_node *kind, struct slice group);
