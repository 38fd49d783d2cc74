// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Collects problems, and finds the lines that they are about in one pass over each file. */
#include "mesh-config/yaml/problem.h"

#include "base/utf8.h"
#include "mesh-config/yaml/problem_sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_MAX_BYTES 200u

struct problem_store {
	struct arena arena;
};

static const struct {
	const char *code, *title, *explanation;
} codes[] = {
#define X(name, code, title, explanation) {code, title, explanation},
	PROBLEM_CODES(X)
#undef X
};

/* What to do where the place that found the problem knows nothing better. */
#define ACCEPT(code) "take it out, or take it upon yourself: annotation weft.dev/accept: " code
static const char *const usual_hints[PROBLEM_CODE_COUNT] = {
	[PROBLEM_SYNTAX] = "look at quotes, brackets and the indentation of this line and the one "
			   "before",
	[PROBLEM_ALIAS] = "write the value out at each place where it is needed",
	[PROBLEM_DEPTH] = "no field is that deep: a bracket is not closed, or lines are indented "
			  "too far",
	[PROBLEM_TOO_LARGE] = "split it: all files of the directory belong together",
	[PROBLEM_ENCODING] = "save the file as UTF-8; in quotes write \\t and \\n for a tab and a "
			     "new line",
	[PROBLEM_UNKNOWN_FIELD] = "weft config schema KIND lists the fields",
	[PROBLEM_TYPE] = "weft config schema KIND says what each field takes",
	[PROBLEM_VALUE] = "weft config schema KIND says what each field takes",
	[PROBLEM_REQUIRED] = "weft config schema KIND lists the fields",
	[PROBLEM_NOT_OBJECT] = "each document begins with apiVersion, kind and metadata.name",
	[PROBLEM_EXCLUSIVE] = "keep one of them",
	[PROBLEM_NOT_HONOURED] = ACCEPT("E3001"),
	[PROBLEM_SECURITY] = ACCEPT("E3002"),
	[PROBLEM_L7_ALLOW] = ACCEPT("E3004"),
	[PROBLEM_L7_DENY_LOST] = ACCEPT("E3006"),
	[PROBLEM_UNSUPPORTED] = ACCEPT("E3007"),
	[PROBLEM_UNGRANTED] = ACCEPT("E3008"),
	[PROBLEM_DUPLICATE] = "keep one of them",
	[PROBLEM_NO_SERVICE] = "add a Service or ServiceEntry with this host, or mend the name",
	[PROBLEM_NO_SUBSET] = "add the subset to the host's DestinationRule, or mend the name",
	[PROBLEM_NO_PORT] = "add the port to the service, or mend the number",
	[PROBLEM_OVERLAP] = "give one of them another address or host",
	[PROBLEM_WEIGHTS] = "mend the weights",
};

const char *problem_code_text(enum problem_code code)
{
	return codes[code].code;
}

/* E3 and W3: understood, and not done. */
static bool is_of_support(enum problem_code code)
{
	return codes[code].code[1] == '3';
}

bool problem_code_acceptable(enum problem_code code)
{
	return codes[code].code[0] == 'E' && is_of_support(code);
}

const char *problem_code_title(enum problem_code code)
{
	return codes[code].title;
}

const char *problem_code_explanation(enum problem_code code)
{
	return codes[code].explanation;
}

/* ---- collecting */

static bool is_accepted(const struct problem_sink *s, enum problem_code code)
{
	return s->annotation && problem_code_acceptable(code) &&
	       strstr(s->annotation, codes[code].code);
}

static const char *sink_format(struct problem_sink *s, const char *format, va_list args)
{
	char text[1024];
	const char *copy;

	vsnprintf(text, sizeof(text), format, args);
	copy = arena_copy(&s->arena, text, strlen(text));
	return copy ? copy : "";
}

