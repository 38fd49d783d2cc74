/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests to weftd over its unix socket: one GET, answered with JSON lines. */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CLIENT_URL_MAX 4096

/* A request that is being built: path and query; values are escaped when they are added. */
struct client_url {
	char text[CLIENT_URL_MAX];
	bool has_query;
	bool overflow;
};

void client_url_start(struct client_url *url, const char *path);
void client_url_add(struct client_url *url, const char *key, const char *value);

/* Called for each line of the answer: the text (NUL-terminated, no line end) and the parsed object
 * (borrowed). A non-zero return ends the call. */
typedef int (*client_line_fn)(void *arg, const char *text, json_t *object);

/* Runs the request until the answer ends, |line| returns non-zero, or SIGINT arrives. Without
 * |line| complete lines go to standard output, not parsed. 0, or -ECONNREFUSED (no weftd there),
 * -EACCES, -ECONNRESET (it ended while it answered), -EBADMSG (not a valid answer), -EINVAL (weftd
 * refused: its text is in |err|). */
int client_get(const char *socket_path, const struct client_url *url, client_line_fn line,
	       void *arg, struct error *err);

/* The exit code for a result of client_get. */
int client_exit(int code);
