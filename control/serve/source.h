/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sources of answers. */
#pragma once

#include "base/error.h"
#include "control/export/text.h"
#include "control/serve/recent.h"
#include "control/signals/signals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mesh_files;

/* What is served. Must outlive the server. Callbacks are called from serve_run and
 * must not block. */
struct serve_source {
	void *arg;
	struct signals *signals;
	struct recent *recent;
	/* Before each scrape and status: brings signals_set_health up to date. May be NULL. */
	void (*refresh)(void *arg);
	/* Whether GET /ready answers 200, and in |why| the rest of its text. May be NULL (always
	 * ready). */
	bool (*ready)(void *arg, char *why, size_t size);
	/* Writes one JSON object (json_to) and a line end. May be NULL (404). */
	void (*status)(void *arg, struct text *out);
	void (*check)(void *arg, struct text *out);
	/* The mesh: one JSON object; JSON lines. May be NULL (404). */
	void (*mesh)(void *arg, struct text *out);
	void (*services)(void *arg, struct text *out);
	void (*endpoints)(void *arg, struct text *out);
	/* The files of generation |number| (0: the one in force), held once more, and one JSON
	 * object about it in |head|. NULL with |err|. May be NULL (404). */
	struct mesh_files *(*files)(void *arg, uint64_t number, struct text *head,
				    struct error *err);
	/* The endpoint that a connect would get. Non-zero with |err| on failure. May be NULL (404).
	 */
	int (*simulate)(void *arg, const char *from, const char *to, struct text *out,
			struct error *err);
	/* The decision of the policies about a connection, see control/export/explain.h. May be
	 * NULL (404). */
	int (*explain)(void *arg, const char *from, const char *to, const char *port,
		       struct text *out, struct error *err);
};
