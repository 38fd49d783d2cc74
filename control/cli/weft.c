// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft`: asks a running weftd, and takes away what it left. Usage and help are printed from the
 * table. */
#include "control/cli/command.h"

#include "base/version.h"
#include "base/defaults.h"

#include <bpf/libbpf.h>
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILTER_HELP                                                                                \
	"  --from NAME, --to NAME   workload of the client, of the server, or\n"                   \
	"                           NAMESPACE/WORKLOAD (* and ? match)\n"                          \
	"  --protocol NAME          http, http1, http2, grpc, tcp, tls\n"                          \
	"  --status CODE            404, 5xx, 5+ (500 and above), 0 (no answer)\n"                 \
	"  --path PATTERN           prefix, or with * and ?\n"                                     \
	"  --method NAME\n"                                                                        \
	"  --reporter WHO           source, destination, both (default: one view of each "         \
	"exchange)\n"                                                                              \
	"The same filter twice means either; different filters mean both.\n"

#define SELF_HELP                                                                                  \
	"  --self         what leads to weftd itself (scrapes, probes), too: left out\n"           \
	"                 unless a workload is asked for by --from or --to\n"

const struct command commands[] = {
	{"status", "", "how the agent is: events, losses, requests, memory", "", command_status},
	{"check", "[--problems]", "what is attached where, what is off and why",
	 "  --problems   only what is not as it should be\n"
	 "Where no weftd answers, root is told what this kernel can do for one.\n",
	 command_check},
	{"edges", "[--self] [FILTER ...]",
	 "who calls whom: rate, errors, latency, bytes, connections, saturation",
	 SELF_HELP FILTER_HELP, command_edges},
	{"top", "[--once] [--interval S] [--self]", "the same as a live table",
	 "  --once         print the table once and leave; with -o json the lines of weft edges\n"
	 "  --interval S   seconds between pictures (default 1)\n" SELF_HELP
	 "keys: q quit, s next sort column, r reverse, space freeze, arrows scroll\n",
	 command_top},
	{"observe", "[-f] [--last N] [FILTER ...]", "requests as they end",
	 "  -f, --follow             go on as new ones come\n"
	 "  --last N                 begin with the last N (default 20; with -f 0)\n"
	 "  --verdict KIND           instead of requests what the mesh decided: denied, noted,\n"
	 "                           no_endpoint, overflow, ended, ejected (living\n"
	 "                           connections), gone (sockets of datagrams) or "
	 "any\n" FILTER_HELP,
	 command_observe},
	{"connections", "[-f] [FILTER ...]", "living connections; with -f as they open and close",
	 "  -f, --follow             connections as they open and close\n" FILTER_HELP,
	 command_connections},
	{"config", "VERB ...", "check a configuration, compare it, put it in force, say what is",
	 "  validate FILE|DIRECTORY ...   every problem of the files, with place and hint (- "
	 "reads\n"
	 "                standard input); the files given belong together, as those of one\n"
	 "                directory do\n"
	 "  diff NEW      what would change against the generation in force\n"
	 "  diff OLD NEW  the same of two directories or files, offline\n"
	 "                exit codes as diff(1): 0 same, 1 differs, 2 trouble\n"
	 "  apply --dry-run DIRECTORY     what the agent would do with it: problems, sizes, what\n"
	 "                changes, which endpoints keep their numbers, how long it takes\n"
	 "  apply DIRECTORY               checks it, puts its files in the place of those that "
	 "the\n"
	 "                agent follows, all at once, and waits until they are in force;\n"
	 "                exit code 3: refused, what was in force still is\n"
	 "  dump [--generation N] [--to DIRECTORY]   what is in force (or was, lately) as "
	 "canonical\n"
	 "                YAML: it loads again and has the same hash\n"
	 "  convert FILE|DIRECTORY ... [--to DIRECTORY]   manifests of a cluster, as kubectl get "
	 "-o\n"
	 "                yaml prints them, to canonical YAML; what weft cannot honour becomes a\n"
	 "                comment and a warning, but security is never left out; exit code 3:\n"
	 "                weft would refuse what is listed\n"
	 "  schema [KIND] a JSON Schema for editors; with KIND its fields for people\n"
	 "  reference     all kinds and problems as the page docs/config.md\n",
	 command_config},
	{"mesh", "", "the configuration in force: generation, size, problems", "", command_mesh},
	{"services", "[PATTERN]", "services of the mesh: addresses, endpoints, connections",
	 "PATTERN is a name or NAMESPACE/NAME; * and ? match\n", command_services},
	{"endpoints", "[PATTERN]", "endpoints of services: health, weight, connections",
	 "PATTERN is the name of a service or NAMESPACE/NAME; * and ? match\n", command_endpoints},
	{"map", "[PATTERN]", "the mesh as the kernel holds it, with or without an agent",
	 "PATTERN begins ADDRESS:PORT/PROTOCOL of a service; * and ? match\n", command_map},
	{"policy", "explain FROM TO PORT [--config PATH]",
	 "what policies say of a connection, and why",
	 "  FROM, TO        an address, WORKLOAD or NAMESPACE/WORKLOAD; FROM -: nobody that the "
	 "mesh knows;\n"
	 "                  of an address that is no workload's, who listens there on this node\n"
	 "  PORT            where the workload listens\n"
	 "  --config PATH   by this directory or file (-: stdin), without an agent\n"
	 "exit code 3: it is not allowed\n",
	 command_policy},
	{"simulate", "FROM TO", "where a connect would go, and what policies say of it there",
	 "  FROM   an address, a workload or NAMESPACE/WORKLOAD; - for anybody\n"
	 "  TO     ADDRESS:PORT, a host, a service or NAMESPACE/SERVICE; with :PORT unless it has "
	 "one port;\n"
	 "         PORT of a service is a number or its name\n"
	 "by the kernel's own code, on what is in force\n"
	 "exit code 3: the connect would be refused\n",
	 command_simulate},
	{"detach", "[--force]", "take away everything that weftd left attached",
	 "A weftd that runs with these pins is asked to end first.\n"
	 "  --force   one that does not end is killed\n",
	 command_detach},
	{0},
};

