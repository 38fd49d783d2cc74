/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent's state: numbers for the metrics, JSON for `weft status` and `weft check`. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipc;
struct loader_health;
struct observe;
struct mesh_files;
struct options;
struct reader;
struct serve;
struct signals;
struct status;
struct mesh_runtime;
struct text;
struct ring_guard;

/* Its sources, which must outlive it. |serve| and |ring_guard| are read on demand. */
struct status_parts {
	const struct options *options;
	struct ipc *loader;
	const struct reader *reader;
	bool adopted; /* the kernel half of an earlier agent */
	struct observe *observe;
	struct signals *signals;
	struct serve *const *serve;
	struct ring_guard *const *ring_guard;
	struct mesh_runtime *mesh_runtime; /* NULL: no mesh */
	/* Reads the records that the kernel half's counters include already. */
	void (*drain)(void *arg);
	void *drain_arg;
};

/* NULL and |err| on short memory. */
struct status *status_new(const struct status_parts *parts, struct error *err);
void status_free(struct status *s);

/* The loader's latest numbers. */
void status_loader(struct status *s, const struct loader_health *health);

/* For struct serve_source; |arg| is the status. All are called with the lock of
 * control/agent/ring_guard.h, which is given up while the loader is asked. Brings the health
 * numbers up to date and hands them to signals. */
void status_refresh(void *arg);

/* One JSON object and a line end. */
void status_write(void *arg, struct text *out);
void status_write_check(void *arg, struct text *out);

/* State of the mesh, which must exist. Ready: as mesh_runtime_ready. */
bool status_ready(void *arg, char *why, size_t size);
void status_write_mesh(void *arg, struct text *out);
void status_write_services(void *arg, struct text *out);
void status_write_endpoints(void *arg, struct text *out);
int status_explain(void *arg, const char *from, const char *to, const char *port, struct text *out,
		   struct error *err);
struct mesh_files *status_files(void *arg, uint64_t number, struct text *head, struct error *err);
int status_simulate(void *arg, const char *from, const char *to, struct text *out,
		    struct error *err);
