/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes JSON (RFC 8259) in one pass into a text. Strings are made safe: invalid UTF-8, C1 and
 * bidirectional controls become U+FFFD, C0 controls are escaped. A key of NULL means an element of
 * an array or the top level. */
#pragma once

#include "control/export/text.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
	struct text *text;
	bool comma; /* a value went before on this level */
};

static inline struct json json_to(struct text *text)
{
	return (struct json){text, false};
}

void json_put_object(struct json *j, const char *key);
void json_put_object_end(struct json *j);
void json_put_array(struct json *j, const char *key);
void json_put_array_end(struct json *j);

void json_put_string(struct json *j, const char *key, const char *value);
void json_put_number(struct json *j, const char *key, uint64_t value);
void json_put_signed(struct json *j, const char *key, int64_t value);
/* Six significant digits; null when not finite. */
void json_put_real(struct json *j, const char *key, double value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);

/* Ends a line: the next value starts a new document (JSON lines). */
void json_put_line(struct json *j);
