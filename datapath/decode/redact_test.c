// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What redaction and escaping let through, and that cutting never splits or overruns. */
#include "datapath/decode/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *target, *expect;
} paths[] = {
	{"/a/b", "/a/b"},
	{"", ""},
	{"*", "*"},
	{"/a?id=1&x=2", "/a?id=&x="},
	{"/a?id=1&x=2#fragment?y=3", "/a?id=&x="},
	{"/a#/b?c=d", "/a"},
	{"/a?", "/a?"},
	{"/a?token", "/a?"},
	{"/a?token&b=c=d&&e=", "/a?&b=&&e="},
	{"?q=1", "?q="},
	{"/a?next=http://u:p@h/", "/a?next="},
	{"http://user:password@host:80/a?b=c", "http://REDACTED@host:80/a?b="},
	{"http://user@host", "http://REDACTED@host"},
	{"http://u@v@host/@x", "http://REDACTED@host/@x"},
	{"http://host/a@b", "http://host/a@b"},
	{"/r/http://u:p@h/", "/r/http://REDACTED@h/"},
	{"/r/http://h/@scope/p", "/r/http://h/@scope/p"},
	{"http://user:pass/word@host/a", "http://REDACTED@host/a"},
	{"http://user:pass?word@host/a?b=c", "http://REDACTED@host/a?b="},
	{"http://user:pass#word@host/a", "http://REDACTED@host/a"},
	{"http://user:a/b?c#d@e@host:80/@x", "http://REDACTED@host:80/@x"},
	{"http://host:4873/@scope/package", "http://host:4873/@scope/package"},
	{"http://[fd00::1]/@scope", "http://[fd00::1]/@scope"},
	{"http://u:p@[fd00::1]:80/", "http://REDACTED@[fd00::1]:80/"},
	{"http://user:password/a", "http://REDACTED@unknown/a"},
	{"http://", "http://"},
	{"user:password@host:443", "REDACTED@host:443"},
	{"user:pass/?#word@host:443", "REDACTED@host:443"},
	{"//user:password@host/a", "//REDACTED@host/a"},
	{"//host/a@b", "//host/a@b"},
	{"/a;jsessionid=1F2E", "/a;jsessionid="},
	{"/a;jsessionid=1F2E?b=c;d", "/a;jsessionid=?b="},
	{"/a;v=1;w=2/b;draft/c", "/a;v=;w=/b;draft/c"},
	{"/a%3Bjsessionid=1F2E/b%3bx=1", "/a%3Bjsessionid=/b%3bx="},
	{"/a=b", "/a=b"},
	{"shop.test:443", "shop.test:443"},
};

/* Every size of output: a beginning of the whole, terminated, "cut" exactly when something is
 * missing. */
static void check_sizes(bool (*function)(struct slice, char *, size_t), struct slice in,
			const char *expect)
{
	char out[512];

	for (size_t size = 1; size <= strlen(expect) + 3; size++) {
		memset(out, 'Z', sizeof(out));
		bool cut = function(in, out, size);

		assert_int_equal(cut, strlen(out) < strlen(expect));
		assert_memory_equal(out, expect, strlen(out));
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], 'Z');
	}
}

static void test_paths(void **state)
{
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct slice in = {paths[i].target, strlen(paths[i].target)};

		assert_false(redact_path(in, out, sizeof(out)));
		assert_string_equal(out, paths[i].expect);
		check_sizes(redact_path, in, paths[i].expect);
	}
	assert_false(redact_path((struct slice){0}, out, sizeof(out)));
	assert_string_equal(out, "");
}

static void test_authorities(void **state)
{
	static const struct {
		const char *authority, *expect;
	} cases[] = {
		{"", ""},
		{"host", "host"},
		{"host:443", "host:443"},
		{"[fd00::1]", "[fd00::1]"},
		{"[fd00::1]:443", "[fd00::1]:443"},
		{"user:password@host", "host"},
		{"user:p@ss@host:443", "host:443"},
		{"user:passwor", "unknown"}, /* cut off */
	};
	char token[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice s = {cases[i].authority, strlen(cases[i].authority)};

		assert_true(slice_equal(redact_authority(s),
					(struct slice){cases[i].expect, strlen(cases[i].expect)}));
	}
	assert_null(redact_authority((struct slice){0}).data);
	memset(token, 'x', sizeof(token));
	assert_true(slice_equal(redact_authority((struct slice){token, sizeof(token)}),
				SLICE("unknown")));
	assert_int_equal(redact_authority((struct slice){0}).size_bytes, 0);
	assert_int_equal(target_authority_bytes((struct slice){0}), 0);
}

static const struct {
	const char *value;
	bool valid;
} traceparents[] = {
	{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
	{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true},
	{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
	{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future holds", true},
	{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.x", false},
	{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false},
	{"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
	{"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
	{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
	{"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
	{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
	{"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", false},
	{"0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
	{"", false},
};

static void test_traceparents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(traceparents) / sizeof(traceparents[0]); i++) {
		struct slice s = {traceparents[i].value, strlen(traceparents[i].value)};

		assert_int_equal(traceparent_valid(s), traceparents[i].valid);
	}
	assert_false(traceparent_valid((struct slice){0}));
}

static const struct {
	struct slice text;
	const char *expect;
} texts[] = {
	{SLICE("plain / text"), "plain / text"},
	{SLICE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9d"),
	 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9d"},
	{SLICE("\x1b]0;title\x07\x1b[31m"), "\\x1b]0;title\\x07\\x1b[31m"},
	{SLICE("a\r\nb\tc\0d\x7f"), "a\\x0d\\x0ab\\x09c\\x00d\\x7f"},
	{SLICE("\xc2\x9b"
	       "31m\xc2\x85"),
	 "\\u{9b}31m\\u{85}"},
	{SLICE("\xe2\x80\xaeknil\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8"),
	 "\\u{202e}knil\\u{2066}\\u{61c}\\u{2028}"},
	{SLICE("\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80"),
	 "\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"},
	{SLICE("\xff\x80"
	       "a\xc3"),
	 "\\xff\\x80a\\xc3"},
	{SLICE("\xe2\x82"), "\\xe2\\x82"},
	{SLICE("\xf0\x8f\xbf\xbf\xe0\x9f\xbf"), "\\xf0\\x8f\\xbf\\xbf\\xe0\\x9f\\xbf"},
};

static void test_texts(void **state)
{
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(text_escape(texts[i].text, out, sizeof(out)));
		assert_string_equal(out, texts[i].expect);
		check_sizes(text_escape, texts[i].text, texts[i].expect);
	}
	assert_false(text_escape((struct slice){0}, out, sizeof(out)));
}

/* A cut never leaves half a character or half an escape. */
static void test_texts_cut(void **state)
{
	char out[16];

	(void)state;
	assert_true(text_escape(SLICE("ab\xc3\xbc"
				      "c"),
				out, 4));
	assert_string_equal(out, "ab");
	assert_true(text_escape(SLICE("ab\x1b"
				      "c"),
				out, 6));
	assert_string_equal(out, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	     cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_traceparents), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_texts_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
