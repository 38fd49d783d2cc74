// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config diff`: compares two configurations, or one with the one in force. Exit codes are
 * those of diff(1). */
#include "control/cli/config_files.h"
#include "control/cli/command.h"

#include "mesh-config/tools/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIFF_SAME, DIFF_DIFFERS, DIFF_TROUBLE };

static void print_words(const struct context *context, const struct diff_line *line)
{
	struct colors c = colors_of(context->color);
	const char *color = line->sign == '+' ? c.green : line->sign == '-' ? c.red : c.yellow;

	printf("%s%c %s%s%s%s\n", color, line->sign, line->object, c.off, line->what[0] ? ": " : "",
	       line->what);
}

static void print_json(const struct diff_line *line)
{
	const char *change = line->sign == '+'	 ? "added"
			     : line->sign == '-' ? "removed"
						 : "changed";
	json_t *o = json_pack("{ss ss ss}", "change", change, "object", line->object, "what",
			      line->what);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(o);
}

static void print_line(void *arg, const struct diff_line *line)
{
	const struct context *context = arg;

	if (context->json)
		print_json(line);
	else
		print_words(context, line);
}

static int trouble(const struct config *c)
{
	return command_fail(DIFF_TROUBLE, "%s", c->read.err.text);
}

static int compare(const struct context *context, struct config *old, struct config *new)
{
	struct mesh *a = NULL, *b = NULL;
	int code = DIFF_TROUBLE, count;

	if (config_build(context, old, stderr, false, &a, NULL)) {
		trouble(old);
	} else if (config_build(context, new, stderr, false, &b, NULL)) {
		trouble(new);
	} else if ((count = mesh_diff(a, b, print_line, (void *)context)) < 0) {
		command_fail(DIFF_TROUBLE, "out of memory");
	} else {
		code = count ? DIFF_DIFFERS : DIFF_SAME;
		if (!count && a->hash != b->hash)
			fputs("weft: what is written differs, what it means does not\n", stderr);
	}
	mesh_free(a);
	mesh_free(b);
	return code;
}

static int run_diff(const struct context *context, const struct arguments *a)
{
	struct config old = {0}, new = {0};
	int code;

	if (config_open(&old) || config_open(&new))
		code = command_fail(DIFF_TROUBLE, "out of memory");
	else if (a->operand_count == 2 ? config_read_path(&old.read, a->operands[0])
				       : config_read_agent(&old, context->socket_path, 0))
		code = trouble(&old);
	else if (config_read_path(&new.read, a->operands[a->operand_count - 1]))
		code = trouble(&new);
	else
		code = compare(context, &old, &new);
	if (old.failure[0])
		fprintf(stderr,
			"weft: compared with generation %llu, which is in force; its directory is "
			"ahead of it: %s\n",
			(unsigned long long)old.generation, old.failure);
	config_close(&old);
	config_close(&new);
	return code;
}

const struct command config_diff = {
	.name = "diff",
	.operands = "NEW | OLD NEW",
	.least = 1,
	.most = 2,
	.summary = "what would change compared with the generation in force, or OLD",
	.help = "With OLD no agent is asked. Each is a directory or a file.\n"
		"exit codes as diff(1): 0 same, 1 differs, 2 trouble\n",
	.run = run_diff};
