// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft policy explain`: what policies decide about a connection, and why. */
#include "control/cli/command.h"

#include "control/cli/config_files.h"
#include "control/export/explain.h"
#include "control/export/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPLANATION_MAX_BYTES (64u << 20)

struct policy_view {
	const struct context *context;
	bool denied;
};

struct policy_question {
	const char *from, *to, *port;
	const char *config; /* offline: files, a directory or "-"; NULL: the agent's */
};

/* ---- the answer as text */

static void print_failed(const json_t *failed)
{
	const json_t *rule;
	char reason[SHOWN_MAX];
	size_t i;

	json_array_foreach(failed, i, rule)
	{
		printf("      rule %lld does not match: %s\n", field_number(rule, "rule"),
		       field_shown(rule, "reason", reason));
	}
}

static const char *outcome(const json_t *policy)
{
	bool enforced = json_is_true(json_object_get(policy, "enforced"));

	if (!field_number(policy, "rules"))
		return "has no rules: it never matches";
	if (!field_number(policy, "matched_rule"))
		return "does not match";
	return enforced ? "matches" : "matches, and is only noted";
}

/* Prints whether one of its rules matches, and why those before it do not. */
static void print_policy(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);
	long long matched = field_number(o, "matched_rule");
	char name[SHOWN_MAX];

	printf("    %s%s%s %s%s: ", c.cyan, field_text(o, "action"), c.off,
	       field_shown(o, "policy", name),
	       json_is_true(json_object_get(o, "dry_run")) ? " (dry run)" : "");
	if (matched)
		printf("rule %lld ", matched);
	printf("%s\n", outcome(o));
	print_failed(json_object_get(o, "failed"));
}

static void print_end(const char *name, const json_t *end)
{
	char shown[SHOWN_MAX];

	printf("  %-6s", name);
	if (json_object_get(end, "workload"))
		printf("%s", field_shown(end, "workload", shown));
	else
		printf("a client that the mesh does not know");
	if (json_object_get(end, "principal"))
		printf(", principal %s", field_shown(end, "principal", shown));
	if (json_object_get(end, "address"))
		printf(", %s", field_shown(end, "address", shown));
}

void print_policy_verdict(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);
	const char *verdict = field_text(o, "verdict");
	char shown[SHOWN_MAX];

	printf("%s%s%s", strcmp(verdict, "allowed") != 0 ? c.red : c.green, verdict, c.off);
	if (json_is_string(json_object_get(o, "policy")))
		printf(" by %s rule %lld", field_shown(o, "policy", shown),
		       field_number(o, "rule"));
	printf(": %s%s\n", field_shown(o, "why", shown),
	       json_is_true(json_object_get(o, "ends_connections"))
		       ? "; established connections are ended, too"
		       : "");
}

/* For an address that no workload has. */
static void print_listener(const json_t *o)
{
	char program[SHOWN_MAX], name[SHOWN_MAX];

	printf("  listens there: %s, pid %lld, %s: ", field_shown(o, "program", program),
	       field_number(o, "pid"), field_text(o, "protocol"));
	if (json_object_get(o, "workload"))
		printf("%s, ", field_shown(o, "workload", name));
	printf("%s\n", field_text(o, "verdict"));
}

static int print_explanation(void *arg, const char *text, json_t *o)
{
	const json_t *policies = json_object_get(o, "policies"), *policy, *listener;
	struct policy_view *view = arg;
	size_t i;

	view->denied = strcmp(field_text(o, "verdict"), "allowed") != 0;
	if (view->context->json)
		return puts(text) < 0;
	print_policy_verdict(view->context, o);
	print_end("from", json_object_get(o, "source"));
	printf("\n");
	print_end("to", json_object_get(o, "target"));
	printf(", port %lld\n", field_number(o, "port"));
	json_array_foreach(json_object_get(o, "listeners"), i, listener)
	{
		print_listener(listener);
	}
	printf("  %zu %s the target%s\n", json_array_size(policies),
	       json_array_size(policies) == 1 ? "policy selects" : "policies select",
	       json_array_size(policies) ? ":" : "");
	json_array_foreach(policies, i, policy)
	{
		print_policy(view->context, policy);
	}
	return 0;
}

/* ---- the request */

static int ask_agent(struct policy_view *view, const struct policy_question *q)
{
	struct error err = {0};
	struct client_url url;

	client_url_start(&url, "/api/v1/policy");
	client_url_add(&url, "from", q->from);
	client_url_add(&url, "to", q->to);
	client_url_add(&url, "port", q->port);
	if (client_get(view->context->socket_path, &url, print_explanation, view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	return EXIT_FINE;
}

static int print_text(struct policy_view *view, struct text *text)
{
	json_t *o;

	text_char(text, 0);
	if (text->failed)
		return command_fail(EXIT_FAILED, "the explanation is too long");
	text->data[text->used - 2] = 0; /* the line's end */
	o = json_loads(text->data, 0, NULL);
	print_explanation(view, text->data, o);
	json_decref(o);
	return EXIT_FINE;
}

static int explain_mesh(struct policy_view *view, const struct mesh *m,
			const struct policy_question *q)
{
	struct text text = text_new(EXPLANATION_MAX_BYTES);
	struct error err = {0};
	int code;

	if (explain_write(m, NULL, q->from, q->to, q->port, &text, &err))
		code = command_fail(err.code == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, "%s", err.text);
	else
		code = print_text(view, &text);
	text_free(&text);
	return code;
}

static int ask_files(struct policy_view *view, const struct policy_question *q)
{
	struct mesh *mesh = NULL;
	struct config config;
	int code;

	if (config_open(&config) || config_read_path(&config.read, q->config) ||
	    config_build(view->context, &config, stderr, false, &mesh, NULL))
		code = command_fail(EXIT_FAILED, "%s: %s", q->config, config.read.err.text);
	else
		code = explain_mesh(view, mesh, q);
	mesh_free(mesh);
	config_close(&config);
	return code;
}

/* ---- the command line */

static int explain(const struct context *context, const struct arguments *a)
{
	struct policy_view view = {.context = context};
	struct policy_question q = {.from = strcmp(a->operands[0], "-") != 0 ? a->operands[0] : "",
				    .to = a->operands[1],
				    .port = a->operands[2],
				    .config = cli_value(a, CLI_OPTION_config)};
	int code = q.config ? ask_files(&view, &q) : ask_agent(&view, &q);

	if (code)
		return code;
	return view.denied ? EXIT_PROBLEMS : EXIT_FINE;
}

static const struct command explain_verb = {
	.name = "explain",
	.options = CLI_TAKES(config),
	.operands = "FROM TO PORT",
	.least = 3,
	.most = 3,
	.summary = "what policies decide about a connection, and why",
	.help = "  FROM, TO        an address, WORKLOAD or NAMESPACE/WORKLOAD; FROM -: an unknown "
		"client;\n"
		"                  an address of no workload: the program that listens there on "
		"this node\n"
		"  PORT            port of the listener\n"
		"exit code 3: it is not allowed\n",
	.run = explain};

static const struct command *const verbs[] = {&explain_verb, NULL};

const struct command policy_command = {.name = "policy",
				       .operands = "explain ...",
				       .summary =
					       "what policies decide about a connection, and why",
				       .help = "\n`weft policy explain --help` says more.\n",
				       .verbs = verbs};
