/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the worker does with the mesh: has it planned and put in force, names ends by it, ejects
 * outliers, tells how it stands. */
#pragma once

#include "control/ipc/ipc.h"

#include "base/error.h"
#include "datapath/observe/observe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attach;
struct generation;
struct json;
struct mesh_files;
struct steering;
struct text;

struct steering_options {
	struct attach *attach;		    /* made with attach_options.mesh; outlives it */
	struct ipc *loader, *files;	    /* of the planner; they outlive it */
	int (*confine)(struct error *err);  /* the planner's thread calls it first */
	void (*end_connections)(void *arg); /* those to endpoints that are to be left: soon */
	int (*cgroup_path)(void *arg, uint64_t cgroup_id, char *out,
			   size_t size); /* as in observe.h */
	void *arg;
	uint64_t seed;
};

/* Starts the planner. 0 or a negative errno with |err|. */
int steering_new(const struct steering_options *options, struct steering **ret, struct error *err);
void steering_free(struct steering *s);

/* Readable when steering_news has work. */
int steering_fd(const struct steering *s);
void steering_news(struct steering *s);

/* About ten times a second. */
void steering_tick(struct steering *s, uint64_t now_ns);

/* What was observed of endpoints. */
void steering_request(struct steering *s, const struct request *r);
void steering_connection(struct steering *s, const struct connection *c);

/* For struct observe_listener: |arg| is the steering. */
int steering_names(void *arg, const struct weft_owner *owner, const uint8_t addr[16], uint16_t port,
		   struct observe_names *ret);

void steering_verdict_names(void *arg, const struct weft_verdict *v,
			    struct observe_verdict_names *ret);

/* Whether the first configuration was dealt with and something is in force now. |why|: what is to
 * be said beside that (where what is in force comes from, why not from the directory), or "". */
bool steering_ready(struct steering *s, char *why, size_t size);

/* What names things now; borrowed until steering_news. NULL: nothing was put in force yet. */
const struct generation *steering_generation(const struct steering *s);

struct health_mesh;

/* Brings |ret| up to date; what it borrows is good until the next call. */
void steering_health(struct steering *s, struct health_mesh *ret);

/* A member "mesh": what of it belongs into the status of the agent. */
void steering_write_short(struct steering *s, struct json *j);

/* JSON: one object; one line per service; one per endpoint and port of a service. */
void steering_write_status(struct steering *s, const char *directory, struct text *out);
void steering_write_services(struct steering *s, struct text *out);
void steering_write_endpoints(struct steering *s, struct text *out);

/* The files of generation |number| (0: the one in force), held once more, with one JSON object
 * about it in |head|; NULL with |err|: there are none. */
struct mesh_files *steering_files(struct steering *s, uint64_t number, struct text *head,
				  struct error *err);
