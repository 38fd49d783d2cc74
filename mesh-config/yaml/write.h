/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Nodes back to YAML, in one form: blocks, two spaces deeper at each level, quotes only where they
 * are needed. What yaml_read gives of it has the same values. */
#pragma once

#include "mesh-config/yaml/yaml.h"

#include <stdio.h>

struct yaml_writer {
	FILE *to;
	bool after_dash; /* of a list: its item begins on the same line */
	bool failed;	 /* memory was short: what was written is not all */
};

/* Begins a line |indent| spaces deep. */
void yaml_write_line(struct yaml_writer *w, unsigned indent);

/* "KEY:" in a line of its own; the value follows. */
void yaml_write_key(struct yaml_writer *w, unsigned indent, struct slice key);

/* "- "; the item follows. */
void yaml_write_dash(struct yaml_writer *w, unsigned indent);

/* What follows a key or a dash that is |indent| deep, to the end of its lines. */
void yaml_write_value(struct yaml_writer *w, unsigned indent, const struct yaml_node *n);
void yaml_write_text(struct yaml_writer *w, struct slice text); /* never a number to a reader */
void yaml_write_empty(struct yaml_writer *w, const char *brackets);

/* A map whose keys are names, in their order; entries of nothing are left out, and those that
 * |wanted| (may be NULL) does not want. */
void yaml_write_sorted(struct yaml_writer *w, unsigned indent, const struct yaml_node *map,
		       bool (*wanted)(struct slice key));
