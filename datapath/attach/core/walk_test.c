// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walking over what lives, by the form that this kernel loads: each socket is told once, however
 * many processes hold it and however often it is open, over several reads. And no walk
 * over files keeps those of others: each read is of a few of them. Needs root. */
#include "datapath/attach/core/sandbox_test.h"

#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/core/iterator.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PAIRS	400 /* more than one read takes */
#define SOCKETS (2 * PAIRS)
#define FILES	2000

static struct attach *world;
static int listener, fds[SOCKETS];
static uint64_t cookies[SOCKETS], listener_cookie;
static unsigned told[SOCKETS], told_listener;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static void sockets_open(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(any);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (void *)&any, size), 0);
	assert_int_equal(listen(listener, PAIRS), 0);
	assert_int_equal(getsockname(listener, (void *)&any, &size), 0);
	listener_cookie = cookie_of(listener);
	for (int i = 0; i < SOCKETS; i += 2) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fds[i], (void *)&any, size), 0);
		fds[i + 1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(fds[i + 1] >= 0);
	}
	for (int i = 0; i < SOCKETS; i++)
		cookies[i] = cookie_of(fds[i]);
}

static int count(void *arg, void *record, size_t size_bytes)
{
	const struct weft_event *event = record;
	const struct weft_close *close = record;
	const struct weft_listen *listen = record;

	(void)arg;
	if (event->kind == WEFT_EVENT_LISTEN && size_bytes == sizeof(*listen))
		told_listener += listen->cookie == listener_cookie;
	if (event->kind != WEFT_EVENT_CLOSE || size_bytes != sizeof(*close))
		return 0;
	assert_int_equal(close->alive, 1);
	for (int i = 0; i < SOCKETS; i++)
		told[i] += close->cookie == cookies[i];
	return 0;
}

static void walk(void)
{
	memset(told, 0, sizeof(told));
	told_listener = 0;
	assert_int_equal(attach_iterate(world, count, NULL), 0);
}

/* Each has carried something since the walk before. */
static void walk_and_check(const char *what)
{
	char byte = 0;

	for (int i = 0; i < SOCKETS; i += 2) {
		assert_int_equal(send(fds[i], &byte, 1, 0), 1);
		assert_int_equal(recv(fds[i + 1], &byte, 1, 0), 1);
	}
	walk();
	for (int i = 0; i < SOCKETS; i++)
		if (told[i] != 1)
			fail_msg("%s: socket %d was told %u times", what, i, told[i]);
	if (told_listener != 1)
		fail_msg("%s: the listener was told %u times", what, told_listener);
}

/* What has carried nothing since is not told of, but listeners are; after a while it is. */
static void walk_at_rest(void)
{
	unsigned heard = 0;

	walk();
	for (int i = 0; i < SOCKETS; i++)
		if (told[i])
			fail_msg("at rest: socket %d was told", i);
	assert_int_equal(told_listener, 1);
	for (int looks = 0; looks < 150 && heard < SOCKETS; looks++) {
		usleep(100000);
		walk();
		for (int i = 0; i < SOCKETS; i++)
			heard += told[i];
	}
	assert_int_equal(heard, SOCKETS);
}

static void test_each_once(void **state)
{
	int again[SOCKETS / 4];
	pid_t child;

	(void)state;
	if (geteuid())
		skip();
	sockets_open();
	walk_and_check("open once");
	for (int i = 0; i < SOCKETS / 4; i++)
		again[i] = dup(fds[i]);
	walk_and_check("a quarter open twice");
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	walk_and_check("held by two processes");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	walk_and_check("held by one again");
	walk_at_rest();
	for (int i = 0; i < SOCKETS / 4; i++)
		close(again[i]);
	for (int i = 0; i < SOCKETS; i++)
		close(fds[i]);
	close(listener);
}

/* How many reads this process has made. */
static unsigned long long reads_made(void)
{
	FILE *io cleanup_fclose = fopen("/proc/thread-self/io", "re");
	unsigned long long reads = 0;
	char line[100];

	assert_non_null(io);
	while (fgets(line, sizeof(line), io))
		if (sscanf(line, "syscr: %llu", &reads) == 1)
			return reads;
	fail_msg("the kernel does not count reads");
	return 0;
}

static void walk_and_count(struct bpf_program *program)
{
	struct bpf_link *link = iterator_attach(program, -1);
	const char *name = bpf_program__name(program);
	unsigned long long before, after;

	if (!link)
		fail_msg("%s: %s", name, strerror(errno));
	before = reads_made();
	assert_int_equal(iterator_read(link, NULL, NULL), 0);
	after = reads_made();
	bpf_link__destroy(link);
	if (after - before < FILES / WEFT_WALK_FILES)
		fail_msg("%s: %d files in %llu reads", name, FILES, after - before);
}

static void test_few_files_a_read(void **state)
{
	const struct rlimit limit = {2 * FILES, 2 * FILES};
	unsigned walks = 0;
	int files[FILES];

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	files[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 1; i < FILES; i++)
		files[i] = fcntl(files[0], F_DUPFD_CLOEXEC, 0);
	assert_true(files[FILES - 1] >= FILES);
	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		struct bpf_program *program = attach_program(world, p);

		if (!program || strcmp(bpf_program__section_name(program), "iter/task_file"))
			continue;
		walk_and_count(program);
		walks++;
	}
	/* two are loaded only where the kernel does not walk maps of sockets */
	assert_int_equal(walks, iterator_maps_supported() ? 3 : 5);
	for (int i = 0; i < FILES; i++)
		close(files[i]);
}

static int begin(void **state)
{
	struct attach_options options = {.cgroup_path = cgroup_dir, .capture = true, .mesh = true};
	struct error err = {0};

	(void)state;
	if (geteuid())
		return 0;
	if (private_loopback() || !private_cgroup())
		return -1;
	if (attach_new(&options, &world, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	attach_free(world);
	leave_cgroup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_few_files_a_read),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