void problem_add(struct problem_sink *s, enum problem_code code, struct place at,
		 const char *format, ...)
{
	bool accepted = is_accepted(s, code);
	struct problem_note *note = NULL;
	va_list args;

	s->latest = NULL;
	if (s->elsewhere && is_of_support(code))
		return;
	s->errors += codes[code].code[0] == 'E' && !accepted;
	s->warnings += codes[code].code[0] == 'W' || accepted;
	if (s->kept < PROBLEMS_MAX)
		note = arena_take(&s->arena, sizeof(*note));
	if (!note)
		return;
	s->kept++;
	*note = (struct problem_note){.code = code,
				      .accepted = accepted,
				      .file = s->file,
				      .place = at,
				      .object = s->object ? s->object : "",
				      .hint = ""};
	va_start(args, format);
	note->text = sink_format(s, format, args);
	va_end(args);
	if (!s->last)
		s->last = &s->first;
	*s->last = s->latest = note;
	s->last = &note->next;
}

void problem_hint(struct problem_sink *s, const char *format, ...)
{
	va_list args;

	if (!s->latest)
		return;
	va_start(args, format);
	s->latest->hint = sink_format(s, format, args);
	va_end(args);
}

void problem_sink_free(struct problem_sink *s)
{
	arena_free(&s->arena);
	*s = (struct problem_sink){0};
}

/* ---- completing */

static int by_place(const void *left, const void *right)
{
	const struct problem *a = left, *b = right;
	int order = strcmp(a->file, b->file);

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	order = strcmp(a->code, b->code);
	return order ? order : strcmp(a->text, b->text);
}

/* The byte of the |column|-th character. */
static uint32_t caret_byte(struct slice line, uint32_t column)
{
	size_t at = 0;

	for (uint32_t i = 1; i < column && at < line.size_bytes; i++) {
		at++;
		while (at < line.size_bytes && ((uint8_t)line.data[at] & 0xc0) == 0x80)
			at++;
	}
	return (uint32_t)at;
}

static void line_take(struct problem *p, struct arena *arena, struct slice line)
{
	size_t caret = caret_byte(line, p->column), cut = 0;
	const char *copy;

	if (line.size_bytes && line.data[line.size_bytes - 1] == '\r')
		line.size_bytes--;
	while (caret - cut > SOURCE_MAX_BYTES / 2 && line.size_bytes - cut > SOURCE_MAX_BYTES)
		cut += SOURCE_MAX_BYTES / 4; /* a long line is shown around the caret */
	line.data += cut;
	line.size_bytes -= cut;
	if (line.size_bytes > SOURCE_MAX_BYTES)
		line.size_bytes = SOURCE_MAX_BYTES;
	copy = arena_copy(arena, line.data, line.size_bytes);
	p->source = copy ? copy : "";
	caret -= cut;
	p->caret = (uint32_t)(caret < strlen(p->source) ? caret : strlen(p->source));
}

/* Problems are sorted, so that each file is read once. */
static void lines_take(struct problem *items, uint32_t count, struct arena *arena,
		       const struct problem_file *file)
{
	struct slice rest = file->bytes;
	uint32_t line = 1;

	if (rest.size_bytes >= 3 && !memcmp(rest.data, "\xef\xbb\xbf", 3))
		rest = (struct slice){rest.data + 3, rest.size_bytes - 3};
	for (uint32_t i = 0; i < count; i++) {
		const char *end;

		for (; line < items[i].line && rest.size_bytes; line++) {
			end = memchr(rest.data, '\n', rest.size_bytes);
			size_t n = end ? (size_t)(end + 1 - rest.data) : rest.size_bytes;

			rest = (struct slice){rest.data + n, rest.size_bytes - n};
		}
		if (!items[i].line || !rest.size_bytes)
			continue;
		end = memchr(rest.data, '\n', rest.size_bytes);
		line_take(&items[i], arena,
			  (struct slice){rest.data,
					 end ? (size_t)(end - rest.data) : rest.size_bytes});
	}
}

static const char *text_copy(struct arena *arena, const char *text)
{
	const char *copy = text[0] ? arena_copy(arena, text, strlen(text)) : "";

	return copy ? copy : "";
}

static struct problem problem_of(const struct problem_note *n, const struct problem_file *files,
				 struct arena *arena)
{
	bool error = codes[n->code].code[0] == 'E' && !n->accepted;
	const char *usual = error && usual_hints[n->code] ? usual_hints[n->code] : "";

