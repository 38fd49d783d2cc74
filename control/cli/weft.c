// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft`: queries a running weftd, and removes what one left behind. Commands are a table, by which
 * the command line is parsed and usage and help are printed. */
#include "control/cli/command.h"

#include "base/version.h"

#include <bpf/libbpf.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_version(const struct context *context, const struct arguments *a)
{
	(void)context;
	(void)a;
	return printf("weft %s\n", WEFT_VERSION) < 0 ? EXIT_FAILED : EXIT_FINE;
}

const struct command version_command = {
	.name = "version", .summary = "the version of this program", .run = print_version};

static const struct command *const commands[] = {
#define X(name) &name##_command,
	COMMANDS(X)
#undef X
		NULL};

static void print_commands(FILE *to, const struct command *const *table)
{
	for (; *table; table++)
		fprintf(to, "  %-12s %s\n", (*table)->name, (*table)->summary);
}

static void print_usage(FILE *to)
{
	fprintf(to, "usage: weft [OPTION ...] COMMAND ...\n\n");
	print_commands(to, commands);
	fprintf(to, "\n");
	cli_print_options(to, CLI_EVERYWHERE | CLI_TAKES(version));
	fprintf(to, "\n`weft COMMAND --help` says more.\n"
		    "exit codes: 0 fine, 1 failed, 2 usage, 3 ran well and found problems\n");
}

/* |name|: the full name, "weft config diff". */
static int print_command_help(const struct command *c, const char *name)
{
	printf("usage: %s%s%s%s\n%s\n", name, c->options ? " [OPTION ...]" : "",
	       c->operands ? " " : "", c->operands ? c->operands : "", c->summary);
	if (c->options || c->verbs || c->help)
		puts("");
	if (c->verbs)
		print_commands(stdout, c->verbs);
	cli_print_options(stdout, c->options);
	if (c->help)
		printf("%s%s", c->options ? "\n" : "", c->help);
	return EXIT_FINE;
}

static const struct command *find(const struct command *const *table, const char *name)
{
	while (*table && strcmp((*table)->name, name) != 0)
		table++;
	return *table;
}

/* ---- options of every command. 0, or the exit code after an error message. */

static int take_output(struct context *context, const char *value)
{
	context->json = !strcmp(value, "json");
	if (context->json || !strcmp(value, "table"))
		return 0;
	return command_fail(EXIT_USAGE, "--output takes table or json, not \"%s\"", value);
}

static int take_color(struct context *context, const char *value)
{
	bool always = !strcmp(value, "always"), automatic = !strcmp(value, "auto");
	const char *none = getenv("NO_COLOR");

	context->color = always || (automatic && isatty(STDOUT_FILENO) && !(none && none[0]));
	if (always || automatic || !strcmp(value, "never"))
		return 0;
	return command_fail(EXIT_USAGE, "--color takes auto, always or never, not \"%s\"", value);
}

static int take_shared(struct context *context, const struct arguments *a)
{
	const char *socket_path = cli_value(a, CLI_OPTION_socket);
	const char *pin_dir = cli_value(a, CLI_OPTION_pin);
	const char *output = cli_value(a, CLI_OPTION_output);
	const char *color = cli_value(a, CLI_OPTION_color);
	int code = output ? take_output(context, output) : 0;

	if (socket_path)
		context->socket_path = socket_path;
	if (pin_dir)
		context->pin_dir = pin_dir;
	return code || !color ? code : take_color(context, color);
}

/* ---- commands */

/* "FROM, TO and PORT": the required operands. */
static const char *operands_needed(const struct command *c, char out[80])
{
	const char *at = c->operands + strspn(c->operands, " ");
	size_t used = 0;

	out[0] = 0;
	for (int i = 0; i < c->least; i++) {
		size_t bytes = strcspn(at, " ");

		used += (size_t)snprintf(out + used, 80 - used, "%s%.*s",
					 !i		     ? ""
					 : i + 1 == c->least ? " and "
							     : ", ",
					 (int)bytes, at);
		at += bytes + strspn(at + bytes, " ");
	}
	return out;
}

