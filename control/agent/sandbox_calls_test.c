// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a confined process can still do, and what not: tried in a child for each. */
#include "control/agent/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static char file[] = "/tmp/weft-sandbox-XXXXXX";
static int open_fd;   /* of that file */
static int datagrams; /* a socket without a peer */
static void *page;

/* ---- what is tried: 0 when it worked, else errno */

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int map(int protection)
{
	void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int send_to(const struct sockaddr_in *to)
{
	return result(
		sendto(datagrams, "x", 1, 0, (const struct sockaddr *)to, to ? sizeof(*to) : 0));
}

#define TRIES(X)                                                                                   \
	X(unlinks, EPERM, result(unlink(file)))                                                    \
	X(unlinks_at, EPERM, result(unlinkat(AT_FDCWD, file, 0)))                                  \
	X(renames, EPERM, result(rename(file, "/tmp/weft-sandbox-other")))                         \
	X(opens, EPERM, result(open(file, O_RDONLY | O_CLOEXEC)))                                  \
	X(looks_at_files, EPERM, result(access(file, R_OK)))                                       \
	X(truncates, EPERM, result(ftruncate(open_fd, 0)))                                         \
	X(kills_parent, EPERM, result(kill(getppid(), 0)))                                         \
	X(kills_thread, EPERM, result(syscall(SYS_tgkill, getppid(), getppid(), 0)))               \
	X(signals_itself, 0, result(syscall(SYS_tgkill, getpid(), getpid(), 0)))                   \
	X(maps_code, EPERM, map(PROT_READ | PROT_EXEC))                                            \
	X(maps_writable_code, EPERM, map(PROT_READ | PROT_WRITE | PROT_EXEC))                      \
	X(makes_code, EPERM, result(mprotect(page, 4096, PROT_READ | PROT_EXEC)))                  \
	X(makes_code_with_key, EPERM,                                                              \
	  result(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1)))               \
	X(maps_data, 0, map(PROT_READ | PROT_WRITE))                                               \
	X(protects_data, 0, result(mprotect(page, 4096, PROT_READ)))                               \
	X(types_on_terminals, EPERM, result(ioctl(open_fd, TIOCSTI, "x")))                         \
	X(asks_terminals, ENOTTY, result(ioctl(open_fd, TCGETS, &(struct termios){0})))            \
	X(signals_by_files, EPERM, result(fcntl(open_fd, F_SETOWN, getppid())))                    \
	X(copies_descriptors, EPERM, result(fcntl(open_fd, F_DUPFD, 100)))                         \
	X(sends_anywhere, EPERM,                                                                   \
	  send_to(&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9)}))             \
	X(sends_to_its_peer, EDESTADDRREQ, send_to(NULL))                                          \
	X(makes_sockets, EPERM, result(socket(AF_INET, SOCK_STREAM, 0)))                           \
	X(connects, EPERM,                                                                         \
	  result(connect(datagrams,                                                                \
			 (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET},          \
			 sizeof(struct sockaddr_in))))                                             \
	X(moves_sockets, EPERM, result(setsockopt(datagrams, SOL_SOCKET, SO_MARK, &(int){1}, 4)))  \
	X(forks, EPERM, result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))                           \
	X(runs_programs, EPERM, result(execl("/bin/true", "true", NULL)))                          \
	X(traces, EPERM, result(syscall(SYS_ptrace, 0, 0, 0, 0)))                                  \
	X(controls_itself, EPERM, result(prctl(PR_SET_DUMPABLE, 1)))                               \
	X(loads_programs, EPERM, result(syscall(SYS_bpf, 0, NULL, 0)))

struct
try {
	const char *name;
	int wanted;
	void (*it)(int *ret);
};

#define FUNCTION(name, wanted, expression)                                                         \
	static void name(int *ret)                                                                 \
	{                                                                                          \
		*ret = expression;                                                                 \
	}
TRIES(FUNCTION)
#undef FUNCTION

static const struct try tries[] = {
#define ROW(name, wanted, expression) {#name, wanted, name},
	TRIES(ROW)
#undef ROW
};

/* The exit status is 1 when the child could not be confined, else 2 + errno. */
static int tried_confined(const struct try *t)
{
	pid_t child = fork();
	int status, got;

	if (child == 0) {
		if (sandbox_enter(NULL))
			_exit(1);
		t->it(&got);
		_exit(2 + got);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 1);
	return WEXITSTATUS(status) - 2;
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int got = tried_confined(&tries[i]);

		if (got != tries[i].wanted)
			fail_msg("%s: errno %d, wanted %d", tries[i].name, got, tries[i].wanted);
	}
	assert_int_equal(access(file, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};
	int code;

	open_fd = mkstemp(file);
	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (open_fd < 0 || datagrams < 0 || page == MAP_FAILED)
		return 1;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return code;
}
