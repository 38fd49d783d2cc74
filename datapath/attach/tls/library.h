/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file that derives TLS keys. */
#pragma once

#include "base/error.h"
#include "datapath/attach/tls/openssl_place.h"

#include <stdbool.h>
#include <stdint.h>

enum library_state {
	LIBRARY_PROBED,
	LIBRARY_UNSUPPORTED, /* |reason| says why its TLS is not decrypted */
	LIBRARY_FAILED,	     /* attaching the probe failed: |reason| */
	LIBRARY_COVERED,     /* the probe of another file sees its secrets: |reason| */
};

/* What is known about one file. */
struct library {
	/* Identity of the opened file, from stat(). Padding-free: it is a table key. */
	uint64_t device;
	uint64_t inode;
	enum library_state state;
	uint32_t pid;	  /* the first process seen with it */
	char path[256];	  /* as that process sees it, truncated */
	char program[16]; /* name of that process; empty if the file was not mapped when it was
			     found */
	struct openssl_place place;
	bool pinned;
	char reason[128];
};

/* |library| is borrowed. */
typedef void library_visit(void *arg, const struct library *library);
