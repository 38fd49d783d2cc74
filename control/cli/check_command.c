// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft check`: what is attached where, what is off and why. */
#include "control/cli/check_libraries.h"
#include "control/cli/check_names.h"
#include "control/cli/command.h"

#include "datapath/attach/core/features.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct check_view {
	const struct context *context;
	bool problems;
	bool only_problems;  /* rows that are ok are not shown */
	const char *heading; /* to be printed before the next line; NULL: none */
	bool shown;	     /* a line was printed */
};

static bool is_shown(const struct check_view *view, const char *result)
{
	return !view->only_problems || strcmp(result, "ok") != 0;
}

/* Sets the heading of the lines that follow; printed with the first one. */
static void head(struct check_view *view, const char *text)
{
	if (!view->only_problems)
		printf("%s%s\n", view->shown ? "\n" : "", text);
	view->heading = view->only_problems ? text : NULL;
}

/* Prints one line: a mark, the object, its detail, and the problem, if any. */
static void print_line(struct check_view *view, const char *result, const char *name,
		       const char *detail, const char *problem)
{
	struct colors c = colors_of(view->context->color);
	bool ok = !strcmp(result, "ok");
	bool failed = !strcmp(result, "failed");
	const char *color = ok ? c.green : (failed ? c.red : c.yellow);
	const char *mark = ok ? "√" : (failed ? "×" : "‼");

	view->problems |= failed;
	if (!is_shown(view, result))
		return;
	if (view->heading)
		printf("%s%s\n", view->shown ? "\n" : "", view->heading);
	view->heading = NULL;
	view->shown = true;
	printf("%s%s%s %-16s %s%s%s\n", color, mark, c.off, name, detail,
	       problem[0] && detail[0] ? "; " : "", problem);
}

/* The same for an object with the texts in its fields |name|, |detail| and |problem|. */
static void print_check(struct check_view *view, const json_t *o, const char *name,
			const char *detail, const char *problem)
{
	char texts[3][SHOWN_MAX];

	print_line(view, field_text(o, "result"), field_shown(o, name, texts[0]),
		   field_shown(o, detail, texts[1]), field_shown(o, problem, texts[2]));
}

static void print_programs(struct check_view *view, const json_t *programs)
{
	json_t *p;
	size_t i;

	head(view, "kernel hooks");
	json_array_foreach(programs, i, p) print_check(view, p, "name", "hook", "problem");
}

static void print_libraries(struct check_view *view, const json_t *libraries, const char *problem)
{
	char files[SHOWN_MAX], problem_text[SHOWN_MAX];
	json_t *l;
	size_t i;

	head(view, "TLS libraries");
	if (problem[0] && problem[0] != '-')
		print_line(view, "off", "TLS", "stays closed", problem);
	json_array_foreach(libraries, i, l)
	{
		bool ok = !strcmp(field_text(l, "result"), "ok");

		if (!check_libraries(libraries, i, files))
			continue;
		check_libraries_problem(libraries, i, problem_text);
		print_line(view, field_text(l, "result"), ok ? "keys taken" : "not opened", files,
			   problem_text);
	}
}

static void print_interfaces(struct check_view *view, const json_t *interfaces, const char *problem)
{
	char names[SHOWN_MAX], mode[SHOWN_MAX], problem_text[SHOWN_MAX];
	json_t *n;
	size_t i;

	head(view, "interfaces");
	if (problem[0] && problem[0] != '-')
		print_line(view, "off", "flows", "not counted", problem);
	json_array_foreach(interfaces, i, n)
	{
		if (check_names(interfaces, i, names))
			print_line(view, field_text(n, "result"), names,
				   field_shown(n, "mode", mode),
				   field_shown(n, "problem", problem_text));
	}
}

static void print_acceleration(struct check_view *view, const json_t *o)
{
	char detail[SHOWN_MAX], limits[SHOWN_MAX];
	bool on = o && !strcmp(field_text(o, "result"), "ok");

	if (!o)
		return;
	head(view, "acceleration");
	snprintf(detail, sizeof(detail),
		 on ? "%lld sockets enrolled, the self-test passed" : "all connections use TCP",
		 field_number(o, "sockets"));
	print_line(view, field_text(o, "result"), "past TCP", detail,
		   field_shown(o, on ? "limits" : "problem", limits));
}

