/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that look like configuration and are not read: those in folders of the directory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PASSED_OVER_CODE "W1011"

/* {0}: nothing was looked at yet. */
struct passed_over {
	struct timespec modified; /* the directory, when it was looked at last */
	unsigned folders, files;  /* below it */
	char first[256];	  /* of those files, by name, from the directory on */
	unsigned looked;	  /* names in folders, while it looks */
};

/* Looks at the folders of |path|, where something may have changed since. Names that begin with a
 * dot are left alone, as Kubernetes keeps the files of a ConfigMap in such folders; 8 folders deep
 * and 10,000 names at most. Whether files are passed over, and others or more than before. */
bool passed_over_look(struct passed_over *p, const char *path);

/* In a sentence about the directory, for people. */
void passed_over_text(const struct passed_over *p, char *out, size_t size);