	return (struct problem){
		.severity = error ? PROBLEM_ERROR : PROBLEM_WARNING,
		.code = codes[n->code].code,
		.file = n->file == MESH_NONE ? "" : files[n->file].name,
		.line = n->place.line,
		.column = n->place.column,
		.object = text_copy(arena, n->object),
		.text = text_copy(arena, n->text),
		.hint = n->hint[0] ? text_copy(arena, n->hint) : usual,
		.source = "",
		/* the index of the file, until lines are taken */
		.caret = n->file,
	};
}

static void all_lines_take(struct problem *items, uint32_t count, struct arena *arena,
			   const struct problem_file *files)
{
	uint32_t end;

	for (uint32_t first = 0; first < count; first = end) {
		uint32_t file = items[first].caret;

		for (end = first; end < count && items[end].file == items[first].file; end++)
			items[end].caret = 0;
		if (file != MESH_NONE)
			lines_take(&items[first], end - first, arena, &files[file]);
	}
}

int problems_from(const struct problem_sink *const *sinks, uint32_t count,
		  const struct problem_file *files, struct problems *ret_problems)
{
	struct problems out = {.store = calloc(1, sizeof(struct problem_store))};
	struct problem *items;
	uint32_t kept = 0;

	if (!out.store)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		out.errors += sinks[i]->errors;
		out.warnings += sinks[i]->warnings;
		kept += sinks[i]->kept;
	}
	items = arena_array(&out.store->arena, struct problem, kept + 1);
	for (uint32_t i = 0; i < count && items; i++)
		for (const struct problem_note *n = sinks[i]->first; n; n = n->next)
			items[out.count++] = problem_of(n, files, &out.store->arena);
	if (items) {
		qsort(items, out.count, sizeof(*items), by_place);
		out.count = out.count < PROBLEMS_MAX ? out.count : PROBLEMS_MAX;
		all_lines_take(items, out.count, &out.store->arena, files);
	}
	out.items = items;
	*ret_problems = out;
	if (!out.store->arena.failed)
		return 0;
	problems_free(ret_problems);
	return -ENOMEM;
}

void problems_free(struct problems *p)
{
	if (p->store)
		arena_free(&p->store->arena);
	free(p->store);
	*p = (struct problems){0};
}

/* ---- for people */

/* Writes |s| with what a terminal could obey replaced; returns how many columns that took, tabs
 * counted as one (they are written as a blank). */
static unsigned safe_write(FILE *to, const char *s, size_t size_bytes)
{
	unsigned columns = 0;

	for (size_t i = 0; i < size_bytes; columns++) {
		size_t n = utf8_safe(s + i, size_bytes - i);

		if (n)
			fwrite(s + i, 1, n, to);
		else
			fputs(s[i] == '\t' ? " " : UTF8_REPLACEMENT, to);
		i += n ? n : 1;
	}
	return columns;
}

static void text_write(FILE *to, const char *s)
{
	safe_write(to, s, strlen(s));
}

static void source_write(const struct problem *p, FILE *to, const char *mark, const char *off)
{
	unsigned columns;

	fprintf(to, "%6u | ", p->line);
	columns = safe_write(to, p->source, p->caret);
	text_write(to, p->source + p->caret);
	fprintf(to, "\n       | %*s%s^%s\n", (int)columns, "", mark, off);
}

void problem_write(const struct problem *p, FILE *to, bool color)
{
	bool error = p->severity == PROBLEM_ERROR;
	const char *bold = color ? "\033[1m" : "", *off = color ? "\033[0m" : "";
	const char *mark = color ? (error ? "\033[1;31m" : "\033[1;33m") : "";

	fputs(bold, to);
	text_write(to, p->file[0] ? p->file : "configuration");
	if (p->line)
		fprintf(to, ":%u:%u", p->line, p->column);
	fprintf(to, ":%s %s%s[%s]:%s ", off, mark, error ? "error" : "warning", p->code, off);
	text_write(to, p->text);
	if (p->object[0]) {
		fputs(" (", to);
		text_write(to, p->object);
		fputs(")", to);
	}
	fputs("\n", to);
	if (p->source[0])
		source_write(p, to, mark, off);
	if (p->hint[0]) {
		fputs("       = hint: ", to);
		text_write(to, p->hint);
		fputs("\n", to);
	}
	fprintf(to, "       = see docs/config.md#%c%s\n", p->code[0] | 0x20, p->code + 1);
}
