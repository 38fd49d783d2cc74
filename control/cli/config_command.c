// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config`: what is wrong with a configuration, offline. */
#include "control/cli/command.h"

#include "control/cli/config_read.h"
#include "mesh-config/describe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- validate */

static void print_json(const struct problem *p)
{
	json_t *o = json_pack("{ss ss ss sI sI ss ss ss ss so}", "severity",
			      p->severity == PROBLEM_ERROR ? "error" : "warning", "code", p->code,
			      "file", p->file, "line", (json_int_t)p->line, "column",
			      (json_int_t)p->column, "object", p->object, "message", p->text,
			      "hint", p->hint, "source", p->source, "docs",
			      json_sprintf("docs/config.md#%c%s", p->code[0] | 0x20, p->code + 1));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(o);
}

static void print_problems(const struct context *context, const struct problems *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (context->json)
			print_json(&p->items[i]);
		else
			problem_write(&p->items[i], stdout, context->color);
	}
}

static void print_counts(const struct config_read *c, const struct problems *p,
			 const struct mesh *m)
{
	if (p->count < p->errors + p->warnings)
		printf("... and %u more\n", p->errors + p->warnings - p->count);
	if (m)
		printf("%s%u services, %u endpoints, %u workloads, %u policies in %u files\n",
		       p->warnings ? "" : "fine: ", m->service_count, m->endpoint_count,
		       m->workload_count, m->policy_count, c->files);
	if (p->errors || p->warnings)
		printf("%u error%s, %u warning%s\n", p->errors, p->errors == 1 ? "" : "s",
		       p->warnings, p->warnings == 1 ? "" : "s");
}

static int validate_source(const struct context *context, struct config_read *c)
{
	struct mesh *mesh = NULL;
	struct problems problems;
	int err = mesh_source_build(c->source, &mesh, &problems);
	int code = problems.errors ? EXIT_PROBLEMS : EXIT_FINE;

	if (err == -ENOMEM) {
		code = command_fail(EXIT_FAILED, "out of memory");
	} else {
		print_problems(context, &problems);
		if (!context->json)
			print_counts(c, &problems, mesh);
	}
	problems_free(&problems);
	mesh_free(mesh);
	return code;
}

static int validate(const struct context *context, int argc, char **argv)
{
	struct config_read c = {.source = mesh_source_new()};
	int code =
		argc > 1 ? EXIT_FINE : command_fail(EXIT_USAGE, "validate what? FILE or DIRECTORY");

	if (!c.source)
		return command_fail(EXIT_FAILED, "out of memory");
	for (int i = 1; i < argc && !code; i++)
		if (config_read_path(&c, argv[i]))
			code = command_fail(EXIT_FAILED, "%s", c.err.text);
	if (!code)
		code = validate_source(context, &c);
	mesh_source_free(c.source);
	return code;
}

/* ---- schema, reference */

static int schema(const struct context *context, int argc, char **argv)
{
	(void)context;
	if (argc > 2)
		return command_fail(EXIT_USAGE, "schema takes one kind or none");
	if (argc == 1)
		describe_schema(stdout);
	else if (describe_kind(stdout, argv[1]))
		return command_fail(EXIT_USAGE, "there is no kind \"%s\"", argv[1]);
	return EXIT_FINE;
}

static int reference(const struct context *context, int argc, char **argv)
{
	(void)context;
	if (argc > 1)
		return command_fail(EXIT_USAGE, "reference takes no argument \"%s\"", argv[1]);
	describe_reference(stdout);
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(const struct context *context, int argc, char **argv);
} verbs[] = {
	{"validate", validate},
	{"schema", schema},
	{"reference", reference},
};

int command_config(const struct context *context, int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(context, argc - 1, argv + 1);
	return command_fail(EXIT_USAGE, "config does not take \"%s\"; see weft config --help",
			    argc > 1 ? argv[1] : "");
}
