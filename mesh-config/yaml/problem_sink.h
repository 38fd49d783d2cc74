/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the parts of mesh-config put what they find wrong, before it becomes struct problems. */
#pragma once

#include "base/arena.h"
#include "mesh-config/yaml/problem.h"
#include "mesh-config/yaml/problem_codes.h"

enum problem_code {
#define X(name, code, title, explanation) PROBLEM_##name,
	PROBLEM_CODES(X)
#undef X
		PROBLEM_CODE_COUNT,
};

/* A place in a file: from 1; line 0 is the file as a whole. */
struct place {
	uint32_t line;
	uint32_t column;
};

struct problem_note {
	struct problem_note *next;
	enum problem_code code;
	bool accepted; /* an error that the object's author took upon himself */
	uint32_t file;
	struct place place;
	const char *object; /* borrowed */
	const char *text;
	const char *hint;
};

/* All zero is an empty sink. */
struct problem_sink {
	struct arena arena;
	struct problem_note *first, **last, *latest;
	uint32_t kept, errors, warnings;
	uint32_t file;		/* of what comes */
	const char *object;	/* of what comes; NULL outside of objects; borrowed */
	const char *annotation; /* weft.dev/accept of that object: codes that become warnings */
	bool elsewhere;		/* what comes is for others to do: what weft does not do of it is
				   not said */
};

/* Adds a problem; those beyond PROBLEMS_MAX, and when memory is short, are counted and forgotten.
 */
void problem_add(struct problem_sink *s, enum problem_code code, struct place at,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What to do about the one that was added last. */
void problem_hint(struct problem_sink *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void problem_sink_free(struct problem_sink *s);

/* The file behind each index, for problems_from. */
struct problem_file {
	const char *name;
	struct slice bytes;
};

/* Sorts and completes the notes of |count| sinks. 0 or -ENOMEM. The texts are copied. */
int problems_from(const struct problem_sink *const *sinks, uint32_t count,
		  const struct problem_file *files, struct problems *ret_problems);

const char *problem_code_text(enum problem_code code);
/* Whether an object's author can take it upon himself: only what is understood and not supported.
 */
bool problem_code_acceptable(enum problem_code code);
const char *problem_code_title(enum problem_code code);
const char *problem_code_explanation(enum problem_code code);
