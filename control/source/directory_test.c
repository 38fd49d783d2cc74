// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The changes reported for files that are written, renamed, removed and swapped as operators and
 * Kubernetes do it. */
#include "control/source/directory.h"

#include "control/source/file_read.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char base[64];
	char path[96];
	struct directory *directory;
	char reported[4096]; /* "name=content;" or "-name;" or "!name=problem;" */
};

static void note(void *arg, const struct directory_change *c)
{
	struct world *w = arg;
	const char *name = strrchr(c->name, '/') + 1;
	size_t used = strlen(w->reported);

	if (c->removed)
		snprintf(w->reported + used, sizeof(w->reported) - used, "-%s;", name);
	else if (c->problem)
		snprintf(w->reported + used, sizeof(w->reported) - used, "!%s=%s;", name,
			 c->problem);
	else
		snprintf(w->reported + used, sizeof(w->reported) - used, "%s=%.*s;", name,
			 (int)c->bytes.size_bytes, c->bytes.data);
}

/* The changes reported until the directory settles; "": none within 300 ms. */
static const char *settled(struct world *w)
{
	struct pollfd p = {.fd = directory_fd(w->directory), .events = POLLIN};

	w->reported[0] = 0;
	for (int i = 0; i < 50 && poll(&p, 1, 300) == 1; i++)
		if (directory_handle(w->directory, note, w))
			return w->reported;
	return "";
}

static const char *at(const struct world *w, const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", w->base, name);
	return path;
}

static void put(const char *path, const char *content)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err;

	snprintf(w->base, sizeof(w->base), "/tmp/weft-directory-XXXXXX");
	assert_non_null(mkdtemp(w->base));
	snprintf(w->path, sizeof(w->path), "%s/mesh", w->base);
	mkdir(w->path, 0700);
	put(at(w, "mesh/a.yaml"), "one");
	put(at(w, "mesh/README"), "not ours");
	assert_int_equal(directory_new(w->path, &w->directory, &err), 0);
	directory_visit_all(w->directory, note, w);
	assert_string_equal(w->reported, "a.yaml=one;");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	directory_free(w->directory);
	snprintf(command, sizeof(command), "rm -r %s", w->base);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void reports_a_file_written_in_place_once(void **state)
{
	struct world *w = *state;

	put(at(w, "mesh/a.yaml"), "two");
	assert_string_equal(settled(w), "a.yaml=two;");
	assert_string_equal(settled(w), "");
}

static void reports_a_renamed_file(void **state)
{
	struct world *w = *state;

	put(at(w, "mesh/.a.tmp"), "three");
	rename(at(w, "mesh/.a.tmp"), at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "a.yaml=three;");
}

static void waits_for_the_writer(void **state)
{
	struct world *w = *state;
	int fd = open(at(w, "mesh/b.yml"), O_CREAT | O_WRONLY, 0600);

	assert_int_equal(write(fd, "ha", 2), 2);
	assert_string_equal(settled(w), "");
	assert_int_equal(write(fd, "lf", 2), 2);
	close(fd);
	assert_string_equal(settled(w), "b.yml=half;");
}

/* A part of a file is never reported, whatever happens to it or to others meanwhile. */
static void waits_for_the_writer_through_chmod_and_walks(void **state)
{
	struct world *w = *state;
	int fd = open(at(w, "mesh/a.yaml"), O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, "ha", 2), 2);
	assert_int_equal(chmod(at(w, "mesh/a.yaml"), 0640), 0);
	assert_string_equal(settled(w), "");
	put(at(w, "mesh/other"), "x"); /* anything may have changed then */
	rename(at(w, "mesh/other"), at(w, "mesh/another"));
	assert_string_equal(settled(w), "");
	put(at(w, "mesh/b.yaml"), "B");
	assert_string_equal(settled(w), "b.yaml=B;");
	assert_int_equal(write(fd, "lf", 2), 2);
	close(fd);
	assert_string_equal(settled(w), "a.yaml=half;");
	assert_int_equal(chmod(at(w, "mesh/a.yaml"), 0600), 0);
	assert_string_equal(settled(w), "");
}

