// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* getopt_long over the table. */
#include "control/cli/options.h"

#include "control/cli/fail.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
	const char *name;
	char letter;
	const char *metavar;
	const char *help;
} ROWS[CLI_OPTION_COUNT] = {
#define X(id, name, letter, metavar, help) {name, letter, metavar, help},
	CLI_OPTIONS(X)
#undef X
};

#define FIRST	    256 /* returned by getopt_long for the first row: above every character */
#define HELP_COLUMN 27

/* The arguments of getopt_long: |longs|, ended by an empty row, and |letters|, which begin with
 * ':'. */
static void describe(uint64_t options, bool leading, struct option *longs, char *letters)
{
	if (leading)
		*letters++ = '+';
	*letters++ = ':';
	for (int i = 0; i < CLI_OPTION_COUNT; i++) {
		int takes = ROWS[i].metavar ? required_argument : no_argument;

		if (!(options & UINT64_C(1) << i))
			continue;
		*longs++ = (struct option){ROWS[i].name, takes, NULL, FIRST + i};
		if (ROWS[i].letter)
			*letters++ = ROWS[i].letter;
		if (ROWS[i].letter && takes)
			*letters++ = ':';
	}
	*longs = (struct option){0};
	*letters = 0;
}

/* The word that getopt_long has just read; its value may be the next word. */
static const char *word_read(char **argv)
{
	return optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

/* getopt_long accepts abbreviations; a script that relies on one breaks when another option begins
 * like it. */
static bool abbreviated(char **argv, int code)
{
	return code >= FIRST &&
	       strcspn(word_read(argv) + 2, "=") != strlen(ROWS[code - FIRST].name);
}

static enum cli_option of_letter(int letter)
{
	int i = 0;

	while (ROWS[i].letter != letter)
		i++;
	return i;
}

static int mistake(int code, char **argv, const char *hint)
{
	char letter[] = {'-', (char)optopt, 0};
	const char *what = optopt && optopt < FIRST ? letter : word_read(argv);

	if (code == ':')
		return command_fail(EXIT_USAGE, "%s needs a value; see %s --help", what, hint);
	return command_fail(EXIT_USAGE, "%s does not take \"%s\"; see %s --help", argv[0], what,
			    hint);
}

int cli_read(int argc, char **argv, uint64_t options, bool leading, const char *hint,
	     struct arguments *ret)
{
	struct option longs[CLI_OPTION_COUNT + 1];
	char letters[2 * CLI_OPTION_COUNT + 3];
	struct cli_given *grown =
		realloc(ret->options, (size_t)(ret->option_count + argc) * sizeof(*grown));
	int code;

	if (!grown)
		return command_fail(EXIT_FAILED, "no memory");
	ret->options = grown;
	describe(options, leading, longs, letters);
	opterr = 0;
	optind = 0; /* glibc: restart */
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (code == '?' || code == ':' || abbreviated(argv, code))
			return mistake(code, argv, hint);
		ret->options[ret->option_count++] = (struct cli_given){
			code >= FIRST ? (enum cli_option)(code - FIRST) : of_letter(code), optarg};
	}
	ret->operands = argv + optind;
	ret->operand_count = argc - optind;
	return 0;
}

void cli_arguments_free(struct arguments *a)
{
	free(a->options);
}

const char *cli_value(const struct arguments *a, enum cli_option id)
{
	for (int i = a->option_count - 1; i >= 0; i--)
		if (a->options[i].id == id)
			return a->options[i].value;
	return NULL;
}

bool cli_has(const struct arguments *a, enum cli_option id)
{
	for (int i = 0; i < a->option_count; i++)
		if (a->options[i].id == id)
			return true;
	return false;
}

static void print_row(FILE *to, const struct row *row)
{
	char left[64], letter[] = "-x, ";

	letter[1] = row->letter;
	snprintf(left, sizeof(left), "%s--%s%s%s", row->letter ? letter : "", row->name,
		 row->metavar ? " " : "", row->metavar ? row->metavar : "");
	fprintf(to, "  %-*s", HELP_COLUMN - 2, left);
	for (const char *line = row->help; line; line = strchr(line, '\n')) {
		line += line != row->help;
		fprintf(to, "%*s%.*s\n", line == row->help ? 0 : HELP_COLUMN, "",
			(int)strcspn(line, "\n"), line);
	}
}

void cli_print_options(FILE *to, uint64_t options)
{
	for (int i = 0; i < CLI_OPTION_COUNT; i++)
		if (options & UINT64_C(1) << i)
			print_row(to, &ROWS[i]);
}

const char *cli_option_name(enum cli_option id)
{
	return ROWS[id].name;
}
