// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft mesh`, `services`, `endpoints`, `simulate`: the mesh as it is in force. */
#include "control/cli/command.h"
#include "control/cli/table.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

struct list_view {
	const struct context *context;
	const char *pattern; /* of "namespace/name", or of the name; NULL: all */
	struct cli_table *table;
	bool problems;
};

/* "a, b, c" for an array of texts, ended with "..." after |most|. */
static const char *joined(const json_t *array, size_t most, char *out, size_t size)
{
	size_t index, used = 0;
	json_t *item;

	out[0] = 0;
	json_array_foreach(array, index, item)
	{
		int n = snprintf(out + used, size - used, "%s%s", index ? ", " : "",
				 index < most ? json_string_value(item) : "...");

		if (n < 0 || (size_t)n >= size - used || index >= most)
			break;
		used += (size_t)n;
	}
	return out[0] ? out : "-";
}

static bool wanted(const struct list_view *view, const json_t *o, const char *key)
{
	char full[512];

	if (!view->pattern)
		return true;
	snprintf(full, sizeof(full), "%s/%s", field_text(o, "namespace"), field_text(o, key));
	return !fnmatch(view->pattern, full, 0) || !fnmatch(view->pattern, field_text(o, key), 0);
}

static int add_service(void *arg, const char *text, json_t *o)
{
	struct list_view *view = arg;
	struct cli_table *t = view->table;
	long long endpoints = field_number(o, "endpoints"), ejected = field_number(o, "ejected");
	char addresses[256], ports[256];

	if (!wanted(view, o, "name"))
		return 0;
	view->problems |= ejected > 0 || !field_number(o, "ready");
	if (view->context->json)
		return puts(text) < 0;
	cli_table_addf(t, "%s/%s", field_text(o, "namespace"), field_text(o, "name"));
	cli_table_add(t, joined(json_object_get(o, "addresses"), 2, addresses, sizeof(addresses)));
	cli_table_add(t, joined(json_object_get(o, "ports"), 4, ports, sizeof(ports)));
	cli_table_add(t, field_text(o, "balance"));
	cli_table_addf(t, "%lld/%lld", field_number(o, "ready"), endpoints);
	cli_table_addf(t, "%lld", ejected);
	cli_table_addf(t, "%lld", field_number(o, "connections"));
	cli_table_addf(t, "%lld", field_number(o, "connects"));
	cli_table_addf(t, "%lld", field_number(o, "no_endpoint"));
	cli_table_addf(t, "%lld", field_number(o, "overflow"));
	cli_table_addf(t, "%lld", field_number(o, "denied"));
	return 0;
}

static int add_endpoint(void *arg, const char *text, json_t *o)
{
	struct list_view *view = arg;
	struct cli_table *t = view->table;
	bool ejected = !strcmp(field_text(o, "health"), "ejected");

	if (!wanted(view, o, "service"))
		return 0;
	view->problems |= ejected;
	if (view->context->json)
		return puts(text) < 0;
	cli_table_addf(t, "%s/%s", field_text(o, "namespace"), field_text(o, "service"));
	cli_table_add(t, field_text(o, "address"));
	cli_table_add(t, field_text(o, "workload"));
	cli_table_add(t, field_text(o, "locality"));
	if (ejected)
		cli_table_addf(t, "ejected, back in %.1f s",
			       (double)field_number(o, "ejected_ms") / 1000);
	else
		cli_table_add(t, field_text(o, "health"));
	cli_table_addf(t, "%lld", field_number(o, "weight"));
	cli_table_addf(t, "%lld", field_number(o, "connections"));
	cli_table_addf(t, "%lld", field_number(o, "connects"));
	cli_table_addf(t, "%lld", field_number(o, "failures"));
	return 0;
}

static int run(const struct context *context, const struct arguments *a, const char *path,
	       client_line_fn line, const char *const *heads, unsigned columns)
{
	struct list_view view = {.context = context, .pattern = a->operands[0]};
	struct error err = {0};
	struct client_url url;
	int r;

	view.table = cli_table_new(heads, columns);
	if (!view.table)
		return command_fail(EXIT_FAILED, "no memory");
	client_url_start(&url, path);
	r = client_get(context->socket_path, &url, line, &view, &err);
	if (!r && !context->json)
		cli_table_print(view.table, context->color);
	cli_table_free(view.table);
	if (r)
		return command_fail(client_exit(err.code), "%s", err.text);
	return view.problems ? EXIT_PROBLEMS : EXIT_FINE;
}

static int command_services(const struct context *context, const struct arguments *a)
{
	static const char *const heads[] = {"SERVICE",	    "ADDRESSES", "PORTS",      "BALANCE",
					    ">READY",	    ">EJECTED",	 ">CONNECTED", ">CONNECTS",
					    ">NO ENDPOINT", ">OVERFLOW", ">DENIED"};

	return run(context, a, "/api/v1/services", add_service, heads, 11);
}

const struct command services_command = {
	.name = "services",
	.operands = "[PATTERN]",
	.most = 1,
	.summary = "services of the mesh: addresses, endpoints, connections",
	.help = "PATTERN is a name or NAMESPACE/NAME; * and ? match\n",
	.run = command_services};

static int command_endpoints(const struct context *context, const struct arguments *a)
{
	static const char *const heads[] = {"SERVICE",	  "ADDRESS",   "WORKLOAD",
					    "LOCALITY",	  "HEALTH",    ">WEIGHT",
					    ">CONNECTED", ">CONNECTS", ">FAILED"};

	return run(context, a, "/api/v1/endpoints", add_endpoint, heads, 9);
}

const struct command endpoints_command = {
	.name = "endpoints",
	.operands = "[PATTERN]",
	.most = 1,
	.summary = "endpoints of services: health, weight, connections",
	.help = "PATTERN is the name of a service or NAMESPACE/NAME; * and ? match\n",
	.run = command_endpoints};

