/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A set of names. {0} is an empty one. */
#pragma once

#include <stdbool.h>

struct names {
	void *root; /* tsearch(3) */
};

/* Adds a copy of |name|. False when memory is short. */
bool names_add(struct names *set, const char *name);
bool names_has(const struct names *set, const char *name);
void names_drop(struct names *set, const char *name);

/* Removes and returns any name, which the caller frees. NULL: the set is empty. */
char *names_take(struct names *set);

/* Removes all names. */
void names_clear(struct names *set);
