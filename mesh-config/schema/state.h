/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files that read by a table share: schema.c objects and lists, values.c single values,
 * report.c what they say. */
#pragma once

#include "mesh-config/schema/schema.h"

/* Of each type: the bytes of its value in a draft. */
size_t schema_type_size(enum field_type type);

/* Reads a value that is no list and no object; returns its hash. */
uint64_t schema_value_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			   void *out);

/* What |n| looks like is not what |f| takes. */
void schema_type_report(struct reading *r, const struct field *f, const struct yaml_node *n,
			const char *looks_like);
void schema_unknown_report(struct reading *r, const struct schema *schema,
			   const struct yaml_node *n);
void schema_words_report(struct reading *r, const struct field *f, const struct yaml_node *n);
void schema_form_report(struct reading *r, const struct field *f, struct slice text,
			struct place at);
void schema_empty_report(struct reading *r, const char *what, struct place at);
