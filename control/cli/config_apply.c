// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config apply`: shows the effect of a directory (dry run), or installs its files in the
 * directory that the agent follows. */
#include "control/cli/config_files.h"
#include "control/cli/config_install.h"
#include "control/cli/command.h"

#include "base/process.h"
#include "mesh-config/compile/compile.h"
#include "mesh-config/tools/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define WAIT_MS 15000
#define LOOK_MS 5

/* ---- a dry run */

/* Changes of one kind of object. */
struct tally {
	unsigned added, removed, changed;
	char last[256]; /* the object changed last, counted once for all its changes */
};

enum tally_kind { TALLY_SERVICES, TALLY_WORKLOADS, TALLY_POLICIES, TALLY_OTHERS, TALLY_MAX };

static const char *const tally_names[TALLY_MAX] = {"services", "workloads", "policies", "others"};

struct trial {
	const struct context *context;
	struct config old, new;
	struct mesh *old_mesh, *new_mesh;
	struct compile_names *old_names, *new_names;
	struct compile_statistics statistics;
	struct tally tallies[TALLY_MAX];
	uint32_t cells, numbers_kept, numbers_new, numbers_gone;
	uint64_t read_us, build_us, compile_us;
	struct error err;
};

static enum tally_kind kind_of(const char *object)
{
	if (!strncmp(object, "service ", 8))
		return TALLY_SERVICES;
	if (!strncmp(object, "workload ", 9))
		return TALLY_WORKLOADS;
	return !strncmp(object, "policy ", 7) ? TALLY_POLICIES : TALLY_OTHERS;
}

static void count_line(void *arg, const struct diff_line *line)
{
	struct trial *t = arg;
	struct tally *tally = &t->tallies[kind_of(line->object)];

	tally->added += line->sign == '+';
	tally->removed += line->sign == '-';
	if (line->sign != '~' || !strcmp(tally->last, line->object))
		return;
	tally->changed++;
	snprintf(tally->last, sizeof(tally->last), "%s", line->object);
}

/* Numbers that both generations use: counters, ejections and connections of these continue. */
static void count_numbers(struct trial *t)
{
	const struct compile_names *a = t->old_names, *b = t->new_names;
	uint32_t end =
		a->endpoint_count > b->endpoint_count ? a->endpoint_count : b->endpoint_count;

	for (uint32_t i = 0; i < end; i++) {
		bool before = compile_name(a->endpoints, a->endpoint_count, i) != MESH_NONE;
		bool after = compile_name(b->endpoints, b->endpoint_count, i) != MESH_NONE;

		t->numbers_kept += before && after;
		t->numbers_new += !before && after;
		t->numbers_gone += before && !after;
	}
}

static int compile_one(struct compiler *c, const struct mesh *mesh, uint64_t generation,
		       struct compile_names **ret_names, struct error *err)
{
	struct compile_input input = {.mesh = mesh, .generation = generation};
	int r = compiler_run(c, &input, err);

