/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Scope-bound cleanup: a function can be checked for leaks without reading its callees. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(function) __attribute__((cleanup(function)))

static inline void cleanup_free_ptr(void *ptr)
{
	free(*(void **)ptr);
}

static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define cleanup_free	 cleanup(cleanup_free_ptr)
#define cleanup_close	 cleanup(cleanup_close_fd)
#define cleanup_fclose	 cleanup(cleanup_close_file)
#define cleanup_closedir cleanup(cleanup_close_dir)

/* Transfers ownership of a pointer or a file descriptor to the caller: the cleanup then finds NULL
 * or -1. */
#define take_ptr(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) taken_ = ptr;                                                      \
		(ptr) = NULL;                                                                      \
		taken_;                                                                            \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
