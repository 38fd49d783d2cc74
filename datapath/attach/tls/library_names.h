/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Classifies mapped files by name: which may contain TLS, which cannot be probed, and where they
 * are. Only the last component of |path| counts. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>

#define LIBRARY_CRYPTO "libcrypto" /* prefix of names */
#define LIBRARY_SSL    "libssl"

/* Directories in which libcrypto is found before a process maps it. */
#define LIBRARY_CRYPTO_3 "libcrypto.so.3"
#define LIBRARY_DIRS	 7
extern const char *const library_dirs[LIBRARY_DIRS];

bool library_name_begins(const char *path, const char *with);

/* Whether it is a dynamic loader, whose mapping means that a program starts. */
bool library_name_is_loader(const char *path);

/* Whether the file is examined regardless of its size. */
bool library_name_matters(const char *path);

/* The unsupported TLS library with this name; TLS_STACK_NONE if the name does not tell. */
enum tls_stack library_name_stack(const char *path);

/* Stores the reason to show if a TLS library of this name cannot be probed. False if the name is
 * not that of a TLS library. */
bool library_name_reason(const char *path, char ret[128]);
