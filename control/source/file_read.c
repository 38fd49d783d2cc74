// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file is read whole or not at all. */
#include "control/source/file_read.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *file_read(int fd, const struct stat *s, char **ret_bytes)
{
	cleanup_free char *bytes = NULL;
	off_t used = 0;

	if (!S_ISREG(s->st_mode))
		return "not a regular file";
	if (s->st_size > FILE_READ_MAX_BYTES)
		return "larger than 4 MiB";
	bytes = malloc((size_t)s->st_size + 1);
	if (!bytes)
		return strerror(ENOMEM);
	while (used < s->st_size) {
		ssize_t n = read(fd, bytes + used, (size_t)(s->st_size - used));

		if (n < 0)
			return strerror(errno);
		if (!n)
			break;
		used += n;
	}
	bytes[used] = 0;
	*ret_bytes = take_ptr(bytes);
	return NULL;
}
