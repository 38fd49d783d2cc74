// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two libmicrohttpd daemons (TCP, unix socket) behind one epoll descriptor; a timer in it stands
 * for their timeouts. */
#include "control/serve/serve.h"

#include "base/cleanup.h"
#include "base/loop.h"
#include "control/serve/clients.h"
#include "control/serve/listen.h"
#include "control/serve/routes.h"

#include <errno.h>
#include <stdlib.h>

#define DEFAULT_MODE	     0660
#define DEFAULT_CLIENTS	     64
#define DEFAULT_TIMEOUT_S    30
#define DEFAULT_SCRAPE_MAX_S 60
#define DEFAULT_REQUEST_S    10
/* Request line, headers and send buffer of one client. */
#define CLIENT_MEMORY_BYTES  65536
/* How often clients of suspended streams are checked. */
#define REAP_INTERVAL_MS     1000

struct server {
	struct serve *serve;
	struct MHD_Daemon *daemon;
	struct clients *clients;
	bool api;
	bool check_host;
};

struct serve {
	struct routes routes;
	struct server tcp;
	struct server local;
	struct serve_sockets sockets; /* the descriptors are the daemons' */
	int epoll_fd;
	int timer_fd;
};

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload_data,
			      size_t *upload_data_size, void **request)
{
	struct server *l = cls;

	(void)version;
	(void)upload_data;
	/* The first call comes before the body: an answer then ends the connection, which is right
	 * for a request that should have no body. */
	if (!*request && routes_takes(method)) {
		*request = l;
		return MHD_YES;
	}
	if (*upload_data_size)
		return MHD_NO;
	clients_answer(connection);
	return routes_answer(&l->serve->routes, connection, method, url, l->api, l->check_host);
}

/* ---- start ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static struct clients *clients_of_options(const struct serve_options *o)
{
	uint32_t idle_s = or_default(o->timeout_s, DEFAULT_TIMEOUT_S);
	struct clients_limits limits = {
		.clients = or_default(o->clients, DEFAULT_CLIENTS),
		.request_ns = or_default(o->request_s, DEFAULT_REQUEST_S) * 1000000000ull,
		.idle_ns = 2ull * idle_s * 1000000000, /* libmicrohttpd ends silent ones itself */
		.answer_ns = or_default(o->scrape_max_s, DEFAULT_SCRAPE_MAX_S) * 1000000000ull};

	return clients_new(&limits);
}

/* Starts a daemon on |fd|, which it owns from then on. */
static int start_server(struct server *l, int fd, const struct serve_options *o, struct error *err)
{
	const union MHD_DaemonInfo *info;

	l->clients = clients_of_options(o);
	if (l->clients)
		l->daemon = MHD_start_daemon(
			MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, l,
			MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
			or_default(o->clients, DEFAULT_CLIENTS) + CLIENTS_LEAVERS,
			MHD_OPTION_CONNECTION_TIMEOUT, or_default(o->timeout_s, DEFAULT_TIMEOUT_S),
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY_BYTES,
			MHD_OPTION_NOTIFY_CONNECTION, clients_notify, l->clients,
			MHD_OPTION_NOTIFY_COMPLETED, clients_completed, l->clients, MHD_OPTION_END);
	if (!l->daemon) {
		close(fd);
		return error_set(err, -ENOMEM, "the HTTP server does not start");
	}
	info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || loop_watch(l->serve->epoll_fd, info->epoll_fd))
		return error_set(err, -EIO, "the HTTP server cannot be watched");
	return 0;
}

int serve_sockets_open(const struct serve_options *o, struct serve_sockets *ret, struct error *err)
{
	int code = 0;

	*ret = (struct serve_sockets){.tcp_fd = -1, .local_fd = -1};
	if (o->listen)
		ret->tcp_fd = listen_tcp(o->listen, &ret->port, &ret->loopback, err);
	if (o->listen && ret->tcp_fd < 0)
		return ret->tcp_fd;
	if (o->socket_path)
		ret->local_fd = listen_unix_open(o->socket_path,
						 or_default(o->socket_mode, DEFAULT_MODE), err);
	if (o->socket_path && ret->local_fd < 0) {
		code = ret->local_fd;
		serve_sockets_close(ret);
	}
	return code;
}

void serve_sockets_close(struct serve_sockets *s)
{
	cleanup_close_fd(&s->tcp_fd);
	cleanup_close_fd(&s->local_fd);
	*s = (struct serve_sockets){.tcp_fd = -1, .local_fd = -1};
}

