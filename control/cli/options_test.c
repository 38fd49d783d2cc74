// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All forms of options, and errors. */
#include "control/cli/options.h"

#include "control/cli/fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

struct line {
	char *words[WORDS_MAX];
	int count;
	struct arguments a;
};

/* |text| has the words, separated by spaces; it is modified. */
static int read_line(struct line *l, char *text, uint64_t options, bool leading)
{
	*l = (struct line){0};
	while (text)
		l->words[l->count++] = strsep(&text, " ");
	return cli_read(l->count, l->words, options, leading, "weft x", &l->a);
}

static void expect(struct line *l, const char *said)
{
	char out[400];
	FILE *to = fmemopen(out, sizeof(out), "w");

	assert_non_null(to);
	for (int i = 0; i < l->a.option_count; i++) {
		const struct cli_given *given = &l->a.options[i];

		fprintf(to, "--%s%s%s ", cli_option_name(given->id), given->value ? "=" : "",
			given->value ? given->value : "");
	}
	fputs("|", to);
	for (int i = 0; i < l->a.operand_count; i++)
		fprintf(to, " %s", l->a.operands[i]);
	fclose(to);
	assert_string_equal(out, said);
	assert_null(l->a.operands[l->a.operand_count]);
	cli_arguments_free(&l->a);
}

static const uint64_t TAKES = CLI_EVERYWHERE | CLI_FILTERS | CLI_TAKES(follow) | CLI_TAKES(last);

static void test_forms(void **state)
{
	char text[] =
		"x --from a -f b --to=c --last 5 - -ojson --status=5xx --from=d=e -- --path y";
	struct line l;

	(void)state;
	assert_int_equal(read_line(&l, text, TAKES, false), 0);
	assert_true(cli_has(&l.a, CLI_OPTION_follow));
	assert_false(cli_has(&l.a, CLI_OPTION_path));
	assert_string_equal(cli_value(&l.a, CLI_OPTION_from), "d=e");
	assert_null(cli_value(&l.a, CLI_OPTION_method));
	expect(&l, "--from=a --follow --to=c --last=5 --output=json --status=5xx --from=d=e "
		   "| b - --path y");
}

/* Words after the command's name are parsed by the command. */
static void test_leading(void **state)
{
	char text[] = "x --socket=/s -o json status --from a";
	struct line l;

	(void)state;
	assert_int_equal(read_line(&l, text, CLI_EVERYWHERE, true), 0);
	expect(&l, "--socket=/s --output=json | status --from a");
}

/* Where two options have the same name, the command decides which one is meant. */
static void test_same_name(void **state)
{
	char filter[] = "x --to a", directory[] = "x --to a";
	struct line l;

	(void)state;
	assert_int_equal(read_line(&l, filter, CLI_FILTERS, false), 0);
	assert_string_equal(cli_value(&l.a, CLI_OPTION_to), "a");
	cli_arguments_free(&l.a);
	assert_int_equal(read_line(&l, directory, CLI_TAKES(directory), false), 0);
	assert_string_equal(cli_value(&l.a, CLI_OPTION_directory), "a");
	cli_arguments_free(&l.a);
}

static void test_mistakes(void **state)
{
	char lines[][32] = {"x --nothing", "x --force", "x -x",	       "x -fx",
			    "x --last",	   "x -o",	"x --follow=1"};
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(read_line(&l, lines[i], TAKES, false), EXIT_USAGE);
		cli_arguments_free(&l.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_leading),
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
