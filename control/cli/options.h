/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options of `weft`: one table, by which the command line is parsed and the help is printed. */
#pragma once

#include "base/defaults.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* X(id, "name", letter or 0, "VALUE" or NULL where it takes none, "help": '\n' begins a line) */
#define CLI_OPTIONS(X)                                                                             \
	X(socket, "socket", 0, "PATH", "socket of weftd (default " WEFT_DEFAULT_SOCKET ")")        \
	X(pin, "pin", 0, "DIR", "directory of the pins (default " WEFT_DEFAULT_PIN_DIR ")")        \
	X(output, "output", 'o', "FORM", "table, or json: one object per line")                    \
	X(color, "color", 0, "WHEN", "auto (a terminal, and NO_COLOR is not set), always, never")  \
	X(help, "help", 'h', NULL, "this text")                                                    \
	X(version, "version", 0, NULL, "the version")                                              \
	X(problems, "problems", 0, NULL, "only rows with a problem")                               \
	X(once, "once", 0, NULL,                                                                   \
	  "print the table once and exit; with -o json the lines of weft edges")                   \
	X(interval, "interval", 0, "S", "seconds between updates (default 1)")                     \
	X(follow, "follow", 'f', NULL, "follow: print new ones as they arrive")                    \
	X(last, "last", 0, "N", "begin with the last N, or all (default 20; with -f 0)")           \
	X(verdict, "verdict", 0, "KIND",                                                           \
	  "decisions of the mesh instead of requests: denied, noted,\n"                            \
	  "no_endpoint, overflow, ended, ejected (living\n"                                        \
	  "connections), gone (sockets of datagrams) or any")                                      \
	X(self, "self", 0, NULL,                                                                   \
	  "also edges to weftd itself (scrapes, probes): left out\n"                               \
	  "unless --from or --to is given")                                                        \
	X(from, "from", 0, "NAME",                                                                 \
	  "workload of the client, or NAMESPACE/WORKLOAD (* and ? match)")                         \
	X(to, "to", 0, "NAME", "workload of the server, in the same form")                         \
	X(protocol, "protocol", 0, "NAME", "http, http1, http2, grpc, tcp, tls")                   \
	X(status, "status", 0, "CODE", "404, 5xx, 5+ (500 and above), 0 (no answer)")              \
	X(path, "path", 0, "PATTERN", "prefix, or with * and ?")                                   \
	X(method, "method", 0, "NAME", "HTTP method")                                              \
	X(reporter, "reporter", 0, "WHO",                                                          \
	  "source, destination, both (default: one view of each exchange)\n"                       \
	  "Values of the same filter are alternatives; all filters must match.")                   \
	X(dry_run, "dry-run", 0, NULL, "only show what would change")                              \
	X(directory, "to", 0, "DIRECTORY",                                                         \
	  "write files to this directory, which must be new or empty (default: standard output)")  \
	X(generation, "generation", 0, "N", "a recent generation instead of the one in force")     \
	X(config, "config", 0, "PATH",                                                             \
	  "evaluate this directory or file (-: standard input), without an agent")                 \
	X(force, "force", 0, NULL, "kill a weftd that does not end")

enum cli_option {
#define X(id, ...) CLI_OPTION_##id,
	CLI_OPTIONS(X)
#undef X
		CLI_OPTION_COUNT
};

/* A set of options. */
#define CLI_TAKES(id) (UINT64_C(1) << CLI_OPTION_##id)
#define CLI_EVERYWHERE                                                                             \
	(CLI_TAKES(socket) | CLI_TAKES(pin) | CLI_TAKES(output) | CLI_TAKES(color) |               \
	 CLI_TAKES(help))
/* Filters of edges, connections and requests. */
#define CLI_OF_EDGES	   (CLI_TAKES(from) | CLI_TAKES(to) | CLI_TAKES(reporter))
#define CLI_OF_CONNECTIONS (CLI_OF_EDGES | CLI_TAKES(protocol))
#define CLI_FILTERS	   (CLI_OF_CONNECTIONS | CLI_TAKES(status) | CLI_TAKES(path) | CLI_TAKES(method))

struct cli_given {
	enum cli_option id;
	const char *value; /* from the command line; NULL where it takes none */
};

/* The arguments of a command. Borrows argv. */
struct arguments {
	struct cli_given *options; /* in the given order, freed by cli_arguments_free */
	int option_count;
	char **operands; /* ended by NULL */
	int operand_count;
};

/* Reads |argv| (argv[0] is a name, for the errors). |options|: those that are allowed. With
 * |leading| parsing ends at the first operand, else options may follow operands. "--" ends options.
 * 0, EXIT_USAGE after a sentence on standard error that names |hint| ("weft top"), or EXIT_FAILED
 * (no memory). Adds to |ret|. */
int cli_read(int argc, char **argv, uint64_t options, bool leading, const char *hint,
	     struct arguments *ret);
void cli_arguments_free(struct arguments *a);

/* Whether the option was given, and its last value. */
bool cli_has(const struct arguments *a, enum cli_option id);
const char *cli_value(const struct arguments *a, enum cli_option id); /* NULL: not given */

/* The rows of |options|, in the order of the table. */
void cli_print_options(FILE *to, uint64_t options);

/* The word of an option, without "--". */
const char *cli_option_name(enum cli_option id);
