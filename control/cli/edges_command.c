// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft edges`: the golden signals of each edge, once. */
#include "control/cli/command.h"
#include "control/cli/edges.h"
#include "control/cli/filters.h"

#include <stdio.h>
#include <string.h>

struct edges_view {
	const struct context *context;
	struct edges edges;
};

static int take_edge(void *arg, const char *text, json_t *o)
{
	struct edges_view *view = arg;

	if (edges_leave_out(&view->edges, o))
		return 0;
	if (view->context->json)
		return puts(text) < 0;
	edges_add(&view->edges, o);
	return 0;
}

/* With a filter by name, edges to weftd itself are shown. */
static bool shows_self(const struct arguments *a)
{
	return cli_has(a, CLI_OPTION_self) || cli_has(a, CLI_OPTION_from) ||
	       cli_has(a, CLI_OPTION_to);
}

static int command_edges(const struct context *context, const struct arguments *a)
{
	static struct edges_view view;
	struct error err = {0};
	struct client_url url;
	char line[EDGES_LINE_MAX];

	view.context = context;
	client_url_start(&url, "/api/v1/edges");
	view.edges.self = shows_self(a);
	view.edges.filtered = filters_add(&url, a);
	if (client_get(context->socket_path, &url, take_edge, &view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	if (context->json)
		return EXIT_FINE;
	edges_sort(&view.edges, EDGES_BY_RATE, false);
	puts(edges_header(&view.edges, line));
	for (unsigned i = 0; i < view.edges.count; i++)
		puts(edges_line(&view.edges, i, context->color, line));
	if (edges_note(&view.edges, line)[0])
		puts(line);
	return EXIT_FINE;
}

const struct command edges_command = {
	.name = "edges",
	.options = CLI_TAKES(self) | CLI_OF_EDGES,
	.summary = "who calls whom: rate, errors, latency, bytes, connections, saturation",
	.help = "Of the last ten seconds. ERRORS are no answer, 5xx and gRPC failures among the\n"
		"requests whose outcome is known (? : there are others). P50, P90 and P99 of the\n"
		"durations are within 4.5 %. QUEUE is how full the fullest accept queue of the\n"
		"destination is. TLS: whether it is decrypted, or why not (docs/tls.md).\n",
	.run = command_edges};
