// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of files in folders of a directory, as they come and go. */
#include "control/source/passed_over.h"

#include "control/source/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static void run(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && %s", base, command);
	assert_int_equal(system(line), 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/weft-folders-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int teardown(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -r %s", base);
	return system(line);
}

static void files_in_folders_are_reported_once(void **state)
{
	struct passed_over p = {0};
	char text[400];

	(void)state;
	run("touch a.yaml");
	assert_false(passed_over_look(&p, base));
	run("mkdir eu us && touch eu/README");
	assert_false(passed_over_look(&p, base));
	run("mkdir eu/west && touch eu/west/deny.yaml");
	assert_true(passed_over_look(&p, base));
	passed_over_text(&p, text, sizeof(text));
	assert_string_equal(text, "a file in a folder of it is not read: eu/west/deny.yaml");
	assert_false(passed_over_look(&p, base));
	run("touch us/b.JSON eu/c.YML");
	assert_true(passed_over_look(&p, base));
	passed_over_text(&p, text, sizeof(text));
	assert_string_equal(text, "3 files in folders of it are not read, eu/c.YML for one");
	run("rm -r eu us");
	assert_false(passed_over_look(&p, base));
	assert_int_equal(p.files, 0);
}

/* As Kubernetes mounts a ConfigMap; a folder that leads to itself; one behind a link. */
static void links_and_hidden_folders_are_known(void **state)
{
	struct passed_over p = {0};

	(void)state;
	run("mkdir ..data && touch ..data/a.yaml && ln -s ..data/a.yaml a.yaml");
	assert_false(passed_over_look(&p, base));
	assert_int_equal(p.folders, 0);
	run("mkdir -p real/.hidden && ln -s .. real/up && ln -s real link && touch real/x.yaml "
	    "real/.hidden/y.yaml");
	assert_true(passed_over_look(&p, base));
	assert_int_equal(p.files, 2); /* in the folder and through the link to it */
}

static void revocation_count_in_any_case(void **state)
{
	(void)state;
	assert_true(directory_counts("a.YAML") && directory_counts("a.Yml") &&
		    directory_counts("a.JSON") && directory_counts("a.yaml"));
	assert_false(directory_counts(".a.YAML") || directory_counts("YAML") ||
		     directory_counts("a.yaml~"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_in_folders_are_reported_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(links_and_hidden_folders_are_known, setup,
						teardown),
		cmocka_unit_test(revocation_count_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
