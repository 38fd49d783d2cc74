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

static enum MHD_Result get_simulation(struct routes *r, struct MHD_Connection *connection)
{
	const char *from = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "from");
	const char *to = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "to");
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

static enum MHD_Result get_explanation(struct routes *r, struct MHD_Connection *connection)
{
	const char *from = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "from");
	const char *to = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "to");
	const char *port = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "port");
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

static enum MHD_Result get_config(struct routes *r, struct MHD_Connection *connection)
{
	const char *number =
		MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "generation");
	struct text head = text_new(DOCUMENT_MAX_BYTES);
	struct mesh_files *files;
	struct error err = {0};
	enum MHD_Result queued;
	char *end = NULL;
	uint64_t wanted = number ? strtoull(number, &end, 10) : 0;

	if (!r->source.files)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, NO_MESH);
	if (number && (*end || *number < '0' || *number > '9'))
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

static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct query *q = arg;
	int code;

	(void)kind;
	value = value ? value : "";
	if (!strcmp(key, "last"))
		code = parse_last(q, value);
	else if (!strcmp(key, "follow"))
		code = parse_switch(q, key, value, &q->follow);
	else if (!strcmp(key, "looked"))
		code = parse_switch(q, key, value, &q->looked);
	else
		code = filter_add(&q->filter, key, value, &q->err);
	if (code == -ENOENT)
		error_set(&q->err, -ENOENT,
			  "unknown key \"%.40s\"; there are from, to, protocol, status, path, "
			  "method, "
			  "reporter, verdict, follow, last, looked",
			  key);
	return code ? MHD_NO : MHD_YES;
}

/* |lines|, that have |keys| to ask for. */
static struct query parse_query(struct MHD_Connection *connection, unsigned keys, const char *lines)
{
	struct query q = {0};

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &q);
	if (!q.err.code)
		filter_check(&q.filter, keys, lines, &q.err);
	if (!q.has_last)
		q.last = q.follow ? 0 : DEFAULT_LAST;
	return q;
}

static enum MHD_Result get_edges(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_OF_EDGES, "edges");

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
	struct query q = parse_query(connection, FILTER_OF_REQUESTS, "requests");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     recent_of(r, RECENT_REQUESTS, &q));
}

static enum MHD_Result get_connections(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_OF_CONNECTIONS, "connections");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     q.follow || q.has_last ? recent_of(r, RECENT_CONNECTIONS, &q)
						    : pieces_living(&r->context, &q.filter));
}

static enum MHD_Result get_verdicts(struct routes *r, struct MHD_Connection *connection)
{
	struct query q = parse_query(connection, FILTER_OF_VERDICTS, "verdicts");

	if (q.err.code)
		return answer_error(connection, MHD_HTTP_BAD_REQUEST, q.err.text);
	return answer_stream(&r->answers, connection, LINES_TYPE,
			     recent_of(r, RECENT_VERDICTS, &q));
}

/* ---- the table ---- */

static enum MHD_Result get_index(struct routes *r, struct MHD_Connection *connection);

static const struct route routes[] = {
	{"/", false, get_index, "this list"},
	{"/metrics", false, get_metrics, "metrics for Prometheus (text, OpenMetrics)"},
	{"/stats/prometheus", false, get_metrics, "the same, under Envoy's path"},
	{"/ready", false, get_ready, "200 when the agent observes"},
	{"/healthz", false, get_health, "200 when the agent answers"},
	{"/api/v1/status", true, get_status, "what the agent does"},
	{"/api/v1/check", true, get_check, "what this machine allows"},
	{"/api/v1/mesh", true, get_mesh, "the configuration in force, and how it came"},
	{"/api/v1/config", true, get_config, "the files of a generation (generation)"},
	{"/api/v1/services", true, get_services, "services of the mesh"},
	{"/api/v1/endpoints", true, get_endpoints, "endpoints of services"},
	{"/api/v1/policy", true, get_explanation,
	 "what policies say of a connection, and why (from, to, port)"},
	{"/api/v1/simulate", true, get_simulation, "where a connect would go (from, to)"},
	{"/api/v1/edges", true, get_edges, "golden signals per edge"},
	{"/api/v1/requests", true, get_requests, "recent and live requests"},
	{"/api/v1/verdicts", true, get_verdicts, "connections that the mesh refused or noted"},
	{"/api/v1/connections", true, get_connections, "living connections, and their events live"},
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
