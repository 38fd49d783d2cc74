// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines of key=value; values with blanks are in quotes. */
#include "control/apply/report.h"

#include "mesh-config/resolve/source.h"
#include "mesh-config/yaml/problem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRORS_MAX  8 /* lines about one change */
#define LINE_BYTES  1000
#define NAMES_BYTES 700

struct line {
	char text[LINE_BYTES];
	size_t used;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->used, sizeof(l->text) - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n;
	if (l->used >= sizeof(l->text))
		l->used = sizeof(l->text) - 1;
}

/* In quotes, without any inside. */
static void add_quoted(struct line *l, const char *key, const char *value)
{
	size_t from = l->used + strlen(key) + 3;

	add(l, " %s=\"%s\"", key, value);
	for (size_t i = from; i + 1 < l->used; i++)
		if (l->text[i] == '"')
			l->text[i] = '\'';
}

static void say(struct report *r, struct line *l)
{
	ipc_tell(r->loader, IPC_MESSAGE_SAY, l->text, l->used, -1);
}

/* ---- refused */

static void say_problem(struct report *r, const struct problem *p, uint64_t generation)
{
	struct line l = {0};

	add(&l, "event=config_refused in_force=%" PRIu64, generation);
	add_quoted(&l, "file", p->file);
	add(&l, " line=%u column=%u code=%s", p->line, p->column, p->code);
	if (p->object[0])
		add_quoted(&l, "object", p->object);
	add_quoted(&l, "reason", p->text);
	say(r, &l);
}

/* "FILE: error CODE: reason", or a reason alone. */
static void say_text(struct report *r, const char *text, uint64_t generation)
{
	const char *error = strstr(text, ": error ");
	const char *code = error ? error + strlen(": error ") : "";
	int n = (int)strcspn(code, ":");
	struct line l = {0};
	char file[320];

	add(&l, "event=config_refused in_force=%" PRIu64, generation);
	if (error) {
		snprintf(file, sizeof(file), "%.*s", (int)(error - text), text);
		add_quoted(&l, "file", file);
		add(&l, " line=0 code=%.*s", n, code);
		text = code + n + (code[n] ? 2 : 0);
	}
	add_quoted(&l, "reason", text);
	say(r, &l);
}

void report_refused(struct report *r, const struct problems *problems, const char *text,
		    uint64_t generation)
{
	unsigned said = 0;
	struct line l = {0};

	if (r->refused && !r->changed && !strcmp(r->last, text))
		return; /* the same attempt again */
	r->refused = true;
	r->changed = false;
	snprintf(r->last, sizeof(r->last), "%s", text);
	if (!problems->errors || strstr(text, ": error E10")) {
		say_text(r, text, generation);
		return;
	}
	for (uint32_t i = 0; i < problems->count && said < ERRORS_MAX; i++) {
		if (problems->items[i].severity != PROBLEM_ERROR)
			continue;
		say_problem(r, &problems->items[i], generation);
		said++;
	}
	if (problems->errors <= said)
		return;
	add(&l, "event=config_refused in_force=%" PRIu64 " more=%u", generation,
	    problems->errors - said);
	say(r, &l);
}

/* ---- applied */

struct names {
	char text[NAMES_BYTES];
	size_t used;
	uint32_t count;
};

static void add_name(void *arg, const char *title)
{
	struct names *n = arg;
	size_t room = sizeof(n->text) - n->used;
	int wrote = snprintf(n->text + n->used, room, "%s%s", n->used ? ", " : "", title);

	if (wrote < 0 || (size_t)wrote >= room) {
		n->text[n->used] = 0;
		return;
	}
	n->used += (size_t)wrote;
	n->count++;
}

static void say_gone(struct report *r, struct mesh_source *source, uint64_t number)
{
	struct names names = {{0}, 0, 0};
	uint32_t count = mesh_source_gone(source, add_name, &names);
	struct line l = {0};

	mesh_source_settle_gone(source);
	if (!count)
		return;
	add(&l, "event=config_removed generation=%" PRIu64 " count=%u", number, count);
	add_quoted(&l, "objects", names.text);
	if (count > names.count)
		add(&l, " more=%u", count - names.count);
	say(r, &l);
}

void report_applied(struct report *r, struct mesh_source *source, uint64_t number)
{
	struct line l = {0};

	if (r->refused) {
		add(&l, "event=config_applied generation=%" PRIu64, number);
		say(r, &l);
	}
	r->refused = r->changed = false;
	r->last[0] = 0;
	say_gone(r, source, number);
}
