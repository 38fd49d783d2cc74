// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines as kernels write them, and lines that they do not. */
#include "datapath/attach/core/mount_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char node[] =
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
	"23 27 0:22 / /sys rw,relatime shared:7 - sysfs sysfs rw\n"
	"60 27 0:50 / /mnt/with\\040blank rw,nosuid shared:9 master:1 - fuse.sshfs me@far:/ "
	"rw,user_id=0\n"
	"61 27 0:51 / /mnt rw - nfs4 far:/export rw,vers=4.2,addr=192.0.2.1\n"
	"62 61 0:52 / /mnt/in rw - tmpfs tmpfs rw\n"
	"63 27 0:53 / /merged rw - overlay overlay "
	"rw,lowerdir=/a\\134:b:l/ONE::/mnt/x,upperdir=/up\\054per,workdir=/work\n"
	"64 62 8:1 / /mnt/in rw - fuseblk /dev/sda1 rw\n";

static struct slice text_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static void expect_type(bool found, const struct mount_entry *e, const char *type)
{
	assert_int_equal(found, type != NULL);
	if (type)
		assert_true(slice_equal(e->type, text_of(type)));
}

static void test_numbers(void **state)
{
	struct mount_entry e;

	(void)state;
	expect_type(mount_text_by_id(text_of(node), 60, &e), &e, "fuse.sshfs");
	assert_int_equal(e.device_major, 0);
	assert_int_equal(e.device_minor, 50);
	assert_true(slice_equal(e.options, SLICE("rw,user_id=0")));
	expect_type(mount_text_by_id(text_of(node), 6, &e), &e, NULL);
	expect_type(mount_text_by_device(text_of(node), 254, 0, &e), &e, "ext4");
	expect_type(mount_text_by_device(text_of(node), 8, 1, &e), &e, "fuseblk");
	expect_type(mount_text_by_device(text_of(node), 0, 0, &e), &e, NULL);
}

static void test_paths(void **state)
{
	static const struct {
		const char *path, *type;
	} cases[] = {
		{"/", "ext4"},
		{"/usr/lib/libssl.so.3", "ext4"},
		{"/sys", "sysfs"},
		{"/system", "ext4"},
		{"/mnt", "nfs4"},
		{"/mnt/with blank", "fuse.sshfs"},
		{"/mnt/with blank/lib", "fuse.sshfs"},
		{"/mnt/with", "nfs4"},
		{"/mnt/in/lib", "fuseblk"}, /* the later one covers the other */
		{"/mnt/inner", "nfs4"},
		{"relative", NULL},
	};
	struct slice rest = text_of(node);
	struct mount_entry e;
	unsigned there = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_type(mount_text_above(text_of(node), cases[i].path, &e), &e, cases[i].type);
	while (mount_text_next(&rest, &e))
		there += mount_entry_is_at(&e, "/mnt/in");
	assert_int_equal(there, 2);
	/* after chroot() nothing shows of what the root lies on */
	expect_type(
		mount_text_above(text_of("62 61 0:52 / /tmp rw - tmpfs tmpfs rw\n"), "/usr", &e),
		&e, NULL);
}

static void test_lines_that_are_none(void **state)
{
	static const char *const lines[] = {
		"",
		"\n\n",
		"27 1 254:0 / / rw,relatime",
		"27 1 254:0 / / rw,relatime -",
		"27 1 254:0 / / rw - \n",
		"27 1 254 / / rw - ext4 /dev/vda rw",
		"27 1 254: / / rw - ext4 /dev/vda rw",
		"x 1 254:0 / / rw - ext4 /dev/vda rw",
		"27 1 99999999999999999999:0 / / rw - ext4 /dev/vda rw",
		"27 1 254:0 / none rw - ext4 /dev/vda rw",
	};
	struct mount_entry e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct slice text = text_of(lines[i]);

		assert_false(mount_text_next(&text, &e));
		assert_int_equal(text.size_bytes, 0);
	}
}

static void test_types(void **state)
{
	static const char *const local[] = {"ext4",  "xfs",   "btrfs",	  "overlay", "tmpfs",
					    "ramfs", "erofs", "squashfs", "f2fs",    "zfs"};
	static const char *const foreign[] = {
		"fuse",	    "fuse.sshfs", "fuseblk", "nfs",   "nfs4",	"cifs",
		"smb3",	    "9p",	  "ceph",    "afs",   "autofs", "lustre",
		"virtiofs", "glusterfs",  "ext",     "ext44", "proc",	"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_true(mount_type_is_local(text_of(local[i])));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(mount_type_is_local(text_of(foreign[i])));
	assert_true(mount_type_is_overlay(SLICE("overlay")));
	assert_false(mount_type_is_overlay(SLICE("overlayfs")));
}

static void test_layers(void **state)
{
	static const char *const wanted[] = {"/a:b", "l/ONE", "", "/mnt/x", "/up,per"};
	struct mount_layers l = {0};
	char layer[PATH_MAX];
	struct mount_entry e;

	(void)state;
	assert_true(mount_text_by_id(text_of(node), 63, &e));
	l.options = e.options;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(mount_layer_next(&l, layer));
		assert_string_equal(layer, wanted[i]);
	}
	assert_false(mount_layer_next(&l, layer));
}

static void test_own(void **state)
{
	char *text = malloc(1 << 20);
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct slice rest = {text, 0};
	struct mount_entry e;
	unsigned lines = 0;

	(void)state;
	assert_non_null(text);
	assert_non_null(file);
	rest.size_bytes = fread(text, 1, 1 << 20, file);
	fclose(file);
	for (size_t i = 0; i < rest.size_bytes; i++)
		lines += text[i] == '\n';
	while (mount_text_next(&rest, &e))
		lines--;
	assert_int_equal(lines, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests_name("mount_text", tests, NULL, NULL);
}
