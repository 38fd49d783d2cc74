/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of the model as short texts that differ where the parts do, as far as they are not cut. For
 * diff.c. */
#pragma once

#include "mesh-config/model/model.h"

#include <stddef.h>

#define DIFF_TEXT_BYTES 512

/* A text that is cut where it does not fit. */
struct diff_text {
	char text[DIFF_TEXT_BYTES];
	size_t used;
};

void diff_text_add(struct diff_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each begins the text anew. */
void diff_text_address(struct diff_text *t, const uint8_t address[16]);
void diff_text_labels(struct diff_text *t, const struct mesh_labels *l);
void diff_text_locality(struct diff_text *t, const struct mesh_locality *l);
void diff_text_endpoint(struct diff_text *t, const struct mesh *m, const struct mesh_endpoint *e);
void diff_text_matcher(struct diff_text *t, const struct mesh_matcher *m);

/* Of a row of an array of the mesh. */
typedef void diff_item_text(const struct mesh *m, uint32_t index, struct diff_text *t);
diff_item_text diff_text_vip, diff_text_host, diff_text_port, diff_text_subset, diff_text_route,
	diff_text_workload_address, diff_text_failover, diff_text_distribute, diff_text_rule;

/* What a number of enum mesh_balance or mesh_action means. */
const char *diff_balance_name(uint8_t balance);
const char *diff_action_name(uint8_t action);