static void print_usage(FILE *to)
{
	fprintf(to, "usage: weft [--socket PATH] [--pin DIR] [-o table|json] [--color "
		    "auto|always|never] COMMAND ...\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-12s %s\n", c->name, c->summary);
	fprintf(to,
		"\n  --socket PATH       where weftd answers (default " WEFT_DEFAULT_SOCKET ")\n"
		"  --pin DIR           what detach takes away (default " WEFT_DEFAULT_PIN_DIR ")\n"
		"  -o, --output FORM   table, or json: one object per line\n"
		"  --color WHEN        auto (a terminal, and NO_COLOR is not set), always, never\n"
		"\n`weft COMMAND --help` says more.\n"
		"exit codes: 0 fine, 1 failed, 2 usage, 3 ran well and found problems\n");
}

static int print_command_help(const struct command *c)
{
	printf("usage: weft %s%s%s\n%s\n%s%s", c->name, c->arguments[0] ? " " : "", c->arguments,
	       c->summary, c->help[0] ? "\n" : "", c->help);
	return EXIT_FINE;
}

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* 0, or the exit code of the mistake that was explained. */
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

static int take_value(struct context *context, const char *option, const char *value)
{
	if (!strcmp(option, "--color"))
		return take_color(context, value);
	if (!strcmp(option, "--socket"))
		context->socket_path = value;
	else if (!strcmp(option, "--pin"))
		context->pin_dir = value;
	else
		return take_output(context, value);
	return 0;
}

/* Shared options stand before or after the command's name; they are taken out of |argv|, the rest
 * moves up. */
static int take_shared(struct context *context, int *argc, char **argv)
{
	int kept = 1, code = take_color(context, "auto");

	for (int i = 1; i < *argc && !code; i++) {
		const char *option = argv[i], *value = argv[i + 1];
		bool shared = !strcmp(option, "--socket") || !strcmp(option, "--pin") ||
			      !strcmp(option, "--color") || !strcmp(option, "--output") ||
			      !strcmp(option, "-o");

		if (!shared)
			argv[kept++] = argv[i];
		else if (!value)
			code = command_fail(EXIT_USAGE, "%s needs a value", option);
		else
			code = take_value(context, option, value);
		i += shared;
	}
	argv[kept] = NULL;
	*argc = kept;
	return code;
}

static int run(const struct command *command, const struct context *context, int argc, char **argv)
{
	int code;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return print_command_help(command);
	libbpf_set_print(NULL); /* what fails is said in our own words */
	curl_global_init(CURL_GLOBAL_NOTHING);
	code = command->run(context, argc, argv);
	curl_global_cleanup();
	return code;
}

int main(int argc, char **argv)
{
	struct context context = {.socket_path = WEFT_DEFAULT_SOCKET,
				  .pin_dir = WEFT_DEFAULT_PIN_DIR};
	const struct command *command;
	int code = take_shared(&context, &argc, argv);

	if (code)
		return code;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	command = find(!strcmp(argv[1], "help") && argc > 2 ? argv[2] : argv[1]);
	if (command && !strcmp(argv[1], "help"))
		return print_command_help(command);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help") || !strcmp(argv[1], "-h")) {
		print_usage(stdout);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "version") || !strcmp(argv[1], "--version")) {
		printf("weft %s\n", WEFT_VERSION);
		return EXIT_FINE;
	}
	if (!command)
		return command_fail(EXIT_USAGE,
				    "there is no command \"%s\"; `weft help` lists them", argv[1]);
	return run(command, &context, argc - 1, argv + 1);
}
