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
	const struct command *const *verbs; /* subcommands, in place of options; ended by NULL */
};
#define CLI_ANY_NUMBER INT_MAX

/* X(name): the commands, and the verbs of `weft config`, in the order of their lists; the entries
 * are name_command and config_name. */
#define COMMANDS(X)                                                                                \
	X(status)                                                                                  \
	X(check)                                                                                   \
	X(edges)                                                                                   \
	X(top)                                                                                     \
	X(observe)                                                                                 \
	X(connections)                                                                             \
	X(config)                                                                                  \
	X(mesh)                                                                                    \
	X(services)                                                                                \
	X(endpoints)                                                                               \
	X(map)                                                                                     \
	X(policy)                                                                                  \
	X(simulate)                                                                                \
	X(detach)                                                                                  \
	X(version)
#define CONFIG_VERBS(X) X(validate) X(diff) X(apply) X(dump) X(convert) X(schema) X(reference)

#define X(name) extern const struct command name##_command;
COMMANDS(X)
#undef X
#define X(name) extern const struct command config_##name;
CONFIG_VERBS(X)
#undef X

/* The decision of the policies about a connection: "denied by NAMESPACE/POLICY rule N: WHY". */
void print_policy_verdict(const struct context *context, const json_t *o);
