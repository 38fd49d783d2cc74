/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File systems whose files were met and not opened (datapath/attach/local_files.h): a row for each,
 * as of a library that is not supported. */
#pragma once

#include "datapath/attach/library.h"
#include "datapath/attach/mapping.h"

#define LIBRARY_FOREIGN_MAX 16 /* the latest */

struct library_foreign {
	struct library rows[LIBRARY_FOREIGN_MAX]; /* without an inode */
	unsigned count;				  /* that were ever noted */
};

/* |m|, on a file system of this type ("": it is not known), is not opened. */
void library_foreign_note(struct library_foreign *f, const struct mapping *m, const char *type);

void library_foreign_visit(const struct library_foreign *f, library_visit *visit, void *arg);
