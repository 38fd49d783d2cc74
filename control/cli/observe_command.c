// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft observe` (requests, and with --verdict what the mesh refused) and `weft connections`:
 * records as lines, the latest ones or as they arrive. */
#include "control/cli/command.h"
#include "control/cli/filters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LAST "20"

typedef void (*print_fn)(const struct context *context, const json_t *object);

struct records_view {
	const struct context *context;
	print_fn print;
	const char *things; /* "requests" */
	long long printed;
	long long last; /* as many were requested; -1: all that are stored */
	bool lists_live, filtered;
};

/* One line per loss, not one per lost record. */
static bool print_loss(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);

	if (!json_object_get(o, "lost"))
		return false;
	fprintf(stderr, "%sweft: %lld records were overwritten before they could be read%s\n",
		c.yellow, field_number(o, "lost"), c.off);
	return true;
}

/* Records that were not found may be older than the stored ones. */
static bool print_looked(const struct records_view *view, const json_t *o)
{
	const char *since = field_text(o, "since");

	if (!json_object_get(o, "looked_at"))
		return false;
	if (view->last >= 0 && view->printed >= view->last)
		return true;
	if (!field_number(o, "looked_at"))
		fprintf(stderr, "weft: no %s are kept yet\n", view->things);
	else
		fprintf(stderr, "weft: %lld of %lld %s that are kept, since %.19sZ\n",
			view->printed, field_number(o, "looked_at"), view->things, since);
	return true;
}

static const char *status_color(const struct colors *c, const char *status)
{
	if (status[0] == '5' || status[0] == '0' || status[0] == '-')
		return c->red;
	return status[0] == '4' ? c->yellow : c->green;
}

static const char *number_or_dash(const json_t *o, const char *key, char out[16])
{
	if (!json_is_number(json_object_get(o, key)))
		return "-";
	snprintf(out, 16, "%lld", field_number(o, key));
	return out;
}

/* "12:34:56.789" of an ISO 8601 time (UTC). */
static const char *clock_part(const json_t *o, char out[16])
{
	const char *time = field_text(o, "time");

	snprintf(out, 16, "%.12s", strlen(time) > 23 ? time + 11 : time);
	return out;
}

/* The names in the list |key|, after |begin|: " [gap gap]". */
static const char *listed(const json_t *o, const char *key, const char *begin, char out[160])
{
	const json_t *names = json_object_get(o, key), *name;
	size_t i, used = 0;

	out[0] = 0;
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);

		used += (size_t)snprintf(out + used, 160 - used, "%s%s", i ? " " : begin,
					 text ? text : "?");
		if (used >= 158)
			return out;
	}
	if (used)
		snprintf(out + used, 160 - used, "]");
	return out;
}

/* " for ADDRESS" where a proxy named the client for which it connected. */
static const char *proxied_shown(const json_t *o, char out[80])
{
	const char *client = json_string_value(json_object_get(o, "proxied_client"));

	snprintf(out, 80, "%s%.60s", client ? " for " : "", client ? client : "");
	return out;
}

/* " DC,UT": the response flags, as in Envoy's access log. */
static const char *flags_shown(const json_t *o, char out[64])
{
	size_t i, used = 0;
	json_t *flag;

	out[0] = 0;
	json_array_foreach(json_object_get(o, "flags"), i, flag)
	{
		used += (size_t)snprintf(out + used, 64 - used, "%c%.8s", i ? ',' : ' ',
					 json_string_value(flag));
		if (used >= 64)
			break;
	}
	return out;
}

static void print_request(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);
	char when[16], missing[160], forms[160], status[16], grpc[32] = "", code[16], duration[16],
							     bytes[16];
	char source[SHOWN_MAX], destination[SHOWN_MAX], method[SHOWN_MAX], path[SHOWN_MAX];
	char proxied[80], flags[64];
	const char *text = number_or_dash(o, "status", status);

	if (json_is_true(json_object_get(o, "grpc")))
		snprintf(grpc, sizeof(grpc), " grpc=%s", number_or_dash(o, "grpc_status", code));
	printf("%s%s%s %s%s -> %s %s%s%s %s %s %s%s%s%s%s %s %s%s%s%s%s%s\n", c.dim,
	       clock_part(o, when), c.off, field_shown(o, "source", source),
	       proxied_shown(o, proxied), field_shown(o, "destination", destination), c.dim,
	       field_text(o, "protocol"), c.off, field_shown(o, "method", method),
	       field_shown(o, "path", path), status_color(&c, text), text, flags_shown(o, flags),
	       c.off, grpc, human_ms(field_real(o, "duration_ms"), duration),
	       human_bytes((double)field_number(o, "response_bytes"), bytes),
	       json_is_true(json_object_get(o, "encrypted")) ? " tls" : "", c.dim,
	       listed(o, "incomplete", " [", missing), listed(o, "lenient", " [lenient: ", forms),
	       c.off);
}

static void print_connection(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);
	char source[SHOWN_MAX], destination[SHOWN_MAX], when[16], sent[16], received[16];
	char proxied[80];

	printf("%s%s%s %s%-6s%s %s (%s%s) -> %s (%s) %s%s%s sent %s received %s requests "
	       "%lld%s%s\n",
	       c.dim, clock_part(o, when), c.off, c.cyan, field_text(o, "event"), c.off,
	       field_shown(o, "source", source), field_text(o, "client"), proxied_shown(o, proxied),
	       field_shown(o, "destination", destination), field_text(o, "server"), c.dim,
	       field_text(o, "protocol"), c.off, human_bytes(field_real(o, "sent_bytes"), sent),
	       human_bytes(field_real(o, "received_bytes"), received), field_number(o, "requests"),
	       json_is_true(json_object_get(o, "encrypted")) ? " tls " : "",
	       json_is_true(json_object_get(o, "encrypted")) ? field_text(o, "tls_state") : "");
}

