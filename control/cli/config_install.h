/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Installs files in the directory that an agent follows, all at once. */
#pragma once

#include "base/error.h"
#include "mesh-config/resolve/files.h"

struct install_counts {
	unsigned written, removed, same;
};

/* Makes |directory| hold |files| (by the last part of their names) and no other configuration
 * files; other content stays. Each file is written under a temporary name, then all are renamed
 * while the agent waits (DIRECTORY_HOLD). 0 or a negative errno with |err|; before the first rename
 * nothing has changed. */
int install_files(const char *directory, const struct mesh_files *files, struct install_counts *ret,
		  struct error *err);
