/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The content of one file of a configuration. */
#pragma once

#include <sys/stat.h>

#define FILE_READ_MAX_BYTES (4u << 20)

/* The whole content of |fd|, whose state is |s|, in |ret_bytes| with a 0 behind it, which the
 * caller frees. NULL, or why it is not to be had: no regular file, too large, what read(2) said. */
const char *file_read(int fd, const struct stat *s, char **ret_bytes);
