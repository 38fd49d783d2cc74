// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table of paths, one small handler each. */
#include "control/serve/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TEXT_TYPE	   "text/plain; charset=utf-8"
#define JSON_TYPE	   "application/json"
#define LINES_TYPE	   "application/x-ndjson"
#define DOCUMENT_MAX_BYTES (4u << 20)
#define LIST_MAX_BYTES	   (128u << 20)
#define DEFAULT_LAST	   20
#define NO_MESH		   "this agent has no mesh"

struct route {
	const char *path;
	bool api; /* only on the unix socket */
	enum MHD_Result (*answer)(struct routes *r, struct MHD_Connection *connection);
	const char *help;
};

/* ---- metrics, readiness ---- */

static void refresh(struct routes *r)
{
	if (r->source.refresh)
		r->source.refresh(r->source.arg);
}

static enum MHD_Result get_metrics(struct routes *r, struct MHD_Connection *connection)
{
	bool openmetrics = prometheus_wants_openmetrics(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept"));

	refresh(r);
	return answer_stream(&r->answers, connection,
			     openmetrics ? PROMETHEUS_OPENMETRICS_TYPE : PROMETHEUS_TEXT_TYPE,
			     pieces_metrics(&r->context, openmetrics));
}

static enum MHD_Result get_ready(struct routes *r, struct MHD_Connection *connection)
{
	char why[512] = "", text[544];
	bool ready = !r->source.ready || r->source.ready(r->source.arg, why, sizeof(why));

	snprintf(text, sizeof(text), "%s%s%s\n", ready ? "ready" : "not ready", why[0] ? ": " : "",
		 why);
	return answer_text(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
			   TEXT_TYPE, text);
}

static enum MHD_Result get_health(struct routes *r, struct MHD_Connection *connection)
{
	(void)r;
	return answer_text(connection, MHD_HTTP_OK, TEXT_TYPE, "ok\n");
}

/* ---- API: documents ---- */

static enum MHD_Result get_written(struct routes *r, struct MHD_Connection *connection,
				   void (*write)(void *arg, struct text *out), const char *type,
				   size_t max_bytes)
{
	struct text body = text_new(max_bytes);

	if (!write)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, "this agent does not say");
	write(r->source.arg, &body);
	return answer_built(connection, type, &body);
}

static enum MHD_Result get_document(struct routes *r, struct MHD_Connection *connection,
				    void (*write)(void *arg, struct text *out))
{
	refresh(r);
	return get_written(r, connection, write, JSON_TYPE, DOCUMENT_MAX_BYTES);
}

static enum MHD_Result get_status(struct routes *r, struct MHD_Connection *connection)
{
	return get_document(r, connection, r->source.status);
}

static enum MHD_Result get_check(struct routes *r, struct MHD_Connection *connection)
{
	return get_document(r, connection, r->source.check);
}

static enum MHD_Result get_of_mesh(struct routes *r, struct MHD_Connection *connection,
				   void (*write)(void *arg, struct text *out), const char *type,
				   size_t max_bytes)
{
	if (!write)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, NO_MESH);
	return get_written(r, connection, write, type, max_bytes);
}

static enum MHD_Result get_mesh(struct routes *r, struct MHD_Connection *connection)
{
	return get_of_mesh(r, connection, r->source.mesh, JSON_TYPE, DOCUMENT_MAX_BYTES);
}

static enum MHD_Result get_services(struct routes *r, struct MHD_Connection *connection)
{
	return get_of_mesh(r, connection, r->source.services, LINES_TYPE, LIST_MAX_BYTES);
}

static enum MHD_Result get_endpoints(struct routes *r, struct MHD_Connection *connection)
{
	return get_of_mesh(r, connection, r->source.endpoints, LINES_TYPE, LIST_MAX_BYTES);
}

static const char *argument(struct MHD_Connection *connection, const char *key)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
}

#define PARAMETER(name, meaning) const char *name = argument(connection, #name);

