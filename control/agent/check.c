// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Visits everything that attaches. */
#include "control/agent/check.h"

#include "control/agent/check_mesh.h"
#include "control/export/json.h"

#include "base/descriptors.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/core/features.h"
#include "datapath/attach/net/interfaces.h"
#include "datapath/attach/tls/libraries.h"
#include "datapath/attach/mesh/redirect.h"
#include "datapath/attach/core/repin.h"
#include "datapath/attach/tls/stack_files.h"

#include <stdio.h>

/* Maximum number of files shown per TLS library, the latest ones. */
#define STACK_ROWS_MAX 32

#define API_CHECK_PROGRAMS(X)                                                                      \
	X(json_put_string, "name", "text", "of the program in the kernel", p->name)                \
	X(json_put_string, "hook", "text", "where it is attached", p->hook)                        \
	X(json_put_string, "result", "text", "`ok`, `failed`", p->attached ? "ok" : "failed")      \
	X(json_put_bool, "adopted", "boolean", "whether an earlier agent had attached it",         \
	  p->adopted)                                                                              \
	X(json_put_string, "problem", "text", "why it is not attached, and what is so without it", \
	  problem)

static void write_program(void *arg, const struct attach_program *p)
{
	struct json *j = arg;
	char problem[400];

	snprintf(problem, sizeof(problem), p->attached || !p->problem[0] ? "%s" : "%s; %s",
		 p->problem, program_features[p->feature].without);
	JSON_OBJECT(NULL, API_CHECK_PROGRAMS);
}

struct library_rows {
	struct json *j;
	const struct stack_files *stacks;
	unsigned skip[TLS_STACK_MAX]; /* number of oldest rows of a library to leave out */
};

#define API_CHECK_LIBRARIES(X)                                                                     \
	X(json_put_string, "path", "text", "of the file", row->path)                               \
	X(json_put_number, "pid", "process id", "of a process that maps it", row->pid)             \
	X(json_put_optional, "program", "text", "its program; absent where it is not known",       \
	  row->program)                                                                            \
	X(json_put_string, "result", "text", "`ok`, `unsupported`, `failed`", row->result)         \
	X(put_offset, "offset", "bytes", "place of the probe in the file; absent beside `stack`",  \
	  row->probed)                                                                             \
	X(json_put_optional, "stack", "text",                                                      \
	  "the unsupported TLS library inside the file, as `tls_state` of [tls.md](tls.md)",       \
	  row->stack)                                                                              \
	X(json_put_optional, "version", "text", "of that library, where it is known",              \
	  row->version)                                                                            \
	X(json_put_string, "problem", "text", "why its TLS is not read", row->problem)

struct library_row {
	const char *path, *program, *result, *stack, *version, *problem;
	uint32_t pid;
	const struct library *probed; /* or NULL */
};

static void put_offset(struct json *j, const char *key, const struct library *probed)
{
	if (probed)
		json_put_number(j, key, probed->place.at.offsets[0]);
}

static void put_library(struct json *j, const struct library_row *row)
{
	JSON_OBJECT(NULL, API_CHECK_LIBRARIES);
}

/* A library that was refused by its name has a better row if its content identifies it. */
static void write_library(void *arg, const struct library *library)
{
	static const char *const states[] = {"ok", "unsupported", "failed", "ok"};
	const struct library_rows *rows = arg;
	const struct stack_file *known =
		library->state == LIBRARY_UNSUPPORTED
			? stack_files_at(rows->stacks, library->device, library->inode)
			: NULL;
	const struct library_row row = {.path = library->path,
					.program = library->program,
					.result = states[library->state],
					.stack = "",
					.version = "",
					.problem = library->reason,
					.pid = library->pid,
					.probed = library};

	if (!known || !known->stacks.count)
		put_library(rows->j, &row);
}

/* A row for each library in the file. */
static void write_stacks(void *arg, const struct stack_file *file)
{
	struct library_rows *rows = arg;
	char problem[128];

	for (unsigned i = 0; i < file->stacks.count; i++) {
		unsigned stack = file->stacks.at[i].stack;

		if (rows->skip[stack]) {
			rows->skip[stack]--;
			continue;
		}
		snprintf(problem, sizeof(problem), "%s: %s", tls_stack_shown(stack),
			 tls_stack_reason(stack));
		put_library(rows->j, &(struct library_row){.path = file->path,
							   .program = file->program,
							   .result = "unsupported",
							   .stack = tls_stack_name(stack),
							   .version = file->stacks.at[i].version,
							   .problem = problem,
							   .pid = file->pid});
	}
}

static void count_stacks(void *arg, const struct stack_file *file)
{
	unsigned *counts = arg;

	for (unsigned i = 0; i < file->stacks.count; i++)
		counts[file->stacks.at[i].stack]++;
}

static void visit_libraries(struct json *j, const struct libraries *libraries)
{
	struct library_rows rows = {j, libraries_stacks(libraries), {0}};

	libraries_visit(libraries, write_library, &rows);
	stack_files_visit(rows.stacks, count_stacks, rows.skip);
	for (unsigned i = 0; i < TLS_STACK_MAX; i++)
		rows.skip[i] -= rows.skip[i] < STACK_ROWS_MAX ? rows.skip[i] : STACK_ROWS_MAX;
	stack_files_visit(rows.stacks, write_stacks, &rows);
}

static void put_libraries(struct json *j, const char *key, const struct libraries *libraries)
{
	json_put_array(j, key);
	if (libraries)
		visit_libraries(j, libraries);
	json_put_array_end(j);
}

