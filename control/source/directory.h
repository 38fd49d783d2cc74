/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory of configuration files that is followed while it changes: files written in place,
 * renamed over, removed; whole directories swapped behind a symbolic link, as Kubernetes mounts a
 * ConfigMap. Reads, understands nothing. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>

/* While a file of this name is there, and not older than 5 s, no change is reported: a program that
 * changes several files creates it before and removes it afterwards, so that they come into force
 * together. */
#define DIRECTORY_HOLD ".weft-hold"

/* The problem of a file that had text and was truncated in place: not the way to remove objects,
 * but the effect of a full disk or a crashed editor. If it is removed, or another file is renamed
 * over it, that counts. */
#define DIRECTORY_EMPTIED "it had objects and is empty now: they stay in force"

/* The problem of a directory that has replaced the one whose files were reported, or is there
 * again, and has no file: like one that is not mounted. No file is reported as removed before it
 * has one; one with only a comment removes all the others. */
#define DIRECTORY_REPLACED "another one is in its place, without any file: what is in force stays"

struct directory;

/* The change of one file since the last report. */
struct directory_change {
	const char *name;   /* "PATH/file.yaml", PATH as given */
	struct slice bytes; /* the whole content; borrowed */
	bool removed;
	/* Why it cannot be read ("Permission denied", "larger than 4 MiB"), else NULL. */
	const char *problem;
};

typedef void directory_visit(void *arg, const struct directory_change *change);

/* Follows |path|, which is kept. 0, or the errno of opening or watching it with a sentence in
 * |err|. Free with directory_free. */
int directory_new(const char *path, struct directory **ret, struct error *err);
void directory_free(struct directory *d);

/* Readable when directory_handle has work; owned by |d|. */
int directory_fd(const struct directory *d);

/* Takes what happened. Once it has settled (nothing more for 0.3 ms after a rename, 10 ms after
 * a write, 50 ms after a removal; at most 100 ms) visits each file that changed and returns true:
 * these changes belong together. A file that is still open for writing is left until it is closed,
 * regardless of other events; at most 10 s after the last change. When the directory itself is gone
 * nothing is visited: directory_problem says so. When another one has replaced it and lacks files,
 * it is waited for them: 0.3 s after the last change, at most 5 s. */
bool directory_handle(struct directory *d, directory_visit *visit, void *arg);

/* Notices what is not reported as an event: another file system mounted there, or unmounted. Call
 * it every few seconds. */
void directory_look(struct directory *d);

/* Visits every file as it is now, as if all had changed. */
void directory_visit_all(struct directory *d, directory_visit *visit, void *arg);

/* Whether a file of this name (without folders) counts: it ends in .yaml, .yml or .json (in any
 * case) and does not begin with a dot. Only regular files do, and links to such, in the directory
 * itself, of at most FILE_READ_MAX_BYTES. */
bool directory_counts(const char *name);

/* Why the directory cannot be read now, or NULL. */
const char *directory_problem(const struct directory *d);
