// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config`: the table of its verbs, and those that need no agent. */
#include "control/cli/command.h"

#include "control/cli/config_files.h"
#include "control/cli/config_verbs.h"

#include "mesh-config/describe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- validate */

static void print_counts(const struct config *c, const struct problems *p, const struct mesh *m)
{
	char holds[200], errors[48], warnings[48];
	uint32_t shown = p->count;

	for (const struct unreadable *u = c->read.unreadable; u; u = u->next)
		shown++;
	for (const struct unreadable *u = c->read.passed; u; u = u->next)
		shown++;
	if (shown < p->errors + p->warnings)
		printf("... and %u more\n", p->errors + p->warnings - shown);
	if (m)
		printf("%s%s\n",
		       p->warnings ? "" : "fine: ", config_holdings(m, c->read.files, holds));
	if (p->errors || p->warnings)
		printf("%s, %s\n", human_count(p->errors, "error", "errors", errors),
		       human_count(p->warnings, "warning", "warnings", warnings));
}

static int validate_source(const struct context *context, struct config *c)
{
	struct mesh *mesh = NULL;
	struct problems problems;
	int err = config_build(context, c, stdout, true, &mesh, &problems);
	int code = problems.errors ? EXIT_PROBLEMS : EXIT_FINE;

	if (err == -ENOMEM)
		code = command_fail(EXIT_FAILED, "out of memory");
	else if (!context->json)
		print_counts(c, &problems, mesh);
	problems_free(&problems);
	mesh_free(mesh);
	return code;
}

static int validate(const struct context *context, int argc, char **argv)
{
	struct config c;
	int code = argc > 1 ? command_refuse_options(argc, argv)
			    : command_fail(EXIT_USAGE, "validate what? FILE or DIRECTORY");

	if (config_open(&c))
		code = command_fail(EXIT_FAILED, "out of memory");
	for (int i = 1; i < argc && !code; i++)
		if (config_read_path(&c.read, argv[i]))
			code = command_fail(EXIT_FAILED, "%s", c.read.err.text);
	if (!code)
		code = validate_source(context, &c);
	config_close(&c);
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
	{"validate", validate},	  {"diff", config_diff},       {"apply", config_apply},
	{"dump", config_dump},	  {"convert", config_convert}, {"schema", schema},
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
