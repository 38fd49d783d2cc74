// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Append-only JSON. */
#include "control/export/json.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

static void escape_control(struct text *t, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char sequence[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	text_add(t, sequence, sizeof(sequence));
}

static void escape_unsafe(struct text *t, char c)
{
	if (c == '\n')
		text_string(t, "\\n");
	else if (c == '\t')
		text_string(t, "\\t");
	else if (c == '\r')
		text_string(t, "\\r");
	else if ((unsigned char)c < 0x20 || c == 0x7f)
		escape_control(t, (unsigned char)c);
	else
		text_string(t, UTF8_REPLACEMENT);
}

static void quoted(struct text *t, const char *s)
{
	text_char(t, '"');
	text_escaped(t, s, escape_unsafe);
	text_char(t, '"');
}

static void start(struct json *j, const char *key)
{
	if (j->comma)
		text_char(j->text, ',');
	j->comma = true;
	if (!key)
		return;
	quoted(j->text, key);
	text_char(j->text, ':');
}

static void open_level(struct json *j, const char *key, char bracket)
{
	start(j, key);
	text_char(j->text, bracket);
	j->comma = false;
}

static void close_level(struct json *j, char bracket)
{
	text_char(j->text, bracket);
	j->comma = true;
}

void json_put_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void json_put_object_end(struct json *j)
{
	close_level(j, '}');
}

void json_put_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void json_put_array_end(struct json *j)
{
	close_level(j, ']');
}

void json_put_string(struct json *j, const char *key, const char *value)
{
	start(j, key);
	quoted(j->text, value);
}

void json_put_number(struct json *j, const char *key, uint64_t value)
{
	start(j, key);
	text_number(j->text, value);
}

void json_put_signed(struct json *j, const char *key, int64_t value)
{
	start(j, key);
	if (value < 0)
		text_char(j->text, '-');
	text_number(j->text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_put_real(struct json *j, const char *key, double value)
{
	start(j, key);
	if (isfinite(value))
		text_format(j->text, "%.6g", value);
	else
		text_string(j->text, "null");
}

void json_put_bool(struct json *j, const char *key, bool value)
{
	start(j, key);
	text_string(j->text, value ? "true" : "false");
}

void json_put_null(struct json *j, const char *key)
{
	start(j, key);
	text_string(j->text, "null");
}

void json_put_optional(struct json *j, const char *key, const char *value)
{
	if (*value)
		json_put_string(j, key, value);
}

void json_put_known(struct json *j, const char *key, bool known, uint64_t value)
{
	if (known)
		json_put_number(j, key, value);
	else
		json_put_null(j, key);
}

void json_put_line(struct json *j)
{
	text_char(j->text, '\n');
	j->comma = false;
}
