/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent's HTTP: metrics and readiness on TCP, the API on a unix socket. No thread, no blocking:
 * everything happens in serve_run, called from the agent's own loop. Reads signals and recent
 * records, and gets the rest from its source. */
#pragma once

#include "base/error.h"
#include "control/serve/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serve;

struct serve_sockets;

struct serve_options {
	const char *listen; /* "ADDR:PORT", "[ADDR]:PORT"; port 0 = any; NULL = no TCP listener */
	const char *socket_path; /* NULL = no unix socket */
	uint32_t socket_mode;	 /* 0 = 0660 */
	uint32_t clients;      /* per listener, 0 = 64: one more ends the slowest, see clients.h */
	uint32_t request_s;    /* limit for a client's first request, 0 = 10 */
	uint32_t timeout_s;    /* limit of idle clients, 0 = 30; live readers are never idle */
	uint32_t scrape_max_s; /* limit of a scrape or listing, 0 = 60 */
	const struct serve_sockets *sockets; /* opened already; NULL: serve_new opens them */
};

/* Sockets that outlive the server: the next one continues with them. */
struct serve_sockets {
	int tcp_fd; /* -1 = none */
	uint16_t port;
	bool loopback;
	int local_fd; /* -1 = none */
};

/* Opens the sockets that |listen| and |socket_path| of |options| name; errors as serve_new. Close
 * with serve_sockets_close; the path of the unix socket stays (listen_unix_remove). */
int serve_sockets_open(const struct serve_options *options, struct serve_sockets *ret,
		       struct error *err);
void serve_sockets_close(struct serve_sockets *s);

/* Binds and listens. A stale Unix socket is replaced; one with a listening process is not. NULL and
 * |err|: -EADDRINUSE, -EACCES, -EINVAL (bad address), -ENAMETOOLONG, -ENOMEM, ... Free with
 * serve_free. */
struct serve *serve_new(const struct serve_options *options, const struct serve_source *source,
			struct error *err);

/* Closes all clients. The path of the unix socket stays, for the process that may remove it
 * (listen_unix_remove). */
void serve_free(struct serve *s);

/* Readable when serve_run has something to do (its own timeouts included); for the agent's epoll.
 * Owned by |s|. */
int serve_fd(const struct serve *s);

/* Accepts, reads, answers; never blocks. Call it when serve_fd is readable. */
void serve_run(struct serve *s);

/* Passes new records in |recent| to live readers. Free without readers. Call it after each batch.
 */
void serve_wake(struct serve *s);

/* The TCP port that was bound, 0 without TCP listener. */
uint16_t serve_port(const struct serve *s);

/* Clients ended by a limit or for a new client (health.clients_ended). */
uint64_t serve_ended(const struct serve *s);

/* Live records lost because readers were slow (health.reader_lost). */
uint64_t serve_lost(const struct serve *s);
