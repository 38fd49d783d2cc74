// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config`: the table of its verbs, and those that need no agent. */
#include "control/cli/command.h"

#include "control/cli/config_files.h"

#include "mesh-config/tools/describe.h"

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

static int validate(const struct context *context, const struct arguments *a)
{
	struct config c;
	int code = 0;

	if (config_open(&c))
		code = command_fail(EXIT_FAILED, "out of memory");
	for (int i = 0; i < a->operand_count && !code; i++)
		if (config_read_path(&c.read, a->operands[i]))
			code = command_fail(EXIT_FAILED, "%s", c.read.err.text);
	if (!code)
		code = validate_source(context, &c);
	config_close(&c);
	return code;
}

const struct command config_validate = {
	.name = "validate",
	.operands = "FILE|DIRECTORY ...",
	.least = 1,
	.most = CLI_ANY_NUMBER,
	.summary = "every problem of the files, with place and hint",
	.help = "The files given belong together, as those of one directory do; - reads standard "
		"input.\n"
		"exit code 3: there are errors\n",
	.run = validate};

/* ---- schema, reference */

static int schema(const struct context *context, const struct arguments *a)
{
	(void)context;
	if (!a->operand_count)
		describe_schema(stdout);
	else if (describe_kind(stdout, a->operands[0]))
		return command_fail(EXIT_USAGE, "there is no kind \"%s\"", a->operands[0]);
	return EXIT_FINE;
}

const struct command config_schema = {
	.name = "schema",
	.operands = "[KIND]",
	.most = 1,
	.summary = "a JSON Schema for editors; with KIND its fields for people",
	.run = schema};

static int reference(const struct context *context, const struct arguments *a)
{
	(void)context;
	(void)a;
	describe_reference(stdout);
	return EXIT_FINE;
}

const struct command config_reference = {
	.name = "reference",
	.summary = "all kinds and problems as the page docs/config.md",
	.run = reference};

static const struct command *const verbs[] = {
#define X(name) &config_##name,
	CONFIG_VERBS(X)
#undef X
		NULL};

const struct command config_command = {.name = "config",
				       .operands = "VERB ...",
				       .summary = "check, compare, apply and show a configuration",
				       .help = "\n`weft config VERB --help` says more.\n",
				       .verbs = verbs};
