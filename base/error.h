/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A caller-owned error: an errno with a text for people. */
#pragma once

struct error {
	int code; /* negative errno, 0 when nothing happened */
	char text[256];
};

/* Fills |err| (may be NULL) with |code| and the formatted text; returns |code|, so that a function
 * can `return error_set(err, -EINVAL, "...")`. */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts the formatted context and ": " before the text of |err|; returns its code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