#define API_CHECK_INTERFACES(X)                                                                    \
	X(json_put_string, "name", "text", "of the interface", report->name)                       \
	X(json_put_string, "mode", "text", "its kind, and the hooks for packets in and out", mode) \
	X(json_put_string, "result", "text", "`ok`, `failed`, `off`",                              \
	  report->problem[0]		      ? "failed"                                           \
	  : report->ingress || report->egress ? "ok"                                               \
					      : "off")                                             \
	X(json_put_bool, "adopted", "boolean", "whether an earlier agent had attached it",         \
	  report->adopted)                                                                         \
	X(json_put_string, "problem", "text", "why its packets are not counted", report->problem)

static void write_interface(void *arg, const struct interface_report *report)
{
	struct json *j = arg;
	char mode[48];

	if (!report->chosen)
		return;
	snprintf(mode, sizeof(mode), "%s, in by %s, out by %s", report->kind,
		 interface_hook_text(report->ingress), interface_hook_text(report->egress));
	JSON_OBJECT(NULL, API_CHECK_INTERFACES);
}

static void put_programs(struct json *j, const char *key, const struct attach *attach)
{
	json_put_array(j, key);
	attach_visit_programs(attach, write_program, j);
	json_put_array_end(j);
}

static void put_interfaces(struct json *j, const char *key, const struct interfaces *interfaces)
{
	json_put_array(j, key);
	if (interfaces)
		interfaces_visit(interfaces, write_interface, j);
	json_put_array_end(j);
}

#define API_CHECK_FEATURES(X)                                                                      \
	X(json_put_string, "name", "text", "feature of the kernel", f->name)                       \
	X(json_put_string, "result", "text", "`ok`, `no`, `unknown`",                              \
	  f->state == FEATURE_YES ? "ok" : feature_state_text(f->state))                           \
	X(json_put_string, "detail", "text", "how that was found out", f->reason)                  \
	X(json_put_string, "consequence", "text", "what is so without it",                         \
	  f->state == FEATURE_YES ? "" : f->consequence)

/* A missing feature is no failure: weft does without it. */
static void put_features(struct json *j, const char *key, const struct features *features)
{
	json_put_array(j, key);
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		const struct feature *f = &features->rows[i];

		JSON_OBJECT(NULL, API_CHECK_FEATURES);
	}
	json_put_array_end(j);
}

#define API_CHECK_ACCELERATION(X)                                                                  \
	X(json_put_string, "result", "text", "`ok`, `off`", r ? "ok" : "off")                      \
	X(json_put_number, "sockets", "number", "sockets that can be redirected now",              \
	  r ? redirect_sockets(r) : 0)                                                             \
	X(json_put_string, "limits", "text", "which connections cannot be",                        \
	  r ? redirect_limits(r) : "")                                                             \
	X(json_put_string, "problem", "text", "why it is off", check->redirect_problem)

static void put_acceleration(struct json *j, const char *key, const struct check *check)
{
	const struct redirect *r = check->redirect;

	JSON_OBJECT(key, API_CHECK_ACCELERATION);
}

#define API_CHECK_DESCRIPTORS(X)                                                                   \
	X(json_put_string, "result", "text", "`ok`; `failed`: the reserve is used up",             \
	  descriptors_spare() ? "ok" : "failed")                                                   \
	X(json_put_number, "used", "number", "open file descriptors of the loader", d.used)        \
	X(json_put_number, "limit", "number", "its limit", d.limit)

static void put_descriptors(struct json *j, const char *key, struct descriptors d)
{
	JSON_OBJECT(key, API_CHECK_DESCRIPTORS);
}

#define API_CHECK_PINS(X)                                                                          \
	X(json_put_string, "result", "text",                                                       \
	  "`ok`; `failed`: some are missing, and what they keep ends with the agent; `off`",       \
	  !r		  ? "off"                                                                  \
	  : r->problem[0] ? "failed"                                                               \
			  : "ok")                                                                  \
	X(json_put_number, "restored", "number",                                                   \
	  "pins that were removed below the running agent, and that it made again",                \
	  r ? r->count : 0)                                                                        \
	X(json_put_string, "problem", "text", "why some are missing", r ? r->problem : "")

static void put_pins(struct json *j, const char *key, const struct repin *r)
{
	JSON_OBJECT(key, API_CHECK_PINS);
}

#define API_CHECK(X)                                                                               \
	X(put_programs, "programs", LIST_OF(API_CHECK_PROGRAMS), "programs of the kernel half",    \
	  check->attach)                                                                           \
	X(put_libraries, "libraries", LIST_OF(API_CHECK_LIBRARIES),                                \
	  "TLS libraries; of each unsupported one the latest 32 files", check->libraries)          \
	X(json_put_string, "tls_problem", "text",                                                  \
	  "why no TLS is read; empty: nothing prevents it", check->tls_problem)                    \
	X(put_interfaces, "interfaces", LIST_OF(API_CHECK_INTERFACES),                             \
	  "network interfaces whose packets are counted", check->interfaces)                       \
	X(json_put_string, "flows_problem", "text",                                                \
	  "why no packets are counted; empty: nothing prevents it", check->flows_problem)          \
	X(put_descriptors, "descriptors", API_CHECK_DESCRIPTORS, "of the loader",                  \
	  descriptors_count())                                                                     \
	X(put_pins, "pins", API_CHECK_PINS, "what stays in force without an agent", check->repin)  \
	X(put_acceleration, "acceleration", API_CHECK_ACCELERATION,                                \
	  "redirection between sockets of this node", check)                                       \
	X(check_mesh_write, "mesh", LIST_OF(API_CHECK_MESH),                                       \
	  "features of the mesh; empty without one", check)                                        \
	X(put_features, "features", LIST_OF(API_CHECK_FEATURES), "what this kernel has",           \
	  check->features)

void check_write(const struct check *check, struct text *out)
{
	JSON_LINE(out, API_CHECK);
}
