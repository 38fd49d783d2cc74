/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every command of `weft` is, and what they share. */
#pragma once

#include "control/cli/client.h"
#include "control/cli/options.h"

#include <limits.h>
#include <stdbool.h>

/* Exit codes. */
#define EXIT_FINE     0
#define EXIT_FAILED   1
#define EXIT_USAGE    2
#define EXIT_PROBLEMS 3 /* it ran well and found problems */

struct context {
	const char *socket_path;
	const char *pin_dir;
	bool json; /* -o json: one object per line, as weftd sends it */
	bool color;
};

struct command {
	const char *name;
	uint64_t options;     /* besides CLI_EVERYWHERE */
	const char *operands; /* for the usage line; NULL: none */
	int least, most;      /* how many of them; CLI_ANY_NUMBER */
	const char *summary;  /* one line, for the list */
	const char *help;     /* what the options do not say, or NULL */
	int (*run)(const struct context *context, const struct arguments *a);
	const struct command *verbs; /* instead: what it is asked to do; ended by an empty row */
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

/* Prints "weft: TEXT" to stderr and returns |code|. */
int command_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit code for what client_get returned. */
int client_exit(int code);

/* Fields of an answer, with a default when absent or null. */
const char *field_text(const json_t *object, const char *key);
/* The text made fit for a terminal (text_escape) in |out|, which is returned: for all that comes
 * from traffic or from other programs. */
#define SHOWN_MAX 1200
const char *field_shown(const json_t *object, const char *key, char out[SHOWN_MAX]);
double field_real(const json_t *object, const char *key); /* NAN */
long long field_number(const json_t *object, const char *key);

/* What policies say of a connection: "denied by NAMESPACE/POLICY rule N: WHY". */
void print_policy_verdict(const struct context *context, const json_t *o);

/* Numbers as people read them; |out| is returned. "-" for NAN. */
const char *human_bytes(double bytes, char out[16]);
const char *human_rate(double per_second, char out[16]);
const char *human_ms(double ms, char out[16]);
const char *human_share(double share, char out[16]);
const char *human_count(long long count, const char *one, const char *many, char out[48]);

/* What a configuration holds, in this order. */
enum holding { HOLDS_SERVICES, HOLDS_ENDPOINTS, HOLDS_WORKLOADS, HOLDS_POLICIES, HOLDS_FILES };
#define HOLDINGS (HOLDS_FILES + 1)
/* "1 service, 2 endpoints, 0 workloads, 1 policy in 3 files" */
const char *human_holdings(const long long counts[HOLDINGS], char out[200]);

/* Terminal colours; empty texts when |on| is false. */
struct colors {
	const char *bold, *dim, *red, *green, *yellow, *cyan, *off;
};
struct colors colors_of(bool on);
