// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config dump` and `weft config convert`: the configuration in force, and that of a cluster,
 * in canonical form. */
#include "control/cli/config_files.h"
#include "control/cli/command.h"

#include "base/cleanup.h"
#include "mesh-config/resolve/files.h"
#include "mesh-config/tools/canonical.h"
#include "mesh-config/yaml/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOISE_MAX  24
#define PART_BYTES (2u << 20) /* of a file in a directory: half of the maximum */

/* Fields without meaning for a data plane are counted by name. */
struct noise {
	char name[48];
	unsigned count;
};

struct writing {
	const struct context *context;
	const char *directory; /* NULL: standard output */
	uint64_t generation;
	struct mesh_source *result; /* gets a copy of the output; NULL: not needed */
	FILE *part;		    /* at most PART_BYTES, or one object */
	char *bytes;
	size_t used, total;
	unsigned parts, objects;
	unsigned losses; /* of a conversion */
	struct noise noise[NOISE_MAX];
	unsigned noises;	     /* number of field names; those beyond NOISE_MAX share one */
	struct canonical *canonical; /* kept after writing for the places of objects */
	struct error err;
};

/* ---- output */

static void file_write(struct writing *w, const char *path)
{
	cleanup_fclose FILE *to = fopen(path, "wxe");

	if (!to || fwrite(w->bytes, 1, w->used, to) != w->used || fflush(to))
		error_set(&w->err, -errno, "%.200s: %s", path, strerror(errno));
}

static void part_give(struct writing *w)
{
	char path[4096] = "<stdout>";

	if (w->directory)
		snprintf(path, sizeof(path), "%s/mesh-%03u.yaml", w->directory, w->parts);
	else if (w->parts)
		snprintf(path, sizeof(path), "<stdout, part %u>", w->parts + 1);
	w->parts++;
	if (w->directory)
		file_write(w, path);
	else if (!w->context->json)
		fwrite(w->bytes, 1, w->used, stdout);
	if (w->result && mesh_source_put(w->result, path, (struct slice){w->bytes, w->used}))
		error_set(&w->err, -ENOMEM, "out of memory");
}

static void part_end(struct writing *w)
{
	if (!w->part)
		return;
	if (fclose(w->part))
		error_set(&w->err, -ENOMEM, "out of memory");
	w->part = NULL;
	w->total += w->used;
	if (!w->err.code)
		part_give(w);
	free(w->bytes);
	w->bytes = NULL;
}

static void print_json(struct writing *w, struct slice text)
{
	json_t *o = json_pack("{ss%}", "yaml", text.data, text.size_bytes);
	char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (line)
		puts(line);
	else
		error_set(&w->err, -ENOMEM, "out of memory");
	free(line);
	json_decref(o);
}

static void write_object(void *arg, struct slice text)
{
	struct writing *w = arg;

	w->objects += memmem(text.data, text.size_bytes, "\napiVersion:", 12) != NULL;
	if (w->part && (fflush(w->part) || w->used + text.size_bytes > PART_BYTES))
		part_end(w);
	if (!w->part)
		w->part = open_memstream(&w->bytes, &w->used);
	if (!w->part)
		error_set(&w->err, -ENOMEM, "out of memory");
	if (w->err.code)
		return;
	fwrite(text.data, 1, text.size_bytes, w->part);
	if (w->context->json && !w->directory)
		print_json(w, text);
}

static int directory_make(struct writing *w)
{
	if (!w->directory || !mkdir(w->directory, 0755) || errno == EEXIST)
		return 0;
	return error_set(&w->err, -errno, "%s: %s", w->directory, strerror(errno));
}

/* ---- from files to canonical texts */

static int add_files(struct canonical *all, const struct mesh_files *files, struct error *err)
{
	for (uint32_t i = 0; i < files->count; i++) {
		const struct mesh_file *f = files->items[i];
		int r = f ? canonical_add(all, f->name, f->bytes) : 0;

		if (r)
			return error_set(err, r, "%.200s: %s", f->name,
					 r == -ENOMEM ? "out of memory" : "cannot be read as YAML");
	}
	return 0;
}

