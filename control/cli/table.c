// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stores all cells until they are printed, as the widths are known only then. */
#include "control/cli/table.h"

#include "control/cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

struct cli_table {
	const char *const *heads;
	unsigned columns;
	char **cells;
	size_t count, room;
	size_t widths[TABLE_COLUMNS_MAX];
};

/* The width on the terminal, if every character has one column. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static const char *head_text(const char *head)
{
	return head[0] == '>' ? head + 1 : head;
}

struct cli_table *cli_table_new(const char *const *heads, unsigned columns)
{
	struct cli_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->heads = heads;
	t->columns = columns < TABLE_COLUMNS_MAX ? columns : TABLE_COLUMNS_MAX;
	for (unsigned i = 0; i < t->columns; i++)
		t->widths[i] = width_of(head_text(heads[i]));
	return t;
}

void cli_table_free(struct cli_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void cli_table_add(struct cli_table *t, const char *text)
{
	size_t column = t->count % t->columns;
	size_t width = width_of(text);
	char **more;

	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 256;
		more = realloc(t->cells, t->room * sizeof(*more));
		if (!more)
			abort();
		t->cells = more;
	}
	t->cells[t->count] = strdup(text);
	if (!t->cells[t->count])
		abort();
	t->count++;
	if (width > t->widths[column])
		t->widths[column] = width;
}

void cli_table_addf(struct cli_table *t, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cli_table_add(t, text);
}

size_t cli_table_rows(const struct cli_table *t)
{
	return t->columns ? t->count / t->columns : 0;
}

static void print_cell(const struct cli_table *t, unsigned column, const char *text)
{
	int pad = (int)(t->widths[column] - width_of(text));
	bool right = t->heads[column][0] == '>', last = column + 1 == t->columns;

	printf("%*s%s%*s", right ? pad : 0, "", text, right || last ? 0 : pad, "");
	printf("%*s", last ? 0 : GAP, "");
}

void cli_table_print(const struct cli_table *t, bool color)
{
	struct colors c = colors_of(color);

	printf("%s", c.bold);
	for (unsigned i = 0; i < t->columns; i++)
		print_cell(t, i, head_text(t->heads[i]));
	printf("%s\n", c.off);
	for (size_t i = 0; i < cli_table_rows(t) * t->columns; i++) {
		print_cell(t, (unsigned)(i % t->columns), t->cells[i]);
		if (i % t->columns == t->columns - 1)
			printf("\n");
	}
}
