// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libyaml's emitter is not used: it does not indent a list below its key, as files of operators do,
 * and writes keys from 128 characters on as complex ones. */
#include "mesh-config/yaml/write.h"

#include <ctype.h>
#include <stdlib.h>

#define LONG_KEY_BYTES 1000 /* YAML takes a plain key of at most 1024 characters */
#define INDENT_STEP    2

void yaml_write_line(struct yaml_writer *w, unsigned indent)
{
	if (!w->after_dash)
		fprintf(w->to, "%*s", (int)indent, "");
	w->after_dash = false;
}

/* Words that some reader takes for something else than a text. */
static bool is_reserved(struct slice s)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no",
					    "on",   "off",   "y",    "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_equal_nocase(s, slice_of(words[i])))
			return true;
	return false;
}

/* Whether |s| is the same text to every reader without quotes. */
static bool is_safe(struct slice s)
{
	if (!s.size_bytes || !(isalpha((unsigned char)s.data[0]) || s.data[0] == '/') ||
	    is_reserved(s))
		return false;
	for (size_t i = 0; i < s.size_bytes; i++)
		if (!isalnum((unsigned char)s.data[i]) && !strchr("._/-", s.data[i]))
			return false;
	return true;
}

/* Characters that libyaml reads only when they are written as numbers: U+FEFF, U+FFFE, U+FFFF. */
static const char *escape_of(struct slice rest)
{
	if (slice_starts_with(rest, SLICE("\xef\xbb\xbf")))
		return "\\uFEFF";
	if (slice_starts_with(rest, SLICE("\xef\xbf\xbe")))
		return "\\uFFFE";
	return slice_starts_with(rest, SLICE("\xef\xbf\xbf")) ? "\\uFFFF" : NULL;
}

static void quoted_write(FILE *to, struct slice s)
{
	fputc('"', to);
	for (size_t i = 0; i < s.size_bytes; i++) {
		const char *escape = escape_of((struct slice){s.data + i, s.size_bytes - i});
		char c = s.data[i];

		if (escape) {
			fputs(escape, to);
			i += 2;
			continue;
		}
		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			fprintf(to, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else
			fputc(c, to);
	}
	fputc('"', to);
}

static void text_write(FILE *to, struct slice s)
{
	if (is_safe(s))
		fwrite(s.data, 1, s.size_bytes, to);
	else
		quoted_write(to, s);
}

void yaml_write_key(struct yaml_writer *w, unsigned indent, struct slice key)
{
	yaml_write_line(w, indent);
	if (key.size_bytes > LONG_KEY_BYTES)
		fputs("? ", w->to);
	text_write(w->to, key);
	if (key.size_bytes > LONG_KEY_BYTES)
		fprintf(w->to, "\n%*s", (int)indent, "");
	fputc(':', w->to);
}

void yaml_write_dash(struct yaml_writer *w, unsigned indent)
{
	yaml_write_line(w, indent);
	fputc('-', w->to);
	w->after_dash = true;
}

/* Ends the line of a key; an item goes on in the line of its dash. */
static void block_begin(struct yaml_writer *w)
{
	fputc(w->after_dash ? ' ' : '\n', w->to);
}

void yaml_write_empty(struct yaml_writer *w, const char *brackets)
{
	w->after_dash = false;
	fprintf(w->to, " %s\n", brackets);
}

void yaml_write_text(struct yaml_writer *w, struct slice text)
{
	w->after_dash = false;
	fputc(' ', w->to);
	text_write(w->to, text);
	fputc('\n', w->to);
}

/* A plain scalar stays one: what it is depends on its field. */
static void scalar_write(struct yaml_writer *w, const struct yaml_node *n)
{
	if (!n->plain || memchr(n->text.data, '\n', n->text.size_bytes)) {
		yaml_write_text(w, n->text);
		return;
	}
	w->after_dash = false;
	fprintf(w->to, " %s\n", n->text.size_bytes ? n->text.data : "null");
}

static void list_write(struct yaml_writer *w, unsigned indent, const struct yaml_node *list)
{
	block_begin(w);
	for (const struct yaml_node *n = list->first; n; n = n->next) {
		yaml_write_dash(w, indent);
		yaml_write_value(w, indent + INDENT_STEP, n);
	}
}

static void map_write(struct yaml_writer *w, unsigned indent, const struct yaml_node *map)
{
	block_begin(w);
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		yaml_write_key(w, indent, n->key);
		yaml_write_value(w, indent + INDENT_STEP, n);
	}
}

void yaml_write_value(struct yaml_writer *w, unsigned indent, const struct yaml_node *n)
{
	if (n->kind == YAML_TEXT || n->kind == YAML_NULL)
		scalar_write(w, n);
	else if (!n->count)
		yaml_write_empty(w, n->kind == YAML_LIST ? "[]" : "{}");
	else if (n->kind == YAML_LIST)
		list_write(w, indent, n);
	else
		map_write(w, indent, n);
}

static int by_key(const void *left, const void *right)
{
	struct slice a = (*(const struct yaml_node *const *)left)->key;
	struct slice b = (*(const struct yaml_node *const *)right)->key;
	size_t least = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
	int order = memcmp(a.data, b.data, least);

	return order ? order : (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

void yaml_write_sorted(struct yaml_writer *w, unsigned indent, const struct yaml_node *map,
		       bool (*wanted)(struct slice key))
{
	const struct yaml_node **entries = calloc(map->count + 1, sizeof(*entries));
	uint32_t count = 0;

	w->failed |= !entries;
	for (const struct yaml_node *n = map->first; n && entries; n = n->next)
		if (n->kind != YAML_NULL && (!wanted || wanted(n->key)))
			entries[count++] = n;
	if (!count) {
		yaml_write_empty(w, "{}");
	} else {
		qsort(entries, count, sizeof(*entries), by_key);
		block_begin(w);
	}
	for (uint32_t i = 0; i < count; i++) {
		yaml_write_key(w, indent, entries[i]->key);
		yaml_write_value(w, indent + INDENT_STEP, entries[i]);
	}
	free(entries);
}
