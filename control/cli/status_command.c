// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft status`: one screen about the agent. */
#include "control/cli/command.h"

#include <stdio.h>

struct status_view {
	const struct context *context;
	bool problems;
};

static void print_row(const char *name, const char *text)
{
	printf("%-14s %s\n", name, text);
}

static void print_duration(long long ms)
{
	char text[48];
	long long s = ms / 1000;

	if (s < 120)
		snprintf(text, sizeof(text), "%lld s", s);
	else if (s < 7200)
		snprintf(text, sizeof(text), "%lld min", s / 60);
	else
		snprintf(text, sizeof(text), "%lld h", s / 3600);
	print_row("up", text);
}

static void print_events(const struct status_view *view, const json_t *events)
{
	struct colors c = colors_of(view->context->color);
	long long lost = field_number(events, "lost");
	long long waiting = field_number(events, "seen") - field_number(events, "delivered") - lost;
	char text[160];

	snprintf(text, sizeof(text), "%lld seen, %lld delivered, %lld on their way, %s%lld lost%s",
		 field_number(events, "seen"), field_number(events, "delivered"),
		 waiting > 0 ? waiting : 0, lost ? c.red : "", lost, lost ? c.off : "");
	print_row("events", text);
}

/* Directions that are not decoded any further, mostly of unknown protocols or after a loss. */
static void print_undecodable(const json_t *reasons)
{
	char text[256] = "";
	const char *reason;
	json_t *count;
	size_t used = 0;

	json_object_foreach((json_t *)reasons, reason, count) if (used < sizeof(text)) used +=
		(size_t)snprintf(text + used, sizeof(text) - used, "%s%s %lld", used ? ", " : "",
				 reason, (long long)json_integer_value(count));
	if (used)
		print_row("not decoded", text);
}

/* The free part of the ring shows how much longer the agent could have waited for a CPU. */
static void print_ring(const json_t *ring)
{
	char text[160], bytes[16], most[16];

	snprintf(text, sizeof(text), "%s, at most %s waited; %s",
		 human_bytes((double)field_number(ring, "bytes"), bytes),
		 human_bytes((double)field_number(ring, "waiting_max_bytes"), most),
		 json_is_true(json_object_get(ring, "guarded"))
			 ? "guarded by a real-time thread"
			 : "not guarded: no right to real-time priority (CAP_SYS_NICE)");
	print_row("ring", text);
}

static void print_counts(const json_t *o)
{
	char text[160], bytes[16];

	snprintf(text, sizeof(text), "%lld seen at clients, %lld at servers",
		 field_number(o, "requests_source"), field_number(o, "requests_destination"));
	print_row("requests", text);
	snprintf(text, sizeof(text), "%lld living; TLS: %lld met, %lld opened",
		 field_number(o, "connections"), field_number(o, "tls_connections"),
		 field_number(o, "tls_opened"));
	print_row("connections", text);
	snprintf(text, sizeof(text), "%.2f s CPU, %s memory", field_real(o, "cpu_s"),
		 human_bytes((double)field_number(o, "resident_bytes"), bytes));
	print_row("agent", text);
}

/* Descriptors in use, and what waits for more when they are short. */
static void print_descriptors(const struct status_view *view, const json_t *d)
{
	bool is_short = json_is_true(json_object_get(d, "short"));
	struct colors c = colors_of(view->context->color);
	char text[160];

	snprintf(text, sizeof(text), "%s%lld of %lld%s%s", is_short ? c.red : "",
		 field_number(d, "used"), field_number(d, "limit"),
		 is_short ? ": the rest is kept for the mesh; raise LimitNOFILE" : "",
		 is_short ? c.off : "");
	print_row("descriptors", text);
}

/* Errors in the latest change of the configuration are a problem of the agent, too. */
static void print_mesh(struct status_view *view, const json_t *mesh)
{
	const char *failure = json_string_value(json_object_get(mesh, "failure"));
	struct colors c = colors_of(view->context->color);
	char text[600];

	if (!mesh)
		return;
	snprintf(text, sizeof(text), "generation %lld in force", field_number(mesh, "generation"));
	print_row("mesh", text);
	if (!failure || !failure[0])
		return;
	snprintf(text, sizeof(text), "%s%s%s", c.red, failure, c.off);
	print_row("not applied", text);
}

static int print_status(void *arg, const char *text, json_t *o)
{
	struct status_view *view = arg;
	char line[256];
	const json_t *mesh = json_object_get(o, "mesh");
	const json_t *descriptors = json_object_get(o, "descriptors");

	view->problems = field_number(json_object_get(o, "events"), "lost") > 0 ||
			 json_is_true(json_object_get(descriptors, "short")) ||
			 json_string_length(json_object_get(mesh, "failure")) ||
			 json_string_length(json_object_get(o, "pins_problem"));
	if (view->context->json)
		return puts(text) < 0;
	snprintf(line, sizeof(line), "%s%s", field_text(o, "version"),
		 json_is_true(json_object_get(o, "adopted"))
			 ? ", took over the kernel half of an earlier agent"
			 : "");
	print_row("weftd", line);
	print_duration(field_number(o, "uptime_ms"));
	print_row("metrics", field_text(o, "listen")[0] ? field_text(o, "listen") : "off");
	print_row("pinned at", field_text(o, "pin_dir"));
	if (json_string_length(json_object_get(o, "pins_problem")))
		print_row("not pinned", field_text(o, "pins_problem"));
	print_row("layer 7", json_is_true(json_object_get(o, "layer7")) ? "on" : "off");
	print_row("TLS", field_text(o, "tls"));
	print_events(view, json_object_get(o, "events"));
	print_undecodable(json_object_get(o, "undecodable"));
	print_ring(json_object_get(o, "ring"));
	print_mesh(view, mesh);
	print_counts(o);
	print_descriptors(view, descriptors);
	return 0;
}

static int command_status(const struct context *context, const struct arguments *a)
{
	struct status_view view = {.context = context};
	struct error err = {0};
	struct client_url url;

	(void)a;
	client_url_start(&url, "/api/v1/status");
	if (client_get(context->socket_path, &url, print_status, &view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	return view.problems ? EXIT_PROBLEMS : EXIT_FINE;
}

const struct command status_command = {
	.name = "status",
	.summary = "state of the agent: events, losses, requests, memory",
	.run = command_status};