static void print_descriptors(struct check_view *view, const json_t *o)
{
	char detail[SHOWN_MAX];
	bool ok = o && !strcmp(field_text(o, "result"), "ok");

	if (!o)
		return;
	snprintf(detail, sizeof(detail), "%lld of %lld", field_number(o, "used"),
		 field_number(o, "limit"));
	print_line(view, field_text(o, "result"), "descriptors", detail,
		   ok ? "" : "the rest is kept for the mesh: raise LimitNOFILE");
}

static void print_pins(struct check_view *view, const json_t *o)
{
	char detail[SHOWN_MAX];

	if (!o)
		return;
	snprintf(detail, sizeof(detail), "%lld made again after they were removed",
		 field_number(o, "restored"));
	print_line(view, field_text(o, "result"), "pins", field_number(o, "restored") ? detail : "",
		   field_text(o, "problem"));
}

static void print_mesh(struct check_view *view, const json_t *rows)
{
	json_t *row;
	size_t i;

	head(view, "mesh");
	if (!json_array_size(rows))
		print_line(view, "off", "mesh", "", "weftd runs without --config");
	json_array_foreach(rows, i, row) print_check(view, row, "name", "detail", "problem");
}

static void print_features(struct check_view *view, const json_t *features)
{
	json_t *f;
	size_t i;

	head(view, "what this kernel can do");
	json_array_foreach(features, i, f) print_check(view, f, "name", "detail", "consequence");
}

/* Prints a row or an array of rows; if only problems are wanted, rows that are ok are removed from
 * it. */
static void take_rows(struct check_view *view, json_t *rows)
{
	for (size_t i = json_array_size(rows); i--;) {
		const char *result = field_text(json_array_get(rows, i), "result");

		view->problems |= !strcmp(result, "failed");
		if (!is_shown(view, result))
			json_array_remove(rows, i);
	}
}

static int print_json(struct check_view *view, json_t *o)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(o, next, key, value)
	{
		const char *result = field_text(value, "result");

		take_rows(view, value);
		view->problems |= !strcmp(result, "failed");
		if (json_is_object(value) && !is_shown(view, result))
			json_object_del(o, key);
	}
	json_dumpf(o, stdout, JSON_COMPACT);
	return puts("") < 0;
}

static int print_all(void *arg, const char *text, json_t *o)
{
	struct check_view *view = arg;

	(void)text;
	if (view->context->json)
		return print_json(view, o);
	print_programs(view, json_object_get(o, "programs"));
	print_libraries(view, json_object_get(o, "libraries"), field_text(o, "tls_problem"));
	print_interfaces(view, json_object_get(o, "interfaces"), field_text(o, "flows_problem"));
	print_acceleration(view, json_object_get(o, "acceleration"));
	print_mesh(view, json_object_get(o, "mesh"));
	head(view, "the agent");
	print_descriptors(view, json_object_get(o, "descriptors"));
	print_pins(view, json_object_get(o, "pins"));
	print_features(view, json_object_get(o, "features"));
	if (!view->shown)
		puts("no problems");
	return 0;
}

/* ---- without an agent: the features that this kernel supports */

static json_t *features_json(const struct features *features)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < FEATURE_MAX; i++) {
		const struct feature *f = &features->rows[i];
		bool yes = f->state == FEATURE_YES;

		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s, s:s}", "name", f->name, "result",
					yes ? "ok" : feature_state_text(f->state), "detail",
					f->reason, "consequence", yes ? "" : f->consequence));
	}
	return json_pack("{s:o}", "features", rows);
}

static int check_kernel(struct check_view *view, const struct error *silence)
{
	struct features features;
	json_t *answer;

	features_probe(&features);
	answer = features_json(&features);
	if (view->context->json)
		print_json(view, answer);
	else
		print_features(view, json_object_get(answer, "features"));
	puts("");
	json_decref(answer);
	fflush(stdout);
	return command_fail(EXIT_PROBLEMS, "%s", silence->text);
}

static int command_check(const struct context *context, const struct arguments *a)
{
	struct check_view view = {.context = context,
				  .only_problems = cli_has(a, CLI_OPTION_problems)};
	struct error err = {0};
	struct client_url url;
	int r;

	client_url_start(&url, "/api/v1/check");
	r = client_get(context->socket_path, &url, print_all, &view, &err);
	if (r == -ECONNREFUSED && !geteuid())
		return check_kernel(&view, &err);
	if (r)
		return command_fail(client_exit(err.code), "%s", err.text);
	return view.problems ? EXIT_PROBLEMS : EXIT_FINE;
}

const struct command check_command = {
	.name = "check",
	.options = CLI_TAKES(problems),
	.summary = "what is attached where, which features are off and why",
	.help = "If no weftd answers, root sees what this kernel supports.\n",
	.run = command_check};