static int write_all(struct writing *w, const struct canonical_options *options, struct config *c,
		     uint32_t *ret_stripped)
{
	struct canonical *all = canonical_new(options);
	struct mesh_files *files = mesh_source_files(c->read.source);
	int r = all && files ? directory_make(w) : error_set(&w->err, -ENOMEM, "out of memory");

	if (!r && files)
		r = add_files(all, files, &w->err);
	if (!r && canonical_visit(all, write_object, w))
		error_set(&w->err, -ENOMEM, "out of memory");
	part_end(w);
	if (!w->err.code && (fflush(stdout) || ferror(stdout)))
		error_set(&w->err, -EIO, "cannot write: %s", strerror(errno));
	if (ret_stripped)
		*ret_stripped = all ? canonical_stripped(all) : 0;
	mesh_files_put(files);
	if (options->convert)
		w->canonical = all;
	else
		canonical_free(all);
	return w->err.code;
}

/* A file of the agent's directory cannot be larger. */
static void warn_of_size(const struct writing *w)
{
	if (!w->directory && w->total > MESH_FILE_MAX_BYTES)
		fputs("weft: the output exceeds 4 MiB, the limit of a file: use --to DIRECTORY\n",
		      stderr);
}

/* ---- dump */

/* 0 or an exit code. */
static int take_generation(struct writing *w, const char *value)
{
	char *end;

	if (!value)
		return 0;
	errno = 0;
	w->generation = strtoull(value, &end, 10);
	if (*end || errno || !w->generation)
		return command_fail(EXIT_USAGE, "--generation takes a number, not \"%s\"", value);
	return 0;
}

static void say_dumped(const struct config *c)
{
	fprintf(stderr, "weft: generation %llu, %s, configuration %s\n",
		(unsigned long long)c->generation, c->in_force ? "in force" : "an earlier one",
		c->hash);
	if (c->failure[0])
		fprintf(stderr, "weft: its directory is ahead of what is in force: %s\n",
			c->failure);
}

static int run_dump(const struct context *context, const struct arguments *a)
{
	struct canonical_options options = {0};
	struct writing w = {.context = context, .directory = cli_value(a, CLI_OPTION_directory)};
	struct config c;
	int code = take_generation(&w, cli_value(a, CLI_OPTION_generation));

	if (code)
		return code;
	if (config_open(&c) || config_read_agent(&c, context->socket_path, w.generation))
		code = command_fail(EXIT_FAILED, "%s", c.read.err.text);
	else if (write_all(&w, &options, &c, NULL))
		code = command_fail(EXIT_FAILED, "%s", w.err.text);
	else
		say_dumped(&c);
	warn_of_size(&w);
	config_close(&c);
	return code;
}

const struct command config_dump = {
	.name = "dump",
	.options = CLI_TAKES(generation) | CLI_TAKES(directory),
	.summary = "the configuration in force (or a recent one) as canonical YAML",
	.help = "It loads again and has the same hash.\n",
	.run = run_dump};

/* ---- convert */

static void count_noise(struct writing *w, const char *path)
{
	const char *dot = strrchr(path, '.'), *name = dot ? dot + 1 : path;
	unsigned i = 0;

	while (i < w->noises && strcmp(w->noise[i].name, name) != 0)
		i++;
	if (i == NOISE_MAX)
		name = w->noise[--i].name;
	else if (i == w->noises)
		w->noises++;
	snprintf(w->noise[i].name, sizeof(w->noise[i].name), "%s",
		 i == NOISE_MAX - 1 ? "others" : name);
	w->noise[i].count++;
}

/* Losses that are kept are reported by check_result, with everything that weft refuses. */
static void tell_loss(void *arg, const struct canonical_loss *l)
{
	struct writing *w = arg;

	if (l->noise) {
		count_noise(w, l->what);
		return;
	}
	if (l->kept)
		return;
	w->losses++;
	fprintf(stderr, "%s:%u:%u: warning: %s: %s%s%s\n", l->file, l->line, l->column, l->object,
		l->what, l->what[0] ? ": " : "", l->why);
}

static void say_converted(const struct writing *w, uint32_t stripped)
{
	fprintf(stderr, "weft: %u object%s written, %u thing%s left out", w->objects,
		w->objects == 1 ? "" : "s", w->losses, w->losses == 1 ? "" : "s");
	if (stripped)
		fprintf(stderr, "; status and metadata that controllers keep taken from %u",
			stripped);
	for (unsigned i = 0; i < w->noises; i++)
		fprintf(stderr, "%s%s %u", i ? ", " : "; of no meaning here: ", w->noise[i].name,
			w->noise[i].count);
	fputc('\n', stderr);
}

