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
	bool comma; /* a value was written on this level before */
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
/* Only where it is not "". */
void json_put_optional(struct json *j, const char *key, const char *value);
/* Null where it is not known. */
void json_put_known(struct json *j, const char *key, bool known, uint64_t value);

/* Ends a line: the next value starts a new document (JSON lines). */
void json_put_line(struct json *j);

/* The fields of objects are tables of rows X(put, "key", value, "meaning", arguments of put after
 * the key), beside the functions that write them; docs/api.md is made from them. |value| says what
 * the value is: "text", a unit, or the table of an object, LIST_OF(table) for an array of them. |j|
 * is in scope. */
#define JSON_FIELD(put, key, value, meaning, ...) put(j, key, __VA_ARGS__);

#define JSON_OBJECT(key, table)                                                                    \
	do {                                                                                       \
		json_put_object(j, key);                                                           \
		table(JSON_FIELD);                                                                 \
		json_put_object_end(j);                                                            \
	} while (0)

/* A document of one line. */
#define JSON_LINE(to, table)                                                                       \
	do {                                                                                       \
		struct json line = json_to(to), *j = &line;                                        \
		JSON_OBJECT(NULL, table);                                                          \
		json_put_line(j);                                                                  \
	} while (0)
