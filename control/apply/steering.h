/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The worker's part of the mesh: has generations planned and put in force, names ends, ejects
 * outliers, reports the state. */
#pragma once

#include "control/ipc/ipc.h"

#include "base/error.h"
#include "datapath/attach/mesh/mesh_state.h"
#include "datapath/observe/observe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;
struct json;
struct mesh_files;
struct steering;
struct text;

struct steering_options {
	struct mesh_lent lent;		    /* not needed any more after steering_new */
	bool earlier_build;		    /* another build's mesh is in force until ours is */
	struct ipc *loader, *files;	    /* of the compiler; they outlive it */
	int (*confine)(struct error *err);  /* the compiler's thread calls it first */
	void (*end_connections)(void *arg); /* ends connections to ejected endpoints soon */
	int (*cgroup_path)(void *arg, uint64_t cgroup_id, char *out,
			   size_t size); /* as in observe.h */
	void *arg;
	uint64_t seed;
};

/* Starts the compiler. 0 or a negative errno with |err|. */
int steering_new(const struct steering_options *options, struct steering **ret, struct error *err);
void steering_free(struct steering *s);

/* Readable when steering_news has work. */
int steering_fd(const struct steering *s);
void steering_news(struct steering *s);

/* About ten times a second. */
void steering_tick(struct steering *s, uint64_t now_ns);

/* Observations of endpoints. */
void steering_request(struct steering *s, const struct request *r);
void steering_connection(struct steering *s, const struct connection *c);

/* For struct observe_listener: |arg| is the steering. */
int steering_names(void *arg, const struct weft_owner *owner, const uint8_t addr[16], uint16_t port,
		   struct observe_names *ret);

void steering_verdict_names(void *arg, const struct weft_verdict *v,
			    struct observe_verdict_names *ret);

/* Whether the first configuration was processed and something is in force. |why|: additional text
 * (the source of the generation in force, why not the directory), or "". */
bool steering_ready(struct steering *s, char *why, size_t size);

/* The current generation; borrowed until steering_news. NULL: none yet. */
const struct generation *steering_generation(const struct steering *s);

struct health_mesh;

/* Updates |ret|; borrowed data is valid until the next call. */
void steering_health(struct steering *s, struct health_mesh *ret);

/* A member |key| with the part for the agent's status. */
void steering_write_short(struct steering *s, struct json *j, const char *key);

/* JSON: one object; one line per service; one per endpoint and port of a service. */
void steering_write_status(struct steering *s, const char *directory, struct text *out);
void steering_write_services(struct steering *s, struct text *out);
void steering_write_endpoints(struct steering *s, struct text *out);

/* The files of generation |number| (0: the one in force), held once more, with one JSON object
 * about it in |head|; NULL with |err|: there are none. */
struct mesh_files *steering_files(struct steering *s, uint64_t number, struct text *head,
				  struct error *err);