/* truncate(2) closes nothing: the content that it left is reported later. */
static void a_writer_without_a_close_is_not_waited_for_long(void **state)
{
	struct timespec old[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = 1000}};
	struct world *w = *state;

	assert_int_equal(truncate(at(w, "mesh/a.yaml"), 2), 0);
	assert_string_equal(settled(w), "");
	assert_int_equal(utimensat(AT_FDCWD, at(w, "mesh/a.yaml"), old, 0), 0);
	assert_string_equal(settled(w), "a.yaml=on;");
}

/* The effect of a full disk or a crashed editor, not the way to remove objects. */
static void a_file_that_became_empty_where_it_was_is_a_problem(void **state)
{
	static const char problem[] = "!a.yaml=" DIRECTORY_EMPTIED ";";
	struct world *w = *state;

	put(at(w, "mesh/a.yaml"), "");
	assert_string_equal(settled(w), problem);
	put(at(w, "mesh/a.yaml"), "# nothing\n---\n \n");
	assert_string_equal(settled(w), problem);
	w->reported[0] = 0;
	directory_visit_all(w->directory, note, w);
	assert_string_equal(w->reported, problem);
	put(at(w, "mesh/a.yaml"), "back");
	assert_string_equal(settled(w), "a.yaml=back;");
	put(at(w, "mesh/a.new"), "");
	rename(at(w, "mesh/a.new"), at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "a.yaml=;");
	put(at(w, "mesh/a.yaml"), "again");
	assert_string_equal(settled(w), "a.yaml=again;");
	put(at(w, "mesh/a.yaml"), "");
	assert_string_equal(settled(w), problem);
	unlink(at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "-a.yaml;");
	put(at(w, "mesh/a.yaml"), "");
	assert_string_equal(settled(w), "a.yaml=;");
}

/* A link without a target is not a removed file. */
static void a_broken_link_takes_nothing_away(void **state)
{
	static const char problem[] = "!a.yaml=No such file or directory;";
	struct world *w = *state;

	assert_int_equal(symlink("nothing", at(w, "mesh/.new")), 0);
	rename(at(w, "mesh/.new"), at(w, "mesh/a.yaml"));
	assert_int_equal(strncmp(settled(w), problem, sizeof(problem) - 1), 0);
	put(at(w, "mesh/nothing"), "there");
	for (int i = 0; i < 10 && strcmp(settled(w), "a.yaml=there;") != 0; i++)
		; /* it is checked again every 500 ms */
	assert_string_equal(w->reported, "a.yaml=there;");
	unlink(at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "-a.yaml;");
}

/* Also where a walk and an event find it at the same time. */
static void unreadable_files_are_reported_once(void **state)
{
	static const char problem[] = "!b.yaml=No such file or directory;";
	struct world *w = *state;

	assert_int_equal(symlink("nothing", at(w, "mesh/b.yaml")), 0);
	assert_string_equal(settled(w), problem);
	assert_int_equal(mkdir(at(w, "folder"), 0700), 0);
	rename(at(w, "folder"), at(w, "mesh/folder"));
	assert_string_equal(settled(w), problem);
}

static void reports_removal_and_moving_away(void **state)
{
	struct world *w = *state;

	unlink(at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "-a.yaml;");
	put(at(w, "mesh/c.json"), "{}");
	assert_string_equal(settled(w), "c.json={};");
	rename(at(w, "mesh/c.json"), at(w, "mesh/c.bak"));
	assert_string_equal(settled(w), "-c.json;");
}

static void reports_changes_that_come_together_at_once(void **state)
{
	struct world *w = *state;

	put(at(w, "mesh/b.yaml"), "B");
	put(at(w, "mesh/c.yaml"), "C");
	unlink(at(w, "mesh/a.yaml"));
	settled(w);
	assert_non_null(strstr(w->reported, "b.yaml=B;"));
	assert_non_null(strstr(w->reported, "c.yaml=C;"));
	assert_non_null(strstr(w->reported, "-a.yaml;"));
}