/* ---- mesh */

static void print_row(const char *name, const char *text)
{
	printf("%-14s %s\n", name, text);
}

static void print_row_counts(const json_t *o)
{
	const long long counts[HOLDINGS] = {
		field_number(o, "services"),  field_number(o, "endpoints"),
		field_number(o, "workloads"), field_number(o, "policies"),
		field_number(o, "files"),
	};
	char text[256], ejected[48];

	print_row("holds", human_holdings(counts, text));
	snprintf(text, sizeof(text), "%lld applied, %lld failed; the latest took %.1f ms",
		 field_number(o, "applied"), field_number(o, "failed"),
		 (double)(field_number(o, "plan_us") + field_number(o, "apply_us")) / 1000);
	print_row("changes", text);
	if (field_number(o, "ejected"))
		print_row("ejected", human_count(field_number(o, "ejected"), "endpoint",
						 "endpoints", ejected));
}

/* A sentence for the source of the generation in force. */
static const char *in_force_sentence(const char *source, bool failed)
{
	if (!strcmp(source, "last good"))
		return "the last good files: those of the directory are not valid";
	if (!strcmp(source, "an earlier agent"))
		return "what an earlier agent put in force, whose files are not known";
	if (!strcmp(source, "an earlier build"))
		return "what a weftd of another build put in force, whose files are not known";
	if (!strcmp(source, "nothing"))
		return "nothing";
	return failed ? "files of the directory as they were before the change that failed"
		      : "files of the directory";
}

static int print_mesh(void *arg, const char *text, json_t *o)
{
	struct list_view *view = arg;
	struct colors c = colors_of(view->context->color);
	const char *failure = json_string_value(json_object_get(o, "failure"));
	const char *acceleration = json_string_value(json_object_get(o, "acceleration"));
	char line[512];
	size_t index;
	json_t *problem;

	failure = failure ? failure : "";
	view->problems = failure[0] != 0;
	if (view->context->json)
		return puts(text) < 0;
	if (field_number(o, "generation"))
		snprintf(line, sizeof(line), "%lld, configuration %s",
			 field_number(o, "generation"), field_text(o, "hash"));
	else
		snprintf(line, sizeof(line), "none in force");
	print_row("generation", line);
	print_row("in force", in_force_sentence(field_text(o, "in_force"), failure[0]));
	print_row("directory", field_text(o, "directory"));
	print_row_counts(o);
	if (failure[0])
		printf("%-14s %s%s%s\n", "not applied", c.red, failure, c.off);
	if (acceleration && acceleration[0])
		print_row("not accelerated", acceleration);
	json_array_foreach(json_object_get(o, "problems"), index, problem)
		printf("%-14s %s\n", index ? "" : "problems", json_string_value(problem));
	return 0;
}

static int command_mesh(const struct context *context, const struct arguments *a)
{
	struct list_view view = {.context = context};
	struct error err = {0};
	struct client_url url;

	(void)a;
	client_url_start(&url, "/api/v1/mesh");
	if (client_get(context->socket_path, &url, print_mesh, &view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	return view.problems ? EXIT_PROBLEMS : EXIT_FINE;
}

const struct command mesh_command = {
	.name = "mesh",
	.summary = "the configuration in force: generation, size, problems",
	.run = command_mesh};

/* ---- simulate */

static int print_simulation(void *arg, const char *text, json_t *o)
{
	static const char *const rows[][2] = {
		{"asked", "asked"},	  {"service", "service"},  {"verdict", "verdict"},
		{"endpoint", "endpoint"}, {"is", "endpoint_name"},
	};
	struct list_view *view = arg;
	char by[200];

	view->problems = strcmp(field_text(o, "verdict"), "allowed") != 0;
	if (view->context->json)
		return puts(text) < 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_object_get(o, rows[i][1]))
			print_row(rows[i][0], field_text(o, rows[i][1]));
	if (json_object_get(o, "by_client")) {
		snprintf(by, sizeof(by),
			 "its address (%s): a socket that is bound to no address has the first one "
			 "of its network namespace",
			 field_text(o, "by_client"));
		print_row("chosen by", by);
	}
	if (!json_object_get(o, "service"))
		print_row("endpoint", "none: not an address and port of a service, the connect "
				      "goes there");
	if (json_object_get(o, "hint"))
		print_row("but", field_text(o, "hint"));
	if (json_object_get(o, "policy")) {
		printf("%-14s ", "policy");
		print_policy_verdict(view->context, json_object_get(o, "policy"));
	}
	return 0;
}

static int command_simulate(const struct context *context, const struct arguments *a)
{
	struct list_view view = {.context = context};
	struct error err = {0};
	struct client_url url;

	client_url_start(&url, "/api/v1/simulate");
	if (strcmp(a->operands[0], "-") != 0)
		client_url_add(&url, "from", a->operands[0]);
	client_url_add(&url, "to", a->operands[1]);
	if (client_get(context->socket_path, &url, print_simulation, &view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	return view.problems ? EXIT_PROBLEMS : EXIT_FINE;
}

const struct command simulate_command = {
	.name = "simulate",
	.operands = "FROM TO",
	.least = 2,
	.most = 2,
	.summary = "which endpoint a connect would get, and what policies decide",
	.help = "  FROM   an address, a workload or NAMESPACE/WORKLOAD; - for an unknown client\n"
		"  TO     ADDRESS:PORT, a host, a service or NAMESPACE/SERVICE; with :PORT unless "
		"it has "
		"one port;\n"
		"         PORT of a service is a number or its name\n"
		"evaluated by the kernel's code on the generation in force\n"
		"exit code 3: the connect would be refused\n",
	.run = command_simulate};