#define PARAMETERS_OF_SIMULATE(X)                                                                  \
	X(from, "the client: an address, or the name of a workload that has one, a user or a "     \
		"program; none: any")                                                              \
	X(to, "`ADDRESS:PORT`, or the name of a service with a port's number or name; without a "  \
	      "port its only one")

static enum MHD_Result get_simulation(struct routes *r, struct MHD_Connection *connection)
{
	PARAMETERS_OF_SIMULATE(PARAMETER)
	struct text body = text_new(DOCUMENT_MAX_BYTES);
	struct error err = {0};

	if (!r->source.simulate)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, NO_MESH);
	if (!to || r->source.simulate(r->source.arg, from ? from : "", to, &body, &err)) {
		text_free(&body);
		return answer_error(connection, MHD_HTTP_BAD_REQUEST,
				    to ? err.text : "to is missing");
	}
	return answer_built(connection, JSON_TYPE, &body);
}

#define PARAMETERS_OF_POLICY(X)                                                                    \
	X(from, "the client: an address or the name of a workload; none: a client that the mesh "  \
		"does not know")                                                                   \
	X(to, "the server, likewise")                                                              \
	X(port, "the server's port")

static enum MHD_Result get_explanation(struct routes *r, struct MHD_Connection *connection)
{
	PARAMETERS_OF_POLICY(PARAMETER)
	struct text body = text_new(DOCUMENT_MAX_BYTES);
	struct error err = {0};

	if (!r->source.explain)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, NO_MESH);
	if (!to || !port)
		error_set(&err, -EINVAL, "%s is missing", to ? "port" : "to");
	else
		r->source.explain(r->source.arg, from ? from : "", to, port, &body, &err);
	if (!err.code)
		return answer_built(connection, JSON_TYPE, &body);
	text_free(&body);
	return answer_error(connection, MHD_HTTP_BAD_REQUEST, err.text);
}

#define PARAMETERS_OF_CONFIG(X)                                                                    \
	X(generation,                                                                              \
	  "one of the latest generations, as far as they are kept; none: the one in force")

static enum MHD_Result get_config(struct routes *r, struct MHD_Connection *connection)
{
	PARAMETERS_OF_CONFIG(PARAMETER)
	struct text head = text_new(DOCUMENT_MAX_BYTES);
	struct mesh_files *files;
	struct error err = {0};
	enum MHD_Result queued;
	char *end = NULL;
	uint64_t wanted = generation ? strtoull(generation, &end, 10) : 0;

	if (!r->source.files)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, NO_MESH);
	if (generation && (*end || *generation < '0' || *generation > '9'))
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, "generation is a number");
	files = r->source.files(r->source.arg, wanted, &head, &err);
	queued = files ? answer_stream(&r->answers, connection, LINES_TYPE,
				       pieces_files(&r->context, &head, files))
		       : answer_error(connection, MHD_HTTP_NOT_FOUND, err.text);
	text_free(&head);
	return queued;
}

/* ---- API: lines ---- */

struct query {
	struct filter filter;
	bool follow;
	bool looked;
	bool has_last;
	uint64_t last;
	struct error err; /* the first problem */
};

static int parse_reporter(struct query *q, const char *value)
{
	return filter_add(&q->filter, "reporter", value, &q->err);
}

static int parse_last(struct query *q, const char *value)
{
	char *end;

	q->has_last = true;
	if (!strcmp(value, "all")) {
		q->last = UINT64_MAX;
		return 0;
	}
	if (*value < '0' || *value > '9')
		return error_set(&q->err, -EINVAL, "last is a number or all");
	q->last = strtoull(value, &end, 10);
	return *end ? error_set(&q->err, -EINVAL, "last is a number or all") : 0;
}

static int parse_switch(struct query *q, const char *key, const char *value, bool *ret)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return error_set(&q->err, -EINVAL, "%s is 0 or 1", key);
	*ret = *value == '1';
	return 0;
}

static int parse_follow(struct query *q, const char *value)
{
	return parse_switch(q, "follow", value, &q->follow);
}

static int parse_looked(struct query *q, const char *value)
{
	return parse_switch(q, "looked", value, &q->looked);
}

