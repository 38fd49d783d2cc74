/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The interface of the commands of `weft`, and what they share. */
#pragma once

#include "control/cli/client.h"
#include "control/cli/fail.h"
#include "control/cli/options.h"
#include "control/cli/show.h"

#include <limits.h>
#include <stdbool.h>

struct context {
	const char *socket_path;
	const char *pin_dir;
	bool json; /* -o json: one object per line, as weftd sends it */
	bool color;
};

struct command {
	const char *name;
	uint64_t options;     /* in addition to CLI_EVERYWHERE */
	const char *operands; /* for the usage line; NULL: none */
	int least, most;      /* number of operands; CLI_ANY_NUMBER */
	const char *summary;  /* one line, for the list */
	const char *help;     /* more than the list of options, or NULL */
	int (*run)(const struct context *context, const struct arguments *a);
	const struct command *verbs; /* subcommands, in place of options; ended by an empty row */
};
#define CLI_ANY_NUMBER INT_MAX

extern const struct command config_verbs[], policy_verbs[];

int command_status(const struct context *context, const struct arguments *a);
int command_check(const struct context *context, const struct arguments *a);
int command_edges(const struct context *context, const struct arguments *a);
int command_top(const struct context *context, const struct arguments *a);
int command_observe(const struct context *context, const struct arguments *a);
int command_connections(const struct context *context, const struct arguments *a);
int command_map(const struct context *context, const struct arguments *a);
int command_mesh(const struct context *context, const struct arguments *a);
int command_simulate(const struct context *context, const struct arguments *a);
int command_services(const struct context *context, const struct arguments *a);
int command_endpoints(const struct context *context, const struct arguments *a);
int command_detach(const struct context *context, const struct arguments *a);

/* The decision of the policies about a connection: "denied by NAMESPACE/POLICY rule N: WHY". */
void print_policy_verdict(const struct context *context, const json_t *o);
