/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `weft check` examines. */
#pragma once

#include <stdbool.h>

struct attach;
struct revocation;
struct features;
struct interfaces;
struct libraries;
struct lookups;
struct owners;
struct redirect;
struct repin;

struct check {
	const struct attach *attach;
	const struct libraries *libraries; /* NULL: see tls_problem */
	const char *tls_problem;
	const struct interfaces *interfaces; /* NULL: see flows_problem */
	const char *flows_problem;
	const struct redirect *redirect; /* NULL: see redirect_problem */
	const char *redirect_problem;
	const struct features *features;
	const struct repin *repin; /* NULL: nothing is pinned */
	bool mesh;
	const struct lookups *lookups;	     /* NULL: the kernel does not load the program */
	const struct revocation *revocation; /* NULL: see revocation_problem */
	const char *revocation_problem;
	const struct owners *owners; /* NULL: see owners_problem */
	const char *owners_problem;
};
