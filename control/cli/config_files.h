/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where `weft config` gets configurations from: files, directories, the running agent. */
#pragma once

#include "control/cli/command.h"
#include "control/cli/config_read.h"

/* A configuration that was read, not yet built. */
struct config {
	struct config_read read; /* files, and the first thing that went wrong */
	uint64_t generation;	 /* of the agent's; 0: it is not from an agent */
	bool in_force;
	char hash[20];	   /* as the agent says it */
	char failure[320]; /* why what is in its directory now is not in force; "" if it is */
};

/* Empty. 0 or -ENOMEM; end it with config_close in any case. */
int config_open(struct config *c);
void config_close(struct config *c);

/* Adds the files of a generation (0: the one in force) of the agent at |socket_path|. 0 or what
 * |c->read.err| says. */
int config_read_agent(struct config *c, const char *socket_path, uint64_t generation);

/* human_holdings of a configuration that was built of so many |files|. */
const char *config_holdings(const struct mesh *m, uint32_t files, char out[200]);

/* Builds it. Problems go to |to|, in words or (|context->json|) as JSON lines; warnings only where
 * |warnings|. 0 with |ret_mesh| (the caller's), -EINVAL, -ENOMEM. |ret_problems| may be NULL, else
 * the caller frees it. */
int config_build(const struct context *context, struct config *c, FILE *to, bool warnings,
		 struct mesh **ret_mesh, struct problems *ret_problems);

/* Says which directories have files that are not read, as config_build does. How many. */
uint32_t config_say_passed_over(const struct context *context, const struct config *c, FILE *to);
