/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the names of mapped files say: which may have TLS inside, which cannot be probed, and where
 * they lie. Only the last component of |path| counts. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>

#define LIBRARY_CRYPTO "libcrypto" /* what names begin with */
#define LIBRARY_SSL    "libssl"

/* Where libcrypto lies before anybody maps it. */
#define LIBRARY_CRYPTO_3 "libcrypto.so.3"
#define LIBRARY_DIRS	 7
extern const char *const library_dirs[LIBRARY_DIRS];

bool library_name_begins(const char *path, const char *with);

/* A dynamic loader: a program starts. */
bool library_name_is_loader(const char *path);

/* Whether the file is looked into however small it is. */
bool library_name_matters(const char *path);

/* The TLS library that has this name and is not probed; TLS_STACK_NONE if it does not tell. */
enum tls_stack library_name_stack(const char *path);

/* Stores why a TLS library of this name cannot be probed, if it turns out so. False if the name is
 * none of a TLS library. */
bool library_name_reason(const char *path, char ret[128]);
