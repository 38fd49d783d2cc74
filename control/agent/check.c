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
#include "datapath/attach/tls/stack_files.h"

#include <stdio.h>

/* Maximum number of files shown per TLS library, the latest ones. */
#define STACK_ROWS_MAX 32

static void write_program(void *arg, const struct attach_program *p)
{
	struct json *j = arg;
	char problem[400];

	snprintf(problem, sizeof(problem), p->attached || !p->problem[0] ? "%s" : "%s; %s",
		 p->problem, program_features[p->feature].without);
	json_put_object(j, NULL);
	json_put_string(j, "name", p->name);
	json_put_string(j, "hook", p->hook);
	json_put_string(j, "result", p->attached ? "ok" : "failed");
	json_put_bool(j, "adopted", p->adopted);
	json_put_string(j, "problem", problem);
	json_put_object_end(j);
}

struct library_rows {
	struct json *j;
	const struct stack_files *stacks;
	unsigned skip[TLS_STACK_MAX]; /* number of oldest rows of a library to leave out */
};

/* A library that was refused by its name has a better row if its content identifies it. */
static void write_library(void *arg, const struct library *library)
{
	static const char *const states[] = {"ok", "unsupported", "failed", "ok"};
	const struct library_rows *rows = arg;
	const struct stack_file *known =
		library->state == LIBRARY_UNSUPPORTED
			? stack_files_at(rows->stacks, library->device, library->inode)
			: NULL;
	struct json *j = rows->j;

	if (known && known->stacks.count)
		return;
	json_put_object(j, NULL);
	json_put_string(j, "path", library->path);
	json_put_number(j, "pid", library->pid);
	if (library->program[0])
		json_put_string(j, "program", library->program);
	json_put_string(j, "result", states[library->state]);
	json_put_number(j, "offset", library->place.at.offsets[0]);
	json_put_string(j, "problem", library->reason);
	json_put_object_end(j);
}

/* A row for each library in the file. */
static void write_stacks(void *arg, const struct stack_file *file)
{
	struct library_rows *rows = arg;
	struct json *j = rows->j;
	char problem[128];

	for (unsigned i = 0; i < file->stacks.count; i++) {
		unsigned stack = file->stacks.at[i].stack;

		if (rows->skip[stack]) {
			rows->skip[stack]--;
			continue;
		}
		json_put_object(j, NULL);
		json_put_string(j, "path", file->path);
		json_put_number(j, "pid", file->pid);
		if (file->program[0])
			json_put_string(j, "program", file->program);
		json_put_string(j, "result", "unsupported");
		json_put_string(j, "stack", tls_stack_name(stack));
		if (file->stacks.at[i].version[0])
			json_put_string(j, "version", file->stacks.at[i].version);
		snprintf(problem, sizeof(problem), "%s: %s", tls_stack_shown(stack),
			 tls_stack_reason(stack));
		json_put_string(j, "problem", problem);
		json_put_object_end(j);
	}
}

static void count_stacks(void *arg, const struct stack_file *file)
{
	unsigned *counts = arg;

	for (unsigned i = 0; i < file->stacks.count; i++)
		counts[file->stacks.at[i].stack]++;
}

static void write_libraries(struct json *j, const struct libraries *libraries)
{
	struct library_rows rows = {j, libraries_stacks(libraries), {0}};

	libraries_visit(libraries, write_library, &rows);
	stack_files_visit(rows.stacks, count_stacks, rows.skip);
	for (unsigned i = 0; i < TLS_STACK_MAX; i++)
		rows.skip[i] -= rows.skip[i] < STACK_ROWS_MAX ? rows.skip[i] : STACK_ROWS_MAX;
	stack_files_visit(rows.stacks, write_stacks, &rows);
}

static void write_interface(void *arg, const struct interface_report *report)
{
	struct json *j = arg;
	char mode[48];

	if (!report->chosen)
		return;
	snprintf(mode, sizeof(mode), "%s, in by %s, out by %s", report->kind,
		 interface_hook_text(report->ingress), interface_hook_text(report->egress));
	json_put_object(j, NULL);
	json_put_string(j, "name", report->name);
	json_put_string(j, "mode", mode);
	json_put_string(j, "result",
			report->problem[0]		    ? "failed"
			: report->ingress || report->egress ? "ok"
							    : "off");
	json_put_bool(j, "adopted", report->adopted);
	json_put_string(j, "problem", report->problem);
	json_put_object_end(j);
}

/* A missing feature is no failure: weft does without it. */
static void write_features(struct json *j, const struct features *features)
{
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		const struct feature *f = &features->rows[i];

		json_put_object(j, NULL);
		json_put_string(j, "name", f->name);
		json_put_string(j, "result",
				f->state == FEATURE_YES ? "ok" : feature_state_text(f->state));
		json_put_string(j, "detail", f->reason);
		json_put_string(j, "consequence", f->state == FEATURE_YES ? "" : f->consequence);
		json_put_object_end(j);
	}
}

static void write_acceleration(struct json *j, const struct check *check)
{
	const struct redirect *r = check->redirect;

	json_put_object(j, "acceleration");
	json_put_string(j, "result", r ? "ok" : "off");
	json_put_number(j, "sockets", r ? redirect_sockets(r) : 0);
	json_put_string(j, "limits", r ? redirect_limits(r) : "");
	json_put_string(j, "problem", check->redirect_problem);
	json_put_object_end(j);
}

static void write_descriptors(struct json *j)
{
	struct descriptors d = descriptors_count();

	json_put_object(j, "descriptors");
	json_put_string(j, "result", descriptors_spare() ? "ok" : "failed");
	json_put_number(j, "used", d.used);
	json_put_number(j, "limit", d.limit);
	json_put_object_end(j);
}

void check_write(const struct check *check, struct text *out)
{
	struct json j = json_to(out);

	json_put_object(&j, NULL);
	json_put_array(&j, "programs");
	attach_visit_programs(check->attach, write_program, &j);
	json_put_array_end(&j);
	json_put_array(&j, "libraries");
	if (check->libraries)
		write_libraries(&j, check->libraries);
	json_put_array_end(&j);
	json_put_string(&j, "tls_problem", check->tls_problem);
	json_put_array(&j, "interfaces");
	if (check->interfaces)
		interfaces_visit(check->interfaces, write_interface, &j);
	json_put_array_end(&j);
	json_put_string(&j, "flows_problem", check->flows_problem);
	write_descriptors(&j);
	write_acceleration(&j, check);
	check_mesh_write(&j, check);
	json_put_array(&j, "features");
	write_features(&j, check->features);
	json_put_array_end(&j);
	json_put_object_end(&j);
	json_put_line(&j);
}