/* "shop/cart rule 2", "no ALLOW policy matched". */
static const char *reason(const json_t *o, char out[SHOWN_MAX + 24])
{
	char policy[SHOWN_MAX];

	if (!strcmp(field_text(o, "verdict"), "no_endpoint"))
		return "the service has no endpoint";
	if (!strcmp(field_text(o, "verdict"), "overflow"))
		return "the service takes no more connections";
	if (!strcmp(field_text(o, "verdict"), "ejected"))
		return "its endpoint was ejected";
	if (!strcmp(field_text(o, "policy"), "none"))
		return "no ALLOW policy matched";
	snprintf(out, SHOWN_MAX + 24, "policy %s rule %lld", field_shown(o, "policy", policy),
		 field_number(o, "rule"));
	return out;
}

/* The name of an end in the mesh, else on the machine. */
static const char *end_shown(const json_t *o, const char *mesh, const char *key,
			     char out[SHOWN_MAX])
{
	const char *name = field_text(o, mesh);

	return field_shown(o, strcmp(name, "none") && strcmp(name, "unknown") ? mesh : key, out);
}

/* " (address)"; nothing for a socket that was not bound when it connected. */
static const char *client_shown(const json_t *o, char out[SHOWN_MAX])
{
	const char *client = field_text(o, "client");
	bool unbound = !strcmp(client, "0.0.0.0") || !strcmp(client, "[::]");

	out[0] = 0;
	if (!unbound)
		snprintf(out, SHOWN_MAX, " (%s)", client);
	return out;
}

static void print_verdict(const struct context *context, const json_t *o)
{
	struct colors c = colors_of(context->color);
	char source[SHOWN_MAX], destination[SHOWN_MAX], when[16], why[SHOWN_MAX + 24];
	char client[SHOWN_MAX];
	bool noted = !strcmp(field_text(o, "verdict"), "noted");

	printf("%s%s%s %s%s%s %s%s -> %s (%s) %s%s %s%s %s\n", c.dim, clock_part(o, when), c.off,
	       noted ? c.yellow : c.red, field_text(o, "verdict"), c.off,
	       end_shown(o, "source_workload", "source", source), client_shown(o, client),
	       end_shown(o, "destination_workload", "destination", destination),
	       field_text(o, "server"), c.dim, field_text(o, "protocol"),
	       !strcmp(field_text(o, "reporter"), "source") ? "at connect" : "at the server", c.off,
	       reason(o, why));
}

static int take_record(void *arg, const char *text, json_t *o)
{
	struct records_view *view = arg;

	(void)text;
	if (print_loss(view->context, o) || print_looked(view, o))
		return 0;
	view->print(view->context, o);
	view->printed++;
	return 0;
}

struct records_kind {
	const char *path, *things;
	print_fn print;
	bool live; /* without --last and -f: living connections */
};

/* Fills |*view| from the arguments. */
static void take_options(struct records_view *view, struct client_url *url,
			 const struct arguments *a, const struct records_kind *kind)
{
	const char *last = cli_value(a, CLI_OPTION_last);
	bool follow = cli_has(a, CLI_OPTION_follow);

	view->filtered = filters_add(url, a);
	if (follow)
		client_url_add(url, "follow", "1");
	if (last)
		view->last = strcmp(last, "all") != 0 ? atoll(last) : -1;
	else if (!kind->live)
		last = follow ? "0" : DEFAULT_LAST;
	if (last)
		client_url_add(url, "last", last);
	if (!view->context->json && !follow)
		client_url_add(url, "looked", "1");
	view->lists_live = kind->live && !last && !follow;
}

static int run(const struct context *context, const struct arguments *a,
	       const struct records_kind *kind)
{
	struct records_view view = {.context = context,
				    .print = kind->print,
				    .things = kind->things,
				    .last = atoll(DEFAULT_LAST)};
	struct error err = {0};
	struct client_url url;

	client_url_start(&url, kind->path);
	take_options(&view, &url, a, kind);
	if (client_get(context->socket_path, &url, context->json ? NULL : take_record, &view, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	if (view.lists_live && !view.printed && !context->json)
		fprintf(stderr, "weft: no%s connection lives\n", view.filtered ? " such" : "");
	return EXIT_FINE;
}

static int command_observe(const struct context *context, const struct arguments *a)
{
	static const struct records_kind requests = {"/api/v1/requests", "requests", print_request,
						     false},
					 verdicts = {"/api/v1/verdicts", "verdicts", print_verdict,
						     false};

	return run(context, a, cli_has(a, CLI_OPTION_verdict) ? &verdicts : &requests);
}

const struct command observe_command = {.name = "observe",
					.options = CLI_TAKES(follow) | CLI_TAKES(last) |
						   CLI_TAKES(verdict) | CLI_FILTERS,
					.summary = "requests as they end",
					.run = command_observe};

static int command_connections(const struct context *context, const struct arguments *a)
{
	static const struct records_kind connections = {
		"/api/v1/connections", "openings and ends of connections", print_connection, true};

	return run(context, a, &connections);
}

const struct command connections_command = {
	.name = "connections",
	.options = CLI_TAKES(follow) | CLI_TAKES(last) | CLI_OF_CONNECTIONS,
	.summary = "living connections; with -f or --last as they open and close",
	.run = command_connections};
