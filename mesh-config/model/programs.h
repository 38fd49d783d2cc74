/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs as a match names them, in the kernel half's numbers: by their whole path, or by the last
 * component of it. */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

#include "bpf/abi.h"

/* Whether |executable| is a whole path; else it is "*" and a name. */
bool program_is_path(const char *executable);

/* The last component. */
const char *program_name(const char *executable);

/* In numbers; without a path where that is not |executable|, and without an owner. Paths have no
 * empty components, as those of files that processes run. */
void program_of(const char *executable, struct weft_program *ret);

/* Why no process can be found to run |path|, which begins with "/", in words that follow the path;
 * NULL: it may be. */
const char *program_path_problem(const char *path);