/* X(name, "meaning"): the keys of a query beside those that filter; each has a function of its
 * name. */
#define PARAMETERS_OF_LINES(X)                                                                     \
	X(reporter, "`once` (default: the client's view where its end is on this node, else the "  \
		    "server's), `source`, `destination`, `both`")                                  \
	X(follow, "`1`: go on with new records until the reader leaves")                           \
	X(last, "how many kept records first: a number or `all`; default 20, with `follow=1` 0")   \
	X(looked, "`1`: the last line says how far back kept records were looked through; not "    \
		  "with `follow=1`")

static const struct {
	const char *name;
	int (*parse)(struct query *q, const char *value);
} line_keys[] = {
#define X(name, meaning) {#name, parse_##name},
	PARAMETERS_OF_LINES(X)
#undef X
};

static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct query *q = arg;
	int code;

	(void)kind;
	value = value ? value : "";
	for (size_t i = 0; i < sizeof(line_keys) / sizeof(line_keys[0]); i++)
		if (!strcmp(key, line_keys[i].name))
			return line_keys[i].parse(q, value) ? MHD_NO : MHD_YES;
	code = filter_add(&q->filter, key, value, &q->err);
#define X(name, ...) ", " #name
	if (code == -ENOENT)
		error_set(&q->err, -ENOENT, "unknown key \"%.40s\"; there are %s", key,
			  &(FILTER_KEYS(X) PARAMETERS_OF_LINES(X))[2]);
#undef X
	return code ? MHD_NO : MHD_YES;
}

static struct query parse_query(struct MHD_Connection *connection, enum filter_lines lines,
				const char *name)
{
	struct query q = {0};

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &q);
	if (!q.err.code)
		filter_check(&q.filter, lines, name, &q.err);
	if (!q.has_last)
		q.last = q.follow ? 0 : DEFAULT_LAST;
	return q;
}

static enum MHD_Result get_edges(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_EDGES, "edges");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     pieces_edges(&r->context, &q.filter));
}

static struct pieces *recent_of(struct routes *r, enum recent_kind kind, const struct query *q)
{
	const struct pieces_query wanted = {&q->filter, q->last, q->follow, q->looked};

	return pieces_recent(&r->context, kind, &wanted);
}

static enum MHD_Result get_requests(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_REQUESTS, "requests");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     recent_of(r, RECENT_REQUESTS, &q));
}

static enum MHD_Result get_connections(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_CONNECTIONS, "connections");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     q.follow || q.has_last ? recent_of(r, RECENT_CONNECTIONS, &q)
						    : pieces_living(&r->context, &q.filter));
}

static enum MHD_Result get_verdicts(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_VERDICTS, "verdicts");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     recent_of(r, RECENT_VERDICTS, &q));
}

/* ---- the table ---- */

static enum MHD_Result get_index(struct routes *r, struct MHD_Connection *connection);

/* X("path", on the unix socket alone, answer, (tables of its parameters), (tables of the lines it
 * answers), "meaning"): docs/api.md is made from it. */
