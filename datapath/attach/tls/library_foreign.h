/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File systems whose files were mapped but not opened (datapath/attach/core/local_files.h): one row
 * for each, like that of an unsupported library. */
#pragma once

#include "datapath/attach/tls/library.h"
#include "datapath/attach/tls/mapping.h"

#define LIBRARY_FOREIGN_MAX 16 /* the latest */

struct library_foreign {
	struct library rows[LIBRARY_FOREIGN_MAX]; /* without an inode */
	unsigned count;				  /* noted in total */
};

/* |m| is not opened, as it is on a file system of this type ("": not known). */
void library_foreign_note(struct library_foreign *f, const struct mapping *m, const char *type);

void library_foreign_visit(const struct library_foreign *f, library_visit *visit, void *arg);
