/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is wrong with a configuration: all of it in one run, each with a stable code and a place. */
#pragma once

#include "base/slice.h"
#include "mesh-config/model/base.h"

#include <stddef.h>
#include <stdio.h>

enum problem_severity {
	PROBLEM_WARNING, /* the configuration is used all the same */
	PROBLEM_ERROR,	 /* it is not */
};

/* Owns nothing: texts live as long as the struct problems that it is in. */
struct problem {
	enum problem_severity severity;
	const char *code;      /* "E2003", "W1007": stable, documented in docs/config.md */
	const char *file;      /* as given to mesh_source_put; "" when it is about no one file */
	uint32_t line, column; /* from 1; 0 when there is none */
	const char *object;    /* "VirtualService shop/cart"; "" outside of objects */
	const char *text;      /* what is wrong, without a full stop */
	const char *hint;      /* what to do about it; "" */
	const char *source;    /* the line of the file, cut at 200 bytes; "" */
	uint32_t caret;	       /* byte in |source| that the column points at */
};

/* Writes one problem for people: a line that editors can jump to, the source line with a caret, the
 * hint, the place in the documentation. Made safe for terminals; coloured if |color|. */
void problem_write(const struct problem *p, FILE *to, bool color);

/* Sorted by file, line and column; at most PROBLEMS_MAX, what came after is only counted. */
#define PROBLEMS_MAX 1000

struct problems {
	const struct problem *items;
	uint32_t count;
	uint32_t errors, warnings; /* all of them, beyond PROBLEMS_MAX too */
	struct problem_store *store;
};

/* Ends the problems and their texts. NULL texts and an all-zero struct are fine. */
void problems_free(struct problems *p);