#define API_ROUTES(X)                                                                              \
	X("/", false, get_index, (), (), "this list")                                              \
	X("/metrics", false, get_metrics, (), (),                                                  \
	  "metrics for Prometheus (text 0.0.4, or OpenMetrics 1.0 with exemplars when `Accept` "   \
	  "prefers it)")                                                                           \
	X("/stats/prometheus", false, get_metrics, (), (), "the same, under Envoy's path")         \
	X("/ready", false, get_ready, (), (), "200 when the agent observes")                       \
	X("/healthz", false, get_health, (), (), "200 when the agent answers")                     \
	X("/api/v1/status", true, get_status, (), (API_STATUS), "what the agent does")             \
	X("/api/v1/check", true, get_check, (), (API_CHECK), "what this machine allows")           \
	X("/api/v1/mesh", true, get_mesh, (), (API_MESH),                                          \
	  "the configuration in force, and what was wrong with the latest change")                 \
	X("/api/v1/config", true, get_config, (PARAMETERS_OF_CONFIG),                              \
	  (API_CONFIG, API_CONFIG_TEXT),                                                           \
	  "the files of a generation: a line about it, then lines of text")                        \
	X("/api/v1/services", true, get_services, (), (API_SERVICES),                              \
	  "a line for each service of the mesh")                                                   \
	X("/api/v1/endpoints", true, get_endpoints, (), (API_ENDPOINTS),                           \
	  "a line for each endpoint and port of a service")                                        \
	X("/api/v1/policy", true, get_explanation, (PARAMETERS_OF_POLICY), (API_POLICY),           \
	  "what policies decide about a connection, and why")                                      \
	X("/api/v1/simulate", true, get_simulation, (PARAMETERS_OF_SIMULATE),                      \
	  (API_SIMULATE, API_SIMULATE_NAMES), "where a connect would go")                          \
	X("/api/v1/edges", true, get_edges, (FILTER_KEYS, PARAMETERS_OF_LINES), (API_EDGES),       \
	  "golden signals over the last ten complete seconds, a line for each edge")               \
	X("/api/v1/requests", true, get_requests, (FILTER_KEYS, PARAMETERS_OF_LINES),              \
	  (API_REQUESTS, API_LOST, API_LOOKED), "recent and live requests, a line each")           \
	X("/api/v1/verdicts", true, get_verdicts, (FILTER_KEYS, PARAMETERS_OF_LINES),              \
	  (API_VERDICTS, API_LOST, API_LOOKED),                                                    \
	  "connections that the mesh refused, ended or noted: recent and live, a line each")       \
	X("/api/v1/connections", true, get_connections, (FILTER_KEYS, PARAMETERS_OF_LINES),        \
	  (API_CONNECTIONS, API_LOST, API_LOOKED),                                                 \
	  "living connections, a line each; with `last` or `follow=1` openings and closings, "     \
	  "recent and live")

static const struct route routes[] = {
#define X(path, api, answer, parameters, tables, help) {path, api, answer, help},
	API_ROUTES(X)
#undef X
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

static enum MHD_Result get_index(struct routes *r, struct MHD_Connection *connection)
{
	struct text body = text_new(DOCUMENT_MAX_BYTES);

	(void)r;
	text_string(&body, "<!doctype html><title>weft</title><table>\n");
	for (unsigned i = 0; i < ROUTE_COUNT; i++) {
		if (routes[i].api)
			continue;
		text_format(&body, "<tr><td><a href=\"%s\">%s</a><td>%s\n", routes[i].path,
			    routes[i].path, routes[i].help);
	}
	text_string(&body, "</table>\n");
	return answer_built(connection, "text/html; charset=utf-8", &body);
}

/* Nothing, or a colon and digits (RFC 9110 section 7.2). */
static bool is_port_part(const char *text)
{
	return !*text || (*text == ':' && !text[1 + strspn(text + 1, "0123456789")]);
}

static bool is_local_host(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

	for (unsigned i = 0; host && i < 3; i++) {
		size_t n = strlen(names[i]);

		if (!strncasecmp(host, names[i], n) && is_port_part(host + n))
			return true;
	}
	return !host;
}

static void update_wall_clock(struct pieces_context *context)
{
	struct timespec wall, steady;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &steady);
	context->wall_offset_ns =
		(wall.tv_sec - steady.tv_sec) * 1000000000ll + (wall.tv_nsec - steady.tv_nsec);
}

bool routes_takes(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

enum MHD_Result routes_answer(struct routes *r, struct MHD_Connection *connection,
			      const char *method, const char *path, bool api, bool check_host)
{
	if (check_host &&
	    !is_local_host(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")))
		return answer_error(connection, MHD_HTTP_FORBIDDEN, "this host is not served here");
	if (!routes_takes(method))
		return answer_error(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
	update_wall_clock(&r->context);
	for (unsigned i = 0; i < ROUTE_COUNT; i++) {
		if (!strcmp(routes[i].path, path) && (api || !routes[i].api))
			return routes[i].answer(r, connection);
	}
	return answer_error(connection, MHD_HTTP_NOT_FOUND, "no such path");
}