static int check_operands(const struct command *c, const char *name, const struct arguments *a)
{
	char needed[80];

	if (a->operand_count < c->least)
		return command_fail(EXIT_USAGE, "%s needs %s; see %s --help", c->name,
				    operands_needed(c, needed), name);
	if (a->operand_count > c->most)
		return command_fail(EXIT_USAGE, "%s does not take \"%s\"%s; see %s --help", c->name,
				    a->operands[c->most], c->most ? " as well" : "", name);
	return 0;
}

static int run(const struct command *c, const char *name, const struct context *context,
	       const struct arguments *a)
{
	int code = check_operands(c, name, a);

	if (code)
		return code;
	libbpf_set_print(NULL); /* errors have messages of our own */
	curl_global_init(CURL_GLOBAL_NOTHING);
	code = c->run(context, a);
	curl_global_cleanup();
	return code;
}

/* |argv[0]| is the command's own name. */
static int start(const struct command *c, const char *name, struct context *context, int argc,
		 char **argv)
{
	struct arguments a = {0};
	int code = cli_read(argc, argv, CLI_EVERYWHERE | c->options, false, name, &a);

	code = code ? code : take_shared(context, &a);
	if (!code)
		code = cli_has(&a, CLI_OPTION_help) ? print_command_help(c, name)
						    : run(c, name, context, &a);
	cli_arguments_free(&a);
	return code;
}

/* The command of |table| that |argv| names, after options that all commands have. |whole|: the
 * command of which |table| has the subcommands, |name| its full name; or NULL and "weft". |help|:
 * print its help. */
static int choose(const struct command *const *table, const struct command *whole, const char *name,
		  struct context *context, bool help, int argc, char **argv);

/* |argv[0]| names one of |table|, or is "help". */
static int enter(const struct command *const *table, const char *name, struct context *context,
		 bool help, int argc, char **argv)
{
	const struct command *c = find(table, argv[0]);
	char longer[64];

	if (table == commands && !strcmp(argv[0], "help"))
		return choose(commands, NULL, name, context, true, argc, argv);
	if (!c)
		return command_fail(EXIT_USAGE, "there is no \"%s %s\"; see %s --help", name,
				    argv[0], name);
	snprintf(longer, sizeof(longer), "%s %s", name, c->name);
	if (c->verbs)
		return choose(c->verbs, c, longer, context, help, argc, argv);
	return help ? print_command_help(c, longer) : start(c, longer, context, argc, argv);
}

static int explain(const struct command *whole, const char *name)
{
	if (whole)
		return print_command_help(whole, name);
	print_usage(stdout);
	return EXIT_FINE;
}

static int name_missing(const struct command *whole, const char *name)
{
	if (whole)
		return command_fail(EXIT_USAGE, "%s does what? see %s --help", whole->name, name);
	print_usage(stderr);
	return EXIT_USAGE;
}

static int choose(const struct command *const *table, const struct command *whole, const char *name,
		  struct context *context, bool help, int argc, char **argv)
{
	uint64_t options = CLI_EVERYWHERE | (whole ? 0 : CLI_TAKES(version));
	struct arguments a = {0};
	int code = cli_read(argc, argv, options, true, name, &a);

	code = code ? code : take_shared(context, &a);
	help |= cli_has(&a, CLI_OPTION_help);
	if (!code && cli_has(&a, CLI_OPTION_version))
		code = print_version(context, NULL);
	else if (!code && a.operand_count)
		code = enter(table, name, context, help, a.operand_count, a.operands);
	else if (!code)
		code = help ? explain(whole, name) : name_missing(whole, name);
	cli_arguments_free(&a);
	return code;
}

int main(int argc, char **argv)
{
	struct context context = {.socket_path = WEFT_DEFAULT_SOCKET,
				  .pin_dir = WEFT_DEFAULT_PIN_DIR};

	take_color(&context, "auto");
	argv[0] = "weft";
	return choose(commands, NULL, "weft", &context, false, argc, argv);
}