static int start_servers(struct serve *s, const struct serve_options *o, struct error *err)
{
	int code = 0;

	s->tcp.check_host = s->sockets.loopback;
	if (s->sockets.tcp_fd >= 0)
		code = start_server(&s->tcp, s->sockets.tcp_fd, o, err);
	if (!code && s->sockets.local_fd >= 0)
		code = start_server(&s->local, s->sockets.local_fd, o, err);
	return code;
}

static int start(struct serve *s, const struct serve_options *o, struct error *err)
{
	int code;

	s->epoll_fd = loop_new();
	s->timer_fd = loop_timer();
	if (s->epoll_fd < 0 || s->timer_fd < 0 || loop_watch(s->epoll_fd, s->timer_fd))
		return error_set(err, -errno, "no descriptor for the HTTP server: %m");
	if (o->sockets)
		s->sockets = *o->sockets;
	code = o->sockets ? 0 : serve_sockets_open(o, &s->sockets, err);
	return code ? code : start_servers(s, o, err);
}

struct serve *serve_new(const struct serve_options *options, const struct serve_source *source,
			struct error *err)
{
	uint64_t stream_max_s =
		options->scrape_max_s ? options->scrape_max_s : DEFAULT_SCRAPE_MAX_S;
	struct serve *s = calloc(1, sizeof(*s));

	if (!s) {
		error_set(err, -ENOMEM, "no memory for the HTTP server");
		return NULL;
	}
	s->routes.source = *source;
	s->routes.context.signals = source->signals;
	s->routes.context.recent = source->recent;
	s->routes.answers.stream_max_ns = stream_max_s * 1000000000;
	s->epoll_fd = s->timer_fd = -1;
	s->tcp.serve = s->local.serve = s;
	s->local.api = true;
	if (!start(s, options, err))
		return s;
	serve_free(s);
	return NULL;
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	answers_end(&s->routes.answers);
	if (s->tcp.daemon)
		MHD_stop_daemon(s->tcp.daemon);
	if (s->local.daemon)
		MHD_stop_daemon(s->local.daemon);
	clients_free(s->tcp.clients);
	clients_free(s->local.clients);
	cleanup_close_fd(&s->timer_fd);
	cleanup_close_fd(&s->epoll_fd);
	free(s);
}

/* ---- run ---- */

/* The earlier of |timeout_ms| and what the daemon waits for; -1 = never. */
static long earlier(const struct server *l, long timeout_ms)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (!l->daemon || MHD_get_timeout(l->daemon, &wait_ms) != MHD_YES)
		return timeout_ms;
	return timeout_ms < 0 || wait_ms < (MHD_UNSIGNED_LONG_LONG)timeout_ms ? (long)wait_ms
									      : timeout_ms;
}

static bool has_clients(const struct server *l)
{
	return l->clients && clients_any(l->clients);
}

/* Sets the timer to when the daemons have to run without a readable descriptor. */
static void arm(struct serve *s)
{
	bool reaps =
		answers_sleep(&s->routes.answers) || has_clients(&s->tcp) || has_clients(&s->local);
	long timeout_ms = reaps ? REAP_INTERVAL_MS : -1;

	timeout_ms = earlier(&s->tcp, timeout_ms);
	timeout_ms = earlier(&s->local, timeout_ms);
	loop_timer_set(s->timer_fd, timeout_ms < 0 ? 0 : (uint64_t)timeout_ms * 1000000 + 1);
}

int serve_fd(const struct serve *s)
{
	return s->epoll_fd;
}

static unsigned clients_of(const struct server *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* A daemon at its limit of clients stops listening, and resumes only in the run after one has left.
 */
static void run_server(const struct server *l)
{
	unsigned before;

	if (!l->daemon)
		return;
	clients_reap(l->clients);
	before = clients_of(l);
	MHD_run(l->daemon);
	if (clients_of(l) < before)
		MHD_run(l->daemon);
}

void serve_run(struct serve *s)
{
	answers_reap(&s->routes.answers);
	run_server(&s->tcp);
	run_server(&s->local);
	arm(s);
}

void serve_wake(struct serve *s)
{
	answers_wake(&s->routes.answers);
}

uint16_t serve_port(const struct serve *s)
{
	return s->sockets.port;
}

uint64_t serve_ended(const struct serve *s)
{
	return (s->tcp.clients ? clients_ended(s->tcp.clients) : 0) +
	       (s->local.clients ? clients_ended(s->local.clients) : 0);
}

uint64_t serve_lost(const struct serve *s)
{
	return s->routes.context.lost;
}