	if (r)
		return r;
	*ret_names = compiler_names(c);
	return *ret_names ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Compiles the mesh in force, then the new one, as the agent does. */
static int compile(struct trial *t)
{
	struct compiler *c = compiler_new(1);
	uint64_t began_us;
	int r = c ? compile_one(c, t->old_mesh, 1, &t->old_names, &t->err)
		  : error_set(&t->err, -ENOMEM, "out of memory");

	began_us = process_now_us();
	r = r ? r : compile_one(c, t->new_mesh, 2, &t->new_names, &t->err);
	t->compile_us = process_now_us() - began_us;
	if (!r) {
		t->cells = cells_count(compiler_cells(c));
		compiler_statistics(c, &t->statistics);
		count_numbers(t);
	}
	compiler_free(c);
	return r;
}

static void print_tallies(const struct trial *t)
{
	for (unsigned i = 0; i < TALLY_MAX; i++) {
		const struct tally *tally = &t->tallies[i];

		if (i != TALLY_OTHERS || tally->added || tally->removed || tally->changed)
			printf("%-12s %u added, %u removed, %u changed\n", tally_names[i],
			       tally->added, tally->removed, tally->changed);
	}
}

static void print_trial(const struct trial *t)
{
	const struct mesh *m = t->new_mesh;
	char text[200];

	printf("%-12s generation %" PRIu64 " is in force, configuration %s\n", "against",
	       t->old.generation, t->old.hash);
	printf("%-12s %s\n", "holds", config_holdings(m, t->new.read.files, text));
	print_tallies(t);
	printf("%-12s %u keep their numbers (counters and connections go on), %u new, %u gone\n",
	       "endpoints", t->numbers_kept, t->numbers_new, t->numbers_gone);
	printf("%-12s %u cells, %.1f KiB; %s written%s\n", "generation", t->cells,
	       (double)t->cells * WEFT_MESH_CELL_BYTES / 1024,
	       human_count(t->statistics.services, "service", "services", text),
	       t->statistics.policies ? ", policies anew" : "");
	printf("%-12s read %.1f ms, check %.1f ms, compile %.1f ms\n", "took",
	       (double)t->read_us / 1e3, (double)t->build_us / 1e3, (double)t->compile_us / 1e3);
	if (t->new_mesh->hash == t->old_mesh->hash)
		puts("nothing would change");
}

static void print_trial_json(const struct trial *t)
{
	const struct mesh *m = t->new_mesh;
	json_t *o = json_pack(
		"{sI ss sI sI sI sI sI sI sI sI sI sI sI sI sb}", "generation",
		(json_int_t)t->old.generation, "hash", t->old.hash, "services",
		(json_int_t)m->service_count, "endpoints", (json_int_t)m->endpoint_count,
		"workloads", (json_int_t)m->workload_count, "policies", (json_int_t)m->policy_count,
		"files", (json_int_t)t->new.read.files, "endpoints_kept",
		(json_int_t)t->numbers_kept, "endpoints_new", (json_int_t)t->numbers_new,
		"endpoints_gone", (json_int_t)t->numbers_gone, "cells", (json_int_t)t->cells,
		"read_us", (json_int_t)t->read_us, "build_us", (json_int_t)t->build_us,
		"compile_us", (json_int_t)t->compile_us, "changes",
		t->new_mesh->hash != t->old_mesh->hash);
	char *text;

	for (unsigned i = 0; o && i < TALLY_MAX; i++)
		json_object_set_new(o,
				    i == TALLY_OTHERS	   ? "others_changed"
				    : i == TALLY_SERVICES  ? "services_changed"
				    : i == TALLY_WORKLOADS ? "workloads_changed"
							   : "policies_changed",
				    json_pack("{sisisi}", "added", t->tallies[i].added, "removed",
					      t->tallies[i].removed, "changed",
					      t->tallies[i].changed));
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(o);
}

/* A single file, or an empty directory, would remove everything else. */
static int check_directory(const struct trial *t, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return command_fail(EXIT_USAGE,
				    "%s is not a directory; apply takes all that is to be in force",
				    path);
	if (!t->new.read.files && !t->new.read.unreadable)
		return command_fail(EXIT_PROBLEMS,
				    "%s has no files of configuration: nothing would be in force "
				    "any more",
				    path);
	return 0;
}

static int build_new(struct trial *t, const char *path)
{
	uint64_t began_us = process_now_us();
	int r;

	if (config_open(&t->new) || config_read_path(&t->new.read, path))
		return command_fail(EXIT_FAILED, "%s", t->new.read.err.text);
	t->read_us = process_now_us() - began_us;
	r = check_directory(t, path);
	if (r)
		return r;
	began_us = process_now_us();
	r = config_build(t->context, &t->new, stdout, true, &t->new_mesh, NULL);
	t->build_us = process_now_us() - began_us;
	if (r)
		return command_fail(r == -ENOMEM ? EXIT_FAILED : EXIT_PROBLEMS,
				    "%s: %s; the agent would refuse it", path,
				    t->new.read.err.text);
	return 0;
}

static int try_against(struct trial *t)
{
	if (config_open(&t->old) || config_read_agent(&t->old, t->context->socket_path, 0))
		return command_fail(client_exit(t->old.read.err.code), "%s", t->old.read.err.text);
	if (config_build(t->context, &t->old, stderr, false, &t->old_mesh, NULL))
		return command_fail(EXIT_FAILED, "what is in force: %s", t->old.read.err.text);
	if (compile(t))
		return command_fail(EXIT_PROBLEMS, "%s; the agent would refuse it", t->err.text);
	if (mesh_diff(t->old_mesh, t->new_mesh, count_line, t) < 0)
		return command_fail(EXIT_FAILED, "out of memory");
	if (t->context->json)
		print_trial_json(t);
	else
		print_trial(t);
	return EXIT_FINE;
}

/* ---- apply */

struct agent {
	char directory[4096];
	char hash[20];
	char failure[400];
	long long generation, failed, plan_us, apply_us;
};

static int take_agent(void *arg, const char *text, json_t *o)
{
	struct agent *a = arg;
	const char *failure = json_string_value(json_object_get(o, "failure"));

	(void)text;
	snprintf(a->directory, sizeof(a->directory), "%s", field_text(o, "directory"));
	snprintf(a->hash, sizeof(a->hash), "%s", field_text(o, "hash"));
	snprintf(a->failure, sizeof(a->failure), "%s", failure ? failure : "");
	a->generation = field_number(o, "generation");
	a->failed = field_number(o, "failed");
	a->plan_us = field_number(o, "plan_us");
	a->apply_us = field_number(o, "apply_us");
	return 0;
}

static int ask_agent(const struct context *context, struct agent *ret, struct error *err)
{
	struct client_url url;

	*ret = (struct agent){0};
	client_url_start(&url, "/api/v1/mesh");
	return client_get(context->socket_path, &url, take_agent, ret, err);
}

static int say_in_force(const struct context *context, const struct agent *a,
			const struct install_counts *counts, uint64_t took_us)
{
	char files[48];

	if (context->json)
		printf("{\"generation\":%lld,\"hash\":\"%s\",\"files_written\":%u,\"files_"
		       "removed\":"
		       "%u,\"files_same\":%u,\"took_us\":%" PRIu64 "}\n",
		       a->generation, a->hash, counts->written, counts->removed, counts->same,
		       took_us);
	else
		printf("generation %lld is in force, configuration %s: %s written, %u "
		       "removed, %u as they were; %.1f ms\n",
		       a->generation, a->hash, human_count(counts->written, "file", "files", files),
		       counts->removed, counts->same, (double)took_us / 1e3);
	return EXIT_FINE;
}

/* Waits until the files are in force, or were refused. */
static int wait_for(const struct context *context, const struct agent *before, const char *hash,
		    const struct install_counts *counts)
{
	uint64_t began_us = process_now_us();
	struct error err = {0};
	struct agent now;

	for (;;) {
		if (ask_agent(context, &now, &err))
			return command_fail(client_exit(err.code),
					    "the files are there, but the agent does not answer: "
					    "%s",
					    err.text);
		if (!strcmp(now.hash, hash) && !now.failure[0])
			return say_in_force(context, &now, counts, process_now_us() - began_us);
		if (now.failed > before->failed)
			return command_fail(EXIT_PROBLEMS,
					    "refused: %s; generation %lld stays in force, the "
					    "directory is ahead of it",
					    now.failure, now.generation);
		if (process_now_us() - began_us > WAIT_MS * 1000ull)
			return command_fail(EXIT_FAILED,
					    "the files are there, but not in force after %u s",
					    WAIT_MS / 1000);
		nanosleep(&(struct timespec){0, LOOK_MS * 1000000}, NULL);
	}
}

static int install(const struct context *context, struct trial *t)
{
	struct install_counts counts = {0};
	struct mesh_files *files;
	struct error err = {0};
	struct agent before;
	char hash[20];
	int r;

	if (ask_agent(context, &before, &err))
		return command_fail(client_exit(err.code), "%s", err.text);
	if (before.directory[0] != '/')
		return command_fail(EXIT_FAILED,
				    "the agent follows \"%s\", which is not a whole path: start "
				    "weftd with one",
				    before.directory);
	files = mesh_source_files(t->new.read.source);
	r = files ? install_files(before.directory, files, &counts, &err)
		  : error_set(&err, -ENOMEM, "out of memory");
	mesh_files_put(files);
	if (r)
		return command_fail(EXIT_FAILED, "%s", err.text);
	snprintf(hash, sizeof(hash), "%016" PRIx64, t->new_mesh->hash);
	return wait_for(context, &before, hash, &counts);
}

static void trial_end(struct trial *t)
{
	compile_names_free(t->old_names);
	compile_names_free(t->new_names);
	mesh_free(t->old_mesh);
	mesh_free(t->new_mesh);
	config_close(&t->old);
	config_close(&t->new);
}

static int run_apply(const struct context *context, const struct arguments *a)
{
	struct trial t = {.context = context};
	bool dry = cli_has(a, CLI_OPTION_dry_run);
	int code = build_new(&t, a->operands[0]);

	code = code ? code : dry ? try_against(&t) : install(context, &t);
	trial_end(&t);
	return code;
}

const struct command config_apply = {
	.name = "apply",
	.options = CLI_TAKES(dry_run),
	.operands = "DIRECTORY",
	.least = 1,
	.most = 1,
	.summary = "check it and put it in force",
	.help = "Replaces the files of the directory that the agent follows, all at once, and "
		"waits\n"
		"until they are in force. With --dry-run: what the agent would do with it: "
		"problems,\n"
		"sizes, what changes, which endpoints keep their numbers, how long it takes.\n"
		"exit code 3: refused, what was in force still is\n",
	.run = run_apply};
