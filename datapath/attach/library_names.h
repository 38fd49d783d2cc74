/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the names of mapped files say: which may have TLS inside, which cannot be probed, and where
 * they lie. Only the last component of |path| counts. */
#pragma once

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

/* Why a TLS library of this name cannot be probed, if it turns out so. NULL if the name is none of
 * a TLS library. */
const char *library_name_reason(const char *path);
