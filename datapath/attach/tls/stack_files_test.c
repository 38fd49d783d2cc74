// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files are searched once each, in pieces, within bounds, and by their name where content says
 * nothing. */
#include "datapath/attach/tls/stack_files.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "datapath/attach/tls/stack_marks.h"

#define LIBRARY	   "made.so"
#define WAIT_MS	   10000
#define PART_BYTES (1u << 20)

static char dir[] = "/tmp/weft-stack-files-XXXXXX";
static struct stack_files *files;

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
};

/* A file with |text| at byte |at|, so long that it is read in many pieces; open for reading. */
static int make(const char *name, const char *text, size_t text_bytes, off_t at)
{
	struct image i = {
		.header = {.e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 3 * PART_BYTES},
	};
	char path[96];
	int fd = -1;

	memcpy(i.header.e_ident, ELFMAG, SELFMAG);
	i.header.e_ident[EI_CLASS] = ELFCLASS64;
	i.header.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &i, sizeof(i)), sizeof(i));
	assert_int_equal(pwrite(fd, text, text_bytes, at), text_bytes);
	assert_int_equal(ftruncate(fd, 3 * PART_BYTES), 0);
	return fd;
}

#define MAKE(name, text, at) make(name, text, sizeof(text), at)

static bool add(int fd, const char *path)
{
	struct mapping m = {.pid = (uint32_t)getpid(), .end = 1, .path = path};

	return stack_files_add(files, fd, &m);
}

static const struct stack_file *find(int fd)
{
	struct stack_key key;

	assert_true(stack_key_of(fd, &key));
	return stack_files_find(files, &key);
}

/* How many turns it takes until |fd| has been searched. */
static unsigned turns_until_searched(int fd)
{
	struct pollfd p = {.fd = stack_files_fd(files), .events = POLLIN};
	unsigned turns = 0;

	while (find(fd)->fd >= 0) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		stack_files_handle(files);
		turns++;
	}
	return turns;
}

static const struct tls_stacks *searched(int fd, const char *path)
{
	assert_true(add(fd, path));
	turns_until_searched(fd);
	return &find(fd)->stacks;
}

#define OLD "\0key expansion\0OpenSSL 1.1.1w  11 Sep 2023\0ssl/ssl_lib.c"

/* Wherever a mark lies, across the border of two pieces too. */
static void test_everywhere(void **state)
{
	(void)state;
	for (off_t at = PART_BYTES / 4 - 70; at < PART_BYTES / 4 + 20; at += 7) {
		int fd cleanup_close = MAKE(LIBRARY, OLD, at);
		const struct tls_stacks *s = searched(fd, LIBRARY);

		assert_int_equal(s->count, 1);
		assert_int_equal(s->at[0].stack, TLS_STACK_OPENSSL_1);
		assert_string_equal(s->at[0].version, "1.1.1w");
	}
}

static void test_once(void **state)
{
	int fd cleanup_close = MAKE(LIBRARY, OLD, 2 * PART_BYTES);
	struct pollfd p = {.fd = stack_files_fd(files), .events = POLLIN};

	(void)state;
	assert_true(add(fd, LIBRARY));
	assert_true(turns_until_searched(fd) > 4);
	assert_true(add(fd, LIBRARY));
	assert_int_equal(turns_until_searched(fd), 0);
	stack_files_handle(files);
	assert_int_equal(poll(&p, 1, 50), 0); /* nothing wants a turn */
	assert_int_equal(pwrite(fd, "K", 1, 2 * PART_BYTES + 1), 1);
	assert_int_equal(futimens(fd, (struct timespec[]){{1, 0}, {1, 0}}), 0);
	assert_int_equal(searched(fd, LIBRARY)->count, 0); /* no name of TLS any more */
}

static void test_by_name(void **state)
{
	int java cleanup_close = MAKE("libjvm.so", "", 4096);
	int other cleanup_close = MAKE("libother.so", "", 4096);
	int text cleanup_close = MAKE("libgnutls.so.30", "", 0); /* no ELF file */

	(void)state;
	assert_int_equal(searched(java, "/usr/lib/libjvm.so")->at[0].stack, TLS_STACK_JAVA);
	assert_int_equal(searched(other, "/usr/lib/libother.so")->count, 0);
	assert_int_equal(searched(text, "/usr/lib/libgnutls.so.30")->at[0].stack, TLS_STACK_GNUTLS);
}

static void visit(void *arg, const struct stack_file *f)
{
	unsigned *found = arg;

	assert_int_equal(f->pid, getpid());
	assert_string_not_equal(f->program, "");
	++*found;
}

static void test_visit(void **state)
{
	int fd cleanup_close = MAKE("visited", OLD, 4096);
	struct stat st;
	unsigned found = 0;

	(void)state;
	searched(fd, "/opt/visited");
	stack_files_visit(files, visit, &found);
	assert_true(found >= 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_string_equal(stack_files_at(files, st.st_dev, st.st_ino)->path, "/opt/visited");
	assert_null(stack_files_at(files, st.st_dev, 0));
}

/* No more wait than there is room for, and all have their turn. */
static void test_bound(void **state)
{
	int fds[STACK_WAITING_MAX + 1];
	char name[32];

	(void)state;
	for (int i = 0; i <= STACK_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		fds[i] = MAKE(name, "", 4096);
		assert_int_equal(ftruncate(fds[i], 4096), 0);
		assert_int_equal(add(fds[i], name), i < STACK_WAITING_MAX);
	}
	assert_null(find(fds[STACK_WAITING_MAX]));
	turns_until_searched(fds[STACK_WAITING_MAX - 1]);
	assert_true(add(fds[STACK_WAITING_MAX], name));
	for (int i = 0; i <= STACK_WAITING_MAX; i++)
		close(fds[i]);
}

static int begin(void **state)
{
	struct error err;

	(void)state;
	return mkdtemp(dir) ? stack_files_new(1, NULL, &files, &err) : -1;
}

static int end(void **state)
{
	char command[96];

	(void)state;
	stack_files_free(files); /* the last file still waits */
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everywhere), cmocka_unit_test(test_once),
		cmocka_unit_test(test_by_name),	   cmocka_unit_test(test_visit),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
