// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Real mounts in a namespace of its own, one of them of a FUSE file system that never answers: an
 * alarm ends a test that asks it. Needs root. */
#include "datapath/attach/core/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "datapath/attach/tls/mappings.h"

#define PATIENCE_S 20

static char dir[] = "/tmp/local-files-XXXXXX";
static struct local_files *local;
static int fuse_fd = -1;

static const char *at(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int make_file(const char *name)
{
	int fd cleanup_close = open(at(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	return fd < 0 || ftruncate(fd, 4096) ? -1 : 0;
}

static int make_link(const char *to, const char *name)
{
	return symlink(to, at(name));
}

static int make_directory(const char *name)
{
	return mkdir(at(name), 0755);
}

static int mount_silent(void)
{
	char options[96];

	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fuse_fd);
	return mount("silent", at("silent"), "fuse", 0, options);
}

static int mount_bound(void)
{
	char lib[64];

	snprintf(lib, sizeof(lib), "%s/lib", dir);
	return mount(lib, at("bound"), NULL, MS_BIND, NULL);
}

static int mount_overlay(void)
{
	char options[128];

	snprintf(options, sizeof(options), "lowerdir=%s/lib:%s/more", dir, dir);
	return mount("overlay", at("over"), "overlay", 0, options);
}

static int fill(void)
{
	char absolute[64], up[96];

	snprintf(absolute, sizeof(absolute), "%s/lib", dir);
	snprintf(up, sizeof(up), "../../../../../..%s/lib", dir);
	return make_directory("lib") || make_directory("more") || make_directory("silent") ||
	       make_directory("over") || make_directory("bound") || make_file("lib/file") ||
	       make_link(absolute, "absolute") || make_link(up, "up") ||
	       make_link("lib/../more/.././lib", "around") || make_link("loop", "loop") ||
	       make_link("silent/file", "to-silent") || mkfifo(at("fifo"), 0600);
}

static int begin(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	if (!mkdtemp(dir) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, "mode=755") || fill() || mount_bound() ||
	    mount_overlay())
		return -1;
	alarm(PATIENCE_S);
	return local_files_new(&local, NULL);
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	local_files_free(local);
	cleanup_close_fd(&fuse_fd);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return 0;
}

/* 0: it is opened. */
static int try_open(const char *name)
{
	int fd = local_files_open(local, (uint32_t)getpid(), at(name));

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void test_paths(void **state)
{
	static const struct {
		const char *name;
		int result;
	} cases[] = {
		{"lib/file", 0},
		{"./lib//.././lib/file", 0},
		{"absolute/file", 0},
		{"up/file", 0},
		{"around/file", 0},
		{"bound/file", 0},
		{"over/file", 0},
		{"bound/../lib/file", 0},
		{"lib", -EINVAL},
		{"fifo", -EINVAL},
		{"loop", -ELOOP},
		{"lib/none", -ENOENT},
		{"lib/file/more", -ENOTDIR},
	};

	(void)state;
	if (geteuid())
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(try_open(cases[i].name), cases[i].result);
	assert_int_equal(local_files_open(local, INT_MAX, at("lib/file")), -ENOENT);
	assert_int_equal(local_files_open(local, (uint32_t)getpid(), "/proc/self/exe"), -EREMOTE);
	assert_string_equal(local_files_refused(local), "proc");
}

static void test_directories(void **state)
{
	int fd = -1;

	(void)state;
	if (geteuid())
		skip();
	fd = local_files_open_directory(local, (uint32_t)getpid(), at("around"));
	assert_true(fd >= 0);
	assert_int_equal(faccessat(fd, "file", F_OK, 0), 0);
	close(fd);
	assert_int_equal(local_files_open_directory(local, (uint32_t)getpid(), at("lib/file")),
			 -ENOTDIR);
}

/* What is mounted later is known at once. */
static void test_silent(void **state)
{
	(void)state;
	if (geteuid() || access("/dev/fuse", F_OK))
		skip();
	assert_int_equal(try_open("silent/file"), -ENOENT);
	assert_int_equal(mount_silent(), 0);
	assert_int_equal(try_open("silent/file"), -EREMOTE);
	assert_string_equal(local_files_refused(local), "fuse");
	assert_int_equal(try_open("to-silent"), -EREMOTE);
	assert_int_equal(try_open("silent"), -EREMOTE);
	assert_int_equal(umount2(at("silent"), MNT_DETACH), 0);
	assert_int_equal(try_open("silent/file"), -ENOENT);
}

struct search {
	const char *name;
	int result; /* of the mapping whose path has it */
};

/* mapping_visit */
static void open_it(void *arg, const struct mapping *m)
{
	struct search *s = arg;

	if (!strstr(m->path, s->name))
		return;
	s->result = mapping_open(local, m);
	if (s->result >= 0) {
		close(s->result);
		s->result = 0;
	}
}

static int open_mapped(int fd, const char *name)
{
	struct search s = {name, -ENODATA};
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	assert_ptr_not_equal(code, MAP_FAILED);
	mappings_scan_process((uint32_t)getpid(), open_it, &s);
	munmap(code, 4096);
	return s.result;
}

/* Whether they have a path or not. */
static void test_mapped(void **state)
{
	int file cleanup_close = -1, memory cleanup_close = -1, over cleanup_close = -1;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(make_file("lib/gone"), 0);
	over = open(at("over/gone"), O_RDONLY | O_CLOEXEC);
	assert_true(over >= 0);
	assert_int_equal(open_mapped(over, "gone"), 0);
	file = open(at("lib/gone"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(open_mapped(file, "lib/gone"), 0);
	assert_int_equal(unlink(at("lib/gone")), 0);
	assert_int_equal(open_mapped(file, "lib/gone"), 0);
	memory = memfd_create("without-a-name", MFD_CLOEXEC);
	assert_int_equal(ftruncate(memory, 4096), 0);
	assert_int_equal(open_mapped(memory, "without-a-name"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_mapped),
	};

	return cmocka_run_group_tests_name("local_files", tests, begin, end);
}
