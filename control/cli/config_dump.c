// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `weft config dump` and `weft config convert`: what is in force, and what a cluster says, in one
 * canonical form. */
#include "control/cli/config_files.h"
#include "control/cli/config_verbs.h"

#include "base/cleanup.h"
#include "mesh-config/canonical.h"
#include "mesh-config/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PART_BYTES (2u << 20) /* of a file in a directory: half of what may be in one */

struct writing {
	const struct context *context;
	const char *directory; /* NULL: standard output */
	uint64_t generation;
	struct mesh_source *result; /* gets all that is written; NULL: nobody looks at it */
	FILE *part;		    /* of at most PART_BYTES, or one object */
	char *bytes;
	size_t used, total;
	unsigned parts, objects;
	unsigned losses, kept; /* of a conversion */
	struct error err;
};

/* ---- where texts go */

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
	canonical_free(all);
	return w->err.code;
}

/* A file of the agent's directory cannot be larger. */
static void warn_of_size(const struct writing *w)
{
	if (!w->directory && w->total > MESH_FILE_MAX_BYTES)
		fputs("weft: that is more than 4 MiB, which no file may be: use --to DIRECTORY\n",
		      stderr);
}

/* ---- dump */

/* Takes "--to DIRECTORY" and "--generation N" out of the arguments. 0 or an exit code. */
static int take_options(struct writing *w, int *argc, char **argv)
{
	int kept = 1;
	char *end = "";

	for (int i = 1; i < *argc; i++) {
		bool to = !strcmp(argv[i], "--to"), number = !strcmp(argv[i], "--generation");

		if (!to && !number) {
			argv[kept++] = argv[i];
			continue;
		}
		if (!argv[i + 1])
			return command_fail(EXIT_USAGE, "%s needs a value", argv[i]);
		i++;
		if (to)
			w->directory = argv[i];
		else
			w->generation = strtoull(argv[i], &end, 10);
		if (number && (*end || !w->generation))
			return command_fail(EXIT_USAGE, "--generation takes a number, not \"%s\"",
					    argv[i]);
	}
	*argc = kept;
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

int config_dump(const struct context *context, int argc, char **argv)
{
	struct canonical_options options = {0};
	struct writing w = {.context = context};
	struct config c;
	int code = take_options(&w, &argc, argv);

	if (code)
		return code;
	if (argc > 1)
		return command_fail(EXIT_USAGE, "dump takes no \"%s\"", argv[1]);
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

/* ---- convert */

static void tell_loss(void *arg, const struct canonical_loss *l)
{
	struct writing *w = arg;

	w->losses++;
	w->kept += l->kept;
	fprintf(stderr, "%s:%u:%u: %s: %s: %s%s%s\n", l->file, l->line, l->column,
		l->kept ? "kept, weft refuses it" : "warning", l->object, l->what,
		l->what[0] ? ": " : "", l->why);
}

static void say_converted(const struct writing *w, uint32_t stripped)
{
	fprintf(stderr, "weft: %u object%s written, %u thing%s left out", w->objects,
		w->objects == 1 ? "" : "s", w->losses - w->kept,
		w->losses - w->kept == 1 ? "" : "s");
	if (w->kept)
		fprintf(stderr, ", %u kept that weft will refuse", w->kept);
	if (stripped)
		fprintf(stderr, "; status and metadata that controllers keep taken from %u",
			stripped);
	fputc('\n', stderr);
}

/* Whether what is written will be taken, with what will not on standard error. */
static int check_result(const struct context *context, const struct config *result)
{
	struct config c = *result;
	struct mesh *mesh = NULL;
	int err = config_build(context, &c, stderr, false, &mesh, NULL);

	mesh_free(mesh);
	return err ? EXIT_PROBLEMS : EXIT_FINE;
}

static int convert(const struct context *context, struct writing *w, struct config *from,
		   struct config *result)
{
	struct canonical_options options = {.convert = true, .loss = tell_loss, .arg = w};
	uint32_t stripped = 0;

	w->result = result->read.source;
	if (write_all(w, &options, from, &stripped) == -EBADMSG)
		check_result(context, from); /* says where */
	if (w->err.code)
		return command_fail(w->err.code == -EBADMSG ? EXIT_PROBLEMS : EXIT_FAILED, "%s",
				    w->err.text);
	say_converted(w, stripped);
	return check_result(context, result);
}

int config_convert(const struct context *context, int argc, char **argv)
{
	struct writing w = {.context = context};
	struct config from = {0}, result = {0};
	int code = take_options(&w, &argc, argv);

	if (code)
		return code;
	if (argc < 2)
		return command_fail(EXIT_USAGE, "convert what? FILE or DIRECTORY, - for standard "
						"input");
	if (config_open(&from) || config_open(&result))
		code = command_fail(EXIT_FAILED, "out of memory");
	for (int i = 1; i < argc && !code; i++)
		if (config_read_path(&from.read, argv[i]))
			code = command_fail(EXIT_FAILED, "%s", from.read.err.text);
	code = code ? code : convert(context, &w, &from, &result);
	warn_of_size(&w);
	config_close(&from);
	config_close(&result);
	return code;
}