/* A ConfigMap: files are links through ..data, which is renamed over. */
static void follows_a_swapped_link_inside(void **state)
{
	struct world *w = *state;

	mkdir(at(w, "mesh/..1"), 0700);
	mkdir(at(w, "mesh/..2"), 0700);
	put(at(w, "mesh/..1/d.yaml"), "old");
	put(at(w, "mesh/..2/d.yaml"), "newer");
	assert_int_equal(symlink("..1", at(w, "mesh/..data")), 0);
	assert_int_equal(symlink("..data/d.yaml", at(w, "mesh/d.yaml")), 0);
	assert_string_equal(settled(w), "d.yaml=old;");
	assert_int_equal(symlink("..2", at(w, "mesh/..tmp")), 0);
	rename(at(w, "mesh/..tmp"), at(w, "mesh/..data"));
	assert_string_equal(settled(w), "d.yaml=newer;");
}

static void follows_a_swapped_directory(void **state)
{
	struct world *w = *state;

	mkdir(at(w, "next"), 0700);
	put(at(w, "next/e.yaml"), "E");
	rename(at(w, "mesh"), at(w, "old"));
	rename(at(w, "next"), at(w, "mesh"));
	settled(w);
	assert_non_null(strstr(w->reported, "e.yaml=E;"));
	assert_non_null(strstr(w->reported, "-a.yaml;"));
	put(at(w, "mesh/e.yaml"), "E2");
	assert_string_equal(settled(w), "e.yaml=E2;");
}

static void says_that_the_directory_is_gone_and_finds_it_again(void **state)
{
	struct world *w = *state;

	rename(at(w, "mesh"), at(w, "away"));
	assert_string_equal(settled(w), "");
	assert_non_null(directory_problem(w->directory));
	rename(at(w, "away"), at(w, "mesh"));
	put(at(w, "mesh/a.yaml"), "back");
	assert_string_equal(settled(w), "a.yaml=back;");
	assert_null(directory_problem(w->directory));
}

static void replace_by_empty(struct world *w)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", w->path, w->path);
	assert_int_equal(system(command), 0);
}

/* What a file system that is not mounted looks like. */
static void an_empty_directory_in_its_place_removes_nothing(void **state)
{
	struct world *w = *state;

	rename(at(w, "mesh"), at(w, "old"));
	assert_string_equal(settled(w), "");
	mkdir(w->path, 0700);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(settled(w), "");
		assert_string_equal(directory_problem(w->directory), DIRECTORY_REPLACED);
		put(at(w, "mesh/README"), "not ours");
		unlink(at(w, "mesh/README"));
		directory_look(w->directory);
		w->reported[0] = 0;
		directory_visit_all(w->directory, note, w);
		assert_string_equal(w->reported, "");
		assert_string_equal(directory_problem(w->directory), DIRECTORY_REPLACED);
		replace_by_empty(w); /* the inode may have the same number */
	}
	put(at(w, "mesh/nothing.yaml"), "# nothing");
	assert_string_equal(settled(w), "nothing.yaml=# nothing;-a.yaml;");
	assert_null(directory_problem(w->directory));
	unlink(at(w, "mesh/nothing.yaml"));
	assert_string_equal(settled(w), "-nothing.yaml;");
	assert_null(directory_problem(w->directory));
}

/* Files that are copied one by one into a directory in its place are reported together. */
static void waits_for_the_files_of_a_directory_in_its_place(void **state)
{
	struct world *w = *state;

	put(at(w, "mesh/b.yaml"), "B");
	put(at(w, "mesh/c.yaml"), "C");
	settled(w);
	replace_by_empty(w);
	for (const char *name = "mesh/b.yaml\0mesh/c.yaml\0mesh/a.yaml\0"; *name;
	     name += strlen(name) + 1) {
		struct pollfd p = {.fd = directory_fd(w->directory), .events = POLLIN};

		put(at(w, name), "new");
		w->reported[0] = 0;
		for (int i = 0; i < 20 && poll(&p, 1, 5) >= 0 && name[5] != 'a'; i++)
			assert_false(directory_handle(w->directory, note, w));
		assert_string_equal(w->reported, "");
	}
	settled(w);
	assert_non_null(strstr(w->reported, "a.yaml=new;"));
	assert_non_null(strstr(w->reported, "b.yaml=new;"));
	assert_non_null(strstr(w->reported, "c.yaml=new;"));
	assert_null(strstr(w->reported, "-"));
}