/* The same problem in the input. If only the result has it, its place is that of its object in the
 * input. */
static struct problem problem_in_input(const struct writing *w, const struct problems *input,
				       const struct problem *p)
{
	struct problem moved = *p;

	for (uint32_t i = 0; i < input->count; i++)
		if (!strcmp(input->items[i].code, p->code) &&
		    !strcmp(input->items[i].object, p->object) &&
		    !strcmp(input->items[i].text, p->text))
			return input->items[i];
	moved.file = "";
	moved.source = "";
	moved.line = moved.column = 0;
	canonical_place(w->canonical, p->object, &moved.file, &moved.line, &moved.column);
	return moved;
}

/* Whether weft accepts the result; writes the problems to standard error with their places in the
 * input. */
static int check_result(struct writing *w, const struct config *from, const struct config *result)
{
	struct problems input = {0}, output = {0};
	struct mesh *mesh = NULL;
	int err = mesh_source_build(result->read.source, &mesh, &output);

	mesh_free(mesh);
	mesh = NULL;
	if (err)
		mesh_source_build(from->read.source, &mesh, &input);
	mesh_free(mesh);
	for (uint32_t i = 0; i < output.count; i++) {
		struct problem p;

		if (output.items[i].severity != PROBLEM_ERROR)
			continue;
		p = problem_in_input(w, &input, &output.items[i]);
		problem_write(&p, stderr, w->context->color);
	}
	if (output.errors)
		fprintf(stderr, "weft: refused: %u error%s above; nothing of that was left out\n",
			output.errors, output.errors == 1 ? "" : "s");
	problems_free(&input);
	problems_free(&output);
	return err ? EXIT_PROBLEMS : EXIT_FINE;
}

/* Documents that cannot be parsed. */
static void say_unreadable(const struct context *context, struct config *from)
{
	struct mesh *mesh = NULL;

	config_build(context, from, stderr, false, &mesh, NULL);
	mesh_free(mesh);
}

static int convert(const struct context *context, struct writing *w, struct config *from,
		   struct config *result)
{
	struct canonical_options options = {.convert = true, .loss = tell_loss, .arg = w};
	uint32_t stripped = 0;
	int code;

	w->result = result->read.source;
	if (from->read.unreadable)
		error_set(&w->err, -EBADMSG,
			  "nothing is written: there are files that cannot be read");
	else
		write_all(w, &options, from, &stripped);
	if (w->err.code == -EBADMSG)
		say_unreadable(context, from);
	if (w->err.code) {
		code = command_fail(w->err.code == -EBADMSG ? EXIT_PROBLEMS : EXIT_FAILED, "%s",
				    w->err.text);
	} else {
		config_say_passed_over(context, from, stderr);
		say_converted(w, stripped);
		code = check_result(w, from, result);
	}
	canonical_free(w->canonical);
	return code;
}

static int run_convert(const struct context *context, const struct arguments *a)
{
	struct writing w = {.context = context, .directory = cli_value(a, CLI_OPTION_directory)};
	struct config from = {0}, result = {0};
	int code = 0;

	if (config_open(&from) || config_open(&result))
		code = command_fail(EXIT_FAILED, "out of memory");
	for (int i = 0; i < a->operand_count && !code; i++)
		if (config_read_path(&from.read, a->operands[i]))
			code = command_fail(EXIT_FAILED, "%s", from.read.err.text);
	code = code ? code : convert(context, &w, &from, &result);
	warn_of_size(&w);
	config_close(&from);
	config_close(&result);
	return code;
}

const struct command config_convert = {
	.name = "convert",
	.options = CLI_TAKES(directory),
	.operands = "FILE|DIRECTORY ...",
	.least = 1,
	.most = CLI_ANY_NUMBER,
	.summary = "manifests of a cluster to canonical YAML",
	.help = "Takes what kubectl get -o yaml prints; - reads standard input. What weft cannot "
		"honour\n"
		"becomes a comment and a warning, but security is never left out.\n"
		"exit code 3: weft would refuse what is listed\n",
	.run = run_convert};
