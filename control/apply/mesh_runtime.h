/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh runtime, the worker's part of the mesh: has generations compiled and put in force, names
 * ends, ejects outliers, reports the state. */
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
struct mesh_runtime;
struct text;

struct mesh_runtime_options {
	struct mesh_lent lent;		    /* not needed any more after mesh_runtime_new */
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
int mesh_runtime_new(const struct mesh_runtime_options *options, struct mesh_runtime **ret,
		     struct error *err);
void mesh_runtime_free(struct mesh_runtime *s);

/* Readable when mesh_runtime_news has work. */
int mesh_runtime_fd(const struct mesh_runtime *s);
void mesh_runtime_news(struct mesh_runtime *s);

/* About ten times a second. */
void mesh_runtime_tick(struct mesh_runtime *s, uint64_t now_ns);

/* Observations of endpoints. */
void mesh_runtime_request(struct mesh_runtime *s, const struct request *r);
void mesh_runtime_connection(struct mesh_runtime *s, const struct connection *c);
void mesh_runtime_verdict(struct mesh_runtime *s, const struct verdict *v);

/* For struct observe_listener: |arg| is the mesh runtime. */
int mesh_runtime_names(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		       uint16_t port, struct observe_names *ret);

void mesh_runtime_verdict_names(void *arg, const struct weft_verdict *v,
				struct observe_verdict_names *ret);

/* Whether the first configuration was processed and something is in force. |why|: additional text
 * (the source of the generation in force, why not the directory), or "". */
bool mesh_runtime_ready(struct mesh_runtime *s, char *why, size_t size);

/* The current generation; borrowed until mesh_runtime_news. NULL: none yet. */
const struct generation *mesh_runtime_generation(const struct mesh_runtime *s);

struct health_mesh;

/* Updates |ret|; borrowed data is valid until the next call. */
void mesh_runtime_health(struct mesh_runtime *s, struct health_mesh *ret);

/* A member |key| with the part for the agent's status. */
void mesh_runtime_write_short(struct mesh_runtime *s, struct json *j, const char *key);

/* JSON: one object; one line per service; one per endpoint and port of a service. */
void mesh_runtime_write_status(struct mesh_runtime *s, const char *directory, struct text *out);
void mesh_runtime_write_services(struct mesh_runtime *s, struct text *out);
void mesh_runtime_write_endpoints(struct mesh_runtime *s, struct text *out);

/* The files of generation |number| (0: the one in force), held once more, with one JSON object
 * about it in |head|; NULL with |err|: there are none. */
struct mesh_files *mesh_runtime_files(struct mesh_runtime *s, uint64_t number, struct text *head,
				      struct error *err);
