// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files, directories and stdin of a configuration, read offline. */
#include "control/cli/config_read.h"

#include "base/cleanup.h"
#include "control/source/directory.h"
#include "control/source/file_read.h"
#include "control/source/passed_over.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void config_read_bytes(struct config_read *c, const char *name, struct slice bytes)
{
	int err = mesh_source_put(c->source, name, bytes);

	c->files++;
	if (err == -ENOSPC)
		error_set(&c->err, err, "%s: the configuration has too many files or bytes", name);
	else if (err)
		error_set(&c->err, err, "%s: out of memory", name);
}

static void keep_unreadable(struct config_read *c, const struct directory_change *change)
{
	const struct unreadable *before = c->unreadable;

	unreadable_add(&c->unreadable, change->name, change->problem);
	if (c->unreadable == before)
		error_set(&c->err, -ENOMEM, "%s: out of memory", change->name);
}

static void take_change(void *arg, const struct directory_change *change)
{
	struct config_read *c = arg;

	if (change->problem)
		keep_unreadable(c, change);
	else if (!c->err.code)
		config_read_bytes(c, change->name, change->bytes);
}

static void note_passed_over(struct config_read *c, const char *path)
{
	struct passed_over p = {0};
	char text[400];

	if (!passed_over_look(&p, path))
		return;
	passed_over_text(&p, text, sizeof(text));
	unreadable_add(&c->passed, path, text);
}

static int read_directory(struct config_read *c, const char *path)
{
	struct directory *d;
	int err = directory_new(path, &d, &c->err);

	if (err)
		return err;
	directory_visit_all(d, take_change, c);
	directory_free(d);
	note_passed_over(c, path);
	return c->err.code;
}

static int read_stream(struct config_read *c, const char *name, FILE *from)
{
	size_t room = FILE_READ_MAX_BYTES + 1, used;
	char *bytes = malloc(room);

	if (!bytes)
		return error_set(&c->err, -ENOMEM, "%s: out of memory", name);
	used = fread(bytes, 1, room, from);
	if (ferror(from))
		error_set(&c->err, -EIO, "%s: cannot be read", name);
	else
		config_read_bytes(c, name, (struct slice){bytes, used});
	free(bytes);
	return c->err.code;
}

int config_read_path(struct config_read *c, const char *path)
{
	cleanup_fclose FILE *f = NULL;
	struct stat st;

	if (!strcmp(path, "-"))
		return read_stream(c, "<stdin>", stdin);
	if (stat(path, &st))
		return error_set(&c->err, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return read_directory(c, path);
	f = fopen(path, "re");
	if (!f)
		return error_set(&c->err, -errno, "%s: %s", path, strerror(errno));
	return read_stream(c, path, f);
}
