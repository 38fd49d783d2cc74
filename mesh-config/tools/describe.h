/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tables of kinds say, for editors and for people. */
#pragma once

#include <stdio.h>

/* JSON Schema 2020-12 of one document of any kind. */
void describe_schema(FILE *to);

/* docs/config.md: kinds with their fields, and the codes of problems. */
void describe_reference(FILE *to);

/* The fields of one kind as indented lines; -1 when there is none of that name (in any case of
 * letters). */
int describe_kind(FILE *to, const char *name);