/* `rm -r` takes its time: that the directory goes too is known only then. */
static void a_directory_that_goes_removes_nothing(void **state)
{
	struct world *w = *state;
	struct pollfd p = {.fd = directory_fd(w->directory), .events = POLLIN};

	unlink(at(w, "mesh/README"));
	unlink(at(w, "mesh/a.yaml"));
	for (int i = 0; i < 4 && poll(&p, 1, 5) >= 0; i++)
		assert_false(directory_handle(w->directory, note, w));
	rmdir(w->path);
	assert_string_equal(settled(w), "");
	assert_non_null(directory_problem(w->directory));
	mkdir(w->path, 0700);
	assert_string_equal(settled(w), "");
	assert_string_equal(directory_problem(w->directory), DIRECTORY_REPLACED);
	put(at(w, "mesh/a.yaml"), "back");
	assert_string_equal(settled(w), "a.yaml=back;");
}

static void says_what_cannot_be_read(void **state)
{
	struct world *w = *state;
	int fd = -1;

	mkdir(at(w, "mesh/dir.yaml"), 0700);
	fd = open(at(w, "mesh/big.yaml"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, FILE_READ_MAX_BYTES + 1), 0);
	close(fd);
	settled(w);
	assert_non_null(strstr(w->reported, "!big.yaml=larger than 4 MiB;"));
}

static void waits_while_it_is_held(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = 1000}};

	put(at(w, "mesh/" DIRECTORY_HOLD), "");
	put(at(w, "mesh/new1"), "A");
	put(at(w, "mesh/new2"), "B");
	rename(at(w, "mesh/new1"), at(w, "mesh/a.yaml"));
	assert_string_equal(settled(w), "");
	rename(at(w, "mesh/new2"), at(w, "mesh/b.yaml"));
	assert_string_equal(settled(w), "");
	unlink(at(w, "mesh/" DIRECTORY_HOLD));
	settled(w);
	assert_non_null(strstr(w->reported, "a.yaml=A;"));
	assert_non_null(strstr(w->reported, "b.yaml=B;"));
	put(at(w, "mesh/" DIRECTORY_HOLD), "");
	utimensat(AT_FDCWD, at(w, "mesh/" DIRECTORY_HOLD), old, 0);
	put(at(w, "mesh/a.yaml"), "of one who died");
	assert_string_equal(settled(w), "a.yaml=of one who died;");
}

/* Uses up all descriptors below a small limit. */
static void exhaust(struct rlimit *ret_before, int fds[64])
{
	struct rlimit small;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
	small = (struct rlimit){64, ret_before->rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	memset(fds, 0xff, 64 * sizeof(*fds));
	for (int i = 0; i < 64 && (i == 0 || fds[i - 1] >= 0); i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void relent(const struct rlimit *before, const int fds[64])
{
	for (int i = 0; i < 64; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

/* A file or directory that cannot be opened for want of descriptors is reported again once there
 * are some, without another event. */
static void reports_later_after_a_shortage(void **state)
{
	struct world *w = *state;
	struct rlimit before;
	int fds[64];

	put(at(w, "mesh/a.yaml"), "two");
	exhaust(&before, fds);
	assert_string_equal(settled(w), "!a.yaml=Too many open files;");
	w->reported[0] = 0;
	directory_visit_all(w->directory, note, w);
	assert_string_equal(w->reported, "");
	assert_string_equal(directory_problem(w->directory), "Too many open files");
	relent(&before, fds);
	for (int i = 0; i < 5 && !strstr(w->reported, "a.yaml=two;"); i++)
		settled(w);
	assert_non_null(strstr(w->reported, "a.yaml=two;"));
	assert_null(directory_problem(w->directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reports_a_file_written_in_place_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reports_a_renamed_file, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_the_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_the_writer_through_chmod_and_walks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_writer_without_a_close_is_not_waited_for_long,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_became_empty_where_it_was_is_a_problem,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_link_takes_nothing_away, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_files_are_reported_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reports_removal_and_moving_away, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_changes_that_come_together_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(follows_a_swapped_link_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_a_swapped_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(says_that_the_directory_is_gone_and_finds_it_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_directory_in_its_place_removes_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_the_files_of_a_directory_in_its_place,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_goes_removes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(says_what_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_while_it_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(reports_later_after_a_shortage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
