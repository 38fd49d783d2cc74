/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sources of configurations for `weft config`: files, directories, the running agent. */
#pragma once

#include "control/cli/command.h"
#include "control/cli/config_read.h"

/* A configuration that was read and is not built yet. */
struct config {
	struct config_read read; /* files, and the first error */
	uint64_t generation;	 /* its number at the agent; 0: not from an agent */
	bool in_force;
	char hash[20];	   /* as reported by the agent */
	char failure[320]; /* why the directory's current content is not in force; "" if it is */
};

/* An empty one. 0 or -ENOMEM; end it with config_close in either case. */
int config_open(struct config *c);
void config_close(struct config *c);

/* Adds the files of a generation (0: the one in force) of the agent at |socket_path|. 0 or the code
 * of |c->read.err|. */
int config_read_agent(struct config *c, const char *socket_path, uint64_t generation);

/* human_holdings of a configuration built from so many |files|. */
const char *config_holdings(const struct mesh *m, uint32_t files, char out[200]);

/* Builds it. Problems go to |to|, in words or (|context->json|) as JSON lines; warnings only where
 * |warnings|. 0 with |ret_mesh| (the caller's), -EINVAL, -ENOMEM. |ret_problems| may be NULL, else
 * the caller frees it. */
int config_build(const struct context *context, struct config *c, FILE *to, bool warnings,
		 struct mesh **ret_mesh, struct problems *ret_problems);

/* Prints the directories with files that are not read, as config_build does. Returns how many. */
uint32_t config_say_passed_over(const struct context *context, const struct config *c, FILE *to);
