// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring of rows. */
#include "datapath/attach/tls/library_foreign.h"

#include "datapath/attach/tls/mappings.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

static unsigned kept(const struct library_foreign *f)
{
	return f->count < LIBRARY_FOREIGN_MAX ? f->count : LIBRARY_FOREIGN_MAX;
}

void library_foreign_note(struct library_foreign *f, const struct mapping *m, const char *type)
{
	struct library row = {.device = makedev(m->device_major, m->device_minor),
			      .state = LIBRARY_UNSUPPORTED,
			      .pid = m->pid};

	snprintf(row.reason, sizeof(row.reason), "not read: its file system (%s) may not answer",
		 type[0] ? type : "of unknown type");
	for (unsigned i = 0; i < kept(f); i++)
		if (f->rows[i].device == row.device && !strcmp(f->rows[i].reason, row.reason))
			return;
	snprintf(row.path, sizeof(row.path), "%s", m->path);
	mapping_program(m, row.program, sizeof(row.program));
	f->rows[f->count++ % LIBRARY_FOREIGN_MAX] = row;
}

void library_foreign_visit(const struct library_foreign *f, library_visit *visit, void *arg)
{
	for (unsigned i = 0; i < kept(f); i++)
		visit(arg, &f->rows[i]);
}
