/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A table of texts: columns as wide as their widest cell. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 12

struct cli_table;

/* |heads| are |columns| texts, borrowed; one that begins with '>' is right-aligned. NULL when
 * memory is short. */
struct cli_table *cli_table_new(const char *const *heads, unsigned columns);
void cli_table_free(struct cli_table *t);

/* The next cell, from left to right and top to bottom; the text is copied. */
void cli_table_add(struct cli_table *t, const char *text);
void cli_table_addf(struct cli_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The number of complete rows. */
size_t cli_table_rows(const struct cli_table *t);

/* Prints heads (bold when |color|) and rows to stdout. */
void cli_table_print(const struct cli_table *t, bool color);
