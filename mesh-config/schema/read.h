/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From documents to drafts. */
#pragma once

#include "mesh-config/schema/draft.h"

/* Reads every document of a file. The drafts are chained from the first to the last. What is no
 * object or of no use is left out with a problem. *|ret_first| may be NULL. 0 or -ENOMEM. */
int drafts_read(struct reading *r, const struct yaml_node *documents, struct source_file *file,
		struct draft **ret_first);

/* The kind of this apiVersion and name, NULL if it is none of those known; its group. */
const struct kind *kind_of(struct slice api, struct slice name, struct slice *ret_group);
